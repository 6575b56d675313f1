#ifndef LOWTIDE_CGI_JOBS_AUDIT_H
#define LOWTIDE_CGI_JOBS_AUDIT_H

#include "cgi/keys.h"
#include "cgi/store/store.h"

/*
 * Whether a row and its sealed bodies are what they must be: what the keys can
 * tell. What the tables can tell of themselves is the store's (store_audit()).
 * Pure.
 *
 *   status-wrong       its status is not one that such an end has
 *   key-missing        a key that made its id, or a body, is not in the file
 *   id-forged          its id was not made for its owner by our keys
 *   id-foreign         its id names another API than the table it is in
 *   body-missing       an open job has no request, a completed one no result
 *   body-kept          one that has ended has its request or note still, an
 *                      open one a result, one that is erased anything at all
 *   body-unreadable    it cannot be opened, or is not what it should be
 */
struct audited {
	const struct config *config;
	const struct keys *keys;
	size_t api;
	const struct job *job;
	struct str sealed[BODY_KINDS]; /* p NULL = there is none */
};
/* One call for each finding; gives back how many there were. */
size_t audit_job(const struct audited *row, struct arena *a,
    void (*found)(void *ctx, const char *check, struct str words), void *ctx);

#endif
