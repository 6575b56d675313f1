#ifndef LOWTIDE_TESTS_ENGINE_KIT_H
#define LOWTIDE_TESTS_ENGINE_KIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "cgi/read/engine.h"
#include "cgi/read/lane.h"
#include "cgi/upstream/fake.h"
#include "lib/config-reads.h"

/*
 * An engine over upstream_fake and a clock that the test turns. Two upstreams,
 * "one" and "two"; reads and their calls as a test adds them before start().
 */
#define KIT_CALLS 16
#define KIT_READS 8
#define OK(call) assert_int_equal((call), ERR_OK)

struct shop {
	struct upstream upstreams[2];
	struct read reads[KIT_READS];
	struct read_call calls[KIT_CALLS];
	struct read_ids ids[4];
	struct config config;
};
struct world {
	struct arena arena;
	struct shop shop;
	struct pair headers[4];
	struct pair params[2];
	struct envelope_request request;
	struct engine_ask ask;
	struct engine_spec spec;
	struct fake_upstream *up;
	struct engine *e;
	int64_t boot, due;
};

static inline void kit_random(void *out, size_t n)
{
	memset(out, 7, n);
}

static inline struct world *world_new(void)
{
	struct world *w = calloc(1, sizeof(*w));
	void *pool;

	for (size_t i = 0; i < 2; i++)
		w->shop.upstreams[i] =
		    (struct upstream){.name = i ? STR("two") : STR("one"),
			.base = i ? STR("http://two") : STR("http://one"),
			.timeout_ms = 5000,
			.concurrency = 32,
			.queue_max = 1024};
	w->shop.config = (struct config){.upstreams = w->shop.upstreams,
	    .n_upstreams = 2,
	    .reads = w->shop.reads,
	    .read_calls = w->shop.calls,
	    .read_ids = w->shop.ids};
	w->request.headers.items = w->headers;
	w->ask.params.items = w->params;
	w->ask.request = &w->request;
	w->boot = 1000000;
	OK(upstream_fake.open(&pool));
	w->up = pool;
	w->spec = (struct engine_spec){.config = &w->shop.config,
	    .upstream = &upstream_fake,
	    .pool = pool,
	    .random = kit_random};
	return w;
}

static inline void world_free(struct world *w)
{
	engine_free(w->e);
	upstream_fake.close(w->up);
	arena_release(&w->arena);
	free(w);
}

static inline struct read *add_read(struct world *w, const char *name)
{
	struct read *read = &w->shop.reads[w->shop.config.n_reads++];

	*read = (struct read){
	    .name = str_of(name), .path = STR("/api/r"), .deadline_ms = 10000};
	return read;
}

/* To the read that was added last; optional, and kept for no time. */
static inline struct read_call *add_call(
    struct world *w, const char *name, const char *upstream, const char *path)
{
	struct config *c = &w->shop.config;
	struct read_call *call = &w->shop.calls[c->n_read_calls++];

	*call = (struct read_call){.read = c->reads[c->n_reads - 1].name,
	    .name = str_of(name),
	    .upstream = str_of(upstream),
	    .path = str_of(path)};
	return call;
}

static inline struct read_ids *add_ids(
    struct world *w, const char *name, const char *from)
{
	struct config *c = &w->shop.config;
	struct read_ids *ids = &w->shop.ids[c->n_read_ids++];

	*ids = (struct read_ids){.read = c->reads[c->n_reads - 1].name,
	    .name = str_of(name),
	    .from = str_of(from),
	    .max = 100};
	return ids;
}

static inline void start(struct world *w)
{
	const char *fault;

	config_link_reads(&w->shop.config);
	fault = config_check_reads(&w->shop.config);
	if (fault)
		fail_msg("%s", fault);
	w->e = engine_new(&w->spec);
}

static inline struct engine_now now_of(const struct world *w)
{
	return (struct engine_now){
	    .now_ms = 1795250000000 + w->boot, .now_boot = w->boot};
}

/* Nothing may be due that is past: whoever sleeps until then would spin. */
static inline void step(struct world *w)
{
	engine_step(w->e, now_of(w), &w->due);
	assert_true(w->due == 0 || w->due > w->boot);
}

static inline void pass(struct world *w, int64_t ms)
{
	w->boot += ms;
	step(w);
}

static inline uint64_t ask_read(struct world *w, const char *name)
{
	const struct config *c = w->spec.config;
	uint64_t ticket = 0;
	struct str why;

	for (w->ask.read = 0; w->ask.read < c->n_reads; w->ask.read++)
		if (str_is(c->reads[w->ask.read].name, name))
			break;
	assert_true(w->ask.read < c->n_reads);
	OK(engine_begin(w->e, now_of(w), &w->ask, &w->arena, &ticket, &why));
	assert_true(ticket != 0);
	return ticket;
}

