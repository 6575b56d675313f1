#include "lib/json.h"

#include <stdlib.h>
#include <string.h>

#include "lib/json-token.h"
#include "lib/utf8.h"

/*
 * The reader: recursive descent over RFC 8259's grammar. Line breaks are only
 * legal between tokens, so lines are counted where white space is skipped.
 *
 * Keys are held against each other once per object, when it closes, by
 * sorting: a look-up per key would cost a large hostile object n² steps.
 */
struct reader {
	struct arena *arena;
	struct diag *diag;
	const char *file;
	struct str text;
	size_t at;
	size_t line_start; /* offset of the line's first byte */
	uint32_t line;
	unsigned depth;
	size_t values;
};

static struct pos pos_at(const struct reader *r, size_t at)
{
	return (struct pos){.file = r->file,
	    .line = r->line,
	    .col = (uint32_t)(at - r->line_start + 1)};
}

static enum err wrong_at(const struct reader *r, size_t at, const char *what)
{
	diag_error(r->diag, pos_at(r, at), "json-syntax", "%s", what);
	return ERR_SYNTAX;
}

static enum err wrong(const struct reader *r, const char *what)
{
	return wrong_at(
	    r, r->at, r->at < r->text.n ? what : "it ends too early");
}

/* The next byte, or NUL at the end (a NUL is legal nowhere in JSON). */
static char peek(const struct reader *r)
{
	return r->at < r->text.n ? r->text.p[r->at] : '\0';
}

static void skip_space(struct reader *r)
{
	for (; r->at < r->text.n; r->at++) {
		switch (r->text.p[r->at]) {
		case '\n':
			r->line++;
			r->line_start = r->at + 1;
			break;
		case ' ':
		case '\t':
		case '\r':
			break;
		default:
			return;
		}
	}
}

/* False when it does not fit; s is digits with or without a sign. */
static bool to_int(struct str s, int64_t *out)
{
	bool negative = s.p[0] == '-';
	int64_t i = 0;

	for (size_t at = negative; at < s.n; at++) {
		int digit = s.p[at] - '0';
		if (__builtin_mul_overflow(i, 10, &i) ||
		    __builtin_sub_overflow(i, digit, &i))
			return false;
	}
	if (!negative && i == INT64_MIN)
		return false;
	*out = negative ? i : -i;
	return true;
}

static enum err read_number(struct reader *r, struct value *v)
{
	struct str rest = str_slice(r->text, r->at, r->text.n);
	bool whole;
	size_t n = json_number_length(rest, &whole);

	if (n == 0)
		return wrong(r, "a number must have digits here");
	if (n < rest.n && rest.p[n] >= '0' && rest.p[n] <= '9')
		return wrong(r, "a number must not start with 0");
	v->text = str_slice(rest, 0, n);
	if (whole && to_int(v->text, &v->as.i)) {
		v->kind = VALUE_INT;
	} else {
		v->kind = VALUE_FLOAT;
		v->as.f = strtod(arena_cstr(r->arena, v->text), NULL);
	}
	r->at += n;
	return ERR_OK;
}

static enum err read_string(struct reader *r, struct str *out)
{
	size_t from = ++r->at, step;
	bool escaped = false;

	for (char c; (c = peek(r)) != '"'; r->at += step) {
		if (r->at >= r->text.n)
			return wrong_at(r, from - 1, "this string has no end");
		step = 1;
		if (c == '\\') {
			int32_t code = json_escape(r->text, r->at, &step);
			if (code <= 0)
				return wrong(r,
				    code ? "this escape is not one of JSON's, "
					   "or half of a surrogate pair"
					 : "a string must not hold NUL");
			step -= r->at;
			escaped = true;
		} else if ((unsigned char)c < 0x20) {
			return wrong(r, "a control character must be escaped");
		} else if ((unsigned char)c >= 0x80) {
			step = utf8_char(r->text, r->at);
			if (step == 0)
				return wrong(r, "this is not UTF-8");
		}
	}
	*out = str_slice(r->text, from, r->at++);
	if (escaped)
		*out = json_unescape(r->arena, *out);
	return ERR_OK;
}

static enum err read_value(struct reader *r, struct value **out);

static enum err read_array(struct reader *r, struct value *array)
{
	r->at++;
	skip_space(r);
	if (peek(r) == ']') {
		r->at++;
		return ERR_OK;
	}
	for (;;) {
		struct value *item;
		enum err err = read_value(r, &item);
		if (err)
			return err;
		value_push(r->arena, array, item);
		skip_space(r);
		if (peek(r) == ']')
			break;
		if (peek(r) != ',')
			return wrong(r, "a ',' or ']' is missing here");
		r->at++;
	}
	r->at++;
	return ERR_OK;
}

static void append_member(
    struct arena *arena, struct value *table, const struct member *m)
{
	if (table->as.table.n == table->as.table.cap) {
		size_t cap = table->as.table.cap ? table->as.table.cap * 2 : 4;
		struct member *bigger =
		    arena_array(arena, cap, sizeof(*bigger));
		if (table->as.table.n)
			memcpy(bigger, table->as.table.members,
			    table->as.table.n * sizeof(*bigger));
		table->as.table.members = bigger;
		table->as.table.cap = cap;
	}
	table->as.table.members[table->as.table.n++] = *m;
}

