#ifndef LOWTIDE_LIB_JSON_CHECK_H
#define LOWTIDE_LIB_JSON_CHECK_H

#include <stdbool.h>

#include "lib/str.h"

/*
 * Whether a text is JSON (RFC 8259), for who passes it on as it is: one value,
 * by the rules of lib/json.h, but that a name may stand twice in an object and
 * a string may hold \u0000; no deeper than JSON_DEPTH_MAX. No tree, no memory.
 */
bool json_check(struct str text) __attribute__((warn_unused_result));

#endif
