#ifndef LOWTIDE_GENERATOR_PROVIDER_H
#define LOWTIDE_GENERATOR_PROVIDER_H

#include "lib/arena.h"
#include "lib/config.h"
#include "lib/diag.h"
#include "lib/err.h"
#include "lib/value.h"

/*
 * One table [oauth.NAME], or one [oauth.NAME.variant.OTHER] laid over it,
 * checked and turned into what browsers and other files need: an OAuth 2.0
 * client (RFC 6749) at one authorization server. Everything constant of the
 * authorization URL is percent-encoded here, once; the browser appends what
 * must be fresh.
 *
 * Texts are empty where there is none; all of them live in the arena.
 */
struct oauth_provider {
	struct str id;	  /* "hmrc", a variant: "hmrc:sandbox" */
	struct str table; /* as files write it: "oauth.hmrc.variant.sandbox" */
	struct pos pos;	  /* of its table's name */
	const char *kind; /* of provider-kinds.def */
	/*
	 * The authorization URL as far as it is constant, in this order: the
	 * endpoint with its own query byte for byte, response_type, client_id,
	 * redirect_uri, scope, response_mode, max_age, each resource, then
	 * params by name. `&state=…` follows.
	 */
	struct str url;
	/* what the URL is made of, before it is encoded */
	struct str endpoint, client_id;
	/* the endpoint's part that its path was joined to, where it was */
	struct str base;
	struct str scope;    /* all of them, a space between two */
	struct str redirect; /* absolute; finish() is on that page */
	struct str page;     /* the same, as browsers spell it */
	struct pos redirect_pos;
	const struct value *redirects; /* redirect_allow; NULL: that one */
	/*
	 * RFC 9207. Without an issuer `iss` is not looked at; with one it must
	 * be that one, and must be there only if iss_required.
	 */
	struct str issuer;
	bool iss_required;
	struct str token_endpoint; /* RFC 6749 3.2 */
	struct str jwks_uri;	   /* RFC 8414: the keys of its tokens */
	/*
	 * Of its tokens where an API takes them (generator/api-auth.h): what
	 * aud may be, and of "RS256" and "ES256" those that may sign.
	 */
	struct strs audiences, algorithms;
	bool tokens_from_env; /* the environment said one of them */
	int64_t refresh_ms;   /* its keys are fetched so often; 0 = never */
	/*
	 * Its codes are exchanged by the worker (generator/exchange.h) where
	 * there is a reference and has_token is left on: token_path is where,
	 * below `prefix`, p NULL where the usual place will do.
	 */
	const struct value *client_secret; /* NULL: none */
	struct str token_path;
	bool has_token;
	/* Signing out: where, whereto after it, and the two as one URL. */
	struct str logout_endpoint, logout_redirect, logout_url;
	struct pos logout_redirect_pos;
	const char *logout_style; /* as in keys.def; NULL: no logout */
	struct str allow;	  /* parameters a page may add, by spaces */
	int64_t max_age;	  /* seconds; -1: not asked for */
	bool openid; /* an ID token is asked for, by the scope of that name */
	bool nonce, pkce;
	/*
	 * RFC 6749 2.1: only who has a secret exchanges its codes, which is no
	 * page. The table has a client_secret, or its kind always wants one.
	 */
	bool confidential;
	bool accepts_mixup; /* may share a redirect with another server */
	bool from_env;	    /* a value from the environment went into it */
};

/*
 * `table`'s key is the id: what stands behind ':' is the variant that it is.
 * `base_url` is what redirect_path is joined to; NULL or empty when the site
 * has none. ERR_INPUT when something is refused, after all findings of this
 * table (which those are: provider-*.c, tests/golden/bad-oauth-*).
 */
enum err oauth_provider_read(struct arena *a, const struct member *table,
    const struct value *base_url, struct diag *diag, struct oauth_provider *out)
    __attribute__((warn_unused_result));

#endif
