#ifndef LOWTIDE_TESTS_STORE_MEDDLE_H
#define LOWTIDE_TESTS_STORE_MEDDLE_H

#include "tests/store/fixture.h"

#include <sys/stat.h>

#include "cgi/store/db.h"
#include "cgi/store/sqlite.h"

/*
 * For tests of what only the SQLite store promises: a look at its file and a
 * hand in it, beside the store.
 */
static inline int setup(void **state)
{
	struct fixture *f = malloc(sizeof(*f));

	assert_non_null(f);
	fixture_init(f, &store_sqlite);
	*state = f;
	return 0;
}

static inline int teardown(void **state)
{
	fixture_end(*state);
	free(*state);
	return 0;
}

static inline void reopen(struct fixture *f)
{
	store_close(f->store);
	f->store = NULL;
	fixture_open(f);
}

static inline const char *path_of(struct fixture *f, const char *name)
{
	return arena_printf(&f->arena, "%s/%s", f->dir, name).p;
}

static inline off_t size_of(struct fixture *f, const char *name)
{
	struct stat st;
	return stat(path_of(f, name), &st) ? -1 : st.st_size;
}

/* SQL on the side, the way nobody should do it on a live store. */
static inline void meddle(struct fixture *f, const char *sql)
{
	struct db db;

	OK(db_open(path_of(f, "jobs.db"), DB_WRITES, &db));
	OK(db_exec(&db, sql));
	db_close(&db);
}

static inline int64_t ask(struct fixture *f, const char *sql)
{
	struct db db;
	int64_t n = -1;

	OK(db_open(path_of(f, "jobs.db"), DB_WRITES, &db));
	OK(db_number(&db, sql, &n));
	db_close(&db);
	return n;
}

static inline void expect_refusal(
    struct fixture *f, enum err want, const char *name)
{
	struct store *store = NULL;

	diag_init(&f->diag, &f->arena);
	enum err err = store_open(&store_sqlite, &f->spec, &f->diag, &store);
	for (struct diag_item *i = f->diag.first; i; i = i->next)
		print_message("# %s: %s\n", i->name, i->text.p);
	assert_int_equal(err, want);
	assert_null(store);
	assert_int_equal(f->diag.errors, 1);
	assert_string_equal(f->diag.first->name, name);
	/* what is wrong; what to do */
	assert_true(
	    str_find(f->diag.first->text, ';', 0) < f->diag.first->text.n);
}

static inline void accept_one(struct fixture *f, size_t api, uint32_t number)
{
	OK(store_begin(f->store));
	fixture_accept(f, api, number);
	OK(store_commit(f->store));
}

static inline struct job take_one(struct fixture *f, size_t api)
{
	struct store_ask a = fixture_ask(1);
	struct job job;
	int64_t due;

	OK(store_begin(f->store));
	OK(store_claim(f->store, api, &a, &job, &due));
	OK(store_commit(f->store));
	return job;
}

static inline void complete(struct fixture *f, size_t api, struct job *job)
{
	struct job_event end = fixture_event(job, JOB_EVENT_COMPLETE);

	OK(store_begin(f->store));
	OK(store_change(f->store, api, job, &end, STR("sealed result")));
	OK(store_commit(f->store));
}

#endif
