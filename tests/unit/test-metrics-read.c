#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cgi/read/metrics-read.h"

static struct read reads[] = {
    {.name = STR_INIT("case")},
    {.name = STR_INIT("receipt")},
};
static struct upstream upstreams[] = {
    {.name = STR_INIT("people")},
    {.name = STR_INIT("odd\"\\\nname")},
};
static const struct config config = {
    .reads = reads, .n_reads = 2, .upstreams = upstreams, .n_upstreams = 2};
static const enum breaker_state breakers[] = {BREAKER_OPEN, BREAKER_HALF};
static const struct read_metrics_now now = {.breakers = breakers,
    .cache = {.entries = 12,
	.bytes = 34567,
	.put = 20,
	.evicted = 1,
	.refused = 2,
	.expired = 3,
	.purged = 4},
    .reads = 5,
    .flights = 6,
    .waiting = 7,
    .connections = 8,
    .uptime_ms = 61005,
    .started_ms = 1795000000123,
    .version = "1.2.3"};

struct world {
	struct read_metrics *m;
	struct buf out;
};

static int set_up(void **state)
{
	static struct world w;

	w = (struct world){.m = read_metrics_new(&config)};
	*state = &w;
	return 0;
}

static int tear_down(void **state)
{
	struct world *w = *state;

	read_metrics_free(w->m);
	buf_release(&w->out);
	return 0;
}

/* ---- a parser of the format ---------------------------------------------- */

#define LINES_MAX 2000
struct parsed {
	struct str family, type, lines[LINES_MAX];
	size_t n;
	struct str families[100];
	size_t n_families;
	uint64_t last_bucket;
};

static struct str word_at(struct str line, size_t from)
{
	return str_slice(line, from, str_find(line, ' ', from));
}

static void parse_comment(struct parsed *p, struct str line)
{
	const struct str family = word_at(line, 7);

	if (str_starts(line, "# HELP ")) {
		p->family = family;
		p->type = STR("");
		assert_true(line.n > 7 + family.n + 1);
		for (size_t i = 0; i < p->n_families; i++)
			assert_false(str_eq(p->families[i], family));
		p->families[p->n_families++] = family;
		return;
	}
	assert_true(str_starts(line, "# TYPE "));
	assert_true(str_eq(family, p->family));
	p->type = str_slice(line, 8 + family.n, line.n);
	assert_true(str_is(p->type, "counter") || str_is(p->type, "gauge") ||
		    str_is(p->type, "histogram"));
	assert_int_equal(
	    str_is(p->type, "counter"), str_ends(family, "_total"));
}

/* Behind the labels; they are checked for quotes and what follows them. */
static size_t skip_labels(struct str line, size_t at)
{
	if (at == line.n || line.p[at] != '{')
		return at;
	do {
		while (line.p[++at] != '=')
			assert_true(line.p[at] == '_' ||
				    (line.p[at] >= 'a' && line.p[at] <= 'z'));
		assert_int_equal(line.p[++at], '"');
		while (line.p[++at] != '"')
			if (line.p[at] == '\\')
				assert_non_null(strchr("\\\"n", line.p[++at]));
	} while (line.p[++at] == ',');
	assert_int_equal(line.p[at], '}');
	return at + 1;
}

/* A bucket is no less than the one before it, and the last is the count. */
static void parse_bucket(struct parsed *p, struct str suffix, uint64_t value)
{
	if (str_is(suffix, "_bucket")) {
		assert_true(value >= p->last_bucket);
		p->last_bucket = value;
	} else if (str_is(suffix, "_count")) {
		assert_int_equal(value, p->last_bucket);
		p->last_bucket = 0;
	} else {
		assert_true(str_is(suffix, "_sum"));
	}
}

static void parse_sample(struct parsed *p, struct str line)
{
	size_t n = 0;

	while (n < line.n && line.p[n] != '{' && line.p[n] != ' ')
		n++;
	assert_true(n >= p->family.n);
	assert_memory_equal(line.p, p->family.p, p->family.n);
	const size_t end = skip_labels(line, n);
	assert_int_equal(line.p[end], ' ');
	char *after;
	const double value = strtod(line.p + end + 1, &after);
	assert_ptr_equal(after, line.p + line.n);
	assert_true(value >= 0);
	const struct str suffix = str_slice(line, p->family.n, n);
	if (str_is(p->type, "histogram"))
		parse_bucket(p, suffix, (uint64_t)value);
	else
		assert_int_equal(suffix.n, 0);
	for (size_t i = 0; i < p->n; i++)
		assert_false(p->lines[i].n == end &&
			     memcmp(p->lines[i].p, line.p, end) == 0);
	assert_true(p->n < LINES_MAX);
	p->lines[p->n++] = str_slice(line, 0, end);
}

