#include "generator/catalogue.h"

#include "generator/hash.h"
#include "tests/unit/site-kit.h"

static void semver(void **state)
{
	static const char *const good[] = {"0.0.0", "1.2.3", "10.20.30",
	    "1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-0.3.7", "1.0.0-x-y-z.--",
	    "1.0.0+001", "1.0.0-rc.1+build.5", "1.0.0+21AF26D3---117B344092BD"};
	static const char *const bad[] = {"", "1", "1.2", "1.2.3.4", "01.2.3",
	    "1.02.3", "v1.2.3", "1.2.3-", "1.2.3+", "1.2.3-01", "1.2.3-a..b",
	    "1.2.x", "1.2.3 ", "1.2.3-a_b", "1..3", ".1.2.3", "-1.2.3",
	    "1.2.3+a+b", "1.2.3/../x"};

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		if (!catalogue_is_semver(str_of(good[i])))
			fail_msg("%s was refused", good[i]);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (catalogue_is_semver(str_of(bad[i])))
			fail_msg("%s was taken", bad[i]);
}

static void three_files(void **state)
{
	static const char source[] = "# kept\r\nversion = '1.1.0'\r\n"
				     "b.price = 1.10\r\na = 2026-11-21\r\n";
	static const char json[] =
	    "{\"a\":\"2026-11-21\",\"b\":{\"price\":1.1},"
	    "\"version\":\"1.1.0\"}";
	struct kit k;

	(void)state;
	kit_open(&k);
	kit_file(&k, "site.toml", "name = 'x'\n[catalogue.plans]\n");
	kit_file(&k, "catalogue/plans.toml", source);
	assert_int_equal(kit_load(&k, NULL), ERR_OK);
	assert_int_equal(produce_catalogues(kit_build(&k)), ERR_OK);
	assert_int_equal(k.build.out.n, 3);
	assert_string_equal(
	    kit_output(&k, OUT_WWW, "plans-v1.1.0.toml"), source);
	assert_string_equal(kit_output(&k, OUT_WWW, "plans-v1.1.0.json"), json);
	struct str integrity = hash_integrity(&k.arena, STR(json));
	assert_string_equal(kit_output(&k, OUT_WWW, "plans.json"),
	    arena_printf(&k.arena,
		"{\"name\":\"plans\",\"version\":\"1.1.0\","
		"\"url\":\"/plans-v1.1.0.json\",\"integrity\":\"%.*s\"}\n",
		STR_ARG(integrity))
		.p);
	assert_int_equal(
	    out_find(&k.build.out, OUT_WWW, STR("plans.json"))->class,
	    OUT_POINTER);
	assert_int_equal(
	    out_find(&k.build.out, OUT_WWW, STR("plans-v1.1.0.json"))->class,
	    OUT_IMMUTABLE);
	kit_close(&k);
}

/* The same data written otherwise is the same JSON. */
static void json_is_canonical(void **state)
{
	struct kit k;

	(void)state;
	kit_open(&k);
	kit_file(&k, "site.toml", "name = 'x'\n[catalogue]\na = {}\nb = {}\n");
	kit_file(&k, "catalogue/a.toml",
	    "version = '1.0.0'\n[x]\np = 1.50\nq = 0x10\n");
	kit_file(&k, "catalogue/b.toml",
	    "x = { q = 16, p = 1.5e0 }\nversion = \"1.0.0\"\n");
	assert_int_equal(kit_load(&k, NULL), ERR_OK);
	assert_int_equal(produce_catalogues(kit_build(&k)), ERR_OK);
	assert_string_equal(kit_output(&k, OUT_WWW, "a-v1.0.0.json"),
	    kit_output(&k, OUT_WWW, "b-v1.0.0.json"));
	kit_close(&k);
}

static void what_is_wrong_with_catalogues(void **state)
{
	struct kit k;

	(void)state;
	kit_open(&k);
	kit_file(&k, "site.toml",
	    "name = 'x'\n[catalogue.none]\n[catalogue.old]\n"
	    "[catalogue.plain]\n[catalogue.broken]\n");
	kit_file(&k, "catalogue/old.toml", "a = 1\nversion = '1.0'\n");
	kit_file(&k, "catalogue/plain.toml", "a = 1\n");
	kit_file(&k, "catalogue/broken.toml", "a = \n");
	kit_file(&k, "catalogue/extra.toml", "version = '1.0.0'\n");
	assert_int_equal(kit_load(&k, NULL), ERR_INPUT);
	assert_int_equal(k.diag.errors, 4);
	kit_says(&k, "site.toml:2:12: catalogue-missing: there is no "
		     "catalogue/none.toml; ");
	kit_says(&k, "catalogue/old.toml:2:11: catalogue-version: ");
	kit_says(&k, "catalogue/plain.toml:1:1: catalogue-version: ");
	kit_says(&k, "catalogue/broken.toml:1:5: toml-syntax: ");
	kit_says(&k, "catalogue/extra.toml: warning: catalogue-not-declared: ");
	kit_close(&k);
}

static void numbers_that_json_cannot_hold(void **state)
{
	struct kit k;

	(void)state;
	kit_open(&k);
	kit_file(&k, "site.toml", "name = 'x'\n[catalogue.c]\n");
	kit_file(&k, "catalogue/c.toml",
	    "version = '1.0.0'\nbig = 9007199254740993\nf = [inf]\n");
	assert_int_equal(kit_load(&k, NULL), ERR_OK);
	assert_int_equal(produce_catalogues(kit_build(&k)), ERR_INPUT);
	kit_says(&k, "catalogue/c.toml:2:7: number-too-large: ");
	kit_says(&k, "catalogue/c.toml:3:6: not-a-number: ");
	kit_close(&k);
}

static void a_folder(void **state)
{
	struct kit k;

	(void)state;
	kit_open(&k);
	kit_file(&k, "site.toml", "name = 'x'\n[catalogue.c]\n");
	kit_file(&k, "catalogue/c.toml/inside", "");
	assert_int_equal(kit_load(&k, NULL), ERR_IO);
	kit_says(&k, "catalogue/c.toml: io-error: this is not a regular file");
	kit_close(&k);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(semver),
	    cmocka_unit_test(three_files),
	    cmocka_unit_test(json_is_canonical),
	    cmocka_unit_test(what_is_wrong_with_catalogues),
	    cmocka_unit_test(numbers_that_json_cannot_hold),
	    cmocka_unit_test(a_folder),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("catalogue", tests, NULL, NULL);
}
