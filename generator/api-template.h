#ifndef LOWTIDE_GENERATOR_API_TEMPLATE_H
#define LOWTIDE_GENERATOR_API_TEMPLATE_H

#include "lib/config.h"
#include "lib/diag.h"

/*
 * The templates of an API's `request` and `location` (contract 7), checked
 * where they are written rather than when a request meets them: `{body.vrn}`,
 * `{path.id}`, `{query.x}`, `{header.x}`, `{job.id}`, `{job.acceptedAt}`,
 * `{cgi.REMOTE_ADDR}`, `{secret.x}` and, in a location, `{result.id}`. A name
 * that ends in `?` may be missing, in a query and in a form.
 *
 * Findings: `bad-template` for a place that does not exist there,
 * `secret-unknown` and `secret-public` for a secret that does not,
 * `run-reference` for {run.x.url}.
 */
enum api_template {
	API_TEMPLATE_PATH,  /* starts with '/'; every brace is a place */
	API_TEMPLATE_QUERY, /* the value of one of its parameters */
	API_TEMPLATE_HEADER,
	API_TEMPLATE_BODY, /* JSON has braces of its own */
	API_TEMPLATE_FORM, /* the value of a form's field */
	API_TEMPLATE_LOCATION,
};
/* What {secret.x} may name; whoever names one notes it. */
struct api_secrets {
	const struct secret *rows;
	size_t n;
	bool *used;	  /* n of them */
	bool is_doubtful; /* one that is missing may be a misspelt one */
};
/*
 * `pattern` is the API's path: {path.id} must stand in it as {id}. `secrets`
 * may be NULL: there are none.
 */
void api_template_check(struct arena *a, enum api_template where,
    struct str text, struct str pattern, const struct api_secrets *secrets,
    struct pos pos, struct diag *diag);
/* Is {NAME} a segment of the path? */
bool api_template_has_segment(struct str pattern, struct str name);
/* "/bundle/{id}" → "/bundle/{path.id}": a path passed on as it came. */
struct str api_template_of_path(struct arena *a, struct str pattern);

#endif
