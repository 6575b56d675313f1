#include "tests/unit/events-world.h"

/* ---- an owner's ---------------------------------------------------------- */

static void test_owners_only(void **state)
{
	struct world *w = *state;

	send_it(w, "GET /api/jobs/events", NULL, NULL);
	assert_answer(w, 401);
	begin_owners(w, "?view=x", "alice", NULL);
	assert_answer(w, 400);
	begin_owners(w, "", "alice", "accept: text/html");
	assert_answer(w, 406);
	send_it(w, "HEAD /api/jobs/events", NULL, NULL);
	assert_answer(w, 405);
	own_one(w, "/api/v1/owned", "alice");
	/* from now on; but whoever comes again misses nothing since */
	begin_owners(w, "", "alice", NULL);
	assert_begins(w);
	assert_string_equal(only(w).name, "");
	assert_true(only(w).id == w->wait.version);
	struct waiting waits = w->wait;
	/* another's, and nobody's: not a word */
	own_one(w, "/api/v1/owned", "bob");
	accept_one(w);
	w->wait = waits;
	world_resume(w);
	assert_int_equal(w->outcome, OUTCOME_PARK);
	assert_true(w->wait.version > waits.version);
	/* two of his own, of two APIs, in the order of their versions */
	waits = w->wait;
	own_one(w, "/api/v1/strict", "alice");
	const char *second = arena_cstr(&w->arena, str_of(w->id));
	own_one(w, "/api/v1/owned", "alice");
	w->wait = waits;
	world_resume(w);
	assert_streams(w);
	struct event a, b, none;
	assert_true(nth(w, 0, &a) && nth(w, 1, &b) && !nth(w, 2, &none));
	assert_true(a.id > waits.version && b.id > a.id);
	assert_true(w->wait.version == b.id);
	assert_string_equal(said(w, &a, "api"), "strict");
	assert_string_equal(said(w, &a, "jobId"), second);
	assert_string_equal(said(w, &b, "api"), "owned");
	/* from a version on; one of the future is none */
	const char *after =
	    arena_printf(&w->arena, "last-event-id: %lld", (long long)a.id).p;
	begin_owners(w, "", "alice", after);
	assert_begins(w);
	assert_true(nth(w, 1, &b) && !nth(w, 2, &none));
	assert_string_equal(said(w, &b, "api"), "owned");
	begin_owners(w, "?lastEventId=0", "bob", NULL);
	assert_true(nth(w, 1, &b) && !nth(w, 2, &none));
	assert_string_equal(said(w, &b, "api"), "owned");
	begin_owners(w, "", "alice", "last-event-id: 9000000000000000000");
	assert_begins(w);
	const int64_t newest = w->wait.version;
	assert_true(newest < 1000);
	waits = w->wait;
	own_one(w, "/api/v1/owned", "alice");
	w->wait = waits;
	world_resume(w);
	assert_event(w, "job", "pending");
	assert_true(w->wait.version > newest);
}

/* An end is an event among others: it goes on. */
static void test_owners_goes_on(void **state)
{
	struct world *w = *state;

	begin_owners(w, "", "alice", NULL);
	struct waiting waits = w->wait;
	own_one(w, "/api/v1/owned", "alice");
	world_complete(w, OWNED, 200, "", "{}");
	w->wait = waits;
	world_resume(w);
	assert_streams(w);
	assert_event(w, "job", "completed");
	begin_owners(w, "?view=alert", "alice", NULL);
	waits = w->wait;
	own_one(w, "/api/v1/owned", "alice");
	world_complete(w, OWNED, 200, "", "{}");
	own_one(w, "/api/v1/owned", "alice");
	world_fail(w, OWNED, REASON_UPSTREAM_ERROR, 500, "");
	w->wait = waits;
	world_resume(w);
	assert_streams(w);
	struct event e = only(w);
	assert_string_equal(e.name, "alert");
	/* and tells that it is there */
	world_moves(w, 15000);
	world_resume(w);
	assert_streams(w);
	assert_true(strncmp(body_of(w), ":\n\n", 3) == 0);
	/* the store is away */
	w_faults.view = ERR_AGAIN;
	world_resume(w);
	assert_int_equal(w->outcome, OUTCOME_PARK);
	assert_true(w->wait.again_boot == w->now.boot_ms + 20);
	w_faults.view = ERR_OK;
}

