#ifndef LOWTIDE_LIB_JSON_TOKEN_H
#define LOWTIDE_LIB_JSON_TOKEN_H

#include <stdint.h>

#include "lib/arena.h"

/*
 * The two tokens of JSON that have an inside, for lib/json*.c alone: numbers
 * (RFC 8259 section 6) and strings (section 7).
 */

/*
 * Bytes of the longest number that s starts with, 0 = none. *whole: it has
 * neither fraction nor exponent.
 */
size_t json_number_length(struct str s, bool *whole);
/*
 * The code point of the escape whose backslash is at `at`, and where it ends;
 * -1 when it is none. A surrogate counts only as half of a pair.
 */
int32_t json_escape(struct str s, size_t at, size_t *end);
/*
 * Where the run of bytes from `at` on ends that stand for themselves in a
 * string: ASCII but for control characters, quote and backslash.
 */
size_t json_plain_until(struct str s, size_t at);
/* The text behind escapes that were all found good; it never grows. */
struct str json_unescape(struct arena *a, struct str raw);

#endif
