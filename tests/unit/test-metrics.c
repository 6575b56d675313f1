#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdbool.h>
#include <string.h>

#include "cgi/metrics.h"

static struct api apis[] = {
    {.name = {"bundle-post", 11}, .path = {"/a", 2}},
    {.name = {"odd\"\\\nname", 10}, .path = {"/b", 2}},
};
static const struct config config = {
    .name = {"test", 4}, .apis = apis, .n_apis = 2};

static struct metrics_queue queues[] = {
    {.known = true,
	.pending = 3,
	.needing = 1,
	.running = 2,
	.held = 5,
	.oldest_ms = 61005},
    {.known = true},
};

static const struct metrics_now now = {.config = &config,
    .queues = queues,
    .connections = 9,
    .parked = 4,
    .streams = 2,
    .committing = 1,
    .uptime_ms = 61005,
    .started_ms = 1795000000123,
    .version = "1.2.3"};

static const char *text_of(struct metrics *m, struct buf *out)
{
	buf_clear(out);
	metrics_write(m, &now, out);
	buf_putc(out, '\0');
	return out->data;
}

static void assert_tells(const char *text, const char *line)
{
	if (!strstr(text, line))
		fail_msg("no `%s` in:\n%s", line, text);
}

/* The whole of it, byte by byte. */
static const char golden[] =
    "# HELP lowtide_requests_total Answers that began, by API and HTTP "
    "status.\n"
    "# TYPE lowtide_requests_total counter\n"
    "lowtide_requests_total{api=\"bundle-post\",code=\"202\"} 2\n"
    "lowtide_requests_total{api=\"odd\\\"\\\\\\nname\",code=\"503\"} 1\n"
    "lowtide_requests_total{api=\"\",code=\"404\"} 1\n"
    "# HELP lowtide_accept_duration_seconds From a request's arrival until its "
    "row was on the disk.\n"
    "# TYPE lowtide_accept_duration_seconds histogram\n"
    "lowtide_accept_duration_seconds_bucket{api=\"bundle-post\",le=\"0.005\"} "
    "1\n"
    "lowtide_accept_duration_seconds_bucket{api=\"bundle-post\",le=\"0.01\"} "
    "1\n"
    "lowtide_accept_duration_seconds_bucket{api=\"bundle-post\",le=\"0.025\"} "
    "1\n"
    "lowtide_accept_duration_seconds_bucket{api=\"bundle-post\",le=\"0.05\"} "
    "1\n"
    "lowtide_accept_duration_seconds_bucket{api=\"bundle-post\",le=\"0.1\"} 1\n"
    "lowtide_accept_duration_seconds_bucket{api=\"bundle-post\",le=\"0.25\"} "
    "1\n"
    "lowtide_accept_duration_seconds_bucket{api=\"bundle-post\",le=\"0.5\"} 1\n"
    "lowtide_accept_duration_seconds_bucket{api=\"bundle-post\",le=\"1\"} 1\n"
    "lowtide_accept_duration_seconds_bucket{api=\"bundle-post\",le=\"2.5\"} 2\n"
    "lowtide_accept_duration_seconds_bucket{api=\"bundle-post\",le=\"5\"} 2\n"
    "lowtide_accept_duration_seconds_bucket{api=\"bundle-post\",le=\"10\"} 2\n"
    "lowtide_accept_duration_seconds_bucket{api=\"bundle-post\",le=\"+Inf\"} "
    "3\n"
    "lowtide_accept_duration_seconds_sum{api=\"bundle-post\"} 61.006\n"
    "lowtide_accept_duration_seconds_count{api=\"bundle-post\"} 3\n";

