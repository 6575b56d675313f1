#ifndef LOWTIDE_GENERATOR_SCAN_H
#define LOWTIDE_GENERATOR_SCAN_H

#include "lib/arena.h"
#include "lib/diag.h"

/*
 * A search for what must not be published, over every byte that is: resolved
 * values of keys that are secrets, and the shapes that known secrets have
 * (generator/shapes.def: PEM private keys, sk_live_…, AWS access keys …). The
 * finding `secret-in-output` names the place and the key or the shape, never
 * the value.
 *
 * A value is found as it is and as it may stand in other text: escaped for
 * HTML, JSON or a URL, or in base64 at any of its three alignments ("Basic "
 * headers, data URLs). A shape is found whole only: a page that mentions its
 * prefix is an ordinary page.
 */
struct scan; /* made once per build, then only read: any thread */
struct scan_value {
	struct str text; /* at least SCAN_VALUE_MIN bytes, else left out */
	struct str key;	 /* "oauth.hmrc.client_secret" */
};
#define SCAN_VALUE_MIN 6
/* Bytes of a value that are searched for: no spelling exceeds the overlap. */
#define SCAN_VALUE_MAX 512
#define SCAN_CHUNK_OVERLAP 4096 /* what streams carry from chunk to chunk */

/* Copies nothing: the values must live as long as the arena. */
struct scan *scan_new(
    struct arena *a, const struct scan_value *values, size_t n);
/*
 * False when nothing was found. A NULL scan finds nothing. pos.file is named
 * in the finding; pos.line and pos.col are where the bytes begin (0: at the
 * first). The same key or shape is told once a call.
 */
bool scan_bytes(const struct scan *scan, struct str bytes, struct pos pos,
    struct diag *diag);
/* The same for a file's name; the finding does not tell that either. */
bool scan_name(const struct scan *scan, struct str name, struct diag *diag);
/*
 * Of all it looks for, to tell whether an earlier result still counts: 32 hex
 * digits. It may lie where others can read it; so of the values it holds no
 * more than 16 bits, which nobody can guess a value by.
 */
struct str scan_digest(const struct scan *scan);

/* Does a text hold what only secrets begin with? For keys, not for output. */
bool scan_tells(struct str text);

#endif
