#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cgi/compose.h"
#include "cgi/secrets.h"

/* An API, an upstream and a client, each test changing what it needs. */
struct fixture {
	struct arena arena;
	struct pair own[2], sent[8], templates[4];
	struct str forward[2];
	struct upstream upstream;
	struct api api;
	struct envelope_request request;
	struct upstream_call call;
	struct str why;
};

static int set_up(void **state)
{
	static struct fixture f;

	memset(&f, 0, sizeof(f));
	f.own[0] = (struct pair){STR("Accept"), STR("application/json")};
	f.own[1] = (struct pair){STR("X-Own"), STR("1")};
	f.sent[0] = (struct pair){STR("gov-client-id"), STR("abc")};
	f.sent[1] = (struct pair){STR("hmrc-token"), STR("secret")};
	f.sent[2] = (struct pair){STR("gov-client-"), STR("edge")};
	f.sent[3] = (struct pair){STR("host"), STR("evil.example")};
	f.sent[4] = (struct pair){STR("transfer-encoding"), STR("chunked")};
	f.sent[5] = (struct pair){STR("x-own"), STR("2")};
	f.templates[0] = (struct pair){
	    STR("Authorization"), STR("Bearer {header.hmrc-token}")};
	f.templates[1] =
	    (struct pair){STR("X-Missing"), STR("{header.nothing}")};
	f.forward[0] = STR("gov-client-*");
	f.upstream = (struct upstream){.name = STR("hmrc"),
	    .base = STR("https://api.example"),
	    .timeout_ms = 5000,
	    .headers = {f.own, 2}};
	f.api = (struct api){.method = STR("POST"),
	    .path = STR("/api/v1/return/{id}"),
	    .on_lost = ON_LOST_FAIL,
	    .body_type = STR("application/json"),
	    .request_method = STR("PUT"),
	    .request_path = STR("/o/{body.vrn}/{path.id}"),
	    .request_headers = {f.templates, 2},
	    .forward = {f.forward, 1}};
	f.request = (struct envelope_request){.method = STR("POST"),
	    .path = STR("/api/v1/return/7"),
	    .headers = {f.sent, 6},
	    .body = STR("{\"vrn\":\"19 3\"}")};
	*state = &f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	arena_release(&f->arena);
	return 0;
}

static struct compose compose_of(const struct fixture *f)
{
	return (struct compose){.upstream = &f->upstream,
	    .api = &f->api,
	    .request = &f->request,
	    .job_id = STR("job_x")};
}

static enum err compose(struct fixture *f)
{
	struct compose c = compose_of(f);
	return compose_call(&f->arena, &c, &f->call, &f->why);
}

static const char *header(struct fixture *f, const char *name)
{
	for (size_t i = 0; i < f->call.headers.n; i++)
		if (str_ieq(f->call.headers.items[i].name, str_of(name)))
			return arena_cstr(
			    &f->arena, f->call.headers.items[i].value);
	return "";
}

static void a_call(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(compose(f), ERR_OK);
	assert_string_equal(f->call.method, "PUT");
	assert_string_equal(f->call.url, "https://api.example/o/19%203/7");
	assert_true(f->call.has_body);
	assert_true(str_eq(f->call.body, f->request.body));
	assert_false(f->call.reuse);
	assert_false(f->call.local);
	assert_int_equal(f->call.timeout_ms, 5000);
	assert_string_equal(header(f, "Content-Type"), "application/json");
	assert_string_equal(header(f, "Authorization"), "Bearer secret");
	assert_string_equal(header(f, "Accept"), "application/json");
}

static void headers_that_pass(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(compose(f), ERR_OK);
	assert_string_equal(header(f, "gov-client-id"), "abc");
	assert_string_equal(header(f, "gov-client-"), "edge");
	assert_string_equal(header(f, "hmrc-token"), "");
	assert_string_equal(header(f, "X-Missing"), "");
	assert_string_equal(header(f, "X-Own"), "1");
	f->forward[0] = STR("*");
	assert_int_equal(compose(f), ERR_OK);
	assert_string_equal(header(f, "X-Own"), "2");
	assert_string_equal(header(f, "host"), "");
	assert_string_equal(header(f, "transfer-encoding"), "");
}

