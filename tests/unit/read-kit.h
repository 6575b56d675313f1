#ifndef LOWTIDE_TESTS_READ_KIT_H
#define LOWTIDE_TESTS_READ_KIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "cgi/read/plan.h"
#include "lib/config-reads.h"

/*
 * A configuration of one read, made by hand, and a request for it. Texts are
 * literals; a list is written with commas.
 */
static struct arena kit_arena;

struct kit {
	struct upstream upstreams[2];
	struct read read;
	struct read_ids ids[CONFIG_READ_IDS_MAX];
	struct read_call calls[CONFIG_READ_CALLS_MAX];
	struct config config;
	struct pair params[4];
	struct pair headers[8];
	struct envelope_request request;
	struct plan_spec spec;
};

static inline struct strs kit_list(const char *commas)
{
	struct strs out = {.items = arena_array(&kit_arena, 16, 16)};
	struct str text = str_of(commas);

	for (size_t at = 0; at < text.n;) {
		size_t end = str_find(text, ',', at);
		out.items[out.n++] = str_slice(text, at, end);
		at = end + 1;
	}
	return out;
}

static inline struct kit *kit_new(void)
{
	struct kit *k = arena_alloc(&kit_arena, sizeof(*k));

	k->upstreams[0] = (struct upstream){.name = STR("up"),
	    .base = STR("http://127.0.0.1:1/base"),
	    .timeout_ms = 5000};
	k->upstreams[1] = (struct upstream){.name = STR("down"),
	    .base = STR("http://127.0.0.1:2"),
	    .timeout_ms = 7000};
	k->read = (struct read){.name = STR("case"),
	    .path = STR("/api/case/{crns}"),
	    .deadline_ms = 10000,
	    .concurrency = 64};
	k->config = (struct config){.upstreams = k->upstreams,
	    .n_upstreams = 2,
	    .reads = &k->read,
	    .n_reads = 1,
	    .read_ids = k->ids,
	    .read_calls = k->calls};
	k->request = (struct envelope_request){
	    .headers = {k->headers, 0}, .remote_addr = STR("192.0.2.1")};
	k->spec = (struct plan_spec){.config = &k->config,
	    .read = &k->read,
	    .params = {k->params, 0},
	    .request = &k->request};
	return k;
}

static inline struct read_ids *kit_ids(
    struct kit *k, const char *name, const char *from, int64_t max)
{
	struct read_ids *ids = &k->ids[k->config.n_read_ids++];

	*ids = (struct read_ids){.read = STR("case"),
	    .name = str_of(name),
	    .from = str_of(from),
	    .max = max};
	config_link_reads(&k->config);
	return ids;
}

/* Required; `each` NULL = once. */
static inline struct read_call *kit_call(
    struct kit *k, const char *name, const char *path, const char *each)
{
	struct read_call *call = &k->calls[k->config.n_read_calls++];

	*call = (struct read_call){.read = STR("case"),
	    .name = str_of(name),
	    .upstream = STR("up"),
	    .path = str_of(path),
	    .each = str_of(each),
	    .required = true};
	config_link_reads(&k->config);
	return call;
}

static inline void kit_header(struct kit *k, const char *name, const char *v)
{
	k->headers[k->request.headers.n++] =
	    (struct pair){str_of(name), str_of(v)};
}

static inline void kit_param(struct kit *k, const char *name, const char *v)
{
	k->params[k->spec.params.n++] = (struct pair){str_of(name), str_of(v)};
}

static inline struct plan *kit_plan(struct kit *k)
{
	struct plan *plan = NULL;
	struct str why;

	if (plan_new(&kit_arena, &k->spec, &plan, &why) != ERR_OK)
		fail_msg("no plan: %.*s", STR_ARG(why));
	return plan;
}

/* ERR_INPUT, and what is said. */
static inline const char *kit_refused(struct kit *k)
{
	struct plan *plan;
	struct str why;

	assert_int_equal(
	    plan_new(&kit_arena, &k->spec, &plan, &why), ERR_INPUT);
	return arena_cstr(&kit_arena, why);
}

static inline void kit_answer(struct plan *plan, size_t index, const char *json)
{
	struct blob *blob = blob_new(str_of(json), 200, 1000);

	plan_take(plan, index,
	    &(struct plan_outcome){.blob = blob, .fresh_boot = 2000});
	blob_unref(blob);
}

static inline void kit_fail(
    struct plan *plan, size_t index, enum plan_failure failure, int status)
{
	plan_take(plan, index,
	    &(struct plan_outcome){.failure = failure, .status = status});
}

/* The URLs of all that can be asked now, without the base, by spaces; their
   indexes one after the other. */
#define KIT_CALLS 64
struct kit_wave {
	size_t n, index[KIT_CALLS];
	char urls[4096];
};
static inline const char *kit_wave(struct plan *plan, struct kit_wave *wave)
{
	struct plan_call call;

	*wave = (struct kit_wave){0};
	while (plan_next(plan, &call)) {
		const char *url = call.http.url;
		const char *base = "http://127.0.0.1:1/base";
		if (str_starts(str_of(url), base))
			url += strlen(base);
		assert_true(wave->n < KIT_CALLS);
		snprintf(wave->urls + strlen(wave->urls),
		    sizeof(wave->urls) - strlen(wave->urls), "%s%s",
		    wave->n ? " " : "", url);
		wave->index[wave->n++] = call.index;
	}
	return wave->urls;
}

static inline struct read_result kit_result(struct plan *plan)
{
	struct read_result result;

	assert_true(plan_is_over(plan));
	plan_result(plan, &kit_arena, &result);
	plan_release(plan);
	return result;
}

static inline const char *kit_body(const struct read_result *result)
{
	assert_int_equal(result->status, 200);
	return arena_cstr(&kit_arena, result->body);
}

static inline int kit_release(void **state)
{
	(void)state;
	arena_release(&kit_arena);
	return 0;
}

#endif
