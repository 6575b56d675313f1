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
	/* the client's id for its resource, where the API says which it is */
	struct str resource;
};

/*
 * Size (413), media type (415), then as faults (400), all that there are: the
 * declared members of the JSON body, its resource id, and every place of the
 * API's request templates that this request does not fill. `env` is what would
 * be sealed, `job_id` any id.
 */
void check_request(struct arena *a, const struct api *api,
    const struct request *r, const struct envelope_request *env,
    struct str job_id, struct check *out);

/*
 * What the worker needs of a request, and nothing else: the headers that this
 * API forwards or names, never a credential that it does not name, and the
 * trace that its answer names (empty: the client's own, if it is one).
 */
void check_envelope(struct arena *a, const struct api *api,
    const struct request *r, struct str trace, struct envelope_request *out);

/*
 * The bytes of a body that its fingerprint is made of (contract 1): where the
 * API has members that are credentials, the JSON without them and without
 * white space, so that a refreshed token still replays; else, and where it is
 * no JSON object, the body as it came. Of any length: the API may have taken
 * more when this one came.
 */
struct str check_printed(
    struct arena *a, const struct api *api, struct str body);

/*
 * Whether `sent`, of the same fingerprint as `had`, brings a credential that
 * `had` had not (names_is_credential(), body.secret). One that only lacks some
 * does not.
 */
bool check_renews(const struct api *api, const struct envelope_request *had,
    const struct envelope_request *sent);

#endif
