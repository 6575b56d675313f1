#include "cgi/jobs.h"

#include <sys/stat.h>

#include "cgi/report-stats.h"
#include "lib/clock.h"
#include "lib/units.h"

/* Which APIs are worked on, and how they do. */

/* ---- stats ----------------------------------------------------------------
 */

enum { STATS_API = START_COUNT, STATS_JSON };
const struct opt jobs_stats_options[] = {
    START_OPTIONS,
    [STATS_API] = {.name = "api",
	.letter = 'a',
	.kind = OPT_STRING,
	.arg = "NAME",
	.help = "only this API"},
    [STATS_JSON] = {.name = "json", .kind = OPT_FLAG, .help = "for programs"},
    {.name = NULL},
};

/* Inside. */
static enum err read_api(struct jobs *run, size_t api, struct report_stats *out)
{
	struct store *store = run->start.store;
	int64_t ms[STORE_SAMPLES], until_boot = 0;
	const int64_t now_boot = clock_boot_ms();
	size_t n = 0;
	enum err err = store_stats(store, api, &out->stats);

	out->api = &run->start.config->apis[api];
	if (!err)
		err = store_samples(store, api, ms, &n);
	out->median_ms = report_median(ms, n);
	if (!err)
		err = store_runs(store, api, ms, &n);
	out->median_run_ms = report_median(ms, n);
	if (!err)
		err = store_paused(store, api, &until_boot);
	if (!err && until_boot > now_boot)
		out->paused_ms = clock_wall_ms() + until_boot - now_boot;
	if (!err)
		err = store_suspended(store, api, &out->suspended_ms);
	return err;
}

static int64_t bytes_of(struct jobs *run, const char *name)
{
	struct start *s = &run->start;
	struct stat st;

	return stat(arena_printf(&s->arena, "%s/%s", s->state_dir, name).p,
		   &st) == 0
		   ? st.st_size
		   : 0;
}

static enum err read_stats(struct jobs *run, struct report_store *out)
{
	const struct opt_value *only = &run->found.values[STATS_API];
	const size_t n = run->start.config->n_apis;
	struct report_stats *rows =
	    arena_array(&run->start.arena, n + 1, sizeof(*rows));
	size_t which = 0;
	enum err err = ERR_OK;

	if (only->given)
		err = jobs_api(run, only->string, &which);
	if (err == ERR_OK)
		err = jobs_view(run);
	if (err != ERR_OK)
		return err;
	for (size_t i = 0; !err && i < n; i++)
		if (!only->given || i == which)
			err = read_api(run, i, &rows[out->n++]);
	if (!err)
		err = store_flagged(
		    run->start.store, STORE_NOTE_WORKER, &out->worker_ms);
	store_unview(run->start.store);
	out->apis = rows;
	return err ? jobs_trouble(run, err) : ERR_OK;
}

enum err jobs_stats(struct jobs *run)
{
	const struct opt_value *v = run->found.values;
	struct report_store store = {.n = 0};
	enum err err = jobs_look(run);

	if (err == ERR_OK)
		err = read_stats(run, &store);
	if (err != ERR_OK)
		return err;
	store.file_bytes =
	    bytes_of(run, "jobs.db") + bytes_of(run, "jobs.db-wal");
	if (v[STATS_JSON].given)
		report_stats_json(&run->out, &store);
	else
		report_stats(&run->out, &store, clock_wall_ms());
	return ERR_OK;
}

/* ---- pause and resume -----------------------------------------------------
 */

enum { PAUSE_REASON = START_COUNT };
const struct opt jobs_pause_options[] = {
    START_OPTIONS,
    [PAUSE_REASON] = {.name = "reason",
	.letter = 'm',
	.kind = OPT_STRING,
	.arg = "TEXT",
	.help = "said in the line that tells of it"},
    {.name = NULL},
};
const struct opt jobs_resume_options[] = {
    START_OPTIONS,
    {.name = NULL},
};

/* As it was before: since when it was paused, until when its upstream rests. */
struct paused {
	int64_t since_ms, rests_boot;
};

static enum err suspend(
    struct jobs *run, size_t api, int64_t ms, struct paused *was)
{
	struct store *store = run->start.store;
	enum err err = store_begin(store);

	if (err != ERR_OK)
		return err;
	err = store_suspended(store, api, &was->since_ms);
	if (err == ERR_OK)
		err = store_paused(store, api, &was->rests_boot);
	if (err == ERR_OK && !was->since_ms != !ms)
		err = store_suspend(store, api, ms);
	if (err == ERR_OK)
		return store_commit(store);
	store_rollback(store);
	return err;
}

static void tell(
    struct jobs *run, struct str api, bool pauses, const struct paused *was)
{
	const char *reason =
	    pauses ? run->found.values[PAUSE_REASON].string : NULL;
	const int64_t since_ms = was->since_ms,
		      rests_ms = was->rests_boot - clock_boot_ms();
	struct arena *a = &run->start.arena;

	if (pauses && since_ms)
		jobs_say(run, "%.*s was paused already, since %.*s",
		    STR_ARG(api), STR_ARG(units_time(a, since_ms)));
	else if (pauses)
		jobs_say(run,
		    "paused %.*s%s%s; what is accepted waits, and its "
		    "deadlines pass",
		    STR_ARG(api), reason ? ": " : "", reason ? reason : "");
	else if (since_ms)
		jobs_say(run, "resumed %.*s, which was paused since %.*s",
		    STR_ARG(api), STR_ARG(units_time(a, since_ms)));
	else if (rests_ms <= 0)
		jobs_say(run, "%.*s was not paused", STR_ARG(api));
	if (!pauses && rests_ms > 0)
		jobs_say(run,
		    "%.*s goes on at %.*s: its upstream said so, by "
		    "Retry-After",
		    STR_ARG(api),
		    STR_ARG(units_time(a, clock_wall_ms() + rests_ms)));
}

/* All names are looked at before anything is changed. */
static enum err each_api(struct jobs *run, bool pauses)
{
	struct start *s = &run->start;
	struct jobs_words names;
	enum err err = jobs_open(run);

	if (err == ERR_OK)
		err = jobs_words(run, &names);
	if (err != ERR_OK)
		return err;
	size_t *apis = arena_array(&s->arena, names.n + 1, sizeof(*apis));
	for (size_t i = 0; i < names.n; i++) {
		enum err unknown = jobs_api(run, names.items[i], &apis[i]);
		if (err == ERR_OK)
			err = unknown;
	}
	for (size_t i = 0; err == ERR_OK && i < names.n; i++) {
		struct paused was = {.since_ms = 0};

		err = suspend(run, apis[i], pauses ? clock_wall_ms() : 0, &was);
		if (err != ERR_OK)
			return jobs_trouble(run, err);
		tell(run, s->config->apis[apis[i]].name, pauses, &was);
	}
	return err;
}

enum err jobs_pause(struct jobs *run)
{
	return each_api(run, true);
}

enum err jobs_resume(struct jobs *run)
{
	return each_api(run, false);
}
