#ifndef LOWTIDE_CGI_PARK_H
#define LOWTIDE_CGI_PARK_H

#include <stdbool.h>
#include <stdint.h>

#include "cgi/job.h"
#include "cgi/prefer.h"
#include "lib/err.h"

/*
 * Requests that wait, without a thread and without their request memory: a
 * table of small slots. Pure bookkeeping; the loop owns descriptors and time.
 *
 * A slot is named by (index, generation). The generation grows whenever a
 * slot is freed, so a stale name reaches nobody: a reused descriptor or slot
 * can never be given another client's answer. Everybody who remembers a slot
 * (epoll data, wake lists) remembers the pair, never a descriptor.
 */
enum wait_view {
	WAIT_FIRST,  /* contract 4 A: a first request that waits for its result
		      */
	WAIT_REPEAT, /* B: same method, URL and id */
	WAIT_STATUS, /* C: long poll of the status document */
	WAIT_RESULT, /* D */
	WAIT_EVENTS, /* a stream of one job's events: stays until it ended */
	WAIT_OWNER_EVENTS, /* a stream of all of one owner's; see PARK_OWNER */
};
/* Which events a stream has (contract 6). */
enum event_view { EVENT_ALL, EVENT_COMMAND, EVENT_ALERT };
/*
 * Instead of an API's index, in waiting.api and for park_wake(): who waits for
 * all of an owner's jobs, whose hash stands in waiting.id where a job's key
 * does.
 */
#define PARK_OWNER UINT32_MAX

/*
 * A request whose job could not be looked up when it came: how it named it,
 * and so what is to be said when there turns out to be none.
 */
enum wait_probe {
	PROBE_NONE, /* its job has been seen */
	PROBE_ID,   /* by a job id of ours */
	PROBE_KEY,  /* by its Idempotency-Key */
	PROBE_NAME, /* by its x-request-id */
};

/* All that is needed to answer later; flat, copied by value. */
struct waiting {
	uint8_t id[JOB_ID_BYTES];
	uint32_t api;
	enum wait_view view;
	int64_t version;       /* answer once the row's differs; -1 = wait for
				  a terminal state only. Streams: told up to
				  here */
	int64_t answer_boot;   /* from then on answer with what there is */
	int64_t deadline_boot; /* at the latest, whatever the store says */
	int64_t again_boot;    /* ask again then, bell or not; 0 = need not */
	int64_t came_boot;     /* when it came, for the log */
	int64_t waited_ms;     /* echoed in x-wait-time-ms; -1 = not */
	uint32_t origin;       /* whom CORS answers: answer_context's */
	bool head, onto_location;
	enum prefer prefer;
	enum wait_probe probe;
	enum event_view events;		/* WAIT_EVENTS, WAIT_OWNER_EVENTS */
	uint8_t print[JOB_PRINT_BYTES]; /* PROBE_*, B: of the request */
};

struct park_name {
	uint32_t index, generation;
};
struct park_slot {
	struct park_name name;
	uint64_t conn;	     /* the kept connection, by the loop's name */
	uint16_t request_id; /* FastCGI's, for the answer's records */
	bool keep_conn;
	struct waiting waiting;
};

struct park;
/* At most `max` wait at once; memory grows with those that do. */
struct park *park_new(uint32_t max);
void park_free(struct park *park); /* NULL-safe */
/* ERR_FULL when max wait already. The slot's name comes back. */
enum err park_put(struct park *park, const struct park_slot *slot,
    struct park_name *name) __attribute__((warn_unused_result));
/* NULL when that generation is gone. Good until the next put or take. */
const struct park_slot *park_get(const struct park *park, struct park_name n);
/*
 * Frees it, copying it out unless `out` is NULL; false when that generation
 * is gone.
 */
bool park_take(struct park *park, struct park_name n, struct park_slot *out);
uint32_t park_count(const struct park *park);
uint32_t park_owners(const struct park *park); /* of these, for PARK_OWNER */
/*
 * Walks used slots: start with index 0; false at the end. Slots may come and
 * go between two calls: each that stays is met once.
 */
bool park_next(
    const struct park *park, uint32_t *index, struct park_name *name);
/*
 * The wake list. Everybody who waits for that job (or everybody) comes out of
 * park_woken() once, in the order of waking, unless he has gone by then. Who
 * is on the list already stays where he is. Cost: the number of those woken.
 */
void park_wake(struct park *park, size_t api, const uint8_t key[JOB_KEY_BYTES]);
void park_wake_all(struct park *park);
bool park_woken(struct park *park, struct park_name *name); /* takes it off */
bool park_has_woken(const struct park *park);
/*
 * A slot is due at its again_boot, where it has one, or at its deadline. The
 * slot keeps its name when either is moved.
 */
void park_again(struct park *park, struct park_name n, int64_t again_boot);
void park_until(struct park *park, struct park_name n, int64_t deadline_boot);
/*
 * Both of them and whatever else there is to remember; what it waits for (api
 * and key) stays as it was put.
 */
void park_update(
    struct park *park, struct park_name n, const struct waiting *waiting);
/* The earliest of all, INT64_MAX when nobody waits. */
int64_t park_earliest(const struct park *park);
/* Who has it; false when nobody waits. */
bool park_first(const struct park *park, struct park_name *name);

#endif
