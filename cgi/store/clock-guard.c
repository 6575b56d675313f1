#include "cgi/store/clock-guard.h"

static bool moved_apart(
    const struct clock_guard *g, int64_t now_ms, int64_t now_boot)
{
	const int64_t apart = clock_guard_apart(g, now_ms, now_boot);

	return apart > CLOCK_APART_MS || apart < -CLOCK_APART_MS;
}

/* 0 means "not stopped", so the first millisecond of a boot is its second. */
static int64_t since(int64_t now_boot)
{
	return now_boot > 0 ? now_boot : 1;
}

static void take(struct clock_guard *g, int64_t now_ms, int64_t now_boot)
{
	g->ms = now_ms;
	g->boot = now_boot;
}

bool clock_guard_read(struct clock_guard *g, int64_t now_ms, int64_t now_boot)
{
	const bool stopped = clock_guard_stops(g);

	if (!g->ms)
		g->agreed_boot = 0;
	else if (!g->boot)
		g->agreed_boot = now_ms < g->ms ? since(now_boot) : 0;
	else if (moved_apart(g, now_ms, now_boot))
		g->agreed_boot = since(now_boot);
	else if (stopped && now_boot >= clock_guard_due(g))
		g->agreed_boot = 0;
	take(g, now_ms, now_boot);
	return clock_guard_stops(g) != stopped;
}

bool clock_guard_trust(struct clock_guard *g, int64_t now_ms, int64_t now_boot)
{
	const bool stopped = clock_guard_stops(g);

	g->agreed_boot = 0;
	take(g, now_ms, now_boot);
	return stopped;
}
