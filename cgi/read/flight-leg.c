#include "cgi/read/engine-parts.h"

/*
 * A flight's calls as the upstream sees them: the first; the next, some time
 * after one that failed on the way; and, of a hedged one, a second beside the
 * first. All of them have the time of one together, from the first on.
 */
static int64_t smaller(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static bool is_out(const struct flight *f)
{
	for (size_t i = 0; i < FLIGHT_LEGS; i++)
		if (f->legs[i].out)
			return true;
	return false;
}

/* When it has to be looked at next. */
void flight_arm(struct engine *e, struct flight *f)
{
	int64_t boot = f->until_boot;

	if (f->phase == FLIGHT_QUEUED)
		boot = boot ? smaller(boot, f->latest_boot) : f->latest_boot;
	else if (f->phase == FLIGHT_RESTS)
		boot = smaller(boot, f->again_boot);
	else if (f->hedge_boot)
		boot = smaller(boot, f->hedge_boot);
	times_set(&e->times, &f->timer, boot);
}

/* Those whose own time is shorter than the flight's. */
static void time_waiters(struct engine *e, struct flight *f, int64_t now_boot)
{
	for (struct link *l = f->waiters.next; l != &f->waiters; l = l->next) {
		struct waiter *w = HOLDER(struct waiter, of_flight, l);
		if (w->timeout_ms < f->timeout_ms)
			times_set(
			    &e->times, &w->until, now_boot + w->timeout_ms);
	}
}

static void start(struct engine *e, struct engine_now now, struct flight *f,
    struct breaker_pass pass)
{
	struct leg *leg = &f->legs[f->legs[0].out];

	*leg = (struct leg){.flight = f,
	    .out = true,
	    .pass = pass,
	    .began_boot = now.now_boot,
	    .http = f->http};
	leg->http.timeout_ms = f->until_boot - now.now_boot;
	if (leg->http.timeout_ms < 1)
		leg->http.timeout_ms = 1;
	f->phase = FLIGHT_OUT;
	e->running++;
	e->spec.upstream->start(e->spec.pool, &leg->http, leg);
}

void leg_begin(struct engine *e, struct engine_now now, struct flight *f,
    struct breaker_pass pass)
{
	const int64_t hedge_ms = lane_hedge_ms(f->queue->lane);

	if (!f->until_boot) {
		f->until_boot = now.now_boot + f->timeout_ms;
		time_waiters(e, f, now.now_boot);
	}
	f->tries++;
	f->hedge_boot = hedge_ms >= 0 && f->n_waiters && !f->hedged
			    ? now.now_boot + hedge_ms
			    : 0;
	start(e, now, f, pass);
	flight_arm(e, f);
}

/* Only where it takes nobody's place. */
static void hedge(struct engine *e, struct engine_now now, struct flight *f)
{
	f->hedge_boot = 0;
	if (f->queue->n || e->running >= e->spec.calls_max)
		return;
	if (!lane_may_hedge(f->queue->lane))
		return;
	const struct lane_answer answer =
	    lane_ask(f->queue->lane, now.now_boot, 0, 0);
	if (answer.say != LANE_GO)
		return;
	f->hedged = true;
	read_metrics_hedged(e->spec.metrics, f->queue->index);
	start(e, now, f, answer.pass);
}

/* ---- they end ------------------------------------------------------------ */

static void say_failed(struct engine *e, struct engine_now now,
    const struct queue *q, const struct lane_end *end, const char *why)
{
	if (end->end == UPSTREAM_ANSWER && end->status < 500)
		return;
	DEBUG_LOG(e->spec.log, now.now_ms, "call-failed",
	    LOG_TEXT("upstream", q->name), LOG_INT("status", end->status),
	    LOG_TEXT("why", why ? why : ""), LOG_INT("ms", end->took_ms));
}

static void count(struct engine *e, struct engine_now now, struct flight *f,
    const struct lane_end *end, const char *why)
{
	struct queue *q = f->queue;
	const enum breaker_state before = lane_state(q->lane, now.now_boot);

	read_metrics_called(
	    e->spec.metrics, q->index, end->end, end->status, end->took_ms);
	say_failed(e, now, q, end, why);
	if (lane_end(q->lane, now.now_boot, end)) {
		read_metrics_opened(e->spec.metrics, q->index);
		LOG(e->spec.log, now.now_ms, "breaker-opened",
		    LOG_TEXT("upstream", q->name));
	}
	if (before == BREAKER_HALF &&
	    lane_state(q->lane, now.now_boot) == BREAKER_CLOSED)
		LOG(e->spec.log, now.now_ms, "breaker-closed",
		    LOG_TEXT("upstream", q->name));
	queue_look(e, q);
}

static void leg_abort(
    struct engine *e, struct engine_now now, struct leg *leg, bool late)
{
	struct flight *f = leg->flight;
	const struct lane_end end = {.pass = leg->pass,
	    .end = UPSTREAM_TIMEOUT,
	    .took_ms = now.now_boot - leg->began_boot};

	leg->out = false;
	e->running--;
	e->spec.upstream->abort(e->spec.pool, leg);
	if (late && end.took_ms >= f->patience_ms / 2) {
		count(e, now, f, &end, "it had its time");
	} else {
		lane_drop(f->queue->lane, leg->pass);
		queue_look(e, f->queue);
	}
}

void legs_abort(
    struct engine *e, struct engine_now now, struct flight *f, bool late)
{
	for (size_t i = 0; i < FLIGHT_LEGS; i++)
		if (f->legs[i].out)
			leg_abort(e, now, &f->legs[i], late);
}

bool legs_left_to_try(struct engine *e, struct engine_now now, struct flight *f)
{
	bool any = false;

	for (size_t i = 0; i < FLIGHT_LEGS; i++)
		any |= f->legs[i].out && f->legs[i].pass.probe;
	for (size_t i = 0; i < FLIGHT_LEGS && any; i++)
		if (f->legs[i].out && !f->legs[i].pass.probe)
			leg_abort(e, now, &f->legs[i], false);
	if (any) {
		f->hedge_boot = 0;
		flight_arm(e, f);
	}
	return any;
}

/*
 * Whether it is made once more, and somebody would still be there. Who tried an
 * upstream has found out, and for nobody else.
 */
static bool rest(struct engine *e, struct engine_now now, struct flight *f,
    const struct lane_end *end)
{
	if (!f->n_waiters && !f->renews)
		return false;
	const int64_t ms = lane_retry_ms(
	    f->queue->lane, end, f->tries, (uint32_t)(engine_random(e) >> 32));
	const int64_t boot = now.now_boot + (ms > 0 ? ms : 1);

	if (ms < 0 || boot >= f->until_boot ||
	    (f->n_waiters && boot >= f->latest_boot))
		return false;
	f->phase = FLIGHT_RESTS;
	f->again_boot = boot;
	f->hedge_boot = 0;
	flight_arm(e, f);
	read_metrics_retried(e->spec.metrics, f->queue->index);
	return true;
}

/* Beyond what may be held in all it is as if it had not been asked. */
static struct landing hold(struct engine *e, struct engine_now now,
    const struct upstream_answer *answer)
{
	struct landing landing;

	if (answer->body.n > e->spec.held_max - e->held)
		return (struct landing){.kind = LANDING_SHED, .retry_ms = 1000};
	landing = landing_of(answer, now.now_boot);
	if (landing.blob)
		blob_count(landing.blob, &e->held);
	return landing;
}

void leg_ended(struct engine *e, struct engine_now now, struct leg *leg,
    const struct upstream_answer *answer)
{
	struct flight *f = leg->flight;
	const struct lane_end end = {.pass = leg->pass,
	    .end = answer->end,
	    .status = answer->status,
	    .has_retry_after = answer->has_retry_after,
	    .retry_after_ms = answer->retry_after_ms,
	    .took_ms = now.now_boot - leg->began_boot};
	struct landing landing = hold(e, now, answer);

	leg->out = false;
	e->running--;
	count(e, now, f, &end, answer->why);
	if (end.has_retry_after && (end.status == 429 || end.status == 503))
		queue_paused(e, now, f->queue);
	if (landing_is_good(&landing)) {
		engine_keep(e, now.now_boot, f, answer, &landing);
	} else if (is_out(f) || rest(e, now, f, &end)) {
		/* the other one may do better; this is for if it does not */
		landing_release(&f->last);
		f->last = landing;
		f->has_last = true;
		return;
	}
	flight_land(e, now, f, &landing);
}

/* ---- its time ------------------------------------------------------------ */

static void time_out(struct engine *e, struct engine_now now, struct flight *f)
{
	struct landing landing = {.end = UPSTREAM_TIMEOUT};

	if (f->has_last && !is_out(f)) {
		landing = f->last;
		f->last = (struct landing){0};
	}
	legs_abort(e, now, f, true);
	flight_land(e, now, f, &landing);
}

void flight_due(struct engine *e, struct engine_now now, struct flight *f)
{
	if (f->until_boot && now.now_boot >= f->until_boot) {
		time_out(e, now, f);
		return;
	}
	if (f->phase == FLIGHT_QUEUED && now.now_boot >= f->latest_boot) {
		/* who waits for it goes by himself; nobody does here */
		if (!f->n_waiters)
			flight_free(e, f);
		return;
	}
	if (f->phase == FLIGHT_RESTS && now.now_boot >= f->again_boot) {
		queue_enter(e, now, f);
		return;
	}
	if (f->hedge_boot && now.now_boot >= f->hedge_boot)
		hedge(e, now, f);
	flight_arm(e, f);
}
