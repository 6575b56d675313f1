#include "tests/unit/app-world.h"

/*
 * The endpoint's side of an upstream's 401 (contract 4): the job rests, the
 * same request with another credential lets it go on.
 */
#define UUID "b3c5a1de-1f6c-4f3e-9a69-5a1c6d3f8e10"
#define BODY "{\"vrn\":\"193054661\"}"
#define NAME "x-request-id: " UUID
#define TOKEN(t) "hmrc-access-token: " t

static int down(void **state)
{
	w_apis[BUNDLE].body_secret = (struct strs){0};
	return world_down(state);
}

/* The upstream says 401 to what the job has. */
static void need(struct world *w, size_t api)
{
	struct job job = world_claim(w, api);

	world_finish(w, api, &job,
	    (struct job_event){.kind = JOB_EVENT_NEED, .status = 401}, NULL);
}

static struct envelope_request sealed_request(
    struct world *w, const struct job *job)
{
	struct envelope_request env;
	struct str sealed, plain;

	assert_int_equal(store_view(w->store), ERR_OK);
	assert_int_equal(
	    store_body(w->store, job, BODY_REQUEST, &w->arena, &sealed),
	    ERR_OK);
	store_unview(w->store);
	assert_int_equal(
	    seal_open(&w->keys, job, BODY_REQUEST, sealed, &w->arena, &plain),
	    ERR_OK);
	assert_int_equal(envelope_get_request(&w->arena, plain, &env), ERR_OK);
	return env;
}

/* The header of that name which the upstream will see. */
static const char *sealed_header(
    struct world *w, const struct job *job, const char *name)
{
	struct envelope_request env = sealed_request(w, job);

	for (size_t i = 0; i < env.headers.n; i++)
		if (str_is(env.headers.items[i].name, name))
			return arena_cstr(
			    &w->arena, env.headers.items[i].value);
	return "(none)";
}

static void send_return(struct world *w, const char *token)
{
	char line[100];

	snprintf(line, sizeof(line), "hmrc-access-token: %s", token);
	send_it(w, "POST /api/v1/return", BODY, NAME, line);
}

static void assert_needs(struct world *w)
{
	assert_answer(w, 401);
	assert_string_equal(got(w, "error"), "unauthorized");
	assert_string_equal(got(w, "jobId"), w->id);
	assert_string_equal(got(w, "jobStatus"), "pending");
	assert_string_equal(got_header(w, "x-request-id"), UUID);
	assert_true(
	    str_starts(answer_get(&w->ans, "WWW-Authenticate"), "Bearer"));
}

static void the_same_credential_is_401_again(void **state)
{
	struct world *w = *state;

	send_return(w, "old");
	need(w, RETURN);
	w->holds = true; /* nothing is changed */
	for (int i = 0; i < 5; i++) {
		send_return(w, "old");
		assert_needs(w);
	}
	/* none at all, and another of what is no credential */
	send_it(w, "POST /api/v1/return", BODY, NAME);
	assert_needs(w);
	send_it(w, "POST /api/v1/return", BODY, NAME, TOKEN("old"),
	    "gov-client-x: other", "x-wait-time-ms: 5000");
	assert_needs(w);
	/* and another body is another request, as ever */
	send_it(w, "POST /api/v1/bundle", "{}", NAME);
	assert_int_equal(w->outcome, OUTCOME_COMMIT);
	change_free(w->change);
}

static void another_credential_lets_it_go_on(void **state)
{
	struct world *w = *state;
	char first[IDS_TEXT + 1];

	send_return(w, "old");
	strcpy(first, w->id);
	need(w, RETURN);
	send_return(w, "new");
	assert_int_equal(w->outcome, OUTCOME_PARK);
	assert_int_equal(w->wait.view, WAIT_REPEAT);
	assert_int_equal(w->wait.answer_boot, w->now.boot_ms + 1000);
	assert_int_equal(w->wait.waited_ms, -1);
	struct waiting parked = w->wait;
	/* now it is an open job like any other: whatever the credential */
	send_return(w, "third");
	assert_int_equal(w->outcome, OUTCOME_PARK);
	struct job job = world_claim(w, RETURN);
	assert_string_equal(sealed_header(w, &job, "hmrc-access-token"), "new");
	world_finish(w, RETURN, &job,
	    (struct job_event){.kind = JOB_EVENT_COMPLETE, .status = 201},
	    &(struct envelope_result){
		.status = 201, .content_type = STR(JSON), .body = STR("{}")});
	w->wait = parked;
	world_resume(w);
	assert_answer(w, 201);
	assert_string_equal(got_header(w, "x-request-id"), UUID);
	assert_int_equal(world_count(w, RETURN), 1);
}

