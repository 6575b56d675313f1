#include "tests/store/fixture.h"

#include "cgi/admit.h"

/*
 * What a store knows beyond single rows, over memory and over SQLite: whether
 * one more may come, who holds what, how long jobs take, what is whose, and
 * what becomes of jobs that need a credential, are read once, or purged.
 */
#define MINUTE 60000
#define AGAIN_MS 5000 /* after everything else */

/* A job of one owner, who is also who quotas count. */
static struct job owned_job(size_t api, uint32_t number, uint8_t owner)
{
	struct job job = fixture_job(api, number);

	memset(job.owner, owner, sizeof(job.owner));
	memset(job.quota, owner, sizeof(job.quota));
	return job;
}

static enum err accept_it(struct fixture *f, size_t api, struct job *job)
{
	OK(store_begin(f->store));
	enum err err =
	    store_accept(f->store, api, job, STR("request"), STR("meta"));
	OK(store_commit(f->store));
	return err;
}

static struct job accept_owned(
    struct fixture *f, size_t api, uint32_t number, uint8_t owner)
{
	struct job job = owned_job(api, number, owner);

	OK(accept_it(f, api, &job));
	return job;
}

static struct job claim_one(struct fixture *f, size_t api)
{
	struct store_ask ask = fixture_ask(1);
	struct job job;
	int64_t due;

	OK(store_begin(f->store));
	OK(store_claim(f->store, api, &ask, &job, &due));
	OK(store_commit(f->store));
	return job;
}

static bool claims_none(struct fixture *f, size_t api, int64_t *due)
{
	struct store_ask ask = fixture_ask(1);
	struct job job;

	OK(store_begin(f->store));
	enum err err = store_claim(f->store, api, &ask, &job, due);
	store_rollback(f->store);
	return err == ERR_NOT_FOUND;
}

static enum err say_at(struct fixture *f, size_t api, struct job *job,
    enum job_event_kind kind, int64_t now_ms)
{
	struct job_event event = fixture_event(job, kind);

	event.now_ms = now_ms;
	event.status = kind == JOB_EVENT_COMPLETE ? 200 : 0;
	OK(store_begin(f->store));
	enum err err = store_change(f->store, api, job, &event, STR("result"));
	OK(store_commit(f->store));
	return err;
}

static enum err say(
    struct fixture *f, size_t api, struct job *job, enum job_event_kind kind)
{
	return say_at(f, api, job, kind, NOW_MS + AGAIN_MS);
}

static struct job finish_one(struct fixture *f, size_t api)
{
	struct job job = claim_one(f, api);

	OK(say(f, api, &job, JOB_EVENT_COMPLETE));
	return job;
}

static struct job needing_one(struct fixture *f, size_t api, uint32_t number)
{
	accept_owned(f, api, number, 1);
	struct job job = claim_one(f, api);
	OK(say(f, api, &job, JOB_EVENT_NEED));
	return job;
}

static bool has_body(
    struct fixture *f, const struct job *job, enum body_kind kind)
{
	struct str got;

	OK(store_view(f->store));
	enum err err = store_body(f->store, job, kind, &f->arena, &got);
	store_unview(f->store);
	return !err;
}

static struct crowd crowd_of(
    struct fixture *f, size_t api, uint8_t owner, int64_t since_ms)
{
	struct job job = owned_job(api, 0, owner);
	struct crowd crowd;

	OK(store_view(f->store));
	OK(store_crowd(f->store, api, job.quota, since_ms, &crowd));
	store_unview(f->store);
	return crowd;
}

/* ---- accepting --------------------------------------------------------- */

static void a_quota_and_a_resource_are_kept(void **state)
{
	struct fixture *f = *state;
	struct job job = owned_job(API_FAIL, 1, 7), row;

	memset(job.resource, 9, sizeof(job.resource));
	job.needs = true; /* set by the store, whatever came in */
	job.read_ms = job.renewed = 3;
	OK(accept_it(f, API_FAIL, &job));
	OK(store_view(f->store));
	OK(store_get(f->store, API_FAIL, job_key(&job), &row));
	store_unview(f->store);
	assert_memory_equal(row.quota, job.quota, sizeof(row.quota));
	assert_memory_equal(row.resource, job.resource, sizeof(row.resource));
	assert_int_equal(row.quota[7], 7);
	assert_int_equal(row.resource[7], 9);
	assert_false(row.needs);
	assert_int_equal(row.read_ms, 0);
	assert_int_equal(row.renewed, 0);
}

