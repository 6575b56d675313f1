#ifndef LOWTIDE_LIB_ERR_H
#define LOWTIDE_LIB_ERR_H

/*
 * The one list of errors. A function that can fail returns `enum err`; it
 * never prints. What a person needs to know beyond the code goes into the
 * caller's `struct diag` (lib/diag.h); what a client may know is err_text().
 */
enum err {
#define ERR(name, exit_status, http_status, text) ERR_##name,
#include "lib/err.def"
#undef ERR
	ERR_COUNT
};

/* The code's own name, "TOO_LARGE", for logs and tests. */
const char *err_name(enum err err);
/* Text that may be shown to anybody. */
const char *err_text(enum err err);
/* What a program that ends for this reason exits with (sysexits). */
int err_exit(enum err err);
/* The HTTP status when nothing more precise is known (RFC 9110 15). */
int err_http(enum err err);

#endif
