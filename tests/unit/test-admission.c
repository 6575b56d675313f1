#include "cgi/bucket.h"
#include "cgi/estimate.h"
#include "tests/unit/app-world.h"

/*
 * Contract 2, step 6: what is one too many, and that nothing before it is
 * refused for that. And contract 4's bucket of look-ups.
 */
#define MINUTE 60000
#define NAMED(n) "x-request-id: a-name-of-twenty-bytes-" n

static void unbind(void)
{
	w_apis[OWNED].owner_rate_count = w_apis[OWNED].owner_rate_per_ms = 0;
	w_apis[OWNED].owner_open = w_apis[OWNED].queue_max = 0;
	w_apis[BUNDLE].owner_rate_count = w_apis[BUNDLE].owner_rate_per_ms = 0;
	w_apis[OWNED].resource_id = w_apis[BUNDLE].resource_id =
	    (struct str){0};
}

static int up(void **state)
{
	unbind();
	return world_up(state);
}

static int down(void **state)
{
	unbind();
	return world_down(state);
}

static void post(struct world *w, const char *body, const char *owner)
{
	send_it(w, "POST /api/v1/owned", body, owner);
}

static void assert_refused(struct world *w, int status, const char *error)
{
	assert_answer(w, status);
	assert_string_equal(got(w, "error"), error);
	assert_string_equal(
	    got_header(w, "content-type"), "application/problem+json");
	assert_int_equal(w->ans.n_headers > 0, 1);
}

/* Not sooner than this, and not much later. */
static void assert_retry(struct world *w, int at_least_s)
{
	int s = atoi(got_header(w, "retry-after"));
	int n = 0;

	for (size_t i = 0; i < w->ans.n_headers; i++)
		n += str_ieq(w->ans.headers[i].name, STR("Retry-After"));
	assert_int_equal(n, 1);
	assert_in_range(s, at_least_s, at_least_s + at_least_s / 5 + 1);
}

static void so_many_in_a_time(void **state)
{
	struct world *w = *state;

	w_apis[OWNED].owner_rate_count = 2;
	w_apis[OWNED].owner_rate_per_ms = MINUTE;
	post(w, "{}", "owner: ann");
	assert_answer(w, 202);
	world_moves(w, 10000);
	post(w, "{}", "owner: ann");
	assert_answer(w, 202);
	w->holds = true; /* a flood costs no turn */
	for (int i = 0; i < 3; i++) {
		post(w, "{}", "owner: ann");
		assert_refused(w, 429, "rate-limited");
		assert_retry(w, 50);
		assert_string_equal(got(w, "jobId"), "(none)");
	}
	w->holds = false;
	post(w, "{}", "owner: bob");
	assert_answer(w, 202);
	world_moves(w, 50000);
	post(w, "{}", "owner: ann");
	assert_answer(w, 202);
	post(w, "{}", "owner: ann");
	assert_refused(w, 429, "rate-limited");
	assert_retry(w, 10);
	assert_int_equal(world_count(w, OWNED), 4);
}

static void anonymous_ones_count_by_address(void **state)
{
	struct world *w = *state;

	w_apis[BUNDLE].owner_rate_count = 1;
	w_apis[BUNDLE].owner_rate_per_ms = MINUTE;
	send_it(w, "POST /api/v1/bundle", "{}", "from: 192.0.2.1");
	assert_answer(w, 202);
	/* neither a header nor another spelling makes one somebody else */
	send_it(w, "POST /api/v1/bundle", "{}", "from: 192.0.2.1",
	    "x-forwarded-for: 198.51.100.7", "owner: bob");
	assert_refused(w, 429, "rate-limited");
	send_it(w, "POST /api/v1/bundle", "{}", "from: ::ffff:192.0.2.1");
	assert_refused(w, 429, "rate-limited");
	send_it(w, "POST /api/v1/bundle", "{}", "from: 192.0.2.2");
	assert_answer(w, 202);
	send_it(w, "POST /api/v1/bundle", "{}", "from: 2001:db8::1");
	assert_answer(w, 202);
	send_it(w, "POST /api/v1/bundle", "{}", "from: 2001:db8::2");
	assert_refused(w, 429, "rate-limited");
}