static void an_owner_has_so_many_open_jobs(void **state)
{
	struct fixture *f = *state;
	struct job job;

	f->apis[API_FAIL].owner_open = 2;
	accept_owned(f, API_FAIL, 1, 1);
	accept_owned(f, API_FAIL, 2, 1);
	job = owned_job(API_FAIL, 3, 1);
	assert_int_equal(accept_it(f, API_FAIL, &job), ERR_LIMIT);
	assert_int_equal(crowd_of(f, API_FAIL, 1, 0).open, 2);
	accept_owned(f, API_FAIL, 4, 2); /* another's are another's */
	job = fixture_job(API_FAIL, 5);	 /* without a quota there is none */
	OK(accept_it(f, API_FAIL, &job));
	accept_owned(f, API_RETRY, 3, 1); /* nor where the API has no bound */
	assert_int_equal(crowd_of(f, API_RETRY, 1, 0).open, 0);

	finish_one(f, API_FAIL); /* one place is free again */
	assert_int_equal(crowd_of(f, API_FAIL, 1, 0).open, 1);
	accept_owned(f, API_FAIL, 3, 1);
	job = owned_job(API_FAIL, 6, 1);
	assert_int_equal(accept_it(f, API_FAIL, &job), ERR_LIMIT);
	job = owned_job(API_FAIL, 1, 1); /* but what is known is known */
	assert_int_equal(accept_it(f, API_FAIL, &job), ERR_CONFLICT);
	assert_int_equal(job.state, JOB_COMPLETED);
}

/* Within one transaction as well: what is counted is what is in it. */
static void a_batch_is_counted_as_it_goes(void **state)
{
	struct fixture *f = *state;
	enum err errs[4];

	f->apis[API_FAIL].owner_open = 2;
	f->apis[API_WIDE].queue_max = 3;
	OK(store_begin(f->store));
	for (uint32_t i = 0; i < 4; i++) {
		struct job job = owned_job(API_FAIL, i, 1);
		errs[i] =
		    store_accept(f->store, API_FAIL, &job, STR("r"), nothing);
	}
	assert_int_equal(errs[1], ERR_OK);
	assert_int_equal(errs[2], ERR_LIMIT);
	assert_int_equal(errs[3], ERR_LIMIT);
	for (uint32_t i = 0; i < 4; i++) {
		struct job job = fixture_job(API_WIDE, i);
		errs[i] =
		    store_accept(f->store, API_WIDE, &job, STR("r"), nothing);
	}
	assert_int_equal(errs[2], ERR_OK);
	assert_int_equal(errs[3], ERR_CROWDED);
	OK(store_commit(f->store));
	assert_int_equal(crowd_of(f, API_FAIL, 1, 0).open, 2);
	assert_int_equal(crowd_of(f, API_WIDE, 1, 0).pending, 3);

	OK(store_begin(f->store)); /* and what is undone is not */
	struct job job = fixture_job(API_WIDE, 0);
	struct job_event cancel = fixture_event(&job, JOB_EVENT_CANCEL);
	OK(store_change(f->store, API_WIDE, &job, &cancel, nothing));
	job = fixture_job(API_WIDE, 8);
	OK(store_accept(f->store, API_WIDE, &job, STR("r"), nothing));
	job = fixture_job(API_WIDE, 9);
	assert_int_equal(
	    store_accept(f->store, API_WIDE, &job, STR("r"), nothing),
	    ERR_CROWDED);
	store_rollback(f->store);
	assert_int_equal(crowd_of(f, API_WIDE, 1, 0).pending, 3);
}

static void an_owner_sends_so_many_in_a_time(void **state)
{
	struct fixture *f = *state;
	struct job job;
	struct crowd crowd;

	f->apis[API_FAIL].owner_rate_count = 3;
	f->apis[API_FAIL].owner_rate_per_ms = MINUTE;
	for (uint32_t i = 1; i <= 3; i++)
		accept_owned(f, API_FAIL, i * 10, 1); /* at + 10, 20, 30 ms */
	finish_one(f, API_FAIL); /* a rate counts them all */
	job = owned_job(API_FAIL, 40, 1);
	assert_int_equal(accept_it(f, API_FAIL, &job), ERR_LIMIT);
	accept_owned(f, API_FAIL, 41, 2);
	crowd = crowd_of(f, API_FAIL, 1, NOW_MS);
	assert_int_equal(crowd.recent, 3);
	assert_int_equal(crowd.recent_first_ms, NOW_MS + 10);
	crowd = crowd_of(f, API_FAIL, 1, NOW_MS + 10); /* after, not from */
	assert_int_equal(crowd.recent, 2);
	assert_int_equal(crowd.recent_first_ms, NOW_MS + 20);
	crowd = crowd_of(f, API_FAIL, 1, NOW_MS + 30);
	assert_int_equal(crowd.recent, 0);
	assert_int_equal(crowd.recent_first_ms, 0);

	/* the window slides: the first one leaves it */
	job = owned_job(API_FAIL, 43, 1);
	job.accepted_ms = NOW_MS + 9 + MINUTE;
	assert_int_equal(accept_it(f, API_FAIL, &job), ERR_LIMIT);
	job = owned_job(API_FAIL, 43, 1);
	job.accepted_ms = NOW_MS + 10 + MINUTE;
	OK(accept_it(f, API_FAIL, &job));
	job = owned_job(API_FAIL, 44, 1);
	job.accepted_ms = NOW_MS + 11 + MINUTE;
	assert_int_equal(accept_it(f, API_FAIL, &job), ERR_LIMIT);
}

