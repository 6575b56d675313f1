#include "cgi/store/memory.h"

#include <string.h>

/*
 * Questions about many rows. The table is walked for each, and for each row of
 * an answer that has an order.
 */

/* ---- how many ---------------------------------------------------------- */

enum err memory_stats(void *backend, size_t api, struct store_stats *out)
{
	const struct memory *m = backend;
	const struct table *t = &m->tables[api];
	const struct job *oldest = NULL;

	*out = (struct store_stats){0};
	for (size_t i = 0; i < t->n; i++) {
		const struct job *j = &t->rows[i];
		out->count[j->state]++;
		out->needing += j->needs;
		out->held += j->held;
		if (j->state == JOB_PENDING && !j->needs &&
		    (!oldest || j->born < oldest->born))
			oldest = j;
	}
	if (oldest)
		out->oldest_pending_ms = oldest->accepted_ms;
	return ERR_OK;
}

enum err memory_recent(void *backend, size_t api, const uint8_t *quota,
    int64_t since_ms, int64_t until_ms, int64_t *n, int64_t *first_ms)
{
	const struct memory *m = backend;
	const struct table *t = &m->tables[api];

	*n = *first_ms = 0;
	for (size_t i = 0; i < t->n; i++) {
		const struct job *j = &t->rows[i];
		if (memcmp(j->quota, quota, JOB_QUOTA_BYTES) != 0 ||
		    j->accepted_ms <= since_ms || j->accepted_ms > until_ms)
			continue;
		if (!(*n)++ || j->accepted_ms < *first_ms)
			*first_ms = j->accepted_ms;
	}
	return ERR_OK;
}

enum err memory_count_open(
    void *backend, size_t api, const uint8_t *quota, int64_t *n)
{
	const struct memory *m = backend;
	const struct table *t = &m->tables[api];

	*n = 0;
	for (size_t i = 0; i < t->n; i++)
		*n += !job_is_terminal(t->rows[i].state) &&
		      !memcmp(t->rows[i].quota, quota, JOB_QUOTA_BYTES);
	return ERR_OK;
}

static bool is_zero(const uint8_t *bytes, size_t n)
{
	while (n)
		if (bytes[--n])
			return false;
	return true;
}

/* Whether both are open and of the same sender. */
static bool is_same_sender(const struct job *a, const struct job *b)
{
	if (job_is_terminal(a->state) ||
	    memcmp(a->quota, b->quota, JOB_QUOTA_BYTES) != 0)
		return false;
	if (!is_zero(b->quota, JOB_QUOTA_BYTES))
		return true;
	return !is_zero(b->owner, JOB_OWNER_BYTES) &&
	       !memcmp(a->owner, b->owner, JOB_OWNER_BYTES);
}

enum err memory_count_rank(
    void *backend, size_t api, const struct job *job, int64_t most, int64_t *n)
{
	const struct memory *m = backend;
	const struct table *t = &m->tables[api];

	*n = 0;
	for (size_t i = 0; i < t->n && *n < most; i++)
		*n += is_same_sender(&t->rows[i], job);
	return ERR_OK;
}

enum err memory_holder(
    void *backend, size_t api, const uint8_t *resource, struct job *out)
{
	const struct memory *m = backend;
	const struct table *t = &m->tables[api];

	for (size_t i = 0; i < t->n; i++)
		if (!job_is_terminal(t->rows[i].state) &&
		    !memcmp(
			t->rows[i].resource, resource, JOB_RESOURCE_BYTES)) {
			*out = t->rows[i];
			return ERR_OK;
		}
	return ERR_NOT_FOUND;
}

/* ---- one owner's ------------------------------------------------------- */

static bool is_owned(const struct job *job, const uint8_t *owner)
{
	return !job->gone_ms && !memcmp(job->owner, owner, JOB_OWNER_BYTES);
}

enum err memory_owned(void *backend, size_t api, const uint8_t *owner,
    int64_t below, size_t limit, bool (*each)(void *ctx, const struct job *job),
    void *ctx)
{
	const struct memory *m = backend;
	const struct table *t = &m->tables[api];

	for (size_t n = 0; !limit || n < limit; n++) {
		const struct job *best = NULL;
		for (size_t i = 0; i < t->n; i++) {
			const struct job *j = &t->rows[i];
			if (is_owned(j, owner) && j->born < below &&
			    (!best || j->born > best->born))
				best = j;
		}
		if (!best || !each(ctx, best))
			break;
		below = best->born;
	}
	return ERR_OK;
}

enum err memory_owned_since(void *backend, size_t api, const uint8_t *owner,
    int64_t since, size_t limit, bool (*each)(void *ctx, const struct job *job),
    void *ctx)
{
	const struct memory *m = backend;
	const struct table *t = &m->tables[api];

	for (size_t n = 0; !limit || n < limit; n++) {
		const struct job *best = NULL;
		for (size_t i = 0; i < t->n; i++) {
			const struct job *j = &t->rows[i];
			if (is_owned(j, owner) && j->version > since &&
			    (!best || j->version < best->version))
				best = j;
		}
		if (!best || !each(ctx, best))
			break;
		since = best->version;
	}
	return ERR_OK;
}

/* ---- what is measured -------------------------------------------------- */

enum err memory_sample_put(
    void *backend, size_t api, size_t slot, const struct store_sample *sample)
{
	struct memory *m = backend;
	struct table *t = &m->tables[api];

	*memory_note(m) = (struct memory_change){.kind = SAMPLE_CHANGED,
	    .table = api,
	    .at = slot,
	    .sample = t->samples[slot],
	    .was_there = t->sampled[slot]};
	t->samples[slot] = *sample;
	t->sampled[slot] = true;
	return ERR_OK;
}

enum err memory_samples(void *backend, size_t api,
    struct store_sample out[STORE_SAMPLES], size_t *n)
{
	const struct memory *m = backend;
	const struct table *t = &m->tables[api];

	*n = 0;
	for (size_t i = 0; i < STORE_SAMPLES; i++)
		if (t->sampled[i])
			out[(*n)++] = t->samples[i];
	return ERR_OK;
}
