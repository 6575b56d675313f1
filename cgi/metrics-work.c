#include "cgi/metrics-work.h"

#include <stdlib.h>
#include <string.h>

#include "cgi/metrics-calls.h"
#include "lib/config-merge.h"

/* Calls last longer than accepts do, so the bounds are others. */
static const struct metrics_bound bounds[] = {
    {10, "0.01"},
    {50, "0.05"},
    {100, "0.1"},
    {250, "0.25"},
    {500, "0.5"},
    {1000, "1"},
    {2500, "2.5"},
    {5000, "5"},
    {10000, "10"},
    {30000, "30"},
    {60000, "60"},
    {300000, "300"},
    {INT64_MAX, "+Inf"},
};
#define N_BOUNDS (sizeof(bounds) / sizeof(bounds[0]))

struct times {
	uint64_t counts[N_BOUNDS];
	uint64_t sum_ms;
};
/* What an attempt made of its job. */
enum became { COMPLETED, FAILED, CANCELLED, HELD, NEEDS, AGAIN, LOST, BECAME };
static const char *const became_names[BECAME] = {
    [COMPLETED] = "completed",
    [FAILED] = "failed",
    [CANCELLED] = "cancelled",
    [HELD] = "held",
    [NEEDS] = "needs-credentials",
    [AGAIN] = "queued-again",
    [LOST] = "lost",
};

struct work {
	uint64_t claims, recovered;
	struct metrics_calls over;
	uint64_t became[BECAME];
	uint64_t failures[JOB_REASONS];
	struct times calls, jobs;
};
struct metrics_work {
	struct work *apis;
	size_t n_apis;
	uint64_t store_errors[ERR_COUNT];
	uint64_t reloads[2], fetches[2]; /* bad, good */
};

/* ---- counting ------------------------------------------------------------ */

struct metrics_work *metrics_work_new(size_t n_apis)
{
	struct metrics_work *m = calloc(1, sizeof(*m));

	if (!m)
		abort();
	metrics_work_fit(m, n_apis);
	return m;
}

void metrics_work_free(struct metrics_work *m)
{
	if (m)
		free(m->apis);
	free(m);
}

void metrics_work_fit(struct metrics_work *m, size_t n_apis)
{
	if (!m || (m->apis && n_apis <= m->n_apis))
		return;
	struct work *apis = calloc(n_apis + 1, sizeof(*apis));
	if (!apis)
		abort();
	if (m->apis)
		memcpy(apis, m->apis, m->n_apis * sizeof(*apis));
	free(m->apis);
	m->apis = apis;
	m->n_apis = n_apis;
}

static struct work *of(struct metrics_work *m, size_t api)
{
	return m && api < m->n_apis ? &m->apis[api] : NULL;
}

static void took(struct times *t, int64_t ms)
{
	if (ms < 0)
		ms = 0;
	t->counts[metrics_bucket(bounds, ms)]++;
	t->sum_ms += (uint64_t)ms;
}

void metrics_claimed(struct metrics_work *m, size_t api)
{
	struct work *w = of(m, api);

	if (w)
		w->claims++;
}

void metrics_called(struct metrics_work *m, size_t api, enum upstream_end end,
    int status, int64_t ms)
{
	struct work *w = of(m, api);

	if (!w || end >= UPSTREAM_ENDS)
		return;
	took(&w->calls, ms);
	metrics_calls_count(&w->over, end, status);
}

/* BECAME: it goes on, and nothing has come of it yet. */
static enum became what_became(const struct job *job)
{
	switch (job->state) {
	case JOB_PENDING:
		return job->needs ? NEEDS : AGAIN;
	case JOB_PROCESSING:
		return job->held ? HELD : BECAME;
	case JOB_COMPLETED:
		return COMPLETED;
	case JOB_FAILED:
		return FAILED;
	case JOB_CANCELLED:
		return CANCELLED;
	case JOB_STATES:
		break;
	}
	return BECAME;
}

void metrics_written(struct metrics_work *m, size_t api, const struct job *job)
{
	struct work *w = of(m, api);
	const enum became became = what_became(job);

	if (!w || became == BECAME)
		return;
	w->became[became]++;
	if (became == FAILED && job->reason < JOB_REASONS)
		w->failures[job->reason]++;
	if (job_is_terminal(job->state))
		took(&w->jobs, job->ended_ms - job->accepted_ms);
}

void metrics_lost(struct metrics_work *m, size_t api)
{
	struct work *w = of(m, api);

	if (w)
		w->became[LOST]++;
}

void metrics_recovered(struct metrics_work *m, size_t api, size_t n)
{
	struct work *w = of(m, api);

	if (w)
		w->recovered += n;
}

void metrics_work_store_failed(struct metrics_work *m, enum err err)
{
	if (m)
		m->store_errors[err]++;
}

