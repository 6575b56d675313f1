#include "lib/json-pull.h"

#include <string.h>

#include "lib/json-token.h"
#include "lib/utf8.h"

#define COUNT_MAX ((UINT64_C(1) << 53) - 1)

static struct pos pos_at(const struct json_pull *p, size_t at)
{
	return (struct pos){.file = p->file,
	    .line = p->line,
	    .col = (uint32_t)(at - p->line_start + 1)};
}

static void wrong_at(struct json_pull *p, size_t at, const char *what)
{
	if (!p->err)
		diag_error(p->diag, pos_at(p, at), p->finding, "%s", what);
	json_pull_stop(p, ERR_INPUT);
}

static void wrong(struct json_pull *p, const char *what)
{
	wrong_at(p, p->at, p->at < p->text.n ? what : "it ends too early");
}

void json_pull_stop(struct json_pull *p, enum err err)
{
	if (!p->err)
		p->err = err;
}

/* The next byte that is no white space; NUL at the end and after an error. */
static char next(struct json_pull *p)
{
	if (p->err)
		return '\0';
	if (p->line == 0)
		p->line = 1;
	for (; p->at < p->text.n; p->at++) {
		switch (p->text.p[p->at]) {
		case '\n':
			p->line++;
			p->line_start = p->at + 1;
			break;
		case ' ':
		case '\t':
		case '\r':
			break;
		default:
			return p->text.p[p->at];
		}
	}
	return '\0';
}

struct pos json_pull_pos(struct json_pull *p)
{
	next(p);
	return pos_at(p, p->at);
}

void json_pull_open(struct json_pull *p, char bracket)
{
	if (next(p) != bracket) {
		wrong(p, bracket == '{' ? "a '{' is missing here"
					: "a '[' is missing here");
		return;
	}
	p->at++;
	p->opened = true;
}

/* Past the comma before a further one; false at what closes, eaten too. */
static bool another(struct json_pull *p, char closing)
{
	char c = next(p);

	if (p->err)
		return false;
	if (c == closing) {
		p->at++;
		p->opened = false;
		return false;
	}
	if (!p->opened) {
		if (c != ',') {
			wrong(p, closing == '}' ? "a ',' or '}' is missing here"
						: "a ',' or ']' is missing "
						  "here");
			return false;
		}
		p->at++;
	}
	p->opened = false;
	return true;
}

/* One character that does not stand for itself; false: an error was told. */
static bool odd_character(struct json_pull *p, bool *escaped)
{
	unsigned char c = (unsigned char)p->text.p[p->at];
	size_t end;

	if (c == '\\') {
		int32_t code = json_escape(p->text, p->at, &end);
		if (code <= 0) {
			wrong(p, code ? "this escape is not one of JSON's, or "
					"half of a surrogate pair"
				      : "a string must not hold NUL");
			return false;
		}
		p->at = end;
		*escaped = true;
		return true;
	}
	size_t n = c < 0x20 ? 0 : utf8_char(p->text, p->at);
	if (n == 0)
		wrong(p, c < 0x20 ? "a control character must be escaped"
				  : "this is not UTF-8");
	p->at += n;
	return n > 0;
}

void json_pull_string(struct json_pull *p, struct str *out)
{
	bool escaped = false;

	*out = (struct str){0};
	if (next(p) != '"') {
		wrong(p, "a string is missing here");
		return;
	}
	size_t from = ++p->at;
	for (;;) {
		p->at = json_plain_until(p->text, p->at);
		if (p->at >= p->text.n) {
			wrong_at(p, from - 1, "this string has no end");
			return;
		}
		if (p->text.p[p->at] == '"')
			break;
		if (!odd_character(p, &escaped))
			return;
	}
	*out = str_slice(p->text, from, p->at++);
	if (escaped)
		*out = json_unescape(p->arena, *out);
}

bool json_pull_key(struct json_pull *p, struct str *key)
{
	*key = (struct str){0};
	if (!another(p, '}'))
		return false;
	json_pull_string(p, key);
	if (next(p) != ':')
		wrong(p, "a ':' is missing here");
	else
		p->at++;
	return !p->err;
}

bool json_pull_item(struct json_pull *p)
{
	return another(p, ']');
}

void json_pull_count(struct json_pull *p, uint64_t *out)
{
	bool whole;

	*out = 0;
	next(p);
	if (p->err)
		return;
	struct str s = str_slice(p->text, p->at, p->text.n);
	size_t n = json_number_length(s, &whole);
	if (n == 0 || !whole || s.p[0] == '-' ||
	    (n < s.n && s.p[n] >= '0' && s.p[n] <= '9')) {
		wrong(p, "a whole number is missing here");
		return;
	}
	for (size_t i = 0; i < n && *out <= COUNT_MAX; i++)
		*out = *out * 10 + (uint64_t)(s.p[i] - '0');
	if (*out > COUNT_MAX) {
		wrong(p, "this number is too large");
		*out = 0;
		return;
	}
	p->at += n;
}

void json_pull_bool(struct json_pull *p, bool *out)
{
	*out = false;
	next(p);
	if (p->err)
		return;
	struct str s = str_slice(p->text, p->at, p->text.n);
	if (!str_starts(s, "true") && !str_starts(s, "false")) {
		wrong(p, "true or false is missing here");
		return;
	}
	*out = str_starts(s, "true");
	p->at += *out ? 4 : 5;
}

void json_pull_end(struct json_pull *p)
{
	next(p);
	if (!p->err && p->at < p->text.n)
		wrong(p, "something stands behind the end");
}
