#include "cgi/upstream/reads.h"

#include <stdlib.h>
#include <sys/queue.h>

#include "cgi/read/engine.h"
#include "cgi/read/read-answer.h"
#include "lib/clock.h"
#include "lib/random.h"

/* A call: a ticket of the engine's, or an answer that is there already. */
struct asked {
	LIST_ENTRY(asked) in_list;
	void *tag;
	const struct config *config; /* that it began by */
	const struct read *read;
	uint64_t ticket;       /* 0: it ended before it began: */
	enum upstream_end end; /* UPSTREAM_ANSWER: 400, */
	const char *why;       /* because of this, in .arena */
	struct arena arena;
};
LIST_HEAD(asked_list, asked);
struct reads {
	struct engine *engine;
	const struct config *config;
	struct asked_list asked, ended; /* ended: without a ticket */
	int64_t due_boot;
};

static struct engine_now now(void)
{
	return (struct engine_now){
	    .now_ms = clock_wall_ms(), .now_boot = clock_boot_ms()};
}

struct reads *reads_open(const struct reads_spec *spec)
{
	const struct engine_spec engine = {.config = spec->config,
	    .upstream = spec->upstream,
	    .pool = spec->pool,
	    .secrets = spec->secrets,
	    .log = spec->log,
	    .cache_bytes =
		spec->cache_bytes ? spec->cache_bytes : READS_CACHE_BYTES,
	    .random = random_bytes};
	struct reads *r = calloc(1, sizeof(*r));

	if (!r)
		abort();
	LIST_INIT(&r->asked);
	LIST_INIT(&r->ended);
	r->config = spec->config;
	r->engine = engine_new(&engine);
	return r;
}

static void drop(struct asked *asked)
{
	LIST_REMOVE(asked, in_list);
	arena_release(&asked->arena);
	free(asked);
}

void reads_close(struct reads *r)
{
	struct asked *asked;

	if (!r)
		return;
	while ((asked = LIST_FIRST(&r->asked)) != NULL)
		drop(asked);
	while ((asked = LIST_FIRST(&r->ended)) != NULL)
		drop(asked);
	engine_free(r->engine);
	free(r);
}

void reads_refit(
    struct reads *r, const struct config *config, struct secrets *secrets)
{
	r->config = config;
	engine_refit(r->engine, config, secrets);
}

bool reads_uses(const struct reads *r, const struct config *config)
{
	return engine_uses(r->engine, config);
}

int64_t reads_due_boot(void *pool)
{
	const struct reads *r = pool;

	return LIST_EMPTY(&r->ended) ? r->due_boot : 1;
}

/* ---- calls --------------------------------------------------------------- */

static void end_early(struct asked *asked, enum err err, struct str why)
{
	asked->end = err == ERR_INPUT ? UPSTREAM_ANSWER : UPSTREAM_UNSENT;
	asked->why = why.n ? arena_cstr(&asked->arena, why) : err_name(err);
}

static void reads_start(void *pool, const struct upstream_call *call, void *tag)
{
	struct reads *r = pool;
	struct asked *asked = calloc(1, sizeof(*asked));
	const struct engine_now at = now();
	struct str why = STR("the configuration has no such read any more");
	enum err err = ERR_NOT_FOUND;

	if (!asked)
		abort();
	asked->tag = tag;
	asked->config = r->config;
	asked->read = config_read_named(r->config, call->read->name);
	const struct engine_ask ask = {
	    .read = asked->read ? (size_t)(asked->read - r->config->reads) : 0,
	    .params = call->read->params,
	    .request = call->read->request,
	    .owner = call->read->owner,
	    .deadline_boot =
		call->timeout_ms ? at.now_boot + call->timeout_ms : 0};
	if (asked->read) {
		why = (struct str){0};
		err = engine_begin(
		    r->engine, at, &ask, &asked->arena, &asked->ticket, &why);
	}
	if (err != ERR_OK) {
		asked->ticket = 0;
		end_early(asked, err, why);
	}
	r->due_boot = 1; /* it has not taken a step yet */
	if (err == ERR_OK)
		LIST_INSERT_HEAD(&r->asked, asked, in_list);
	else
		LIST_INSERT_HEAD(&r->ended, asked, in_list);
}

/* Nobody looks whether the first of its calls has left. */
static bool reads_unsent(void *pool, void *tag)
{
	(void)pool;
	(void)tag;
	return false;
}

static struct asked *find(const struct asked_list *list, const void *tag)
{
	struct asked *asked;

	LIST_FOREACH(asked, list, in_list)
	if (asked->tag == tag)
		break;
	return asked;
}

static void reads_abort(void *pool, void *tag)
{
	struct reads *r = pool;
	struct asked *asked = find(&r->asked, tag);

	if (asked)
		engine_leave(r->engine, asked->ticket);
	else
		asked = find(&r->ended, tag);
	if (asked)
		drop(asked);
}

/* ---- answers ------------------------------------------------------------- */

/* As lowtide-read would answer it; its headers are not the worker's. */
static struct upstream_answer passed_on(
    struct arena *a, const struct answer *answer)
{
	return (struct upstream_answer){.end = UPSTREAM_ANSWER,
	    .status = answer->status,
	    .content_type = arena_str(a, answer_get(answer, "Content-Type")),
	    .body = answer->body,
	    .why = ""};
}

static struct upstream_answer answer_of(struct arena *a,
    const struct asked *asked, const struct read_result *result)
{
	const struct answer_context c = {.config = asked->config, .arena = a};
	const struct read_asked how = {
	    .read = asked->read, .now_boot = now().now_boot};
	struct answer answer = {0};

	read_answer(&c, &how, result, &answer);
	struct upstream_answer out = passed_on(a, &answer);
	if (result->status == 503) {
		out.has_retry_after = true;
		out.retry_after_ms = result->retry_ms;
	}
	return out;
}

static struct upstream_answer early_answer(
    struct arena *a, const struct asked *asked)
{
	const struct answer_context c = {.config = asked->config, .arena = a};
	struct answer answer = {0};

	if (asked->end != UPSTREAM_ANSWER)
		return (struct upstream_answer){.end = asked->end,
		    .why = arena_cstr(a, str_of(asked->why))};
	answer_problem(&c, PROBLEM_VALIDATION_FAILED,
	    arena_cstr(a, str_of(asked->why)), NULL, &answer);
	return passed_on(a, &answer);
}

static struct asked *find_ticket(struct reads *r, uint64_t ticket)
{
	struct asked *asked;

	LIST_FOREACH(asked, &r->asked, in_list)
	if (asked->ticket == ticket)
		break;
	return asked;
}

static bool reads_next(
    void *pool, struct arena *a, void **tag, struct upstream_answer *answer)
{
	struct reads *r = pool;
	struct asked *asked = LIST_FIRST(&r->ended);
	struct read_result result;
	uint64_t ticket;

	if (asked) {
		*answer = early_answer(a, asked);
	} else {
		engine_step(r->engine, now(), &r->due_boot);
		if (!engine_ready(r->engine, &ticket) ||
		    !engine_take(r->engine, a, ticket, &result))
			return false;
		asked = find_ticket(r, ticket);
		*answer = answer_of(a, asked, &result);
	}
	*tag = asked->tag;
	drop(asked);
	return true;
}

static void close_reads(void *pool)
{
	reads_close(pool);
}

const struct upstream_ops upstream_reads = {
    .name = "reads",
    .close = close_reads,
    .start = reads_start,
    .unsent = reads_unsent,
    .abort = reads_abort,
    .next = reads_next,
};
