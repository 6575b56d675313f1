#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "generator/pool.h"

/* Whatever the number of threads: each item once, the same findings. */
#define N 5000

struct sums {
	unsigned char seen[N];
	size_t numbers[N];
	size_t fails; /* this item and those after it, by sevens */
	enum err with;
};

static enum err each(void *ctx, struct worker *w, size_t i)
{
	struct sums *s = ctx;

	s->seen[i]++;
	s->numbers[i] = w->number;
	/* emptied before each */
	if (w->arena->used)
		return ERR_CORRUPT;
	memset(arena_alloc(w->arena, i * 10), 1, i * 10);
	if (i % 100 == 3)
		diag_warn(w->diag, POS_FILE("w"), "odd", "item %zu", i);
	if (i % 250 == 7)
		for (int k = 0; k < 2; k++)
			diag_error(w->diag, POS_FILE("e"), "bad",
			    "item %zu, %d", i, k);
	return i >= s->fails && (i - s->fails) % 7 == 0 ? s->with : ERR_OK;
}

static char *said(const struct diag *diag)
{
	char *text = NULL;
	size_t n = 0;
	FILE *out = open_memstream(&text, &n);

	for (const struct diag_item *i = diag->first; i; i = i->next)
		fprintf(out, "%d %s %s %.*s\n", i->level, i->pos.file, i->name,
		    STR_ARG(i->text));
	fclose(out);
	return text;
}

static void any_number_of_threads(void **state)
{
	static const size_t jobs[] = {1, 2, 3, 16, POOL_JOBS_MAX, 1000};
	char *first = NULL;

	(void)state;
	for (size_t j = 0; j < sizeof(jobs) / sizeof(jobs[0]); j++) {
		struct sums *s = calloc(1, sizeof(*s));
		struct arena a = {0};
		struct diag diag;
		struct pool pool;
		s->fails = N;
		diag_init(&diag, &a);
		pool_init(&pool, jobs[j]);
		assert_true(pool.jobs <= POOL_JOBS_MAX);
		assert_int_equal(pool_each(&pool, &diag, N, each, s), ERR_OK);
		for (size_t i = 0; i < N; i++) {
			assert_int_equal(s->seen[i], 1);
			assert_true(s->numbers[i] < pool.jobs);
		}
		assert_int_equal(diag.warnings, 50);
		assert_int_equal(diag.errors, 40);
		char *text = said(&diag);
		if (first)
			assert_string_equal(text, first);
		else
			first = strdup(text);
		free(text);
		free(s);
		arena_release(&a);
	}
	free(first);
}

static void the_first_error_counts(void **state)
{
	(void)state;
	for (size_t jobs = 1; jobs < 9; jobs++) {
		struct sums *s = calloc(1, sizeof(*s));
		struct pool pool = {.jobs = jobs};
		s->fails = 100;
		s->with = jobs % 2 ? ERR_INPUT : ERR_TOO_LARGE;
		assert_int_equal(pool_each(&pool, NULL, N, each, s), s->with);
		for (size_t i = 0; i < N; i++)
			assert_int_equal(s->seen[i], 1);
		free(s);
	}
}

static void trouble_with_files_ends_it(void **state)
{
	(void)state;
	for (size_t jobs = 1; jobs < 9; jobs++) {
		struct sums *s = calloc(1, sizeof(*s));
		struct pool pool = {.jobs = jobs};
		size_t done = 0;
		s->fails = 10;
		s->with = ERR_IO;
		assert_int_equal(pool_each(&pool, NULL, N, each, s), ERR_IO);
		for (size_t i = 0; i < N; i++) {
			assert_true(s->seen[i] <= 1);
			done += s->seen[i];
		}
		if (jobs == 1)
			assert_int_equal(done, 11);
		free(s);
	}
}

/* More findings than a list keeps are counted all the same. */
static enum err talk(void *ctx, struct worker *w, size_t i)
{
	(void)ctx;
	diag_error(w->diag, POS_NONE, "bad", "item %zu", i);
	return ERR_INPUT;
}

static void no_finding_is_lost(void **state)
{
	(void)state;
	for (size_t jobs = 1; jobs < 5; jobs++) {
		struct arena a = {0};
		struct diag diag;
		struct pool pool = {.jobs = jobs};
		size_t i = 0;
		diag_init(&diag, &a);
		assert_int_equal(
		    pool_each(&pool, &diag, N, talk, NULL), ERR_INPUT);
		assert_int_equal(diag.errors, N);
		for (const struct diag_item *d = diag.first; d; d = d->next)
			assert_true(
			    str_eq(d->text, arena_printf(&a, "item %zu", i++)));
		assert_int_equal(i, DIAG_MAX);
		arena_release(&a);
	}
}

static void nothing_to_do(void **state)
{
	struct pool pool = {0}, all;

	(void)state;
	assert_int_equal(pool_each(&pool, NULL, 0, talk, NULL), ERR_OK);
	assert_int_equal(pool_each(&pool, NULL, 1, talk, NULL), ERR_INPUT);
	pool_init(&all, 0);
	assert_true(all.jobs >= 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(any_number_of_threads),
	    cmocka_unit_test(the_first_error_counts),
	    cmocka_unit_test(trouble_with_files_ends_it),
	    cmocka_unit_test(no_finding_is_lost),
	    cmocka_unit_test(nothing_to_do),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("pool", tests, NULL, NULL);
}
