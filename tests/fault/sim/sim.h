#ifndef LOWTIDE_TESTS_FAULT_SIM_H
#define LOWTIDE_TESTS_FAULT_SIM_H

#include "cgi/keys.h"
#include "cgi/runner.h"

/*
 * A whole lowtide but its processes, in one thread, where everything that could
 * differ from one run to the next is drawn from a seed: time, randomness, the
 * store's failures, the network, and what people do. So whatever goes wrong
 * goes wrong again.
 *
 *   site.c    the APIs and upstreams of a seed
 *   world.c   several workers (cgi/runner.h) on one store, and their crashes,
 *             naps, drains and clocks
 *   store.c   a store, failing when its turn, its disk or its process does
 *   disk.c    every so many worlds, one on a disk: handles, reboots, copies
 *   net.c     what is called, seen from the other side: what arrived is kept
 *             apart from what any worker believes
 *   people.c  clients that send, ask again, read, cancel and renew; an operator
 *   oracle.h  faults.md's invariant, out of what arrived, what was told and
 *             what the rows say; knows nothing of job.c or the runner
 *   main.c    seeds, figures, what is printed of a failure
 */
enum { APIS = 5, WORKERS_MAX = 4, JOBS_MAX = 96, CALLS_MAX = 64 };
enum { CHANGES_MAX = 256 }; /* of which the last are told with a failure */
#define WALL INT64_C(1795250000000) /* of boot time 0 */
#define LEASE_MS 20000
#define BEAT_MS 5000
#define RING_LATE_MS 1500 /* at most */

/* ---- what is drawn ------------------------------------------------------- */

struct draw {
	uint64_t state;
};
uint64_t draw_bits(struct draw *d);
/* 0 … below - 1 */
int64_t draw_below(struct draw *d, int64_t below);
bool draw_chance(struct draw *d, int percent);

/* ---- how often each of these happened; none may be 0 in the end -----------
 */

#define TALLIES(X)                                                             \
	X(ACCEPTS, "accepted")                                                 \
	X(DUPLICATES, "sent twice by a client")                                \
	X(CANCELS, "cancellations asked for")                                  \
	X(RENEWALS, "other credentials sent")                                  \
	X(PURGES, "purged")                                                    \
	X(READS, "results read once")                                          \
	X(DECISIONS, "held jobs decided on")                                   \
	X(SUSPENSIONS, "APIs stopped by the operator")                         \
	X(CRASHES, "workers killed between steps")                             \
	X(CRASHES_INSIDE, "workers killed at a store operation")               \
	X(LOST_COMMITS, "killed between a commit and its answer")              \
	X(NAPS, "workers asleep past their lease")                             \
	X(NIGHTS, "all asleep at once")                                        \
	X(NAPS_INSIDE, "workers asleep inside a step")                         \
	X(DRAINS, "workers told to stop")                                      \
	X(REBOOTS, "reboots")                                                  \
	X(ADOPTIONS, "copies put back")                                        \
	X(TURNS_LATE, "turns that came when others had theirs")                \
	X(WALL_STEPS, "steps of the wall clock")                               \
	X(TURNS_MISSED, "turns that did not come")                             \
	X(DISKS_FULL, "writes that found the disk full")                       \
	X(SLOW_COMMITS, "commits that took long")                              \
	X(RINGS_MISSED, "rings that came late or never")                       \
	X(CALLS, "calls that arrived")                                         \
	X(POLLS, "polls that arrived")                                         \
	X(PROGRAMS, "programs started")                                        \
	X(UNSENT, "calls that never left")                                     \
	X(CUT_BEFORE, "cut off unread")                                        \
	X(CUT_AFTER, "read, done, and cut off")                                \
	X(SILENT, "never answered")                                            \
	X(PUT_OFF, "queued again for a while later")                           \
	X(POLLED_ON, "polled on by another worker")                            \
	X(TOO_MANY, "answered 429")                                            \
	X(UNAVAILABLE, "answered 503 and when to come back")                   \
	X(TAKEN, "answered 202, to be polled")                                 \
	X(NEEDS, "answered 401")                                               \
	X(LATE_ANSWERS, "answers to a worker that had died")                   \
	X(SAYINGS, "calls that said how far they were")                        \
	X(TOLD, "of these, seen in the row")                                   \
	X(COMPLETED, "completed")                                              \
	X(FAILED, "failed")                                                    \
	X(UNKNOWN, "ended as outcome-unknown")                                 \
	X(CANCELLED, "cancelled")                                              \
	X(DEADLINES, "ended by their deadline")                                \
	X(HELD, "held")                                                        \
	X(EXPIRED, "expired")
