#include "tests/unit/site-kit.h"

#include "generator/embed.h"
#include "generator/hash.h"
#include "lib/json.h"

/* Hashes, generator/build.c and the manifest over what it put. */
static void hashes_are_the_usual_ones(void **state)
{
	struct arena a;

	(void)state;
	arena_init(&a);
	assert_string_equal(hash_blake2b(&a, STR("abc")).p,
	    "bddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319");
	assert_string_equal(hash_sha256(&a, STR("abc")).p,
	    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	assert_string_equal(hash_integrity(&a, STR("abc")).p,
	    "sha512-3a81oZNherrMQXNJriBBMRLm+k6JqX6iCp7u5ktV05ohkpkqJ0/"
	    "BqDa6PCOj/uu9RU1EI2Q86A4qmslPpUyknw==");
	struct digest abc;
	hash_digest(STR("abc"), &abc);
	assert_string_equal(digest_integrity(&a, &abc).p,
	    "sha256-ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=");
	assert_string_equal(hash_sha256(&a, (struct str){0}).p,
	    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	arena_release(&a);
}

static void open_small_site(struct kit *k)
{
	kit_open(k);
	kit_file(k, "site.toml", "name = 'acme'\n[catalogue.plans]\n");
	kit_file(k, "env/base.toml",
	    "base_url = 'https://x.example'\n[public]\nmail = 'a@b.example'\n");
	kit_file(k, "catalogue/plans.toml", "version = '1.0.0'\nfee = 1.10\n");
	assert_int_equal(kit_load(k, NULL), ERR_OK);
	kit_build(k);
}

static void names_get_the_hash_before_the_ending(void **state)
{
	static const char *const rows[][2] = {
	    {"oauth.mjs", "/oauth.bddd813c63.mjs"},
	    {"assets/a.b/c.min.css", "/assets/a.b/c.min.bddd813c63.css"},
	    {"assets/a.b/LICENSE", "/assets/a.b/LICENSE.bddd813c63"},
	    {"assets/.hidden", "/assets/.hidden.bddd813c63"},
	};
	struct kit k;

	(void)state;
	open_small_site(&k);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(build_put_fingerprinted(&k.build, rows[i][0],
				     STR("abc"), false, POS_NONE),
		    ERR_OK);
		struct str at = build_published(
		    &k.build, arena_printf(&k.arena, "/%s", rows[i][0]));
		assert_string_equal(arena_cstr(&k.arena, at), rows[i][1]);
	}
	assert_int_equal(build_published(&k.build, STR("/none.css")).n, 0);
	assert_int_equal(k.build.out.files[0].class, OUT_IMMUTABLE);
	kit_close(&k);
}

static void pages_see_what_is_public(void **state)
{
	struct kit k;

	(void)state;
	open_small_site(&k);
	struct value *data = build_data(&k.build);
	const struct value *base = value_path(data, "site.base_url");
	assert_true(str_is(base->text, "https://x.example"));
	assert_true(base->from_env);
	assert_false(value_path(data, "site.name")->from_env);
	assert_true(
	    str_is(value_path(data, "public.mail")->text, "a@b.example"));
	assert_true(value_path(data, "public.mail")->from_env);
	assert_true(
	    str_is(value_path(data, "catalogue.plans.fee")->text, "1.10"));
	assert_null(value_get(data, "upstream"));
	assert_null(value_get(data, "oauth"));
	kit_close(&k);
}

static void every_file_is_listed(void **state)
{
	struct kit k;
	struct value *root;

	(void)state;
	open_small_site(&k);
	assert_int_equal(out_put(&k.build.out, OUT_WWW, "b/\"x\".html",
			     STR("abc"), OUT_PAGE, true, POS_NONE, &k.diag),
	    ERR_OK);
	assert_int_equal(out_put(&k.build.out, OUT_SERVER, "lowtide.json",
			     STR("{}"), OUT_PRIVATE, true, POS_NONE, &k.diag),
	    ERR_OK);
	assert_int_equal(build_put_fingerprinted(
			     &k.build, "a.mjs", STR("abc"), false, POS_NONE),
	    ERR_OK);
	assert_int_equal(produce_manifest(&k.build), ERR_OK);
	const char *text = kit_output(&k, OUT_WWW, OUT_MANIFEST);
	assert_int_equal(
	    json_read(&k.arena, str_of(text), 1 << 20, "m", &k.diag, &root),
	    ERR_OK);
	assert_int_equal(value_get(root, "format")->as.i, 1);
	assert_true(str_is(value_text(root, "name"), "acme"));
	const struct value *files = value_get(root, "files");
	assert_int_equal(files->as.array.n, 2);
	const struct value *a = files->as.array.items[0];
	const struct value *b = files->as.array.items[1];
	assert_true(str_is(value_text(a, "path"), "a.bddd813c63.mjs"));
	assert_true(str_is(value_text(a, "cache"), "immutable"));
	assert_true(
	    str_is(value_text(a, "type"), "text/javascript; charset=utf-8"));
	assert_false(value_get(a, "env")->as.b);
	assert_true(str_is(value_text(b, "path"), "b/\"x\".html"));
	assert_int_equal(value_get(b, "bytes")->as.i, 3);
	assert_true(
	    str_eq(value_text(b, "sha256"), hash_sha256(&k.arena, STR("abc"))));
	assert_true(str_eq(
	    value_text(b, "blake2b"), hash_blake2b(&k.arena, STR("abc"))));
	assert_true(str_eq(
	    value_text(b, "integrity"), hash_integrity(&k.arena, STR("abc"))));
	assert_true(str_is(value_text(b, "cache"), "page"));
	assert_int_equal(value_get(b, "encodings")->as.table.n, 0);
	assert_int_equal(value_text(root, "release").n, 64);
	assert_int_equal(value_get(root, "releases")->as.array.n, 0);
	assert_true(value_get(b, "env")->as.b);
	kit_close(&k);
}

/* problems.c and the templates inside the program (embed.c, template.c) */
static void every_problem_has_its_page(void **state)
{
	struct kit k;
	size_t n = 0;

	(void)state;
	open_small_site(&k);
	assert_int_equal(produce_problems(&k.build), ERR_OK);
	assert_string_equal(kit_said(&k), "");
	static const char *const types[] = {
#define PROBLEM(name, type, status, title, detail) type,
#include "lib/problem.def"
#undef PROBLEM
	};
	for (; n < sizeof(types) / sizeof(types[0]); n++) {
		const char *page = kit_output(&k, OUT_WWW,
		    arena_printf(&k.arena, "problems/%s.html", types[n]).p);
		assert_non_null(strstr(page, "<h1>"));
		assert_non_null(strstr(page, types[n]));
		assert_null(strstr(page, "<script"));
		assert_null(strstr(page, "style="));
	}
	struct str style = build_published(&k.build, STR("/lowtide.css"));
	const char *page = kit_output(&k, OUT_WWW, "problems/job-failed.html");
	assert_non_null(strstr(page, arena_cstr(&k.arena, style)));
	assert_non_null(strstr(page, "HTTP 500"));
	assert_int_equal(k.build.out.n, n + 1);
	kit_close(&k);
}

static void a_site_has_its_own_templates(void **state)
{
	struct kit k;
	struct str bytes;

	(void)state;
	open_small_site(&k);
	assert_true(embed_find(STR("pages/lowtide.css"), &bytes));
	assert_false(embed_find(STR("pages/none.css"), &bytes));
	kit_file(&k, "templates/pages/problem.html.mustache",
	    "{{problem.title}} <{{>mine}}>\n");
	kit_file(
	    &k, "templates/mine.mustache", "{{site.name}}&{{public.mail}}");
	assert_int_equal(produce_problems(&k.build), ERR_OK);
	assert_string_equal(kit_output(&k, OUT_WWW, "problems/forbidden.html"),
	    "Not allowed <acme&a@b.example>\n");
	assert_true(
	    out_find(&k.build.out, OUT_WWW, STR("problems/forbidden.html"))
		->from_env);
	kit_file(
	    &k, "templates/pages/problem.html.mustache", "{{problem.x}}\n");
	kit_build(&k);
	assert_int_equal(produce_problems(&k.build), ERR_INPUT);
	kit_says(&k, "templates/pages/problem.html.mustache:1:");
	kit_says(&k, "unknown-name");
	kit_close(&k);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(hashes_are_the_usual_ones),
	    cmocka_unit_test(names_get_the_hash_before_the_ending),
	    cmocka_unit_test(pages_see_what_is_public),
	    cmocka_unit_test(every_file_is_listed),
	    cmocka_unit_test(every_problem_has_its_page),
	    cmocka_unit_test(a_site_has_its_own_templates),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("manifest", tests, NULL, NULL);
}
