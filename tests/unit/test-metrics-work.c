#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdbool.h>
#include <string.h>

#include "cgi/metrics-work.h"

static struct api apis[] = {
    {.name = {"vat", 3}, .path = {"/a", 2}},
    {.name = {"odd\"\\\nname", 10}, .path = {"/b", 2}},
};
static const struct config config = {
    .name = {"test", 4}, .apis = apis, .n_apis = 2};
static struct metrics_queue queues[] = {
    {.known = true, .pending = 3, .running = 2, .held = 1, .oldest_ms = 5},
    {.known = false},
};
static const struct metrics_work_now now = {.config = &config,
    .queues = queues,
    .calls = 7,
    .uptime_ms = 61005,
    .started_ms = 1795000000123,
    .version = "1.2.3"};

struct world {
	struct metrics_work *m;
	struct buf out;
};

static int set_up(void **state)
{
	static struct world w;

	w = (struct world){.m = metrics_work_new(2)};
	*state = &w;
	return 0;
}

static int tear_down(void **state)
{
	struct world *w = *state;

	metrics_work_free(w->m);
	buf_release(&w->out);
	return 0;
}

static const char *text_of(struct world *w)
{
	buf_clear(&w->out);
	metrics_work_write(w->m, &now, &w->out);
	buf_putc(&w->out, '\0');
	return w->out.data;
}

static void assert_tells(const char *text, const char *line)
{
	if (!strstr(text, line))
		fail_msg("no `%s` in:\n%s", line, text);
}

static void assert_not(const char *text, const char *line)
{
	if (strstr(text, line))
		fail_msg("`%s` in:\n%s", line, text);
}

/* What is of a fixed list is told before it happens. */
static void test_from_the_start(void **state)
{
	const char *text = text_of(*state);

	assert_tells(text,
	    "# HELP lowtide_worker_claims_total Jobs that this worker took, by "
	    "API.\n"
	    "# TYPE lowtide_worker_claims_total counter\n"
	    "lowtide_worker_claims_total{api=\"vat\"} 0\n"
	    "lowtide_worker_claims_total{api=\"odd\\\"\\\\\\nname\"} 0\n"
	    "# HELP lowtide_worker_calls_total ");
	assert_tells(text, "attempts_total{api=\"vat\",became=\"held\"} 0\n");
	assert_tells(text, "attempts_total{api=\"vat\",became=\"lost\"} 0\n");
	assert_tells(
	    text, "failures_total{api=\"vat\",reason=\"outcome-unknown\"} 0\n");
	assert_tells(text, "recovered_total{api=\"vat\"} 0\n");
	assert_tells(text, "lowtide_key_set_fetches_total{result=\"ok\"} 0\n");
	assert_tells(text, "lowtide_store_errors_total{kind=\"full\"} 0\n");
	assert_tells(text, "lowtide_reloads_total{result=\"failed\"} 0\n");
	assert_tells(text, "lowtide_worker_calling 7\n");
	assert_tells(text, "lowtide_queue_processing{api=\"vat\"} 2\n");
	assert_tells(text, "lowtide_queue_held{api=\"vat\"} 1\n");
	assert_not(text, "lowtide_queue_held{api=\"odd");
	assert_tells(text, "lowtide_uptime_seconds 61.005\n");
	assert_not(text, "calls_total{");
	assert_not(text, "reason=\"\"");
}

