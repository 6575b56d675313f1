#include "tests/unit/site-kit.h"

#include "generator/api-auth.h"
#include "generator/api-check.h"
#include "generator/api-template.h"
#include "generator/hash.h"
#include "lib/config.h"

#define UP "[upstream.u]\nbase = 'https://u.example/v1/'\n"

/* api.toml behind a good upstream, which takes its first two lines. */
static enum err make(struct kit *k, const char *toml)
{
	kit_open(k);
	kit_file(k, "site.toml",
	    "name = 'x'\nbase_url = 'https://WWW.x.example:443/'\n");
	kit_file(k, "api.toml", arena_printf(&k->arena, UP "%s", toml).p);
	if (kit_load(k, NULL) != ERR_OK)
		fail_msg("%s", kit_said(k));
	return produce_api(kit_build(k));
}

static void finds(const char *toml, const char *const *wanted)
{
	struct kit k;
	size_t n = 0;

	enum err err = make(&k, toml);
	for (; wanted[n]; n++)
		kit_says(&k, wanted[n]);
	if (k.diag.errors != n)
		fail_msg("%s", kit_said(&k));
	assert_int_equal(err, ERR_INPUT);
	assert_null(k.build.config);
	assert_int_equal(k.build.out.n, 0);
	kit_close(&k);
}
#define FINDS(toml, ...) finds(toml, (const char *const[]){__VA_ARGS__, NULL})

static void defaults(void **state)
{
	struct kit k;

	(void)state;
	assert_int_equal(make(&k, "[api.export]\nauth = 'none'\n"
				  "upstream = 'u'\non_lost = 'fail'\n"),
	    ERR_OK);
	assert_string_equal(kit_said(&k), "");
	const struct config *c = k.build.config;
	const struct upstream *u = &c->upstreams[0];
	const struct api *a = &c->apis[0];
	assert_true(str_is(c->prefix, "/api"));
	assert_int_equal(c->origins.n, 1);
	assert_true(str_is(c->origins.items[0], "https://www.x.example"));
	assert_true(str_is(u->base, "https://u.example/v1"));
	assert_int_equal(u->timeout_ms, 10000);
	assert_int_equal(u->rate_count, 0);
	assert_false(u->local);
	assert_true(str_is(a->path, "/api/export"));
	assert_true(str_is(a->method, "POST"));
	assert_int_equal(a->pattern, PATTERN_ASYNC_POLLING);
	assert_int_equal(a->allow, 7);
	assert_int_equal(a->wait_ms, 0);
	assert_int_equal(a->wait_max_ms, 25000);
	assert_int_equal(a->on_lost, ON_LOST_FAIL);
	assert_false(a->idempotent);
	assert_int_equal(a->deadline_ms, 900000);
	assert_int_equal(a->ttl_ms, 86400000);
	assert_int_equal(a->concurrency, 1);
	assert_int_equal(a->body_max, 65536);
	assert_true(str_is(a->body_type, "application/json"));
	assert_true(str_is(a->request_method, "POST"));
	assert_true(str_is(a->request_path, "/export"));
	struct str hash = hash_blake2b(&k.arena, STR("export"));
	assert_true(str_eq(a->tag, str_slice(hash, 0, 6)));
	kit_close(&k);
}

