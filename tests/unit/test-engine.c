#include "tests/unit/engine-kit.h"

/* covers cgi/read/engine*.c: askers, bounds, deadlines, configurations */

static void test_all_calls_at_once(void **state)
{
	struct world *w = world_new();
	uint64_t t;
	(void)state;

	add_read(w, "page");
	add_call(w, "a", "one", "/a");
	add_call(w, "b", "two", "/b");
	add_call(w, "c", "one", "/c")->timeout_ms = 700;
	start(w);
	step(w);
	assert_true(w->due == 0);
	t = ask_read(w, "page");
	assert_string_equal(running(w), "one/a two/b one/c");
	assert_true(w->up->calls[0].reuse);
	assert_true(w->up->calls[0].timeout_ms == 5000);
	assert_true(w->up->calls[2].timeout_ms == 700);
	step(w);
	assert_true(w->due == w->boot + 700);
	says(w, "one/c", "3");
	says(w, "one/a", "[1.10]");
	step(w);
	not_ready(w);
	says(w, "two/b", "");
	step(w);
	gets(w, t, "\"a\":[1.10],\"b\":null,\"c\":3");
	quiet(w);
	assert_true(w->due == 0);
	world_free(w);
}

static void test_answers_of_all_kinds(void **state)
{
	struct world *w = world_new();
	uint64_t t[12];
	(void)state;

	add_read(w, "page");
	struct read_call *call = add_call(w, "a", "one", "/a");
	struct str status = STR("404");
	call->empty_on = (struct strs){&status, 1};
	start(w);
	for (size_t i = 0; i < 12; i++) {
		static const struct upstream_answer answers[12] = {
		    {.status = 200, .body = STR_INIT("{\"x\":1.50}")},
		    {.status = 204, .body = STR_INIT("ignored")},
		    {.status = 201, .body = STR_INIT("")},
		    {.status = 404, .body = STR_INIT("<h1>")},
		    {.status = 200, .body = STR_INIT("<h1>")},
		    {.status = 302, .body = STR_INIT("{}")},
		    {.status = 403, .body = STR_INIT("{}")},
		    {.status = 500, .body = STR_INIT("{}")},
		    {.end = UPSTREAM_UNSENT},
		    {.end = UPSTREAM_TIMEOUT},
		    {.end = UPSTREAM_BROKEN, .status = 200},
		    {.end = UPSTREAM_TOO_LARGE, .status = 200},
		};
		t[i] = ask_read(w, "page");
		answer_as(w, "one/a", answers[i]);
		step(w);
	}
	gets(w, t[0], "\"a\":{\"x\":1.50}");
	gets(w, t[1], "\"a\":null");
	gets(w, t[2], "\"a\":null");
	gets(w, t[3], "\"a\":null");
	struct read_result r = fails(w, t[4], PLAN_UNKNOWN_ERROR, 0);
	assert_true(str_is(r.failures[0].message, "its answer is not JSON"));
	fails(w, t[5], PLAN_HTTP_ERROR, 302);
	fails(w, t[6], PLAN_HTTP_ERROR, 403);
	fails(w, t[7], PLAN_HTTP_ERROR, 500);
	fails(w, t[8], PLAN_UNKNOWN_ERROR, 0);
	fails(w, t[9], PLAN_TIMEOUT, 0);
	fails(w, t[10], PLAN_UNKNOWN_ERROR, 0);
	fails(w, t[11], PLAN_UNKNOWN_ERROR, 0);
	quiet(w);
	world_free(w);
}

