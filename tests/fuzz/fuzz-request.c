#include <string.h>

#include "cgi/names.h"
#include "cgi/pattern.h"
#include "cgi/route.h"
#include "lib/buf.h"
#include "tests/fuzz/fuzz.h"

/*
 * The variables that a web server makes of a request, a line for each ("\x1f"
 * stands for a line break within one): read, routed, its names found, how long
 * it waits. What is read of it is within the caps and of its grammar.
 */
const char *const fuzz_words[] = {"REQUEST_METHOD=", "REQUEST_URI=/api/",
    "HTTP_X_REQUEST_ID=", "HTTP_IDEMPOTENCY_KEY=\"", "HTTP_X_WAIT_TIME_MS=",
    "HTTP_PREFER=", "CONTENT_LENGTH=", "CONTENT_TYPE=", "wait=5",
    "respond-async", "handling=strict", ", ", ";", "job_", "/api/jobs/",
    "/v1/bundle/", "recent", "%2F", "%2e%2e", "/../", "//", "?", "&purge=1",
    "view=", "lastEventId=", "+", "\\\"", "\n", "\x1f", "POST", "OPTIONS",
    "HTTP_ACCESS_CONTROL_REQUEST_METHOD=", "99999999999999999999",
    "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", NULL};

static struct str forward[] = {STR_INIT("gov-client-*"), STR_INIT("say")};
static struct api apis[] = {
    {.method = STR_INIT("POST"),
	.path = STR_INIT("/api/v1/bundle"),
	.pattern = PATTERN_ASYNC_POLLING,
	.allow = 7,
	.wait_ms = 2000,
	.wait_max_ms = 25000,
	.forward = {forward, 2}},
    {.method = STR_INIT("DELETE"),
	.path = STR_INIT("/api/v1/bundle/{id}"),
	.pattern = PATTERN_FIRE_AND_FORGET,
	.allow = 1,
	.wait_max_ms = 9},
    {.method = STR_INIT("GET"),
	.path = STR_INIT("/api/v1/bundle/recent"),
	.pattern = PATTERN_SYNCHRONOUS,
	.allow = 5},
    {.method = STR_INIT("GET"),
	.path = STR_INIT("/api/{a}/x/{b}"),
	.pattern = PATTERN_ASYNC_POLLING,
	.allow = 2,
	.wait_ms = -1},
};
#define N_APIS (sizeof(apis) / sizeof(*apis))
static struct read reads[] = {
    {.name = STR_INIT("one"), .path = STR_INIT("/api/v1/bundle/{id}")},
    {.name = STR_INIT("other"), .path = STR_INIT("/api/{a}/y")},
};
static const struct config config = {.prefix = STR_INIT("/api"),
    .apis = apis,
    .n_apis = N_APIS,
    .reads = reads,
    .n_reads = sizeof(reads) / sizeof(*reads)};

#define VARS_MAX 300
struct vars {
	char *all[VARS_MAX + 1];
	size_t n;
	struct str target;
};

/* Each in memory of its own, as exact as its '\0' allows. */
static void read_vars(struct str input, struct vars *v)
{
	*v = (struct vars){0};
	for (size_t at = 0; at < input.n && v->n < VARS_MAX;) {
		size_t end = str_find(input, '\n', at);
		struct str line = str_slice(input, at, end);
		char *var = strndup(line.p, line.n);
		if (!var)
			abort();
		for (char *c = var; (c = strchr(c, '\x1f'));)
			*c = '\n';
		if (strncmp(var, "REQUEST_URI=", 12) == 0)
			v->target = str_of(var + 12);
		v->all[v->n++] = var;
		at = end + 1;
	}
}

static void headers_hold(const struct request *r)
{
	size_t bytes = 0;

	fuzz_must(r->headers.n <= HTTP_HEADERS_MAX);
	for (size_t i = 0; i < r->headers.n; i++) {
		const struct pair *h = &r->headers.items[i];
		bytes += h->name.n;
		for (size_t j = 0; j < h->name.n; j++)
			fuzz_must(
			    h->name.p[j] != '_' &&
			    !(h->name.p[j] >= 'A' && h->name.p[j] <= 'Z'));
		fuzz_must(str_is(h->name, "content-type") ||
			  str_eq(str_trim(h->value), h->value));
		fuzz_must(!names_matches_forward(&apis[0], h->name) ||
			  names_is_forwarded(&apis[0], h->name));
		(void)names_is_credential(&apis[0], h->name);
		(void)names_is_token(h->name);
	}
	fuzz_must(bytes <= HTTP_HEADER_BYTES_MAX);
}

/* Every byte of it as %XX: the same segment, whatever is in it. */
static void put_encoded(struct buf *out, struct str segment)
{
	for (size_t i = 0; i < segment.n; i++)
		buf_printf(out, "%%%02x", (unsigned char)segment.p[i]);
}

/* The path of the API with these values in its places leads there again. */
static void leads_back(
    struct arena *a, const struct request *r, const struct route *found)
{
	struct str pattern = apis[found->api].path;
	struct request again = *r;
	struct route route;
	struct buf path = {0};
	size_t place = 0;

	for (size_t at = 0; at < pattern.n; at++) {
		if (pattern.p[at] != '{') {
			buf_putc(&path, pattern.p[at]);
			continue;
		}
		fuzz_must(place < found->n_params);
		put_encoded(&path, found->params[place++].value);
		at = str_find(pattern, '}', at);
	}
	fuzz_must(place == found->n_params);
	again.path = buf_str(&path);
	route_find(a, &config, &again, &route);
	fuzz_must(route.kind == ROUTE_API && route.api == found->api);
	fuzz_must(route.n_params == found->n_params);
	for (size_t i = 0; i < route.n_params; i++)
		fuzz_must(
		    str_eq(route.params[i].value, found->params[i].value));
	buf_release(&path);
}

