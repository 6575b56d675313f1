/*
 * covers generator/openapi*.c.
 * Whether the document tells the truth is held by tests/web/openapi.t.
 */
#include "tests/unit/site-kit.h"

#include "lib/json.h"

#define SITE "name = 'shop'\nbase_url = 'https://www.shop.example/x/'\n"
#define UP                                                                     \
	"auth = 'none'\n[upstream.u]\nbase = 'https://u.example'\n"            \
	"[api.order]\nupstream = 'u'\non_lost = 'fail'\n"

static struct kit k;

static int open_kit(void **state)
{
	(void)state;
	kit_open(&k);
	return 0;
}

static int close_kit(void **state)
{
	(void)state;
	kit_close(&k);
	return 0;
}

static enum err produce(const char *site, const char *api)
{
	kit_file(&k, "site.toml", arena_printf(&k.arena, SITE "%s", site).p);
	if (api)
		kit_file(&k, "api.toml", api);
	if (kit_load(&k, NULL) != ERR_OK)
		fail_msg("%s", kit_said(&k));
	kit_build(&k);
	enum err err = produce_api(&k.build);
	return err == ERR_OK ? produce_openapi(&k.build) : err;
}

static struct value *read_back(const char *path)
{
	struct value *out;

	if (json_read(&k.arena, str_of(kit_output(&k, OUT_WWW, path)), 1 << 20,
		path, &k.diag, &out) != ERR_OK)
		fail_msg("%s", kit_said(&k));
	return out;
}

/* Whatever was warned of. */
static struct value *described(const char *site, const char *api)
{
	if (produce(site, api) != ERR_OK)
		fail_msg("%s", kit_said(&k));
	return read_back("openapi.json");
}

static struct value *document(const char *site, const char *api)
{
	struct value *out = described(site, api);

	assert_string_equal(kit_said(&k), "");
	return out;
}

/* "paths|/api/order|post": keys hold dots and slashes. */
static struct value *at(struct value *v, const char *path)
{
	struct str rest = str_of(path);

	while (rest.n) {
		size_t bar = str_find(rest, '|', 0);
		struct str key = str_slice(rest, 0, bar);
		struct value *next = NULL;
		if (v && v->kind == VALUE_ARRAY)
			next = v->as.array.items[atoi(key.p)];
		else if (v)
			next = value_get(v, arena_cstr(&k.arena, key));
		if (!next)
			fail_msg("%s: there is no %.*s", path, STR_ARG(key));
		v = next;
		rest = str_slice(rest, bar + 1, rest.n);
	}
	return v;
}

static const char *text(struct value *v, const char *path)
{
	return arena_cstr(&k.arena, at(v, path)->text);
}

static const char *as_json(struct value *v)
{
	struct buf out = {0};
	struct json_writer w = {.out = &out};

	json_value(&w, v);
	const char *s = arena_cstr(&k.arena, buf_str(&out));
	buf_release(&out);
	return s;
}

/* The parameter of an operation, or NULL. */
static struct value *parameter(
    struct value *operation, const char *in, const char *name)
{
	struct value *all = at(operation, "parameters");

	for (size_t i = 0; i < all->as.array.n; i++)
		if (str_is(value_text(all->as.array.items[i], "in"), in) &&
		    str_is(value_text(all->as.array.items[i], "name"), name))
			return all->as.array.items[i];
	return NULL;
}

/* ---- whether it is written ---------------------------------------------- */

static void not_asked_for(void **state)
{
	(void)state;
	assert_int_equal(produce("", UP), ERR_OK);
	assert_null(out_find(&k.build.out, OUT_WWW, STR("openapi.json")));
}

static void switched_off(void **state)
{
	(void)state;
	assert_int_equal(produce("[openapi]\nenabled = false\n", UP), ERR_OK);
	assert_null(out_find(&k.build.out, OUT_WWW, STR("openapi.json")));
}

static void without_api(void **state)
{
	(void)state;
	assert_int_equal(produce("[openapi]\n", NULL), ERR_OK);
	assert_int_equal(k.build.out.n, 0);
	assert_string_equal(kit_said(&k),
	    "site.toml:3:1: warning: openapi-without-api: there is no API to "
	    "describe; write one in api.toml or leave [openapi] out\n");
}