enum tally {
#define X(name, text) TALLY_##name,
	TALLIES(X)
#undef X
	    TALLY_COUNT
};

/* ---- the upstreams' side --------------------------------------------------
 */

enum reply {
	REPLY_DONE,	   /* 200: done */
	REPLY_REFUSED,	   /* 422: not done, and told so */
	REPLY_NEEDS,	   /* 401: not done */
	REPLY_TOO_MANY,	   /* 429: not done */
	REPLY_UNAVAILABLE, /* 503 with Retry-After: nobody knows */
	REPLY_ERROR,	   /* 500: nobody knows */
	REPLY_TAKEN,	   /* 202: it is under way, and can be polled */
	REPLY_CUT_BEFORE,  /* cut off before it was read: not done */
	REPLY_CUT_AFTER,   /* cut off when it was done */
	REPLY_SILENT,	   /* done, and never answered */
	REPLY_TOO_LARGE,   /* done, and told at too great a length */
	REPLY_LEAVE_OFF,   /* a program's exit 75: not done */
	REPLIES
};
/* One arrival at an upstream that is no poll; nobody of ours can change it. */
struct arrival {
	enum reply reply;
	bool told; /* a living worker was given the answer */
};
struct call {
	void *tag;
	int job;
	int attempt; /* the row's, when it was started */
	bool running, poll, program, departed, stopped;
	int64_t depart_boot, ready_boot, until_boot;
	const int64_t *leave_by_boot; /* nothing leaves from then on; NULL */
	int64_t say_boot;	      /* when it says how far it is */
	enum reply reply;
	size_t arrival; /* of the job's, once departed */
};

/* ---- one accepted request, as everybody but the store remembers it --------
 */

enum { ARRIVALS_MAX = 64 };
struct memory_of_job {
	struct job seen; /* as the oracle last saw its row */
	size_t api;
	int owner;
	struct arrival arrivals[ARRIVALS_MAX];
	size_t n_arrivals;
	size_t cleared;	      /* of these, an operator said: nothing was done */
	int poll_left;	      /* the upstream has it: polls until it is done */
	bool poll_told;	      /* a poll's last answer reached a worker */
	bool poll_done;	      /* … and said that it was done */
	bool poll_seen;	      /* … and where its answer is */
	int agains;	      /* decided so often */
	int64_t steps_at_end; /* of the wall clock, when it ended */
	int64_t read_ms;      /* once = true: when it was read first */
	/* The worker that took it last, counted in hires; when; and what for.
	 */
	int hand;
	int64_t taken_boot;
	bool came_polled;  /* to be polled on */
	int asked_attempt; /* the last that did poll */
	/*
	 * The attempt whose worker was told and only has to write that down: it
	 * neither died nor slept, and time did not run away from it. 0 = none.
	 */
	int told_attempt;
	enum reply told;
	bool must_complete;
	int64_t told_pause_boot; /* a 429's, that is everybody's once written */
	int64_t lying_boot; /* since when it could be taken; 0 = it could not */
	bool completed_by_hand, purged;
};

struct worker {
	struct runner *runner;
	struct store *store;
	struct call calls[CALLS_MAX];
	int64_t due_boot, asleep_until;
	int64_t ring_boot; /* a bell is heard then; 0 = none rang */
	int hand;	   /* which of all that were hired */
	/* when it stepped last, and so before the last long night */
	int64_t stepped_boot, evening_boot;
	int ops_left;	   /* store operations until it dies; < 0 = lives */
	int turns_to_miss; /* when it wakes */
	bool commit_dies;  /* its next commit takes effect, and it dies */
	int idle; /* steps in a row that were due at once and did nothing */
	bool draining;
};

struct change {
	uint64_t step;
	int64_t boot;
	int job; /* -1 = everybody's */
	char text[96];
};

