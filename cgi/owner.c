#include <stdio.h>
#include <string.h>

#include "cgi/bearer.h"
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

/* `why` NULL: no error, only how to ask. */
static void challenge_bearer(struct handling *h, const char *why)
{
	const struct str parts[] = {STR("Bearer realm="),
	    quoted(h->arena, h->app->config->name),
	    STR(", error=\"invalid_token\", error_description="),
	    quoted(h->arena, str_of(why))};

	answer_header(h->ans, "WWW-Authenticate",
	    arena_join(h->arena, why ? 4 : 2, parts));
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
		challenge_bearer(h, NULL);
}

/* ---- who is not let in --------------------------------------------------- */

/* One sentence a verdict, of our own: nothing of the token is said again. */
static const char *const reasons[TOKEN_VERDICTS] = {
    [TOKEN_MALFORMED] = "The token is malformed.",
    [TOKEN_ALGORITHM] = "The token is signed in a way that is not taken here.",
    [TOKEN_UNKNOWN_KEY] = "The token names a key that is not known here.",
    [TOKEN_SIGNATURE] = "The signature of the token is not good.",
    [TOKEN_CLAIMS] = "The token is not for this service.",
    [TOKEN_TIME] = "The token has expired, or is not valid yet.",
};

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

/* RFC 6750 3.1: an error is told only where there was a token. */
static bool refuse_token(struct handling *h, enum token_verdict verdict)
{
	const char *why = reasons[verdict];

	if (verdict == TOKEN_NO_KEYS) {
		handling_problem(h, PROBLEM_KEYS_UNAVAILABLE, NULL);
	} else {
		handling_problem(h, PROBLEM_UNAUTHORIZED, why);
		challenge_bearer(h, why);
	}
	if (verdict == TOKEN_NO_KEYS || verdict == TOKEN_UNKNOWN_KEY)
		note_wanted(h);
	return false;
}

static bool refuse_web(struct handling *h)
{
	handling_problem(h, PROBLEM_UNAUTHORIZED, NULL);
	challenge_web(h);
	return false;
}

/* RFC 6750 3.1: which scopes would do. */
static bool refuse_scopes(struct handling *h, const struct api *api)
{
	struct buf all = {0};

	for (size_t i = 0; i < api->scopes.n; i++) {
		buf_puts(&all, i ? " " : "");
		buf_put(&all, api->scopes.items[i].p, api->scopes.items[i].n);
	}
	handling_problem(h, PROBLEM_FORBIDDEN, NULL);
	answer_header(h->ans, "WWW-Authenticate",
	    arena_join(h->arena, 2,
		(const struct str[]){
		    STR("Bearer error=\"insufficient_scope\", scope="),
		    quoted(h->arena, buf_str(&all))}));
	buf_release(&all);
	return false;
}

/* ---- who is -------------------------------------------------------------- */

/* provider NULL: any. TOKEN_OK: .owner is whom the token is about. */
static enum token_verdict check_token(
    struct handling *h, const struct provider *provider)
{
	struct token_claims claims;

	if (!h->app->bearer)
		return TOKEN_ABSENT;
	enum token_verdict verdict = bearer_check(h->app->bearer, h->arena,
	    request_header(h->r, "authorization"), provider, h->now.wall_ms,
	    h->now.boot_ms, &claims);
	if (verdict == TOKEN_OK) {
		h->by_token = true;
		h->scope = claims.scope;
		h->ends_ms = claims.ends_ms;
		ids_owner_of(
		    h->app->keys, claims.issuer, claims.subject, h->owner);
	}
	return verdict;
}

static bool find_token(struct handling *h, const struct api *api)
{
	const struct provider *provider =
	    config_provider(h->app->config, api->auth);
	/* one that the configuration does not have lets nobody in */
	enum token_verdict verdict =
	    provider ? check_token(h, provider) : TOKEN_ABSENT;

	if (verdict != TOKEN_OK)
		return refuse_token(h, verdict);
	return handling_has_scopes(h, api) || refuse_scopes(h, api);
}

static bool find_web(struct handling *h)
{
	if (!h->r->owner.n)
		return refuse_web(h);
	ids_owner(h->app->keys, h->r->owner, h->owner);
	return true;
}

bool handling_owner(struct handling *h, const struct api *api)
{
	bool found = true;

	if (is_web(api))
		found = find_web(h);
	else if (!str_is(api->auth, "none"))
		found = find_token(h, api);
	if (found && h->route.kind == ROUTE_API) /* who asks is not counted */
		ids_quota(
		    h->app->keys, api, h->owner, h->r->remote_addr, h->quota);
	return found;
}

bool handling_any_owner(struct handling *h)
{
	const struct config *config = h->app->config;
	enum token_verdict verdict = check_token(h, NULL);
	bool web = false;

	if (verdict == TOKEN_OK)
		return true;
	for (size_t i = 0; i < config->n_apis; i++)
		web |= is_web(&config->apis[i]);
	if (web && h->r->owner.n)
		return find_web(h);
	if (web && !config->n_providers)
		return refuse_web(h);
	refuse_token(h, verdict);
	if (web && h->ans->status == 401)
		challenge_web(h);
	return false;
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
