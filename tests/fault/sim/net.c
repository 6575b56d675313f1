#include <stdlib.h>
#include <string.h>

#include "tests/fault/sim/sim.h"

/*
 * Upstreams and programs. A call is drawn when it starts: when its bytes leave,
 * if they do, and what comes back when. From the moment they have left it is an
 * arrival, which stays whatever becomes of the worker. A poll asks about a job
 * that an upstream has taken; it may fail as any call, and changes nothing.
 *
 * Which job it is stands in the body, {"n":7}, and in a poll's URL, …/poll/7.
 */
static struct sim *sim; /* a pool is one of its workers */

static enum err net_open(void **pool)
{
	(void)pool;
	return ERR_MISSING; /* world.c has them */
}

static void net_close(void *pool)
{
	(void)pool;
}

static bool is_working(const struct worker *w)
{
	return !(sim->is_dying && sim->stepping >= 0 &&
		 w == &sim->workers[sim->stepping]);
}

static int job_of(const struct upstream_call *spec, bool *poll)
{
	const char *at = spec->exec ? NULL : strstr(spec->url, "/poll/");

	*poll = at != NULL;
	if (at)
		return atoi(at + strlen("/poll/"));
	return spec->body.n > 5 ? atoi(spec->body.p + strlen("{\"n\":")) : -1;
}

static enum reply any_reply(bool program)
{
	static const enum reply programs[] = {REPLY_DONE, REPLY_DONE,
	    REPLY_LEAVE_OFF, REPLY_ERROR, REPLY_CUT_AFTER, REPLY_SILENT,
	    REPLY_TOO_LARGE};
	struct draw *d = &sim->draw;

	if (draw_chance(d, sim->calm ? 90 : 45))
		return REPLY_DONE;
	if (program)
		return programs[draw_below(d, 7)];
	return (enum reply)draw_below(d, REPLY_LEAVE_OFF);
}

static void begin(struct call *c)
{
	oracle_look(sim); /* the claim is committed */
	c->attempt = sim->jobs[c->job].seen.attempt;
	oracle_called(sim, c);
}

static void net_start(void *pool, const struct upstream_call *spec, void *tag)
{
	struct worker *w = pool;
	struct draw *d = &sim->draw;
	struct call *c = w->calls;
	bool poll;

	if (!is_working(w))
		return;
	while (c < w->calls + CALLS_MAX && c->running)
		c++;
	if (c == w->calls + CALLS_MAX)
		abort();
	*c = (struct call){.tag = tag, .running = true};
	sim->moves++;
	c->job = job_of(spec, &poll);
	c->poll = poll;
	c->program = spec->exec != NULL;
	c->leave_by_boot = spec->leave_by_boot;
	c->reply = any_reply(c->program);
	c->depart_boot = sim->boot + draw_below(d, 3) * draw_below(d, 400);
	if (!sim->calm && draw_chance(d, 8))
		c->depart_boot = INT64_MAX;
	c->ready_boot =
	    c->depart_boot == INT64_MAX
		? sim->boot + draw_below(d, 3000)
		: c->depart_boot +
		      draw_below(d, draw_chance(d, 20) ? 40000 : 900);
	if (c->reply == REPLY_SILENT)
		c->ready_boot = INT64_MAX;
	c->say_boot =
	    draw_chance(d, 30) ? sim->boot + draw_below(d, 900) : INT64_MAX;
	c->until_boot =
	    spec->timeout_ms ? sim->boot + spec->timeout_ms : INT64_MAX;
	if (c->job < 0 || c->job >= sim->n_jobs)
		sim_fault(sim, -1, "a call that is nobody's");
	else
		begin(c);
}

/* ---- the other side ------------------------------------------------------ */

static const enum tally tally_of[REPLIES] = {
    [REPLY_DONE] = TALLY_CALLS,
    [REPLY_REFUSED] = TALLY_CALLS,
    [REPLY_NEEDS] = TALLY_NEEDS,
    [REPLY_TOO_MANY] = TALLY_TOO_MANY,
    [REPLY_UNAVAILABLE] = TALLY_UNAVAILABLE,
    [REPLY_ERROR] = TALLY_CALLS,
    [REPLY_TAKEN] = TALLY_TAKEN,
    [REPLY_CUT_BEFORE] = TALLY_CUT_BEFORE,
    [REPLY_CUT_AFTER] = TALLY_CUT_AFTER,
    [REPLY_SILENT] = TALLY_SILENT,
    [REPLY_TOO_LARGE] = TALLY_CALLS,
    [REPLY_LEAVE_OFF] = TALLY_CALLS,
};

