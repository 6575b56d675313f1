#include "tests/unit/engine-kit.h"

/* covers cgi/read/engine-cache.c: what is kept, for whom, for how long */

static struct world *kept(int64_t ttl, int64_t stale, int64_t spare)
{
	struct world *w = world_new();

	add_read(w, "page");
	struct read_call *call = add_call(w, "a", "one", "/a");
	call->ttl_ms = ttl;
	call->stale_ms = stale;
	call->stale_if_error_ms = spare;
	return w;
}

/* It is asked and answered. */
static struct read_result fill(struct world *w, const char *json)
{
	const uint64_t t = ask_read(w, "page");

	says(w, "one/a", json);
	step(w);
	return take(w, t);
}

static void test_hit(void **state)
{
	struct world *w = kept(60000, 0, 0);
	(void)state;

	start(w);
	struct read_result r = fill(w, "1");
	assert_true(r.cacheable);
	assert_true(r.made_boot == w->boot);
	/* up to a tenth less */
	assert_true(r.fresh_boot <= w->boot + 60000);
	assert_true(r.fresh_boot >= w->boot + 54000);
	const int64_t made = w->boot;
	w->boot = r.fresh_boot - 1;
	/* at once, without a step */
	r = take(w, ask_read(w, "page"));
	assert_int_equal(r.status, 200);
	assert_true(r.made_boot == made);
	assert_false(r.stale);
	assert_int_equal(w->up->n, 1);
	w->boot = r.fresh_boot;
	fill(w, "2");
	assert_int_equal(w->up->n, 2);
	struct cache_stats stats;
	engine_cache_stats(w->e, &stats);
	assert_int_equal(stats.entries, 1);
	/* what is over is swept, some time */
	step(w);
	for (int i = 0; w->due && i < 100; i++) {
		w->boot = w->due;
		step(w);
	}
	assert_true(w->due == 0);
	engine_cache_stats(w->e, &stats);
	assert_int_equal(stats.entries, 0);
	world_free(w);
}

static void test_jitter_differs(void **state)
{
	struct world *w = kept(60000, 0, 0);
	int64_t least = INT64_MAX, most = 0;
	(void)state;

	add_read(w, "many");
	add_ids(w, "id", "path.ids");
	struct read_call *call = add_call(w, "a", "one", "/m/{id.id}");
	call->each = STR("id");
	call->ttl_ms = 60000;
	start(w);
	for (int i = 0; i < 40; i++) {
		char id[16], url[32];
		snprintf(id, sizeof(id), "%d", i);
		snprintf(url, sizeof(url), "one/m/%d", i);
		set_param(w, "ids", id);
		const uint64_t t = ask_read(w, "many");
		says(w, url, "1");
		step(w);
		const int64_t fresh = take(w, t).fresh_boot - w->boot;
		least = fresh < least ? fresh : least;
		most = fresh > most ? fresh : most;
	}
	assert_true(least < 56000 && most > 58000);
	assert_true(least >= 54000 && most <= 60000);
	world_free(w);
}

static void test_stale_is_served_and_renewed(void **state)
{
	struct world *w = kept(1000, 10000, 0);
	struct read_result r;
	(void)state;

	start(w);
	fill(w, "1");
	w->boot += 1000;
	for (int i = 0; i < 3; i++) {
		r = take(w, ask_read(w, "page"));
		assert_true(r.stale);
		assert_true(r.complete);
		assert_non_null(strstr(r.body.p, "\"a\":1"));
	}
	/* one renewal, for nobody */
	assert_int_equal(w->up->n, 2);
	assert_string_equal(running(w), "one/a");
	assert_int_equal(engine_load(w->e).reads, 0);
	says(w, "one/a", "2");
	step(w);
	r = take(w, ask_read(w, "page"));
	assert_false(r.stale);
	assert_non_null(strstr(r.body.p, "\"a\":2"));
	assert_int_equal(w->up->n, 2);
	/* a renewal that fails changes nothing */
	pass(w, 1000);
	take(w, ask_read(w, "page"));
	refuses(w, "one/a", 500);
	step(w);
	r = take(w, ask_read(w, "page"));
	assert_true(r.stale);
	/* and is followed by another */
	assert_int_equal(w->up->n, 4);
	pass(w, 4900);
	assert_string_equal(running(w), "one/a");
	says(w, "one/a", "3");
	step(w);
	r = take(w, ask_read(w, "page"));
	assert_non_null(strstr(r.body.p, "\"a\":3"));
	/* one that does not end ends */
	pass(w, 1000);
	take(w, ask_read(w, "page"));
	assert_string_equal(running(w), "one/a");
	pass(w, 5000);
	assert_string_equal(running(w), "");
	assert_int_equal(engine_load(w->e).flights, 0);
	world_free(w);
}

