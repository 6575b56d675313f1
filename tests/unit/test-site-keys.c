#include "tests/unit/site-kit.h"

#include "generator/key-value.h"
#include "generator/keys.h"
#include "generator/toml.h"
#include "lib/units.h"

static const char *env(void *ctx, const char *name)
{
	(void)ctx;
	static const char *const vars[][2] = {{"HOST", "https://x.example"},
	    {"MANY", "7"}, {"YES", "true"}, {"EMPTY", ""}, {"WORD", "maybe"},
	    {"KINDS", "nginx,apache"},
	    {"LATER", "TO"
		      "DO: ask"}};

	for (size_t i = 0; i < sizeof(vars) / sizeof(vars[0]); i++)
		if (strcmp(vars[i][0], name) == 0)
			return vars[i][1];
	return NULL;
}

/* The findings about one file, joined by line breaks. */
static const char *said(struct kit *k, const char *toml, struct value **root)
{
	struct value *tree;

	diag_init(&k->diag, &k->arena);
	assert_int_equal(toml_read(&k->arena,
			     arena_printf(&k->arena, "name = 'x'\n%s", toml),
			     "f", &k->diag, &tree),
	    ERR_OK);
	key_check(&k->arena, tree, &(struct outside){.env = env}, &k->diag);
	if (root)
		*root = tree;
	return kit_said(k);
}

static void fine(const char *toml)
{
	struct kit k;

	kit_open(&k);
	assert_string_equal(said(&k, toml, NULL), "");
	kit_close(&k);
}

/* Each of the lines is among what is said, and nothing else is. */
static void finds(const char *toml, const char *lines)
{
	struct kit k;

	kit_open(&k);
	assert_string_equal(said(&k, toml, NULL), lines);
	kit_close(&k);
}

/* Every row stands below a row that holds tables, and explains itself. */
static void rows_are_whole(void **state)
{
	(void)state;
	for (const struct key *row = key_rows; row->pattern; row++) {
		char parent[128];
		snprintf(parent, sizeof(parent), "%s", row->pattern);
		char *dot = strrchr(parent, '.');
		assert_true(strlen(row->help) > 3);
		assert_true(strlen(row->help) < 72);
		if (!dot)
			continue;
		*dot = '\0';
		const struct key *above = NULL;
		for (const struct key *k = key_rows; k->pattern; k++)
			if (strcmp(k->pattern, parent) == 0)
				above = k;
		if (!above || above->kind != KEY_TABLE)
			fail_msg("%s has no table above it", row->pattern);
	}
}

/* Several of them have '|' between them. */
static void check_choices(
    struct key_walk *w, const struct key *row, struct str path, struct value *v)
{
	struct str all = v->text;

	for (size_t at = 0, end; at < all.n; at = end + 1) {
		end = str_find(all, '|', at);
		v->text = str_slice(all, at, end);
		key_check_choice(w, row, path, v);
	}
}

/* A default is a value like any other: it fits its own row. */
static void defaults_fit_their_rows(void **state)
{
	struct kit k;

	(void)state;
	kit_open(&k);
	for (const struct key *row = key_rows; row->pattern; row++) {
		struct key_walk w = {.a = &k.arena,
		    .outside = &(struct outside){.env = env},
		    .diag = &k.diag};
		if (!row->fallback)
			continue;
		struct value *v =
		    value_string(&k.arena, str_of(row->fallback), POS_NONE);
		struct str path = str_of(row->pattern);
		if (row->kind == KEY_ENUM || row->kind == KEY_ENUMS)
			check_choices(&w, row, path, v);
		else if (row->kind == KEY_URL)
			key_check_url(&w, path, v);
		else if (row->kind == KEY_DURATION || row->kind == KEY_SIZE ||
			 row->kind == KEY_INT || row->kind == KEY_RATE)
			key_check_amount(&w, row, path, v);
	}
	assert_string_equal(kit_said(&k), "");
	kit_close(&k);
}

