#ifndef LOWTIDE_GENERATOR_PROVIDER_VARIANT_H
#define LOWTIDE_GENERATOR_PROVIDER_VARIANT_H

#include "lib/arena.h"
#include "lib/diag.h"
#include "lib/err.h"
#include "lib/value.h"

/*
 * [oauth.NAME.variant.OTHER]: the provider "NAME:OTHER". Its table is that of
 * NAME with its own keys laid over, params and logout key by key. But one that
 * names another server inherits nothing that belongs to the old one (which
 * keys those are: provider-variant.c), for nothing may silently be live's.
 */

/*
 * The member to read the variant from: `id` as its key, the variant's place,
 * and values that keep theirs. Findings `variant-in-variant` and
 * `variant-path`, then ERR_INPUT; `out` is good all the same. `base` and
 * `variant` stay as they are.
 */
enum err provider_variant_lay(struct arena *a, const struct member *base,
    const struct member *variant, struct diag *diag, struct member *out)
    __attribute__((warn_unused_result));

/* It names another server than its base, or is called like one. */
bool provider_variant_is_elsewhere(
    const struct member *base, const struct member *variant);

/* The variants of a provider's table; NULL when it has none. */
const struct value *provider_variants(const struct value *table);

#endif
