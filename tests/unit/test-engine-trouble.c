#include "tests/unit/engine-kit.h"

/* covers cgi/read/flight-leg.c, engine-lane.c: retries, pauses, second calls,
   breakers and queues, by the upstream's own record of calls */

static struct world *one_call(void)
{
	struct world *w = world_new();

	add_read(w, "page");
	add_call(w, "a", "one", "/a");
	return w;
}

static struct upstream *one(struct world *w)
{
	return &w->shop.upstreams[0];
}

/* So many good calls of so many milliseconds. */
static void warm_up(struct world *w, int n, int64_t ms)
{
	for (int i = 0; i < n; i++) {
		const uint64_t t = ask_read(w, "page");
		w->boot += ms;
		says(w, "one/a", "1");
		step(w);
		take(w, t);
	}
}

/* ---- once more ----------------------------------------------------------- */

static void test_retries(void **state)
{
	static const enum upstream_end again[] = {
	    UPSTREAM_UNSENT, UPSTREAM_BROKEN};
	struct world *w = one_call();
	uint64_t t[2];
	(void)state;

	one(w)->retries = 2;
	start(w);
	for (size_t i = 0; i < 2; i++) {
		const size_t before = w->up->n;
		t[0] = ask_read(w, "page");
		ends(w, "one/a", again[i]);
		step(w);
		/* who comes meanwhile waits for the same */
		t[1] = ask_read(w, "page");
		not_ready(w);
		assert_string_equal(running(w), "");
		assert_true(w->due > w->boot);
		w->boot = w->due;
		step(w);
		assert_string_equal(running(w), "one/a");
		refuses(w, "one/a", 503);
		step(w);
		w->boot = w->due;
		step(w);
		/* all of them have the time of one */
		assert_true(w->up->calls[w->up->n - 1].timeout_ms < 5000);
		says(w, "one/a", "1");
		step(w);
		gets(w, t[0], "\"a\":1");
		gets(w, t[1], "\"a\":1");
		assert_int_equal(w->up->n, before + 3);
	}
	/* no more than so often */
	t[0] = ask_read(w, "page");
	for (int i = 0; i < 2; i++) {
		refuses(w, "one/a", 502);
		step(w);
		w->boot = w->due;
		step(w);
	}
	not_ready(w);
	refuses(w, "one/a", 504);
	step(w);
	fails(w, t[0], PLAN_HTTP_ERROR, 504);
	/* what was answered, or took its time, is not made again */
	static const int final[] = {400, 404, 429, 500, 501};
	for (size_t i = 0; i < sizeof(final) / sizeof(*final); i++) {
		t[0] = ask_read(w, "page");
		refuses(w, "one/a", final[i]);
		step(w);
		fails(w, t[0], PLAN_HTTP_ERROR, final[i]);
	}
	t[0] = ask_read(w, "page");
	ends(w, "one/a", UPSTREAM_TIMEOUT);
	step(w);
	fails(w, t[0], PLAN_TIMEOUT, 0);
	quiet(w);
	world_free(w);
}

static void test_retries_have_a_budget(void **state)
{
	struct world *w = one_call();
	size_t retried = 0;
	(void)state;

	one(w)->retries = 1;
	start(w);
	for (int i = 0; i < 200; i++) {
		const uint64_t t = ask_read(w, "page");
		refuses(w, "one/a", 503);
		step(w);
		if (strcmp(running(w), "") == 0 && w->due) {
			w->boot = w->due;
			step(w);
			refuses(w, "one/a", 503);
			step(w);
			retried++;
		}
		fails(w, t, PLAN_HTTP_ERROR, 503);
	}
	/* what was saved up, and then nothing: no storm */
	assert_int_equal(retried, LANE_BUDGET_MAX);
	warm_up(w, 10, 1);
	const uint64_t t = ask_read(w, "page");
	refuses(w, "one/a", 503);
	step(w);
	not_ready(w);
	engine_leave(w->e, t);
	quiet(w);
	assert_true(w->due == 0);
	world_free(w);
}

