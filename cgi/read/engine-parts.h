#ifndef LOWTIDE_CGI_READ_ENGINE_PARTS_H
#define LOWTIDE_CGI_READ_ENGINE_PARTS_H

#include "cgi/read/engine-time.h"
#include "cgi/read/engine.h"
#include "cgi/read/lane.h"
#include "cgi/read/metrics-read.h"

/*
 * The inside of the engine, for cgi/read/engine*.c and flight*.c alone.
 *
 *	epoch    a configuration and who still goes by it     engine-fit.c
 *	asker    one request: its plan, its deadline          engine-ask.c
 *	waiter   an asker's call, waiting for its flight      flight.c
 *	flight   one call under way, for whoever wants it     flight*.c
 *	leg      it, as the upstream knows it; two of a hedge flight-leg.c
 *	queue    flights that wait for their upstream's lane  engine-lane.c
 *
 * Nothing here calls back up: what came of a flight is told to the plan of each
 * who waited (engine_tell), who is then in e->turns; engine_settle() lets them
 * go on, and lets lanes begin what they have room for, until all is quiet.
 * So whoever walks a list is never inside of another walk over it.
 */

/* A place in one circular list; alone, it is linked to itself. */
struct link {
	struct link *prev, *next;
};
static inline void link_init(struct link *l)
{
	l->prev = l->next = l;
}
static inline bool link_alone(const struct link *l)
{
	return l->next == l;
}
static inline void link_out(struct link *l)
{
	l->prev->next = l->next;
	l->next->prev = l->prev;
	link_init(l);
}
static inline void link_last(struct link *list, struct link *l)
{
	l->prev = list->prev;
	l->next = list;
	l->prev->next = list->prev = l;
}
/* Whose member it is. */
#define HOLDER(type, member, p)                                                \
	((type *)(void *)((char *)(p)-offsetof(type, member)))

enum timer_kind { TIMER_ASKER, TIMER_WAITER, TIMER_FLIGHT, TIMER_QUEUE };

/* Times without a bound of their own end all the same. */
#define ENGINE_CALL_MS ((int64_t)60 * 1000)
/* Expired answers are looked for so often at most. */
#define ENGINE_SWEEP_MS ((int64_t)10 * 1000)
#define ENGINE_SWEEP_MORE_MS 10 /* while there is more */
/* Of what is free, so much is kept for the next. */
#define ENGINE_SPARE_ASKERS 64
#define ENGINE_SPARE_WAITERS 4096

struct queue {
	struct queue *next; /* of e->queues */
	struct lane *lane;
	char *name;   /* the upstream's */
	size_t index; /* of the configuration in use; SIZE_MAX = gone */
	size_t max;
	size_t epochs; /* that have it */
	struct link waiting;
	size_t n;
	struct link turn; /* of e->hungry: there may be room for its first */
	struct timer again;
};

struct epoch {
	struct epoch *next; /* of e->epochs, the newest first */
	const struct config *config;
	struct secrets *secrets;
	struct queue **queues; /* as config.upstreams */
	size_t uses;	       /* askers and flights; and one while in use */
};

enum asker_phase { ASKER_ASKS, ASKER_OVER, ASKER_NAMED };
struct asker {
	struct arena arena;
	uint64_t ticket;
	enum asker_phase phase;
	struct epoch *epoch;
	const struct read *read;
	struct plan *plan;
	struct timer deadline;
	int64_t deadline_boot;
	bool late;	   /* the deadline came: what is here, and no more */
	size_t out;	   /* calls that it waits for */
	size_t bytes;	   /* of the answers that its plan holds */
	struct link waits; /* waiter.of_asker */
	struct link turn;  /* of e->turns; once it is over, of e->ready */
};

struct waiter {
	struct asker *asker;
	struct flight *flight;
	struct link of_asker, of_flight;
	const struct read_call *call;
	size_t index; /* of the plan's */
	int64_t timeout_ms;
	struct timer until; /* where it is not that of the flight */
};