/* A clock that was far ahead for a while does not shut anybody out. */
static void stamps_of_the_future_do_not_count(void **state)
{
	struct fixture *f = *state;
	struct job job;

	f->apis[API_FAIL].owner_rate_count = 1;
	f->apis[API_FAIL].owner_rate_per_ms = MINUTE;
	job = owned_job(API_FAIL, 1, 1);
	job.accepted_ms = NOW_MS + 60 * MINUTE;
	OK(accept_it(f, API_FAIL, &job));
	accept_owned(f, API_FAIL, 2, 1);
	job = owned_job(API_FAIL, 3, 1);
	assert_int_equal(accept_it(f, API_FAIL, &job), ERR_LIMIT);
}

static void a_purge_makes_no_room_for_more(void **state)
{
	struct fixture *f = *state;
	struct job job;

	f->apis[API_FAIL].owner_rate_count = 1;
	f->apis[API_FAIL].owner_rate_per_ms = MINUTE;
	f->apis[API_FAIL].ttl_ms = 60 * MINUTE;
	accept_owned(f, API_FAIL, 1, 1);
	job = finish_one(f, API_FAIL);
	OK(say(f, API_FAIL, &job, JOB_EVENT_PURGE));
	job = owned_job(API_FAIL, 2, 1);
	assert_int_equal(accept_it(f, API_FAIL, &job), ERR_LIMIT);
}

static void a_queue_is_so_long(void **state)
{
	struct fixture *f = *state;
	struct job job;

	f->apis[API_WIDE].queue_max = 2;
	accept_owned(f, API_WIDE, 1, 1);
	accept_owned(f, API_WIDE, 2, 2);
	job = owned_job(API_WIDE, 3, 3);
	assert_int_equal(accept_it(f, API_WIDE, &job), ERR_CROWDED);
	claim_one(f, API_WIDE); /* what runs does not queue */
	accept_owned(f, API_WIDE, 3, 3);
	job = owned_job(API_WIDE, 2, 2); /* known */
	assert_int_equal(accept_it(f, API_WIDE, &job), ERR_CONFLICT);
	assert_int_equal(job.version, 2);
}

static void a_queue_that_nobody_works_on_takes_no_more(void **state)
{
	struct fixture *f = *state;
	struct job job;

	f->apis[API_FAIL].deadline_ms = MINUTE;
	accept_owned(f, API_FAIL, 1, 1); /* at + 1 ms */
	job = owned_job(API_FAIL, 2, 1);
	job.accepted_ms = NOW_MS + MINUTE;
	OK(accept_it(f, API_FAIL, &job));
	job = owned_job(API_FAIL, 3, 1);
	job.accepted_ms = NOW_MS + MINUTE + 1;
	assert_int_equal(accept_it(f, API_FAIL, &job), ERR_CROWDED);
	claim_one(f, API_FAIL); /* somebody does: the next one is young */
	job = owned_job(API_FAIL, 3, 1);
	job.accepted_ms = NOW_MS + MINUTE + 1;
	OK(accept_it(f, API_FAIL, &job));
	OK(store_view(f->store));
	struct crowd crowd;
	OK(store_crowd(f->store, API_FAIL, NULL, 0, &crowd));
	store_unview(f->store);
	assert_int_equal(crowd.pending, 2);
	assert_int_equal(crowd.oldest_pending_ms, NOW_MS + MINUTE);
}

static void a_resource_is_held_by_one_open_job(void **state)
{
	struct fixture *f = *state;
	struct job first = owned_job(API_FAIL, 1, 1), second, other;

	memset(first.resource, 5, sizeof(first.resource));
	OK(accept_it(f, API_FAIL, &first));
	second = owned_job(API_FAIL, 2, 1);
	memset(second.resource, 5, sizeof(second.resource));
	OK(store_view(f->store));
	OK(store_holder(f->store, API_FAIL, second.resource, &other));
	assert_int_equal(other.version, 1);
	memset(other.resource, 6, sizeof(other.resource));
	assert_int_equal(
	    store_holder(f->store, API_FAIL, other.resource, &other),
	    ERR_NOT_FOUND);
	memset(other.resource, 0, sizeof(other.resource)); /* none */
	assert_int_equal(
	    store_holder(f->store, API_FAIL, other.resource, &other),
	    ERR_NOT_FOUND);
	store_unview(f->store);

	struct job again = second;
	assert_int_equal(accept_it(f, API_FAIL, &again), ERR_TAKEN);
	assert_memory_equal(again.id, first.id, sizeof(again.id));
	again = first; /* sent again it is itself */
	assert_int_equal(accept_it(f, API_FAIL, &again), ERR_CONFLICT);
	again = second; /* another API's is another */
	again.id[1] = again.id[2] = again.id[3] = API_RETRY + 1;
	OK(accept_it(f, API_RETRY, &again));

	finish_one(f, API_FAIL);
	again = second;
	OK(accept_it(f, API_FAIL, &again));
}

