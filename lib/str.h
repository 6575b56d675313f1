#ifndef LOWTIDE_LIB_STR_H
#define LOWTIDE_LIB_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * A view of bytes that somebody else owns: not terminated, may hold NUL, may
 * be empty (p NULL only when n is 0). Passed by value; lives as long as what
 * it points into, which in this code is nearly always an arena.
 */
struct str {
	const char *p;
	size_t n;
};

/* A literal as a view: STR("GET"). */
#define STR(literal) ((struct str){.p = (literal), .n = sizeof(literal) - 1})
/* The same as an initialiser, for static tables. */
#define STR_INIT(literal)                                                      \
	{                                                                      \
		.p = (literal), .n = sizeof(literal) - 1                       \
	}
/* For printf: "%.*s", STR_ARG(s). */
#define STR_ARG(s) (int)(s).n, (s).n ? (s).p : ""

struct str str_of(const char *cstr); /* NULL gives the empty view */
bool str_eq(struct str a, struct str b);
bool str_is(struct str a, const char *cstr);
bool str_ieq(struct str a, struct str b); /* ASCII letters only */
bool str_starts(struct str s, const char *prefix);
bool str_ends(struct str s, const char *suffix);
/* Byte order, as memcmp, the shorter first among equals. */
int str_cmp(struct str a, struct str b);
/* s[from..to); bounds are clamped to s. */
struct str str_slice(struct str s, size_t from, size_t to);
/* Index of the first `c` at or after `from`, or s.n. */
size_t str_find(struct str s, char c, size_t from);
/* A decimal number into `out`, not terminated; how many bytes that took. */
#define STR_INT_MAX 20
size_t str_int(char out[STR_INT_MAX], int64_t number);
/* Without white space (space, tab, CR, LF) at both ends. */
struct str str_trim(struct str s);

#endif
