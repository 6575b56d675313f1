#include <string.h>

#include "cgi/admit.h"
#include "cgi/bucket.h"
#include "cgi/estimate.h"
#include "cgi/handle.h"

/*
 * Too much: of one sender, of everybody, or of one job's look-ups. What is
 * known already is never refused here, since it was looked up before.
 *
 * It is asked twice: here, so that a flood costs no turn at the store, and in
 * the transaction that would accept it, whose word counts.
 */
#define RETRY_MAX_S 3600
/*
 * Where there was room for everybody so short a time ago, the transaction alone
 * is asked: it knows all but the median, and only a flood is to be spared it,
 * which begins with somebody who was refused. A view after each commit costs a
 * tenth of an accept.
 */
#define ROOM_MS 50

static const struct refusal {
	enum problem problem;
	const char *detail;
} refusals[] = {
    [ADMIT_OWNER_RATE] = {PROBLEM_RATE_LIMITED,
	"So many requests of one sender are not taken in such a time."},
    [ADMIT_OWNER_OPEN] = {PROBLEM_RATE_LIMITED,
	"So many jobs of one sender may be open, and so many are."},
    [ADMIT_QUEUE_LONG] = {PROBLEM_QUEUE_FULL, NULL},
    [ADMIT_QUEUE_OLD] = {PROBLEM_QUEUE_FULL,
	"What is waiting already could not be done before its deadline."},
};

/*
 * Not before ms have passed; up to a fifth later, so that those who were
 * refused together do not come back together.
 */
static enum outcome refuse(
    struct handling *h, enum problem problem, const char *detail, int64_t ms)
{
	if (ms < 1)
		ms = 1;
	if (ms > RETRY_MAX_S * 1000)
		ms = RETRY_MAX_S * 1000;
	ms += ms * (h->c.random % 201) / 1000;
	answer_problem(
	    &h->c, problem, detail, h->has_job ? &h->job : NULL, h->ans);
	answer_header(
	    h->ans, "Retry-After", arena_int(h->arena, (ms + 999) / 1000));
	return OUTCOME_ANSWER;
}

/*
 * Its owner is told which job has his resource. Anonymous ids are everybody's
 * in common, and there a job's id would open it: so they are told nothing.
 */
static enum outcome refuse_taken(
    struct handling *h, size_t api, const struct job *holder)
{
	static const char detail[] =
	    "Another job that has not ended has this resource.";
	static const uint8_t nobody[JOB_OWNER_BYTES];

	h->has_job = memcmp(holder->owner, nobody, sizeof(nobody)) != 0;
	h->row = *holder;
	h->job = (struct answer_job){.api = &h->app->config->apis[api],
	    .job = &h->row,
	    .meta = {.request_id = h->c.request_id,
		.traceparent = h->c.traceparent}};
	return handling_problem(h, PROBLEM_ID_CONFLICT, detail);
}

static bool has_quotas(const struct api *rules)
{
	return rules->owner_rate_count > 0 || rules->owner_open > 0;
}

/* What store_accept() would say, as far as this view knows. */
static enum err weigh(struct handling *h, size_t api,
    const uint8_t quota[JOB_QUOTA_BYTES], enum admission *verdict,
    int64_t *retry_ms)
{
	const struct api *rules = &h->app->config->apis[api];
	struct estimate *e = h->app->estimates ? &h->app->estimates[api] : NULL;
	const int64_t now_ms = h->now.wall_ms;
	struct crowd crowd;
	enum err err = store_crowd(
	    h->app->store, api, quota, admit_since_ms(rules, now_ms), &crowd);

	if (err != ERR_OK)
		return err;
	if (e)
		estimate_load(e, h->app->store, api, h->now.boot_ms);
	*verdict =
	    admit_check(rules, &crowd, now_ms, estimate_run_ms(e), retry_ms);
	if (e) {
		/* others may take some of it meanwhile */
		e->room = admit_reach(rules, &crowd, estimate_run_ms(e)) / 2;
		if (*verdict != ADMIT_OK || has_quotas(rules))
			e->room = 0;
		e->room_boot = h->now.boot_ms;
	}
	return ERR_OK;
}

static enum outcome refuse_crowd(
    struct handling *h, enum admission verdict, int64_t retry_ms)
{
	const struct refusal *row = &refusals[verdict];

	return refuse(h, row->problem, row->detail, retry_ms);
}

static bool takes_room(struct handling *h, size_t api)
{
	struct estimate *e = h->app->estimates;

	if (!e || e[api].room <= 0 ||
	    h->now.boot_ms - e[api].room_boot >= ROOM_MS)
		return false;
	e[api].room--;
	return true;
}

bool handling_admits(
    struct handling *h, const uint8_t resource[JOB_RESOURCE_BYTES])
{
	static const uint8_t none[JOB_RESOURCE_BYTES];
	const size_t api = h->route.api;
	enum admission verdict = ADMIT_OK;
	int64_t retry_ms = 0;
	struct job holder;
	bool fresh;

	if (memcmp(resource, none, sizeof(none)) == 0 && takes_room(h, api))
		return true;
	enum err err = handling_view(h, &fresh);
	if (err == ERR_OK) {
		err = store_holder(h->app->store, api, resource, &holder);
		if (err == ERR_OK) {
			refuse_taken(h, api, &holder);
			return false;
		}
	}
	if (err == ERR_NOT_FOUND)
		err = weigh(h, api, h->quota, &verdict, &retry_ms);
	if (handling_may_pass(err))
		app_rest(h->app);
	if (err == ERR_OK && verdict != ADMIT_OK)
		refuse_crowd(h, verdict, retry_ms);
	return verdict == ADMIT_OK;
}

/* Why, is counted again: a moment later it may be over. */
enum outcome handling_refused(struct handling *h, const struct change *change)
{
	enum admission verdict = ADMIT_OK;
	int64_t retry_ms = 0;
	bool fresh;

	if (change->err == ERR_TAKEN)
		return refuse_taken(h, change->api, &change->job);
	enum err err = handling_view(h, &fresh);
	if (err == ERR_OK)
		err = weigh(
		    h, change->api, change->before.quota, &verdict, &retry_ms);
	if (h->app->estimates)
		h->app->estimates[change->api].room = 0;
	if (handling_may_pass(err))
		app_rest(h->app);
	h->has_job = false;
	if (err == ERR_OK && verdict != ADMIT_OK)
		return refuse_crowd(h, verdict, retry_ms);
	return refuse_crowd(h,
	    change->err == ERR_LIMIT ? ADMIT_OWNER_RATE : ADMIT_QUEUE_LONG,
	    retry_ms);
}

bool handling_may_look(struct handling *h)
{
	const int64_t ms =
	    buckets_take(h->app->buckets, job_key(&h->row), h->now.boot_ms);

	if (ms > 0)
		refuse(h, PROBLEM_RATE_LIMITED,
		    "This job is asked for too often.", ms);
	return ms == 0;
}
