#include "lib/json-check.h"

#include "lib/json-token.h"
#include "lib/json.h"
#include "lib/utf8.h"

/*
 * What is open is a bit each, the innermost the lowest: 1 an object, 0 an
 * array.
 */
_Static_assert(JSON_DEPTH_MAX <= 64, "a bit for each level");
struct reader {
	struct str text;
	size_t at;
	unsigned depth;
	uint64_t objects;
};

static char peek(const struct reader *r)
{
	return r->at < r->text.n ? r->text.p[r->at] : '\0';
}

static char next(struct reader *r)
{
	while (r->at < r->text.n &&
	       (r->text.p[r->at] == ' ' || r->text.p[r->at] == '\t' ||
		   r->text.p[r->at] == '\n' || r->text.p[r->at] == '\r'))
		r->at++;
	return peek(r);
}

static bool string(struct reader *r)
{
	if (next(r) != '"')
		return false;
	for (r->at++;;) {
		size_t end;
		r->at = json_plain_until(r->text, r->at);
		const char c = peek(r);
		if (r->at == r->text.n)
			return false;
		if (c == '"') {
			r->at++;
			return true;
		}
		if (c == '\\') {
			if (json_escape(r->text, r->at, &end) < 0)
				return false;
			r->at = end;
		} else if ((unsigned char)c >= 0x80) {
			const size_t n = utf8_char(r->text, r->at);
			if (!n)
				return false;
			r->at += n;
		} else {
			return false;
		}
	}
}

static bool word(struct reader *r, const char *literal)
{
	if (!str_starts(str_slice(r->text, r->at, r->text.n), literal))
		return false;
	r->at += strlen(literal);
	return true;
}

static bool scalar(struct reader *r)
{
	bool whole;
	size_t n;

	switch (peek(r)) {
	case '"':
		return string(r);
	case 't':
		return word(r, "true");
	case 'f':
		return word(r, "false");
	case 'n':
		return word(r, "null");
	default:
		n = json_number_length(
		    str_slice(r->text, r->at, r->text.n), &whole);
		r->at += n;
		return n > 0;
	}
}

static bool is_object(const struct reader *r)
{
	return r->objects & 1;
}

/* A member's name and its colon. */
static bool name(struct reader *r)
{
	if (!string(r) || next(r) != ':')
		return false;
	r->at++;
	return true;
}

/* An opening bracket; *empty: it is closed again. */
static bool enter(struct reader *r, bool *empty)
{
	const bool object = peek(r) == '{';

	if (r->depth == JSON_DEPTH_MAX)
		return false;
	r->at++;
	*empty = next(r) == (object ? '}' : ']');
	if (*empty) {
		r->at++;
		return true;
	}
	r->depth++;
	r->objects = r->objects << 1 | object;
	return !object || name(r);
}

/* Behind a value: closes what ends there, up to a comma or the end. */
static bool leave(struct reader *r)
{
	while (r->depth) {
		const char c = next(r);
		r->at++;
		if (c == ',')
			return !is_object(r) || name(r);
		if (c != (is_object(r) ? '}' : ']'))
			return false;
		r->depth--;
		r->objects >>= 1;
	}
	return true;
}

bool json_check(struct str text)
{
	struct reader r = {.text = text};

	do {
		const char c = next(&r);
		bool empty = true;
		if (c == '{' || c == '[') {
			if (!enter(&r, &empty))
				return false;
		} else if (!scalar(&r)) {
			return false;
		}
		if (empty && !leave(&r))
			return false;
	} while (r.depth);
	next(&r);
	return r.at == r.text.n;
}
