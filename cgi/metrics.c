#include "cgi/metrics.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/config-merge.h"

/*
 * A family is its two lines of comment and all of its samples, together:
 *
 *	# HELP lowtide_requests_total What was answered, by API and status.
 *	# TYPE lowtide_requests_total counter
 *	lowtide_requests_total{api="bundle-post",code="202"} 17
 *
 * A counter that is not there is not zero, so those with a fixed list of labels
 * are told from the start; answers are, once there is one.
 */

/* Upper bounds in milliseconds, and how they are written in seconds. */
static const struct {
	int64_t ms;
	const char *le;
} bounds[METRICS_BUCKETS] = {
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

/* Those that a store says of itself. */
static const struct {
	enum err err;
	const char *kind;
} failures[] = {
    {ERR_BUSY, "busy"},
    {ERR_FULL, "full"},
    {ERR_IO, "io"},
    {ERR_CORRUPT, "corrupt"},
};
#define N_FAILURES (sizeof(failures) / sizeof(failures[0]))

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
	size_t i = 0;

	if (!m || !m->apis)
		return;
	if (ms < 0)
		ms = 0;
	while (ms > bounds[i].ms)
		i++;
	of(m, api)->accepts[i]++;
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

struct text {
	struct buf *out;
	const char *family;
};

static void begin(
    struct text *t, const char *family, const char *type, const char *help)
{
	t->family = family;
	buf_printf(
	    t->out, "# HELP %s %s\n# TYPE %s %s\n", family, help, family, type);
}

/* Of a label's value, three bytes are written as two. */
static void put_label(struct buf *out, struct str value)
{
	for (size_t i = 0; i < value.n; i++) {
		const char c = value.p[i];
		if (c == '\n') {
			buf_puts(out, "\\n");
			continue;
		}
		if (c == '\\' || c == '"')
			buf_putc(out, '\\');
		buf_putc(out, c);
	}
}

/* `suffix` of a histogram's, `label` may be NULL. */
static void name(struct text *t, const char *suffix, struct str api,
    const char *label, const char *value)
{
	buf_printf(t->out, "%s%s{api=\"", t->family, suffix);
	put_label(t->out, api);
	buf_putc(t->out, '"');
	if (label)
		buf_printf(t->out, ",%s=\"%s\"", label, value);
	buf_puts(t->out, "} ");
}

static void put(struct text *t, uint64_t value)
{
	buf_printf(t->out, "%llu\n", (unsigned long long)value);
}

static void put_seconds(struct text *t, uint64_t ms)
{
	buf_printf(t->out, "%llu.%03u\n", (unsigned long long)(ms / 1000),
	    (unsigned)(ms % 1000));
}

static struct str name_of(const struct metrics_now *now, size_t api)
{
	return api < now->config->n_apis ? now->config->apis[api].name
					 : STR("");
}

static void put_answers(
    struct text *t, const struct metrics *m, const struct metrics_now *now)
{
	begin(t, "lowtide_requests_total", "counter",
	    "Answers that began, by API and HTTP status.");
	for (size_t i = 0; m->apis && i <= m->n_apis; i++)
		for (int s = METRICS_STATUS_MIN; s <= METRICS_STATUS_MAX; s++) {
			const uint64_t n =
			    m->apis[i].answers[s - METRICS_STATUS_MIN];
			char code[12]; /* any int */
			if (!n)
				continue;
			snprintf(code, sizeof(code), "%d", s);
			name(t, "", name_of(now, i), "code", code);
			put(t, n);
		}
}

static void put_histogram(
    struct text *t, const struct metrics_api *of_api, struct str api)
{
	uint64_t all = 0;

	for (size_t i = 0; i < METRICS_BUCKETS; i++) {
		all += of_api->accepts[i];
		name(t, "_bucket", api, "le", bounds[i].le);
		put(t, all);
	}
	name(t, "_sum", api, NULL, NULL);
	put_seconds(t, of_api->accepts_ms);
	name(t, "_count", api, NULL, NULL);
	put(t, all);
}

static void put_accepts(
    struct text *t, const struct metrics *m, const struct metrics_now *now)
{
	begin(t, "lowtide_accept_duration_seconds", "histogram",
	    "From a request's arrival until its row was on the disk.");
	for (size_t i = 0; i < m->n_apis && i < now->config->n_apis; i++)
		if (!config_is_gone(&now->config->apis[i]))
			put_histogram(t, &m->apis[i], name_of(now, i));
}

/* ---- what waits ---------------------------------------------------------- */

enum gauge { PENDING, NEEDING, RUNNING, OLDEST };

static uint64_t gauge_of(const struct metrics_queue *q, enum gauge which)
{
	const int64_t values[] = {
	    [PENDING] = q->pending,
	    [NEEDING] = q->needing,
	    [RUNNING] = q->running,
	    [OLDEST] = q->oldest_ms,
	};

	return values[which] > 0 ? (uint64_t)values[which] : 0;
}

static void put_queues(struct text *t, const struct metrics_now *now)
{
	static const struct {
		enum gauge which;
		const char *family, *help;
	} gauges[] = {
	    {PENDING, "lowtide_queue_pending",
		"Jobs that wait to be done, by API."},
	    {NEEDING, "lowtide_queue_needing_credentials",
		"Those of them that wait for another credential."},
	    {RUNNING, "lowtide_queue_processing",
		"Jobs that are being done, by API."},
	    {OLDEST, "lowtide_queue_oldest_seconds",
		"Age of the oldest job that waits; 0: none does."},
	};

	for (size_t g = 0; g < sizeof(gauges) / sizeof(gauges[0]); g++) {
		begin(t, gauges[g].family, "gauge", gauges[g].help);
		for (size_t i = 0; i < now->config->n_apis; i++) {
			const struct metrics_queue *q = &now->queues[i];
			if (!q->known || config_is_gone(&now->config->apis[i]))
				continue;
			name(t, "", name_of(now, i), NULL, NULL);
			if (gauges[g].which == OLDEST)
				put_seconds(t, gauge_of(q, OLDEST));
			else
				put(t, gauge_of(q, gauges[g].which));
		}
	}
}

/* ---- of the whole -------------------------------------------------------- */

static void put_one(
    struct text *t, const char *family, const char *help, uint64_t value)
{
	begin(t, family, "gauge", help);
	buf_printf(t->out, "%s ", family);
	put(t, value);
}

static void put_failures(struct text *t, const struct metrics *m)
{
	begin(t, "lowtide_store_errors_total", "counter",
	    "What the store could not do, by kind.");
	for (size_t i = 0; i < N_FAILURES; i++)
		buf_printf(t->out, "%s{kind=\"%s\"} %llu\n", t->family,
		    failures[i].kind,
		    (unsigned long long)m->store_errors[failures[i].err]);
}

static void put_reloads(struct text *t, const struct metrics *m)
{
	begin(t, "lowtide_reloads_total", "counter",
	    "Configurations and keys that were read again.");
	buf_printf(t->out, "%s{result=\"ok\"} %llu\n", t->family,
	    (unsigned long long)m->reloads);
	buf_printf(t->out, "%s{result=\"failed\"} %llu\n", t->family,
	    (unsigned long long)m->reloads_failed);
}

static void put_process(struct text *t, const struct metrics_now *now)
{
	begin(t, "lowtide_build_info", "gauge", "1, and which version it is.");
	buf_printf(t->out, "%s{version=\"%s\"} 1\n", t->family, now->version);
	begin(t, "lowtide_uptime_seconds", "gauge",
	    "Since it began, by a clock that nobody sets.");
	buf_printf(t->out, "%s ", t->family);
	put_seconds(t, (uint64_t)now->uptime_ms);
	begin(t, "process_start_time_seconds", "gauge",
	    "When it began, by the wall clock.");
	buf_printf(t->out, "%s ", t->family);
	put_seconds(t, (uint64_t)now->started_ms);
}

void metrics_write(
    const struct metrics *m, const struct metrics_now *now, struct buf *out)
{
	struct text t = {.out = out};

	put_answers(&t, m, now);
	put_accepts(&t, m, now);
	put_queues(&t, now);
	put_one(&t, "lowtide_connections",
	    "Connections of web servers that are open.", now->connections);
	put_one(&t, "lowtide_parked", "Requests that wait for their job.",
	    now->parked);
	put_one(&t, "lowtide_streams", "Event streams that are open.",
	    now->streams);
	put_one(&t, "lowtide_committing", "Changes on their way to the disk.",
	    now->committing);
	put_failures(&t, m);
	put_reloads(&t, m);
	put_process(&t, now);
}
