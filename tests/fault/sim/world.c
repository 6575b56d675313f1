#include <stdlib.h>
#include <string.h>

#include "tests/fault/sim/sim.h"

/*
 * What happens next is drawn: time goes on to when somebody wanted to be
 * called, or by a little; a worker takes a step; people do something; or
 * something breaks. A worker that sleeps is not stepped, and its calls are cut
 * off from it, but time goes on for everybody else.
 */
enum { DISK_EVERY = 25, DECIDES_MS = 40000 };
enum { HOUR_MS = 3600000, SPINS_MAX = 8 };
static struct sim *sim;

static int64_t clock_boot(void)
{
	return sim->boot;
}

static void random_bytes(void *out, size_t n)
{
	for (size_t i = 0; i < n; i++)
		((uint8_t *)out)[i] = (uint8_t)draw_bits(&sim->draw);
}

/* ---- workers ---------------------------------------------------------------
 */

static void hire(struct sim *s, struct worker *w)
{
	struct store *store = s->on_disk ? disk_open(s) : s->store;
	const struct runner_spec spec = {.config = &s->config,
	    .keys = &s->keys,
	    .store = store,
	    .upstream = &sim_net,
	    .pool = w,
	    .handlers = "/handlers",
	    .lease_ms = LEASE_MS,
	    .heartbeat_ms = BEAT_MS,
	    .random = random_bytes,
	    .clock_boot = clock_boot};

	*w = (struct worker){
	    .due_boot = s->boot, .hand = ++s->hired, .ops_left = -1};
	w->store = store;
	w->runner = runner_new(&spec);
}

/* What it had sent stays sent; what it had not, never is. */
static void die(struct sim *s, struct worker *w)
{
	net_leave(s, w);
	runner_free(w->runner);
	w->runner = NULL;
	if (s->on_disk)
		store_close(w->store);
	s->is_dying = false;
	oracle_excuse(s, w->hand);
}

static void keep_house(struct sim *s)
{
	const struct store_now at = {.ms = sim_now(s).now_ms, .boot = s->boot};
	struct store_tended report;
	int64_t due;

	(void)!store_tend(s->store, at, &report, &due);
	oracle_look(s);
}

void world_open(struct sim *s)
{
	struct store_spec spec = {.config = &s->config};

	sim = s;
	s->boot = 1000;
	s->on_disk = s->seed % DISK_EVERY == 0;
	store_bind(s);
	net_bind(s);
	s->stepping = s->looking = -1;
	s->night_boot = s->wall_step_boot = -HOUR_MS;
	diag_init(&s->diag, &s->arena);
	site_draw(s);
	if (s->on_disk) {
		disk_make(s);
		s->store = disk_open(s);
	} else if (store_open(&sim_store, &spec, &s->diag, &s->store) !=
		   ERR_OK) {
		abort();
	}
	s->n_workers = 1 + (int)draw_below(&s->draw, WORKERS_MAX);
	for (int i = 0; i < s->n_workers; i++)
		hire(s, &s->workers[i]);
}

void world_close(struct sim *s)
{
	for (int i = 0; i < s->n_workers; i++)
		if (s->workers[i].runner)
			die(s, &s->workers[i]);
	store_close(s->store);
	disk_remove(s);
	arena_release(&s->arena);
}

static bool is_up(const struct sim *s, const struct worker *w)
{
	return w->runner && w->asleep_until <= s->boot;
}

/* In time, late, or so late that the look a second after it finds the row. */
void world_ring(struct sim *s)
{
	for (int i = 0; i < s->n_workers; i++) {
		struct worker *w = &s->workers[i];
		int64_t at = s->boot;

		if (!s->calm && draw_chance(&s->draw, 10)) {
			at += draw_below(&s->draw, RING_LATE_MS);
			sim_count(s, TALLY_RINGS_MISSED);
		}
		if (!w->ring_boot || at < w->ring_boot)
			w->ring_boot = at;
	}
}

