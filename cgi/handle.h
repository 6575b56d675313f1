#ifndef LOWTIDE_CGI_HANDLE_H
#define LOWTIDE_CGI_HANDLE_H

#include "cgi/answer.h"
#include "cgi/app.h"
#include "cgi/committer.h"
#include "cgi/names.h"
#include "cgi/pattern.h"
#include "cgi/route.h"

/*
 * What the parts of the endpoint (app.c and those it calls) share:
 * one request on its way to its answer. For them alone; others use cgi/app.h.
 *
 * A request that only asks is answered or parked. One that wants something
 * changed makes a struct change, leaves in it what its answer will need
 * (struct afterwards), and is gone; the second half starts from there.
 */
#define STORE_PATIENCE_MS 5000 /* look-ups, while the store is away */

struct handling {
	struct app *app;
	struct app_now now;
	int64_t asked_boot; /* when the request came: waits count from there */
	int64_t came_boot;  /* the same, and kept while it is parked */
	struct arena *arena;
	const struct request *r; /* NULL once it is gone */
	bool resumed;		 /* was parked: its owner was checked then */
	bool first;		 /* a commit will find out what is there */
	bool bare;		 /* handling_load(): the row alone */
	bool half;		 /* of its second half: .api is the change's */
	struct route route;
	struct answer_context c;
	struct answer *ans;
	struct waiting *wait;
	struct change **change;

	struct str tags;    /* If-None-Match, where a 304 may be the answer */
	int64_t known;	    /* the version the client has; -1 = none */
	bool onto_location; /* ?onComplete=redirect */

	uint8_t owner[JOB_OWNER_BYTES]; /* of whoever asks; handling_owner() */
	uint8_t quota[JOB_QUOTA_BYTES]; /* whom it counts for; accepting */
	bool by_token;			/* a token said so, and has .scope */
	struct str scope;
	int64_t ends_ms;    /* and its exp */
	int64_t waited_ms;  /* x-wait-time-ms of the answer; -1 = not said */
	enum prefer prefer; /* and Preference-Applied; handling_waited() */
	bool has_job;
	size_t api; /* the job's */
	struct job row;
	struct answer_job job; /* .job = &row */
};

/* In change->arena, as change->then. */
struct afterwards {
	struct str path, request_id, traceparent;
	uint32_t origin;
	bool head;
	int64_t asked_boot;
	uint8_t owner[JOB_OWNER_BYTES];
	struct envelope_meta meta; /* what is or will be the job's */
	bool unseen;	     /* cancel, purge: the row could not be looked at */
	bool strict;	     /* cancelling: only what has not ended */
	enum wait_view view; /* reading: what is answered then */
	int64_t waited_ms;
	enum prefer prefer;
	/* accepting: */
	struct pace pace;
	struct name name;
	int64_t bytes;
};

/* One per kind of route; app.c has the table. */
enum outcome handle_options(struct handling *h);
enum outcome handle_accept(struct handling *h);
enum outcome handle_job(struct handling *h);
enum outcome handle_job_result(struct handling *h);
enum outcome handle_job_cancel(struct handling *h);
enum outcome handle_job_purge(struct handling *h);
enum outcome handle_health(struct handling *h);
enum outcome handle_events(struct handling *h);
enum outcome handle_owner_events(struct handling *h);
/* A stream again, or one whose job could not be looked up: .wait says all. */
enum outcome events_resume(struct handling *h);
enum outcome handle_list(struct handling *h);
/* The second half, one per kind of change; app.c has the table. */
enum outcome handle_accepted(struct handling *h, struct change *change);
enum outcome handle_renewed(struct handling *h, struct change *change);
enum outcome handle_cancelled(struct handling *h, struct change *change);
enum outcome handle_purged(struct handling *h, struct change *change);
enum outcome handle_read(struct handling *h, struct change *change);

/*
 * Who asks, by what the API's `auth` says, into .owner; owner.c. For a request
 * that may be accepted, whom it counts for, into .quota.
 * False: nobody who may: 401, 403, or 503 where a token cannot be checked is
 * in *ans, and *change may be a note to be committed beside it. Where auth is
 * "none" no header and no variable makes an owner.
 */
bool handling_owner(struct handling *h, const struct api *api);
/*
 * Whoever asks for all that is his, of whichever API: a token of any provider,
 * else the web server's word where any API takes that. False as above.
 */
bool handling_any_owner(struct handling *h);
/* After either: whether his token has the scopes that this API asks for. */
bool handling_has_scopes(const struct handling *h, const struct api *api);
/*
 * WWW-Authenticate of a 401 that is not about a token of ours: as the API's
 * `auth` has it; for one without, and for NULL, Bearer.
 */