/* By key; among equals the later one stands last. */
static int by_key(const void *left, const void *right)
{
	const struct member *a = *(const struct member *const *)left;
	const struct member *b = *(const struct member *const *)right;
	int order = str_cmp(a->key, b->key);
	return order ? order : (a > b) - (a < b);
}

static enum err check_keys(struct reader *r, const struct value *table)
{
	size_t n = table->as.table.n;

	if (n < 2)
		return ERR_OK;
	const struct member **sorted =
	    arena_array(r->arena, n, sizeof(*sorted));
	for (size_t i = 0; i < n; i++)
		sorted[i] = &table->as.table.members[i];
	qsort(sorted, n, sizeof(*sorted), by_key);
	for (size_t i = 1; i < n; i++) {
		if (!str_eq(sorted[i - 1]->key, sorted[i]->key))
			continue;
		diag_error(r->diag, sorted[i]->pos, "json-syntax",
		    "the name \"%.*s\" stands twice in one object",
		    STR_ARG(str_slice(sorted[i]->key, 0, 60)));
		return ERR_SYNTAX;
	}
	return ERR_OK;
}

static enum err read_member(struct reader *r, struct value *table)
{
	struct member m = {0};

	skip_space(r);
	m.pos = pos_at(r, r->at);
	if (peek(r) != '"')
		return wrong(r, "a name in double quotes is missing here");
	enum err err = read_string(r, &m.key);
	if (err)
		return err;
	skip_space(r);
	if (peek(r) != ':')
		return wrong(r, "a ':' is missing here");
	r->at++;
	err = read_value(r, &m.value);
	if (err)
		return err;
	append_member(r->arena, table, &m);
	return ERR_OK;
}

static enum err read_object(struct reader *r, struct value *table)
{
	r->at++;
	skip_space(r);
	if (peek(r) == '}') {
		r->at++;
		return ERR_OK;
	}
	for (;;) {
		enum err err = read_member(r, table);
		if (err)
			return err;
		skip_space(r);
		if (peek(r) == '}')
			break;
		if (peek(r) != ',')
			return wrong(r, "a ',' or '}' is missing here");
		r->at++;
	}
	r->at++;
	return check_keys(r, table);
}

static enum err read_word(struct reader *r, struct value *v)
{
	static const struct {
		const char *word;
		enum value_kind kind;
		bool b;
	} words[] = {{"true", VALUE_BOOL, true}, {"false", VALUE_BOOL, false},
	    {"null", VALUE_NULL, false}};
	struct str rest = str_slice(r->text, r->at, r->text.n);

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (!str_starts(rest, words[i].word))
			continue;
		v->kind = words[i].kind;
		v->as.b = words[i].b;
		r->at += strlen(words[i].word);
		return ERR_OK;
	}
	return wrong(r, "a value is missing here");
}

static enum err read_nested(struct reader *r, struct value *v)
{
	if (r->depth == JSON_DEPTH_MAX)
		return wrong(r, "it is nested too deeply");
	r->depth++;
	enum err err =
	    v->kind == VALUE_TABLE ? read_object(r, v) : read_array(r, v);
	r->depth--;
	return err;
}

static enum err read_value(struct reader *r, struct value **out)
{
	skip_space(r);
	if (++r->values > JSON_VALUES_MAX) {
		diag_error(r->diag, pos_at(r, r->at), "json-too-large",
		    "it holds more than %d values", JSON_VALUES_MAX);
		return ERR_TOO_LARGE;
	}
	struct value *v = value_new(r->arena, VALUE_NULL, pos_at(r, r->at));
	*out = v;
	switch (peek(r)) {
	case '{':
		v->kind = VALUE_TABLE;
		return read_nested(r, v);
	case '[':
		v->kind = VALUE_ARRAY;
		return read_nested(r, v);
	case '"':
		v->kind = VALUE_STRING;
		return read_string(r, &v->text);
	case '-':
		return read_number(r, v);
	default:
		break;
	}
	return peek(r) >= '0' && peek(r) <= '9' ? read_number(r, v)
						: read_word(r, v);
}

enum err json_read(struct arena *a, struct str text, size_t max,
    const char *file, struct diag *diag, struct value **out)
{
	struct reader r = {.arena = a, .diag = diag, .text = text, .line = 1};

	*out = NULL;
	r.file = file ? arena_cstr(a, str_of(file)) : NULL;
	if (text.n > max) {
		diag_error(diag, POS_FILE(r.file), "json-too-large",
		    "it has more than %zu bytes", max);
		return ERR_TOO_LARGE;
	}
	if (str_starts(text, "\xef\xbb\xbf"))
		return wrong(&r, "it starts with a byte order mark; save it "
				 "without one");
	enum err err = read_value(&r, out);
	if (!err) {
		skip_space(&r);
		if (r.at < text.n)
			err = wrong(&r, "something stands behind the end");
	}
	if (err)
		*out = NULL;
	return err;
}