static void rows_are_found_by_path(void **state)
{
	(void)state;
	assert_string_equal(key_find("api.export.ttl")->pattern, "api.*.ttl");
	assert_string_equal(key_find("oauth.ttl")->pattern, "oauth.ttl");
	assert_string_equal(
	    key_find("oauth.a.variant.b.domain")->pattern, "oauth.*.domain");
	assert_null(key_find("api.export.nothing"));
	assert_null(key_find("nothing"));
	assert_null(key_find("name.deeper"));
}

static void unknown_keys_get_the_nearest(void **state)
{
	(void)state;
	finds("nmae = 1", "f:2:1: unknown-key: there is no key `nmae` here; "
			  "did you mean `name`?\n");
	finds("[upstream.u]\nbase = 'https://x'\ntimout = '1s'\n",
	    "f:4:1: unknown-key: there is no key `timout` here; did you mean "
	    "`timeout`?\n");
	finds("[api.a]\nqwertyuiop = 1",
	    "f:3:1: unknown-key: there is no key `qwertyuiop` here; take it "
	    "out\n");
	/* of a few, all are told */
	finds("[client]\nqwertyuiop = true",
	    "f:3:1: unknown-key: there is no key `qwertyuiop` here; take it "
	    "out, or take one of these: requests, shared_stream, cache, "
	    "catalogue, job_element, use_job, imports\n");
	finds("[oauth.a]\ndomian = 'x'",
	    "f:3:1: unknown-key: there is no key `domian` here; did you mean "
	    "`domain`?\n");
}

/* What belongs below a chosen name, and a name that is a key already. */
static void names_and_keys_are_told_apart(void **state)
{
	(void)state;
	finds("[oauth]\nkind = 'google'\n",
	    "f:3:8: wrong-type: `oauth.kind` must be a table, not a string; "
	    "keys of one go below a name for it, as in [oauth.NAME]\n");
	finds("[oauth.storage]\nkind = 'google'\n",
	    "f:2:1: wrong-type: `oauth.storage` must be a string, not a table; "
	    "if you named one so, [oauth] has a key of that name: take "
	    "another\n");
	finds("[oauth.a]\nscopes = {}\n",
	    "f:3:10: wrong-type: `oauth.a.scopes` must be an array of strings, "
	    "not a table\n");
	finds("[oauth.hmrc.sandbox]\nclient_id = 'x'\n",
	    "f:2:13: unknown-key: there is no key `sandbox` here; take it out, "
	    "or call it `variant.sandbox` if it is one\n");
}

static void types_are_held(void **state)
{
	(void)state;
	finds("api = 3", "f:2:7: wrong-type: `api` must be a table, not a "
			 "whole number\n");
	finds("[api.a]\nwait = 10\nconcurrency = 'two'\nidempotent = 1\n"
	      "allow = 'x'\nbody = { required = { a = 1 } }\n",
	    "f:3:8: wrong-type: `api.a.wait` must be a duration such as "
	    "\"10s\", not a whole number\n"
	    "f:4:15: wrong-type: `api.a.concurrency` must be a whole number, "
	    "not a string\n"
	    "f:5:14: wrong-type: `api.a.idempotent` must be true or false, "
	    "not a whole number\n"
	    "f:6:9: wrong-type: `api.a.allow` must be an array of strings, "
	    "not a string\n"
	    "f:7:27: wrong-type: `api.a.body.required.a` must be a string, "
	    "not a whole number\n");
	finds("origins = ['https://a', 2]",
	    "f:2:25: wrong-type: `origins[1]` must be a string, not a whole "
	    "number\n");
}

