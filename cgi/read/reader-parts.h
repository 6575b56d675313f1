#ifndef LOWTIDE_CGI_READ_READER_PARTS_H
#define LOWTIDE_CGI_READ_READER_PARTS_H

#include "cgi/read/read-answer.h"
#include "cgi/read/reader.h"
#include "cgi/route.h"

/*
 * Inside of the reader: what reader.c (requests), reader-wait.c (waiters and
 * what wakes them), reader-over.c (handing over) and reader-log.c share. For
 * them alone; others use cgi/read/reader.h.
 */

/* What the endpoint said of somebody's request. */
struct said {
	enum err err; /* ERR_OK: this is its answer, in the arena */
	struct answer answer;
	struct arena arena;
};

/* Somebody who waits; all of his texts are one block. */
struct waiter {
	uint32_t index, generation;
	bool used;
	const struct config *config;   /* by which he began */
	const struct read *read;       /* of it */
	uint8_t key[JOB_KEY_BYTES];    /* by which his slot wakes */
	uint64_t ticket;	       /* of the engine; 0 = none any more */
	int64_t came_boot, until_boot; /* his deadline */
	struct str path, request_id, traceparent, tags;
	uint32_t origin;
	bool head;
	/* the request as records, where it may have to be handed over */
	struct str records;
	bool late; /* may become a job once his deadline has passed */
	/* handed over: */
	bool handed, async, again;
	struct said *said; /* NULL = nothing yet */
	char *text;
};

struct ready {
	uint8_t (*keys)[JOB_KEY_BYTES];
	size_t n, cap;
};
struct reader {
	struct reader_spec spec;
	const struct config *config;
	uint64_t seed;
	int epoll_fd, timer_fd;
	int64_t due_boot;   /* what the clock is set to; 0 = not */
	bool stirred;	    /* the engine is to step before the loop sleeps */
	struct ready ready; /* to be woken */
	bool told;	    /* the loop knows, and asks in this turn */
	struct waiter **waiters;
	uint32_t *free_waiters;
	uint32_t n_waiters, cap_waiters, n_free;
	size_t kept; /* bytes of all .records */
};

/* One request on its way to its answer. */
struct reading {
	struct reader *reader;
	struct app_now now;
	struct arena *arena;
	const struct request *r; /* NULL once it is gone */
	struct answer_context c;
	struct answer *ans;
	struct waiting *wait;
	struct route route;
	const struct read *read; /* NULL = of none */
	struct read_asked asked;
	int64_t came_boot;
	bool complete; /* for the counters */
};

/* ---- reader.c ------------------------------------------------------------ */

enum outcome reading_problem(
    struct reading *h, enum problem problem, const char *detail);

/* Of the configuration that is in use, by its name: who waits may have begun
   with another one. SIZE_MAX: it has none of it. */
size_t reading_index(const struct reading *h);

/* ---- reader-wait.c ------------------------------------------------------- */

struct engine_now reader_now(struct app_now now);
/* Waits for a ticket of the engine's, or (0) to be handed over: .wait. */
struct waiter *waiter_new(
    struct reading *h, uint64_t ticket, int64_t until_boot, struct str records);
/* NULL when he is gone. */
struct waiter *waiter_find(const struct reader *r, const struct waiting *wait);
/* By its name, which handing over knows him by. */
struct waiter *waiter_named(const struct reader *r, uint64_t name);
uint64_t waiter_name(const struct waiter *waiter);
void waiter_free(struct reader *r, struct waiter *waiter);
/* Whoever waits by this key is asked again. */
void reader_wake(struct reader *r, const uint8_t key[JOB_KEY_BYTES]);

/* As the loop calls them; ctx is the reader. */
void reader_gone(void *ctx, const struct waiting *wait);
bool reader_heard(void *ctx, int bell_fd);
bool reader_changed(void *ctx, struct park *park);

/* ---- reader-over.c: reads that become jobs ------------------------------- */

/* How a client wants his read to be done. */
struct wish {
	bool over;  /* hand it over at once */
	bool late;  /* ... at its deadline */
	bool async; /* because he prefers that */
	bool again; /* because he names his job */
	int64_t ms; /* his deadline; -1 = the read's */
};
void wish_read(const struct reading *h, struct wish *out);
/* The request as it would be handed over; empty: there is no room for it. */
struct str wish_records(struct reading *h, enum handover_why why);
/* At once: parked, or answered that the endpoint is not there. */
enum outcome reading_hand_over(struct reading *h, const struct wish *wish);
/* Past his deadline; false: that cannot be. */
bool waiter_hand_over(struct reading *h, struct waiter *waiter);
/* What came back; `late`: nothing may any more. False: he waits on. */
bool waiter_answer(struct reading *h, struct waiter *waiter, bool late);
/* Takes what the endpoint answered, and wakes who asked. */
void reader_hear_over(struct reader *r, int64_t now_boot);

/* ---- reader-log.c -------------------------------------------------------- */

void reading_log(const struct reading *h);
void reading_log_failures(
    const struct reading *h, const struct read_result *result);

#endif
