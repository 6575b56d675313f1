#include "generator/memo.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "generator/cache.h"
#include "generator/memo-file.h"

/*
 * memo_open() looks at everything before a producer reads anything: what
 * changes after that has other times the next time, whichever of its bytes
 * went into the output.
 */
#define HASHED_MAX 4096	  /* more files too new to be sure of: start again */
#define SLACK_NS 50000000 /* clocks of file servers are not quite ours */

const char *const memo_folders[MEMO_FOLDERS] = {
    "assets", "catalogue", "env", "handlers", "pages", "static", "templates"};
/* what stands above them; as another folder */
static const char *const top[] = {"api.toml", "site.toml"};
#define N_TOP 2
#define N_LISTS (MEMO_FOLDERS + 1)

struct source {
	unsigned char hash[MEMO_HASH];
	bool is_hashed;
	atomic_bool is_known; /* the row below is for the next run */
	struct memo_row row;
};
struct list {
	struct arena arena;
	struct fs_list files;
	enum err err;
	size_t first; /* among all sources */
};
struct around {
	struct around *next;
	enum memo_kind kind;
	const char *name;
	unsigned char hash[MEMO_HASH];
	struct memo_times times;
};
struct memo {
	struct arena *arena, rows; /* rows: under the mutex */
	pthread_mutex_t mutex;
	const struct memo_spec *spec;
	const char *path, *out; /* of the memo, of the output */
	struct timespec now;	/* when it began to look */
	struct list lists[N_LISTS];
	struct list output;
	ino_t output_inode; /* 0: there is none */
	size_t n_sources;
	struct source *sources;
	size_t n_hashed;
	bool is_whole;	 /* everything could be looked at */
	bool is_similar; /* the same files as in the old one, by name */
	unsigned char key[MEMO_HASH], search[MEMO_HASH];
	struct memo_file old;
	bool has_rows; /* of the old one, for this search */
	struct memo_known *digests;
	struct around *around;
	struct outside outside;
};

/* --- times -------------------------------------------------------------- */

/*
 * Whole seconds only: a file system with a grain of one or two. Times are
 * anything that a file system holds, so what is far apart is not subtracted.
 */
static bool is_older(struct timespec t, struct timespec now)
{
	int64_t slack = t.tv_nsec ? SLACK_NS : INT64_C(2000000000);

	if (t.tv_sec < now.tv_sec - 3 || t.tv_sec > now.tv_sec)
		return t.tv_sec < now.tv_sec;
	return (int64_t)(t.tv_sec - now.tv_sec) * 1000000000 + t.tv_nsec +
		   slack <
	       now.tv_nsec;
}

bool memo_is_past(struct timespec now, const struct fs_entry *entry)
{
	return is_older(entry->mtime, now) && is_older(entry->ctime, now);
}

static struct memo_times times_of(const struct fs_entry *e, bool output)
{
	return (struct memo_times){.size = (uint64_t)e->size,
	    .inode = e->inode,
	    .mtime_s = e->mtime.tv_sec,
	    .mtime_ns = (uint32_t)e->mtime.tv_nsec,
	    .ctime_s = output ? 0 : e->ctime.tv_sec,
	    .ctime_ns = output ? 0 : (uint32_t)e->ctime.tv_nsec};
}

