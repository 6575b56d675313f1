#include "tests/unit/runner-world.h"

#include "cgi/names.h"

/*
 * What whoever runs this reads: each hand-over of a job with its trace and its
 * owner's hash, how long it waited and ran; and what an operator needs to
 * decide about a job of which nobody knows what became of it.
 */
#define TRACE "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

static struct job begun(struct world *w, size_t api)
{
	struct job job = accept(w, api, "");

	settle(w, 0);
	return job;
}

static void each_hand_over(void **state)
{
	static struct pair headers[] = {
	    {STR_INIT("traceparent"), STR_INIT(TRACE)}};
	struct world *w = *state;

	with_headers = (struct pairs){headers, 1};
	struct job job = accept(w, RETURN, "");
	w->boot += 499;
	settle(w, 0);
	assert_int_equal(said(w, "\"event\":\"job-claimed\""), 1);
	assert_int_equal(said(w, "\"queuedMs\":500,\"runMs\":0"), 1);
	w->boot += 300;
	answer(w, &job, created);
	settle(w, 0);
	assert_int_equal(said(w, "\"event\":\"job-ended\""), 1);
	assert_int_equal(said(w, "\"queuedMs\":500,\"runMs\":300"), 1);
	assert_int_equal(said(w, "\"traceparent\":\"" TRACE "\""), 2);
	assert_int_equal(said(w, "\"owner\":\"anonymous\""), 2);
	assert_int_equal(said(w, "\"upstreamStatus\":201"), 1);
	assert_int_equal(said(w, "exitStatus"), 0); /* of programs alone */
	/* what is no trace is nobody's business */
	headers[0].value = STR("hunter2\"}");
	begun(w, RETURN);
	assert_int_equal(said(w, "hunter2"), 0);
	assert_int_equal(said(w, "\"traceparent\":\"\""), 1);
}

static void a_held_one(void **state)
{
	struct world *w = *state;

	w->apis[RETURN].on_lost = ON_LOST_HOLD;
	struct job job = begun(w, RETURN);
	answer(w, &job,
	    (struct upstream_answer){.end = UPSTREAM_BROKEN,
		.status = 200,
		.why = "the connection was closed"});
	settle(w, 0);
	job = row(w, RETURN, &job);
	assert_true(job.held);
	assert_int_equal(said(w, "\"event\":\"job-held\""), 1);
	assert_int_equal(said(w, "\"upstreamStatus\":200"), 1);
	assert_int_equal(said(w, "\"why\":\"the connection was closed\""), 1);
	assert_int_equal(said(w, "job-ended"), 0);
	/* it takes no place */
	begun(w, RETURN);
	assert_int_equal(w->workers[0].up->n, 2);
	assert_int_equal(
	    metric(w, "lowtide_worker_attempts_total{api=\"return\",became="
		      "\"held\"} "),
	    1);
}

/* Nobody was left to tell of it: how many there are is told. */
static void held_behind_a_crash(void **state)
{
	struct world *w = *state;

	w->apis[RETURN].on_lost = ON_LOST_HOLD;
	begun(w, RETURN);
	begun(w, PLAIN);
	fire(w, 0);
	hire(w, 0);
	settle(w, 0);
	pass(w, 0, LEASE);
	assert_int_equal(
	    said(w, "\"jobs-recovered\",\"api\":\"return\",\"count\":"
		    "1,\"held\":1"),
	    1);
	assert_int_equal(
	    said(w, "\"jobs-recovered\",\"api\":\"plain\",\"count\":1,"
		    "\"held\":0"),
	    1);
	assert_int_equal(
	    metric(w, "lowtide_worker_recovered_total{api=\"return\"} "), 1);
}

/* The worker that lost it hears what became of it, and says so. */
static void the_late_answer_of_a_held_one(void **state)
{
	struct world *w = *state;

	w->apis[RETURN].on_lost = ON_LOST_HOLD;
	struct job job = begun(w, RETURN);
	hire(w, 1);
	w->boot += LEASE + 1;
	settle(w, 1);
	assert_true(row(w, RETURN, &job).held);
	settle(w, 0);
	answer(w, &job, created);
	settle(w, 0);
	assert_int_equal(said(w, "\"event\":\"job-lost\""), 2);
	assert_int_equal(said(w, "\"upstreamStatus\":201"), 1);
	assert_true(row(w, RETURN, &job).held);
	assert_int_equal(
	    metric(w, "lowtide_worker_calls_total{api=\"return\",end="
		      "\"answer\",code=\"201\"} "),
	    1);
}

/* A certificate, a name, a port: the reason is the library's, told each time.
 */
static void what_cannot_be_reached(void **state)
{
	struct world *w = *state;
	struct job job = begun(w, RETURN);

	for (int i = 1; i <= 3; i++) {
		answer(w, &job,
		    (struct upstream_answer){.end = UPSTREAM_UNSENT,
			.why = "the certificate does not match"});
		settle(w, 0);
		assert_int_equal(said(w, "the certificate does not match"), i);
		assert_int_equal(
		    said(w, "\"event\":\"job-queued-again\""), i < 3 ? i : 2);
		pass(w, 0, 4000);
	}
	assert_int_equal(row(w, RETURN, &job).reason, REASON_UPSTREAM_ERROR);
	assert_int_equal(
	    metric(w, "lowtide_worker_calls_total{api=\"return\",end="
		      "\"unsent\",code=\"\"} "),
	    3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    CASE(each_hand_over),
	    CASE(a_held_one),
	    CASE(held_behind_a_crash),
	    CASE(the_late_answer_of_a_held_one),
	    CASE(what_cannot_be_reached),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("runner-log", tests, NULL, NULL);
}