void handling_challenge(struct handling *h, const struct api *api);
/*
 * OUTCOME_COMMIT: a change for the caller to fill, for h->api, with what is
 * known of the request in .then.
 */
struct change *handling_change(struct handling *h, enum change_kind kind,
    const struct envelope_meta *meta);

/*
 * The view of this wake, opened where none is. *fresh: it is no older than
 * this call. After an error of the store while reading in it: app_rest().
 */
enum err handling_view(struct handling *h, bool *fresh)
    __attribute__((warn_unused_result));
/*
 * The row of an id whose MAC was checked, and what its sealed bodies say,
 * into .row and .job; by .tags, which version the client has into .known.
 * ERR_NOT_FOUND: no row, or another owner's. An expired one (job_is_expired)
 * comes without its bodies, one that the client has already without the result.
 */
enum err handling_load(struct handling *h, size_t api,
    const uint8_t id[JOB_ID_BYTES]) __attribute__((warn_unused_result));
bool handling_expired(const struct handling *h);
/*
 * The two halves of it: a row that is in hand, and what its bodies say, where
 * .job.brief is set not its result's.
 */
void handling_take(struct handling *h, size_t api, const struct job *row);
enum err handling_open(struct handling *h) __attribute__((warn_unused_result));

/*
 * The id of the address: read, its API found (.api), its MAC checked for
 * whoever asks, all before the store is touched. False: answered, each way
 * with the same constant body.
 */
bool handling_find_job(struct handling *h, uint8_t id[JOB_ID_BYTES]);
/* handling_load() said so: not there, to be asked again, or 503. */
enum outcome handling_lost(struct handling *h, enum wait_view view,
    const uint8_t id[JOB_ID_BYTES], enum err err);

enum outcome handling_problem(
    struct handling *h, enum problem problem, const char *detail);
/* The store cannot be read just now, and may be in a moment. */
bool handling_may_pass(enum err err);
/* 503 with Retry-After, or 500 when a stored body cannot be opened. */
enum outcome handling_store_problem(struct handling *h, enum err err);

/*
 * Waits for the job in hand, `ms` from when the request came: fills *wait. If
 * that is over already it answers. version as in struct waiting, waited_ms
 * what x-wait-time-ms shall say or -1.
 */
enum outcome handling_park(struct handling *h, enum wait_view view,
    int64_t version, int64_t ms, int64_t waited_ms, enum prefer prefer);
/*
 * Waits for the store: `err` was said to a look-up of that id, which is
 * repeated until STORE_PATIENCE_MS after the request came.
 */
enum outcome handling_probe(struct handling *h, enum wait_view view,
    enum wait_probe probe, size_t api, const uint8_t id[JOB_ID_BYTES],
    enum err err);
/* When to look again. */
int64_t handling_again(const struct handling *h, enum err err);
/*
 * Nothing is to be waited for any more: it has ended, or only its owner can
 * make it go on.
 */
bool handling_is_final(const struct handling *h, enum wait_view view);
/*
 * Answers the job in hand as contract 4's column `view` has it. What is read
 * once is committed first (OUTCOME_COMMIT), or asked for again at once where
 * nothing can be committed (OUTCOME_PARK).
 */
enum outcome handling_answer(struct handling *h, enum wait_view view);
/* What the answer shall say of how long was waited; -1 = nothing. */
void handling_waited(struct handling *h, int64_t waited_ms, enum prefer prefer);

/*
 * admission.c, contract 2 step 6: false: 409, 429 or 503 is in *ans. What
 * cannot be counted just now the commit will count.
 */
bool handling_admits(
    struct handling *h, const uint8_t resource[JOB_RESOURCE_BYTES]);
/* The same, said by the commit: .job is whose place it is, or nobody's. */
enum outcome handling_refused(struct handling *h, const struct change *change);
/* Contract 4, C: whether the job in hand may be shown again so soon; or 429. */
bool handling_may_look(struct handling *h);

/*
 * renew.c: the job in hand needs another credential, and this request brings
 * one. It is to be sealed instead of the one that is there.
 */
bool handling_renews(struct handling *h, const struct envelope_request *sent);

/* answered.c: for the log; an owner's hash as it stands there. */
void answered_log(struct handling *h);
struct str answered_owner(struct handling *h, const uint8_t *owner);
/* A change of a job, of h->job.api, that was asked for. */
void handling_log(struct handling *h, const struct job *job, const char *event);

/* once.c: whether delivering this result uses it up. */
bool once_rules(const struct handling *h, enum wait_view view);
/* True: it may be delivered now. False: *outcome says what comes instead. */
bool once_may_deliver(
    struct handling *h, enum wait_view view, enum outcome *outcome);

#endif
