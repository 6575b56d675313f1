#include "generator/build.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "generator/client.h"
#include "generator/embed.h"
#include "generator/js-comments.h"
#include "tests/unit/site-kit.h"

/* generator/client.c: which modules are published, and what they are. */
static struct build *made(struct kit *k, const char *more)
{
	struct str text = arena_printf(&k->arena, "name = 'x'\n%s", more);

	kit_bytes(k, "site.toml", text);
	assert_int_equal(kit_load(k, NULL), ERR_OK);
	assert_int_equal(produce_client(kit_build(k)), ERR_OK);
	return &k->build;
}

static const struct out_file *file_of(struct kit *k, const char *logical)
{
	struct str at = build_published(&k->build, str_of(logical));

	return at.n ? out_find(&k->build.out, OUT_WWW, str_slice(at, 1, at.n))
		    : NULL;
}

static void published(void **state)
{
	struct kit k;
	struct str source;

	(void)state;
	kit_open(&k);
	struct build *b = made(&k, "[api.a]\nauth = 'none'\n");
	struct str at = build_published(b, STR("/requests.mjs"));
	assert_true(str_starts(at, "/requests.") && str_ends(at, ".mjs"));
	const struct out_file *file = file_of(&k, "/requests.mjs");
	assert_non_null(file);
	assert_true(embed_find(STR("client/requests.mjs"), &source));
	assert_true(str_eq(file->bytes, js_without_comments(&k.arena, source)));
	assert_true(file->bytes.n < source.n);
	assert_int_equal(file->class, OUT_IMMUTABLE);
	assert_false(file->from_env);
	kit_close(&k);
}