static void test_bounds(void **state)
{
	struct world *w = world_new();
	uint64_t t[2];
	(void)state;

	add_read(w, "page")->concurrency = 2;
	add_ids(w, "id", "path.ids");
	add_call(w, "a", "one", "/a/{id.id}")->each = STR("id");
	start(w);
	set_param(w, "ids", "1,2,3,4");
	t[0] = ask_read(w, "page");
	assert_string_equal(running(w), "one/a/1 one/a/2");
	says(w, "one/a/2", "2");
	step(w);
	assert_string_equal(running(w), "one/a/1 one/a/3");
	says(w, "one/a/1", "1");
	says(w, "one/a/3", "3");
	step(w);
	assert_string_equal(running(w), "one/a/4");
	says(w, "one/a/4", "4");
	step(w);
	gets(w, t[0], "\"a\":{\"1\":1,\"2\":2,\"3\":3,\"4\":4}");
	quiet(w);
	engine_free(w->e);

	/* an upstream's, in the order of those who ask */
	w->shop.upstreams[0].concurrency = 2;
	w->shop.reads[0].concurrency = 100;
	start(w);
	set_param(w, "ids", "5,6,7");
	t[0] = ask_read(w, "page");
	set_param(w, "ids", "8");
	t[1] = ask_read(w, "page");
	assert_string_equal(running(w), "one/a/5 one/a/6");
	assert_int_equal(engine_load(w->e).waiting, 2);
	says(w, "one/a/6", "6");
	step(w);
	assert_string_equal(running(w), "one/a/5 one/a/7");
	says(w, "one/a/5", "5");
	step(w);
	assert_string_equal(running(w), "one/a/7 one/a/8");
	/* who leaves the queue is not waited for */
	set_param(w, "ids", "9");
	const uint64_t gone = ask_read(w, "page");
	set_param(w, "ids", "10");
	const uint64_t last = ask_read(w, "page");
	engine_leave(w->e, gone);
	says(w, "one/a/7", "7");
	says(w, "one/a/8", "8");
	step(w);
	gets(w, t[0], "\"a\":{\"5\":5,\"6\":6,\"7\":7}");
	gets(w, t[1], "\"a\":{\"8\":8}");
	assert_string_equal(running(w), "one/a/10");
	says(w, "one/a/10", "0");
	step(w);
	gets(w, last, "\"a\":{\"10\":0}");
	assert_int_equal(calls_of(w, "one/a/9"), 0);
	quiet(w);
	world_free(w);
}

/* All upstreams share the bound over all, one call each in turn. */
static void test_bound_over_all(void **state)
{
	struct world *w = world_new();
	uint64_t t[3];
	(void)state;

	add_read(w, "page");
	add_ids(w, "id", "path.ids");
	add_call(w, "a", "one", "/a/{id.id}")->each = STR("id");
	add_read(w, "other");
	add_call(w, "b", "two", "/b");
	w->spec.calls_max = 2;
	w->shop.upstreams[0].queue_max = 3;
	start(w);
	set_param(w, "ids", "1,2,3,4,5");
	t[0] = ask_read(w, "page");
	t[1] = ask_read(w, "other");
	assert_string_equal(running(w), "one/a/1 one/a/2");
	assert_int_equal(engine_load(w->e).waiting, 4);
	set_param(w, "ids", "6");
	/* the queue of "one" is full */
	t[2] = ask_read(w, "page");
	struct read_result r = fails(w, t[2], PLAN_UNKNOWN_ERROR, 0);
	assert_int_equal(r.status, 200);
	assert_int_equal(calls_of(w, "one/a/6"), 0);
	says(w, "one/a/1", "1");
	says(w, "one/a/2", "2");
	step(w);
	assert_string_equal(running(w), "one/a/3 two/b");
	says(w, "two/b", "0");
	step(w);
	gets(w, t[1], "\"b\":0");
	assert_string_equal(running(w), "one/a/3 one/a/4");
	engine_leave(w->e, t[0]);
	quiet(w);
	world_free(w);
}

static void test_waves(void **state)
{
	struct world *w = world_new();
	uint64_t t;
	(void)state;

	add_read(w, "case");
	add_ids(w, "premises", "call.summary.at");
	add_call(w, "summary", "one", "/summary");
	add_call(w, "place", "two", "/place/{id.premises}")->each =
	    STR("premises");
	start(w);
	t = ask_read(w, "case");
	assert_string_equal(running(w), "one/summary");
	says(w, "one/summary", "{\"at\":[\"x\",\"y\"]}");
	step(w);
	/* in the step that their need came */
	assert_string_equal(running(w), "two/place/x two/place/y");
	says(w, "two/place/x", "1");
	says(w, "two/place/y", "2");
	step(w);
	gets(w, t,
	    "\"summary\":{\"at\":[\"x\",\"y\"]},\"place\":{\"x\":1,\"y\":2}");
	quiet(w);
	world_free(w);
}

static void test_deadline(void **state)
{
	struct world *w = world_new();
	uint64_t t;
	(void)state;

	add_read(w, "page")->deadline_ms = 1000;
	add_call(w, "a", "one", "/a");
	add_call(w, "b", "two", "/b");
	start(w);
	t = ask_read(w, "page");
	says(w, "one/a", "1");
	pass(w, 999);
	not_ready(w);
	assert_true(w->due == w->boot + 1);
	pass(w, 1);
	const struct read_result r = fails(w, t, PLAN_TIMEOUT, 0);
	assert_int_equal(r.status, 200);
	assert_non_null(strstr(r.body.p, "\"a\":1"));
	/* nobody waits for it any more */
	assert_true(w->up->calls[1].aborted);
	quiet(w);
	/* what comes in the step of the deadline is there */
	t = ask_read(w, "page");
	says(w, "one/a", "1");
	says(w, "two/b", "2");
	pass(w, 1000);
	gets(w, t, "\"a\":1,\"b\":2");
	/* a deadline of his own, and one that is over */
	w->ask.deadline_boot = w->boot + 5000;
	t = ask_read(w, "page");
	pass(w, 4999);
	not_ready(w);
	pass(w, 1);
	take(w, t);
	w->ask.deadline_boot = w->boot;
	t = ask_read(w, "page");
	take(w, t);
	assert_int_equal(calls_of(w, "one/a"), 3);
	quiet(w);
	world_free(w);
}

