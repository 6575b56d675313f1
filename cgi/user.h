#ifndef LOWTIDE_CGI_USER_H
#define LOWTIDE_CGI_USER_H

#include <stdbool.h>

#include "lib/diag.h"
#include "lib/err.h"

/*
 * Whom a program runs as. Nothing here needs root but what makes it another
 * user, and what root makes in the store's folder nobody else can write.
 */
bool user_is_root(void);
/*
 * For good, with the groups that he has and no others. Before anything is
 * opened that he shall read again later, and before the first thread. `socket`
 * is a unix socket of ours that becomes his, or -1. Findings: `user-unknown`;
 * `user-not-root` where we are somebody else already; `io-error`.
 */
enum err user_become(const char *name, int socket, struct diag *diag)
    __attribute__((warn_unused_result));

#endif