/* By itself where something becomes a job; else as the key says. */
static void asked_for(void **state)
{
	static const struct {
		const char *toml;
		bool wanted;
	} rows[] = {
	    {"", false},
	    {"[api.a]\n", true},
	    {"[read.a]\n", false},
	    {"[read.a]\npromote = true\n", true},
	    {"[read.a]\npromote = false\nrespond_async = false\n", false},
	    {"[read.a]\n[read.b]\nrespond_async = true\n", true},
	    {"client.requests = true\n", true},
	    {"client.requests = false\n[api.a]\n", false},
	    {"client.requests = false\n[read.a]\npromote = true\n", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct kit k;
		kit_open(&k);
		struct build *b = made(&k, rows[i].toml);
		if (b->out.n != rows[i].wanted ||
		    !!file_of(&k, "/requests.mjs") != rows[i].wanted)
			fail_msg("%s", rows[i].toml);
		kit_close(&k);
	}
}

/* Each by its own key, and by no other's. */
static void one_by_one(void **state)
{
	(void)state;
	for (size_t i = 0; client_modules[i].key; i++) {
		const char *name = client_modules[i].name;
		struct kit k;
		kit_open(&k);
		const char *line =
		    arena_printf(&k.arena, "%s = true\n", client_modules[i].key)
			.p;
		struct build *b = made(&k, line);
		assert_int_equal(b->out.n, 1);
		if (!file_of(&k, arena_printf(&k.arena, "/%s", name).p))
			fail_msg("%s", name);
		kit_close(&k);
	}
}

/* React is a file of the site, or nobody finds it. */
static void needed(void **state)
{
	struct kit k;

	(void)state;
	kit_open(&k);
	made(&k, "client.use_job = true\n");
	assert_string_equal(kit_said(&k),
	    "site.toml:2:18: warning: missing-reference: use-job.mjs imports "
	    "\"react\", and no page knows what that is; name a file of the "
	    "site, imports.react in [client]\n");
	kit_close(&k);
	kit_open(&k);
	made(
	    &k, "client.use_job = true\nclient.imports.react = '/react.mjs'\n");
	assert_string_equal(kit_said(&k), "");
	kit_close(&k);
}

/* Whoever asks for one finds it under its stable name as well. */
static void both_names(void **state)
{
	struct kit k;

	(void)state;
	kit_open(&k);
	struct build *b = made(&k, "client.requests = true\n");
	assert_int_equal(produce_modules(b), ERR_OK);
	const struct out_file *stable =
	    out_find(&b->out, OUT_WWW, STR("requests.mjs"));
	assert_non_null(stable);
	assert_int_equal(stable->class, OUT_POINTER);
	assert_true(
	    digest_eq(&stable->digest, &file_of(&k, "/requests.mjs")->digest));
	assert_non_null(strstr(b->import_map.p, "\"/requests.mjs\":"));
	kit_close(&k);
}

static void by_environment(void **state)
{
	struct kit k;

	(void)state;
	kit_open(&k);
	kit_file(&k, "site.toml", "name = 'x'\n");
	kit_file(&k, "env/dev.toml", "client.requests = true\n");
	assert_int_equal(kit_load(&k, "dev"), ERR_OK);
	assert_int_equal(produce_client(kit_build(&k)), ERR_OK);
	assert_true(file_of(&k, "/requests.mjs")->from_env);
	kit_close(&k);
}

/* A file of the site's own has that name: both are named. */
static void clash(void **state)
{
	struct kit k;

	(void)state;
	kit_open(&k);
	kit_file(&k, "site.toml", "name = 'x'\nclient.requests = true\n");
	kit_file(&k, "static/requests.mjs", "export {};\n");
	assert_int_equal(kit_load(&k, NULL), ERR_OK);
	struct build *b = kit_build(&k);
	assert_int_equal(produce_static(b), ERR_OK);
	assert_int_equal(produce_client(b), ERR_OK);
	assert_int_equal(produce_modules(b), ERR_INPUT);
	kit_says_only(&k, "site.toml:2:19: output-clash: requests.mjs would be "
			  "written twice, "
			  "also for static/requests.mjs; ");
	kit_close(&k);
}

static void names(void **state)
{
	(void)state;
	assert_string_equal(
	    client_module_of(STR("/cache.mjs"))->key, "client.cache");
	assert_null(client_module_of(STR("/oauth.mjs"))->key);
	assert_null(client_module_of(STR("cache.mjs")));
	assert_null(client_module_of(STR("/a/cache.mjs")));
	assert_null(client_module_of(STR("/cache.d.mts")));
	assert_null(client_module_of((struct str){0}));
}

/* Each row has both of its texts; a site's come from its own values. */
static void texts(void **state)
{
	static const char *const marks[][3] = {
	    {"/requests.mjs", "export class RequestError",
		"export class RequestError"},
	    {"/shared-stream.mjs", "export function shareStream(",
		"export function shareStream("},
	    {"/cache.mjs", "export function openCache(",
		"export function openCache("},
	    {"/catalogue.mjs", "export async function openCatalogue(",
		"export function openCatalogue<"},
	    {"/lowtide-job.mjs", "export class LowtideJob extends",
		"export class LowtideJob extends"},
	    {"/use-job.mjs", "export function useJob(",
		"export function useJob<"},
	    {"/oauth.mjs", "url: 'https://id.example/a?",
		"Provider = 'acme' |"},
	    {"/oauth-tokens.mjs", "export async function exchange(",
		"export function exchange("},
	};
	struct kit k;
	struct str text;
	bool env;

	(void)state;
	kit_open(&k);
	kit_file(&k, "site.toml",
	    "name = 'x'\nbase_url = 'https://x.example'\n"
	    "oauth.tokens = true\n[oauth.acme]\n"
	    "authorization_endpoint = 'https://id.example/a'\n"
	    "token_endpoint = 'https://id.example/t'\n"
	    "client_id = 'c'\nscopes = ['openid']\n");
	assert_int_equal(kit_load(&k, NULL), ERR_OK);
	kit_build(&k);
	assert_null(client_modules[sizeof(marks) / sizeof(*marks)].name);
	for (size_t i = 0; i < sizeof(marks) / sizeof(*marks); i++)
		for (int types = 0; types < 2; types++) {
			assert_int_equal(
			    client_text(&k.build,
				client_module_of(str_of(marks[i][0])), types,
				&text, &env),
			    ERR_OK);
			const char *all = arena_cstr(&k.arena, text);
			if (!strstr(all, marks[i][1 + types]))
				fail_msg("%s", all);
		}
	kit_close(&k);
}

static void without_providers(void **state)
{
	const struct client_module *oauth = client_module_of(STR("/oauth.mjs"));
	struct kit k;
	struct str text;
	bool env;

	(void)state;
	kit_open(&k);
	kit_file(&k, "site.toml", "name = 'x'\n[oauth]\nttl = '5m'\n");
	assert_int_equal(kit_load(&k, NULL), ERR_OK);
	kit_build(&k);
	assert_int_equal(
	    client_text(&k.build, oauth, false, &text, &env), ERR_NOT_FOUND);
	k.build.site = NULL;
	assert_int_equal(
	    client_text(&k.build, oauth, true, &text, &env), ERR_NOT_FOUND);
	assert_int_equal(
	    client_text(&k.build, &client_modules[0], true, &text, &env),
	    ERR_OK);
	kit_close(&k);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(published),
	    cmocka_unit_test(asked_for),
	    cmocka_unit_test(one_by_one),
	    cmocka_unit_test(needed),
	    cmocka_unit_test(both_names),
	    cmocka_unit_test(by_environment),
	    cmocka_unit_test(clash),
	    cmocka_unit_test(names),
	    cmocka_unit_test(texts),
	    cmocka_unit_test(without_providers),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("client", tests, NULL, NULL);
}
