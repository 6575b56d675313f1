#include "generator/provider-work.h"

#include "generator/keys.h"
#include "lib/opt.h"

/*
 * Where people are sent back to (RFC 6749 3.1.2): one page of the site, whose
 * URL the provider compares byte for byte with those that were registered.
 */
#define REDIRECT_PATH "/auth/callback.html"

/* `name:` of RFC 3986 3.1, but no `host:port`; its length, 0 without one. */
static size_t scheme_length(struct str s)
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

/* Where two slashes stand in the path, up to its end; n 0: nowhere. */
static struct str doubled_slash(struct str path)
{
	for (size_t i = 0; i + 1 < path.n; i++)
		if (path.p[i] == '/' && path.p[i + 1] == '/')
			return str_slice(path, i, path.n);
	return (struct str){0};
}

static void check_parts(struct provider_work *w, const char *key,
    const struct url *url, struct pos pos)
{
	struct str doubled = doubled_slash(url->path);

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
	if (doubled.n)
		provider_refuse(w, pos, "double-slash",
		    "%s has an empty segment, \"%.*s\"; write one slash", key,
		    STR_ARG(doubled));
}

/* An absolute URL as the provider has it; *url where true. */
static bool check_absolute(struct provider_work *w, const char *key,
    struct str uri, struct pos pos, struct url *url)
{
	size_t scheme = scheme_length(uri);
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
	if (check_absolute(w, key, uri, pos, &url))
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

struct str provider_page(
    struct provider_work *w, const char *key, struct str path, struct pos pos)
{
	struct str none = {0};