static void values_are_held(void **state)
{
	(void)state;
	finds("[api.a]\npattern = 'async-poling'\n",
	    "f:3:11: bad-value: `api.a.pattern` cannot be \"async-poling\"; "
	    "did you mean \"async-polling\"? it may be: fire-and-forget, "
	    "async-polling, synchronous\n");
	finds("[api.a]\nwait = '26s'\nttl = '1 day'\nbody.max = '1GiB'\n"
	      "concurrency = 0\n",
	    "f:3:8: bad-value: `api.a.wait` is 26s; it may be 0s to 25s\n"
	    "f:4:7: bad-value: `api.a.ttl` is \"1 day\"; it must be a "
	    "duration such as \"10s\"\n"
	    "f:5:12: bad-value: `api.a.body.max` is 1GiB; it may be 0B to "
	    "16MiB\n"
	    "f:6:15: bad-value: `api.a.concurrency` is 0; it may be 1 to "
	    "1000\n");
	finds("base_url = 'example.org'",
	    "f:2:12: bad-value: `base_url` is \"example.org\"; it must be a "
	    "URL such as \"https://www.example.org\", without query or "
	    "fragment\n");
	finds("[upstream.u]\nbase = 'https://u:p@x.example'\nrate = 'fast'\n",
	    "f:3:8: bad-value: `upstream.u.base` is "
	    "\"https://u:p@x.example\"; it must be a URL such as "
	    "\"https://www.example.org\", without query or fragment\n"
	    "f:4:8: bad-value: `upstream.u.rate` is \"fast\"; it must be a "
	    "rate such as \"150/m\"\n");
	finds("[api.Ab]\n[api.'']\n[api.'a.b']\n",
	    "f:2:6: bad-name: `Ab` cannot be a name; use up to 64 of a-z, "
	    "0-9, - and _, a letter or digit first\n"
	    "f:3:6: bad-name: `` cannot be a name; use up to 64 of a-z, "
	    "0-9, - and _, a letter or digit first\n"
	    "f:4:6: bad-name: `a.b` cannot be a name; use up to 64 of a-z, "
	    "0-9, - and _, a letter or digit first\n");
	fine("[api.a]\nwait = '25s'\nttl = '365d'\nconcurrency = 1_000\n");
}

static void what_is_missing_is_said(void **state)
{
	(void)state;
	finds("[upstream.u]",
	    "f:2:1: missing-key: `base` is missing in upstream.u; add it: URL "
	    "that paths are added to\n");
	finds("[read.r.call.c]\nupstream = 'x'\n[read.r.ids.i]\n",
	    "f:2:1: missing-key: `path` is missing in read.r.call.c; add it: "
	    "its path there, with places\n"
	    "f:4:1: missing-key: `from` is missing in read.r.ids.i; add it: "
	    "\"path.X\", \"query.X\", or \"call.X.a.b\" of a result\n");
	finds("server.kinds = ['apache', 'nginx', 'iis']",
	    "f:2:36: bad-value: `server.kinds` cannot be \"iis\"; it may be: "
	    "nginx, apache, lighttpd, static-host\n");
	finds("[serve.run.s]\ncommand = ['node']",
	    "f:3:1: env-only: `serve.run.s.command` may stand in "
	    "env/NAME.toml only; move it there\n");
}

static void references_are_resolved(void **state)
{
	struct kit k;
	struct value *root;

	(void)state;
	kit_open(&k);
	assert_string_equal(
	    said(&k,
		"base_url = { env = 'HOST' }\n"
		"origins = [{ env = 'HOST' }]\n"
		"[public]\na.b = [{ env = 'WORD' }]\n"
		"[upstream.u]\nbase = { env = 'HOST' }\n"
		"local = { env = 'YES' }\nheaders = { A = { env = 'WORD' } }\n"
		"[api.a]\nconcurrency = { env = 'MANY' }\n",
		&root),
	    "");
	assert_true(str_is(value_text(root, "base_url"), "https://x.example"));
	assert_true(value_get(root, "base_url")->from_env);
	assert_true(value_path(root, "upstream.u.local")->as.b);
	assert_int_equal(value_path(root, "api.a.concurrency")->as.i, 7);
	const struct value *b = value_path(root, "public.a.b");
	assert_true(str_is(b->as.array.items[0]->text, "maybe"));
	assert_true(b->as.array.items[0]->from_env);
	assert_int_equal(b->as.array.items[0]->pos.line, 5);
	kit_close(&k);

	/* words by commas where an array is wanted */
	kit_open(&k);
	assert_string_equal(said(&k,
				"server.kinds = { env = 'KINDS' }\n"
				"cache.immutable = { env = 'WORD' }\n",
				&root),
	    "");
	b = value_path(root, "server.kinds");
	assert_int_equal(b->kind, VALUE_ARRAY);
	assert_int_equal(b->as.array.n, 2);
	assert_true(str_is(b->as.array.items[0]->text, "nginx"));
	assert_true(str_is(b->as.array.items[1]->text, "apache"));
	assert_true(b->from_env && b->as.array.items[1]->from_env);
	b = value_path(root, "cache.immutable");
	assert_int_equal(b->as.array.n, 1);
	kit_close(&k);
	finds("compress.siblings = { env = 'HOST' }\n",
	    "f:2:21: bad-value: `compress.siblings` cannot be "
	    "\"https://x.example\"; it may be: gz, br, zst\n");
	/* in a file a string is no array */
	finds("server.kinds = 'nginx'\n",
	    "f:2:16: wrong-type: `server.kinds` must be an array of "
	    "strings, not a string\n");
}

