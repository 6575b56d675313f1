#ifndef LOWTIDE_TESTS_APP_WORLD_H
#define LOWTIDE_TESTS_APP_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cgi/app.h"
#include "cgi/committer.h"
#include "cgi/envelope.h"
#include "cgi/ids.h"
#include "cgi/names.h"
#include "cgi/seal.h"
#include "lib/json.h"

/*
 * An endpoint over the memory store, with a clock that only the test moves
 * and a worker of three functions. For test-app.c and test-cells.c.
 */
#define S(text)                                                                \
	{                                                                      \
		.p = (text), .n = sizeof(text) - 1                             \
	}
#define ALL_PATTERNS 7u
#define JSON "application/json"

static struct pair w_required[] = {{S("vrn"), S("string")}};
static struct str w_forward[] = {S("gov-client-*")};
static struct pair w_headers[] = {
    {S("Authorization"), S("Bearer {header.hmrc-access-token}")}};
static struct str w_origins[] = {
    S("https://www.acme.example"), S("http://127.0.0.1:8080")};
static struct upstream w_upstream = {.name = S("up"), .base = S("http://u")};

enum { RETURN, BUNDLE, DROP, FETCH, OWNED, STRICT, TOKEN, APIS };
#define COMMON                                                                 \
	.wait_max_ms = 25000, .allow = ALL_PATTERNS, .deadline_ms = 900000,    \
	.ttl_ms = 86400000, .estimate_ms = 3000, .concurrency = 9,             \
	.attempts = 5, .body_max = 1024, .result_max = 1 << 20,                \
	.upstream = S("up"), .request_method = S("POST"), .auth = S("none")
static struct api w_apis[APIS] = {
    [RETURN] = {COMMON, .name = S("vat-return-post"), .tag = S("000001"),
	.method = S("POST"), .path = S("/api/v1/return"),
	.pattern = PATTERN_ASYNC_POLLING, .body_type = S(JSON),
	.body_required = {w_required, 1}, .forward = {w_forward, 1},
	.request_path = S("/organisations/{body.vrn}/returns"),
	.request_headers = {w_headers, 1}},
    [BUNDLE] = {COMMON, .name = S("bundle-post"), .tag = S("000002"),
	.method = S("POST"), .path = S("/api/v1/bundle"),
	.pattern = PATTERN_FIRE_AND_FORGET, .body_type = S(JSON),
	.request_path = S("/bundles/{job.id}")},
    [DROP] = {COMMON, .name = S("bundle-delete"), .tag = S("000003"),
	.method = S("DELETE"), .path = S("/api/v1/bundle/{id}"),
	.pattern = PATTERN_FIRE_AND_FORGET,
	.request_path = S("/bundles/{path.id}")},
    [FETCH] = {COMMON, .name = S("vat-obligation-get"), .tag = S("000004"),
	.method = S("GET"), .path = S("/api/v1/obligation"),
	.pattern = PATTERN_ASYNC_POLLING,
	.request_path = S("/obligations/{query.vrn}")},
    [OWNED] = {COMMON, .name = S("owned"), .tag = S("000005"),
	.method = S("POST"), .path = S("/api/v1/owned"),
	.pattern = PATTERN_ASYNC_POLLING, .body_type = S(JSON),
	.request_path = S("/owned")},
    [STRICT] = {COMMON, .name = S("strict"), .tag = S("000006"),
	.method = S("POST"), .path = S("/api/v1/strict"),
	.pattern = PATTERN_ASYNC_POLLING, .body_type = S(JSON),
	.request_path = S("/strict"), .strict_poll = true},
    [TOKEN] = {COMMON, .name = S("token"), .tag = S("000007"),
	.method = S("POST"), .path = S("/api/v1/token"),
	.pattern = PATTERN_ASYNC_POLLING, .body_type = S(JSON),
	.request_path = S("/token")},
};

/* What the store is to fail with next; ERR_OK = it works. */
static struct {
	enum err view, begin, insert, commit, stats;
	int hidden;		/* so many look-ups find nothing */
	int views;		/* how many were opened */
	int bodies[BODY_KINDS]; /* how many were read */
	enum err body[BODY_KINDS];
} w_faults;

static inline enum err faulty_view(void *backend)
{
	w_faults.views++;
	return w_faults.view ? w_faults.view : store_memory.view(backend);
}

