#include "cgi/read/reader-parts.h"

#include <string.h>

#include "cgi/asked.h"
#include "cgi/caller.h"
#include "cgi/preflight.h"

static void begin(struct reading *h, struct reader *r, struct app_now now,
    struct arena *a, struct answer *ans)
{
	*ans = (struct answer){0};
	*h = (struct reading){.reader = r,
	    .now = now,
	    .came_boot = now.boot_ms,
	    .arena = a,
	    .ans = ans,
	    .complete = true};
	h->c = (struct answer_context){.config = r->config,
	    .arena = a,
	    .now_ms = now.wall_ms,
	    .random = (uint32_t)asked_random(&r->seed)};
}

size_t reading_index(const struct reading *h)
{
	const struct config *config = h->reader->config;
	const struct read *read =
	    h->read ? config_read_named(config, h->read->name) : NULL;

	return read ? (size_t)(read - config->reads) : SIZE_MAX;
}

/* `own`: the answer is ours, and wants what every answer has. */
static enum outcome finish(struct reading *h, enum outcome outcome, bool own)
{
	if (outcome != OUTCOME_ANSWER)
		return outcome;
	if (own)
		answer_common(&h->c, NULL, h->ans);
	read_metrics_answered(h->reader->spec.metrics, reading_index(h),
	    h->ans->status, h->complete, h->now.boot_ms - h->came_boot);
	reading_log(h);
	return outcome;
}

enum outcome reading_problem(
    struct reading *h, enum problem problem, const char *detail)
{
	answer_problem(&h->c, problem, detail, NULL, h->ans);
	if (problem == PROBLEM_STORE_UNAVAILABLE)
		answer_retry_after(&h->c, NULL, h->ans);
	return OUTCOME_ANSWER;
}

static enum outcome overloaded(struct reading *h)
{
	read_answer_overloaded(&h->c, h->ans);
	return OUTCOME_ANSWER;
}

static enum outcome answer_with(
    struct reading *h, const struct read_result *result)
{
	h->complete = result->complete;
	h->asked.read = h->read;
	h->asked.now_boot = h->now.boot_ms;
	read_answer(&h->c, &h->asked, result, h->ans);
	reading_log_failures(h, result);
	return OUTCOME_ANSWER;
}

/* ---- requests ------------------------------------------------------------ */

/*
 * Never the same for two people: which kind of word it is stands first, and an
 * issuer's length before it.
 */
static struct str owner_of(
    struct reading *h, enum caller_kind kind, const struct token_claims *claims)
{
	if (kind == CALLER_WEB)
		return arena_join(h->arena, 2,
		    (const struct str[]){STR("web-server "), h->r->owner});
	if (kind == CALLER_TOKEN)
		return arena_printf(h->arena, "token %zu %.*s %.*s",
		    claims->issuer.n, STR_ARG(claims->issuer),
		    STR_ARG(claims->subject));
	return STR("");
}

static bool find_owner(struct reading *h, struct str *owner)
{
	const struct caller_context cc = {.c = &h->c,
	    .r = h->r,
	    .bearer = h->reader->spec.bearer,
	    .now_boot = h->now.boot_ms,
	    .ans = h->ans};
	struct caller caller;
	enum caller_kind kind =
	    caller_find(&cc, h->read->auth, &h->read->scopes, &caller);

	*owner = owner_of(h, kind, &caller.claims);
	return kind != CALLER_REFUSED;
}

/* With a trace, where the client sent none: calls carry it on. */
static struct pairs headers_of(struct reading *h)
{
	const struct pairs *sent = &h->r->headers;
	struct pairs out = *sent;

	if (request_has_header(h->r, "traceparent") &&
	    str_eq(request_header(h->r, "traceparent"), h->c.traceparent))
		return out;
	out.items = arena_array(h->arena, sent->n + 1, sizeof(out.items[0]));
	out.n = 0;
	for (size_t i = 0; i < sent->n; i++)
		if (!str_is(sent->items[i].name, "traceparent"))
			out.items[out.n++] = sent->items[i];
	out.items[out.n++] = (struct pair){
	    .name = STR("traceparent"), .value = h->c.traceparent};
	return out;
}