/* Nobody would be there any more. */
static void test_retries_keep_deadlines(void **state)
{
	struct world *w = one_call();
	uint64_t t;
	(void)state;

	one(w)->retries = 5;
	start(w);
	t = ask_read(w, "page");
	pass(w, 4999);
	refuses(w, "one/a", 503);
	step(w);
	fails(w, t, PLAN_HTTP_ERROR, 503);
	w->ask.deadline_boot = w->boot + 1;
	t = ask_read(w, "page");
	refuses(w, "one/a", 503);
	step(w);
	fails(w, t, PLAN_HTTP_ERROR, 503);
	/* over while it rests: told at once, and it is not made */
	w->ask.deadline_boot = 0;
	for (int i = 0; i < 20; i++) {
		t = ask_read(w, "page");
		pass(w, 4600);
		refuses(w, "one/a", 503);
		step(w);
		if (strcmp(running(w), "") == 0 && w->due)
			break;
		take(w, t);
	}
	w->boot += 400;
	step(w);
	fails(w, t, PLAN_HTTP_ERROR, 503);
	quiet(w);
	world_free(w);
}

/* ---- Retry-After --------------------------------------------------------- */

static void test_pause(void **state)
{
	struct world *w = one_call();
	uint64_t t[4];
	(void)state;

	add_read(w, "short")->deadline_ms = 2000;
	add_call(w, "a", "one", "/a");
	start(w);
	for (int status = 429; status <= 503; status += 503 - 429) {
		t[0] = ask_read(w, "page");
		refuses_for(w, "one/a", status, 3000);
		step(w);
		fails(w, t[0], PLAN_HTTP_ERROR, status);
		const size_t n = w->up->n;
		/* who has the time waits, who has not is told so */
		t[1] = ask_read(w, "short");
		struct read_result r = fails(w, t[1], PLAN_CIRCUIT_OPEN, 0);
		assert_true(r.status == 200);
		t[2] = ask_read(w, "page");
		not_ready(w);
		step(w);
		assert_true(w->due == w->boot + 3000);
		pass(w, 10);
		/* nor has he who would wait for the other's call */
		fails(w, ask_read(w, "short"), PLAN_CIRCUIT_OPEN, 0);
		pass(w, 2989);
		assert_int_equal(w->up->n, n);
		/* by now he would have */
		t[3] = ask_read(w, "short");
		pass(w, 1);
		assert_int_equal(w->up->n, n + 1);
		says(w, "one/a", "1");
		step(w);
		gets(w, t[2], "\"a\":1");
		gets(w, t[3], "\"a\":1");
	}
	quiet(w);
	assert_true(w->due == 0);
	world_free(w);
}

/* What is under way is none of it: who has no time for the pause joins. */
static void test_pause_beside_a_call(void **state)
{
	struct world *w = one_call();
	uint64_t t[3];
	(void)state;

	add_read(w, "short")->deadline_ms = 2000;
	add_call(w, "a", "one", "/a");
	add_read(w, "other");
	add_call(w, "b", "one", "/b");
	start(w);
	t[0] = ask_read(w, "page");
	t[1] = ask_read(w, "other");
	refuses_for(w, "one/b", 429, 3000);
	step(w);
	fails(w, t[1], PLAN_HTTP_ERROR, 429);
	t[2] = ask_read(w, "short");
	not_ready(w);
	says(w, "one/a", "1");
	step(w);
	gets(w, t[0], "\"a\":1");
	gets(w, t[2], "\"a\":1");
	assert_int_equal(w->up->n, 2);
	world_free(w);
}

