#include "cgi/asked.h"

#include "cgi/names.h"

uint64_t asked_random(uint64_t *seed)
{
	uint64_t z = *seed += 0x9e3779b97f4a7c15u;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

struct str asked_new_trace(struct arena *a, uint64_t *seed)
{
	uint64_t random[3];

	for (size_t i = 0; i < 3; i++)
		random[i] = asked_random(seed);
	return names_new_trace(a, random);
}

struct str asked_id_of_trace(struct str trace)
{
	return str_slice(trace, 3, 3 + 32);
}

uint32_t asked_origin(const struct config *config, struct str origin)
{
	for (size_t i = 0; origin.n && i < config->origins.n; i++)
		if (str_eq(config->origins.items[i], origin))
			return (uint32_t)i + 1;
	return 0;
}

void asked_begin(
    struct answer_context *c, const struct request *r, uint64_t *seed)
{
	struct str id = request_header(r, "x-request-id");
	struct str trace = request_header(r, "traceparent");

	c->path = r->path;
	c->origin = asked_origin(c->config, request_header(r, "origin"));
	c->traceparent =
	    names_is_trace(trace) ? trace : asked_new_trace(c->arena, seed);
	c->request_id =
	    names_is_request_id(id) ? id : asked_id_of_trace(c->traceparent);
}
