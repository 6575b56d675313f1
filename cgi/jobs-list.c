#include "cgi/jobs-list.h"

#include <stdio.h>
#include <stdlib.h>

#include "lib/clock.h"
#include "lib/units.h"

/* Jobs as a table: once, or (jobs-watch.c) again and again. */
const struct opt jobs_ls_options[] = {
    START_OPTIONS,
    FILTER_OPTIONS,
    [LS_MOST] = {.name = "limit",
	.letter = 'n',
	.kind = OPT_INT,
	.arg = "N",
	.help = "at most so many, the newest first (50)",
	.min = 1,
	.max = LS_MAX},
    [LS_OLDEST] = {.name = "oldest",
	.kind = OPT_FLAG,
	.help = "the oldest first, and those are the N"},
    [LS_WATCH] = {.name = "watch",
	.letter = 'w',
	.kind = OPT_FLAG,
	.help = "go on, with each change; a line each on a pipe"},
    [LS_JSON] = {.name = "json", .kind = OPT_FLAG, .help = "for programs"},
    {.name = NULL},
};

/*
 * Rows come an API after the other, the newest first. Of each at most `limit`
 * are kept: the first of them, or, where the oldest are wanted, the last, each
 * in the place of one that came `limit` before it.
 */
struct gathering {
	struct listing *l;
	const struct config *config;
	size_t api, from, came;
};

static struct report_job *place(struct gathering *g)
{
	struct listing *l = g->l;

	if (g->came++ >= l->limit)
		return &l->jobs[g->from + (g->came - 1) % l->limit];
	if (l->n == l->cap) {
		l->cap = l->cap ? 2 * l->cap : 64;
		l->jobs = realloc(l->jobs, l->cap * sizeof(*l->jobs));
		if (!l->jobs)
			abort();
	}
	return &l->jobs[l->n++];
}

static bool gather(void *ctx, size_t api, const struct job *job)
{
	struct gathering *g = ctx;

	if (api != g->api) {
		g->api = api;
		g->from = g->l->n;
		g->came = 0;
	}
	*place(g) =
	    (struct report_job){.api = &g->config->apis[api], .job = *job};
	return true;
}

/* By arrival, which is one order for all APIs. */
static int newest_first(const void *left, const void *right)
{
	const struct report_job *a = left, *b = right;

	return a->job.born == b->job.born  ? 0
	       : a->job.born > b->job.born ? -1
					   : 1;
}

static int oldest_first(const void *left, const void *right)
{
	return newest_first(right, left);
}

enum err listing_read(struct jobs *run, struct listing *l)
{
	struct gathering g = {
	    .l = l, .config = run->start.config, .api = SIZE_MAX};

	l->n = 0;
	enum err err =
	    filter_each(run, &l->filter, l->oldest ? 0 : l->limit, gather, &g);
	if (err != ERR_OK)
		return jobs_trouble(run, err);
	if (l->n)
		qsort(l->jobs, l->n, sizeof(*l->jobs),
		    l->oldest ? oldest_first : newest_first);
	if (l->n > l->limit)
		l->n = l->limit;
	return ERR_OK;
}

/* What is said besides: why nothing of an API goes on. Inside. */
static enum err tell_paused(struct jobs *run, const struct filter *f)
{
	const struct config *config = run->start.config;
	struct arena *a = &run->start.arena;
	enum err err = ERR_OK;
	int64_t since_ms;

	for (size_t i = 0; !err && i < config->n_apis; i++) {
		if (f->has_api && f->api != i)
			continue;
		err = store_suspended(run->start.store, i, &since_ms);
		if (!err && since_ms)
			fprintf(stderr,
			    "%.*s is paused since %.*s; `lowtide-jobs resume` "
			    "goes on with it\n",
			    STR_ARG(config->apis[i].name),
			    STR_ARG(units_time(a, since_ms)));
	}
	return err ? jobs_trouble(run, err) : ERR_OK;
}

/* Once. */
static enum err list(struct jobs *run, struct listing *l)
{
	enum err err = jobs_view(run);

	if (err != ERR_OK)
		return err;
	err = listing_read(run, l);
	if (err == ERR_OK)
		err = tell_paused(run, &l->filter);
	store_unview(run->start.store);
	if (err == ERR_OK && l->json)
		report_table_json(&run->out, l->jobs, l->n);
	else if (err == ERR_OK)
		report_table(&run->out, l->jobs, l->n, clock_wall_ms());
	return err;
}

enum err jobs_ls(struct jobs *run)
{
	const struct opt_value *v = run->found.values;
	struct listing l = {
	    .limit = v[LS_MOST].given ? (size_t)v[LS_MOST].number : LS_DEFAULT,
	    .oldest = v[LS_OLDEST].given,
	    .json = v[LS_JSON].given};
	enum err err = jobs_look(run);

	if (err == ERR_OK)
		err = filter_read(run, &l.filter);
	if (err == ERR_OK)
		err =
		    v[LS_WATCH].given ? listing_watch(run, &l) : list(run, &l);
	free(l.jobs);
	return err;
}