/* The engine would not begin. */
static enum outcome refused(struct reading *h, enum err err, struct str why)
{
	if (err == ERR_INPUT)
		return reading_problem(
		    h, PROBLEM_VALIDATION_FAILED, arena_cstr(h->arena, why));
	if (err == ERR_FULL)
		return overloaded(h);
	ERROR_LOG(h->reader->spec.log, h->now.wall_ms, "read-not-made",
	    LOG_STR("read", h->read->name), LOG_STR("why", why));
	return reading_problem(h, PROBLEM_INTERNAL, NULL);
}

static enum outcome ask_engine(
    struct reading *h, struct str owner, const struct wish *wish)
{
	struct reader *r = h->reader;
	const struct envelope_request request = {.method = h->r->method,
	    .path = h->r->path,
	    .query = h->r->query,
	    .remote_addr = h->r->remote_addr,
	    .headers = headers_of(h)};
	int64_t ms = h->read->deadline_ms;
	struct read_result result;
	struct str why = {0};
	uint64_t ticket;

	if (wish->ms >= 0 && wish->ms < ms)
		ms = wish->ms;
	const struct engine_ask ask = {.read = h->route.api,
	    .params = {h->route.params, h->route.n_params},
	    .request = &request,
	    .owner = owner,
	    .deadline_boot = h->now.boot_ms + ms};
	enum err err = engine_begin(
	    r->spec.engine, reader_now(h->now), &ask, h->arena, &ticket, &why);
	if (err != ERR_OK)
		return refused(h, err, why);
	reader_stir(r);
	if (engine_take(r->spec.engine, h->arena, ticket, &result))
		return answer_with(h, &result);
	struct waiter *waiter = waiter_new(h, ticket, ask.deadline_boot,
	    wish->late ? wish_records(h, HANDOVER_ASKED) : STR(""));
	waiter->async = wish->async;
	return OUTCOME_PARK;
}

static enum outcome read_it(struct reading *h)
{
	struct str owner;
	struct wish wish;

	h->read = &h->reader->config->reads[h->route.api];
	h->asked.tags = request_header(h->r, "if-none-match");
	if (!find_owner(h, &owner))
		return OUTCOME_ANSWER;
	wish_read(h, &wish);
	return wish.over ? reading_hand_over(h, &wish)
			 : ask_engine(h, owner, &wish);
}

static enum outcome handle_options(struct reading *h)
{
	preflight_answer_read(&h->c, h->route.allow,
	    &h->reader->config->reads[h->route.api],
	    request_header(h->r, "access-control-request-headers"), h->ans);
	return OUTCOME_ANSWER;
}

static enum outcome handle_method(struct reading *h)
{
	reading_problem(h, PROBLEM_METHOD_NOT_ALLOWED, NULL);
	answer_header(h->ans, "Allow", h->route.allow);
	return OUTCOME_ANSWER;
}

static enum outcome handle(void *ctx, struct app_now now, struct arena *a,
    const struct request *r, struct answer *ans, struct waiting *wait,
    struct change **change)
{
	struct reader *reader = ctx;
	struct reading h;

	*change = NULL;
	begin(&h, reader, now, a, ans);
	h.r = r;
	h.wait = wait;
	asked_begin(&h.c, r, &reader->seed);
	ans->head = str_is(r->method, "HEAD");
	route_find_read(a, reader->config, r, &h.route);
	switch (h.route.kind) {
	case ROUTE_READ:
		return finish(&h, read_it(&h), true);
	case ROUTE_OPTIONS:
		return finish(&h, handle_options(&h), true);
	case ROUTE_METHOD:
		return finish(&h, handle_method(&h), true);
	default:
		return finish(
		    &h, reading_problem(&h, PROBLEM_NOT_FOUND, NULL), true);
	}
}

/* ---- those who waited ---------------------------------------------------- */

