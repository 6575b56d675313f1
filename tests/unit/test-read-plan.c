#include "tests/unit/read-kit.h"

#include "lib/json.h"

/* covers cgi/read/plan*.c: what is asked, and what becomes of it */

/* ---- identifiers --------------------------------------------------------- */

#define CHARS_128                                                              \
	"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"     \
	"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

/* What a list of at most 3 comes to: URLs, or why it is refused. */
static const struct ids_row {
	const char *list, *urls, *why;
} ids_rows[] = {
    {"X1", "/p/X1", NULL},
    {"X1,X2,X3", "/p/X1 /p/X2 /p/X3", NULL},
    {" X2 ,X1\t,, X2,", "/p/X2 /p/X1", NULL},
    {"b,a,b,a,c,c,c", "/p/b /p/a /p/c", NULL},
    {"a/b,\xc3\xa4,1 2", "/p/a%2Fb /p/%C3%A4 /p/1%202", NULL},
    {"7,07,7.0", "/p/7 /p/07 /p/7.0", NULL},
    {CHARS_128, "/p/" CHARS_128, NULL},
    {"", NULL, "has no identifier"},
    {" ,,\t,", NULL, "has no identifier"},
    {"1,2,3,4", NULL, "has more than 3 identifiers"},
    {"1,2,3,2,1,4,\x01", NULL, "has more than 3 identifiers"},
    {"1,x" CHARS_128, NULL, "has an identifier of more than 128 bytes"},
    {"1,a\x01z", NULL, "has an identifier of characters that none is made of"},
    {"a\nb", NULL, "has an identifier of characters that none is made of"},
    {"\x7f", NULL, "has an identifier of characters that none is made of"},
    {"..", NULL, "has an identifier of characters that none is made of"},
    {"1,.", NULL, "has an identifier of characters that none is made of"},
};

static void list_rows(bool query)
{
	for (size_t i = 0; i < sizeof(ids_rows) / sizeof(*ids_rows); i++) {
		const struct ids_row *row = &ids_rows[i];
		const char *from = query ? "query.crn" : "path.crns";
		struct kit *k = kit_new();
		struct kit_wave w;
		struct buf q = {0};

		print_message("# %s, row %zu\n", from, i);
		kit_ids(k, "crn", from, 3);
		kit_call(k, "p", "/p/{id.crn}", "crn");
		buf_puts(&q, "a=b&crn=");
		for (const char *c = row->list; *c; c++)
			buf_printf(&q, "%%%02X", (unsigned char)*c);
		if (query)
			k->request.query = buf_str(&q);
		else
			kit_param(k, "crns", row->list);
		if (row->why)
			assert_string_equal(kit_refused(k),
			    arena_printf(&kit_arena, "{%s} %s", from, row->why)
				.p);
		else
			assert_string_equal(
			    kit_wave(kit_plan(k), &w), row->urls);
		buf_release(&q);
	}
}

static void identifiers(void **state)
{
	(void)state;
	list_rows(false);
	list_rows(true);
	struct kit *k = kit_new();
	kit_ids(k, "crn", "query.crn", 3);
	kit_call(k, "p", "/p/{id.crn}", "crn");
	assert_string_equal(kit_refused(k), "{query.crn} is missing");
	k->request.query = STR("crn=%zz");
	assert_string_equal(kit_refused(k), "{query.crn} is missing");
}

/* `n` of them by commas. */
static char *many_ids(size_t n)
{
	struct buf all = {0};

	for (size_t i = 0; i < n; i++)
		buf_printf(&all, "%s%zu", i ? "," : "", i);
	char *text = arena_cstr(&kit_arena, buf_str(&all));
	buf_release(&all);
	return text;
}

/* Ten thousand are refused before anything is made for them. */
static void too_many(void **state)
{
	struct kit *k = kit_new();
	struct arena a = {0};
	struct plan *plan;
	struct str why;

	(void)state;
	kit_ids(k, "crn", "path.crns", 1000000);
	for (int i = 0; i < 4; i++)
		kit_call(k, &"abcd"[i], "/p/{id.crn}", "crn");
	k->calls[0].name = STR("a");
	k->calls[1].name = STR("b");
	k->calls[2].name = STR("c");
	kit_param(k, "crns", many_ids(10000));
	assert_int_equal(plan_new(&a, &k->spec, &plan, &why), ERR_INPUT);
	assert_true(str_is(why, "{path.crns} has more than 1000 identifiers"));
	assert_true(a.used < 64 * 1024);
	arena_release(&a);
	k->params[0].value = str_of(many_ids(1000));
	assert_int_equal(plan_new(&a, &k->spec, &plan, &why), ERR_OK);
	arena_release(&a);
	kit_call(k, "e", "/p/{id.crn}", "crn");
	assert_int_equal(plan_new(&a, &k->spec, &plan, &why), ERR_INPUT);
	assert_true(str_is(why, "so many identifiers need 5000 calls, and at "
				"most 4096 are made for one request"));
	assert_true(a.used < 64 * 1024);
	arena_release(&a);
}

/* ---- what the request has to have ---------------------------------------- */

static const struct request_row {
	const char *path, *header, *why;
} request_rows[] = {
    {"/p/{query.k}", NULL, "the path of p needs {query.k}, which is missing"},
    {"/p/{path.none}", NULL,
	"the path of p needs {path.none}, which is missing"},
    {"/p/{query.dots}", NULL, "the path of p cannot take what {query.dots} is"},
    {"/p?x={query.k}", NULL, "the path of p needs {query.k}, which is missing"},
    {"/p", "{query.k}",
	"the header x-own of p needs {query.k}, which is missing"},
    {"/p/{query.k}/{call.q.x}", NULL,
	"the path of p needs {query.k}, which is missing"},
    {"/p/{call.q.x}", "{query.k}",
	"the header x-own of p needs {query.k}, which is missing"},
    {"/p?k={query.k?}", "{query.k?}", NULL},
    {"/p", "{header.none}", NULL},
};