static const char golden_end[] =
    "# HELP lowtide_queue_pending Jobs that wait to be done, by API.\n"
    "# TYPE lowtide_queue_pending gauge\n"
    "lowtide_queue_pending{api=\"bundle-post\"} 3\n"
    "lowtide_queue_pending{api=\"odd\\\"\\\\\\nname\"} 0\n"
    "# HELP lowtide_queue_needing_credentials Those of them that wait for "
    "another credential.\n"
    "# TYPE lowtide_queue_needing_credentials gauge\n"
    "lowtide_queue_needing_credentials{api=\"bundle-post\"} 1\n"
    "lowtide_queue_needing_credentials{api=\"odd\\\"\\\\\\nname\"} 0\n"
    "# HELP lowtide_queue_processing Jobs that are being done, by API.\n"
    "# TYPE lowtide_queue_processing gauge\n"
    "lowtide_queue_processing{api=\"bundle-post\"} 2\n"
    "lowtide_queue_processing{api=\"odd\\\"\\\\\\nname\"} 0\n"
    "# HELP lowtide_queue_held Jobs that an operator decides about, by API.\n"
    "# TYPE lowtide_queue_held gauge\n"
    "lowtide_queue_held{api=\"bundle-post\"} 5\n"
    "lowtide_queue_held{api=\"odd\\\"\\\\\\nname\"} 0\n"
    "# HELP lowtide_queue_oldest_seconds Age of the oldest job that waits; 0: "
    "none does.\n"
    "# TYPE lowtide_queue_oldest_seconds gauge\n"
    "lowtide_queue_oldest_seconds{api=\"bundle-post\"} 61.005\n"
    "lowtide_queue_oldest_seconds{api=\"odd\\\"\\\\\\nname\"} 0.000\n"
    "# HELP lowtide_connections Connections of web servers that are open.\n"
    "# TYPE lowtide_connections gauge\n"
    "lowtide_connections 9\n"
    "# HELP lowtide_parked Requests that wait for their job.\n"
    "# TYPE lowtide_parked gauge\n"
    "lowtide_parked 4\n"
    "# HELP lowtide_streams Event streams that are open.\n"
    "# TYPE lowtide_streams gauge\n"
    "lowtide_streams 2\n"
    "# HELP lowtide_committing Changes on their way to the disk.\n"
    "# TYPE lowtide_committing gauge\n"
    "lowtide_committing 1\n"
    "# HELP lowtide_store_errors_total What the store could not do, by kind.\n"
    "# TYPE lowtide_store_errors_total counter\n"
    "lowtide_store_errors_total{kind=\"busy\"} 1\n"
    "lowtide_store_errors_total{kind=\"full\"} 0\n"
    "lowtide_store_errors_total{kind=\"io\"} 0\n"
    "lowtide_store_errors_total{kind=\"corrupt\"} 0\n"
    "# HELP lowtide_reloads_total Configurations and keys that were read "
    "again.\n"
    "# TYPE lowtide_reloads_total counter\n"
    "lowtide_reloads_total{result=\"ok\"} 1\n"
    "lowtide_reloads_total{result=\"failed\"} 2\n"
    "# HELP lowtide_build_info 1, and which version it is.\n"
    "# TYPE lowtide_build_info gauge\n"
    "lowtide_build_info{version=\"1.2.3\"} 1\n"
    "# HELP lowtide_uptime_seconds Since it began, by a clock that nobody "
    "sets.\n"
    "# TYPE lowtide_uptime_seconds gauge\n"
    "lowtide_uptime_seconds 61.005\n"
    "# HELP process_start_time_seconds When it began, by the wall clock.\n"
    "# TYPE process_start_time_seconds gauge\n"
    "process_start_time_seconds 1795000000.123\n";

static void test_whole_text(void **unused)
{
	struct metrics m = {0};
	struct buf out = {0};

	(void)unused;
	metrics_fit(&m, 2);
	metrics_answered(&m, 0, 202);
	metrics_answered(&m, 0, 202);
	metrics_answered(&m, 1, 503);
	metrics_answered(&m, METRICS_NO_API, 404);
	metrics_accepted(&m, 0, 5);
	metrics_accepted(&m, 0, 1001);
	metrics_accepted(&m, 0, 60000);
	metrics_store_failed(&m, ERR_BUSY);
	metrics_reloaded(&m, true);
	metrics_reloaded(&m, false);
	metrics_reloaded(&m, false);
	const char *text = text_of(&m, &out);
	assert_memory_equal(text, golden, sizeof(golden) - 1);
	const char *end = strstr(text, "# HELP lowtide_queue_pending");
	assert_non_null(end);
	assert_string_equal(end, golden_end);
	buf_release(&out);
	metrics_release(&m);
}

