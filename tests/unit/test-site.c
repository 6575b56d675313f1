#include "tests/unit/site-kit.h"

#include "generator/overlay.h"

static void smallest_site(void **state)
{
	struct kit k;

	(void)state;
	kit_open(&k);
	kit_file(&k, "site.toml", "name = \"acme\"\n");
	assert_int_equal(kit_load(&k, NULL), ERR_OK);
	assert_string_equal(kit_said(&k), "");
	assert_true(str_is(k.site->name, "acme"));
	assert_true(str_is(k.site->base_url, "http://127.0.0.1:8080"));
	assert_int_equal(k.site->api_url.n, 0);
	assert_true(str_is(site_text(k.site, "prefix"), "/api"));
	assert_int_equal(site_amount(k.site, "api.x.ttl"), 86400000);
	assert_int_equal(site_amount(k.site, "api.x.body.max"), 65536);
	assert_int_equal(site_amount(k.site, "api.x.concurrency"), 1);
	assert_false(site_flag(k.site, "api.x.strict_poll"));
	assert_null(site_value(k.site, "prefix"));
	assert_null(site_table(k.site, "api"));
	kit_close(&k);
}

static void later_files_lie_on_top(void **state)
{
	struct kit k;
	const char *const sets[] = {
	    "public.who=set", "api.a.concurrency=3", "api.a.strict_poll=true"};
	const struct site_spec spec = {
	    .env = "prod", .sets = sets, .n_sets = 3};

	(void)state;
	kit_open(&k);
	kit_file(&k, "site.toml",
	    "name = 'x'\nbase_url = 'https://site.example/'\n"
	    "[public]\nwho = 'site'\nkept = 'site'\n");
	kit_file(&k, "api.toml",
	    "origins = ['https://a.example', 'https://b.example']\n"
	    "[upstream.u]\nbase = 'https://u.example'\nstall_timeout = '2s'\n"
	    "[api.a]\nwait = '1s'\n");
	kit_file(&k, "env/base.toml", "[upstream.u]\ntimeout = '1s'\n");
	kit_file(&k, "env/prod.toml",
	    "origins = ['https://c.example']\n"
	    "[upstream.u]\nbase = 'https://prod.example'\n"
	    "[public]\nwho = 'prod'\n");
	kit_file(&k, "env/dev.toml", "[upstream.u]\nnonsense = 1\n");
	assert_int_equal(kit_load_with(&k, &spec), ERR_OK);
	assert_string_equal(kit_said(&k), "");
	assert_true(str_is(k.site->base_url, "https://site.example"));
	assert_false(site_value(k.site, "base_url")->from_env);
	assert_true(str_is(
	    site_text(k.site, "upstream.u.base"), "https://prod.example"));
	assert_true(site_value(k.site, "upstream.u.base")->from_env);
	assert_int_equal(site_value(k.site, "upstream.u.base")->pos.line, 3);
	assert_int_equal(site_amount(k.site, "upstream.u.stall_timeout"), 2000);
	assert_int_equal(site_amount(k.site, "upstream.u.timeout"), 1000);
	assert_int_equal(site_value(k.site, "origins")->as.array.n, 1);
	assert_true(str_is(site_text(k.site, "public.who"), "set"));
	assert_true(str_is(site_text(k.site, "public.kept"), "site"));
	assert_int_equal(site_amount(k.site, "api.a.concurrency"), 3);
	assert_true(site_flag(k.site, "api.a.strict_poll"));
	assert_int_equal(k.site->n_envs, 2);
	assert_string_equal(k.site->envs[0], "dev");
	kit_close(&k);
}

static void a_reference_is_a_value(void **state)
{
	struct kit k;

	(void)state;
	kit_open(&k);
	setenv("LOWTIDE_TEST_WHO", "env", 1);
	kit_file(&k, "site.toml",
	    "name = 'x'\n[public]\na = { env = 'NOT_SET_ANYWHERE' }\n"
	    "b = 'site'\nc = { env = 'NOT_SET_ANYWHERE' }\n");
	kit_file(&k, "env/base.toml",
	    "[public]\na = 'base'\nb = { env = 'LOWTIDE_TEST_WHO' }\n"
	    "c = { env = 'LOWTIDE_TEST_WHO' }\n");
	assert_int_equal(kit_load(&k, NULL), ERR_OK);
	assert_string_equal(kit_said(&k), "");
	assert_true(str_is(site_text(k.site, "public.a"), "base"));
	assert_true(str_is(site_text(k.site, "public.b"), "env"));
	assert_true(str_is(site_text(k.site, "public.c"), "env"));
	unsetenv("LOWTIDE_TEST_WHO");
	kit_close(&k);
}

