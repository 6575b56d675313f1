#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/err.h"

/* The table itself: each row is whole, exit statuses are the promised ones. */
static void every_row(void **state)
{
	(void)state;
	for (int i = 0; i < ERR_COUNT; i++) {
		enum err e = (enum err)i;
		int status = err_exit(e);
		assert_true(err_name(e)[0] >= 'A' && err_name(e)[0] <= 'Z');
		assert_true(strlen(err_text(e)) > 1);
		assert_true(err_http(e) >= 200 && err_http(e) <= 599);
		assert_true(status == 1 || status == 64 || status == 74 ||
			    (i == ERR_OK && status == 0));
		/* what a stranger may read names nothing of ours */
		assert_null(strchr(err_text(e), '/'));
		assert_null(strstr(err_text(e), "SQL"));
	}
	assert_int_equal(ERR_OK, 0);
	assert_int_equal(err_exit(ERR_USAGE), 64);
	assert_string_equal(err_name(ERR_TOO_LARGE), "TOO_LARGE");
	/* forged and missing must not be told apart by a stranger */
	assert_string_equal(err_text(ERR_FORGED), err_text(ERR_NOT_FOUND));
	assert_int_equal(err_http(ERR_FORGED), err_http(ERR_NOT_FOUND));
}

static void out_of_range(void **state)
{
	(void)state;
	assert_string_equal(err_name(ERR_COUNT), "IO");
	assert_int_equal(err_exit((enum err)1000), 74);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_row),
	    cmocka_unit_test(out_of_range),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("err", tests, NULL, NULL);
}
