#include "tests/store/both.h"

#include "tests/store/meddle.h"

/*
 * The pace that all workers of a store keep together: pauses, suspended APIs
 * and the rates of upstreams, over every back end; and the rate against the
 * plainest count of what came in any window.
 */

/* 150/m = one each 400 ms; API_WIDE and API_RETRY share it. */
#define EVERY_MS 400
#define BURST 3

struct paced {
	struct upstream upstreams[2];
};

static void limit(struct fixture *f, struct paced *p)
{
	*p = (struct paced){{
	    {.name = {"hmrc", 4},
		.rate_count = 150,
		.rate_per_ms = 60000,
		.burst = BURST},
	    {.name = {"free", 4}},
	}};
	f->config.upstreams = p->upstreams;
	f->config.n_upstreams = 2;
	f->apis[API_WIDE].upstream = STR("hmrc");
	f->apis[API_WIDE].concurrency = 1000;
	f->apis[API_RETRY].upstream = STR("hmrc");
	f->apis[API_RETRY].concurrency = 1000;
	f->apis[API_FAIL].upstream = STR("free");
}

/* 0: there was one to claim; else when to come again. */
static int64_t claim_at(
    struct store *store, size_t api, int64_t now_boot, struct job *job)
{
	struct store_ask a = fixture_ask(1);
	int64_t due = -1;

	a.now_boot = now_boot;
	a.lease_boot = now_boot + 3600000;
	OK(store_begin(store));
	enum err err = store_claim(store, api, &a, job, &due);
	OK(store_commit(store));
	assert_int_equal(err, due ? ERR_NOT_FOUND : ERR_OK);
	return due;
}

static int64_t call_at(struct store *store, size_t api, int64_t now_boot)
{
	int64_t due = -1;

	OK(store_begin(store));
	enum err err = store_take_call(store, api, now_boot, &due);
	OK(store_commit(store));
	assert_int_equal(err, due ? ERR_AGAIN : ERR_OK);
	return due;
}

static void pause_until(struct fixture *f, size_t api, int64_t until_boot)
{
	begin(f);
	OK(store_pause(f->store, api, until_boot));
	commit(f);
}

static void suspend(struct fixture *f, size_t api, int64_t since_ms)
{
	begin(f);
	OK(store_suspend(f->store, api, since_ms));
	commit(f);
}

/* ---- pauses ------------------------------------------------------------ */

static void a_pause_holds_back_its_own_api_alone(void **state)
{
	struct fixture *f = *state;
	struct job job;
	int64_t until = -1;

	accept_jobs(f, API_FAIL, 1, 1);
	accept_jobs(f, API_WIDE, 1, 2);
	pause_until(f, API_WIDE, NOW_BOOT + 700);
	assert_int_equal(
	    claim_at(f->store, API_WIDE, NOW_BOOT, &job), NOW_BOOT + 700);
	assert_int_equal(claim_at(f->store, API_FAIL, NOW_BOOT, &job), 0);
	assert_int_equal(
	    claim_at(f->store, API_WIDE, NOW_BOOT + 699, &job), NOW_BOOT + 700);
	OK(store_view(f->store));
	OK(store_paused(f->store, API_WIDE, &until));
	assert_int_equal(until, NOW_BOOT + 700);
	OK(store_paused(f->store, API_FAIL, &until));
	assert_int_equal(until, 0);
	store_unview(f->store);
	assert_int_equal(claim_at(f->store, API_WIDE, NOW_BOOT + 700, &job), 0);
	assert_int_equal(claim_at(f->store, API_WIDE, NOW_BOOT + 700, &job), 0);
}

static void of_two_pauses_the_later_stands(void **state)
{
	struct fixture *f = *state;
	struct job job;

	accept_jobs(f, API_WIDE, 1, 1);
	pause_until(f, API_WIDE, NOW_BOOT + 700);
	pause_until(f, API_WIDE, NOW_BOOT + 300);
	pause_until(f, API_FAIL, NOW_BOOT + 100);
	assert_int_equal(
	    claim_at(f->store, API_WIDE, NOW_BOOT, &job), NOW_BOOT + 700);
	pause_until(f, API_WIDE, NOW_BOOT + 900);
	assert_int_equal(
	    claim_at(f->store, API_WIDE, NOW_BOOT + 700, &job), NOW_BOOT + 900);
}