static inline enum err faulty_begin(void *backend)
{
	return w_faults.begin ? w_faults.begin : store_memory.begin(backend);
}

static inline enum err faulty_commit(void *backend, unsigned bells)
{
	if (!w_faults.commit)
		return store_memory.commit(backend, bells);
	store_memory.rollback(backend);
	return w_faults.commit;
}

static inline enum err faulty_insert(
    void *backend, size_t api, const struct job *job)
{
	return w_faults.insert ? w_faults.insert
			       : store_memory.insert(backend, api, job);
}

static inline enum err faulty_stats(
    void *backend, size_t api, struct store_stats *out)
{
	return w_faults.stats ? w_faults.stats
			      : store_memory.stats(backend, api, out);
}

static inline enum err faulty_get(
    void *backend, size_t api, const uint8_t *key, struct job *out)
{
	if (w_faults.hidden > 0) {
		w_faults.hidden--;
		return ERR_NOT_FOUND;
	}
	return store_memory.get(backend, api, key, out);
}

static inline enum err counted_body(void *backend, const struct job *job,
    enum body_kind kind, struct arena *a, struct str *out)
{
	w_faults.bodies[kind]++;
	if (w_faults.body[kind])
		return w_faults.body[kind];
	return store_memory.body_get(backend, job, kind, a, out);
}

struct world {
	struct store_ops ops;
	struct arena arena;
	struct config config;
	struct keys keys;
	struct store *store;
	struct app app;
	struct app_now now;
	struct answer ans;
	struct waiting wait;
	struct change *change;
	enum outcome outcome;
	bool stays; /* the wake goes on: its view is kept */
	bool holds; /* what is to be committed waits for world_commit() */
	const char *origin;    /* of every request; NULL = none */
	char id[IDS_TEXT + 1]; /* of the last job accepted */
};

static inline int world_up(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	struct diag diag;

	memset(&w_faults, 0, sizeof(w_faults));
	w->ops = store_memory;
	w->ops.view = faulty_view;
	w->ops.begin = faulty_begin;
	w->ops.commit = faulty_commit;
	w->ops.insert = faulty_insert;
	w->ops.get = faulty_get;
	w->ops.stats = faulty_stats;
	w->ops.body_get = counted_body;
	w_apis[OWNED].auth = STR("web-server");
	w_apis[TOKEN].auth = STR("cognito");
	w->config = (struct config){.name = STR("acme"),
	    .base_url = STR("https://www.acme.example"),
	    .prefix = STR("/api"),
	    .origins = {w_origins, 2},
	    .upstreams = &w_upstream,
	    .n_upstreams = 1,
	    .apis = w_apis,
	    .n_apis = APIS};
	w->keys.n_mac = w->keys.n_seal = 1;
	w->keys.name.version = w->keys.mac[0].version =
	    w->keys.seal[0].version = 1;
	memset(w->keys.name.bytes, 1, KEY_BYTES);
	memset(w->keys.mac[0].bytes, 2, KEY_BYTES);
	memset(w->keys.seal[0].bytes, 3, KEY_BYTES);
	diag_init(&diag, &w->arena);
	struct store_spec spec = {.dir = "", .config = &w->config};
	keys_check(&w->keys, spec.check);
	if (store_open(&w->ops, &spec, &diag, &w->store) != ERR_OK)
		return -1;
	w->app = (struct app){.config = &w->config,
	    .keys = &w->keys,
	    .store = w->store,
	    .body_max = 1024,
	    .seed = 7};
	w->now = (struct app_now){.wall_ms = 1795250000000, .boot_ms = 5000000};
	*state = w;
	return 0;
}

static inline int world_down(void **state)
{
	struct world *w = *state;

	app_rest(&w->app);
	store_close(w->store);
	arena_release(&w->arena);
	free(w);
	return 0;
}

static inline void world_moves(struct world *w, int64_t ms)
{
	w->now.wall_ms += ms;
	w->now.boot_ms += ms;
}

static inline const char *got_header(struct world *w, const char *name)
{
	return arena_cstr(&w->arena, answer_get(&w->ans, name));
}

static inline const struct value *got_body(struct world *w)
{
	struct value *v = NULL;

	assert_int_equal(
	    json_read(&w->arena, w->ans.body, 1 << 20, NULL, NULL, &v), ERR_OK);
	return v;
}