static void parse(struct str text)
{
	static struct parsed p;

	p = (struct parsed){0};
	assert_true(text.n && text.p[text.n - 1] == '\n');
	for (size_t at = 0, end; at < text.n; at = end + 1) {
		end = str_find(text, '\n', at);
		const struct str line = str_slice(text, at, end);
		if (str_starts(line, "#"))
			parse_comment(&p, line);
		else
			parse_sample(&p, line);
	}
	assert_true(p.n_families > 20);
}

static const char *text_of(struct world *w)
{
	buf_clear(&w->out);
	read_metrics_write(w->m, &now, &w->out);
	parse(buf_str(&w->out));
	return w->out.data;
}

static void assert_tells(const char *text, const char *line)
{
	if (!strstr(text, line))
		fail_msg("no `%s` in:\n%s", line, text);
}

static void assert_not(const char *text, const char *line)
{
	if (strstr(text, line))
		fail_msg("`%s` in:\n%s", line, text);
}

/* ---- what it tells ------------------------------------------------------- */

/* What is of a fixed list is told before it happens. */
static void test_from_the_start(void **state)
{
	const char *text = text_of(*state);

	assert_tells(text,
	    "# HELP lowtide_read_parts_total Parts of answers, by upstream and "
	    "where they came from.\n"
	    "# TYPE lowtide_read_parts_total counter\n"
	    "lowtide_read_parts_total{upstream=\"people\",from=\"hit\"} 0\n"
	    "lowtide_read_parts_total{upstream=\"people\",from=\"stale\"} 0\n"
	    "lowtide_read_parts_total{upstream=\"people\",from=\"spare\"} 0\n"
	    "lowtide_read_parts_total{upstream=\"people\",from=\"coalesced\"} "
	    "0\n"
	    "lowtide_read_parts_total{upstream=\"people\",from=\"call\"} 0\n"
	    "lowtide_read_parts_total{upstream=\"odd\\\"\\\\\\nname\",from="
	    "\"hit\"} 0\n");
	assert_tells(text, "lowtide_read_retries_total{upstream=\"people\"} 0");
	assert_tells(text, "lowtide_read_hedges_total{upstream=\"people\"} 0");
	assert_tells(
	    text, "lowtide_read_breaker_opened_total{upstream=\"people\"} 0");
	assert_tells(text, "lowtide_read_promoted_total{read=\"case\"} 0\n");
	assert_tells(text,
	    "lowtide_read_refused_total{upstream=\"people\",why=\"full\"} 0\n"
	    "lowtide_read_refused_total{upstream=\"people\",why=\"breaker\"} "
	    "0\n");
	assert_tells(text, "lowtide_read_seconds_count{read=\"receipt\"} 0\n");
	assert_tells(
	    text, "lowtide_read_call_seconds_count{upstream=\"people\"} 0\n");
	assert_tells(text, "lowtide_reloads_total{result=\"failed\"} 0\n");
	assert_not(text, "requests_total{");
	assert_not(text, "calls_total{");
}

static void test_what_there_is_now(void **state)
{
	const char *text = text_of(*state);

	assert_tells(
	    text, "lowtide_read_breaker_open{upstream=\"people\"} 1\n");
	assert_tells(text,
	    "lowtide_read_breaker_open{upstream=\"odd\\\"\\\\\\nname\"} 0\n");
	assert_tells(text, "lowtide_read_cache_entries 12\n");
	assert_tells(text, "lowtide_read_cache_bytes 34567\n");
	assert_tells(text,
	    "lowtide_read_cache_events_total{event=\"put\"} 20\n"
	    "lowtide_read_cache_events_total{event=\"refused\"} 2\n"
	    "lowtide_read_cache_events_total{event=\"evicted\"} 1\n"
	    "lowtide_read_cache_events_total{event=\"expired\"} 3\n"
	    "lowtide_read_cache_events_total{event=\"purged\"} 4\n");
	assert_tells(text, "\nlowtide_read_asking 5\n");
	assert_tells(text, "\nlowtide_read_calling 6\n");
	assert_tells(text, "\nlowtide_read_queued 7\n");
	assert_tells(text, "\nlowtide_connections 8\n");
	assert_tells(text, "lowtide_build_info{version=\"1.2.3\"} 1\n");
	assert_tells(text, "lowtide_uptime_seconds 61.005\n");
}