/* Nobody is to wake up for an API that has nothing to do. */
static void a_pause_of_an_empty_queue_wakes_nobody(void **state)
{
	struct fixture *f = *state;

	pause_until(f, API_WIDE, NOW_BOOT + 700);
	assert_int_equal(claim_none(f, API_WIDE), 0);
}

static void who_waits_in_a_pause_still_has_a_deadline(void **state)
{
	struct fixture *f = *state;
	struct job job = fixture_job(API_WIDE, 1);

	job.deadline_boot = NOW_BOOT + 50;
	begin(f);
	OK(store_accept(f->store, API_WIDE, &job, STR("r"), nothing));
	commit(f);
	pause_until(f, API_WIDE, NOW_BOOT + 700);
	assert_int_equal(
	    claim_at(f->store, API_WIDE, NOW_BOOT, &job), NOW_BOOT + 50);
	suspend(f, API_WIDE, NOW_MS);
	assert_int_equal(
	    claim_at(f->store, API_WIDE, NOW_BOOT, &job), NOW_BOOT + 50);
}

/* ---- an operator's word ------------------------------------------------ */

static void a_suspended_api_waits_for_a_word(void **state)
{
	struct fixture *f = *state;
	struct job job = fixture_job(API_WIDE, 1);
	int64_t since = -1;
	int bell;

	job.deadline_boot = 0;
	begin(f);
	OK(store_accept(f->store, API_WIDE, &job, STR("r"), nothing));
	commit(f);
	OK(store_watch(f->store, BELL_ACCEPTED, &bell));
	accept_jobs(f, API_FAIL, 1, 1);
	suspend(f, API_WIDE, NOW_MS + 5);
	suspend(f, API_WIDE, NOW_MS + 9); /* since when it is, stands */
	store_heard(f->store, bell);
	assert_int_equal(claim_none(f, API_WIDE), 0); /* no time ends it */
	claim_one(f, API_FAIL, 1);
	OK(store_view(f->store));
	OK(store_suspended(f->store, API_WIDE, &since));
	assert_int_equal(since, NOW_MS + 5);
	OK(store_suspended(f->store, API_FAIL, &since));
	assert_int_equal(since, 0);
	store_unview(f->store);
	suspend(f, API_WIDE, 0);
	assert_int_equal(store_heard(f->store, bell), BELL_ACCEPTED);
	suspend(f, API_WIDE, 0); /* nothing goes on that did not stand */
	assert_int_equal(store_heard(f->store, bell), 0);
	claim_one(f, API_WIDE, 1);
}

static void two_suspended_apis_do_not_speak_for_each_other(void **state)
{
	struct fixture *f = *state;

	accept_jobs(f, API_FAIL, 1, 1);
	accept_jobs(f, API_WIDE, 1, 1);
	suspend(f, API_FAIL, NOW_MS);
	suspend(f, API_WIDE, NOW_MS);
	suspend(f, API_FAIL, 0);
	claim_one(f, API_FAIL, 1);
	assert_int_equal(claim_none(f, API_WIDE), NOW_BOOT + 60000);
	pause_until(f, API_WIDE, NOW_BOOT + 100);
	suspend(f, API_WIDE, 0);
	assert_int_equal(claim_none(f, API_WIDE), NOW_BOOT + 100);
}

static void what_is_rolled_back_halts_nobody(void **state)
{
	struct fixture *f = *state;
	struct store_ask a = fixture_ask(1);
	struct job job;
	int64_t due;

	accept_jobs(f, API_WIDE, 1, 1);
	begin(f);
	OK(store_pause(f->store, API_WIDE, NOW_BOOT + 700));
	OK(store_suspend(f->store, API_WIDE, NOW_MS));
	assert_int_equal(
	    store_claim(f->store, API_WIDE, &a, &job, &due), ERR_NOT_FOUND);
	store_rollback(f->store);
	claim_one(f, API_WIDE, 1);
}

/* ---- the rate ---------------------------------------------------------- */

