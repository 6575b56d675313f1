#include <string.h>

#include "cgi/handle.h"
#include "cgi/ids.h"

/*
 * Who asks. What an API says of `auth` decides whose word is taken: the web
 * server's, which is a variable that no client can set, a provider's, which is
 * a token, or nobody's.
 */

static bool is_web(const struct api *api)
{
	return str_is(api->auth, "web-server");
}

/* ---- who is asked to sign in, and how ------------------------------------ */

/* RFC 9110 5.6.4; what would have to be escaped there is left out. */
static struct str quoted(struct arena *a, struct str s)
{
	char *out = arena_alloc(a, s.n + 2);
	size_t n = 0;

	out[n++] = '"';
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] >= ' ' && s.p[i] < 0x7f && s.p[i] != '"' &&
		    s.p[i] != '\\')
			out[n++] = s.p[i];
	out[n++] = '"';
	return (struct str){out, n};
}

static void challenge_bearer(struct handling *h)
{
	struct str realm = quoted(h->arena, h->app->config->name);

	answer_header(h->ans, "WWW-Authenticate",
	    arena_join(h->arena, 2,
		(const struct str[]){STR("Bearer realm="), realm}));
}

static void challenge_web(struct handling *h)
{
	struct str challenge = h->app->config->web_challenge;

	if (challenge.n)
		answer_header(h->ans, "WWW-Authenticate", challenge);
}

void handling_challenge(struct handling *h, const struct api *api)
{
	if (api && is_web(api))
		challenge_web(h);
	else
		challenge_bearer(h);
}

/* ---- the answers --------------------------------------------------------- */

static void set_owner(
    struct handling *h, const struct api *api, struct str owner)
{
	ids_owner(h->app->keys, owner, h->owner);
	if (api)
		ids_quota(
		    h->app->keys, api, h->owner, h->r->remote_addr, h->quota);
}

bool handling_owner(struct handling *h, const struct api *api)
{
	struct str owner = {0};

	if (is_web(api))
		owner = h->r->owner;
	if (!owner.n && !str_is(api->auth, "none")) {
		handling_problem(h, PROBLEM_UNAUTHORIZED, NULL);
		handling_challenge(h, api);
		return false;
	}
	set_owner(h, api, owner);
	return true;
}

bool handling_any_owner(struct handling *h)
{
	const struct config *config = h->app->config;
	bool web = false;

	for (size_t i = 0; i < config->n_apis; i++)
		web |= is_web(&config->apis[i]);
	if (!web || !h->r->owner.n) {
		handling_problem(h, PROBLEM_UNAUTHORIZED, NULL);
		if (config->n_providers || !web)
			challenge_bearer(h);
		if (web)
			challenge_web(h);
		return false;
	}
	set_owner(h, NULL, h->r->owner);
	return true;
}

/* Is this one of the words of `list`, which spaces part? */
static bool has_word(struct str list, struct str word)
{
	for (size_t at = 0; at < list.n;) {
		size_t end = str_find(list, ' ', at);
		if (str_eq(str_slice(list, at, end), word))
			return true;
		at = end + 1;
	}
	return false;
}

bool handling_has_scopes(const struct handling *h, const struct api *api)
{
	for (size_t i = 0; h->by_token && i < api->scopes.n; i++)
		if (!has_word(h->scope, api->scopes.items[i]))
			return false;
	return true;
}
