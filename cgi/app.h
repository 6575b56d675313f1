#ifndef LOWTIDE_CGI_APP_H
#define LOWTIDE_CGI_APP_H

#include "cgi/http.h"
#include "cgi/keys.h"
#include "cgi/log.h"
#include "cgi/park.h"
#include "cgi/store/clock-guard.h"
#include "cgi/store/store.h"

/*
 * The endpoint without a connection: a request in, an answer or a wish to
 * wait out. Route → owner → id → look-up → validate → admit → commit → wait →
 * answer, in contract 2's order. Knows neither FastCGI nor clocks.
 * It only reads the store: what is to be written goes out as a struct change
 * (committer.h) and comes back through app_committed().
 *
 * app.c takes requests to their handlers; accept.c is contract 2 and 3,
 * status.c the jobs API and parked requests (contract 4 B to E).
 */
struct change;
struct bearer;
struct buckets;
struct estimate;
struct event_cache;
struct metrics;
struct told;
struct app {
	const struct config *config;
	const struct keys *keys;
	struct store *store; /* STORE_READS */
	bool viewing;	     /* its view is open */
	int64_t seen;	     /* app_changed(): up to which version */
	size_t body_max;     /* the largest of all APIs: what the loop reads */
	const struct log *log;	    /* NULL = says nothing */
	struct bearer *bearer;	    /* NULL = no API takes tokens */
	struct event_cache *events; /* NULL = each is written anew */
	struct estimate *estimates; /* one for each API; NULL = none measured */
	struct metrics *metrics;    /* NULL = nothing is counted */
	struct told *told;	 /* whose end was logged; NULL = nobody knows */
	struct buckets *buckets; /* of look-ups; NULL = as many as they like */
	/*
	 * As a plain CGI program there is one request and no loop: no stream,
	 * and a wait of this at most.
	 */
	bool plain;
	int64_t plain_wait_ms;
	/*
	 * For jitter and trace ids, nothing secret: any number to start
	 * with, moved on by every request.
	 */
	uint64_t seed;
	/*
	 * Zero to start with. While it stops, nothing expires: a result is not
	 * denied because somebody set the clock wrong for a while.
	 */
	struct clock_guard guard;
	/*
	 * Whether what is to be written can be: the kinds of failure since it
	 * began (a bit for each enum err), and when the first and the last was.
	 */
	unsigned trouble;
	int64_t trouble_boot, failed_boot;
};
struct app_now {
	int64_t wall_ms, boot_ms;
	bool streams_full; /* no other stream can begin just now */
};

enum outcome {
	/*
	 * *ans is complete. Where *change is there as well, it is to be
	 * committed by itself: nobody waits for it.
	 */
	OUTCOME_ANSWER,
	OUTCOME_PARK, /* *wait says for what; the request may be freed */
	/*
	 * A stream. When it begins, ans is its head and its first bytes. From
	 * app_resume(), ans->body is more of it, and nothing else of ans
	 * counts; it goes on, as *wait says. It ends with OUTCOME_ANSWER, of
	 * which again only the body counts. Nothing is queued for a stream but
	 * what it was given last: while that has not gone out it is not
	 * resumed, and afterwards told the newest of each job (wait->version
	 * is how far it was told).
	 */
	OUTCOME_STREAM,
	OUTCOME_COMMIT, /* *change is to be committed; the request may be
			   freed. Then app_committed() */
};
enum outcome app_handle(struct app *app, struct app_now now, struct arena *a,
    const struct request *r, struct answer *ans, struct waiting *wait,
    struct change **change);
/*
 * What the change made of the request that asked for it. Call app_rest()
 * before, so that what is read next is not older than the change. The caller
 * frees the change afterwards.
 */
enum outcome app_committed(struct app *app, struct app_now now, struct arena *a,
    struct change *change, struct answer *ans, struct waiting *wait);
/*
 * A parked request again: after a bell, or at its deadline (now.boot_ms says).
 * OUTCOME_COMMIT: its wait is over, and what comes next is app_committed().
 * OUTCOME_PARK: nothing it waits for has happened yet; *wait may have
 * changed (again_boot). Where nobody else can
 * be parked, a deadline_boot moved to now has it answered with what there is.
 */
enum outcome app_resume(struct app *app, struct app_now now, struct arena *a,
    struct waiting *wait, struct answer *ans, struct change **change);
/*
 * All requests of one wake of the loop read one view of the store: it is
 * opened by the first that needs it and given back here.
 */
void app_rest(struct app *app);
/*
 * What waits at an API, in the view of this wake. An error ends it.
 */
struct store_stats;
enum err app_queue(struct app *app, size_t api, struct store_stats *out)
    __attribute__((warn_unused_result));
/*
 * park_wake() for every job that changed since the last call. False: the store
 * cannot be read just now.
 */
bool app_changed(struct app *app, struct park *park);
/*
 * For what never became a request: ERR_TOO_LARGE is 431, ERR_INPUT and
 * ERR_SYNTAX 400, ERR_FULL and ERR_BUSY 503, the rest 500.
 */
void app_refuse(struct app *app, struct app_now now, struct arena *a,
    enum err err, struct answer *ans);

#endif
