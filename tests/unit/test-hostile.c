#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cgi/answer.h"
#include "cgi/check.h"
#include "cgi/envelope.h"
#include "cgi/ids.h"
#include "cgi/names.h"
#include "cgi/pattern.h"
#include "cgi/route.h"
#include "cgi/template.h"
#include "lib/json.h"

/*
 * What comes from outside, spoilt at random, through every parser of the
 * endpoint and the worker that has no such test of its own. Each input lies in
 * memory of exactly its size, so that a sanitizer sees the first byte read too
 * many. Seeded; LOWTIDE_ROUNDS makes it as long as one likes.
 */
static uint64_t state64 = 88172645463325252u;
static uint32_t dice(uint32_t sides)
{
	state64 ^= state64 << 13;
	state64 ^= state64 >> 7;
	state64 ^= state64 << 17;
	return (uint32_t)(state64 >> 33) % sides;
}

static long rounds(void)
{
	const char *given = getenv("LOWTIDE_ROUNDS");
	return given ? strtol(given, NULL, 10) : 4000;
}

/* A spoilt copy, without a NUL behind it; `text`: without one inside, too. */
static struct str spoil(struct str s, bool text)
{
	static const char alphabet[] = "\0{}[]\",:;=%/?.#\\\r\n\t *+-_~"
				       "aA09\x7f\x80\xc3\xff";
	size_t room = s.n + 8, n = s.n;
	char *p = malloc(room);

	assert_non_null(p);
	if (n)
		memcpy(p, s.p, n);
	for (uint32_t i = dice(5); i > 0; i--) {
		size_t at = n ? dice((uint32_t)n) : 0;
		char c = alphabet[dice(sizeof(alphabet) - 1)];
		if (text && !c)
			c = '%';
		if (dice(3) == 0 && n < room) {
			memmove(p + at + 1, p + at, n - at);
			p[at] = c;
			n++;
		} else if (dice(3) == 0 && n) {
			memmove(p + at, p + at + 1, n - at - 1);
			n--;
		} else if (n) {
			p[at] = c;
		}
	}
	if (dice(20) == 0 && n)
		n = dice((uint32_t)n);
	char *exact = malloc(n ? n : 1);
	assert_non_null(exact);
	memcpy(exact, p, n);
	free(p);
	return (struct str){.p = exact, .n = n};
}

static void drop(struct str s)
{
	free((void *)(uintptr_t)s.p);
}

#define LIT(text)                                                              \
	{                                                                      \
		(text), sizeof(text) - 1                                       \
	}
static struct pair templates[] = {
    {LIT("X-A"), LIT("{header.x-a} {body.a.b} {cgi.REMOTE_ADDR}")}};
static struct str forward[] = {LIT("x-*"), LIT("gov-client-*")};
static struct pair required[] = {{LIT("a"), LIT("any")}};
static struct api api = {.name = LIT("one"),
    .tag = LIT("0a0b0c"),
    .method = LIT("POST"),
    .path = LIT("/api/v1/{id}/x"),
    .allow = 7,
    .wait_max_ms = 25000,
    .body_type = LIT("application/json"),
    .body_max = 65536,
    .request_path = LIT("/u/{path.id}/{body.a.b}?q={query.q}&h={header.x-a}"),
    .request_body = LIT("{\"s\":\"{body.s}\",\"n\":{body.n},\"q\":{query.q}}"),
    .request_headers = {templates, 1},
    .forward = {forward, 2},
    .body_required = {required, 1}};
static struct config config = {
    .prefix = LIT("/api"), .apis = &api, .n_apis = 1};

static const char *const vars[] = {"REQUEST_METHOD=POST",
    "REQUEST_URI=/api/v1/a%2Fb%20c/x?q=1+2&onComplete=redirect",
    "REMOTE_ADDR=192.0.2.7", "CONTENT_LENGTH=33",
    "CONTENT_TYPE=application/json; charset=utf-8",
    "HTTP_X_REQUEST_ID=0123456789-abcdefghij",
    "HTTP_IDEMPOTENCY_KEY=\"a key \\\"of\\\" twenty bytes\"",
    "HTTP_X_WAIT_TIME_MS=900", "HTTP_PREFER=wait=3; x, respond-async",
    "HTTP_TRACEPARENT="
    "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    "HTTP_X_A=some value", "HTTP_IF_NONE_MATCH=W/\"12\", *"};
#define VARS (sizeof(vars) / sizeof(vars[0]))
static const char body[] =
    "{\"a\":{\"b\":\"x/y z\"},\"s\":\"t\\u00e9\\\"\",\"n\":1.10}";

static bool is_visible(struct str s, bool spaces)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] < (spaces ? 0x20 : 0x21) ||
		    s.p[i] == 0x7f)
			if (!spaces || s.p[i] != '\t')
				return false;
	return true;
}

/* What the worker would make of it, and that it stays what it is meant for. */
static void fill(struct arena *a, const struct request *r,
    const struct envelope_request *env, const struct value *tree)
{
	struct template_source source = {.pattern = api.path,
	    .request = env,
	    .body = tree,
	    .result = tree,
	    .job_id = STR("job_x")};
	struct str out, place;
	struct value *again;

	(void)r;
	if (template_fill(a, &source, TEMPLATE_PATH, api.request_path, &out,
		&place) == ERR_OK) {
		assert_true(is_visible(out, false));
		assert_true(str_starts(out, "/u/"));
		size_t mark = str_find(out, '?', 0);
		assert_int_equal(
		    str_find(out, '/', str_find(out, '/', 3) + 1), out.n);
		assert_true(mark < out.n);
	}
	if (template_fill(a, &source, TEMPLATE_HEADER, templates[0].value, &out,
		&place) == ERR_OK)
		assert_true(is_visible(out, true));
	if (template_fill(a, &source, TEMPLATE_BODY, api.request_body, &out,
		&place) == ERR_OK)
		assert_int_equal(
		    json_read(a, out, out.n, NULL, NULL, &again), ERR_OK);
}