/* ---- a credential is needed -------------------------------------------- */

static void a_needing_job_is_left_alone(void **state)
{
	struct fixture *f = *state;
	struct store_stats stats;
	struct job job, row;
	int64_t due;

	job = needing_one(f, API_FAIL, 1);
	assert_true(job.needs);
	assert_int_equal(job.version, 3); /* that can be seen */
	assert_true(has_body(f, &job, BODY_REQUEST));
	assert_false(has_body(f, &job, BODY_RESULT));
	assert_true(claims_none(f, API_FAIL, &due));
	assert_int_equal(due, NOW_BOOT + 60000); /* its deadline */
	OK(store_view(f->store));
	OK(store_stats(f->store, API_FAIL, &stats));
	OK(store_get(f->store, API_FAIL, job_key(&job), &row));
	store_unview(f->store);
	assert_true(row.needs);
	assert_int_equal(stats.count[JOB_PENDING], 1);
	assert_int_equal(stats.needing, 1);
	assert_int_equal(stats.oldest_pending_ms, 0);
	assert_int_equal(crowd_of(f, API_FAIL, 1, 0).pending, 0);

	/* the next one takes its place, and is the oldest */
	accept_owned(f, API_FAIL, 2, 1);
	assert_int_equal(
	    crowd_of(f, API_FAIL, 1, 0).oldest_pending_ms, NOW_MS + 2);
	assert_int_equal(claim_one(f, API_FAIL).id[JOB_KEY_OFFSET], 2);

	size_t changed; /* and its deadline ends it */
	OK(store_begin(f->store));
	OK(store_recover(
	    f->store, API_FAIL, NOW_MS + 70000, NOW_BOOT + 60000, 9, &changed));
	OK(store_get(f->store, API_FAIL, job_key(&job), &row));
	OK(store_stats(f->store, API_FAIL, &stats));
	OK(store_commit(f->store));
	assert_int_equal(row.state, JOB_FAILED);
	assert_int_equal(row.reason, REASON_DEADLINE);
	assert_int_equal(stats.needing, 0);
}

static enum err renew(struct fixture *f, struct job *job, const char *request)
{
	struct job_event event = fixture_event(job, JOB_EVENT_RENEW);

	OK(store_begin(f->store));
	enum err err =
	    store_renew(f->store, API_FAIL, job, &event, str_of(request));
	OK(store_commit(f->store));
	return err;
}

static void another_credential_queues_it_again(void **state)
{
	struct fixture *f = *state;
	struct job job = needing_one(f, API_FAIL, 1), other;
	struct str got;
	int bell;

	accept_owned(f, API_FAIL, 2, 1);
	OK(store_watch(f->store, BELL_ACCEPTED | BELL_SETTLED, &bell));
	OK(renew(f, &job, "sealed anew"));
	assert_int_equal(
	    store_heard(f->store, bell), BELL_ACCEPTED | BELL_SETTLED);
	assert_false(job.needs);
	assert_int_equal(job.renewed, 1);
	assert_int_equal(renew(f, &job, "once more"), ERR_CONFLICT);
	assert_int_equal(store_heard(f->store, bell), 0);
	OK(store_view(f->store));
	OK(store_body(f->store, &job, BODY_REQUEST, &f->arena, &got));
	store_unview(f->store);
	assert_true(str_is(got, "sealed anew"));
	/* it keeps its place */
	assert_int_equal(claim_one(f, API_FAIL).id[JOB_KEY_OFFSET], 1);
	other = fixture_job(API_FAIL, 99);
	assert_int_equal(renew(f, &other, "x"), ERR_NOT_FOUND);
	OK(store_begin(f->store));
	struct job_event event = fixture_event(&job, JOB_EVENT_RENEW);
	assert_int_equal(store_renew(f->store, API_FAIL, &job, &event,
			     (struct str){.p = "x", .n = STORE_BODY_MAX + 1}),
	    ERR_TOO_LARGE);
	OK(store_commit(f->store));
}