/* Those who wait already when it is asked for. */
static void test_pause_of_a_queue(void **state)
{
	struct world *w = world_new();
	uint64_t t[4];
	(void)state;

	add_read(w, "short")->deadline_ms = 2000;
	add_ids(w, "id", "path.ids");
	add_call(w, "a", "one", "/s/{id.id}")->each = STR("id");
	add_read(w, "long");
	add_ids(w, "id", "path.ids");
	add_call(w, "a", "one", "/l/{id.id}")->each = STR("id");
	one(w)->concurrency = 1;
	start(w);
	set_param(w, "ids", "1");
	t[0] = ask_read(w, "long");
	set_param(w, "ids", "2");
	t[1] = ask_read(w, "long");
	t[2] = ask_read(w, "short");
	set_param(w, "ids", "3");
	t[3] = ask_read(w, "long");
	refuses_for(w, "one/l/1", 503, 5000);
	step(w);
	fails(w, t[2], PLAN_CIRCUIT_OPEN, 0);
	fails(w, t[0], PLAN_HTTP_ERROR, 503);
	not_ready(w);
	assert_true(w->due == w->boot + 5000);
	pass(w, 5000);
	assert_string_equal(running(w), "one/l/2");
	says(w, "one/l/2", "2");
	step(w);
	gets(w, t[1], "\"a\":{\"2\":2}");
	says(w, "one/l/3", "3");
	step(w);
	gets(w, t[3], "\"a\":{\"3\":3}");
	quiet(w);
	world_free(w);
}

/* ---- two at once --------------------------------------------------------- */

static void test_hedging(void **state)
{
	struct world *w = one_call();
	uint64_t t;
	(void)state;

	one(w)->hedge = 90;
	one(w)->breaker_window_ms = 100000;
	one(w)->breaker_calls = 1;
	one(w)->breaker_failures = 1;
	one(w)->breaker_open_ms = 1000;
	one(w)->breaker_probes = 1;
	start(w);
	/* nothing is known of its times */
	t = ask_read(w, "page");
	pass(w, 4000);
	assert_int_equal(w->up->n, 1);
	engine_leave(w->e, t);
	warm_up(w, 100, 20);
	const size_t n = w->up->n;
	t = ask_read(w, "page");
	step(w);
	assert_true(w->due == w->boot + 20);
	pass(w, 19);
	assert_int_equal(w->up->n, n + 1);
	pass(w, 1);
	assert_int_equal(w->up->n, n + 2);
	/* no third one */
	pass(w, 100);
	assert_int_equal(w->up->n, n + 2);
	/* the second is first: the other is given up, and did not fail */
	fake_end(w->up, n + 1,
	    (struct upstream_answer){.status = 200, .body = STR("2")});
	step(w);
	gets(w, t, "\"a\":2");
	assert_true(w->up->calls[n].aborted);
	assert_int_equal(engine_breaker(w->e, 0, w->boot), BREAKER_CLOSED);
	/* the other way round */
	t = ask_read(w, "page");
	pass(w, 1000);
	assert_int_equal(w->up->n, n + 4);
	says(w, "one/a", "1");
	step(w);
	gets(w, t, "\"a\":1");
	assert_true(w->up->calls[n + 3].aborted);
	assert_int_equal(engine_breaker(w->e, 0, w->boot), BREAKER_CLOSED);
	/* both leave */
	t = ask_read(w, "page");
	pass(w, 1000);
	engine_leave(w->e, t);
	quiet(w);
	world_free(w);
}

/* Nobody's place is taken by one: of all calls, too. */
static void test_hedging_where_there_is_room(void **state)
{
	struct world *w = one_call();
	(void)state;

	one(w)->hedge = 90;
	w->spec.calls_max = 1;
	start(w);
	warm_up(w, 100, 20);
	const size_t n = w->up->n;
	const uint64_t t = ask_read(w, "page");
	pass(w, 1000);
	assert_int_equal(w->up->n, n + 1);
	says(w, "one/a", "1");
	step(w);
	gets(w, t, "\"a\":1");
	world_free(w);
}

