#include "cgi/store/memory.h"

#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

/*
 * The store without a disk: for tests and as the plainest reading of what a
 * back end has to do. It lives and dies with its handle and is shared with
 * nobody. Everything is looked up by walking.
 *
 * A transaction is undone from a list of what was there before: rows and
 * bodies are changed in place, new rows stand at the end.
 */
void *memory_grown(void *items, size_t n, size_t *cap, size_t size)
{
	if (n < *cap)
		return items;
	*cap = *cap ? *cap * 2 : 16;
	void *more = realloc(items, *cap * size);
	if (!more)
		abort();
	return more;
}

void memory_forget(struct str bytes)
{
	union {
		const char *from;
		char *to;
	} p = {.from = bytes.p}; /* ours: of keep_bytes() */
	free(p.to);
}

/* ---- opening ----------------------------------------------------------- */

static enum err open_(
    const struct store_spec *spec, struct diag *diag, void **backend)
{
	struct memory *m = calloc(1, sizeof(*m));

	(void)diag;
	if (!m)
		abort();
	m->n_tables = spec->config->n_apis;
	m->tables = calloc(m->n_tables + 1, sizeof(*m->tables));
	if (!m->tables)
		abort();
	*backend = m;
	return ERR_OK;
}

static void close_(void *backend)
{
	struct memory *m = backend;

	for (size_t i = 0; i < m->n_tables; i++)
		free(m->tables[i].rows);
	for (size_t i = 0; i < m->n_bodies; i++)
		memory_forget(m->bodies[i].bytes);
	for (size_t i = 0; i < m->n_watches; i++)
		close(m->watches[i].fd);
	free(m->tables);
	free(m->bodies);
	free(m->metas);
	free(m->changes);
	free(m);
}

static enum err reconfigure(void *backend, const struct config *config)
{
	struct memory *m = backend;
	const size_t n = config->n_apis;

	m->tables = realloc(m->tables, (n + 1) * sizeof(*m->tables));
	if (!m->tables)
		abort();
	memset(&m->tables[m->n_tables], 0,
	    (n + 1 - m->n_tables) * sizeof(*m->tables));
	m->n_tables = n;
	return ERR_OK;
}

/* ---- transactions ------------------------------------------------------ */

static enum err view(void *backend)
{
	(void)backend;
	return ERR_OK;
}

static void unview(void *backend)
{
	(void)backend;
}

static enum err begin(void *backend)
{
	struct memory *m = backend;

	m->n_changes = 0;
	m->version_before = m->version;
	return ERR_OK;
}

static void ring(struct memory *m, unsigned bells)
{
	for (size_t i = 0; i < m->n_watches; i++) {
		struct watch *w = &m->watches[i];
		if (!(w->bells & bells))
			continue;
		w->rung |= w->bells & bells;
		eventfd_write(w->fd, 1);
	}
}

static enum err commit(void *backend, unsigned bells)
{
	struct memory *m = backend;

	for (size_t i = 0; i < m->n_changes; i++)
		memory_forget(m->changes[i].bytes);
	m->n_changes = 0;
	ring(m, bells);
	return ERR_OK;
}

/* A row between others, which keep their order. */
static void put_back(struct table *t, size_t at, const struct job *row)
{
	memmove(&t->rows[at + 1], &t->rows[at], (t->n - at) * sizeof(*t->rows));
	t->rows[at] = *row;
	t->n++;
}

static void take_out(struct table *t, size_t at)
{
	t->n--;
	memmove(&t->rows[at], &t->rows[at + 1], (t->n - at) * sizeof(*t->rows));
}

static void undo(struct memory *m, const struct memory_change *c)
{
	switch (c->kind) {
	case ROW_ADDED:
		m->tables[c->table].n--;
		break;
	case ROW_CHANGED:
		m->tables[c->table].rows[c->at] = c->row;
		break;
	case ROW_REMOVED:
		put_back(&m->tables[c->table], c->at, &c->row);
		break;
	case META_CHANGED:
		m->metas[c->at].value = c->number;
		break;
	case SAMPLE_CHANGED:
		m->tables[c->table].samples[c->at] = c->sample;
		m->tables[c->table].sampled[c->at] = c->was_there;
		break;
	case BODY_CHANGED:
		memory_forget(m->bodies[c->at].bytes);
		m->bodies[c->at].bytes = c->bytes;
		break;
	}
}

static void rollback(void *backend)
{
	struct memory *m = backend;

	while (m->n_changes)
		undo(m, &m->changes[--m->n_changes]);
	m->version = m->version_before;
}

struct memory_change *memory_note(struct memory *m)
{
	m->changes = memory_grown(
	    m->changes, m->n_changes, &m->changes_cap, sizeof(*m->changes));
	m->changes[m->n_changes] = (struct memory_change){0};
	return &m->changes[m->n_changes++];
}

/* There is always room, and nothing to do. */
static enum err room(void *backend)
{
	(void)backend;
	return ERR_OK;
}

static enum err tend(void *backend, struct store_now now)
{
	(void)backend;
	(void)now;
	return ERR_OK;
}

static int64_t tend_due(void *backend)
{
	(void)backend;
	return 0;
}

static enum err vacuum(void *backend, int64_t *unused)
{
	(void)backend;
	*unused = 0;
	return ERR_OK;
}

static enum err version(void *backend, int64_t *out)
{
	const struct memory *m = backend;

	*out = m->version;
	return ERR_OK;
}

static enum err next_version(void *backend, int64_t *out)
{
	struct memory *m = backend;

	*out = ++m->version;
	return ERR_OK;
}

/* ---- rows -------------------------------------------------------------- */

static struct job *find(struct memory *m, size_t api, const uint8_t *key)
{
	struct table *t = &m->tables[api];

