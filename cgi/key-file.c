#include "cgi/key-file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "lib/fs.h"
#include "lib/units.h"

/*
 * The file is cut into blocks, a key's line with the comments above it, which
 * are moved, marked or left out as they are: what an operator wrote beside a
 * key stays beside it. It was parsed before, so every line that is no comment
 * is a key.
 */
#define BLOCKS_MAX (1 + 2 * KEYS_MAX)
#define ADDED "# added "
#define RETIRED "# retired "
#define MARK_MAX 64 /* bytes of such a line */

enum kind { KIND_NAME, KIND_MAC, KIND_SEAL, KINDS };
static const char *const kind_names[KINDS] = {"name", "mac", "seal"};

struct block {
	struct str text;
	enum kind kind;
	bool is_retired;
	int64_t retired_ms;
};
struct key_file {
	char real[PATH_MAX]; /* the file that a link may lead to */
	char bytes[KEYS_FILE_MAX];
	struct keys keys;
	struct block blocks[BLOCKS_MAX];
	size_t n_blocks;
	struct str rest; /* comments behind the last key */
	char out[KEYS_FILE_MAX];
	size_t n_out;
	bool is_full; /* out has no room */
};

/* ---- reading ----------------------------------------------------------- */

/* Only what write_mark() writes. */
static bool read_mark(struct str line, int64_t *ms)
{
	struct tm tm = {0};
	char text[MARK_MAX], end = '\0';
	int milli = 0;

	if (!str_starts(line, RETIRED) || line.n >= sizeof(text))
		return false;
	memcpy(text, line.p, line.n);
	text[line.n] = '\0';
	if (sscanf(text + strlen(RETIRED), "%4d-%2d-%2dT%2d:%2d:%2d.%3d%c",
		&tm.tm_year, &tm.tm_mon, &tm.tm_mday, &tm.tm_hour, &tm.tm_min,
		&tm.tm_sec, &milli, &end) != 8 ||
	    end != 'Z')
		return false;
	tm.tm_year -= 1900;
	tm.tm_mon -= 1;
	*ms = (int64_t)timegm(&tm) * 1000 + milli;
	return true;
}

/* The second word of a key's line. */
static enum kind kind_of(struct str line)
{
	size_t at = 0;

	line = str_trim(line);
	while (at < line.n && line.p[at] != ' ' && line.p[at] != '\t')
		at++;
	line = str_trim(str_slice(line, at, line.n));
	for (int kind = KIND_MAC; kind < KINDS; kind++)
		if (str_starts(line, kind_names[kind]))
			return (enum kind)kind;
	return KIND_NAME;
}

/* A line that the parser took for a key: more than spaces before any '#'. */
static bool is_key(struct str line)
{
	return str_trim(str_slice(line, 0, str_find(line, '#', 0))).n > 0;
}

static void cut(struct key_file *f, struct str text)
{
	struct block block = {.kind = KIND_NAME};
	size_t from = 0;

	for (size_t at = 0; at < text.n;) {
		size_t end = str_find(text, '\n', at);
		const struct str line = str_slice(text, at, end);
		at = end < text.n ? end + 1 : end;
		block.is_retired |= read_mark(line, &block.retired_ms);
		if (!is_key(line))
			continue;
		block.kind =
		    kind_of(str_slice(line, 0, str_find(line, '#', 0)));
		block.text = str_slice(text, from, at);
		f->blocks[f->n_blocks++] = block;
		block = (struct block){.kind = KIND_NAME};
		from = at;
	}
	f->rest = str_slice(text, from, text.n);
}

static struct key_file *new_file(void)
{
	struct key_file *f = calloc(1, sizeof(*f));

	if (!f)
		abort();
	return f;
}

static void forget(struct key_file *f)
{
	keys_forget(f, sizeof(*f));
	free(f);
}

static enum err load(struct key_file *f, const char *path, struct diag *diag)
{
	size_t n;

	/* one that is not there is told by who reads it */
	if (!realpath(path, f->real))
		snprintf(f->real, sizeof(f->real), "%s", path);
	enum err err = keys_read(f->real, diag, f->bytes, &n);
	if (err)
		return err;
	const struct str text = {.p = f->bytes, .n = n};
	err = keys_parse(text, f->real, diag, &f->keys);
	if (!err)
		cut(f, text);
	return err;
}

/* ---- writing ----------------------------------------------------------- */