static void test_timeout_of_a_call(void **state)
{
	struct world *w = world_new();
	uint64_t t;
	(void)state;

	add_read(w, "page");
	add_call(w, "a", "one", "/a")->timeout_ms = 300;
	add_call(w, "b", "two", "/b");
	start(w);
	t = ask_read(w, "page");
	pass(w, 300);
	assert_true(w->up->calls[0].aborted);
	says(w, "two/b", "2");
	step(w);
	fails(w, t, PLAN_TIMEOUT, 0);
	quiet(w);
	world_free(w);
}

static void test_a_required_one_fails(void **state)
{
	struct world *w = world_new();
	uint64_t t;
	(void)state;

	add_read(w, "page");
	add_call(w, "a", "one", "/a")->required = true;
	add_call(w, "b", "two", "/b");
	start(w);
	t = ask_read(w, "page");
	refuses(w, "one/a", 500);
	step(w);
	assert_int_equal(take(w, t).status, 502);
	assert_true(w->up->calls[1].aborted);
	quiet(w);
	world_free(w);
}

static void test_leaving(void **state)
{
	struct world *w = world_new();
	uint64_t t[3], ticket;
	struct read_result r;
	(void)state;

	add_read(w, "page");
	add_call(w, "a", "one", "/a");
	start(w);
	engine_leave(w->e, 0);
	engine_leave(w->e, 77);
	t[0] = ask_read(w, "page");
	assert_false(engine_take(w->e, &w->arena, t[0], &r));
	engine_leave(w->e, t[0]);
	assert_true(w->up->calls[0].aborted);
	engine_leave(w->e, t[0]);
	quiet(w);
	/* the slot is another's now, the ticket is nobody's */
	t[1] = ask_read(w, "page");
	assert_true(t[1] != t[0]);
	engine_leave(w->e, t[0]);
	says(w, "one/a", "1");
	step(w);
	/* over, and not named yet: it does not come out */
	engine_leave(w->e, t[1]);
	not_ready(w);
	/* over and named: it stays until then */
	t[2] = ask_read(w, "page");
	says(w, "one/a", "1");
	step(w);
	assert_true(engine_ready(w->e, &ticket));
	assert_true(ticket == t[2]);
	not_ready(w);
	engine_leave(w->e, t[2]);
	assert_false(engine_take(w->e, &w->arena, t[2], &r));
	/* taken though it was not named */
	t[0] = ask_read(w, "page");
	says(w, "one/a", "1");
	step(w);
	assert_true(engine_take(w->e, &w->arena, t[0], &r));
	quiet(w);
	world_free(w);
}

static void test_so_many_and_no_more(void **state)
{
	struct world *w = world_new();
	uint64_t ticket;
	struct str why;
	(void)state;

	add_read(w, "page");
	add_ids(w, "id", "query.id");
	add_call(w, "a", "one", "/a/{id.id}")->each = STR("id");
	w->spec.reads_max = 3;
	start(w);
	/* none of them: the client's to know, and nothing is left behind */
	w->ask.read = 0;
	assert_int_equal(
	    engine_begin(w->e, now_of(w), &w->ask, &w->arena, &ticket, &why),
	    ERR_INPUT);
	assert_true(why.n > 0);
	assert_int_equal(engine_load(w->e).reads, 0);
	w->request.query = STR("id=7");
	for (int i = 0; i < 3; i++)
		ticket = ask_read(w, "page");
	assert_int_equal(
	    engine_begin(w->e, now_of(w), &w->ask, &w->arena, &ticket, &why),
	    ERR_FULL);
	engine_leave(w->e, ticket);
	ask_read(w, "page");
	/* freed with all of it under way */
	world_free(w);
}

/* ---- configurations ------------------------------------------------------ */