static void test_calls(void **state)
{
	struct world *w = *state;

	metrics_claimed(w->m, 0);
	metrics_claimed(w->m, 0);
	metrics_called(w->m, 0, UPSTREAM_ANSWER, 201, 10);
	metrics_called(w->m, 0, UPSTREAM_ANSWER, 201, 11);
	metrics_called(w->m, 0, UPSTREAM_ANSWER, 422, -3);
	metrics_called(w->m, 0, UPSTREAM_TIMEOUT, 0, 30001);
	metrics_called(w->m, 0, UPSTREAM_TOO_LARGE, 200, 400000);
	metrics_called(w->m, 1, UPSTREAM_AGAIN, 0, 1);
	const char *text = text_of(w);
	assert_tells(text, "claims_total{api=\"vat\"} 2\n");
	assert_tells(text,
	    "calls_total{api=\"vat\",end=\"answer\",code=\"201\"} 2\n"
	    "lowtide_worker_calls_total{api=\"vat\",end=\"answer\",code="
	    "\"422\"} 1\n"
	    "lowtide_worker_calls_total{api=\"vat\",end=\"timeout\",code="
	    "\"\"} 1\n"
	    "lowtide_worker_calls_total{api=\"vat\",end=\"too-large\",code="
	    "\"\"} 1\n");
	assert_tells(text, "name\",end=\"again\",code=\"\"} 1\n");
	assert_tells(
	    text, "call_duration_seconds_bucket{api=\"vat\",le=\"0.01\"} 2\n");
	assert_tells(
	    text, "call_duration_seconds_bucket{api=\"vat\",le=\"30\"} 3\n");
	assert_tells(
	    text, "call_duration_seconds_bucket{api=\"vat\",le=\"300\"} 4\n");
	assert_tells(
	    text, "call_duration_seconds_bucket{api=\"vat\",le=\"+Inf\"} 5\n");
	assert_tells(text, "call_duration_seconds_sum{api=\"vat\"} 430.022\n");
	assert_tells(text, "call_duration_seconds_count{api=\"vat\"} 5\n");
}

/* An answer without a status that there is counts, without one. */
static void test_odd_calls(void **state)
{
	static const int odd[] = {0, -1, 99, 600, 1000000};
	struct world *w = *state;

	for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++)
		metrics_called(w->m, 0, UPSTREAM_ANSWER, odd[i], 1);
	metrics_called(w->m, 0, UPSTREAM_ENDS, 200, 1);
	metrics_called(w->m, 2, UPSTREAM_ANSWER, 200, 1);
	metrics_called(w->m, SIZE_MAX, UPSTREAM_ANSWER, 200, 1);
	metrics_claimed(w->m, 2);
	metrics_lost(w->m, 2);
	metrics_recovered(w->m, 2, 5);
	const char *text = text_of(w);
	assert_tells(
	    text, "calls_total{api=\"vat\",end=\"answer\",code=\"\"} 5\n");
	assert_not(text, "code=\"200\"");
}

static void test_what_a_job_became(void **state)
{
	static const struct {
		struct job job;
		const char *line;
	} rows[] = {
	    {{.state = JOB_COMPLETED}, "became=\"completed\"} 1\n"},
	    {{.state = JOB_CANCELLED}, "became=\"cancelled\"} 1\n"},
	    {{.state = JOB_FAILED, .reason = REASON_UPSTREAM_REFUSED},
		"reason=\"upstream-refused\"} 1\n"},
	    {{.state = JOB_FAILED, .reason = REASON_FAILED},
		"reason=\"job-failed\"} 1\n"},
	    {{.state = JOB_PROCESSING, .held = true}, "became=\"held\"} 1\n"},
	    {{.state = JOB_PENDING, .needs = true},
		"became=\"needs-credentials\"} 1\n"},
	    {{.state = JOB_PENDING}, "became=\"queued-again\"} 1\n"},
	};
	struct world *w = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct job job = rows[i].job;
		job.accepted_ms = 1000;
		job.ended_ms = job_is_terminal(job.state) ? 3000 : 0;
		metrics_written(w->m, 0, &job);
	}
	metrics_lost(w->m, 0);
	metrics_recovered(w->m, 0, 3);
	const char *text = text_of(w);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_tells(text, rows[i].line);
	assert_tells(text, "became=\"failed\"} 2\n");
	assert_tells(text, "became=\"lost\"} 1\n");
	assert_tells(text, "recovered_total{api=\"vat\"} 3\n");
	assert_tells(
	    text, "job_duration_seconds_bucket{api=\"vat\",le=\"1\"} 0\n");
	assert_tells(
	    text, "job_duration_seconds_bucket{api=\"vat\",le=\"2.5\"} 4\n");
	assert_tells(text, "job_duration_seconds_sum{api=\"vat\"} 8.000\n");
}