static inline void set_header(
    struct world *w, const char *name, const char *value)
{
	w->headers[0] = (struct pair){str_of(name), str_of(value)};
	w->request.headers.n = 1;
}

static inline void set_param(
    struct world *w, const char *name, const char *value)
{
	w->params[0] = (struct pair){str_of(name), str_of(value)};
	w->ask.params.n = 1;
}

/* ---- upstreams ----------------------------------------------------------- */

/* What runs, in the order it began: "one/a two/b". */
static inline const char *running(struct world *w)
{
	struct buf buf = {0};

	for (size_t i = 0; i < w->up->n; i++)
		if (w->up->calls[i].running)
			buf_printf(&buf, "%s%s", buf.len ? " " : "",
			    w->up->calls[i].url + strlen("http://"));
	const char *text = arena_cstr(&w->arena, buf_str(&buf));
	buf_release(&buf);
	return text;
}

/* Which of the record it is; the first that runs of that name. */
static inline size_t call_of(const struct world *w, const char *name)
{
	for (size_t i = 0; i < w->up->n; i++)
		if (w->up->calls[i].running && !w->up->calls[i].ended &&
		    strcmp(w->up->calls[i].url + strlen("http://"), name) == 0)
			return i;
	fail_msg("%s is not called", name);
	return 0;
}

/* How often it was called. */
static inline size_t calls_of(const struct world *w, const char *name)
{
	size_t n = 0;

	for (size_t i = 0; i < w->up->n; i++)
		n += strcmp(w->up->calls[i].url + strlen("http://"), name) == 0;
	return n;
}

static inline struct fake_call *answer_as(
    struct world *w, const char *name, struct upstream_answer answer)
{
	const size_t n = call_of(w, name);

	fake_end(w->up, n, answer);
	return &w->up->calls[n];
}

static inline void says(struct world *w, const char *name, const char *json)
{
	answer_as(w, name,
	    (struct upstream_answer){
		.end = UPSTREAM_ANSWER, .status = 200, .body = str_of(json)});
}

/* With one header. */
static inline void says_with(struct world *w, const char *name,
    const char *json, const char *header, const char *value)
{
	struct fake_call *call = answer_as(w, name,
	    (struct upstream_answer){
		.end = UPSTREAM_ANSWER, .status = 200, .body = str_of(json)});
	struct pair *pair = arena_alloc(&call->arena, sizeof(*pair));

	*pair = (struct pair){str_of(header), str_of(value)};
	call->answer.headers = (struct pairs){pair, 1};
}

static inline void refuses(struct world *w, const char *name, int status)
{
	answer_as(w, name,
	    (struct upstream_answer){
		.end = UPSTREAM_ANSWER, .status = status, .body = STR("no")});
}

static inline void refuses_for(
    struct world *w, const char *name, int status, int64_t retry_after_ms)
{
	answer_as(w, name,
	    (struct upstream_answer){.end = UPSTREAM_ANSWER,
		.status = status,
		.has_retry_after = true,
		.retry_after_ms = retry_after_ms});
}

static inline void ends(
    struct world *w, const char *name, enum upstream_end end)
{
	answer_as(w, name, (struct upstream_answer){.end = end});
}

/* ---- results ------------------------------------------------------------- */

static inline void not_ready(struct world *w)
{
	uint64_t ticket;

	assert_false(engine_ready(w->e, &ticket));
}

/* It is the next that is over. */
static inline struct read_result take(struct world *w, uint64_t expected)
{
	struct read_result result;
	uint64_t ticket = 0;

	assert_true(engine_ready(w->e, &ticket));
	assert_true(ticket == expected);
	assert_true(engine_take(w->e, &w->arena, ticket, &result));
	assert_false(engine_take(w->e, &w->arena, ticket, &result));
	return result;
}

static inline void gets(struct world *w, uint64_t ticket, const char *data)
{
	const struct read_result r = take(w, ticket);
	char *want;

	assert_int_equal(r.status, 200);
	assert_true(r.complete);
	assert_true(asprintf(&want, "{\"data\":{%s},\"upstreamFailures\":[]}",
			data) > 0);
	assert_string_equal(arena_cstr(&w->arena, r.body), want);
	free(want);
}

/* One call failed, so. */
static inline struct read_result fails(
    struct world *w, uint64_t ticket, enum plan_failure type, int status)
{
	const struct read_result r = take(w, ticket);

	assert_false(r.complete);
	assert_int_equal(r.n_failures, 1);
	assert_int_equal(r.failures[0].type, type);
	assert_int_equal(r.failures[0].status, status);
	return r;
}

static inline void quiet(struct world *w)
{
	const struct engine_load load = engine_load(w->e);

	step(w);
	not_ready(w);
	assert_int_equal(load.reads, 0);
	assert_int_equal(load.flights, 0);
	assert_int_equal(load.waiting, 0);
	assert_string_equal(running(w), "");
}

#endif
