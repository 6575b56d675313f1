#include "cgi/jobs.h"

#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"

/* Jobs as a table, the newest first. */
#define LS_DEFAULT 50
#define LS_MAX 100000

enum { LS_API = START_COUNT, LS_STATUS, LS_MOST, LS_JSON };
const struct opt jobs_ls_options[] = {
    START_OPTIONS,
    {.name = "api",
	.letter = 'a',
	.kind = OPT_STRING,
	.arg = "NAME",
	.help = "only jobs of this API"},
    {.name = "status",
	.kind = OPT_STRING,
	.arg = "STATUS",
	.help = "only pending, processing, completed, failed or cancelled"},
    {.name = "limit",
	.letter = 'n',
	.kind = OPT_INT,
	.arg = "N",
	.help = "at most so many, the newest first (50)",
	.min = 1,
	.max = LS_MAX},
    {.name = "json", .kind = OPT_FLAG, .help = "for programs"},
    {.name = NULL},
};

struct listing {
	const struct api *api;
	int state; /* -1 = any */
	size_t limit, from;
	struct report_job *jobs;
	size_t n, cap;
};

static bool list_one(void *ctx, const struct job *job)
{
	struct listing *l = ctx;

	if (l->state >= 0 && (int)job->state != l->state)
		return true;
	if (l->n == l->cap) {
		l->cap = l->cap ? 2 * l->cap : 64;
		l->jobs = realloc(l->jobs, l->cap * sizeof(*l->jobs));
		if (!l->jobs)
			abort();
	}
	l->jobs[l->n++] = (struct report_job){.api = l->api, .job = *job};
	return l->n - l->from < l->limit;
}

static int newest_first(const void *left, const void *right)
{
	const struct report_job *a = left, *b = right;

	if (a->job.accepted_ms != b->job.accepted_ms)
		return a->job.accepted_ms > b->job.accepted_ms ? -1 : 1;
	return memcmp(a->job.id, b->job.id, JOB_ID_BYTES);
}

static enum err find_state(struct jobs *run, int *state)
{
	const struct opt_value *v = &run->found.values[LS_STATUS];

	*state = -1;
	if (!v->given)
		return ERR_OK;
	for (*state = 0; *state < JOB_STATES; ++*state)
		if (strcmp(job_state_text((enum job_state) * state),
			v->string) == 0)
			return ERR_OK;
	diag_error(&run->start.diag, POS_NONE, "bad-value",
	    "`%s` is not a status; say pending, processing, completed, failed "
	    "or cancelled",
	    v->string);
	return ERR_USAGE;
}

static enum err list_apis(struct jobs *run, struct listing *l)
{
	const struct opt_value *only = &run->found.values[LS_API];
	const struct config *config = run->start.config;
	enum err err = store_view(run->start.store);

	if (err != ERR_OK)
		return err;
	for (size_t i = 0; i < config->n_apis && err == ERR_OK; i++) {
		if (only->given && !str_is(config->apis[i].name, only->string))
			continue;
		l->api = &config->apis[i];
		l->from = l->n;
		err = store_list(run->start.store, i,
		    l->state < 0 ? l->limit : 0, list_one, l);
	}
	store_unview(run->start.store);
	return err;
}

enum err jobs_ls(struct jobs *run)
{
	const struct opt_value *v = run->found.values;
	struct listing l = {
	    .limit = v[LS_MOST].given ? (size_t)v[LS_MOST].number : LS_DEFAULT};
	enum err err = find_state(run, &l.state);

	if (err == ERR_OK)
		err = start_open(&run->start, v, STORE_SHOWS);
	if (err != ERR_OK)
		return err;
	if (v[LS_API].given &&
	    !config_api(run->start.config, str_of(v[LS_API].string))) {
		diag_error(&run->start.diag, POS_FILE(run->start.config_path),
		    "no-such-api", "no API is called `%s`", v[LS_API].string);
		return ERR_NOT_FOUND;
	}
	err = list_apis(run, &l);
	if (l.n)
		qsort(l.jobs, l.n, sizeof(*l.jobs), newest_first);
	if (l.n > l.limit)
		l.n = l.limit;
	if (err == ERR_OK && v[LS_JSON].given)
		report_table_json(&run->out, l.jobs, l.n);
	else if (err == ERR_OK)
		report_table(&run->out, l.jobs, l.n, clock_wall_ms());
	free(l.jobs);
	return err;
}