static void all_findings_of_all_files(void **state)
{
	struct kit k;

	(void)state;
	kit_open(&k);
	kit_file(&k, "site.toml", "nmae = 'x'\nbase_url = 4\n");
	kit_file(&k, "api.toml", "[api.a]\nwiat = '1s'\n");
	assert_int_equal(kit_load(&k, NULL), ERR_INPUT);
	assert_string_equal(kit_said(&k),
	    "api.toml:2:1: unknown-key: there is no key `wiat` here; did you "
	    "mean `wait`?\n"
	    "site.toml:1:1: unknown-key: there is no key `nmae` here; did you "
	    "mean `name`?\n"
	    "site.toml:1:1: missing-key: `name` is missing; add it: names "
	    "socket, state folder, units\n"
	    "site.toml:2:12: wrong-type: `base_url` must be a URL in quotes, "
	    "not a whole number\n");
	kit_close(&k);
}

/* A broken file hides keys: nothing is said of what it might have held. */
static void syntax_errors_of_all_files_come_first(void **state)
{
	struct kit k;

	(void)state;
	kit_open(&k);
	kit_file(&k, "site.toml", "name = \n");
	kit_file(&k, "api.toml", "[api.a]\nwiat = '1s'\n");
	kit_file(&k, "env/base.toml", "x = 1\nx = 2\n");
	assert_int_equal(kit_load(&k, NULL), ERR_INPUT);
	assert_int_equal(k.diag.errors, 2);
	kit_says(&k, "env/base.toml:2:5: toml-syntax: ");
	kit_says(&k, "site.toml:1:8: toml-syntax: ");
	kit_close(&k);
}

static void names_and_places(void **state)
{
	struct kit k;

	(void)state;
	kit_open(&k);
	assert_int_equal(kit_load(&k, NULL), ERR_INPUT);
	kit_says(&k, "site.toml: site-missing: ");
	kit_says(&k, "lowtide init DIR");
	diag_init(&k.diag, &k.arena);
	kit_file(&k, "site.toml", "name = 'Acme Ltd'\n");
	assert_int_equal(kit_load(&k, NULL), ERR_INPUT);
	kit_says(&k, "site.toml:1:8: bad-name: `name` is \"Acme Ltd\"; ");
	diag_init(&k.diag, &k.arena);
	kit_file(&k, "site.toml", "name = 'acme'\n");
	assert_int_equal(kit_load(&k, "prd"), ERR_INPUT);
	kit_says(&k, "unknown-env: there is no env/prd.toml; make it");
	kit_file(&k, "env/prod.toml", "");
	kit_file(&k, "env/dev.toml", "");
	kit_file(&k, "env/base.toml", "");
	diag_init(&k.diag, &k.arena);
	assert_int_equal(kit_load(&k, "../site"), ERR_INPUT);
	kit_says(&k, "there are: dev, prod");
	diag_init(&k.diag, &k.arena);
	assert_int_equal(kit_load(&k, "base"), ERR_OK);
	kit_close(&k);
}

static void sets_that_are_none(void **state)
{
	struct kit k;
	const char *const sets[] = {"public.x", "=1", "a..b=1", "name.x=1"};

	(void)state;
	kit_open(&k);
	kit_file(&k, "site.toml", "name = 'acme'\n");
	assert_int_equal(
	    kit_load_with(&k, &(struct site_spec){.sets = sets, .n_sets = 4}),
	    ERR_INPUT);
	assert_int_equal(k.diag.errors, 4);
	kit_says(
	    &k, "--set public.x: bad-value: write --set key.by.dots=value");
	diag_init(&k.diag, &k.arena);
	const char *const typo[] = {"pulbic.x=1"};
	assert_int_equal(
	    kit_load_with(&k, &(struct site_spec){.sets = typo, .n_sets = 1}),
	    ERR_INPUT);
	kit_says(&k, "--set pulbic.x: unknown-key: there is no key `pulbic` "
		     "here; did you mean `public`?");
	kit_close(&k);
}

