#include "cgi/read/engine-parts.h"

/*
 * Flights that wait for their upstream's lane, first come first served. A queue
 * is in e->hungry while there may be room for its first: those take turns, one
 * call each, so that no upstream's thousand keep all of ENGINE_CALLS_MAX.
 */
void queue_look(struct engine *e, struct queue *q)
{
	if (link_alone(&q->turn) && q->n)
		link_last(&e->hungry, &q->turn);
}

static bool has_room(const struct engine *e)
{
	return e->running < e->spec.calls_max;
}

static void append(struct engine *e, struct queue *q, struct flight *f)
{
	f->phase = FLIGHT_QUEUED;
	link_last(&q->waiting, &f->place);
	q->n++;
	e->waiting++;
	flight_arm(e, f);
}

void queue_leave(struct engine *e, struct flight *f)
{
	if (f->phase != FLIGHT_QUEUED)
		return;
	link_out(&f->place);
	e->waiting--;
	f->phase = FLIGHT_NEW;
	if (--f->queue->n == 0) {
		times_drop(&e->times, &f->queue->again);
		link_out(&f->queue->turn);
	}
}

static struct lane_answer ask(
    struct queue *q, struct engine_now now, struct flight *f, size_t waiting)
{
	return lane_ask(
	    q->lane, now.now_boot, f->latest_boot - now.now_boot, waiting);
}

static void wait_for(
    struct engine *e, struct queue *q, struct engine_now now, int64_t ms)
{
	const int64_t boot = now.now_boot + ms;

	if (ms > 0 && (!q->again.place || boot < q->again.boot))
		times_set(&e->times, &q->again, boot);
}

/* The first in the queue, which is no longer. */
static struct flight *first_of(struct queue *q)
{
	return link_alone(&q->waiting)
		   ? NULL
		   : HOLDER(struct flight, place, q->waiting.next);
}

static void begin_first(struct engine *e, struct engine_now now,
    struct queue *q, struct breaker_pass pass)
{
	struct flight *f = first_of(q);

	queue_leave(e, f);
	leg_begin(e, now, f, pass);
}

/*
 * Whoever comes asks, so that one who has no time for a pause hears of it at
 * once; the place that he is given is that of the first in the queue. While
 * there is no room for any call at all, only a breaker that is open is asked.
 */
void queue_enter(struct engine *e, struct engine_now now, struct flight *f)
{
	struct queue *q = f->queue;
	struct lane_answer answer = {.say = LANE_WAIT, .retry_ms = 0};

	if (has_room(e) || lane_state(q->lane, now.now_boot) == BREAKER_OPEN)
		answer = ask(q, now, f, q->n);
	else if (q->n >= q->max)
		answer = (struct lane_answer){LANE_FULL, .retry_ms = 1000};
	switch (answer.say) {
	case LANE_GO:
		if (has_room(e)) {
			append(e, q, f);
			begin_first(e, now, q, answer.pass);
			queue_look(e, q);
			return;
		}
		lane_drop(q->lane, answer.pass);
		/* fall through */
	case LANE_WAIT:
		append(e, q, f);
		wait_for(e, q, now, answer.retry_ms);
		if (!has_room(e))
			queue_look(e, q);
		return;
	case LANE_OPEN:
		flight_refuse(e, now, f, LANDING_OPEN, answer.retry_ms);
		return;
	case LANE_FULL:
		flight_refuse(e, now, f, LANDING_SHED, answer.retry_ms);
		return;
	}
}

void queue_paused(struct engine *e, struct engine_now now, struct queue *q)
{
	struct link *l = q->waiting.next, *next;

	for (; l != &q->waiting; l = next) {
		struct flight *f = HOLDER(struct flight, place, l);
		next = l->next;
		const struct lane_answer answer = ask(q, now, f, 0);
		if (answer.say == LANE_GO) {
			lane_drop(q->lane, answer.pass);
			break;
		}
		if (answer.say == LANE_OPEN)
			flight_refuse(e, now, f, LANDING_OPEN, answer.retry_ms);
	}
}

static void serve(struct engine *e, struct engine_now now, struct queue *q)
{
	struct flight *f = first_of(q);

	if (!f)
		return;
	/* the queue may be gone with the last that goes by its epoch */
	struct epoch *epoch = f->epoch;
	const struct lane_answer answer = ask(q, now, f, 0);
	epoch_use(epoch);
	switch (answer.say) {
	case LANE_GO:
		begin_first(e, now, q, answer.pass);
		break;
	case LANE_WAIT:
		wait_for(e, q, now, answer.retry_ms);
		goto done;
	case LANE_OPEN:
		flight_refuse(e, now, f, LANDING_OPEN, answer.retry_ms);
		break;
	case LANE_FULL:
		flight_refuse(e, now, f, LANDING_SHED, answer.retry_ms);
		break;
	}
	queue_look(e, q);
done:
	epoch_leave(e, epoch);
}

void engine_pump(struct engine *e, struct engine_now now)
{
	while (has_room(e) && !link_alone(&e->hungry)) {
		struct queue *q = HOLDER(struct queue, turn, e->hungry.next);
		link_out(&q->turn);
		serve(e, now, q);
	}
}
