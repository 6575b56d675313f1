#ifndef LOWTIDE_CGI_PREFLIGHT_H
#define LOWTIDE_CGI_PREFLIGHT_H

#include "cgi/answer.h"

/*
 * OPTIONS, answered before owner and admission (contract 2): a browser asks so
 * on its own, without credentials. Pure.
 *
 * `allow` are the methods of the address; what these APIs forward by name may
 * be sent there, beside what may be sent anywhere; and of `asked`, which is
 * Access-Control-Request-Headers, what any API or read forwards.
 */
void preflight_answer(const struct answer_context *c, struct str allow,
    const struct api *apis, size_t n, struct str asked, struct answer *ans);
/* The same of a read: what its calls forward. */
void preflight_answer_read(const struct answer_context *c, struct str allow,
    const struct read *read, struct str asked, struct answer *ans);

#endif
