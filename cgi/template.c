#include "cgi/template.h"

#include <string.h>

#include "cgi/route.h"
#include "lib/json.h"
#include "lib/url.h"

/*
 * A place is '{' root '.' name '}' with a root of the table below and a name
 * of letters, digits, '.', '_' and '-'. Its value is found first (as a tree's
 * scalar or as plain text) and then put according to where it stands.
 */
struct found {
	const struct value *value; /* NULL = text */
	struct str text;
};
struct filling {
	struct arena *arena;
	const struct template_source *source;
	struct buf out;
	enum template_place where;
	bool in_query;	      /* path: behind '?' */
	bool in_string;	      /* body: between quotes */
	size_t segment_start; /* path: where the current one starts in out */
	bool segment_filled;  /* path: it holds a value */
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
    struct filling *f, const char *name, struct found *out)
{
	return from_tree(f->source->body, name, out);
}

static enum err find_result(
    struct filling *f, const char *name, struct found *out)
{
	return from_tree(f->source->result, name, out);
}

/* The pattern and the path have the same segments: one was matched by both. */
static enum err find_path(
    struct filling *f, const char *name, struct found *out)
{
	struct str pattern = f->source->pattern, path;
	size_t at = 0, in = 0;

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
    struct filling *f, const char *name, struct found *out)
{
	if (!f->source->request ||
	    !route_query(f->arena, f->source->request->query, name, &out->text))
		return ERR_NOT_FOUND;
	return ERR_OK;
}

static enum err find_header(
    struct filling *f, const char *name, struct found *out)
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

static enum err find_job(struct filling *f, const char *name, struct found *out)
{
	out->text = f->source->job_id;
	return strcmp(name, "id") == 0 && out->text.n ? ERR_OK : ERR_NOT_FOUND;
}

static enum err find_cgi(struct filling *f, const char *name, struct found *out)
{
	if (!f->source->request || strcmp(name, "REMOTE_ADDR") != 0)
		return ERR_NOT_FOUND;
	out->text = f->source->request->remote_addr;
	return out->text.n ? ERR_OK : ERR_NOT_FOUND;
}

/* `secret` is a place already, so that it never passes as literal text. */
static enum err find_secret(
    struct filling *f, const char *name, struct found *out)
{
	(void)f, (void)name, (void)out;
	return ERR_NOT_FOUND;
}

static const struct root {
	const char *name;
	enum err (*find)(struct filling *f, const char *name, struct found *);
} roots[] = {
    {"body", find_body},
    {"path", find_path},
    {"query", find_query},
    {"header", find_header},
    {"secret", find_secret},
    {"job", find_job},
    {"cgi", find_cgi},
    {"result", find_result},
};

static bool is_name_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
}

/* The place that starts at text.p[at], "body.vrn"; NULL when none does. */
static const struct root *place_at(struct str text, size_t at, struct str *name)
{
	size_t end = at + 1;

	if (text.p[at] != '{')
		return NULL;
	while (end < text.n && is_name_char(text.p[end]))
		end++;
	if (end == text.n || text.p[end] != '}')
		return NULL;
	*name = str_slice(text, at + 1, end);
	size_t dot = str_find(*name, '.', 0);
	if (dot == 0 || dot + 1 >= name->n)
		return NULL;
	for (size_t i = 0; i < sizeof(roots) / sizeof(roots[0]); i++)
		if (str_is(str_slice(*name, 0, dot), roots[i].name))
			return &roots[i];
	return NULL;
}

static const char *name_in(struct arena *a, struct str place)
{
	size_t dot = str_find(place, '.', 0);
	return arena_cstr(a, str_slice(place, dot + 1, place.n));
}

static bool has_control(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		if ((c < 0x20 && c != '\t') || c == 0x7f)
			return true;
	}
	return false;
}

/* Text for a path, a header or the inside of a JSON string. */
static enum err spell(struct arena *a, const struct found *v, struct str *out)
{
	*out = v->text;
	if (!v->value)
		return ERR_OK;
	switch (v->value->kind) {
	case VALUE_STRING:
		*out = v->value->text;
		return ERR_OK;
	case VALUE_BOOL:
	case VALUE_INT:
	case VALUE_FLOAT:
		*out = value_spell(a, v->value);
		return ERR_OK;
	default:
		return ERR_INPUT;
	}
}

