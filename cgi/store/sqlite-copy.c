#include "cgi/store/sqlite.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "lib/fs.h"

/*
 * A copy of a store while it is in use. It grows under another name,
 * "PATH.part", is marked as a copy and synced there, and only then gets its
 * own: so what is called PATH is whole, and says that it is a copy.
 *
 * All of it is read in one view, so that it is of one moment. That holds up no
 * writer, but the log cannot be started over meanwhile. When it grows beyond
 * what readers are held back for (store.md 3), the copy gives way as they do
 * and begins again; at the third time it insists.
 */
#define STEP_PAGES 256 /* a few milliseconds */
#define GIVE_WAY_TIMES 3
#define GIVE_WAY_MS 500

struct copying {
	struct sqlite *s;
	const struct store_copying *wanted;
	struct diag *diag;
	char part[PATH_MAX];
	struct db to;
	int64_t log; /* its size when this view began */
	int given_way;
	bool again; /* from the beginning */
};

static enum err report(
    const struct copying *c, enum err err, const char *name, const char *text)
{
	diag_error(c->diag, POS_FILE(c->wanted->path), name, "%s", text);
	return err;
}

static enum err report_io(const struct copying *c, const char *doing)
{
	const bool full = errno == ENOSPC || errno == EDQUOT;

	diag_error(c->diag, POS_FILE(c->part), full ? "store-full" : "io-error",
	    "%s: %s; %s", doing, strerror(errno),
	    full ? "free some space there, or name another folder"
		 : "check that folder and its disk");
	return full ? ERR_FULL : ERR_IO;
}

static enum err report_db(
    const struct copying *c, enum err err, const struct db *db)
{
	const bool damaged = err == ERR_CORRUPT, full = err == ERR_FULL;

	diag_error(c->diag, POS_FILE(c->part),
	    damaged ? "store-damaged"
	    : full  ? "store-full"
		    : "io-error",
	    "it cannot be copied: %s; %s", db_message(db),
	    damaged ? "`lowtide-jobs audit` tells more of the store"
	    : full  ? "free some space there, or name another folder"
		    : "check that folder and its disk");
	return err;
}

/* ---- the pages --------------------------------------------------------- */

static int64_t log_bytes(const struct copying *c)
{
	return atomic_load(&c->s->gate.page->wal_bytes);
}

/* Somebody wants the log to himself, and this view is in his way. */
static bool is_in_the_way(const struct copying *c)
{
	const int64_t most = c->s->limits.wal_gate;

	if (c->given_way == GIVE_WAY_TIMES)
		return false;
	return gate_shut_ms(&c->s->gate) ||
	       (c->log < most && log_bytes(c) >= most);
}

/* Until the log was started over, or nobody does. */
static void give_way(struct copying *c)
{
	const struct timespec pause = {.tv_nsec = 5 * 1000000};
	const int64_t most = c->s->limits.wal_gate;

	for (int ms = 0; ms < GIVE_WAY_MS; ms += 5) {
		if (!gate_shut_ms(&c->s->gate) && log_bytes(c) < most)
			break;
		nanosleep(&pause, NULL);
	}
	c->given_way++;
}

/* In a view. */
static enum err copy_pages(struct copying *c)
{
	struct sqlite3_backup *backup = NULL;
	const struct store_copying *w = c->wanted;
	int64_t done = 0, pages = 0;
	bool going = true;

	c->again = false;
	enum err err = db_copy_begin(&c->s->db, &c->to, &backup);
	if (err)
		return report_db(c, err, &c->to);
	do {
		err = db_copy_step(backup, STEP_PAGES, &done, &pages);
		if (w->progress && (!err || err == ERR_AGAIN))
			going = w->progress(w->ctx, done, pages);
		c->again = err == ERR_AGAIN && is_in_the_way(c);
	} while (err == ERR_AGAIN && going && !c->again);
	db_copy_end(backup);
	if (c->again || (err == ERR_AGAIN && !going))
		return going ? ERR_OK : ERR_AGAIN;
	return err ? report_db(c, err, &c->to) : ERR_OK;
}

static enum err copy_all(struct copying *c)
{
	enum err err;

	do {
		c->log = log_bytes(c);
		err = store_sqlite.view(c->s);
		if (err)
			return report(c, err, "store-busy",
			    "the store cannot be read at the moment; try "
			    "again");
		err = copy_pages(c);
		store_sqlite.unview(c->s);
		if (!err && c->again)
			give_way(c);
	} while (!err && c->again);
	return err;
}

/* ---- the file ---------------------------------------------------------- */