/* What belongs to one connection, or would change what comes back. */
static void the_wires_own(void **state)
{
	static const char *const names[] = {"accept-encoding", "connection",
	    "content-length", "expect", "host", "keep-alive",
	    "proxy-authorization", "proxy-connection", "te", "trailer",
	    "transfer-encoding", "upgrade"};
	struct fixture *f = *state;

	f->forward[0] = STR("*");
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		f->sent[0] = (struct pair){str_of(names[i]), STR("x")};
		f->forward[1] = str_of(names[i]); /* and by its name */
		f->api.forward.n = 2;
		assert_int_equal(compose(f), ERR_OK);
		print_message("# %s\n", names[i]);
		assert_string_equal(header(f, names[i]), "");
	}
}

/* A pattern reaches none, not even one that a template reads. */
static void credentials_are_named(void **state)
{
	struct fixture *f = *state;

	f->sent[0] = (struct pair){STR("authorization"), STR("Bearer a")};
	f->sent[1] = (struct pair){STR("cookie"), STR("b=c")};
	f->templates[0] =
	    (struct pair){STR("X-Who"), STR("{header.authorization}")};
	f->forward[0] = STR("auth*");
	f->forward[1] = STR("c*");
	f->api.forward.n = 2;
	assert_int_equal(compose(f), ERR_OK);
	assert_string_equal(header(f, "X-Who"), "Bearer a");
	assert_string_equal(header(f, "authorization"), "");
	assert_string_equal(header(f, "cookie"), "");
	f->forward[0] = STR("authorization");
	assert_int_equal(compose(f), ERR_OK);
	assert_string_equal(header(f, "authorization"), "Bearer a");
}

static void headers_that_lie(void **state)
{
	struct fixture *f = *state;

	f->forward[0] = STR("*");
	f->sent[0] = (struct pair){STR("x-a"), STR("1\r\nX-B: 2")};
	f->sent[1] = (struct pair){STR("x c"), STR("1")};
	f->sent[2] = (struct pair){STR("x:d"), STR("1")};
	f->api.request_headers.n = 0;
	assert_int_equal(compose(f), ERR_OK);
	assert_string_equal(header(f, "x-a"), "");
	assert_string_equal(header(f, "x c"), "");
	assert_string_equal(header(f, "x:d"), "");
}

static void what_cannot_be_called(void **state)
{
	struct fixture *f = *state;

	f->request.body = STR("{\"other\":1}");
	assert_int_equal(compose(f), ERR_INPUT);
	assert_string_equal(arena_cstr(&f->arena, f->why),
	    "the request path needs {body.vrn}, which is missing");
	f->request.body = STR("{\"vrn\":{}}");
	assert_int_equal(compose(f), ERR_INPUT);
	assert_string_equal(arena_cstr(&f->arena, f->why),
	    "the request path cannot take what {body.vrn} is");
	f->request.body = STR("{\"vrn\":\"x\"}");
	f->templates[1].value = STR("{body.none}");
	assert_int_equal(compose(f), ERR_INPUT);
	assert_string_equal(arena_cstr(&f->arena, f->why),
	    "the request header X-Missing needs {body.none}, which is missing");
	f->templates[1].value = STR("x");
	f->api.request_body = STR("{\"a\":{body.none}}");
	assert_int_equal(compose(f), ERR_INPUT);
	assert_string_equal(arena_cstr(&f->arena, f->why),
	    "the request body needs {body.none}, which is missing");
}

