#ifndef LOWTIDE_TESTS_STORE_BOTH_H
#define LOWTIDE_TESTS_STORE_BOTH_H

#include "tests/store/fixture.h"

/*
 * One test, every back end: the small change of a contract, and both_run(),
 * which runs each of its rows over memory and over SQLite.
 */
static inline void begin(struct fixture *f)
{
	OK(store_begin(f->store));
}

static inline void commit(struct fixture *f)
{
	OK(store_commit(f->store));
}

static inline struct job row_of(
    struct fixture *f, size_t api, const struct job *job)
{
	struct job row;

	OK(store_view(f->store));
	OK(store_get(f->store, api, job_key(job), &row));
	store_unview(f->store);
	return row;
}

static inline enum err body_of(struct fixture *f, const struct job *job,
    enum body_kind kind, struct str *out)
{
	OK(store_view(f->store));
	enum err err = store_body(f->store, job, kind, &f->arena, out);
	store_unview(f->store);
	return err;
}

static inline void expect_body(struct fixture *f, const struct job *job,
    enum body_kind kind, const char *want)
{
	struct str got = {0};

	OK(body_of(f, job, kind, &got));
	assert_int_equal(got.n, strlen(want));
	assert_memory_equal(got.p, want, got.n);
}

static inline void expect_no_body(
    struct fixture *f, const struct job *job, enum body_kind kind)
{
	struct str got;
	assert_int_equal(body_of(f, job, kind, &got), ERR_NOT_FOUND);
}

static inline void accept_jobs(
    struct fixture *f, size_t api, uint32_t from, uint32_t to)
{
	begin(f);
	while (from <= to)
		fixture_accept(f, api, from++);
	commit(f);
}

static inline struct job claim_one(struct fixture *f, size_t api, uint8_t who)
{
	struct store_ask ask = fixture_ask(who);
	int64_t due = -1;
	struct job job;

	begin(f);
	OK(store_claim(f->store, api, &ask, &job, &due));
	commit(f);
	assert_int_equal(due, 0);
	return job;
}

static inline int64_t claim_none(struct fixture *f, size_t api)
{
	struct store_ask ask = fixture_ask(99);
	int64_t due = -1;
	struct job job;

	begin(f);
	assert_int_equal(
	    store_claim(f->store, api, &ask, &job, &due), ERR_NOT_FOUND);
	commit(f);
	return due;
}

static inline void change(struct fixture *f, size_t api, struct job *job,
    const struct job_event *event)
{
	begin(f);
	OK(store_change(f->store, api, job, event, nothing));
	commit(f);
}

/* ---- the two runs ------------------------------------------------------ */

static inline int both_setup(void **state)
{
	struct fixture *f = malloc(sizeof(*f));

	assert_non_null(f);
	fixture_init(f, *state);
	fixture_open(f);
	*state = f;
	return 0;
}

static inline int both_teardown(void **state)
{
	fixture_end(*state);
	free(*state);
	return 0;
}

struct contract {
	const char *name;
	CMUnitTestFunction test;
};
#define T(name)                                                                \
	{                                                                      \
#name, name                                                    \
	}
#define BOTH_MAX 100

/* `more`: those that run once, behind them. */
static inline int both_run(const char *group, const struct contract *contract,
    size_t count, const struct CMUnitTest *more, size_t n_more)
{
	static const struct store_ops *const backends[] = {
	    &store_memory, &store_sqlite};
	static char names[BOTH_MAX][96];
	static struct CMUnitTest tests[BOTH_MAX];
	size_t n = 0;

	assert_true(2 * count + n_more <= BOTH_MAX);
	for (size_t b = 0; b < 2; b++)
		for (size_t i = 0; i < count; i++, n++) {
			union {
				const struct store_ops *ops;
				void *state;
			} initial = {.ops = backends[b]};
			snprintf(names[n], sizeof(names[n]), "%s: %s",
			    backends[b]->name, contract[i].name);
			tests[n] = (struct CMUnitTest){.name = names[n],
			    .test_func = contract[i].test,
			    .setup_func = both_setup,
			    .teardown_func = both_teardown,
			    .initial_state = initial.state};
		}
	for (size_t i = 0; i < n_more; i++)
		tests[n++] = more[i];
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return _cmocka_run_group_tests(group, tests, n, NULL, NULL);
}

#endif