struct sim {
	struct draw draw;
	uint64_t seed, step;
	struct arena arena;
	struct diag diag;
	struct upstream upstreams[2];
	struct api apis[APIS];
	struct config config;
	struct keys keys;
	struct store *store;
	struct worker workers[WORKERS_MAX];
	int n_workers;
	int64_t boot, wall_step;
	int64_t wall_steps, wall_step_boot; /* how many, and the last */
	int64_t night_boot;		    /* when all woke from a long one */
	int64_t step_boot; /* when the last step of a worker began */
	struct memory_of_job jobs[JOBS_MAX];
	int n_jobs;
	bool suspended[APIS];
	bool calm; /* nothing fails any more: all is to come to its end */
	int64_t calm_boot; /* since when */
	uint64_t moves;	   /* commits, and calls that began, said or ended */
	int hired;

	/* store.c: what fails next, and in whose step */
	int stepping; /* -1 = nobody of ours */
	bool is_dying;
	int begins_to_miss, writes_to_pass, writes_to_fail;
	int64_t slow_ms;
	int64_t nap_ms;	   /* inside the step, before it hears of its calls */
	bool naps_in_turn; /* … or before its turn comes, on a disk */

	/* disk.c */
	bool on_disk, copied;
	char dir[64];
	int boots;

	/* oracle.c */
	int64_t seen_version;
	int64_t tat_us[2]; /* per upstream: GCRA from outside */
	int64_t paused_boot[APIS];
	int looking; /* in whose step rows changed; -1 = nobody of ours */
	struct change changes[CHANGES_MAX];
	size_t n_changes;
	const char *fault; /* NULL = all is well */
	int fault_job;
	int64_t *tallies;
};

/* One line for whoever reads a failure. */
void sim_note(struct sim *s, int job, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* The first stands. */
void sim_fault(struct sim *s, int job, const char *fault);
static inline void sim_count(struct sim *s, enum tally tally)
{
	s->tallies[tally]++;
}
static inline struct runner_now sim_now(const struct sim *s)
{
	return (struct runner_now){
	    .now_ms = WALL + s->wall_step + s->boot, .now_boot = s->boot};
}

/* site.c */
void site_draw(struct sim *s);

/* world.c */
void world_open(struct sim *s);
void world_close(struct sim *s);
void world_step(struct sim *s); /* one thing happens */
/* All that there is room for was sent, and has ended. */
bool world_is_over(const struct sim *s);
void world_calm_down(struct sim *s);
/* Everybody works until nothing is left to do, or `steps` are over. */
bool world_settle(struct sim *s, int steps);
void world_ring(struct sim *s); /* a bell, or what became of it */
/* A worker sleeps inside its step, and everybody else goes on. */
void world_nap(struct sim *s, int64_t ms);

/* store.c */
extern struct store_ops sim_store;
void store_bind(struct sim *s); /* whose it is from now on */

/* disk.c */
void disk_make(struct sim *s); /* a folder of its own */
void disk_remove(struct sim *s);
struct store *disk_open(struct sim *s);
void disk_reboot(struct sim *s); /* without workers; nothing else may change */
void disk_copy(struct sim *s);
void disk_adopt(struct sim *s); /* the copy is as harmless as it should be */

/* net.c */
extern const struct upstream_ops sim_net;
void net_bind(struct sim *s); /* whose it is from now on */
int64_t net_due(const struct sim *s, const struct worker *w);
void net_leave(struct sim *s, struct worker *w); /* its process is gone */

/* people.c */
void people_act(struct sim *s);
void people_decide(struct sim *s); /* the operator, about all that is held */

/* oracle.c */
void oracle_look(struct sim *s); /* after whatever may have changed a row */
void oracle_called(struct sim *s, const struct call *c);
void oracle_left(struct sim *s, const struct call *c);
void oracle_arrived(struct sim *s, int job);
/* A worker is given the whole answer of an arrival, or a poll's last. */
void oracle_told(struct sim *s, const struct call *c);
/* That worker may not come to write down what it was told; -1 = nobody may. */
void oracle_excuse(struct sim *s, int hand);
void oracle_wait(struct sim *s); /* whenever time may pass, in calm */
void oracle_end(struct sim *s);

#endif