static void links_out_of_the_site_are_not_followed(void **state)
{
	struct kit k;

	(void)state;
	kit_open(&k);
	kit_file(&k, "other/env/base.toml", "[public]\nx = 'y'\n");
	kit_file(&k, "site/site.toml", "name = 'acme'\n");
	assert_int_equal(symlink("../other/env", kit_path(&k, "site/env")), 0);
	struct site_spec spec = {.dir = kit_path(&k, "site")};
	assert_int_equal(
	    site_load(&k.arena, &spec, &k.diag, &k.site), ERR_INPUT);
	kit_says(&k, "site/env/base.toml: outside-site: ");
	/* one that stays inside is as good as a file */
	assert_int_equal(unlink(kit_path(&k, "site/env")), 0);
	kit_file(&k, "site/shared/base.toml", "[public]\nx = 'y'\n");
	assert_int_equal(mkdir(kit_path(&k, "site/env"), 0755), 0);
	assert_int_equal(
	    symlink("../shared/base.toml", kit_path(&k, "site/env/base.toml")),
	    0);
	diag_init(&k.diag, &k.arena);
	assert_int_equal(site_load(&k.arena, &spec, &k.diag, &k.site), ERR_OK);
	assert_true(str_is(site_text(k.site, "public.x"), "y"));
	kit_close(&k);
}

static void unreadable_is_not_absent(void **state)
{
	struct kit k;

	(void)state;
	kit_open(&k);
	kit_file(&k, "site.toml", "name = 'acme'\n");
	/* a folder where a file should be is unreadable for root as well */
	assert_int_equal(mkdir(kit_path(&k, "api.toml"), 0755), 0);
	assert_int_not_equal(kit_load(&k, NULL), ERR_OK);
	kit_says(&k, "api.toml");
	kit_close(&k);
}

static void the_tree_is_printed_with_its_places(void **state)
{
	struct kit k;
	char *text;
	size_t n;
	const char *const sets[] = {"public.c=d"};

	(void)state;
	kit_open(&k);
	kit_file(&k, "site.toml",
	    "name = 'x'\n[public]\n'a b' = 1.10\nt = [1, 'q\"', {x = true}]\n"
	    "[public.deep]\nd = 2026-11-21\n[catalogue]\n");
	assert_int_equal(
	    kit_load_with(&k, &(struct site_spec){.sets = sets, .n_sets = 1}),
	    ERR_OK);
	FILE *out = open_memstream(&text, &n);
	overlay_print(&k.arena, k.site->root, out);
	fclose(out);
	char *file = arena_cstr(&k.arena, str_of(kit_path(&k, "site.toml")));
	const struct str want = arena_printf(&k.arena,
	    "name = \"x\"  # %s:1\n\n[catalogue]\n\n[public]\n"
	    "\"a b\" = 1.10  # %s:3\n"
	    "t = [1, \"q\\\"\", { x = true }]  # %s:4\n"
	    "c = \"d\"  # --set public.c\n"
	    "\n[public.deep]\nd = 2026-11-21  # %s:6\n",
	    file, file, file, file);
	assert_string_equal(text, want.p);
	free(text);
	kit_close(&k);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(smallest_site),
	    cmocka_unit_test(later_files_lie_on_top),
	    cmocka_unit_test(a_reference_is_a_value),
	    cmocka_unit_test(all_findings_of_all_files),
	    cmocka_unit_test(syntax_errors_of_all_files_come_first),
	    cmocka_unit_test(names_and_places),
	    cmocka_unit_test(sets_that_are_none),
	    cmocka_unit_test(links_out_of_the_site_are_not_followed),
	    cmocka_unit_test(unreadable_is_not_absent),
	    cmocka_unit_test(the_tree_is_printed_with_its_places),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("site", tests, NULL, NULL);
}