static void begin_again(struct reading *h, struct reader *r, struct app_now now,
    struct arena *a, struct waiter *waiter, struct answer *ans)
{
	begin(h, r, now, a, ans);
	h->c.config = waiter->config;
	h->c.path = arena_str(a, waiter->path);
	h->c.request_id = arena_str(a, waiter->request_id);
	h->c.traceparent = arena_str(a, waiter->traceparent);
	h->c.origin = waiter->origin;
	h->read = waiter->read;
	h->asked.tags = arena_str(a, waiter->tags);
	h->came_boot = waiter->came_boot;
	ans->head = waiter->head;
}

/* True: *outcome, of one that the engine has in hand. */
static bool answer_engine(struct reading *h, struct waiter *waiter, bool last)
{
	struct engine *engine = h->reader->spec.engine;
	struct read_result result;

	if (engine_take(engine, h->arena, waiter->ticket, &result)) {
		waiter->ticket = 0;
		if (result.status == 504 && waiter->records.n &&
		    h->now.boot_ms >= waiter->until_boot && !last &&
		    waiter_hand_over(h, waiter))
			return false;
		answer_with(h, &result);
		return true;
	}
	if (!last)
		return false;
	engine_leave(engine, waiter->ticket);
	reader_stir(h->reader);
	overloaded(h);
	return true;
}

static enum outcome resume(void *ctx, struct app_now now, struct arena *a,
    struct waiting *wait, struct answer *ans, struct change **change)
{
	struct reader *r = ctx;
	struct waiter *waiter = waiter_find(r, wait);
	const bool last = now.boot_ms >= wait->deadline_boot;
	struct reading h;
	bool over;

	*change = NULL;
	if (!waiter) { /* never: whoever is parked has one */
		begin(&h, r, now, a, ans);
		return finish(&h, overloaded(&h), true);
	}
	begin_again(&h, r, now, a, waiter, ans);
	const bool handed = waiter->handed;
	over = handed ? waiter_answer(&h, waiter, last)
		      : answer_engine(&h, waiter, last);
	if (!over)
		return OUTCOME_PARK;
	const bool own =
	    !handed || !waiter->said || waiter->said->err != ERR_OK;
	waiter_free(r, waiter);
	return finish(&h, OUTCOME_ANSWER, own);
}

static void refuse(void *ctx, struct app_now now, struct arena *a, enum err err,
    struct answer *ans)
{
	struct reader *r = ctx;
	struct reading h;

	begin(&h, r, now, a, ans);
	h.c.traceparent = asked_new_trace(a, &r->seed);
	h.c.request_id = asked_id_of_trace(h.c.traceparent);
	if (err == ERR_FULL || err == ERR_BUSY)
		overloaded(&h);
	else if (err == ERR_TOO_LARGE)
		reading_problem(&h, PROBLEM_HEADER_FIELDS_TOO_LARGE, NULL);
	else if (err == ERR_INPUT || err == ERR_SYNTAX)
		reading_problem(&h, PROBLEM_VALIDATION_FAILED, NULL);
	else
		reading_problem(&h, PROBLEM_INTERNAL, NULL);
	finish(&h, OUTCOME_ANSWER, true);
}

void reader_refit(struct reader *r, const struct config *config)
{
	r->config = config;
	reader_stir(r);
}

void *reader_host(void *ctx)
{
	const struct reader *r = ctx;

	return r->spec.host;
}

void reader_serve(struct reader *r, struct loop_spec *spec)
{
	spec->ctx = r;
	spec->body_max = READER_BODY_MAX;
	spec->seed = r->seed;
	spec->log = r->spec.log;
	spec->handle = handle;
	spec->resume = resume;
	spec->gone = reader_gone;
	spec->refuse = refuse;
	spec->commit_fd = -1;
	spec->bell_fd = r->epoll_fd;
	spec->heard = reader_heard;
	spec->changed = reader_changed;
	spec->rest = reader_rest;
	spec->recheck_ms = -1;
	spec->patience_ms = READER_DRAIN_MS;
}
