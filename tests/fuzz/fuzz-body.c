#include <string.h>

#include "cgi/check.h"
#include "cgi/compose.h"
#include "cgi/ids.h"
#include "lib/json.h"
#include "tests/fuzz/fuzz.h"

/*
 * A body that a client sends, from the second byte on; the first says to which
 * API (an 'f': the last). Where it is accepted it has what was declared, the
 * call that it means can be made, and its fingerprint knows nothing of what is
 * secret in it.
 */
const char *const fuzz_words[] = {"{", "}",
    "\"vrn\":", "\"total\":", "\"lines\":[", "\"id\":", "\"item\":{\"id\":7}",
    "\"token\":\"secret\"", "\"to\\u006ben\":1", "\"1\"", "1.10",
    "18446744073709551616", "1e5", "null", "true", "[[[[", "]", ",", " ",
    "\\u0000", "\\ud83d\\udc1a", "\xff", "~/", "\"a/b\":1", "\r\n", "../",
    NULL};

static struct pair shape[] = {{STR_INIT("vrn"), STR_INIT("string")},
    {STR_INIT("total"), STR_INIT("number")},
    {STR_INIT("lines"), STR_INIT("array")}};
static struct pair odd[] = {
    {STR_INIT("a/b"), STR_INIT("integer")}, {STR_INIT("~"), STR_INIT("any")}};
static struct str secrets[] = {STR_INIT("token"), STR_INIT("pass word")};
static struct pair headers[] = {
    {STR_INIT("authorization"), STR_INIT("Bearer {body.token}")}};
static struct pair form[] = {{STR_INIT("vrn"), STR_INIT("{body.vrn}")},
    {STR_INIT("a b"), STR_INIT("x{body.item.id?}&")},
    {STR_INIT("total"), STR_INIT("{body.total?}")}};
static const struct upstream upstream = {
    .name = STR_INIT("up"), .base = STR_INIT("http://up.example")};
#define COMMON                                                                 \
	.path = STR_INIT("/api/x"), .body_max = 4096,                          \
	.body_type = STR_INIT("application/json"),                             \
	.request_method = STR_INIT("POST")
static struct api apis[] = {
    {COMMON, .name = STR_INIT("shaped"), .body_required = {shape, 3},
	.request_path = STR_INIT("/organisations/{body.vrn}/returns")},
    {COMMON, .name = STR_INIT("owned"), .resource_id = STR_INIT("body.item.id"),
	.request_path = STR_INIT("/items")},
    {COMMON, .name = STR_INIT("secret"), .body_secret = {secrets, 2},
	.request_headers = {headers, 1}, .request_path = STR_INIT("/secret")},
    {COMMON, .name = STR_INIT("odd"), .body_required = {odd, 2},
	.body_secret = {secrets, 1}, .resource_id = STR_INIT("body.id"),
	.request_body = STR_INIT("{\"id\": {body.id}}"),
	.request_path = STR_INIT("/odd")},
    {COMMON, .name = STR_INIT("any"), .request_path = STR_INIT("/any")},
    {COMMON, .name = STR_INIT("form"), .request_form = {form, 3},
	.request_path = STR_INIT("/form?id={body.id?}")},
};
#define N_APIS (sizeof(apis) / sizeof(*apis))
static const struct keys keys = {.name = {1, "the key of this fuzzer"}};

static struct value *read_object(struct arena *a, struct str body)
{
	struct value *v;

	if (json_read(a, body, 4096, NULL, NULL, &v) != ERR_OK ||
	    v->kind != VALUE_TABLE)
		return NULL;
	return v;
}

static void check_holds(const struct api *api, const struct check *check)
{
	fuzz_must(check->problem == PROBLEM_COUNT ||
		  check->problem == PROBLEM_VALIDATION_FAILED ||
		  check->problem == PROBLEM_PAYLOAD_TOO_LARGE);
	fuzz_must(
	    (check->n > 0) == (check->problem == PROBLEM_VALIDATION_FAILED));
	fuzz_must(check->n <= CHECK_FAULTS_MAX);
	for (size_t i = 0; i < check->n; i++)
		fuzz_must(check->faults[i].detail.n &&
			  (!check->faults[i].pointer.n ||
			      check->faults[i].pointer.p[0] == '/'));
	if (check->problem == PROBLEM_COUNT)
		fuzz_must((check->resource.n > 0) == (api->resource_id.n > 0));
}

/* It was accepted: what is declared is there, and a call can be made. */
static void accepted_holds(
    struct arena *a, const struct api *api, const struct envelope_request *env)
{
	struct value *v = read_object(a, env->body);
	struct upstream_call call;
	struct str why = {0};

