#ifndef LOWTIDE_GENERATOR_PROVIDER_H
#define LOWTIDE_GENERATOR_PROVIDER_H

#include "lib/arena.h"
#include "lib/diag.h"
#include "lib/err.h"
#include "lib/value.h"

/*
 * One table [oauth.NAME], checked and turned into what the browser module
 * needs. Everything constant of the authorization URL is percent-encoded
 * here, once; the browser appends what must be fresh.
 */
struct oauth_provider {
	struct str id;
	/*
	 * The authorization URL as far as it is constant, in this order: the
	 * endpoint with its own query byte for byte, response_type, client_id,
	 * redirect_uri, scope, then the table's params. `&state=…` follows.
	 */
	struct str url;
	/* what the URL is made of, before it is encoded */
	struct str endpoint, client_id, scope;
	struct str redirect; /* absolute */
	struct str issuer;   /* empty: `iss` is not looked at */
	struct str allow;    /* parameters a page may add, by spaces */
	bool nonce, pkce;
	bool from_env; /* a value from the environment went into it */
};

/*
 * `base_url` is what redirect_path is joined to; NULL or empty when the site
 * has none. ERR_INPUT when something is refused, after all findings:
 *
 *   unknown-kind, endpoint-missing, endpoint-scheme, endpoint-fragment,
 *   endpoint-userinfo, client-id-empty, client-id-placeholder,
 *   redirect-relative, redirect-fragment, scope-chars, openid-missing,
 *   pkce-plain, param-reserved, secret-present, placeholder
 */
enum err oauth_provider_read(struct arena *a, const struct member *table,
    const struct value *base_url, struct diag *diag, struct oauth_provider *out)
    __attribute__((warn_unused_result));

#endif
