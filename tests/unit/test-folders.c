/* Folders that are called nearly like one of a site's. */
#include "tests/unit/site-kit.h"

#include "generator/folders.h"

static void test_near(void **state)
{
	(void)state;
	struct kit k;
	kit_open(&k);
	kit_file(&k, "asset/a", "");
	kit_file(&k, "catalogues/a", "");
	kit_file(&k, "envs/a", "");
	kit_file(&k, "handler/a", "");
	kit_file(&k, "page/a", "");
	kit_file(&k, "statics/a", "");
	kit_file(&k, "template/a", "");
	struct str names = folders_unknown(&k.arena, k.dir, &k.diag);
	assert_true(str_is(names, "asset/catalogues/envs/handler/page/statics/"
				  "template/"));
	assert_int_equal(k.diag.warnings, 7);
	kit_says(&k, "asset: warning: unknown-folder: nothing is read from it; "
		     "did you mean `assets`?\n");
	kit_says(&k, "did you mean `env`?\n");
	kit_close(&k);
}

/* Others, files, and what stands beside the right one. */
static void test_not_near(void **state)
{
	(void)state;
	static const char *const names[] = {"docs/a", "src/a", "dist/a",
	    "node_modules/a", "venv/a", "en/a", "tests/a", "lib/a", "bin/a",
	    "build/a", "public/a", ".asset/a", "statics", "images/a",
	    "packages/a", "assets/a", "asset/a"};
	struct kit k;
	kit_open(&k);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		kit_file(&k, names[i], "");
	assert_int_equal(folders_unknown(&k.arena, k.dir, &k.diag).n, 0);
	assert_int_equal(folders_unknown(&k.arena, "/none", &k.diag).n, 0);
	assert_string_equal(kit_said(&k), "");
	kit_close(&k);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_near),
	    cmocka_unit_test(test_not_near),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("folders", tests, NULL, NULL);
}
