#include "tests/store/both.h"

/*
 * store_claimable() against what it stands for: at every moment of a seeded
 * life, over every back end, it says yes where recovery or a claim would do
 * anything, and else when to come again, as the claim would; and it changes
 * nothing.
 */
#define STEPS 4000
#define JOBS_MAX 64

struct life {
	struct fixture *f;
	uint64_t random;
	int64_t boot;
	uint32_t accepted;
	struct job jobs[JOBS_MAX]; /* as they were claimed */
	size_t api_of[JOBS_MAX];
	size_t n;
};

static uint32_t some(struct life *l, uint32_t below)
{
	l->random = l->random * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(l->random >> 33) % below;
}

static struct store_ask ask_at(const struct life *l)
{
	struct store_ask ask = fixture_ask(1);

	ask.now_ms = NOW_MS + l->boot;
	ask.now_boot = l->boot;
	ask.lease_boot = l->boot + 3000;
	return ask;
}

/* Whether anything would be done, and when else; then it never happened. */
static bool would_do(struct life *l, size_t api, int64_t *due)
{
	const struct store_ask ask = ask_at(l);
	size_t recovered = 0;
	struct job job;

	begin(l->f);
	OK(store_recover(
	    l->f->store, api, NOW_MS + l->boot, l->boot, 100, &recovered));
	enum err err = store_claim(l->f->store, api, &ask, &job, due);
	store_rollback(l->f->store);
	assert_true(err == ERR_OK || err == ERR_NOT_FOUND);
	return recovered || err == ERR_OK;
}

static void compare(struct life *l, bool *yes, bool *no)
{
	for (size_t api = 0; api < API_COUNT; api++) {
		int64_t due = 0, said = 0, before, after;
		const bool would = would_do(l, api, &due);

		OK(store_view(l->f->store));
		OK(store_version(l->f->store, &before));
		enum err err =
		    store_claimable(l->f->store, api, l->boot, &said);
		OK(store_version(l->f->store, &after));
		store_unview(l->f->store);
		assert_int_equal(err, would ? ERR_OK : ERR_NOT_FOUND);
		if (!would)
			assert_int_equal(said, due);
		assert_int_equal(before, after);
		*yes |= would;
		*no |= !would;
	}
}

static void claims(struct life *l)
{
	const size_t api = some(l, API_COUNT);
	const struct store_ask ask = ask_at(l);
	size_t recovered;
	int64_t due;
	struct job job;

	begin(l->f);
	OK(store_recover(
	    l->f->store, api, NOW_MS + l->boot, l->boot, 100, &recovered));
	if (l->n < JOBS_MAX &&
	    store_claim(l->f->store, api, &ask, &job, &due) == ERR_OK) {
		l->jobs[l->n] = job;
		l->api_of[l->n++] = api;
	}
	commit(l->f);
}

/* Whoever has it says something; it may be another's by now. */
static void says(struct life *l)
{
	static const enum job_event_kind kinds[] = {JOB_EVENT_COMPLETE,
	    JOB_EVENT_RETRY, JOB_EVENT_RELEASE, JOB_EVENT_HEARTBEAT,
	    JOB_EVENT_NEED, JOB_EVENT_CANCEL, JOB_EVENT_BROKEN};

	if (!l->n)
		return;
	const size_t i = some(l, (uint32_t)l->n);
	struct job job = l->jobs[i];
	struct job_event event =
	    fixture_event(&job, kinds[some(l, sizeof(kinds) / sizeof(*kinds))]);
	event.now_ms = NOW_MS + l->boot;
	event.now_boot = l->boot;
	event.not_before_boot = l->boot + some(l, 4000);
	event.lease_boot = l->boot + 3000;
	begin(l->f);
	(void)!store_change(
	    l->f->store, l->api_of[i], &job, &event, (struct str){0});
	commit(l->f);
	if (event.kind == JOB_EVENT_HEARTBEAT || event.kind == JOB_EVENT_CANCEL)
		return;
	l->jobs[i] = l->jobs[--l->n];
	l->api_of[i] = l->api_of[l->n];
}

static void accepts(struct life *l)
{
	const size_t api = some(l, API_COUNT);
	struct job job = fixture_job(api, ++l->accepted);

	job.deadline_boot = l->boot + 1 + some(l, 9000);
	job.deadline_ms = NOW_MS + job.deadline_boot;
	begin(l->f);
	OK(store_accept(l->f->store, api, &job, STR("r"), STR("m")));
	commit(l->f);
}

static void halts(struct life *l)
{
	const size_t api = some(l, API_COUNT);

	begin(l->f);
	if (some(l, 2))
		OK(store_pause(l->f->store, api, l->boot + some(l, 2000)));
	else
		OK(store_suspend(
		    l->f->store, api, some(l, 3) ? 0 : NOW_MS + l->boot));
	commit(l->f);
}

static void live(struct fixture *f, uint64_t seed)
{
	struct upstream upstream = {.name = STR("up"),
	    .rate_count = 5,
	    .rate_per_ms = 1000,
	    .burst = 2};
	struct life l = {.f = f, .random = seed, .boot = NOW_BOOT};
	bool yes = false, no = false;

	f->config.upstreams = &upstream;
	f->config.n_upstreams = 1;
	f->apis[API_RETRY].upstream = STR("up");
	for (int i = 0; i < STEPS; i++) {
		const uint32_t what = some(&l, 20);
		if (what < 6)
			accepts(&l);
		else if (what < 11)
			claims(&l);
		else if (what < 16)
			says(&l);
		else if (what < 17)
			halts(&l);
		l.boot += some(&l, 10) ? some(&l, 200) : some(&l, 5000);
		if (i % 4 == 0)
			compare(&l, &yes, &no);
	}
	assert_true(yes && no);
	f->config.n_upstreams = 0;
	f->apis[API_RETRY].upstream = (struct str){0};
}

static void it_says_what_a_claim_would(void **state)
{
	live(*state, 1);
}

/*
 * What a view counted is nothing to the transaction behind it: two handles, of
 * which the other one claims in between.
 */
static void a_look_does_not_count_for_the_claim(void **state)
{
	struct fixture *f = *state;
	int64_t due;

	accept_jobs(f, API_FAIL, 1, 2);
	OK(store_view(f->store));
	OK(store_claimable(f->store, API_FAIL, NOW_BOOT, &due));
	store_unview(f->store);
	if (f->ops == &store_sqlite) {
		struct store *other;
		struct store_ask ask = fixture_ask(7);
		struct job job;
		OK(store_open(f->ops, &f->spec, &f->diag, &other));
		OK(store_begin(other));
		OK(store_claim(other, API_FAIL, &ask, &job, &due));
		OK(store_commit(other));
		store_close(other);
	} else {
		claim_one(f, API_FAIL, 7);
	}
	claim_none(f, API_FAIL); /* its concurrency is 1 */
	OK(store_view(f->store));
	assert_int_equal(
	    store_claimable(f->store, API_FAIL, NOW_BOOT, &due), ERR_NOT_FOUND);
	store_unview(f->store);
	assert_int_equal(due, NOW_BOOT + LEASE_MS);
}

static const struct contract contract[] = {
    T(it_says_what_a_claim_would),
    T(a_look_does_not_count_for_the_claim),
};

int main(void)
{
	return both_run("claimable", contract,
	    sizeof(contract) / sizeof(*contract), NULL, 0);
}
