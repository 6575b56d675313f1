#include "cgi/compose-parts.h"

#include "lib/url.h"

/*
 * Where an answer says that one may ask again. A reference is resolved as RFC
 * 3986 5.2 has it, as text, and the result is read once more as an absolute
 * URL; what is called is that text, so that nothing is understood in one way
 * here and in another one by whoever opens the connection. Only the origin of
 * the upstream's base is gone to: credentials of its own go along.
 */
static bool is_scheme_char(char c, bool first)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (!first && ((c >= '0' && c <= '9') || c == '+' || c == '-' ||
			      c == '.'));
}

static bool has_scheme(struct str ref)
{
	size_t i = 0;

	while (i < ref.n && is_scheme_char(ref.p[i], i == 0))
		i++;
	return i > 0 && i < ref.n && ref.p[i] == ':';
}

/* RFC 3986 5.2.4. Of an absolute path, which stays one. */
static struct str without_dots(struct arena *a, struct str path)
{
	struct buf out = {0};

	for (size_t at = 0; at < path.n;) {
		const size_t end = str_find(path, '/', at + 1);
		const struct str part = str_slice(path, at, end);
		const bool up = str_is(part, "/..");

		if (up || str_is(part, "/.")) {
			while (up && out.len && out.data[--out.len] != '/')
				;
			if (end == path.n)
				buf_putc(&out, '/');
		} else {
			buf_put_str(&out, part);
		}
		at = end;
	}
	struct str s = arena_str(a, buf_str(&out));
	buf_release(&out);
	return s;
}

/* All of `path` up to its last '/', and `ref` behind it (RFC 3986 5.2.3). */
static struct str merged(struct arena *a, struct str path, struct str ref)
{
	size_t n = path.n;

	while (n && path.p[n - 1] != '/')
		n--;
	return arena_join(a, 2,
	    (const struct str[]){n ? str_slice(path, 0, n) : STR("/"), ref});
}

/* "?query" with its mark, or nothing. */
static struct str tail_of(struct arena *a, struct str query)
{
	return query.p ? arena_join(a, 2, (const struct str[]){STR("?"), query})
		       : (struct str){0};
}

/* A reference that names no scheme, and its host only behind "//". */
static struct str resolved(
    struct arena *a, const struct url *base, struct str ref)
{
	const size_t end = str_find(ref, '?', 0);
	struct str path = str_slice(ref, 0, end), query = {0};

	if (str_starts(ref, "//"))
		return arena_join(
		    a, 3, (const struct str[]){base->scheme, STR(":"), ref});
	if (end < ref.n)
		query = str_slice(ref, end, ref.n);
	else if (!path.n)
		query = tail_of(a, base->query);
	if (!path.n)
		path = base->path;
	else if (path.p[0] != '/')
		path = merged(a, base->path, path);
	return arena_join(a, 3,
	    (const struct str[]){
		url_origin(a, base), without_dots(a, path), query});
}

/* The same place, as one that is called: no name in it, no fragment. */
static bool is_of(
    struct arena *a, const struct upstream *upstream, struct str url)
{
	struct url base, there;

	return url_split(a, upstream->base, &base) == ERR_OK &&
	       url_split(a, url, &there) == ERR_OK && !there.userinfo.p &&
	       str_eq(url_origin(a, &base), url_origin(a, &there));
}

struct str compose_poll_url(struct arena *a, const struct compose *c,
    struct str from, struct str location)
{
	struct url base;

	if (!location.n || location.n > UPSTREAM_LOCATION_MAX || !c->upstream ||
	    url_split(a, from, &base) != ERR_OK)
		return (struct str){0};
	location = str_slice(location, 0, str_find(location, '#', 0));
	const struct str url =
	    has_scheme(location) ? location : resolved(a, &base, location);
	return url.n <= UPSTREAM_LOCATION_MAX && is_of(a, c->upstream, url)
		   ? arena_str(a, url)
		   : (struct str){0};
}

enum err compose_poll(struct arena *a, const struct compose *c, struct str url,
    struct upstream_call *out, struct str *why)
{
	struct template_source source;

	*why = (struct str){0};
	*out = compose_rules(a, c);
	if (!c->upstream || !is_of(a, c->upstream, url)) {
		*why = STR("the upstream's address is another one by now");
		return ERR_INPUT;
	}
	out->method = "GET";
	out->url = arena_cstr(a, url);
	out->reuse = true;
	compose_source(a, c, &source);
	return compose_headers(a, c, &source, &out->headers, why);
}