static void bodies(void **state)
{
	struct fixture *f = *state;

	f->api.body_type = STR("text/csv");
	f->sent[5] = (struct pair){STR("content-type"), STR("text/plain")};
	assert_int_equal(compose(f), ERR_OK);
	assert_string_equal(header(f, "content-type"), "text/plain");
	f->sent[5].name = STR("x-other");
	assert_int_equal(compose(f), ERR_OK);
	assert_string_equal(header(f, "content-type"), "text/csv");
	f->api.request_body = STR("{\"v\":{body.vrn}}");
	assert_int_equal(compose(f), ERR_OK);
	assert_string_equal(header(f, "content-type"), "application/json");
	assert_true(str_is(f->call.body, "{\"v\":\"19 3\"}"));
	/* declared, it is that; left out for want of a value, it is ours */
	f->templates[1] = (struct pair){
	    STR("content-type"), STR("application/{header.x-own}+json")};
	assert_int_equal(compose(f), ERR_OK);
	assert_string_equal(header(f, "Content-Type"), "application/json");
	f->sent[5] = (struct pair){STR("x-own"), STR("vnd.x")};
	assert_int_equal(compose(f), ERR_OK);
	assert_string_equal(
	    header(f, "Content-Type"), "application/vnd.x+json");
	f->api.request_headers.n = 1;
	f->api.request_body = (struct str){0};
	f->api.request_path = STR("/x");
	f->request.body = (struct str){0};
	assert_int_equal(compose(f), ERR_OK);
	assert_false(f->call.has_body);
	assert_string_equal(header(f, "content-type"), "");
}

static void limits(void **state)
{
	struct fixture *f = *state;

	f->upstream.response_max = 100;
	f->api.result_max = 70;
	f->api.idempotent = true;
	f->upstream.local = true;
	assert_int_equal(compose(f), ERR_OK);
	assert_int_equal(f->call.response_max, 70);
	assert_true(f->call.reuse);
	assert_true(f->call.local);
	f->api.result_max = 0;
	assert_int_equal(compose(f), ERR_OK);
	assert_int_equal(f->call.response_max, 100);
}

static void locations(void **state)
{
	struct fixture *f = *state;
	struct compose c = compose_of(f);
	struct upstream_answer answer = {.status = 201,
	    .location = STR("/theirs"),
	    .body = STR("{\"id\":\"b/1\"}")};

	assert_true(
	    str_is(compose_location(&f->arena, &c, &answer), "/theirs"));
	f->api.location = STR("/bundles/{result.id}");
	assert_true(
	    str_is(compose_location(&f->arena, &c, &answer), "/bundles/b%2F1"));
	answer.body = STR("{}");
	assert_true(
	    str_is(compose_location(&f->arena, &c, &answer), "/theirs"));
	answer.body = STR("not json");
	assert_true(
	    str_is(compose_location(&f->arena, &c, &answer), "/theirs"));
	f->api.location = STR("/b/{body.vrn}");
	assert_true(
	    str_is(compose_location(&f->arena, &c, &answer), "/b/19%203"));
	f->api.location = STR("/b/{result.id}");
	answer.body = arena_printf(
	    &f->arena, "{\"id\":\"%*s\"}", UPSTREAM_LOCATION_MAX / 3, "");
	assert_true(
	    str_is(compose_location(&f->arena, &c, &answer), "/theirs"));
}

/* ---- forms and secrets ------------------------------------------------- */

static struct secret secret_rows[] = {
    {.name = STR_INIT("hmrc"), .env = STR_INIT("LOWTIDE_TEST_COMPOSE")}};
static const struct config config = {.secrets = secret_rows, .n_secrets = 1};

static enum err compose_with_secrets(struct fixture *f)
{
	struct compose c = compose_of(f);
	enum err err;

	c.secrets = secrets_new(&config);
	err = compose_call(&f->arena, &c, &f->call, &f->why);
	secrets_free(c.secrets);
	return err;
}

