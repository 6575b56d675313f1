#ifndef LOWTIDE_CGI_STORE_SQLITE_OPEN_H
#define LOWTIDE_CGI_STORE_SQLITE_OPEN_H

#include <limits.h>

#include "cgi/store/boot.h"
#include "cgi/store/sqlite.h"

/*
 * What the two halves of opening share: sqlite-open.c decides in which order
 * things happen, sqlite-schema.c knows what a store consists of. All of these
 * add their own findings, but sqlite_meta_*.
 */
struct opening {
	struct sqlite *s;
	const struct store_spec *spec;
	struct diag *diag;
	int64_t wait_ms;
	char path[PATH_MAX]; /* of jobs.db */
	char boot[BOOT_IDENTITY_MAX];
	struct store_now now;
};

/* A finding about an error of the database, with what to do; gives err back. */
enum err sqlite_report(struct opening *o, enum err err, const char *doing);

/* The settings that must come before the first page; nothing if there is one */
enum err sqlite_begin_file(struct opening *o)
    __attribute__((warn_unused_result));
/* The tables of the store itself; nothing if they are there. */
enum err sqlite_make_store(struct opening *o)
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