static void arrive(struct call *c)
{
	struct memory_of_job *m = &sim->jobs[c->job];

	c->departed = true;
	if (c->poll) {
		sim_count(sim, TALLY_POLLS);
		return;
	}
	sim_count(sim, c->program ? TALLY_PROGRAMS : tally_of[c->reply]);
	oracle_left(sim, c);
	sim_note(sim, c->job, "arrived, to be answered by %d", (int)c->reply);
	if (m->n_arrivals == ARRIVALS_MAX) {
		sim_fault(sim, c->job, "sent more often than any limit");
		return;
	}
	c->arrival = m->n_arrivals;
	m->arrivals[m->n_arrivals++] = (struct arrival){.reply = c->reply};
	if (c->reply == REPLY_TAKEN) {
		m->poll_left = (int)draw_below(&sim->draw, 4);
		m->poll_told = m->poll_done = m->poll_seen = false;
	}
	oracle_arrived(sim, c->job);
}

void net_bind(struct sim *s)
{
	sim = s;
}

/*
 * Bytes leave when whoever called looks after his calls, and no sooner; nor
 * when they are not to any more.
 */
static void depart(struct worker *w)
{
	for (struct call *c = w->calls; c < w->calls + CALLS_MAX; c++) {
		if (!c->running || c->departed || c->depart_boot > sim->boot ||
		    c->until_boot <= sim->boot)
			continue;
		if (c->leave_by_boot && *c->leave_by_boot <= sim->boot)
			c->until_boot = sim->boot;
		else
			arrive(c);
	}
}

int64_t net_due(const struct sim *s, const struct worker *w)
{
	int64_t due = INT64_MAX;

	(void)s;
	for (int i = 0; i < CALLS_MAX; i++) {
		const struct call *c = &w->calls[i];
		const int64_t last = c->ready_boot < c->until_boot
					 ? c->ready_boot
					 : c->until_boot;

		if (c->running && !c->departed && c->depart_boot < due)
			due = c->depart_boot;
		if (c->running && last < due)
			due = last;
		if (c->running && c->departed && c->say_boot < due)
			due = c->say_boot;
	}
	return due;
}

void net_leave(struct sim *s, struct worker *w)
{
	for (int i = 0; i < CALLS_MAX; i++)
		if (w->calls[i].running && w->calls[i].departed)
			sim_count(s, TALLY_LATE_ANSWERS);
	memset(w->calls, 0, sizeof(w->calls));
}

/* ---- back to the worker ---------------------------------------------------
 */

static struct call *call_of(struct worker *w, const void *tag)
{
	for (int i = 0; i < CALLS_MAX; i++)
		if (w->calls[i].running && w->calls[i].tag == tag)
			return &w->calls[i];
	return NULL;
}

static bool net_unsent(void *pool, void *tag)
{
	const struct call *c = call_of(pool, tag);

	return c && !c->departed;
}

static void net_abort(void *pool, void *tag)
{
	struct call *c = call_of(pool, tag);

	if (c)
		c->running = false;
}

/* Half of all programs end soon when they are asked to. */
static void net_stop(void *pool, void *tag)
{
	struct call *c = call_of(pool, tag);

	if (!c || !c->program || c->stopped)
		return;
	c->stopped = true;
	if (!c->departed) {
		c->until_boot = sim->boot;
		return;
	}
	if (draw_chance(&sim->draw, 50) && c->ready_boot > sim->boot) {
		c->reply = REPLY_LEAVE_OFF;
		sim->jobs[c->job].arrivals[c->arrival].reply = c->reply;
	} else if (c->ready_boot > sim->boot) {
		c->reply = REPLY_CUT_AFTER;
	}
	c->ready_boot = sim->boot + draw_below(&sim->draw, 5000);
}

/* What a poll is told of a job that an upstream has. */
static struct upstream_answer polled(struct arena *a, const struct call *c)
{
	struct memory_of_job *m = &sim->jobs[c->job];
	static const struct upstream_answer going[] = {
	    {.end = UPSTREAM_ANSWER, .status = 202},
	    {.end = UPSTREAM_ANSWER,
		.status = 202,
		.body = STR_INIT("{\"progress\":40,\"message\":\"half\"}")},
	    {.end = UPSTREAM_ANSWER,
		.status = 200,
		.body = STR_INIT("{\"status\":\"running\"}")},
	    {.end = UPSTREAM_ANSWER, .status = 503},
	};

	if (!m->poll_told && m->poll_left-- > 0)
		return going[draw_below(&sim->draw, 4)];
	if (!m->poll_told && !m->poll_seen && draw_chance(&sim->draw, 20)) {
		m->poll_seen = true;
		return (struct upstream_answer){.end = UPSTREAM_ANSWER,
		    .status = 303,
		    .location = arena_printf(a, "/poll/%d/done", c->job)};
	}
	if (!m->poll_told)
		m->poll_done = m->poll_seen || draw_chance(&sim->draw, 80);
	m->poll_told = true;
	oracle_told(sim, c);
	return (struct upstream_answer){.end = UPSTREAM_ANSWER,
	    .status = 200,
	    .body = m->poll_done ? STR("{\"done\":true}")
				 : STR("{\"status\":\"failed\"}")};
}