static void forms(void **state)
{
	static struct pair form[] = {
	    {STR_INIT("grant_type"), STR_INIT("authorization_code")},
	    {STR_INIT("code"), STR_INIT("{body.code}")},
	    {STR_INIT("code_verifier"), STR_INIT("{body.verifier?}")},
	    {STR_INIT("a b"), STR_INIT("{header.x-own?} {body.none?}")},
	    {STR_INIT("client_secret"), STR_INIT("{secret.hmrc}")},
	};
	struct fixture *f = *state;

	setenv("LOWTIDE_TEST_COMPOSE", "s/1 2", 1);
	f->api.request_path = STR("/token");
	f->api.request_form = (struct pairs){form, 5};
	f->request.body = STR("{\"code\":\"a+b/\u00e4\"}");
	assert_int_equal(compose_with_secrets(f), ERR_OK);
	assert_string_equal(arena_cstr(&f->arena, f->call.body),
	    "grant_type=authorization_code&code=a%2Bb%2F%C3%A4&"
	    "client_secret=s%2F1+2");
	assert_true(f->call.has_body);
	assert_string_equal(
	    header(f, "Content-Type"), "application/x-www-form-urlencoded");
	f->request.body = STR("{\"code\":\"\",\"verifier\":\"v\"}");
	assert_int_equal(compose_with_secrets(f), ERR_OK);
	assert_string_equal(arena_cstr(&f->arena, f->call.body),
	    "grant_type=authorization_code&code=&code_verifier=v&"
	    "client_secret=s%2F1+2");
	f->request.body = STR("{}");
	assert_int_equal(compose_with_secrets(f), ERR_INPUT);
	assert_string_equal(arena_cstr(&f->arena, f->why),
	    "the request form needs {body.code}, which is missing");
	/* all of it left out: nothing is sent */
	f->api.request_form = (struct pairs){form + 2, 1};
	assert_int_equal(compose_with_secrets(f), ERR_OK);
	assert_false(f->call.has_body);
	assert_string_equal(header(f, "Content-Type"), "");
}

/* Whoever runs this is told what is wrong, and nobody what the secret is. */
static void secrets_that_are_not_there(void **state)
{
	struct fixture *f = *state;

	f->templates[1] = (struct pair){STR("X-Key"), STR("k {secret.hmrc}")};
	setenv("LOWTIDE_TEST_COMPOSE", "SECRETMARK", 1);
	assert_int_equal(compose_with_secrets(f), ERR_OK);
	assert_string_equal(header(f, "X-Key"), "k SECRETMARK");
	unsetenv("LOWTIDE_TEST_COMPOSE");
	assert_int_equal(compose_with_secrets(f), ERR_MISSING);
	assert_string_equal(arena_cstr(&f->arena, f->why),
	    "the request header X-Key needs {secret.hmrc}: the variable "
	    "LOWTIDE_TEST_COMPOSE is not set; set it for this program, it is "
	    "the secret hmrc");
	setenv("LOWTIDE_TEST_COMPOSE", "SECRET\nMARK", 1);
	assert_int_equal(compose_with_secrets(f), ERR_MISSING);
	assert_string_equal(arena_cstr(&f->arena, f->why),
	    "the request header X-Key needs {secret.hmrc}: it cannot stand "
	    "there");
	assert_int_equal(compose(f), ERR_MISSING);
	f->templates[1].value = STR("{secret.other}");
	assert_int_equal(compose_with_secrets(f), ERR_MISSING);
	f->api.request_headers.n = 0;
	f->api.request_path = STR("/x/{secret.hmrc}");
	setenv("LOWTIDE_TEST_COMPOSE", "SECRETMARK", 1);
	assert_int_equal(compose_with_secrets(f), ERR_MISSING);
	assert_null(strstr(f->why.p, "SECRETMARK"));
}

static void no_secret_in_a_location(void **state)
{
	struct fixture *f = *state;
	struct compose c = compose_of(f);
	const struct upstream_answer answer = {.status = 201};

	setenv("LOWTIDE_TEST_COMPOSE", "SECRETMARK", 1);
	c.secrets = secrets_new(&config);
	f->api.location = STR("/b?k={secret.hmrc}");
	assert_int_equal(compose_location(&f->arena, &c, &answer).n, 0);
	secrets_free(c.secrets);
}

