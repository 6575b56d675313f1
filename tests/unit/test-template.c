#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cgi/secrets.h"
#include "cgi/template.h"
#include "lib/json.h"

/* One row per promise; want NULL = an error, err says which. */
static const struct row {
	enum template_place where;
	const char *text, *want;
	enum err err;
	const char *place;
} rows[] = {
    {TEMPLATE_PATH, "/plain", "/plain", ERR_OK, ""},
    {TEMPLATE_PATH, "/o/{body.vrn}/r", "/o/193%2F%3F%23/r", ERR_OK, ""},
    {TEMPLATE_PATH, "/b/{path.id}", "/b/a%2Fb%20c", ERR_OK, ""},
    {TEMPLATE_PATH, "/b/{job.id}", "/b/job_x", ERR_OK, ""},
    {TEMPLATE_PATH, "/r?k={query.periodKey}&u={query.x}",
	"/r?k=18A1&u=%C3%A4%20b", ERR_OK, ""},
    {TEMPLATE_PATH, "/r?k={query.empty}", "/r?k=", ERR_OK, ""},
    {TEMPLATE_PATH, "/n/{body.amount}", "/n/1.10", ERR_OK, ""},
    {TEMPLATE_PATH, "/n/{body.deep.flag}", "/n/true", ERR_OK, ""},
    {TEMPLATE_PATH, "/n/x{body.dots}", "/n/x..", ERR_OK, ""},
    {TEMPLATE_PATH, "/n/{body.dots}", NULL, ERR_INPUT, "body.dots"},
    {TEMPLATE_PATH, "/n/{body.dots}/x", NULL, ERR_INPUT, "body.dots"},
    {TEMPLATE_PATH, "/n/{query.empty}", NULL, ERR_INPUT, "query.empty"},
    {TEMPLATE_PATH, "/n/{body.none}?x", NULL, ERR_NOT_FOUND, "body.none"},
    {TEMPLATE_PATH, "/n/{query.none}", NULL, ERR_NOT_FOUND, "query.none"},
    {TEMPLATE_PATH, "/n/{path.none}", NULL, ERR_NOT_FOUND, "path.none"},
    {TEMPLATE_PATH, "/n/{body.deep}", NULL, ERR_INPUT, "body.deep"},
    {TEMPLATE_PATH, "/n/{body.nil}", NULL, ERR_INPUT, "body.nil"},
    {TEMPLATE_PATH, "/n/{secret.x}", NULL, ERR_NOT_FOUND, "secret.x"},
    {TEMPLATE_PATH, "/n/{result.id}", "/n/b-1", ERR_OK, ""},
    {TEMPLATE_HEADER, "Bearer {header.HMRC-access-token}", "Bearer t0ken",
	ERR_OK, ""},
    {TEMPLATE_PATH, "/n/{header.x-latin}", NULL, ERR_INPUT, "header.x-latin"},
    {TEMPLATE_HEADER, "{cgi.REMOTE_ADDR}", "192.0.2.7", ERR_OK, ""},
    {TEMPLATE_HEADER, "{cgi.PATH}", NULL, ERR_NOT_FOUND, "cgi.PATH"},
    {TEMPLATE_HEADER, "{header.none}", NULL, ERR_NOT_FOUND, "header.none"},
    {TEMPLATE_HEADER, "{header.x-evil}", NULL, ERR_INPUT, "header.x-evil"},
    {TEMPLATE_HEADER, "{body.lines}", NULL, ERR_INPUT, "body.lines"},
    {TEMPLATE_BODY, "{\"v\":\"{body.lines}\"}", "{\"v\":\"a\\nb\\\"c\"}",
	ERR_OK, ""},
    {TEMPLATE_BODY, "{\"v\":{body.lines}}", "{\"v\":\"a\\nb\\\"c\"}", ERR_OK,
	""},
    {TEMPLATE_BODY, "{\"v\":{body.amount},\"d\":{body.deep}}",
	"{\"v\":1.10,\"d\":{\"flag\":true}}", ERR_OK, ""},
    {TEMPLATE_BODY, "[\"#{body.amount}\", {path.id}]", "[\"#1.10\", \"a/b c\"]",
	ERR_OK, ""},
    {TEMPLATE_BODY, "{\"\\\"{body.amount}\\\\\":{body.amount}}",
	"{\"\\\"1.10\\\\\":1.10}", ERR_OK, ""},
    {TEMPLATE_BODY, "\"{body.deep}\"", NULL, ERR_INPUT, "body.deep"},
    {TEMPLATE_HEADER, "at {job.acceptedAt}", "at 2026-11-21T08:30:00.250Z",
	ERR_OK, ""},
    {TEMPLATE_HEADER, "{job.claimedAt}", NULL, ERR_NOT_FOUND, "job.claimedAt"},
    /* of reads: what calls brought, and identifiers, commas and all */
    {TEMPLATE_PATH, "/c/{id.crn}", "/c/X%2F1", ERR_OK, ""},
    {TEMPLATE_PATH, "/c?ids={id.all}", "/c?ids=1%2C2", ERR_OK, ""},
    {TEMPLATE_HEADER, "{id.all}", "1,2", ERR_OK, ""},
    {TEMPLATE_PATH, "/c/{id.none}", NULL, ERR_NOT_FOUND, "id.none"},
    {TEMPLATE_PATH, "/c?a={id.none?}&b={id.crn?}", "/c?b=X%2F1", ERR_OK, ""},
    {TEMPLATE_PATH, "/c/{call.s.riskId}", "/c/1.10", ERR_OK, ""},
    {TEMPLATE_PATH, "/c/{call.s.deep.flag}", "/c/true", ERR_OK, ""},
    {TEMPLATE_HEADER, "{call.plain}", "a b", ERR_OK, ""},
    {TEMPLATE_PATH, "/c/{call.s.deep}", NULL, ERR_INPUT, "call.s.deep"},
    {TEMPLATE_PATH, "/c/{call.s.list}", NULL, ERR_INPUT, "call.s.list"},
    {TEMPLATE_PATH, "/c/{call.s.nil}", NULL, ERR_INPUT, "call.s.nil"},
    {TEMPLATE_PATH, "/c?a={call.s.nil?}&b=1", "/c?b=1", ERR_OK, ""},
    {TEMPLATE_PATH, "/c/{call.s.dots}", NULL, ERR_INPUT, "call.s.dots"},
    {TEMPLATE_PATH, "/c/{call.s.none}", NULL, ERR_NOT_FOUND, "call.s.none"},
    {TEMPLATE_PATH, "/c/{call.none.x}", NULL, ERR_NOT_FOUND, "call.none.x"},
    {TEMPLATE_HEADER, "{call.s.lines}", NULL, ERR_INPUT, "call.s.lines"},
    {TEMPLATE_HEADER, "{call.s.none?}", NULL, ERR_NOT_FOUND, "call.s.none?"},
    {TEMPLATE_PATH, "/c/{call} {call.} {id}", "/c/{call} {call.} {id}", ERR_OK,
	""},
    /* secrets: anywhere but in a path */
    {TEMPLATE_HEADER, "Basic {secret.plain}", "Basic p&s=w +%", ERR_OK, ""},
    {TEMPLATE_FORM, "{secret.plain}", "p%26s%3Dw+%2B%25", ERR_OK, ""},
    {TEMPLATE_BODY, "{\"s\":{secret.plain},\"t\":\"{secret.quote}\"}",
	"{\"s\":\"p&s=w +%\",\"t\":\"a\\\"b\"}", ERR_OK, ""},
    {TEMPLATE_PATH, "/n?k={secret.plain}", "/n?k=p%26s%3Dw%20%2B%25", ERR_OK,
	""},
    {TEMPLATE_PATH, "/n/{secret.plain}", NULL, ERR_INPUT, "secret.plain"},
    {TEMPLATE_PATH, "/n/x{secret.plain}?a", NULL, ERR_INPUT, "secret.plain"},
    {TEMPLATE_HEADER, "{secret.lines}", NULL, ERR_INPUT, "secret.lines"},
    {TEMPLATE_HEADER, "{secret.away}", NULL, ERR_MISSING, "secret.away"},
    {TEMPLATE_FORM, "{secret.away}", NULL, ERR_MISSING, "secret.away"},
    {TEMPLATE_HEADER, "{secret.none}", NULL, ERR_NOT_FOUND, "secret.none"},
    /* forms: the URL standard's own set, and everything else encoded */
    {TEMPLATE_FORM, "authorization_code", "authorization_code", ERR_OK, ""},
    {TEMPLATE_FORM, "a b*c-d.e_f~g", "a+b*c-d.e_f%7Eg", ERR_OK, ""},
    {TEMPLATE_FORM, "{body.vrn}&x={body.amount}", "193%2F%3F%23%26x%3D1.10",
	ERR_OK, ""},
    {TEMPLATE_FORM, "{query.x}", "%C3%A4+b", ERR_OK, ""},
    {TEMPLATE_FORM, "{body.lines}", "a%0Ab%22c", ERR_OK, ""},
    {TEMPLATE_FORM, "{body.deep.flag}", "true", ERR_OK, ""},
    {TEMPLATE_FORM, "{query.empty}", "", ERR_OK, ""},
    {TEMPLATE_FORM, "", "", ERR_OK, ""},
    {TEMPLATE_FORM, "{header.x-latin}", NULL, ERR_INPUT, "header.x-latin"},
    {TEMPLATE_FORM, "{body.deep}", NULL, ERR_INPUT, "body.deep"},
    {TEMPLATE_FORM, "{body.nil}", NULL, ERR_INPUT, "body.nil"},
    {TEMPLATE_FORM, "{body.none}", NULL, ERR_NOT_FOUND, "body.none"},
    /* what is optional: a member of a form and a header go as a whole */
    {TEMPLATE_FORM, "a {body.none?} b", NULL, ERR_NOT_FOUND, "body.none?"},
    {TEMPLATE_FORM, "{body.nil?}", NULL, ERR_NOT_FOUND, "body.nil?"},
    {TEMPLATE_FORM, "{body.amount?}", "1.10", ERR_OK, ""},
    {TEMPLATE_FORM, "{query.empty?}", "", ERR_OK, ""},
    {TEMPLATE_FORM, "{body.deep?}", NULL, ERR_INPUT, "body.deep?"},
    {TEMPLATE_HEADER, "{body.none?}", NULL, ERR_NOT_FOUND, "body.none?"},
    {TEMPLATE_HEADER, "{header.none?}", NULL, ERR_NOT_FOUND, "header.none?"},
    {TEMPLATE_HEADER, "{header.hmrc-access-token?}", "t0ken", ERR_OK, ""},
    /* ... as a parameter of a query does, wherever it stands */
    {TEMPLATE_PATH, "/q?a={query.a?}&b=1", "/q?b=1", ERR_OK, ""},
    {TEMPLATE_PATH, "/q?b=1&a={query.a?}", "/q?b=1", ERR_OK, ""},
    {TEMPLATE_PATH, "/q?b=1&a=x{query.a?}y&c=2", "/q?b=1&c=2", ERR_OK, ""},
    {TEMPLATE_PATH, "/q?a={query.a?}", "/q", ERR_OK, ""},
    {TEMPLATE_PATH, "/q?a={query.a?}&b={body.nil?}", "/q", ERR_OK, ""},
    {TEMPLATE_PATH, "/q?a={query.a?}{body.none}&b=1", "/q?b=1", ERR_OK, ""},
    {TEMPLATE_PATH, "/q?p={query.periodKey?}&a={query.a?}&e={query.empty?}",
	"/q?p=18A1&e=", ERR_OK, ""},
    {TEMPLATE_PATH, "/q?a={body.deep?}", NULL, ERR_INPUT, "body.deep?"},
    {TEMPLATE_PATH, "/q?a={query.a?}&b={query.a}", NULL, ERR_NOT_FOUND,
	"query.a"},
    {TEMPLATE_PATH, "/q?a=1&", "/q?a=1&", ERR_OK, ""},
    {TEMPLATE_PATH, "/q?", "/q?", ERR_OK, ""},
    /* but a path is no place to leave anything out of */
    {TEMPLATE_PATH, "/q/{query.a?}", NULL, ERR_NOT_FOUND, "query.a?"},
    {TEMPLATE_PATH, "/q&{query.a?}&x", NULL, ERR_NOT_FOUND, "query.a?"},
    /* ... and as a member of a JSON body does */
    {TEMPLATE_BODY, "{\"a\":{body.none?},\"b\":1}", "{\"b\":1}", ERR_OK, ""},
    {TEMPLATE_BODY, "{\"b\":1, \"a\": {body.none?} }", "{\"b\":1}", ERR_OK, ""},
    {TEMPLATE_BODY, "{\"a\":\"x,{body.none?}}y\",\"b\":1}", "{\"b\":1}", ERR_OK,
	""},
    {TEMPLATE_BODY, "{\"a\":\"\\\"{body.none?}\\\"\",\"b\":1}", "{\"b\":1}",
	ERR_OK, ""},
    {TEMPLATE_BODY, "{\"a\":{\"c\":{body.none?}},\"b\":1}",
	"{\"a\":{},\"b\":1}", ERR_OK, ""},
    {TEMPLATE_BODY, "[{body.none?},{body.nil?},{body.amount?},{body.none?}]",
	"[1.10]", ERR_OK, ""},
    {TEMPLATE_BODY, "{\"a\":{body.nil},\"b\":{body.nil?}}", "{\"a\":null}",
	ERR_OK, ""},
    {TEMPLATE_BODY, "{body.none?}", "", ERR_OK, ""},
    {TEMPLATE_BODY, "{body.x??} {body.?} {?} {body?.x}",
	"{body.x??} {body.?} {?} {body?.x}", ERR_OK, ""},
    {TEMPLATE_BODY, "{nothing.x} {body} {body.} {.x} {body.x y} {",
	"{nothing.x} {body} {body.} {.x} {body.x y} {", ERR_OK, ""},
};