static void missing_in_request(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(request_rows) / sizeof(*request_rows);
	     i++) {
		const struct request_row *row = &request_rows[i];
		struct kit *k = kit_new();
		struct pair header = {STR("x-own"), str_of(row->header)};
		struct kit_wave w;

		print_message(
		    "# %s %s\n", row->path, row->header ? row->header : "");
		k->request.query = STR("dots=..&other=1");
		struct read_call *call = kit_call(k, "p", row->path, NULL);
		if (row->header)
			call->headers = (struct pairs){&header, 1};
		kit_call(k, "q", "/q", NULL);
		if (row->why)
			assert_string_equal(kit_refused(k), row->why);
		else
			assert_string_equal(kit_wave(kit_plan(k), &w), "/p /q");
	}
}

static void secrets_are_not_here(void **state)
{
	struct kit *k = kit_new();
	struct plan *plan;
	struct str why;

	(void)state;
	kit_call(k, "p", "/p?k={secret.key}", NULL);
	assert_int_equal(
	    plan_new(&kit_arena, &k->spec, &plan, &why), ERR_MISSING);
	assert_true(str_is(why, "the path of p needs {secret.key}: there are "
				"no secrets here"));
}

/* It costs an optional call alone; why is the log's, not the client's. */
static void an_optional_call_lacks_a_secret(void **state)
{
	struct kit *k = kit_new();
	struct pair header = {STR("x-key"), STR("{secret.key}")};
	struct kit_wave w;

	(void)state;
	kit_ids(k, "crn", "path.crns", 3);
	kit_param(k, "crns", "1,2");
	struct read_call *p = kit_call(k, "p", "/p/{id.crn}", "crn");
	p->required = false;
	p->headers = (struct pairs){&header, 1};
	kit_call(k, "q", "/q", NULL);
	kit_call(k, "r", "/r/{call.p.x}", "crn")->required = false;
	struct plan *plan = kit_plan(k);
	assert_string_equal(kit_wave(plan, &w), "/q");
	kit_answer(plan, w.index[0], "1");
	struct read_result r = kit_result(plan);
	assert_string_equal(kit_body(&r),
	    "{\"data\":{\"p\":{},\"q\":1,\"r\":{}},\"upstreamFailures\":["
	    "{\"endpoint\":\"p\",\"failureType\":\"UNKNOWN_ERROR\","
	    "\"httpResponseStatus\":null,\"message\":\"it could not be asked\""
	    ",\"identifier\":\"1\"},"
	    "{\"endpoint\":\"p\",\"failureType\":\"UNKNOWN_ERROR\","
	    "\"httpResponseStatus\":null,\"message\":\"it could not be asked\""
	    ",\"identifier\":\"2\"},"
	    "{\"endpoint\":\"r\",\"failureType\":\"UNKNOWN_ERROR\","
	    "\"httpResponseStatus\":null,\"message\":\"it waited for p\""
	    ",\"identifier\":\"1\"},"
	    "{\"endpoint\":\"r\",\"failureType\":\"UNKNOWN_ERROR\","
	    "\"httpResponseStatus\":null,\"message\":\"it waited for p\""
	    ",\"identifier\":\"2\"}]}");
	assert_true(str_is(r.failures[0].why,
	    "the header x-key of p needs {secret.key}: there are no secrets "
	    "here"));
}

/* ---- the call ------------------------------------------------------------ */

static const char *headers_of(const struct plan_call *call)
{
	struct buf all = {0};

	for (size_t i = 0; i < call->http.headers.n; i++)
		buf_printf(&all, "%.*s: %.*s\n",
		    STR_ARG(call->http.headers.items[i].name),
		    STR_ARG(call->http.headers.items[i].value));
	const char *text = arena_cstr(&kit_arena, buf_str(&all));
	buf_release(&all);
	return text;
}

static struct kit *dressed(const char *forward)
{
	static struct pair own[] = {{STR_INIT("X-Own"), STR_INIT("up")},
	    {STR_INIT("Accept"), STR_INIT("application/json")}};
	static struct pair templates[] = {
	    {STR_INIT("X-Who"), STR_INIT("{header.x-a}/{path.crns}")},
	    {STR_INIT("x-own"), STR_INIT("call")}};
	struct kit *k = kit_new();

	k->upstreams[0].headers = (struct pairs){own, 2};
	struct read_call *call = kit_call(k, "p", "/p/{path.crns}?q=1", NULL);
	call->forward = kit_list(forward);
	call->headers = (struct pairs){templates, 2};
	kit_param(k, "crns", "X1,X2");
	kit_header(k, "x-a", "1");
	kit_header(k, "authorization", "Bearer t");
	kit_header(k, "if-none-match", "\"e\"");
	kit_header(k, "range", "bytes=0-1");
	kit_header(k, "host", "here");
	kit_header(k, "traceparent", "00-trace");
	kit_header(k, "x-bad", "a\r\nHost: b");
	return k;
}

static void composed(void **state)
{
	struct kit *k = dressed("x-*,authorization,if-none-match,range,host");
	struct plan_call call;
	static struct provider provider = {.name = STR_INIT("cognito")};

	(void)state;
	assert_true(plan_next(kit_plan(k), &call));
	assert_string_equal(
	    call.http.url, "http://127.0.0.1:1/base/p/X1%2CX2?q=1");
	assert_string_equal(headers_of(&call),
	    "traceparent: 00-trace\nX-Own: call\nAccept: application/json\n"
	    "x-a: 1\nauthorization: Bearer t\nX-Who: 1/X1,X2\n");
	assert_true(str_is(call.name, "up/p/X1%2CX2?q=1"));
	assert_string_equal(call.http.method, "GET");
	assert_true(call.http.reuse && call.http.multiplex);
	assert_false(call.http.has_body || call.http.local);
	assert_int_equal(call.http.timeout_ms, 5000);
	assert_int_equal(call.http.response_max, UPSTREAM_RESPONSE_MAX);
	assert_int_equal(call.http.keep.n, 4);
	assert_true(str_is(call.http.keep.items[0], "cache-control"));
	assert_true(str_is(call.http.keep.items[1], "set-cookie"));
	assert_true(str_is(call.http.keep.items[2], "retry-after"));
	assert_null(call.http.ca);
	/* what is the upstream's, and what the call says instead */
	k->upstreams[0].local = true;
	k->upstreams[0].ca = STR("/ca.pem");
	k->upstreams[0].response_max = 1000;
	k->upstreams[0].connect_timeout_ms = 11;
	k->upstreams[0].stall_timeout_ms = 12;
	k->calls[0].timeout_ms = 77;
	assert_true(plan_next(kit_plan(k), &call));
	assert_true(call.http.local);
	assert_string_equal(call.http.ca, "/ca.pem");
	assert_int_equal(call.http.response_max, 1000);
	assert_int_equal(call.http.connect_timeout_ms, 11);
	assert_int_equal(call.http.stall_timeout_ms, 12);
	assert_int_equal(call.http.timeout_ms, 77);
	/* a token that lets in here is seen by nobody else */
	k->config.providers = &provider;
	k->config.n_providers = 1;
	k->read.auth = STR("cognito");
	assert_true(plan_next(kit_plan(k), &call));
	assert_null(strstr(headers_of(&call), "Bearer"));
	k->read.auth = STR("web-server");
	assert_true(plan_next(kit_plan(k), &call));
	assert_non_null(strstr(headers_of(&call), "Bearer"));
}

