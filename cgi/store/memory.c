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
/* Room for one more of `size` bytes. */
static void *grown(void *items, size_t n, size_t *cap, size_t size)
{
	if (n < *cap)
		return items;
	*cap = *cap ? *cap * 2 : 16;
	void *more = realloc(items, *cap * size);
	if (!more)
		abort();
	return more;
}

static void forget_bytes(struct str bytes)
{
	union {
		const char *from;
		char *to;
	} p = {.from = bytes.p}; /* ours: allocated in keep_bytes() */
	free(p.to);
}

static struct str keep_bytes(struct str bytes)
{
	char *copy = malloc(bytes.n + 1);

	if (!copy)
		abort();
	if (bytes.n)
		memcpy(copy, bytes.p, bytes.n);
	return (struct str){.p = copy, .n = bytes.n};
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
		forget_bytes(m->bodies[i].bytes);
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
		forget_bytes(m->changes[i].bytes);
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
		forget_bytes(m->bodies[c->at].bytes);
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
	m->changes = grown(
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
	t->rows = grown(t->rows, t->n, &t->cap, sizeof(*t->rows));
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

/* ---- numbers ----------------------------------------------------------- */

static struct meta *find_meta(struct memory *m, const char *name)
{
	for (size_t i = 0; i < m->n_metas; i++)
		if (!strcmp(m->metas[i].name, name))
			return &m->metas[i];
	return NULL;
}

static enum err meta_get(void *backend, const char *name, int64_t *value)
{
	const struct meta *meta = find_meta(backend, name);

	*value = meta ? meta->value : 0;
	return ERR_OK;
}

/* A slot that was made in vain stays, as 0. */
static enum err meta_put(void *backend, const char *name, int64_t value)
{
	struct memory *m = backend;
	struct meta *meta = find_meta(m, name);

	if (!meta) {
		m->metas =
		    grown(m->metas, m->n_metas, &m->metas_cap, sizeof(*meta));
		meta = &m->metas[m->n_metas++];
		*meta = (struct meta){.value = 0};
		strncpy(meta->name, name, sizeof(meta->name) - 1);
	}
	*memory_note(m) = (struct memory_change){.kind = META_CHANGED,
	    .at = (size_t)(meta - m->metas),
	    .number = meta->value};
	meta->value = value;
	return ERR_OK;
}

/* ---- bodies ------------------------------------------------------------ */

static struct body *find_body(
    struct memory *m, const struct job *job, enum body_kind kind)
{
	for (size_t i = 0; i < m->n_bodies; i++)
		if (m->bodies[i].kind == kind &&
		    !memcmp(m->bodies[i].id, job->id, JOB_ID_BYTES))
			return &m->bodies[i];
	return NULL;
}

static struct body *add_body(
    struct memory *m, const struct job *job, enum body_kind kind)
{
	m->bodies =
	    grown(m->bodies, m->n_bodies, &m->bodies_cap, sizeof(*m->bodies));
	struct body *body = &m->bodies[m->n_bodies++];
	*body = (struct body){.kind = kind};
	memcpy(body->id, job->id, JOB_ID_BYTES);
	return body;
}

static void set_body(struct memory *m, struct body *body, struct str bytes)
{
	*memory_note(m) = (struct memory_change){.kind = BODY_CHANGED,
	    .at = (size_t)(body - m->bodies),
	    .bytes = body->bytes};
	body->bytes = bytes;
}

static enum err body_put(
    void *backend, const struct job *job, enum body_kind kind, struct str bytes)
{
	struct body *body = find_body(backend, job, kind);

	if (!body)
		body = add_body(backend, job, kind);
	set_body(backend, body, keep_bytes(bytes));
	return ERR_OK;
}

static enum err body_get(void *backend, const struct job *job,
    enum body_kind kind, struct arena *a, struct str *out)
{
	const struct body *body = find_body(backend, job, kind);

	if (!body || !body->bytes.p)
		return ERR_NOT_FOUND;
	*out = arena_str(a, body->bytes);
	return ERR_OK;
}

static enum err body_size(
    void *backend, const struct job *job, enum body_kind kind, int64_t *bytes)
{
	const struct body *body = find_body(backend, job, kind);

	if (!body || !body->bytes.p)
		return ERR_NOT_FOUND;
	*bytes = (int64_t)body->bytes.n;
	return ERR_OK;
}

static enum err body_drop(
    void *backend, const struct job *job, enum body_kind kind)
{
	struct body *body = find_body(backend, job, kind);

	if (body)
		set_body(backend, body, (struct str){0});
	return ERR_OK;
}

/* ---- picking ----------------------------------------------------------- */

/* Which of two comes first. */
static bool is_before(const struct job *a, const struct job *b)
{
	return a->rank != b->rank ? a->rank < b->rank : a->born < b->born;
}

static enum err pick_pending(
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

static enum err next_due(
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

static enum err pick_lost(
    void *backend, size_t api, int64_t now_boot, struct job *out)
{
	return pick_due(backend, api, JOB_PROCESSING, false, now_boot, out);
}

static enum err pick_late(
    void *backend, size_t api, int64_t now_boot, struct job *out)
{
	enum err err = pick_due(backend, api, JOB_PENDING, true, now_boot, out);

	if (err == ERR_NOT_FOUND)
		err =
		    pick_due(backend, api, JOB_PROCESSING, true, now_boot, out);
	return err;
}

static enum err count_running(void *backend, size_t api, int64_t *n)
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

static enum err rows_since(void *backend, size_t api, int64_t since,
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

static enum err changed(void *backend, size_t api, int64_t since, size_t limit,
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
    .body_put = body_put,
    .body_get = body_get,
    .body_drop = body_drop,
    .pick_pending = pick_pending,
    .peek_pending = pick_pending,
    .next_due = next_due,
    .pick_lost = pick_lost,
    .pick_late = pick_late,
    .count_running = count_running,
    .remove = remove_,
    .rows_since = rows_since,
    .body_size = body_size,
    .meta_get = meta_get,
    .meta_put = meta_put,
    .changed = changed,
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
