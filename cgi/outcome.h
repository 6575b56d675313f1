#ifndef LOWTIDE_CGI_OUTCOME_H
#define LOWTIDE_CGI_OUTCOME_H

#include "cgi/envelope.h"
#include "cgi/job.h"
#include "cgi/upstream/upstream.h"

/*
 * What an upstream's answer, or its absence, makes of a job (contract 4 and
 * 7): one table, walked by the worker and by the simulator. Pure: time and
 * randomness come in.
 */
#define BACKOFF_BASE_MS 1000
#define BACKOFF_MAX_MS 60000
#define RETRY_AFTER_MAX_MS ((int64_t)3600 * 1000)

struct outcome_now {
	int64_t now_ms, now_boot;
	uint64_t random; /* any 64 bits, for the jitter */
};
struct outcome {
	/* JOB_EVENT_UNSENT comes first: it was surely not executed. */
	bool not_executed;
	/*
	 * Its lease is over first: for JOB_EVENT_DEADLINE, which is everybody's
	 * word, and so none against a lease.
	 */
	bool lapses;
	/* What the job is told; its fence and times are set. */
	struct job_event event;
	/* What is kept if that ends it; the location is the caller's. */
	struct envelope_result result;
	/* No job of this API is started before; 0 = go on. */
	int64_t pause_boot;
	/* For the log, where the answer itself does not say; NULL = it does. */
	const char *why;
};
/*
 * What is kept of a program that failed has its exit status, for the operator:
 * a header of this name. Nobody else is shown it.
 */
#define OUTCOME_EXIT_STATUS "exit-status"

void outcome_of(struct arena *a, const struct api *api, const struct job *job,
    const struct upstream_answer *answer, const struct outcome_now *now,
    struct outcome *out);

/*
 * An upstream that is polled says of an answer of its own that it failed
 * (poll.h): failed/upstream-refused with that body.
 */
void outcome_failed_poll(const struct job *job,
    const struct upstream_answer *answer, const struct outcome_now *now,
    struct outcome *out);

/*
 * A job that cannot be called at all: `why` is the message it ends with. One
 * that is polled may have been done: BROKEN, so on_lost decides in the end.
 */
void outcome_unusable(const struct job *job, struct str why,
    const struct outcome_now *now, struct outcome *out);
/*
 * It cannot be called at the moment, for want of something that is ours:
 * nothing was sent, and it is tried again while attempts are left.
 */
void outcome_unavailable(const struct api *api, const struct job *job,
    const struct outcome_now *now, struct outcome *out);
/* Nobody can tell what became of it: on_lost decides. */
void outcome_broken(const struct job *job, struct str message,
    const struct outcome_now *now, struct outcome *out);

/*
 * A noop API's: done, without any call. The request's body is the result: 200,
 * or 204 where there is none.
 */
void outcome_echo(const struct job *job, struct str type, struct str body,
    const struct outcome_now *now, struct outcome *out);

/* The event of a running attempt: kind, times and fence. */
struct job_event outcome_event(enum job_event_kind kind, const struct job *job,
    int64_t now_ms, int64_t now_boot);

/* Full jitter: anything from 0 to min(BACKOFF_MAX, BASE × 2^(attempt - 1)). */
int64_t outcome_backoff_ms(int attempt, uint64_t random);

#endif