static void when_it_was_accepted(void **state)
{
	struct fixture *f = *state;
	struct compose c = compose_of(f);

	c.accepted_ms = 1795249800250;
	f->templates[1] =
	    (struct pair){STR("Date-Of"), STR("{job.acceptedAt}")};
	assert_int_equal(
	    compose_call(&f->arena, &c, &f->call, &f->why), ERR_OK);
	assert_string_equal(header(f, "Date-Of"), "2026-11-21T08:30:00.250Z");
}

/* As it came, but for who names it. */
static void traces(void **state)
{
	struct fixture *f = *state;

	f->sent[5] = (struct pair){STR("traceparent"), STR("00-ab-cd-01")};
	assert_int_equal(compose(f), ERR_OK);
	assert_string_equal(header(f, "traceparent"), "00-ab-cd-01");
	f->own[1].name = STR("Traceparent");
	assert_int_equal(compose(f), ERR_OK);
	assert_string_equal(header(f, "traceparent"), "1");
	f->templates[1] =
	    (struct pair){STR("TraceParent"), STR("x{header.traceparent}")};
	assert_int_equal(compose(f), ERR_OK);
	assert_string_equal(header(f, "traceparent"), "x00-ab-cd-01");
}

static void what_is_kept_and_believed(void **state)
{
	static struct str keep[] = {STR_INIT("x-correlation-id")};
	struct fixture *f = *state;

	assert_int_equal(compose(f), ERR_OK);
	assert_null(f->call.ca);
	f->upstream.ca = STR("/etc/ca.pem");
	f->api.result_headers = (struct strs){keep, 1};
	assert_int_equal(compose(f), ERR_OK);
	assert_string_equal(f->call.ca, "/etc/ca.pem");
	assert_int_equal(f->call.keep.n, 1);
	assert_true(str_is(f->call.keep.items[0], "x-correlation-id"));
}

/* ---- programs ---------------------------------------------------------- */

static bool has_variable(const struct fixture *f, const char *wanted)
{
	for (const char *const *v = f->call.exec->envp; *v; v++)
		if (strcmp(*v, wanted) == 0)
			return true;
	return false;
}

static size_t variables(const struct fixture *f)
{
	size_t n = 0;

	while (f->call.exec->envp[n])
		n++;
	return n;
}

static void programs(void **state)
{
	static struct str exec[] = {
	    STR_INIT("export"), STR_INIT("--format"), STR_INIT("{body.vrn}")};
	struct fixture *f = *state;
	struct compose c = compose_of(f);

	c.upstream = NULL;
	c.handlers = "/srv/handlers";
	f->api.name = STR("export-post");
	f->api.upstream = (struct str){0};
	f->api.exec = (struct strs){exec, 3};
	f->api.exec_memory = 1 << 20;
	f->api.exec_cpu_ms = 2000;
	f->api.exec_disk = 3;
	f->api.exec_processes = 4;
	f->api.exec_stop_ms = 5000;
	f->api.result_max = 70;
	setenv("SECRETMARK", "1", 1);
	assert_int_equal(
	    compose_call(&f->arena, &c, &f->call, &f->why), ERR_OK);
	assert_string_equal(f->call.exec->path, "/srv/handlers/export");
	assert_string_equal(f->call.exec->argv[0], "export");
	assert_string_equal(f->call.exec->argv[1], "--format");
	assert_string_equal(f->call.exec->argv[2], "{body.vrn}");
	assert_null(f->call.exec->argv[3]);
	assert_int_equal(f->call.exec->memory, 1 << 20);
	assert_int_equal(f->call.exec->cpu_ms, 2000);
	assert_int_equal(f->call.exec->disk, 3);
	assert_int_equal(f->call.exec->processes, 4);
	assert_int_equal(f->call.exec->stop_ms, 5000);
	assert_int_equal(f->call.timeout_ms, 0);
	assert_int_equal(f->call.response_max, 70);
	assert_true(str_eq(f->call.body, f->request.body));
	assert_true(has_variable(f, "PATH=/usr/local/bin:/usr/bin:/bin"));
	assert_true(has_variable(f, "LANG=C.UTF-8"));
	assert_true(has_variable(f, "LOWTIDE_JOB_ID=job_x"));
	assert_true(has_variable(f, "LOWTIDE_API=export-post"));
	assert_int_equal(variables(f), 4);
	f->api.request_body = STR("{\"id\":{path.id}}");
	assert_int_equal(
	    compose_call(&f->arena, &c, &f->call, &f->why), ERR_OK);
	assert_true(str_is(f->call.body, "{\"id\":\"7\"}"));
}