static void a_burst_then_evenly(void **state)
{
	struct fixture *f = *state;
	struct paced paced;
	struct job job;
	int64_t now = NOW_BOOT;

	limit(f, &paced);
	accept_jobs(f, API_WIDE, 1, 20);
	for (int i = 0; i < BURST; i++)
		assert_int_equal(claim_at(f->store, API_WIDE, now, &job), 0);
	for (int i = 0; i < 5; i++) {
		const int64_t due = claim_at(f->store, API_WIDE, now, &job);
		assert_int_equal(due, NOW_BOOT + (i + 1) * EVERY_MS);
		assert_int_equal(
		    claim_at(f->store, API_WIDE, due - 1, &job), due);
		now = due;
		assert_int_equal(claim_at(f->store, API_WIDE, now, &job), 0);
	}
	now += 100 * EVERY_MS; /* after a rest: a burst and no more */
	for (int i = 0; i < BURST; i++)
		assert_int_equal(claim_at(f->store, API_WIDE, now, &job), 0);
	assert_int_equal(
	    claim_at(f->store, API_WIDE, now, &job), now + EVERY_MS);
}

static void one_rate_for_all_who_call_that_upstream(void **state)
{
	struct fixture *f = *state;
	struct paced paced;
	struct job job;

	limit(f, &paced);
	accept_jobs(f, API_WIDE, 1, 2);
	accept_jobs(f, API_RETRY, 1, 2);
	accept_jobs(f, API_FAIL, 1, 1);
	assert_int_equal(claim_at(f->store, API_WIDE, NOW_BOOT, &job), 0);
	assert_int_equal(claim_at(f->store, API_RETRY, NOW_BOOT, &job), 0);
	assert_int_equal(call_at(f->store, API_WIDE, NOW_BOOT), 0);
	assert_int_equal(
	    call_at(f->store, API_RETRY, NOW_BOOT), NOW_BOOT + EVERY_MS);
	assert_int_equal(
	    claim_at(f->store, API_RETRY, NOW_BOOT, &job), NOW_BOOT + EVERY_MS);
	/* another upstream, and none */
	assert_int_equal(claim_at(f->store, API_FAIL, NOW_BOOT, &job), 0);
	f->apis[API_RETRY].upstream = (struct str){0}; /* a program does it */
	assert_int_equal(call_at(f->store, API_RETRY, NOW_BOOT), 0);
	assert_int_equal(claim_at(f->store, API_RETRY, NOW_BOOT, &job), 0);
}

static void a_used_up_rate_wakes_nobody_who_has_nothing(void **state)
{
	struct fixture *f = *state;
	struct paced paced;

	limit(f, &paced);
	for (int i = 0; i < BURST; i++)
		assert_int_equal(call_at(f->store, API_WIDE, NOW_BOOT), 0);
	assert_int_equal(claim_none(f, API_WIDE), 0);
}

/* Its polls take one call each. */
static void a_polled_job_is_claimed_without_a_call(void **state)
{
	struct fixture *f = *state;
	struct paced paced;
	struct job job;

	accept_jobs(f, API_WIDE, 1, 1);
	job = claim_one(f, API_WIDE, 1);
	struct job_event poll = fixture_event(&job, JOB_EVENT_POLL);
	change(f, API_WIDE, &job, &poll);
	struct job_event release = fixture_event(&job, JOB_EVENT_RELEASE);
	change(f, API_WIDE, &job, &release);
	limit(f, &paced);
	claim_one(f, API_WIDE, 2);
	for (int i = 0; i < BURST; i++)
		assert_int_equal(call_at(f->store, API_WIDE, NOW_BOOT), 0);
	assert_int_equal(
	    call_at(f->store, API_WIDE, NOW_BOOT), NOW_BOOT + EVERY_MS);
}

static void a_call_that_is_rolled_back_was_none(void **state)
{
	struct fixture *f = *state;
	struct paced paced;
	struct store_ask a = fixture_ask(1);
	struct job job;
	int64_t due;

	limit(f, &paced);
	accept_jobs(f, API_WIDE, 1, 9);
	for (int i = 0; i < 5; i++) {
		begin(f);
		OK(store_claim(f->store, API_WIDE, &a, &job, &due));
		OK(store_claim(f->store, API_WIDE, &a, &job, &due));
		OK(store_take_call(f->store, API_WIDE, NOW_BOOT, &due));
		assert_int_equal(
		    store_take_call(f->store, API_WIDE, NOW_BOOT, &due),
		    ERR_AGAIN);
		store_rollback(f->store);
	}
}