static const char client[] =
    "{\"vrn\":\"193/?#\",\"amount\":1.10,\"dots\":\"..\",\"nil\":null,"
    "\"lines\":\"a\\nb\\\"c\",\"deep\":{\"flag\":true}}";

static const char calls[] =
    "{\"s\":{\"riskId\":1.10,\"deep\":{\"flag\":true},\"list\":[1],\"nil\":"
    "null,"
    "\"dots\":\"..\",\"lines\":\"a\\nb\"},\"plain\":\"a b\"}";
static struct pair id_rows[] = {
    {STR_INIT("crn"), STR_INIT("X/1")},
    {STR_INIT("all"), STR_INIT("1,2")},
};

static struct secret secret_rows[] = {
    {.name = STR_INIT("plain"), .env = STR_INIT("LOWTIDE_TEST_PLAIN")},
    {.name = STR_INIT("quote"), .env = STR_INIT("LOWTIDE_TEST_QUOTE")},
    {.name = STR_INIT("lines"), .env = STR_INIT("LOWTIDE_TEST_LINES")},
    {.name = STR_INIT("away"), .env = STR_INIT("LOWTIDE_TEST_AWAY")},
};
static const struct config config = {.secrets = secret_rows, .n_secrets = 4};

static struct secrets *some_secrets(void)
{
	setenv("LOWTIDE_TEST_PLAIN", "p&s=w +%", 1);
	setenv("LOWTIDE_TEST_QUOTE", "a\"b", 1);
	setenv("LOWTIDE_TEST_LINES", "a\r\nb", 1);
	unsetenv("LOWTIDE_TEST_AWAY");
	return secrets_new(&config);
}

