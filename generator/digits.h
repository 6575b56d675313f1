#ifndef LOWTIDE_GENERATOR_DIGITS_H
#define LOWTIDE_GENERATOR_DIGITS_H

#include "lib/str.h"

/*
 * Hashes as a manifest spells them, read back: there are tens of thousands, and
 * each has one spelling alone. They are no secrets, so time may tell of them.
 */
/* 64 hex digits in lower case. */
bool digits_hex(struct str s, unsigned char out[32])
    __attribute__((warn_unused_result));
/* 64 bytes as base64 (RFC 4648 4), padded. */
bool digits_base64(struct str s, unsigned char out[64])
    __attribute__((warn_unused_result));

#endif
