#include "generator/run-reference.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "generator/toml.h"

static struct arena a;
static struct diag diag;
static struct value *root;

static void read_toml(const char *text)
{
	arena_release(&a);
	arena_init(&a);
	diag_init(&diag, &a);
	assert_int_equal(
	    toml_read(&a, str_of(text), "env/dev.toml", &diag, &root), ERR_OK);
}

static void is(const char *path, const char *text)
{
	const struct value *v = value_path(root, path);

	assert_non_null(v);
	assert_string_equal(arena_cstr(&a, v->text), text);
}

static void said(const char *findings)
{
	char *text = NULL;
	size_t n = 0;
	FILE *out = open_memstream(&text, &n);

	diag_print(&diag, out);
	fclose(out);
	assert_string_equal(text, findings);
	free(text);
}

static const struct run_helper helpers[] = {
    {"one", "http://127.0.0.1:1"}, {"two", "http://127.0.0.1:2"}};

static enum err fill(void)
{
	return run_references_fill(&a, root, helpers, 2, &diag);
}

static void fills_what_may_be_filled(void **state)
{
	(void)state;
	read_toml("[upstream.a]\n"
		  "base = '{run.two.url}/v1'\n"
		  "[public]\n"
		  "text = '{run.one.url}'\n"
		  "[oauth]\n"
		  "ttl = '5m'\n"
		  "[oauth.c]\n"
		  "domain = '{run.one.url}'\n"
		  "scopes = ['openid']\n"
		  "redirect_allow = ['{run.two.url}/a', 'https://b.example']\n"
		  "logout = { endpoint = '{run.one.url}/logout' }\n"
		  "[oauth.c.variant.sandbox]\n"
		  "base_uri = '{run.two.url}'\n"
		  "params = { a = '{run.one.url},{run.two.url}' }\n"
		  "[web_server]\n"
		  "check = '{run.one.url}/check'\n"
		  "realm = '{run.one.url}'\n");
	assert_int_equal(fill(), ERR_OK);
	said("");
	is("upstream.a.base", "http://127.0.0.1:2/v1");
	is("public.text", "{run.one.url}");
	is("web_server.check", "http://127.0.0.1:1/check");
	is("web_server.realm", "{run.one.url}");
	is("oauth.ttl", "5m");
	is("oauth.c.domain", "http://127.0.0.1:1");
	is("oauth.c.logout.endpoint", "http://127.0.0.1:1/logout");
	is("oauth.c.variant.sandbox.base_uri", "http://127.0.0.1:2");
	is("oauth.c.variant.sandbox.params.a",
	    "http://127.0.0.1:1,http://127.0.0.1:2");
	struct value **allow =
	    value_path(root, "oauth.c.redirect_allow")->as.array.items;
	assert_true(str_is(allow[0]->text, "http://127.0.0.1:2/a"));
	assert_true(str_is(allow[1]->text, "https://b.example"));
	assert_true(allow[0]->from_env);
	assert_false(allow[1]->from_env);
	assert_true(value_path(root, "oauth.c.domain")->from_env);
	/* nothing is left to be refused */
	assert_int_equal(run_references_check(&a, root, false, &diag), ERR_OK);
	is("public.text", "{run.one.url}");
}

static void what_was_declared_later_does_not_run(void **state)
{
	(void)state;
	read_toml("[serve.run.late]\n"
		  "command = ['true']\n"
		  "[oauth.c]\n"
		  "domain = '{run.late.url}/x'\n"
		  "issuer = '{run.nobody.url}'\n");
	assert_int_equal(fill(), ERR_INPUT);
	said("env/dev.toml:4:10: helper-not-running: serve.run.late was "
	     "declared after `lowtide serve` was started; start it again\n");
	/* and is not told twice; what nobody declares is told now */
	assert_int_equal(
	    run_references_check(&a, root, true, &diag), ERR_INPUT);
	said("env/dev.toml:4:10: helper-not-running: serve.run.late was "
	     "declared after `lowtide serve` was started; start it again\n"
	     "env/dev.toml:5:10: run-reference: there is no "
	     "[serve.run.nobody] that would run; write one, or choose another "
	     "--env\n");
	is("oauth.c.domain", "https://late.invalid/x");
	is("oauth.c.issuer", "https://nobody.invalid");
}