static void every_row(void **state)
{
	struct secrets *secrets = some_secrets();
	struct arena a = {0};
	const struct pairs ids = {id_rows, 2};
	struct value *body, *result, *tree;
	struct pair headers[] = {
	    {STR("hmrc-access-token"), STR("t0ken")},
	    {STR("x-evil"), STR("a\r\nHost: b")},
	    {STR("x-latin"), STR("caf\xe9")}, /* not UTF-8 */
	};
	const struct envelope_request request = {
	    .method = STR("GET"),
	    .path = STR("/api/v1/bundle/a%2Fb%20c"),
	    .query = STR("periodKey=18A1&empty=&x=%C3%A4+b"),
	    .remote_addr = STR("192.0.2.7"),
	    .headers = {headers, 3},
	};

	(void)state;
	assert_int_equal(
	    json_read(&a, str_of(client), 4096, NULL, NULL, &body), ERR_OK);
	assert_int_equal(
	    json_read(&a, str_of(calls), 4096, NULL, NULL, &tree), ERR_OK);
	assert_int_equal(
	    json_read(&a, STR("{\"id\":\"b-1\"}"), 4096, NULL, NULL, &result),
	    ERR_OK);
	struct template_source source = {.pattern = STR("/api/v1/bundle/{id}"),
	    .request = &request,
	    .body = body,
	    .result = result,
	    .ids = &ids,
	    .calls = tree,
	    .job_id = STR("job_x"),
	    .accepted_ms = 1795249800250,
	    .secrets = secrets};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *r = &rows[i];
		struct str out = {0}, place;
		enum err err = template_fill(
		    &a, &source, r->where, str_of(r->text), &out, &place);

		print_message("# %s\n", r->text);
		assert_int_equal(err, r->err);
		assert_string_equal(arena_cstr(&a, place), r->place);
		if (r->want)
			assert_string_equal(arena_cstr(&a, out), r->want);
	}
	arena_release(&a);
	secrets_free(secrets);
}

