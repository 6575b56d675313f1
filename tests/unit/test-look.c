#include "tests/unit/app-world.h"

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

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, world_up, world_down)
	const struct CMUnitTest tests[] = {
	    T(a_first_request_looks_once),
	    T(a_poll_looks_again),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("look", tests, NULL, NULL);
}