void metrics_work_reloaded(struct metrics_work *m, bool good)
{
	if (m)
		m->reloads[good]++;
}

void metrics_fetched(struct metrics_work *m, bool good)
{
	if (m)
		m->fetches[good]++;
}

/* ---- telling ------------------------------------------------------------- */

struct telling {
	struct metrics_text text;
	const struct metrics_work *m;
	const struct config *config;
};

/* Of those that are there; what an API that went has counted stays. */
static size_t api_count(const struct telling *t)
{
	return t->m->n_apis < t->config->n_apis ? t->m->n_apis
						: t->config->n_apis;
}

static void begin_of(struct telling *t, size_t api)
{
	metrics_sample(&t->text, "");
	metrics_label(&t->text, "api", metrics_api_name(t->config, api));
}

static void put_claims(struct telling *t)
{
	metrics_family(&t->text, "lowtide_worker_claims_total", "counter",
	    "Jobs that this worker took, by API.");
	for (size_t i = 0; i < api_count(t); i++) {
		begin_of(t, i);
		metrics_value(&t->text, t->m->apis[i].claims);
	}
}

static void put_calls(struct telling *t)
{
	metrics_family(&t->text, "lowtide_worker_calls_total", "counter",
	    "Calls that are over, by API, how they ended, and HTTP status.");
	for (size_t i = 0; i < api_count(t); i++)
		metrics_calls_put(&t->text, "api",
		    metrics_api_name(t->config, i), &t->m->apis[i].over);
}

static void put_times(struct telling *t, const char *family, const char *help,
    const struct times *(*which)(const struct work *w))
{
	metrics_family(&t->text, family, "histogram", help);
	for (size_t i = 0; i < api_count(t); i++) {
		const struct times *times = which(&t->m->apis[i]);
		if (!config_is_gone(&t->config->apis[i]))
			metrics_histogram(&t->text, bounds, times->counts,
			    times->sum_ms, metrics_api_name(t->config, i));
	}
}

static const struct times *calls_of(const struct work *w)
{
	return &w->calls;
}

static const struct times *jobs_of(const struct work *w)
{
	return &w->jobs;
}

static void put_became(struct telling *t)
{
	metrics_family(&t->text, "lowtide_worker_attempts_total", "counter",
	    "Attempts that are over, by API and what the job became.");
	for (size_t i = 0; i < api_count(t); i++)
		for (int b = 0; b < BECAME; b++) {
			begin_of(t, i);
			metrics_label(
			    &t->text, "became", str_of(became_names[b]));
			metrics_value(&t->text, t->m->apis[i].became[b]);
		}
}

static void put_failures(struct telling *t)
{
	metrics_family(&t->text, "lowtide_worker_failures_total", "counter",
	    "Jobs that failed, by API and why.");
	for (size_t i = 0; i < api_count(t); i++)
		for (int r = REASON_NONE + 1; r < JOB_REASONS; r++) {
			begin_of(t, i);
			metrics_label(&t->text, "reason",
			    str_of(job_reason_problem((enum job_reason)r)));
			metrics_value(&t->text, t->m->apis[i].failures[r]);
		}
}

static void put_recovered(struct telling *t)
{
	metrics_family(&t->text, "lowtide_worker_recovered_total", "counter",
	    "Jobs brought home because nobody worked on them, by API.");
	for (size_t i = 0; i < api_count(t); i++) {
		begin_of(t, i);
		metrics_value(&t->text, t->m->apis[i].recovered);
	}
}

void metrics_work_write(const struct metrics_work *m,
    const struct metrics_work_now *now, struct buf *out)
{
	struct telling t = {
	    .text = {.out = out}, .m = m, .config = now->config};

	if (!m)
		return;
	put_claims(&t);
	put_calls(&t);
	put_times(&t, "lowtide_worker_call_duration_seconds",
	    "How long calls took.", calls_of);
	put_became(&t);
	put_failures(&t);
	put_times(&t, "lowtide_worker_job_duration_seconds",
	    "From accept to end, of jobs that this worker ended.", jobs_of);
	put_recovered(&t);
	metrics_put_queues(&t.text, now->config, now->queues);
	metrics_gauge(&t.text, "lowtide_worker_calling",
	    "Calls that are under way.", now->calls);
	metrics_family(&t.text, "lowtide_key_set_fetches_total", "counter",
	    "Key sets of providers that were asked for.");
	metrics_value_of(&t.text, "result", STR("ok"), m->fetches[true]);
	metrics_value_of(&t.text, "result", STR("failed"), m->fetches[false]);
	metrics_put_store_errors(&t.text, m->store_errors);
	metrics_put_reloads(&t.text, m->reloads[true], m->reloads[false]);
	metrics_put_process(
	    &t.text, now->version, now->uptime_ms, now->started_ms);
}