static void the_last_refusal_is_its_answer(void **state)
{
	struct fixture *f = *state;
	struct job job = needing_one(f, API_FAIL, 1);

	for (int i = 1; i <= JOB_RENEWALS_MAX; i++) {
		assert_false(has_body(f, &job, BODY_RESULT));
		OK(renew(f, &job, "another"));
		job = claim_one(f, API_FAIL);
		OK(say(f, API_FAIL, &job, JOB_EVENT_NEED));
	}
	assert_int_equal(job.state, JOB_FAILED);
	assert_int_equal(job.status, 401);
	assert_true(has_body(f, &job, BODY_RESULT));
	assert_false(has_body(f, &job, BODY_REQUEST));
}

/* ---- read once, purged ------------------------------------------------- */

static void a_reading_is_seen(void **state)
{
	struct fixture *f = *state;
	struct job job, row;
	int bell;

	f->apis[API_FAIL].ttl_ms = 60 * MINUTE;
	accept_owned(f, API_FAIL, 1, 1);
	job = finish_one(f, API_FAIL);
	OK(store_watch(f->store, BELL_ACCEPTED | BELL_SETTLED, &bell));
	OK(say(f, API_FAIL, &job, JOB_EVENT_READ));
	assert_int_equal(store_heard(f->store, bell), BELL_SETTLED);
	assert_int_equal(job.read_ms, NOW_MS + AGAIN_MS);
	assert_int_equal(job.version, 4);
	OK(say(f, API_FAIL, &job, JOB_EVENT_READ)); /* changes nothing */
	assert_int_equal(store_heard(f->store, bell), 0);
	assert_int_equal(say_at(f, API_FAIL, &job, JOB_EVENT_READ,
			     NOW_MS + AGAIN_MS + JOB_READ_MS),
	    ERR_CONFLICT);
	OK(store_view(f->store));
	OK(store_get(f->store, API_FAIL, job_key(&job), &row));
	store_unview(f->store);
	assert_int_equal(row.read_ms, NOW_MS + AGAIN_MS);
	assert_int_equal(row.version, 4);
	assert_true(has_body(f, &job, BODY_RESULT)); /* nobody wrote another */
}

static void a_purge_erases_at_once(void **state)
{
	static const enum job_event_kind ends[] = {
	    JOB_EVENT_COMPLETE, JOB_EVENT_FAIL, JOB_EVENT_CANCEL};
	struct fixture *f = *state;

	f->apis[API_FAIL].ttl_ms = 60 * MINUTE;
	for (uint32_t i = 0; i < 3; i++) {
		struct job job = accept_owned(f, API_FAIL, i, 1), row;
		assert_int_equal(
		    say(f, API_FAIL, &job, JOB_EVENT_PURGE), ERR_CONFLICT);
		if (ends[i] != JOB_EVENT_CANCEL)
			job = claim_one(f, API_FAIL);
		OK(say(f, API_FAIL, &job, ends[i]));
		const int64_t version = job.version;
		assert_true(has_body(f, &job, BODY_META));
		OK(say(f, API_FAIL, &job, JOB_EVENT_PURGE));
		assert_int_equal(job.gone_ms, NOW_MS + AGAIN_MS);
		OK(store_view(f->store));
		OK(store_get(f->store, API_FAIL, job_key(&job), &row));
		store_unview(f->store);
		assert_int_equal(row.gone_ms, NOW_MS + AGAIN_MS);
		assert_int_equal(row.version, version);
		for (int kind = 0; kind < BODY_KINDS; kind++)
			assert_false(has_body(f, &job, (enum body_kind)kind));
		OK(say(f, API_FAIL, &job, JOB_EVENT_PURGE)); /* no harm */
		row = fixture_job(API_FAIL, i); /* its name stays known */
		assert_int_equal(accept_it(f, API_FAIL, &row), ERR_CONFLICT);
		assert_true(row.gone_ms > 0);
	}
}

/* ---- how long jobs take ------------------------------------------------ */

static size_t samples(struct fixture *f, size_t api, int64_t *ms, int64_t *runs)
{
	size_t n = 99, n_runs = 99;

	OK(store_view(f->store));
	OK(store_samples(f->store, api, ms, &n));
	OK(store_runs(f->store, api, runs, &n_runs));
	store_unview(f->store);
	assert_int_equal(n, n_runs);
	return n;
}

