#include "cgi/read/shape.h"

#include <string.h>

/*
 * Filling goes down the shape and writes as it goes. A member's key is written
 * before it is known whether there is a value: where there is none and that
 * leaves the member out, the writer is put back to where it was.
 */
static const char *const words[] = {
    "data", "upstreamFailures", "complete", NULL};

struct place {
	struct str name; /* "call.person.name", "crn", "data" */
	bool optional;
	size_t end; /* behind its '}' */
};

static bool is_name_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
}

static bool place_at(struct str text, size_t at, struct place *out)
{
	size_t end = at + 1;

	if (text.p[at] != '{')
		return false;
	while (end < text.n && is_name_char(text.p[end]))
		end++;
	*out = (struct place){.name = str_slice(text, at + 1, end),
	    .optional = end < text.n && text.p[end] == '?'};
	end += out->optional;
	out->end = end + 1;
	return out->name.n && end < text.n && text.p[end] == '}';
}

/* The text is this place and nothing else. */
static bool is_place(struct str text, struct place *out)
{
	return text.n && place_at(text, 0, out) && out->end == text.n;
}

static bool is_one_of(struct str name, const char *const *list)
{
	for (; *list; list++)
		if (str_is(name, *list))
			return true;
	return false;
}

/* "call.NAME.a.b": its NAME and, or else empty, a.b */
static bool split_call(struct str name, struct str *call, struct str *member)
{
	if (!str_starts(name, "call."))
		return false;
	name = str_slice(name, strlen("call."), name.n);
	const size_t dot = str_find(name, '.', 0);
	*call = str_slice(name, 0, dot);
	*member = str_slice(name, dot + 1, name.n);
	return call->n && (dot == name.n || member->n);
}

static bool is_each(
    const struct value *v, struct str *name, const struct value **value)
{
	const struct value *each = value_get(v, "each");

	*value = value_get(v, "value");
	if (!each || !*value || v->as.table.n != 2 ||
	    each->kind != VALUE_STRING)
		return false;
	*name = each->text;
	return true;
}

static const struct shape_scope *scope_of(
    const struct shape_scope *scope, struct str name)
{
	while (scope && !str_eq(scope->name, name))
		scope = scope->outer;
	return scope;
}

/* ---- filling ------------------------------------------------------------- */

struct filling {
	struct arena *arena;
	const struct shape_source *source;
	size_t max;
	struct json_writer w;
};

static const struct value *member_of(struct filling *f, struct str call,
    struct str member, const struct shape_scope *scope)
{
	const struct value *v = f->source->result(f->source->ctx, call, scope);

	return v && member.n ? value_path(v, arena_cstr(f->arena, member)) : v;
}

static enum err put_list(struct filling *f, struct str name)
{
	const struct strs *ids;

	if (!f->source->ids(f->source->ctx, name, &ids))
		return ERR_NOT_FOUND;
	json_open(&f->w, '[');
	for (size_t i = 0; i < ids->n && f->w.out->len <= f->max; i++)
		json_string(&f->w, ids->items[i]);
	json_close(&f->w, ']');
	return ERR_OK;
}

/* What writes for us writes one value: a comma before it, and one behind. */
static enum err put_whole(struct filling *f, bool is_word, struct str name,
    const struct shape_scope *scope)
{
	const struct shape_source *s = f->source;

	json_raw(&f->w, (struct str){0});
	return is_word ? s->word(s->ctx, name, f->w.out)
		       : s->whole(s->ctx, name, scope, f->w.out);
}

/* ERR_NOT_FOUND: there is no value; something may have been written. */
static enum err put_place(struct filling *f, const struct place *place,
    const struct shape_scope *scope)
{
	const struct shape_scope *around = scope_of(scope, place->name);
	struct str call, member;

	if (around) {
		json_string(&f->w, around->id);
		return ERR_OK;
	}
	if (is_one_of(place->name, words))
		return put_whole(f, true, place->name, scope);
	if (!split_call(place->name, &call, &member))
		return put_list(f, place->name);
	if (!member.n)
		return put_whole(f, false, call, scope);
	const struct value *v = member_of(f, call, member, scope);
	if (!v || v->kind == VALUE_NULL)
		return ERR_NOT_FOUND;
	json_value(&f->w, v);
	return ERR_OK;
}

