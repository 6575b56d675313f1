#include "tests/unit/runner-world.h"

/*
 * What a running job says of itself: how far it is, and a message. It reaches
 * the row within a second, costs a commit a second at most, and never says
 * less, or more, than is true.
 */
static struct str message_of(struct world *w, const struct job *job)
{
	return note(w, RETURN, job).message;
}

static void how_far_it_is(void **state)
{
	struct world *w = *state;
	struct fake_upstream *up = w->workers[0].up;
	struct job job = accept(w, RETURN, "");

	settle(w, 0);
	int64_t version = row(w, RETURN, &job).version;
	fake_say(up, 0, 42, "half of it");
	settle(w, 0);
	assert_int_equal(row(w, RETURN, &job).progress, 42);
	assert_true(row(w, RETURN, &job).version > version);
	assert_true(str_is(message_of(w, &job), "half of it"));
	assert_int_equal(row(w, RETURN, &job).lease_boot, w->boot + LEASE);
	fake_end(up, 0, created);
	settle(w, 0);
	assert_int_equal(row(w, RETURN, &job).progress, 100);
	assert_true(str_is(result(w, RETURN, &job).body, "done"));
}

/* However often it speaks: the last of it, once a second. */
static void once_a_second(void **state)
{
	struct world *w = *state;
	struct fake_upstream *up = w->workers[0].up;
	struct job job = accept(w, RETURN, "");

	settle(w, 0);
	pass(w, 0, 2 * RUNNER_RECHECK_MS);
	commits = 0;
	for (int i = 0; i < 20; i++) {
		fake_say(up, 0, i, i % 2 ? "odd" : "even");
		settle(w, 0);
		pass(w, 0, 100);
	}
	pass(w, 0, RUNNER_TELL_MS - 100);
	/* at 0, 1 and 2 s, and no heartbeat in between */
	assert_int_equal(commits, 3);
	assert_int_equal(row(w, RETURN, &job).progress, 19);
	assert_true(str_is(message_of(w, &job), "odd"));
}

/* What does not change says nothing. */
static void the_same_again(void **state)
{
	struct world *w = *state;
	struct fake_upstream *up = w->workers[0].up;
	struct job job = accept(w, RETURN, "");

	settle(w, 0);
	pass(w, 0, 2 * RUNNER_RECHECK_MS);
	fake_say(up, 0, 10, "a");
	settle(w, 0);
	int64_t version = row(w, RETURN, &job).version;
	commits = 0;
	for (int i = 0; i < 3; i++) {
		fake_say(up, 0, 10, "a");
		settle(w, 0);
		fake_say(up, 0, -1, NULL);
		settle(w, 0);
		fake_say(up, 0, 9, "a");
		settle(w, 0);
		pass(w, 0, 900);
	}
	assert_int_equal(commits, 0);
	assert_int_equal(row(w, RETURN, &job).version, version);
}

static void with_the_heartbeat(void **state)
{
	struct world *w = *state;
	struct fake_upstream *up = w->workers[0].up;
	struct job job = accept(w, RETURN, "");

	settle(w, 0);
	pass(w, 0, HEARTBEAT);
	fake_say(up, 0, 5, NULL);
	step(w, 0);
	fake_say(up, 0, 6, NULL);
	step(w, 0); /* within a second of the last */
	assert_int_equal(row(w, RETURN, &job).progress, 5);
	commits = 0;
	w->boot += HEARTBEAT;
	step(w, 0); /* both in one */
	assert_int_equal(commits, 1);
	assert_int_equal(row(w, RETURN, &job).progress, 6);
	assert_int_equal(row(w, RETURN, &job).lease_boot, w->boot + LEASE);
	step(w, 0);
	assert_int_equal(commits, 1);
}

static void never_less_never_all(void **state)
{
	static const int said_percent[] = {50, 20, 100, 1000, -1, 98};
	static const int shown[] = {50, 50, 99, 99, 99, 99};
	struct world *w = *state;
	struct fake_upstream *up = w->workers[0].up;
	struct job job = accept(w, PLAIN, "");

	settle(w, 0);
	for (int i = 0; i < 6; i++) {
		fake_say(up, 0, said_percent[i], NULL);
		settle(w, 0);
		pass(w, 0, RUNNER_TELL_MS);
		assert_int_equal(row(w, PLAIN, &job).progress, shown[i]);
	}
	/* another attempt begins anew */
	fake_end(up, 0, (struct upstream_answer){.end = UPSTREAM_BROKEN});
	settle(w, 0);
	pass(w, 0, 2000);
	assert_int_equal(row(w, PLAIN, &job).attempt, 2);
	assert_int_equal(row(w, PLAIN, &job).progress, 0);
	fake_say(up, 1, 10, NULL);
	settle(w, 0);
	assert_int_equal(row(w, PLAIN, &job).progress, 10);
}