static bool same_times(const struct memo_times *a, const struct memo_times *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

static struct fs_entry entry_of(const char *path)
{
	struct fs_entry e = {.path = path, .rel = str_of(path)};
	struct stat st;

	if (stat(path, &st) != 0)
		return e;
	e.size = st.st_size;
	e.inode = st.st_ino;
	e.mtime = st.st_mtim;
	e.ctime = st.st_ctim;
	return e;
}

/* --- looking ------------------------------------------------------------ */

static const char *name_in(struct arena *a, const char *dir, const char *name)
{
	return strcmp(dir, ".") == 0 ? name : fs_join(a, dir, name);
}

static void look_at_top(struct memo *m, struct list *l)
{
	const char *dir = m->spec->site;

	l->files.entries =
	    arena_array(&l->arena, N_TOP, sizeof(struct fs_entry));
	for (size_t i = 0; i < N_TOP; i++) {
		struct fs_entry e = entry_of(name_in(&l->arena, dir, top[i]));
		e.rel = str_of(top[i]);
		if (e.inode)
			l->files.entries[l->files.n++] = e;
	}
}

/* What producers refuse is theirs to find; here it means no memo. */
static enum err look(void *ctx, struct worker *w, size_t i)
{
	struct memo *m = ctx;
	struct list *l = i ? &m->lists[i - 1] : &m->output;

	(void)w;
	if (i == N_LISTS) {
		look_at_top(m, l);
		return ERR_OK;
	}
	if (i == 0) {
		l->err = fs_walk(&l->arena, m->out, NULL, &l->files);
		return ERR_OK;
	}
	const char *root =
	    name_in(&l->arena, m->spec->site, memo_folders[i - 1]);
	/* the small ones may have links to other files of the site */
	bool big = i - 1 == 0 || i - 1 == 3 || i - 1 == 4 || i - 1 == 5;
	l->err =
	    (big ? fs_walk : fs_walk_links)(&l->arena, root, NULL, &l->files);
	return ERR_OK;
}

static bool hash_file(unsigned char out[MEMO_HASH], const char *path)
{
	struct hash_stream stream;
	struct digest digest;
	char piece[65536];
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	ssize_t n = -1;

	hash_begin(&stream);
	while (fd >= 0 && (n = read(fd, piece, sizeof(piece))) > 0)
		hash_add(&stream, piece, (size_t)n);
	hash_end(&stream, &digest);
	memcpy(out, digest.blake2b, MEMO_HASH);
	if (fd >= 0)
		close(fd);
	return n == 0;
}

/* One whose times do not tell enough. */
static enum err hash_new(void *ctx, struct worker *w, size_t i)
{
	struct memo *m = ctx;
	struct list *l = &m->lists[N_LISTS - 1];

	(void)w;
	while (l > m->lists && l->first > i)
		l--;
	const struct fs_entry *e = &l->files.entries[i - l->first];
	if (memo_is_past(m->now, e))
		return ERR_OK;
	m->sources[i].is_hashed = hash_file(m->sources[i].hash, e->path);
	return m->sources[i].is_hashed ? ERR_OK : ERR_INPUT;
}

static void count_sources(struct memo *m)
{
	for (size_t i = 0; i < N_LISTS; i++) {
		struct list *l = &m->lists[i];
		l->first = m->n_sources;
		m->n_sources += l->files.n;
		m->is_whole = m->is_whole && l->err == ERR_OK;
		for (size_t k = 0; k < l->files.n; k++)
			m->n_hashed +=
			    !memo_is_past(m->now, &l->files.entries[k]);
	}
	m->sources = arena_array(m->arena, m->n_sources, sizeof(*m->sources));
}

/* The memo of this output in that cache; false where there can be none. */
static bool locate(struct memo *m)
{
	char real[PATH_MAX];
	unsigned char hash[MEMO_HASH];
	struct buf name = {0};
	struct stat st;

	if (realpath(m->spec->out, real) && stat(real, &st) == 0) {
		m->out = arena_cstr(m->arena, str_of(real));
		m->output_inode = st.st_ino;
		buf_puts(&name, real);
	} else {
		/* not there yet: where it will be */
		char *dir = arena_cstr(m->arena, str_of(m->spec->out));
		char *slash = strrchr(dir, '/');
		m->out = m->spec->out;
		if (slash)
			*slash = '\0';
		if (!realpath(!slash ? "." : *dir ? dir : "/", real))
			return false;
		buf_printf(&name, "%s/%s", strcmp(real, "/") ? real : "",
		    slash ? slash + 1 : dir);
	}
	memo_hash(hash, name.data, name.len);
	buf_release(&name);
	m->path = arena_printf(m->arena, "%s/memo-%02x%02x%02x%02x%02x%02x",
	    m->spec->cache, hash[0], hash[1], hash[2], hash[3], hash[4],
	    hash[5])
		      .p;
	return true;
}

static const char *ask(void *memo, const char *name);
static const char *ask_secret(void *memo, const char *name);
static void ask_file(void *memo, const char *path);

struct memo *memo_open(
    struct arena *a, const struct memo_spec *spec, struct pool *pool)
{
	struct memo *m = spec->cache ? arena_alloc(a, sizeof(*m)) : NULL;

	if (!m)
		return NULL;
	*m = (struct memo){.arena = a, .spec = spec, .is_whole = true};
	m->outside = (struct outside){ask, ask_secret, ask_file, m};
	pthread_mutex_init(&m->mutex, NULL);
	hash_init();
	memo_hash(m->key, spec->key.p, spec->key.n);
	if (!locate(m))
		return NULL;
	clock_gettime(CLOCK_REALTIME_COARSE, &m->now);
	if (pool_each(pool, NULL, N_LISTS + 1, look, m) != ERR_OK)
		m->is_whole = false;
	count_sources(m);
	if (m->n_hashed > HASHED_MAX)
		m->is_whole = false;
	if (m->is_whole && m->n_hashed &&
	    pool_each(pool, NULL, m->n_sources, hash_new, m) != ERR_OK)
		m->is_whole = false;
	memo_file_open(&m->old, m->path);
	return m;
}

void memo_close(struct memo *m)
{
	if (!m)
		return;
	for (size_t i = 0; i < N_LISTS; i++)
		arena_release(&m->lists[i].arena);
	arena_release(&m->output.arena);
	arena_release(&m->rows);
	memo_file_close(&m->old);
	m->path = NULL;
}

/* --- what lies around ---------------------------------------------------- */

static void remember(
    struct memo *m, enum memo_kind kind, const char *name, struct str value)
{
	struct around *s = m->around;

	while (s && (s->kind == MEMO_FILE || strcmp(s->name, name) != 0))
		s = s->next;
	/* asked for as a secret as well, it is one */
	if (s && s->kind == MEMO_SECRET)
		return;
	if (!s) {
		s = arena_alloc(m->arena, sizeof(*s));
		*s = (struct around){.next = m->around,
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
	struct around *s = arena_alloc(m->arena, sizeof(*s));
	struct fs_entry e = entry_of(path);

	*s = (struct around){.next = m->around,
	    .kind = MEMO_FILE,
	    .name = arena_cstr(m->arena, str_of(path)),
	    .times = times_of(&e, false)};
	/* a time that is no file's: it is never current */
	if (e.inode && !memo_is_past(m->now, &e))
		s->times.mtime_ns = UINT32_MAX;
	m->around = s;
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
	for (const struct around *s = m->around; s; s = s->next) {
		const struct memo_around *row = i ? &m->old.around[--i] : NULL;
		if (!row || row->kind != s->kind ||
		    memcmp(row->hash, s->hash, MEMO_HASH) != 0 ||
		    !same_times(&row->times, &s->times))
			return false;
	}
	return i == 0;
}

/* --- is anything else? ---------------------------------------------------- */

static struct str name_of(
    const struct memo *m, const struct list *l, const struct fs_entry *e)
{
	ptrdiff_t i = l - m->lists;

	if (i == MEMO_FOLDERS)
		return e->rel;
	size_t n = strlen(memo_folders[i]) + 1;
	return (struct str){e->rel.p - n, e->rel.n + n};
}

static bool is_source_same(const struct memo *m, const struct list *l, size_t k)
{
	const struct memo_source *row = &m->old.sources[l->first + k];
	const struct fs_entry *e = &l->files.entries[k];
	struct memo_times times = times_of(e, false);
	unsigned char hash[MEMO_HASH];

	if (!same_times(&times, &row->times) ||
	    !str_eq(memo_file_text(&m->old, row->name), name_of(m, l, e)))
		return false;
	if (!row->is_hashed)
		return true;
	/* it may be older than the look by now, and have no hash of its own */
	if (m->sources[l->first + k].is_hashed)
		memcpy(hash, m->sources[l->first + k].hash, MEMO_HASH);
	else if (!hash_file(hash, e->path))
		return false;
	return memcmp(hash, row->hash, MEMO_HASH) == 0;
}

static bool are_sources_same(const struct memo *m)
{
	if (m->n_sources != m->old.header->n_sources)
		return false;
	for (size_t i = 0; i < N_LISTS; i++)
		for (size_t k = 0; k < m->lists[i].files.n; k++)
			if (!is_source_same(m, &m->lists[i], k))
				return false;
	return true;
}

static bool is_output_same(
    const struct memo *m, size_t i, const struct fs_entry *e)
{
	struct memo_times times = times_of(e, true);

	return same_times(&times, &m->old.outputs[i].times) &&
	       str_eq(memo_file_text(&m->old, m->old.outputs[i].name), e->rel);
}

static bool are_outputs_same(const struct memo *m)
{
	const struct fs_list *l = &m->output.files;

	if (!m->output_inode || l->n != m->old.header->n_outputs)
		return false;
	for (size_t i = 0; i < l->n; i++)
		if (!is_output_same(m, i, &l->entries[i]))
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

/* --- single files --------------------------------------------------------- */

void memo_searched(struct memo *m, struct str digest)
{
	if (!m)
		return;
	memo_hash(m->search, digest.p, digest.n);
	m->has_rows =
	    m->old.header &&
	    memcmp(m->search, m->old.header->search, MEMO_HASH) == 0 &&
	    memo_file_digests(&m->old);
}

size_t memo_count(const struct memo *m)
{
	return m ? m->n_sources : 0;
}

const struct fs_list *memo_list(const struct memo *m, const char *folder)
{
	for (size_t i = 0; m && i < MEMO_FOLDERS; i++)
		if (strcmp(memo_folders[i], folder) == 0)
			return m->lists[i].err == ERR_OK ? &m->lists[i].files
							 : NULL;
	return NULL;
}

/* Of a source among all; n_sources: not there, or another by now. */
static size_t index_of(
    const struct memo *m, struct str source, const struct fs_entry *entry)
{
	for (size_t i = 0; i < N_LISTS; i++) {
		const struct list *l = &m->lists[i];
		size_t low = 0, high = l->files.n;
		if (i < MEMO_FOLDERS &&
		    !(str_starts(source, memo_folders[i]) &&
			source.n > strlen(memo_folders[i]) &&
			source.p[strlen(memo_folders[i])] == '/'))
			continue;
		while (low < high) {
			size_t k = low + (high - low) / 2;
			const struct fs_entry *e = &l->files.entries[k];
			int order = str_cmp(name_of(m, l, e), source);
			struct memo_times a = times_of(e, false);
			struct memo_times b = times_of(entry, false);
			if (order == 0)
				return same_times(&a, &b) ? l->first + k
							  : m->n_sources;
			if (order < 0)
				low = k + 1;
			else
				high = k;
		}
	}
	return m->n_sources;
}

/* Of the old one: its sources are in the order of their names, by list. */
static const struct memo_source *old_row(
    const struct memo *m, size_t guess, struct str source)
{
	uint64_t n = m->old.header->n_sources;

	/* a file more or less moves all behind it by one */
	for (size_t d = 0; d < 64; d++) {
		const size_t at[2] = {guess + d, guess - d};
		for (size_t k = 0; k < 2; k++)
			if (at[k] < n && str_eq(memo_file_text(&m->old,
						    m->old.sources[at[k]].name),
					     source))
				return &m->old.sources[at[k]];
	}
	return NULL;
}

static void keep_row(struct memo *m, size_t i, const struct memo_row *row)
{
	m->sources[i].row.digest = row->digest;
	pthread_mutex_lock(&m->mutex);
	m->sources[i].row.aux =
	    row->aux.n ? arena_str(&m->rows, row->aux) : (struct str){0};
	pthread_mutex_unlock(&m->mutex);
	atomic_store(&m->sources[i].is_known, true);
}

bool memo_find(struct memo *m, struct str source, const struct fs_entry *entry,
    struct memo_row *row)
{
	if (!m || !m->has_rows || !m->is_whole)
		return false;
	size_t i = index_of(m, source, entry);
	const struct memo_source *old =
	    i < m->n_sources ? old_row(m, i, source) : NULL;
	struct memo_times times = times_of(entry, false);
	if (!old || !same_times(&times, &old->times))
		return false;
	const struct memo_digest *d = &m->old.digests[old - m->old.sources];
	if (!d->is_known)
		return false;
	unsigned char hash[MEMO_HASH];
	if (old->is_hashed && (!hash_file(hash, entry->path) ||
				  memcmp(hash, old->hash, MEMO_HASH) != 0))
		return false;
	row->digest = d->digest;
	row->aux = memo_file_aux(&m->old, d->aux);
	keep_row(m, i, row);
	return true;
}

void memo_note(struct memo *m, struct str source, const struct fs_entry *entry,
    const struct memo_row *row)
{
	size_t i = m ? index_of(m, source, entry) : 0;

	if (m && i < m->n_sources)
		keep_row(m, i, row);
}

const struct fs_list *memo_output(const struct memo *m, ino_t inode)
{
	return m && m->output_inode == inode && m->output.err == ERR_OK
		   ? &m->output.files
		   : NULL;
}

const struct memo_known *memo_digests(struct memo *m)
{
	uint64_t k = 0;

	if (!m || !m->old.header || !memo_file_digests(&m->old))
		return NULL;
	m->digests =
	    arena_array(m->arena, m->output.files.n, sizeof(*m->digests));
	for (size_t i = 0; i < m->output.files.n; i++) {
		const struct fs_entry *e = &m->output.files.entries[i];
		while (k < m->old.header->n_outputs &&
		       str_cmp(memo_file_text(&m->old, m->old.outputs[k].name),
			   e->rel) < 0)
			k++;
		if (k < m->old.header->n_outputs && is_output_same(m, k, e))
			m->digests[i] = (struct memo_known){
			    .digest = &m->old.output_digests[k],
			    .is_made = m->old.outputs[k].is_made};
	}
	return m->digests;
}

/* --- for the next run ----------------------------------------------------- */

struct saving {
	struct memo *memo;
	struct buf whole, texts, auxes;
};

static struct memo_text put(struct buf *texts, struct str s)
{
	struct memo_text t = {(uint32_t)texts->len, (uint32_t)s.n};

	buf_put_str(texts, s);
	return t;
}

static void save_sources(struct saving *s)
{
	struct memo *m = s->memo;

	for (size_t i = 0; i < N_LISTS; i++)
		for (size_t k = 0; k < m->lists[i].files.n; k++) {
			const struct list *l = &m->lists[i];
			const struct fs_entry *e = &l->files.entries[k];
			const struct source *from = &m->sources[l->first + k];
			struct memo_source row = {.times = times_of(e, false),
			    .name = put(&s->texts, name_of(m, l, e)),
			    .is_hashed = from->is_hashed};
			memcpy(row.hash, from->hash, MEMO_HASH);
			buf_put(&s->whole, &row, sizeof(row));
		}
}

static void save_outputs(
    struct saving *s, const struct memo_output *outputs, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct memo_written row = {
		    .times = times_of(&outputs[i].entry, true),
		    .is_made = outputs[i].is_made};
		row.name = put(&s->texts, str_of(outputs[i].root));
		buf_put_str(&s->texts, outputs[i].path);
		row.name.n += (uint32_t)outputs[i].path.n;
		buf_put(&s->whole, &row, sizeof(row));
	}
}

/* In the order in which they were asked for: the oldest is the last. */
static uint64_t save_around(struct saving *s, const struct around *a)
{
	if (!a)
		return 0;
	uint64_t n = save_around(s, a->next);
	struct memo_around row = {.kind = a->kind,
	    .name = put(&s->texts, str_of(a->name)),
	    .times = a->times};
	memcpy(row.hash, a->hash, MEMO_HASH);
	buf_put(&s->whole, &row, sizeof(row));
	return n + 1;
}

static void save_said(struct saving *s, const struct diag *diag)
{
	for (const struct diag_item *i = diag->first; i; i = i->next) {
		struct memo_said row = {.level = i->level,
		    .line = i->pos.line,
		    .col = i->pos.col,
		    .has_file = i->pos.file != NULL,
		    .file = put(&s->texts, str_of(i->pos.file)),
		    .name = put(&s->texts, str_of(i->name)),
		    .text = put(&s->texts, i->text)};
		buf_put(&s->whole, &row, sizeof(row));
	}
}

static void save_digests(
    struct saving *s, const struct memo_output *outputs, size_t n)
{
	for (size_t i = 0; i < s->memo->n_sources; i++) {
		const struct source *from = &s->memo->sources[i];
		struct memo_digest row = {
		    .is_known = atomic_load(&from->is_known)};
		if (row.is_known) {
			row.digest = from->row.digest;
			row.aux = put(&s->auxes, from->row.aux);
		}
		buf_put(&s->whole, &row, sizeof(row));
	}
	for (size_t i = 0; i < n; i++)
		buf_put(&s->whole, outputs[i].digest, sizeof(struct digest));
}

static size_t save_all(struct saving *s, const struct memo_output *outputs,
    size_t n, uint64_t bytes, const struct diag *diag)
{
	struct memo *m = s->memo;
	struct memo_header h = {.files = n,
	    .bytes = bytes,
	    .n_sources = m->n_sources,
	    .n_outputs = n,
	    .n_said = diag->warnings};

	memcpy(h.key, m->key, MEMO_HASH);
	memcpy(h.search, m->search, MEMO_HASH);
	buf_reserve(&s->whole,
	    m->n_sources *
		    (sizeof(struct memo_source) + sizeof(struct memo_digest)) +
		n * (sizeof(struct memo_written) + sizeof(struct digest)));
	buf_put(&s->whole, &h, sizeof(h));
	save_sources(s);
	save_outputs(s, outputs, n);
	h.n_around = save_around(s, m->around);
	save_said(s, diag);
	while (s->texts.len % 8)
		buf_putc(&s->texts, '\0');
	h.n_texts = s->texts.len;
	buf_put_str(&s->whole, buf_str(&s->texts));
	size_t half = s->whole.len;
	save_digests(s, outputs, n);
	h.n_auxes = s->auxes.len;
	buf_put_str(&s->whole, buf_str(&s->auxes));
	memcpy(s->whole.data, &h, sizeof(h));
	return half;
}

void memo_save(struct memo *m, const struct memo_output *outputs, size_t n,
    uint64_t bytes, const struct diag *diag)
{
	struct saving s = {.memo = m};
	size_t said = 0;

	if (!m || !m->is_whole || diag->errors)
		return;
	for (const struct diag_item *i = diag->first; i; i = i->next)
		said++;
	if (said == diag->warnings && cache_folder(m->spec->cache) == ERR_OK) {
		size_t half = save_all(&s, outputs, n, bytes, diag);
		if (s.texts.len < UINT32_MAX && s.auxes.len < UINT32_MAX)
			(void)memo_file_write(m->path, &s.whole, half);
	}
	buf_release(&s.whole);
	buf_release(&s.texts);
	buf_release(&s.auxes);
}
