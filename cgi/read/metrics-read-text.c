#include "cgi/read/metrics-read-parts.h"

#include <stdio.h>

static const char *const from_names[READ_FROMS] = {
    [READ_FROM_HIT] = "hit",
    [READ_FROM_STALE] = "stale",
    [READ_FROM_SPARE] = "spare",
    [READ_FROM_COALESCED] = "coalesced",
    [READ_FROM_CALL] = "call",
};
static const char *const refused_names[2] = {"full", "breaker"};
static const char *const bool_names[2] = {"false", "true"};

struct telling {
	struct metrics_text text;
	const struct read_metrics *m;
	const struct read_metrics_now *now;
};

static void put_answers(
    struct telling *t, struct str name, const struct of_read *r)
{
	for (int i = 0; i < 2 * READ_METRICS_STATUSES; i++) {
		const uint64_t n = r->answers[i % 2][i / 2];
		char code[12]; /* any int */
		if (!n)
			continue;
		snprintf(code, sizeof(code), "%d", METRICS_STATUS_MIN + i / 2);
		metrics_sample(&t->text, "");
		metrics_label(&t->text, "read", name);
		metrics_label(&t->text, "code", str_of(code));
		metrics_label(&t->text, "complete", str_of(bool_names[i % 2]));
		metrics_value(&t->text, n);
	}
}

static void put_reads(struct telling *t)
{
	const struct rows *reads = &t->m->reads;

	metrics_family(&t->text, "lowtide_read_requests_total", "counter",
	    "What was answered, by read, status and whether nothing was "
	    "missing.");
	for (size_t i = 0; i < reads->n; i++)
		put_answers(
		    t, str_of(reads->items[i].name), reads->items[i].read);
	put_answers(t, STR(""), &t->m->none);
	metrics_family(&t->text, "lowtide_read_seconds", "histogram",
	    "From request to answer, by read.");
	for (size_t i = 0; i < reads->n; i++) {
		const struct times *times = &reads->items[i].read->times;
		metrics_histogram_of(&t->text, read_metrics_bounds,
		    times->counts, times->sum_ms, "read",
		    str_of(reads->items[i].name));
	}
	metrics_family(&t->text, "lowtide_read_promoted_total", "counter",
	    "Requests that became jobs, by read.");
	for (size_t i = 0; i < reads->n; i++)
		metrics_value_of(&t->text, "read", str_of(reads->items[i].name),
		    reads->items[i].read->promoted);
}

/* One of a fixed list of words that an upstream's counts go by. */
static void put_word(struct telling *t, size_t upstream, const char *label,
    const char *word, uint64_t n)
{
	metrics_sample(&t->text, "");
	metrics_label(
	    &t->text, "upstream", str_of(t->m->upstreams.items[upstream].name));
	metrics_label(&t->text, label, str_of(word));
	metrics_value(&t->text, n);
}

static void put_parts(struct telling *t)
{
	const struct rows *upstreams = &t->m->upstreams;

	metrics_family(&t->text, "lowtide_read_parts_total", "counter",
	    "Parts of answers, by upstream and where they came from.");
	for (size_t i = 0; i < upstreams->n; i++)
		for (int f = 0; f < READ_FROMS; f++)
			put_word(t, i, "from", from_names[f],
			    upstreams->items[i].upstream->parts[f]);
}

static void put_calls(struct telling *t)
{
	const struct rows *upstreams = &t->m->upstreams;

	metrics_family(&t->text, "lowtide_read_calls_total", "counter",
	    "Calls that are over, by upstream, how they ended, and HTTP "
	    "status.");
	for (size_t i = 0; i < upstreams->n; i++)
		metrics_calls_put(&t->text, "upstream",
		    str_of(upstreams->items[i].name),
		    &upstreams->items[i].upstream->over);
	metrics_family(&t->text, "lowtide_read_call_seconds", "histogram",
	    "How long calls took, by upstream.");
	for (size_t i = 0; i < upstreams->n; i++) {
		const struct times *times =
		    &upstreams->items[i].upstream->times;
		metrics_histogram_of(&t->text, read_metrics_bounds,
		    times->counts, times->sum_ms, "upstream",
		    str_of(upstreams->items[i].name));
	}
}

