#ifndef LOWTIDE_GENERATOR_API_TEMPLATE_H
#define LOWTIDE_GENERATOR_API_TEMPLATE_H

#include "lib/diag.h"

/*
 * The templates of an API's `request` and `location` (contract 7), checked
 * where they are written rather than when a request meets them: `{body.vrn}`,
 * `{path.id}`, `{query.x}`, `{header.x}`, `{job.id}`, `{cgi.REMOTE_ADDR}` and,
 * in a location, `{result.id}`.
 *
 * Findings: `bad-template` for a place that does not exist there,
 * `not-built-yet` for {secret.x}, `run-reference` for {run.x.url}.
 */
enum api_template {
	API_TEMPLATE_PATH, /* starts with '/'; every brace is a place */
	API_TEMPLATE_HEADER,
	API_TEMPLATE_BODY, /* JSON has braces of its own */
	API_TEMPLATE_LOCATION,
};
/* `pattern` is the API's path: {path.id} must stand in it as {id}. */
void api_template_check(struct arena *a, enum api_template where,
    struct str text, struct str pattern, struct pos pos, struct diag *diag);
/* "/bundle/{id}" → "/bundle/{path.id}": a path passed on as it came. */
struct str api_template_of_path(struct arena *a, struct str pattern);

#endif
