#include "cgi/store/memory.h"

#include <string.h>

/*
 * Which job is next, which is late, and what changed: the table is walked for
 * each.
 */

/* ---- picking ----------------------------------------------------------- */

/* Which of two comes first. */
static bool is_before(const struct job *a, const struct job *b)
{
	return a->rank != b->rank ? a->rank < b->rank : a->born < b->born;
}

enum err memory_pick_pending(
    void *backend, size_t api, int64_t now_boot, struct job *out)
{
	const struct memory *m = backend;
	const struct table *t = &m->tables[api];
	const struct job *best = NULL;

	for (size_t i = 0; i < t->n; i++) {
		const struct job *j = &t->rows[i];
		if (j->state == JOB_PENDING && !j->needs &&
		    j->not_before_boot <= now_boot &&
		    (!best || is_before(j, best)))
			best = j;
	}
	if (!best)
		return ERR_NOT_FOUND;
	*out = *best;
	return ERR_OK;
}

static void sooner(int64_t *due, int64_t now, int64_t time)
{
	if (time > now && (!*due || time < *due))
		*due = time;
}

enum err memory_next_due(
    void *backend, size_t api, int64_t now_boot, int64_t *due_boot)
{
	const struct memory *m = backend;
	const struct table *t = &m->tables[api];

	*due_boot = 0;
	for (size_t i = 0; i < t->n; i++) {
		const struct job *j = &t->rows[i];
		if (j->state == JOB_PROCESSING && !j->held)
			sooner(due_boot, now_boot, j->lease_boot);
		if (j->state != JOB_PENDING)
			continue;
		sooner(due_boot, now_boot, j->not_before_boot);
		sooner(due_boot, now_boot, j->deadline_boot);
	}
	return ERR_OK;
}

/* When it was due: a pending row its deadline, a running one its lease. */
static int64_t due_of(const struct job *j)
{
	return j->state == JOB_PENDING ? j->deadline_boot : j->lease_boot;
}

/* Two of one state; equal times go by key. */
static bool is_sooner(const struct job *a, const struct job *b)
{
	if (due_of(a) != due_of(b))
		return due_of(a) < due_of(b);
	return memcmp(job_key(a), job_key(b), JOB_KEY_BYTES) < 0;
}

static bool is_late(const struct job *j, int64_t now_boot)
{
	return j->deadline_boot && j->deadline_boot <= now_boot;
}

/* The first of one state whose time has come. */
static enum err pick_due(struct memory *m, size_t api, enum job_state state,
    bool late, int64_t now_boot, struct job *out)
{
	const struct table *t = &m->tables[api];
	const struct job *best = NULL;

	for (size_t i = 0; i < t->n; i++) {
		const struct job *j = &t->rows[i];
		if (j->state == state && !j->held && due_of(j) <= now_boot &&
		    (!late || is_late(j, now_boot)) &&
		    (!best || is_sooner(j, best)))
			best = j;
	}
	if (!best)
		return ERR_NOT_FOUND;
	*out = *best;
	return ERR_OK;
}

enum err memory_pick_lost(
    void *backend, size_t api, int64_t now_boot, struct job *out)
{
	return pick_due(backend, api, JOB_PROCESSING, false, now_boot, out);
}

enum err memory_pick_late(
    void *backend, size_t api, int64_t now_boot, struct job *out)
{
	enum err err = pick_due(backend, api, JOB_PENDING, true, now_boot, out);

	if (err == ERR_NOT_FOUND)
		err =
		    pick_due(backend, api, JOB_PROCESSING, true, now_boot, out);
	return err;
}

enum err memory_count_running(void *backend, size_t api, int64_t *n)
{
	const struct memory *m = backend;
	const struct table *t = &m->tables[api];

	*n = 0;
	for (size_t i = 0; i < t->n; i++)
		*n += t->rows[i].state == JOB_PROCESSING && !t->rows[i].held;
	return ERR_OK;
}

/* ---- what changed ------------------------------------------------------ */

/* The row that changed first after `since`; NULL = none. */
static const struct job *next_changed(const struct table *t, int64_t since)
{
	const struct job *best = NULL;

	for (size_t i = 0; i < t->n; i++) {
		const struct job *j = &t->rows[i];
		if (j->version > since && (!best || j->version < best->version))
			best = j;
	}
	return best;
}

enum err memory_rows_since(void *backend, size_t api, int64_t since,
    size_t limit, bool (*each)(void *ctx, const struct job *job), void *ctx)
{
	const struct memory *m = backend;
	const struct job *j;

	for (size_t i = 0; i < limit; i++) {
		j = next_changed(&m->tables[api], since);
		if (!j || !each(ctx, j))
			break;
		since = j->version;
	}
	return ERR_OK;
}

enum err memory_changed(void *backend, size_t api, int64_t since, size_t limit,
    bool (*each)(void *ctx, const uint8_t key[JOB_KEY_BYTES], int64_t version),
    void *ctx)
{
	const struct memory *m = backend;
	const struct job *j;

	for (size_t i = 0; !limit || i < limit; i++) {
		j = next_changed(&m->tables[api], since);
		if (!j || !each(ctx, job_key(j), j->version))
			break;
		since = j->version;
	}
	return ERR_OK;
}
