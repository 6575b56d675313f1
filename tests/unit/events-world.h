#ifndef LOWTIDE_TESTS_EVENTS_WORLD_H
#define LOWTIDE_TESTS_EVENTS_WORLD_H

#include "cgi/events.h"

#include "tests/unit/app-world.h"

/*
 * What streams say, as their clients read it: begun by a request, gone on with
 * by app_resume() as the loop does it. The loop's half is test-loop-stream.c's.
 */
static struct pair w_events[] = {
    {S("accepted"), S("bundle.taken")},
    {S("progress"), S("bundle.moved")},
    {S("completed"), S("bundle.created")},
    {S("failed"), S("bundle.refused")},
};

static inline int up(void **state)
{
	if (world_up(state) != 0)
		return -1;
	struct world *w = *state;
	w_apis[BUNDLE].events = (struct pairs){w_events, 4};
	w_apis[BUNDLE].once = false;
	w_apis[STRICT].auth = STR("web-server");
	w->app.events = event_cache_new();
	return 0;
}

static inline int down(void **state)
{
	struct world *w = *state;

	event_cache_free(w->app.events);
	return world_down(state);
}

/* ---- asking -------------------------------------------------------------- */

static inline void accept_one(struct world *w)
{
	send_it(w, "POST /api/v1/bundle", "{}");
	assert_answer(w, 202);
}

static inline void own_one(struct world *w, const char *path, const char *owner)
{
	const char *header = arena_printf(&w->arena, "owner: %s", owner).p;

	send_it(w, arena_printf(&w->arena, "POST %s", path).p, "{}", header);
	assert_answer(w, 202);
}

static inline const char *body_of(struct world *w)
{
	return arena_cstr(&w->arena, w->ans.body);
}

/* The stream of the last job. */
static inline void begin(
    struct world *w, const char *tail, const char *const *headers)
{
	const char *path = arena_printf(&w->arena, "/events%s", tail).p;

	ask(w, "GET", path, headers);
}

static inline void begin_owners(
    struct world *w, const char *tail, const char *owner, const char *more)
{
	const char *line =
	    arena_printf(&w->arena, "GET /api/jobs/events%s", tail).p;
	const char *name = arena_printf(&w->arena, "owner: %s", owner).p;

	world_send(w, line, NULL, (const char *const[]){name, more, NULL});
}

static inline void assert_streams(struct world *w)
{
	assert_int_equal(w->outcome, OUTCOME_STREAM);
	assert_true(w->wait.deadline_boot == INT64_MAX);
	assert_int_equal(w->wait.probe, PROBE_NONE);
	assert_true(w->wait.answer_boot > w->now.boot_ms + 13000);
	assert_true(w->wait.answer_boot <= w->now.boot_ms + 15000);
}

static inline void assert_begins(struct world *w)
{
	assert_streams(w);
	assert_int_equal(w->ans.status, 200);
	assert_string_equal(got_header(w, "Content-Type"), "text/event-stream");
	assert_string_equal(got_header(w, "X-Accel-Buffering"), "no");
	assert_string_equal(got_header(w, "Cache-Control"), "no-store");
	assert_true(strncmp(body_of(w), "retry: 2000\n\n", 13) == 0);
}

/* ---- events, as a client reads them -------------------------------------- */

struct event {
	int64_t id;
	const char *name, *data; /* "" = it was no event */
};

static inline const char *field(
    struct world *w, struct str block, const char *name, const char *missing)
{
	for (size_t at = 0; at < block.n;) {
		size_t end = str_find(block, '\n', at);
		struct str line = str_slice(block, at, end);
		if (str_starts(line, name))
			return arena_cstr(
			    &w->arena, str_slice(line, strlen(name), line.n));
		at = end + 1;
	}
	return missing;
}

/* The n-th block of the body that has an id; false: there are fewer. */
static inline bool nth(struct world *w, int n, struct event *out)
{
	struct str rest = w->ans.body;

	while (rest.n) {
		const char *end = memmem(rest.p, rest.n, "\n\n", 2);
		assert_non_null(end); /* every block is whole */
		size_t length = (size_t)(end - rest.p);
		struct str block = str_slice(rest, 0, length);
		rest = str_slice(rest, length + 2, rest.n);
		const char *id = field(w, block, "id: ", NULL);
		if (!id || n-- > 0)
			continue;
		out->id = atoll(id);
		out->name = field(w, block, "event: ", "");
		out->data = field(w, block, "data: ", "");
		return true;
	}
	return false;
}

static inline struct event only(struct world *w)
{
	struct event e = {0}, other;

	assert_true(nth(w, 0, &e));
	assert_false(nth(w, 1, &other));
	return e;
}

static inline const char *said(
    struct world *w, const struct event *e, const char *key)
{
	struct value *v = NULL;

	assert_int_equal(
	    json_read(&w->arena, str_of(e->data), 1 << 20, NULL, NULL, &v),
	    ERR_OK);
	v = (struct value *)value_path(v, key);
	return v ? arena_cstr(&w->arena, value_spell(&w->arena, v)) : "(none)";
}

static inline void assert_event(
    struct world *w, const char *name, const char *status)
{
	struct event e = only(w);

	assert_string_equal(e.name, name);
	assert_true(e.id == w->wait.version);
	assert_string_equal(said(w, &e, "status"), status);
}

static inline struct job progress(struct world *w, struct job job, int percent)
{
	world_finish(w, BUNDLE, &job,
	    (struct job_event){.kind = JOB_EVENT_HEARTBEAT,
		.lease_boot = w->now.boot_ms + 20000,
		.progress = percent},
	    NULL);
	return job;
}

static inline void complete(struct world *w, struct job job, const char *body)
{
	world_finish(w, BUNDLE, &job,
	    (struct job_event){.kind = JOB_EVENT_COMPLETE, .status = 201},
	    &(struct envelope_result){.status = 201,
		.content_type = STR(JSON),
		.body = str_of(body)});
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, up, down)

#endif
