#ifndef LOWTIDE_GENERATOR_PROVIDER_SHARED_H
#define LOWTIDE_GENERATOR_PROVIDER_SHARED_H

#include "generator/provider.h"

/*
 * Finding `redirect-shared`, at the redirect of the one that stands later:
 * providers of different servers on one redirect URI (RFC 9700 4.4, mix-up).
 * Whoever answers there may be the other one, unless both say `iss`
 * (RFC 9207) and must; or the later one says mixup = "accept".
 *
 * `list` may hold providers that were refused: those without an endpoint or a
 * redirect, or with an endpoint that is no URL, are left out.
 * ERR_INPUT when something was found.
 */
enum err provider_shared(const struct oauth_provider *list, size_t n,
    struct diag *diag) __attribute__((warn_unused_result));

#endif
