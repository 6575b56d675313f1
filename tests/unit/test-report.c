#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "cgi/report.h"
#include "lib/json.h"

static const struct api vat = {.name = {"vat-return-post", 15}};
static const struct api x = {.name = {"x", 1}};

static void the_table(void **state)
{
	struct report_job jobs[] = {
	    {.api = &vat,
		.job = {.state = JOB_FAILED,
		    .reason = REASON_OUTCOME_UNKNOWN,
		    .status = 502,
		    .attempt = 2,
		    .accepted_ms = 1000}},
	    {.api = &x, .job = {.state = JOB_PENDING, .accepted_ms = 99000}},
	};
	struct buf out = {0};

	(void)state;
	report_table(&out, jobs, 2, 3700000);
	assert_string_equal(out.data,
	    "JOB                                                   "
	    "API              STATUS      HTTP  TRY      AGE  REASON\n"
	    "job_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA  "
	    "vat-return-post  failed       502    2    1h01m  "
	    "outcome-unknown\n"
	    "job_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA  "
	    "x                pending        0    0    1h00m\n");
	buf_release(&out);
}

/* What others wrote cannot speak to a terminal. */
static void no_escapes(void **state)
{
	struct report_job job = {.api = &x,
	    .lease_ms = 1700000000000,
	    .meta = {.request_id = STR("a\033[2Jb\xc2\x9b\x7f\xc3\xa4")},
	    .has_result = true,
	    .result = {.message = STR("line\nline")}};
	struct buf out = {0};

	(void)state;
	report_job(&out, &job);
	assert_non_null(
	    strstr(out.data, "requestId        a?[2Jb??\xc3\xa4\n"));
	assert_non_null(strstr(out.data, "message          line?line\n"));
	assert_non_null(strstr(out.data, "startedAt        -\n"));
	assert_non_null(
	    strstr(out.data, "leaseUntil       2023-11-14T22:13:20.000Z\n"));
	assert_non_null(strstr(out.data, "anonymous        yes\n"));
	buf_release(&out);
}

static void bodies(void **state)
{
	static const char bytes[] = "a\033[2J\r\nb\t\xc2\x9b\0\xff";
	const struct str body = {.p = bytes, .n = sizeof(bytes) - 1};
	struct buf out = {0};

	(void)state;
	report_bytes(&out, body, false);
	assert_int_equal(out.len, body.n);
	assert_memory_equal(out.data, bytes, body.n);
	buf_clear(&out);
	report_bytes(&out, body, true);
	assert_string_equal(out.data, "a?[2J?\nb\t??\xff");
	buf_release(&out);
}

/* It is pending, and nothing will happen by itself. */
static void who_needs_a_credential_is_told(void **state)
{
	struct report_job job = {.api = &x,
	    .job = {.needs = true, .renewed = 2, .read_ms = 1700000000000}};
	struct buf out = {0};

	(void)state;
	report_job(&out, &job);
	assert_non_null(strstr(out.data, "needsCredentials yes\n"));
	assert_null(strstr(out.data, "lowtide-jobs release"));
	assert_non_null(strstr(out.data, "renewals         2\n"));
	assert_non_null(
	    strstr(out.data, "readAt           2023-11-14T22:13:20.000Z\n"));
	buf_clear(&out);
	report_table(&out, &job, 1, 1000);
	assert_non_null(strstr(out.data, "  needs-credentials\n"));
	buf_release(&out);
}

/* An operator decides; nothing will happen by itself. */
static void held_is_told(void **state)
{
	struct report_job job = {.api = &x,
	    .job = {.state = JOB_PROCESSING, .held = true, .sent = true},
	    .has_note = true,
	    .note = {.message = STR("half\007way"),
		.poll_url = STR("https://u.example/j/1?key=SECRET")}};
	struct buf out = {0};

	(void)state;
	report_line(&out, &job, 1000);
	assert_non_null(strstr(out.data, "  x  processing     0    0"));
	assert_non_null(strstr(out.data, "  held\n"));
	buf_clear(&out);
	report_job(&out, &job);
	assert_non_null(strstr(out.data, "held             yes\n"));
	assert_non_null(strstr(out.data, "  lowtide-jobs release  job_"));
	assert_non_null(strstr(out.data, "progressMessage  half?way\n"));
	assert_non_null(
	    strstr(out.data, "pollUrl          https://u.example/j/1\n"));
	assert_null(strstr(out.data, "SECRET"));
	buf_release(&out);
}

static void headers(void **state)
{
	struct pair pairs[] = {{STR_INIT("x-a"), STR_INIT("1\n2")},
	    {STR_INIT("x-b"), STR_INIT("\"")}};
	struct report_job job = {.api = &x,
	    .has_request = true,
	    .request = {
		.headers = {.items = pairs, .n = 2}, .body = STR("BODY")}};
	struct buf out = {0};
	struct arena a = {0};
	struct value *v;

	(void)state;
	report_job(&out, &job);
	assert_non_null(strstr(
	    out.data, "requestHeaders   x-a: 1?2\n                 x-b: \"\n"));
	assert_non_null(strstr(out.data, "requestBytes     4\n"));
	buf_clear(&out);
	report_job_json(&out, &job);
	assert_int_equal(
	    json_read(&a, buf_str(&out), 65536, NULL, NULL, &v), ERR_OK);
	const struct value *object = value_get(v, "requestHeaders");
	assert_true(str_is(value_text(object, "x-a"), "1\n2"));
	assert_true(str_is(value_text(object, "x-b"), "\""));
	assert_null(strstr(out.data, "BODY"));
	arena_release(&a);
	buf_release(&out);
}

static void json(void **state)
{
	struct report_job job = {.api = &x,
	    .job = {.state = JOB_COMPLETED, .status = 201, .owner = {1}},
	    .has_result = true,
	    .result = {.location = STR("/b/1"), .body = STR("secret")}};
	struct buf out = {0};
	struct arena a = {0};
	struct value *v;

	(void)state;
	report_job_json(&out, &job);
	assert_int_equal(
	    json_read(&a, buf_str(&out), 65536, NULL, NULL, &v), ERR_OK);
	assert_true(str_is(value_text(v, "location"), "/b/1"));
	assert_true(str_is(value_text(v, "status"), "completed"));
	assert_int_equal(value_get(v, "resultBytes")->as.i, 6);
	assert_false(value_get(v, "anonymous")->as.b);
	assert_int_equal(value_get(v, "completedAt")->kind, VALUE_NULL);
	assert_null(strstr(out.data, "secret"));
	assert_true(
	    str_is(value_text(v, "owner"), "01000000000000000000000000000000"));
	buf_clear(&out);
	report_line_json(&out, &job);
	assert_ptr_equal(strchr(out.data, '\n'), out.data + out.len - 1);
	assert_int_equal(
	    json_read(&a, buf_str(&out), 65536, NULL, NULL, &v), ERR_OK);
	assert_int_equal(value_get(v, "httpStatus")->as.i, 201);
	buf_clear(&out);
	report_table_json(&out, &job, 1);
	assert_int_equal(
	    json_read(&a, buf_str(&out), 65536, NULL, NULL, &v), ERR_OK);
	assert_int_equal(value_get(v, "jobs")->as.array.n, 1);
	arena_release(&a);
	buf_release(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_table),
	    cmocka_unit_test(no_escapes),
	    cmocka_unit_test(who_needs_a_credential_is_told),
	    cmocka_unit_test(held_is_told),
	    cmocka_unit_test(headers),
	    cmocka_unit_test(bodies),
	    cmocka_unit_test(json),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("report", tests, NULL, NULL);
}
