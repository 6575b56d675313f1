#include "cgi/store/store-parts.h"

#include <assert.h>
#include <string.h>

/*
 * Whether a store is as it should be: here what a row can say of itself, which
 * no back end need know, and what the protocol keeps beside the rows.
 */
#define BATCH 500 /* rows in one view */

/* ---- one row ----------------------------------------------------------- */

static bool is_claimed(const struct job *job)
{
	static const uint8_t nobody[JOB_CLAIM_BYTES];

	return memcmp(job->claim, nobody, sizeof(nobody)) != 0;
}

static bool ends_without_a_time(const struct job *j)
{
	return job_is_terminal(j->state) != (j->ended_ms != 0);
}

static bool fails_without_a_reason(const struct job *j)
{
	return (j->state == JOB_FAILED) != (j->reason != REASON_NONE);
}

static bool runs_without_a_worker(const struct job *j)
{
	return j->state == JOB_PROCESSING && !j->held && !is_claimed(j);
}

static bool rests_with_a_worker(const struct job *j)
{
	return (j->state != JOB_PROCESSING || j->held) &&
	       (is_claimed(j) || j->lease_boot);
}

static bool is_held_and_over(const struct job *j)
{
	return j->held && j->state != JOB_PROCESSING;
}

static bool needs_and_is_not_waiting(const struct job *j)
{
	return j->needs && j->state != JOB_PENDING;
}

static bool is_polled_and_not_sent(const struct job *j)
{
	return j->polled && (!j->sent || job_is_terminal(j->state));
}

static bool waits_and_was_sent(const struct job *j)
{
	return j->state == JOB_PENDING && j->sent && !j->polled;
}

static bool is_as_far_as_no_such_job(const struct job *j)
{
	return j->progress < 0 || j->progress > 100 ||
	       (j->progress == 100) != (j->state == JOB_COMPLETED);
}

static bool is_counted_wrongly(const struct job *j)
{
	return j->attempt < 0 || j->released < 0 || j->released > j->attempt ||
	       j->renewed < 0 || j->renewed > JOB_RENEWALS_MAX || j->rank < 0;
}

static bool is_erased_and_open(const struct job *j)
{
	return j->gone_ms && !job_is_terminal(j->state);
}

static bool is_older_than_its_birth(const struct job *j)
{
	return j->born <= 0 || j->version < j->born;
}

static const struct oddity {
	bool (*is)(const struct job *job);
	const char *words;
} oddities[] = {
    {ends_without_a_time, "its state and the time of its end do not agree"},
    {fails_without_a_reason, "its state and its reason do not agree"},
    {runs_without_a_worker, "it runs, and nobody has claimed it"},
    {rests_with_a_worker, "it has a lease, and does not run"},
    {is_held_and_over, "it is held, and not processing"},
    {needs_and_is_not_waiting, "it needs a credential, and is not pending"},
    {is_polled_and_not_sent, "it is polled, and was not sent or has ended"},
    {waits_and_was_sent, "it is pending, and marked as sent"},
    {is_as_far_as_no_such_job, "its progress is none of its state"},
    {is_counted_wrongly, "its attempts do not add up"},
    {is_erased_and_open, "it is erased, and has not ended"},
    {is_older_than_its_birth, "its version is older than its first"},
};

/* ---- all rows ---------------------------------------------------------- */

struct looking {
	const struct store_auditing *auditing;
	const char *api;
	int64_t newest; /* of the store's counter in this view */
	int64_t cursor;
	size_t n;
};

static void find(const struct looking *l, const struct job *job,
    const char *check, const char *words)
{
	const struct store_finding finding = {
	    .check = check, .words = words, .api = l->api, .job = job};

	l->auditing->found(l->auditing->ctx, &finding);
}

static bool look_at(void *ctx, const struct job *job)
{
	struct looking *l = ctx;

	for (size_t i = 0; i < sizeof(oddities) / sizeof(oddities[0]); i++)
		if (oddities[i].is(job))
			find(l, job, "row-odd", oddities[i].words);
	if (job->version > l->newest)
		find(l, job, "version-ahead",
		    "its version is above the store's counter");
	l->cursor = job->version;
	l->n++;
	return true;
}

static enum err look_at_batch(
    struct store *store, size_t api, struct looking *l)
{
	enum err err = store_view(store);

	l->n = 0;
	if (err)
		return err;
	err = store_version(store, &l->newest);
	if (!err)
		err = store->ops->rows_since(
		    store->backend, api, l->cursor, BATCH, look_at, l);
	if (err == ERR_CORRUPT) {
		find(l, NULL, "row-unreadable",
		    "a row is not what lowtide writes, and those behind it "
		    "were not looked at");
		err = ERR_OK;
		l->n = 0;
	}
	store_unview(store);
	return err;
}

static const char *name_of(
    struct store *store, size_t api, char out[STORE_META_NAME])
{
	const struct str name = store->config->apis[api].name;
	const size_t n =
	    name.n < STORE_META_NAME ? name.n : STORE_META_NAME - 1;

	memcpy(out, name.p, n);
	out[n] = '\0';
	return out;
}

static enum err look_at_api(
    struct store *store, size_t api, const struct store_auditing *auditing)
{
	char name[STORE_META_NAME];
	struct looking l = {.auditing = auditing,
	    .api = name_of(store, api, name),
	    .cursor = INT64_MIN};
	enum err err;

	do {
		err = look_at_batch(store, api, &l);
	} while (!err && l.n == BATCH);
	return err;
}

/* ---- beside the rows --------------------------------------------------- */

static enum err look_beside(
    struct store *store, const struct store_auditing *auditing)
{
	struct looking l = {.auditing = auditing};
	char name[STORE_META_NAME];
	bool agrees;
	enum err err = store_view(store);

	if (err)
		return err;
	err = store_check_halt(store, &agrees);
	if (!err && !agrees)
		find(&l, NULL, "halt-wrong",
		    "which APIs are suspended is not what claims look at; "
		    "suspend one and let it go on");
	if (!err)
		err = store->ops->stranger(store->backend, name);
	if (!err) {
		l.api = name;
		find(&l, NULL, "api-gone",
		    "it has open jobs and is not in the configuration, so "
		    "nobody works on them");
	}
	store_unview(store);
	return err == ERR_NOT_FOUND ? ERR_OK : err;
}

enum err store_audit(struct store *store, const struct store_auditing *auditing)
{
	enum err err;

	assert(store->mode == MODE_IDLE);
	err = look_beside(store, auditing);
	for (size_t api = 0; !err && api < store->config->n_apis; api++)
		err = look_at_api(store, api, auditing);
	return err ? err : store->ops->audit(store->backend, auditing);
}