static void put(struct key_file *f, struct str text)
{
	if (text.n > sizeof(f->out) - f->n_out) {
		f->is_full = true;
		return;
	}
	if (text.n)
		memcpy(f->out + f->n_out, text.p, text.n);
	f->n_out += text.n;
}

static void put_block(struct key_file *f, const struct block *block)
{
	put(f, block->text);
	if (block->text.p[block->text.n - 1] != '\n')
		put(f, STR("\n"));
}

static void put_mark(struct key_file *f, const char *what, int64_t now_ms)
{
	struct arena arena;

	arena_init(&arena);
	put(f, str_of(what));
	put(f, units_time(&arena, now_ms));
	put(f, STR("\n"));
	arena_release(&arena);
}

static void put_new(struct key_file *f, enum kind kind, uint8_t version)
{
	char line[KEY_LINE_MAX];
	const size_t n = keys_line(version, kind_names[kind], line);

	put(f, (struct str){.p = line, .n = n});
	keys_forget(line, sizeof(line));
}

static enum err io_error(struct diag *diag, const char *path, const char *what)
{
	diag_error(diag, POS_FILE(path), "io-error",
	    "%s: %s; nothing was changed", what, strerror(errno));
	return ERR_IO;
}

/* Whose the file is stays: an operator may be somebody else than the user. */
static bool make_like(int fd, const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 &&
	       (st.st_uid == geteuid() ||
		   fchown(fd, st.st_uid, st.st_gid) == 0) &&
	       fchmod(fd, 0600) == 0;
}

/* It is there already, and what was there may come back. */
static enum err in_doubt(struct diag *diag, const char *path)
{
	diag_error(diag, POS_FILE(path), "io-error",
	    "it is in place, but its folder cannot be synced: %s; until that "
	    "disk is looked after, a power cut may bring the old one back",
	    strerror(errno));
	return ERR_IO;
}

static enum err replace(struct key_file *f, struct diag *diag)
{
	char fresh[PATH_MAX + 8];
	enum err err = ERR_OK;

	if (f->is_full) {
		diag_error(diag, POS_FILE(f->real), "keys-full",
		    "the file would be too long; drop old keys with "
		    "`lowtide-jobs keyprune`");
		return ERR_FULL;
	}
	snprintf(fresh, sizeof(fresh), "%s.new", f->real);
	int fd = open(fresh, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0 && errno == EEXIST) {
		diag_error(diag, POS_FILE(fresh), "keys-locked",
		    "it is there already: somebody is changing the keys, or "
		    "was killed at it; if nobody is, remove it");
		return ERR_BUSY;
	}
	if (fd < 0)
		return io_error(diag, fresh, "cannot make the new file");
	const struct str bytes = {.p = f->out, .n = f->n_out};
	if (!make_like(fd, f->real) || !fs_put(fd, bytes) || fsync(fd) != 0)
		err = io_error(diag, fresh, "cannot write the new file");
	close(fd);
	if (!err && rename(fresh, f->real) != 0)
		err = io_error(diag, f->real, "cannot put it in place");
	if (err)
		unlink(fresh);
	else if (!fs_sync_folder_of(f->real))
		err = in_doubt(diag, f->real);
	return err;
}

/* ---- adding ------------------------------------------------------------ */

/* Of one kind: the one that is in use, and one that waits to be. */
static const struct block *first_of(const struct key_file *f, enum kind kind)
{
	for (size_t i = 0; i < f->n_blocks; i++)
		if (f->blocks[i].kind == kind)
			return &f->blocks[i];
	return NULL;
}

static const struct block *added_of(const struct key_file *f, enum kind kind)
{
	const struct block *first = first_of(f, kind), *last = NULL;

	for (size_t i = 0; i < f->n_blocks; i++)
		if (f->blocks[i].kind == kind)
			last = &f->blocks[i];
	return last == first || last->is_retired ? NULL : last;
}

/* Above all others, or the first that is free; 0 = there is none. */
static uint8_t free_version(const struct keys *keys)
{
	int highest = 0;

	for (int v = 1; v <= UINT8_MAX; v++)
		if (keys_mac(keys, (uint8_t)v) || keys_seal(keys, (uint8_t)v))
			highest = v;
	if (highest < UINT8_MAX)
		return (uint8_t)(highest + 1);
	for (int v = 1; v <= UINT8_MAX; v++)
		if (!keys_mac(keys, (uint8_t)v) && !keys_seal(keys, (uint8_t)v))
			return (uint8_t)v;
	return 0;
}