/* Who comes when it is too old to be served waits for the renewal; he leaves,
   and it goes on for what is kept. */
static void test_leavers_of_a_renewal(void **state)
{
	struct world *w = kept(1000, 1000, 0);
	(void)state;

	start(w);
	fill(w, "1");
	w->boot += 1000;
	assert_true(take(w, ask_read(w, "page")).stale);
	pass(w, 1000);
	const uint64_t t = ask_read(w, "page");
	not_ready(w);
	assert_int_equal(w->up->n, 2);
	engine_leave(w->e, t);
	step(w);
	assert_string_equal(running(w), "one/a");
	says(w, "one/a", "2");
	step(w);
	const struct read_result r = take(w, ask_read(w, "page"));
	assert_non_null(strstr(r.body.p, "\"a\":2"));
	assert_int_equal(w->up->n, 2);
	world_free(w);
}

static void test_renewals_do_not_wait_for_ever(void **state)
{
	struct world *w = kept(1000, 100000, 0);
	(void)state;

	add_read(w, "slot");
	add_call(w, "s", "one", "/slot")->timeout_ms = 50000;
	w->shop.upstreams[0].concurrency = 1;
	w->shop.reads[1].deadline_ms = 60000;
	start(w);
	fill(w, "1");
	ask_read(w, "slot");
	pass(w, 1000);
	take(w, ask_read(w, "page"));
	take(w, ask_read(w, "page"));
	assert_int_equal(engine_load(w->e).waiting, 1);
	pass(w, 4999);
	assert_int_equal(engine_load(w->e).waiting, 1);
	pass(w, 1);
	assert_int_equal(engine_load(w->e).waiting, 0);
	assert_int_equal(engine_load(w->e).flights, 1);
	/* who waits for one, and goes, leaves it as it was */
	take(w, ask_read(w, "page"));
	w->boot += 99000;
	const uint64_t t = ask_read(w, "page");
	assert_true(engine_load(w->e).reads == 2);
	engine_leave(w->e, t);
	step(w);
	assert_int_equal(engine_load(w->e).waiting, 0);
	world_free(w);
}

static void spare_is_told(struct world *w, uint64_t t)
{
	const struct read_result r = take(w, t);

	assert_int_equal(r.status, 200);
	assert_true(r.complete);
	assert_true(r.stale);
	assert_non_null(strstr(r.body.p, "\"a\":1"));
}

static void test_spare(void **state)
{
	struct world *w = kept(1000, 0, 600000);
	uint64_t t;
	(void)state;

	w->shop.calls[0].required = true;
	start(w);
	fill(w, "1");
	pass(w, 1000);
	/* failures of the upstream */
	t = ask_read(w, "page");
	refuses(w, "one/a", 500);
	step(w);
	spare_is_told(w, t);
	t = ask_read(w, "page");
	ends(w, "one/a", UPSTREAM_UNSENT);
	step(w);
	spare_is_told(w, t);
	t = ask_read(w, "page");
	refuses(w, "one/a", 429);
	step(w);
	spare_is_told(w, t);
	t = ask_read(w, "page");
	says(w, "one/a", "<garbage>");
	step(w);
	spare_is_told(w, t);
	/* the call's time-out, and the asker's deadline */
	t = ask_read(w, "page");
	pass(w, 5000);
	spare_is_told(w, t);
	w->ask.deadline_boot = w->boot + 10;
	t = ask_read(w, "page");
	pass(w, 10);
	spare_is_told(w, t);
	w->ask.deadline_boot = w->boot;
	spare_is_told(w, ask_read(w, "page"));
	w->ask.deadline_boot = 0;
	/* but not where it was said that it may not be had */
	t = ask_read(w, "page");
	refuses(w, "one/a", 403);
	step(w);
	assert_int_equal(take(w, t).status, 502);
	/* and not for ever */
	pass(w, 600000);
	t = ask_read(w, "page");
	refuses(w, "one/a", 500);
	step(w);
	assert_int_equal(take(w, t).status, 502);
	quiet(w);
	world_free(w);
}