/* Whoever accepts has no secret, and looks for what the client left out. */
static void rehearsed(void **state)
{
	struct template_source source = {
	    .pattern = STR("/x/{id}"), .rehearsal = true};
	struct arena a = {0};
	struct str out, place;

	(void)state;
	assert_int_equal(
	    template_fill(&a, &source, TEMPLATE_BODY,
		STR("[{secret.x},{job.acceptedAt}]"), &out, &place),
	    ERR_OK);
	assert_true(str_is(out, "[\"x\",\"1970-01-01T00:00:00.000Z\"]"));
	assert_int_equal(template_fill(&a, &source, TEMPLATE_FORM,
			     STR("{secret.x}{body.y}"), &out, &place),
	    ERR_NOT_FOUND);
	assert_true(str_is(place, "body.y"));
	arena_release(&a);
}

/* A read's: segments as they were decoded, and what others will bring. */
static void awaited(void **state)
{
	struct pair segment = {STR("crns"), STR("1,2")};
	const struct pairs params = {&segment, 1};
	struct template_source source = {
	    .pattern = STR("/x/{id}"), .params = &params, .awaited = true};
	const struct envelope_request request = {.path = STR("/x/7")};
	struct arena a = {0};
	struct str out, place;

	(void)state;
	source.request = &request;
	assert_int_equal(
	    template_fill(&a, &source, TEMPLATE_PATH,
		STR("/{path.crns}/{id.x}?{call.a.b}"), &out, &place),
	    ERR_OK);
	assert_true(str_is(out, "/1%2C2/x?x"));
	assert_int_equal(template_fill(&a, &source, TEMPLATE_PATH,
			     STR("/{id.x}/{path.id}"), &out, &place),
	    ERR_NOT_FOUND);
	assert_true(str_is(place, "path.id"));
	source.awaited = false;
	assert_int_equal(template_fill(&a, &source, TEMPLATE_PATH,
			     STR("/{call.a.b}"), &out, &place),
	    ERR_NOT_FOUND);
	arena_release(&a);
}

