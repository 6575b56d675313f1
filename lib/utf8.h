#ifndef LOWTIDE_LIB_UTF8_H
#define LOWTIDE_LIB_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/str.h"

/*
 * UTF-8 as RFC 3629 has it: no overlong forms, no surrogates, nothing above
 * U+10FFFF.
 */

/* Bytes of the character that starts at s.p[at], 0 when it is not one. */
size_t utf8_char(struct str s, size_t at);
bool utf8_valid(struct str s);
/* Writes the 1 to 4 bytes of a code point, which must be a valid one. */
size_t utf8_put(char out[4], uint32_t code);

#endif