static void what_was_answered_is_measured(void **state)
{
	struct fixture *f = *state;
	int64_t ms[STORE_SAMPLES], runs[STORE_SAMPLES];
	struct job job;

	assert_int_equal(samples(f, API_FAIL, ms, runs), 0);
	accept_owned(f, API_FAIL, 100, 1);		/* accepted at + 100 */
	job = claim_one(f, API_FAIL);			/* claimed at + 1000 */
	OK(say(f, API_FAIL, &job, JOB_EVENT_COMPLETE)); /* at + 5000 */
	assert_int_equal(samples(f, API_FAIL, ms, runs), 1);
	assert_int_equal(ms[0], AGAIN_MS - 100);
	assert_int_equal(runs[0], AGAIN_MS - 1000);
	assert_int_equal(samples(f, API_RETRY, ms, runs), 0);
	accept_owned(f, API_FAIL, 2, 1);
	job = claim_one(f, API_FAIL);
	OK(say(f, API_FAIL, &job, JOB_EVENT_FAIL));
	assert_int_equal(samples(f, API_FAIL, ms, runs), 2);

	/* no answer of an upstream: nothing to learn from */
	accept_owned(f, API_FAIL, 3, 1);
	job = fixture_job(API_FAIL, 3);
	OK(say(f, API_FAIL, &job, JOB_EVENT_CANCEL));
	accept_owned(f, API_FAIL, 4, 1);
	job = claim_one(f, API_FAIL);
	OK(say(f, API_FAIL, &job, JOB_EVENT_BROKEN));
	job = needing_one(f, API_FAIL, 5); /* it waited for somebody */
	OK(renew(f, &job, "another"));
	job = claim_one(f, API_FAIL);
	OK(say(f, API_FAIL, &job, JOB_EVENT_COMPLETE));
	accept_owned(f, API_FAIL, 6, 1); /* by a clock that was put back */
	job = claim_one(f, API_FAIL);
	OK(say_at(f, API_FAIL, &job, JOB_EVENT_COMPLETE, NOW_MS - 1));
	assert_int_equal(samples(f, API_FAIL, ms, runs), 2);

	accept_owned(f, API_FAIL, 7, 1); /* a rollback is no measurement */
	job = claim_one(f, API_FAIL);
	OK(store_begin(f->store));
	struct job_event end = fixture_event(&job, JOB_EVENT_COMPLETE);
	OK(store_change(f->store, API_FAIL, &job, &end, nothing));
	store_rollback(f->store);
	assert_int_equal(samples(f, API_FAIL, ms, runs), 2);
}

/* However many versions a job takes, nearly all slots are used. */
static void the_newest_are_kept(void **state)
{
	struct fixture *f = *state;
	int64_t ms[STORE_SAMPLES], runs[STORE_SAMPLES];
	uint32_t number = 0;

	for (int more = 0; more < 6; more++) {
		for (int i = 0; i < 2 * STORE_SAMPLES; i++) {
			accept_owned(f, API_FAIL, number++, 1);
			struct job job = claim_one(f, API_FAIL);
			for (int beat = 1; beat <= more; beat++) {
				struct job_event e =
				    fixture_event(&job, JOB_EVENT_HEARTBEAT);
				e.progress = beat;
				OK(store_begin(f->store));
				OK(store_change(
				    f->store, API_FAIL, &job, &e, nothing));
				OK(store_commit(f->store));
			}
			job.accepted_ms = 0;
			OK(say_at(f, API_FAIL, &job, JOB_EVENT_COMPLETE,
			    NOW_MS + number + 1000 * (more + 1)));
		}
		size_t n = samples(f, API_FAIL, ms, runs), newest = 0;
		for (size_t i = 0; i < n; i++)
			newest += ms[i] / 1000 == more + 1;
		assert_in_range(n, STORE_SAMPLES / 2, STORE_SAMPLES);
		assert_in_range(newest, n - n / 4, n);
	}
}

/* ---- one owner's ------------------------------------------------------- */

struct found {
	uint8_t numbers[32];
	int64_t born, version;
	size_t n, stop_at;
};

static bool note_job(void *ctx, const struct job *job)
{
	struct found *found = ctx;

	assert_in_range(found->n, 0, 31);
	found->numbers[found->n++] = job->id[JOB_KEY_OFFSET];
	found->born = job->born;
	found->version = job->version;
	return found->n != found->stop_at;
}

static struct found owned(
    struct fixture *f, uint8_t owner, int64_t below, size_t limit, size_t stop)
{
	struct found found = {.stop_at = stop};
	struct job job = owned_job(API_WIDE, 0, owner);

	OK(store_view(f->store));
	OK(store_owned(
	    f->store, API_WIDE, job.owner, below, limit, note_job, &found));
	store_unview(f->store);
	return found;
}

static struct found owned_since(
    struct fixture *f, uint8_t owner, int64_t since, size_t limit)
{
	struct found found = {.stop_at = 0};
	struct job job = owned_job(API_WIDE, 0, owner);

	OK(store_view(f->store));
	OK(store_owned_since(
	    f->store, API_WIDE, job.owner, since, limit, note_job, &found));
	store_unview(f->store);
	return found;
}

static void expect(struct found found, const char *numbers)
{
	char got[64] = "";

	for (size_t i = 0; i < found.n; i++)
		snprintf(got + strlen(got), sizeof(got) - strlen(got), "%d",
		    found.numbers[i]);
	assert_string_equal(got, numbers);
}

