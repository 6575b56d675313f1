#include "cgi/bearer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cgi/bearer-cache.h"

struct issuer {
	struct jwks_file file;
	bool wanted, told; /* a key that is not there; the worker, when */
	int64_t told_boot;
};
struct bearer {
	const struct config *config;
	const struct log *log;
	int dir;
	struct issuer *issuers; /* as config->providers */
	size_t n;
	struct bearer_cache *cache;
	uint64_t verified;
};

/* One request's token on its way. */
struct checking {
	struct bearer *b;
	struct arena *arena;
	struct str text;
	uint8_t hash[BEARER_HASH_BYTES];
	int64_t now_ms, now_boot;
	struct token token;
	enum token_verdict read; /* .token; TOKEN_ABSENT: not yet */
};

/* ---- opening ------------------------------------------------------------- */

/* Of two whose files would be one, neither's is it: "a:b" and "a-b". */
static struct issuer *new_issuers(const struct config *config)
{
	const size_t n = config->n_providers;
	struct issuer *all = calloc(n + 1, sizeof(*all));

	if (!all)
		abort();
	for (size_t i = 0; i < n; i++)
		jwks_file_init(&all[i].file, config->providers[i].name);
	for (size_t i = 0; i < n; i++) {
		bool twin = false;
		for (size_t j = i + 1; all[i].file.path && j < n; j++) {
			const char *other = all[j].file.path;
			if (!other || strcmp(all[i].file.path, other) != 0)
				continue;
			all[j].file.path = NULL;
			twin = true;
		}
		if (twin)
			all[i].file.path = NULL;
	}
	return all;
}

static void free_issuers(struct issuer *all, size_t n)
{
	for (size_t i = 0; i < n; i++)
		jwks_file_release(&all[i].file);
	free(all);
}

