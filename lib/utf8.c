#include "lib/utf8.h"

/*
 * RFC 3629 section 4, as rows: the range of the first byte, how many follow,
 * and the range of the second byte, which alone tells overlong forms and
 * surrogates from the rest. Every further byte is 80..BF.
 */
static const struct row {
	unsigned char first_min, first_max, second_min, second_max;
	size_t length;
} rows[] = {
    {0xc2, 0xdf, 0x80, 0xbf, 2},
    {0xe0, 0xe0, 0xa0, 0xbf, 3},
    {0xe1, 0xec, 0x80, 0xbf, 3},
    {0xed, 0xed, 0x80, 0x9f, 3},
    {0xee, 0xef, 0x80, 0xbf, 3},
    {0xf0, 0xf0, 0x90, 0xbf, 4},
    {0xf1, 0xf3, 0x80, 0xbf, 4},
    {0xf4, 0xf4, 0x80, 0x8f, 4},
};

static bool continues(const unsigned char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (p[i] < 0x80 || p[i] > 0xbf)
			return false;
	return true;
}

size_t utf8_char(struct str s, size_t at)
{
	const unsigned char *p = (const unsigned char *)s.p + at;

	if (at >= s.n)
		return 0;
	if (p[0] < 0x80)
		return 1;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *row = &rows[i];
		if (p[0] < row->first_min || p[0] > row->first_max)
			continue;
		if (s.n - at < row->length || p[1] < row->second_min ||
		    p[1] > row->second_max)
			return 0;
		return continues(p + 2, row->length - 2) ? row->length : 0;
	}
	return 0;
}

bool utf8_valid(struct str s)
{
	for (size_t at = 0; at < s.n;) {
		bool ascii = (unsigned char)s.p[at] < 0x80;
		size_t n = ascii ? 1 : utf8_char(s, at);
		if (n == 0)
			return false;
		at += n;
	}
	return true;
}

size_t utf8_put(char out[4], uint32_t code)
{
	if (code < 0x80) {
		out[0] = (char)code;
		return 1;
	}
	size_t n = code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
	for (size_t i = n - 1; i > 0; i--, code >>= 6)
		out[i] = (char)(0x80 | (code & 0x3f));
	/* n leading ones, a zero, then what is left of the code point */
	out[0] = (char)((0xf00 >> n) | code);
	return n;
}