static void whatever_it_says(void **state)
{
	static const char *const texts[][2] = {
	    {"a\x1b[2Jb\r\n", "a [2Jb"},
	    {"\xff\xfe", NULL}, /* nothing is left of it */
	    {"caf\xc3\xa9", "caf\xc3\xa9"},
	};
	struct world *w = *state;
	struct fake_upstream *up = w->workers[0].up;
	struct job job = accept(w, RETURN, "");
	char large[4096];

	settle(w, 0);
	fake_say(up, 0, 1, "before");
	settle(w, 0);
	const char *now_said = "before";
	for (int i = 0; i < 3; i++) {
		fake_say(up, 0, -1, texts[i][0]);
		pass(w, 0, RUNNER_TELL_MS);
		pass(w, 0, RUNNER_TELL_MS);
		if (texts[i][1])
			now_said = texts[i][1];
		assert_true(str_is(message_of(w, &job), now_said));
	}
	memset(large, 'x', sizeof(large) - 1);
	large[sizeof(large) - 1] = '\0';
	fake_say(up, 0, -1, large);
	pass(w, 0, RUNNER_TELL_MS);
	pass(w, 0, RUNNER_TELL_MS);
	assert_int_equal(message_of(w, &job).n, ENVELOPE_MESSAGE_MAX);
	assert_int_equal(said(w, "before"), 0); /* no log has it */
}

/* What cannot be written is written later, and no claim is undone by it. */
static void the_store_fails(void **state)
{
	struct world *w = *state;
	struct fake_upstream *up = w->workers[0].up;
	struct job job = accept(w, RETURN, ""), other;

	settle(w, 0);
	bodies_to_fail = commits_to_fail = 2;
	fake_say(up, 0, 42, "half");
	settle(w, 0);
	assert_int_equal(row(w, RETURN, &job).progress, 0);
	pass(w, 0, 10 * RUNNER_STORE_RETRY_MS);
	assert_int_equal(bodies_to_fail + commits_to_fail, 0);
	assert_int_equal(row(w, RETURN, &job).progress, 42);
	other = accept(w, BUNDLE, "");
	settle(w, 0);
	assert_int_equal(row(w, BUNDLE, &other).state, JOB_PROCESSING);
	assert_int_equal(said(w, "store-works-again"), 1);
	/* a note that never fits keeps nobody from anything */
	room = 50;
	fake_say(up, 0, 43, "three quarters of it, and some more words");
	fake_end(up, 1, created);
	pass(w, 0, 3 * LEASE);
	assert_true(row(w, RETURN, &job).lease_boot > w->boot);
	room = SIZE_MAX;
	pass(w, 0, 2 * HEARTBEAT);
	assert_int_equal(row(w, RETURN, &job).progress, 43);
	assert_int_equal(row(w, BUNDLE, &other).state, JOB_COMPLETED);
	fake_end(up, 0, created);
	settle(w, 0);
	assert_int_equal(row(w, RETURN, &job).state, JOB_COMPLETED);
}

/* Its lease is another's: nobody hears what it says. */
static void a_late_worker_says_nothing(void **state)
{
	struct world *w = *state;
	struct job job = accept(w, PLAIN, "");

	hire(w, 1);
	settle(w, 0);
	w->boot += LEASE + 1;
	settle(w, 1);
	assert_int_equal(row(w, PLAIN, &job).attempt, 2);
	fake_say(w->workers[0].up, 0, 90, "nearly");
	settle(w, 0);
	assert_int_equal(row(w, PLAIN, &job).progress, 0);
	assert_int_equal(said(w, "\"event\":\"job-lost\""), 1);
	/* its call goes on, and what came of it is told, once */
	assert_false(w->workers[0].up->calls[0].aborted);
	assert_false(runner_is_busy(w->workers[0].runner));
	pass(w, 0, LEASE);
	fake_end(w->workers[0].up, 0, created);
	settle(w, 0);
	assert_int_equal(said(w, "\"event\":\"job-lost\""), 2);
	assert_int_equal(said(w, "\"upstreamStatus\":201"), 1);
	assert_int_equal(row(w, PLAIN, &job).state, JOB_PROCESSING);
	assert_int_equal(
	    metric(w, "lowtide_worker_attempts_total{api=\"plain\",became="
		      "\"lost\"} "),
	    1);
	/* one that had not left does not leave any more */
	job = accept(w, RETURN, "");
	settle(w, 0);
	call(w, &job)->unsent = true;
	w->boot += LEASE + 1;
	settle(w, 1);
	pass(w, 1, HEARTBEAT);
	settle(w, 0);
	assert_true(call(w, &job)->aborted);
}

/* The job that strays leaves its place to another one of its lane. */
static void a_stray_takes_no_place(void **state)
{
	struct world *w = *state;
	struct job job = accept(w, RETURN, "");

	hire(w, 1);
	settle(w, 0);
	w->boot += LEASE + 1;
	settle(w, 1);
	assert_int_equal(row(w, RETURN, &job).reason, REASON_OUTCOME_UNKNOWN);
	settle(w, 0);
	struct job next = accept(w, RETURN, "");
	settle(w, 0);
	assert_int_equal(w->workers[0].up->n, 2);
	assert_int_equal(row(w, RETURN, &next).state, JOB_PROCESSING);
	fake_end(w->workers[0].up, 1, created);
	settle(w, 0);
	next = accept(w, RETURN, "");
	settle(w, 0);
	assert_int_equal(w->workers[0].up->n, 3);
	/* after the job's deadline nobody waits for it */
	pass(w, 0, deadline_ms);
	assert_true(w->workers[0].up->calls[0].aborted);
	assert_int_equal(w->workers[0].due, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    CASE(how_far_it_is),
	    CASE(once_a_second),
	    CASE(the_same_again),
	    CASE(with_the_heartbeat),
	    CASE(never_less_never_all),
	    CASE(whatever_it_says),
	    CASE(the_store_fails),
	    CASE(a_late_worker_says_nothing),
	    CASE(a_stray_takes_no_place),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("runner-say", tests, NULL, NULL);
}
