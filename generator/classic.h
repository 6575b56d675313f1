#ifndef LOWTIDE_GENERATOR_CLASSIC_H
#define LOWTIDE_GENERATOR_CLASSIC_H

#include "generator/dotenv.h"

/*
 * The classic script of a [dotenv.NAME], for pages that load no modules:
 *
 *	window.__env            the keys and values of the KEY=VALUE file
 *	window.envReady         a promise of it
 *	window.authUrlBuilder   build<Name>AuthUrl for each [oauth.NAME]
 *
 * Its template says what the functions take. A name's letters behind `-` and
 * `_` are upper-case ones: [oauth.company-house] → buildCompanyHouseAuthUrl.
 */

/*
 * What all scripts of a site are rendered with. ERR_INPUT after the finding
 * `builder-clash`: two names that become one, or a variant that is called as
 * the provider itself is, "live".
 */
enum err classic_data(struct build *b, const struct dotenv_providers *providers,
    struct value **data) __attribute__((warn_unused_result));
/* The script of one table, published as its `script` says. */
enum err classic_put(struct build *b, const struct value *data,
    const struct dotenv *d, const struct value *script)
    __attribute__((warn_unused_result));

#endif
