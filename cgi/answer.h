#ifndef LOWTIDE_CGI_ANSWER_H
#define LOWTIDE_CGI_ANSWER_H

#include "cgi/envelope.h"
#include "cgi/estimate.h"
#include "cgi/http.h"
#include "cgi/job.h"

/*
 * What every answer looks like (contract 4 and 5): the status document, the
 * accepted body, the stored result, problems. Pure; the texts are in
 * lib/problem.def.
 *
 * Each function fills *ans as a whole but for what answer_common() adds, which
 * is called once, last.
 */
enum problem {
#define PROBLEM(name, type, status, title, detail) PROBLEM_##name,
#include "lib/problem.def"
#undef PROBLEM
	PROBLEM_COUNT
};
const char *problem_type(enum problem problem);
int problem_status(enum problem problem); /* 0 = the upstream's own */
/* The problem a failed job is; JOB_FAILED where no reason is known. */
enum problem problem_of_reason(enum job_reason reason);

#define ANSWER_INLINE_MAX 65536 /* bytes of a result inside a document */
/* What is said of a job that needs-credentials. */
#define ANSWER_NEEDS                                                           \
	"The upstream did not accept the credentials; send the same request "  \
	"again with others."

#define ANSWER_HELD "awaiting a decision"
/*
 * A web server reads an answer's head into 4 KiB (nginx's
 * fastcgi_buffer_size): what an upstream's headers may take of that beside its
 * type and Location, and all that is ours.
 */
#define ANSWER_STORED_MAX 2900

/* What an answer may need to know about where it goes and when. */
struct answer_context {
	const struct config *config;
	struct arena *arena;
	int64_t now_ms;
	uint32_t random;       /* for the jitter of Retry-After */
	struct str path;       /* as sent; empty when a parked one is resumed */
	struct str request_id; /* empty: the job's own */
	struct str traceparent; /* empty: the job's own */
	uint32_t origin;	/* 1 + index into config.origins; 0 = none */
	const struct estimate *estimates; /* one for each of config.apis; NULL =
					     nothing is measured */
	bool streams;			  /* events can be had */
};

/* A job with what its sealed bodies say. */
struct answer_job {
	const struct api *api;
	const struct job *job;
	struct envelope_meta meta;
	struct envelope_result result; /* terminal states only */
	struct envelope_note note;     /* open ones only */
	bool brief; /* for a list: the result was not opened */
};

/* What is wrong with a request, and where: a JSON pointer into its body. */
struct answer_fault {
	struct str pointer; /* empty: the body as a whole, or not the body */
	struct str detail;
};

/* RFC 9457; `detail` NULL takes the table's; j may be NULL. */
void answer_problem(const struct answer_context *c, enum problem problem,
    const char *detail, const struct answer_job *j, struct answer *ans);
/* 400 with every fault; at least one. */
void answer_invalid(const struct answer_context *c,
    const struct answer_fault *faults, size_t n, struct answer *ans);
/* 400 for one parameter of the query: `parameter` names it. */
void answer_bad_parameter(const struct answer_context *c, const char *parameter,
    const char *detail, struct answer *ans);
/* 202 to a first request: Location, Retry-After, the accepted body. */
void answer_accepted(const struct answer_context *c, const struct answer_job *j,
    struct answer *ans);
/*
 * The status document; `status` is 200, or 202 in B, D and E. A 202 has a
 * Location, every open job a Retry-After. ETag is the caller's.
 */
void answer_document(const struct answer_context *c, int status,
    const struct answer_job *j, struct answer *ans);
/* Where ?onComplete=redirect leads to; empty: nowhere. */
struct str answer_location(const struct answer_job *j);
/* The stored result, or the problem that a failed or cancelled job is. */
void answer_result(const struct answer_context *c, const struct answer_job *j,
    struct answer *ans);
/* Retry-After for an open job; j NULL: when the store may be back. */
void answer_retry_after(const struct answer_context *c,
    const struct answer_job *j, struct answer *ans);
/*
 * no-store, Referrer-Policy, CORS, x-request-id … on every answer, last. A
 * Cache-Control or Vary that it has already stays.
 */
void answer_common(const struct answer_context *c, const struct answer_job *j,
    struct answer *ans);

/* `"<version>"`, as ETag has it. */
struct str answer_etag(struct arena *a, const struct job *job);
/* The job id as text. */
struct str answer_id(struct arena *a, const struct job *job);
/* Where a job is, with the host where api_url is set; tail "" or "/result". */
struct str answer_url(
    const struct answer_context *c, const struct job *job, const char *tail);

#endif
