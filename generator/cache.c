#include "generator/cache.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/fs.h"

#define DAY_S (INT64_C(24) * 3600)
#define FOLDERS 256

void cache_open(
    struct cache *cache, struct arena *a, const char *dir, int64_t now_s)
{
	*cache = (struct cache){.dir = dir, .now_s = now_s};
	for (int e = 0; e < ENCODING_COUNT; e++) {
		struct str library = encoding_library(a, e);
		cache->keys[e] =
		    arena_printf(a, "%s %d %.*s", encoding_rows[e].name,
			encoding_rows[e].level, STR_ARG(library));
	}
}

/* Where it is, or would be. */
static char *entry_path(const struct cache *cache, const struct digest *of,
    enum encoding encoding, struct arena *a)
{
	struct str key = cache->keys[encoding];
	struct str original = {(const char *)of->blake2b, sizeof(of->blake2b)};
	const struct str parts[] = {original, key};
	struct str hash = hash_blake2b(a, arena_join(a, 2, parts));
	struct str path =
	    arena_printf(a, "%s/compressed/%.2s/%.*s%s", cache->dir, hash.p,
		(int)hash.n - 2, hash.p + 2, encoding_rows[encoding].ending);

	return arena_cstr(a, path);
}

/* --- get --------------------------------------------------------------- */

static bool read_entry(const struct cache *cache, const char *path, size_t max,
    struct arena *a, struct str *bytes)
{
	struct stat st;
	bool whole = false;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

	if (fd < 0)
		return false;
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) ||
	    (uintmax_t)st.st_size > max)
		goto done;
	size_t n = (size_t)st.st_size, got = 0;
	char *to = arena_alloc(a, n + 1);
	while (got < n) {
		ssize_t r = read(fd, to + got, n - got);
		if (r < 0 && errno == EINTR)
			continue;
		if (r <= 0)
			goto done;
		got += (size_t)r;
	}
	*bytes = (struct str){to, n};
	whole = true;
	/* no harm if it may not: then it is made again in a month */
	if (st.st_mtime < cache->now_s - DAY_S)
		(void)!futimens(
		    fd, (const struct timespec[2]){{.tv_sec = cache->now_s},
			    {.tv_sec = cache->now_s}});
done:
	close(fd);
	return whole;
}

static bool is_of(struct str bytes, enum encoding encoding,
    const struct digest *of, struct arena *a)
{
	struct buf original = {0};
	char hex[2 * sizeof(of->blake2b) + 1];
	bool same = decode(encoding, bytes, of->bytes, &original) == ERR_OK &&
		    original.len == of->bytes;

	for (size_t i = 0; i < sizeof(of->blake2b); i++)
		snprintf(hex + 2 * i, 3, "%02x", of->blake2b[i]);
	same = same && str_is(hash_blake2b(a, buf_str(&original)), hex);
	buf_release(&original);
	return same;
}

bool cache_get(struct cache *cache, const struct digest *of,
    enum encoding encoding, struct arena *a, struct str *bytes)
{
	*bytes = (struct str){0};
	if (!cache->dir || of->bytes > ENCODING_INPUT_MAX)
		return false;
	const char *path = entry_path(cache, of, encoding, a);
	/* what is not smaller was never kept */
	if (!read_entry(cache, path, of->bytes, a, bytes))
		return false;
	if (!bytes->n || is_of(*bytes, encoding, of, a))
		return true;
	*bytes = (struct str){0};
	return false;
}

/* --- put --------------------------------------------------------------- */

static enum err write_new(const char *path, struct str bytes)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	bool bad = fd < 0;

	if (bad && errno == EEXIST)
		return ERR_OK;
	for (size_t at = 0; !bad && at < bytes.n;) {
		ssize_t w = write(fd, bytes.p + at, bytes.n - at);
		if (w > 0)
			at += (size_t)w;
		bad = w == 0 || (w < 0 && errno != EINTR);
	}
	if (fd >= 0 && close(fd) != 0)
		bad = true;
	return bad ? ERR_IO : ERR_OK;
}

enum err cache_folder(const char *dir)
{
	struct arena a = {0};
	enum err err = fs_mkdirs(dir, 0755, NULL);

	if (!err)
		err = write_new(fs_join(&a, dir, ".gitignore"), STR("*\n"));
	arena_release(&a);
	return err;
}

static void unwritable(struct cache *cache, struct diag *diag)
{
	int why = errno;

	if (!atomic_exchange(&cache->unwritable, true))
		diag_warn(diag, POS_FILE(cache->dir), "cache-unwritable",
		    "what is compressed cannot be kept there: %s; name another "
		    "folder with --cache, or none",
		    strerror(why));
}

/* The folders are made when a file cannot be: nearly always they are there. */
static enum err write_entry(
    struct cache *cache, char *path, struct str bytes, struct arena *a)
{
	char *slash = strrchr(path, '/');
	char *temp = arena_cstr(
	    a, arena_printf(a, "%.*s/.new.XXXXXX", (int)(slash - path), path));
	int fd = mkostemp(temp, O_CLOEXEC);
	bool bad = false;