static void elsewhere(void **state)
{
	(void)state;
	assert_int_equal(
	    produce("[openapi]\npath = 'docs/v1.json'\n", UP), ERR_OK);
	const struct out_file *f =
	    out_find(&k.build.out, OUT_WWW, STR("docs/v1.json"));
	assert_non_null(f);
	assert_int_equal(f->class, OUT_POINTER);
	assert_false(f->from_env);
	assert_true(str_is(
	    build_published(&k.build, STR("/openapi.json")), "/docs/v1.json"));
}

static void bad_paths(void **state)
{
	static const char *const paths[] = {"", "/openapi.json", "../o.json",
	    "a//o.json", "a/.hidden.json", "o.yaml", "o.json/", "a?.json"};

	(void)state;
	for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++) {
		kit_close(&k);
		kit_open(&k);
		const char *site =
		    arena_printf(&k.arena, "[openapi]\npath = '%s'\n", paths[i])
			.p;
		kit_file(
		    &k, "site.toml", arena_printf(&k.arena, SITE "%s", site).p);
		kit_file(&k, "api.toml", UP);
		if (kit_load(&k, NULL) != ERR_OK)
			continue; /* an empty one is a placeholder */
		assert_int_equal(produce_api(kit_build(&k)), ERR_OK);
		assert_int_equal(produce_openapi(&k.build), ERR_INPUT);
		kit_says(&k, "site.toml:4:8: bad-path: ");
	}
}

/* nginx sends what is there to the endpoint, which has no files. */
static void below_the_apis(void **state)
{
	(void)state;
	assert_int_equal(
	    produce("[openapi]\npath = 'api/openapi.json'\n", UP), ERR_INPUT);
	kit_says(&k, "site.toml:4:8: path-reserved: ");
}

static void from_environment(void **state)
{
	(void)state;
	setenv("SHOP_URL", "https://test.shop.example", 1);
	kit_file(&k, "env/base.toml", "base_url = {env = 'SHOP_URL'}\n");
	assert_int_equal(produce("[openapi]\n", UP), ERR_OK);
	assert_true(
	    out_find(&k.build.out, OUT_WWW, STR("openapi.json"))->from_env);
	assert_string_equal(text(read_back("openapi.json"), "servers|0|url"),
	    "https://test.shop.example");
}

/* ---- what is in it ------------------------------------------------------- */

static void about_itself(void **state)
{
	(void)state;
	struct value *d = document("[openapi]\n", UP);
	assert_string_equal(text(d, "openapi"), "3.1.0");
	assert_string_equal(text(d, "info|title"), "shop");
	assert_string_equal(text(d, "info|version"), "1.0.0");
	assert_string_equal(
	    text(d, "servers|0|url"), "https://www.shop.example");
	assert_string_equal(text(d, "tags|0|name"), "jobs");
	assert_string_equal(as_json(at(d, "security")), "[]");
}

static void as_it_is_said(void **state)
{
	(void)state;
	struct value *d = document(
	    "[openapi]\ntitle = 'The \"shop\"'\nversion = '2.1'\n"
	    "description = 'Orders.'\nservers = ['https://a.example/', '/b']\n",
	    UP "summary = 'Order'\ndescription = 'Sends it.'\n"
	       "tags = ['orders', 'jobs']\n");
	assert_string_equal(text(d, "info|title"), "The \"shop\"");
	assert_string_equal(text(d, "info|version"), "2.1");
	assert_string_equal(text(d, "info|description"), "Orders.");
	assert_string_equal(as_json(at(d, "servers")),
	    "[{\"url\":\"https://a.example\"},{\"url\":\"/b\"}]");
	assert_string_equal(as_json(at(d, "tags")),
	    "[{\"name\":\"orders\"},{\"name\":\"jobs\"}]");
	struct value *op = at(d, "paths|/api/order|post");
	assert_string_equal(text(op, "operationId"), "order");
	assert_string_equal(text(op, "summary"), "Order");
	assert_string_equal(as_json(at(op, "tags")), "[\"orders\",\"jobs\"]");
	assert_string_equal(text(op, "description"),
	    "Sends it.\n\nAnswered with 202 at once, unless the request says "
	    "how long to wait. It ends within 15 minutes, and what it gave is "
	    "kept for 1 day.");
}