	if (scheme_length(path)) {
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

static struct str find(struct provider_work *w, const char **key)
{
	struct str uri = provider_text(w, "redirect_uri", NULL);
	struct str path = provider_text(w, "redirect_path", NULL);

	if (uri.p && path.p)
		provider_refuse(w, provider_pos(w, "redirect_path"),
		    "redirect-twice",
		    "redirect_uri and redirect_path both say where people come "
		    "back to; keep one of them");
	*key = uri.p ? "redirect_uri" : "redirect_path";
	w->out->redirect_pos = provider_pos(w, *key);
	if (uri.p)
		return uri;
	if (!path.p)
		path = STR(REDIRECT_PATH);
	else if (key_is_placeholder(path))
		return path;
	return provider_page(w, *key, path, w->out->redirect_pos);
}

/* --- what the kind takes ---------------------------------------------------
 */

/* Digits and dots alone, or in brackets: its last part is no name's. */
static bool is_ip(struct str host)
{
	size_t last = host.n;

	while (last && host.p[last - 1] != '.')
		last--;
	if (str_starts(host, "["))
		return true;
	for (size_t i = last; i < host.n; i++)
		if (host.p[i] < '0' || host.p[i] > '9')
			return str_starts(str_slice(host, last, host.n), "0x");
	return true;
}

static bool is_address(struct provider_work *w, struct str uri, struct url *url)
{
	return w->kind->redirects_dns &&
	       url_split(w->arena, uri, url) == ERR_OK &&
	       !url_is_loopback(url) && is_ip(url->host);
}

static void check_host(
    struct provider_work *w, const char *key, struct str uri, struct pos pos)
{
	struct url url;

	if (is_address(w, uri, &url))
		provider_refuse(w, pos, "redirect-ip",
		    "%s is at %.*s, and kind \"%s\" takes names only, no "
		    "addresses; write the site's name",
		    key, STR_ARG(url.host), w->kind->name);
}

/* --- what was registered ------------------------------------------------- */

/*
 * Others of the same registration may be an app's own schemes, which are no
 * concern of this site; but nothing here may match by pattern.
 */
static void check_registered(
    struct provider_work *w, struct str uri, struct pos pos)
{
	size_t scheme = scheme_length(uri);
	struct url url;

	if (key_is_placeholder(uri))
		provider_refuse(w, pos, "placeholder",
		    "redirect_allow holds \"%.*s\"; give it its value",
		    STR_ARG(uri));
	else if (str_find(uri, '*', 0) == uri.n && scheme &&
		 !str_ieq(str_slice(uri, 0, scheme), STR("http")) &&
		 !str_ieq(str_slice(uri, 0, scheme), STR("https")))
		return;
	else if (check_absolute(w, "redirect_allow", uri, pos, &url)) {
		if (url.fragment.p)
			provider_refuse(w, pos, "redirect-fragment",
			    "no redirect has a fragment (RFC 6749 3.1.2); "
			    "leave out \"#%.*s\"",
			    STR_ARG(url.fragment));
		check_host(w, "redirect_allow", uri, pos);
	}
}

/* Not by their length, which has nothing to do with it. */
static struct str nearest(const struct value *list, struct str uri)
{
	struct str best = {0};
	size_t most = 0;

	for (size_t i = 0; i < list->as.array.n; i++) {
		struct str one = list->as.array.items[i]->text;
		size_t same = 0, tail = 0;
		size_t n = one.n < uri.n ? one.n : uri.n;
		while (same < n && one.p[same] == uri.p[same])
			same++;
		while (tail < n - same &&
		       one.p[one.n - 1 - tail] == uri.p[uri.n - 1 - tail])
			tail++;
		if (!best.p || same + tail > most) {
			best = one;
			most = same + tail;
		}
	}
	return best;
}

static void check_listed(struct provider_work *w, const struct value *list)
{
	struct str uri = w->out->redirect;

	for (size_t i = 0; i < list->as.array.n; i++)
		if (str_eq(list->as.array.items[i]->text, uri))
			return;
	if (!list->as.array.n) {
		provider_refuse(w, list->pos, "redirect-not-listed",
		    "redirect_allow is empty; list \"%.*s\" as it is "
		    "registered, or leave redirect_allow out",
		    STR_ARG(uri));
		return;
	}
	provider_refuse(w, w->out->redirect_pos, "redirect-not-listed",
	    "\"%.*s\" is not in redirect_allow, and providers compare byte for "
	    "byte; make it what is registered: the nearest there is \"%.*s\"",
	    STR_ARG(uri), STR_ARG(nearest(list, uri)));
}

static void check_allow(struct provider_work *w, bool is_good)
{
	const struct value *list = value_get(w->table, "redirect_allow");
	size_t max = w->kind->redirects_max;

	if (!list || list->kind != VALUE_ARRAY)
		return;
	w->out->redirects = list;
	for (size_t i = 0; i < list->as.array.n; i++) {
		const struct value *item = list->as.array.items[i];
		w->out->from_env |= item->from_env;
		check_registered(w, item->text, item->pos);
	}
	w->out->from_env |= list->from_env;
	if (max && list->as.array.n > max)
		provider_refuse(w, list->as.array.items[max]->pos,
		    "redirect-too-many",
		    "kind \"%s\" takes %zu redirects of an application, and "
		    "here are %zu; keep those that are registered",
		    w->kind->name, max, list->as.array.n);
	if (is_good)
		check_listed(w, list);
}

/* What the provider adds would be there twice. */
static void check_query(
    struct provider_work *w, const char *key, struct str uri, struct pos pos)
{
	static const char *const answers[] = {
	    "code", "state", "iss", "error", "error_description", "error_uri"};
	struct str query =
	    str_slice(uri, str_find(uri, '?', 0) + 1, str_find(uri, '#', 0));

	for (size_t at = 0, end; at < query.n; at = end + 1) {
		end = str_find(query, '&', at);
		struct str name = str_slice(query, at, end);
		name.n = str_find(name, '=', 0);
		for (size_t i = 0; i < sizeof(answers) / sizeof(*answers); i++)
			if (str_is(name, answers[i]))
				provider_refuse(w, pos, "redirect-query",
				    "%s has \"%s\" in its query, which the "
				    "provider adds itself; leave it out",
				    key, answers[i]);
	}
}

void provider_redirect(struct provider_work *w)
{
	const char *key;
	struct str uri = find(w, &key);
	struct pos pos = w->out->redirect_pos;
	bool is_good = uri.p && !key_is_placeholder(uri) &&
		       provider_check_page(w, key, uri, pos);

	w->out->redirect = uri;
	check_query(w, key, uri, pos);
	if (is_good && value_get(w->table, "redirect_uri"))
		check_host(w, key, uri, pos);
	else if (is_good)
		check_host(w, "base_url", uri, w->base_url->pos);
	check_allow(w, is_good);
	w->out->accepts_mixup = str_is(provider_raw(w, "mixup"), "accept");
}