static void their_environment(void **state)
{
	static struct str exec[] = {STR_INIT("export")};
	static struct str listed[] = {STR_INIT("LOWTIDE_TEST_GIVEN"),
	    STR_INIT("TEST_GIVEN"), STR_INIT("TEST_UNSET"),
	    STR_INIT("LOWTIDE_JOB_ID"), STR_INIT("LANG")};
	struct fixture *f = *state;
	struct compose c = compose_of(f);

	c.upstream = NULL;
	c.handlers = "/srv/handlers";
	c.attempt = 2;
	f->api.exec = (struct strs){exec, 1};
	f->api.exec_env = (struct strs){listed, 5};
	f->sent[5] = (struct pair){STR("traceparent"), STR("00-ab-cd-01")};
	setenv("LOWTIDE_TEST_GIVEN", "no", 1);
	setenv("TEST_GIVEN", "a=b c", 1);
	unsetenv("TEST_UNSET");
	setenv("LOWTIDE_JOB_ID", "another", 1);
	setenv("LANG", "de_DE.UTF-8", 1);
	assert_int_equal(
	    compose_call(&f->arena, &c, &f->call, &f->why), ERR_OK);
	assert_true(has_variable(f, "TEST_GIVEN=a=b c"));
	assert_true(has_variable(f, "LOWTIDE_JOB_ID=job_x"));
	assert_true(has_variable(f, "LOWTIDE_ATTEMPT=2"));
	assert_true(has_variable(f, "LOWTIDE_TRACEPARENT=00-ab-cd-01"));
	assert_true(has_variable(f, "LANG=de_DE.UTF-8"));
	assert_int_equal(variables(f), 7);
	unsetenv("LANG");
	assert_int_equal(
	    compose_call(&f->arena, &c, &f->call, &f->why), ERR_OK);
	assert_true(has_variable(f, "LANG=C.UTF-8"));
}

static void no_program(void **state)
{
	static const char *const names[] = {
	    "/bin/sh", "../sh", "a/../../sh", "", "a//b", "a/", "./a", ".."};
	struct str exec[] = {STR("export")};
	struct fixture *f = *state;
	struct compose c = compose_of(f);

	f->api.exec = (struct strs){exec, 1};
	assert_int_equal(
	    compose_call(&f->arena, &c, &f->call, &f->why), ERR_MISSING);
	c.handlers = "/srv/handlers";
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		exec[0] = str_of(names[i]);
		assert_int_equal(compose_call(&f->arena, &c, &f->call, &f->why),
		    ERR_MISSING);
	}
	exec[0] = STR("more/export.sh");
	assert_int_equal(
	    compose_call(&f->arena, &c, &f->call, &f->why), ERR_OK);
	assert_string_equal(f->call.exec->path, "/srv/handlers/more/export.sh");
}

/* ---- asking again ------------------------------------------------------ */