static inline const char *got(struct world *w, const char *member)
{
	const struct value *v = value_path(got_body(w), member);
	return v ? arena_cstr(&w->arena, value_spell(&w->arena, v)) : "(none)";
}

/* The end of a wake, unless the test wants it to go on. */
static inline void world_rest(struct world *w)
{
	if (!w->stays)
		app_rest(&w->app);
}

/* What the committer and the loop do, at once. */
static inline void world_commit(struct world *w)
{
	struct change_list list;

	if (w->outcome != OUTCOME_COMMIT)
		return;
	assert_non_null(w->change);
	app_rest(&w->app);
	TAILQ_INIT(&list);
	TAILQ_INSERT_TAIL(&list, w->change, in_list);
	changes_commit(w->store, &list);
	w->outcome = app_committed(
	    &w->app, w->now, &w->arena, w->change, &w->ans, &w->wait);
	change_free(w->change);
	w->change = NULL;
}

/*
 * One request: a line "POST /api/x?y", a body or NULL, headers "name: value".
 * "owner: NAME" is the web server's variable, not a header, and "from: ADDRESS"
 * whose connection it is.
 */
static inline void world_send(struct world *w, const char *line,
    const char *body, const char *const *headers)
{
	struct pair *pairs = arena_array(&w->arena, 20, sizeof(*pairs));
	struct str all = arena_str(&w->arena, str_of(line));
	size_t space = str_find(all, ' ', 0);
	struct str target = str_slice(all, space + 1, all.n);
	size_t mark = str_find(target, '?', 0);
	struct request r = {.method = str_slice(all, 0, space),
	    .path = str_slice(target, 0, mark),
	    .remote_addr = STR("127.0.0.1"),
	    .body = str_of(body),
	    .body_declared = body ? (int64_t)strlen(body) : -1,
	    .headers = {.items = pairs}};

	if (mark < target.n)
		r.query = str_slice(target, mark + 1, target.n);
	if (body)
		pairs[r.headers.n++] =
		    (struct pair){STR("content-type"), STR(JSON)};
	if (w->origin)
		pairs[r.headers.n++] =
		    (struct pair){STR("origin"), str_of(w->origin)};
	for (; *headers; headers++) {
		struct str h = arena_str(&w->arena, str_of(*headers));
		size_t colon = str_find(h, ':', 0);
		struct str name = str_slice(h, 0, colon);
		struct str value = str_trim(str_slice(h, colon + 1, h.n));

		if (str_is(name, "owner"))
			r.owner = value;
		else if (str_is(name, "from"))
			r.remote_addr = value;
		else if (str_is(name, "content-type"))
			pairs[0].value = value;
		else
			pairs[r.headers.n++] = (struct pair){name, value};
	}
	w->outcome = app_handle(
	    &w->app, w->now, &w->arena, &r, &w->ans, &w->wait, &w->change);
	if (!w->holds)
		world_commit(w);
	world_rest(w);
	if (w->outcome != OUTCOME_ANSWER || w->ans.status != 202 ||
	    !w->ans.body.n)
		return;
	if (value_get(got_body(w), "jobId"))
		snprintf(w->id, sizeof(w->id), "%s", got(w, "jobId"));
}

/* send_it(w, "POST /api/x", body or NULL, "x-request-id: r1", …) */
#define send_it(w, line, ...)                                                  \
	world_send_all((w), (line), (const char *const[]){__VA_ARGS__, NULL})

static inline void world_send_all(
    struct world *w, const char *line, const char *const *args)
{
	world_send(w, line, args[0], args + 1);
}

static inline void world_resume(struct world *w)
{
	w->outcome = app_resume(
	    &w->app, w->now, &w->arena, &w->wait, &w->ans, &w->change);
	if (!w->holds)
		world_commit(w);
	world_rest(w);
}

/* A parked one, as often as it wants to be asked, until it is answered. */
static inline void world_outlast(struct world *w)
{
	while (w->outcome == OUTCOME_PARK) {
		assert_true(w->wait.again_boot > w->now.boot_ms);
		assert_true(w->now.boot_ms < w->wait.deadline_boot);
		int64_t next = w->wait.again_boot;
		if (next > w->wait.deadline_boot)
			next = w->wait.deadline_boot;
		world_moves(w, next - w->now.boot_ms);
		world_resume(w);
	}
}