static void one_request(struct arena *a, const struct keys *keys)
{
	char *spoilt[VARS + 1] = {0};
	struct request r;

	for (size_t i = 0; i < VARS; i++) {
		struct str s = dice(3) ? (struct str){.p = NULL}
				       : spoil(str_of(vars[i]), true);
		spoilt[i] = arena_cstr(a, s.p ? s : str_of(vars[i]));
		drop(s);
	}
	if (request_from_cgi(a, spoilt, &r) != ERR_OK)
		return;
	struct str sent = spoil(str_of(body), false);
	r.body = sent;
	struct route route;
	struct name name;
	struct pace pace;
	struct envelope_request env;
	struct check check;
	struct value *tree = NULL;
	uint8_t print[JOB_PRINT_BYTES], id[JOB_ID_BYTES], owner[16] = {0};
	route_find(a, &config, &r, &route);
	names_find(a, &r, dice(2), &name);
	pattern_choose(&api, &r, &pace);
	assert_in_range(pace.wait_ms, 0, api.wait_max_ms);
	ids_fingerprint(keys, r.method, r.path, r.query, r.body, print);
	if (name.naming == NAMING_CLIENT)
		ids_named(keys, &api, owner, name.kind, name.name, print, id);
	check_envelope(a, &api, &r, (struct str){0}, &env);
	check_request(a, &api, &r, &env, STR("job_x"), &check);
	if (json_read(a, sent, sent.n, NULL, NULL, &tree) != ERR_OK)
		tree = NULL;
	fill(a, &r, &env, tree);
	drop(sent);
}

static void requests(void **state)
{
	struct keys keys = {.n_mac = 1, .n_seal = 1};
	struct arena a = {0};

	(void)state;
	for (long i = rounds(); i > 0; i--) {
		one_request(&a, &keys);
		arena_reset(&a);
	}
	arena_release(&a);
}

static void envelopes(void **state)
{
	struct pair headers[] = {
	    {STR("x-a"), STR("1")}, {STR("gov-client-b"), STR("")}};
	struct envelope_request request = {.method = STR("POST"),
	    .path = STR("/a"),
	    .query = STR("q"),
	    .remote_addr = STR("192.0.2.7"),
	    .headers = {headers, 2},
	    .body = STR("body")};
	struct envelope_result result = {
	    .status = 201, .content_type = STR("a/b"), .body = STR("body")};
	struct buf whole[2] = {{0}, {0}};
	struct arena a = {0};

	(void)state;
	envelope_put_request(&whole[0], &request);
	envelope_put_result(&whole[1], &result);
	for (long i = rounds(); i > 0; i--) {
		struct str s = spoil(buf_str(&whole[i % 2]), false);
		struct envelope_request got;
		struct envelope_result end;
		struct envelope_meta meta;

		if (envelope_get_request(&a, s, &got) == ERR_OK)
			assert_true(got.body.n <= s.n && got.headers.n <= 100);
		if (envelope_get_result(&a, s, &end) == ERR_OK)
			assert_in_range(end.status, 0, 999);
		(void)!envelope_get_meta(s, &meta);
		drop(s);
		arena_reset(&a);
	}
	buf_release(&whole[0]);
	buf_release(&whole[1]);
	arena_release(&a);
}

/* One changed character and an id is nobody's; what reads, writes the same. */
static void ids(void **state)
{
	struct keys keys = {.n_mac = 1, .mac[0].version = 1};
	uint8_t owner[JOB_OWNER_BYTES] = {0}, id[JOB_ID_BYTES];
	char text[IDS_TEXT + 1], same[IDS_TEXT + 1];

	(void)state;
	for (long i = rounds(); i > 0; i--) {
		uint8_t got[JOB_ID_BYTES];
		ids_random(&keys, &api, owner, id);
		ids_write(id, text);
		struct str s = spoil(str_of(text), false);
		if (ids_read(s, got) == ERR_OK) {
			ids_write(got, same);
			assert_true(str_is(s, same));
			if (!str_is(s, text))
				assert_int_equal(
				    ids_verify(&keys, got, owner), ERR_FORGED);
		}
		drop(s);
	}
}

/* Whatever stands in an answer, its header ends where we say it does. */
static void answers(void **state)
{
	struct buf out = {0};

	(void)state;
	for (long i = rounds(); i > 0; i--) {
		struct str value = spoil(STR("text/plain\r\nX-B: 2"), false);
		struct answer ans = {.status = 200, .body = STR("x")};

		answer_header(&ans, "Content-Type", value);
		buf_clear(&out);
		answer_write(&ans, &out);
		int lines = 0;
		for (size_t at = 0; at + 1 < out.len; at++)
			lines += out.data[at] == '\r' || out.data[at] == '\n';
		assert_int_equal(lines, 8);
		drop(value);
	}
	buf_release(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(requests),
	    cmocka_unit_test(envelopes),
	    cmocka_unit_test(ids),
	    cmocka_unit_test(answers),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("hostile", tests, NULL, NULL);
}
