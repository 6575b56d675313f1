#ifndef LOWTIDE_GENERATOR_PROVIDER_NAME_H
#define LOWTIDE_GENERATOR_PROVIDER_NAME_H

#include "generator/site.h"

/*
 * Where something names a provider: "hmrc", or "hmrc:sandbox" for a variant. A
 * name is good when the site declares it, whatever is wrong with its table;
 * and when that cannot be known, for what declares it was refused as a whole.
 * "hmrc:live" is no other way to say "hmrc": what is not declared is unknown.
 *
 * Findings: `unknown-provider`, `unknown-variant`, with the nearest name or
 * those there are. `words`, NULL at its end, may stand there as well and are
 * proposed with the others; NULL: none. The name is not compared with them.
 */
bool provider_name_check(struct arena *a, const struct site *site,
    struct str name, struct pos pos, const char *const *words,
    struct diag *diag);

#endif
