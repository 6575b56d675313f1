#include "cgi/runner-load.h"

#include "cgi/runner-parts.h"

/* Of one call; INT64_MAX = nothing bounds it. */
static int64_t until_of(const struct attempt *t, struct runner_now now)
{
	const struct upstream_call *call = &t->call;
	int64_t until = INT64_MAX;

	if (call->timeout_ms)
		until = now.now_boot + call->timeout_ms;
	if (t->job.deadline_boot && t->job.deadline_boot < until)
		until = t->job.deadline_boot;
	if (call->exec && until != INT64_MAX)
		until += call->exec->stop_ms;
	return until;
}

struct runner_load runner_load(const struct runner *r, struct runner_now now)
{
	struct runner_load load = {0};

	for (const struct attempt *t = r ? r->attempts : NULL; t; t = t->next) {
		if (t->phase != ATTEMPT_CALLING)
			continue;
		const int64_t until = until_of(t, now);
		load.calls++;
		if (until > load.until_boot)
			load.until_boot = until;
	}
	if (load.until_boot == INT64_MAX)
		load.until_boot = 0;
	return load;
}
