#include "generator/out-stage.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "generator/scan.h"

/*
 * What may be called from any thread: bytes, copies of files and what is there
 * already, searched for secrets on their way through generator/out-copy.c.
 */

static const char *const roots[] = {
    [OUT_WWW] = "www/", [OUT_SERVER] = "server/"};

bool stage_name(char to[PATH_MAX], enum out_root root, struct str path)
{
	size_t n = strlen(roots[root]);

	if (n + path.n >= PATH_MAX) {
		errno = ENAMETOOLONG;
		return false;
	}
	memcpy(to, roots[root], n);
	memcpy(to + n, path.p, path.n);
	to[n + path.n] = '\0';
	return true;
}

static int by_name(const void *key, const void *member)
{
	const struct str *name = key;
	const struct before *b = member;

	return str_cmp(*name, b->entry->rel);
}

/* Mostly they are asked for in their order, so the next ones are tried first.
 */
struct before *stage_before(struct stage *s, const char *name)
{
	struct str key = str_of(name);
	size_t at = atomic_load_explicit(&s->hint, memory_order_relaxed);
	struct before *b = NULL;

	for (size_t i = at; i < s->n_before && i < at + 4 && !b; i++)
		if (str_eq(s->before[i].entry->rel, key))
			b = &s->before[i];
	if (!b && s->n_before)
		b = bsearch(
		    &key, s->before, s->n_before, sizeof(*s->before), by_name);
	if (b)
		atomic_store_explicit(
		    &s->hint, (size_t)(b - s->before), memory_order_relaxed);
	return b;
}

bool stage_mkdirs(const struct stage *s, int folder, const char *name)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s", name);
	for (char *p = path; *p; p++) {
		if (*p != '/')
			continue;
		*p = '\0';
		if (mkdirat(folder, path, 0755) == 0) {
			if (s->must_chmod &&
			    fchmodat(folder, path, 0755, 0) != 0)
				return false;
		} else if (errno != EEXIST) {
			return false;
		}
		*p = '/';
	}
	return true;
}

/* --- secrets ------------------------------------------------------------ */

/* Where one would be published; the finding is told. */
static bool is_clean(const struct out *out, enum out_root root,
    const char *path, struct str bytes, struct diag *diag)
{
	char name[PATH_MAX];

	if (!out->scan[root] || !stage_name(name, root, str_of(path)))
		return true;
	return !scan_bytes(out->scan[root], bytes, POS_FILE(name), diag);
}

void out_blame(
    struct diag *diag, const struct diag_item *before, struct pos source)
{
	if (!diag)
		return;
	for (struct diag_item *i = before ? before->next : diag->first; i;
	     i = i->next) {
		if (strcmp(i->name, "secret-in-output") != 0)
			continue;
		i->pos.file = arena_cstr(diag->arena, str_of(source.file));
		if (!source.line)
			i->pos.line = i->pos.col = 0;
	}
}

/*
 * The same in pieces: a search goes back over the end of the piece before,
 * where a secret may have begun. After the first that it finds it rests.
 */
struct search {
	const struct scan *scan; /* NULL: nothing to be done (any more) */
	struct pos pos;
	char bytes[SCAN_CHUNK_OVERLAP + STAGE_PIECE];
	size_t kept; /* bytes of the piece before */
};

static bool search(struct search *s, const char *p, size_t n, struct diag *diag)
{
	memcpy(s->bytes + s->kept, p, n);
	n += s->kept;
	if (scan_bytes(s->scan, (struct str){s->bytes, n}, s->pos, diag)) {
		s->scan = NULL;
		return false;
	}
	s->kept = n < SCAN_CHUNK_OVERLAP ? n : SCAN_CHUNK_OVERLAP;
	size_t past = n - s->kept;
	for (size_t i = 0; i < past; i++)
		s->pos.line += s->bytes[i] == '\n';
	const char *end = memrchr(s->bytes, '\n', past);
	s->pos.col = end ? (uint32_t)(s->bytes + past - end)
			 : s->pos.col + (uint32_t)past;
	memmove(s->bytes, s->bytes + past, s->kept);
	return true;
}