static void references_that_lead_nowhere(void **state)
{
	(void)state;
	finds("[public]\na = { env = 'NOT_SET' }\nb = { file = '/etc/x' }\n",
	    "f:3:5: env-missing: `public.a` comes from the environment and "
	    "NOT_SET is not set; run `export NOT_SET=…` first\n"
	    "f:4:5: wrong-type: `public.b` cannot come from a file; write "
	    "it or { env = … }\n");
	finds("[public]\na = { env = 'EMPTY' }\nb = { env = 'LATER' }\n",
	    "f:3:5: placeholder: `public.a` is empty; give it its value\n"
	    "f:4:5: placeholder: `public.b` is still TO"
	    "DO: ask; give it "
	    "its value\n");
	finds("[api.a]\nidempotent = { env = 'WORD' }\n",
	    "f:3:14: wrong-type: `api.a.idempotent` must be true or false, "
	    "not a string\n");
	/* a secret stays a reference: the server resolves it */
	fine("[oauth.a]\nclient_secret = { env = 'NOT_SET' }\n");
	/* but it must be one */
	finds("[oauth.a]\nclient_secret = { env = '' }\n",
	    "f:3:25: placeholder: `oauth.a.client_secret.env` is empty; name "
	    "a variable\n");
	finds("[oauth.a]\nclient_secret = { file = '${FILE}' }\n",
	    "f:3:26: placeholder: `oauth.a.client_secret.file` is still "
	    "${FILE}; name a file\n");
	finds("[public]\na = { env = '' }\n",
	    "f:3:13: placeholder: `public.a.env` is empty; name a variable\n");
}

static void placeholders_are_found(void **state)
{
	(void)state;
	assert_true(key_is_placeholder(STR("")));
	assert_true(key_is_placeholder(STR("  ")));
	assert_true(key_is_placeholder(STR("${HOST}")));
	assert_true(key_is_placeholder(STR("https://${HOST}/x")));
	assert_true(key_is_placeholder(STR("TO"
					   "DO")));
	assert_true(key_is_placeholder(STR("TO"
					   "DO: ask Ann")));
	assert_false(key_is_placeholder(STR("TO"
					    "DOS")));
	assert_false(key_is_placeholder(STR("$5 {now}")));
	assert_false(key_is_placeholder(STR("my to"
					    "do")));
	finds("base_url = 'https://${HOST}'\n[public]\na = ['x', '']\n",
	    "f:2:12: placeholder: `base_url` is still https://${HOST}; give "
	    "it its value\n"
	    "f:4:11: placeholder: `public.a[1]` is empty; give it its value\n");
	/* its producer has names of its own for these */
	fine("[oauth.a]\nclient_id = ''\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(rows_are_whole),
	    cmocka_unit_test(defaults_fit_their_rows),
	    cmocka_unit_test(rows_are_found_by_path),
	    cmocka_unit_test(unknown_keys_get_the_nearest),
	    cmocka_unit_test(names_and_keys_are_told_apart),
	    cmocka_unit_test(types_are_held),
	    cmocka_unit_test(values_are_held),
	    cmocka_unit_test(what_is_missing_is_said),
	    cmocka_unit_test(references_are_resolved),
	    cmocka_unit_test(references_that_lead_nowhere),
	    cmocka_unit_test(placeholders_are_found),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("site-keys", tests, NULL, NULL);
}