static void route_holds(struct arena *a, const struct request *r)
{
	struct route route;

	route_find(a, &config, r, &route);
	switch (route.kind) {
	case ROUTE_API:
		fuzz_must(route.api < N_APIS);
		fuzz_must(str_eq(r->method, apis[route.api].method));
		for (size_t i = 0; i < route.n_params; i++)
			fuzz_must(route.params[i].value.n &&
				  !str_is(route.params[i].value, ".") &&
				  !str_is(route.params[i].value, ".."));
		leads_back(a, r, &route);
		break;
	case ROUTE_METHOD:
	case ROUTE_OPTIONS:
		fuzz_must((route.kind == ROUTE_OPTIONS) ==
			  str_is(r->method, "OPTIONS"));
		fuzz_must(str_ends(route.allow, "OPTIONS"));
		break;
	case ROUTE_JOB:
	case ROUTE_JOB_RESULT:
	case ROUTE_JOB_CANCEL:
	case ROUTE_EVENTS:
		fuzz_must(route.id.n > 0);
		break;
	case ROUTE_READ: /* route_find_read() alone finds these */
		fuzz_must(false);
		break;
	case ROUTE_NONE:
	case ROUTE_HEALTH:
	case ROUTE_LIST:
	case ROUTE_OWNER_EVENTS:
		break;
	}
}

/* A read, or nothing of an API's. */
static void read_holds(struct arena *a, const struct request *r)
{
	struct route route;

	route_find_read(a, &config, r, &route);
	fuzz_must(route.kind == ROUTE_READ || route.kind == ROUTE_NONE ||
		  route.kind == ROUTE_METHOD || route.kind == ROUTE_OPTIONS);
	if (route.kind != ROUTE_READ)
		return;
	fuzz_must(route.api < config.n_reads);
	fuzz_must(str_is(r->method, "GET") || str_is(r->method, "HEAD"));
	fuzz_must(route.n_params == 1 && route.params[0].value.n > 0);
}

static void names_hold(struct arena *a, const struct request *r, bool anonymous)
{
	struct name name;

	names_find(a, r, anonymous, &name);
	if (name.naming == NAMING_JOB)
		fuzz_must(str_starts(name.name, "job_"));
	if (name.naming == NAMING_BAD)
		fuzz_must(request_has_header(r, "idempotency-key"));
	if (name.naming != NAMING_CLIENT)
		return;
	fuzz_must(name.name.n >= (anonymous ? IDS_NAME_MIN_ANONYMOUS : 1));
	if (name.kind == NAME_REQUEST_ID)
		fuzz_must(names_is_request_id(name.name));
	fuzz_must(name.name.n <= NAMES_KEY_MAX);
	for (size_t i = 0; i < name.name.n; i++)
		fuzz_must(name.name.p[i] >= 0x20 && name.name.p[i] <= 0x7e);
}

static void pace_holds(const struct api *api, const struct request *r)
{
	const int64_t most = pattern_wait_max(api);
	struct pace pace;

	pattern_choose(api, r, &pace);
	fuzz_must(api->allow & 1u << pace.pattern);
	fuzz_must(pace.wait_ms >= 0 && pace.wait_ms <= most);
	fuzz_must(!pace.prefer || pace.asked);
	if (pace.pattern == PATTERN_FIRE_AND_FORGET)
		fuzz_must(pace.wait_ms == 0);
	if (pace.pattern == PATTERN_SYNCHRONOUS)
		fuzz_must(pace.wait_ms == most);
	if (pattern_prefer_ms(r) >= 0 || pattern_is_strict(r))
		fuzz_must(request_has_header(r, "prefer"));
}

static void query_holds(struct arena *a, struct str query)
{
	static const char *const asked[] = {"purge", "view", "lastEventId", ""};
	struct str value;

	for (size_t i = 0; i < sizeof(asked) / sizeof(*asked); i++)
		if (route_query(a, query, asked[i], &value))
			fuzz_must(
			    value.n < query.n || (value.n == 0 && query.n > 0));
}

static void request_holds(
    struct arena *a, const struct vars *v, const struct request *r)
{
	fuzz_must(r->method.n && v->target.n);
	fuzz_must(str_eq(
	    r->path, str_slice(v->target, 0, str_find(v->target, '?', 0))));
	fuzz_must(r->query.n == (r->query.p ? v->target.n - r->path.n - 1 : 0));
	fuzz_must(v->target.n <= HTTP_TARGET_MAX && r->body_declared >= -1);
	headers_hold(r);
	route_holds(a, r);
	read_holds(a, r);
	names_hold(a, r, true);
	names_hold(a, r, false);
	for (size_t i = 0; i < N_APIS; i++)
		pace_holds(&apis[i], r);
	query_holds(a, r->query);
	(void)names_is_trace(request_header(r, "traceparent"));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct request r;
	struct vars vars;
	struct arena a = {0};

	read_vars((struct str){(const char *)data, n}, &vars);
	enum err err = request_from_cgi(&a, vars.all, &r);
	fuzz_must(err == ERR_OK || err == ERR_INPUT || err == ERR_TOO_LARGE);
	if (err == ERR_OK)
		request_holds(&a, &vars, &r);
	for (size_t i = 0; i < vars.n; i++)
		free(vars.all[i]);
	arena_release(&a);
	return 0;
}