static void test_answers(void **state)
{
	struct world *w = *state;

	read_metrics_answered(w->m, 0, 200, true, 0);
	read_metrics_answered(w->m, 0, 200, true, 1);
	read_metrics_answered(w->m, 0, 200, false, 2);
	read_metrics_answered(w->m, 0, 504, false, 70000);
	read_metrics_answered(w->m, 1, 304, true, -5);
	read_metrics_answered(w->m, SIZE_MAX, 404, false, 0);
	read_metrics_answered(w->m, 0, 0, false, 0);
	read_metrics_answered(w->m, 0, 600, false, 0);
	read_metrics_promoted(w->m, 1);
	read_metrics_promoted(w->m, 2);
	const char *text = text_of(w);
	assert_tells(text,
	    "requests_total{read=\"case\",code=\"200\",complete=\"false\"} 1\n"
	    "lowtide_read_requests_total{read=\"case\",code=\"200\",complete="
	    "\"true\"} 2\n"
	    "lowtide_read_requests_total{read=\"case\",code=\"504\",complete="
	    "\"false\"} 1\n"
	    "lowtide_read_requests_total{read=\"receipt\",code=\"304\","
	    "complete=\"true\"} 1\n"
	    "lowtide_read_requests_total{read=\"\",code=\"404\",complete="
	    "\"false\"} 1\n"
	    "# HELP");
	assert_tells(text,
	    "lowtide_read_seconds_bucket{read=\"case\",le=\"0.001\"} 2\n"
	    "lowtide_read_seconds_bucket{read=\"case\",le=\"0.005\"} 3\n");
	assert_tells(text,
	    "lowtide_read_seconds_bucket{read=\"case\",le=\"60\"} 3\n"
	    "lowtide_read_seconds_bucket{read=\"case\",le=\"+Inf\"} 4\n"
	    "lowtide_read_seconds_sum{read=\"case\"} 70.003\n"
	    "lowtide_read_seconds_count{read=\"case\"} 4\n");
	assert_tells(text, "lowtide_read_promoted_total{read=\"receipt\"} 1\n");
}

static void test_calls(void **state)
{
	struct world *w = *state;

	read_metrics_called(w->m, 0, UPSTREAM_ANSWER, 200, 10);
	read_metrics_called(w->m, 0, UPSTREAM_ANSWER, 200, 11);
	read_metrics_called(w->m, 0, UPSTREAM_ANSWER, 429, 1);
	read_metrics_called(w->m, 0, UPSTREAM_ANSWER, 99, 1);
	read_metrics_called(w->m, 0, UPSTREAM_TIMEOUT, 0, 30000);
	read_metrics_called(w->m, 1, UPSTREAM_TOO_LARGE, 200, 1);
	read_metrics_called(w->m, 2, UPSTREAM_ANSWER, 200, 1);
	read_metrics_called(w->m, 0, UPSTREAM_ENDS, 200, 1);
	const char *text = text_of(w);
	assert_tells(text,
	    "lowtide_read_calls_total{upstream=\"people\",end=\"answer\",code="
	    "\"200\"} 2\n"
	    "lowtide_read_calls_total{upstream=\"people\",end=\"answer\",code="
	    "\"429\"} 1\n"
	    "lowtide_read_calls_total{upstream=\"people\",end=\"answer\",code="
	    "\"\"} 1\n"
	    "lowtide_read_calls_total{upstream=\"people\",end=\"timeout\","
	    "code=\"\"} 1\n");
	assert_tells(text, "name\",end=\"too-large\",code=\"\"} 1\n");
	assert_tells(
	    text, "call_seconds_bucket{upstream=\"people\",le=\"0.01\"} 3\n");
	assert_tells(text, "call_seconds_sum{upstream=\"people\"} 30.023\n");
}

