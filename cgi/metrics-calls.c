#include "cgi/metrics-calls.h"

#include <stdio.h>

static const char *const end_names[UPSTREAM_ENDS] = {
    [UPSTREAM_ANSWER] = "answer",
    [UPSTREAM_UNSENT] = "unsent",
    [UPSTREAM_TIMEOUT] = "timeout",
    [UPSTREAM_BROKEN] = "broken",
    [UPSTREAM_TOO_LARGE] = "too-large",
    [UPSTREAM_AGAIN] = "again",
    [UPSTREAM_FAILED] = "failed",
};

void metrics_calls_count(
    struct metrics_calls *calls, enum upstream_end end, int status)
{
	if (end == UPSTREAM_ANSWER && status >= METRICS_STATUS_MIN &&
	    status <= METRICS_STATUS_MAX)
		calls->answers[status - METRICS_STATUS_MIN]++;
	else
		calls->ends[end]++;
}

struct telling {
	struct metrics_text *text;
	const char *label;
	struct str value;
};

static void put(const struct telling *t, enum upstream_end end,
    const char *code, uint64_t n)
{
	if (!n)
		return;
	metrics_sample(t->text, "");
	metrics_label(t->text, t->label, t->value);
	metrics_label(t->text, "end", str_of(end_names[end]));
	metrics_label(t->text, "code", str_of(code));
	metrics_value(t->text, n);
}

void metrics_calls_put(struct metrics_text *t, const char *label,
    struct str value, const struct metrics_calls *calls)
{
	const struct telling telling = {t, label, value};

	for (int s = METRICS_STATUS_MIN; s <= METRICS_STATUS_MAX; s++) {
		char code[12]; /* any int */
		snprintf(code, sizeof(code), "%d", s);
		put(&telling, UPSTREAM_ANSWER, code,
		    calls->answers[s - METRICS_STATUS_MIN]);
	}
	for (int end = 0; end < UPSTREAM_ENDS; end++)
		put(&telling, (enum upstream_end)end, "", calls->ends[end]);
}
