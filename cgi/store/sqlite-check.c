#include "cgi/store/sqlite-open.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/units.h"

/*
 * Whether a store that is there may be opened: its format, its keys, that it is
 * no copy, and whose boot its times are of.
 */

/* ---- recognising ------------------------------------------------------- */

enum err sqlite_check_format(struct opening *o)
{
	int64_t format;
	enum err err = sqlite_read_format(o, &format);

	if (!err && !format) {
		diag_error(o->diag, POS_FILE(o->path), "store-damaged",
		    "it is a database, but no store of lowtide; name another "
		    "folder with --state");
		return ERR_CORRUPT;
	}
	if (err)
		return sqlite_report(o, err, "it cannot be read");
	if (format == STORE_FORMAT)
		return ERR_OK;
	if (format >= STORE_FORMAT_OLDEST && format < STORE_FORMAT) {
		diag_error(o->diag, POS_FILE(o->path), "store-version",
		    "it has format %lld and this lowtide knows %d; start "
		    "lowtide-cgi or lowtide-worker once, they bring it up to "
		    "date",
		    (long long)format, STORE_FORMAT);
		return ERR_MISSING;
	}
	diag_error(o->diag, POS_FILE(o->path), "store-version",
	    "it has format %lld and this lowtide knows %d; install the lowtide "
	    "that wrote it, or let this one start in an empty folder",
	    (long long)format, STORE_FORMAT);
	return ERR_MISSING;
}

enum err sqlite_check_keys(struct opening *o)
{
	const struct str check = {
	    .p = (const char *)o->spec->check, .n = STORE_CHECK_BYTES};
	bool equal = false;
	enum err err = sqlite_meta_equals(o, "check", check, &equal);

	if (err)
		return sqlite_report(o,
		    err == ERR_NOT_FOUND ? ERR_CORRUPT : err,
		    "it cannot be read");
	if (equal)
		return ERR_OK;
	diag_error(o->diag, POS_FILE(o->path), "store-other-keys",
	    "it was made with another name key; use the key file it was made "
	    "with (the name key never changes), or an empty folder");
	return ERR_MISSING;
}

static bool is_untouched_copy(const char *path)
{
	static const unsigned char id[] = {STORE_COPY_ID >> 24 & 255,
	    STORE_COPY_ID >> 16 & 255, STORE_COPY_ID >> 8 & 255,
	    STORE_COPY_ID & 255};
	unsigned char found[sizeof(id)] = {0};
	const int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return false;
	const ssize_t n = pread(fd, found, sizeof(found), STORE_COPY_ID_AT);
	close(fd);
	return n == sizeof(id) && !memcmp(found, id, sizeof(id));
}

enum err sqlite_check_log(struct opening *o)
{
	char log[PATH_MAX + 8];
	struct stat st;

	snprintf(log, sizeof(log), "%s-wal", o->path);
	if (stat(log, &st) || !st.st_size || !is_untouched_copy(o->path))
		return ERR_OK;
	diag_error(o->diag, POS_FILE(log), "store-is-copy",
	    "jobs.db is a copy of a store, and this is the log of another one; "
	    "move jobs.db-wal and jobs.db-shm away, then `lowtide-jobs adopt` "
	    "makes a store of it");
	return ERR_MISSING;
}

/* It is being adopted, and has a log of its own from now on. */
static enum err begin_adoption(struct opening *o)
{
	const enum err err = db_exec(&o->s->db, "PRAGMA application_id=0");

	return err ? sqlite_report(o, err, "it cannot be written") : ERR_OK;
}

/* What is open in a copy may have been sent by the original since. */
enum err sqlite_check_copy(struct opening *o)
{
	int64_t at_ms = 0;
	struct arena a;
	enum err err = db_number(
	    &o->s->db, "SELECT value FROM _meta WHERE name='copy'", &at_ms);

	if (err == ERR_NOT_FOUND || (!err && !at_ms))
		return ERR_OK;
	if (err)
		return sqlite_report(o, err, "it cannot be read");
	if (o->spec->adopts)
		return o->spec->role == STORE_WRITES ? begin_adoption(o)
						     : ERR_OK;
	arena_init(&a);
	diag_error(o->diag, POS_FILE(o->path), "store-is-copy",
	    "it is a copy of a store, of %.*s, and nobody works on it; if the "
	    "original is gone for good, `lowtide-jobs adopt` makes a store of "
	    "it",
	    STR_ARG(units_time(&a, at_ms)));
	arena_release(&a);
	return ERR_MISSING;
}

/* ---- whose boot -------------------------------------------------------- */

/*
 * Deadlines are carried over by the wall clock. What it lost or gained is not
 * known here, so none becomes longer than it was from the start.
 */
static void convert_times(
    const struct opening *o, struct str api, struct buf *sql)
{
	sqlite_expand(sql,
	    "UPDATE \"$\" SET lease=0 WHERE state=1 AND held=0;"
	    "UPDATE \"$\" SET not_before=0 WHERE state=0 AND not_before>0;",
	    api);
	for (int state = JOB_PENDING; state <= JOB_PROCESSING; state++) {
		sqlite_expand(sql, "UPDATE \"$\" SET deadline_boot=", api);
		buf_printf(sql,
		    "max(1, %lld+min(deadline-(%lld), deadline-accepted))"
		    " WHERE state=%d AND deadline_boot>0;",
		    (long long)o->now.boot, (long long)o->now.ms, state);
	}
}

static enum err begin_new_boot(struct opening *o)
{
	struct buf sql = {0};

	buf_puts(&sql, "UPDATE _meta SET value=0 WHERE name='clock-boot'"
		       " OR name='paused' OR name GLOB 'pause/*'"
		       " OR name GLOB 'rate/*'"
		       " OR (name='halt' AND value<9223372036854775807);");
	enum err err = sqlite_each_table(o, &sql, convert_times);
	buf_release(&sql);
	return err;
}

enum err sqlite_check_boot(struct opening *o)
{
	bool equal = false;
	enum err err = sqlite_meta_equals(o, "boot", str_of(o->boot), &equal);

	if (err && err != ERR_NOT_FOUND)
		return sqlite_report(o, err, "it cannot be read");
	if (equal)
		return ERR_OK;
	if (flock(o->s->host_fd, LOCK_EX | LOCK_NB)) {
		diag_error(o->diag, POS_FILE(o->path), "store-other-host",
		    "another host has it open, and a SQLite store belongs to "
		    "one; stop lowtide there, or use another folder here");
		return ERR_MISSING;
	}
	err = begin_new_boot(o);
	if (!err)
		err = sqlite_meta_put(o, "boot", str_of(o->boot), 0);
	return err ? sqlite_report(o, err, "its times cannot be converted")
		   : ERR_OK;
}