struct bearer *bearer_open(const struct config *config, const char *state,
    const struct log *log, struct diag *diag)
{
	int dir = open(state, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (dir < 0) {
		diag_error(diag, POS_FILE(state), "io-error",
		    "this folder cannot be opened: %s", strerror(errno));
		return NULL;
	}
	if (config->n_providers && !signature_works()) {
		diag_error(diag, POS_NONE, "signature-library",
		    "libcjose and libcrypto cannot check signatures here; "
		    "are they the versions that belong together?");
		close(dir);
		return NULL;
	}
	struct bearer *b = calloc(1, sizeof(*b));
	if (!b)
		abort();
	b->config = config;
	b->log = log;
	b->dir = dir;
	b->issuers = new_issuers(config);
	b->n = config->n_providers;
	b->cache = bearer_cache_new();
	return b;
}

void bearer_close(struct bearer *b)
{
	if (!b)
		return;
	bearer_cache_free(b->cache);
	free_issuers(b->issuers, b->n);
	close(b->dir);
	free(b);
}

void bearer_reconfigure(struct bearer *b, const struct config *config)
{
	struct issuer *issuers = new_issuers(config);

	if (config->n_providers && !b->n)
		(void)signature_works(); /* loads it now, not with a request */
	bearer_cache_free(b->cache);
	b->cache = bearer_cache_new();
	for (size_t i = 0; i < config->n_providers; i++)
		for (size_t j = 0; j < b->n; j++)
			if (issuers[i].file.path &&
			    str_eq(issuers[i].file.provider,
				b->issuers[j].file.provider)) {
				const struct issuer new = issuers[i];
				issuers[i] = b->issuers[j];
				b->issuers[j] = new;
				break;
			}
	free_issuers(b->issuers, b->n);
	b->issuers = issuers;
	b->n = config->n_providers;
	b->config = config;
}

void bearer_report(struct bearer *b, int64_t now_ms, struct diag *diag)
{
	for (size_t i = 0; i < b->n; i++) {
		struct jwks_file *f = &b->issuers[i].file;
		const char *why = "no file can have its name";

		if (f->path) {
			jwks_file_look(f, b->dir, true, now_ms, 0, NULL);
			why = f->told;
		}
		if (f->there && !f->set.n)
			why = "no key in it can be used";
		if (why)
			diag_warn(diag, POS_FILE(f->path),
			    why == jwks_not_there ? "jwks-missing" : "jwks-bad",
			    "%s; put what its jwks_uri answers there, in the "
			    "store's folder; until then tokens of %.*s are "
			    "answered 503",
			    why, STR_ARG(f->provider));
	}
}

/* ---- checking ------------------------------------------------------------ */

/* A set that may be older than the key is looked at once more. */
static enum token_verdict find_key(
    struct checking *c, struct issuer *issuer, const struct jwk **key)
{
	struct jwks_file *f = &issuer->file;
	enum token_verdict verdict = TOKEN_NO_KEYS;

	if (f->set.n)
		verdict = jwks_find(&f->set, &c->token, key);
	if ((verdict == TOKEN_UNKNOWN_KEY || verdict == TOKEN_NO_KEYS) &&
	    jwks_file_look(
		f, c->b->dir, true, c->now_ms, c->now_boot, c->b->log) &&
	    f->set.n)
		verdict = jwks_find(&f->set, &c->token, key);
	if (verdict == TOKEN_UNKNOWN_KEY || verdict == TOKEN_NO_KEYS)
		issuer->wanted = true;
	return verdict;
}

static struct bearer_mark mark_of(const struct checking *c, size_t at)
{
	struct bearer_mark mark = {.provider = (uint32_t)at,
	    .generation = c->b->issuers[at].file.generation};

	memcpy(mark.hash, c->hash, sizeof(mark.hash));
	return mark;
}

/*
 * Key and signature before the claims: what a provider asks for is told to
 * nobody who has not a token of his.
 */
static enum token_verdict verify(
    struct checking *c, size_t at, struct token_claims *out)
{
	const struct provider *provider = &c->b->config->providers[at];
	const struct jwk *key = NULL;

	if (c->read == TOKEN_ABSENT)
		c->read = token_read(c->arena, c->text, &c->token);
	if (c->read != TOKEN_OK)
		return c->read;
	if (!str_eq(c->token.issuer, provider->issuer))
		return TOKEN_CLAIMS;
	enum token_verdict verdict = token_alg(&c->token, provider);
	if (verdict == TOKEN_OK)
		verdict = find_key(c, &c->b->issuers[at], &key);
	if (verdict != TOKEN_OK)
		return verdict;
	c->b->verified++;
	verdict = signature_verify(key->key, c->token.alg, c->text)
		      ? token_claims(c->arena, &c->token, provider, out)
		      : TOKEN_SIGNATURE;
	const struct bearer_mark mark = mark_of(c, at);
	bearer_cache_note(c->b->cache, &mark, verdict, out);
	return verdict;
}

/* What is known of it; TOKEN_ABSENT: nothing. */
static enum token_verdict recall(
    struct checking *c, size_t at, struct token_claims *out)
{
	struct bearer *b = c->b;

	jwks_file_look(&b->issuers[at].file, b->dir, false, c->now_ms,
	    c->now_boot, b->log);
	const struct bearer_mark mark = mark_of(c, at);
	return bearer_cache_find(b->cache, &mark, c->arena, out);
}

static enum token_verdict finish(struct checking *c, size_t at,
    enum token_verdict verdict, struct token_claims *out)
{
	const struct provider *provider = &c->b->config->providers[at];

	if (verdict != TOKEN_OK)
		return verdict;
	out->issuer = provider->issuer;
	return token_time(out, provider->leeway_ms, c->now_ms);
}

static enum token_verdict check_with(
    struct checking *c, size_t at, struct token_claims *out)
{
	enum token_verdict verdict = recall(c, at, out);

	if (verdict == TOKEN_ABSENT)
		verdict = verify(c, at, out);
	return finish(c, at, verdict, out);
}

/*
 * Several may have the same issuer, for other clients or audiences: the first
 * that takes it. Where none does, a verdict that is about more than whose it
 * is. Nothing is read where it is known already.
 */
static enum token_verdict check_with_any(
    struct checking *c, struct token_claims *out)
{
	enum token_verdict found = TOKEN_CLAIMS;

	for (size_t i = 0; i < c->b->n; i++)
		if (recall(c, i, out) == TOKEN_OK)
			return finish(c, i, TOKEN_OK, out);
	for (size_t i = 0; i < c->b->n; i++) {
		enum token_verdict verdict = check_with(c, i, out);
		if (verdict == TOKEN_OK)
			return verdict;
		if (verdict != TOKEN_CLAIMS)
			found = verdict;
	}
	return found;
}

/* ---- the header ---------------------------------------------------------- */

static bool is_token68(struct str s)
{
	size_t n = s.n;

	while (n && s.p[n - 1] == '=')
		n--;
	for (size_t i = 0; i < n; i++) {
		const char c = s.p[i], low = (char)(c | 0x20);
		if (!(low >= 'a' && low <= 'z') && !(c >= '0' && c <= '9') &&
		    (!c || !strchr("-._~+/", c)))
			return false;
	}
	return n > 0;
}

/* RFC 6750 2.1: "Bearer", a space, the token. Any other scheme is none. */
static enum token_verdict read_header(struct str header, struct str *token)
{
	const struct str scheme = STR("Bearer");

	if (!str_ieq(str_slice(header, 0, scheme.n), scheme) ||
	    (header.n > scheme.n && header.p[scheme.n] != ' '))
		return TOKEN_ABSENT;
	*token = str_slice(header, scheme.n + 1, header.n);
	return token->n <= TOKEN_MAX && is_token68(*token) ? TOKEN_OK
							   : TOKEN_MALFORMED;
}

enum token_verdict bearer_check(struct bearer *b, struct arena *a,
    struct str authorization, const struct provider *provider, int64_t now_ms,
    int64_t now_boot, struct token_claims *out)
{
	struct checking c = {.b = b,
	    .arena = a,
	    .now_ms = now_ms,
	    .now_boot = now_boot,
	    .read = TOKEN_ABSENT};
	enum token_verdict verdict = read_header(authorization, &c.text);

	if (verdict != TOKEN_OK)
		return verdict;
	bearer_cache_hash(b->cache, c.text, c.hash);
	if (!provider)
		return check_with_any(&c, out);
	for (size_t i = 0; i < b->n; i++)
		if (provider == &b->config->providers[i])
			return check_with(&c, i, out);
	return TOKEN_NO_KEYS; /* of another configuration */
}

const struct provider *bearer_wants(struct bearer *b, int64_t now_boot)
{
	for (size_t i = 0; i < b->n; i++) {
		struct issuer *issuer = &b->issuers[i];
		if (!issuer->wanted ||
		    (issuer->told &&
			now_boot - issuer->told_boot < BEARER_WANT_MS))
			continue;
		issuer->wanted = false;
		issuer->told = true;
		issuer->told_boot = now_boot;
		return &b->config->providers[i];
	}
	return NULL;
}

uint64_t bearer_verified(const struct bearer *b)
{
	return b->verified;
}