static void test_hedging_and_failures(void **state)
{
	struct world *w = one_call();
	uint64_t t;
	(void)state;

	one(w)->hedge = 90;
	start(w);
	warm_up(w, 100, 20);
	size_t n = w->up->n;
	/* one fails: the other may do better */
	t = ask_read(w, "page");
	pass(w, 20);
	says(w, "one/a", "garbage");
	step(w);
	not_ready(w);
	fake_end(w->up, n + 1,
	    (struct upstream_answer){.status = 200, .body = STR("2")});
	step(w);
	gets(w, t, "\"a\":2");
	/* both fail */
	t = ask_read(w, "page");
	pass(w, 20);
	refuses(w, "one/a", 500);
	refuses(w, "one/a", 501);
	step(w);
	fails(w, t, PLAN_HTTP_ERROR, 501);
	/* one fails, and the other has no end */
	t = ask_read(w, "page");
	pass(w, 20);
	refuses(w, "one/a", 500);
	pass(w, 4980);
	fails(w, t, PLAN_TIMEOUT, 0);
	quiet(w);
	/* where others wait for a place there is no second one */
	one(w)->concurrency = 1;
	engine_refit(w->e, &w->shop.config, NULL);
	n = w->up->n;
	t = ask_read(w, "page");
	pass(w, 100);
	assert_int_equal(w->up->n, n + 1);
	engine_leave(w->e, t);
	quiet(w);
	world_free(w);
}

/* ---- breakers ------------------------------------------------------------ */

static struct world *with_breaker(void)
{
	struct world *w = one_call();

	one(w)->breaker_window_ms = 10000;
	one(w)->breaker_calls = 4;
	one(w)->breaker_failures = 50;
	one(w)->breaker_open_ms = 5000;
	one(w)->breaker_probes = 2;
	w->shop.calls[0].required = true;
	add_ids(w, "id", "query.id");
	add_call(w, "i", "two", "/i/{id.id}")->each = STR("id");
	w->request.query = STR("id=1");
	return w;
}

static void open_it(struct world *w)
{
	for (int i = 0; i < 4; i++) {
		const uint64_t t = ask_read(w, "page");
		refuses(w, "one/a", 500);
		step(w);
		assert_int_equal(take(w, t).status, 502);
	}
	assert_int_equal(engine_breaker(w->e, 0, w->boot), BREAKER_OPEN);
}

static void test_breaker(void **state)
{
	struct world *w = with_breaker();
	uint64_t t[4];
	(void)state;

	start(w);
	open_it(w);
	/* no call while it is open, and when it may be tried again */
	const size_t n = calls_of(w, "one/a");
	w->boot += 2000;
	for (int i = 0; i < 3; i++) {
		const struct read_result r = take(w, ask_read(w, "page"));
		assert_int_equal(r.status, 503);
		assert_true(r.retry_ms == 3000);
		assert_int_equal(r.failures[0].type, PLAN_CIRCUIT_OPEN);
	}
	assert_int_equal(calls_of(w, "one/a"), n);
	/* an idle one does not wake up for it */
	step(w);
	assert_true(w->due == 0);
	/* probes: one is bad */
	w->boot += 3000;
	t[0] = ask_read(w, "page");
	assert_int_equal(calls_of(w, "one/a"), n + 1);
	refuses(w, "one/a", 500);
	step(w);
	take(w, t[0]);
	assert_int_equal(engine_breaker(w->e, 0, w->boot), BREAKER_OPEN);
	/* again: as many as are let through, of those that are asked for */
	w->boot += 5000;
	t[0] = ask_read(w, "page");
	says(w, "two/i/1", "1");
	step(w);
	assert_int_equal(engine_breaker(w->e, 0, w->boot), BREAKER_HALF);
	says(w, "one/a", "1");
	step(w);
	assert_int_equal(take(w, t[0]).status, 200);
	t[0] = ask_read(w, "page");
	says(w, "two/i/1", "1");
	says(w, "one/a", "1");
	step(w);
	assert_int_equal(take(w, t[0]).status, 200);
	assert_int_equal(engine_breaker(w->e, 0, w->boot), BREAKER_CLOSED);
	quiet(w);
	world_free(w);
}

