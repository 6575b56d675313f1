#ifndef LOWTIDE_CGI_READ_ENGINE_H
#define LOWTIDE_CGI_READ_ENGINE_H

#include "cgi/log.h"
#include "cgi/read/breaker.h"
#include "cgi/read/cache.h"
#include "cgi/read/plan.h"
#include "cgi/upstream/upstream.h"

/*
 * Reads, many at once, without a process: lowtide-read has one, and so has a
 * worker for reads that became jobs. Knows no clock, no descriptor and no
 * client: time comes in with every step, a step says when the next is due, and
 * an asker is a ticket. One thread.
 *
 *	asker ─▶ plan ─▶ cache ─▶ flight ─▶ lane ─▶ upstream
 *
 * A flight is one call under way that everybody waits for who wants the same
 * (plan_call.key). Who leaves, or whose deadline comes, leaves his flights; one
 * that nobody waits for is aborted, unless it renews what is in the cache or
 * tries whether its upstream is well again.
 * Each asker's own time-out counts for him alone: the flight goes on while
 * somebody is left.
 */
#define ENGINE_CACHE_BYTES ((size_t)64 * 1024 * 1024)
#define ENGINE_READS_MAX 16384 /* askers at once */
#define ENGINE_CALLS_MAX 512   /* calls at once, of all upstreams */
/* Those who wait for a call, of all askers, each as often as he does; beyond it
   nobody may ask. */
#define ENGINE_WAITERS_MAX ((size_t)256 * 1024)
/* Bytes of answers, in the cache or needed by askers; one more is as if it had
   not come, and its askers are told that there was too much to do. */
#define ENGINE_HELD_MAX ((size_t)512 * 1024 * 1024)
/* An asker has that many calls out at once, where his read does not say. */
#define ENGINE_READ_CALLS 64

struct read_metrics;
struct secrets;
struct engine_spec {
	const struct config *config;
	const struct upstream_ops *upstream;
	void *pool;
	struct secrets *secrets;      /* NULL = none */
	const struct log *log;	      /* NULL = silent */
	struct read_metrics *metrics; /* NULL = nothing is counted */
	size_t cache_bytes, reads_max, calls_max, held_max; /* 0 = as above */
	void (*random)(void *out, size_t n);
};
struct engine_now {
	int64_t now_ms, now_boot;
};
/* Copied by engine_begin(), all of it. */
struct engine_ask {
	size_t read; /* of config.reads */
	struct pairs params;
	const struct envelope_request *request;
	struct str owner;
	int64_t deadline_boot; /* 0 = now and the read's deadline */
};

struct engine;
struct engine *engine_new(const struct engine_spec *spec);
/* What runs is aborted; nobody is told. NULL-safe. */
void engine_free(struct engine *e);
/*
 * Another configuration: those who ask already go on with what they began by,
 * which has to live until engine_uses() says no. `config.reads` may be in
 * another order. What is cached stays.
 */
void engine_refit(
    struct engine *e, const struct config *config, struct secrets *secrets);
bool engine_uses(const struct engine *e, const struct config *config);

/*
 * ERR_OK: *ticket (never 0) can be taken once engine_ready() names it; at
 * once, where the cache has all of it. ERR_INPUT: *why, in the arena, is for
 * the client. ERR_FULL: too many ask, or wait, already. ERR_MISSING: a secret
 * cannot be had; *why is for the log.
 */
enum err engine_begin(struct engine *e, struct engine_now now,
    const struct engine_ask *ask, struct arena *a, uint64_t *ticket,
    struct str *why) __attribute__((warn_unused_result));
/* Nobody waits for it any more; it will not come out. What that leaves room for
   begins with the next step. */
void engine_leave(struct engine *e, uint64_t ticket);
/*
 * *due_boot: when again, even if no call moves; 0 = never. Whoever began, left
 * or refitted anything steps once more before he sleeps: it may be another.
 */
void engine_step(struct engine *e, struct engine_now now, int64_t *due_boot);
/* One that is over and was not named yet, in the order they ended; false: none
   is. It stays until it is taken or left. */
bool engine_ready(struct engine *e, uint64_t *ticket);
/*
 * The result of one that is over, in the arena; the ticket is gone. False: it
 * is not over, or there is no such ticket.
 */
bool engine_take(struct engine *e, struct arena *a, uint64_t ticket,
    struct read_result *result);

/* How many answers went. A call that is out for one of them goes on for those
   who wait for it; nobody joins it any more, and its answer is not kept. */
size_t engine_purge(struct engine *e, struct str prefix);
struct engine_load {
	size_t reads, flights, waiting; /* calls that wait for their lane */
};
struct engine_load engine_load(const struct engine *e);
void engine_cache_stats(const struct engine *e, struct cache_stats *out);
/* Of the nth of config.upstreams. */
enum breaker_state engine_breaker(
    const struct engine *e, size_t upstream, int64_t now_boot);

#endif
