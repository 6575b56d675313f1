#include "cgi/metrics.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cgi/metrics-text.h"
#include "lib/config-merge.h"

/*
 * What the endpoint counts. Answers have too many statuses to be told from the
 * start: a series begins with its first answer.
 */

static const struct metrics_bound bounds[METRICS_BUCKETS] = {
    {5, "0.005"},
    {10, "0.01"},
    {25, "0.025"},
    {50, "0.05"},
    {100, "0.1"},
    {250, "0.25"},
    {500, "0.5"},
    {1000, "1"},
    {2500, "2.5"},
    {5000, "5"},
    {10000, "10"},
    {INT64_MAX, "+Inf"},
};

/* ---- counting ------------------------------------------------------------ */

/* The one for none stays the last. */
void metrics_fit(struct metrics *m, size_t n_apis)
{
	struct metrics_api *apis;

	if (m->apis && n_apis <= m->n_apis)
		return;
	apis = calloc(n_apis + 1, sizeof(*apis));
	if (!apis)
		abort();
	if (m->apis) {
		memcpy(apis, m->apis, m->n_apis * sizeof(*apis));
		apis[n_apis] = m->apis[m->n_apis];
	}
	free(m->apis);
	m->apis = apis;
	m->n_apis = n_apis;
}

void metrics_release(struct metrics *m)
{
	free(m->apis);
	*m = (struct metrics){0};
}

static struct metrics_api *of(struct metrics *m, size_t api)
{
	return &m->apis[api < m->n_apis ? api : m->n_apis];
}

void metrics_answered(struct metrics *m, size_t api, int status)
{
	if (!m || !m->apis || status < METRICS_STATUS_MIN ||
	    status > METRICS_STATUS_MAX)
		return;
	of(m, api)->answers[status - METRICS_STATUS_MIN]++;
}

void metrics_accepted(struct metrics *m, size_t api, int64_t ms)
{
	if (!m || !m->apis)
		return;
	if (ms < 0)
		ms = 0;
	of(m, api)->accepts[metrics_bucket(bounds, ms)]++;
	of(m, api)->accepts_ms += (uint64_t)ms;
}

void metrics_store_failed(struct metrics *m, enum err err)
{
	if (m)
		m->store_errors[err]++;
}

void metrics_reloaded(struct metrics *m, bool good)
{
	if (m && good)
		m->reloads++;
	else if (m)
		m->reloads_failed++;
}

/* ---- telling ------------------------------------------------------------- */

static void put_answers(struct metrics_text *t, const struct metrics *m,
    const struct metrics_now *now)
{
	metrics_family(t, "lowtide_requests_total", "counter",
	    "Answers that began, by API and HTTP status.");
	for (size_t i = 0; m->apis && i <= m->n_apis; i++)
		for (int s = METRICS_STATUS_MIN; s <= METRICS_STATUS_MAX; s++) {
			const uint64_t n =
			    m->apis[i].answers[s - METRICS_STATUS_MIN];
			char code[12]; /* any int */
			if (!n)
				continue;
			snprintf(code, sizeof(code), "%d", s);
			metrics_sample(t, "");
			metrics_label(
			    t, "api", metrics_api_name(now->config, i));
			metrics_label(t, "code", str_of(code));
			metrics_value(t, n);
		}
}

static void put_accepts(struct metrics_text *t, const struct metrics *m,
    const struct metrics_now *now)
{
	metrics_family(t, "lowtide_accept_duration_seconds", "histogram",
	    "From a request's arrival until its row was on the disk.");
	for (size_t i = 0; i < m->n_apis && i < now->config->n_apis; i++)
		if (!config_is_gone(&now->config->apis[i]))
			metrics_histogram(t, bounds, m->apis[i].accepts,
			    m->apis[i].accepts_ms,
			    metrics_api_name(now->config, i));
}

void metrics_write(
    const struct metrics *m, const struct metrics_now *now, struct buf *out)
{
	struct metrics_text t = {.out = out};

	put_answers(&t, m, now);
	put_accepts(&t, m, now);
	metrics_put_queues(&t, now->config, now->queues);
	metrics_gauge(&t, "lowtide_connections",
	    "Connections of web servers that are open.", now->connections);
	metrics_gauge(&t, "lowtide_parked", "Requests that wait for their job.",
	    now->parked);
	metrics_gauge(&t, "lowtide_streams", "Event streams that are open.",
	    now->streams);
	metrics_gauge(&t, "lowtide_committing",
	    "Changes on their way to the disk.", now->committing);
	metrics_put_store_errors(&t, m->store_errors);
	metrics_put_reloads(&t, m->reloads, m->reloads_failed);
	metrics_put_process(&t, now->version, now->uptime_ms, now->started_ms);
}
