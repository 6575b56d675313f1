#include "generator/memo-own.h"

#include <stdlib.h>
#include <string.h>

/*
 * Is everything as it was: what was asked of the environment and of files
 * outside, every source, every output? Then what was said is said again.
 */

/* --- what lies around ---------------------------------------------------- */

static void remember(
    struct memo *m, enum memo_kind kind, const char *name, struct str value)
{
	struct asked *s = m->around;

	while (s && (s->kind == MEMO_FILE || strcmp(s->name, name) != 0))
		s = s->next;
	/* asked for as a secret as well, it is one */
	if (s && s->kind == MEMO_SECRET)
		return;
	if (!s) {
		s = arena_alloc(m->arena, sizeof(*s));
		*s = (struct asked){.next = m->around,
		    .name = arena_cstr(m->arena, str_of(name))};
		m->around = s;
	}
	s->kind = kind;
	memset(s->hash, 0, MEMO_HASH);
	if (kind != MEMO_UNSET)
		memo_hash(s->hash, value.p, value.n);
	/* too little to guess a value by, wherever a cache is carried to */
	if (kind == MEMO_SECRET)
		memset(s->hash + 2, 0, MEMO_HASH - 2);
}

static const char *ask(void *memo, const char *name)
{
	const char *value = getenv(name);

	remember(memo, value ? MEMO_SET : MEMO_UNSET, name, str_of(value));
	return value;
}

static const char *ask_secret(void *memo, const char *name)
{
	const char *value = getenv(name);

	remember(memo, value ? MEMO_SECRET : MEMO_UNSET, name, str_of(value));
	return value;
}

static void ask_file(void *memo, const char *path)
{
	struct memo *m = memo;
	struct asked *s = arena_alloc(m->arena, sizeof(*s));
	struct fs_entry e = memo_entry_of(path);

	*s = (struct asked){.next = m->around,
	    .kind = MEMO_FILE,
	    .name = arena_cstr(m->arena, str_of(path)),
	    .times = memo_times_of(&e, false)};
	/* a time that is no file's: it is never current */
	if (e.inode && !memo_is_past(m->now, &e))
		s->times.mtime_ns = UINT32_MAX;
	m->around = s;
}

void memo_ask_outside(struct memo *m)
{
	m->outside = (struct outside){ask, ask_secret, ask_file, m};
}

const struct outside *memo_outside(struct memo *m)
{
	return m ? &m->outside : NULL;
}

static bool is_around_same(struct memo *m)
{
	for (uint64_t i = 0; i < m->old.header->n_around; i++) {
		const struct memo_around *row = &m->old.around[i];
		const char *name =
		    arena_cstr(m->arena, memo_file_text(&m->old, row->name));
		if (row->kind == MEMO_FILE)
			ask_file(m, name);
		else if (row->kind == MEMO_SECRET)
			ask_secret(m, name);
		else
			ask(m, name);
	}
	/* the newest is the first, and each was asked for once */
	uint64_t i = m->old.header->n_around;
	for (const struct asked *s = m->around; s; s = s->next) {
		const struct memo_around *row = i ? &m->old.around[--i] : NULL;
		if (!row || row->kind != s->kind ||
		    memcmp(row->hash, s->hash, MEMO_HASH) != 0 ||
		    !memo_same_times(&row->times, &s->times))
			return false;
	}
	return i == 0;
}
/* --- is anything else? ---------------------------------------------------- */

static bool is_source_same(
    const struct memo *m, const struct looked_list *l, size_t k)
{
	const struct memo_source *row = &m->old.sources[l->first + k];
	const struct fs_entry *e = &l->files.entries[k];
	struct memo_times times = memo_times_of(e, false);
	unsigned char hash[MEMO_HASH];

	if (!memo_same_times(&times, &row->times) ||
	    !str_eq(memo_file_text(&m->old, row->name), memo_name_of(m, l, e)))
		return false;
	if (!row->is_hashed)
		return true;
	/* it may be older than the look by now, and have no hash of its own */
	if (m->sources[l->first + k].is_hashed)
		memcpy(hash, m->sources[l->first + k].hash, MEMO_HASH);
	else if (!memo_hash_file(hash, e->path))
		return false;
	return memcmp(hash, row->hash, MEMO_HASH) == 0;
}

static bool are_sources_same(const struct memo *m)
{
	if (m->n_sources != m->old.header->n_sources)
		return false;
	for (size_t i = 0; i < MEMO_LISTS; i++)
		for (size_t k = 0; k < m->lists[i].files.n; k++)
			if (!is_source_same(m, &m->lists[i], k))
				return false;
	return true;
}

static bool are_outputs_same(const struct memo *m)
{
	const struct fs_list *l = &m->output.files;

	if (!m->output_inode || l->n != m->old.header->n_outputs)
		return false;
	for (size_t i = 0; i < l->n; i++)
		if (!memo_is_output_same(m, i, &l->entries[i]))
			return false;
	return true;
}

static const char *literal(struct memo *m, struct memo_text t)
{
	return arena_cstr(m->arena, memo_file_text(&m->old, t));
}

static void say_again(struct memo *m, struct diag *diag)
{
	for (uint64_t i = 0; i < m->old.header->n_said; i++) {
		const struct memo_said *s = &m->old.said[i];
		struct str text = memo_file_text(&m->old, s->text);
		struct pos pos = {.line = s->line, .col = s->col};
		if (s->has_file)
			pos.file = literal(m, s->file);
		diag_warn(
		    diag, pos, literal(m, s->name), "%.*s", STR_ARG(text));
	}
}

static void list_envs(struct memo *m, struct memo_result *result)
{
	const struct fs_list *l = &m->lists[2].files;

	result->envs = arena_array(m->arena, l->n + 1, sizeof(char *));
	for (size_t i = 0; i < l->n; i++) {
		struct str name = l->entries[i].rel;
		if (str_ends(name, ".toml") && name.p[0] != '.' &&
		    !str_is(name, "base.toml") &&
		    str_find(name, '/', 0) == name.n)
			result->envs[result->n_envs++] = arena_cstr(
			    m->arena, str_slice(name, 0, name.n - 5));
	}
}

bool memo_is_current(
    struct memo *m, struct diag *diag, struct memo_result *result)
{
	*result = (struct memo_result){0};
	if (!m || !m->is_whole || !m->old.header || m->output.err != ERR_OK ||
	    memcmp(m->key, m->old.header->key, MEMO_HASH) != 0)
		return false;
	bool same =
	    are_sources_same(m) && are_outputs_same(m) && is_around_same(m);
	m->around = NULL; /* a build asks again */
	if (!same)
		return false;
	say_again(m, diag);
	result->files = m->old.header->files;
	result->bytes = m->old.header->bytes;
	list_envs(m, result);
	return true;
}
