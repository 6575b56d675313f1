#include "tests/unit/app-world.h"

/*
 * GET /api/jobs: one owner's jobs of all APIs, page by page, and nobody else's
 * (cgi/list.c).
 */
#define BODY "{\"vrn\":\"193054661\"}"
#define ALICE "owner: alice"

/* Two APIs that ask for an owner. */
static int up(void **state)
{
	w_apis[STRICT].auth = STR("web-server");
	w_apis[STRICT].strict_poll = false;
	return world_up(state);
}

static int down(void **state)
{
	w_apis[STRICT].auth = STR("none");
	w_apis[STRICT].strict_poll = true;
	return world_down(state);
}

static const char *put(struct world *w, size_t api, const char *owner)
{
	char header[64];

	snprintf(header, sizeof(header), "owner: %s", owner);
	world_send(w,
	    api == OWNED ? "POST /api/v1/owned" : "POST /api/v1/strict", BODY,
	    WITH(header));
	assert_answer(w, 202);
	return arena_cstr(&w->arena, str_of(w->id));
}

static void list(struct world *w, const char *query, const char *owner)
{
	struct str line = arena_printf(&w->arena, "GET /api/jobs%s", query);

	world_send(w, arena_cstr(&w->arena, line), NULL, WITH(owner));
}

static const struct value *jobs(struct world *w)
{
	return value_get(got_body(w), "jobs");
}

static size_t n_jobs(struct world *w)
{
	return jobs(w)->as.array.n;
}

static const struct value *nth(struct world *w, size_t n)
{
	assert_true(n < n_jobs(w));
	return jobs(w)->as.array.items[n];
}

static void assert_nth(struct world *w, size_t n, const char *id)
{
	assert_string_equal(
	    arena_cstr(&w->arena, value_text(nth(w, n), "jobId")), id);
}

/* NULL at the end. */
static const char *next(struct world *w)
{
	const struct value *v = value_get(got_body(w), "next");

	assert_non_null(v);
	return v->kind == VALUE_NULL ? NULL : arena_cstr(&w->arena, v->text);
}

static void newest_first_of_all_apis(void **state)
{
	struct world *w = *state;
	const char *ids[40];

	list(w, "", ALICE);
	assert_answer(w, 200);
	assert_true(str_is(w->ans.body, "{\"jobs\":[],\"next\":null}"));
	for (int i = 0; i < 40; i++) {
		ids[i] = put(w, i % 3 ? OWNED : STRICT, "alice");
		put(w, OWNED, "bob");
		world_moves(w, i % 5 ? 0 : -3); /* no clock orders them */
	}
	send_it(w, "POST /api/v1/return", BODY); /* nobody's */
	list(w, "?limit=100", ALICE);
	assert_answer(w, 200);
	assert_int_equal(n_jobs(w), 40);
	for (size_t i = 0; i < 40; i++)
		assert_nth(w, i, ids[39 - i]);
	assert_null(next(w));
	list(w, "", ALICE);
	assert_int_equal(n_jobs(w), 20);
}

/* However long the pages are, each job comes once, and none is missed. */
static void pages(void **state)
{
	struct world *w = *state;
	const char *ids[50];
	static const size_t limits[] = {1, 7, 10, 16, 17, 49, 50, 51, 100};

	for (int i = 0; i < 50; i++)
		ids[i] = put(w, i % 7 ? OWNED : STRICT, "alice");
	for (size_t l = 0; l < sizeof(limits) / sizeof(limits[0]); l++) {
		const char *cursor = "";
		size_t met = 0;

		while (cursor) {
			char query[80];
			snprintf(query, sizeof(query), "?limit=%zu&cursor=%s",
			    limits[l], cursor);
			list(w, query, ALICE);
			assert_answer(w, 200);
			for (size_t i = 0; i < n_jobs(w); i++)
				assert_nth(w, i, ids[49 - met++]);
			cursor = next(w);
			if (cursor)
				assert_int_equal(n_jobs(w), limits[l]);
		}
		assert_int_equal(met, 50);
	}
}

static void filters(void **state)
{
	struct world *w = *state;
	const char *ids[3];
	static const struct {
		const char *query;
		int which; /* a bit each: completed, failed, pending */
	} rows[] = {
	    {"", 7},
	    {"?api=owned", 5},
	    {"?api=strict", 2},
	    {"?api=vat-return-post", 0},
	    {"?status=completed", 1},
	    {"?status=failed", 2},
	    {"?status=pending", 4},
	    {"?status=cancelled", 0},
	    {"?api=owned&status=failed", 0},
	    {"?api=&status=&limit=&cursor=", 7},
	};

	ids[0] = put(w, OWNED, "alice");
	world_complete(w, OWNED, 201, "/b/1", "{\"secret\":1}");
	ids[1] = put(w, STRICT, "alice");
	world_fail(w, STRICT, REASON_UPSTREAM_ERROR, 503, "stack");
	ids[2] = put(w, OWNED, "alice");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		size_t at = 0;
		list(w, rows[i].query, ALICE);
		assert_answer(w, 200);
		for (int b = 2; b >= 0; b--)
			if (rows[i].which & 1 << b)
				assert_nth(w, at++, ids[b]);
		assert_int_equal(n_jobs(w), at);
	}
}

