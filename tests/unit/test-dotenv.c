#include "tests/unit/site-kit.h"

#include "generator/dotenv.h"

/*
 * KEY=VALUE files: which bytes they have, and what cannot be one. The findings
 * about keys and paths are in tests/golden/bad-dotenv.
 */
#define SITE "name = 'x'\n"

/* A value of [public], given by --set or the environment, in a file. */
static enum err put_value(struct kit *k, const char *value)
{
	const char *sets[1];
	struct site_spec spec = {.sets = sets, .n_sets = 1};

	kit_open(k);
	sets[0] = arena_printf(&k->arena, "public.v=%s", value).p;
	kit_file(k, "site.toml",
	    SITE "[dotenv.a]\nfile = 'a.env'\n"
		 "groups = [{ V = 'public.v' }]\n");
	assert_int_equal(kit_load_with(k, &spec), ERR_OK);
	return produce_dotenv(kit_build(k));
}

static void values_stand_as_they_are(void **state)
{
	static const char *const good[] = {"x", "a b", "a\tb", "a=b#c $d",
	    "\"quoted\"", "'", "\\n", "\xc3\xa9", "\xe2\x82\xac",
	    "\xf0\x9f\x98\x80", "a\xc2\xa0z", "a\xe3\x80\x80z"};
	struct kit k = {0};

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
		assert_int_equal(put_value(&k, good[i]), ERR_OK);
		assert_string_equal(kit_said(&k), "");
		assert_string_equal(kit_output(&k, OUT_WWW, "a.env"),
		    arena_printf(&k.arena, "V=%s\n", good[i]).p);
		kit_close(&k);
	}
}

static void values_that_no_line_holds(void **state)
{
	static const struct {
		const char *value, *why;
	} bad[] = {
	    {"a\nb", "a line break"},
	    {"a\n", "a line break"},
	    {"a\rb", "a line break"},
	    {"a\vb", "a line break"},
	    {"a\fb", "a line break"},
	    {"a\xc2\x85z", "a line break"},
	    {"a\xe2\x80\xa8z", "a line break"},
	    {"a\xe2\x80\xa9z", "a line break"},
	    {"a\001z", "a control character"},
	    {"a\177z", "a control character"},
	    {" a", "white space at an edge"},
	    {"a ", "white space at an edge"},
	    {"\ta", "white space at an edge"},
	    {"a\t", "white space at an edge"},
	    {"\xc2\xa0z", "white space at an edge"},
	    {"a\xc2\xa0", "white space at an edge"},
	    {"a\xe3\x80\x80", "white space at an edge"},
	    {"\xef\xbb\xbfz", "white space at an edge"},
	};
	struct kit k = {0};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		assert_int_equal(put_value(&k, bad[i].value), ERR_INPUT);
		kit_says(&k, "--set public.v: env-unrepresentable: ");
		kit_says(&k, arena_printf(&k.arena, "has %s,", bad[i].why).p);
		assert_int_equal(k.build.out.n, 0);
		kit_close(&k);
	}
}

/* Sites are refused that have such values; comments and values alike. */
static void text_alone(void **state)
{
	static const char *const bad[] = {
	    "a\xff", "\x80", "\xed\xa0\x80", "a\xc3"};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		assert_string_equal(dotenv_wrong_with_line(str_of(bad[i])),
		    "bytes that are not UTF-8");
		assert_string_equal(dotenv_wrong_with_value(str_of(bad[i])),
		    "bytes that are not UTF-8");
	}
}

static void order_is_the_files(void **state)
{
	struct kit k;

	(void)state;
	kit_open(&k);
	kit_file(&k, "site.toml",
	    SITE "[public]\na = 1\nb = true\nc.d = 1.10\n"
		 "[dotenv.z]\nfile = 'd/z.env'\ncomment = \"one\\n\\ntwo\\n\"\n"
		 "[[dotenv.z.groups]]\nZ = 'public.a'\nB = 'public.b'\n"
		 "[[dotenv.z.groups]]\n[[dotenv.z.groups]]\n"
		 "A = 'public.c.d'\n"
		 "[dotenv.y]\nfile = 'y.env'\n"
		 "groups = [{ Y = 'public.a' }, { X = 'public.a' }]\n");
	assert_int_equal(kit_load(&k, NULL), ERR_OK);
	assert_int_equal(produce_dotenv(kit_build(&k)), ERR_OK);
	assert_string_equal(kit_said(&k), "");
	assert_string_equal(kit_output(&k, OUT_WWW, "d/z.env"),
	    "# one\n#\n# two\n\nZ=1\nB=true\n\nA=1.10\n");
	assert_string_equal(kit_output(&k, OUT_WWW, "y.env"), "Y=1\n\nX=1\n");
	assert_int_equal(
	    out_find(&k.build.out, OUT_WWW, STR("y.env"))->class, OUT_POINTER);
	assert_string_equal(out_find(&k.build.out, OUT_WWW, STR("y.env"))->type,
	    "text/plain; charset=utf-8");
	kit_close(&k);
}