/* What an operator sees of it: no URL, and nothing that an upstream wrote. */
static void test_breaker_is_told(void **state)
{
	struct world *w = with_breaker();
	struct buf said = {0};
	struct log log = {.fd = 2, .program = "t", .level = LOG_DEBUG};
	uint64_t t;
	(void)state;

	log.held = &said;
	w->spec.log = &log;
	start(w);
	open_it(w);
	w->boot += 5000;
	for (int i = 0; i < 2; i++) {
		t = ask_read(w, "page");
		says(w, "one/a", "1");
		step(w);
		engine_leave(w->e, t);
	}
	assert_non_null(strstr(said.data, "\"call-failed\""));
	assert_non_null(strstr(said.data, "\"breaker-opened\""));
	assert_non_null(strstr(said.data, "\"breaker-closed\""));
	assert_null(strstr(said.data, "/a"));
	world_free(w);
	buf_release(&said);
}

/* A probe that everybody left goes on, for whoever comes: its end is awaited.
 */
static void test_breaker_and_leavers(void **state)
{
	struct world *w = with_breaker();
	uint64_t t;
	(void)state;

	start(w);
	open_it(w);
	w->boot += 5000;
	const size_t n = calls_of(w, "one/a");
	for (int i = 0; i < 5; i++) {
		t = ask_read(w, "page");
		assert_true(strstr(running(w), "one/a") != NULL);
		engine_leave(w->e, t);
		step(w);
	}
	assert_int_equal(calls_of(w, "one/a"), n + 1);
	/* those who leave are no failures */
	assert_int_equal(engine_breaker(w->e, 0, w->boot), BREAKER_HALF);
	says(w, "one/a", "1");
	step(w);
	assert_int_equal(engine_breaker(w->e, 0, w->boot), BREAKER_HALF);
	/* but not for ever: when its own time is over, that is one */
	t = ask_read(w, "page");
	engine_leave(w->e, t);
	assert_true(strstr(running(w), "one/a") != NULL);
	pass(w, 60000);
	assert_int_equal(calls_of(w, "one/a"), n + 2);
	assert_int_equal(engine_breaker(w->e, 0, w->boot), BREAKER_OPEN);
	quiet(w);
	world_free(w);
}

/* It was made to find out, and has: nobody is there for whom to try again. */
static void test_breaker_tried_for_nobody(void **state)
{
	struct world *w = with_breaker();
	(void)state;

	one(w)->retries = 1;
	start(w);
	open_it(w);
	w->boot += 5000;
	const size_t n = calls_of(w, "one/a");
	const uint64_t t = ask_read(w, "page");
	engine_leave(w->e, t);
	step(w);
	assert_int_equal(calls_of(w, "one/a"), n + 1);
	assert_int_equal(engine_load(w->e).flights, 1);
	refuses(w, "one/a", 503);
	step(w);
	assert_int_equal(engine_breaker(w->e, 0, w->boot), BREAKER_OPEN);
	assert_int_equal(engine_load(w->e).flights, 0);
	quiet(w);
	world_free(w);
}

/*
 * One that tries takes so long that others found its upstream well meanwhile,
 * and a second call beside it is due: not for nobody, and not once he left.
 */
