#ifndef LOWTIDE_CGI_FCGI_PARSE_H
#define LOWTIDE_CGI_FCGI_PARSE_H

#include "cgi/http.h"
#include "lib/err.h"

/*
 * libfcgi, as a parser of one request that the framer found whole. The only
 * file that includes fcgiapp.h. It sets fields that header calls private; a
 * static assert and tests/unit/test-parse.c pin their layout (docs/adr/0001).
 *
 * It never sees a socket: what it reads is a memfd. So it can neither write
 * into a connection, nor close one, nor read on into the next request.
 */
struct parser;
/* Once per program, before the first parser. */
enum err parse_init(void) __attribute__((warn_unused_result));
struct parser *parser_open(void);
void parser_close(struct parser *p); /* NULL-safe */

/*
 * Reads one request from *fd, a memfd that stands at its first byte, with
 * `body` bytes of STDIN (counted by the framer). *out is good until
 * parser_done() and as long as the arena. Errors as request_from_cgi();
 * ERR_CORRUPT when libfcgi refuses what is there: it has closed the memfd
 * then, and *fd is -1.
 */
enum err parse_request(struct parser *p, struct arena *a, int *fd, size_t body,
    struct request *out) __attribute__((warn_unused_result));
/* Gives back what libfcgi held for the last request. */
void parser_done(struct parser *p);

#endif