static void remove_parts(const struct copying *c)
{
	static const char *const ends[] = {"", "-wal", "-shm", "-journal"};
	char path[PATH_MAX + 16];

	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		snprintf(path, sizeof(path), "%s%s", c->part, ends[i]);
		unlink(path);
	}
}

static bool is_there(const struct copying *c, const char *end)
{
	char path[PATH_MAX + 16];

	snprintf(path, sizeof(path), "%s%s", c->wanted->path, end);
	return !access(path, F_OK);
}

/* Nobody else's business, as the store; what is left of another try goes. */
static enum err make_part(struct copying *c)
{
	const int n =
	    snprintf(c->part, sizeof(c->part), "%s.part", c->wanted->path);

	if (n < 0 || (size_t)n >= sizeof(c->part))
		return report(c, ERR_IO, "io-error",
		    "the path is too long; use a shorter folder");
	if (is_there(c, "") || is_there(c, "-wal"))
		return report(c, ERR_CONFLICT, "copy-exists",
		    "there is a store of that name already, or its log; name "
		    "another folder, or move it away");
	remove_parts(c);
	const int fd = open(
	    c->part, O_CREAT | O_EXCL | O_RDWR | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return report_io(c, "it cannot be made");
	close(fd);
	return ERR_OK;
}

/* Syncing is ours to do, once, at the end: so no failure of it is fatal. */
static enum err open_part(struct copying *c)
{
	enum err err = db_open(c->part, DB_WRITES, &c->to);

	if (!err)
		err = db_exec(&c->to, "PRAGMA synchronous=OFF");
	return err ? report_db(c, err, &c->to) : ERR_OK;
}

/* It is a database of its own now, with a log. */
static enum err mark(struct copying *c)
{
	char sql[128];
	enum err err = open_part(c);

	snprintf(sql, sizeof(sql),
	    "PRAGMA application_id=%d; REPLACE INTO _meta VALUES('copy', %lld)",
	    STORE_COPY_ID, (long long)c->wanted->now_ms);
	if (err)
		return err;
	err = db_exec(&c->to, sql);
	if (!err)
		err = db_checkpoint(&c->to, DB_TRUNCATE, true);
	return err ? report_db(c, err, &c->to) : ERR_OK;
}

static enum err sync_file(const char *path)
{
	const int fd = open(path, O_RDWR | O_CLOEXEC);

	if (fd < 0)
		return ERR_IO;
	const enum err err = fsync(fd) ? ERR_IO : ERR_OK;
	const int problem = errno;
	close(fd);
	errno = problem;
	return err;
}

/* Under its own name, unless somebody else took that meanwhile. */
static enum err publish(struct copying *c)
{
	enum err err;

	if (sync_file(c->part))
		return report_io(c, "it cannot be synced");
	if (link(c->part, c->wanted->path))
		return errno == EEXIST
			   ? report(c, ERR_CONFLICT, "copy-exists",
				 "somebody made a file of that name meanwhile; "
				 "name another folder")
			   : report_io(c, "it cannot get its name");
	if (fs_sync_folder_of(c->wanted->path))
		return ERR_OK;
	err = report_io(c, "its folder cannot be synced");
	unlink(c->wanted->path);
	return err;
}

enum err sqlite_copy(
    void *backend, const struct store_copying *copying, struct diag *diag)
{
	struct copying *c = calloc(1, sizeof(*c));

	if (!c)
		abort();
	*c = (struct copying){.s = backend, .wanted = copying, .diag = diag};
	enum err err = make_part(c);
	if (!err) {
		err = open_part(c);
		if (!err)
			err = copy_all(c);
		db_close(&c->to);
		if (!err)
			err = mark(c);
		db_close(&c->to);
		if (!err)
			err = publish(c);
		remove_parts(c);
	}
	free(c);
	return err;
}

/* ---- adopting ---------------------------------------------------------- */

static bool is_configured(const struct sqlite *s, struct str name)
{
	for (size_t i = 0; i < s->n_apis; i++)
		if (str_eq(s->apis[i].name, name))
			return true;
	return false;
}

enum err sqlite_stranger(void *backend, char name[STORE_META_NAME])
{
	struct sqlite *s = backend;
	struct sqlite3_stmt *st;
	enum err err = sqlite_query(s, QUERY_COUNT_OPEN, &st);

	while (!err && !(err = db_step(st))) {
		const struct str api = db_bytes(st, 0);
		if (is_configured(s, api))
			continue;
		snprintf(name, STORE_META_NAME, "%.*s", STR_ARG(api));
		break;
	}
	db_reset(st);
	return err;
}
