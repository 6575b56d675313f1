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

static void silence(void **state)
{
	(void)state;
	LOG(NULL, 0, "nobody-listens", LOG_INT("n", 1));
	struct log log = {.fd = -1, .program = "x"};
	LOG(&log, 0, "nobody-listens", LOG_INT("n", 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(one_line),
	    cmocka_unit_test(silence),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("log", tests, NULL, NULL);
}
