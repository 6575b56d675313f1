#include "cgi/template-parts.h"

#include <string.h>

#include "cgi/route.h"
#include "cgi/secrets.h"
#include "lib/units.h"
#include "lib/url.h"

/*
 * A place is '{' root '.' name '}' with a root of the table below and a name
 * of letters, digits, '.', '_' and '-', and perhaps a '?' behind it.
 */
struct finding {
	struct arena *arena;
	const struct template_source *source;
};

static enum err from_tree(
    const struct value *tree, const char *name, struct found *out)
{
	if (!tree)
		return ERR_NOT_FOUND;
	out->value = value_path(tree, name);
	return out->value ? ERR_OK : ERR_NOT_FOUND;
}

static enum err find_body(
    const struct finding *f, const char *name, struct found *out)
{
	return from_tree(f->source->body, name, out);
}

static enum err find_result(
    const struct finding *f, const char *name, struct found *out)
{
	return from_tree(f->source->result, name, out);
}

static enum err from_pairs(
    const struct pairs *pairs, const char *name, struct found *out)
{
	for (size_t i = 0; pairs && i < pairs->n; i++) {
		if (str_is(pairs->items[i].name, name)) {
			out->text = pairs->items[i].value;
			return ERR_OK;
		}
	}
	return ERR_NOT_FOUND;
}

/* The pattern and the path have the same segments: one was matched by both. */
static enum err find_path(
    const struct finding *f, const char *name, struct found *out)
{
	struct str pattern = f->source->pattern, path;
	size_t at = 0, in = 0;

	if (f->source->params)
		return from_pairs(f->source->params, name, out);
	if (!f->source->request)
		return ERR_NOT_FOUND;
	path = f->source->request->path;
	while (at < pattern.n && in < path.n) {
		size_t p_end = str_find(pattern, '/', at);
		size_t s_end = str_find(path, '/', in);
		struct str part = str_slice(pattern, at, p_end);

		if (part.n > 2 && part.p[0] == '{' &&
		    part.p[part.n - 1] == '}' &&
		    str_is(str_slice(part, 1, part.n - 1), name))
			return url_decode(
			    f->arena, str_slice(path, in, s_end), &out->text);
		at = p_end + 1;
		in = s_end + 1;
	}
	return ERR_NOT_FOUND;
}

static enum err find_query(
    const struct finding *f, const char *name, struct found *out)
{
	if (!f->source->request ||
	    !route_query(f->arena, f->source->request->query, name, &out->text))
		return ERR_NOT_FOUND;
	return ERR_OK;
}

static enum err find_header(
    const struct finding *f, const char *name, struct found *out)
{
	if (!f->source->request)
		return ERR_NOT_FOUND;
	const struct pairs *headers = &f->source->request->headers;
	for (size_t i = 0; i < headers->n; i++) {
		if (str_ieq(headers->items[i].name, str_of(name))) {
			out->text = headers->items[i].value;
			return ERR_OK;
		}
	}
	return ERR_NOT_FOUND;
}

static enum err find_job(
    const struct finding *f, const char *name, struct found *out)
{
	const struct template_source *s = f->source;

	if (strcmp(name, "id") == 0)
		out->text = s->job_id;
	else if (strcmp(name, "acceptedAt") == 0 &&
		 (s->accepted_ms || s->rehearsal))
		out->text = units_time(f->arena, s->accepted_ms);
	return out->text.n ? ERR_OK : ERR_NOT_FOUND;
}

static enum err find_cgi(
    const struct finding *f, const char *name, struct found *out)
{
	if (!f->source->request || strcmp(name, "REMOTE_ADDR") != 0)
		return ERR_NOT_FOUND;
	out->text = f->source->request->remote_addr;
	return out->text.n ? ERR_OK : ERR_NOT_FOUND;
}

static enum err find_secret(
    const struct finding *f, const char *name, struct found *out)
{
	const char *why;

	out->secret = true;
	if (f->source->rehearsal) {
		out->text = STR("x");
		return ERR_OK;
	}
	if (!f->source->secrets)
		return ERR_NOT_FOUND;
	return secrets_get(f->source->secrets, str_of(name), &out->text, &why);
}

static enum err find_id(
    const struct finding *f, const char *name, struct found *out)
{
	if (!f->source->awaited)
		return from_pairs(f->source->ids, name, out);
	out->text = STR("x");
	return ERR_OK;
}

static enum err find_call(
    const struct finding *f, const char *name, struct found *out)
{
	if (!f->source->awaited)
		return from_tree(f->source->calls, name, out);
	out->text = STR("x");
	return ERR_OK;
}

static const struct place_root roots[] = {
    {"body", find_body},
    {"path", find_path},
    {"query", find_query},
    {"header", find_header},
    {"secret", find_secret},
    {"job", find_job},
    {"cgi", find_cgi},
    {"result", find_result},
    {"id", find_id},
    {"call", find_call},
};

static bool is_name_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
}

bool place_at(struct str text, size_t at, struct place *out)
{
	size_t end = at + 1;

	if (text.p[at] != '{')
		return false;
	while (end < text.n && is_name_char(text.p[end]))
		end++;
	*out = (struct place){.optional = end < text.n && text.p[end] == '?'};
	const size_t dot = str_find(str_slice(text, 0, end), '.', at);
	if (dot == at + 1 || dot + 1 >= end)
		return false;
	end += out->optional;
	if (end == text.n || text.p[end] != '}')
		return false;
	out->name = str_slice(text, at + 1, end);
	for (size_t i = 0; i < sizeof(roots) / sizeof(roots[0]); i++)
		if (str_is(str_slice(text, at + 1, dot), roots[i].name))
			out->root = &roots[i];
	return out->root != NULL;
}

struct str place_name(const struct place *place)
{
	return str_slice(place->name, str_find(place->name, '.', 0) + 1,
	    place->name.n - place->optional);
}

enum err place_find(struct arena *a, const struct template_source *source,
    const struct place *place, struct found *out)
{
	const struct finding f = {.arena = a, .source = source};
	enum err err;

	*out = (struct found){0};
	err = place->root->find(&f, arena_cstr(a, place_name(place)), out);
	if (err == ERR_OK && place->optional && out->value &&
	    out->value->kind == VALUE_NULL)
		return ERR_NOT_FOUND;
	return err;
}
