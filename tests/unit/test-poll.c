#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "cgi/envelope.h"
#include "cgi/poll.h"
#include "lib/utf8.h"

#define X_ANSWER POLL_ANSWER
#define X_ON POLL_ON
#define X_SEE POLL_SEE
#define X_AGAIN POLL_AGAIN
#define X_GONE POLL_GONE
#define X_FAILED POLL_FAILED

/* What each answer means at the place that is polled, and at a 303's. */
static const struct row {
	const char *name;
	struct upstream_answer answer;
	enum poll_kind kind, seen;
} rows[] = {
    {"200", {.status = 200}, X_ANSWER, X_ANSWER},
    {"201", {.status = 201}, X_ANSWER, X_ANSWER},
    {"202", {.status = 202}, X_ON, X_ANSWER},
    {"204", {.status = 204}, X_ANSWER, X_ANSWER},
    {"301", {.status = 301}, X_ANSWER, X_ANSWER},
    {"302", {.status = 302}, X_ANSWER, X_ANSWER},
    {"303", {.status = 303}, X_SEE, X_ANSWER},
    {"400", {.status = 400}, X_ANSWER, X_ANSWER},
    {"401", {.status = 401}, X_ANSWER, X_ANSWER},
    {"404", {.status = 404}, X_GONE, X_GONE},
    {"410", {.status = 410}, X_GONE, X_GONE},
    {"429", {.status = 429}, X_AGAIN, X_AGAIN},
    {"500", {.status = 500}, X_AGAIN, X_AGAIN},
    {"503", {.status = 503}, X_AGAIN, X_AGAIN},
    {"unsent", {.end = UPSTREAM_UNSENT}, X_AGAIN, X_AGAIN},
    {"time-out", {.end = UPSTREAM_TIMEOUT}, X_AGAIN, X_AGAIN},
    {"broken", {.end = UPSTREAM_BROKEN, .status = 200}, X_AGAIN, X_AGAIN},
    {"too large", {.end = UPSTREAM_TOO_LARGE, .status = 200}, X_ANSWER,
	X_ANSWER},
#define SAYS(text, kind)                                                       \
	{                                                                      \
		text, {.status = 200, .body = STR_INIT(text)}, kind, X_ANSWER  \
	}
    SAYS("{\"status\":\"pending\"}", X_ON),
    SAYS("{\"status\":\"queued\"}", X_ON),
    SAYS("{\"status\":\"accepted\"}", X_ON),
    SAYS("{\"status\":\"NotStarted\"}", X_ON),
    SAYS("{\"status\":\"not_started\"}", X_ON),
    SAYS("{\"status\":\"Processing\"}", X_ON),
    SAYS("{\"status\":\"RUNNING\"}", X_ON),
    SAYS("{\"status\":\"in-progress\"}", X_ON),
    SAYS("{\"status\":\"InProgress\"}", X_ON),
    SAYS("{\"status\":\"IN_PROGRESS\"}", X_ON),
    SAYS("{\"status\":\"failed\"}", X_FAILED),
    SAYS("{\"status\":\"Error\"}", X_FAILED),
    SAYS("{\"status\":\"cancelled\"}", X_FAILED),
    SAYS("{\"status\":\"Canceled\"}", X_FAILED),
    SAYS("{\"status\":\"succeeded\"}", X_ANSWER),
    SAYS("{\"status\":\"run\"}", X_ANSWER),
    SAYS("{\"status\":\"runnings\"}", X_ANSWER),
    SAYS("{\"status\":\"\"}", X_ANSWER), SAYS("{\"status\":202}", X_ANSWER),
    SAYS("{\"state\":\"running\"}", X_ANSWER), SAYS("\"running\"", X_ANSWER),
    SAYS("[\"running\"]", X_ANSWER), SAYS("running", X_ANSWER),
    SAYS("{\"status\":\"running\"", X_ANSWER), /* cut: whatever it is */
};

static void each_answer(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct arena a = {0};
		struct upstream_progress p;

		print_message("# %s\n", rows[i].name);
		assert_int_equal(
		    poll_of(&a, &rows[i].answer, false, &p), rows[i].kind);
		assert_int_equal(
		    poll_of(&a, &rows[i].answer, true, &p), rows[i].seen);
		arena_release(&a);
	}
}