/* What was written is what the network programs read. */
static void everything_reaches_the_file(void **state)
{
	struct kit k;
	struct config *c;

	(void)state;
	assert_int_equal(
	    make(&k, "rate = '150/m'\nlocal = true\nresponse_max = '1KiB'\n"
		     "headers = { Accept = 'application/json' }\n"
		     "[api.a-b]\nauth = 'none'\nupstream = 'u'\n"
		     "on_lost = 'retry'\nidempotent = true\nmethod = 'DELETE'\n"
		     "path = '/v1/bundle/{id}'\ntag = '00ff00'\n"
		     "pattern = 'synchronous'\nallow = ['synchronous']\n"
		     "wait_max = '5s'\nestimate = '1s'\nattempts = 2\n"
		     "location = '/bundles/{result.id}'\n"
		     "body = { max = '1KiB', required = { a = 'integer' } }\n"
		     "result.max = '2KiB'\nstrict_poll = true\n"
		     "request = { method = 'PUT', body = '{\"a\":{body.a}}', "
		     "forward = ['Gov-Client-*', 'x-y'], "
		     "headers = { Authorization = 'Bearer {header.t}' } }\n"),
	    ERR_OK);
	assert_int_equal(k.diag.warnings, 0);
	const struct out_file *f =
	    out_find(&k.build.out, OUT_SERVER, STR("lowtide.json"));
	assert_non_null(f);
	assert_int_equal(f->class, OUT_PRIVATE);
	assert_int_equal(
	    config_parse(&k.arena, f->bytes, "lowtide.json", &k.diag, &c),
	    ERR_OK);
	const struct api *a = &c->apis[0];
	assert_true(c->upstreams[0].local);
	assert_int_equal(c->upstreams[0].rate_count, 150);
	assert_int_equal(c->upstreams[0].rate_per_ms, 60000);
	assert_int_equal(c->upstreams[0].burst, 2);
	assert_true(str_is(a->tag, "00ff00"));
	assert_true(str_is(a->path, "/api/v1/bundle/{id}"));
	assert_true(str_is(a->request_path, "/v1/bundle/{path.id}"));
	assert_true(str_is(a->request_method, "PUT"));
	assert_true(str_is(a->request_body, "{\"a\":{body.a}}"));
	assert_int_equal(a->allow, 1u << PATTERN_SYNCHRONOUS);
	assert_int_equal(a->wait_ms, 5000);
	assert_int_equal(a->forward.n, 2);
	assert_true(str_is(a->forward.items[0], "gov-client-*"));
	assert_true(
	    str_is(a->request_headers.items[0].value, "Bearer {header.t}"));
	assert_true(str_is(a->body_required.items[0].value, "integer"));
	assert_true(str_is(a->location, "/bundles/{result.id}"));
	kit_close(&k);
}

static void what_must_be_said(void **state)
{
	(void)state;
	FINDS("[api.a]\n",
	    "api.toml:3:1: auth-missing: ", "api.toml:3:1: on-lost-missing: ",
	    "api.toml:3:1: handler-missing: ");
	FINDS("[api.a]\nauth = 'web-server'\nupstream = 'uu'\n"
	      "on_lost='fail'\n",
	    "api.toml:4:8: web-server-missing: ",
	    "api.toml:5:12: unknown-upstream: there is no [upstream.uu]; did "
	    "you mean `u`?");
	FINDS("[api.a]\nauth = 'none'\nupstream = 'u'\n"
	      "request.method = 'PUT'\nmethod = 'GET'\n",
	    "on-lost-missing: ");
}

/* [web_server] of an API that says so, and what its 401 then says. */
static const struct web_server *serves(struct kit *k, const char *table)
{
	char text[256];

	snprintf(text, sizeof(text),
	    "[api.a]\nauth = 'web-server'\nupstream = 'u'\n"
	    "on_lost = 'fail'\n[web_server]\n%s",
	    table);
	assert_int_equal(make(k, text), ERR_OK);
	assert_string_equal(kit_said(k), "");
	return k->build.web_server;
}

static void the_web_server_finds_out(void **state)
{
	struct kit k;

	(void)state;
	const struct web_server *w = serves(&k, "auth = 'basic'\n");
	assert_true(w->is_basic);
	assert_true(str_is(w->realm, "x"));
	assert_true(str_is(w->users, "/etc/lowtide/x/users"));
	assert_true(str_is(k.build.config->web_challenge,
	    "Basic realm=\"x\", charset=\"UTF-8\""));
	assert_int_equal(k.build.config->n_providers, 0);
	kit_close(&k);
	w = serves(&k, "auth = 'request'\ncheck = '/check'\n");
	assert_false(w->is_basic);
	assert_true(str_is(w->check, "/check"));
	assert_true(str_is(w->owner_header, "x-user"));
	assert_true(
	    str_is(k.build.config->web_challenge, "Bearer realm=\"x\""));
	kit_close(&k);
	w = serves(&k, "auth = 'basic'\nchallenge = 'Ours'\n");
	assert_true(w->is_basic);
	assert_true(str_is(k.build.config->web_challenge, "Ours"));
	kit_close(&k);
	serves(&k, "auth = 'request'\ncheck = '/check'\nrealm = 'Us'\n");
	assert_true(
	    str_is(k.build.config->web_challenge, "Bearer realm=\"Us\""));
	kit_close(&k);
	w = serves(&k, "auth = 'request'\ncheck = 'https://a.example/b?c=d'\n"
		       "challenge = 'DPoP algs=\"ES256\"'\n"
		       "owner_header = 'X-Who'\n");
	assert_true(
	    str_is(k.build.config->web_challenge, "DPoP algs=\"ES256\""));
	assert_true(str_is(w->owner_header, "x-who"));
	kit_close(&k);
	assert_int_equal(make(&k, "[api.a]\nauth = 'none'\nupstream = 'u'\n"
				  "on_lost = 'fail'\n"
				  "[web_server]\nauth = 'basic'\n"),
	    ERR_OK);
	assert_null(k.build.web_server);
	assert_int_equal(k.build.config->web_challenge.n, 0);
	kit_says(&k, "warning: auth-unused: ");
	kit_close(&k);
}

