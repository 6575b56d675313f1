#include "tests/unit/engine-kit.h"

/* covers cgi/read/flight*.c: what many wait for is asked once */

static struct world *one_call(void)
{
	struct world *w = world_new();

	add_read(w, "page");
	add_call(w, "a", "one", "/a");
	return w;
}

static void test_one_call_for_all(void **state)
{
	struct world *w = one_call();
	uint64_t t[100];
	(void)state;

	start(w);
	for (int i = 0; i < 100; i++) {
		t[i] = ask_read(w, "page");
		pass(w, 1);
	}
	assert_int_equal(engine_load(w->e).reads, 100);
	assert_int_equal(engine_load(w->e).flights, 1);
	says(w, "one/a", "1");
	step(w);
	for (int i = 0; i < 100; i++)
		gets(w, t[i], "\"a\":1");
	assert_int_equal(w->up->n, 1);
	/* it was not to be kept */
	ask_read(w, "page");
	assert_int_equal(w->up->n, 2);
	world_free(w);
}

static void test_failures_reach_all(void **state)
{
	struct world *w = one_call();
	uint64_t t[4];
	(void)state;

	start(w);
	for (int i = 0; i < 4; i++)
		t[i] = ask_read(w, "page");
	ends(w, "one/a", UPSTREAM_BROKEN);
	step(w);
	for (int i = 0; i < 4; i++)
		fails(w, t[i], PLAN_UNKNOWN_ERROR, 0);
	for (int i = 0; i < 4; i++)
		t[i] = ask_read(w, "page");
	refuses(w, "one/a", 500);
	step(w);
	for (int i = 0; i < 4; i++)
		fails(w, t[i], PLAN_HTTP_ERROR, 500);
	assert_int_equal(w->up->n, 2);
	quiet(w);
	world_free(w);
}

static void test_leaving(void **state)
{
	struct world *w = one_call();
	uint64_t t[3];
	(void)state;

	start(w);
	for (int i = 0; i < 3; i++)
		t[i] = ask_read(w, "page");
	/* the one whose call it was */
	engine_leave(w->e, t[0]);
	assert_false(w->up->calls[0].aborted);
	says(w, "one/a", "1");
	step(w);
	gets(w, t[1], "\"a\":1");
	gets(w, t[2], "\"a\":1");
	quiet(w);
	/* all of them */
	for (int i = 0; i < 3; i++)
		t[i] = ask_read(w, "page");
	engine_leave(w->e, t[1]);
	engine_leave(w->e, t[0]);
	assert_false(w->up->calls[1].aborted);
	engine_leave(w->e, t[2]);
	assert_true(w->up->calls[1].aborted);
	quiet(w);
	world_free(w);
}

static void test_deadlines_are_ones_own(void **state)
{
	struct world *w = one_call();
	uint64_t t[3];
	(void)state;

	start(w);
	w->ask.deadline_boot = w->boot + 100;
	t[0] = ask_read(w, "page");
	w->ask.deadline_boot = w->boot + 3000;
	t[1] = ask_read(w, "page");
	w->ask.deadline_boot = w->boot + 200;
	t[2] = ask_read(w, "page");
	step(w);
	assert_true(w->due == w->boot + 100);
	pass(w, 100);
	fails(w, t[0], PLAN_TIMEOUT, 0);
	not_ready(w);
	pass(w, 100);
	fails(w, t[2], PLAN_TIMEOUT, 0);
	assert_false(w->up->calls[0].aborted);
	says(w, "one/a", "1");
	step(w);
	gets(w, t[1], "\"a\":1");
	quiet(w);
	world_free(w);
}

/* The same call with other time-outs: each has his own. */
static void test_timeouts_are_ones_own(void **state)
{
	struct world *w = one_call();
	uint64_t t[4];
	(void)state;

	add_read(w, "fast");
	add_call(w, "b", "one", "/a")->timeout_ms = 300;
	start(w);
	t[0] = ask_read(w, "page");
	pass(w, 1000);
	t[1] = ask_read(w, "fast");
	assert_int_equal(w->up->n, 1);
	pass(w, 299);
	not_ready(w);
	pass(w, 1);
	fails(w, t[1], PLAN_TIMEOUT, 0);
	says(w, "one/a", "1");
	step(w);
	gets(w, t[0], "\"a\":1");
	/* near its end he waits for no longer than it takes */
	t[0] = ask_read(w, "page");
	pass(w, 4800);
	t[1] = ask_read(w, "fast");
	pass(w, 200);
	fails(w, t[0], PLAN_TIMEOUT, 0);
	fails(w, t[1], PLAN_TIMEOUT, 0);
	/* the fast one first; before it was made, the longer one counts */
	w->shop.upstreams[0].concurrency = 1;
	engine_refit(w->e, &w->shop.config, NULL);
	add_read(w, "slot");
	add_call(w, "c", "one", "/slot");
	config_link_reads(&w->shop.config);
	t[0] = ask_read(w, "slot");
	t[1] = ask_read(w, "fast");
	t[2] = ask_read(w, "page");
	says(w, "one/slot", "0");
	pass(w, 1000);
	gets(w, t[0], "\"c\":0");
	assert_true(w->up->calls[w->up->n - 1].timeout_ms == 5000);
	pass(w, 300);
	fails(w, t[1], PLAN_TIMEOUT, 0);
	not_ready(w);
	says(w, "one/a", "1");
	step(w);
	gets(w, t[2], "\"a\":1");
	quiet(w);
	world_free(w);
}

