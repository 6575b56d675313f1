#ifndef LOWTIDE_GENERATOR_EXCHANGE_H
#define LOWTIDE_GENERATOR_EXCHANGE_H

#include "generator/build.h"
#include "generator/provider.h"

/*
 * Codes for tokens, of providers that want a secret for it (RFC 6749 4.1.3, 6):
 * no page has one, so the worker asks. Each provider or variant with a
 * client_secret reference gets two APIs, an upstream and a secret, put into the
 * site's tree as if they had been written in api.toml, so that everything that
 * looks at APIs knows them:
 *
 *   [api.NAME-token]     POST PREFIX/v1/NAME/token    {code, code_verifier?}
 *   [api.NAME-refresh]   POST PREFIX/v1/NAME/refresh  {refresh_token}
 *   [upstream.NAME-token]  the origin of its token_endpoint
 *   [secret.NAME]          the reference
 *
 * In names ':' and '_' are '-', in paths ':' is '/'. What a client may not
 * choose is written out: grant_type, client_id and redirect_uri.
 *
 * Findings: `token-clash` where one of those names is taken; as a warning
 * `token-endpoint-missing`.
 */

/*
 * Once a build, before anything looks at the tree, and again without effect.
 * Providers that were refused have none; that is produce_oauth()'s to tell.
 */
void exchange_add(struct build *b);
/* Whether the worker exchanges its codes. */
bool exchange_has(const struct oauth_provider *p);
/* Of the API, without `prefix`: "/v1/hmrc/sandbox/token". */
struct str exchange_token_path(struct arena *a, const struct oauth_provider *p);
struct str exchange_refresh_path(
    struct arena *a, const struct oauth_provider *p);

#endif