/* What would leave the quotes, or the line, that it is put into. */
static void what_goes_into_configurations_is_tame(void **state)
{
	static const char *const bad[] = {
	    "auth = 'basic'\nrealm = 'a\"b'\n",
	    "auth = 'basic'\nrealm = '$host'\n",
	    "auth = 'basic'\nrealm = \"a\\nb\"\n",
	    "auth = 'basic'\nusers = 'etc/users'\n",
	    "auth = 'basic'\nusers = '/etc/a b'\n",
	    "auth = 'basic'\nusers = '/etc/a;b'\n",
	    "auth = 'basic'\nchallenge = ' Basic'\n",
	    "auth = 'basic'\nchallenge = 'Basic '\n",
	    "auth = 'basic'\nchallenge = 'realm=\"x\"'\n",
	    "auth = 'basic'\nchallenge = \"Basic\\r\\nSet-Cookie: a=b\"\n",
	    "auth = 'request'\ncheck = '/a'\nchallenge = \"Basic a=\\u007f\"\n",
	    "auth = 'request'\ncheck = '/a'\nrealm = 'a\"b'\n",
	    "auth = 'request'\ncheck = 'check'\n",
	    "auth = 'request'\ncheck = '/a b'\n",
	    "auth = 'request'\ncheck = '/a;b'\n",
	    "auth = 'request'\ncheck = '/$a'\n",
	    "auth = 'request'\ncheck = 'ftp://a/b'\n",
	    "auth = 'request'\ncheck = 'http://u:p@a/b'\n",
	    "auth = 'request'\ncheck = 'http://a/b#c'\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct kit k;
		char text[256];
		snprintf(text, sizeof(text),
		    "[api.a]\nauth = 'web-server'\nupstream = 'u'\n"
		    "on_lost = 'fail'\n[web_server]\n%s",
		    bad[i]);
		assert_int_equal(make(&k, text), ERR_INPUT);
		kit_says(&k, "bad-value: ");
		assert_int_equal(k.diag.errors, 1);
		kit_close(&k);
	}
}