static void how_far_it_is(void **state)
{
	static const struct {
		const char *body;
		int percent;
		const char *message;
	} said[] = {
	    {"{\"progress\":42,\"message\":\"half\"}", 42, "half"},
	    {"{\"progress\":42.9}", 42, ""},
	    {"{\"percentComplete\":7}", 7, ""},
	    {"{\"progress\":1,\"percentComplete\":7}", 1, ""},
	    {"{\"progress\":null,\"percentComplete\":7}", 7, ""},
	    {"{\"progress\":0}", 0, ""},
	    {"{\"progress\":100}", 100, ""},
	    {"{\"progress\":101}", -1, ""},
	    {"{\"progress\":-1}", -1, ""},
	    {"{\"progress\":1e300}", -1, ""},
	    {"{\"progress\":\"42\"}", -1, ""},
	    {"{\"message\":[1]}", -1, ""},
	    {"{\"message\":\" a\\nb\\u0000 \"}", -1, ""}, /* no JSON of ours */
	    {"{\"message\":\" a\\nb\\u0085 \"}", -1, "a b"},
	    {"", -1, ""},
	    {"nonsense", -1, ""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(said) / sizeof(said[0]); i++) {
		struct arena a = {0};
		struct upstream_answer answer = {
		    .status = 202, .body = str_of(said[i].body)};
		struct upstream_progress p;

		print_message("# %s\n", said[i].body);
		assert_int_equal(poll_of(&a, &answer, false, &p), POLL_ON);
		assert_int_equal(p.percent, said[i].percent);
		assert_true(str_is(p.message, said[i].message));
		poll_progress(&a, &answer, &p);
		assert_int_equal(p.percent, said[i].percent);
		arena_release(&a);
	}
}

/* A result is not looked through, however much like a status it looks. */
static void large_bodies(void **state)
{
	struct arena a = {0};
	struct upstream_progress p;
	struct upstream_answer answer = {.status = 200,
	    .body = arena_printf(&a, "{\"status\":\"running\",\"x\":\"%*s\"}",
		POLL_BODY_MAX, "")};

	(void)state;
	assert_int_equal(poll_of(&a, &answer, false, &p), POLL_ANSWER);
	answer.body = arena_printf(&a, "{\"status\":\"running\",\"x\":\"%*s\"}",
	    POLL_BODY_MAX / 2, "");
	assert_int_equal(poll_of(&a, &answer, false, &p), POLL_ON);
	arena_release(&a);
}

static void when_again(void **state)
{
	static const int64_t without[] = {
	    1000, 2000, 4000, 8000, 16000, 30000, 30000};
	static const int64_t said[][2] = {{-5, 1000}, {0, 1000}, {999, 1000},
	    {1000, 1000}, {5000, 5000}, {60000, 60000}, {60001, 60000},
	    {INT64_MAX, 60000}};
	struct upstream_answer answer = {.status = 202};

	(void)state;
	for (int i = 0; i < 7; i++)
		assert_int_equal(poll_wait_ms(&answer, i), without[i]);
	assert_int_equal(poll_wait_ms(&answer, 1000000), 30000);
	answer.has_retry_after = true;
	for (int i = 0; i < 8; i++) {
		answer.retry_after_ms = said[i][0];
		assert_int_equal(poll_wait_ms(&answer, i), said[i][1]);
	}
}

static void messages(void **state)
{
	static const char *const texts[][2] = {
	    {"half of it", "half of it"},
	    {"  half \t\r\n", "half"},
	    {"a\x1b[31mb", "a [31mb"},
	    {"a\x7f\xc2\x9f"
	     "b",
		"a  b"},
	    {"caf\xc3\xa9 \xe2\x82\xac", "caf\xc3\xa9 \xe2\x82\xac"},
	    {"a\xff\xc3(b", "a  (b"},
	    {"\xed\xa0\x80", ""},
	    {"", ""},
	};
	char out[ENVELOPE_MESSAGE_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		size_t n = poll_clean(str_of(texts[i][0]), out);
		struct str s = {.p = out, .n = n};

		print_message("# %zu\n", i);
		assert_true(str_is(s, texts[i][1]));
	}
}

/* Whatever comes: within the bound, UTF-8, and no control character. */
static void any_bytes(void **state)
{
	uint64_t random = 1;

	(void)state;
	for (int i = 0; i < 20000; i++) {
		char in[400], out[ENVELOPE_MESSAGE_MAX];
		struct str s = {.p = in, .n = (size_t)i % sizeof(in)};

		for (size_t k = 0; k < s.n; k++) {
			random = random * 6364136223846793005u + 1;
			in[k] = (char)(random >> 56);
			if (i % 2 && random >> 63) /* mostly characters */
				k += k + 3 < s.n ? utf8_put(in + k, 0x20ac) - 1
						 : 0;
		}
		struct str got = {.p = out, .n = poll_clean(s, out)};
		assert_true(got.n <= sizeof(out));
		assert_true(utf8_valid(got));
		for (size_t k = 0; k < got.n; k++)
			assert_true((unsigned char)out[k] >= 0x20);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(each_answer),
	    cmocka_unit_test(how_far_it_is),
	    cmocka_unit_test(large_bodies),
	    cmocka_unit_test(when_again),
	    cmocka_unit_test(messages),
	    cmocka_unit_test(any_bytes),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("poll", tests, NULL, NULL);
}
