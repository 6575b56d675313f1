#ifndef LOWTIDE_TESTS_RUNNER_WORLD_H
#define LOWTIDE_TESTS_RUNNER_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "cgi/envelope.h"
#include "cgi/ids.h"
#include "cgi/metrics-work.h"
#include "cgi/runner.h"
#include "cgi/seal.h"
#include "cgi/upstream/fake.h"

/*
 * The whole worker but its rim: memory store, fake upstream, a clock that the
 * test turns. A world holds one store and up to two workers on it.
 */
#define OK(call) assert_int_equal((call), ERR_OK)
#define LEASE 20000
#define HEARTBEAT 5000
#define WALL 1795250000000 /* boot time 0 in wall time */

enum { RETURN, BUNDLE, PLAIN, APIS }; /* fail · idempotent · retry */

struct worker {
	struct runner *runner;
	struct fake_upstream *up;
	int64_t due;
};
struct world {
	struct arena arena;
	struct diag diag;
	struct pair templates[1];
	struct upstream upstream;
	struct api apis[APIS];
	struct config config;
	struct keys keys;
	struct store *store;
	struct metrics_work *metrics; /* both workers' */
	struct secrets *secrets;      /* of who is hired next */
	struct worker workers[2];
	int64_t boot;
	int64_t step;	/* somebody moved the wall clock by so much */
	struct log log; /* what the workers say, in memory */
};

/* The memory store, counted, and failing when told to. */
static struct store_ops ops;
static int begins_to_fail, updates_to_fail, bodies_to_fail, commits_to_fail;
static enum err failure;   /* how */
static size_t room;	   /* larger bodies do not fit: ERR_FULL */
static int stepping, only; /* whose step this is; whom it hits, -1 = all */
static int commits;
static int64_t stall_ms; /* the next commit takes so long */
static int64_t turn_ms;	 /* a turn that does not come is waited for so long */
static int64_t slow_ms;	 /* and one that comes */
static int64_t *boot;
static int64_t deadline_ms;	  /* of what is accepted */
static struct pairs with_headers; /* its headers */

static uint8_t damaged[JOB_KEY_BYTES]; /* this row cannot be read; 0 = none */

static inline enum err unless_damaged(enum err err, const struct job *job)
{
	static const uint8_t none[JOB_KEY_BYTES];

	return !err && memcmp(damaged, none, sizeof(none)) != 0 &&
		       memcmp(damaged, job_key(job), sizeof(damaged)) == 0
		   ? ERR_CORRUPT
		   : err;
}

static inline enum err get(
    void *backend, size_t api, const uint8_t *key, struct job *out)
{
	return unless_damaged(store_memory.get(backend, api, key, out), out);
}

static inline enum err pick_lost(
    void *backend, size_t api, int64_t now_boot, struct job *out)
{
	return unless_damaged(
	    store_memory.pick_lost(backend, api, now_boot, out), out);
}

static inline enum err pick_pending(
    void *backend, size_t api, int64_t now_boot, struct job *out)
{
	return unless_damaged(
	    store_memory.pick_pending(backend, api, now_boot, out), out);
}

static inline bool fails(int *n)
{
	if (*n <= 0 || (only >= 0 && only != stepping))
		return false;
	--*n;
	return true;
}

static inline enum err begin(void *backend)
{
	if (!fails(&begins_to_fail)) {
		*boot += slow_ms;
		return store_memory.begin(backend);
	}
	*boot += turn_ms;
	return failure;
}

static inline enum err update(
    void *backend, size_t api, const struct job *before, const struct job *job)
{
	return fails(&updates_to_fail)
		   ? failure
		   : store_memory.update(backend, api, before, job);
}

static inline enum err body_put(
    void *backend, const struct job *job, enum body_kind kind, struct str bytes)
{
	if (bytes.n > room)
		return ERR_FULL;
	return fails(&bodies_to_fail)
		   ? failure
		   : store_memory.body_put(backend, job, kind, bytes);
}

static bool notes_are_gone;
static inline enum err body_get(void *backend, const struct job *job,
    enum body_kind kind, struct arena *a, struct str *out)
{
	return notes_are_gone && kind == BODY_NOTE
		   ? ERR_NOT_FOUND
		   : store_memory.body_get(backend, job, kind, a, out);
}

static inline enum err commit(void *backend, unsigned bells)
{
	if (fails(&commits_to_fail)) {
		store_memory.rollback(backend);
		return failure;
	}
	commits++;
	*boot += stall_ms;
	stall_ms = 0;
	return store_memory.commit(backend, bells);
}

static inline int64_t clock_boot(void)
{
	return *boot;
}

static uint64_t random_state;
static inline void random_bytes(void *out, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		random_state = random_state * 6364136223846793005u + 1;
		((uint8_t *)out)[i] = (uint8_t)(random_state >> 56);
	}
}

static inline struct runner_now now(const struct world *w)
{
	return (struct runner_now){
	    .now_ms = WALL + w->step + w->boot, .now_boot = w->boot};
}