static int64_t wants(const struct sim *s, const struct worker *w)
{
	int64_t due = net_due(s, w);

	if (w->ring_boot && w->ring_boot < due)
		due = w->ring_boot;
	if (w->due_boot < due)
		due = w->due_boot;
	return due < w->asleep_until ? w->asleep_until : due;
}

/* Whoever is due at once must have done something, or time stands still. */
static void check_spinning(struct sim *s, struct worker *w, uint64_t moves)
{
	if (wants(s, w) > s->boot || s->moves != moves)
		w->idle = 0;
	else if (++w->idle > SPINS_MAX)
		sim_fault(s, -1, "a worker spins");
}

static void step_worker(struct sim *s, struct worker *w)
{
	const uint64_t moves = s->moves;
	int64_t due;

	s->stepping = s->looking = (int)(w - s->workers);
	s->step_boot = w->stepped_boot = s->boot;
	if (w->ring_boot && w->ring_boot <= s->boot) {
		w->ring_boot = 0;
		runner_ring(w->runner, sim_now(s));
	}
	runner_step(w->runner, sim_now(s), &due);
	s->stepping = -1;
	if (!s->naps_in_turn) /* that comes with the next turn there is */
		s->nap_ms = 0;
	w->due_boot = due ? due : INT64_MAX;
	oracle_look(s);
	s->looking = -1;
	if (s->is_dying || (w->draining && !runner_is_busy(w->runner)))
		die(s, w);
	else
		check_spinning(s, w, moves);
}

/* Not in a transaction, so it is as if its process had been stopped. */
void world_nap(struct sim *s, int64_t ms)
{
	const int sleeper = s->stepping;
	const int64_t step_boot = s->step_boot;

	oracle_look(s);
	oracle_excuse(s, s->workers[sleeper].hand);
	sim_count(s, TALLY_NAPS_INSIDE);
	sim_note(s, -1, "worker %d sleeps inside its step for %lld ms", sleeper,
	    (long long)ms);
	for (int64_t end = s->boot + ms; s->boot < end;) {
		int64_t next = s->boot + LEASE_MS / 8;
		s->boot = next < end ? next : end;
		for (int i = 0; i < s->n_workers; i++)
			if (i != sleeper && is_up(s, &s->workers[i]))
				step_worker(s, &s->workers[i]);
	}
	s->stepping = s->looking = sleeper;
	s->step_boot = step_boot;
}

/* To when the next one wants to be called, an hour at most. */
static void pass_time(struct sim *s)
{
	int64_t next = s->boot + HOUR_MS;

	for (int i = 0; i < s->n_workers; i++)
		if (s->workers[i].runner && wants(s, &s->workers[i]) < next)
			next = wants(s, &s->workers[i]);
	if (next > s->boot)
		s->boot = next;
}

static void work(struct sim *s)
{
	struct worker *w = &s->workers[draw_below(&s->draw, s->n_workers)];

	if (!w->runner && draw_chance(&s->draw, 20))
		hire(s, w);
	else if (is_up(s, w))
		step_worker(s, w);
}

/* ---- what breaks -----------------------------------------------------------
 */

static void break_worker(struct sim *s, struct worker *w)
{
	struct draw *d = &s->draw;

	if (!w->runner)
		return;
	switch (draw_below(d, 6)) {
	case 0:
		sim_count(s, TALLY_CRASHES);
		sim_note(s, -1, "worker %d dies", (int)(w - s->workers));
		die(s, w);
		break;
	case 1:
		w->ops_left = (int)draw_below(d, 20);
		break;
	case 2:
		w->commit_dies = true;
		break;
	case 3:
		if (!is_up(s, w))
			break;
		s->nap_ms = 1 + draw_below(d, 2 * LEASE_MS);
		s->naps_in_turn = s->on_disk && draw_chance(d, 50);
		step_worker(s, w);
		break;
	case 4:
		sim_count(s, TALLY_NAPS);
		w->asleep_until = s->boot + draw_below(d, 3 * LEASE_MS);
		if (draw_chance(d, 40))
			w->turns_to_miss = 1 + (int)draw_below(d, 3);
		oracle_excuse(s, w->hand);
		sim_note(s, -1, "worker %d sleeps for %lld ms",
		    (int)(w - s->workers),
		    (long long)(w->asleep_until - s->boot));
		break;
	default:
		if (w->draining)
			break;
		sim_count(s, TALLY_DRAINS);
		w->draining = true;
		runner_drain(w->runner, sim_now(s));
		w->due_boot = s->boot;
	}
}

