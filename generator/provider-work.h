#ifndef LOWTIDE_GENERATOR_PROVIDER_WORK_H
#define LOWTIDE_GENERATOR_PROVIDER_WORK_H

#include "generator/provider.h"
#include "lib/buf.h"
#include "lib/url.h"

/*
 * Between the files provider*.c: one table at work. Each step looks at a few
 * keys of it, refuses what is wrong with them and sets what it is about in
 * `out`. A step goes on after a refusal with something harmless, so that all
 * refusals are told at once.
 *
 * A new key? The step that it belongs to, or a new one: a row in provider.c.
 */
struct provider_work {
	struct arena *arena;
	struct diag *diag; /* NULL: said already */
	struct oauth_provider *out;
	struct pos pos; /* of the table's name, where a key is missing */
	const struct value *table, *base_url;
	struct str variant; /* what stands behind ':' in the id, or empty */
	const struct provider_kind *kind;
	/*
	 * What paths of the kind are below: domain, base_uri or the kind's own,
	 * with its tenant; empty where authorization_endpoint leads elsewhere.
	 */
	struct str base;
	struct str tenant;	 /* of a kind that has them; p NULL: not said */
	struct pos endpoint_pos; /* of what its path and query come from */
	struct str extra; /* constants behind the scope: "&prompt=login" */
	bool refused;
};

/*
 * What a kind fills in where the table says nothing: provider-kinds.def. A
 * URL is whole, or a path below what its comment says. NULL: it has none.
 */
struct provider_kind {
	const char *name;
	/* Its own servers, where people need not say: "{tenant}" is filled. */
	const char *base, *sandbox_base; /* the latter: variant "sandbox" */
	const char *path;		 /* the authorization endpoint's */
	/* Below the base; whole: of base, and of sandbox_base. */
	const char *token, *sandbox_token;
	const char *issuer;
	const char *jwks, *issuer_jwks; /* below the base, or the issuer */
	const char *logout;		/* below the base */
	const char *logout_style;	/* as keys.def's oauth.*.logout.style */
	const char *scopes;
	bool openid;	      /* an OpenID provider: scope openid, a nonce */
	size_t redirects_max; /* how many can be registered; 0: any number */
	bool redirects_dns;   /* names only, no IP addresses */
	bool confidential;    /* its token endpoint wants a client secret */
};

/* The steps, in their order. */
void provider_kind(struct provider_work *w);
void provider_base(struct provider_work *w);
void provider_endpoint(struct provider_work *w);
void provider_client(struct provider_work *w);
void provider_tokens(struct provider_work *w);
void provider_scopes(struct provider_work *w);
void provider_redirect(struct provider_work *w);
void provider_logout(struct provider_work *w);
void provider_params(struct provider_work *w);
void provider_secrets(struct provider_work *w);

/* --- what steps share (provider-work.c) ---------------------------------- */

__attribute__((format(printf, 4, 5))) void provider_refuse(
    struct provider_work *w, struct pos pos, const char *name,
    const char *format, ...);
/* Of the key's value; of the table where it is missing. */
struct pos provider_pos(const struct provider_work *w, const char *key);
/* A string of the table; p NULL: it is not there. */
struct str provider_raw(struct provider_work *w, const char *key);
/* The same, or `otherwise` (may be NULL); `placeholder` where it is one. */
struct str provider_text(
    struct provider_work *w, const char *key, const char *otherwise);
/* NULL: there is no such kind. */
const struct provider_kind *provider_kind_named(struct str name);
/* RFC 6749 3.3: %x21 / %x23-5B / %x5D-7E */
bool provider_is_scope(struct str s);
/* Strings of an array with a space between two; p NULL: there is none. */
struct str provider_list(struct provider_work *w, const char *key);
/*
 * Refuses what no endpoint may be: endpoint-scheme, -fragment, -userinfo and
 * double-slash; a base has no query either (base-has-query). key: what it is
 * called. False when it was refused, or is a placeholder.
 */
bool provider_check_url(
    struct provider_work *w, const char *key, struct str text, struct pos pos);
bool provider_check_base(
    struct provider_work *w, const char *key, struct str text, struct pos pos);
/* double-slash alone: no segment of a path is empty. */
bool provider_check_path(
    struct provider_work *w, const char *key, struct str path, struct pos pos);
/*
 * How a browser spells such a page, whatever its scheme, host and port are
 * written like: `location` says it so, and finish() looks there.
 */
struct str provider_spelled(struct provider_work *w, struct str uri);
/* Whether base is the kind's own server, live or its sandbox. */
bool provider_is_own(struct provider_work *w, bool sandbox);
/* With one slash between them; what is wrong before or after it stays. */
struct str provider_join(
    struct provider_work *w, struct str base, struct str path);
/* What stands behind `?`, up to a fragment. */
struct str provider_query(struct str url);
/*
 * Cuts the next parameter off, decoded where it can be; without `=` the value
 * is p NULL. False when there is none.
 */
bool provider_next_param(struct provider_work *w, struct str *query,
    struct str *name, struct str *value);
/* `&name=value`, encoded; `not-text` where that cannot be. */
void provider_put(struct provider_work *w, struct buf *url, struct str name,
    struct str value, struct pos pos);
/*
 * Parameters of the authorization URL but those that the module sets, in their
 * order, an endpoint's own first; and what is wrong with them.
 */
enum provider_param_from {
	PARAM_ENDPOINT, /* its own query, decoded */
	PARAM_KEY,	/* response_mode, max_age, resource */
	PARAM_CONSTANT, /* params */
	PARAM_PAGE,	/* allow_params: no value */
};
struct provider_param {
	enum provider_param_from from;
	struct str name, value;
	struct pos pos;
	bool from_env;
};
struct provider_params {
	struct provider_param *list;
	size_t n, cap;
};
void provider_check_params(
    struct provider_work *w, const struct provider_params *all);
/* The endpoint and the `?` or `&` that its next parameter needs. */
void provider_open(struct buf *url, struct str endpoint);

/* --- pages that people come back to (provider-page.c) --------------------- */

/*
 * `path` joined to base_url; p NULL where that was refused
 * (redirect-relative, base-has-query).
 */
struct str provider_page(
    struct provider_work *w, const char *key, struct str path, struct pos pos);
/*
 * Refuses what no such page can be: redirect-relative, -scheme, -fragment,
 * -userinfo, -wildcard, double-slash.
 */
bool provider_check_page(
    struct provider_work *w, const char *key, struct str uri, struct pos pos);
/* The first two and -wildcard: it is a URL of a web page, *url where true. */
bool provider_check_absolute(struct provider_work *w, const char *key,
    struct str uri, struct pos pos, struct url *url);
/* The length of `name:` (RFC 3986 3.1), but of no `host:port`; 0: none. */
size_t provider_scheme(struct str uri);

#endif
