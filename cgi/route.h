#ifndef LOWTIDE_CGI_ROUTE_H
#define LOWTIDE_CGI_ROUTE_H

#include "cgi/http.h"

/*
 * Which API, or which part of the jobs API, a request means (contract 2).
 * Works on the path as sent: split at '/', each segment decoded once, so
 * `%2F` stays inside its segment; dot segments, empty segments and broken
 * escapes match nothing.
 */
enum route_kind {
	ROUTE_NONE,    /* 404 */
	ROUTE_METHOD,  /* 405; .allow says which methods there are */
	ROUTE_OPTIONS, /* CORS pre-flight or plain OPTIONS; .allow as above */
	ROUTE_API,     /* an accept: .api, .params */
	ROUTE_JOB,     /* prefix/jobs/ID: GET, HEAD, DELETE */
	ROUTE_JOB_RESULT,   /* prefix/jobs/ID/result: GET, HEAD */
	ROUTE_JOB_CANCEL,   /* prefix/jobs/ID/cancel: POST */
	ROUTE_EVENTS,	    /* prefix/jobs/ID/events: GET */
	ROUTE_HEALTH,	    /* prefix/jobs/health: GET, HEAD */
	ROUTE_LIST,	    /* prefix/jobs: GET, HEAD */
	ROUTE_OWNER_EVENTS, /* prefix/jobs/events: GET */
	ROUTE_READ,	    /* of route_find_read() alone: .api, .params */
};
#define ROUTE_PARAMS_MAX 16
#define ROUTE_NO_API ((size_t)-1)
struct route {
	enum route_kind kind;
	/*
	 * Index into config.apis. OPTIONS: the one that
	 * Access-Control-Request-Method asks for, else ROUTE_NO_API.
	 */
	size_t api;
	struct str id;			      /* the ID segment as decoded */
	struct str allow;		      /* "GET, HEAD, DELETE" */
	struct pair params[ROUTE_PARAMS_MAX]; /* {id} → decoded segment */
	size_t n_params;
};
void route_find(struct arena *a, const struct config *config,
    const struct request *r, struct route *out);

/*
 * Which read it means, of those alone: ROUTE_READ for GET and HEAD, .api is an
 * index into config.reads, for OPTIONS as well; ROUTE_METHOD, ROUTE_NONE.
 */
void route_find_read(struct arena *a, const struct config *config,
    const struct request *r, struct route *out);

/*
 * The first value of a name in a query string, decoded once ('+' is a space
 * here, as forms send it). False when it is not there, or cannot be decoded.
 */
bool route_query(
    struct arena *a, struct str query, const char *name, struct str *out);
/* Whether it is there, whatever is said of it. */
bool route_has_query(struct arena *a, struct str query, const char *name);

#endif