static void so_many_open(void **state)
{
	struct world *w = *state;

	w_apis[OWNED].owner_open = 2;
	post(w, "{}", "owner: ann");
	post(w, "{}", "owner: ann");
	assert_answer(w, 202);
	post(w, "{}", "owner: ann");
	assert_refused(w, 429, "rate-limited");
	assert_string_not_equal(got_header(w, "retry-after"), "");
	post(w, "{}", "owner: bob");
	assert_answer(w, 202);
	world_complete(w, OWNED, 200, NULL, "{}");
	post(w, "{}", "owner: ann");
	assert_answer(w, 202);
}

static void a_queue_of_all(void **state)
{
	struct world *w = *state;

	w_apis[OWNED].queue_max = 2;
	post(w, "{}", "owner: ann");
	post(w, "{}", "owner: bob");
	assert_answer(w, 202);
	post(w, "{}", "owner: cat");
	assert_refused(w, 503, "queue-full");
	assert_string_not_equal(got_header(w, "retry-after"), "");
	world_claim(w, OWNED);
	post(w, "{}", "owner: cat");
	assert_answer(w, 202);
}

/* Nobody works on it: a new one would only wait for its deadline. */
static void a_queue_that_is_too_old(void **state)
{
	struct world *w = *state;

	post(w, "{}", "owner: ann");
	world_moves(w, w_apis[OWNED].deadline_ms - 1);
	post(w, "{}", "owner: ann");
	assert_answer(w, 202);
	world_moves(w, 1);
	post(w, "{}", "owner: ann");
	assert_refused(w, 503, "queue-full");
	assert_string_not_equal(got_header(w, "retry-after"), "");
	send_it(w, "POST /api/v1/bundle", "{}"); /* each API its own */
	assert_answer(w, 202);
}

/* Whatever comes before step 6 is said first, and a replay never gets there. */
static void the_order(void **state)
{
	static const struct {
		const char *line, *body, *headers[3];
		int status;
		const char *error;
	} rows[] = {
	    {"POST /api/v1/nowhere", "{}", {"owner: ann"}, 404, "not-found"},
	    {"PUT /api/v1/owned", "{}", {"owner: ann"}, 405,
		"method-not-allowed"},
	    {"POST /api/v1/owned", "{}", {"x: y"}, 401, "unauthorized"},
	    {"POST /api/v1/owned", "{}", {"idempotency-key: \"", "owner: ann"},
		400, "validation-failed"},
	    {"POST /api/v1/owned", "{}", {"x-request-id: job_1", "owner: ann"},
		404, "job-not-found"},
	    {"POST /api/v1/owned", "[1]", {NAMED("1"), "owner: ann"}, 409,
		"id-conflict"},
	    {"POST /api/v1/owned", "[1]", {"idempotency-key: k", "owner: ann"},
		422, "idempotency-key-reused"},
	    {"POST /api/v1/owned", "{}",
		{"content-type: text/plain", "owner: ann"}, 415,
		"unsupported-media-type"},
	    {"POST /api/v1/owned", "{\"id\":1.5}", {"owner: ann"}, 400,
		"validation-failed"},
	    {"POST /api/v1/owned", "{\"id\":\"r1\"}", {"owner: ann"}, 409,
		"id-conflict"},
	    {"POST /api/v1/owned", "{\"id\":\"r9\"}", {"owner: ann"}, 429,
		"rate-limited"},
	    {"POST /api/v1/owned", "{\"id\":\"r9\"}", {"owner: bob"}, 503,
		"queue-full"},
	};
	struct world *w = *state;

	w_apis[OWNED].owner_open = 2;
	w_apis[OWNED].queue_max = 2;
	w_apis[OWNED].resource_id = STR("body.id");
	send_it(w, "POST /api/v1/owned", "{\"id\":\"r1\"}", NAMED("1"),
	    "owner: ann");
	assert_answer(w, 202);
	send_it(w, "POST /api/v1/owned", "{\"id\":\"r2\"}",
	    "idempotency-key: k", "owner: ann");
	assert_answer(w, 202);
	w->holds = true;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		world_send(w, rows[i].line, rows[i].body, rows[i].headers);
		assert_answer(w, rows[i].status);
		assert_string_equal(got(w, "error"), rows[i].error);
	}
	/* the same again is the same job: quota, queue and its own resource */
	send_it(w, "POST /api/v1/owned", "{\"id\":\"r1\"}", NAMED("1"),
	    "x-initial-request: true", "owner: ann");
	assert_int_equal(w->outcome, OUTCOME_PARK);
	assert_int_equal(w->wait.view, WAIT_REPEAT);
	send_it(w, "POST /api/v1/owned", "{\"id\":\"r2\"}",
	    "idempotency-key: \"k\"", "owner: ann");
	assert_int_equal(w->outcome, OUTCOME_PARK);
	assert_int_equal(world_count(w, OWNED), 2);
}

