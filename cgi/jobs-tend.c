#include "cgi/jobs.h"

#include <string.h>
#include <sys/stat.h>

#include "lib/clock.h"
#include "lib/progress.h"

/* What the store does by itself in its time, at an operator's word. */

const struct opt jobs_trust_clock_options[] = {
    START_OPTIONS,
    {.name = NULL},
};
enum { TEND_JSON = START_COUNT };
#define TEND_OPTIONS                                                           \
	{                                                                      \
		START_OPTIONS,                                                 \
		    [TEND_JSON] = {.name = "json",                             \
			.kind = OPT_FLAG,                                      \
			.help = "for programs"},                               \
		{                                                              \
			.name = NULL                                           \
		}                                                              \
	}
const struct opt jobs_expire_options[] = TEND_OPTIONS;
const struct opt jobs_vacuum_options[] = TEND_OPTIONS;

static struct store_now now(void)
{
	return (struct store_now){
	    .ms = clock_wall_ms(), .boot = clock_boot_ms()};
}

enum err jobs_trust_clock(struct jobs *run)
{
	bool was_stopped;
	enum err err = jobs_open(run);

	if (err != ERR_OK)
		return err;
	err = store_trust_clock(run->start.store, now(), &was_stopped);
	if (err != ERR_OK)
		return jobs_trouble(run, err);
	buf_puts(&run->out,
	    was_stopped ? "the wall clock is taken for right: expiry goes on\n"
			: "the wall clock is taken for right: expiry had not "
			  "stopped\n");
	return ERR_OK;
}

/* ---- expire ---------------------------------------------------------------
 */

struct sweeping {
	struct progress progress;
	size_t emptied, deleted;
};

/* In its own small transactions, until nothing is due at this moment. */
static enum err sweep(struct jobs *run, struct sweeping *s)
{
	struct store_tended report;
	enum err err = ERR_OK;
	int64_t due;

	for (;;) {
		const struct store_now at = now();

		err = store_tend(run->start.store, at, &report, &due);
		if (err != ERR_OK)
			return jobs_trouble(run, err);
		if (report.clock_stopped) {
			diag_error(&run->start.diag,
			    POS_FILE(run->start.state_dir), "expiry-stopped",
			    "this host's clock has jumped, so nothing expires; "
			    "if it is right now, say `lowtide-jobs "
			    "trust-clock`");
			return ERR_CONFLICT;
		}
		s->emptied += report.emptied;
		s->deleted += report.deleted;
		progress_at(&s->progress, s->emptied + s->deleted, 0);
		if (!report.emptied && !report.deleted &&
		    (!due || due > at.boot))
			return ERR_OK;
	}
}

enum err jobs_expire(struct jobs *run)
{
	struct sweeping s = {.emptied = 0};
	enum err err = jobs_open(run);

	if (err != ERR_OK)
		return err;
	progress_init(&s.progress, false);
	progress_begin(&s.progress, "expiring", "jobs", 0);
	err = sweep(run, &s);
	progress_end(&s.progress);
	if (err == ERR_OK || s.emptied || s.deleted)
		jobs_say(run,
		    "expired: %zu jobs were emptied, %zu tombstones removed",
		    s.emptied, s.deleted);
	if (err == ERR_OK && run->found.values[TEND_JSON].given)
		buf_printf(&run->out, "{\"emptied\":%zu,\"removed\":%zu}\n",
		    s.emptied, s.deleted);
	return err;
}

/* ---- vacuum ---------------------------------------------------------------
 */

static int64_t size_of(struct jobs *run, const char *name)
{
	struct arena *a = &run->start.arena;
	struct stat st;

	if (stat(arena_printf(a, "%s/%s", run->start.state_dir, name).p, &st))
		return 0;
	return st.st_size;
}

static int64_t size(struct jobs *run)
{
	return size_of(run, "jobs.db") + size_of(run, "jobs.db-wal");
}

static enum err give_back(struct jobs *run, struct progress *progress)
{
	int64_t unused = 0, most = 0;
	enum err err;

	do {
		err = store_vacuum(run->start.store, &unused);
		if (err != ERR_OK)
			return jobs_trouble(run, err);
		if (unused > most)
			most = unused;
		progress_at(progress, (size_t)((most - unused) / 1024),
		    (size_t)(most / 1024));
	} while (unused);
	return ERR_OK;
}

/*
 * The file itself becomes shorter when the log is emptied into it, which a
 * store that is opened as usual begins with.
 */
static enum err empty_log(struct jobs *run)
{
	struct start *s = &run->start;
	const struct store_spec how = {.role = STORE_WRITES};

	store_close(s->store);
	s->store = NULL;
	return start_store(s, &how, &s->store);
}

enum err jobs_vacuum(struct jobs *run)
{
	struct progress progress;
	enum err err = jobs_open(run);

	if (err != ERR_OK)
		return err;
	const int64_t before = size(run);
	progress_init(&progress, false);
	progress_begin(&progress, "giving back", "KiB", 0);
	err = give_back(run, &progress);
	progress_end(&progress);
	if (err == ERR_OK)
		err = empty_log(run);
	if (err != ERR_OK)
		return err;
	const int64_t after = size(run);
	jobs_say(run, "gave free pages back: %lld bytes before, %lld after",
	    (long long)before, (long long)after);
	if (run->found.values[TEND_JSON].given)
		buf_printf(&run->out, "{\"before\":%lld,\"after\":%lld}\n",
		    (long long)before, (long long)after);
	return ERR_OK;
}
