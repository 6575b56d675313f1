#ifndef LOWTIDE_CGI_HTTP_H
#define LOWTIDE_CGI_HTTP_H

#include <stdbool.h>

#include "lib/arena.h"
#include "lib/config.h"
#include "lib/err.h"
#include "lib/str.h"

/*
 * A request and an answer, apart from how they travel. The FastCGI loop, plain
 * CGI and the tests all fill the same struct request and get a struct answer.
 */
#define HTTP_HEADERS_MAX 100		  /* fields of a request */
#define HTTP_HEADER_BYTES_MAX (32 * 1024) /* all of them together: else 431 */
#define HTTP_TARGET_MAX 8192		  /* bytes of REQUEST_URI */

struct request {
	struct str method;
	struct str path;      /* of REQUEST_URI, as sent, up to '?' */
	struct str query;     /* behind '?'; p NULL when there is none */
	struct pairs headers; /* names in lower case with hyphens */
	struct str remote_addr;
	struct str owner; /* LOWTIDE_OWNER: set by the web server alone */
	struct str body;
	int64_t body_declared; /* CONTENT_LENGTH; -1 = not said */
	bool body_too_large;   /* cut off at the largest body_max of any API */
};

/* The first header of that (lower-case) name, or the empty view. */
struct str request_header(const struct request *r, const char *name);
bool request_has_header(const struct request *r, const char *name);

/*
 * CGI variables (RFC 3875 4.1: HTTP_X_REQUEST_ID, CONTENT_TYPE …) into a
 * request. `vars` are "NAME=value" strings, NULL ends. ERR_TOO_LARGE beyond
 * the caps above (431; 414 for the target is the web server's), ERR_INPUT
 * when REQUEST_METHOD or REQUEST_URI is missing.
 */
enum err request_from_cgi(struct arena *a, char *const *vars,
    struct request *out) __attribute__((warn_unused_result));

/*
 * Whether an If-None-Match names this ETag, compared weakly (RFC 9110 13.1.2,
 * 8.8.3.2), as whoever compresses an answer makes its tag a weak one.
 */
bool http_names_tag(struct str list, struct str etag);

#define ANSWER_HEADERS_MAX 40
struct answer {
	int status;
	struct pair headers[ANSWER_HEADERS_MAX];
	size_t n_headers;
	/* of these, an upstream's that were kept: pages may read them */
	size_t kept_at, n_kept;
	struct str body;
	bool head; /* the method was HEAD: headers as for GET, no body */
};
/* Name and value must live in the arena or be literals. */
void answer_header(struct answer *ans, const char *name, struct str value);
/* The value of a header set before, or the empty view. */
struct str answer_get(const struct answer *ans, const char *name);
/*
 * As CGI wants it: `Status:` always first, then the headers, an empty line
 * and the body (RFC 3875 6). Line breaks in values become spaces.
 */
struct buf;
void answer_write(const struct answer *ans, struct buf *out);
/* The same, and more of its body will follow: no Content-Length. */
void answer_write_open(const struct answer *ans, struct buf *out);
/* "Not Found" for 404; "Unknown" where RFC 9110 has no phrase. */
const char *http_phrase(int status);

#endif
