#ifndef LOWTIDE_CGI_STORE_SQLITE_OPEN_H
#define LOWTIDE_CGI_STORE_SQLITE_OPEN_H

#include <limits.h>

#include "cgi/store/boot.h"
#include "cgi/store/sqlite.h"

/*
 * What the parts of opening share: sqlite-open.c decides in which order things
 * happen, sqlite-check.c whether it may be, sqlite-schema.c knows what a store
 * consists of, sqlite-upgrade.c
 * changes one that is there. All of these add their own findings, but those
 * that say nothing, and sqlite_meta_*.
 */
struct opening {
	struct sqlite *s;
	const struct store_spec *spec;
	struct diag *diag;
	int64_t wait_ms;
	char path[PATH_MAX]; /* of jobs.db */
	char boot[BOOT_IDENTITY_MAX];
	struct store_now now;
	int64_t format; /* sqlite_upgrade(): as it was found */
};

/* A finding about an error of the database, with what to do; gives err back. */
enum err sqlite_report(struct opening *o, enum err err, const char *doing);

/* The settings that must come before the first page; nothing if there is one */
enum err sqlite_begin_file(struct opening *o)
    __attribute__((warn_unused_result));
/* The tables of the store itself; nothing if they are there. */
enum err sqlite_make_store(struct opening *o)
    __attribute__((warn_unused_result));
/* Those of the store itself that are missing. Says nothing. */
enum err sqlite_make_tables(struct opening *o)
    __attribute__((warn_unused_result));
/* The statements that make the indexes of a request table. */
void sqlite_add_indexes(struct str api, struct buf *sql);
/*
 * A store from STORE_FORMAT_OLDEST on becomes one of STORE_FORMAT; any other is
 * left as it is, and nothing said.
 */
enum err sqlite_upgrade(struct opening *o) __attribute__((warn_unused_result));
/*
 * What keeps a store from being opened (sqlite-check.c), each with a finding.
 * _boot, under the turnstile: if the boot is another one, all times of rows are
 * converted.
 */
enum err sqlite_check_format(struct opening *o)
    __attribute__((warn_unused_result));
enum err sqlite_check_keys(struct opening *o)
    __attribute__((warn_unused_result));
/* Before it is opened: no log lies beside it that is not its own. */
enum err sqlite_check_log(struct opening *o)
    __attribute__((warn_unused_result));
enum err sqlite_check_copy(struct opening *o)
    __attribute__((warn_unused_result));
enum err sqlite_check_boot(struct opening *o)
    __attribute__((warn_unused_result));
/* 0: it is a database, but no store. Says nothing. */
enum err sqlite_read_format(struct opening *o, int64_t *format)
    __attribute__((warn_unused_result));
/*
 * Runs what add() says for each request table, also for those of APIs that went
 * from the configuration, behind what stands in *sql. Says nothing.
 */
enum err sqlite_each_table(struct opening *o, struct buf *sql,
    void (*add)(const struct opening *o, struct str api, struct buf *sql))
    __attribute__((warn_unused_result));
/* Finds the APIs' tables, and makes what is missing unless read-only. */
enum err sqlite_make_apis(struct opening *o)
    __attribute__((warn_unused_result));

/* Each has its table; says nothing. */
bool sqlite_has_apis(struct opening *o);

/* _meta: a value of bytes, or the number where value.p is NULL. */
enum err sqlite_meta_put(struct opening *o, const char *name, struct str value,
    int64_t number) __attribute__((warn_unused_result));
/* ERR_NOT_FOUND: there is no value of that name. */
enum err sqlite_meta_equals(struct opening *o, const char *name,
    struct str want, bool *equal) __attribute__((warn_unused_result));

#endif
