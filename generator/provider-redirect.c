#include "generator/provider-work.h"

#include "generator/keys.h"

#define REDIRECT_PATH "/auth/callback.html"

static struct str find(struct provider_work *w)
{
	struct str uri = provider_text(w, "redirect_uri", NULL);
	struct pos pos = provider_pos(w, "redirect_uri");
	struct url url;
	if (!uri.n) {
		struct str path =
		    provider_text(w, "redirect_path", REDIRECT_PATH);
		pos = provider_pos(w, "redirect_path");
		if (!str_starts(path, "/") || str_starts(path, "//")) {
			provider_refuse(w, pos, "redirect-relative",
			    "redirect_path \"%.*s\" does not begin with one "
			    "\"/\"; it is joined to base_url",
			    STR_ARG(path));
			return uri;
		}
		if (!w->base_url || !w->base_url->text.n) {
			provider_refuse(w, pos, "redirect-relative",
			    "redirect_path needs a base_url to be joined to; "
			    "set one, or redirect_uri");
			return uri;
		}
		w->out->from_env |= w->base_url->from_env;
		uri = provider_join(w, w->base_url->text, path);
	}
	if (key_is_placeholder(uri))
		return uri; /* said already */
	if (url_split(w->arena, uri, &url) != ERR_OK)
		provider_refuse(w, pos, "redirect-relative",
		    "\"%.*s\" is not an absolute URL; providers compare it "
		    "byte for byte, so write it in full",
		    STR_ARG(uri));
	else if (url.fragment.p)
		provider_refuse(w, pos, "redirect-fragment",
		    "a redirect URI has no fragment (RFC 6749 3.1.2); leave "
		    "out \"#%.*s\"",
		    STR_ARG(url.fragment));
	return uri;
}

/* Where people are sent back to: RFC 6749 3.1.2. */
void provider_redirect(struct provider_work *w)
{
	w->out->redirect = find(w);
}
