#ifndef LOWTIDE_GENERATOR_PAGE_OAUTH_H
#define LOWTIDE_GENERATOR_PAGE_OAUTH_H

#include "generator/build.h"

/*
 * What templates see of [oauth]: `oauth.NAME.logout_url`, where NAME may be
 * "hmrc:sandbox", of each provider that has a sign-out. A link to it needs no
 * script. No link may begin a sign-in: its state would be the same for all
 * who click, and who sends such a link could have others sign in as himself.
 */

/* By id, each a table with `logout_url`; NULL: there is no provider. */
struct value *page_oauth(struct build *b);
/*
 * For struct mustache_options, whose ctx is a struct build: tells of a name
 * below `oauth` that is not there. `unknown-provider` and `unknown-variant`
 * (generator/provider-name.h), `no-logout`, `no-sign-in-url`, `unknown-name`.
 */
bool page_oauth_unknown(void *build, struct str name, struct pos pos);

#endif