static void bad_server(void **state)
{
	(void)state;
	assert_int_equal(
	    produce("[openapi]\nservers = ['/a', 'shop.example']\n", UP),
	    ERR_INPUT);
	kit_says(&k, "site.toml:4:18: bad-value: ");
	assert_null(out_find(&k.build.out, OUT_WWW, STR("openapi.json")));
}

/* Where the APIs are elsewhere, problems are still pages of the site. */
static void api_elsewhere(void **state)
{
	(void)state;
	struct value *d = document(
	    "api_url = 'https://api.shop.example/v2/'\n[openapi]\n", UP);
	assert_string_equal(
	    text(d, "servers|0|url"), "https://api.shop.example/v2");
	assert_string_equal(
	    text(d,
		"components|schemas|ProblemJobNotFound|properties|type|const"),
	    "https://www.shop.example/x/problems/job-not-found");
}

static void problems_are_those_of_the_table(void **state)
{
	(void)state;
	struct value *d = document("[openapi]\n", UP);
	struct value *p = at(d, "components|schemas|ProblemPayloadTooLarge");
	assert_string_equal(
	    text(p, "properties|type|const"), "/problems/payload-too-large");
	assert_int_equal(at(p, "properties|status|const")->as.i, 413);
	/* nothing answers with this one */
	assert_null(
	    value_get(at(d, "components|schemas"), "ProblemResultConsumed"));
}

/* Every $ref and every link leads somewhere, and nothing is left over. */
static void walk(struct value *d, struct value *v, struct value *seen)
{
	if (v->kind == VALUE_ARRAY)
		for (size_t i = 0; i < v->as.array.n; i++)
			walk(d, v->as.array.items[i], seen);
	for (size_t i = 0; v->kind == VALUE_TABLE && i < v->as.table.n; i++) {
		struct member *m = &v->as.table.members[i];
		walk(d, m->value, seen);
		if (!str_is(m->key, "$ref"))
			continue;
		assert_true(str_starts(m->value->text, "#/components/"));
		char *path = arena_cstr(
		    &k.arena, str_slice(m->value->text, 2, m->value->text.n));
		for (char *c = path; *c; c++)
			*c = *c == '/' ? '|' : *c;
		at(d, path);
		value_set(&k.arena, seen, m->value->text, POS_NONE, m->value);
	}
}

static void all_named(struct value *d)
{
	struct value *seen;

	seen = value_new(&k.arena, VALUE_TABLE, POS_NONE);
	walk(d, d, seen);
	struct value *components = at(d, "components");
	for (size_t i = 0; i < components->as.table.n; i++) {
		struct member *kind = &components->as.table.members[i];
		if (str_is(kind->key, "securitySchemes"))
			continue; /* named without a path: 3.1, 4.8.30 */
		for (size_t j = 0; j < kind->value->as.table.n; j++) {
			struct str ref = arena_printf(&k.arena,
			    "#/components/%.*s/%.*s", STR_ARG(kind->key),
			    STR_ARG(kind->value->as.table.members[j].key));
			if (!value_member(seen, ref))
				fail_msg("nothing names %s", ref.p);
		}
	}
}

#define LOGIN                                                                  \
	"[openapi]\n[oauth.login]\nclient_id = 'c'\n"                          \
	"redirect_path = '/in.html'\nissuer = 'https://login.example/'\n"      \
	"authorization_endpoint = 'https://login.example/in'\n"                \
	"jwks_uri = 'https://login.example/keys'\naudience = 'a'\n"            \
	"[oauth.login.variant.test]\nscopes = ['openid', 'x']\n"
#define OWNED                                                                  \
	"auth = 'login'\n[web_server]\nauth = 'basic'\n"                       \
	"[upstream.u]\nbase = 'https://u.example'\n"                           \
	"[api.order]\nupstream = 'u'\non_lost = 'fail'\n"                      \
	"scopes = ['orders', 'write']\nonce = true\nowner_open = 2\n"          \
	"[api.note]\nupstream = 'u'\non_lost = 'fail'\n"                       \
	"auth = 'web-server'\n"                                                \
	"[api.test]\nupstream = 'u'\non_lost = 'fail'\n"                       \
	"auth = 'login:test'\n"

static void references(void **state)
{
	(void)state;
	all_named(document("[openapi]\n", UP));
}

