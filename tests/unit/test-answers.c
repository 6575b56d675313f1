/* What a memo keeps of a file's references, and when that still counts. */
#include "tests/unit/site-kit.h"

#include "generator/answers.h"

static struct kit k;

static struct build *build(void)
{
	struct build *b = kit_build(&k);

	b->refs = NULL;
	b->n_refs = b->cap_refs = 0;
	build_ref(b, STR("/assets/a.css"), STR("/assets/a.1.css"));
	build_ref(b, STR("/assets/b.png"), STR("/assets/b.1.png"));
	b->import_map = STR("<map>");
	return b;
}

static struct str bytes(void)
{
	struct answers answers = {.names = 7};

	answers_add(&answers, STR("/assets/a.css"), STR("/assets/a.1.css"));
	answers_add(&answers, (struct str){0}, STR("<map>"));
	answers_add(&answers, STR("/assets/b.png"), STR("/assets/b.1.png"));
	answers_name(&answers, STR("/assets/c.mjs"));
	answers_name(&answers, STR("/oauth.mjs"));
	struct str out = answers_write(&k.arena, &answers);
	answers_release(&answers);
	return out;
}

static void test_hold(void **state)
{
	(void)state;
	struct build *b = build();
	struct str named;
	bool env = false;

	assert_true(answers_hold(b, 7, bytes(), &named, &env));
	assert_false(env);
	assert_int_equal(named.n, sizeof("/assets/c.mjs\0/oauth.mjs"));
	assert_memory_equal(named.p, "/assets/c.mjs\0/oauth.mjs", named.n);
	assert_false(answers_hold(b, 8, bytes(), &named, &env));
	b->import_map_from_env = true;
	assert_true(answers_hold(b, 7, bytes(), &named, &env));
	assert_true(env);
	b->import_map = STR("<other map>");
	assert_false(answers_hold(b, 7, bytes(), &named, &env));
}

static void test_changed(void **state)
{
	(void)state;
	struct build *b = build();
	struct str named;
	bool env = false;

	b->refs = NULL;
	b->n_refs = b->cap_refs = 0;
	build_ref(b, STR("/assets/a.css"), STR("/assets/a.1.css"));
	assert_false(answers_hold(b, 7, bytes(), &named, &env));
	build_ref(b, STR("/assets/b.png"), STR("/assets/b.2.png"));
	assert_false(answers_hold(b, 7, bytes(), &named, &env));
}

/* Cut anywhere, and with any byte of its numbers changed. */
static void test_damaged(void **state)
{
	(void)state;
	struct build *b = build();
	struct str good = bytes(), named;
	bool env = false;

	for (size_t n = 0; n < good.n; n++)
		if (answers_hold(b, 7, str_slice(good, 0, n), &named, &env))
			assert_true(named.p + named.n == good.p + n);
	for (size_t i = 0; i < 3 * sizeof(uint64_t); i++) {
		char *bad = arena_cstr(&k.arena, good);
		bad[i] ^= (char)0x80;
		assert_false(answers_hold(
		    b, 7, (struct str){bad, good.n}, &named, &env));
	}
}

/* A new fingerprint is no new name; a new file is. */
static void test_names(void **state)
{
	(void)state;
	struct build *b = build();
	uint64_t was = answers_names(b);

	assert_int_equal(
	    build_put_fingerprinted(b, "c.mjs", STR("1"), false, POS_NONE),
	    ERR_OK);
	uint64_t with = answers_names(b);
	assert_true(with != was);
	b = build();
	assert_int_equal(
	    build_put_fingerprinted(b, "c.mjs", STR("2"), false, POS_NONE),
	    ERR_OK);
	assert_true(answers_names(b) == with);
	assert_int_equal(out_put(&b->out, OUT_WWW, "x.txt", STR("x"),
			     OUT_IMMUTABLE, false, POS_NONE, &k.diag),
	    ERR_OK);
	assert_true(answers_names(b) != with);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_hold),
	    cmocka_unit_test(test_changed),
	    cmocka_unit_test(test_damaged),
	    cmocka_unit_test(test_names),
	};

	kit_open(&k);
	kit_file(&k, "site.toml", "name = \"t\"\n");
	assert_int_equal(kit_load(&k, NULL), ERR_OK);
	cmocka_set_message_output(CM_OUTPUT_TAP);
	int failed = cmocka_run_group_tests_name("answers", tests, NULL, NULL);
	kit_close(&k);
	return failed;
}
