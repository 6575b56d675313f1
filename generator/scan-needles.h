#ifndef LOWTIDE_GENERATOR_SCAN_NEEDLES_H
#define LOWTIDE_GENERATOR_SCAN_NEEDLES_H

#include "generator/scan.h"

/*
 * What generator/scan.c searches for: the prefixes of generator/shapes.def,
 * and the values, each in all its spellings. Pure.
 */
enum shape_flag {
	SHAPE_EXACT = 1,
	SHAPE_ALONE = 2,
	SHAPE_DIGIT = 4,
	SHAPE_TELLS = 8,
	SHAPE_PEM = 16,
	SHAPE_ARN = 32,
};
struct shape {
	const char *prefix, *rest;
	size_t min;
	unsigned flags;
	const char *what;
};
extern const struct shape shapes[]; /* .prefix NULL ends */

struct needle {
	struct str text;	   /* four bytes at least */
	const struct shape *shape; /* NULL: one spelling of value */
	const struct scan_value *value;
};
struct needles {
	struct needle *rows;
	size_t n, cap;
};

struct needles needles_make(
    struct arena *a, const struct scan_value *values, size_t n);
struct str needles_digest(struct arena *a, const struct needles *needles);
/* The prefix is there, at `at`. Is the rest? */
bool shape_fits(const struct shape *shape, struct str bytes, size_t at);

#endif
