#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "cgi/log.h"

static void one_line(void **state)
{
	int fds[2];
	char got[512];

	(void)state;
	assert_int_equal(pipe(fds), 0);
	struct log log = {.fd = fds[1], .program = "lowtide-test"};
	LOG(&log, 1795250000123, "job-ended", LOG_TEXT("why", "a \"b\"\n"),
	    LOG_INT("attempt", 2));
	ssize_t n = read(fds[0], got, sizeof(got) - 1);
	assert_true(n > 0);
	got[n] = '\0';
	assert_string_equal(got,
	    "{\"time\":\"2026-11-21T08:33:20.123Z\","
	    "\"program\":\"lowtide-test\",\"event\":\"job-ended\","
	    "\"why\":\"a \\\"b\\\"\\n\",\"attempt\":2}\n");
	close(fds[0]);
	close(fds[1]);
}

/* Lines of about 80 bytes: more than one write's worth, so two writes. */
static void held_lines(void **state)
{
	enum { LINES = 70 };
	int fds[2];
	char got[PIPE_BUF + 1];
	struct buf held = {0};
	size_t lines = 0;

	(void)state;
	assert_int_equal(pipe2(fds, O_DIRECT | O_NONBLOCK), 0);
	struct log plain = {.fd = fds[1], .program = "lowtide-test"};
	const struct log log = log_hold(&plain, &held);
	for (int i = 0; i < LINES; i++)
		LOG(&log, 0, "job-ended", LOG_INT("attempt", i));
	log_release(&log);
	assert_null(held.data);
	/* a packet is what one write wrote: whole lines, and as many as fit */
	for (int i = 0; i < 2; i++) {
		ssize_t n = read(fds[0], got, PIPE_BUF);
		assert_true(n > 0 && got[n - 1] == '\n');
		for (ssize_t at = 0; at < n; at++)
			lines += got[at] == '\n';
	}
	assert_int_equal(lines, LINES);
	assert_int_equal(read(fds[0], got, PIPE_BUF), -1);
	close(fds[0]);
	close(fds[1]);
}

/* One that no pipe takes at once is still said, after what came before it. */
static void a_held_line_that_is_long(void **state)
{
	static char why[2 * PIPE_BUF], got[4 * PIPE_BUF];
	struct buf held = {0};
	int fds[2];

	(void)state;
	memset(why, 'y', sizeof(why) - 1);
	assert_int_equal(pipe(fds), 0);
	struct log plain = {.fd = fds[1], .program = "lowtide-test"};
	const struct log log = log_hold(&plain, &held);
	LOG(&log, 0, "first", LOG_INT("n", 1));
	LOG(&log, 0, "second", LOG_TEXT("why", why));
	LOG(&log, 0, "third", LOG_INT("n", 3));
	log_release(&log);
	ssize_t n = read(fds[0], got, sizeof(got) - 1);
	assert_true(n > (ssize_t)sizeof(why));
	const char *first = strstr(got, "\"first\""),
		   *second = strstr(got, "\"second\""),
		   *third = strstr(got, "\"third\"");
	assert_true(first && first < second && second < third);
	close(fds[0]);
	close(fds[1]);
}

static void silence(void **state)
{
	struct buf held = {0};

	(void)state;
	const struct log nobody = log_hold(NULL, &held);
	LOG(&nobody, 0, "nobody-listens", LOG_INT("n", 1));
	log_release(&nobody);
	assert_null(held.data);
	LOG(NULL, 0, "nobody-listens", LOG_INT("n", 1));
	struct log log = {.fd = -1, .program = "x"};
	LOG(&log, 0, "nobody-listens", LOG_INT("n", 1));
}

/* Each level says its own and what is graver; info is what zero is. */
static void levels(void **state)
{
	static const struct {
		const char *name;
		enum log_level level;
		const char *says;
	} rows[] = {
	    {"error", LOG_ERROR, "e"},
	    {"info", LOG_INFO, "ei"},
	    {"debug", LOG_DEBUG, "eid"},
	};

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		int fds[2];
		char got[1024], said[4] = "";
		struct log log = {.program = "lowtide-test"};
		assert_int_equal(log.level, LOG_INFO);
		assert_int_equal(pipe(fds), 0);
		log.fd = fds[1];
		assert_true(log_level_read(rows[i].name, &log.level));
		assert_int_equal(log.level, rows[i].level);
		ERROR_LOG(&log, 0, "went-wrong", LOG_INT("n", 1));
		LOG(&log, 0, "it-happened", LOG_INT("n", 2));
		DEBUG_LOG(&log, 0, "in-detail", LOG_INT("n", 3));
		close(fds[1]);
		ssize_t n = read(fds[0], got, sizeof(got) - 1);
		got[n > 0 ? n : 0] = '\0';
		close(fds[0]);
		strcat(said, strstr(got, "went-wrong") ? "e" : "");
		strcat(said, strstr(got, "it-happened") ? "i" : "");
		strcat(said, strstr(got, "in-detail") ? "d" : "");
		assert_string_equal(said, rows[i].says);
	}
	enum log_level level = LOG_INFO;
	assert_false(log_level_read("loud", &level));
	assert_false(log_level_read("", &level));
	assert_false(log_says(NULL, LOG_ERROR));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(one_line),
	    cmocka_unit_test(held_lines),
	    cmocka_unit_test(levels),
	    cmocka_unit_test(a_held_line_that_is_long),
	    cmocka_unit_test(silence),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("log", tests, NULL, NULL);
}
