#include "generator/memo-own.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

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

struct memo_times memo_times_of(const struct fs_entry *e, bool output)
{
	return (struct memo_times){.size = (uint64_t)e->size,
	    .inode = e->inode,
	    .mtime_s = e->mtime.tv_sec,
	    .mtime_ns = (uint32_t)e->mtime.tv_nsec,
	    .ctime_s = output ? 0 : e->ctime.tv_sec,
	    .ctime_ns = output ? 0 : (uint32_t)e->ctime.tv_nsec};
}

bool memo_same_times(const struct memo_times *a, const struct memo_times *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

struct fs_entry memo_entry_of(const char *path)
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

static void look_at_top(struct memo *m, struct looked_list *l)
{
	const char *dir = m->spec->site;

	l->files.entries =
	    arena_array(&l->arena, N_TOP, sizeof(struct fs_entry));
	for (size_t i = 0; i < N_TOP; i++) {
		struct fs_entry e =
		    memo_entry_of(name_in(&l->arena, dir, top[i]));
		e.rel = str_of(top[i]);
		if (e.inode)
			l->files.entries[l->files.n++] = e;
	}
}

/* What producers refuse is theirs to find; here it means no memo. */
static enum err look(void *ctx, struct worker *w, size_t i)
{
	struct memo *m = ctx;
	struct looked_list *l = i ? &m->lists[i - 1] : &m->output;

	(void)w;
	if (i == MEMO_LISTS) {
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

bool memo_hash_file(unsigned char out[MEMO_HASH], const char *path)
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
	struct looked_list *l = &m->lists[MEMO_LISTS - 1];

	(void)w;
	while (l > m->lists && l->first > i)
		l--;
	const struct fs_entry *e = &l->files.entries[i - l->first];
	if (memo_is_past(m->now, e))
		return ERR_OK;
	m->sources[i].is_hashed = memo_hash_file(m->sources[i].hash, e->path);
	return m->sources[i].is_hashed ? ERR_OK : ERR_INPUT;
}

static void count_sources(struct memo *m)
{
	for (size_t i = 0; i < MEMO_LISTS; i++) {
		struct looked_list *l = &m->lists[i];
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

struct memo *memo_open(
    struct arena *a, const struct memo_spec *spec, struct pool *pool)
{
	struct memo *m = spec->cache ? arena_alloc(a, sizeof(*m)) : NULL;

	if (!m)
		return NULL;
	*m = (struct memo){.arena = a, .spec = spec, .is_whole = true};
	memo_ask_outside(m);
	pthread_mutex_init(&m->mutex, NULL);
	hash_init();
	memo_hash(m->key, spec->key.p, spec->key.n);
	if (!locate(m))
		return NULL;
	clock_gettime(CLOCK_REALTIME_COARSE, &m->now);
	if (pool_each(pool, NULL, MEMO_LISTS + 1, look, m) != ERR_OK)
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
	for (size_t i = 0; i < MEMO_LISTS; i++)
		arena_release(&m->lists[i].arena);
	arena_release(&m->output.arena);
	arena_release(&m->rows);
	memo_file_close(&m->old);
	m->path = NULL;
}

struct str memo_name_of(
    const struct memo *m, const struct looked_list *l, const struct fs_entry *e)
{
	ptrdiff_t i = l - m->lists;

	if (i == MEMO_FOLDERS)
		return e->rel;
	size_t n = strlen(memo_folders[i]) + 1;
	return (struct str){e->rel.p - n, e->rel.n + n};
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

/* Where the first file not before `source` stands. */
static size_t search(
    const struct memo *m, const struct looked_list *l, struct str source)
{
	size_t low = 0, high = l->files.n;

	while (low < high) {
		size_t k = low + (high - low) / 2;
		if (str_cmp(memo_name_of(m, l, &l->files.entries[k]), source) <
		    0)
			low = k + 1;
		else
			high = k;
	}
	return low;
}

static bool is_at(const struct memo *m, const struct looked_list *l, size_t k,
    struct str source)
{
	return k < l->files.n &&
	       str_eq(memo_name_of(m, l, &l->files.entries[k]), source);
}

/* Mostly they are asked for in their order. */
static size_t search_near(
    const struct memo *m, struct looked_list *l, struct str source)
{
	size_t at = atomic_load_explicit(&l->hint, memory_order_relaxed);
	size_t k = at;

	while (k < at + 4 && !is_at(m, l, k, source))
		k++;
	if (k == at + 4)
		k = search(m, l, source);
	atomic_store_explicit(&l->hint, k, memory_order_relaxed);
	return k;
}

/* Of a source among all; n_sources: not there, or another by now. */
static size_t index_of(
    struct memo *m, struct str source, const struct fs_entry *entry)
{
	for (size_t i = 0; i < MEMO_LISTS; i++) {
		struct looked_list *l = &m->lists[i];
		if (i < MEMO_FOLDERS &&
		    !(str_starts(source, memo_folders[i]) &&
			source.n > strlen(memo_folders[i]) &&
			source.p[strlen(memo_folders[i])] == '/'))
			continue;
		size_t k = search_near(m, l, source);
		if (!is_at(m, l, k, source))
			continue;
		struct memo_times a =
		    memo_times_of(&l->files.entries[k], false);
		struct memo_times b = memo_times_of(entry, false);
		return memo_same_times(&a, &b) ? l->first + k : m->n_sources;
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
	struct memo_times times = memo_times_of(entry, false);
	if (!old || !memo_same_times(&times, &old->times))
		return false;
	const struct memo_digest *d = &m->old.digests[old - m->old.sources];
	if (!d->is_known)
		return false;
	unsigned char hash[MEMO_HASH];
	if (old->is_hashed && (!memo_hash_file(hash, entry->path) ||
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

bool memo_is_output_same(
    const struct memo *m, size_t i, const struct fs_entry *e)
{
	struct memo_times times = memo_times_of(e, true);

	return memo_same_times(&times, &m->old.outputs[i].times) &&
	       str_eq(memo_file_text(&m->old, m->old.outputs[i].name), e->rel);
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
		if (k < m->old.header->n_outputs &&
		    memo_is_output_same(m, k, e))
			m->digests[i] = (struct memo_known){
			    .digest = &m->old.output_digests[k],
			    .is_made = m->old.outputs[k].is_made};
	}
	return m->digests;
}
