#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "tests/fault/sim/sim.h"

/*
 * sim [SEED [SEEDS [STEPS]]]: so many worlds, from that seed on, of so many
 * steps each. A world that goes wrong is told with what happened to the job
 * concerned, and the command that makes it again. TAP.
 */
enum { SETTLE_STEPS = 200000 };

/* splitmix64: any seed is a good one */
uint64_t draw_bits(struct draw *d)
{
	uint64_t x = d->state += 0x9e3779b97f4a7c15u;

	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
	x = (x ^ x >> 27) * 0x94d049bb133111ebu;
	return x ^ x >> 31;
}

int64_t draw_below(struct draw *d, int64_t below)
{
	return (int64_t)(draw_bits(d) % (uint64_t)below);
}

bool draw_chance(struct draw *d, int percent)
{
	return draw_below(d, 100) < percent;
}

void sim_note(struct sim *s, int job, const char *format, ...)
{
	struct change *c = &s->changes[s->n_changes++ % CHANGES_MAX];
	va_list args;

	*c = (struct change){.step = s->step, .boot = s->boot, .job = job};
	va_start(args, format);
	vsnprintf(c->text, sizeof(c->text), format, args);
	va_end(args);
}

void sim_fault(struct sim *s, int job, const char *fault)
{
	if (s->fault)
		return;
	s->fault = fault;
	s->fault_job = job;
	sim_note(s, job, "** %s", fault);
}

static void tell(const struct sim *s, const char *program, int64_t steps)
{
	const size_t n =
	    s->n_changes < CHANGES_MAX ? s->n_changes : CHANGES_MAX;

	printf("# seed %llu, step %llu, job %d: %s\n",
	    (unsigned long long)s->seed, (unsigned long long)s->step,
	    s->fault_job, s->fault);
	if (s->fault_job >= 0) {
		const struct api *api = &s->apis[s->jobs[s->fault_job].api];
		printf("# its API: on_lost %s%s, %lld attempts, %lld at once, "
		       "deadline %lld ms%s\n",
		    config_on_lost[api->on_lost],
		    api->idempotent ? ", idempotent" : "",
		    (long long)api->attempts, (long long)api->concurrency,
		    (long long)api->deadline_ms, api->exec.n ? ", exec" : "");
	}
	for (size_t i = s->n_changes - n; i < s->n_changes; i++) {
		const struct change *c = &s->changes[i % CHANGES_MAX];
		if (c->job == s->fault_job || c->job < 0)
			printf("#   step %llu, %lld ms, job %d: %s\n",
			    (unsigned long long)c->step, (long long)c->boot,
			    c->job, c->text);
	}
	printf("# again: %s %llu 1 %lld\n", program,
	    (unsigned long long)s->seed, (long long)steps);
}

/* Returns the steps it took. */
static uint64_t one_world(uint64_t seed, int64_t steps, int64_t *tallies,
    const char *program, bool *good)
{
	struct sim *s = calloc(1, sizeof(*s));

	if (!s)
		abort();
	s->seed = s->draw.state = seed;
	s->tallies = tallies;
	world_open(s);
	while ((int64_t)s->step < steps && !s->fault && !world_is_over(s))
		world_step(s);
	world_calm_down(s);
	if (!s->fault && !world_settle(s, SETTLE_STEPS))
		sim_fault(s, -1, "it does not come to an end");
	if (!s->fault)
		oracle_end(s);
	if (!s->fault)
		disk_adopt(s);
	if (s->fault)
		tell(s, program, steps);
	*good = !s->fault;
	const uint64_t took = s->step;
	world_close(s);
	free(s);
	return took;
}

static int64_t number(int argc, char *argv[], int i, int64_t otherwise)
{
	return argc > i ? strtoll(argv[i], NULL, 10) : otherwise;
}

int main(int argc, char *argv[])
{
	static const char *const texts[TALLY_COUNT] = {
#define X(name, text) text,
		TALLIES(X)
#undef X
	};
	const int64_t first = number(argc, argv, 1, 1);
	const int64_t seeds = number(argc, argv, 2, 40);
	const int64_t steps = number(argc, argv, 3, 5000);
	int64_t tallies[TALLY_COUNT] = {0}, bad = 0, missing = 0;
	const int64_t began = clock_monotonic_ms();
	uint64_t taken = 0;

	for (int64_t i = 0; i < seeds && bad < 5; i++) {
		bool good;
		taken += one_world(
		    (uint64_t)(first + i), steps, tallies, argv[0], &good);
		bad += !good;
	}
	printf("%s 1 - %lld worlds from seed %lld on keep the invariant\n",
	    bad ? "not ok" : "ok", (long long)seeds, (long long)first);
	for (int i = 0; i < TALLY_COUNT; i++) {
		printf("# %9lld %s\n", (long long)tallies[i], texts[i]);
		missing += !tallies[i];
	}
	printf("# %llu steps in %lld worlds, %lld ms\n",
	    (unsigned long long)taken, (long long)seeds,
	    (long long)(clock_monotonic_ms() - began));
	if (seeds > 1)
		printf("%s 2 - each of these happened\n",
		    missing ? "not ok" : "ok");
	printf("1..%d\n", seeds > 1 ? 2 : 1);
	return bad || (seeds > 1 && missing);
}