static void test_breaker_tried_alone(void **state)
{
	struct world *w = with_breaker();
	uint64_t t[2];
	(void)state;

	one(w)->hedge = 90;
	one(w)->timeout_ms = 60000;
	w->shop.reads[0].deadline_ms = 60000;
	add_read(w, "b");
	add_call(w, "b", "one", "/b");
	add_call(w, "c", "one", "/c");
	start(w);
	warm_up(w, 100, 8000);
	for (int leaves = 0; leaves < 2; leaves++) {
		w->boot += 10000;
		open_it(w);
		w->boot += 5000;
		const size_t n = calls_of(w, "one/a");
		t[0] = ask_read(w, "page");
		if (leaves)
			engine_leave(w->e, t[0]);
		t[1] = ask_read(w, "b");
		refuses(w, "one/b", 500);
		step(w);
		take(w, t[1]);
		assert_int_equal(
		    engine_breaker(w->e, 0, w->boot), BREAKER_OPEN);
		w->boot += 5000;
		t[1] = ask_read(w, "b");
		says(w, "one/b", "1");
		says(w, "one/c", "1");
		step(w);
		take(w, t[1]);
		assert_int_equal(
		    engine_breaker(w->e, 0, w->boot), BREAKER_CLOSED);
		pass(w, 4000);
		assert_int_equal(calls_of(w, "one/a"), n + (leaves ? 1 : 2));
		if (!leaves)
			engine_leave(w->e, t[0]);
		assert_string_equal(running(w), "one/a");
		says(w, "one/a", "1");
		step(w);
		quiet(w);
	}
	world_free(w);
}

/* More calls than may try it: the page fails at once, the trying goes on. */
static void test_breaker_of_many_calls(void **state)
{
	struct world *w = with_breaker();
	uint64_t t;
	(void)state;

	add_call(w, "j", "one", "/j/{id.id}")->each = STR("id");
	w->shop.calls[2].required = true;
	w->request.query = STR("id=1,2,3,4");
	start(w);
	open_it(w);
	w->boot += 5000;
	t = ask_read(w, "page");
	step(w);
	assert_int_equal(take(w, t).status, 503);
	assert_int_equal(engine_breaker(w->e, 0, w->boot), BREAKER_HALF);
	says(w, "one/a", "1");
	says(w, "one/j/1", "1");
	step(w);
	assert_int_equal(engine_breaker(w->e, 0, w->boot), BREAKER_CLOSED);
	quiet(w);
	t = ask_read(w, "page");
	assert_int_equal(calls_of(w, "one/j/4"), 5);
	engine_leave(w->e, t);
	quiet(w);
	world_free(w);
}

/* One that only ever meets its askers' deadlines fails all the same. */
static void test_breaker_and_deadlines(void **state)
{
	struct world *w = with_breaker();
	(void)state;

	w->shop.reads[0].deadline_ms = 1000;
	w->shop.upstreams[0].timeout_ms = 30000;
	start(w);
	/* not if they had no time for it */
	for (int i = 0; i < 10; i++) {
		w->ask.deadline_boot = w->boot + 400;
		const uint64_t t = ask_read(w, "page");
		pass(w, 400);
		assert_int_equal(take(w, t).status, 504);
	}
	assert_int_equal(engine_breaker(w->e, 0, w->boot), BREAKER_CLOSED);
	w->ask.deadline_boot = 0;
	for (int i = 0; i < 4; i++) {
		const uint64_t t = ask_read(w, "page");
		pass(w, 1000);
		assert_int_equal(take(w, t).status, 504);
	}
	assert_int_equal(engine_breaker(w->e, 0, w->boot), BREAKER_OPEN);
	world_free(w);
}

/* It opens while others wait for a place: none of them is called. */
static void test_breaker_and_queue(void **state)
{
	struct world *w = world_new();
	uint64_t t;
	(void)state;

	add_read(w, "page");
	add_ids(w, "id", "path.ids");
	add_call(w, "a", "one", "/a/{id.id}")->each = STR("id");
	one(w)->breaker_window_ms = 10000;
	one(w)->breaker_calls = 2;
	one(w)->breaker_failures = 50;
	one(w)->breaker_open_ms = 5000;
	one(w)->breaker_probes = 1;
	one(w)->concurrency = 2;
	start(w);
	set_param(w, "ids", "1,2,3,4,5,6,7,8");
	t = ask_read(w, "page");
	assert_int_equal(engine_load(w->e).waiting, 6);
	refuses(w, "one/a/1", 500);
	refuses(w, "one/a/2", 500);
	step(w);
	const struct read_result r = take(w, t);
	assert_int_equal(r.n_failures, 8);
	assert_int_equal(r.failures[7].type, PLAN_CIRCUIT_OPEN);
	assert_int_equal(w->up->n, 2);
	quiet(w);
	world_free(w);
}