static void poll_urls(void **state)
{
	static const char from[] = "https://api.example/a/b/c?d=e";
	/* RFC 3986 5.4, as far as it is of the same host; "" = not gone to */
	static const struct {
		const char *location, *want;
	} rows[] = {
	    {"/status/7", "https://api.example/status/7"},
	    {"g", "https://api.example/a/b/g"},
	    {"./g", "https://api.example/a/b/g"},
	    {"g/", "https://api.example/a/b/g/"},
	    {"?y", "https://api.example/a/b/c?y"},
	    {"g?y", "https://api.example/a/b/g?y"},
	    {"g?y/../x", "https://api.example/a/b/g?y/../x"},
	    {"#s", "https://api.example/a/b/c?d=e"},
	    {"g#s", "https://api.example/a/b/g"},
	    {".", "https://api.example/a/b/"},
	    {"..", "https://api.example/a/"},
	    {"../g", "https://api.example/a/g"},
	    {"../../../g", "https://api.example/g"},
	    {"/./g", "https://api.example/g"},
	    {"/../g", "https://api.example/g"},
	    {"g.", "https://api.example/a/b/g."},
	    {"..g", "https://api.example/a/b/..g"},
	    {"./../g", "https://api.example/a/g"},
	    {"g;x=1/../y", "https://api.example/a/b/y"},
	    {"/a%2f..%2Fb", "https://api.example/a%2f..%2Fb"},
	    {"//api.example/x", "https://api.example/x"},
	    {"//API.example:443/x", "https://API.example:443/x"},
	    {"https://api.example/x", "https://api.example/x"},
	    {"HTTPS://API.EXAMPLE", "HTTPS://API.EXAMPLE"},
	    {"https://api.example:443/x?y#z", "https://api.example:443/x?y"},
	    {"", ""},
	    {"http://api.example/x", ""},
	    {"https://api.example:8443/x", ""},
	    {"https://api.example./x", ""},
	    {"https://evil.example/x", ""},
	    {"//evil.example/x", ""},
	    {"///evil.example/x", ""},
	    {"https://user@api.example/x", ""},
	    {"//user:pass@api.example/x", ""},
	    {"https://@api.example/x", ""},
	    {"https://api.example@evil.example/", ""},
	    {"https://api.example\\@evil.example/", ""},
	    {"https:/evil.example/x", ""},
	    {"https:evil.example", ""},
	    {"file:///etc/passwd", ""},
	    {"javascript:1", ""},
	    {"g:h", ""},
	    {"/a b", ""},
	    {"/a\tb", ""},
	    {"/a\r\nX: y", ""},
	    {"/caf\xc3\xa9", ""},
	    {"\\evil.example", ""},
	    {"https://[::ffff:127.0.0.1]/", ""},
	};
	struct fixture *f = *state;
	struct compose c = compose_of(f);

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct str url = compose_poll_url(
		    &f->arena, &c, str_of(from), str_of(rows[i].location));

		print_message("# row %zu\n", i);
		assert_string_equal(arena_cstr(&f->arena, url), rows[i].want);
	}
}

static void poll_urls_of_others(void **state)
{
	struct fixture *f = *state;
	struct compose c = compose_of(f);
	char *location = arena_alloc(&f->arena, UPSTREAM_LOCATION_MAX + 2);

	assert_true(str_is(compose_poll_url(&f->arena, &c,
			       STR("https://api.example"), STR("g")),
	    "https://api.example/g"));
	assert_int_equal(
	    compose_poll_url(&f->arena, &c, STR("https://e.example/"), STR("g"))
		.n,
	    0);
	assert_int_equal(
	    compose_poll_url(&f->arena, &c, STR("nothing"), STR("g")).n, 0);
	memset(location, 'x', UPSTREAM_LOCATION_MAX + 1);
	location[0] = '/';
	const struct str from = STR("https://api.example/");
	assert_int_equal(compose_poll_url(&f->arena, &c, from,
			     (struct str){location, UPSTREAM_LOCATION_MAX})
			     .n,
	    0);
	assert_true(compose_poll_url(&f->arena, &c, from,
			(struct str){location, UPSTREAM_LOCATION_MAX - 30})
			.n > 0);
	f->upstream.base = STR("http://[::1]:8080/v1");
	assert_true(str_is(compose_poll_url(&f->arena, &c,
			       STR("http://[::1]:8080/v1/x"), STR("s")),
	    "http://[::1]:8080/v1/s"));
	c.upstream = NULL;
	assert_int_equal(compose_poll_url(&f->arena, &c,
			     STR("https://api.example/"), STR("g"))
			     .n,
	    0);
}