static void test_spare_of_what_was_not_asked(void **state)
{
	struct world *w = kept(1000, 0, 600000);
	uint64_t t[2];
	(void)state;

	add_read(w, "slot");
	add_call(w, "s", "one", "/slot");
	struct upstream *one = &w->shop.upstreams[0];
	one->concurrency = 1;
	one->queue_max = 0;
	one->breaker_window_ms = 10000;
	one->breaker_calls = 2;
	one->breaker_failures = 60;
	one->breaker_open_ms = 10000;
	one->breaker_probes = 1;
	start(w);
	fill(w, "1");
	pass(w, 1000);
	/* shed */
	t[0] = ask_read(w, "slot");
	spare_is_told(w, ask_read(w, "page"));
	refuses(w, "one/slot", 500);
	step(w);
	take(w, t[0]);
	/* its breaker is open */
	t[0] = ask_read(w, "slot");
	refuses(w, "one/slot", 500);
	step(w);
	take(w, t[0]);
	assert_int_equal(engine_breaker(w->e, 0, w->boot), BREAKER_OPEN);
	const size_t n = w->up->n;
	spare_is_told(w, ask_read(w, "page"));
	t[1] = ask_read(w, "slot");
	fails(w, t[1], PLAN_CIRCUIT_OPEN, 0);
	assert_int_equal(w->up->n, n);
	world_free(w);
}

static void test_negative(void **state)
{
	struct world *w = kept(60000, 60000, 60000);
	struct str statuses[] = {STR("404"), STR("410")};
	uint64_t t;
	(void)state;

	w->shop.calls[0].empty_on = (struct strs){statuses, 2};
	w->shop.calls[0].empty_ttl_ms = 5000;
	start(w);
	t = ask_read(w, "page");
	refuses(w, "one/a", 410);
	step(w);
	gets(w, t, "\"a\":null");
	pass(w, 4000);
	gets(w, ask_read(w, "page"), "\"a\":null");
	assert_int_equal(w->up->n, 1);
	/* neither stale nor spare */
	pass(w, 1000);
	t = ask_read(w, "page");
	refuses(w, "one/a", 500);
	step(w);
	fails(w, t, PLAN_HTTP_ERROR, 500);
	world_free(w);
}

/* Whether a second asker is answered from what is kept. */
static bool keeps(const char *header, const char *value, bool owned,
    const char *authorization)
{
	struct world *w = kept(60000, 0, 0);
	struct str forwarded = STR("authorization");
	bool hit;

	w->shop.calls[0].owned = owned;
	if (authorization) {
		w->shop.calls[0].forward = (struct strs){&forwarded, 1};
		set_header(w, "authorization", authorization);
	}
	start(w);
	ask_read(w, "page");
	says_with(w, "one/a", "1", header, value);
	step(w);
	ask_read(w, "page");
	hit = w->up->n == 1;
	world_free(w);
	return hit;
}

static void test_what_the_upstream_says(void **state)
{
	static const struct {
		const char *header, *value;
		bool owned;
		const char *authorization;
		bool is_kept;
	} cases[] = {
	    {"cache-control", "public, max-age=300", false, NULL, true},
	    {"cache-control", "no-store", false, NULL, false},
	    {"cache-control", "max-age=60, No-Store", false, NULL, false},
	    {"cache-control", "no-store", true, NULL, false},
	    {"cache-control", "no-store", false, "Bearer 1", false},
	    {"cache-control", "no-cache", true, NULL, false},
	    {"cache-control", "private", false, NULL, false},
	    {"cache-control", " private=\"x\" ,max-age=9", false, NULL, false},
	    {"cache-control", "private", true, NULL, true},
	    {"cache-control", "private", false, "Bearer 1", true},
	    {"cache-control", "max-age=0", false, NULL, false},
	    {"cache-control", "max-age=nonsense", false, NULL, false},
	    {"cache-control", "max-age=\"60\"", false, NULL, true},
	    {"cache-control", "max-age=99999999999999999999", false, NULL,
		true},
	    {"cache-control", "s-maxage=0, max-age=60", false, NULL, false},
	    {"cache-control", "max-age=60, s-maxage=0", false, NULL, false},
	    {"cache-control", "max-age=0, s-maxage=60", false, NULL, true},
	    {"cache-control", "s-maxage=0, max-age=60", true, NULL, true},
	    {"cache-control", ",,=,;no-stores,nostore", false, NULL, true},
	    {"cache-control", "", false, NULL, true},
	    {"set-cookie", "a=b", false, NULL, false},
	    {"set-cookie", "a=b", true, NULL, false},
	    {"x-other", "no-store", false, NULL, true},
	};
	(void)state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		if (keeps(cases[i].header, cases[i].value, cases[i].owned,
			cases[i].authorization) != cases[i].is_kept)
			fail_msg(
			    "%s: %s (%zu)", cases[i].header, cases[i].value, i);
}

