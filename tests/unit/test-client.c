#include "generator/build.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "generator/client.h"
#include "generator/embed.h"
#include "tests/unit/site-kit.h"

/* generator/client.c: requests.mjs is published where there is an API. */
static enum err produce(struct build *b, struct site *site, bool with_api)
{
	site->root = value_new(b->arena, VALUE_TABLE, POS_NONE);
	if (with_api)
		value_set(b->arena, site->root, STR("api"), POS_NONE,
		    value_new(b->arena, VALUE_TABLE, POS_NONE));
	b->site = site;
	out_init(&b->out, b->arena);
	return produce_client(b);
}

static void published(void **state)
{
	struct arena a;
	struct diag diag;
	struct site site = {0};
	struct build b = {.arena = &a, .diag = &diag};
	struct str source;
	(void)state;
	arena_init(&a);
	diag_init(&diag, &a);
	assert_int_equal(produce(&b, &site, true), ERR_OK);
	struct str at = build_published(&b, STR("/requests.mjs"));
	assert_true(str_starts(at, "/requests.") && str_ends(at, ".mjs"));
	const struct out_file *file =
	    out_find(&b.out, OUT_WWW, str_slice(at, 1, at.n));
	assert_non_null(file);
	assert_true(embed_find(STR("client/requests.mjs"), &source));
	assert_true(str_eq(file->bytes, source));
	assert_int_equal(file->class, OUT_IMMUTABLE);
	assert_false(file->from_env);
	arena_release(&a);
}

static void not_asked_for(void **state)
{
	struct arena a;
	struct diag diag;
	struct site site = {0};
	struct build b = {.arena = &a, .diag = &diag};
	(void)state;
	arena_init(&a);
	diag_init(&diag, &a);
	assert_int_equal(produce(&b, &site, false), ERR_OK);
	assert_int_equal(b.out.n, 0);
	assert_int_equal(build_published(&b, STR("/requests.mjs")).n, 0);
	arena_release(&a);
}

/* Each row has both of its texts; a site's come from its own values. */
static void texts(void **state)
{
	static const char *const marks[][2] = {
	    {"export async function submit(", "export function submit<"},
	    {"url: 'https://id.example/a?", "Provider = 'acme' |"},
	    {"export async function exchange(", "export function exchange("},
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
	for (size_t i = 0; client_modules[i].name; i++)
		for (int types = 0; types < 2; types++) {
			assert_int_equal(
			    client_text(&k.build, &client_modules[i], types,
				&text, &env),
			    ERR_OK);
			const char *all = arena_cstr(&k.arena, text);
			if (!strstr(all, marks[i][types]))
				fail_msg("%s", all);
		}
	kit_close(&k);
}

static void without_providers(void **state)
{
	struct kit k;
	struct str text;
	bool env;

	(void)state;
	kit_open(&k);
	kit_file(&k, "site.toml", "name = 'x'\n[oauth]\nttl = '5m'\n");
	assert_int_equal(kit_load(&k, NULL), ERR_OK);
	kit_build(&k);
	assert_int_equal(
	    client_text(&k.build, &client_modules[1], false, &text, &env),
	    ERR_NOT_FOUND);
	k.build.site = NULL;
	assert_int_equal(
	    client_text(&k.build, &client_modules[1], true, &text, &env),
	    ERR_NOT_FOUND);
	assert_int_equal(
	    client_text(&k.build, &client_modules[0], true, &text, &env),
	    ERR_OK);
	kit_close(&k);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(published),
	    cmocka_unit_test(not_asked_for),
	    cmocka_unit_test(texts),
	    cmocka_unit_test(without_providers),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("client", tests, NULL, NULL);
}
