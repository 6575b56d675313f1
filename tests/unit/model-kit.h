#ifndef LOWTIDE_TESTS_MODEL_KIT_H
#define LOWTIDE_TESTS_MODEL_KIT_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/*
 * Random steps against a plain model: MODEL_STEPS of them (make soak: more),
 * drawn from SEED, which is told so that a failure can be had again. 0 steps:
 * they have no say.
 */
struct draw {
	uint64_t state;
	uint64_t seed, steps;
};

static inline uint64_t model_env(const char *name, uint64_t otherwise)
{
	const char *said = getenv(name);

	return said && *said ? strtoull(said, NULL, 10) : otherwise;
}

static inline struct draw draw_begin(uint64_t steps)
{
	struct draw d = {.seed = model_env("SEED", 20261121),
	    .steps = model_env("MODEL_STEPS", steps)};

	d.state = d.seed * 0x9e3779b97f4a7c15u + 1;
	printf("# SEED=%llu", (unsigned long long)d.seed);
	if (steps)
		printf(" MODEL_STEPS=%llu", (unsigned long long)d.steps);
	putchar('\n');
	return d;
}

/* xorshift64*, the upper half of it. */
static inline uint32_t draw(struct draw *d)
{
	d->state ^= d->state >> 12;
	d->state ^= d->state << 25;
	d->state ^= d->state >> 27;
	return (uint32_t)((d->state * 0x2545f4914f6cdd1du) >> 32);
}

static inline int64_t draw_to(struct draw *d, int64_t below)
{
	return (int64_t)(draw(d) % (uint64_t)below);
}

static inline int draw_percent(struct draw *d, int percent)
{
	return draw_to(d, 100) < percent;
}

#endif
