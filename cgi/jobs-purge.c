#include "cgi/jobs-act.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/progress.h"

/*
 * Jobs that have ended are emptied now and not at the end of their TTL; their
 * tombstones stay, so that no name begins a second job. Either some by their
 * ids, or all that are meant by an owner, an API, an age: these are noted in
 * short views and emptied in small transactions, each row looked at again.
 */
#define BATCH 64 /* rows in a transaction */

enum {
	PURGE_API = START_COUNT,
	PURGE_OWNER,
	PURGE_OLDER,
	PURGE_YES,
	PURGE_DRY,
	PURGE_JSON
};
const struct opt jobs_purge_options[] = {
    START_OPTIONS,
    [PURGE_API] = {.name = "api",
	.letter = 'a',
	.kind = OPT_STRING,
	.arg = "NAME",
	.help = "jobs of this API"},
    [PURGE_OWNER] = {.name = "owner",
	.kind = OPT_STRING,
	.arg = "HASH",
	.help = "this owner's, as the log names him"},
    [PURGE_OLDER] = {.name = "older-than",
	.kind = OPT_DURATION,
	.arg = "TIME",
	.help = "that ended so long ago or longer"},
    [PURGE_YES] = {.name = "yes",
	.letter = 'y',
	.kind = OPT_FLAG,
	.help = "do not ask"},
    [PURGE_DRY] = {.name = "dry-run",
	.kind = OPT_FLAG,
	.help = "say how many they are, and change nothing"},
    [PURGE_JSON] = {.name = "json", .kind = OPT_FLAG, .help = "for programs"},
    {.name = NULL},
};

struct doomed {
	uint8_t id[JOB_ID_BYTES];
	size_t api;
};
struct purging {
	struct jobs *run;
	int64_t now_ms, before_ms; /* ended by then */
	struct doomed *rows;
	size_t n, cap;
	size_t open; /* of the same that have not ended */
	size_t purged;
};

/* ---- which ----------------------------------------------------------------
 */

static bool note(void *ctx, size_t index, const struct job *job)
{
	struct purging *p = ctx;
	const struct api *api = &p->run->start.config->apis[index];

	if (!job_is_terminal(job->state)) {
		p->open++;
		return true;
	}
	if (job_is_expired(job, api, p->now_ms) || job->ended_ms > p->before_ms)
		return true;
	if (p->n == p->cap) {
		p->cap = p->cap ? 2 * p->cap : 256;
		p->rows = realloc(p->rows, p->cap * sizeof(*p->rows));
		if (!p->rows)
			abort();
	}
	struct doomed *row = &p->rows[p->n++];
	row->api = index;
	memcpy(row->id, job->id, sizeof(row->id));
	return true;
}

static enum err find(struct purging *p)
{
	const struct opt_value *v = p->run->found.values;
	struct filter filter = {
	    .has_api = v[PURGE_API].given, .has_owner = v[PURGE_OWNER].given};
	enum err err = ERR_OK;

	if (filter.has_api)
		err = jobs_api(p->run, v[PURGE_API].string, &filter.api);
	if (err == ERR_OK && filter.has_owner)
		err = filter_owner(p->run, v[PURGE_OWNER].string, filter.owner);
	return err == ERR_OK ? filter_walk(p->run, &filter, note, p) : err;
}

/* ---- emptying --------------------------------------------------------------
 */

static enum err purge_one(struct purging *p, const struct doomed *row)
{
	const struct job_event event = {.kind = JOB_EVENT_PURGE,
	    .now_ms = p->now_ms,
	    .now_boot = clock_boot_ms()};
	struct job job;
	enum err err = jobs_get(p->run, row->api, row->id, &job);

	if (err == ERR_OK)
		err = store_change(p->run->start.store, row->api, &job, &event,
		    (struct str){0});
	if (err == ERR_OK)
		p->purged += job.gone_ms == p->now_ms;
	return store_is_answer(err) ? ERR_OK : err; /* gone, or swept */
}

static enum err purge_batch(struct purging *p, size_t from)
{
	struct store *store = p->run->start.store;
	const size_t before = p->purged;
	enum err err = store_begin(store);

	if (err != ERR_OK)
		return err;
	for (size_t i = from; !err && i < p->n && i < from + BATCH; i++)
		err = purge_one(p, &p->rows[i]);
	if (err == ERR_OK)
		err = store_commit(store);
	else
		store_rollback(store);
	if (err != ERR_OK)
		p->purged = before;
	return err;
}

static enum err purge_rows(struct purging *p)
{
	struct progress progress;
	enum err err = ERR_OK;

	progress_init(&progress, false);
	progress_begin(&progress, "purging", "jobs", p->n);
	for (size_t i = 0; !err && i < p->n; i += BATCH) {
		err = purge_batch(p, i);
		progress_at(&progress, i, p->n);
	}
	progress_end(&progress);
	if (err == ERR_OK || p->purged)
		jobs_say(p->run, "purged %zu jobs%s", p->purged,
		    err == ERR_OK ? "" : ", and not all of them");
	return err == ERR_OK ? err : jobs_trouble(p->run, err);
}

static enum err purge_found(struct jobs *run)
{
	const struct opt_value *v = run->found.values;
	struct purging p = {.run = run, .now_ms = clock_wall_ms()};
	const bool dry = v[PURGE_DRY].given;

	p.before_ms = p.now_ms - v[PURGE_OLDER].number;
	enum err err = find(&p);
	if (err == ERR_OK && p.open && v[PURGE_OWNER].given)
		fprintf(stderr,
		    "%zu more have not ended and stay; `lowtide-jobs cancel` "
		    "ends them\n",
		    p.open);
	if (err == ERR_OK && dry)
		jobs_say(run, "would purge %zu jobs", p.n);
	if (err == ERR_OK && !dry && p.n)
		err = jobs_confirm(run, v[PURGE_YES].given,
		    "Erase what is known of %zu jobs for good?", p.n);
	if (err == ERR_OK && !dry)
		err = purge_rows(&p);
	if (err == ERR_OK && v[PURGE_JSON].given)
		buf_printf(&run->out, "{\"found\":%zu,\"purged\":%zu}\n", p.n,
		    p.purged);
	free(p.rows);
	return err;
}

/* ---- the command -----------------------------------------------------------
 */

static enum err check_choice(struct jobs *run)
{
	const struct opt_value *v = run->found.values;
	const bool ids = run->found.n_operands > 0;
	const bool some =
	    v[PURGE_API].given || v[PURGE_OWNER].given || v[PURGE_OLDER].given;
	const char *what = NULL;

	if (ids && (some || v[PURGE_DRY].given))
		what = "either ids, or --owner, --api and --older-than";
	else if (!ids && !v[PURGE_OWNER].given && !v[PURGE_OLDER].given)
		what = "which: ids, --owner, or --older-than (0s is all)";
	if (!what)
		return ERR_OK;
	diag_error(&run->start.diag, POS_NONE, "usage", "say %s", what);
	return ERR_USAGE;
}

enum err jobs_purge(struct jobs *run)
{
	const struct opt_value *v = run->found.values;
	const struct act act = {
	    .kind = JOB_EVENT_PURGE, .json = v[PURGE_JSON].given};
	enum err err = check_choice(run);

	if (err == ERR_OK)
		err = jobs_open(run);
	if (err != ERR_OK || !run->found.n_operands)
		return err == ERR_OK ? purge_found(run) : err;
	err = jobs_confirm(run, v[PURGE_YES].given,
	    "Erase what is known of these jobs for good?");
	return err == ERR_OK ? act_on_all(run, &act) : err;
}
