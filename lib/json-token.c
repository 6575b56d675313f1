#include "lib/json-token.h"

#include <string.h>

#include "lib/json.h"
#include "lib/utf8.h"

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static size_t skip_digits(struct str s, size_t at)
{
	while (at < s.n && is_digit(s.p[at]))
		at++;
	return at;
}

static char char_at(struct str s, size_t at)
{
	return at < s.n ? s.p[at] : '\0';
}

size_t json_number_length(struct str s, bool *whole)
{
	size_t at = char_at(s, 0) == '-', next;

	*whole = true;
	next = char_at(s, at) == '0' ? at + 1 : skip_digits(s, at);
	if (next == at)
		return 0;
	at = next;
	if (char_at(s, at) == '.') {
		*whole = false;
		next = skip_digits(s, at + 1);
		if (next == at + 1)
			return 0;
		at = next;
	}
	if (char_at(s, at) == 'e' || char_at(s, at) == 'E') {
		*whole = false;
		at++;
		if (char_at(s, at) == '+' || char_at(s, at) == '-')
			at++;
		next = skip_digits(s, at);
		if (next == at)
			return 0;
		at = next;
	}
	return at;
}

bool json_is_number(struct str s)
{
	bool whole;
	return s.n > 0 && json_number_length(s, &whole) == s.n;
}

/* Four hexadecimal digits; -1 when they are not. */
static int32_t hex4(struct str s, size_t at)
{
	int32_t code = 0;

	if (s.n < 4 || at > s.n - 4)
		return -1;
	for (size_t i = at; i < at + 4; i++) {
		char c = s.p[i];
		int digit = is_digit(c)		   ? c - '0'
			    : c >= 'a' && c <= 'f' ? c - 'a' + 10
			    : c >= 'A' && c <= 'F' ? c - 'A' + 10
						   : -1;
		if (digit < 0)
			return -1;
		code = code * 16 + digit;
	}
	return code;
}

int32_t json_escape(struct str s, size_t at, size_t *end)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	char c = char_at(s, at + 1);
	const char *simple = c ? strchr(from, c) : NULL;

	*end = at + 2;
	if (simple)
		return to[simple - from];
	if (c != 'u')
		return -1;
	int32_t code = hex4(s, at + 2);
	*end = at + 6;
	if (code < 0xd800 || code > 0xdfff)
		return code;
	if (code >= 0xdc00 || char_at(s, at + 6) != '\\' ||
	    char_at(s, at + 7) != 'u')
		return -1;
	int32_t low = hex4(s, at + 8);
	*end = at + 12;
	if (low < 0xdc00 || low > 0xdfff)
		return -1;
	return 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
}

struct str json_unescape(struct arena *arena, struct str raw)
{
	char *out = arena_alloc(arena, raw.n + 1);
	size_t n = 0, end;

	for (size_t at = 0; at < raw.n; at = end) {
		if (raw.p[at] == '\\') {
			int32_t code = json_escape(raw, at, &end);
			n += utf8_put(out + n, (uint32_t)code);
		} else {
			out[n++] = raw.p[at];
			end = at + 1;
		}
	}
	return (struct str){.p = out, .n = n};
}

/*
 * Nearly all bytes of nearly all strings stand for themselves, so eight are
 * looked at together: a byte from which more is taken than it has gets its top
 * bit set, which no such byte has.
 */
size_t json_plain_until(struct str s, size_t at)
{
	const uint64_t ones = UINT64_C(0x0101010101010101), tops = ones << 7;
	uint64_t x;

	for (; s.n - at >= sizeof(x); at += sizeof(x)) {
		memcpy(&x, s.p + at, sizeof(x));
		uint64_t quote = x ^ ones * '"', backslash = x ^ ones * '\\';
		if ((x | (x - ones * 0x20) | (quote - ones) |
			(backslash - ones)) &
		    tops)
			break;
	}
	while (at < s.n && (unsigned char)s.p[at] >= 0x20 &&
	       (unsigned char)s.p[at] < 0x80 && s.p[at] != '"' &&
	       s.p[at] != '\\')
		at++;
	return at;
}
