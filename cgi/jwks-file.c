#include "cgi/jwks.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <sodium.h>

#define NAME_MAX_BYTES 128
/*
 * A file system's clock may stand still for as long: two writes within it have
 * the same times.
 */
#define STILL_MS 2000

/* ---- its name ------------------------------------------------------------ */

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9') || c == '-' || c == '_';
}

static const char *path_of(struct arena *a, struct str provider)
{
	char *name = arena_cstr(a, provider);

	if (!provider.n || provider.n > NAME_MAX_BYTES)
		return NULL;
	for (char *c = name; c < name + provider.n; c++) {
		if (*c == ':')
			*c = '-';
		if (!is_letter(*c) && (*c != '.' || c == name))
			return NULL;
	}
	return arena_printf(a, "jwks/%s.json", name).p;
}

void jwks_file_init(struct jwks_file *f, struct str provider)
{
	*f = (struct jwks_file){0};
	f->provider = arena_str(&f->arena, provider);
	f->path = path_of(&f->arena, provider);
}

void jwks_file_release(struct jwks_file *f)
{
	jwks_release(&f->set);
	arena_release(&f->arena);
}

/* ---- has it changed? ----------------------------------------------------- */

static bool is_same(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino &&
	       a->st_size == b->st_size && a->st_mode == b->st_mode &&
	       a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
	       a->st_mtim.tv_nsec == b->st_mtim.tv_nsec &&
	       a->st_ctim.tv_sec == b->st_ctim.tv_sec &&
	       a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

static bool is_settled(const struct stat *st, int64_t now_ms)
{
	int64_t changed_ms =
	    (int64_t)st->st_ctim.tv_sec * 1000 + st->st_ctim.tv_nsec / 1000000;

	return now_ms > changed_ms + STILL_MS;
}

/* ---- reading it ---------------------------------------------------------- */

const char jwks_not_there[] = "there is no such file yet";
static const char unreadable[] = "it cannot be read";
static const char no_file[] = "it is not a regular file";
static const char anybodys[] = "others may write it; chmod o-w it";
static const char too_large[] = "it is too large, or has too many keys";
static const char no_set[] = "it is no JWK set, or not all of it";

static const char *read_all(int fd, struct buf *out)
{
	char piece[4096];
	ssize_t n;

	while ((n = read(fd, piece, sizeof(piece))) > 0) {
		if (out->len + (size_t)n > JWKS_FILE_MAX)
			return too_large;
		buf_put(out, piece, (size_t)n);
	}
	return n < 0 ? unreadable : NULL;
}

/* What is wrong, or NULL. O_NONBLOCK: a FIFO would wait for its other end. */
static const char *read_file(
    const struct jwks_file *f, int dir, struct stat *st, struct buf *out)
{
	int fd = openat(dir, f->path,
	    O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK | O_NOFOLLOW);
	const char *why = NULL;

	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
		return jwks_not_there;
	if (fd < 0)
		return errno == ELOOP || errno == ENXIO ? no_file : unreadable;
	if (fstat(fd, st) != 0)
		why = unreadable;
	else if (!S_ISREG(st->st_mode))
		why = no_file;
	else if (st->st_mode & S_IWOTH)
		why = anybodys;
	else if (st->st_size > (off_t)JWKS_FILE_MAX)
		why = too_large;
	else
		why = read_all(fd, out);
	close(fd);
	return why;
}

/* ---- taking it ----------------------------------------------------------- */

static const char *take(struct jwks_file *f, struct str bytes, bool *other)
{
	uint8_t digest[sizeof(f->digest)];
	struct jwks set;

	crypto_generichash(digest, sizeof(digest),
	    (const unsigned char *)bytes.p, bytes.n, NULL, 0);
	if (f->there && memcmp(digest, f->digest, sizeof(digest)) == 0)
		return NULL;
	enum err err = jwks_parse(bytes, &set);
	if (err != ERR_OK)
		return err == ERR_TOO_LARGE ? too_large : no_set;
	jwks_release(&f->set);
	f->set = set;
	f->there = true;
	f->generation++;
	memcpy(f->digest, digest, sizeof(digest));
	*other = true;
	return NULL;
}

static void tell(struct jwks_file *f, const char *why, bool other, bool changed,
    int64_t now_ms, const struct log *log)
{
	if (other)
		LOG(log, now_ms, "keys-loaded",
		    LOG_STR("provider", f->provider),
		    LOG_INT("keys", (int64_t)f->set.n),
		    LOG_INT("leftOut", (int64_t)f->set.left_out));
	else if (why && (changed || why != f->told))
		ERROR_LOG(log, now_ms, "keys-refused",
		    LOG_STR("provider", f->provider), LOG_TEXT("why", why),
		    LOG_INT("keys", (int64_t)f->set.n));
	f->told = why;
}

bool jwks_file_look(struct jwks_file *f, int dir, bool now, int64_t now_ms,
    int64_t now_boot, const struct log *log)
{
	struct stat st = {0};
	struct buf bytes = {0};
	bool other = false;

	const bool first = !f->looked;
	const bool due = first || now_boot - f->looked_boot >= JWKS_LOOK_MS;

	if (!f->path || (!due && !now))
		return false;
	f->looked = true;
	if (due)
		f->looked_boot = now_boot;
	if (fstatat(dir, f->path, &st, AT_SYMLINK_NOFOLLOW) != 0)
		st = (struct stat){0};
	const bool changed = first || !is_same(&st, &f->seen);
	if (!changed && (f->settled || !due))
		return false;
	f->seen = st;
	f->settled = is_settled(&st, now_ms);
	const char *why = read_file(f, dir, &st, &bytes);
	if (!why)
		why = take(f, buf_str(&bytes), &other);
	tell(f, why, other, changed, now_ms, log);
	buf_release(&bytes);
	return other;
}