static void put_in_string(struct buf *out, struct str text)
{
	struct buf quoted = {0};

	json_put_string(&quoted, text);
	buf_put(out, quoted.data + 1, quoted.len - 2);
	buf_release(&quoted);
}

static enum err put_body(struct filling *f, const struct found *v)
{
	struct str text;
	enum err err = ERR_OK;

	if (f->in_string) {
		err = spell(f->arena, v, &text);
		if (err == ERR_OK)
			put_in_string(&f->out, text);
	} else if (v->value) {
		struct json_writer w = {.out = &f->out};
		json_value(&w, v->value);
	} else {
		json_put_string(&f->out, v->text);
	}
	return err;
}

static enum err put(struct filling *f, const struct found *v)
{
	struct str text;
	enum err err;

	if (f->where == TEMPLATE_BODY)
		return put_body(f, v);
	err = spell(f->arena, v, &text);
	if (err != ERR_OK)
		return err;
	if (f->where == TEMPLATE_PATH) {
		f->segment_filled = true;
		return url_encode(&f->out, text);
	}
	if (has_control(text))
		return ERR_INPUT;
	buf_put_str(&f->out, text);
	return ERR_OK;
}

/* A segment that a value made empty, "." or ".." leads elsewhere. */
static enum err end_segment(struct filling *f)
{
	struct str segment =
	    str_slice(buf_str(&f->out), f->segment_start, f->out.len);
	bool bad =
	    f->segment_filled && !f->in_query &&
	    (!segment.n || str_is(segment, ".") || str_is(segment, ".."));

	f->segment_filled = false;
	f->segment_start = f->out.len + 1;
	return bad ? ERR_INPUT : ERR_OK;
}

static enum err put_literal(struct filling *f, char c)
{
	enum err err = ERR_OK;

	if (f->where == TEMPLATE_PATH && (c == '/' || c == '?')) {
		err = end_segment(f);
		f->in_query |= c == '?';
	} else if (f->where == TEMPLATE_BODY && c == '"') {
		f->in_string = !f->in_string;
	}
	buf_putc(&f->out, c);
	return err;
}

static enum err put_place(
    struct filling *f, const struct root *root, struct str name)
{
	struct found value = {0};
	enum err err = root->find(f, name_in(f->arena, name), &value);

	return err == ERR_OK ? put(f, &value) : err;
}

/* One literal character, escape or place; *at moves behind it. */
static enum err fill_at(
    struct filling *f, struct str text, size_t *at, struct str *place)
{
	struct str name;
	const struct root *root = place_at(text, *at, &name);

	if (root) {
		*place = name;
		*at += name.n + 2;
		return put_place(f, root, name);
	}
	/* an escape inside a JSON string: its second byte ends no string */
	if (f->in_string && text.p[*at] == '\\' && *at + 1 < text.n) {
		buf_put(&f->out, text.p + *at, 2);
		*at += 2;
		return ERR_OK;
	}
	return put_literal(f, text.p[(*at)++]);
}

enum err template_fill(struct arena *a, const struct template_source *source,
    enum template_place where, struct str text, struct str *out,
    struct str *place)
{
	struct filling f = {.arena = a, .source = source, .where = where};
	enum err err = ERR_OK;
	size_t at = 0;

	*place = (struct str){0};
	while (at < text.n && err == ERR_OK)
		err = fill_at(&f, text, &at, place);
	if (err == ERR_OK && where == TEMPLATE_PATH)
		err = end_segment(&f);
	if (err == ERR_OK) {
		*place = (struct str){0};
		*out = arena_str(a, buf_str(&f.out));
	}
	buf_release(&f.out);
	return err;
}

bool template_uses(struct str text, const char *root)
{
	struct str name;

	for (size_t i = 0; i < text.n; i++) {
		const struct root *found = place_at(text, i, &name);
		if (found && strcmp(found->name, root) == 0)
			return true;
	}
	return false;
}

bool template_names_header(struct str text, struct str wanted)
{
	struct str name;

	for (size_t i = 0; i < text.n; i++) {
		if (place_at(text, i, &name) && str_starts(name, "header.") &&
		    str_ieq(str_slice(name, 7, name.n), wanted))
			return true;
	}
	return false;
}
