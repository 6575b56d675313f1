#ifndef LOWTIDE_GENERATOR_SIGN_H
#define LOWTIDE_GENERATOR_SIGN_H

#include "generator/build.h"

/*
 * [sign]: www/manifest.json.minisig, the manifest's signature, and with it that
 * of every byte the manifest lists. What is signed beside those bytes, in the
 * trusted comment:
 *
 *   release:1732181400 expires:1734773400 file:manifest.json
 *
 * release   the release's number: the second it is of (SOURCE_DATE_EPOCH), so
 *           a later build has a greater one. Whoever remembers the last one
 *           cannot be given an older release (`lowtide verify --since`).
 * expires   when the signature is not to be believed any more: who is kept
 *           from the new ones notices that.
 *
 * The clock is never asked: the same inputs, date and key give the same bytes.
 *
 * `lowtide check` asks for no date, and looks at the key where it is at hand:
 * secrets need not be where changes are reviewed.
 *
 * Findings: `sign-key`, `sign-without-date`, the warning `sign-key-mode`.
 */
enum err produce_signature(struct build *b);

/* What a trusted comment says. False when it is not one of ours. */
struct sign_claim {
	int64_t release, expires; /* seconds since 1970 */
	struct str file;
};
bool sign_read_claim(struct str trusted, struct sign_claim *out);
/* Seconds since 1970 as SOURCE_DATE_EPOCH has them; no sign, no space. */
bool sign_read_second(struct str text, int64_t *out);
#define SIGN_SECOND_MAX INT64_C(253402300799) /* the end of the year 9999 */

#endif