	if (fd < 0 && errno == ENOENT) {
		*slash = '\0';
		bad = cache_folder(cache->dir) || fs_mkdirs(path, 0755, NULL);
		*slash = '/';
		memcpy(temp + strlen(temp) - 6, "XXXXXX", 6);
		fd = bad ? -1 : mkostemp(temp, O_CLOEXEC);
	}
	if (fd < 0)
		return ERR_IO;
	for (size_t at = 0; !bad && at < bytes.n;) {
		ssize_t w = write(fd, bytes.p + at, bytes.n - at);
		if (w > 0)
			at += (size_t)w;
		bad = w == 0 || (w < 0 && errno != EINTR);
	}
	bad = bad || fchmod(fd, 0644) != 0;
	if (close(fd) != 0)
		bad = true;
	bad = bad || rename(temp, path) != 0;
	if (bad) {
		int why = errno;
		unlink(temp);
		errno = why;
	}
	return bad ? ERR_IO : ERR_OK;
}

void cache_put(struct cache *cache, const struct digest *of,
    enum encoding encoding, struct arena *a, struct str bytes,
    struct diag *diag)
{
	/* after the first failure each file would only fail again */
	if (!cache->dir || atomic_load(&cache->unwritable))
		return;
	if (write_entry(cache, entry_path(cache, of, encoding, a), bytes, a) !=
	    ERR_OK)
		unwritable(cache, diag);
}

/* --- tidy -------------------------------------------------------------- */

struct old {
	int64_t used_s;
	uint64_t bytes;
	char *path;
};
struct tidy {
	struct cache *cache;
	struct arena arena;
	struct old *entries;
	size_t n, cap;
	uint64_t bytes;
};

static void keep(struct tidy *t, const char *path, const struct stat *st)
{
	if (t->n == t->cap) {
		t->cap = t->cap ? 2 * t->cap : 1024;
		struct old *more =
		    arena_array(&t->arena, t->cap, sizeof(*more));
		if (t->n)
			memcpy(more, t->entries, t->n * sizeof(*more));
		t->entries = more;
	}
	t->entries[t->n++] = (struct old){st->st_mtime, (uint64_t)st->st_size,
	    arena_cstr(&t->arena, str_of(path))};
	t->bytes += (uint64_t)st->st_size;
}

/* What a killed build left begins with a dot and is old after a day. */
static void tidy_folder(struct tidy *t, const char *folder)
{
	DIR *dir = opendir(folder);
	struct dirent *d;

	while (dir && (d = readdir(dir))) {
		struct stat st;
		if (fstatat(dirfd(dir), d->d_name, &st, AT_SYMLINK_NOFOLLOW) ||
		    !S_ISREG(st.st_mode))
			continue;
		int64_t keep_s = *d->d_name == '.' ? DAY_S : CACHE_UNUSED_S;
		if (st.st_mtime < t->cache->now_s - keep_s)
			unlinkat(dirfd(dir), d->d_name, 0);
		else if (*d->d_name != '.')
			keep(t, fs_join(&t->arena, folder, d->d_name), &st);
	}
	if (dir)
		closedir(dir);
}

static int oldest_first(const void *a, const void *b)
{
	const struct old *x = a, *y = b;

	if (x->used_s != y->used_s)
		return x->used_s < y->used_s ? -1 : 1;
	return strcmp(x->path, y->path);
}

static bool tidied_lately(struct tidy *t, const char *marker)
{
	struct str text;

	if (fs_read(&t->arena, marker, 64, NULL, &text) != ERR_OK)
		return false;
	int64_t at = strtoll(text.p, NULL, 10);
	return at <= t->cache->now_s && at > t->cache->now_s - DAY_S;
}

void cache_tidy(struct cache *cache, struct diag *diag)
{
	struct tidy t = {.cache = cache};

	if (!cache->dir || atomic_load(&cache->unwritable))
		return;
	const char *all = fs_join(&t.arena, cache->dir, "compressed");
	const char *marker = fs_join(&t.arena, all, "tidied");
	if (access(all, F_OK) != 0 || tidied_lately(&t, marker))
		goto done;
	for (int i = 0; i < FOLDERS; i++)
		tidy_folder(&t, arena_printf(&t.arena, "%s/%02x", all, i).p);
	if (t.n)
		qsort(t.entries, t.n, sizeof(*t.entries), oldest_first);
	for (size_t i = 0; i < t.n && t.bytes > CACHE_BYTES_MAX; i++) {
		unlink(t.entries[i].path);
		t.bytes -= t.entries[i].bytes;
	}
	struct str now = arena_int(&t.arena, cache->now_s);
	if (fs_write(marker, now, 0644, NULL) != ERR_OK)
		unwritable(cache, diag);
done:
	arena_release(&t.arena);
}