static struct upstream_answer answer_of(struct arena *a, const struct call *c)
{
	static const struct upstream_answer answers[REPLIES] = {
	    [REPLY_DONE] = {.status = 200, .body = STR_INIT("{}")},
	    [REPLY_REFUSED] = {.status = 422, .body = STR_INIT("{}")},
	    [REPLY_NEEDS] = {.status = 401},
	    [REPLY_TOO_MANY] = {.status = 429,
		.has_retry_after = true,
		.retry_after_ms = 2000},
	    [REPLY_UNAVAILABLE] = {.status = 503,
		.has_retry_after = true,
		.retry_after_ms = 3000},
	    [REPLY_ERROR] = {.status = 500},
	    [REPLY_TAKEN] = {.status = 202},
	    [REPLY_CUT_BEFORE] = {.end = UPSTREAM_BROKEN},
	    [REPLY_CUT_AFTER] = {.end = UPSTREAM_BROKEN},
	    [REPLY_TOO_LARGE] = {.end = UPSTREAM_TOO_LARGE, .status = 200},
	    [REPLY_LEAVE_OFF] = {.end = UPSTREAM_AGAIN, .exit_status = 75},
	};
	struct upstream_answer answer = answers[c->reply];

	if (c->program && c->reply == REPLY_ERROR)
		answer.end = UPSTREAM_FAILED;
	if (c->program && answer.end == UPSTREAM_ANSWER)
		answer.status = 0;
	if (c->reply == REPLY_TAKEN)
		answer.location = arena_printf(a, "/poll/%d", c->job);
	answer.why = "";
	return answer;
}

/* Between the heartbeat and the answers, if it is to. */
static void nap(void)
{
	const int64_t ms = sim->nap_ms;

	if (!ms || sim->naps_in_turn)
		return;
	sim->nap_ms = 0;
	world_nap(sim, ms);
}

/* What it says may fall, and goes beyond all bounds. */
static bool net_moved(
    void *pool, struct arena *a, void **tag, struct upstream_progress *progress)
{
	struct worker *w = pool;
	struct call *c = w->calls;

	if (!is_working(w))
		return false;
	while (c < w->calls + CALLS_MAX &&
	       (!c->running || !c->departed || c->say_boot > sim->boot))
		c++;
	if (c == w->calls + CALLS_MAX)
		return false;
	c->say_boot = draw_chance(&sim->draw, 50)
			  ? sim->boot + 1 + draw_below(&sim->draw, 3000)
			  : INT64_MAX;
	*tag = c->tag;
	*progress = (struct upstream_progress){
	    .percent = (int)draw_below(&sim->draw, 140) - 20,
	    .message =
		arena_printf(a, "part %d", (int)draw_below(&sim->draw, 9))};
	sim->moves++;
	sim_count(sim, TALLY_SAYINGS);
	return true;
}

static bool net_next(
    void *pool, struct arena *a, void **tag, struct upstream_answer *answer)
{
	struct worker *w = pool;
	struct call *c = w->calls;

	if (!is_working(w))
		return false;
	nap();
	depart(w);
	while (c < w->calls + CALLS_MAX &&
	       (!c->running ||
		   (c->ready_boot > sim->boot && c->until_boot > sim->boot)))
		c++;
	if (c == w->calls + CALLS_MAX)
		return false;
	if (!c->departed) {
		*answer =
		    (struct upstream_answer){.end = UPSTREAM_UNSENT, .why = ""};
		sim_count(sim, TALLY_UNSENT);
	} else if (c->ready_boot > sim->boot) {
		*answer = (struct upstream_answer){
		    .end = UPSTREAM_TIMEOUT, .why = ""};
	} else if (c->poll && c->reply != REPLY_NEEDS &&
		   c->reply != REPLY_CUT_AFTER) {
		*answer = polled(a, c);
	} else {
		*answer = answer_of(a, c);
		if (!c->poll) {
			sim->jobs[c->job].arrivals[c->arrival].told = true;
			oracle_told(sim, c);
		}
	}
	*tag = c->tag;
	c->running = false;
	sim->moves++;
	return true;
}

static enum err net_wait(
    void *pool, const int *fds, size_t n, bool *readable, int64_t timeout_ms)
{
	(void)pool, (void)fds, (void)n, (void)readable, (void)timeout_ms;
	return ERR_OK;
}

const struct upstream_ops sim_net = {
    .name = "net",
    .open = net_open,
    .close = net_close,
    .start = net_start,
    .unsent = net_unsent,
    .abort = net_abort,
    .stop = net_stop,
    .moved = net_moved,
    .next = net_next,
    .wait = net_wait,
};
