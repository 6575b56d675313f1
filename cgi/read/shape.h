#ifndef LOWTIDE_CGI_READ_SHAPE_H
#define LOWTIDE_CGI_READ_SHAPE_H

#include <stdbool.h>

#include "lib/arena.h"
#include "lib/buf.h"
#include "lib/config.h"
#include "lib/value.h"

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
 *                            identifiers (or has records by them), that one's
 *   {NAME}                   an identifier inside of its each; outside, the
 *list {data}, {upstreamFailures}, {complete}   what the answer without a shape
 *has
 *
 * A string that is one place and nothing else becomes that value as it is;
 * elsewhere it stands in the text, so it must be text, a number or a boolean. A
 * table with `each` and `value` and nothing else is an array, of one value for
 * each identifier, in the order they were asked in. What is missing is null; a
 * member whose place ends in '?' is left out then.
 */
#define SHAPE_DEPTH_MAX 32

struct shape_source {
	void *ctx;
	/* NULL = it is not there (it failed, was empty, is not made yet).
	   `id` is the identifier of the innermost each that NAME follows. */
	const struct value *(*result)(
	    void *ctx, struct str name, struct str id);
	/* the identifiers of that name; false: there are none of that name */
	bool (*ids)(void *ctx, struct str name, const struct strs **out);
	/* {data} and the like: writes JSON, false: no such word */
	bool (*word)(void *ctx, struct str word, struct buf *out);
};
/* ERR_TOO_LARGE beyond max bytes. `shape` was checked by shape_check(). */
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