/* As long as it asks for, and at once when it is needed once more. */
static void the_renewing_one_waits(void **state)
{
	struct world *w = *state;

	send_return(w, "old");
	need(w, RETURN);
	send_it(w, "POST /api/v1/return", BODY, NAME, TOKEN("new"),
	    "x-wait-time-ms: 5000");
	assert_int_equal(w->outcome, OUTCOME_PARK);
	assert_int_equal(w->wait.answer_boot, w->now.boot_ms + 5000);
	world_moves(w, 100);
	need(w, RETURN);
	world_resume(w);
	assert_needs(w);
	assert_string_equal(got_header(w, "x-wait-time-ms"), "5000");
}

static void who_waited_is_told(void **state)
{
	struct world *w = *state;

	send_it(w, "POST /api/v1/return", BODY, NAME, TOKEN("old"),
	    "x-wait-time-ms: 20000");
	assert_int_equal(w->outcome, OUTCOME_PARK);
	ids_write(w->wait.id, w->id);
	need(w, RETURN);
	world_resume(w);
	assert_needs(w);
}

/* Two clients at once, or one that was cancelled: no harm is done. */
static void somebody_was_faster(void **state)
{
	struct world *w = *state;
	struct change *slow;

	send_return(w, "old");
	need(w, RETURN);
	w->holds = true;
	send_return(w, "slow");
	assert_int_equal(w->outcome, OUTCOME_COMMIT);
	slow = w->change;
	w->holds = false;
	send_return(w, "fast");
	assert_int_equal(w->outcome, OUTCOME_PARK);
	w->change = slow;
	w->outcome = OUTCOME_COMMIT;
	world_commit(w);
	app_rest(&w->app);
	assert_int_equal(w->outcome, OUTCOME_PARK);
	assert_int_equal(w->wait.view, WAIT_REPEAT);
	need(w, RETURN);
	w->holds = true;
	send_return(w, "third");
	slow = w->change;
	w->holds = false;
	ask(w, "DELETE", "", NO_HEADERS);
	assert_answer(w, 200);
	w->change = slow;
	w->outcome = OUTCOME_COMMIT;
	world_commit(w);
	app_rest(&w->app);
	assert_answer(w, 409);
	assert_string_equal(got(w, "error"), "job-cancelled");
}

/* Its new credential is refused as well, before the client hears of it. */
static void needed_again_meanwhile(void **state)
{
	struct world *w = *state;
	struct change_list list;

	send_return(w, "old");
	need(w, RETURN);
	w->holds = true;
	send_return(w, "new");
	assert_int_equal(w->outcome, OUTCOME_COMMIT);
	TAILQ_INIT(&list);
	TAILQ_INSERT_TAIL(&list, w->change, in_list);
	app_rest(&w->app);
	changes_commit(w->store, &list);
	assert_int_equal(w->change->err, ERR_OK);
	need(w, RETURN);
	w->outcome = app_committed(
	    &w->app, w->now, &w->arena, w->change, &w->ans, &w->wait);
	change_free(w->change);
	app_rest(&w->app);
	assert_needs(w);
}

/* A store that is away says so; nothing is lost of it. */
static void the_store_is_away(void **state)
{
	struct world *w = *state;

	send_return(w, "old");
	need(w, RETURN);
	w_faults.begin = ERR_BUSY;
	send_return(w, "new");
	assert_answer(w, 503);
	w_faults.begin = ERR_OK;
	send_return(w, "old");
	assert_needs(w);
	send_return(w, "new");
	assert_int_equal(w->outcome, OUTCOME_PARK);
}

/* In the body: no part of the fingerprint, so the name stays the job's. */
static void a_credential_in_the_body(void **state)
{
	static struct str secret[] = {S("token")};
	struct world *w = *state;
	struct job job;

	w_apis[BUNDLE].body_secret = (struct strs){secret, 1};
	send_it(w, "POST /api/v1/bundle", "{\"a\":1,\"token\":\"old\"}", NAME);
	assert_answer(w, 202);
	/* still open: a refreshed one replays, and changes nothing */
	send_it(w, "POST /api/v1/bundle", "{\"a\":1,\"token\":\"x\"}", NAME);
	assert_int_equal(w->outcome, OUTCOME_PARK);
	need(w, BUNDLE);
	send_it(w, "POST /api/v1/bundle", "{\"a\":1,\"token\":\"old\"}", NAME);
	assert_needs(w);
	send_it(w, "POST /api/v1/bundle", "{\"a\":1,\"token\":\"new\"}", NAME);
	assert_int_equal(w->outcome, OUTCOME_PARK);
	job = world_claim(w, BUNDLE);
	assert_true(str_is(
	    sealed_request(w, &job).body, "{\"a\":1,\"token\":\"new\"}"));
	assert_int_equal(world_count(w, BUNDLE), 1);
	send_it(w, "POST /api/v1/bundle", "{\"a\":2,\"token\":\"new\"}", NAME);
	assert_answer(w, 202); /* anonymous: the body is part of the name */
	assert_int_equal(world_count(w, BUNDLE), 2);
}

