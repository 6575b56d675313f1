#include "lib/json.h"

#include <stdint.h>
#include <string.h>

#include "lib/json-token.h"
#include "lib/utf8.h"

/* The short escapes of RFC 8259 section 7; 0 = \u00XX. */
static const char escapes[0x20] = {
    ['\b'] = 'b', ['\f'] = 'f', ['\n'] = 'n', ['\r'] = 'r', ['\t'] = 't'};

static void put_control(struct buf *out, unsigned char c)
{
	if (escapes[c])
		buf_printf(out, "\\%c", escapes[c]);
	else
		buf_printf(out, "\\u%04x", c);
}

void json_put_string(struct buf *out, struct str s)
{
	size_t plain = 0; /* where the bytes not yet written start */

	buf_reserve(out, s.n + 2);
	buf_putc(out, '"');
	for (size_t at = 0; (at = json_plain_until(s, at)) < s.n;) {
		unsigned char c = (unsigned char)s.p[at];
		size_t n = utf8_char(s, at);
		if (n > 1) {
			at += n;
			continue;
		}
		buf_put_str(out, str_slice(s, plain, at));
		plain = ++at;
		if (n == 0)
			buf_puts(out, "\xef\xbf\xbd");
		else if (c < 0x20)
			put_control(out, c);
		else
			buf_printf(out, "\\%c", c);
	}
	buf_put_str(out, str_slice(s, plain, s.n));
	buf_putc(out, '"');
}

static void new_line(struct json_writer *w)
{
	if (w->indent)
		buf_printf(w->out, "\n%*s", (int)(w->indent * w->depth), "");
}

/* What stands between the last thing written and the next. */
static void separate(struct json_writer *w)
{
	if (w->after_key) {
		w->after_key = false;
		return;
	}
	if (w->needs_comma)
		buf_putc(w->out, ',');
	if (w->depth)
		new_line(w);
	w->needs_comma = true;
}

void json_open(struct json_writer *w, char bracket)
{
	separate(w);
	buf_putc(w->out, bracket);
	w->depth++;
	w->needs_comma = false;
}

void json_close(struct json_writer *w, char bracket)
{
	w->depth--;
	if (w->needs_comma)
		new_line(w);
	buf_putc(w->out, bracket);
	w->needs_comma = true;
}

void json_key_str(struct json_writer *w, struct str key)
{
	separate(w);
	json_put_string(w->out, key);
	buf_puts(w->out, w->indent ? ": " : ":");
	w->after_key = true;
}

void json_key(struct json_writer *w, const char *key)
{
	json_key_str(w, str_of(key));
}

void json_string(struct json_writer *w, struct str s)
{
	separate(w);
	json_put_string(w->out, s);
}

void json_int(struct json_writer *w, int64_t i)
{
	separate(w);
	buf_put_int(w->out, i);
}

void json_bool(struct json_writer *w, bool b)
{
	json_raw(w, b ? STR("true") : STR("false"));
}

void json_null(struct json_writer *w)
{
	json_raw(w, STR("null"));
}

void json_raw(struct json_writer *w, struct str json)
{
	separate(w);
	buf_put_str(w->out, json);
}

/*
 * By its source where that is JSON's spelling too. TOML has more of them
 * (0x10, 1_000, +1, inf): those are spelled from the value.
 */
static void put_number(struct json_writer *w, const struct value *v)
{
	if (json_is_number(v->text)) {
		json_raw(w, v->text);
		return;
	}
	struct arena arena = {0};
	struct value bare = {.kind = v->kind, .as = v->as};
	struct str text = value_spell(&arena, &bare);
	json_raw(w, json_is_number(text) ? text : STR("null"));
	arena_release(&arena);
}

static void put_table(struct json_writer *w, const struct value *v)
{
	json_open(w, '{');
	for (size_t i = 0; i < v->as.table.n; i++) {
		json_key_str(w, v->as.table.members[i].key);
		json_value(w, v->as.table.members[i].value);
	}
	json_close(w, '}');
}

static void put_array(struct json_writer *w, const struct value *v)
{
	json_open(w, '[');
	for (size_t i = 0; i < v->as.array.n; i++)
		json_value(w, v->as.array.items[i]);
	json_close(w, ']');
}

void json_value(struct json_writer *w, const struct value *v)
{
	switch (v->kind) {
	case VALUE_NULL:
		json_null(w);
		break;
	case VALUE_BOOL:
		json_bool(w, v->as.b);
		break;
	case VALUE_INT:
	case VALUE_FLOAT:
		put_number(w, v);
		break;
	case VALUE_STRING:
	case VALUE_DATETIME:
		json_string(w, v->text);
		break;
	case VALUE_ARRAY:
		put_array(w, v);
		break;
	case VALUE_TABLE:
		put_table(w, v);
		break;
	}
}