static void polls(void **state)
{
	struct fixture *f = *state;
	struct compose c = compose_of(f);

	f->upstream.local = true;
	assert_int_equal(
	    compose_poll(&f->arena, &c, STR("https://api.example/s/7?x"),
		&f->call, &f->why),
	    ERR_OK);
	assert_string_equal(f->call.method, "GET");
	assert_string_equal(f->call.url, "https://api.example/s/7?x");
	assert_false(f->call.has_body);
	assert_true(f->call.local);
	assert_true(f->call.reuse);
	assert_int_equal(f->call.timeout_ms, 5000);
	assert_string_equal(header(f, "Authorization"), "Bearer secret");
	assert_string_equal(header(f, "gov-client-id"), "abc");
	assert_string_equal(header(f, "Content-Type"), "");
	/* the configuration is another one by now */
	f->upstream.base = STR("https://other.example");
	assert_int_equal(compose_poll(&f->arena, &c,
			     STR("https://api.example/s/7"), &f->call, &f->why),
	    ERR_INPUT);
	assert_true(f->why.n > 0);
}

/* A read has no call of its own: its plan makes them. */
static void reads(void **state)
{
	struct fixture *f = *state;
	struct compose c = compose_of(f);

	f->api.read = STR("case");
	f->api.path = STR("/api/v1/{area}/case/{crns}");
	f->api.deadline_ms = 60000;
	f->request.method = STR("GET");
	f->request.path = STR("/api/v1/a%2Fb/case/X1,X%C3%A4");
	c.owner = STR("00ff");
	c.upstream = NULL;
	assert_int_equal(
	    compose_call(&f->arena, &c, &f->call, &f->why), ERR_OK);
	const struct upstream_read *read = f->call.read;
	assert_non_null(read);
	assert_null(f->call.url);
	assert_true(str_is(read->name, "case"));
	assert_true(str_is(read->owner, "00ff"));
	assert_ptr_equal(read->request, &f->request);
	assert_int_equal(f->call.timeout_ms, 60000);
	assert_int_equal(read->params.n, 2);
	assert_true(str_is(read->params.items[0].name, "area"));
	assert_true(str_is(read->params.items[0].value, "a/b"));
	assert_true(str_is(read->params.items[1].name, "crns"));
	assert_true(str_is(read->params.items[1].value, "X1,X\xc3\xa4"));
	f->request.path = STR("/api/v1/a/case/%zz");
	assert_int_equal(
	    compose_call(&f->arena, &c, &f->call, &f->why), ERR_INPUT);
	assert_true(str_is(f->why, "the path cannot be decoded"));
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    CASE(a_call),
	    CASE(headers_that_pass),
	    CASE(the_wires_own),
	    CASE(credentials_are_named),
	    CASE(headers_that_lie),
	    CASE(what_cannot_be_called),
	    CASE(bodies),
	    CASE(limits),
	    CASE(locations),
	    CASE(forms),
	    CASE(secrets_that_are_not_there),
	    CASE(no_secret_in_a_location),
	    CASE(when_it_was_accepted),
	    CASE(traces),
	    CASE(what_is_kept_and_believed),
	    CASE(programs),
	    CASE(their_environment),
	    CASE(no_program),
	    CASE(poll_urls),
	    CASE(poll_urls_of_others),
	    CASE(polls),
	    CASE(reads),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("compose", tests, NULL, NULL);
}