/* As part of a text. */
static bool spell_place(struct filling *f, const struct place *place,
    const struct shape_scope *scope, struct buf *text)
{
	const struct shape_scope *around = scope_of(scope, place->name);
	struct str call, member;

	if (around) {
		buf_put_str(text, around->id);
		return true;
	}
	if (!split_call(place->name, &call, &member))
		return false;
	const struct value *v = member_of(f, call, member, scope);
	if (!v || v->kind == VALUE_NULL || v->kind == VALUE_ARRAY ||
	    v->kind == VALUE_TABLE)
		return false;
	buf_put_str(text, value_spell(f->arena, v));
	return true;
}

static enum err put_text(struct filling *f, struct str text,
    const struct shape_scope *scope, bool *optional)
{
	enum err err = ERR_OK;
	struct buf out = {0};
	struct place place;

	for (size_t at = 0; at < text.n && err == ERR_OK;) {
		if (!place_at(text, at, &place)) {
			buf_putc(&out, text.p[at++]);
			continue;
		}
		at = place.end;
		if (!spell_place(f, &place, scope, &out)) {
			*optional = place.optional;
			err = ERR_NOT_FOUND;
		}
	}
	if (err == ERR_OK)
		json_string(&f->w, buf_str(&out));
	buf_release(&out);
	return err;
}

/* ERR_NOT_FOUND: it is null, and was not written. */
static enum err put_string(struct filling *f, struct str text,
    const struct shape_scope *scope, bool *optional)
{
	const struct json_writer before = f->w;
	const size_t len = f->w.out->len;
	struct place place;
	enum err err;

	*optional = false;
	if (is_place(text, &place)) {
		*optional = place.optional;
		err = put_place(f, &place, scope);
	} else {
		err = put_text(f, text, scope, optional);
	}
	if (err == ERR_NOT_FOUND) {
		f->w = before;
		f->w.out->len = len;
	}
	return err;
}

static enum err put_value(
    struct filling *f, const struct value *v, const struct shape_scope *scope);

static enum err put_member(
    struct filling *f, const struct member *m, const struct shape_scope *scope)
{
	const struct json_writer before = f->w;
	const size_t len = f->w.out->len;
	bool optional;
	enum err err;

	json_key_str(&f->w, m->key);
	if (m->value->kind != VALUE_STRING)
		return put_value(f, m->value, scope);
	err = put_string(f, m->value->text, scope, &optional);
	if (err != ERR_NOT_FOUND)
		return err;
	if (optional) {
		f->w = before;
		f->w.out->len = len;
	} else {
		json_null(&f->w);
	}
	return ERR_OK;
}

static enum err put_each(struct filling *f, struct str name,
    const struct value *value, const struct shape_scope *outer)
{
	struct shape_scope scope = {.outer = outer, .name = name};
	const struct strs *ids;
	enum err err = ERR_OK;

	if (!f->source->ids(f->source->ctx, name, &ids)) {
		json_null(&f->w);
		return ERR_OK;
	}
	json_open(&f->w, '[');
	for (; scope.at < ids->n && err == ERR_OK; scope.at++) {
		scope.id = ids->items[scope.at];
		err = put_value(f, value, &scope);
	}
	json_close(&f->w, ']');
	return err;
}

static enum err put_table(
    struct filling *f, const struct value *v, const struct shape_scope *scope)
{
	const struct value *value;
	enum err err = ERR_OK;
	struct str name;

	if (is_each(v, &name, &value))
		return put_each(f, name, value, scope);
	json_open(&f->w, '{');
	for (size_t i = 0; i < v->as.table.n && err == ERR_OK; i++)
		err = put_member(f, &v->as.table.members[i], scope);
	json_close(&f->w, '}');
	return err;
}

