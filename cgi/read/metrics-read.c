#include "cgi/read/metrics-read-parts.h"

#include <stdlib.h>

/* An answer from the cache takes less than the first of them. */
const struct metrics_bound read_metrics_bounds[READ_METRICS_BOUNDS] = {
    {1, "0.001"},
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
    {30000, "30"},
    {60000, "60"},
    {INT64_MAX, "+Inf"},
};

/* ---- by name ------------------------------------------------------------- */

static void *zeroed(size_t n, size_t size)
{
	void *p = calloc(n ? n : 1, size);

	if (!p)
		abort();
	return p;
}

static void rows_release(struct rows *rows)
{
	for (size_t i = 0; i < rows->n; i++) {
		free(rows->items[i].name);
		free(rows->items[i].counts);
	}
	free(rows->items);
}

/* What was counted under that name comes along; else there is nothing yet. */
static void *take_counts(struct rows *old, struct str name, size_t size)
{
	for (size_t i = 0; i < old->n; i++) {
		struct named *row = &old->items[i];
		void *counts = row->counts;
		if (!counts || !str_is(name, row->name))
			continue;
		row->counts = NULL;
		return counts;
	}
	return zeroed(1, size);
}

static struct rows rows_new(size_t n)
{
	return (struct rows){zeroed(n, sizeof(struct named)), n};
}

static void add_row(
    struct named *row, struct rows *old, struct str name, size_t size)
{
	row->name = zeroed(name.n + 1, 1);
	if (name.n)
		memcpy(row->name, name.p, name.n);
	row->counts = take_counts(old, name, size);
}

void read_metrics_fit(struct read_metrics *m, const struct config *config)
{
	if (!m)
		return;
	struct rows reads = rows_new(config->n_reads);
	for (size_t i = 0; i < reads.n; i++)
		add_row(&reads.items[i], &m->reads, config->reads[i].name,
		    sizeof(struct of_read));
	struct rows upstreams = rows_new(config->n_upstreams);
	for (size_t i = 0; i < upstreams.n; i++)
		add_row(&upstreams.items[i], &m->upstreams,
		    config->upstreams[i].name, sizeof(struct of_upstream));
	rows_release(&m->reads);
	rows_release(&m->upstreams);
	m->reads = reads;
	m->upstreams = upstreams;
}

struct read_metrics *read_metrics_new(const struct config *config)
{
	struct read_metrics *m = zeroed(1, sizeof(*m));

	read_metrics_fit(m, config);
	return m;
}

void read_metrics_free(struct read_metrics *m)
{
	if (!m)
		return;
	rows_release(&m->reads);
	rows_release(&m->upstreams);
	free(m);
}

/* ---- counting ------------------------------------------------------------ */

static struct of_upstream *of(struct read_metrics *m, size_t upstream)
{
	return m && upstream < m->upstreams.n
		   ? m->upstreams.items[upstream].upstream
		   : NULL;
}

static void took(struct times *t, int64_t ms)
{
	if (ms < 0)
		ms = 0;
	t->counts[metrics_bucket(read_metrics_bounds, ms)]++;
	t->sum_ms += (uint64_t)ms;
}

static bool is_status(int status)
{
	return status >= METRICS_STATUS_MIN && status <= METRICS_STATUS_MAX;
}

void read_metrics_answered(
    struct read_metrics *m, size_t read, int status, bool complete, int64_t ms)
{
	if (!m || !is_status(status))
		return;
	struct of_read *r =
	    read < m->reads.n ? m->reads.items[read].read : &m->none;
	r->answers[complete][status - METRICS_STATUS_MIN]++;
	took(&r->times, ms);
}

void read_metrics_part(
    struct read_metrics *m, size_t upstream, enum read_from from)
{
	struct of_upstream *u = of(m, upstream);

	if (u && from < READ_FROMS)
		u->parts[from]++;
}

void read_metrics_called(struct read_metrics *m, size_t upstream,
    enum upstream_end end, int status, int64_t ms)
{
	struct of_upstream *u = of(m, upstream);

	if (!u || end >= UPSTREAM_ENDS)
		return;
	took(&u->times, ms);
	metrics_calls_count(&u->over, end, status);
}

void read_metrics_retried(struct read_metrics *m, size_t upstream)
{
	struct of_upstream *u = of(m, upstream);

	if (u)
		u->retried++;
}

void read_metrics_hedged(struct read_metrics *m, size_t upstream)
{
	struct of_upstream *u = of(m, upstream);

	if (u)
		u->hedged++;
}

void read_metrics_opened(struct read_metrics *m, size_t upstream)
{
	struct of_upstream *u = of(m, upstream);

	if (u)
		u->opened++;
}

void read_metrics_refused(struct read_metrics *m, size_t upstream, bool open)
{
	struct of_upstream *u = of(m, upstream);

	if (u)
		u->refused[open]++;
}

void read_metrics_promoted(struct read_metrics *m, size_t read)
{
	if (m && read < m->reads.n)
		m->reads.items[read].read->promoted++;
}

void read_metrics_reloaded(struct read_metrics *m, bool good)
{
	if (m)
		m->reloads[good]++;
}