/* Documents, but for what would have to be opened. */
static void without_results(void **state)
{
	struct world *w = *state;

	put(w, OWNED, "alice");
	world_complete(w, OWNED, 201, "/b/1", "{\"secret\":1}");
	put(w, STRICT, "alice");
	world_fail(w, STRICT, REASON_UPSTREAM_ERROR, 503, "stack");
	put(w, OWNED, "alice");
	memset(w_faults.bodies, 0, sizeof(w_faults.bodies));
	list(w, "", ALICE);
	assert_null(memmem(w->ans.body.p, w->ans.body.n, "secret", 6));
	assert_int_equal(w_faults.bodies[BODY_RESULT], 0);
	const struct value *done = nth(w, 2), *failed = nth(w, 1);
	assert_true(str_is(value_text(done, "status"), "completed"));
	assert_null(value_get(done, "result"));
	assert_int_equal(value_get(done, "progress")->as.i, 100);
	assert_true(value_text(done, "requestId").n > 0);
	assert_true(value_text(done, "statusUrl").n > 0);
	assert_true(str_is(value_text(failed, "error"), "upstream-error"));
	assert_int_equal(
	    value_get(value_get(failed, "problem"), "status")->as.i, 502);
	assert_non_null(value_get(nth(w, 0), "estimatedDuration"));
	/* the answer is no job's */
	assert_null(memmem(got_header(w, "x-request-id"), 4, "job_", 4));
}

/* Looking through what a filter leaves out has its end, and goes on. */
static void a_filter_that_finds_little(void **state)
{
	struct world *w = *state;
	const char *cursor = "";
	size_t requests = 0, found = 0;

	put(w, OWNED, "alice");
	world_complete(w, OWNED, 200, NULL, "{}");
	for (int i = 0; i < 4500; i++) {
		put(w, OWNED, "alice");
		arena_reset(&w->arena);
	}
	while (cursor) {
		char query[80];
		snprintf(query, sizeof(query), "?status=completed&cursor=%s",
		    cursor);
		list(w, query, ALICE);
		assert_answer(w, 200);
		requests++;
		found += n_jobs(w);
		cursor = next(w);
	}
	assert_int_equal(found, 1);
	assert_int_equal(requests, 3);
}

static void what_is_gone_is_left_out(void **state)
{
	struct world *w = *state;

	put(w, OWNED, "alice");
	world_complete(w, OWNED, 200, NULL, "{}");
	ask(w, "DELETE", "?purge=1", WITH(ALICE));
	assert_answer(w, 204);
	put(w, OWNED, "alice");
	world_complete(w, OWNED, 200, NULL, "{}");
	list(w, "", ALICE);
	assert_int_equal(n_jobs(w), 1);
	world_moves(w, w_apis[OWNED].ttl_ms); /* not swept yet */
	list(w, "", ALICE);
	assert_int_equal(n_jobs(w), 0);
}

static void who_may_ask(void **state)
{
	struct world *w = *state;

	put(w, OWNED, "alice");
	list(w, "", NULL);
	assert_answer(w, 401);
	list(w, "", "authorization: Basic YWxpY2U6eA==");
	assert_answer(w, 401);
	list(w, "", "owner: eve");
	assert_answer(w, 200);
	assert_int_equal(n_jobs(w), 0);
	world_send(w, "HEAD /api/jobs", NULL, WITH(ALICE));
	assert_answer(w, 200);
	assert_true(w->ans.head);
	world_send(w, "POST /api/jobs", NULL, WITH(ALICE));
	assert_answer(w, 405);
}

static void what_is_no_question(void **state)
{
	struct world *w = *state;
	static const struct {
		const char *query, *parameter;
	} rows[] = {
	    {"?limit=0", "limit"},
	    {"?limit=101", "limit"},
	    {"?limit=-1", "limit"},
	    {"?limit=ten", "limit"},
	    {"?limit=1e1", "limit"},
	    {"?limit=18446744073709551617", "limit"},
	    {"?api=nobody", "api"},
	    {"?api=OWNED", "api"},
	    {"?status=done", "status"},
	    {"?status=PENDING", "status"},
	    {"?limit=%zz", "limit"},
	    {"?limit=%zz&limit=5", "limit"},
	    {"?api=owned%", "api"},
	    {"?status=failed%0", "status"},
	    {"?cursor=5%g0", "cursor"},
	    {"?cursor=0", "cursor"},
	    {"?cursor=-5", "cursor"},
	    {"?cursor=0x5", "cursor"},
	    {"?cursor=5%20", "cursor"},
	    {"?cursor=99999999999999999999", "cursor"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		list(w, rows[i].query, ALICE);
		assert_answer(w, 400);
		assert_string_equal(got(w, "error"), "validation-failed");
		assert_string_equal(got(w, "parameter"), rows[i].parameter);
	}
	list(w, "?cursor=999999999999999999", ALICE);
	assert_answer(w, 200);
}

static void the_store_is_away(void **state)
{
	struct world *w = *state;

	put(w, OWNED, "alice");
	w_faults.view = ERR_IO;
	list(w, "", ALICE);
	assert_answer(w, 503);
	assert_true(answer_get(&w->ans, "retry-after").n > 0);
	w_faults.view = ERR_OK;
	w_faults.body[BODY_META] = ERR_CORRUPT;
	list(w, "", ALICE);
	assert_answer(w, 500);
	w_faults.body[BODY_META] = ERR_OK;
	list(w, "", ALICE);
	assert_answer(w, 200);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, up, down)
	const struct CMUnitTest tests[] = {
	    T(newest_first_of_all_apis),
	    T(pages),
	    T(filters),
	    T(without_results),
	    T(a_filter_that_finds_little),
	    T(what_is_gone_is_left_out),
	    T(who_may_ask),
	    T(what_is_no_question),
	    T(the_store_is_away),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("list", tests, NULL, NULL);
}
