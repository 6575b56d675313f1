#include "generator/api-make.h"

#include "generator/api-check.h"
#include "generator/api-template.h"

static const char *at(struct making *m, const char *key)
{
	return arena_printf(m->a, "%s.%s", m->base, key).p;
}

struct str making_text(struct making *m, const char *key)
{
	return site_text(m->b->site, at(m, key));
}

int64_t making_amount(struct making *m, const char *key)
{
	return site_amount(m->b->site, at(m, key));
}

bool making_flag(struct making *m, const char *key)
{
	return site_flag(m->b->site, at(m, key));
}

struct value *making_given(struct making *m, const char *key)
{
	return value_path(m->table, key);
}

struct pos making_place(struct making *m, const char *key)
{
	const struct value *v = making_given(m, key);

	return v ? v->pos : m->table->pos;
}

int making_choice(struct str word, const char *const *names)
{
	for (int i = 0; names[i]; i++)
		if (str_is(word, names[i]))
			return i;
	return 0;
}

struct str making_without_slash(struct str url)
{
	while (str_ends(url, "/"))
		url.n--;
	return url;
}

struct str making_lower(struct making *m, struct str s)
{
	char *copy = arena_cstr(m->a, s);

	for (char *c = copy; *c; c++)
		if (*c >= 'A' && *c <= 'Z')
			*c = (char)(*c - 'A' + 'a');
	return (struct str){.p = copy, .n = s.n};
}

void making_check_header(struct making *m, struct str name, struct pos pos)
{
	if (!api_is_header(name))
		diag_error(m->diag, pos, "bad-header",
		    "`%.*s` is no header that a call may set", STR_ARG(name));
}

struct strs making_strings(struct making *m, const char *key)
{
	const struct value *v = making_given(m, key);
	struct strs out = {0};

	if (!v)
		return out;
	out.items = arena_array(m->a, v->as.array.n, sizeof(*out.items));
	for (size_t i = 0; i < v->as.array.n; i++)
		out.items[out.n++] = v->as.array.items[i]->text;
	return out;
}

struct pairs making_pairs(struct making *m, const char *key)
{
	const struct value *v = making_given(m, key);
	struct pairs out = {0};

	if (!v)
		return out;
	out.items = arena_array(m->a, v->as.table.n, sizeof(*out.items));
	for (size_t i = 0; i < v->as.table.n; i++) {
		const struct member *one = &v->as.table.members[i];
		out.items[out.n++] = (struct pair){one->key, one->value->text};
	}
	return out;
}

struct pairs making_headers(
    struct making *m, const char *key, const struct str *pattern)
{
	const struct value *v = making_given(m, key);

	for (size_t i = 0; v && i < v->as.table.n; i++) {
		const struct member *one = &v->as.table.members[i];
		struct str text = one->value->text;
		struct pos pos = one->value->pos;
		making_check_header(m, one->key, one->pos);
		if (!pattern && str_find(text, '{', 0) < text.n)
			diag_error(m->diag, pos, "bad-template",
			    "an upstream's headers are sent as they are; put "
			    "this one into the API's request.headers");
		else
			api_template_check(m->a, API_TEMPLATE_HEADER, text,
			    pattern ? *pattern : (struct str){0}, &m->secrets,
			    pos, m->diag);
	}
	if (v && v->as.table.n > API_HEADERS_MAX)
		diag_error(m->diag, v->pos, "bad-header",
		    "there are more than %d headers", API_HEADERS_MAX);
	return making_pairs(m, key);
}