static void all_sleep(struct sim *s, int64_t ms)
{
	s->boot += ms;
	oracle_excuse(s, -1);
	if (ms > 2 * LEASE_MS) {
		s->night_boot = s->boot;
		for (int i = 0; i < s->n_workers; i++)
			s->workers[i].evening_boot = s->workers[i].stepped_boot;
	}
	sim_count(s, TALLY_NIGHTS);
	sim_note(s, -1, "all sleep for %lld ms", (long long)ms);
}

static void reboot(struct sim *s)
{
	for (int i = 0; i < s->n_workers; i++)
		if (s->workers[i].runner)
			die(s, &s->workers[i]);
	if (draw_chance(&s->draw, 50))
		disk_copy(s);
	disk_reboot(s);
}

static void break_something(struct sim *s)
{
	struct draw *d = &s->draw;

	if (s->on_disk && draw_chance(d, 10)) {
		reboot(s);
		return;
	}
	switch (draw_below(d, 8)) {
	case 0:
		s->wall_step += draw_below(d, 2 * HOUR_MS) - HOUR_MS;
		s->wall_steps++;
		s->wall_step_boot = s->boot;
		sim_count(s, TALLY_WALL_STEPS);
		break;
	case 1:
		all_sleep(s, draw_below(d, 3 * LEASE_MS));
		break;
	case 2:
		s->begins_to_miss = 1 + (int)draw_below(d, 4);
		s->slow_ms = draw_below(d, 2000);
		break;
	case 3:
		s->writes_to_pass = (int)draw_below(d, 6);
		s->writes_to_fail = 1 + (int)draw_below(d, 3);
		break;
	case 4:
		s->slow_ms = draw_below(d, 2 * LEASE_MS);
		break;
	default:
		break_worker(s, &s->workers[draw_below(d, s->n_workers)]);
	}
}

void world_step(struct sim *s)
{
	const int64_t what = draw_below(&s->draw, 100);

	s->step++;
	if (what < 60)
		work(s);
	else if (what < 82)
		pass_time(s);
	else if (what < 94)
		people_act(s);
	else if (what < 95)
		keep_house(s);
	else if (draw_chance(&s->draw, 40))
		break_something(s);
}

static bool all_over(const struct sim *s)
{
	for (int i = 0; i < s->n_jobs; i++)
		if (!job_is_terminal(s->jobs[i].seen.state))
			return false;
	return true;
}

bool world_is_over(const struct sim *s)
{
	return s->n_jobs == JOBS_MAX && all_over(s);
}

void world_calm_down(struct sim *s)
{
	s->calm = true;
	s->calm_boot = s->boot;
	s->begins_to_miss = s->writes_to_fail = 0;
	s->slow_ms = s->nap_ms = 0;
	for (int i = 0; i < s->n_workers; i++) {
		struct worker *w = &s->workers[i];

		w->asleep_until = 0;
		w->ops_left = -1;
		w->turns_to_miss = 0;
		w->commit_dies = false;
		if (w->runner && w->draining)
			die(s, w);
		if (!w->runner)
			hire(s, w);
	}
}

/* The operator comes now and then: what is held keeps nobody from anything. */
bool world_settle(struct sim *s, int steps)
{
	int64_t decides_boot = s->boot + DECIDES_MS;

	for (; steps > 0 && !all_over(s) && !s->fault; steps--) {
		s->step++;
		if (s->boot >= decides_boot) {
			people_decide(s);
			decides_boot = s->boot + DECIDES_MS;
		}
		oracle_wait(s);
		pass_time(s);
		for (int i = 0; i < s->n_workers; i++)
			if (wants(s, &s->workers[i]) <= s->boot)
				step_worker(s, &s->workers[i]);
	}
	return all_over(s);
}
