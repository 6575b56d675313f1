#ifndef LOWTIDE_CGI_CHECK_H
#define LOWTIDE_CGI_CHECK_H

#include "cgi/answer.h"
#include "cgi/envelope.h"

/*
 * Whether a request is one that its API can carry out: asked before a row is
 * written, so that nothing is accepted that must fail for its own shape. Pure.
 */
#define CHECK_FAULTS_MAX 16

struct check {
	enum problem problem; /* PROBLEM_COUNT: nothing is wrong */
	/* VALIDATION_FAILED only */
	struct answer_fault faults[CHECK_FAULTS_MAX];
	size_t n;
};

/*
 * Size (413), media type (415), then as faults (400): the declared members of
 * the JSON body, and every place of the API's request templates that this
 * request does not fill. `env` is what would be sealed, `job_id` any id.
 */
void check_request(struct arena *a, const struct api *api,
    const struct request *r, const struct envelope_request *env,
    struct str job_id, struct check *out);

/*
 * What the worker needs of a request, and nothing else: the headers that this
 * API forwards or names, never a credential that it does not name.
 */
void check_envelope(struct arena *a, const struct api *api,
    const struct request *r, struct envelope_request *out);

#endif
