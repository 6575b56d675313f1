#include "cgi/caller.h"

#include "lib/buf.h"

bool caller_is_web(struct str auth)
{
	return str_is(auth, "web-server");
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
static void challenge_bearer(const struct caller_context *cc, const char *why)
{
	struct arena *a = cc->c->arena;
	const struct str parts[] = {STR("Bearer realm="),
	    quoted(a, cc->c->config->name),
	    STR(", error=\"invalid_token\", error_description="),
	    quoted(a, str_of(why))};

	answer_header(
	    cc->ans, "WWW-Authenticate", arena_join(a, why ? 4 : 2, parts));
}

static void challenge_web(const struct caller_context *cc)
{
	struct str challenge = cc->c->config->web_challenge;

	if (challenge.n)
		answer_header(cc->ans, "WWW-Authenticate", challenge);
}

void caller_challenge(const struct caller_context *cc, struct str auth)
{
	if (caller_is_web(auth))
		challenge_web(cc);
	else
		challenge_bearer(cc, NULL);
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

/* RFC 6750 3.1: an error is told only where there was a token. */
void caller_refuse_token(
    const struct caller_context *cc, enum token_verdict verdict)
{
	const char *why = reasons[verdict];

	if (verdict == TOKEN_NO_KEYS) {
		answer_problem(
		    cc->c, PROBLEM_KEYS_UNAVAILABLE, NULL, NULL, cc->ans);
		answer_retry_after(cc->c, NULL, cc->ans);
	} else {
		answer_problem(cc->c, PROBLEM_UNAUTHORIZED, why, NULL, cc->ans);
		challenge_bearer(cc, why);
	}
}

/* Without a challenge: the browser would ask a password for that page. */
static void refuse_foreign(const struct caller_context *cc)
{
	answer_problem(cc->c, PROBLEM_UNAUTHORIZED,
	    "A page of another site asks, and logins count for none but those "
	    "of `origins`.",
	    NULL, cc->ans);
}

void caller_refuse_web(const struct caller_context *cc)
{
	answer_problem(cc->c, PROBLEM_UNAUTHORIZED, NULL, NULL, cc->ans);
	challenge_web(cc);
}

/* RFC 6750 3.1: which scopes would do. */
void caller_refuse_scopes(
    const struct caller_context *cc, const struct strs *scopes)
{
	struct arena *a = cc->c->arena;
	struct buf all = {0};

	for (size_t i = 0; i < scopes->n; i++) {
		buf_puts(&all, i ? " " : "");
		buf_put_str(&all, scopes->items[i]);
	}
	answer_problem(cc->c, PROBLEM_FORBIDDEN, NULL, NULL, cc->ans);
	answer_header(cc->ans, "WWW-Authenticate",
	    arena_join(a, 2,
		(const struct str[]){
		    STR("Bearer error=\"insufficient_scope\", scope="),
		    quoted(a, buf_str(&all))}));
	buf_release(&all);
}

/* ---- who is -------------------------------------------------------------- */

enum token_verdict caller_token(const struct caller_context *cc,
    const struct provider *provider, struct token_claims *out)
{
	if (!cc->bearer)
		return TOKEN_ABSENT;
	return bearer_check(cc->bearer, cc->c->arena,
	    request_header(cc->r, "authorization"), provider, cc->c->now_ms,
	    cc->now_boot, out);
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

bool caller_has_scopes(struct str scope, const struct strs *scopes)
{
	for (size_t i = 0; i < scopes->n; i++)
		if (!has_word(scope, scopes->items[i]))
			return false;
	return true;
}

static enum caller_kind find_token(const struct caller_context *cc,
    struct str auth, const struct strs *scopes, struct caller *out)
{
	const struct provider *provider = config_provider(cc->c->config, auth);

	/* one that the configuration does not have lets nobody in */
	out->verdict =
	    provider ? caller_token(cc, provider, &out->claims) : TOKEN_ABSENT;
	if (out->verdict != TOKEN_OK) {
		caller_refuse_token(cc, out->verdict);
		return CALLER_REFUSED;
	}
	if (caller_has_scopes(out->claims.scope, scopes))
		return CALLER_TOKEN;
	caller_refuse_scopes(cc, scopes);
	return CALLER_REFUSED;
}

/*
 * What the web server knows people by, a password or a cookie, their browser
 * adds to whatever any page has it send; and a POST of no body, or of a form's,
 * is sent without a preflight (Fetch 4.9). So a login does not count for what
 * another site's page asks, but for those of `origins`. To look is harmless, as
 * that page is not shown the answer, and links lead here; who is no browser
 * says none of this. A token is added by nobody but its page's own script.
 *
 * The browser says it best (Fetch Metadata), but over https or loopback alone.
 */
static bool is_foreign(const struct caller_context *cc)
{
	struct str site = request_header(cc->r, "sec-fetch-site");
	struct str origin = request_header(cc->r, "origin");
	struct str host = request_header(cc->r, "host");

	if (cc->c->origin || str_is(cc->r->method, "GET") ||
	    str_is(cc->r->method, "HEAD"))
		return false;
	if (site.n)
		return !str_is(site, "same-origin") && !str_is(site, "none");
	size_t at = str_find(origin, '/', 0) + 2; /* "null" has none */
	return origin.n && (at >= origin.n ||
			       !str_ieq(str_slice(origin, at, origin.n), host));
}

enum caller_kind caller_find(const struct caller_context *cc, struct str auth,
    const struct strs *scopes, struct caller *out)
{
	*out = (struct caller){0};
	if (str_is(auth, "none"))
		return CALLER_ANYBODY;
	if (!caller_is_web(auth))
		return find_token(cc, auth, scopes, out);
	if (cc->r->owner.n && !is_foreign(cc))
		return CALLER_WEB;
	if (cc->r->owner.n)
		refuse_foreign(cc);
	else
		caller_refuse_web(cc);
	return CALLER_REFUSED;
}
