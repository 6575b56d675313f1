#include "generator/provider-work.h"

#include "generator/keys.h"

/*
 * Where people are sent back to (RFC 6749 3.1.2): one page of the site, whose
 * URL the provider compares byte for byte with those that were registered.
 */
#define REDIRECT_PATH "/auth/callback.html"

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
	if (!path.p && w->table->broken)
		return path; /* it may be what was refused */
	if (!path.p)
		path = STR(REDIRECT_PATH);
	else if (key_is_placeholder(path))
		return path;
	return provider_page(w, *key, path, w->out->redirect_pos);
}

/* --- what the kind takes -------------------------------------------------- */

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

static void check_host(
    struct provider_work *w, const char *key, struct str uri, struct pos pos)
{
	struct url url;

	if (w->kind->redirects_dns &&
	    url_split(w->arena, uri, &url) == ERR_OK &&
	    !url_is_loopback(&url) && is_ip(url.host))
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
	size_t scheme = provider_scheme(uri);
	struct url url;

	if (key_is_placeholder(uri))
		provider_refuse(w, pos, "placeholder",
		    "redirect_allow holds \"%.*s\"; give it its value",
		    STR_ARG(uri));
	else if (str_find(uri, '*', 0) == uri.n && scheme &&
		 !str_ieq(str_slice(uri, 0, scheme), STR("http")) &&
		 !str_ieq(str_slice(uri, 0, scheme), STR("https")))
		return;
	else if (provider_check_absolute(w, "redirect_allow", uri, pos, &url)) {
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
	struct str query = provider_query(uri), name, value;

	while (provider_next_param(w, &query, &name, &value))
		for (size_t i = 0; i < sizeof(answers) / sizeof(*answers); i++)
			if (str_is(name, answers[i]))
				provider_refuse(w, pos, "redirect-query",
				    "%s has \"%s\" in its query, which the "
				    "provider adds itself; leave it out",
				    key, answers[i]);
}

void provider_redirect(struct provider_work *w)
{
	const char *key;
	struct str uri = find(w, &key);
	struct pos pos = w->out->redirect_pos;
	bool is_good = uri.p && !key_is_placeholder(uri) &&
		       provider_check_page(w, key, uri, pos);

	w->out->redirect = uri;
	w->out->page = is_good ? provider_spelled(w, uri) : uri;
	check_query(w, key, uri, pos);
	if (is_good && value_get(w->table, "redirect_uri"))
		check_host(w, key, uri, pos);
	else if (is_good)
		check_host(w, "base_url", uri, w->base_url->pos);
	check_allow(w, is_good);
	w->out->accepts_mixup = str_is(provider_raw(w, "mixup"), "accept");
}
