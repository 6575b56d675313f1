#include "cgi/template-parts.h"

#include <string.h>

#include "lib/json.h"
#include "lib/url.h"
#include "lib/utf8.h"

/*
 * Literal text and places from left to right. Where a place is optional and
 * has no value, the part that it stands in goes: what was written of it is
 * taken back to where the part began, and nothing more is written before the
 * next one begins (`dropping`). Parts are the parameters of a query, between
 * '&', and the members of a JSON body, between ',' and brackets. A separator
 * too many goes as well.
 */
struct filling {
	struct arena *arena;
	const struct template_source *source;
	struct buf out;
	enum template_place where;
	bool in_query;	      /* path: behind '?' */
	bool in_string;	      /* body: between quotes */
	size_t segment_start; /* path: where the current one starts in out */
	bool segment_filled;  /* path: it holds a value */
	size_t part;	      /* where the current part starts in out */
	bool dropping;	      /* what is left of it is not written */
};

static bool has_control(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		if ((c < 0x20 && c != '\t') || c == 0x7f)
			return true;
	}
	return false;
}

/* Text for a path, a header, a form or the inside of a JSON string. */
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

static enum err put_path(
    struct filling *f, const struct found *v, struct str text)
{
	if (v->secret && !f->in_query)
		return ERR_INPUT;
	f->segment_filled = true;
	return url_encode(&f->out, text);
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
	if (f->where == TEMPLATE_PATH)
		return put_path(f, v, text);
	if (f->where == TEMPLATE_HEADER ? has_control(text) : !utf8_valid(text))
		return ERR_INPUT;
	buf_put_str(&f->out, text);
	return ERR_OK;
}

/* ---- parts ------------------------------------------------------------- */

static bool has_parts(const struct filling *f)
{
	return f->where == TEMPLATE_BODY ||
	       (f->where == TEMPLATE_PATH && f->in_query);
}

static void drop_part(struct filling *f)
{
	f->out.len = f->part;
	f->dropping = true;
}

/* What stood between the one before and the last, which was dropped. */
static void drop_separator(struct filling *f)
{
	const char last = f->out.len ? f->out.data[f->out.len - 1] : '\0';
	const bool stays = f->where == TEMPLATE_BODY
			       ? last != ','
			       : last != '&' && last != '?';

	if (f->dropping && !stays)
		f->out.len--;
	f->dropping = false;
}

static void put_char(struct filling *f, char c)
{
	if (!f->dropping)
		buf_putc(&f->out, c);
}

/* Between two parts: the one that was dropped takes it along. */
static void put_separator(struct filling *f, char c)
{
	put_char(f, c);
	f->dropping = false;
	f->part = f->out.len;
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

static enum err put_in_path(struct filling *f, char c)
{
	enum err err = ERR_OK;

	if (f->in_query && c == '&') {
		put_separator(f, c);
	} else if (f->in_query) {
		put_char(f, c);
	} else {
		if (c == '/' || c == '?')
			err = end_segment(f);
		f->in_query = c == '?';
		buf_putc(&f->out, c);
		f->part = f->out.len;
	}
	return err;
}

static void put_in_body(struct filling *f, char c)
{
	if (c == '"')
		f->in_string = !f->in_string;
	if (f->in_string || c == '\0' || !strchr("{[,]}", c)) {
		put_char(f, c);
		return;
	}
	if (c == ']' || c == '}')
		drop_separator(f);
	put_separator(f, c);
}

/* ---- from left to right ------------------------------------------------ */

static enum err put_literal(struct filling *f, char c)
{
	if (f->where == TEMPLATE_PATH)
		return put_in_path(f, c);
	if (f->where == TEMPLATE_BODY)
		put_in_body(f, c);
	else
		buf_putc(&f->out, c);
	return ERR_OK;
}

static enum err put_place(struct filling *f, const struct place *place)
{
	struct found value;
	enum err err;

	if (f->dropping)
		return ERR_OK;
	err = place_find(f->arena, f->source, place, &value);
	if (err == ERR_NOT_FOUND && place->optional && has_parts(f)) {
		drop_part(f);
		return ERR_OK;
	}
	return err == ERR_OK ? put(f, &value) : err;
}

/* One literal character, escape or place; *at moves behind it. */
static enum err fill_at(
    struct filling *f, struct str text, size_t *at, struct str *name)
{
	struct place place;

	if (place_at(text, *at, &place)) {
		*name = place.name;
		*at += place.name.n + 2;
		return put_place(f, &place);
	}
	/* an escape inside a JSON string: its second byte ends no string */
	if (f->in_string && text.p[*at] == '\\' && *at + 1 < text.n) {
		put_char(f, text.p[*at]);
		put_char(f, text.p[*at + 1]);
		*at += 2;
		return ERR_OK;
	}
	return put_literal(f, text.p[(*at)++]);
}

void template_put_form(struct buf *out, struct str text)
{
	static const char hex[] = "0123456789ABCDEF";

	for (size_t i = 0; i < text.n; i++) {
		const unsigned char c = (unsigned char)text.p[i];
		const bool bare =
		    (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
		    (c >= '0' && c <= '9') || (c && strchr("*-._", c));
		if (bare || c == ' ') {
			buf_putc(out, c == ' ' ? '+' : (char)c);
			continue;
		}
		buf_putc(out, '%');
		buf_putc(out, hex[c >> 4]);
		buf_putc(out, hex[c & 15]);
	}
}

static enum err finish(struct filling *f, struct str *out)
{
	struct buf form = {0};

	if (f->where == TEMPLATE_PATH && end_segment(f) != ERR_OK)
		return ERR_INPUT;
	drop_separator(f);
	if (f->where == TEMPLATE_FORM) {
		template_put_form(&form, buf_str(&f->out));
		buf_release(&f->out);
		f->out = form;
	}
	*out = arena_str(f->arena, buf_str(&f->out));
	return ERR_OK;
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
	if (err == ERR_OK)
		err = finish(&f, out);
	if (err == ERR_OK)
		*place = (struct str){0};
	buf_release(&f.out);
	return err;
}

bool template_next(struct str text, size_t *at, struct template_name *out)
{
	struct place place;

	for (; *at < text.n; ++*at) {
		if (!place_at(text, *at, &place))
			continue;
		*at += place.name.n + 2;
		*out = (struct template_name){.root = str_of(place.root->name),
		    .name = place_name(&place),
		    .optional = place.optional};
		return true;
	}
	return false;
}

static bool has_place(struct str text, const char *root, bool or_optional)
{
	const size_t n = strlen(root);
	struct place place;

	for (size_t i = 0; i < text.n; i++)
		if (place_at(text, i, &place) && str_starts(place.name, root) &&
		    place.name.p[n] == '.' && (or_optional || !place.optional))
			return true;
	return false;
}

bool template_uses(struct str text, const char *root)
{
	return has_place(text, root, true);
}

bool template_needs(struct str text, const char *root)
{
	return has_place(text, root, false);
}

bool template_names_header(struct str text, struct str wanted)
{
	struct place place;

	for (size_t i = 0; i < text.n; i++)
		if (place_at(text, i, &place) &&
		    str_starts(place.name, "header.") &&
		    str_ieq(place_name(&place), wanted))
			return true;
	return false;
}
