#include "lib/url.h"

#include <stdlib.h>
#include <string.h>

#include "lib/utf8.h"

static bool is_alpha(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* RFC 3986 2.3 */
static bool is_unreserved(char c)
{
	return is_alpha(c) || is_digit(c) || c == '-' || c == '.' || c == '_' ||
	       c == '~';
}

enum err url_encode(struct buf *out, struct str s)
{
	static const char hex[] = "0123456789ABCDEF";

	if (!utf8_valid(s))
		return ERR_INPUT;
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		if (is_unreserved(s.p[i])) {
			buf_putc(out, s.p[i]);
			continue;
		}
		buf_putc(out, '%');
		buf_putc(out, hex[c >> 4]);
		buf_putc(out, hex[c & 15]);
	}
	return ERR_OK;
}

static int hex_digit(char c)
{
	if (is_digit(c))
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* The byte that %XX at s.p[i] stands for, or -1. */
static int escaped_byte(struct str s, size_t i)
{
	if (s.n - i < 3)
		return -1;
	int high = hex_digit(s.p[i + 1]), low = hex_digit(s.p[i + 2]);
	return high < 0 || low < 0 ? -1 : high * 16 + low;
}

enum err url_decode(struct arena *a, struct str s, struct str *out)
{
	*out = s;
	if (str_find(s, '%', 0) < s.n) {
		char *text = arena_alloc(a, s.n + 1);
		size_t n = 0;
		for (size_t i = 0; i < s.n; i++) {
			int byte = (unsigned char)s.p[i];
			if (s.p[i] == '%') {
				byte = escaped_byte(s, i);
				i += 2;
			}
			if (byte < 0)
				return ERR_INPUT;
			text[n++] = (char)byte;
		}
		*out = (struct str){.p = text, .n = n};
	}
	if (str_find(*out, '\0', 0) < out->n || !utf8_valid(*out))
		return ERR_INPUT;
	return ERR_OK;
}

/* Visible ASCII without the characters that no URL holds (RFC 3986 2). */
static bool all_allowed(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] <= ' ' || s.p[i] > '~' ||
		    strchr("\"<>\\^`{|}", s.p[i]))
			return false;
	return true;
}

static enum err split_port(struct str text, uint16_t *port)
{
	long n = 0;

	if (text.n == 0 || text.n > 5)
		return ERR_INPUT;
	for (size_t i = 0; i < text.n; i++) {
		if (!is_digit(text.p[i]))
			return ERR_INPUT;
		n = n * 10 + (text.p[i] - '0');
	}
	if (n < 1 || n > 65535)
		return ERR_INPUT;
	*port = (uint16_t)n;
	return ERR_OK;
}

/*
 * Of a name, an IPv4 address, or an IPv6 one in its brackets. RFC 3986 3.2.2
 * has more, `;` and `'` among it, that no host is called; and hosts stand in
 * what is made of those: a header of policies, a server's configuration.
 */
static bool is_host(struct str s)
{
	bool v6 = str_starts(s, "[");

	for (size_t i = v6 ? 1 : 0; i < s.n - (v6 ? 1 : 0); i++) {
		char c = s.p[i];
		bool good = v6 ? hex_digit(c) >= 0 || c == ':' || c == '.'
			       : is_alpha(c) || is_digit(c) || c == '-' ||
				     c == '.' || c == '_';
		if (!good)
			return false;
	}
	return s.n > 0;
}

/* [userinfo@]host[:port] */
static enum err split_authority(struct str s, struct url *out)
{
	size_t at = s.n, end;

	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] == '@')
			at = i;
	if (at < s.n) {
		out->userinfo = str_slice(s, 0, at);
		s = str_slice(s, at + 1, s.n);
	}
	if (s.n && s.p[0] == '[') {
		end = str_find(s, ']', 0);
		if (end == s.n || end == 1)
			return ERR_INPUT;
		end++;
	} else {
		end = str_find(s, ':', 0);
	}
	out->host = str_slice(s, 0, end);
	if (!is_host(out->host))
		return ERR_INPUT;
	if (end == s.n)
		return ERR_OK;
	if (s.p[end] != ':')
		return ERR_INPUT;
	return split_port(str_slice(s, end + 1, s.n), &out->port);
}

/* Cuts what stands behind the first `mark` off *rest. */
static struct str cut(struct str *rest, char mark)
{
	size_t at = str_find(*rest, mark, 0);
	if (at == rest->n)
		return (struct str){0};
	struct str tail = {.p = rest->p + at + 1, .n = rest->n - at - 1};
	rest->n = at;
	return tail;
}

static void lower(char *text)
{
	for (char *c = text; *c; c++)
		if (*c >= 'A' && *c <= 'Z')
			*c = (char)(*c - 'A' + 'a');
}

enum err url_split(struct arena *a, struct str s, struct url *out)
{
	*out = (struct url){0};
	size_t colon = str_find(s, ':', 0);
	char *scheme = arena_cstr(a, str_slice(s, 0, colon));
	lower(scheme);
	out->scheme = str_of(scheme);
	if (!str_is(out->scheme, "http") && !str_is(out->scheme, "https"))
		return ERR_INPUT;
	struct str rest = str_slice(s, colon, s.n);
	if (!str_starts(rest, "://") || !all_allowed(rest))
		return ERR_INPUT;
	rest = str_slice(rest, 3, rest.n);
	out->fragment = cut(&rest, '#');
	out->query = cut(&rest, '?');
	size_t slash = str_find(rest, '/', 0);
	out->path = str_slice(rest, slash, rest.n);
	return split_authority(str_slice(rest, 0, slash), out);
}

struct str url_origin(struct arena *a, const struct url *url)
{
	uint16_t usual = str_is(url->scheme, "https") ? 443 : 80;
	char *host = arena_cstr(a, url->host);

	lower(host);
	if (url->port == 0 || url->port == usual)
		return arena_printf(a, "%.*s://%s", STR_ARG(url->scheme), host);
	return arena_printf(
	    a, "%.*s://%s:%u", STR_ARG(url->scheme), host, url->port);
}

/* One decimal number of a byte, plainly written; cuts it off *rest. */
static bool take_byte(struct str *rest)
{
	size_t n = 0;
	int v = 0;

	for (; n < rest->n && n < 3 && is_digit(rest->p[n]); n++)
		v = v * 10 + (rest->p[n] - '0');
	*rest = str_slice(*rest, n, rest->n);
	return n > 0 && v <= 255;
}

/* 127.0.0.0/8. Anything else might be a name that leads elsewhere. */
static bool is_loopback_v4(struct str host)
{
	struct str rest = host;

	for (int i = 0; i < 4; i++) {
		if (i > 0) {
			if (!str_starts(rest, "."))
				return false;
			rest = str_slice(rest, 1, rest.n);
		}
		if (!take_byte(&rest))
			return false;
	}
	return rest.n == 0 && str_starts(host, "127.");
}

bool url_is_loopback(const struct url *url)
{
	struct str host = url->host;

	if (str_ieq(host, STR("localhost")) || str_is(host, "[::1]"))
		return true;
	const size_t tail = sizeof(".localhost") - 1;
	return (host.n > tail && str_ieq(str_slice(host, host.n - tail, host.n),
				     STR(".localhost"))) ||
	       is_loopback_v4(host);
}
