#include "generator/glob.h"

/* Bytes of the character that starts at `at`. */
static size_t step(struct str s, size_t at)
{
	size_t n = 1;

	while (at + n < s.n && ((unsigned char)s.p[at + n] & 0xc0) == 0x80)
		n++;
	return n;
}

/* One part against one part: the last `*` is the only one to come back to. */
static bool part_matches(struct str pattern, struct str part)
{
	size_t p = 0, at = 0, star = pattern.n, mark = 0;

	while (at < part.n) {
		if (p < pattern.n && pattern.p[p] == '*') {
			star = p++;
			mark = at;
		} else if (p < pattern.n && pattern.p[p] == '?') {
			p++;
			at += step(part, at);
		} else if (p < pattern.n && pattern.p[p] == part.p[at]) {
			p++;
			at++;
		} else if (star < pattern.n) {
			p = star + 1;
			mark += step(part, mark);
			at = mark;
		} else {
			return false;
		}
	}
	while (p < pattern.n && pattern.p[p] == '*')
		p++;
	return p == pattern.n;
}

static struct str first_part(struct str s)
{
	return str_slice(s, 0, str_find(s, '/', 0));
}

static struct str other_parts(struct str s)
{
	return str_slice(s, str_find(s, '/', 0) + 1, s.n);
}

/* The same again, a level up: parts for characters, `**` for `*`. */
bool glob_matches(struct str pattern, struct str path)
{
	struct str star = {0}, mark = {0};
	bool any = false;

	while (path.n) {
		if (str_is(first_part(pattern), "**")) {
			pattern = other_parts(pattern);
			star = pattern;
			mark = path;
			any = true;
		} else if (pattern.n && part_matches(first_part(pattern),
					    first_part(path))) {
			pattern = other_parts(pattern);
			path = other_parts(path);
		} else if (any) {
			pattern = star;
			mark = other_parts(mark);
			path = mark;
		} else {
			return false;
		}
	}
	while (str_is(first_part(pattern), "**"))
		pattern = other_parts(pattern);
	return pattern.n == 0;
}