/* Changes one thing, and says whether it is another call then. */
static void no_change(struct kit *k)
{
	(void)k;
}
static void another_trace(struct kit *k)
{
	k->headers[5].value = STR("00-other");
}
static void other_param(struct kit *k)
{
	k->params[0].value = STR("X1,X3");
}
static void other_token(struct kit *k)
{
	k->headers[1].value = STR("Bearer u");
}
static void other_owner(struct kit *k)
{
	k->spec.owner = STR("somebody else");
}
static void owned(struct kit *k)
{
	k->calls[0].owned = true;
}
static void owned_by_none(struct kit *k)
{
	owned(k);
	k->spec.owner = STR("");
}
static void owned_by_other(struct kit *k)
{
	owned(k);
	other_owner(k);
}
static void other_name(struct kit *k)
{
	k->calls[0].name = STR("other");
}
static void other_upstream(struct kit *k)
{
	k->upstreams[1].base = k->upstreams[0].base;
	k->upstreams[1].headers = k->upstreams[0].headers;
	k->calls[0].upstream = STR("down");
}
static void other_base(struct kit *k)
{
	k->upstreams[0].base = STR("http://127.0.0.1:1/other");
}
static void header_gone(struct kit *k)
{
	k->headers[0].name = STR("y-a");
}
static void header_of_other_case(struct kit *k)
{
	k->headers[0].name = STR("X-A");
}
static void one_more_header(struct kit *k)
{
	kit_header(k, "x-b", "");
}
static void not_forwarded(struct kit *k)
{
	kit_header(k, "y-b", "1");
}
static void other_timeout(struct kit *k)
{
	k->calls[0].timeout_ms = 1;
	k->calls[0].ttl_ms = 5;
	k->calls[0].required = false;
}

static const struct key_row {
	const char *name;
	void (*left)(struct kit *), (*right)(struct kit *);
	bool same;
} key_rows[] = {
    {"nothing", no_change, no_change, true},
    {"a trace", no_change, another_trace, true},
    {"the name of the call", no_change, other_name, true},
    {"its times", no_change, other_timeout, true},
    {"who asks, where that does not matter", no_change, other_owner, true},
    {"a header that is not sent", no_change, not_forwarded, true},
    {"a header's case", no_change, header_of_other_case, true},
    {"a token", no_change, other_token, false},
    {"the path", no_change, other_param, false},
    {"whether it is owned", no_change, owned, false},
    {"whether it is owned, by nobody", no_change, owned_by_none, false},
    {"whose it is", owned, owned_by_other, false},
    {"the same owner", owned, owned, true},
    {"the upstream", no_change, other_upstream, false},
    {"its base", no_change, other_base, false},
    {"a header that is gone", no_change, header_gone, false},
    {"an empty header", no_change, one_more_header, false},
};

static void keys(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(key_rows) / sizeof(*key_rows); i++) {
		struct kit *left = dressed("x-*,authorization");
		struct kit *right = dressed("x-*,authorization");
		struct plan_call a, b;

		print_message("# %s\n", key_rows[i].name);
		left->spec.owner = right->spec.owner = STR("me");
		key_rows[i].left(left);
		key_rows[i].right(right);
		assert_true(plan_next(kit_plan(left), &a));
		assert_true(plan_next(kit_plan(right), &b));
		assert_int_equal(
		    memcmp(a.key, b.key, sizeof(a.key)) == 0, key_rows[i].same);
	}
}

/* ---- who waits for whom -------------------------------------------------- */

static struct kit *case_kit(void)
{
	struct kit *k = kit_new();

	kit_ids(k, "crn", "path.crns", 10);
	kit_ids(k, "prem", "call.summaries.cases.at", 3);
	struct read_call *s = kit_call(k, "summaries", "/cases", NULL);
	s->records = STR("cases");
	s->by = STR("crn");
	kit_call(k, "risk", "/risk/{call.summaries.riskId}", "crn")->required =
	    false;
	kit_call(k, "why", "/why?r={call.risk.text}&o={call.risk.opt?}", "crn")
	    ->required = false;
	kit_call(k, "place", "/place/{id.prem}", "prem")->required = false;
	kit_call(k, "map", "/map/{id.prem}?all={id.crn}", NULL)->required =
	    false;
	kit_param(k, "crns", "1,2,3");
	return k;
}