/* Marked where a value of env/ was read, and nowhere else. */
static void of_an_environment(void **state)
{
	struct kit k;

	(void)state;
	kit_open(&k);
	kit_file(&k, "site.toml",
	    SITE "[public]\na = 'x'\nb = 'x'\n"
		 "[dotenv.a]\nfile = 'a.env'\ngroups = [{ A = 'public.a' }]\n"
		 "[dotenv.b]\nfile = 'b.env'\ngroups = [{ B = 'public.b' }]\n"
		 "[dotenv.c]\nfile = 'c.env'\ngroups = []\n"
		 "[dotenv.d]\nfile = 'd.env'\ngroups = [{ A = 'public.a' }]\n");
	kit_file(&k, "env/base.toml",
	    "public.b = 'y'\ndotenv.c.comment = 'c'\n"
	    "dotenv.d.groups = [{ D = 'public.a' }]\n");
	assert_int_equal(kit_load(&k, NULL), ERR_OK);
	assert_int_equal(produce_dotenv(kit_build(&k)), ERR_OK);
	const struct out *out = &k.build.out;
	assert_false(out_find(out, OUT_WWW, STR("a.env"))->from_env);
	assert_true(out_find(out, OUT_WWW, STR("b.env"))->from_env);
	assert_true(out_find(out, OUT_WWW, STR("c.env"))->from_env);
	assert_true(out_find(out, OUT_WWW, STR("d.env"))->from_env);
	assert_string_equal(kit_output(&k, OUT_WWW, "d.env"), "D=x\n");
	kit_close(&k);
}

/* What was told of [public] is not told again of who names it. */
static void once_alone(void **state)
{
	struct kit k;

	(void)state;
	kit_open(&k);
	kit_file(&k, "site.toml",
	    SITE "[public]\na = { env = 'NOT_SET_ANYWHERE' }\nb = ''\n"
		 "[dotenv.a]\nfile = 'a.env'\n"
		 "groups = [{ A = 'public.a', B = 'public.b' }]\n");
	unsetenv("NOT_SET_ANYWHERE");
	assert_int_equal(kit_load(&k, NULL), ERR_INPUT);
	size_t errors = k.diag.errors;
	site_mend(&k.arena, k.site);
	assert_int_equal(produce_dotenv(kit_build(&k)), ERR_OK);
	assert_int_equal(k.diag.errors, errors);
	kit_close(&k);
}

/* Nor is what was told of an address. */
static void once_of_addresses(void **state)
{
	struct kit k;

	(void)state;
	kit_open(&k);
	kit_file(&k, "site.toml",
	    SITE "base_url = 1\napi_url = 'ftp://x.example'\n"
		 "[dotenv.a]\nfile = 'a.env'\n"
		 "groups = [{ A = 'base_url', B = 'api_url' }]\n");
	assert_int_equal(kit_load(&k, NULL), ERR_INPUT);
	assert_int_equal(k.diag.errors, 2);
	site_mend(&k.arena, k.site);
	assert_int_equal(produce_dotenv(kit_build(&k)), ERR_OK);
	assert_int_equal(k.diag.errors, 2);
	assert_string_equal(kit_output(&k, OUT_WWW, "a.env"), "");
	kit_close(&k);
}

/* A name ends where it says so, and not at a NUL in it. */
static void names_are_whole(void **state)
{
	struct kit k;

	(void)state;
	kit_open(&k);
	kit_file(&k, "site.toml",
	    SITE "[public]\na = 'x'\n[dotenv.a]\nfile = 'a.env'\n"
		 "groups = [{ A = \"public.a\\u0000b\" }]\n");
	assert_int_equal(kit_load(&k, NULL), ERR_OK);
	assert_int_equal(produce_dotenv(kit_build(&k)), ERR_INPUT);
	kit_says(&k, "site.toml:6:17: not-public: ");
	kit_close(&k);
}

static void none_unless_asked(void **state)
{
	struct kit k;

	(void)state;
	kit_open(&k);
	kit_file(&k, "site.toml", SITE "[public]\na = 'x'\n");
	assert_int_equal(kit_load(&k, NULL), ERR_OK);
	assert_int_equal(produce_dotenv(kit_build(&k)), ERR_OK);
	assert_int_equal(k.build.out.n, 0);
	kit_close(&k);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(values_stand_as_they_are),
	    cmocka_unit_test(values_that_no_line_holds),
	    cmocka_unit_test(text_alone),
	    cmocka_unit_test(order_is_the_files),
	    cmocka_unit_test(of_an_environment),
	    cmocka_unit_test(once_alone),
	    cmocka_unit_test(once_of_addresses),
	    cmocka_unit_test(names_are_whole),
	    cmocka_unit_test(none_unless_asked),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("dotenv", tests, NULL, NULL);
}
