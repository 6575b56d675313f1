#include <string.h>

#include "cgi/read/engine.h"
#include "cgi/upstream/fake.h"
#include "lib/config-reads.h"
#include "lib/json-check.h"
#include "tests/fuzz/fuzz.h"

/*
 * What an upstream of a read answers: a byte of status, a byte that says how
 * long its Cache-Control is, that, and the body. Other calls of the read are
 * made from what it says, and answered alike. Whatever it was, the read ends;
 * what it answers is JSON; nothing is left; and what is kept is what was
 * answered.
 */
const char *const fuzz_words[] = {"{\"items\":[{\"id\":1},{\"id\":\"x\"}]}",
    "{\"name\":\"../..\"}", "\"id\":", "[", "]", "{", "}", ",", "null", "1.10",
    "1e999", "\"\\u0000\"", "\"\\ud800\"", "\xef\xbb\xbf", "\xff", "max-age=9",
    "no-store", "s-maxage=\"0\"", "private", "must-revalidate", ",", "=",
    "99999999999999999999", NULL};

static const int statuses[] = {200, 200, 200, 200, 204, 301, 404, 500, 99, 0};

static struct read_call calls[] = {
    {.read = STR_INIT("r"),
	.name = STR_INIT("a"),
	.upstream = STR_INIT("u"),
	.path = STR_INIT("/a"),
	.ttl_ms = 60000,
	.stale_ms = 60000},
    {.read = STR_INIT("r"),
	.name = STR_INIT("b"),
	.upstream = STR_INIT("u"),
	.path = STR_INIT("/b/{id.x}"),
	.each = STR_INIT("x"),
	.ttl_ms = 60000},
    {.read = STR_INIT("r"),
	.name = STR_INIT("c"),
	.upstream = STR_INIT("u"),
	.path = STR_INIT("/c/{call.a.name}?q={call.a.items?}")},
};
static struct read_ids ids[] = {{.read = STR_INIT("r"),
    .name = STR_INIT("x"),
    .from = STR_INIT("call.a.items.id"),
    .max = 5}};
static struct read reads[] = {
    {.name = STR_INIT("r"), .path = STR_INIT("/r"), .deadline_ms = 1000}};
static struct upstream upstreams[] = {{.name = STR_INIT("u"),
    .base = STR_INIT("http://u"),
    .timeout_ms = 1000,
    .concurrency = 32,
    .queue_max = 32}};
static struct config config = {.upstreams = upstreams,
    .n_upstreams = 1,
    .reads = reads,
    .n_reads = 1,
    .read_ids = ids,
    .n_read_ids = 1,
    .read_calls = calls,
    .n_read_calls = 3};

static void no_random(void *out, size_t n)
{
	memset(out, 1, n);
}

static struct read_result ask(struct engine *e, struct fake_upstream *up,
    struct arena *a, const struct upstream_answer *answer)
{
	const struct engine_now now = {1795250000000, 1000000};
	const struct engine_ask what = {.read = 0};
	struct read_result result;
	uint64_t ticket, over;
	struct str why;
	int64_t due;

	fuzz_must(engine_begin(e, now, &what, a, &ticket, &why) == ERR_OK);
	for (size_t i = 0; i < up->n; i++)
		fuzz_must(str_starts(str_of(up->calls[i].url), "http://u/"));
	for (int i = 0; i < 16 && !engine_ready(e, &over); i++) {
		for (size_t j = 0; j < up->n; j++)
			if (up->calls[j].running)
				fake_end(up, j, *answer);
		engine_step(e, now, &due);
	}
	fuzz_must(engine_take(e, a, ticket, &result));
	fuzz_must(engine_load(e).reads == 0);
	fuzz_must(result.status == 200 || result.status >= 500);
	fuzz_must(result.status != 200 || json_check(result.body));
	fuzz_must(result.complete == (result.n_failures == 0));
	return result;
}

static void forget(struct fake_upstream *up)
{
	for (size_t i = 0; i < up->n; i++) {
		fuzz_must(!up->calls[i].running);
		arena_release(&up->calls[i].arena);
		up->calls[i] = (struct fake_call){0};
	}
	up->n = 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static void *pool; /* it is large */
	struct arena arena = {0};

	if (n < 2)
		return 0;
	const struct str all = {(const char *)data + 2, n - 2};
	struct pair header = {STR("cache-control"), str_slice(all, 0, data[1])};
	const struct upstream_answer answer = {
	    .status = statuses[data[0] % (sizeof(statuses) / sizeof(int))],
	    .headers = {&header, 1},
	    .body = str_slice(all, data[1], all.n)};
	config_link_reads(&config);
	if (!pool)
		upstream_fake.open(&pool);
	struct engine *e = engine_new(&(struct engine_spec){.config = &config,
	    .upstream = &upstream_fake,
	    .pool = pool,
	    .random = no_random});
	const struct read_result first = ask(e, pool, &arena, &answer);
	const struct read_result second = ask(e, pool, &arena, &answer);
	fuzz_must(first.status == second.status);
	fuzz_must(str_eq(first.body, second.body));
	fuzz_must(!first.cacheable || ((struct fake_upstream *)pool)->n <= 14);
	engine_free(e);
	forget(pool);
	arena_release(&arena);
	return 0;
}
