#include "cgi/compose-parts.h"

#include "lib/url.h"

/*
 * A read that became a job: nothing is composed here, since its plan does that
 * (read/plan.h), but what it is asked is taken out of the path that the client
 * asked for, which matched the API's pattern when it was accepted.
 */
#define PARAMS_MAX 16 /* ROUTE_PARAMS_MAX */

static enum err take_params(
    struct arena *a, struct str pattern, struct str path, struct pairs *out)
{
	size_t at = 0, in = 0;

	*out = (struct pairs){
	    .items = arena_array(a, PARAMS_MAX, sizeof(*out->items))};
	while (at < pattern.n && in < path.n) {
		const size_t p_end = str_find(pattern, '/', at);
		const size_t s_end = str_find(path, '/', in);
		const struct str part = str_slice(pattern, at, p_end);

		if (part.n > 2 && part.p[0] == '{' && out->n < PARAMS_MAX) {
			struct pair *param = &out->items[out->n++];
			param->name = str_slice(part, 1, part.n - 1);
			enum err err = url_decode(
			    a, str_slice(path, in, s_end), &param->value);
			if (err != ERR_OK)
				return err;
		}
		at = p_end + 1;
		in = s_end + 1;
	}
	return ERR_OK;
}

enum err compose_read(struct arena *a, const struct compose *c,
    struct upstream_call *out, struct str *why)
{
	struct upstream_read *read = arena_alloc(a, sizeof(*read));

	read->name = c->api->read;
	read->request = c->request;
	read->owner = c->owner;
	out->read = read;
	/* the job's own time is over sooner, and ends it */
	out->timeout_ms = c->api->deadline_ms;
	enum err err =
	    take_params(a, c->api->path, c->request->path, &read->params);
	if (err != ERR_OK)
		*why = STR("the path cannot be decoded");
	return err == ERR_OK ? ERR_OK : ERR_INPUT;
}