	for (size_t i = 0; i < api->body_required.n; i++)
		fuzz_must(
		    v && value_member(v, api->body_required.items[i].name));
	const struct compose compose = {.upstream = &upstream,
	    .api = api,
	    .request = env,
	    .job_id = STR("job_x")};
	fuzz_must(compose_call(a, &compose, &call, &why) == ERR_OK);
	fuzz_must(strncmp(call.url, "http://up.example/", 18) == 0);
	for (const char *c = call.url; *c; c++)
		fuzz_must(*c > ' ' && *c < 0x7f);
	for (size_t i = 0; i < call.headers.n; i++)
		fuzz_must(str_find(call.headers.items[i].value, '\n', 0) ==
			  call.headers.items[i].value.n);
	if (api->request_body.n)
		fuzz_must(read_object(a, call.body));
	if (!api->request_form.n)
		return;
	fuzz_must(str_starts(call.body, "vrn="));
	for (size_t i = 0, n = 0; i < call.body.n; i++) {
		n += call.body.p[i] == '&';
		fuzz_must(
		    n < 3 && call.body.p[i] > ' ' && call.body.p[i] < 0x7f);
	}
}

static void sealed_holds(struct arena *a, const struct envelope_request *env)
{
	struct envelope_request back;
	struct buf bytes = {0};

	envelope_put_request(&bytes, env);
	fuzz_must(envelope_get_request(a, buf_str(&bytes), &back) == ERR_OK);
	fuzz_must(
	    str_eq(back.body, env->body) && back.headers.n == env->headers.n);
	fuzz_must(envelope_get_request(a,
		      str_slice(buf_str(&bytes), 0, bytes.len - 1),
		      &back) == ERR_CORRUPT);
	buf_release(&bytes);
	if (envelope_get_request(a, env->body, &back) == ERR_OK)
		fuzz_must(back.body.n < env->body.n);
}

static bool same_print(
    struct arena *a, const struct api *api, struct str one, struct str two)
{
	uint8_t prints[2][JOB_PRINT_BYTES];

	ids_fingerprint(&keys, STR("POST"), api->path, STR(""),
	    check_printed(a, api, one), prints[0]);
	ids_fingerprint(&keys, STR("POST"), api->path, STR(""),
	    check_printed(a, api, two), prints[1]);
	return memcmp(prints[0], prints[1], JOB_PRINT_BYTES) == 0;
}

static void print_holds(struct arena *a, const struct api *api, struct str body)
{
	struct str printed = check_printed(a, api, body);
	struct value *v = read_object(a, body), *p;

	if (!api->body_secret.n || !v || body.n > 4000) {
		fuzz_must(!api->body_secret.n || str_eq(printed, body) || v);
		fuzz_must(api->body_secret.n || str_eq(printed, body));
		return;
	}
	p = read_object(a, printed);
	fuzz_must(p && str_eq(check_printed(a, api, printed), printed));
	for (size_t i = 0; i < api->body_secret.n; i++)
		fuzz_must(!value_member(p, api->body_secret.items[i]));
	fuzz_must(same_print(a, api, body, printed));
	/* a credential more, or none: the same request still */
	if (value_member(v, secrets[0]))
		return;
	const struct str more = arena_join(a, 3,
	    (const struct str[]){str_slice(body, 0, str_find(body, '{', 0) + 1),
		v->as.table.n ? STR("\"token\" : \"x}\",") : STR("\"token\":7"),
		str_slice(body, str_find(body, '{', 0) + 1, body.n)});
	fuzz_must(same_print(a, api, body, more));
	/* and what is no credential makes it another one */
	const struct str other = arena_join(a, 3,
	    (const struct str[]){str_slice(body, 0, str_find(body, '{', 0) + 1),
		v->as.table.n ? STR("\"tokenn\":7,") : STR("\"tokenn\":7"),
		str_slice(body, str_find(body, '{', 0) + 1, body.n)});
	if (!value_member(v, STR("tokenn")))
		fuzz_must(!same_print(a, api, body, other));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct pair sent[] = {
	    {STR("content-type"), STR("Application/json; x=y")},
	    {STR("authorization"), STR("Bearer of the caller's")}};
	struct envelope_request env;
	struct check check;
	struct arena a = {0};

	if (n == 0)
		return 0;
	const struct api *api =
	    &apis[data[0] == 'f' ? N_APIS - 1 : data[0] % (N_APIS - 1)];
	const struct request r = {.method = STR("POST"),
	    .path = api->path,
	    .headers = {sent, 2},
	    .body = {(const char *)data + 1, n - 1},
	    .body_declared = (int64_t)n - 1};
	check_envelope(&a, api, &r, (struct str){0}, &env);
	fuzz_must(str_eq(env.body, r.body));
	/* nobody named the caller's own token */
	for (size_t i = 0; i < env.headers.n; i++)
		fuzz_must(!str_is(env.headers.items[i].name, "authorization"));
	check_request(&a, api, &r, &env, STR("job_x"), &check);
	check_holds(api, &check);
	if (check.problem == PROBLEM_COUNT)
		accepted_holds(&a, api, &env);
	sealed_holds(&a, &env);
	fuzz_must(!check_renews(api, &env, &env));
	if (r.body.n <= 4096)
		print_holds(&a, api, r.body);
	arena_release(&a);
	return 0;
}
