#ifndef LOWTIDE_CGI_FCGI_PARSE_H
#define LOWTIDE_CGI_FCGI_PARSE_H

#include <stdbool.h>
#include <stdint.h>

#include "cgi/http.h"
#include "lib/err.h"

/*
 * libfcgi, as a parser of one request that the framer found whole. The only
 * file that includes fcgiapp.h. It sets fields that header calls private; a
 * static assert and tests/unit/test-parse.c pin their layout (docs/adr/0001).
 */
struct parsed {
	struct request request;
	uint16_t request_id;
	bool keep_conn;
};
/* Once per program, before the first call. */
enum err parse_init(void);
/*
 * `fd` is a blocking-safe source that holds exactly one whole request: a memfd
 * at offset 0, or the socket itself when nothing stands behind the request.
 * The fd is not closed. Strings live in the arena. ERR_TOO_LARGE as
 * request_from_cgi, with request_id and keep_conn still set.
 */
enum err parse_request(struct arena *a, int fd, size_t body_max,
    struct parsed *out) __attribute__((warn_unused_result));

#endif
