/* The import map: its text, what of a name may not stand in it, its hash. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "generator/importmap.h"

static struct arena arena;

static struct import import(const char *from, const char *to)
{
	return (struct import){.from = str_of(from),
	    .to = str_of(to),
	    .integrity = STR("sha512-x")};
}

static void assert_str(struct str got, const char *want)
{
	if (!str_is(got, want))
		fail_msg("%.*s", STR_ARG(got));
}

static void test_none(void **state)
{
	(void)state;
	assert_int_equal(importmap_json(&arena, NULL, 0).n, 0);
}

/* In order of the names, whatever the order they come in. */
static void test_order(void **state)
{
	(void)state;
	struct import one[] = {import("/b", "/b.1"), import("/a", "/a.1")};
	struct import two[] = {import("/a", "/a.1"), import("/b", "/b.1")};
	struct str json = importmap_json(&arena, one, 2);

	assert_str(json,
	    "{\"imports\":{\"/a\":\"/a.1\",\"/b\":\"/b.1\"},"
	    "\"integrity\":{\"/a.1\":\"sha512-x\",\"/b.1\":\"sha512-x\"}}");
	assert_true(str_eq(json, importmap_json(&arena, two, 2)));
}

/* Nothing in a name ends the script, the string or the path. */
static void test_names(void **state)
{
	(void)state;
	struct import rows[] = {
	    import("/</script>\"\\ ?#%&\xc3\xa9", "/<!--\x01'")};

	assert_str(importmap_json(&arena, rows, 1),
	    "{\"imports\":{\"/%3C/script%3E%22%5C%20%3F%23%25%26%C3%A9\":"
	    "\"/%3C!--%01%27\"},"
	    "\"integrity\":{\"/%3C!--%01%27\":\"sha512-x\"}}");
}

/* Bare names are compared as they stand there; no `<` ends the script. */
static void test_bare(void **state)
{
	(void)state;
	struct import rows[] = {import("#util", "/u#.mjs"),
	    import("@a/b c?%2f", "/b.mjs"), import("a</script>\"", "/c.mjs")};

	for (size_t i = 0; i < 3; i++)
		rows[i].integrity = (struct str){0};
	assert_str(importmap_json(&arena, rows, 3),
	    "{\"imports\":{\"#util\":\"/u%23.mjs\",\"@a/b c?%2f\":\"/b.mjs\","
	    "\"a\\u003c/script>\\\"\":\"/c.mjs\"},\"integrity\":{}}");
}

/* printf '{}' | openssl dgst -sha256 -binary | base64 */
static void test_source(void **state)
{
	(void)state;
	assert_str(importmap_element(&arena, STR("{}")),
	    "<script type=\"importmap\">{}</script>\n");
	assert_str(importmap_source(&arena, STR("{}")),
	    "'sha256-RBNvo1WzZ4oRRq0W9+hknpT7T8If536DEMBg9hyq/4o='");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_none),
	    cmocka_unit_test(test_order),
	    cmocka_unit_test(test_names),
	    cmocka_unit_test(test_bare),
	    cmocka_unit_test(test_source),
	};

	arena_init(&arena);
	cmocka_set_message_output(CM_OUTPUT_TAP);
	int failed =
	    cmocka_run_group_tests_name("importmap", tests, NULL, NULL);
	arena_release(&arena);
	return failed;
}