/* A pattern that only begins like it, or is for anybody's API, is none. */
static void own_tokens_stay_here(void **state)
{
	static const struct {
		const char *auth, *request;
		size_t errors;
	} rows[] = {
	    {"web-server", "forward = ['a*']", 1},
	    {"web-server", "forward = ['authorization*']", 1},
	    {"web-server", "forward = ['authorization-x', 'b*']", 0},
	    {"web-server", "path = '/{header.AUTHORIZATION}'", 1},
	    {"web-server", "path = '/{header.authorization-x}'", 0},
	    {"web-server", "headers = { A = 'x {header.Authorization}' }", 1},
	    {"none", "forward = ['authorization']", 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct kit k;
		char text[256];
		snprintf(text, sizeof(text),
		    "[web_server]\nauth = 'basic'\n"
		    "[api.a]\nauth = '%s'\nupstream = 'u'\n"
		    "on_lost = 'fail'\nrequest = { %s }\n",
		    rows[i].auth, rows[i].request);
		(void)!make(&k, text);
		assert_int_equal(k.diag.errors, rows[i].errors);
		if (rows[i].errors)
			kit_says(&k, "forwards-own-token: ");
		kit_close(&k);
	}
}

/* A GET writes nothing: it may be left unsaid. */
static void reads_need_no_on_lost(void **state)
{
	struct kit k;

	(void)state;
	assert_int_equal(
	    make(
		&k, "[api.a]\nauth = 'none'\nupstream = 'u'\nmethod = 'GET'\n"),
	    ERR_OK);
	assert_int_equal(k.build.config->apis[0].on_lost, ON_LOST_RETRY);
	assert_true(k.build.config->apis[0].idempotent);
	assert_int_equal(k.build.config->apis[0].body_type.n, 0);
	kit_close(&k);
}

#define API "auth = 'none'\nupstream = 'u'\non_lost = 'fail'\n"

static void paths_and_tags_that_clash(void **state)
{
	(void)state;
	FINDS("[api.a]\npath = '/jobs'\n" API "[api.b]\npath = '/{x}/y'\n" API,
	    "api.toml:4:8: path-reserved: /api/jobs ",
	    "api.toml:9:8: path-reserved: /api/{x}/y ");
	FINDS("[api.a]\npath = '/v/{x}'\n" API "[api.b]\npath = '/v/{y}'\n" API
	      "[api.c]\npath = '/v/z'\n" API
	      "[api.d]\npath = '/v/{x}'\nmethod = 'PUT'\n" API,
	    "api.toml:9:8: path-clash: POST /api/v/{y} is `a` already");
	FINDS("[api.a]\ntag = 'abcdef'\n" API "[api.b]\ntag = 'abcdef'\n" API,
	    "api.toml:8:1: tag-clash: `b` and `a` have the tag abcdef; ");
	FINDS("[api.a]\ntag = 'ABCDEF'\n" API "[api.b]\ntag = 'abc'\n" API,
	    "api.toml:4:7: bad-tag: ", "api.toml:9:7: bad-tag: ");
	FINDS("[api.a_b]\n" API, "api.toml:3:1: bad-name: ");
}

static void paths_that_are_none(void **state)
{
	static const char *const bad[] = {"x", "/", "/a/", "//a", "/a?b",
	    "/a#b", "/a b", "/a/../b", "/./a", "/a{b}", "/{a}b", "/{}",
	    "/v/{a}/{a}", "/%41", "/{a.b}", "/\xc3\xa9"};
	static const char *const good[] = {
	    "/a", "/a/{b}", "/a/{b}/{c}", "/v1.0/a-b_c~d"};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct arena a;
		struct diag d;
		arena_init(&a);
		diag_init(&d, &a);
		api_check_path(str_of(bad[i]), POS_NONE, &d);
		if (d.errors != 1)
			fail_msg("%s was taken", bad[i]);
		arena_release(&a);
	}
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		struct arena a;
		struct diag d;
		arena_init(&a);
		diag_init(&d, &a);
		api_check_path(str_of(good[i]), POS_NONE, &d);
		if (d.errors)
			fail_msg("%s was refused", good[i]);
		arena_release(&a);
	}
}

static void waits_that_contradict(void **state)
{
	(void)state;
	FINDS("[api.a]\nwait = '5s'\nwait_max = '4s'\n" API,
	    "api.toml:4:8: bad-value: `wait` is longer");
	FINDS("[api.a]\nwait = '5s'\npattern = 'fire-and-forget'\n"
	      "allow = ['synchronous']\n" API,
	    "api.toml:4:8: bad-value: \"fire-and-forget\" does not wait",
	    "api.toml:6:9: bad-value: `allow` must name");
	FINDS("[api.a]\nbody = { type = 'text/plain', required = { a = 'any' "
	      "} }\n" API,
	    "bad-value: `body.required` looks into JSON");
}

static void headers_that_calls_may_not_set(void **state)
{
	(void)state;
	FINDS("[api.a]\nrequest.headers = { 'Content-Length' = '1', 'a b' = "
	      "'x' }\nrequest.forward = ['*', 'a*b', 'Host', 'x-*']\n" API,
	    "api.toml:4:21: bad-header: `Content-Length`",
	    "api.toml:4:45: bad-header: `a b`",
	    "api.toml:5:20: bad-header: `*`",
	    "api.toml:5:25: bad-header: `a*b`", "api.toml:5:32: bad-header: ");
	assert_true(api_is_header(STR("X-Y")));
	assert_false(api_is_header(STR("")));
	assert_false(api_is_header(STR("a:b")));
	assert_false(api_is_header(STR("caf\xc3\xa9")));
	assert_false(api_is_header(STR("a\0b")));
}

