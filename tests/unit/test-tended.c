#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "cgi/tended.h"

static char text[2048];

/* What is said of this, without the parts that come before. */
static const char *said(struct store_tended report)
{
	struct log log = {.fd = memfd_create("log", MFD_CLOEXEC),
	    .program = "lowtide-worker"};

	assert_true(log.fd >= 0);
	tended_log(&log, 0, &report);
	ssize_t n = pread(log.fd, text, sizeof(text) - 1, 0);
	assert_true(n >= 0);
	text[n] = '\0';
	close(log.fd);
	char *event = strstr(text, "\"event\"");
	return event ? event : text;
}

static void no_news(void **state)
{
	(void)state;
	assert_string_equal(said((struct store_tended){0}), "");
	/* it was told when it began */
	assert_string_equal(
	    said((struct store_tended){.clock_stopped = true}), "");
}

static void expired(void **state)
{
	(void)state;
	assert_string_equal(
	    said((struct store_tended){.emptied = 3, .deleted = 2}),
	    "\"event\":\"jobs-expired\",\"emptied\":3,\"deleted\":2}\n");
	assert_non_null(
	    strstr(said((struct store_tended){.deleted = 1}), "expired"));
}

static void clocks(void **state)
{
	struct store_tended stops = {
	    .clock_stopped = true, .clock_changed = true};
	const char *line = said(stops);

	(void)state;
	assert_non_null(strstr(line, "\"expiry-stopped\""));
	assert_non_null(strstr(line, "lowtide-jobs trust-clock"));
	line = said((struct store_tended){.clock_changed = true});
	assert_non_null(strstr(line, "\"expiry-goes-on\""));
	/* both in one line each */
	stops.emptied = 1;
	line = said(stops);
	assert_non_null(strstr(line, "jobs-expired"));
	assert_non_null(strstr(line, "}\n{"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(no_news),
	    cmocka_unit_test(expired),
	    cmocka_unit_test(clocks),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("tended", tests, NULL, NULL);
}
