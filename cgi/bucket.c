#include "cgi/bucket.h"

#include <stdlib.h>
#include <string.h>

/*
 * A bucket is one number: when it would be full again. Each look-up moves that
 * by BUCKET_EVERY_MS, and none may move it further than BUCKET_BURST of these
 * from now. So nothing is to be filled up as time goes by, and a place that
 * was never used (zeroes) is a full bucket.
 */
#define AHEAD_MAX ((BUCKET_BURST - 1) * BUCKET_EVERY_MS)

struct bucket {
	uint64_t job;	   /* eight bytes of its key */
	int64_t full_boot; /* in the past: it is full */
};
struct buckets {
	uint64_t seed;
	struct bucket places[BUCKET_PLACES];
};

_Static_assert((BUCKET_PLACES & (BUCKET_PLACES - 1)) == 0, "a power of two");

struct buckets *buckets_new(uint64_t seed)
{
	struct buckets *b = calloc(1, sizeof(*b));

	if (!b)
		abort();
	b->seed = seed;
	return b;
}

void buckets_free(struct buckets *b)
{
	free(b);
}

/* The finish of splitmix64: each bit of the input moves half of the output. */
static uint64_t mix(uint64_t z)
{
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

int64_t buckets_take(
    struct buckets *b, const uint8_t key[JOB_KEY_BYTES], int64_t now_boot)
{
	uint64_t job;

	if (!b)
		return 0;
	memcpy(&job, key, sizeof(job));
	struct bucket *place =
	    &b->places[mix(job ^ b->seed) & (BUCKET_PLACES - 1)];
	if (place->job != job || place->full_boot < now_boot)
		*place = (struct bucket){.job = job, .full_boot = now_boot};
	const int64_t ahead = place->full_boot - now_boot;
	if (ahead > AHEAD_MAX)
		return ahead - AHEAD_MAX;
	place->full_boot += BUCKET_EVERY_MS;
	return 0;
}