static void test_refit(void **state)
{
	struct world *w = world_new(), *other = world_new();
	uint64_t t[3];
	(void)state;

	add_read(w, "old");
	add_call(w, "a", "one", "/a");
	add_read(w, "both");
	add_call(w, "b", "two", "/b");
	start(w);
	/* the other order, another base, and no "two" */
	add_read(other, "new");
	add_call(other, "c", "one", "/c");
	add_read(other, "both");
	add_call(other, "a", "one", "/a");
	other->shop.upstreams[0].base = STR("http://one");
	other->shop.config.n_upstreams = 1;
	start(other);
	t[0] = ask_read(w, "old");
	t[1] = ask_read(w, "both");
	engine_refit(w->e, &other->shop.config, NULL);
	w->spec.config = &other->shop.config;
	assert_true(engine_uses(w->e, &w->shop.config));
	assert_true(engine_uses(w->e, &other->shop.config));
	/* the same call, by another name: it is made once */
	t[2] = ask_read(w, "both");
	assert_string_equal(running(w), "one/a two/b");
	says(w, "one/a", "1");
	step(w);
	gets(w, t[0], "\"a\":1");
	gets(w, t[2], "\"a\":1");
	assert_true(engine_uses(w->e, &w->shop.config));
	says(w, "two/b", "2");
	step(w);
	/* a result that was not taken goes by it as well */
	assert_true(engine_uses(w->e, &w->shop.config));
	gets(w, t[1], "\"b\":2");
	assert_false(engine_uses(w->e, &w->shop.config));
	assert_true(engine_uses(w->e, &other->shop.config));
	assert_int_equal(engine_breaker(w->e, 0, w->boot), BREAKER_CLOSED);
	t[0] = ask_read(w, "new");
	assert_string_equal(running(w), "one/c");
	/* back, with that under way, and freed */
	engine_refit(w->e, &w->shop.config, NULL);
	assert_true(engine_uses(w->e, &other->shop.config));
	engine_leave(w->e, t[0]);
	assert_false(engine_uses(w->e, &other->shop.config));
	world_free(w);
	world_free(other);
}

/* A queue that goes with its upstream, as its last call is refused. */
static void test_refit_of_a_queue(void **state)
{
	struct world *w = world_new(), *other = world_new();
	uint64_t t[2];
	(void)state;

	add_read(w, "page");
	add_ids(w, "id", "path.ids");
	add_call(w, "a", "two", "/a/{id.id}")->each = STR("id");
	w->shop.upstreams[1].concurrency = 1;
	start(w);
	add_read(other, "page");
	add_call(other, "a", "one", "/a");
	other->shop.config.n_upstreams = 1;
	start(other);
	set_param(w, "ids", "1");
	t[0] = ask_read(w, "page");
	set_param(w, "ids", "2");
	t[1] = ask_read(w, "page");
	engine_refit(w->e, &other->shop.config, NULL);
	refuses_for(w, "two/a/1", 503, 60000);
	step(w);
	fails(w, t[1], PLAN_CIRCUIT_OPEN, 0);
	fails(w, t[0], PLAN_HTTP_ERROR, 503);
	assert_false(engine_uses(w->e, &w->shop.config));
	quiet(w);
	world_free(w);
	world_free(other);
}

/* Those who wait begin with the next step, though no call ended. */
static void test_refit_makes_room(void **state)
{
	struct world *w = world_new();
	struct upstream wide[2];
	struct config more;
	(void)state;

	add_read(w, "page");
	add_ids(w, "id", "path.ids");
	add_call(w, "a", "one", "/a/{id.id}")->each = STR("id");
	w->shop.upstreams[0].concurrency = 1;
	start(w);
	set_param(w, "ids", "1,2,3");
	const uint64_t t = ask_read(w, "page");
	assert_int_equal(w->up->n, 1);
	memcpy(wide, w->shop.upstreams, sizeof(wide));
	wide[0].concurrency = 2;
	more = w->shop.config;
	more.upstreams = wide;
	engine_refit(w->e, &more, NULL);
	step(w);
	assert_int_equal(w->up->n, 2);
	assert_int_equal(engine_load(w->e).waiting, 1);
	engine_leave(w->e, t);
	quiet(w);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_all_calls_at_once),
	    cmocka_unit_test(test_answers_of_all_kinds),
	    cmocka_unit_test(test_bounds),
	    cmocka_unit_test(test_bound_over_all),
	    cmocka_unit_test(test_waves),
	    cmocka_unit_test(test_deadline),
	    cmocka_unit_test(test_timeout_of_a_call),
	    cmocka_unit_test(test_a_required_one_fails),
	    cmocka_unit_test(test_leaving),
	    cmocka_unit_test(test_so_many_and_no_more),
	    cmocka_unit_test(test_refit),
	    cmocka_unit_test(test_refit_of_a_queue),
	    cmocka_unit_test(test_refit_makes_room),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("engine", tests, NULL, NULL);
}