/* A heartbeat or a poll that is written ends nothing. */
static void test_what_goes_on_is_not_over(void **state)
{
	const struct job job = {.state = JOB_PROCESSING};
	struct world *w = *state;
	struct buf was = {0};

	metrics_work_write(w->m, &now, &was);
	metrics_written(w->m, 0, &job);
	const char *text = text_of(w);
	assert_int_equal(was.len + 1, w->out.len);
	assert_memory_equal(was.data, text, was.len);
	buf_release(&was);
}

static void test_of_the_whole(void **state)
{
	struct world *w = *state;

	metrics_work_store_failed(w->m, ERR_BUSY);
	metrics_work_reloaded(w->m, true);
	metrics_work_reloaded(w->m, false);
	metrics_work_reloaded(w->m, false);
	metrics_fetched(w->m, true);
	metrics_fetched(w->m, false);
	metrics_fetched(w->m, false);
	const char *text = text_of(w);
	assert_tells(text, "lowtide_store_errors_total{kind=\"busy\"} 1\n");
	assert_tells(text, "lowtide_reloads_total{result=\"ok\"} 1\n");
	assert_tells(text, "lowtide_reloads_total{result=\"failed\"} 2\n");
	assert_tells(text, "lowtide_key_set_fetches_total{result=\"ok\"} 1\n");
	assert_tells(
	    text, "lowtide_key_set_fetches_total{result=\"failed\"} 2\n");
}

static void test_counts_stay_when_apis_come(void **unused)
{
	struct world w = {.m = metrics_work_new(1)};

	(void)unused;
	metrics_claimed(w.m, 0);
	metrics_claimed(w.m, 1);
	metrics_work_fit(w.m, 2);
	metrics_claimed(w.m, 1);
	metrics_work_fit(w.m, 1); /* never fewer */
	metrics_claimed(w.m, 1);
	const char *text = text_of(&w);
	assert_tells(text, "claims_total{api=\"vat\"} 1\n");
	assert_tells(text, "name\"} 2\n");
	metrics_work_free(w.m);
	buf_release(&w.out);
}

/* An API that went keeps what was counted, and has neither queue nor times. */
static void test_an_api_that_went(void **state)
{
	const struct str path = apis[0].path;
	struct world *w = *state;

	metrics_claimed(w->m, 0);
	apis[0].path = (struct str){0};
	const char *text = text_of(w);
	apis[0].path = path;
	assert_tells(text, "claims_total{api=\"vat\"} 1\n");
	assert_not(text, "lowtide_queue_pending{api=\"vat\"}");
	assert_not(text, "duration_seconds_count{api=\"vat\"}");
}

static void test_nobody_counts(void **unused)
{
	const struct job job = {.state = JOB_COMPLETED};
	struct buf out = {0};

	(void)unused;
	metrics_claimed(NULL, 0);
	metrics_called(NULL, 0, UPSTREAM_ANSWER, 200, 1);
	metrics_written(NULL, 0, &job);
	metrics_lost(NULL, 0);
	metrics_recovered(NULL, 0, 1);
	metrics_work_store_failed(NULL, ERR_IO);
	metrics_work_reloaded(NULL, true);
	metrics_fetched(NULL, true);
	metrics_work_fit(NULL, 3);
	metrics_work_write(NULL, &now, &out);
	metrics_work_free(NULL);
	assert_int_equal(out.len, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(
		test_from_the_start, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_calls, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_odd_calls, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(
		test_what_a_job_became, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(
		test_what_goes_on_is_not_over, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(
		test_of_the_whole, set_up, tear_down),
	    cmocka_unit_test(test_counts_stay_when_apis_come),
	    cmocka_unit_test_setup_teardown(
		test_an_api_that_went, set_up, tear_down),
	    cmocka_unit_test(test_nobody_counts),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("metrics-work", tests, NULL, NULL);
}