	for (size_t i = 0; i < t->n; i++)
		if (!memcmp(job_key(&t->rows[i]), key, JOB_KEY_BYTES))
			return &t->rows[i];
	return NULL;
}

static enum err get(
    void *backend, size_t api, const uint8_t *key, struct job *out)
{
	const struct job *row = find(backend, api, key);

	if (!row)
		return ERR_NOT_FOUND;
	*out = *row;
	return ERR_OK;
}

static enum err insert(void *backend, size_t api, const struct job *job)
{
	struct memory *m = backend;
	struct table *t = &m->tables[api];

	if (find(m, api, job_key(job)))
		return ERR_CONFLICT;
	t->rows = memory_grown(t->rows, t->n, &t->cap, sizeof(*t->rows));
	t->rows[t->n++] = *job;
	*memory_note(m) =
	    (struct memory_change){.kind = ROW_ADDED, .table = api};
	return ERR_OK;
}

static enum err update(
    void *backend, size_t api, const struct job *before, const struct job *job)
{
	struct memory *m = backend;
	struct job *row = find(m, api, job_key(job));

	(void)before;
	if (!row)
		return ERR_NOT_FOUND;
	*memory_note(m) = (struct memory_change){.kind = ROW_CHANGED,
	    .table = api,
	    .at = (size_t)(row - m->tables[api].rows),
	    .row = *row};
	*row = *job;
	return ERR_OK;
}

static enum err remove_(void *backend, size_t api, const struct job *job)
{
	struct memory *m = backend;
	struct table *t = &m->tables[api];
	struct job *row = find(m, api, job_key(job));

	if (!row)
		return ERR_NOT_FOUND;
	const size_t at = (size_t)(row - t->rows);
	*memory_note(m) = (struct memory_change){
	    .kind = ROW_REMOVED, .table = api, .at = at, .row = *row};
	take_out(t, at);
	return ERR_OK;
}

/* ---- for people -------------------------------------------------------- */

static int newest_first(const void *left, const void *right)
{
	const struct job *a = left, *b = right;

	return (a->born < b->born) - (a->born > b->born);
}

static enum err list(void *backend, size_t api, size_t limit,
    bool (*each)(void *ctx, const struct job *job), void *ctx)
{
	const struct memory *m = backend;
	const struct table *t = &m->tables[api];
	struct job *sorted = calloc(t->n + 1, sizeof(*sorted));

	if (!sorted)
		abort();
	if (t->n) {
		memcpy(sorted, t->rows, t->n * sizeof(*sorted));
		qsort(sorted, t->n, sizeof(*sorted), newest_first);
	}
	for (size_t i = 0; i < t->n && (!limit || i < limit); i++)
		if (!each(ctx, &sorted[i]))
			break;
	free(sorted);
	return ERR_OK;
}

/* ---- copies ------------------------------------------------------------ */

static enum err copy(
    void *backend, const struct store_copying *copying, struct diag *diag)
{
	(void)backend;
	(void)copying;
	(void)diag;
	return ERR_USAGE;
}

/* What it has is what it was given. */
static enum err audit(void *backend, const struct store_auditing *auditing)
{
	(void)backend;
	(void)auditing;
	return ERR_OK;
}

static enum err stranger(void *backend, char name[STORE_META_NAME])
{
	(void)backend;
	(void)name;
	return ERR_NOT_FOUND;
}

/* ---- bells ------------------------------------------------------------- */

static enum err watch(void *backend, unsigned bells, int *fd)
{
	struct memory *m = backend;

	if (m->n_watches == WATCHES_MAX)
		return ERR_FULL;
	*fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (*fd < 0)
		return ERR_IO;
	m->watches[m->n_watches++] = (struct watch){.fd = *fd, .bells = bells};
	return ERR_OK;
}

static unsigned heard(void *backend, int fd)
{
	struct memory *m = backend;
	unsigned rung = 0;
	eventfd_t times;

	for (size_t i = 0; i < m->n_watches; i++) {
		struct watch *w = &m->watches[i];
		if (w->fd != fd)
			continue;
		(void)!eventfd_read(fd, &times);
		rung = w->rung;
		w->rung = 0;
	}
	return rung;
}

const struct store_ops store_memory = {
    .name = "memory",
    .open = open_,
    .close = close_,
    .view = view,
    .unview = unview,
    .begin = begin,
    .commit = commit,
    .rollback = rollback,
    .room = room,
    .tend = tend,
    .tend_due = tend_due,
    .vacuum = vacuum,
    .version = version,
    .next_version = next_version,
    .get = get,
    .insert = insert,
    .update = update,
    .body_put = memory_body_put,
    .body_get = memory_body_get,
    .body_drop = memory_body_drop,
    .pick_pending = memory_pick_pending,
    .peek_pending = memory_pick_pending,
    .next_due = memory_next_due,
    .pick_lost = memory_pick_lost,
    .pick_late = memory_pick_late,
    .count_running = memory_count_running,
    .remove = remove_,
    .rows_since = memory_rows_since,
    .body_size = memory_body_size,
    .meta_get = memory_meta_get,
    .meta_put = memory_meta_put,
    .changed = memory_changed,
    .list = list,
    .stats = memory_stats,
    .recent = memory_recent,
    .count_open = memory_count_open,
    .count_rank = memory_count_rank,
    .holder = memory_holder,
    .owned = memory_owned,
    .owned_since = memory_owned_since,
    .sample_put = memory_sample_put,
    .samples = memory_samples,
    .reconfigure = reconfigure,
    .copy = copy,
    .audit = audit,
    .stranger = stranger,
    .watch = watch,
    .heard = heard,
};