/* It says no, and the transaction can still be committed. */
static void who_has_to_wait_may_commit(void **state)
{
	struct fixture *f = *state;
	struct paced paced;
	struct job job = fixture_job(API_WIDE, 1);
	int64_t due;

	limit(f, &paced);
	begin(f);
	for (int i = 0; i < BURST; i++)
		OK(store_take_call(f->store, API_WIDE, NOW_BOOT, &due));
	assert_int_equal(
	    store_take_call(f->store, API_WIDE, NOW_BOOT, &due), ERR_AGAIN);
	OK(store_accept(f->store, API_WIDE, &job, STR("r"), nothing));
	commit(f);
	row_of(f, API_WIDE, &job);
}

/* A clock far ahead leaves a number that holds up nobody for long. */
static void a_number_from_the_future_is_not_believed(void **state)
{
	struct fixture *f = *state;
	struct paced paced;
	int64_t due;

	limit(f, &paced);
	for (int i = 0; i < BURST; i++)
		assert_int_equal(
		    call_at(f->store, API_WIDE, NOW_BOOT + 86400000), 0);
	due = call_at(f->store, API_WIDE, NOW_BOOT);
	assert_int_equal(due, NOW_BOOT + EVERY_MS);
	assert_int_equal(call_at(f->store, API_WIDE, due), due + EVERY_MS);
	/* a slower rate than now */
	paced.upstreams[0].rate_count = 1;
	paced.upstreams[0].rate_per_ms = 3600000;
	call_at(f->store, API_WIDE, NOW_BOOT + 2 * 86400000);
	paced.upstreams[0].rate_count = 150;
	paced.upstreams[0].rate_per_ms = 60000;
	due = call_at(f->store, API_WIDE, NOW_BOOT + 2 * 86400000);
	assert_true(due - (NOW_BOOT + 2 * 86400000) <= EVERY_MS);
}

/* Who had to wait for his turn asks with an older clock: exact all the same. */
static void an_older_clock_gains_nothing(void **state)
{
	struct fixture *f = *state;
	struct paced paced;

	limit(f, &paced);
	for (int i = 0; i < BURST; i++)
		assert_int_equal(
		    call_at(f->store, API_WIDE, NOW_BOOT + 5000), 0);
	assert_int_equal(
	    call_at(f->store, API_WIDE, NOW_BOOT), NOW_BOOT + 5000 + EVERY_MS);
}

/* ---- against a plain count --------------------------------------------- */

#define CALLS_MAX 4000
struct calls {
	int64_t at[CALLS_MAX];
	int n;
};

/* In no window more than the burst and what the rate gives in its time. */
static void check_windows(
    const struct calls *calls, int64_t per_ms, int64_t count, int64_t burst)
{
	for (int i = 0; i < calls->n; i++)
		for (int j = i; j < calls->n; j++) {
			const int64_t ms = calls->at[j] - calls->at[i];
			assert_true((j - i + 1 - burst) * per_ms <= ms * count);
		}
}

static void no_window_has_too_many_and_nobody_starves(void **state)
{
	static const struct {
		int64_t count, per_ms, burst;
	} rates[] = {{150, 60000, 3}, {150, 60000, 1}, {7, 1000, 7},
	    {1, 60000, 2}, {1000, 1000, 20}, {3, 86400000, 1}};
	static struct calls calls;
	struct fixture *f = *state;
	struct store *handles[2] = {f->store, f->store}, *second = NULL;
	struct paced paced;
	uint64_t seed = 0x3c6ef372fe94f82bu;

	limit(f, &paced);
	if (f->ops == &store_sqlite) {
		OK(store_open(f->ops, &f->spec, &f->diag, &second));
		handles[1] = second;
	}
	for (size_t r = 0; r < sizeof(rates) / sizeof(rates[0]); r++) {
		const int64_t every = rates[r].per_ms / rates[r].count + 1;
		int64_t now = NOW_BOOT + (int64_t)r * 1000000000;

		paced.upstreams[0].rate_count = rates[r].count;
		paced.upstreams[0].rate_per_ms = rates[r].per_ms;
		paced.upstreams[0].burst = rates[r].burst;
		calls.n = 0;
		for (int i = 0; i < 300; i++) {
			const uint64_t x = fixture_random(&seed);
			const int64_t due =
			    call_at(handles[x % 2], API_WIDE, now);
			assert_true(due - now <= every);
			if (!due)
				calls.at[calls.n++] = now;
			if (due && x & 4)
				now = due; /* as a worker does: it is his */
			else
				now += (int64_t)(x >> 8) %
				       (x & 8 ? every : every / 4 + 1);
			if (!(x >> 3 & 63))
				now += 10 * every; /* a rest */
		}
		assert_true(calls.n > 50);
		check_windows(
		    &calls, rates[r].per_ms, rates[r].count, rates[r].burst);
	}
	store_close(second);
}