/* ---- queues -------------------------------------------------------------- */

static void test_shedding(void **state)
{
	struct world *w = one_call();
	uint64_t t[3];
	(void)state;

	w->shop.calls[0].required = true;
	add_read(w, "b");
	add_call(w, "b", "one", "/b")->required = true;
	add_read(w, "c");
	add_call(w, "c", "one", "/c")->required = true;
	one(w)->concurrency = 1;
	one(w)->queue_max = 1;
	start(w);
	t[0] = ask_read(w, "page");
	t[1] = ask_read(w, "b");
	const struct read_result r = take(w, ask_read(w, "c"));
	assert_int_equal(r.status, 503);
	assert_true(r.retry_ms > 0);
	/* who joins what waits already is not one more */
	t[2] = ask_read(w, "b");
	says(w, "one/a", "1");
	step(w);
	says(w, "one/b", "2");
	step(w);
	gets(w, t[0], "\"a\":1");
	gets(w, t[1], "\"b\":2");
	gets(w, t[2], "\"b\":2");
	quiet(w);
	world_free(w);
}

/* Answers take so much memory and no more, whoever needs them. */
static void test_bytes_held(void **state)
{
	struct world *w = one_call();
	uint64_t t[3];
	(void)state;

	add_read(w, "b");
	add_call(w, "b", "one", "/b");
	w->shop.calls[0].ttl_ms = 1000;
	w->spec.held_max = 10;
	start(w);
	t[0] = ask_read(w, "page");
	says(w, "one/a", "\"12345\"");
	step(w);
	gets(w, t[0], "\"a\":\"12345\"");
	/* it is kept */
	t[1] = ask_read(w, "b");
	says(w, "one/b", "1234");
	step(w);
	fails(w, t[1], PLAN_UNKNOWN_ERROR, 0);
	t[1] = ask_read(w, "b");
	says(w, "one/b", "123");
	step(w);
	gets(w, t[1], "\"b\":123");
	engine_purge(w->e, (struct str){0});
	t[1] = ask_read(w, "b");
	says(w, "one/b", "1234567890");
	step(w);
	gets(w, t[1], "\"b\":1234567890");
	quiet(w);
	world_free(w);
}

/* One asker's parts are no more than an answer may be: the rest of them failed,
   before all of them together are in memory. */
static void test_bytes_of_one(void **state)
{
	static char large[1024 * 1024 - 1000];
	struct world *w = world_new();
	struct buf ids = {0};
	(void)state;

	memset(large, ' ', sizeof(large) - 2);
	large[sizeof(large) - 2] = '1';
	add_read(w, "page");
	add_ids(w, "id", "path.ids");
	add_call(w, "a", "one", "/a/{id.id}")->each = STR("id");
	one(w)->concurrency = 100;
	start(w);
	for (int i = 0; i < 40; i++)
		buf_printf(&ids, "%s%d", i ? "," : "", i);
	buf_putc(&ids, '\0');
	set_param(w, "ids", ids.data);
	const uint64_t t = ask_read(w, "page");
	assert_int_equal(w->up->n, 40);
	for (int i = 0; i < 40; i++) {
		char name[32];
		snprintf(name, sizeof(name), "one/a/%d", i);
		/* one that fits after all is taken */
		says(w, name, i == 39 ? "1" : large);
	}
	step(w);
	const struct read_result r = take(w, t);
	assert_int_equal(r.status, 200);
	assert_int_equal(r.n_failures, 7);
	assert_int_equal(r.failures[0].type, PLAN_UNKNOWN_ERROR);
	assert_true(str_is(
	    r.failures[0].message, "the answer as a whole is too large"));
	buf_release(&ids);
	world_free(w);
}