static void test_nobody_gets_anothers(void **state)
{
	struct world *w = one_call();
	struct str forwarded = STR("authorization");
	uint64_t t[6];
	(void)state;

	w->shop.calls[0].forward = (struct strs){&forwarded, 1};
	w->shop.calls[0].ttl_ms = 60000;
	add_read(w, "mine");
	struct read_call *mine = add_call(w, "m", "two", "/m");
	mine->owned = true;
	mine->ttl_ms = 60000;
	start(w);
	set_header(w, "authorization", "Bearer 1");
	t[0] = ask_read(w, "page");
	set_header(w, "authorization", "Bearer 2");
	t[1] = ask_read(w, "page");
	t[2] = ask_read(w, "page");
	assert_int_equal(w->up->n, 2);
	says(w, "one/a", "1");
	says(w, "one/a", "2");
	step(w);
	gets(w, t[0], "\"a\":1");
	gets(w, t[1], "\"a\":2");
	gets(w, t[2], "\"a\":2");
	/* nor from what is kept */
	t[0] = ask_read(w, "page");
	gets(w, t[0], "\"a\":2");
	set_header(w, "authorization", "Bearer 3");
	ask_read(w, "page");
	assert_int_equal(w->up->n, 3);
	/* by owner, where the call says so */
	w->ask.owner = STR("ann");
	t[3] = ask_read(w, "mine");
	w->ask.owner = STR("bob");
	t[4] = ask_read(w, "mine");
	t[5] = ask_read(w, "mine");
	assert_int_equal(calls_of(w, "two/m"), 2);
	says(w, "two/m", "\"ann's\"");
	says(w, "two/m", "\"bob's\"");
	step(w);
	gets(w, t[3], "\"m\":\"ann's\"");
	gets(w, t[4], "\"m\":\"bob's\"");
	gets(w, t[5], "\"m\":\"bob's\"");
	t[5] = ask_read(w, "mine");
	gets(w, t[5], "\"m\":\"bob's\"");
	world_free(w);
}

/* Two of one asker's calls are the same. */
static void test_twice_in_one_read(void **state)
{
	struct world *w = one_call();
	uint64_t t;
	(void)state;

	add_call(w, "again", "one", "/a");
	add_call(w, "must", "two", "/must")->required = true;
	start(w);
	t = ask_read(w, "page");
	assert_string_equal(running(w), "one/a two/must");
	says(w, "one/a", "1");
	says(w, "two/must", "2");
	step(w);
	gets(w, t, "\"a\":1,\"again\":1,\"must\":2");
	/* over by another one, in the middle */
	t = ask_read(w, "page");
	says(w, "one/a", "1");
	refuses(w, "two/must", 500);
	step(w);
	assert_int_equal(take(w, t).status, 502);
	t = ask_read(w, "page");
	refuses(w, "two/must", 500);
	step(w);
	assert_int_equal(take(w, t).status, 502);
	quiet(w);
	world_free(w);
}

/* One's 404 is null, and the other's failure. */
static void test_read_each_as_declared(void **state)
{
	struct world *w = one_call();
	struct str status = STR("404");
	uint64_t t[3];
	(void)state;

	add_read(w, "lenient");
	struct read_call *call = add_call(w, "b", "one", "/a");
	call->empty_on = (struct strs){&status, 1};
	call->empty_ttl_ms = 60000;
	start(w);
	for (int turn = 0; turn < 2; turn++) {
		t[0] = ask_read(w, turn ? "lenient" : "page");
		t[1] = ask_read(w, turn ? "page" : "lenient");
		refuses(w, "one/a", 404);
		step(w);
		if (turn) {
			gets(w, t[0], "\"b\":null");
			fails(w, t[1], PLAN_HTTP_ERROR, 404);
		} else {
			fails(w, t[0], PLAN_HTTP_ERROR, 404);
			gets(w, t[1], "\"b\":null");
		}
	}
	/* kept for one, and not for the other */
	t[0] = ask_read(w, "lenient");
	gets(w, t[0], "\"b\":null");
	assert_int_equal(w->up->n, 2);
	ask_read(w, "page");
	assert_int_equal(w->up->n, 3);
	world_free(w);
}

#define MANY 10000
static void test_ten_thousand(void **state)
{
	struct world *w = one_call();
	uint64_t *t = calloc(MANY, sizeof(*t)), ticket;
	struct read_result r;
	(void)state;

	start(w);
	for (size_t i = 0; i < MANY; i++)
		t[i] = ask_read(w, "page");
	/* every third leaves */
	for (size_t i = 0; i < MANY; i += 3)
		engine_leave(w->e, t[i]);
	says(w, "one/a", "[1,2,3]");
	step(w);
	for (size_t i = 0; i < MANY; i++) {
		struct arena a = {0};
		if (i % 3 == 0)
			continue;
		assert_true(engine_ready(w->e, &ticket));
		assert_true(ticket == t[i]);
		assert_true(engine_take(w->e, &a, ticket, &r));
		assert_int_equal(r.status, 200);
		arena_release(&a);
	}
	assert_int_equal(w->up->n, 1);
	quiet(w);
	free(t);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_one_call_for_all),
	    cmocka_unit_test(test_failures_reach_all),
	    cmocka_unit_test(test_leaving),
	    cmocka_unit_test(test_deadlines_are_ones_own),
	    cmocka_unit_test(test_timeouts_are_ones_own),
	    cmocka_unit_test(test_nobody_gets_anothers),
	    cmocka_unit_test(test_twice_in_one_read),
	    cmocka_unit_test(test_read_each_as_declared),
	    cmocka_unit_test(test_ten_thousand),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("engine-flights", tests, NULL, NULL);
}
