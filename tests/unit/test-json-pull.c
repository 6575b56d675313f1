#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "lib/json-pull.h"
#include "lib/json.h"

static struct arena arena;
static struct diag diag;

static int fresh(void **state)
{
	(void)state;
	arena_release(&arena);
	diag_init(&diag, &arena);
	return 0;
}

static int wipe(void **state)
{
	(void)state;
	arena_release(&arena);
	return 0;
}

static struct json_pull pull(struct str text)
{
	return (struct json_pull){.arena = &arena,
	    .text = text,
	    .file = "t",
	    .finding = "some-syntax",
	    .diag = &diag};
}

/* {"list": ["…", …], "n": 0, "yes": true}, the members in any order. */
static enum err read_all(struct str text, struct str *last, uint64_t *n)
{
	struct json_pull p = pull(text);
	struct str key;
	bool yes;

	*last = (struct str){0};
	*n = 0;
	json_pull_open(&p, '{');
	while (json_pull_key(&p, &key)) {
		if (str_is(key, "n")) {
			json_pull_count(&p, n);
		} else if (str_is(key, "yes")) {
			json_pull_bool(&p, &yes);
		} else {
			json_pull_open(&p, '[');
			while (json_pull_item(&p))
				json_pull_string(&p, last);
		}
	}
	json_pull_end(&p);
	return p.err;
}

static void what_is_right_is_read(void **state)
{
	struct str last;
	uint64_t n;

	(void)state;
	assert_int_equal(read_all(STR(" { } \r\n"), &last, &n), ERR_OK);
	assert_int_equal(
	    read_all(STR("{\"n\":9007199254740991,\"list\":[],\"yes\":false}"),
		&last, &n),
	    ERR_OK);
	assert_true(n == 9007199254740991);
	assert_int_equal(read_all(STR("{\"list\" : [ \"a\" , \"plain text of "
				      "some length\\u00e9\\n\\\"é\" ]\n}"),
			     &last, &n),
	    ERR_OK);
	assert_true(
	    str_is(last, "plain text of some length\xc3\xa9\n\"\xc3\xa9"));
	assert_int_equal(diag.errors, 0);
}

static const struct {
	struct str text;
	unsigned line, col;
	const char *words;
} refused[] = {
    {STR_INIT(""), 1, 1, "ends too early"},
    {STR_INIT("\xef\xbb\xbf{}"), 1, 1, "a '{' is missing"},
    {STR_INIT("[]"), 1, 1, "a '{' is missing"},
    {STR_INIT("{"), 1, 2, "ends too early"},
    {STR_INIT("{\"n\":1"), 1, 7, "ends too early"},
    {STR_INIT("{\"n\":1]"), 1, 7, "a ',' or '}'"},
    {STR_INIT("{\"n\":1,}"), 1, 8, "a string is missing"},
    {STR_INIT("{,\"n\":1}"), 1, 2, "a string is missing"},
    {STR_INIT("{\"n\":1 \"n\":1}"), 1, 8, "a ',' or '}'"},
    {STR_INIT("{\"n\" 1}"), 1, 6, "a ':' is missing"},
    {STR_INIT("{\"n\":01}"), 1, 6, "a whole number"},
    {STR_INIT("{\"n\":-1}"), 1, 6, "a whole number"},
    {STR_INIT("{\"n\":1.0}"), 1, 6, "a whole number"},
    {STR_INIT("{\"n\":1e3}"), 1, 6, "a whole number"},
    {STR_INIT("{\"n\":\"1\"}"), 1, 6, "a whole number"},
    {STR_INIT("{\"n\":9007199254740992}"), 1, 6, "too large"},
    {STR_INIT("{\"n\":99999999999999999999999999}"), 1, 6, "too large"},
    {STR_INIT("{\"yes\":1}"), 1, 8, "true or false"},
    {STR_INIT("{\"yes\":truely}"), 1, 12, "a ',' or '}'"},
    {STR_INIT("{\"list\":{}}"), 1, 9, "a '[' is missing"},
    {STR_INIT("{\"list\":[\n\"a\",\n]}"), 3, 1, "a string is missing"},
    {STR_INIT("{\"list\":[,\"a\"]}"), 1, 10, "a string is missing"},
    {STR_INIT("{\"list\":[\"a\" \"b\"]}"), 1, 14, "a ',' or ']'"},
    {STR_INIT("{\"list\":[\"a]}"), 1, 10, "no end"},
    {STR_INIT("{\"list\":[\"a\\x\"]}"), 1, 12, "escape"},
    {STR_INIT("{\"list\":[\"a\\u0000\"]}"), 1, 12, "NUL"},
    {STR_INIT("{\"list\":[\"a\0\"]}"), 1, 12, "control character"},
    {STR_INIT("{\"list\":[\"a\n\"]}"), 1, 12, "control character"},
    {STR_INIT("{\"list\":[\"\\ud800\"]}"), 1, 11, "surrogate"},
    {STR_INIT("{\"list\":[\"\xc0\xaf\"]}"), 1, 11, "not UTF-8"},
    {STR_INIT("{\"list\":[\"\xed\xa0\x80\"]}"), 1, 11, "not UTF-8"},
    {STR_INIT("{} x"), 1, 4, "behind the end"},
    {STR_INIT("{}\0"), 1, 3, "behind the end"},
};

static void what_is_wrong_is_said_once(void **state)
{
	struct str last;
	uint64_t n;

	(void)state;
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		diag_init(&diag, &arena);
		enum err err = read_all(refused[i].text, &last, &n);
		if (err != ERR_INPUT || diag.errors != 1)
			fail_msg(
			    "%s: %zu findings", refused[i].text.p, diag.errors);
		assert_string_equal(diag.first->name, "some-syntax");
		if (!strstr(diag.first->text.p, refused[i].words))
			fail_msg(
			    "%s: %s", refused[i].text.p, diag.first->text.p);
		if (diag.first->pos.line != refused[i].line ||
		    diag.first->pos.col != refused[i].col)
			fail_msg("%s: %u:%u", refused[i].text.p,
			    diag.first->pos.line, diag.first->pos.col);
	}
}

/* Whatever the tree's reader refuses is refused here too. */
static void it_is_no_laxer_than_the_other_reader(void **state)
{
	static const char good[] =
	    "{\"list\":[\"a\\u0041\\\\\",\"\xc3\xa9\"],\n\"n\":12,"
	    "\"yes\":true}";
	char text[sizeof(good)];
	struct str last;
	uint64_t n;

	(void)state;
	for (size_t at = 0; at + 1 < sizeof(good); at++) {
		for (int c = 0; c < 256; c++) {
			struct str s = {text, sizeof(good) - 1};
			struct value *v;
			fresh(NULL);
			memcpy(text, good, sizeof(good));
			text[at] = (char)c;
			bool tree = json_read(&arena, s, 1000, NULL, NULL,
					&v) == ERR_OK;
			bool mine = read_all(s, &last, &n) == ERR_OK;
			/* a key twice is left to the caller */
			if (mine && !tree && !(c && strchr("listnyes", c)))
				fail_msg("%s", text);
		}
		/* and every part of it */
		assert_int_equal(
		    read_all((struct str){good, at}, &last, &n), ERR_INPUT);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(what_is_right_is_read, fresh, wipe),
	    cmocka_unit_test_setup_teardown(
		what_is_wrong_is_said_once, fresh, wipe),
	    cmocka_unit_test_setup_teardown(
		it_is_no_laxer_than_the_other_reader, fresh, wipe),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("json-pull", tests, NULL, NULL);
}