static void references_of_owners(void **state)
{
	(void)state;
	all_named(document(LOGIN, OWNED));
}

/* ---- who may ask --------------------------------------------------------- */

static void who_may_ask(void **state)
{
	(void)state;
	struct value *d = document(LOGIN, OWNED);
	struct value *schemes = at(d, "components|securitySchemes");
	assert_int_equal(schemes->as.table.n, 3);
	assert_string_equal(text(schemes, "login|type"), "openIdConnect");
	assert_string_equal(text(schemes, "login|openIdConnectUrl"),
	    "https://login.example/.well-known/openid-configuration");
	assert_string_equal(as_json(at(schemes, "web-server")),
	    "{\"type\":\"http\",\"scheme\":\"basic\"}");
	at(schemes, "login.test");
	assert_string_equal(as_json(at(d, "paths|/api/order|post|security")),
	    "[{\"login\":[\"orders\",\"write\"]}]");
	assert_string_equal(as_json(at(d, "paths|/api/test|post|security")),
	    "[{\"login.test\":[]}]");
	const char *any = "[{\"login\":[]},{\"login.test\":[]},"
			  "{\"web-server\":[]}]";
	assert_string_equal(
	    as_json(at(d, "paths|/api/jobs/{jobId}|get|security")), any);
	assert_string_equal(
	    as_json(at(d, "paths|/api/jobs|get|security")), any);
	assert_null(value_get(at(d, "paths|/api/jobs/health|get"), "security"));
}

/* Where anybody may call something, no login is one of the ways. */
static void with_and_without(void **state)
{
	(void)state;
	struct value *d = document(LOGIN,
	    OWNED "[api.all]\nupstream = 'u'\non_lost = 'fail'\n"
		  "auth = 'none'\n");
	assert_null(value_get(at(d, "paths|/api/all|post"), "security"));
	assert_string_equal(
	    as_json(at(d, "paths|/api/jobs/{jobId}|delete|security|0")), "{}");
	assert_string_equal(
	    as_json(at(d, "paths|/api/jobs/events|get|security|0")),
	    "{\"login\":[]}");
}

/* Nobody has a list of what is anybody's. */
static void without_owners(void **state)
{
	(void)state;
	struct value *d = document("[openapi]\n", UP);
	assert_null(value_get(at(d, "components"), "securitySchemes"));
	assert_null(value_get(at(d, "paths"), "/api/jobs"));
	assert_null(value_get(at(d, "paths"), "/api/jobs/events"));
	at(d, "paths|/api/jobs/{jobId}/events|get");
	assert_null(
	    value_get(at(d, "paths|/api/jobs/{jobId}|get|responses"), "401"));
}