static void nested(void **state)
{
	struct kit *k = case_kit();
	struct plan *plan = kit_plan(k);
	struct kit_wave w;

	(void)state;
	assert_string_equal(kit_wave(plan, &w), "/cases");
	assert_string_equal(kit_wave(plan, &w), "");
	assert_false(plan_is_over(plan));
	kit_answer(plan, 0,
	    "{\"cases\":[{\"crn\":2,\"riskId\":\"r2\",\"at\":[\"p\",7,\"p\"]},"
	    "{\"crn\":\"1\",\"riskId\":1.10,\"at\":\"q\"},"
	    "{\"crn\":\"1\",\"riskId\":\"second\",\"at\":null}]}");
	assert_string_equal(kit_wave(plan, &w),
	    "/risk/1.10 /risk/r2 /map/p%2C7%2Cq?all=1%2C2%2C3 "
	    "/place/p /place/7 /place/q");
	assert_int_equal(plan_calls(plan), 7);
	kit_answer(plan, w.index[0], "{\"text\":\"a b\",\"opt\":0}");
	kit_fail(plan, w.index[1], PLAN_TIMEOUT, 0);
	kit_answer(plan, w.index[2], "");
	for (size_t i = 3; i < 6; i++)
		kit_answer(plan, w.index[i], i == 3 ? "[]" : " 1.50 ");
	assert_string_equal(kit_wave(plan, &w), "/why?r=a%20b&o=0");
	assert_false(plan_is_over(plan));
	kit_answer(plan, w.index[0], "\"because\"");
	struct read_result r = kit_result(plan);
	assert_string_equal(kit_body(&r),
	    "{\"data\":{\"summaries\":{\"cases\":[{\"crn\":2,\"riskId\":\"r2\""
	    ",\"at\":[\"p\",7,\"p\"]},{\"crn\":\"1\",\"riskId\":1.10,\"at\":"
	    "\"q\"},{\"crn\":\"1\",\"riskId\":\"second\",\"at\":null}]},"
	    "\"risk\":{\"1\":{\"text\":\"a b\",\"opt\":0},\"3\":null},"
	    "\"why\":{\"1\":\"because\",\"3\":null},"
	    "\"place\":{\"p\":[],\"7\": 1.50 ,\"q\": 1.50 },"
	    "\"map\":null},\"upstreamFailures\":["
	    "{\"endpoint\":\"risk\",\"failureType\":\"TIMEOUT\","
	    "\"httpResponseStatus\":null,\"message\":\"it did not answer in "
	    "time\",\"identifier\":\"2\"},"
	    "{\"endpoint\":\"why\",\"failureType\":\"TIMEOUT\","
	    "\"httpResponseStatus\":null,\"message\":\"it waited for risk\","
	    "\"identifier\":\"2\"}]}");
	assert_false(r.complete);
}

static const char *failures_of(const struct read_result *r)
{
	struct buf out = {0};
	struct json_writer w = {.out = &out};

	read_put_failures(&w, r->failures, r->n_failures);
	const char *text = arena_cstr(&kit_arena, buf_str(&out));
	buf_release(&out);
	return text;
}

/*
 * No more calls than that for what an answer names, either: three lists of it,
 * with three calls each, share the room.
 */
static void too_many_of_an_answer(void **state)
{
	static const char *const names[] = {"a", "b", "c"};
	static const char *const calls[] = {
	    "a1", "a2", "a3", "b1", "b2", "b3", "c1", "c2", "c3"};
	struct kit *k = kit_new();
	const char *ids = many_ids(1000);
	struct plan_call call;

	(void)state;
	kit_call(k, "all", "/all", NULL);
	for (size_t i = 0; i < 9; i++)
		kit_call(k, calls[i],
		    arena_printf(&kit_arena, "/p/{id.%s}", names[i / 3]).p,
		    names[i / 3]);
	for (size_t i = 0; i < 3; i++)
		kit_ids(k, names[i],
		    arena_printf(&kit_arena, "call.all.%s", names[i]).p,
		    1000000);
	struct plan *plan = kit_plan(k);
	assert_true(plan_next(plan, &call));
	kit_answer(plan, call.index,
	    arena_printf(
		&kit_arena, "{\"a\":[%s],\"b\":[%s],\"c\":[%s]}", ids, ids, ids)
		.p);
	while (plan_next(plan, &call))
		;
	assert_int_equal(plan_calls(plan), 1 + 3 * 1000 + 3 * 365);
	plan_expire(plan);
	struct read_result r = kit_result(plan);
	assert_non_null(strstr(failures_of(&r), "it has more than 365 of {b}"));
	assert_non_null(strstr(failures_of(&r), "it has more than 0 of {c}"));
}

/* What identifiers were to come from failed, was empty, or has odd ones. */
static void bulk_that_failed(void **state)
{
	struct kit *k = case_kit();
	struct plan *plan;
	struct kit_wave w;

	(void)state;
	k->calls[0].required = false;
	plan = kit_plan(k);
	kit_wave(plan, &w);
	kit_fail(plan, 0, PLAN_HTTP_ERROR, 500);
	assert_string_equal(kit_wave(plan, &w), "");
	struct read_result r = kit_result(plan);
	assert_non_null(strstr(kit_body(&r),
	    "{\"data\":{\"risk\":{},\"why\":{}},\"upstreamFailures\":["
	    "{\"endpoint\":\"summaries\",\"failureType\":\"UPSTREAM_HTTP_ERROR"
	    "\",\"httpResponseStatus\":500,\"message\":\"it answered with an "
	    "error\",\"identifier\":null},"
	    "{\"endpoint\":\"risk\",\"failureType\":\"UPSTREAM_HTTP_ERROR\","
	    "\"httpResponseStatus\":500,\"message\":\"it waited for summaries"
	    "\",\"identifier\":\"1\"}"));
	assert_non_null(strstr(kit_body(&r),
	    "{\"endpoint\":\"why\",\"failureType\":\"UPSTREAM_HTTP_ERROR\","
	    "\"httpResponseStatus\":500,\"message\":\"it waited for risk\","
	    "\"identifier\":\"3\"},"
	    "{\"endpoint\":\"place\",\"failureType\":\"UPSTREAM_HTTP_ERROR\","
	    "\"httpResponseStatus\":500,\"message\":\"it waited for summaries"
	    "\",\"identifier\":null},"
	    "{\"endpoint\":\"map\","));
	assert_int_equal(r.n_failures, 1 + 3 + 3 + 1 + 1);
}

static void bulk_that_is_empty(void **state)
{
	struct kit *k = case_kit();
	struct plan *plan = kit_plan(k);
	struct kit_wave w;

	(void)state;
	kit_wave(plan, &w);
	kit_answer(plan, 0, "");
	assert_string_equal(kit_wave(plan, &w), "");
	struct read_result r = kit_result(plan);
	assert_string_equal(kit_body(&r),
	    "{\"data\":{\"summaries\":null,"
	    "\"risk\":{\"1\":null,\"2\":null,\"3\":null},"
	    "\"why\":{\"1\":null,\"2\":null,\"3\":null},"
	    "\"place\":{},\"map\":null},\"upstreamFailures\":[]}");
	assert_true(r.complete);
}

