#ifndef LOWTIDE_LIB_DIAG_H
#define LOWTIDE_LIB_DIAG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "lib/arena.h"

/*
 * What people are told: a list of findings, each with a place in a file where
 * there is one. Library code adds to the caller's list and returns an enum
 * err; only main()s print. Everything found is listed, not only the first.
 *
 * A finding reads `file:line:column: name: what is wrong; what to do`. The
 * name is stable (tests and pipelines match it) and lower-case-with-hyphens.
 */
enum diag_level { DIAG_ERROR, DIAG_WARNING };

/* A place. file NULL = no place; line 0 = the file as a whole. From 1. */
struct pos {
	const char *file;
	uint32_t line, col;
};

bool pos_eq(struct pos a, struct pos b); /* files by their names */

struct diag_item {
	struct diag_item *next;
	enum diag_level level;
	struct pos pos;
	const char *name;
	struct str text;
};

#define DIAG_MAX 1000 /* more findings are counted but not kept */

struct diag {
	struct arena *arena; /* owns names, places and texts */
	struct diag_item *first, *last;
	size_t errors, warnings;
};

void diag_init(struct diag *diag, struct arena *arena);
/* Both copy the text and the file's name; `name` must be a literal. */
void diag_error(struct diag *diag, struct pos pos, const char *name,
    const char *format, ...) __attribute__((format(printf, 4, 5)));
void diag_warn(struct diag *diag, struct pos pos, const char *name,
    const char *format, ...) __attribute__((format(printf, 4, 5)));
/*
 * Whether one more would only be counted: then its place need not be looked
 * for. Who looks for places line by line asks, or many findings in a long file
 * cost its length each.
 */
bool diag_is_full(const struct diag *diag);
/* A NULL diag is allowed everywhere and keeps nothing. */

/* In the order of file, line, column; how many of them there are. */
size_t diag_sorted(
    const struct diag *diag, const struct diag_item *out[DIAG_MAX]);
/* One line per finding, in that order. */
void diag_print(const struct diag *diag, FILE *out);
/* Text from outside as part of a line: control characters as \n, \x1b … */
void diag_put_text(struct str text, FILE *out);

#define POS_NONE ((struct pos){.file = NULL})
#define POS_FILE(path) ((struct pos){.file = (path)})

#endif
