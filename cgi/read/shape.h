#ifndef LOWTIDE_CGI_READ_SHAPE_H
#define LOWTIDE_CGI_READ_SHAPE_H

#include <stdbool.h>

#include "lib/arena.h"
#include "lib/buf.h"
#include "lib/config.h"
#include "lib/json.h"

/*
 * The shape of a read's answer: JSON whose strings have places, filled from the
 * results of its calls. Pure.
 *
 *	{"cases": {"each": "crn", "value": {
 *	   "crn": "{crn}", "name": "{call.person.name}",
 *	   "tier": "{call.tier.level?}"}},
 *	 "failures": "{upstreamFailures}"}
 *
 *   {call.NAME}, {call.NAME.a.b}   a result, or a member of it; inside of an
 *                            each, where NAME is called for each of those
 *                            identifiers (or has records by them), that one's;
 *                            elsewhere of all, a table by identifier
 *   {NAME}                   an identifier inside of its each; outside, the
 *                            list of them
 *   {data}, {upstreamFailures}, {complete}   what the answer without a shape
 *                            has
 *
 * A string that is one place and nothing else becomes that value as it is, byte
 * by byte where it is a whole result; elsewhere it stands in the text, so it
 * must be text, a number or a boolean (else it counts as missing). A table with
 * `each` and `value` and nothing else is an array, of one value for each
 * identifier, in the order they were asked in. What is missing is null; a
 * member whose place ends in '?' is left out then, and where it is null.
 */
#define SHAPE_DEPTH_MAX 32

/* The eaches around a place, the innermost first; NULL = none. */
struct shape_scope {
	const struct shape_scope *outer;
	struct str name; /* of the identifiers */
	size_t at;	 /* which of them, from 0 */
	struct str id;
};
struct shape_source {
	void *ctx;
	/* NULL = it is not there: it failed, was empty, or is not made yet */
	const struct value *(*result)(
	    void *ctx, struct str name, const struct shape_scope *scope);
	/* All of it, as JSON. ERR_NOT_FOUND: as NULL above; ERR_TOO_LARGE. */
	enum err (*whole)(void *ctx, struct str name,
	    const struct shape_scope *scope, struct buf *out);
	/* the identifiers of that name; false: there are none of that name */
	bool (*ids)(void *ctx, struct str name, const struct strs **out);
	/* {data} and the like, as `whole` */
	enum err (*word)(void *ctx, struct str word, struct buf *out);
};
/*
 * ERR_TOO_LARGE beyond so many bytes in `out`. `shape` was checked by
 * shape_check(); of one that was not, what means nothing is null or itself.
 */
enum err shape_fill(struct arena *a, const struct value *shape,
    const struct shape_source *source, size_t max, struct buf *out)
    __attribute__((warn_unused_result));
/*
 * Whether it can be filled at all: its places are of these kinds and its names
 * known (NULL ends both). *why names what is not.
 */
bool shape_check(struct arena *a, const struct value *shape,
    const char *const *calls, const char *const *ids, struct str *why);

#endif