/* What is sealed anew is checked anew. */
static void an_invalid_renewal(void **state)
{
	struct world *w = *state;
	int64_t max = w_apis[RETURN].body_max;

	send_return(w, "old");
	need(w, RETURN);
	w_apis[RETURN].body_max = 5;
	send_return(w, "new");
	assert_answer(w, 413);
	w_apis[RETURN].body_max = max;
	send_return(w, "new");
	assert_int_equal(w->outcome, OUTCOME_PARK);
}

static void three_times_at_most(void **state)
{
	static const char *const tokens[] = {"b", "c", "d", "e"};
	struct world *w = *state;

	send_return(w, "a");
	for (size_t i = 0; i < JOB_RENEWALS_MAX; i++) {
		need(w, RETURN);
		send_return(w, tokens[i]);
		assert_int_equal(w->outcome, OUTCOME_PARK);
	}
	world_fail(w, RETURN, REASON_UPSTREAM_REFUSED, 401, "{\"no\":1}");
	send_return(w, "e");
	assert_answer(w, 401);
	assert_true(str_is(w->ans.body, "{\"no\":1}"));
}

/*
 * Contract 8: the polling client of the seed system, unmodified: it knows its
 * token, the id that it was given, and that whatever is not 202 is final, but
 * for 401: then it gets another token and sends the same with the old id.
 */
struct legacy {
	const char *id, *token, *owner;
	int sent, refreshed;
};

static void legacy_send(struct world *w, struct legacy *c, const char *line)
{
	struct arena *a = &w->arena;
	const char *id =
	    arena_cstr(a, arena_printf(a, "x-request-id: %s", c->id));
	const char *token =
	    arena_cstr(a, arena_printf(a, "hmrc-access-token: %s", c->token));
	const char *owner =
	    arena_cstr(a, arena_printf(a, "owner: %s", c->owner));

	world_send(w, line, BODY,
	    WITH(id, token, owner,
		c->sent++ ? "x: y" : "x-initial-request: true"));
	world_outlast(w);
	if (w->ans.status == 202)
		c->id = arena_cstr(a, answer_get(&w->ans, "x-request-id"));
}

static void the_legacy_client_refreshes(void **state)
{
	struct world *w = *state;
	struct legacy c = {.id = UUID, .token = "t0", .owner = ""};

	legacy_send(w, &c, "POST /api/v1/return");
	assert_answer(w, 202);
	legacy_send(w, &c, "POST /api/v1/return");
	assert_answer(w, 202);
	need(w, RETURN);
	legacy_send(w, &c, "POST /api/v1/return");
	assert_answer(w, 401);
	c.token = "t1";
	legacy_send(w, &c, "POST /api/v1/return");
	assert_answer(w, 202);
	struct job job = world_claim(w, RETURN);
	assert_string_equal(sealed_header(w, &job, "hmrc-access-token"), "t1");
	world_finish(w, RETURN, &job,
	    (struct job_event){.kind = JOB_EVENT_COMPLETE, .status = 200},
	    &(struct envelope_result){
		.status = 200, .content_type = STR(JSON), .body = STR("{}")});
	legacy_send(w, &c, "POST /api/v1/return");
	assert_answer(w, 200);
	assert_true(str_is(w->ans.body, "{}"));
	assert_int_equal(world_count(w, RETURN), 1);
}

/* Its 401 at the door: the job is there when it comes back. */
static void the_legacy_client_signs_in_again(void **state)
{
	struct world *w = *state;
	struct legacy c = {.id = UUID, .token = "t0", .owner = "ann"};

	legacy_send(w, &c, "POST /api/v1/owned");
	assert_answer(w, 202);
	c.owner = "";
	legacy_send(w, &c, "POST /api/v1/owned");
	assert_answer(w, 401);
	assert_string_equal(got(w, "jobId"), "(none)");
	c.owner = "ann";
	world_complete(w, OWNED, 200, NULL, "{}");
	legacy_send(w, &c, "POST /api/v1/owned");
	assert_answer(w, 200);
	assert_int_equal(world_count(w, OWNED), 1);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, world_up, down)
	const struct CMUnitTest tests[] = {
	    T(the_same_credential_is_401_again),
	    T(another_credential_lets_it_go_on),
	    T(the_renewing_one_waits),
	    T(who_waited_is_told),
	    T(somebody_was_faster),
	    T(needed_again_meanwhile),
	    T(the_store_is_away),
	    T(a_credential_in_the_body),
	    T(an_invalid_renewal),
	    T(three_times_at_most),
	    T(the_legacy_client_refreshes),
	    T(the_legacy_client_signs_in_again),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("renew", tests, NULL, NULL);
}
