#include "cgi/upstream/fake.h"

#include <stdlib.h>

static enum err fake_open(void **pool)
{
	*pool = calloc(1, sizeof(struct fake_upstream));
	if (!*pool)
		abort();
	return ERR_OK;
}

static void fake_close(void *pool)
{
	struct fake_upstream *f = pool;

	for (size_t i = 0; f && i < f->n; i++)
		arena_release(&f->calls[i].arena);
	free(f);
}

static void fake_start(void *pool, const struct upstream_call *spec, void *tag)
{
	struct fake_upstream *f = pool;

	if (f->n == FAKE_CALLS_MAX)
		abort();
	struct fake_call *call = &f->calls[f->n++];
	struct arena *a = &call->arena;
	call->tag = tag;
	call->running = true;
	call->exec = spec->exec != NULL;
	call->url = arena_cstr(a, str_of(call->exec ? "" : spec->url));
	call->method = arena_cstr(a, str_of(call->exec ? "" : spec->method));
	call->has_body = spec->has_body;
	call->body = arena_str(a, spec->body);
	call->reuse = spec->reuse;
	call->local = spec->local;
	call->leave_by_boot = spec->leave_by_boot;
	call->timeout_ms = spec->timeout_ms;
	call->headers.n = spec->headers.n;
	call->headers.items =
	    arena_array(a, spec->headers.n, sizeof(struct pair));
	for (size_t i = 0; i < spec->headers.n; i++) {
		const struct pair *from = &spec->headers.items[i];
		call->headers.items[i] = (struct pair){
		    arena_str(a, from->name), arena_str(a, from->value)};
	}
}

static struct fake_call *running(struct fake_upstream *f, const void *tag)
{
	for (size_t i = 0; i < f->n; i++)
		if (f->calls[i].running && f->calls[i].tag == tag)
			return &f->calls[i];
	return NULL;
}

static bool fake_unsent(void *pool, void *tag)
{
	const struct fake_call *call = running(pool, tag);
	return call && call->unsent;
}

static void fake_abort(void *pool, void *tag)
{
	struct fake_call *call = running(pool, tag);

	if (call) {
		call->running = false;
		call->aborted = true;
	}
}

static void fake_stop(void *pool, void *tag)
{
	struct fake_call *call = running(pool, tag);

	if (call)
		call->stopped = true;
}

static bool fake_moved(
    void *pool, struct arena *a, void **tag, struct upstream_progress *progress)
{
	struct fake_upstream *f = pool;

	(void)a;
	for (size_t i = 0; i < f->n; i++) {
		struct fake_call *call = &f->calls[i];
		if (!call->running || !call->moved)
			continue;
		call->moved = false;
		*tag = call->tag;
		*progress = call->progress;
		return true;
	}
	return false;
}

static bool fake_next(
    void *pool, struct arena *a, void **tag, struct upstream_answer *answer)
{
	struct fake_upstream *f = pool;

	(void)a;
	for (size_t i = 0; i < f->n; i++) {
		struct fake_call *call = &f->calls[i];
		if (!call->running || !call->ended)
			continue;
		call->running = false;
		*tag = call->tag;
		*answer = call->answer;
		return true;
	}
	return false;
}

static enum err fake_wait(
    void *pool, const int *fds, size_t n, bool *readable, int64_t timeout_ms)
{
	struct fake_upstream *f = pool;

	(void)fds;
	for (size_t i = 0; i < n; i++)
		readable[i] = false;
	f->waits++;
	f->waited_ms = timeout_ms;
	return ERR_OK;
}

const struct upstream_ops upstream_fake = {
    .name = "fake",
    .open = fake_open,
    .close = fake_close,
    .start = fake_start,
    .unsent = fake_unsent,
    .abort = fake_abort,
    .stop = fake_stop,
    .moved = fake_moved,
    .next = fake_next,
    .wait = fake_wait,
};