/* Past its TTL, erased: nothing is said of it any more. */
static void test_owners_expired(void **state)
{
	struct world *w = *state;
	struct event e, none;

	own_one(w, "/api/v1/owned", "alice");
	world_complete(w, OWNED, 200, "", "{}");
	world_moves(w, 80000000);
	own_one(w, "/api/v1/owned", "alice");
	world_complete(w, OWNED, 200, "", "{}");
	begin_owners(w, "?lastEventId=0", "alice", NULL);
	assert_true(nth(w, 2, &e) && !nth(w, 3, &none));
	world_moves(w, 10000000);
	begin_owners(w, "?lastEventId=0", "alice", NULL);
	assert_true(nth(w, 1, &e) && !nth(w, 2, &none));
	ask(w, "DELETE", "?purge=1", WITH("owner: alice"));
	assert_answer(w, 204);
	begin_owners(w, "?lastEventId=0", "alice", NULL);
	assert_begins(w);
	assert_string_equal(only(w).name, "");
}

/* Much at once goes out in pieces, each of at most 64 KiB, without a gap. */
static void test_owners_in_pieces(void **state)
{
	struct world *w = *state;
	struct event e;
	int told = 0, pieces = 0;
	int64_t last = 0;

	for (int i = 0; i < 200; i++)
		own_one(w, i % 3 ? "/api/v1/owned" : "/api/v1/strict", "alice");
	begin_owners(w, "?lastEventId=0", "alice", NULL);
	assert_begins(w);
	for (;; pieces++) {
		assert_true(w->ans.body.n <= 65536);
		for (int i = 0; nth(w, i, &e); i++) {
			if (!*e.name)
				continue;
			assert_true(e.id > last);
			last = e.id;
			told++;
		}
		if (w->wait.again_boot > w->now.boot_ms)
			break;
		world_resume(w);
		assert_int_equal(w->outcome, OUTCOME_STREAM);
	}
	assert_int_equal(told, 200);
	assert_true(pieces >= 2);
	world_resume(w);
	assert_int_equal(w->outcome, OUTCOME_PARK);
	/* one that is hidden among many does not stop the others */
	begin_owners(w, "?lastEventId=0&view=alert", "alice", NULL);
	for (told = 0; told < 100 && w->wait.again_boot <= w->now.boot_ms;
	     told++)
		world_resume(w);
	assert_int_equal(w->outcome, OUTCOME_PARK);
	assert_true(told < 100);
}

/* What cannot be opened is passed over: the others are told. */
static void test_owners_broken_one(void **state)
{
	struct world *w = *state;

	begin_owners(w, "", "alice", NULL);
	struct waiting waits = w->wait;
	own_one(w, "/api/v1/owned", "alice");
	w->wait = waits;
	w_faults.body[BODY_META] = ERR_BUSY;
	world_resume(w);
	assert_int_equal(w->outcome, OUTCOME_PARK);
	assert_true(w->wait.version == waits.version);
	w_faults.body[BODY_META] = ERR_CORRUPT;
	world_resume(w);
	assert_int_equal(w->outcome, OUTCOME_PARK);
	w_faults.body[BODY_META] = ERR_OK;
	waits = w->wait;
	own_one(w, "/api/v1/owned", "alice");
	w->wait = waits;
	world_resume(w);
	assert_event(w, "job", "pending");
}

/* ---- who is woken -------------------------------------------------------- */

static struct park_name put(struct park *park, const struct waiting *waits)
{
	struct park_slot slot = {.waiting = *waits};
	struct park_name name;

	assert_int_equal(park_put(park, &slot, &name), ERR_OK);
	return name;
}

static void assert_wakes(struct world *w, struct park *park, unsigned expected)
{
	struct park_name name;
	unsigned woken = 0;

	assert_true(app_changed(&w->app, park));
	app_rest(&w->app);
	while (park_woken(park, &name))
		woken |= 1u << name.index;
	assert_int_equal(woken, expected);
}

static void test_wakes(void **state)
{
	struct world *w = *state;
	struct park *park = park_new(10);
	enum { ALICE = 1, BOB = 2, JOB = 4, OTHER = 8 };

	begin_owners(w, "", "alice", NULL);
	put(park, &w->wait);
	begin_owners(w, "", "bob", NULL);
	put(park, &w->wait);
	accept_one(w);
	begin(w, "", NO_HEADERS);
	put(park, &w->wait);
	own_one(w, "/api/v1/owned", "alice");
	begin(w, "", WITH("owner: alice"));
	put(park, &w->wait);
	assert_wakes(w, park, ALICE | BOB | JOB | OTHER); /* the first look */
	assert_wakes(w, park, 0);
	own_one(w, "/api/v1/strict", "bob");
	assert_wakes(w, park, BOB);
	world_claim(w, OWNED);
	assert_wakes(w, park, ALICE | OTHER);
	world_claim(w, BUNDLE);
	assert_wakes(w, park, JOB);
	own_one(w, "/api/v1/owned", "carol");
	assert_wakes(w, park, 0);
	park_free(park);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_owners_only),
	    TEST(test_owners_goes_on),
	    TEST(test_owners_expired),
	    TEST(test_owners_in_pieces),
	    TEST(test_owners_broken_one),
	    TEST(test_wakes),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("events-owner", tests, NULL, NULL);
}
