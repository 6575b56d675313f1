#include <stdio.h>
#include <string.h>

#include "cgi/caller.h"
#include "cgi/handle.h"
#include "cgi/ids.h"

/*
 * Who asks, as the store knows him: whoever caller.h finds, as a keyed hash.
 */

static struct caller_context context(struct handling *h)
{
	return (struct caller_context){.c = &h->c,
	    .r = h->r,
	    .bearer = h->app->bearer,
	    .now_boot = h->now.boot_ms,
	    .ans = h->ans};
}

void handling_challenge(struct handling *h, const struct api *api)
{
	const struct caller_context cc = context(h);

	caller_challenge(&cc, api ? api->auth : STR(""));
}

/* ---- keys that are not here ---------------------------------------------- */

/* By whichever process; where that cannot be read, it is as good as told. */
static bool was_told(struct handling *h, const char *flag)
{
	int64_t at_ms = 0;
	bool fresh;
	enum err err = handling_view(h, &fresh);

	if (err == ERR_OK)
		err = store_flagged(h->app->store, flag, &at_ms);
	if (err != ERR_OK) {
		app_rest(h->app);
		return true;
	}
	return at_ms <= h->now.wall_ms &&
	       h->now.wall_ms - at_ms < BEARER_WANT_MS;
}

/*
 * A note that the provider's keys should be fetched, which nobody waits for. It
 * is bounded twice, by this process and by when the store was last told: as a
 * CGI program there is a process for every request.
 */
static void note_wanted(struct handling *h)
{
	const struct provider *provider =
	    bearer_wants(h->app->bearer, h->now.boot_ms);
	char flag[STORE_META_NAME];

	if (!provider)
		return;
	snprintf(flag, sizeof(flag), "jwks/%.*s", STR_ARG(provider->name));
	if (was_told(h, flag))
		return;
	struct change *change = change_new(CHANGE_FLAG, 0);
	memcpy(change->flag, flag, sizeof(flag));
	change->event.now_ms = h->now.wall_ms;
	*h->change = change;
}

static bool refuse_token(struct handling *h, enum token_verdict verdict)
{
	const struct caller_context cc = context(h);

	caller_refuse_token(&cc, verdict);
	if (verdict == TOKEN_NO_KEYS || verdict == TOKEN_UNKNOWN_KEY)
		note_wanted(h);
	return false;
}

/* ---- who is -------------------------------------------------------------- */

static void take_claims(struct handling *h, const struct token_claims *claims)
{
	h->by_token = true;
	h->scope = claims->scope;
	h->ends_ms = claims->ends_ms;
	ids_owner_of(h->app->keys, claims->issuer, claims->subject, h->owner);
}

static void take_web(struct handling *h)
{
	ids_owner(h->app->keys, h->r->owner, h->owner);
}

bool handling_owner(struct handling *h, const struct api *api)
{
	const struct caller_context cc = context(h);
	struct caller caller;
	enum caller_kind kind =
	    caller_find(&cc, api->auth, &api->scopes, &caller);

	if (caller.verdict == TOKEN_NO_KEYS ||
	    caller.verdict == TOKEN_UNKNOWN_KEY)
		note_wanted(h);
	if (kind == CALLER_TOKEN)
		take_claims(h, &caller.claims);
	else if (kind == CALLER_WEB)
		take_web(h);
	if (kind == CALLER_REFUSED)
		return false;
	if (h->route.kind == ROUTE_API) /* who asks is not counted */
		ids_quota(
		    h->app->keys, api, h->owner, h->r->remote_addr, h->quota);
	return true;
}

bool handling_any_owner(struct handling *h)
{
	const struct config *config = h->app->config;
	const struct caller_context cc = context(h);
	struct token_claims claims;
	enum token_verdict verdict = caller_token(&cc, NULL, &claims);
	bool web = false;

	if (verdict == TOKEN_OK) {
		take_claims(h, &claims);
		return true;
	}
	for (size_t i = 0; i < config->n_apis; i++)
		web |= caller_is_web(config->apis[i].auth);
	if (web && h->r->owner.n) {
		take_web(h);
		return true;
	}
	if (web && !config->n_providers) {
		caller_refuse_web(&cc);
		return false;
	}
	refuse_token(h, verdict);
	if (web && h->ans->status == 401)
		caller_challenge(&cc, STR("web-server"));
	return false;
}

bool handling_has_scopes(const struct handling *h, const struct api *api)
{
	return !h->by_token || caller_has_scopes(h->scope, &api->scopes);
}
