#include "generator/digits.h"

#define HEX_256 64
#define BASE64_512 88 /* with its two '=' */

/* One more than what a digit stands for, so that 0 is for what is none. */
#define D(c, n) [(c)] = (n) + 1
static const unsigned char nibbles[256] = {D('0', 0), D('1', 1), D('2', 2),
    D('3', 3), D('4', 4), D('5', 5), D('6', 6), D('7', 7), D('8', 8), D('9', 9),
    D('a', 10), D('b', 11), D('c', 12), D('d', 13), D('e', 14), D('f', 15)};

static unsigned nibble(char c)
{
	return nibbles[(unsigned char)c] - 1u;
}

bool digits_hex(struct str s, unsigned char out[32])
{
	if (s.n != HEX_256)
		return false;
	for (size_t i = 0; i < 32; i++) {
		unsigned high = nibble(s.p[2 * i]);
		unsigned low = nibble(s.p[2 * i + 1]);
		if ((high | low) > 15)
			return false;
		out[i] = (unsigned char)(high << 4 | low);
	}
	return true;
}

/* One more than what it stands for, likewise. */
static const unsigned char sextets[256] = {D('A', 0), D('B', 1), D('C', 2),
    D('D', 3), D('E', 4), D('F', 5), D('G', 6), D('H', 7), D('I', 8), D('J', 9),
    D('K', 10), D('L', 11), D('M', 12), D('N', 13), D('O', 14), D('P', 15),
    D('Q', 16), D('R', 17), D('S', 18), D('T', 19), D('U', 20), D('V', 21),
    D('W', 22), D('X', 23), D('Y', 24), D('Z', 25), D('a', 26), D('b', 27),
    D('c', 28), D('d', 29), D('e', 30), D('f', 31), D('g', 32), D('h', 33),
    D('i', 34), D('j', 35), D('k', 36), D('l', 37), D('m', 38), D('n', 39),
    D('o', 40), D('p', 41), D('q', 42), D('r', 43), D('s', 44), D('t', 45),
    D('u', 46), D('v', 47), D('w', 48), D('x', 49), D('y', 50), D('z', 51),
    D('0', 52), D('1', 53), D('2', 54), D('3', 55), D('4', 56), D('5', 57),
    D('6', 58), D('7', 59), D('8', 60), D('9', 61), D('+', 62), D('/', 63)};
#undef D

static unsigned sextet(char c)
{
	return sextets[(unsigned char)c] - 1u;
}

/* 64 bytes, spelt the one way that base64 has for them. */
bool digits_base64(struct str s, unsigned char out[64])
{
	size_t n = 0;

	if (s.n != BASE64_512 || s.p[86] != '=' || s.p[87] != '=')
		return false;
	for (size_t i = 0; i < 84; i += 4) {
		unsigned a = sextet(s.p[i]), b = sextet(s.p[i + 1]);
		unsigned c = sextet(s.p[i + 2]), d = sextet(s.p[i + 3]);
		if ((a | b | c | d) > 63)
			return false;
		out[n++] = (unsigned char)(a << 2 | b >> 4);
		out[n++] = (unsigned char)(b << 4 | c >> 2);
		out[n++] = (unsigned char)(c << 6 | d);
	}
	unsigned a = sextet(s.p[84]), b = sextet(s.p[85]);
	out[n] = (unsigned char)(a << 2 | b >> 4);
	return (a | b) <= 63 && (b & 15) == 0;
}