static void odd_identifiers(void **state)
{
	struct kit *k = case_kit();
	struct plan *plan = kit_plan(k);
	struct kit_wave w;

	(void)state;
	kit_wave(plan, &w);
	kit_answer(plan, 0,
	    "{\"cases\":[[{\"at\":[true,null,{},\"\",\"..\"]},"
	    "{\"at\":[[\"a\"]]},7,\"x\",{\"no\":1}],"
	    "{\"at\":\"b\"},{\"at\":\"a\"},{\"at\":12345678901234567890123},"
	    "{\"at\":\"one too many\"},{\"at\":\"another\"}]}");
	assert_string_equal(kit_wave(plan, &w),
	    "/map/a%2Cb%2C12345678901234567890123?all=1%2C2%2C3 "
	    "/place/a /place/b /place/12345678901234567890123");
	plan_expire(plan);
	struct read_result r = kit_result(plan);
	assert_non_null(strstr(failures_of(&r),
	    "[{\"endpoint\":\"summaries\",\"failureType\":\"UNKNOWN_ERROR\","
	    "\"httpResponseStatus\":null,\"message\":\"it has more than 3 of "
	    "{prem}\",\"identifier\":null},"
	    "{\"endpoint\":\"summaries\",\"failureType\":\"UNKNOWN_ERROR\","
	    "\"httpResponseStatus\":null,\"message\":\"it has something as "
	    "{prem} that is no identifier\",\"identifier\":null}"));
	assert_int_equal(r.status, 200);
	assert_false(r.complete);
}

/* A required one that cannot be made, and why. */
static const struct lack_row {
	const char *answer, *message;
} lack_rows[] = {
    {"", "summaries has no riskId"},
    {"{}", "summaries has no riskId"},
    {"{\"cases\":{}}", "summaries has no riskId"},
    {"{\"cases\":[{\"crn\":\"2\",\"riskId\":1}]}", "summaries has no riskId"},
    {"{\"cases\":[{\"crn\":\"1\"}]}", "summaries has no riskId"},
    {"{\"cases\":[{\"crn\":\"1\",\"riskId\":null}]}",
	"summaries has no riskId"},
    {"{\"cases\":[{\"crn\":1.0,\"riskId\":1}]}", "summaries has no riskId"},
    {"{\"cases\":[{\"crn\":\"1\",\"riskId\":[1]}]}",
	"the riskId of summaries cannot be used"},
    {"{\"cases\":[{\"crn\":\"1\",\"riskId\":\"..\"}]}",
	"the riskId of summaries cannot be used"},
    {"{\"cases\":[{\"crn\":\"1\",\"riskId\":\"\"}]}",
	"the riskId of summaries cannot be used"},
    {"{\"a\":1,\"a\":2}", "its answer is not JSON"},
};

static void required_without(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(lack_rows) / sizeof(*lack_rows); i++) {
		struct kit *k = kit_new();
		struct plan *plan;
		struct kit_wave w;

		print_message("# %s\n", lack_rows[i].answer);
		kit_ids(k, "crn", "path.crns", 10);
		kit_param(k, "crns", "1");
		struct read_call *s = kit_call(k, "summaries", "/s", NULL);
		s->records = STR("cases");
		s->by = STR("crn");
		kit_call(k, "risk", "/risk/{call.summaries.riskId}", "crn");
		plan = kit_plan(k);
		kit_wave(plan, &w);
		kit_answer(plan, 0, lack_rows[i].answer);
		assert_string_equal(kit_wave(plan, &w), "");
		struct read_result r = kit_result(plan);
		assert_int_equal(r.status, 502);
		assert_int_equal(r.body.n, 0);
		assert_int_equal(r.failures[0].type, PLAN_UNKNOWN_ERROR);
		assert_string_equal(
		    arena_cstr(&kit_arena, r.failures[0].message),
		    lack_rows[i].message);
	}
}

/* ---- what becomes of it -------------------------------------------------- */

/* Of three required calls, a and b and c: what each came to. */
enum { OK, LATE, OPEN, SHED, HTTP500, HTTP404, BROKEN, OUT };
static const struct plan_outcome outcomes[] = {
    [OK] = {.fresh_boot = 1},
    [LATE] = {.failure = PLAN_TIMEOUT},
    [OPEN] = {.failure = PLAN_CIRCUIT_OPEN, .retry_ms = 700},
    [SHED] = {.failure = PLAN_UNKNOWN_ERROR, .shed = true, .retry_ms = 900},
    [HTTP500] = {.failure = PLAN_HTTP_ERROR, .status = 500},
    [HTTP404] = {.failure = PLAN_HTTP_ERROR, .status = 404},
    [BROKEN] = {.failure = PLAN_UNKNOWN_ERROR},
};
static const struct status_row {
	int a, b, c;
	const char *optional, *pass_on; /* names of calls; of 404 */
	int status;
	int64_t retry_ms;
} status_rows[] = {
    {OK, OK, OK, "", "abc", 200, 0},
    {LATE, LATE, LATE, "", "", 504, 0},
    {LATE, OK, OK, "", "", 504, 0},
    {LATE, OUT, OUT, "", "", 504, 0},
    {LATE, BROKEN, OK, "", "", 502, 0},
    {LATE, OPEN, OK, "", "", 502, 0},
    {OPEN, OPEN, OK, "", "", 503, 700},
    {OPEN, SHED, OPEN, "", "", 503, 900},
    {OPEN, BROKEN, OK, "", "", 502, 0},
    {BROKEN, LATE, OK, "", "", 502, 0},
    {BROKEN, SHED, OPEN, "", "", 502, 0},
    {SHED, OPEN, LATE, "", "", 502, 0},
    {LATE, LATE, SHED, "", "", 502, 0},
    {SHED, OUT, OUT, "", "", 503, 900},
    {HTTP500, OK, OK, "", "", 502, 0},
    {HTTP404, OK, OK, "", "", 502, 0},
    {HTTP404, OK, OK, "", "a", 404, 0},
    {HTTP404, OK, OK, "", "bc", 502, 0},
    {LATE, HTTP404, BROKEN, "", "b", 404, 0},
    {HTTP500, HTTP404, OK, "", "abc", 404, 0},
    {HTTP404, OK, OK, "a", "abc", 200, 0},
    {HTTP404, LATE, OK, "a", "abc", 504, 0},
    {BROKEN, LATE, OK, "a", "", 504, 0},
    {BROKEN, LATE, OPEN, "abc", "", 200, 0},
};

