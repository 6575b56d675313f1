#ifndef LOWTIDE_GENERATOR_SCAN_H
#define LOWTIDE_GENERATOR_SCAN_H

#include "lib/arena.h"
#include "lib/diag.h"

/*
 * A search for what must not be published, over every byte that is: resolved
 * values of keys that are secrets, and the shapes that known secrets have (PEM
 * private keys, sk_live_…, whsec_…, AWS access keys, ARNs of secrets). The
 * finding `secret-in-output` names the file and the key or the shape, never
 * the value.
 */
struct scan; /* made once per build, then only read: any thread */
struct scan_value {
	struct str text; /* at least SCAN_VALUE_MIN bytes */
	struct str key;	 /* "oauth.hmrc.client_secret" */
};
#define SCAN_VALUE_MIN 6
#define SCAN_CHUNK_OVERLAP 4096 /* what streams carry from chunk to chunk */

struct scan *scan_new(
    struct arena *a, const struct scan_value *values, size_t n);
/* False when nothing was found. A NULL scan finds nothing. */
bool scan_bytes(const struct scan *scan, struct str bytes, struct pos pos,
    struct diag *diag);
/* Of all it looks for, to tell whether an earlier result still counts. */
struct str scan_digest(const struct scan *scan);

#endif