/* --- bytes in memory ---------------------------------------------------- */

struct out_kept {
	struct out_kept *next;
	enum out_root root;
	struct str path, bytes;
};

static void keep(
    struct out *out, enum out_root root, struct str path, struct str bytes)
{
	pthread_mutex_lock(&out->mutex);
	struct out_kept *k = arena_alloc(out->arena, sizeof(*k));
	*k = (struct out_kept){.next = out->kept,
	    .root = root,
	    .path = arena_str(out->arena, path),
	    .bytes = arena_str(out->arena, bytes)};
	out->kept = k;
	pthread_mutex_unlock(&out->mutex);
}

struct str out_take_kept(struct out *out, enum out_root root, struct str path)
{
	struct str bytes = {0};

	pthread_mutex_lock(&out->mutex);
	for (struct out_kept **k = &out->kept; *k; k = &(*k)->next)
		if ((*k)->root == root && str_eq((*k)->path, path)) {
			bytes = (*k)->bytes;
			*k = (*k)->next;
			break;
		}
	pthread_mutex_unlock(&out->mutex);
	return bytes;
}

enum err out_stage(struct out *out, enum out_root root, const char *path,
    struct str bytes, struct digest *digest, struct diag *diag)
{
	hash_digest(bytes, digest);
	return out_stage_hashed(out, root, path, bytes, digest, diag);
}

enum err out_stage_hashed(struct out *out, enum out_root root, const char *path,
    struct str bytes, const struct digest *digest, struct diag *diag)
{
	struct stage_copy c;

	if (!is_clean(out, root, path, bytes, diag))
		return ERR_INPUT;
	if (!out->stage) {
		if (!out->is_dry)
			keep(out, root, str_of(path), bytes);
		return ERR_OK;
	}
	if (out_reuse(out, root, path, digest))
		return ERR_OK;
	enum err err =
	    stage_copy_begin(&c, out->stage, root, str_of(path), bytes.n, diag);
	if (err == ERR_OK)
		err = stage_copy_add(&c, bytes.p, bytes.n, diag);
	return stage_copy_end(&c, err, diag);
}

/* --- files -------------------------------------------------------------- */

static enum err unreadable(
    const char *source, const char *what, struct diag *diag)
{
	diag_error(diag, POS_FILE(source), "io-error", "%s", what);
	return ERR_IO;
}

