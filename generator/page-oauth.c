#include "generator/page-oauth.h"

#include "generator/client.h"
#include "generator/provider-name.h"

struct value *page_oauth(struct build *b)
{
	const struct value *oauth = site_table(b->site, "oauth");
	struct value *root = value_new(b->arena, VALUE_TABLE, POS_NONE);
	struct oauth_provider *list;
	size_t n;

	if (!oauth)
		return NULL;
	/* what is wrong with them has been told, and those are not in it */
	if (oauth_providers(b, NULL, &list, &n) != ERR_OK && !n)
		return root;
	for (size_t i = 0; i < n; i++) {
		struct value *row = value_new(b->arena, VALUE_TABLE, POS_NONE);
		struct value *url =
		    value_string(b->arena, list[i].logout_url, POS_NONE);
		url->from_env = list[i].from_env;
		if (list[i].logout_url.n)
			value_set(
			    b->arena, row, STR("logout_url"), POS_NONE, url);
		value_set(b->arena, root, list[i].id, POS_NONE, row);
	}
	return root;
}

/* Cuts what stands before the next dot off *rest. */
static struct str next_part(struct str *rest)
{
	size_t dot = str_find(*rest, '.', 0);
	struct str part = str_slice(*rest, 0, dot);

	*rest = str_slice(*rest, dot + 1, rest->n);
	return part;
}

/* NULL: it was refused, and has no second finding here. */
static const struct oauth_provider *find(struct build *b, struct str id)
{
	struct oauth_provider *list;
	size_t n;

	if (oauth_providers(b, NULL, &list, &n) != ERR_OK && !n)
		return NULL;
	for (size_t i = 0; i < n; i++)
		if (str_eq(list[i].id, id))
			return &list[i];
	return NULL;
}

bool page_oauth_unknown(void *build, struct str name, struct pos pos)
{
	static const char *const urls[] = {"url", "authorization_url",
	    "authorize_url", "login_url", "sign_in_url"};
	struct build *b = build;
	const struct value *oauth = site_table(b->site, "oauth");
	struct str rest = name;

	if (!str_is(next_part(&rest), "oauth") || !rest.n)
		return false;
	if (!oauth) /* or may it be the key that nobody knows? */
		return b->site->root->doubtful;
	struct str id = next_part(&rest);
	if (!provider_name_check(b->arena, b->site, id, pos, NULL, b->diag))
		return true;
	for (size_t i = 0; i < sizeof(urls) / sizeof(*urls); i++)
		if (str_is(rest, urls[i])) {
			diag_error(b->diag, pos, "no-sign-in-url",
			    "no link begins a sign-in: its state would be the "
			    "same for everybody, so others could be signed in "
			    "as whoever made it (login CSRF); have a button "
			    "call go(\"%.*s\") of oauth.mjs",
			    STR_ARG(id));
			return true;
		}
	const struct oauth_provider *p = find(b, id);
	if (!p)
		return true;
	if (!str_is(rest, "logout_url"))
		diag_error(b->diag, pos, "unknown-name",
		    "of [oauth] pages see logout_url alone, not `%.*s`; put "
		    "what they need into [public]",
		    STR_ARG(rest));
	else
		diag_error(b->diag, pos, "no-logout",
		    "\"%.*s\" has no sign-out; write [%.*s.logout], or take "
		    "the link out",
		    STR_ARG(id), STR_ARG(p->table));
	return true;
}
