#include "generator/openapi.h"

#include <string.h>

/*
 * What one API answers besides what all do: of a program its media type, of a
 * token endpoint its schema (RFC 6749 5.1), of an upstream the headers that
 * `result.headers` keeps. Such an API has responses of its own, made of the
 * common ones; and under /result the headers of all APIs may be met.
 */

/* Without its parameters. */
static struct str essence(struct str type)
{
	return str_trim(str_slice(type, 0, str_find(type, ';', 0)));
}

static bool is_token(const struct api *api)
{
	for (size_t i = 0; i < api->request_form.n; i++)
		if (str_is(api->request_form.items[i].name, "grant_type"))
			return str_is(api->result_type, "application/json");
	return false;
}

/* A copy of the response that is referred to; itself where it is no reference
 */
static struct value *own(
    struct openapi *o, const struct value *all, struct value *response)
{
	struct str ref = value_text(response, "$ref");
	struct value *out = openapi_table(o);
	const struct value *from = response;

	if (ref.n) {
		size_t at = ref.n;
		while (at && ref.p[at - 1] != '/')
			at--;
		struct member *m = value_member(all, str_slice(ref, at, ref.n));
		from = m ? m->value : response;
	}
	for (size_t i = 0; i < from->as.table.n; i++)
		value_set(o->a, out, from->as.table.members[i].key, POS_NONE,
		    from->as.table.members[i].value);
	return out;
}

static void add_headers(
    struct openapi *o, struct value *response, const struct strs *names)
{
	const struct value *from = value_get(response, "headers");
	struct value *out = openapi_table(o);

	for (size_t i = 0; from && i < from->as.table.n; i++)
		value_set(o->a, out, from->as.table.members[i].key, POS_NONE,
		    from->as.table.members[i].value);
	for (size_t i = 0; i < names->n; i++)
		value_set(o->a, out, names->items[i], POS_NONE,
		    openapi_ref(o, "headers", "Kept"));
	openapi_put(o, response, "headers", out);
}

static void set_content(
    struct openapi *o, const struct api *api, struct value *response)
{
	struct value *content = openapi_table(o), *type = openapi_table(o);

	if (is_token(api))
		openapi_put(
		    o, type, "schema", openapi_ref(o, "schemas", "Tokens"));
	openapi_put(
	    o, content, arena_cstr(o->a, essence(api->result_type)), type);
	openapi_put(o, response, "content", content);
}

static void make_own(struct openapi *o, const struct value *all,
    struct value *responses, const struct api *api, const struct strs *names)
{
	bool typed = api && (api->exec.n || is_token(api));

	for (size_t i = 0; i < responses->as.table.n; i++) {
		struct member *m = &responses->as.table.members[i];
		bool done = str_is(m->key, "200");
		if (str_is(m->key, "202") || str_is(m->key, "304") ||
		    (!names->n && !(typed && done)))
			continue;
		m->value = own(o, all, m->value);
		if (names->n)
			add_headers(o, m->value, names);
		if (typed && done)
			set_content(o, api, m->value);
	}
}

/* Those of all APIs, each once. */
static struct strs all_names(struct openapi *o)
{
	const struct config *c = o->b->config;
	struct value *seen = openapi_table(o);
	struct strs out = {0};

	for (size_t i = 0; i < c->n_apis; i++)
		for (size_t j = 0; j < c->apis[i].result_headers.n; j++)
			value_set(o->a, seen,
			    c->apis[i].result_headers.items[j], POS_NONE, seen);
	out.items = arena_array(o->a, seen->as.table.n, sizeof(*out.items));
	for (size_t i = 0; i < seen->as.table.n; i++)
		out.items[out.n++] = seen->as.table.members[i].key;
	return out;
}

void openapi_results(struct openapi *o, const struct value *responses)
{
	const struct config *c = o->b->config;
	const struct value *paths = value_get(o->root, "paths");
	struct strs names = all_names(o);

	for (size_t i = 0; i < paths->as.table.n; i++) {
		const struct value *item = paths->as.table.members[i].value;
		for (size_t j = 0; j < item->as.table.n; j++) {
			const struct value *op =
			    item->as.table.members[j].value;
			struct str id = value_text(op, "operationId");
			const struct api *api = config_api(c, id);
			struct value *own_responses =
			    op->kind == VALUE_TABLE ? value_get(op, "responses")
						    : NULL;
			if (api && own_responses)
				make_own(o, responses, own_responses, api,
				    &api->result_headers);
			else if (own_responses &&
				 str_starts(id, "getJobResult"))
				make_own(
				    o, responses, own_responses, NULL, &names);
		}
	}
}