/* Deep as the shape is, which is JSON. */
static enum err put_value(
    struct filling *f, const struct value *v, const struct shape_scope *scope)
{
	enum err err = ERR_OK;
	bool optional;

	switch (v->kind) {
	case VALUE_TABLE:
		err = put_table(f, v, scope);
		break;
	case VALUE_ARRAY:
		json_open(&f->w, '[');
		for (size_t i = 0; i < v->as.array.n && err == ERR_OK; i++)
			err = put_value(f, v->as.array.items[i], scope);
		json_close(&f->w, ']');
		break;
	case VALUE_STRING:
		err = put_string(f, v->text, scope, &optional);
		if (err == ERR_NOT_FOUND) {
			json_null(&f->w);
			err = ERR_OK;
		}
		break;
	default:
		json_value(&f->w, v);
		break;
	}
	return err == ERR_OK && f->w.out->len > f->max ? ERR_TOO_LARGE : err;
}

enum err shape_fill(struct arena *a, const struct value *shape,
    const struct shape_source *source, size_t max, struct buf *out)
{
	struct filling f = {
	    .arena = a, .source = source, .max = max, .w = {.out = out}};

	return put_value(&f, shape, NULL);
}

/* ---- checking ------------------------------------------------------------ */

struct checking {
	struct arena *arena;
	const char *const *calls, *const *ids;
	struct str *why;
};

static bool wrong(struct checking *c, struct str name, const char *what)
{
	*c->why = arena_printf(c->arena, "{%.*s} %s", STR_ARG(name), what);
	return false;
}

static bool check_place(struct checking *c, struct str name, bool alone,
    const struct shape_scope *scope)
{
	struct str call, member;

	if (scope_of(scope, name))
		return true;
	if (split_call(name, &call, &member))
		return is_one_of(call, c->calls) ||
		       wrong(c, name, "is no call of this read");
	if (!is_one_of(name, words) && !is_one_of(name, c->ids))
		return wrong(c, name, "means nothing in a shape");
	return alone || wrong(c, name, "is no text, so it stands alone");
}

static bool check_text(
    struct checking *c, struct str text, const struct shape_scope *scope)
{
	struct place place;
	bool good = true;

	if (is_place(text, &place))
		return check_place(c, place.name, true, scope);
	for (size_t at = 0; at < text.n && good;) {
		if (place_at(text, at, &place)) {
			good = check_place(c, place.name, false, scope);
			at = place.end;
		} else {
			at++;
		}
	}
	return good;
}

static bool check_value(struct checking *c, const struct value *v,
    const struct shape_scope *outer, unsigned depth)
{
	struct shape_scope scope = {.outer = outer};
	const struct value *value;
	bool good = true;

	if (depth == SHAPE_DEPTH_MAX) {
		*c->why = STR("it is nested too deeply");
		return false;
	}
	if (v->kind == VALUE_STRING)
		return check_text(c, v->text, outer);
	if (v->kind == VALUE_TABLE && is_each(v, &scope.name, &value)) {
		if (!is_one_of(scope.name, c->ids))
			return wrong(c, scope.name,
			    "are identifiers that this read does not have");
		if (scope_of(outer, scope.name))
			return wrong(c, scope.name, "is each inside of itself");
		return check_value(c, value, &scope, depth + 1);
	}
	for (size_t i = 0; v->kind == VALUE_TABLE && i < v->as.table.n && good;
	     i++)
		good = check_value(
		    c, v->as.table.members[i].value, outer, depth + 1);
	for (size_t i = 0; v->kind == VALUE_ARRAY && i < v->as.array.n && good;
	     i++)
		good = check_value(c, v->as.array.items[i], outer, depth + 1);
	return good;
}

bool shape_check(struct arena *a, const struct value *shape,
    const char *const *calls, const char *const *ids, struct str *why)
{
	struct checking c = {
	    .arena = a, .calls = calls, .ids = ids, .why = why};

	*why = (struct str){0};
	return check_value(&c, shape, NULL, 0);
}
