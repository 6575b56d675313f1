#ifndef LOWTIDE_CGI_JOBS_LIST_H
#define LOWTIDE_CGI_JOBS_LIST_H

#include "cgi/jobs.h"

/* `lowtide-jobs ls`, shared between jobs-list.c and jobs-watch.c. */
enum { LS_MOST = FILTER_COUNT, LS_OLDEST, LS_WATCH, LS_JSON };
#define LS_DEFAULT 50
#define LS_MAX 100000

struct listing {
	struct filter filter;
	size_t limit;
	bool oldest, json;
	struct report_job *jobs; /* without what is sealed */
	size_t n, cap;
};
/* Reads it anew. Inside a view. */
enum err listing_read(struct jobs *run, struct listing *l)
    __attribute__((warn_unused_result));
/*
 * Until SIGINT or SIGTERM, which is no error, or until nobody reads any more.
 * On a terminal the table, drawn again; else those that are there, the oldest
 * first, then a line for each one that changed. Woken by the store's bells
 * alone: where nothing happens, nothing is done.
 */
enum err listing_watch(struct jobs *run, struct listing *l)
    __attribute__((warn_unused_result));

#endif
