#include "lib/base64.h"

#define BAD 64

/* One look for each character, instead of a branch for each range. */
static const uint8_t values[256] = {
#define X 64
    X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X,		   /* 0x00 */
    X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X,		   /* 0x10 */
    X, X, X, X, X, X, X, X, X, X, X, X, X, 62, X, X,		   /* '-' */
    52, 53, 54, 55, 56, 57, 58, 59, 60, 61, X, X, X, X, X, X,	   /* '0' */
    X, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14,	   /* 'A' */
    15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, X, X, X, X, 63,	   /* '_' */
    X, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, /* 'a' */
    41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, X, X, X, X, X,	   /* 0x70 */
    X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X,
    X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X,
    X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X,
    X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X,
    X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X,
    X, X, X
#undef X
};

bool base64url_read(struct arena *a, struct str text, struct str *out)
{
	const unsigned char *from = (const unsigned char *)text.p;
	uint32_t bits = 0;
	unsigned n_bits = 0, wrong = 0;
	char *bytes = arena_alloc(a, text.n / 4 * 3 + 3), *to = bytes;

	for (size_t i = 0; i < text.n; i++) {
		unsigned value = values[from[i]];
		wrong |= value & BAD;
		bits = bits << 6 | (value & 63);
		n_bits += 6;
		if (n_bits >= 8) {
			n_bits -= 8;
			*to++ = (char)(bits >> n_bits & 0xff);
		}
	}
	*out = (struct str){bytes, (size_t)(to - bytes)};
	return !wrong && n_bits < 6 && !(bits & ((1u << n_bits) - 1));
}