/* A known id is answered whatever its body has become since. */
static void a_replay_is_not_validated(void **state)
{
	struct world *w = *state;
	int64_t max = w_apis[OWNED].body_max;

	send_it(
	    w, "POST /api/v1/owned", "{\"a\":12345}", NAMED("1"), "owner: ann");
	assert_answer(w, 202);
	w_apis[OWNED].body_max = 5;
	w_apis[OWNED].resource_id = STR("body.id");
	send_it(w, "POST /api/v1/owned", "{\"a\":12345}", NAMED("1"),
	    "content-type: text/plain", "owner: ann");
	assert_int_equal(w->outcome, OUTCOME_PARK);
	send_it(w, "POST /api/v1/owned", "{\"a\":123456}", NAMED("1"),
	    "owner: ann");
	assert_refused(w, 409, "id-conflict");
	send_it(
	    w, "POST /api/v1/owned", "{\"a\":12345}", NAMED("2"), "owner: ann");
	assert_refused(w, 413, "payload-too-large");
	w_apis[OWNED].body_max = max;
}

/* Where the view cannot say it, the transaction does. */
static void the_commit_decides(void **state)
{
	static const struct {
		int64_t rate, queue;
		int status;
		const char *error;
	} rows[] = {
	    {1, 0, 429, "rate-limited"},
	    {0, 1, 503, "queue-full"},
	};
	struct world *w = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		w_apis[OWNED].owner_rate_count = rows[i].rate;
		w_apis[OWNED].owner_rate_per_ms = MINUTE;
		w_apis[OWNED].queue_max = rows[i].queue;
		if (i == 0)
			post(w, "{}", "owner: ann");
		for (int back = 0; back < 2; back++) {
			w_faults.view = ERR_AGAIN;
			w->holds = true;
			post(w, "{}", "owner: ann");
			assert_int_equal(w->outcome, OUTCOME_COMMIT);
			if (back)
				w_faults.view = ERR_OK;
			world_commit(w);
			w_faults.view = ERR_OK;
			w->holds = false;
			app_rest(&w->app);
			assert_refused(w, rows[i].status, rows[i].error);
			assert_retry(w, back && i == 0 ? 60 : 1);
			assert_string_equal(got(w, "jobId"), "(none)");
			assert_int_equal(strlen(got(w, "requestId")), 32);
		}
	}
	assert_int_equal(world_count(w, OWNED), 1);
}

/* Nothing can be counted just now: no reason to refuse, nor to read on. */
static void a_store_that_cannot_count(void **state)
{
	struct world *w = *state;

	w_apis[OWNED].queue_max = 1;
	post(w, "{}", "owner: ann");
	w->holds = w->stays = true;
	w_faults.stats = ERR_BUSY;
	post(w, "{}", "owner: ann");
	assert_int_equal(w->outcome, OUTCOME_COMMIT);
	assert_false(w->app.viewing);
	w_faults.stats = ERR_OK;
	world_commit(w);
	assert_refused(w, 503, "queue-full");
	w->stays = false;
	app_rest(&w->app);
}

/* One job at a time, and each takes a minute: sixteen wait too long. */
static void what_is_measured_counts(void **state)
{
	struct estimate estimates[APIS] = {0};
	struct world *w = *state;
	int64_t before = w_apis[OWNED].concurrency;
	int n = 0;

	w_apis[OWNED].concurrency = 1;
	w->app.estimates = estimates;
	for (int i = 0; i < STORE_SAMPLES; i++) {
		post(w, "{}", "owner: ann");
		assert_answer(w, 202);
		world_moves(w, 5000); /* in the queue, which is not its run */
		struct job job = world_claim(w, OWNED);
		world_moves(w, MINUTE);
		world_finish(w, OWNED, &job,
		    (struct job_event){
			.kind = JOB_EVENT_COMPLETE, .status = 204},
		    &(struct envelope_result){.status = 204});
	}
	for (; n < 100; n++) {
		post(w, "{}", "owner: ann");
		if (w->ans.status != 202)
			break;
	}
	assert_refused(w, 503, "queue-full");
	assert_in_range(estimates[OWNED].n, ESTIMATE_MIN, STORE_SAMPLES);
	assert_int_equal(estimates[OWNED].run_ms, MINUTE);
	assert_int_equal(estimates[OWNED].ms[0], MINUTE + 5000);
	assert_int_equal(n, w_apis[OWNED].deadline_ms / MINUTE + 1);
	/* read once a second, not with every request */
	const int64_t read = estimates[OWNED].read_boot;
	world_moves(w, ESTIMATE_FRESH_MS - 1);
	post(w, "{}", "owner: ann");
	assert_int_equal(estimates[OWNED].read_boot, read);
	world_moves(w, 1);
	post(w, "{}", "owner: ann");
	assert_int_equal(estimates[OWNED].read_boot, w->now.boot_ms);
	w->app.estimates = NULL;
	w_apis[OWNED].concurrency = before;
}

