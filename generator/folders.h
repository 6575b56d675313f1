#ifndef LOWTIDE_GENERATOR_FOLDERS_H
#define LOWTIDE_GENERATOR_FOLDERS_H

#include "lib/diag.h"

/*
 * Folders at the top of a site that are read by nobody and are called nearly
 * like one that is (`asset`), where that one is not there: the warning
 * `unknown-folder`. What else lies beside the site is nobody's business.
 * The names, a slash behind each, in byte order: with another such list a
 * build has something else to say.
 */
struct str folders_unknown(struct arena *a, const char *dir, struct diag *diag);

#endif