static enum err add(
    struct key_file *f, int64_t now_ms, struct diag *diag, uint8_t *version)
{
	if (added_of(f, KIND_MAC) || added_of(f, KIND_SEAL)) {
		diag_error(diag, POS_FILE(f->real), "keys-added",
		    "the keys that were added before are not used yet; see to "
		    "it that every program has read them (SIGHUP), and use "
		    "them with `lowtide-jobs keyuse`");
		return ERR_CONFLICT;
	}
	if (f->keys.n_mac == KEYS_MAX || f->keys.n_seal == KEYS_MAX) {
		diag_error(diag, POS_FILE(f->real), "keys-full",
		    "there are %d keys of a kind; drop old ones with "
		    "`lowtide-jobs keyprune`",
		    KEYS_MAX);
		return ERR_FULL;
	}
	*version = free_version(&f->keys);
	for (size_t i = 0; i < f->n_blocks; i++)
		put_block(f, &f->blocks[i]);
	for (int kind = KIND_MAC; kind < KINDS; kind++) {
		put_mark(f, ADDED, now_ms);
		put_new(f, (enum kind)kind, *version);
	}
	put(f, f->rest);
	return replace(f, diag);
}

enum err key_file_add(
    const char *path, int64_t now_ms, struct diag *diag, uint8_t *version)
{
	struct key_file *f = new_file();
	enum err err = load(f, path, diag);

	*version = 0;
	if (!err)
		err = add(f, now_ms, diag, version);
	forget(f);
	return err;
}

/* ---- using ------------------------------------------------------------- */

static enum err use(struct key_file *f, int64_t now_ms, struct diag *diag)
{
	const struct block *first[KINDS] = {NULL}, *added[KINDS] = {NULL};

	for (int kind = KIND_MAC; kind < KINDS; kind++) {
		first[kind] = first_of(f, (enum kind)kind);
		added[kind] = added_of(f, (enum kind)kind);
	}
	if (!added[KIND_MAC] && !added[KIND_SEAL]) {
		diag_error(diag, POS_FILE(f->real), "keys-added",
		    "there is no key that waits to be used; add one with "
		    "`lowtide-jobs keyadd`, and let every program read it "
		    "(SIGHUP) before it is used");
		return ERR_CONFLICT;
	}
	for (size_t i = 0; i < f->n_blocks; i++) {
		const struct block *block = &f->blocks[i];
		const struct block *next = added[block->kind];
		if (block == next)
			continue;
		if (next && block == first[block->kind]) {
			put_block(f, next);
			put_mark(f, RETIRED, now_ms);
		}
		put_block(f, block);
	}
	put(f, f->rest);
	return replace(f, diag);
}

enum err key_file_use(
    const char *path, int64_t now_ms, struct diag *diag, uint8_t *version)
{
	struct key_file *f = new_file();
	enum err err = load(f, path, diag);

	*version = 0;
	if (!err)
		err = use(f, now_ms, diag);
	if (!err)
		*version = f->keys.mac[f->keys.n_mac - 1].version;
	forget(f);
	return err;
}

/* ---- pruning ----------------------------------------------------------- */

static bool is_over(const struct key_file *f, const struct block *block,
    int64_t now_ms, int64_t keep_ms, int64_t *next_ms)
{
	const int64_t at_ms = block->retired_ms + keep_ms;

	/* one that is in use was put there again by hand */
	if (!block->is_retired || block == first_of(f, block->kind))
		return false;
	if (now_ms >= at_ms)
		return true;
	if (!*next_ms || at_ms < *next_ms)
		*next_ms = at_ms;
	return false;
}

enum err key_file_prune(const char *path, int64_t now_ms, int64_t keep_ms,
    struct diag *diag, size_t *dropped, int64_t *next_ms)
{
	struct key_file *f = new_file();
	enum err err = load(f, path, diag);
	size_t over = 0;

	*dropped = 0;
	*next_ms = 0;
	for (size_t i = 0; !err && i < f->n_blocks; i++) {
		if (is_over(f, &f->blocks[i], now_ms, keep_ms, next_ms))
			over++;
		else
			put_block(f, &f->blocks[i]);
	}
	put(f, f->rest);
	if (!err && over)
		err = replace(f, diag);
	if (!err)
		*dropped = over;
	forget(f);
	return err;
}
