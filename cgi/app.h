#ifndef LOWTIDE_CGI_APP_H
#define LOWTIDE_CGI_APP_H

#include "cgi/http.h"
#include "cgi/keys.h"
#include "cgi/log.h"
#include "cgi/park.h"
#include "cgi/store/store.h"

/*
 * The endpoint without a connection: a request in, an answer or a wish to
 * wait out. Route → owner → id → look-up → validate → admit → commit → wait →
 * answer, in contract 2's order. Knows neither FastCGI nor clocks.
 *
 * app.c takes requests to their handlers; accept.c is contract 2 and 3,
 * status.c the jobs API and parked requests (contract 4 B to E).
 */
struct app {
	const struct config *config;
	const struct keys *keys;
	struct store *store;
	size_t body_max; /* the largest of all APIs: what the loop reads */
	const struct log *log; /* NULL = says nothing */
	/*
	 * For jitter and trace ids, nothing secret: any number to start
	 * with, moved on by every request.
	 */
	uint64_t seed;
};
struct app_now {
	int64_t wall_ms, boot_ms;
};

enum outcome {
	OUTCOME_ANSWER, /* *ans is complete */
	OUTCOME_PARK,	/* *wait says for what; the request may be freed */
};
enum outcome app_handle(struct app *app, struct app_now now, struct arena *a,
    const struct request *r, struct answer *ans, struct waiting *wait);
/*
 * A parked request again: after a bell, or at its deadline (now.boot_ms says).
 * OUTCOME_PARK: nothing it waits for has happened yet. Where nobody else can
 * be parked, a deadline_boot moved to now has it answered with what there is.
 */
enum outcome app_resume(struct app *app, struct app_now now, struct arena *a,
    const struct waiting *wait, struct answer *ans);
/*
 * For what never became a request: ERR_TOO_LARGE is 431, ERR_INPUT and
 * ERR_SYNTAX 400, ERR_FULL and ERR_BUSY 503, the rest 500.
 */
void app_refuse(struct app *app, struct app_now now, struct arena *a,
    enum err err, struct answer *ans);

#endif