/*
 * A moment after there was room the store's view is not asked for, but the
 * transaction is; who was refused once is refused without one, and so is
 * everybody where each sender has bounds of his own.
 */
static void there_was_room_a_moment_ago(void **state)
{
	struct estimate estimates[APIS] = {0};
	struct world *w = *state;

	w->app.estimates = estimates;
	w_apis[OWNED].queue_max = 3;
	post(w, "{}", "owner: ann");
	assert_answer(w, 202);
	w->holds = w->stays = true;
	for (int later = 0; later < 2; later++) {
		world_moves(w, later * MINUTE); /* by then there may be none */
		post(w, "{}", "owner: ann");
		assert_int_equal(w->outcome, OUTCOME_COMMIT);
		assert_int_equal(w->app.viewing, later);
		app_rest(&w->app);
		world_commit(w);
		assert_answer(w, 202);
	}
	w->holds = w->stays = false;
	post(w, "{}", "owner: ann");
	assert_refused(w, 503, "queue-full");
	w->holds = true; /* a flood costs no turn */
	post(w, "{}", "owner: ann");
	assert_refused(w, 503, "queue-full");
	w->holds = false;
	w_apis[OWNED].queue_max = 0;
	w_apis[OWNED].owner_open = 1;
	post(w, "{}", "owner: ann");
	assert_answer(w, 202);
	for (int i = 0; i < 2; i++) {
		post(w, "{}", i ? "owner: eve" : "owner: bob");
		assert_answer(w, 202);
		w->holds = true;
		post(w, "{}", "owner: ann");
		assert_refused(w, 429, "rate-limited");
		w->holds = false;
	}
	w->app.estimates = NULL;
}

/* ---- resources ----------------------------------------------------------- */

static void a_resource_has_one_open_job(void **state)
{
	struct world *w = *state;
	char holder[IDS_TEXT + 1];

	w_apis[OWNED].resource_id = STR("body.id");
	post(w, "{\"id\":\"r1\"}", "owner: ann");
	assert_answer(w, 202);
	strcpy(holder, w->id);
	send_it(w, "POST /api/v1/owned", "{\"id\":\"r1\",\"a\":2}",
	    "x-request-id: mine", "owner: ann");
	assert_refused(w, 409, "id-conflict");
	assert_string_equal(got(w, "jobId"), holder);
	assert_string_equal(got(w, "jobStatus"), "pending");
	/* it is not the holder's request */
	assert_string_equal(got(w, "requestId"), "mine");
	assert_string_equal(got_header(w, "x-request-id"), "mine");
	post(w, "{\"id\":\"r1\"}", "owner: bob");
	assert_answer(w, 202);
	post(w, "{\"id\":\"r2\"}", "owner: ann");
	assert_answer(w, 202);
	/* said by the commit */
	w_faults.view = ERR_AGAIN;
	post(w, "{\"id\":\"r1\"}", "owner: ann");
	w_faults.view = ERR_OK;
	assert_refused(w, 409, "id-conflict");
	assert_string_equal(got(w, "jobId"), holder);
	/* it has ended: the resource is free again */
	strcpy(w->id, holder);
	ask(w, "DELETE", "", WITH("owner: ann"));
	assert_answer(w, 200);
	post(w, "{\"id\":\"r1\"}", "owner: ann");
	assert_answer(w, 202);
	assert_string_not_equal(w->id, holder);
}

static void a_resource_must_be_named(void **state)
{
	struct world *w = *state;

	w_apis[OWNED].resource_id = STR("body.a.id");
	post(w, "{\"a\":{}}", "owner: ann");
	assert_refused(w, 400, "validation-failed");
	assert_string_equal(got(w, "pointer"), "/a/id");
	assert_int_equal(world_count(w, OWNED), 0);
}

