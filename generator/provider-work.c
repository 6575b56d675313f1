#include "generator/provider-work.h"

#include <stdarg.h>

#include "generator/keys.h"
#include "generator/secrets.h"

void provider_refuse(struct provider_work *w, struct pos pos, const char *name,
    const char *format, ...)
{
	va_list args;
	va_start(args, format);
	struct str text = arena_vprintf(w->arena, format, args);
	va_end(args);
	if (secret_shaped(text) && strcmp(name, "secret-present") != 0)
		text = STR("what stands here looks like a secret, and is not "
			   "shown; write what belongs here");
	diag_error(w->diag, pos, name, "%.*s", STR_ARG(text));
	w->refused = true;
}

struct pos provider_pos(const struct provider_work *w, const char *key)
{
	const struct value *v = value_get(w->table, key);
	return v ? v->pos : w->pos;
}

struct str provider_raw(struct provider_work *w, const char *key)
{
	const struct value *v = value_get(w->table, key);
	if (!v || v->kind != VALUE_STRING)
		return (struct str){0};
	w->out->from_env |= v->from_env;
	return v->text;
}

struct str provider_text(
    struct provider_work *w, const char *key, const char *otherwise)
{
	struct str s = provider_raw(w, key);
	if (!s.p)
		return str_of(otherwise);
	if (key_is_placeholder(s))
		provider_refuse(w, provider_pos(w, key), "placeholder",
		    "%s is %s%.*s; give it its value", key,
		    s.n ? "still " : "empty", STR_ARG(s));
	return s;
}

struct str provider_list(struct provider_work *w, const char *key)
{
	const struct value *v = value_get(w->table, key);
	struct buf all = {0};

	if (!v || v->kind != VALUE_ARRAY)
		return (struct str){0};
	for (size_t i = 0; i < v->as.array.n; i++) {
		w->out->from_env |= v->as.array.items[i]->from_env;
		buf_puts(&all, i ? " " : "");
		buf_put_str(&all, v->as.array.items[i]->text);
	}
	struct str text = arena_str(w->arena, buf_str(&all));
	buf_release(&all);
	return text;
}

struct str provider_join(
    struct provider_work *w, struct str base, struct str path)
{
	if (str_ends(base, "/"))
		base.n--;
	return arena_printf(w->arena, "%.*s%s%.*s", STR_ARG(base),
	    str_starts(path, "/") ? "" : "/", STR_ARG(path));
}

/* Where `+` is a space; as it is where it cannot be decoded. */
static struct str decoded(struct provider_work *w, struct str part)
{
	char *text = arena_cstr(w->arena, part);
	struct str out, spaced = {text, part.n};

	for (size_t i = 0; i < part.n; i++)
		if (text[i] == '+')
			text[i] = ' ';
	return url_decode(w->arena, spaced, &out) == ERR_OK ? out : part;
}

struct str provider_query(struct str url)
{
	url = str_slice(url, 0, str_find(url, '#', 0));
	return str_slice(url, str_find(url, '?', 0) + 1, url.n);
}

bool provider_next_param(struct provider_work *w, struct str *query,
    struct str *name, struct str *value)
{
	struct str pair = {0};

	while (query->n && !pair.n) {
		size_t end = str_find(*query, '&', 0);
		pair = str_slice(*query, 0, end);
		*query = str_slice(*query, end + 1, query->n);
	}
	size_t eq = str_find(pair, '=', 0);
	*name = decoded(w, str_slice(pair, 0, eq));
	*value = (struct str){0};
	if (eq < pair.n)
		*value = decoded(w, str_slice(pair, eq + 1, pair.n));
	return pair.n;
}

void provider_put(struct provider_work *w, struct buf *url, struct str name,
    struct str value, struct pos pos)
{
	buf_putc(url, '&');
	enum err err = url_encode(url, name);
	buf_putc(url, '=');
	if (err == ERR_OK)
		err = url_encode(url, value);
	if (err != ERR_OK)
		provider_refuse(w, pos, "not-text",
		    "%.*s is not UTF-8, and nothing else can be in a URL; set "
		    "it anew",
		    STR_ARG(name));
}

/* An endpoint's own query stays as it is; one ending in ? or & too. */
void provider_open(struct buf *url, struct str endpoint)
{
	buf_put_str(url, endpoint);
	if (str_find(endpoint, '?', 0) == endpoint.n)
		buf_putc(url, '?');
	else if (!str_ends(endpoint, "?") && !str_ends(endpoint, "&"))
		buf_putc(url, '&');
}
