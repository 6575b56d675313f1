#ifndef LOWTIDE_CGI_TEMPLATE_H
#define LOWTIDE_CGI_TEMPLATE_H

#include "cgi/envelope.h"
#include "lib/buf.h"
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
 *   {id.crn}                an identifier of a read, or all of them by commas
 *   {call.summary.x}        a member of the result of a read's other call
 *
 * A name may end in '?', {body.refresh_token?}: what is missing, or null, then
 * leaves out what it stands in, which is a parameter of a query, a member of a
 * form or of a JSON body, or a header.
 *
 * A `{` that does not start one of these is itself. What a value may do is
 * decided by where it stands:
 *
 *   path    percent-encoded, nothing but unreserved characters bare. A whole
 *           segment never becomes empty, "." or "..": the call would go
 *           somewhere else than the template says. No secret: paths are logged
 *           by whoever they lead past.
 *   query   (behind the template's '?') percent-encoded; may be empty.
 *   header  as it is; control characters are refused, so no value can start
 *           a header of its own.
 *   body    inside quotes: JSON-escaped text; elsewhere: a whole JSON value.
 *           Numbers keep their source text (1.10 stays 1.10).
 *   form    the value of one member, application/x-www-form-urlencoded as the
 *           URL standard has it: the template's own text is encoded, too.
 *
 * Pure: no clock, no store, no network; but for what a secret is read from.
 */
enum template_place {
	TEMPLATE_PATH,
	TEMPLATE_HEADER,
	TEMPLATE_BODY,
	TEMPLATE_FORM
};

struct secrets;
struct template_source {
	struct str pattern; /* the API's path, "/api/v1/bundle/{id}" */
	/* {path.x}, decoded; NULL = the pattern and the request's path say it
	 */
	const struct pairs *params;
	const struct envelope_request *request; /* NULL = nothing of it */
	const struct value *body;   /* the client's body, NULL = not JSON */
	const struct value *result; /* the upstream's, NULL = not JSON */
	/* of a read: identifiers by name; results, a table by call */
	const struct pairs *ids;   /* NULL = none */
	const struct value *calls; /* NULL = none */
	struct str job_id;
	int64_t accepted_ms;	 /* wall clock */
	struct secrets *secrets; /* NULL = there are none */
	/*
	 * Only to see whether it could be filled, by who has neither: secrets
	 * and times are there, whatever they say.
	 */
	bool rehearsal;
	/* likewise {id.x} and {call.x}, by who does not know them yet */
	bool awaited;
};

/*
 * ERR_NOT_FOUND: a value is missing; ERR_INPUT: one cannot stand where it
 * should (a table in a path, a line break in a header, ".." as a segment);
 * ERR_MISSING, ERR_IO: a secret cannot be had now (secrets.h says why). Each
 * time *place is the name at fault as it stands there, "header.x-y"; else it
 * is empty. ERR_NOT_FOUND with a '?' at its end, of a header or a form: it is
 * to be left out as a whole.
 */
enum err template_fill(struct arena *a, const struct template_source *source,
    enum template_place where, struct str text, struct str *out,
    struct str *place) __attribute__((warn_unused_result));

/* What template_fill() says means that the header or member is left out. */
static inline bool template_drops_member(enum err err, struct str place)
{
	return err == ERR_NOT_FOUND && str_ends(place, "?");
}
static inline bool template_drops_header(enum err err, struct str place)
{
	return err == ERR_NOT_FOUND &&
	       (str_ends(place, "?") || str_starts(place, "header."));
}

/* Names and values of a form, encoded as TEMPLATE_FORM has it. */
void template_put_form(struct buf *out, struct str text);

/* True when `text` has a place of that root: template_uses(t, "body"). */
bool template_uses(struct str text, const char *root);
/* ... and one that is not optional. */
bool template_needs(struct str text, const char *root);
/*
 * The places of a text one by one, from *at = 0; false: no more. {call.a.b?}
 * has the root "call", the name "a.b" and is optional.
 */
struct template_name {
	struct str root, name;
	bool optional;
};
bool template_next(struct str text, size_t *at, struct template_name *out);
/* True when `text` names {header.NAME}; NAME compares without case. */
bool template_names_header(struct str text, struct str name);

#endif