static void outside_of_serve_each_is_refused(void **state)
{
	(void)state;
	read_toml("[serve.run.one]\n"
		  "command = ['true']\n"
		  "[upstream.u]\n"
		  "base = '{run.one.url}'\n"
		  "[oauth.c]\n"
		  "domain = '{run.one.url}'\n"
		  "logout = { endpoint = '{run.one.url}/logout' }\n"
		  "redirect_allow = ['x', '{run.one.url}']\n"
		  "[oauth.c.variant.sandbox]\n"
		  "base_uri = '{run.one.url}{run.one.url}'\n"
		  "[web_server]\n"
		  "check = '{run.one.url}'\n");
	assert_int_equal(
	    run_references_check(&a, root, false, &diag), ERR_INPUT);
#define KNOWN                                                                  \
	"run-reference: `{run.one.url}` is known while `lowtide serve` runs; " \
	"give "
	said(
	    "env/dev.toml:4:8: " KNOWN
	    "upstream.u its base for this environment\n"
	    "env/dev.toml:6:10: " KNOWN
	    "oauth.c its domain for this environment\n"
	    "env/dev.toml:7:23: " KNOWN
	    "oauth.c.logout its endpoint for this environment\n"
	    "env/dev.toml:8:24: " KNOWN
	    "oauth.c its redirect_allow for this environment\n"
	    "env/dev.toml:10:12: " KNOWN "oauth.c.variant.sandbox its base_uri "
	    "for this environment\n"
	    "env/dev.toml:12:9: " KNOWN
	    "web_server its check for this environment\n");
	is("oauth.c.logout.endpoint", "https://one.invalid/logout");
	is("oauth.c.variant.sandbox.base_uri",
	    "https://one.invalidhttps://one.invalid");
}

static void before_they_run_a_declared_one_is_no_matter(void **state)
{
	(void)state;
	read_toml("[serve.run.one]\n"
		  "command = ['true']\n"
		  "[oauth.c]\n"
		  "domain = '{run.one.url}'\n");
	assert_int_equal(run_references_check(&a, root, true, &diag), ERR_OK);
	said("");
	is("oauth.c.domain", "https://one.invalid");
}

static void what_is_misspelt_is_told(void **state)
{
	static const struct {
		const char *text, *told;
	} rows[] = {
	    {"{run.one}", "{run.one}"},
	    {"{run.one.port}/x", "{run.one.port}"},
	    {"{run.url}", "{run.url}"},
	    {"{run..url}", "{run..url}"},
	    {"https://{run.one.url", "{run.one.url"},
	    {"{run.", "{run."},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		char toml[100], want[200];
		snprintf(toml, sizeof(toml), "[oauth.c]\ndomain = '%s'\n",
		    rows[i].text);
		read_toml(toml);
		assert_int_equal(fill(), ERR_OK);
		is("oauth.c.domain", rows[i].text);
		assert_int_equal(
		    run_references_check(&a, root, true, &diag), ERR_INPUT);
		snprintf(want, sizeof(want),
		    "env/dev.toml:2:10: run-reference: `%s` is no address of a "
		    "helper; it is written {run.NAME.url}\n",
		    rows[i].told);
		said(want);
	}
}

static void what_is_none_stays(void **state)
{
	(void)state;
	read_toml("upstream = 7\n"
		  "[oauth.c]\n"
		  "domain = 'https://a.example/{x}?{run'\n"
		  "max_age = 0\n");
	assert_int_equal(fill(), ERR_OK);
	is("oauth.c.domain", "https://a.example/{x}?{run");
	read_toml("upstream = { a = 'x', b = { base = 3 } }\noauth = 'x'\n"
		  "web_server = 3\n");
	assert_int_equal(fill(), ERR_OK);
	assert_int_equal(run_references_check(&a, root, false, &diag), ERR_OK);
	read_toml("");
	assert_int_equal(fill(), ERR_OK);
	assert_int_equal(run_references_check(&a, root, false, &diag), ERR_OK);
	said("");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(fills_what_may_be_filled),
	    cmocka_unit_test(what_was_declared_later_does_not_run),
	    cmocka_unit_test(outside_of_serve_each_is_refused),
	    cmocka_unit_test(before_they_run_a_declared_one_is_no_matter),
	    cmocka_unit_test(what_is_misspelt_is_told),
	    cmocka_unit_test(what_is_none_stays),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	int failed =
	    cmocka_run_group_tests_name("run-reference", tests, NULL, NULL);
	arena_release(&a);
	return failed;
}