/* Whoever comes when he was told to gets his call, and all of the rate. */
static void the_rate_is_reached(void **state)
{
	struct fixture *f = *state;
	struct paced paced;
	int64_t now = NOW_BOOT;
	int calls = 0;

	limit(f, &paced);
	while (now < NOW_BOOT + 60000) {
		const int64_t due = call_at(f->store, API_WIDE, now);
		calls += !due;
		now = due ? due : now;
	}
	assert_int_equal(calls, 150 + BURST - 1);
}

/* ---- what a reboot leaves ---------------------------------------------- */

static void a_reboot_forgets_pauses_and_rates_but_no_word(void **unused)
{
	struct fixture *f;
	struct paced paced;
	void *state = NULL;
	int64_t until, since;

	(void)unused;
	assert_int_equal(setup(&state), 0);
	f = state;
	limit(f, &paced);
	f->spec.boot = "one";
	f->spec.now = (struct store_now){NOW_MS, NOW_BOOT};
	fixture_open(f);
	accept_jobs(f, API_WIDE, 1, 2);
	for (int i = 0; i < BURST; i++)
		assert_int_equal(call_at(f->store, API_WIDE, NOW_BOOT), 0);
	pause_until(f, API_WIDE, NOW_BOOT + 50000);
	f->spec.boot = "two";
	f->spec.now.boot = 100;
	reopen(f);
	OK(store_view(f->store));
	OK(store_paused(f->store, API_WIDE, &until));
	store_unview(f->store);
	assert_int_equal(until, 0);
	struct job job;
	assert_int_equal(claim_at(f->store, API_WIDE, 100, &job), 0);
	suspend(f, API_WIDE, NOW_MS);
	pause_until(f, API_WIDE, 5000);
	f->spec.boot = "three";
	reopen(f);
	assert_int_equal(ask(f, "SELECT count(*) FROM _meta WHERE value<>0 AND"
				" (name GLOB 'rate/*' OR name GLOB 'pause/*'"
				" OR name='paused')"),
	    0);
	OK(store_view(f->store));
	OK(store_suspended(f->store, API_WIDE, &since));
	store_unview(f->store);
	assert_int_equal(since, NOW_MS);
	claim_none(f, API_WIDE);
	suspend(f, API_WIDE, 0);
	assert_int_equal(claim_at(f->store, API_WIDE, 100, &job), 0);
	teardown(&state);
}

static const struct contract contract[] = {
    T(a_pause_holds_back_its_own_api_alone),
    T(of_two_pauses_the_later_stands),
    T(a_pause_of_an_empty_queue_wakes_nobody),
    T(who_waits_in_a_pause_still_has_a_deadline),
    T(a_suspended_api_waits_for_a_word),
    T(two_suspended_apis_do_not_speak_for_each_other),
    T(what_is_rolled_back_halts_nobody),
    T(a_burst_then_evenly),
    T(one_rate_for_all_who_call_that_upstream),
    T(a_used_up_rate_wakes_nobody_who_has_nothing),
    T(a_polled_job_is_claimed_without_a_call),
    T(a_call_that_is_rolled_back_was_none),
    T(who_has_to_wait_may_commit),
    T(a_number_from_the_future_is_not_believed),
    T(an_older_clock_gains_nothing),
    T(no_window_has_too_many_and_nobody_starves),
    T(the_rate_is_reached),
};

int main(void)
{
	static const struct CMUnitTest last =
	    cmocka_unit_test(a_reboot_forgets_pauses_and_rates_but_no_word);

	return both_run(
	    "pace", contract, sizeof(contract) / sizeof(*contract), &last, 1);
}