static void one_by_one(void **state)
{
	const struct str text =
	    STR("{x.y}{call.a.b-c?} {{id.crn}}{id}{query.}{path.x}{");
	static const struct template_name want[] = {
	    {STR_INIT("call"), STR_INIT("a.b-c"), true},
	    {STR_INIT("id"), STR_INIT("crn"), false},
	    {STR_INIT("path"), STR_INIT("x"), false},
	};
	struct template_name got;
	size_t at = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(want) / sizeof(*want); i++) {
		assert_true(template_next(text, &at, &got));
		assert_true(str_eq(got.root, want[i].root));
		assert_true(str_eq(got.name, want[i].name));
		assert_int_equal(got.optional, want[i].optional);
	}
	assert_false(template_next(text, &at, &got));
	assert_false(template_next(text, &at, &got));
}

static void without_anything(void **state)
{
	static const char *const texts[] = {"{body.x}", "{path.id}",
	    "{query.x}", "{header.x}", "{job.id}", "{job.acceptedAt}",
	    "{cgi.REMOTE_ADDR}", "{result.x}", "{secret.x}", "{id.x}",
	    "{call.x.y}"};
	struct template_source source = {.pattern = STR("/x/{id}")};
	struct arena a = {0};
	struct str out, place;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		assert_int_equal(template_fill(&a, &source, TEMPLATE_PATH,
				     str_of(texts[i]), &out, &place),
		    ERR_NOT_FOUND);
	arena_release(&a);
}

static void what_it_uses(void **state)
{
	(void)state;
	assert_true(template_uses(STR("/a/{body.x}"), "body"));
	assert_false(template_uses(STR("/a/{body}"), "body"));
	assert_false(template_uses(STR("/a/{path.body}"), "body"));
	assert_true(
	    template_names_header(STR("B {header.X-Tok}"), STR("x-tok")));
	assert_false(
	    template_names_header(STR("B {header.x-tok}"), STR("x-to")));
	assert_true(template_uses(STR("/a?b={body.x?}"), "body"));
	assert_false(template_uses(STR("/a?b={body.x?}"), "bod"));
	assert_true(
	    template_names_header(STR("B {header.X-Tok?}"), STR("x-tok")));
	assert_false(
	    template_names_header(STR("B {header.x-tok?}"), STR("x-tok?")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_row),
	    cmocka_unit_test(rehearsed),
	    cmocka_unit_test(awaited),
	    cmocka_unit_test(one_by_one),
	    cmocka_unit_test(without_anything),
	    cmocka_unit_test(what_it_uses),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("template", tests, NULL, NULL);
}