/* Histograms count upwards, whatever a clock says; the last bucket is all. */
static void test_a_clock_that_goes_back(void **unused)
{
	struct metrics m = {0};
	struct buf out = {0};

	(void)unused;
	metrics_fit(&m, 2);
	metrics_accepted(&m, 0, -5);
	metrics_accepted(&m, 0, INT64_MAX / 4);
	const char *text = text_of(&m, &out);
	assert_tells(text, "_bucket{api=\"bundle-post\",le=\"0.005\"} 1\n");
	assert_tells(text, "_bucket{api=\"bundle-post\",le=\"10\"} 1\n");
	assert_tells(text, "_bucket{api=\"bundle-post\",le=\"+Inf\"} 2\n");
	buf_release(&out);
	metrics_release(&m);
}

static void test_counts_stay_when_apis_come(void **unused)
{
	struct metrics m = {0};
	struct buf out = {0};

	(void)unused;
	metrics_fit(&m, 1);
	metrics_answered(&m, 0, 200);
	metrics_answered(&m, METRICS_NO_API, 404);
	metrics_fit(&m, 2);
	metrics_answered(&m, 1, 201);
	metrics_fit(&m, 1); /* never fewer */
	metrics_answered(&m, METRICS_NO_API, 404);
	const char *text = text_of(&m, &out);
	assert_tells(text, "{api=\"bundle-post\",code=\"200\"} 1\n");
	assert_tells(text, "name\",code=\"201\"} 1\n");
	assert_tells(text, "{api=\"\",code=\"404\"} 2\n");
	assert_null(strstr(text, "name\",code=\"404\""));
	buf_release(&out);
	metrics_release(&m);
}

static void test_what_is_no_status_is_not_counted(void **unused)
{
	static const int odd[] = {0, -1, 99, 600, 1000000};
	struct metrics m = {0};
	struct buf out = {0};

	(void)unused;
	metrics_fit(&m, 2);
	for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++)
		metrics_answered(&m, 0, odd[i]);
	assert_null(strstr(text_of(&m, &out), "code="));
	buf_release(&out);
	metrics_release(&m);
}

static void test_nobody_counts(void **unused)
{
	struct metrics m = {0};

	(void)unused;
	metrics_answered(NULL, 0, 200);
	metrics_accepted(NULL, 0, 1);
	metrics_store_failed(NULL, ERR_IO);
	metrics_reloaded(NULL, true);
	metrics_answered(&m, 0, 200); /* fits nobody yet */
	metrics_accepted(&m, 0, 1);
	assert_null(m.apis);
}

/* An API that went keeps its answers, which never go back, and no queue. */
static void test_an_api_that_went(void **unused)
{
	struct metrics m = {0};
	struct buf out = {0};
	const struct str path = apis[0].path;

	(void)unused;
	metrics_fit(&m, 2);
	metrics_answered(&m, 0, 410);
	apis[0].path = (struct str){0};
	const char *text = text_of(&m, &out);
	apis[0].path = path;
	assert_tells(text, "{api=\"bundle-post\",code=\"410\"} 1\n");
	assert_null(strstr(text, "lowtide_queue_pending{api=\"bundle-post\"}"));
	buf_release(&out);
	metrics_release(&m);
}

/* A store that cannot be read has no queue, rather than an empty one. */
static void test_an_unknown_queue_is_not_told(void **unused)
{
	struct metrics m = {0};
	struct buf out = {0};

	(void)unused;
	metrics_fit(&m, 2);
	queues[0].known = false;
	const char *text = text_of(&m, &out);
	queues[0].known = true;
	assert_null(strstr(text, "lowtide_queue_pending{api=\"bundle-post\"}"));
	assert_tells(text, "lowtide_queue_pending{api=\"odd");
	buf_release(&out);
	metrics_release(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_whole_text),
	    cmocka_unit_test(test_a_clock_that_goes_back),
	    cmocka_unit_test(test_counts_stay_when_apis_come),
	    cmocka_unit_test(test_what_is_no_status_is_not_counted),
	    cmocka_unit_test(test_nobody_counts),
	    cmocka_unit_test(test_an_api_that_went),
	    cmocka_unit_test(test_an_unknown_queue_is_not_told),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("metrics", tests, NULL, NULL);
}