/* METHOD statusUrl + tail of the last job. */
static inline void ask(struct world *w, const char *method, const char *tail,
    const char *const *headers)
{
	struct str line =
	    arena_printf(&w->arena, "%s /api/jobs/%s%s", method, w->id, tail);
	world_send(w, arena_cstr(&w->arena, line), NULL, headers);
}
#define NO_HEADERS ((const char *const[]){NULL})
#define WITH(...) ((const char *const[]){__VA_ARGS__, NULL})

static inline void assert_answer(struct world *w, int status)
{
	assert_int_equal(w->outcome, OUTCOME_ANSWER);
	assert_int_equal(w->ans.status, status);
}

/* All jobs of an API, in whatever state. */
static inline int64_t world_count(struct world *w, size_t api)
{
	struct store_stats stats;
	int64_t n = 0;

	assert_int_equal(store_view(w->store), ERR_OK);
	assert_int_equal(store_stats(w->store, api, &stats), ERR_OK);
	store_unview(w->store);
	for (size_t i = 0; i < JOB_STATES; i++)
		n += stats.count[i];
	return n;
}

/* ---- a worker ----------------------------------------------------------- */

static inline struct job world_claim(struct world *w, size_t api)
{
	struct store_ask store_ask = {.now_ms = w->now.wall_ms,
	    .now_boot = w->now.boot_ms,
	    .lease_boot = w->now.boot_ms + 20000,
	    .claim = {1, 2, 3}};
	struct job job;
	int64_t due;

	assert_int_equal(store_begin(w->store), ERR_OK);
	assert_int_equal(
	    store_claim(w->store, api, &store_ask, &job, &due), ERR_OK);
	assert_int_equal(store_commit(w->store), ERR_OK);
	return job;
}

static inline void world_finish(struct world *w, size_t api, struct job *job,
    struct job_event event, const struct envelope_result *result)
{
	struct buf plain = {0}, sealed = {0};

	event.now_ms = w->now.wall_ms;
	event.now_boot = w->now.boot_ms;
	event.attempt = job->attempt;
	memcpy(event.claim, job->claim, sizeof(event.claim));
	if (result) {
		envelope_put_result(&plain, result);
		seal_close(
		    &w->keys, job, BODY_RESULT, buf_str(&plain), &sealed);
	}
	assert_int_equal(store_begin(w->store), ERR_OK);
	assert_int_equal(
	    store_change(w->store, api, job, &event, buf_str(&sealed)), ERR_OK);
	assert_int_equal(store_commit(w->store), ERR_OK);
	buf_release(&plain);
	buf_release(&sealed);
}

/* HEARTBEAT or POLL with what is said of it. */
static inline void world_tell(struct world *w, size_t api, struct job *job,
    struct job_event event, const struct envelope_note *note)
{
	struct buf plain = {0}, sealed = {0};

	event.now_ms = w->now.wall_ms;
	event.now_boot = w->now.boot_ms;
	event.lease_boot = w->now.boot_ms + 20000;
	event.attempt = job->attempt;
	memcpy(event.claim, job->claim, sizeof(event.claim));
	envelope_put_note(&plain, note);
	seal_close(&w->keys, job, BODY_NOTE, buf_str(&plain), &sealed);
	assert_int_equal(store_begin(w->store), ERR_OK);
	assert_int_equal(
	    store_tell(w->store, api, job, &event, buf_str(&sealed)), ERR_OK);
	assert_int_equal(store_commit(w->store), ERR_OK);
	buf_release(&plain);
	buf_release(&sealed);
}

static inline void world_complete(struct world *w, size_t api, int status,
    const char *location, const char *body)
{
	struct job job = world_claim(w, api);

	world_finish(w, api, &job,
	    (struct job_event){.kind = JOB_EVENT_COMPLETE, .status = status},
	    &(struct envelope_result){.status = status,
		.content_type = STR(JSON),
		.location = str_of(location),
		.body = str_of(body)});
}

static inline void world_fail(struct world *w, size_t api,
    enum job_reason reason, int status, const char *body)
{
	struct job job = world_claim(w, api);

	world_finish(w, api, &job,
	    (struct job_event){.kind = JOB_EVENT_FAIL, .reason = reason},
	    &(struct envelope_result){.status = status,
		.content_type = STR(JSON),
		.body = str_of(body)});
}

#endif
