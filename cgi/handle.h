#ifndef LOWTIDE_CGI_HANDLE_H
#define LOWTIDE_CGI_HANDLE_H

#include "cgi/answer.h"
#include "cgi/app.h"
#include "cgi/route.h"

/*
 * What the parts of the endpoint (app.c, accept.c, status.c) share: one
 * request on its way to its answer. For them alone; others use cgi/app.h.
 */
struct handling {
	struct app *app;
	struct app_now now;
	struct arena *arena;
	const struct request *r; /* NULL when a parked one is resumed */
	struct route route;
	struct answer_context c;
	struct answer *ans;
	struct waiting *wait;

	int64_t known;	    /* the version the client has; -1 = none */
	bool onto_location; /* ?onComplete=redirect */

	uint8_t owner[JOB_OWNER_BYTES]; /* of whoever asks; handling_owner() */
	bool has_job;
	size_t api; /* the job's */
	struct job row;
	struct answer_job job; /* .job = &row */
};

/* One per kind of route; app.c has the table. */
enum outcome handle_accept(struct handling *h);
enum outcome handle_job(struct handling *h);
enum outcome handle_job_result(struct handling *h);
enum outcome handle_job_cancel(struct handling *h);
enum outcome handle_health(struct handling *h);

/*
 * Who asks, by what the API's `auth` says; false: nobody who may (401 is in
 * *ans). Where it is "none" no header and no variable makes an owner.
 */
bool handling_owner(struct handling *h, const struct api *api);
/*
 * The row of an id whose MAC was checked, and what its sealed bodies say,
 * into .row and .job. ERR_NOT_FOUND: no row, or another owner's. An expired
 * one (job_is_expired) comes without its bodies.
 */
enum err handling_load(struct handling *h, size_t api,
    const uint8_t id[JOB_ID_BYTES]) __attribute__((warn_unused_result));
bool handling_expired(const struct handling *h);

enum outcome handling_problem(
    struct handling *h, enum problem problem, const char *detail);
/* 503 with Retry-After, or 500 when a stored body cannot be opened. */
enum outcome handling_store_problem(struct handling *h, enum err err);

/*
 * Waits for the job in hand, `ms` from now: fills *wait. version as in struct
 * waiting, waited_ms what x-wait-time-ms shall say or -1.
 */
enum outcome handling_park(struct handling *h, enum wait_view view,
    int64_t version, int64_t ms, int64_t waited_ms, bool prefer);
/* Answers the job in hand as contract 4's column `view` has it. */
enum outcome handling_answer(struct handling *h, enum wait_view view);
/* x-wait-time-ms and Preference-Applied. */
void handling_waited(struct handling *h, int64_t waited_ms, bool prefer);

#endif