static void statuses(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(status_rows) / sizeof(*status_rows);
	     i++) {
		const struct status_row *row = &status_rows[i];
		const int said[] = {row->a, row->b, row->c};
		static const char *const names[] = {"a", "b", "c"};
		struct kit *k = kit_new();
		struct plan *plan;
		struct kit_wave w;

		print_message("# row %zu\n", i);
		for (size_t j = 0; j < 3; j++) {
			struct read_call *call =
			    kit_call(k, names[j], "/p", NULL);
			call->required = !strchr(row->optional, *names[j]);
			if (strchr(row->pass_on, *names[j]))
				call->pass_on = kit_list("410,404");
		}
		plan = kit_plan(k);
		kit_wave(plan, &w);
		assert_int_equal(w.n, 3);
		for (size_t j = 0; j < 3; j++)
			if (said[j] != OUT)
				plan_take(plan, j, &outcomes[said[j]]);
		struct read_result r = kit_result(plan);
		assert_int_equal(r.status, row->status);
		assert_int_equal(r.retry_ms, row->retry_ms);
		assert_int_equal(r.body.n > 0, row->status == 200);
	}
}

/* One that waited for what was refused was not refused itself. */
static void passed_on_by_those_who_asked(void **state)
{
	struct kit *k = kit_new();
	struct plan *plan;
	struct kit_wave w;

	(void)state;
	kit_call(k, "a", "/a", NULL)->required = false;
	kit_call(k, "b", "/b?{call.a.x}", NULL)->pass_on = kit_list("404");
	plan = kit_plan(k);
	kit_wave(plan, &w);
	kit_fail(plan, 0, PLAN_HTTP_ERROR, 404);
	struct read_result r = kit_result(plan);
	assert_int_equal(r.status, 502);
	assert_int_equal(r.n_failures, 2);
	assert_int_equal(r.failures[1].status, 404);
	assert_true(str_is(r.failures[1].message, "it waited for a"));
}

/* One that waited for what there was no time for was shed with it. */
static void shed_with_what_it_needs(void **state)
{
	struct kit *k = kit_new();
	struct plan *plan;
	struct kit_wave w;

	(void)state;
	kit_call(k, "a", "/a", NULL)->required = false;
	kit_call(k, "b", "/b?{call.a.x}", NULL);
	plan = kit_plan(k);
	kit_wave(plan, &w);
	plan_take(plan, 0, &outcomes[SHED]);
	struct read_result r = kit_result(plan);
	assert_int_equal(r.status, 503);
	assert_int_equal(r.retry_ms, 900);
	assert_int_equal(plan_calls(plan), 1);
}

static void ends_early(void **state)
{
	struct kit *k = case_kit();
	struct plan *plan = kit_plan(k);
	struct kit_wave w;

	(void)state;
	/* an optional one never ends it */
	kit_wave(plan, &w);
	kit_answer(plan, 0, "{\"cases\":[{\"crn\":1,\"riskId\":1}]}");
	kit_wave(plan, &w);
	kit_fail(plan, w.index[0], PLAN_HTTP_ERROR, 500);
	assert_true(plan_is_over(plan));
	plan_release(plan);
	/* a required one does, whatever is out */
	k->calls[3].required = true;
	plan = kit_plan(k);
	kit_wave(plan, &w);
	kit_answer(
	    plan, 0, "{\"cases\":[{\"crn\":1,\"riskId\":1,\"at\":[1,2]}]}");
	assert_string_equal(kit_wave(plan, &w),
	    "/risk/1 /map/1%2C2?all=1%2C2%2C3 /place/1 /place/2");
	assert_false(plan_is_over(plan));
	kit_fail(plan, w.index[3], PLAN_CIRCUIT_OPEN, 0);
	assert_true(plan_is_over(plan));
	assert_string_equal(kit_wave(plan, &w), "");
	struct read_result r = kit_result(plan);
	assert_int_equal(r.status, 503);
	assert_int_equal(r.n_failures, 1);
	assert_true(str_is(r.failures[0].identifier, "2"));
	/* nor is one made that is ready */
	plan = kit_plan(k);
	struct plan_call call;
	kit_wave(plan, &w);
	kit_answer(
	    plan, 0, "{\"cases\":[{\"crn\":1,\"riskId\":1,\"at\":[1,2]}]}");
	do
		assert_true(plan_next(plan, &call));
	while (!str_is(call.id, "1") || !str_is(call.call->name, "place"));
	kit_fail(plan, call.index, PLAN_CIRCUIT_OPEN, 0);
	assert_false(plan_next(plan, &call));
	plan_release(plan);
}

/* Where a shape looks into it, as where a call does. */
static void twice_in_what_is_looked_into(void **state)
{
	static const char twice[] = "{\"x\":1,\"x\":2}";
	static const struct {
		const char *shape;
		bool looked;
	} rows[] = {{"", false}, {"{\"all\":\"{call.a}\"}", false},
	    {"{\"one\":\"{call.a.x}\"}", true}};
	(void)state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct kit *k = kit_new();
		struct plan *plan;
		struct kit_wave w;

		k->read.shape = str_of(rows[i].shape);
		kit_call(k, "a", "/a", NULL)->required = false;
		plan = kit_plan(k);
		kit_wave(plan, &w);
		kit_answer(plan, 0, twice);
		struct read_result r = kit_result(plan);
		assert_int_equal(r.status, 200);
		assert_int_equal(r.n_failures, rows[i].looked);
		assert_int_equal(
		    strstr(kit_body(&r), twice) != NULL, !rows[i].looked);
		if (rows[i].looked)
			assert_true(str_is(
			    r.failures[0].message, "its answer is not JSON"));
	}
}

static void expires(void **state)
{
	struct kit *k = case_kit();
	struct plan *plan = kit_plan(k);
	struct kit_wave w;

	(void)state;
	kit_wave(plan, &w);
	plan_expire(plan);
	assert_true(plan_is_over(plan));
	kit_answer(plan, 0, "{}");
	assert_string_equal(kit_wave(plan, &w), "");
	struct read_result r = kit_result(plan);
	assert_int_equal(r.status, 504);
	assert_int_equal(r.n_failures, 1 + 3 + 3 + 1 + 1);
	k->calls[0].required = false;
	plan = kit_plan(k);
	plan_expire(plan);
	r = kit_result(plan);
	assert_non_null(strstr(
	    kit_body(&r), "{\"data\":{\"risk\":{},\"why\":{}},\"upstream"));
	assert_int_equal(plan_calls(plan), 0);
}

