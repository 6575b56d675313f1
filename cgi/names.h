#ifndef LOWTIDE_CGI_NAMES_H
#define LOWTIDE_CGI_NAMES_H

#include "cgi/http.h"
#include "cgi/ids.h"

/*
 * What clients write into headers to name things: themselves nothing, their
 * requests (contract 1), traces, other headers. Pure.
 */
#define NAMES_REQUEST_ID_MAX 128
#define NAMES_KEY_MAX 255 /* bytes of an Idempotency-Key, unquoted */

/* [A-Za-z0-9._-]{1,128} */
bool names_is_request_id(struct str s);
/* W3C traceparent, version 00: 00-TRACE-SPAN-FLAGS, nothing all zero. */
bool names_is_trace(struct str s);
#define NAMES_TRACE 55 /* bytes of it */
/* A new one out of random numbers, of which none makes an id all zero. */
struct str names_new_trace(struct arena *a, const uint64_t random[3]);
/* A header's name as RFC 9110 5.6.2 has it, at most 64 bytes. */
bool names_is_token(struct str s);

/*
 * Whether this (any case) header of a client goes upstream: a `forward`
 * pattern names it, or a template does. A pattern with '*' never reaches
 * credentials or what belongs to the connection; those must be named.
 */
bool names_is_forwarded(const struct api *api, struct str header);
/* The first half of it: a `forward` pattern names the header. */
bool names_matches_forward(const struct api *api, struct str header);
/* The same of such patterns, wherever they are from. */
bool names_matches_any(const struct strs *patterns, struct str header);
/*
 * Whether this header of a client is one that the upstream may want another of
 * when it says 401: one that the API names. Patterns reach other things as
 * well, a time or a window's size, so they count only where nothing is named,
 * and a trace, which is another one each time, never does.
 */
bool names_is_credential(const struct api *api, struct str header);
/* Whether there is any, in a header or in the body. */
bool names_takes_credential(const struct api *api);

enum naming {
	NAMING_NONE,   /* no name, or one that is ignored */
	NAMING_CLIENT, /* .kind, .name */
	NAMING_JOB,    /* x-request-id is shaped like a job id: .name */
	NAMING_BAD,    /* an Idempotency-Key that is none: 400 */
};
struct name {
	enum naming naming;
	enum name_kind kind;
	struct str name;
};
/*
 * Idempotency-Key (bare or a quoted string) before x-request-id. Anonymous: a
 * name under IDS_NAME_MIN_ANONYMOUS bytes counts for nothing, because anybody
 * could guess it.
 */
void names_find(
    struct arena *a, const struct request *r, bool anonymous, struct name *out);

#endif