/* Jobs 1 3 5 7 of one owner, 2 4 6 8 of another, 9 of nobody. */
static void accept_nine(struct fixture *f)
{
	f->apis[API_WIDE].ttl_ms = 60 * MINUTE;
	for (uint32_t i = 1; i <= 8; i++)
		accept_owned(f, API_WIDE, i, i % 2 ? 1 : 2);
	struct job job = fixture_job(API_WIDE, 9);
	OK(accept_it(f, API_WIDE, &job));
	accept_owned(f, API_FAIL, 1, 1); /* another API's */
}

static void a_list_is_ones_own(void **state)
{
	struct fixture *f = *state;
	struct found found;
	struct job job;

	accept_nine(f);
	expect(owned(f, 1, 0, 0, 0), "7531");
	expect(owned(f, 2, 0, 0, 0), "8642");
	expect(owned(f, 3, 0, 0, 0), "");
	expect(owned(f, 0, 0, 0, 0), ""); /* nobody is no owner */
	expect(owned(f, 1, 0, 0, 1), "7");
	found = owned(f, 1, 0, 3, 0); /* and on from there */
	expect(found, "753");
	found = owned(f, 1, found.born, 3, 0);
	expect(found, "1");
	expect(owned(f, 1, found.born, 3, 0), "");

	job = finish_one(f, API_WIDE); /* whatever becomes of them */
	expect(owned(f, 1, 0, 0, 0), "7531");
	OK(say(f, API_WIDE, &job, JOB_EVENT_PURGE)); /* but for tombstones */
	expect(owned(f, 1, 0, 0, 0), "753");
	expect(owned_since(f, 1, 0, 0), "357");
}

static void changes_are_ones_own(void **state)
{
	struct fixture *f = *state;
	struct found found;

	accept_nine(f);
	expect(owned_since(f, 1, 0, 0), "1357");
	expect(owned_since(f, 1, 3, 0), "57");
	expect(owned_since(f, 2, 3, 0), "468");
	expect(owned_since(f, 0, 0, 0), "");
	found = owned_since(f, 1, 0, 2);
	expect(found, "13");
	expect(owned_since(f, 1, found.version, 2), "57");
	claim_one(f, API_WIDE); /* 1, which changed last now */
	expect(owned_since(f, 1, 0, 0), "3571");
	expect(owned_since(f, 1, 7, 0), "1");

	/* the same from long ago, by another way */
	OK(store_begin(f->store));
	for (uint32_t i = 0; i < 5000; i++) {
		struct job job = fixture_job(API_WIDE, 1000 + i);
		OK(store_accept(f->store, API_WIDE, &job, nothing, nothing));
	}
	OK(store_commit(f->store));
	expect(owned_since(f, 1, 0, 0), "3571");
	expect(owned_since(f, 1, 3, 2), "57");
	expect(owned_since(f, 1, 5009, 0), "");
}

/* ---- notes ------------------------------------------------------------- */

static int64_t flagged(struct fixture *f, const char *name)
{
	int64_t at = -1;

	OK(store_view(f->store));
	OK(store_flagged(f->store, name, &at));
	store_unview(f->store);
	return at;
}

static void notes_are_left(void **state)
{
	struct fixture *f = *state;
	char name[STORE_FLAG_NAME + 1];
	int64_t at;
	int bell;

	OK(store_watch(f->store, BELL_ACCEPTED | BELL_SETTLED, &bell));
	assert_int_equal(flagged(f, "jwks/hmrc"), 0);
	static const struct {
		int64_t now_ms, at_ms;
		unsigned bells;
	} rows[] = {
	    {NOW_MS, NOW_MS, BELL_ACCEPTED},
	    {NOW_MS + 999, NOW_MS, 0}, /* a flood writes once a second */
	    {NOW_MS + 1000, NOW_MS + 1000, BELL_ACCEPTED},
	    {NOW_MS - 9, NOW_MS - 9, BELL_ACCEPTED}, /* a clock put back */
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		OK(store_begin(f->store));
		OK(store_flag(f->store, "jwks/hmrc", rows[i].now_ms));
		OK(store_commit(f->store));
		assert_int_equal(flagged(f, "jwks/hmrc"), rows[i].at_ms);
		assert_int_equal(store_heard(f->store, bell), rows[i].bells);
	}
	assert_int_equal(flagged(f, "jwks/other"), 0);
	memset(name, 'x', sizeof(name));
	name[STORE_FLAG_NAME] = '\0';
	OK(store_begin(f->store));
	assert_int_equal(store_flag(f->store, name, NOW_MS), ERR_TOO_LARGE);
	assert_int_equal(store_flagged(f->store, name, &at), ERR_TOO_LARGE);
	OK(store_flag(f->store, name + 1, NOW_MS));
	store_rollback(f->store);
	assert_int_equal(flagged(f, name + 1), 0);
}

/* ---- another configuration --------------------------------------------- */

