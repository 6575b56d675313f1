#include "generator/openapi.h"

/*
 * One read as one operation. The API that it is as a job has none of its own:
 * its requests come here.
 */
static struct str words(struct arena *a, const struct read *read)
{
	struct str within = openapi_duration(a, read->deadline_ms);

	if (read->promote)
		return arena_printf(a,
		    "Answered within %.*s, else with 202: it becomes a job. "
		    "`Prefer: respond-async` asks for that at once.",
		    STR_ARG(within));
	return arena_printf(a, "Answered within %.*s.%s", STR_ARG(within),
	    read->api.n
		? " `Prefer: respond-async` asks for 202 and a job instead."
		: "");
}

void openapi_read(
    struct openapi *o, struct value *paths, const struct read *read)
{
	struct str path = openapi_path(paths, read->path);
	struct value *item = openapi_child(o, paths, arena_cstr(o->a, path));
	struct value *out = openapi_put(o, item, "get", openapi_table(o));

	openapi_put_text(o, out, "operationId", read->name);
	openapi_describe(o,
	    arena_printf(o->a, "read.%.*s", STR_ARG(read->name)).p,
	    words(o->a, read), out);
	openapi_read_request(o, read, path, out);
	openapi_secure(o, read->auth, &read->scopes, out);
	openapi_read_answers(o, read, out);
}