/* Which refusals there are depends on what an API promises. */
static void answers_by_trait(void **state)
{
	static const struct {
		const char *keys, *has, *lacks;
	} rows[] = {
	    {"", "410|$ref=ExpiredOrRefused", "401"},
	    {"", "409|$ref=CancelledOrRefused", "403"},
	    {"", "503|$ref=Unavailable", "429"},
	    {"once = true\n", "410|$ref=ConsumedOrRefused", "422"},
	    {"owner_rate = '1/s'\n", "429|$ref=LimitedOrRefused", "422"},
	    {"owner_open = 1\n", "429|$ref=LimitedOrRefused", "401"},
	    {"resource_id = 'body.id'\n", "409|$ref=ConflictOrRefused", "422"},
	    {"request.forward = ['x']\n", "401|$ref=UnauthorizedOrRefused",
		"403"},
	    {"request.headers = { A = 'x {header.b}' }\n",
		"401|$ref=UnauthorizedOrRefused", "403"},
	    {"request.headers = { A = 'x' }\n", "410|$ref=ExpiredOrRefused",
		"401"},
	    {"body.secret = ['x']\n", "401|$ref=UnauthorizedOrRefused", "403"},
	    {"request.form = { a = '{header.b}' }\n",
		"401|$ref=UnauthorizedOrRefused", "403"},
	    {"request.json = { a = '{header.b}' }\n",
		"401|$ref=UnauthorizedOrRefused", "403"},
	    {"request.query = { a = '{header.b}' }\n",
		"401|$ref=UnauthorizedOrRefused", "403"},
	    {"auth = 'login'\n", "503|$ref=UnavailableOrKeys", "403"},
	    {"auth = 'login'\nscopes = ['a']\n", "403|$ref=ForbiddenOrRefused",
		"429"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		close_kit(NULL);
		open_kit(NULL);
		struct value *d = described(
		    LOGIN, arena_printf(&k.arena, UP "%s", rows[i].keys).p);
		struct value *all = at(d, "paths|/api/order|post|responses");
		const char *is = strchr(rows[i].has, '=') + 1;
		struct str path = {rows[i].has, (size_t)(is - rows[i].has) - 1};
		assert_string_equal(
		    strrchr(text(all, arena_cstr(&k.arena, path)), '/') + 1,
		    is);
		assert_null(value_get(all, rows[i].lacks));
	}
}

static void promises_in_words(void **state)
{
	(void)state;
	struct value *d = described("[openapi]\n",
	    UP "owner_rate = '20/m'\nowner_open = 5\nonce = true\n"
	       "resource_id = 'body.id'\nbody.secret = ['token']\n"
	       "events = { completed = 'order.made', failed = 'order.not' }\n");
	struct value *op = at(d, "paths|/api/order|post");
	assert_string_equal(text(op, "description"),
	    "Answered with 202 at once, unless the request says how long to "
	    "wait. It ends within 15 minutes, and what it gave is kept for 1 "
	    "day. Of one owner it takes 20 in 1 minute, and 5 at a time; more "
	    "is 429. While a request of the same owner with the same `id` has "
	    "not ended, another one is 409. Its result is delivered once; then "
	    "it is 410. Events of `view=command`: `order.made`, `order.not`.");
	struct value *body = at(op, "requestBody");
	assert_true(at(body, "content|application/json|schema|properties|"
			     "token|writeOnly")
			->as.b);
	assert_true(at(body, "required")->as.b);
	assert_string_equal(
	    as_json(at(body, "content|application/json|schema|required")),
	    "[\"id\"]");
	assert_string_equal(
	    as_json(at(body, "content|application/json|schema|properties|id")),
	    "{\"type\":[\"string\",\"integer\"],\"minLength\":1}");
}

/* ---- operations ---------------------------------------------------------- */

static void places_become_parameters(void **state)
{
	(void)state;
	struct value *d = document("[openapi]\n",
	    UP "path = '/o/{shop}/{id}'\n[api.order.request]\n"
	       "path = '/o/{path.id}?q={query.q}&k={header.x-key}'\n"
	       "forward = ['X-Client', 'x-more-*', 'Accept', 'prefer']\n"
	       "headers = { A = '{header.x-key}', B = '{header.x-b}', "
	       "C = '{query.c}', Authorization = '{header.authorization}' }\n");
	struct value *op = at(d, "paths|/api/o/{shop}/{id}|post");
	static const struct {
		const char *in, *name;
		bool required;
	} rows[] = {{"path", "shop", true}, {"path", "id", true},
	    {"query", "q", true}, {"header", "x-key", true},
	    {"query", "c", true}, {"header", "x-b", false},
	    {"header", "x-client", false}};
	size_t n = sizeof(rows) / sizeof(*rows);
	for (size_t i = 0; i < n; i++) {
		struct value *p = parameter(op, rows[i].in, rows[i].name);
		if (!p)
			fail_msg("there is no %s", rows[i].name);
		struct value *required = value_get(p, "required");
		assert_int_equal(required && required->as.b, rows[i].required);
	}
	/* and the six that all have, none of them twice */
	assert_int_equal(at(op, "parameters")->as.array.n, n + 6);
	assert_non_null(strstr(
	    text(op, "description"), " Headers that are passed on: x-more-*."));
}

static void bodies(void **state)
{
	(void)state;
	struct value *d = document("[openapi]\n",
	    UP "body = { max = '4KiB', required = { n = 'number', "
	       "tag = 'any', who = 'string' } }\n[api.order.request]\n"
	       "path = '/{body.who}/{body.ship.to}'\n"
	       "body = '{\"a\":{body.list},\"b\":\"x {body.n} \\\" "
	       "{body.note}\"}'\n");
	struct value *body = at(d, "paths|/api/order|post|requestBody");
	assert_true(at(body, "required")->as.b);
	assert_string_equal(text(body, "description"), "At most 4096 bytes.");
	assert_string_equal(as_json(at(body, "content")),
	    "{\"application/json\":{\"schema\":{\"type\":\"object\","
	    "\"required\":[\"n\",\"tag\",\"who\",\"ship\",\"list\",\"note\"],"
	    "\"properties\":{\"n\":{\"type\":\"number\"},"
	    "\"tag\":{\"type\":[\"string\",\"number\",\"boolean\",\"array\","
	    "\"object\"]},\"who\":{\"type\":\"string\"},"
	    "\"ship\":{\"type\":\"object\",\"required\":[\"to\"],"
	    "\"properties\":{\"to\":{\"type\":[\"string\",\"number\","
	    "\"boolean\"]}}},\"list\":{},"
	    "\"note\":{\"type\":[\"string\",\"number\",\"boolean\"]}}}}}");
}

/* What may be left out is told, and need not come. */
static void forms_and_what_may_be_missing(void **state)
{
	(void)state;
	struct value *d = document("[openapi]\n",
	    UP "request.query = { a = '{query.must}', b = '{query.may?}' }\n"
	       "request.form = { c = '{body.must}', d = '{body.may?}', "
	       "e = '{header.x-f?}', g = '{header.x-h}' }\n");
	struct value *op = at(d, "paths|/api/order|post");
	assert_true(at(parameter(op, "query", "must"), "required")->as.b);
	assert_null(value_get(parameter(op, "query", "may"), "required"));
	assert_null(value_get(parameter(op, "header", "x-f"), "required"));
	assert_true(at(parameter(op, "header", "x-h"), "required")->as.b);
	assert_string_equal(
	    as_json(at(op, "requestBody|content|application/json|schema")),
	    "{\"type\":\"object\",\"required\":[\"must\"],\"properties\":{"
	    "\"must\":{\"type\":[\"string\",\"number\",\"boolean\"]},"
	    "\"may\":{\"type\":[\"string\",\"number\",\"boolean\"]}}}");
}

/* Of an upstream's answer, of a program's, of a token end point's. */
static void what_an_api_answers_besides(void **state)
{
	(void)state;
	struct value *d = document("[openapi]\n",
	    UP "result.headers = ['X-Kept']\n"
	       "[api.tokens]\nupstream = 'u'\non_lost = 'fail'\n"
	       "result.type = 'application/json'\n"
	       "request.form = { grant_type = 'refresh_token' }\n"
	       "[api.plain]\nupstream = 'u'\non_lost = 'fail'\n");
	struct value *all = at(d, "paths|/api/order|post|responses");
	static const char *const kept[] = {"200", "204", "404", "4XX", "502"};
	for (size_t i = 0; i < sizeof(kept) / sizeof(*kept); i++)
		assert_string_equal(
		    text(at(at(all, kept[i]), "headers|x-kept"), "$ref"),
		    "#/components/headers/Kept");
	assert_non_null(value_get(at(all, "202"), "$ref"));
	/* whoever asks for the result may meet it, too */
	at(d,
	    "paths|/api/jobs/{jobId}/result|get|responses|404|headers|x-kept");
	assert_string_equal(
	    text(d, "paths|/api/tokens|post|responses|200|content|"
		    "application/json|schema|$ref"),
	    "#/components/schemas/Tokens");
	at(d, "components|schemas|Tokens|properties|access_token");
	assert_string_equal(text(d, "paths|/api/plain|post|responses|200|$ref"),
	    "#/components/responses/Done");
}

static void bodies_of_no_known_shape(void **state)
{
	(void)state;
	struct value *d = document("[openapi]\n",
	    UP "body = { type = 'text/plain' }\n"
	       "[api.all]\nmethod = 'GET'\nupstream = 'u'\n");
	struct value *body = at(d, "paths|/api/order|post|requestBody");
	assert_false(at(body, "required")->as.b);
	assert_string_equal(
	    as_json(at(body, "content")), "{\"text/plain\":{}}");
	assert_null(value_get(at(d, "paths|/api/all|get"), "requestBody"));
}

/* The names of places do not make another path (OpenAPI 3.1, 4.8.8.2). */
static void one_path_of_two_apis(void **state)
{
	(void)state;
	struct value *d = document("[openapi]\n",
	    UP "path = '/o/{id}'\n"
	       "[api.put]\nmethod = 'PUT'\npath = '/o/{name}'\nupstream = 'u'\n"
	       "on_lost = 'fail'\n"
	       "[api.see]\nmethod = 'GET'\npath = '/o/new'\nupstream = 'u'\n"
	       "[api.sub]\nmethod = 'GET'\npath = '/o/{id}/x'\n"
	       "upstream = 'u'\n");
	struct value *item = at(d, "paths|/api/o/{id}");
	assert_non_null(parameter(at(item, "post"), "path", "id"));
	assert_non_null(parameter(at(item, "put"), "path", "id"));
	assert_null(parameter(at(item, "put"), "path", "name"));
	at(d, "paths|/api/o/new|get");
	at(d, "paths|/api/o/{id}/x|get");
	assert_null(value_get(at(d, "paths"), "/api/o/{name}"));
}

/* A name that two bodies can have is there with a login only. */
static void with_a_login(void **state)
{
	(void)state;
	struct value *d = document("[openapi]\n", UP);
	struct value *all = at(d, "paths|/api/order|post|responses");
	assert_null(value_get(all, "401"));
	assert_null(value_get(all, "422"));
	k.build.config->apis[0].auth = STR("web-server");
	out_init(&k.build.out, &k.arena);
	assert_int_equal(produce_openapi(&k.build), ERR_OK);
	d = read_back("openapi.json");
	all = at(d, "paths|/api/order|post|responses");
	assert_string_equal(text(all, "401|$ref"),
	    "#/components/responses/UnauthorizedOrRefused");
	assert_string_equal(
	    text(all, "409|$ref"), "#/components/responses/ConflictOrRefused");
	at(all, "422");
	at(d, "components|schemas|ProblemUnauthorized");
}

static void pace_in_words(void **state)
{
	(void)state;
	struct value *d = document("[openapi]\n",
	    UP "pattern = 'synchronous'\nallow = ['async-polling', "
	       "'synchronous']\nwait_max = '20s'\ndeadline = '90s'\nttl = "
	       "'36h'\nstrict_poll = true\n");
	assert_string_equal(text(d, "paths|/api/order|post|description"),
	    "Answered with the result if there is one within 20 seconds, else "
	    "with 202, unless the request says how long to wait. It allows "
	    "async-polling, synchronous only. It ends within 90 seconds, and "
	    "what it gave is kept for 36 hours. An unknown x-request-id "
	    "without x-initial-request is 404.");
}

static void jobs_below_the_prefix(void **state)
{
	(void)state;
	struct value *d = document("[openapi]\n", "prefix = '/v2'\n" UP);
	at(d, "paths|/v2/order|post");
	at(d, "paths|/v2/jobs/{jobId}|get");
	at(d, "paths|/v2/jobs/{jobId}|delete");
	at(d, "paths|/v2/jobs/{jobId}/result|get");
	at(d, "paths|/v2/jobs/{jobId}/cancel|post");
	at(d, "paths|/v2/jobs/health|get");
}

static void twice_the_same(void **state)
{
	(void)state;
	document("[openapi]\n", UP);
	const char *first = kit_output(&k, OUT_WWW, "openapi.json");
	document("[openapi]\n", UP);
	assert_string_equal(first, kit_output(&k, OUT_WWW, "openapi.json"));
}

#define T(f) cmocka_unit_test_setup_teardown(f, open_kit, close_kit)
int main(void)
{
	const struct CMUnitTest tests[] = {T(not_asked_for), T(switched_off),
	    T(without_api), T(elsewhere), T(bad_paths), T(below_the_apis),
	    T(from_environment), T(about_itself), T(as_it_is_said),
	    T(bad_server), T(api_elsewhere), T(problems_are_those_of_the_table),
	    T(references), T(references_of_owners), T(who_may_ask),
	    T(with_and_without), T(without_owners), T(answers_by_trait),
	    T(promises_in_words), T(places_become_parameters), T(bodies),
	    T(forms_and_what_may_be_missing), T(what_an_api_answers_besides),
	    T(bodies_of_no_known_shape), T(one_path_of_two_apis),
	    T(with_a_login), T(pace_in_words), T(jobs_below_the_prefix),
	    T(twice_the_same)};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("openapi", tests, NULL, NULL);
}
