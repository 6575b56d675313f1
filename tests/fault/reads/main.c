#include <stdio.h>
#include <stdlib.h>

#include "tests/fault/reads/sim.h"

/*
 * reads-sim [SEED [WORLDS [STEPS]]]: so many worlds, from that seed on. A world
 * that goes wrong is told with the command that makes it again. TAP.
 */

/* splitmix64: any seed is a good one */
uint64_t draw(struct sim *s)
{
	uint64_t n = s->random += UINT64_C(0x9e3779b97f4a7c15);

	n = (n ^ n >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	n = (n ^ n >> 27) * UINT64_C(0x94d049bb133111eb);
	return n ^ n >> 31;
}

size_t draw_below(struct sim *s, size_t below)
{
	return (size_t)(draw(s) % below);
}

bool draw_chance(struct sim *s, size_t percent)
{
	return draw_below(s, 100) < percent;
}

void sim_fault(struct sim *s, const char *fault)
{
	if (!s->fault)
		s->fault = fault;
}

static uint64_t engine_seed;

static void seed_engine(void *out, size_t n)
{
	memset(out, 0, n);
	memcpy(out, &engine_seed, n < 8 ? n : 8);
}

static void step(struct sim *s)
{
	if (s->plain)
		plain_before_step(s);
	engine_step(s->e, now_of(s), &s->due);
	if (s->plain)
		plain_after_step(s);
	people_ready(s);
	people_check(s);
	net_check(s);
	sites_free(s, false);
	if (s->due && s->due <= s->boot)
		sim_fault(s, "due in the past: it would spin");
	if (!s->due && engine_load(s->e).flights)
		sim_fault(s, "nothing is due, and calls are under way");
}

/* Mostly little; sometimes exactly to what is due, sometimes far beyond. */
static void pass(struct sim *s)
{
	const size_t kind = draw_below(s, 100);

	if (kind < 60)
		s->boot += (int64_t)draw_below(s, 30);
	else if (kind < 90)
		s->boot = s->due > s->boot ? s->due : s->boot + 1;
	else if (kind < 99)
		s->boot += (int64_t)draw_below(s, 2000);
	else
		s->boot += (int64_t)draw_below(s, 100000);
}

static void refit(struct sim *s)
{
	site_new(s);
	engine_refit(s->e, &s->sites->config, NULL);
	if (!engine_uses(s->e, &s->sites->config))
		sim_fault(s, "a configuration is not used");
}

static void event(struct sim *s)
{
	const size_t kind = draw_below(s, 1000);

	if (kind < 350)
		people_ask(s);
	else if (kind < 700)
		net_answer(s);
	else if (kind < 740)
		people_leave(s);
	else if (kind < 980)
		pass(s);
	else if (kind < 990 && !s->plain) /* it may be called twice then */
		net_purge(s);
	else if (kind >= 995)
		refit(s);
	if (draw_chance(s, 60))
		step(s);
	if (s->plain)
		plain_compare(s);
}

/* Everybody leaves, and nothing is left. */
static void empty(struct sim *s)
{
	for (size_t i = 0; i < ASKERS; i++)
		if (s->askers[i].lives) {
			s->askers[i].lives = false;
			plain_left(s, &s->askers[i]);
			engine_leave(s->e, s->askers[i].ticket);
		}
	for (int i = 0; i < 10000 && !s->fault; i++) {
		step(s);
		if (!s->due)
			break;
		s->boot = s->due;
	}
	const struct engine_load load = engine_load(s->e);
	if (s->due || s->n_running || load.reads || load.flights ||
	    load.waiting)
		sim_fault(s, "something is left");
	if (!s->sites || s->sites->next)
		sim_fault(s, "a configuration is left");
}

static void live(struct sim *s, size_t steps)
{
	s->random = engine_seed = s->seed;
	s->plain = s->seed % 4 == 0;
	s->boot = 1000000;
	world_draw(s);
	site_new(s);
	s->e = engine_new(&(struct engine_spec){.config = &s->sites->config,
	    .upstream = &upstream_sim,
	    .pool = s,
	    .calls_max = s->calls_max,
	    .random = seed_engine});
	for (s->step = 0; s->step < steps && !s->fault; s->step++)
		event(s);
	/* or freed with everything under way */
	if (!s->fault && draw_chance(s, 50))
		empty(s);
	engine_free(s->e);
	if (s->n_running)
		sim_fault(s, "calls are left when it is freed");
	sites_free(s, true);
	for (size_t i = 0; i < s->top; i++)
		arena_release(&s->calls[i].arena);
}

static size_t argument(char **argv, int argc, int n, size_t otherwise)
{
	return n < argc ? strtoull(argv[n], NULL, 10) : otherwise;
}

int main(int argc, char **argv)
{
	const size_t seed = argument(argv, argc, 1, 1);
	const size_t worlds = argument(argv, argc, 2, 100);
	const size_t steps = argument(argv, argc, 3, 2000);
	struct sim sum = {0};
	size_t faults = 0;

	for (size_t i = 0; i < worlds && faults < 5; i++) {
		struct sim *s = calloc(1, sizeof(*s));
		if (!s)
			abort();
		s->seed = seed + i;
		live(s, steps);
		if (s->fault) {
			printf("# seed %llu, step %zu: %s\n",
			    (unsigned long long)s->seed, s->step, s->fault);
			printf("# again: %s %llu 1 %zu\n", argv[0],
			    (unsigned long long)s->seed, steps);
			faults++;
		}
		sum.asked += s->asked;
		sum.complete += s->complete;
		sum.partial += s->partial;
		sum.stale += s->stale;
		sum.began += s->began;
		sum.aborted += s->aborted;
		sum.beside += s->beside;
		sum.shared += s->shared;
		free(s);
	}
	printf("# %zu asked; %zu complete, %zu partial, %zu stale; %zu calls, "
	       "%zu aborted, %zu beside another; %zu shared\n",
	    sum.asked, sum.complete, sum.partial, sum.stale, sum.began,
	    sum.aborted, sum.beside, sum.shared);
	printf("%sok 1 - %zu worlds of %zu steps\n", faults ? "not " : "",
	    worlds, steps);
	/* less than this is no test of anything */
	const bool busy =
	    steps < 1000 || worlds < 20 ||
	    (sum.complete && sum.partial && sum.stale && sum.aborted &&
		sum.beside && sum.shared && sum.began < sum.asked * 3);
	printf("%sok 2 - all of it happened\n1..2\n", busy ? "" : "not ");
	return faults || !busy;
}