static void test_max_age_shortens(void **state)
{
	struct world *w = kept(60000, 10000, 10000);
	struct read_result r;
	uint64_t t;
	(void)state;

	start(w);
	t = ask_read(w, "page");
	says_with(w, "one/a", "1", "cache-control", "max-age=7");
	step(w);
	r = take(w, t);
	assert_true(r.fresh_boot == w->boot + 7000);
	pass(w, 7000);
	assert_true(take(w, ask_read(w, "page")).stale);
	/* and never lengthens */
	says_with(w, "one/a", "2", "cache-control", "max-age=700");
	step(w);
	r = take(w, ask_read(w, "page"));
	assert_true(r.fresh_boot <= w->boot + 60000);
	/* rules out what is stale */
	pass(w, 60000);
	take(w, ask_read(w, "page"));
	says_with(w, "one/a", "3", "cache-control", "must-revalidate");
	step(w);
	pass(w, 60000);
	t = ask_read(w, "page");
	refuses(w, "one/a", 500);
	step(w);
	fails(w, t, PLAN_HTTP_ERROR, 500);
	world_free(w);
}

/* And with it the times after it: they are counted from there. */
static void test_max_age_moves_all_of_it(void **state)
{
	for (int later = 0; later < 3; later++) {
		struct world *w = kept(60000, 10000, 10000);
		static const int64_t after[] = {16999, 17000, 27000};
		uint64_t t;
		(void)state;

		start(w);
		t = ask_read(w, "page");
		says_with(w, "one/a", "1", "cache-control", "max-age=7");
		step(w);
		take(w, t);
		w->boot += after[later];
		t = ask_read(w, "page");
		if (later == 0) {
			assert_true(take(w, t).stale);
		} else {
			refuses(w, "one/a", 500);
			step(w);
			if (later == 1)
				assert_true(take(w, t).stale);
			else
				fails(w, t, PLAN_HTTP_ERROR, 500);
		}
		world_free(w);
	}
}

static void test_what_was_left_out(void **state)
{
	struct world *w = kept(60000, 0, 0);
	(void)state;

	start(w);
	ask_read(w, "page");
	answer_as(w, "one/a",
	    (struct upstream_answer){
		.status = 200, .body = STR("1"), .headers_cut = true});
	step(w);
	ask_read(w, "page");
	assert_int_equal(w->up->n, 2);
	world_free(w);
}

static void test_age(void **state)
{
	static const struct {
		const char *age;
		int64_t left_ms;
	} cases[] = {{"3", 7000}, {" 9 ", 1000}, {"10", 0}, {"11", 0},
	    {"x", 10000}, {"99999999999999999999", 0}};
	(void)state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct world *w = kept(60000, 0, 0);
		struct pair headers[] = {
		    {STR("cache-control"), STR("max-age=10")},
		    {STR("age"), str_of(cases[i].age)}};
		start(w);
		const uint64_t t = ask_read(w, "page");
		answer_as(w, "one/a",
		    (struct upstream_answer){.status = 200,
			.body = STR("1"),
			.headers = {headers, 2}});
		step(w);
		const struct read_result r = take(w, t);
		assert_true(r.fresh_boot == w->boot + cases[i].left_ms);
		world_free(w);
	}
}

/* Two reads of one thing: each for as long as it says itself. */
static void test_other_times(void **state)
{
	struct world *w = kept(60000, 0, 0);
	(void)state;

	add_read(w, "eager");
	add_call(w, "a", "one", "/a")->ttl_ms = 1000;
	add_read(w, "never");
	add_call(w, "a", "one", "/a");
	start(w);
	fill(w, "1");
	gets(w, ask_read(w, "eager"), "\"a\":1");
	pass(w, 1000);
	gets(w, ask_read(w, "page"), "\"a\":1");
	uint64_t t = ask_read(w, "never");
	assert_int_equal(w->up->n, 2);
	uint64_t u = ask_read(w, "eager");
	assert_int_equal(w->up->n, 2);
	says(w, "one/a", "2");
	step(w);
	const struct read_result r = take(w, t);
	assert_false(r.cacheable);
	gets(w, u, "\"a\":2");
	world_free(w);
}