struct leg {
	struct flight *flight;
	bool out;
	struct breaker_pass pass;
	int64_t began_boot;
	struct upstream_call http;
};

enum flight_phase {
	FLIGHT_NEW,
	FLIGHT_QUEUED, /* in queue->waiting */
	FLIGHT_OUT,    /* a leg is */
	FLIGHT_RESTS   /* it failed, and is made again later */
};
/* How it ended, for all who wait. */
enum landing_kind { LANDING_ANSWER, LANDING_OPEN, LANDING_SHED };
struct landing {
	enum landing_kind kind;
	int64_t retry_ms; /* OPEN, SHED; and of an answer that said so */
	enum upstream_end end;
	int status;
	struct blob *blob; /* of a 2xx that is JSON, or empty; owned */
	int64_t fresh_boot;
};
#define FLIGHT_LEGS 2
struct flight {
	uint8_t key[READ_KEY_BYTES];
	struct flight *next; /* of those with the same slot of the table */
	struct link of_all;
	bool listed; /* in the table: others may join */
	bool renews; /* goes on though nobody waits */
	bool owned;  /* its answer is for whoever asked, by its key */
	bool hedged;
	enum flight_phase phase;
	struct epoch *epoch;
	const struct read_call *call; /* the first's: what may be kept */
	struct queue *queue;
	struct str name;
	struct upstream_call http; /* copies, behind it */
	struct link waiters;
	size_t n_waiters;
	struct link place; /* of queue->waiting */
	struct leg legs[FLIGHT_LEGS];
	int64_t tries;
	int64_t timeout_ms;
	int64_t patience_ms; /* in less than half of it nobody is late */
	int64_t latest_boot; /* somebody may wait until then */
	/* 0 = not yet: when it is over, hedged, tried again */
	int64_t until_boot, hedge_boot, again_boot;
	struct timer timer;
	struct landing last; /* of the last leg that failed */
	bool has_last;
};

struct flights {
	struct flight **slots; /* a power of two of them */
	size_t n, n_slots;
	uint64_t seed;
};

struct engine {
	struct engine_spec spec;
	struct read_cache *cache;
	struct epoch *epochs;
	struct queue *queues;
	struct flights flights; /* that others may join */
	struct link flights_all;
	size_t n_flights;
	struct times times;
	struct link turns, ready, hungry;
	struct asker **askers; /* by slot; NULL = free */
	uint32_t *lives;       /* of a slot: the other half of a ticket */
	uint32_t *free_slots;
	size_t n_slots, n_free, n_askers;
	struct asker *spare_askers[ENGINE_SPARE_ASKERS];
	size_t n_spare_askers;
	struct link spare_waiters; /* by .of_asker */
	size_t n_spare_waiters, n_waiters;
	size_t running; /* legs */
	size_t held;	/* bytes of answers, wherever they are needed */
	size_t waiting; /* flights in queues */
	uint64_t random;
	int64_t sweep_boot; /* 0 = nothing to sweep */
	struct arena scratch;
};

/* ---- engine.c ------------------------------------------------------------ */
uint64_t engine_random(struct engine *e);
/* Until nobody has anything to do. */
void engine_settle(struct engine *e, struct engine_now now);

/* ---- engine-fit.c -------------------------------------------------------- */
void epoch_use(struct epoch *epoch);
void epoch_leave(struct engine *e, struct epoch *epoch);
void engine_fit(struct engine *e, const struct config *c, struct secrets *s);
void engine_unfit(struct engine *e); /* all, at the end */

/* ---- engine-ask.c -------------------------------------------------------- */
/* A call of his came to that. */
void engine_tell(struct engine *e, struct asker *asker, size_t index,
    const struct plan_outcome *outcome);
void asker_go_on(struct engine *e, struct engine_now now, struct asker *asker);
void asker_late(struct engine *e, struct engine_now now, struct asker *asker);
/* It is gone, whatever it waited for. */
void asker_free(struct engine *e, struct asker *asker);
struct asker *engine_asker(const struct engine *e, uint64_t ticket);