/* ---- what it promises ---------------------------------------------------- */

static const struct age_row {
	int64_t made[2], fresh[2];
	bool stale[2];
	int64_t made_boot, fresh_boot;
	bool cacheable, is_stale;
} age_rows[] = {
    {{100, 200}, {900, 800}, {false, false}, 100, 800, true, false},
    {{200, 100}, {800, 900}, {false, false}, 100, 800, true, false},
    {{200, 100}, {800, 100}, {false, false}, 100, 100, false, false},
    {{200, 0}, {800, 900}, {false, false}, 0, 800, true, false},
    {{200, 100}, {800, 0}, {false, false}, 100, 0, false, false},
    {{200, 100}, {800, 150}, {false, true}, 100, 150, true, true},
    {{200, 100}, {250, 900}, {true, false}, 100, 250, true, true},
    {{200, 100}, {200, 900}, {false, false}, 100, 200, false, false},
};

static void ages(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(age_rows) / sizeof(*age_rows); i++) {
		const struct age_row *row = &age_rows[i];
		struct kit *k = kit_new();
		struct plan *plan;
		struct kit_wave w;

		kit_call(k, "a", "/a", NULL);
		kit_call(k, "b", "/b", NULL);
		kit_call(k, "c", "/c", NULL)->required = false;
		plan = kit_plan(k);
		kit_wave(plan, &w);
		for (size_t j = 0; j < 2; j++) {
			struct blob *b = blob_new(STR("1"), 200, row->made[j]);
			plan_take(plan, j,
			    &(struct plan_outcome){.blob = b,
				.fresh_boot = row->fresh[j],
				.stale = row->stale[j]});
			/* as long as the plan has it */
			assert_int_equal(b->refs, 2);
			blob_unref(b);
		}
		kit_fail(plan, 2, PLAN_TIMEOUT, 0);
		struct read_result r = kit_result(plan);
		assert_int_equal(r.made_boot, row->made_boot);
		assert_int_equal(r.fresh_boot, row->fresh_boot);
		assert_int_equal(r.cacheable, row->cacheable);
		assert_int_equal(r.stale, row->is_stale);
	}
}

static void failures_are_counted(void **state)
{
	struct kit *k = kit_new();
	struct plan *plan;
	struct plan_call call;
	size_t n = 0;

	(void)state;
	kit_ids(k, "crn", "path.crns", 1000);
	kit_param(k, "crns", many_ids(250));
	kit_call(k, "p", "/p/{id.crn}", "crn")->required = false;
	plan = kit_plan(k);
	while (plan_next(plan, &call)) {
		assert_int_equal(call.index, n++);
		kit_fail(plan, call.index, PLAN_HTTP_ERROR, 418);
	}
	struct read_result r = kit_result(plan);
	assert_int_equal(r.n_failures, 250);
	const char *body = kit_body(&r);
	assert_non_null(strstr(body,
	    "\"identifier\":\"99\"},{\"endpoint\":\"p\",\"failureType\":"
	    "\"UPSTREAM_HTTP_ERROR\",\"httpResponseStatus\":null,\"message\":"
	    "\"and 150 more\",\"identifier\":null}]}"));
	r.n_failures = READ_FAILURES_TOLD;
	assert_null(strstr(failures_of(&r), "more"));
	r.n_failures++;
	assert_non_null(strstr(failures_of(&r), "and 1 more"));
	r.n_failures = 0;
	assert_string_equal(failures_of(&r), "[]");
}

/* Each one is allowed, and all of them are not. */
static void too_large(void **state)
{
	const size_t n = 15 * 1024 * 1024;
	char *text = malloc(n);

	(void)state;
	memset(text, ' ', n);
	text[0] = '1';
	for (size_t calls = 2; calls <= 3; calls++) {
		struct kit *k = kit_new();
		struct blob *b = blob_new((struct str){text, n}, 200, 1);
		struct kit_wave w;

		for (size_t i = 0; i < calls; i++)
			kit_call(k, "abc" + i, "/p", NULL)->name.n = 1;
		struct plan *plan = kit_plan(k);
		kit_wave(plan, &w);
		for (size_t i = 0; i < calls; i++)
			plan_take(plan, i, &(struct plan_outcome){.blob = b});
		struct read_result r = kit_result(plan);
		assert_int_equal(r.status, calls == 2 ? 200 : 502);
		assert_int_equal(r.complete, calls == 2);
		assert_int_equal(r.n_failures, calls - 2);
		if (calls == 3) {
			assert_int_equal(r.body.n, 0);
			assert_string_equal(failures_of(&r),
			    "[{\"endpoint\":\"case\",\"failureType\":\"UNKNOWN_"
			    "ERROR\",\"httpResponseStatus\":null,\"message\":"
			    "\"the answer is larger than 32 MiB\","
			    "\"identifier\":null}]");
		}
		assert_int_equal(b->refs, 1);
		blob_unref(b);
	}
	free(text);
}

/* ---- as a shape ---------------------------------------------------------- */

static const struct shape_row {
	const char *shape, *body;
} shape_rows[] = {
    {"\"{call.summaries}\"",
	"{ \"cases\":[{\"crn\":\"1\",\"name\":\"A\",\"n\":1.10}]}"},
    {"{\"s\":\"{call.summaries.cases}\"}",
	"{\"s\":[{\"crn\":\"1\",\"name\":\"A\",\"n\":1.10}]}"},
    {"\"{call.tier}\"", "{\"1\":{\"level\":\"gold\"}}"},
    {"[\"{crn}\",\"{prem}\",\"{complete}\"]", "[[\"1\",\"2\"],[],false]"},
    {"\"{upstreamFailures}\"",
	"[{\"endpoint\":\"tier\",\"failureType\":\"TIMEOUT\","
	"\"httpResponseStatus\":null,\"message\":\"it did not answer in time\","
	"\"identifier\":\"2\"}]"},
    {"{\"d\":\"{data}\"}",
	"{\"d\":{\"summaries\":{ \"cases\":[{\"crn\":\"1\",\"name\":\"A\","
	"\"n\":1.10}]},\"tier\":{\"1\":{\"level\":\"gold\"}},\"place\":{}}}"},
    {"{\"each\":\"crn\",\"value\":{\"c\":\"{crn}\",\"t\":\"{call.tier}\","
     "\"l\":\"{call.tier.level?}\",\"n\":\"{call.summaries.n}\","
     "\"s\":\"{call.summaries}\",\"x\":\"{crn}: {call.summaries.name?}!\"}}",
	"[{\"c\":\"1\",\"t\":{\"level\":\"gold\"},\"l\":\"gold\",\"n\":1.10,"
	"\"s\":{\"crn\":\"1\",\"name\":\"A\",\"n\":1.10},\"x\":\"1: A!\"},"
	"{\"c\":\"2\",\"t\":null,\"n\":null,\"s\":null}]"},
};

