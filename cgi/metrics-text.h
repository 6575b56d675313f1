#ifndef LOWTIDE_CGI_METRICS_TEXT_H
#define LOWTIDE_CGI_METRICS_TEXT_H

#include "cgi/metrics.h"
#include "lib/str.h"

/*
 * The text exposition format, version 0.0.4, as metrics.c, metrics-work.c and
 * read/metrics-read.c write it, and what they have in common. Pure.
 *
 * A family is its two lines of comment and all of its samples, together:
 *
 *	# HELP lowtide_requests_total What was answered, by API and status.
 *	# TYPE lowtide_requests_total counter
 *	lowtide_requests_total{api="bundle-post",code="202"} 17
 *
 *	metrics_family(&t, "lowtide_requests_total", "counter", "What …");
 *	metrics_sample(&t, "");
 *	metrics_label(&t, "api", STR("bundle-post"));
 *	metrics_label(&t, "code", STR("202"));
 *	metrics_value(&t, 17);
 */
struct metrics_text {
	struct buf *out;
	const char *family;
	bool labelled; /* the sample that is being written */
};
void metrics_family(struct metrics_text *t, const char *family,
    const char *type, const char *help);
/* `suffix` of a histogram's: "_bucket", "_sum", "_count"; else "". */
void metrics_sample(struct metrics_text *t, const char *suffix);
void metrics_label(struct metrics_text *t, const char *name, struct str value);
void metrics_value(struct metrics_text *t, uint64_t value);
void metrics_seconds(struct metrics_text *t, uint64_t ms);
/* One with that label alone; one without any. */
void metrics_value_of(
    struct metrics_text *t, const char *label, struct str value, uint64_t n);
void metrics_gauge(struct metrics_text *t, const char *family, const char *help,
    uint64_t value);

/*
 * A histogram of durations: `counts` by where they fell, each once, as many as
 * there are bounds; the last bound is INT64_MAX, "+Inf".
 */
struct metrics_bound {
	int64_t ms;
	const char *le; /* the same in seconds */
};
/* Which of them it falls to; less than nothing is nothing. */
size_t metrics_bucket(const struct metrics_bound *bounds, int64_t ms);
void metrics_histogram_of(struct metrics_text *t,
    const struct metrics_bound *bounds, const uint64_t *counts, uint64_t sum_ms,
    const char *label, struct str value);
/* Of the label "api". */
void metrics_histogram(struct metrics_text *t,
    const struct metrics_bound *bounds, const uint64_t *counts, uint64_t sum_ms,
    struct str api);

/* ---- what several programs tell ------------------------------------------ */

/* The name of an API; empty for none. */
struct str metrics_api_name(const struct config *config, size_t api);
void metrics_put_queues(struct metrics_text *t, const struct config *config,
    const struct metrics_queue *queues);
void metrics_put_store_errors(
    struct metrics_text *t, const uint64_t errors[ERR_COUNT]);
void metrics_put_reloads(
    struct metrics_text *t, uint64_t reloads, uint64_t reloads_failed);
void metrics_put_process(struct metrics_text *t, const char *version,
    int64_t uptime_ms, int64_t started_ms);

#endif
