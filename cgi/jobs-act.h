#ifndef LOWTIDE_CGI_JOBS_ACT_H
#define LOWTIDE_CGI_JOBS_ACT_H

#include "cgi/jobs.h"

/*
 * An event on each of several jobs, each in a transaction of its own, so that
 * others have their turn between two, and what was done stays done. Each one
 * is told: a line for what became of it, or a finding why nothing did; then
 * the first error is the run's.
 */
struct act {
	enum job_event_kind kind;
	int status;		/* HELD_COMPLETE */
	enum job_reason reason; /* HELD_FAIL */
	/*
	 * What is kept as its result, made in the transaction; NULL = nothing.
	 * Gives back a word that says why there can be none, with a finding of
	 * its own, and the job stays as it is; else NULL.
	 */
	const char *(*result)(struct jobs *run, const struct act *act,
	    size_t api, const struct job *row, struct envelope_result *out,
	    int *status);
	struct str bytes, type, location, message; /* what result() takes */
	bool json; /* {"done": [id …], "failed": [{"jobId", "error"} …]} */
};
enum err act_on_all(struct jobs *run, const struct act *act)
    __attribute__((warn_unused_result));
#endif
