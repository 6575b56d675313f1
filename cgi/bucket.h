#ifndef LOWTIDE_CGI_BUCKET_H
#define LOWTIDE_CGI_BUCKET_H

#include "cgi/job.h"

/*
 * How often one job may be looked up (contract 4, C): BUCKET_BURST at once,
 * then one each BUCKET_EVERY_MS. Of this process alone, a table of one size
 * that is addressed directly: where two jobs meet at a place the newer one has
 * it, with a full bucket. So it never refuses a job for what another one did,
 * and forgets rather than grows. Which jobs meet nobody can choose, since the
 * place depends on a seed. Pure: time is given.
 */
#define BUCKET_BURST 12
#define BUCKET_EVERY_MS 1000
#define BUCKET_PLACES 4096 /* a power of two; 16 bytes each */

struct buckets;
struct buckets *buckets_new(uint64_t seed);
void buckets_free(struct buckets *b); /* NULL-safe */
/*
 * One look-up more. 0: it may be answered, and was counted. Else it may not,
 * and would in so many ms; it did not count. b NULL: always 0.
 */
int64_t buckets_take(
    struct buckets *b, const uint8_t key[JOB_KEY_BYTES], int64_t now_boot);

#endif