/* What is one number of each upstream. */
static void put_each(struct telling *t, const char *family, const char *help,
    uint64_t (*which)(const struct of_upstream *u))
{
	const struct rows *upstreams = &t->m->upstreams;

	metrics_family(&t->text, family, "counter", help);
	for (size_t i = 0; i < upstreams->n; i++)
		metrics_value_of(&t->text, "upstream",
		    str_of(upstreams->items[i].name),
		    which(upstreams->items[i].upstream));
}

static uint64_t retried_of(const struct of_upstream *u)
{
	return u->retried;
}

static uint64_t hedged_of(const struct of_upstream *u)
{
	return u->hedged;
}

static uint64_t opened_of(const struct of_upstream *u)
{
	return u->opened;
}

static void put_protection(struct telling *t)
{
	const struct rows *upstreams = &t->m->upstreams;

	put_each(t, "lowtide_read_retries_total",
	    "Calls that were made once more, by upstream.", retried_of);
	put_each(t, "lowtide_read_hedges_total",
	    "Second calls beside a slow first, by upstream.", hedged_of);
	put_each(t, "lowtide_read_breaker_opened_total",
	    "How often its breaker opened, by upstream.", opened_of);
	metrics_family(&t->text, "lowtide_read_breaker_open", "gauge",
	    "1: its breaker lets no call through.");
	for (size_t i = 0; t->now->breakers && i < upstreams->n; i++)
		metrics_value_of(&t->text, "upstream",
		    str_of(upstreams->items[i].name),
		    t->now->breakers[i] == BREAKER_OPEN);
	metrics_family(&t->text, "lowtide_read_refused_total", "counter",
	    "Calls that were not made, by upstream and why.");
	for (size_t i = 0; i < upstreams->n; i++)
		for (int open = 0; open < 2; open++)
			put_word(t, i, "why", refused_names[open],
			    upstreams->items[i].upstream->refused[open]);
}

static void put_cache(struct telling *t)
{
	const struct cache_stats *c = &t->now->cache;
	const struct {
		const char *event;
		uint64_t n;
	} events[] = {
	    {"put", c->put},
	    {"refused", c->refused},
	    {"evicted", c->evicted},
	    {"expired", c->expired},
	    {"purged", c->purged},
	};

	metrics_gauge(&t->text, "lowtide_read_cache_entries",
	    "Answers of upstreams that are kept.", c->entries);
	metrics_gauge(&t->text, "lowtide_read_cache_bytes",
	    "What they take, with all that belongs to them.", c->bytes);
	metrics_family(&t->text, "lowtide_read_cache_events_total", "counter",
	    "What became of answers: put into the cache, refused by it, and "
	    "how those that were in it went.");
	for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++)
		metrics_value_of(
		    &t->text, "event", str_of(events[i].event), events[i].n);
}

void read_metrics_write(const struct read_metrics *m,
    const struct read_metrics_now *now, struct buf *out)
{
	struct telling t = {.text = {.out = out}, .m = m, .now = now};

	if (!m)
		return;
	put_reads(&t);
	put_parts(&t);
	put_calls(&t);
	put_protection(&t);
	put_cache(&t);
	metrics_gauge(&t.text, "lowtide_read_asking",
	    "Requests that wait for their parts.", now->reads);
	metrics_gauge(&t.text, "lowtide_read_calling",
	    "Calls that are under way or wait for a place.", now->flights);
	metrics_gauge(&t.text, "lowtide_read_queued",
	    "Those of them that wait for a place.", now->waiting);
	metrics_gauge(&t.text, "lowtide_connections",
	    "Connections of web servers that are open.", now->connections);
	metrics_put_reloads(&t.text, m->reloads[true], m->reloads[false]);
	metrics_put_process(
	    &t.text, now->version, now->uptime_ms, now->started_ms);
}
