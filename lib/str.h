#ifndef LOWTIDE_LIB_STR_H
#define LOWTIDE_LIB_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

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

/*
 * The smallest ones are here, so that a literal's length is known where it is
 * compared: they stand in every loop.
 */
static inline struct str str_of(const char *cstr) /* NULL: the empty view */
{
	struct str s = {cstr, cstr ? strlen(cstr) : 0};
	return s;
}

static inline bool str_eq(struct str a, struct str b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

static inline bool str_is(struct str a, const char *cstr)
{
	return str_eq(a, str_of(cstr));
}

static inline bool str_starts(struct str s, const char *prefix)
{
	size_t n = strlen(prefix);
	return s.n >= n && (n == 0 || memcmp(s.p, prefix, n) == 0);
}

/* s[from..to); bounds are clamped to s. */
static inline struct str str_slice(struct str s, size_t from, size_t to)
{
	if (to > s.n)
		to = s.n;
	if (from > to)
		from = to;
	s.p = s.n ? s.p + from : s.p;
	s.n = to - from;
	return s;
}

bool str_ieq(struct str a, struct str b); /* ASCII letters only */
bool str_ends(struct str s, const char *suffix);
/* Byte order, as memcmp, the shorter first among equals. */
int str_cmp(struct str a, struct str b);
/* Index of the first `c` at or after `from`, or s.n. */
size_t str_find(struct str s, char c, size_t from);
/* FNV-1a, for hash tables of what we chose the names of ourselves. */
uint64_t str_hash(struct str s);
/* A decimal number into `out`, not terminated; how many bytes that took. */
#define STR_INT_MAX 20
size_t str_int(char out[STR_INT_MAX], int64_t number);
/* Without white space (space, tab, CR, LF) at both ends. */
struct str str_trim(struct str s);

#endif
