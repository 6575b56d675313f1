#ifndef LOWTIDE_GENERATOR_API_AUTH_H
#define LOWTIDE_GENERATOR_API_AUTH_H

#include "generator/api-make.h"

/*
 * Who may call an API: `auth`, at the top of api.toml or of one API, is "none",
 * "web-server" or a provider of site.toml, and a site may have all three.
 *
 *   a provider    its tokens are checked by the endpoint: what they must say
 *                 goes into config.providers
 *   "web-server"  [web_server] says how the server finds out; what its
 *                 configuration needs of that is in b->web_server
 *
 * Findings: `auth-missing`, `web-server-missing`, `audience-missing`,
 * `issuer-missing`, `jwks-missing`, `jwks-clash`, `forwards-own-token`, and of
 * what stands in [web_server] `bad-value`, `bad-header`, `check-missing`; as
 * warnings `auth-unused` and `audience-unused`.
 */
struct web_server {
	bool is_basic; /* a password file; else .check is asked */
	/*
	 * Safe in double quotes of any server's configuration: no quote, no
	 * backslash, no `$`, no control character.
	 */
	struct str realm;
	struct str users; /* absolute path, without white space or the above */
	/*
	 * "/x": a location of the operator's own in the same server; else a URL
	 * (http or https) that the configuration's own location passes on to.
	 * 2xx lets in, 401 and 403 do not. Empty where is_basic.
	 */
	struct str check;
	struct str owner_header; /* of its answer, lower case */
	bool from_env;		 /* the environment said a part of it */
};

/* The `auth` of the API at m->table; empty where it was refused. */
struct str api_auth(struct making *m);
/*
 * After the API's `request` and `scopes` were read: nothing of it passes the
 * caller's own credential on, and scopes are of tokens.
 */
void api_auth_check(struct making *m, const struct api *api);
void api_auth_scopes(struct making *m, struct str auth, struct strs scopes);
/*
 * `forwards-own-token`: the Authorization that told who asks goes no further,
 * by {header.authorization} or by what is passed on. Where auth is "none" it
 * tells nobody, and may. api-own.c
 */
void api_own_text(
    struct making *m, struct str auth, struct str text, struct pos pos);
void api_own_texts(struct making *m, struct str auth, const char *key);
void api_own_forward(
    struct making *m, struct str auth, const char *key, struct strs names);
/*
 * After all APIs: config.providers, config.web_challenge, b->web_server and
 * what is missing for them. *from_env: the environment said a part of it.
 */
void api_auth_together(struct making *m, bool *from_env);

#endif
