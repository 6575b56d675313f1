#ifndef LOWTIDE_GENERATOR_CANON_H
#define LOWTIDE_GENERATOR_CANON_H

#include "lib/buf.h"
#include "lib/diag.h"
#include "lib/err.h"
#include "lib/value.h"

/*
 * Canonical JSON (RFC 8785): no white space, members sorted by the UTF-16 code
 * units of their names, numbers as ECMAScript writes them, the fewest escapes.
 * Equal data gives equal bytes, so equal hashes, whoever wrote the TOML.
 *
 * What JSON's numbers cannot hold is an error with its place: `not-a-number`
 * for inf and nan, `number-too-large` for a whole number beyond 2^53 (write it
 * as a string). Dates become RFC 3339 strings. All of them are found; ERR_INPUT
 * then.
 */
#define CANON_INT_MAX ((int64_t)1 << 53)
#define CANON_NUMBER_MAX 64 /* characters of a number, terminated */

enum err canon_write(struct arena *a, const struct value *v, struct diag *diag,
    struct buf *out) __attribute__((warn_unused_result));
/* A finite number as ECMAScript's Number::toString does (ECMA-262 6.1.6.1). */
void canon_number(double f, char out[CANON_NUMBER_MAX]);
/* By UTF-16 code units: surrogates sort below U+E000 to U+FFFF. */
int canon_compare(struct str a, struct str b);

#endif
