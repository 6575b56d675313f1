#include "generator/provider-work.h"

#include "generator/keys.h"

bool provider_check_path(
    struct provider_work *w, const char *key, struct str path, struct pos pos)
{
	size_t i = 0;

	while (!str_starts(str_slice(path, i, path.n), "//"))
		if (++i >= path.n)
			return true;
	provider_refuse(w, pos, "double-slash",
	    "%s has an empty segment, \"%.*s\"; write one slash", key,
	    STR_ARG(str_slice(path, i, path.n)));
	return false;
}

/* A text that is no URL, as far as it may be shown: it may hold anything. */
static struct str shown(struct str text)
{
	size_t end = str_find(text, '?', 0);

	if (str_find(text, '@', 0) < text.n)
		return (struct str){0};
	return str_slice(text, 0, end);
}

static void refuse_text(
    struct provider_work *w, const char *key, struct str text, struct pos pos)
{
	struct url url;
	struct str seen = shown(text);
	struct str full = arena_printf(w->arena, "https://%.*s", STR_ARG(seen));
	bool is_bare = seen.n && str_find(text, ':', 0) == text.n &&
		       !str_starts(text, "/") &&
		       url_split(w->arena, full, &url) == ERR_OK;
	bool is_web =
	    str_starts(text, "https://") || str_starts(text, "http://");

	seen =
	    seen.n ? arena_printf(w->arena, " \"%.*s\"", STR_ARG(seen)) : seen;
	if (is_web)
		provider_refuse(w, pos, "endpoint-scheme",
		    "%s%.*s has what no URL has there; copy it again: with "
		    "%%XX "
		    "for spaces, quotes and letters beyond ASCII (in its host "
		    "xn--…), and no port but 1 to 65535",
		    key, STR_ARG(seen));
	else
		provider_refuse(w, pos, "endpoint-scheme",
		    "%s%.*s is not an https URL; write it in full, such as "
		    "\"%.*s\"",
		    key, STR_ARG(seen),
		    STR_ARG(is_bare ? full : STR("https://login.example.org")));
}

/* What a provider says of itself (RFC 8414, OpenID Connect Discovery). */
static bool is_discovery(struct str path)
{
	return str_ends(path, "/.well-known/openid-configuration") ||
	       str_ends(path, "/.well-known/oauth-authorization-server");
}

bool provider_check_url(
    struct provider_work *w, const char *key, struct str text, struct pos pos)
{
	struct url url;

	if (key_is_placeholder(text))
		return false; /* said already */
	if (url_split(w->arena, text, &url) != ERR_OK) {
		refuse_text(w, key, text, pos);
		return false;
	}
	bool plain = !str_is(url.scheme, "https") && !url_is_loopback(&url);
	if (plain)
		provider_refuse(w, pos, "endpoint-scheme",
		    "%s is at %.*s without https; write https, http is for "
		    "localhost only",
		    key, STR_ARG(url.host));
	if (url.fragment.p)
		provider_refuse(w, pos, "endpoint-fragment",
		    "%s has no fragment (RFC 6749 3); leave out \"#%.*s\"", key,
		    STR_ARG(url.fragment));
	if (url.userinfo.p)
		provider_refuse(w, pos, "endpoint-userinfo",
		    "%s names no user; leave out what is before \"@\"", key);
	bool found = is_discovery(url.path);
	if (found)
		provider_refuse(w, pos, "endpoint-discovery",
		    "%s is where the provider describes itself; open it and "
		    "copy what it has under that name",
		    key);
	bool good = provider_check_path(w, key, url.path, pos);
	return good && !found && !plain && !url.fragment.p && !url.userinfo.p;
}

bool provider_check_base(
    struct provider_work *w, const char *key, struct str text, struct pos pos)
{
	size_t end = str_find(text, '?', 0);
	size_t hash = str_find(text, '#', 0);

	if (!key_is_placeholder(text) && (end < text.n || hash < text.n)) {
		provider_refuse(w, pos, "base-has-query",
		    "%s has neither query nor fragment, paths are joined to "
		    "it; leave out \"%.*s\"",
		    key,
		    STR_ARG(str_slice(text, end < hash ? end : hash, text.n)));
		return false;
	}
	return provider_check_url(w, key, text, pos);
}