static void apis_come_while_it_is_open(void **state)
{
	static struct api apis[API_COUNT + 2];
	static struct config config;
	struct fixture *f = *state;
	struct job job;

	accept_owned(f, API_WIDE, 1, 1);
	memset(apis, 0, sizeof(apis));
	memcpy(apis, f->apis, sizeof(f->apis));
	apis[API_COUNT] = f->apis[API_FAIL];
	apis[API_COUNT].name = STR("new-post");
	apis[API_COUNT + 1] = f->apis[API_FAIL];
	apis[API_COUNT + 1].name = STR("newer-post");
	apis[API_WIDE].queue_max = 2;
	config = (struct config){.apis = apis, .n_apis = API_COUNT + 2};
	OK(store_reconfigure(f->store, &config));
	memset(f->apis, 0, sizeof(f->apis)); /* nobody looks at it any more */

	job = accept_owned(f, API_COUNT + 1, 1, 1);
	claim_one(f, API_COUNT + 1);
	OK(say(f, API_COUNT + 1, &job, JOB_EVENT_CANCEL));
	assert_int_equal(crowd_of(f, API_WIDE, 1, 0).pending, 1);
	accept_owned(f, API_WIDE, 2, 1); /* the new rules hold */
	job = owned_job(API_WIDE, 3, 1);
	assert_int_equal(accept_it(f, API_WIDE, &job), ERR_CROWDED);
	expect(owned(f, 1, 0, 0, 0), "21");
	struct store_tended report;
	int64_t due;
	OK(store_tend(f->store,
	    (struct store_now){.ms = NOW_MS, .boot = NOW_BOOT}, &report, &due));
	OK(store_reconfigure(f->store, &config)); /* the same again */
	job = fixture_job(API_COUNT + 1, 1);
	OK(store_view(f->store));
	OK(store_get(f->store, API_COUNT + 1, job_key(&job), &job));
	store_unview(f->store);
}

static void apis_keep_their_places(void **state)
{
	struct fixture *f = *state;
	struct api apis[API_COUNT];
	struct config config = {.apis = apis, .n_apis = API_COUNT - 1};

	memcpy(apis, f->apis, sizeof(apis));
	assert_int_equal(store_reconfigure(f->store, &config), ERR_INPUT);
	config.n_apis = API_COUNT;
	apis[1].name = STR("another");
	assert_int_equal(store_reconfigure(f->store, &config), ERR_INPUT);
	accept_owned(f, API_RETRY, 1, 1); /* the old one goes on */
}

/* ---- the two runs ------------------------------------------------------ */

static int setup(void **state)
{
	struct fixture *f = malloc(sizeof(*f));

	assert_non_null(f);
	fixture_init(f, *state);
	fixture_open(f);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	fixture_end(*state);
	free(*state);
	return 0;
}

static const struct contract {
	const char *name;
	CMUnitTestFunction test;
} contract[] = {
#define T(name)                                                                \
	{                                                                      \
#name, name                                                    \
	}
    T(a_quota_and_a_resource_are_kept),
    T(an_owner_has_so_many_open_jobs),
    T(a_batch_is_counted_as_it_goes),
    T(an_owner_sends_so_many_in_a_time),
    T(stamps_of_the_future_do_not_count),
    T(a_purge_makes_no_room_for_more),
    T(a_queue_is_so_long),
    T(a_queue_that_nobody_works_on_takes_no_more),
    T(a_resource_is_held_by_one_open_job),
    T(a_needing_job_is_left_alone),
    T(another_credential_queues_it_again),
    T(the_last_refusal_is_its_answer),
    T(a_reading_is_seen),
    T(a_purge_erases_at_once),
    T(what_was_answered_is_measured),
    T(the_newest_are_kept),
    T(a_list_is_ones_own),
    T(changes_are_ones_own),
    T(notes_are_left),
    T(apis_come_while_it_is_open),
    T(apis_keep_their_places),
#undef T
};
#define CONTRACT_COUNT (sizeof(contract) / sizeof(contract[0]))

int main(void)
{
	static const struct store_ops *const backends[] = {
	    &store_memory, &store_sqlite};
	static char names[2 * CONTRACT_COUNT][96];
	struct CMUnitTest tests[2 * CONTRACT_COUNT];
	size_t n = 0;

	for (size_t b = 0; b < 2; b++)
		for (size_t i = 0; i < CONTRACT_COUNT; i++, n++) {
			union {
				const struct store_ops *ops;
				void *state;
			} initial = {.ops = backends[b]};
			snprintf(names[n], sizeof(names[n]), "%s: %s",
			    backends[b]->name, contract[i].name);
			tests[n] = (struct CMUnitTest){.name = names[n],
			    .test_func = contract[i].test,
			    .setup_func = setup,
			    .teardown_func = teardown,
			    .initial_state = initial.state};
		}
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("ask", tests, NULL, NULL);
}
