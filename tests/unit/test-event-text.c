#include "cgi/event-text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lib/config.h"

static void test_an_event(void **state)
{
	struct buf out = {0};
	(void)state;

	event_put_retry(&out);
	event_put(&out, 17, STR("job"), STR("{\"a\":1}"));
	event_put_comment(&out);
	event_put_id(&out, INT64_MAX);
	assert_string_equal(out.data, "retry: 2000\n\n"
				      "id: 17\nevent: job\ndata: {\"a\":1}\n\n"
				      ":\n\n"
				      "id: 9223372036854775807\n\n");
	buf_release(&out);
}

/* Nothing that is put into it can end a line or begin another event. */
static void test_one_line_whatever_it_is(void **state)
{
	struct buf out = {0};
	(void)state;

	event_put(&out, 1, STR("a\nevent: b\r\r\n"),
	    STR("\n{\r\n \"a\":\n\n1\r}\ndata: x\n\n"));
	assert_string_equal(out.data, "id: 1\nevent: a event: b   \n"
				      "data:  {   \"a\":  1 } data: x  \n\n");
	buf_clear(&out);
	event_put(&out, 1, STR(""), STR(""));
	assert_string_equal(out.data, "id: 1\nevent: \ndata: \n\n");
	buf_release(&out);
}

static struct pair names[] = {
    {{"accepted", 8}, {"vat.taken", 9}},
    {{"progress", 8}, {"vat.moved", 9}},
    {{"completed", 9}, {"vat.done", 8}},
    {{"cancelled", 9}, {"vat.off", 7}},
};

static void test_names(void **state)
{
	const struct api api = {.events = {names, 4}};
	const struct api silent = {0};
	static const struct {
		struct job job;
		const char *command, *alert;
	} rows[] = {
	    {{.state = JOB_PENDING}, "vat.taken", ""},
	    {{.state = JOB_PENDING, .attempt = 1}, "", ""},
	    {{.state = JOB_PENDING, .attempt = 1, .needs = true}, "", "alert"},
	    {{.state = JOB_PROCESSING, .attempt = 1}, "", ""},
	    {{.state = JOB_PROCESSING, .attempt = 1, .progress = 1},
		"vat.moved", ""},
	    {{.state = JOB_PROCESSING, .progress = 1, .held = true}, "",
		"alert"},
	    {{.state = JOB_COMPLETED, .progress = 100}, "vat.done", ""},
	    {{.state = JOB_FAILED, .reason = REASON_OUTCOME_UNKNOWN}, "",
		"alert"},
	    {{.state = JOB_FAILED, .reason = REASON_UPSTREAM_REFUSED}, "",
		"alert"},
	    {{.state = JOB_CANCELLED}, "vat.off", "alert"},
	};
	(void)state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct job *job = &rows[i].job;
		assert_true(str_is(event_name(EVENT_ALL, &api, job), "job"));
		assert_true(str_is(
		    event_name(EVENT_COMMAND, &api, job), rows[i].command));
		assert_true(
		    str_is(event_name(EVENT_ALERT, &api, job), rows[i].alert));
		assert_int_equal(event_name(EVENT_COMMAND, &silent, job).n, 0);
	}
}

static void test_views(void **state)
{
	static const struct {
		const char *text;
		int view; /* -1 = none */
	} rows[] = {{"all", EVENT_ALL}, {"command", EVENT_COMMAND},
	    {"alert", EVENT_ALERT}, {"", -1}, {"ALL", -1}, {"alerts", -1},
	    {"al", -1}, {"all ", -1}};
	enum event_view view;
	(void)state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		bool is = event_read_view(str_of(rows[i].text), &view);
		assert_int_equal(is, rows[i].view >= 0);
		if (is)
			assert_int_equal(view, rows[i].view);
	}
}

static void test_ids(void **state)
{
	static const struct {
		const char *text;
		int64_t id;
	} rows[] = {
	    {"0", 0}, {"17", 17}, {"0017", 17},
	    {"9223372036854775807", INT64_MAX}, {"9223372036854775808", -1},
	    {"9999999999999999999", -1},
	    {"99999999999999999999999999999999999999999999", -1}, {"", -1},
	    {" 1", -1}, {"1 ", -1}, {"-1", -1}, {"+1", -1}, {"0x1", -1},
	    {"1.0", -1}, {"1\n2", -1}, {"\"1\"", -1},
	    {"\xd9\xa1", -1}, /* a digit elsewhere */
	};
	(void)state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_true(event_read_id(str_of(rows[i].text)) == rows[i].id);
	assert_true(event_read_id((struct str){"1\0", 2}) == -1);
}

static void test_accept(void **state)
{
	static const struct {
		const char *accept;
		bool is;
	} rows[] = {
	    {"", true},
	    {"  ", true},
	    {"text/event-stream", true},
	    {"Text/Event-Stream; charset=utf-8", true},
	    {"*/*", true},
	    {"text/*", true},
	    {"application/json, text/event-stream;q=0.1", true},
	    {"text/html, */*;q=0.1", true},
	    {"application/json", false},
	    {"text/html", false},
	    {"text/event-stream;q=0", false},
	    {"text/event-stream; q=0.000", false},
	    {"text/event-stream;q=0.001", true},
	    {"text/event-stream;Q=0, */*", false}, /* the nearest counts */
	    {"*/*, text/*;q=0", false},
	    {"*/*;q=0, text/event-stream", true},
	    {"text/*;q=0, text/event-stream;v=1;q=1", true},
	    {",,,", false},
	    {";q=1", false},
	    {"text/event-streams", false},
	    {"text/event-stream;q=", true},
	};
	(void)state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(
		    event_is_accepted(str_of(rows[i].accept)), rows[i].is);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_an_event),
	    cmocka_unit_test(test_one_line_whatever_it_is),
	    cmocka_unit_test(test_names),
	    cmocka_unit_test(test_views),
	    cmocka_unit_test(test_ids),
	    cmocka_unit_test(test_accept),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("event-text", tests, NULL, NULL);
}
