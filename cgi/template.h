#ifndef LOWTIDE_CGI_TEMPLATE_H
#define LOWTIDE_CGI_TEMPLATE_H

#include "cgi/envelope.h"
#include "lib/value.h"

/*
 * The templates of an API's `request` and `location` (contract 7): literal
 * text with places to fill.
 *
 *   {body.vrn} {body.a.b}   a member of the client's JSON body
 *   {path.id}               a segment of the client's path, decoded
 *   {query.periodKey}       the first such value of its query, decoded
 *   {header.x-y}            one of its headers
 *   {job.id}                the job's id
 *   {cgi.REMOTE_ADDR}       the client's address
 *   {job.acceptedAt}        when it was accepted, RFC 3339 with milliseconds
 *   {secret.name}           what nobody is told (secrets.h)
 *   {result.id}             a member of the upstream's JSON answer (location)
 *
 * A name may end in '?', {body.refresh_token?}: what is missing then leaves out
 * the member of a form or the parameter of a query that it stands in.
 *
 * A `{` that does not start one of these is itself. What a value may do is
 * decided by where it stands:
 *
 *   path    percent-encoded, nothing but unreserved characters bare. A whole
 *           segment never becomes empty, "." or "..": the call would go
 *           somewhere else than the template says.
 *   query   (behind the template's '?') percent-encoded; may be empty.
 *   header  as it is; control characters are refused, so no value can start
 *           a header of its own.
 *   body    inside quotes: JSON-escaped text; elsewhere: a whole JSON value.
 *           Numbers keep their source text (1.10 stays 1.10).
 *
 * Pure: no clock, no store, no network.
 */
enum template_place { TEMPLATE_PATH, TEMPLATE_HEADER, TEMPLATE_BODY };

struct secrets;
struct template_source {
	struct str pattern; /* the API's path, "/api/v1/bundle/{id}" */
	const struct envelope_request *request; /* NULL = nothing of it */
	const struct value *body;   /* the client's body, NULL = not JSON */
	const struct value *result; /* the upstream's, NULL = not JSON */
	struct str job_id;
	int64_t accepted_ms;	 /* wall clock */
	struct secrets *secrets; /* NULL = there are none */
};

/*
 * ERR_NOT_FOUND: a value is missing; ERR_INPUT: one cannot stand where it
 * should (a table in a path, a line break in a header, ".." as a segment).
 * Either time *place is the name at fault, "header.x-y"; else it is empty.
 */
enum err template_fill(struct arena *a, const struct template_source *source,
    enum template_place where, struct str text, struct str *out,
    struct str *place) __attribute__((warn_unused_result));

/* True when `text` has a place of that root: template_uses(t, "body"). */
bool template_uses(struct str text, const char *root);
/* True when `text` names {header.NAME}; NAME compares without case. */
bool template_names_header(struct str text, struct str name);

#endif
