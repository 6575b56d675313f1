#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/buf.h"

static void grows(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b);
	assert_int_equal(buf_str(&b).n, 0);
	for (int i = 0; i < 5000; i++) {
		buf_putc(&b, (char)('a' + i % 26));
		assert_int_equal(b.data[b.len], '\0');
	}
	assert_int_equal(b.len, 5000);
	for (int i = 0; i < 5000; i++)
		assert_int_equal(b.data[i], 'a' + i % 26);
	buf_clear(&b);
	assert_string_equal(b.data, "");
	assert_true(b.cap > 5000);
	buf_release(&b);
	buf_release(&b);
	buf_release(NULL);
	assert_null(b.data);
}

static void puts_all_kinds(void **state)
{
	struct buf b = {0};

	(void)state;
	buf_clear(&b); /* before anything was put */
	buf_put(&b, "", 0);
	assert_string_equal(b.data, "");
	buf_puts(&b, "one ");
	buf_put_str(&b, STR("t\0o"));
	buf_put_str(&b, (struct str){0});
	buf_printf(&b, " %d %s", 3, "four");
	assert_true(str_eq(buf_str(&b), STR("one t\0o 3 four")));
	buf_clear(&b);
	buf_printf(&b, "%*d", 3000, 7);
	assert_int_equal(b.len, 3000);
	assert_int_equal(b.data[2999], '7');
	buf_release(&b);
}

/* Whatever room is left, the text is the same. */
static void prints_into_any_room(void **state)
{
	(void)state;
	for (int before = 0; before < 70; before++) {
		for (int n = 0; n < 70; n++) {
			struct buf b = {0};
			buf_printf(&b, "%0*d", before, 1);
			size_t at = b.len;
			buf_printf(&b, "%0*d!", n, 7);
			assert_int_equal(b.len, at + (size_t)(n ? n : 1) + 1);
			assert_int_equal(b.data[b.len - 2], '7');
			assert_int_equal(b.data[b.len - 1], '!');
			assert_int_equal(b.data[b.len], '\0');
			buf_release(&b);
		}
	}
}

static void integers(void **state)
{
	struct buf b = {0};

	(void)state;
	buf_put_int(&b, 0);
	buf_put_int(&b, -7);
	buf_put_int(&b, INT64_MAX);
	buf_put_int(&b, INT64_MIN);
	assert_string_equal(
	    b.data, "0-79223372036854775807-9223372036854775808");
	buf_clear(&b);
	buf_put_u32(&b, 0xfffefdfc);
	buf_put_u64(&b, 0x1122334455667788);
	assert_int_equal(b.len, 12);
	assert_memory_equal(
	    b.data, "\xff\xfe\xfd\xfc\x11\x22\x33\x44\x55\x66\x77\x88", 12);
	buf_release(&b);
}

static void reserves(void **state)
{
	struct buf b = {0};

	(void)state;
	buf_reserve(&b, 1000);
	assert_true(b.cap >= 1001);
	char *at = b.data;
	for (int i = 0; i < 1000; i++)
		buf_putc(&b, 'x');
	assert_ptr_equal(b.data, at);
	buf_release(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(grows),
	    cmocka_unit_test(puts_all_kinds),
	    cmocka_unit_test(prints_into_any_room),
	    cmocka_unit_test(integers),
	    cmocka_unit_test(reserves),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("buf", tests, NULL, NULL);
}