static void shapes(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(shape_rows) / sizeof(*shape_rows); i++) {
		struct kit *k = kit_new();
		struct plan *plan;
		struct kit_wave w;
		struct str why;

		print_message("# %s\n", shape_rows[i].shape);
		kit_ids(k, "crn", "path.crns", 10);
		kit_ids(k, "prem", "call.summaries.none", 10);
		kit_param(k, "crns", "1,2");
		struct read_call *s = kit_call(k, "summaries", "/s", NULL);
		s->records = STR("cases");
		s->by = STR("crn");
		kit_call(k, "tier", "/tier/{id.crn}", "crn")->required = false;
		kit_call(k, "place", "/place/{id.prem}", "prem");
		k->read.shape = str_of(shape_rows[i].shape);
		assert_true(plan_check(&kit_arena, &k->config, &k->read, &why));
		plan = kit_plan(k);
		kit_wave(plan, &w);
		kit_answer(plan, 0,
		    "{ \"cases\":[{\"crn\":\"1\",\"name\":\"A\",\"n\":1.10}]}");
		kit_answer(plan, 1, "{\"level\":\"gold\"}");
		kit_fail(plan, 2, PLAN_TIMEOUT, 0);
		struct read_result r = kit_result(plan);
		assert_string_equal(kit_body(&r), shape_rows[i].body);
	}
}

/* ---- reads that cannot be ------------------------------------------------ */

static void other_source(struct kit *k)
{
	k->ids[0].from = STR("body.crns");
}
static void no_source(struct kit *k)
{
	k->ids[0].from = STR("path");
}
static void source_gone(struct kit *k)
{
	k->ids[0].from = STR("call.none.x");
}
static void unknown_call(struct kit *k)
{
	k->calls[0].path = STR("/{call.none.x}");
}
static void unknown_ids(struct kit *k)
{
	k->calls[0].path = STR("/{id.none}");
}
static void unknown_each(struct kit *k)
{
	k->calls[0].each = STR("none");
}
static void no_upstream(struct kit *k)
{
	k->calls[0].upstream = STR("none");
}
static void needs_itself(struct kit *k)
{
	k->calls[0].path = STR("/{call.a.x}");
}
static void ring(struct kit *k)
{
	k->calls[0].path = STR("/{call.b.x?}");
	k->calls[1].path = STR("/{call.a.x?}");
}
static void ring_of_ids(struct kit *k)
{
	k->ids[0].from = STR("call.a.x");
	k->calls[0].each = STR("crn");
}
static void bad_shape(struct kit *k)
{
	k->read.shape = STR("[\"{call.none}\"]");
}
static void no_shape(struct kit *k)
{
	k->read.shape = STR("{");
}
static const struct check_row {
	void (*spoil)(struct kit *);
	const char *why;
} check_rows[] = {
    {other_source, "read case: crn come from nowhere"},
    {no_source, "read case: crn come from nowhere"},
    {source_gone, "read case: crn come from nowhere"},
    {unknown_call, "read case: a names a call that is not there"},
    {unknown_ids, "read case: a names identifiers that are not there"},
    {unknown_each, "read case: a is for identifiers that are not there"},
    {no_upstream, "read case: a has no upstream"},
    {needs_itself, "read case: its calls wait for each other"},
    {ring, "read case: its calls wait for each other"},
    {ring_of_ids, "read case: its calls wait for each other"},
    {bad_shape, "read case: its shape: {call.none} is no call of this read"},
    {no_shape, "read case: its shape: it is not JSON"},
};

static void checked(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(check_rows) / sizeof(*check_rows); i++) {
		struct kit *k = kit_new();
		struct plan *plan;
		struct str why;

		print_message("# %s\n", check_rows[i].why);
		kit_ids(k, "crn", "path.crns", 3);
		kit_call(k, "a", "/a", NULL);
		kit_call(k, "b", "/b", NULL);
		kit_param(k, "crns", "1");
		assert_true(plan_check(&kit_arena, &k->config, &k->read, &why));
		check_rows[i].spoil(k);
		assert_false(
		    plan_check(&kit_arena, &k->config, &k->read, &why));
		assert_string_equal(
		    arena_cstr(&kit_arena, why), check_rows[i].why);
		if (!k->read.shape.n)
			assert_int_equal(
			    plan_new(&kit_arena, &k->spec, &plan, &why),
			    ERR_MISSING);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(identifiers),
	    cmocka_unit_test(too_many),
	    cmocka_unit_test(missing_in_request),
	    cmocka_unit_test(secrets_are_not_here),
	    cmocka_unit_test(an_optional_call_lacks_a_secret),
	    cmocka_unit_test(composed),
	    cmocka_unit_test(keys),
	    cmocka_unit_test(nested),
	    cmocka_unit_test(too_many_of_an_answer),
	    cmocka_unit_test(bulk_that_failed),
	    cmocka_unit_test(bulk_that_is_empty),
	    cmocka_unit_test(odd_identifiers),
	    cmocka_unit_test(required_without),
	    cmocka_unit_test(statuses),
	    cmocka_unit_test(passed_on_by_those_who_asked),
	    cmocka_unit_test(shed_with_what_it_needs),
	    cmocka_unit_test(ends_early),
	    cmocka_unit_test(twice_in_what_is_looked_into),
	    cmocka_unit_test(expires),
	    cmocka_unit_test(ages),
	    cmocka_unit_test(failures_are_counted),
	    cmocka_unit_test(too_large),
	    cmocka_unit_test(shapes),
	    cmocka_unit_test(checked),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name(
	    "read-plan", tests, NULL, kit_release);
}
