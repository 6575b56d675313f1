#include "cgi/job.h"

/*
 * What can be said of a row without an event: the words of its state, and
 * whether time or a reading has made an end of it.
 */

static const struct state_row {
	const char *text;
	bool terminal;
} states[JOB_STATES] = {
#define STATE(name, number, text, terminal) [JOB_##name] = {text, terminal},
#include "cgi/job.def"
};

static const struct reason_row {
	const char *problem;
	int status;
} reasons[JOB_REASONS] = {
#define REASON(name, number, problem, status)                                  \
	[REASON_##name] = {problem, status},
#include "cgi/job.def"
};

bool job_is_terminal(enum job_state state)
{
	return (unsigned)state < JOB_STATES && states[state].terminal;
}

bool job_is_expired(
    const struct job *job, const struct api *api, int64_t now_ms)
{
	return job->gone_ms || (job_is_terminal(job->state) &&
				   now_ms - job->ended_ms >= api->ttl_ms);
}

bool job_is_consumed(const struct job *job, int64_t now_ms)
{
	const int64_t since = now_ms - job->read_ms;

	return job->read_ms && (since >= JOB_READ_MS || since <= -JOB_READ_MS);
}

const char *job_state_text(enum job_state state)
{
	return (unsigned)state < JOB_STATES ? states[state].text : "";
}

const char *job_reason_problem(enum job_reason reason)
{
	return (unsigned)reason < JOB_REASONS ? reasons[reason].problem : "";
}

int job_reason_status(enum job_reason reason)
{
	return (unsigned)reason < JOB_REASONS ? reasons[reason].status : 0;
}
