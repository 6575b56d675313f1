#include "cgi/store/memory.h"

#include <stdlib.h>
#include <string.h>

/*
 * What stands beside the rows: the numbers of the store, and bodies.
 */

static struct str keep_bytes(struct str bytes)
{
	char *copy = malloc(bytes.n + 1);

	if (!copy)
		abort();
	if (bytes.n)
		memcpy(copy, bytes.p, bytes.n);
	return (struct str){.p = copy, .n = bytes.n};
}

/* ---- numbers ----------------------------------------------------------- */

static struct meta *find_meta(struct memory *m, const char *name)
{
	for (size_t i = 0; i < m->n_metas; i++)
		if (!strcmp(m->metas[i].name, name))
			return &m->metas[i];
	return NULL;
}

enum err memory_meta_get(void *backend, const char *name, int64_t *value)
{
	const struct meta *meta = find_meta(backend, name);

	*value = meta ? meta->value : 0;
	return ERR_OK;
}

/* A slot that was made in vain stays, as 0. */
enum err memory_meta_put(void *backend, const char *name, int64_t value)
{
	struct memory *m = backend;
	struct meta *meta = find_meta(m, name);

	if (!meta) {
		m->metas = memory_grown(
		    m->metas, m->n_metas, &m->metas_cap, sizeof(*meta));
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
	m->bodies = memory_grown(
	    m->bodies, m->n_bodies, &m->bodies_cap, sizeof(*m->bodies));
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

enum err memory_body_put(
    void *backend, const struct job *job, enum body_kind kind, struct str bytes)
{
	struct body *body = find_body(backend, job, kind);

	if (!body)
		body = add_body(backend, job, kind);
	set_body(backend, body, keep_bytes(bytes));
	return ERR_OK;
}

enum err memory_body_get(void *backend, const struct job *job,
    enum body_kind kind, struct arena *a, struct str *out)
{
	const struct body *body = find_body(backend, job, kind);

	if (!body || !body->bytes.p)
		return ERR_NOT_FOUND;
	*out = arena_str(a, body->bytes);
	return ERR_OK;
}

enum err memory_body_size(
    void *backend, const struct job *job, enum body_kind kind, int64_t *bytes)
{
	const struct body *body = find_body(backend, job, kind);

	if (!body || !body->bytes.p)
		return ERR_NOT_FOUND;
	*bytes = (int64_t)body->bytes.n;
	return ERR_OK;
}

enum err memory_body_drop(
    void *backend, const struct job *job, enum body_kind kind)
{
	struct body *body = find_body(backend, job, kind);

	if (body)
		set_body(backend, body, (struct str){0});
	return ERR_OK;
}
