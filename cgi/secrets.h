#ifndef LOWTIDE_CGI_SECRETS_H
#define LOWTIDE_CGI_SECRETS_H

#include "lib/config.h"
#include "lib/err.h"

/*
 * Where {secret.NAME} comes from: variables and files of the machine that the
 * worker runs on (struct secret). Read when first asked for and then kept; one
 * that cannot be read is tried again each time, so that an operator who mends
 * it need not restart anything. Values are wiped when they are dropped, and
 * never logged.
 */
#define SECRET_MAX 4096 /* bytes of one value */
#define SECRET_WHY_MAX 400

struct secrets;
/* `config` is borrowed: another configuration has other secrets. */
struct secrets *secrets_new(const struct config *config);
void secrets_free(struct secrets *s); /* NULL-safe */
/*
 * ERR_NOT_FOUND: no such name; ERR_MISSING, ERR_IO: it cannot be had at the
 * moment. Each time *why says so in words for the log (the variable or file,
 * never the value), until the next call. The value, of one byte at least and
 * without a NUL, lives until secrets_free() or secrets_forget().
 */
enum err secrets_get(struct secrets *s, struct str name, struct str *value,
    const char **why) __attribute__((warn_unused_result));
/* What the last secrets_get() said; "" where it could. */
const char *secrets_why(const struct secrets *s);
/* All are read anew when asked for next (SIGHUP). */
void secrets_forget(struct secrets *s);
/* Findings `secret-missing`, `secret-unreadable` (warnings: the jobs that need
   it fail by name, the others run), `secret-mode` for a file that others may
   read. */
void secrets_report(struct secrets *s, struct diag *diag);

#endif