static inline void hire(struct world *w, int i)
{
	void *pool;

	OK(upstream_fake.open(&pool));
	struct runner_spec spec = {.config = &w->config,
	    .keys = &w->keys,
	    .store = w->store,
	    .upstream = &upstream_fake,
	    .pool = pool,
	    .log = &w->log,
	    .metrics = w->metrics,
	    .secrets = w->secrets,
	    .handlers = "/site/handlers",
	    .lease_ms = LEASE,
	    .heartbeat_ms = HEARTBEAT,
	    .random = random_bytes,
	    .clock_boot = clock_boot};
	w->workers[i].up = pool;
	w->workers[i].runner = runner_new(&spec);
}

/* As a crash does: no farewell, the leases stay. */
static inline void fire(struct world *w, int i)
{
	runner_free(w->workers[i].runner);
	upstream_fake.close(w->workers[i].up);
	w->workers[i] = (struct worker){0};
}

static inline int set_up(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	random_state = 1;
	begins_to_fail = updates_to_fail = bodies_to_fail = commits_to_fail = 0;
	failure = ERR_BUSY;
	room = SIZE_MAX;
	only = -1;
	commits = 0;
	stall_ms = turn_ms = slow_ms = 0;
	boot = &w->boot;
	deadline_ms = 900000;
	with_headers = (struct pairs){0};
	notes_are_gone = false;
	ops = store_memory;
	memset(damaged, 0, sizeof(damaged));
	ops.get = get;
	ops.pick_lost = pick_lost;
	ops.pick_pending = pick_pending;
	ops.begin = begin;
	ops.update = update;
	ops.body_put = body_put;
	ops.body_get = body_get;
	ops.commit = commit;
	w->log = (struct log){.fd = memfd_create("log", MFD_CLOEXEC)};
	assert_true(w->log.fd >= 0);
	w->log.program = "lowtide-worker";
	diag_init(&w->diag, &w->arena);
	w->boot = 1000;
	w->upstream = (struct upstream){
	    .name = STR("up"), .base = STR("https://up.example")};
	for (int i = 0; i < APIS; i++)
		w->apis[i] = (struct api){.method = STR("POST"),
		    .tag = STR("0000aa"),
		    .path = STR("/api/x"),
		    .on_lost = i == PLAIN ? ON_LOST_RETRY : ON_LOST_FAIL,
		    .idempotent = i == BUNDLE,
		    .attempts = 3,
		    .concurrency = 1,
		    .ttl_ms = 86400000,
		    .upstream = STR("up"),
		    .request_method = STR("PUT"),
		    .request_path = STR("/x/{job.id}")};
	w->apis[RETURN].name = STR("return");
	w->apis[BUNDLE].name = STR("bundle");
	w->apis[PLAIN].name = STR("plain");
	w->config = (struct config){.upstreams = &w->upstream,
	    .n_upstreams = 1,
	    .apis = w->apis,
	    .n_apis = APIS};
	w->keys.n_mac = w->keys.n_seal = 1;
	w->keys.mac[0].version = w->keys.seal[0].version = 1;
	struct store_spec spec = {.config = &w->config};
	OK(store_open(&ops, &spec, &w->diag, &w->store));
	w->metrics = metrics_work_new(APIS);
	hire(w, 0);
	*state = w;
	return 0;
}

static inline int tear_down(void **state)
{
	struct world *w = *state;

	for (int i = 0; i < 2; i++)
		fire(w, i);
	store_close(w->store);
	metrics_work_free(w->metrics);
	close(w->log.fd);
	arena_release(&w->arena);
	free(w);
	return 0;
}

static inline struct job accept(struct world *w, size_t api, const char *body)
{
	struct envelope_request request = {.method = STR("POST"),
	    .path = STR("/api/x"),
	    .headers = with_headers,
	    .body = str_of(body)};
	struct job job = {.accepted_ms = WALL + w->boot,
	    .deadline_ms = WALL + w->boot + deadline_ms,
	    .deadline_boot = w->boot + deadline_ms};
	struct buf plain = {0}, sealed = {0};

	ids_random(&w->keys, &w->apis[api], job.owner, job.id);
	envelope_put_request(&plain, &request);
	seal_close(&w->keys, &job, BODY_REQUEST, buf_str(&plain), &sealed);
	OK(store_begin(w->store));
	OK(store_accept(
	    w->store, api, &job, buf_str(&sealed), (struct str){0}));
	OK(store_commit(w->store));
	commits = 0;
	w->boot++; /* the oldest goes first: no two are of one age */
	buf_release(&plain);
	buf_release(&sealed);
	for (int i = 0; i < 2; i++)
		if (w->workers[i].runner)
			runner_ring(w->workers[i].runner, now(w));
	return job;
}

/* The newest call of worker 0 for this job. */
static inline struct fake_call *call(struct world *w, const struct job *job)
{
	struct fake_upstream *up = w->workers[0].up;
	char id[IDS_TEXT + 1];

	ids_write(job->id, id);
	for (size_t i = up->n; i-- > 0;)
		if (strstr(up->calls[i].url, id))
			return &up->calls[i];
	fail_msg("it was not called");
	return NULL;
}