static void test_protection(void **state)
{
	struct world *w = *state;

	read_metrics_part(w->m, 0, READ_FROM_SPARE);
	read_metrics_part(w->m, 0, READ_FROMS);
	read_metrics_part(w->m, 2, READ_FROM_HIT);
	read_metrics_retried(w->m, 0);
	read_metrics_hedged(w->m, 0);
	read_metrics_hedged(w->m, 0);
	read_metrics_opened(w->m, 0);
	read_metrics_refused(w->m, 0, true);
	read_metrics_refused(w->m, 0, true);
	read_metrics_refused(w->m, 0, false);
	read_metrics_reloaded(w->m, true);
	read_metrics_retried(w->m, 2);
	read_metrics_hedged(w->m, 2);
	read_metrics_opened(w->m, 2);
	read_metrics_refused(w->m, SIZE_MAX, false);
	const char *text = text_of(w);
	assert_tells(
	    text, "parts_total{upstream=\"people\",from=\"spare\"} 1\n");
	assert_tells(text, "parts_total{upstream=\"people\",from=\"hit\"} 0\n");
	assert_tells(text, "retries_total{upstream=\"people\"} 1\n");
	assert_tells(text, "hedges_total{upstream=\"people\"} 2\n");
	assert_tells(text, "opened_total{upstream=\"people\"} 1\n");
	assert_tells(text, "{upstream=\"people\",why=\"full\"} 1\n");
	assert_tells(text, "{upstream=\"people\",why=\"breaker\"} 2\n");
	assert_tells(text, "lowtide_reloads_total{result=\"ok\"} 1\n");
}

/* Another configuration, in another order: counts follow their names. */
static void test_counts_follow_their_names(void **state)
{
	static struct read other_reads[] = {
	    {.name = STR_INIT("bundle")}, {.name = STR_INIT("case")}};
	static struct upstream other_upstreams[] = {
	    {.name = STR_INIT("risk")}, {.name = STR_INIT("people")}};
	const struct config other = {.reads = other_reads,
	    .n_reads = 2,
	    .upstreams = other_upstreams,
	    .n_upstreams = 2};
	struct world *w = *state;

	read_metrics_promoted(w->m, 0);
	read_metrics_promoted(w->m, 1);
	read_metrics_promoted(w->m, 1);
	read_metrics_retried(w->m, 0);
	read_metrics_fit(w->m, &other);
	read_metrics_promoted(w->m, 1);
	const char *text = text_of(w);
	assert_tells(text, "lowtide_read_promoted_total{read=\"bundle\"} 0\n"
			   "lowtide_read_promoted_total{read=\"case\"} 2\n"
			   "# HELP");
	assert_tells(text,
	    "retries_total{upstream=\"risk\"} 0\n"
	    "lowtide_read_retries_total{upstream=\"people\"} 1\n");
	read_metrics_fit(w->m, &(struct config){0});
	read_metrics_promoted(w->m, 0);
	text = text_of(w);
	assert_not(text, "people");
	assert_tells(text, "lowtide_read_cache_entries 12\n");
}

static void test_nobody_counts(void **unused)
{
	struct buf out = {0};

	(void)unused;
	read_metrics_answered(NULL, 0, 200, true, 1);
	read_metrics_part(NULL, 0, READ_FROM_HIT);
	read_metrics_called(NULL, 0, UPSTREAM_ANSWER, 200, 1);
	read_metrics_retried(NULL, 0);
	read_metrics_hedged(NULL, 0);
	read_metrics_opened(NULL, 0);
	read_metrics_refused(NULL, 0, true);
	read_metrics_promoted(NULL, 0);
	read_metrics_reloaded(NULL, true);
	read_metrics_fit(NULL, &config);
	read_metrics_write(NULL, &now, &out);
	read_metrics_free(NULL);
	assert_int_equal(out.len, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(
		test_from_the_start, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(
		test_what_there_is_now, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_answers, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_calls, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_protection, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(
		test_counts_follow_their_names, set_up, tear_down),
	    cmocka_unit_test(test_nobody_counts),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("metrics-read", tests, NULL, NULL);
}
