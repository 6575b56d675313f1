#ifndef LOWTIDE_CGI_ANSWER_H
#define LOWTIDE_CGI_ANSWER_H

#include "cgi/envelope.h"
#include "cgi/http.h"
#include "cgi/job.h"

/*
 * What every answer looks like (contract 4 and 5): the status document, the
 * accepted body, the stored result, problems. Pure; the texts are in
 * lib/problem.def.
 */
enum problem {
#define PROBLEM(name, type, status, title, detail) PROBLEM_##name,
#include "lib/problem.def"
#undef PROBLEM
	PROBLEM_COUNT
};

/* What an answer may need to know about where and about whom it is. */
struct answer_context {
	const struct config *config;
	const struct request *request; /* NULL when a parked one is resumed */
	struct arena *arena;
	int64_t now_ms;
};

/* A job with what its sealed bodies say; api NULL = no job. */
struct answer_job {
	const struct api *api;
	const struct job *job;
	struct envelope_meta meta;
	struct envelope_result result; /* terminal states only */
};

/* RFC 9457; `detail` NULL takes the table's; j may be NULL. */
void answer_problem(const struct answer_context *c, enum problem problem,
    const char *detail, const struct answer_job *j, struct answer *ans);
/* 202 to a first request: Location, Retry-After, the accepted body. */
void answer_accepted(const struct answer_context *c, const struct answer_job *j,
    struct answer *ans);
/* The status document with ETag; `status` is 200, or 202 in B, D and E. */
void answer_document(const struct answer_context *c, int status,
    const struct answer_job *j, struct answer *ans);
/* The stored result, or the problem that a failed or cancelled job is. */
void answer_result(const struct answer_context *c, const struct answer_job *j,
    struct answer *ans);
/* no-store, Referrer-Policy, CORS, x-request-id … on every answer, last. */
void answer_common(const struct answer_context *c, const struct answer_job *j,
    struct answer *ans);

#endif