static bool is_unchanged(const struct stat *a, const struct stat *b)
{
	return a->st_size == b->st_size &&
	       a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
	       a->st_mtim.tv_nsec == b->st_mtim.tv_nsec &&
	       a->st_ctim.tv_sec == b->st_ctim.tv_sec &&
	       a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

/* As many bytes as it had when it was opened, or it changed. */
static enum err copy_file(struct stage_copy *c, int in, uint64_t size,
    const char *source, struct search *secrets, struct hash_stream *hash,
    struct diag *diag)
{
	enum err found = ERR_OK;
	char piece[STAGE_PIECE];

	for (uint64_t at = 0; at < size;) {
		ssize_t n = read(in, piece, sizeof(piece));
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return unreadable(source, strerror(errno), diag);
		if (n == 0)
			return unreadable(source,
			    "it became shorter while it was read; try again",
			    diag);
		hash_add(hash, piece, (size_t)n);
		if (secrets->scan && !search(secrets, piece, (size_t)n, diag))
			found = ERR_INPUT;
		enum err err =
		    c ? stage_copy_add(c, piece, (size_t)n, diag) : ERR_OK;
		if (err != ERR_OK)
			return err;
		at += (uint64_t)n;
	}
	return found;
}

static int open_source(const char *source, struct stat *st, struct diag *diag)
{
	int fd = open(
	    source, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

	if (fd >= 0 && fstat(fd, st) == 0 && S_ISREG(st->st_mode))
		return fd;
	unreadable(source,
	    fd >= 0	      ? "this is not a regular file"
	    : errno == ENOENT ? "it went away while it was read; try again"
			      : strerror(errno),
	    diag);
	if (fd >= 0)
		close(fd);
	return -1;
}

/* For tests, which keep all: as bytes. */
static enum err keep_copy(struct out *out, enum out_root root, const char *path,
    const char *source, struct digest *digest, struct diag *diag)
{
	struct arena a = {0};
	struct str bytes;
	enum err err = fs_read(&a, source, SIZE_MAX / 2, diag, &bytes);
	const struct diag_item *before = diag ? diag->last : NULL;

	if (err == ERR_OK)
		err = out_stage(out, root, path, bytes, digest, diag);
	if (err == ERR_INPUT)
		out_blame(diag, before, (struct pos){source, 1, 1});
	arena_release(&a);
	return err;
}

enum err out_stage_copy(struct out *out, enum out_root root, const char *path,
    const char *source, struct digest *digest, struct diag *diag)
{
	struct hash_stream hash;
	struct stat before, after;
	struct stage_copy c;
	struct stage_copy *to = out->stage ? &c : NULL;
	struct search secrets;
	enum err err = ERR_OK;

	int in = open_source(source, &before, diag);
	if (in < 0)
		return ERR_IO;
	if (!to && !out->is_dry) {
		close(in);
		return keep_copy(out, root, path, source, digest, diag);
	}
	hash_begin(&hash);
	secrets.kept = 0;
	secrets.scan = out->scan[root];
	secrets.pos = (struct pos){source, 1, 1};
	if (to)
		err = stage_copy_begin(to, out->stage, root, str_of(path),
		    (uint64_t)before.st_size, diag);
	if (err == ERR_OK)
		err = copy_file(to, in, (uint64_t)before.st_size, source,
		    &secrets, &hash, diag);
	if (err == ERR_OK &&
	    (fstat(in, &after) != 0 || !is_unchanged(&before, &after)))
		err = unreadable(
		    source, "it changed while it was read; try again", diag);
	if (to)
		err = stage_copy_end(to, err, diag);
	hash_end(&hash, digest);
	close(in);
	return err;
}

bool out_reuse(struct out *out, enum out_root root, const char *path,
    const struct digest *digest)
{
	struct stage *s = out->stage;
	char name[PATH_MAX];

	if (!s || !stage_name(name, root, str_of(path)))
		return false;
	struct before *b = stage_before(s, name);
	if (!b || !b->known || !digest_eq(b->known, digest))
		return false;
	atomic_store(&b->same, true);
	return true;
}

bool out_known_sibling(const struct out *out, const struct out_file *file,
    enum encoding encoding, struct digest *digest)
{
	const char *ending = encoding_rows[encoding].ending;
	struct stage *s = out->stage;
	char name[PATH_MAX];

	if (!s || !stage_name(name, file->root, file->path))
		return false;
	const struct before *of = stage_before(s, name);
	size_t n = strlen(name);
	if (!of || !of->known || !digest_eq(of->known, &file->digest) ||
	    n + strlen(ending) >= sizeof(name))
		return false;
	memcpy(name + n, ending, strlen(ending) + 1);
	const struct before *b = stage_before(s, name);
	if (!b || !b->known || !b->is_made)
		return false;
	*digest = *b->known;
	return true;
}

enum err out_bytes(const struct out *out, const struct out_file *file,
    struct arena *a, struct diag *diag, struct str *bytes)
{
	struct stage *s = out->stage;
	char name[PATH_MAX];

	*bytes = file->bytes;
	if (out->is_dry)
		return ERR_NOT_FOUND;
	if (!s)
		return ERR_OK;
	if (!stage_name(name, file->root, file->path))
		return stage_failed(s, diag, "", "it cannot be read back");
	const struct before *b = stage_before(s, name);
	bool same = b && atomic_load(&b->same);
	enum err err =
	    fs_read_at(a, same ? s->previous : atomic_load(&s->folder), name,
		SIZE_MAX / 2, diag, bytes);
	return err == ERR_NOT_FOUND
		   ? stage_failed(s, diag, name, "it cannot be read back")
		   : err;
}
