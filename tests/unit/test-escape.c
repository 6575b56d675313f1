/* covers generator/escape.c: what each format cannot say, and how it quotes */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "generator/escape.h"

static void rows(void **state)
{
	static const struct {
		enum mustache_escape how;
		const char *text, *want; /* NULL: it cannot be said */
	} cases[] = {
	    {ESCAPE_NGINX, "a \"b\" \\z {;} #%41",
		"a \\\"b\\\" \\\\z {;} #%41"},
	    {ESCAPE_NGINX, "$uri", NULL},
	    {ESCAPE_APACHE, "a \"b\" \\z 'c' <d> #%41",
		"a \\\"b\\\" \\\\z 'c' <d> #%41"},
	    {ESCAPE_APACHE, "$1 a$", "$1 a$"},
	    {ESCAPE_APACHE, "${HOME}", NULL},
	    {ESCAPE_APACHE, "$$ {x}", "$$ {x}"},
	    {ESCAPE_APACHE, "a\nb", NULL},
	    {ESCAPE_APACHE, "a\x7f", NULL},
	    {ESCAPE_APACHE, "gr\xc3\xbc\xc3\x9f", "gr\xc3\xbc\xc3\x9f"},
	    {ESCAPE_LIGHTTPD, "a \"b\" $1 %1 ${x} '#",
		"a \\\"b\\\" $1 %1 ${x} '#"},
	    {ESCAPE_LIGHTTPD, "^/a\\.b\\z", "^/a\\.b\\z"},
	    {ESCAPE_LIGHTTPD, "a\\", NULL},
	    {ESCAPE_LIGHTTPD, "a\\\"", NULL},
	    {ESCAPE_LIGHTTPD, "a\tb", NULL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct buf out = {0};
		bool all =
		    escape_put(&out, cases[i].how, str_of(cases[i].text));
		assert_int_equal(all, cases[i].want != NULL);
		if (cases[i].want)
			assert_string_equal(out.data, cases[i].want);
		buf_release(&out);
	}
}

static void by_name(void **state)
{
	(void)state;
	assert_int_equal(escape_named(STR("apache")), ESCAPE_APACHE);
	assert_int_equal(escape_named(STR("lighttpd")), ESCAPE_LIGHTTPD);
	assert_int_equal(escape_named(STR("iis")), ESCAPE_COUNT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(rows),
	    cmocka_unit_test(by_name),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("escape", tests, NULL, NULL);
}