/* ---- engine-cache.c ------------------------------------------------------ */
enum look { LOOK_NOTHING, LOOK_FRESH, LOOK_STALE };
/* What is there for it; not a spare. */
enum look engine_look(struct engine *e, int64_t now_boot,
    const struct plan_call *call, struct plan_outcome *out);
/* True: *out is a spare copy now, instead of a failure. */
bool engine_spare(struct engine *e, int64_t now_boot,
    const uint8_t key[READ_KEY_BYTES], const struct read_call *call,
    struct plan_outcome *out);
/* Keeps it, if it may be; sets landing->fresh_boot. */
void engine_keep(struct engine *e, int64_t now_boot, const struct flight *f,
    const struct upstream_answer *answer, struct landing *landing);
/* Whether this status is one of them ("404"). */
bool engine_is_status(const struct strs *statuses, int status);

/* ---- engine-lane.c ------------------------------------------------------- */
/* A leg of it begins, or it waits, or it is over. */
void queue_enter(struct engine *e, struct engine_now now, struct flight *f);
void queue_leave(struct engine *e, struct flight *f);
/* There may be room for its first. */
void queue_look(struct engine *e, struct queue *q);
/* An answer asked for a pause: who has no time for that goes. */
void queue_paused(struct engine *e, struct engine_now now, struct queue *q);
/* Every queue with room for one begins one, in turn, while there is any. */
void engine_pump(struct engine *e, struct engine_now now);

/* ---- flight.c ------------------------------------------------------------ */
struct flight *flight_find(struct engine *e, const uint8_t *key);
struct flight *flight_new(struct engine *e, struct engine_now now,
    const struct asker *asker, const struct plan_call *call);
void flight_join(struct engine *e, struct engine_now now, struct flight *f,
    struct asker *asker, const struct plan_call *call);
/* late: his time was over, as opposed to his wish. */
void flight_leave(
    struct engine *e, struct engine_now now, struct waiter *w, bool late);
/* Over: all who wait are told; it is gone. */
void flight_land(struct engine *e, struct engine_now now, struct flight *f,
    struct landing *landing);
/* It could not begin. */
void flight_refuse(struct engine *e, struct engine_now now, struct flight *f,
    enum landing_kind kind, int64_t retry_ms);
void flight_free(struct engine *e, struct flight *f);
void flight_waiter_late(
    struct engine *e, struct engine_now now, struct waiter *w);
/* Nobody is to join it any more. */
void flight_unlist(struct engine *e, struct flight *f);

/* ---- flight-leg.c -------------------------------------------------------- */
void leg_begin(struct engine *e, struct engine_now now, struct flight *f,
    struct breaker_pass pass);
void leg_ended(struct engine *e, struct engine_now now, struct leg *leg,
    const struct upstream_answer *answer);
/* All of them; late: they had their time, and did not answer in it. */
void legs_abort(
    struct engine *e, struct engine_now now, struct flight *f, bool late);
/*
 * Nobody waits for it any more. How a call ends that tries its upstream says
 * whether others may be made: a page of more calls than may try it has failed
 * before any of those is back, and so would the next one. They are let end, and
 * no other goes on, or begins; false: there is none.
 */
bool legs_left_to_try(
    struct engine *e, struct engine_now now, struct flight *f);
void flight_due(struct engine *e, struct engine_now now, struct flight *f);
void flight_arm(struct engine *e, struct flight *f);

/* ---- flight-outcome.c ---------------------------------------------------- */
/* What it is for that call, which may not be the one that it was made for. */
struct plan_outcome landing_outcome(
    const struct landing *landing, const struct read_call *call);
bool landing_may_be_spared(const struct landing *landing);
void landing_release(struct landing *landing);
/* What it is, and whether that is worth keeping and ending a flight for. */
struct landing landing_of(
    const struct upstream_answer *answer, int64_t now_boot);
bool landing_is_good(const struct landing *landing);

#endif