static inline void answer(
    struct world *w, const struct job *job, struct upstream_answer a)
{
	struct fake_upstream *up = w->workers[0].up;
	fake_end(up, (size_t)(call(w, job) - up->calls), a);
}

static inline struct job row(struct world *w, size_t api, const struct job *job)
{
	struct job out;

	OK(store_view(w->store));
	OK(store_get(w->store, api, job_key(job), &out));
	store_unview(w->store);
	return out;
}

static inline struct envelope_result result(
    struct world *w, size_t api, const struct job *job)
{
	struct job at = row(w, api, job);
	struct envelope_result out;
	struct str sealed, plain;

	OK(store_view(w->store));
	OK(store_body(w->store, &at, BODY_RESULT, &w->arena, &sealed));
	store_unview(w->store);
	OK(seal_open(&w->keys, &at, BODY_RESULT, sealed, &w->arena, &plain));
	OK(envelope_get_result(&w->arena, plain, &out));
	return out;
}

/* How often the log has this text. */
static inline int said(struct world *w, const char *text)
{
	off_t size = lseek(w->log.fd, 0, SEEK_END);
	char *log = calloc(1, (size_t)size + 1);
	int n = 0;

	assert_non_null(log);
	assert_int_equal(pread(w->log.fd, log, (size_t)size, 0), size);
	for (char *at = log; (at = strstr(at, text)); at++)
		n++;
	free(log);
	return n;
}

/* What the job has to say of itself, as a client would be shown it. */
static inline struct envelope_note note(
    struct world *w, size_t api, const struct job *job)
{
	struct job at = row(w, api, job);
	struct envelope_note out;
	struct str sealed, plain;

	OK(store_view(w->store));
	OK(store_body(w->store, &at, BODY_NOTE, &w->arena, &sealed));
	store_unview(w->store);
	OK(seal_open(&w->keys, &at, BODY_NOTE, sealed, &w->arena, &plain));
	OK(envelope_get_note(plain, &out));
	return out;
}

/* A number of the worker's metrics, by the start of its line; -1 = none. */
static inline long metric(struct world *w, const char *line)
{
	const struct metrics_queue queues[APIS] = {{0}};
	const struct metrics_work_now at = {
	    .config = &w->config, .queues = queues, .version = ""};
	struct buf out = {0};
	long n = -1;

	metrics_work_write(w->metrics, &at, &out);
	const char *found = strstr(out.data, line);
	if (found)
		n = strtol(found + strlen(line), NULL, 10);
	buf_release(&out);
	return n;
}

static inline void step(struct world *w, int i)
{
	stepping = i;
	runner_step(w->workers[i].runner, now(w), &w->workers[i].due);
}

/* Steps on until nothing is due at once. */
static inline void settle(struct world *w, int i)
{
	do
		step(w, i);
	while (w->workers[i].due && w->workers[i].due <= w->boot);
}

/* Moves time on in steps no longer than a heartbeat. */
static inline void pass(struct world *w, int i, int64_t ms)
{
	int64_t end = w->boot + ms;

	while (w->boot < end) {
		int64_t due = w->workers[i].due;
		w->boot = due > w->boot && due < end ? due : end;
		settle(w, i);
	}
}

static inline void cancel(struct world *w, size_t api, const struct job *job)
{
	struct job_event event = {.kind = JOB_EVENT_CANCEL,
	    .now_ms = WALL + w->boot,
	    .now_boot = w->boot};
	struct job copy = *job;

	OK(store_begin(w->store));
	OK(store_change(w->store, api, &copy, &event, (struct str){0}));
	OK(store_commit(w->store));
	runner_ring(w->workers[0].runner, now(w));
}

/* The same request with another credential, as its client would. */
static inline void renew(
    struct world *w, size_t api, const struct job *job, const char *body)
{
	struct envelope_request request = {
	    .method = STR("POST"), .path = STR("/api/x"), .body = str_of(body)};
	struct job_event event = {.kind = JOB_EVENT_RENEW,
	    .now_ms = WALL + w->boot,
	    .now_boot = w->boot};
	struct buf plain = {0}, sealed = {0};
	struct job copy = *job;

	envelope_put_request(&plain, &request);
	seal_close(&w->keys, job, BODY_REQUEST, buf_str(&plain), &sealed);
	OK(store_begin(w->store));
	OK(store_renew(w->store, api, &copy, &event, buf_str(&sealed)));
	OK(store_commit(w->store));
	runner_ring(w->workers[0].runner, now(w));
	buf_release(&plain);
	buf_release(&sealed);
}

static const struct upstream_answer created = {.end = UPSTREAM_ANSWER,
    .status = 201,
    .content_type = {"text/x", 6},
    .location = {"/b/1", 4},
    .body = {"done", 4}};

#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

#endif
