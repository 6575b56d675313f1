#ifndef LOWTIDE_LIB_BASE64_H
#define LOWTIDE_LIB_BASE64_H

#include <stdbool.h>

#include "lib/arena.h"

/*
 * base64url without padding (RFC 4648 5, RFC 7515 2), read strictly: every
 * text has one spelling. False for padding, white space, another character, a
 * length that no bytes have, and bits that are left over and not zero.
 */
bool base64url_read(struct arena *a, struct str text, struct str *out);

#endif
