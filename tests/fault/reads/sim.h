#ifndef LOWTIDE_TESTS_READS_SIM_H
#define LOWTIDE_TESTS_READS_SIM_H

#include "cgi/read/engine.h"
#include "cgi/read/lane.h"

/*
 * Worlds of reads from a seed: upstreams that answer anything or nothing,
 * askers who come and go, purges, other configurations, a clock that jumps.
 * What is asked for is numbered: endpoint, identifier and authorization
 * together are an item. In a plain world, without cache, bounds or trouble, the
 * model knows exactly which calls are to be out; in the others, which are not.
 */
#define UPSTREAMS 3
#define ENDPOINTS 8
#define IDS 4  /* "0" to "3": of the path */
#define SUBS 3 /* "p0" to "p2": of another call's result */
#define SLOTS (1 + IDS + SUBS)
#define AUTHS 3 /* none, and two callers' */
#define ITEMS (ENDPOINTS * SLOTS * AUTHS)
#define READS 4
#define READ_CALLS 3
#define ASKERS 48
#define CALLS 1024   /* under way at once */
#define NUMBERS 4096 /* calls whose time is remembered */
#define PURGES 256

/* The same in all of a world's configurations. */
struct endpoint {
	size_t upstream;
	bool each, sub; /* for each identifier; for each of a result's */
	bool forwards;	/* authorization */
	bool empty404;
	int64_t ttl, stale, spare, empty_ttl, timeout;
};
/* One configuration; freed as soon as the engine lets go of it. */
struct site {
	struct site *next;
	struct arena arena;
	struct config config;
	size_t endpoints[READS][READ_CALLS]; /* ENDPOINTS = none */
	bool required[READS][ENDPOINTS];
};
struct item {
	size_t running; /* calls at once */
	bool loose;	/* purged in the middle: a call more may be out */
	bool kept;	/* the last good answer was to be kept */
	int64_t made;	/* when that was */
	int64_t number; /* of its call */
	size_t wanted;	/* plain: by so many */
};
struct call {
	void *tag;
	bool running, ended;
	bool tries; /* whether its upstream is well again: let end, always */
	bool keeps; /* nothing that it says keeps it out of a cache */
	size_t item, upstream;
	int64_t number, began, timeout;
	struct arena arena;
	struct upstream_answer answer;
};
struct asker {
	bool lives, over;
	uint64_t ticket;
	struct site *site;
	size_t read, auth;
	bool ids[IDS];
	int64_t began, deadline, over_boot;
	int64_t purges;	 /* that were before it came */
	bool out[ITEMS]; /* plain: it waits for that */
};
/* Of the calls before that number. */
struct purge {
	int64_t before;
	size_t upstream, endpoint; /* UPSTREAMS, ENDPOINTS = all of them */
};

struct sim {
	uint64_t seed, random;
	size_t step;
	bool plain;
	int64_t boot, due;
	struct engine *e;
	struct endpoint endpoints[ENDPOINTS];
	struct upstream upstreams[UPSTREAMS];
	struct site *sites; /* the newest first */
	size_t calls_max;
	struct call calls[CALLS];
	size_t n_running, top; /* calls[top] and later never were */
	size_t per_upstream[UPSTREAMS];
	int64_t paused[UPSTREAMS];
	int64_t number, made[NUMBERS];
	struct item items[ITEMS];
	struct asker askers[ASKERS];
	struct purge purges[PURGES];
	int64_t n_purges;
	const char *fault;
	/* a world in which nothing happens shows nothing */
	size_t asked, complete, partial, stale, beside, began, aborted, shared;
};

uint64_t draw(struct sim *s);
size_t draw_below(struct sim *s, size_t below);
bool draw_chance(struct sim *s, size_t percent);
/* The first is the one that counts. */
void sim_fault(struct sim *s, const char *fault);

/* ---- site.c -------------------------------------------------------------- */
static inline size_t item_of(size_t endpoint, size_t slot, size_t auth)
{
	return (endpoint * SLOTS + slot) * AUTHS + auth;
}
static inline size_t endpoint_of(size_t item)
{
	return item / AUTHS / SLOTS;
}
void world_draw(struct sim *s);
void site_new(struct sim *s); /* becomes s->sites */
/* Those that the engine has no use for; with `all`, all of them. */
void sites_free(struct sim *s, bool all);

/* ---- net.c --------------------------------------------------------------- */
extern const struct upstream_ops upstream_sim;
/* One that runs is answered, somehow. */
void net_answer(struct sim *s);
/* Whether it was purged, by the first so many purges. */
bool net_purged(
    const struct sim *s, int64_t number, size_t endpoint, int64_t to);
void net_purge(struct sim *s);
/* None is out for longer than it may. */
void net_check(struct sim *s);

/* ---- people.c ------------------------------------------------------------ */
struct engine_now now_of(const struct sim *s);
void people_ask(struct sim *s);
void people_leave(struct sim *s);
/* Whoever is over is named, and checked; some are left untaken. */
void people_ready(struct sim *s);
void people_check(struct sim *s);
bool people_want(const struct sim *s, size_t item);

/* ---- plain.c ------------------------------------------------------------- */
void plain_begin(struct sim *s, struct asker *a);
void plain_told(struct sim *s, size_t item, bool good);
void plain_left(struct sim *s, struct asker *a);
void plain_before_step(struct sim *s);
void plain_after_step(struct sim *s);
void plain_compare(struct sim *s);

#endif
