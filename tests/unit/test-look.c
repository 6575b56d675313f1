#include "tests/unit/app-world.h"

#include "cgi/estimate.h"

/*
 * Which view of the store a look-up needs (cgi/look.c). What is answered from
 * it is test-app.c's and test-cells.c's.
 */
#define UUID "2f1c7a52-6a0e-4c53-9b7a-0d6f1f0a7a11"
#define BODY "{\"vrn\":\"193054661\"}"

/* Asks for something, so that this wake's view is open and counted. */
static void open_view(struct world *w)
{
	send_it(w, "GET /api/jobs/health", NULL);
	w_faults.views = 0;
}

/*
 * An old view is enough for a request that says that it is the first: if it is
 * not, its commit finds the row. One that does not say so may be a poll.
 */
static void a_first_request_looks_once(void **state)
{
	struct world *w = *state;
	char first[IDS_TEXT + 1];

	w->stays = w->holds = true;
	open_view(w);
	send_it(w, "POST /api/v1/return", BODY, "x-request-id: " UUID,
	    "x-initial-request: true");
	assert_int_equal(w->outcome, OUTCOME_COMMIT);
	assert_int_equal(w_faults.views, 0);
	world_commit(w);
	assert_answer(w, 202);
	snprintf(first, sizeof(first), "%s", got(w, "jobId"));

	/* a re-send that an old view does not show is no second job */
	open_view(w);
	w_faults.hidden = 1;
	send_it(w, "POST /api/v1/return", BODY, "x-request-id: " UUID,
	    "x-initial-request: true");
	assert_int_equal(w->outcome, OUTCOME_COMMIT);
	assert_int_equal(w_faults.views, 0);
	world_commit(w);
	assert_int_equal(w->outcome, OUTCOME_PARK);
	world_moves(w, 1000);
	world_resume(w);
	assert_answer(w, 202);
	assert_string_equal(got(w, "jobId"), first);
}

static void a_poll_looks_again(void **state)
{
	struct world *w = *state;

	send_it(w, "POST /api/v1/return", BODY, "x-request-id: " UUID);
	assert_answer(w, 202);
	w->stays = w->holds = true;
	open_view(w);
	w_faults.hidden = 1;
	send_it(w, "POST /api/v1/return", BODY, "x-request-id: " UUID);
	assert_int_equal(w->outcome, OUTCOME_PARK); /* found: held as B */
	assert_int_equal(w_faults.views, 1);
}

/* Told from what jobs took, which is read once a second at most. */
static void what_was_measured_is_told(void **state)
{
	struct world *w = *state;
	struct estimate estimates[APIS] = {{0}};

	w->app.estimates = estimates;
	for (int i = 0; i < 2 * STORE_SAMPLES; i++) { /* slots are drawn */
		send_it(w, "POST /api/v1/return", BODY);
		struct job job = world_claim(w, RETURN);
		world_moves(w, 20000);
		world_finish(w, RETURN, &job,
		    (struct job_event){
			.kind = JOB_EVENT_COMPLETE, .status = 204},
		    NULL);
	}
	send_it(w, "POST /api/v1/return", BODY);
	assert_answer(w, 202);
	memset(estimates, 0, sizeof(estimates)); /* what accepting read */
	ask(w, "GET", "", NO_HEADERS);
	assert_string_equal(got(w, "estimatedDuration"), "20");
	int s = atoi(got_header(w, "retry-after"));
	assert_in_range(s, 16, 24);
	send_it(w, "POST /api/v1/bundle", BODY); /* another API's own */
	ask(w, "GET", "", NO_HEADERS);
	assert_string_equal(got(w, "estimatedDuration"), "3");
	w->app.estimates = NULL;
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, world_up, world_down)
	const struct CMUnitTest tests[] = {
	    T(a_first_request_looks_once),
	    T(a_poll_looks_again),
	    T(what_was_measured_is_told),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("look", tests, NULL, NULL);
}