static void bases_and_origins(void **state)
{
	struct kit k;

	(void)state;
	FINDS("headers = { X = '{header.y}', 'x y' = 'z' }\n",
	    "api.toml:3:17: bad-template: an upstream's headers",
	    "api.toml:3:31: bad-header: `x y`");
	FINDS("[upstream.v]\nbase = 'http://127.0.0.1:9'\n",
	    "api.toml:4:8: upstream-local: ");
	kit_open(&k);
	kit_file(&k, "site.toml",
	    "name = 'x'\nprefix = '/{x}'\n"
	    "origins = ['https://a.example/', 'https://b.example:8443',\n"
	    "'HTTPS://c.example', 'ftp://d', 'null']\n" UP);
	assert_int_equal(kit_load(&k, NULL), ERR_OK);
	assert_int_equal(produce_api(kit_build(&k)), ERR_INPUT);
	kit_says(&k, "site.toml:2:10: bad-path: ");
	kit_says(&k, "site.toml:3:12: bad-origin: \"https://a.example/\"");
	kit_says(&k, "site.toml:4:1: bad-origin: ");
	kit_says(&k, "site.toml:4:22: bad-origin: ");
	kit_says(&k, "site.toml:4:33: bad-origin: ");
	assert_int_equal(k.diag.errors, 5);
	kit_close(&k);
}

/* Bodies and tokens in the clear are told of; what is one's own is not. */
static void plain_bases(void **state)
{
	static const struct {
		const char *host;
		bool warned;
	} rows[] = {
	    {"http://public.example", true},
	    {"http://public.example:8080/v1", true},
	    {"HTTP://PUBLIC.example", true},
	    {"http://8.8.8.8", true},
	    {"http://172.32.0.1", true},
	    {"http://172.15.255.255", true},
	    {"http://11.0.0.1", true},
	    {"http://192.169.0.1", true},
	    {"http://[2001:4860::1]", true},
	    {"http://[fe00::1]", true},
	    {"http://[::ffff:8.8.8.8]", true},
	    {"http://internal.example", true},
	    {"http://notlocal", false},
	    {"http://ledger", false},
	    {"http://ledger:9000", false},
	    {"http://ledger.internal", false},
	    {"http://a.ledger.INTERNAL.", false},
	    {"http://printer.local", false},
	    {"http://10.1.2.3:80", false},
	    {"http://172.16.0.1", false},
	    {"http://172.31.255.255", false},
	    {"http://192.168.1.1", false},
	    {"http://100.64.0.1", false},
	    {"http://[fd00::1]:80", false},
	    {"http://[fc00::1]", false},
	    {"http://[fe80::1]", false},
	    {"http://[::ffff:10.0.0.1]", false},
	    {"http://public.example'\nlocal = true\n#", false},
	    {"https://public.example", false},
	    {"{run.simulator.url}", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct kit k;
		char text[200];
		snprintf(text, sizeof(text), "[upstream.v]\nbase = '%s'\n",
		    rows[i].host);
		assert_int_equal(make(&k, text), ERR_OK);
		assert_int_equal(k.diag.errors, 0);
		if (k.diag.warnings != rows[i].warned)
			fail_msg("%s: %s", rows[i].host, kit_said(&k));
		if (rows[i].warned)
			kit_says(&k, "api.toml:4:8: warning: upstream-plain: ");
		kit_close(&k);
	}
}

static void repeated_prefix(void **state)
{
	struct kit k;

	(void)state;
	assert_int_equal(make(&k, "[api.a]\nauth = 'none'\nupstream = 'u'\n"
				  "on_lost = 'fail'\npath = '/api/a'\n"
				  "[api.b]\nauth = 'none'\nupstream = 'u'\n"
				  "on_lost = 'fail'\npath = '/apis/b'\n"),
	    ERR_OK);
	assert_true(str_is(k.build.config->apis[0].path, "/api/api/a"));
	kit_says(&k, "api.toml:7:8: warning: path-has-prefix: this becomes "
		     "/api/api/a, ");
	assert_int_equal(k.diag.warnings, 1);
	kit_close(&k);
}

static void templates(void **state)
{
	static const struct {
		enum api_template where;
		const char *text, *finding; /* NULL: it is fine */
	} rows[] = {
	    {API_TEMPLATE_PATH, "/a/{body.x.y}/{path.id}?q={query.q}", NULL},
	    {API_TEMPLATE_PATH, "/{header.x-y}/{job.id}/{cgi.REMOTE_ADDR}",
		NULL},
	    {API_TEMPLATE_PATH, "a", "bad-template"},
	    {API_TEMPLATE_PATH, "/{id}", "bad-template"},
	    {API_TEMPLATE_PATH, "/{bdy.x}", "bad-template"},
	    {API_TEMPLATE_PATH, "/{body.}", "bad-template"},
	    {API_TEMPLATE_PATH, "/{body.x", "bad-template"},
	    {API_TEMPLATE_PATH, "/{path.other}", "bad-template"},
	    {API_TEMPLATE_PATH, "/{job.name}", "bad-template"},
	    {API_TEMPLATE_PATH, "/{cgi.PATH}", "bad-template"},
	    {API_TEMPLATE_PATH, "/{result.x}", "bad-template"},
	    {API_TEMPLATE_PATH, "/a#b", "bad-template"},
	    {API_TEMPLATE_PATH, "/a b", "bad-template"},
	    {API_TEMPLATE_PATH, "/{secret.x}", NULL},
	    {API_TEMPLATE_PATH, "/{secret.y}", "secret-unknown"},
	    {API_TEMPLATE_PATH, "/{job.acceptedAt}", NULL},
	    {API_TEMPLATE_PATH, "/{body.x?}", "bad-template"},
	    {API_TEMPLATE_PATH, "/v?x={body.x?}&y={query.y?}", NULL},
	    {API_TEMPLATE_PATH, "/v?x={?}", "bad-template"},
	    {API_TEMPLATE_PATH, "/{run.x.url}", "run-reference"},
	    {API_TEMPLATE_HEADER, "Bearer {header.token}", NULL},
	    {API_TEMPLATE_HEADER, "a\nb: c", "bad-template"},
	    {API_TEMPLATE_HEADER, "{x}", "bad-template"},
	    {API_TEMPLATE_BODY, "{\"a\":{body.x},\"b\":{\"c\":{}}}", NULL},
	    {API_TEMPLATE_BODY, "{x}", NULL},
	    {API_TEMPLATE_BODY, "{\"a\":{quer.x}}", "bad-template"},
	    {API_TEMPLATE_HEADER, "{header.x?}", "bad-template"},
	    {API_TEMPLATE_HEADER, "Basic {secret.x}", NULL},
	    {API_TEMPLATE_BODY, "{\"a\":{body.x?}}", "bad-template"},
	    {API_TEMPLATE_FORM, "{body.x?}", NULL},
	    {API_TEMPLATE_FORM, "a {b} {secret.x}\n", NULL},
	    {API_TEMPLATE_FORM, "{resutl.x}", "bad-template"},
	    {API_TEMPLATE_LOCATION, "/x/{result.id}/{path.id}", NULL},
	    {API_TEMPLATE_LOCATION, "/x/{secret.x}", "secret-public"},
	    {API_TEMPLATE_LOCATION, "/x/{resutl.id}", "bad-template"},
	    {API_TEMPLATE_LOCATION, "", NULL},
	};

	const struct secret known = {.name = STR("x"), .env = STR("X")};
	bool used = false;
	const struct api_secrets secrets = {&known, 1, &used, false};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct arena a;
		struct diag d;
		arena_init(&a);
		diag_init(&d, &a);
		api_template_check(&a, rows[i].where, str_of(rows[i].text),
		    STR("/v/{id}"), &secrets, POS_NONE, &d);
		if (!rows[i].finding && d.errors)
			fail_msg(
			    "%s: %.*s", rows[i].text, STR_ARG(d.first->text));
		if (rows[i].finding &&
		    (d.errors != 1 ||
			strcmp(d.first->name, rows[i].finding) != 0))
			fail_msg("%s was taken", rows[i].text);
		arena_release(&a);
	}
}

