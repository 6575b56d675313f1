#include "generator/pool.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <string.h>

/*
 * Items are taken in order by whoever is free. A worker's findings are in the
 * order of its items, so the lists of all are merged as sorted ones; each item
 * that said something leaves a note of where in its worker's list that stands.
 */
struct said {
	struct said *next;
	size_t item;
	const struct diag_item *first; /* up to the next one's first */
};

struct pool_run {
	size_t n;
	enum err (*each)(void *ctx, struct worker *w, size_t i);
	void *ctx;
	atomic_size_t next;
	atomic_bool stop;
};

struct thread {
	struct pool_run *run;
	pthread_t id;
	struct arena items, findings;
	struct diag diag;
	struct worker worker;
	struct said *first, *last;
	enum err err;	 /* the gravest … */
	size_t err_item; /* … and the first item that met it */
};

void pool_init(struct pool *pool, size_t jobs)
{
	cpu_set_t set;

	if (jobs == 0)
		jobs = sched_getaffinity(0, sizeof(set), &set) == 0
			   ? (size_t)CPU_COUNT(&set)
			   : 1;
	pool->jobs = jobs > POOL_JOBS_MAX ? POOL_JOBS_MAX : jobs;
}

/* Input and output outweigh what is wrong with one file; else the first. */
static bool is_graver(enum err err, size_t item, const struct thread *t)
{
	if (err == ERR_OK || t->err == ERR_OK)
		return err != ERR_OK;
	if ((err == ERR_IO) != (t->err == ERR_IO))
		return err == ERR_IO;
	return item < t->err_item;
}

static void did(
    struct thread *t, size_t item, enum err err, const struct diag_item *before)
{
	const struct diag_item *first = before ? before->next : t->diag.first;

	if (is_graver(err, item, t)) {
		t->err = err;
		t->err_item = item;
	}
	if (!first)
		return;
	struct said *s = arena_alloc(&t->findings, sizeof(*s));
	*s = (struct said){.item = item, .first = first};
	if (t->last)
		t->last->next = s;
	else
		t->first = s;
	t->last = s;
}

static void *work(void *arg)
{
	struct thread *t = arg;
	struct pool_run *run = t->run;

	while (!atomic_load_explicit(&run->stop, memory_order_relaxed)) {
		size_t i = atomic_fetch_add(&run->next, 1);
		const struct diag_item *before = t->diag.last;
		if (i >= run->n)
			break;
		arena_reset(&t->items);
		enum err err = run->each(run->ctx, &t->worker, i);
		did(t, i, err, before);
		if (err == ERR_IO)
			atomic_store(&run->stop, true);
	}
	return NULL;
}

static void repeat(
    struct diag *diag, const struct diag_item *from, const struct diag_item *to)
{
	for (; from != to; from = from->next) {
		if (from->level == DIAG_ERROR)
			diag_error(diag, from->pos, from->name, "%.*s",
			    STR_ARG(from->text));
		else
			diag_warn(diag, from->pos, from->name, "%.*s",
			    STR_ARG(from->text));
	}
}

/* What was counted and not kept counts here too. */
static void add_uncounted(struct diag *diag, const struct thread *t)
{
	size_t errors = t->diag.errors, warnings = t->diag.warnings;

	for (const struct diag_item *i = t->diag.first; i; i = i->next)
		--*(i->level == DIAG_ERROR ? &errors : &warnings);
	diag->errors += errors;
	diag->warnings += warnings;
}

/* All findings, in the order of the items. */
static void gather(struct diag *diag, struct thread *threads, size_t n)
{
	for (;;) {
		struct thread *next = NULL;
		for (size_t i = 0; i < n; i++)
			if (threads[i].first &&
			    (!next ||
				threads[i].first->item < next->first->item))
				next = &threads[i];
		if (!next)
			break;
		const struct said *s = next->first;
		next->first = s->next;
		repeat(diag, s->first, s->next ? s->next->first : NULL);
	}
	for (size_t i = 0; diag && i < n; i++)
		add_uncounted(diag, &threads[i]);
}

enum err pool_each(struct pool *pool, struct diag *diag, size_t n,
    enum err (*each)(void *ctx, struct worker *w, size_t i), void *ctx)
{
	struct pool_run run = {.n = n, .each = each, .ctx = ctx};
	struct thread threads[POOL_JOBS_MAX] = {0};
	size_t jobs = pool->jobs < n ? pool->jobs : n, started = 1;
	struct thread *worst = &threads[0];

	for (size_t i = 0; i < jobs || i < 1; i++) {
		struct thread *t = &threads[i];
		t->run = &run;
		diag_init(&t->diag, &t->findings);
		t->worker = (struct worker){
		    .arena = &t->items, .diag = &t->diag, .number = i};
	}
	/* with fewer threads than wished for it only takes longer */
	while (started < jobs && pthread_create(&threads[started].id, NULL,
				     work, &threads[started]) == 0)
		started++;
	work(&threads[0]);
	for (size_t i = 1; i < started; i++)
		pthread_join(threads[i].id, NULL);
	gather(diag, threads, started);
	for (size_t i = 0; i < started; i++) {
		if (is_graver(threads[i].err, threads[i].err_item, worst))
			worst = &threads[i];
		arena_release(&threads[i].items);
		arena_release(&threads[i].findings);
	}
	return worst->err;
}
