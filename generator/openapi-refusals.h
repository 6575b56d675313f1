#ifndef LOWTIDE_GENERATOR_OPENAPI_REFUSALS_H
#define LOWTIDE_GENERATOR_OPENAPI_REFUSALS_H

#include "generator/openapi.h"

/*
 * One answer that is a problem, as components.responses has it: for
 * openapi-refusals.c, and for openapi-read-answer.c, whose answers are put
 * together read by read.
 */
enum {
	REFUSED = 1, /* the upstream's own answer may stand here as well */
	ENDED = 2,   /* how a job ended: a wait may be echoed, D has an ETag */
	WAITED = 4,  /* a wait may be echoed */
	AT_ONCE = 8, /* before the request was read, or by the web server */
	RETRY = 16,
	SIGN_IN = 32,  /* how to: RFC 9110 11.6.1 */
	LATER = 64,    /* beside the upstream's: when to try again */
	STRICT = 128,  /* a preference may be what it is told for */
	OF_READ = 256, /* no job has a name for it */
	OF_JOB = 512,  /* the refusal that a worker has kept may stand here */
};
#define REFUSAL_PROBLEMS 8

struct refusal {
	const char *name, *description;
	unsigned flags;
	const char *problems[REFUSAL_PROBLEMS]; /* their types */
};
void openapi_refusal(
    struct openapi *o, const struct refusal *r, struct value *out);

#endif