static void test_purge(void **state)
{
	struct world *w = kept(60000, 0, 0);
	uint64_t t[3];
	(void)state;

	add_read(w, "other");
	add_call(w, "b", "two", "/b/7")->ttl_ms = 60000;
	start(w);
	fill(w, "1");
	t[0] = ask_read(w, "other");
	says(w, "two/b/7", "7");
	step(w);
	take(w, t[0]);
	assert_int_equal(engine_purge(w->e, STR("two/x")), 0);
	assert_int_equal(engine_purge(w->e, STR("one/")), 1);
	gets(w, ask_read(w, "other"), "\"b\":7");
	/* what is under way goes on for who waits for it; nobody joins it, and
	   it is not kept */
	t[0] = ask_read(w, "page");
	assert_int_equal(calls_of(w, "one/a"), 2);
	assert_int_equal(engine_purge(w->e, STR("one/a")), 0);
	t[1] = ask_read(w, "page");
	assert_int_equal(calls_of(w, "one/a"), 3);
	says(w, "one/a", "\"old\"");
	step(w);
	gets(w, t[0], "\"a\":\"old\"");
	t[2] = ask_read(w, "page");
	assert_int_equal(calls_of(w, "one/a"), 3);
	says(w, "one/a", "\"new\"");
	step(w);
	gets(w, t[1], "\"a\":\"new\"");
	gets(w, t[2], "\"a\":\"new\"");
	gets(w, ask_read(w, "page"), "\"a\":\"new\"");
	/* the newer one first: the older one replaces nothing */
	assert_int_equal(engine_purge(w->e, (struct str){0}), 2);
	t[0] = ask_read(w, "page");
	engine_purge(w->e, (struct str){0});
	t[1] = ask_read(w, "page");
	fake_end(w->up, w->up->n - 1,
	    (struct upstream_answer){.status = 200, .body = STR("2")});
	step(w);
	gets(w, t[1], "\"a\":2");
	says(w, "one/a", "1");
	step(w);
	gets(w, t[0], "\"a\":1");
	gets(w, ask_read(w, "page"), "\"a\":2");
	world_free(w);
}

/* One that only waits for its lane is made after the purge: it is kept. */
static void test_purge_of_what_waits(void **state)
{
	struct world *w = kept(60000, 0, 0);
	uint64_t t[3];
	(void)state;

	add_read(w, "slot");
	add_call(w, "s", "one", "/slot");
	w->shop.upstreams[0].concurrency = 1;
	start(w);
	t[0] = ask_read(w, "slot");
	t[1] = ask_read(w, "page");
	engine_purge(w->e, (struct str){0});
	t[2] = ask_read(w, "page");
	says(w, "one/slot", "0");
	step(w);
	says(w, "one/a", "1");
	step(w);
	gets(w, t[0], "\"s\":0");
	gets(w, t[1], "\"a\":1");
	gets(w, t[2], "\"a\":1");
	gets(w, ask_read(w, "page"), "\"a\":1");
	assert_int_equal(calls_of(w, "one/a"), 1);
	world_free(w);
}

static void test_refit_keeps(void **state)
{
	struct world *w = kept(60000, 0, 0), *other = kept(60000, 0, 0);
	(void)state;

	start(w);
	start(other);
	fill(w, "1");
	engine_refit(w->e, &other->shop.config, NULL);
	assert_false(engine_uses(w->e, &w->shop.config));
	gets(w, ask_read(w, "page"), "\"a\":1");
	assert_int_equal(w->up->n, 1);
	/* a renewal alone keeps its configuration */
	other->shop.calls[0].ttl_ms = 500;
	other->shop.calls[0].stale_ms = 60000;
	pass(w, 500);
	assert_true(take(w, ask_read(w, "page")).stale);
	engine_refit(w->e, &w->shop.config, NULL);
	assert_true(engine_uses(w->e, &other->shop.config));
	says(w, "one/a", "2");
	step(w);
	assert_false(engine_uses(w->e, &other->shop.config));
	world_free(w);
	world_free(other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_hit),
	    cmocka_unit_test(test_jitter_differs),
	    cmocka_unit_test(test_stale_is_served_and_renewed),
	    cmocka_unit_test(test_leavers_of_a_renewal),
	    cmocka_unit_test(test_renewals_do_not_wait_for_ever),
	    cmocka_unit_test(test_spare),
	    cmocka_unit_test(test_spare_of_what_was_not_asked),
	    cmocka_unit_test(test_negative),
	    cmocka_unit_test(test_what_the_upstream_says),
	    cmocka_unit_test(test_max_age_shortens),
	    cmocka_unit_test(test_max_age_moves_all_of_it),
	    cmocka_unit_test(test_what_was_left_out),
	    cmocka_unit_test(test_age),
	    cmocka_unit_test(test_other_times),
	    cmocka_unit_test(test_purge),
	    cmocka_unit_test(test_purge_of_what_waits),
	    cmocka_unit_test(test_refit_keeps),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("engine-cache", tests, NULL, NULL);
}