/* Everybody's in common, and nobody is told whose it is. */
static void anonymous_resources(void **state)
{
	struct world *w = *state;

	w_apis[BUNDLE].resource_id = STR("body.id");
	send_it(w, "POST /api/v1/bundle", "{\"id\":7}", "from: 192.0.2.1");
	assert_answer(w, 202);
	for (int commit = 0; commit < 2; commit++) {
		w_faults.view = commit ? ERR_AGAIN : ERR_OK;
		send_it(
		    w, "POST /api/v1/bundle", "{\"id\":7}", "from: 192.0.2.9");
		w_faults.view = ERR_OK;
		assert_refused(w, 409, "id-conflict");
		assert_string_equal(got(w, "jobId"), "(none)");
		assert_string_equal(got(w, "jobStatus"), "(none)");
		assert_null(
		    memmem(w->ans.body.p, w->ans.body.n, w->id, strlen(w->id)));
		for (size_t i = 0; i < w->ans.n_headers; i++)
			assert_null(memmem(w->ans.headers[i].value.p,
			    w->ans.headers[i].value.n, w->id, strlen(w->id)));
	}
	world_complete(w, BUNDLE, 200, NULL, "{}");
	send_it(w, "POST /api/v1/bundle", "{\"id\":7}", "from: 192.0.2.9");
	assert_answer(w, 202);
}

/* ---- look-ups of one job --------------------------------------------------
 */

static void look(struct world *w, int times)
{
	for (int i = 0; i < times; i++) {
		ask(w, i % 2 ? "HEAD" : "GET", "", NO_HEADERS);
		assert_answer(w, 200);
	}
}

static void looked_up_too_often(void **state)
{
	struct world *w = *state;
	char first[IDS_TEXT + 1], etag[40], tag[80];

	w->app.buckets = buckets_new(3);
	send_it(w, "POST /api/v1/bundle", "{}");
	strcpy(first, w->id);
	look(w, 12);
	snprintf(etag, sizeof(etag), "%s", got_header(w, "etag"));
	ask(w, "GET", "", NO_HEADERS);
	assert_refused(w, 429, "rate-limited");
	assert_retry(w, 1);
	assert_string_equal(got(w, "jobId"), first);
	assert_string_equal(got(w, "jobStatus"), "pending");
	assert_string_equal(got_header(w, "x-request-id"), first);
	assert_string_equal(got_header(w, "etag"), "");
	/* other ways of asking are not this one */
	ask(w, "GET", "/result", NO_HEADERS);
	assert_answer(w, 202);
	snprintf(tag, sizeof(tag), "if-none-match: %s", etag);
	ask(w, "GET", "", WITH(tag, "prefer: wait=3"));
	assert_int_equal(w->outcome, OUTCOME_PARK);
	/* what knows it already asks all the same */
	ask(w, "GET", "", WITH(tag));
	assert_refused(w, 429, "rate-limited");
	send_it(w, "POST /api/v1/bundle", "{}");
	look(w, 1);
	strcpy(w->id, first);
	world_moves(w, 1000);
	ask(w, "GET", "", WITH(tag));
	assert_answer(w, 304);
	ask(w, "GET", "", WITH(tag));
	assert_refused(w, 429, "rate-limited");
	ask(w, "DELETE", "", NO_HEADERS);
	assert_answer(w, 200);
	/* B is held, and never refused */
	snprintf(tag, sizeof(tag), "x-request-id: %s", first);
	for (int i = 0; i < 30; i++) {
		world_send(w, "POST /api/v1/bundle", "{}", WITH(tag));
		assert_answer(w, 409); /* cancelled */
		assert_string_equal(got(w, "error"), "job-cancelled");
	}
	buckets_free(w->app.buckets);
	w->app.buckets = NULL;
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, up, down)
	const struct CMUnitTest tests[] = {
	    T(so_many_in_a_time),
	    T(anonymous_ones_count_by_address),
	    T(so_many_open),
	    T(a_queue_of_all),
	    T(a_queue_that_is_too_old),
	    T(the_order),
	    T(a_replay_is_not_validated),
	    T(the_commit_decides),
	    T(a_store_that_cannot_count),
	    T(what_is_measured_counts),
	    T(there_was_room_a_moment_ago),
	    T(a_resource_has_one_open_job),
	    T(a_resource_must_be_named),
	    T(anonymous_resources),
	    T(looked_up_too_often),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("admission", tests, NULL, NULL);
}
