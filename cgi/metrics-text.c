#include "cgi/metrics-text.h"

#include "lib/config-merge.h"

/*
 * A counter that is not there is not zero, so those with a fixed list of labels
 * are told from the start.
 */

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

/* ---- the format ---------------------------------------------------------- */

void metrics_family(struct metrics_text *t, const char *family,
    const char *type, const char *help)
{
	t->family = family;
	buf_printf(
	    t->out, "# HELP %s %s\n# TYPE %s %s\n", family, help, family, type);
}

void metrics_sample(struct metrics_text *t, const char *suffix)
{
	buf_printf(t->out, "%s%s", t->family, suffix);
	t->labelled = false;
}

/* Of a label's value, three bytes are written as two. */
void metrics_label(struct metrics_text *t, const char *name, struct str value)
{
	buf_printf(t->out, "%s%s=\"", t->labelled ? "," : "{", name);
	for (size_t i = 0; i < value.n; i++) {
		const char c = value.p[i];
		if (c == '\n') {
			buf_puts(t->out, "\\n");
			continue;
		}
		if (c == '\\' || c == '"')
			buf_putc(t->out, '\\');
		buf_putc(t->out, c);
	}
	buf_putc(t->out, '"');
	t->labelled = true;
}

static void end_of_labels(struct metrics_text *t)
{
	buf_puts(t->out, t->labelled ? "} " : " ");
}

void metrics_value(struct metrics_text *t, uint64_t value)
{
	end_of_labels(t);
	buf_printf(t->out, "%llu\n", (unsigned long long)value);
}

void metrics_seconds(struct metrics_text *t, uint64_t ms)
{
	end_of_labels(t);
	buf_printf(t->out, "%llu.%03u\n", (unsigned long long)(ms / 1000),
	    (unsigned)(ms % 1000));
}

void metrics_value_of(
    struct metrics_text *t, const char *label, struct str value, uint64_t n)
{
	metrics_sample(t, "");
	metrics_label(t, label, value);
	metrics_value(t, n);
}

void metrics_gauge(struct metrics_text *t, const char *family, const char *help,
    uint64_t value)
{
	metrics_family(t, family, "gauge", help);
	metrics_sample(t, "");
	metrics_value(t, value);
}

/* ---- histograms ---------------------------------------------------------- */

size_t metrics_bucket(const struct metrics_bound *bounds, int64_t ms)
{
	size_t i = 0;

	while (ms > bounds[i].ms)
		i++;
	return i;
}

void metrics_histogram_of(struct metrics_text *t,
    const struct metrics_bound *bounds, const uint64_t *counts, uint64_t sum_ms,
    const char *label, struct str value)
{
	uint64_t all = 0;
	size_t i = 0;

	do {
		all += counts[i];
		metrics_sample(t, "_bucket");
		metrics_label(t, label, value);
		metrics_label(t, "le", str_of(bounds[i].le));
		metrics_value(t, all);
	} while (bounds[i++].ms != INT64_MAX);
	metrics_sample(t, "_sum");
	metrics_label(t, label, value);
	metrics_seconds(t, sum_ms);
	metrics_sample(t, "_count");
	metrics_label(t, label, value);
	metrics_value(t, all);
}

void metrics_histogram(struct metrics_text *t,
    const struct metrics_bound *bounds, const uint64_t *counts, uint64_t sum_ms,
    struct str api)
{
	metrics_histogram_of(t, bounds, counts, sum_ms, "api", api);
}

/* ---- what waits ---------------------------------------------------------- */

struct str metrics_api_name(const struct config *config, size_t api)
{
	return api < config->n_apis ? config->apis[api].name : STR("");
}

enum gauge { PENDING, NEEDING, RUNNING, HELD, OLDEST };

static uint64_t gauge_of(const struct metrics_queue *q, enum gauge which)
{
	const int64_t values[] = {
	    [PENDING] = q->pending,
	    [NEEDING] = q->needing,
	    [RUNNING] = q->running,
	    [HELD] = q->held,
	    [OLDEST] = q->oldest_ms,
	};

	return values[which] > 0 ? (uint64_t)values[which] : 0;
}

void metrics_put_queues(struct metrics_text *t, const struct config *config,
    const struct metrics_queue *queues)
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
	    {HELD, "lowtide_queue_held",
		"Jobs that an operator decides about, by API."},
	    {OLDEST, "lowtide_queue_oldest_seconds",
		"Age of the oldest job that waits; 0: none does."},
	};

	for (size_t g = 0; g < sizeof(gauges) / sizeof(gauges[0]); g++) {
		metrics_family(t, gauges[g].family, "gauge", gauges[g].help);
		for (size_t i = 0; i < config->n_apis; i++) {
			const struct metrics_queue *q = &queues[i];
			const uint64_t n = gauge_of(q, gauges[g].which);
			if (!q->known || config_is_gone(&config->apis[i]))
				continue;
			metrics_sample(t, "");
			metrics_label(t, "api", config->apis[i].name);
			if (gauges[g].which == OLDEST)
				metrics_seconds(t, n);
			else
				metrics_value(t, n);
		}
	}
}

/* ---- of the whole -------------------------------------------------------- */

void metrics_put_store_errors(
    struct metrics_text *t, const uint64_t errors[ERR_COUNT])
{
	metrics_family(t, "lowtide_store_errors_total", "counter",
	    "What the store could not do, by kind.");
	for (size_t i = 0; i < N_FAILURES; i++)
		metrics_value_of(t, "kind", str_of(failures[i].kind),
		    errors[failures[i].err]);
}

void metrics_put_reloads(
    struct metrics_text *t, uint64_t reloads, uint64_t reloads_failed)
{
	metrics_family(t, "lowtide_reloads_total", "counter",
	    "Configurations and keys that were read again.");
	metrics_value_of(t, "result", STR("ok"), reloads);
	metrics_value_of(t, "result", STR("failed"), reloads_failed);
}

void metrics_put_process(struct metrics_text *t, const char *version,
    int64_t uptime_ms, int64_t started_ms)
{
	metrics_family(
	    t, "lowtide_build_info", "gauge", "1, and which version it is.");
	metrics_value_of(t, "version", str_of(version), 1);
	metrics_family(t, "lowtide_uptime_seconds", "gauge",
	    "Since it began, by a clock that nobody sets.");
	metrics_sample(t, "");
	metrics_seconds(t, (uint64_t)uptime_ms);
	metrics_family(t, "process_start_time_seconds", "gauge",
	    "When it began, by the wall clock.");
	metrics_sample(t, "");
	metrics_seconds(t, (uint64_t)started_ms);
}