/* An open breaker is said at once, even where no call at all has room. */
static void test_breaker_without_room(void **state)
{
	struct world *w = one_call();
	uint64_t t;
	(void)state;

	add_read(w, "slot");
	add_call(w, "s", "two", "/slot");
	one(w)->breaker_window_ms = 10000;
	one(w)->breaker_calls = 1;
	one(w)->breaker_failures = 1;
	one(w)->breaker_open_ms = 5000;
	one(w)->breaker_probes = 1;
	w->spec.calls_max = 1;
	start(w);
	t = ask_read(w, "page");
	refuses(w, "one/a", 500);
	step(w);
	fails(w, t, PLAN_HTTP_ERROR, 500);
	ask_read(w, "slot");
	fails(w, ask_read(w, "page"), PLAN_CIRCUIT_OPEN, 0);
	assert_int_equal(engine_load(w->e).waiting, 0);
	world_free(w);
}

/* Who could not begin before his deadline is not called. */
static void test_not_made_in_vain(void **state)
{
	struct world *w = one_call();
	uint64_t t[2];
	(void)state;

	add_read(w, "b")->deadline_ms = 100;
	add_call(w, "b", "one", "/b");
	one(w)->concurrency = 1;
	start(w);
	t[0] = ask_read(w, "page");
	t[1] = ask_read(w, "b");
	says(w, "one/a", "1");
	pass(w, 100);
	gets(w, t[0], "\"a\":1");
	fails(w, t[1], PLAN_TIMEOUT, 0);
	assert_int_equal(calls_of(w, "one/b"), 0);
	quiet(w);
	world_free(w);
}

static void test_rate(void **state)
{
	struct world *w = world_new();
	uint64_t t;
	(void)state;

	add_read(w, "page");
	add_ids(w, "id", "path.ids");
	add_call(w, "a", "one", "/a/{id.id}")->each = STR("id");
	one(w)->rate_count = 10;
	one(w)->rate_per_ms = 1000;
	one(w)->burst = 2;
	start(w);
	set_param(w, "ids", "1,2,3,4");
	t = ask_read(w, "page");
	assert_string_equal(running(w), "one/a/1 one/a/2");
	step(w);
	assert_true(w->due == w->boot + 100);
	pass(w, 100);
	assert_string_equal(running(w), "one/a/1 one/a/2 one/a/3");
	w->boot = w->due;
	step(w);
	assert_string_equal(running(w), "one/a/1 one/a/2 one/a/3 one/a/4");
	engine_leave(w->e, t);
	quiet(w);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_retries),
	    cmocka_unit_test(test_retries_have_a_budget),
	    cmocka_unit_test(test_retries_keep_deadlines),
	    cmocka_unit_test(test_pause),
	    cmocka_unit_test(test_pause_beside_a_call),
	    cmocka_unit_test(test_pause_of_a_queue),
	    cmocka_unit_test(test_hedging),
	    cmocka_unit_test(test_hedging_where_there_is_room),
	    cmocka_unit_test(test_hedging_and_failures),
	    cmocka_unit_test(test_breaker),
	    cmocka_unit_test(test_breaker_is_told),
	    cmocka_unit_test(test_breaker_and_leavers),
	    cmocka_unit_test(test_breaker_tried_for_nobody),
	    cmocka_unit_test(test_breaker_tried_alone),
	    cmocka_unit_test(test_breaker_of_many_calls),
	    cmocka_unit_test(test_breaker_and_deadlines),
	    cmocka_unit_test(test_breaker_and_queue),
	    cmocka_unit_test(test_shedding),
	    cmocka_unit_test(test_breaker_without_room),
	    cmocka_unit_test(test_bytes_held),
	    cmocka_unit_test(test_bytes_of_one),
	    cmocka_unit_test(test_not_made_in_vain),
	    cmocka_unit_test(test_rate),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("engine-trouble", tests, NULL, NULL);
}