static void nothing_to_compile(void **state)
{
	struct kit k;

	(void)state;
	kit_open(&k);
	kit_file(&k, "site.toml", "name = 'x'\n");
	assert_int_equal(kit_load(&k, NULL), ERR_OK);
	assert_int_equal(produce_api(kit_build(&k)), ERR_OK);
	assert_null(k.build.config);
	assert_int_equal(k.build.out.n, 0);
	kit_close(&k);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(defaults),
	    cmocka_unit_test(everything_reaches_the_file),
	    cmocka_unit_test(what_must_be_said),
	    cmocka_unit_test(the_web_server_finds_out),
	    cmocka_unit_test(what_goes_into_configurations_is_tame),
	    cmocka_unit_test(own_tokens_stay_here),
	    cmocka_unit_test(reads_need_no_on_lost),
	    cmocka_unit_test(paths_and_tags_that_clash),
	    cmocka_unit_test(paths_that_are_none),
	    cmocka_unit_test(waits_that_contradict),
	    cmocka_unit_test(headers_that_calls_may_not_set),
	    cmocka_unit_test(bases_and_origins),
	    cmocka_unit_test(plain_bases),
	    cmocka_unit_test(repeated_prefix),
	    cmocka_unit_test(templates),
	    cmocka_unit_test(nothing_to_compile),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("api", tests, NULL, NULL);
}
