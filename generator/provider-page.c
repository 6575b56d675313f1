#include "generator/provider-work.h"

/*
 * A page that a provider sends people back to, signed in or out. It compares
 * the URL byte for byte with those that were registered, so nothing is made
 * better here than it was written.
 */

size_t provider_scheme(struct str s)
{
	size_t n = str_find(s, ':', 0);

	if (n == s.n || (n + 1 < s.n && s.p[n + 1] >= '0' && s.p[n + 1] <= '9'))
		return 0;
	for (size_t i = 0; i < n; i++) {
		char c = s.p[i];
		bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
		bool other =
		    (c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.';
		if (!letter && !(other && i))
			return 0;
	}
	return n;
}

/* A segment that is "." or "..", with %2E for any of its dots. */
static bool has_dots(struct provider_work *w, struct str path)
{
	struct str plain;

	for (size_t at = 0, end; at < path.n; at = end + 1) {
		end = str_find(path, '/', at);
		if (url_decode(w->arena, str_slice(path, at, end), &plain) ==
			ERR_OK &&
		    (str_is(plain, ".") || str_is(plain, "..")))
			return true;
	}
	return false;
}

static void check_parts(struct provider_work *w, const char *key,
    const struct url *url, struct pos pos)
{
	if (!str_is(url->scheme, "https") && !url_is_loopback(url))
		provider_refuse(w, pos, "redirect-scheme",
		    "%s is at %.*s without https, and the code would be for "
		    "everybody on the way; write https, http is for localhost "
		    "only",
		    key, STR_ARG(url->host));
	if (url->fragment.p)
		provider_refuse(w, pos, "redirect-fragment",
		    "%s must have no fragment (RFC 6749 3.1.2); leave out "
		    "\"#%.*s\"",
		    key, STR_ARG(url->fragment));
	if (url->userinfo.p)
		provider_refuse(w, pos, "redirect-userinfo",
		    "%s must name no user; leave out what is before \"@\"",
		    key);
	if (has_dots(w, url->path))
		provider_refuse(w, pos, "redirect-dots",
		    "%s has a segment of dots, and a browser goes elsewhere "
		    "then; write the path without it",
		    key);
	provider_check_path(w, key, url->path, pos);
}

bool provider_check_absolute(struct provider_work *w, const char *key,
    struct str uri, struct pos pos, struct url *url)
{
	size_t scheme = provider_scheme(uri);
	bool is_web = str_ieq(str_slice(uri, 0, scheme), STR("http")) ||
		      str_ieq(str_slice(uri, 0, scheme), STR("https"));

	if (str_find(uri, '*', 0) < uri.n) {
		provider_refuse(w, pos, "redirect-wildcard",
		    "%s \"%.*s\" has a \"*\", but redirects are compared byte "
		    "for byte (RFC 9700 2.1); write each of them out",
		    key, STR_ARG(uri));
		return false;
	}
	if (scheme && !is_web) {
		provider_refuse(w, pos, "redirect-scheme",
		    "%s is \"%.*s\", which is no page of a site; write an "
		    "https URL",
		    key, STR_ARG(uri));
		return false;
	}
	if (url_split(w->arena, uri, url) == ERR_OK)
		return true;
	provider_refuse(w, pos, "redirect-relative",
	    is_web
		? "%s \"%.*s\" is no URL; write "
		  "\"https://www.example.org/path\", and %%XX for spaces and "
		  "letters beyond ASCII"
		: "%s \"%.*s\" is not an absolute URL; providers compare it "
		  "byte for byte, so write it in full",
	    key, STR_ARG(uri));
	return false;
}

bool provider_check_page(
    struct provider_work *w, const char *key, struct str uri, struct pos pos)
{
	bool before = w->refused;
	struct url url;

	w->refused = false;
	if (provider_check_absolute(w, key, uri, pos, &url))
		check_parts(w, key, &url, pos);
	bool good = !w->refused;
	w->refused |= before;
	return good;
}

/* What is wrong with base_url is told of that, and the same for all of them. */
static bool check_base(struct provider_work *w, const char *key, struct pos pos)
{
	const struct value *base = w->base_url;

	if (!base || !base->text.n) {
		provider_refuse(w, pos, "redirect-relative",
		    "%s needs a base_url to be joined to; set one", key);
		return false;
	}
	if (str_find(base->text, '?', 0) < base->text.n ||
	    str_find(base->text, '#', 0) < base->text.n) {
		provider_refuse(w, base->pos, "base-has-query",
		    "base_url is what paths are joined to; leave out its query "
		    "and fragment");
		return false;
	}
	return provider_check_page(w, "base_url", base->text, base->pos);
}

struct str provider_spelled(struct provider_work *w, struct str uri)
{
	struct url url;

	if (url_split(w->arena, uri, &url) != ERR_OK)
		return uri;
	struct str origin = url_origin(w->arena, &url);
	struct str rest = str_slice(
	    uri, url.path.p ? (size_t)(url.path.p - uri.p) : uri.n, uri.n);
	return arena_printf(w->arena, "%.*s%s%.*s", STR_ARG(origin),
	    str_starts(rest, "/") ? "" : "/", STR_ARG(rest));
}

struct str provider_page(
    struct provider_work *w, const char *key, struct str path, struct pos pos)
{
	struct str none = {0};

	if (provider_scheme(path)) {
		provider_refuse(w, pos, "redirect-relative",
		    "%s \"%.*s\" is a whole URL, and is joined to base_url; "
		    "write its path alone, from its \"/\" on",
		    key, STR_ARG(path));
		return none;
	}
	if (!str_starts(path, "/") || str_starts(path, "//")) {
		provider_refuse(w, pos, "redirect-relative",
		    "%s \"%.*s\" does not begin with one \"/\"; it is joined "
		    "to base_url",
		    key, STR_ARG(path));
		return none;
	}
	if (!check_base(w, key, pos))
		return none;
	w->out->from_env |= w->base_url->from_env;
	return provider_join(w, w->base_url->text, path);
}
