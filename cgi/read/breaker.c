#include "cgi/read/breaker.h"

#include <string.h>

static int64_t at_least(int64_t least, int64_t n)
{
	return n > least ? n : least;
}

static int64_t slice_of(const struct breaker_rules *rules, int64_t now_ms)
{
	return now_ms / at_least(1, rules->window_ms / BREAKER_SLICES);
}

/*
 * Each change of state begins an era: what was let through before it and ends
 * after it says nothing of the state that there is now.
 */
static void become(struct breaker *b, enum breaker_state state)
{
	const uint32_t era = b->era + 1;

	*b = (struct breaker){.state = state, .era = era};
}

static bool open_up(
    struct breaker *b, const struct breaker_rules *rules, int64_t now_ms)
{
	become(b, BREAKER_OPEN);
	b->until_ms = now_ms + at_least(1, rules->open_ms);
	return true;
}

static void count(struct breaker *b, const struct breaker_rules *rules,
    int64_t now_ms, bool good, bool slow)
{
	const int64_t number = slice_of(rules, now_ms);
	struct breaker_slice *s = &b->slices[(uint64_t)number % BREAKER_SLICES];

	if (s->number != number)
		*s = (struct breaker_slice){.number = number};
	s->calls++;
	s->failed += !good;
	s->slow += slow;
}

/* A slice of another time has a place in the ring until it is used again. */
static bool is_too_bad(
    const struct breaker *b, const struct breaker_rules *rules, int64_t now_ms)
{
	const int64_t number = slice_of(rules, now_ms);
	int64_t calls = 0, failed = 0, slow = 0;

	for (size_t i = 0; i < BREAKER_SLICES; i++) {
		const struct breaker_slice *s = &b->slices[i];
		if (s->number > number || s->number <= number - BREAKER_SLICES)
			continue;
		calls += s->calls;
		failed += s->failed;
		slow += s->slow;
	}
	if (calls < at_least(1, rules->calls))
		return false;
	return failed * 100 >= calls * at_least(1, rules->failures) ||
	       (rules->slow_ms > 0 &&
		   slow * 100 >= calls * at_least(1, rules->slow));
}

struct breaker_pass breaker_ask(
    struct breaker *b, const struct breaker_rules *rules, int64_t now_ms)
{
	const int64_t probes = at_least(1, rules->probes);

	if (rules->window_ms <= 0)
		return (struct breaker_pass){.allowed = true, .era = b->era};
	if (b->state == BREAKER_OPEN && now_ms >= b->until_ms)
		become(b, BREAKER_HALF);
	/* fewer probes are asked for than when they were made */
	if (b->state == BREAKER_HALF && b->good >= probes)
		become(b, BREAKER_CLOSED);
	switch (b->state) {
	case BREAKER_CLOSED:
		break;
	case BREAKER_OPEN:
		return (struct breaker_pass){
		    .era = b->era, .retry_ms = b->until_ms - now_ms};
	case BREAKER_HALF:
		if (b->out + b->good >= probes)
			return (struct breaker_pass){
			    .era = b->era, .retry_ms = BREAKER_PROBE_MS};
		b->out++;
		return (struct breaker_pass){
		    .allowed = true, .probe = true, .era = b->era};
	}
	return (struct breaker_pass){.allowed = true, .era = b->era};
}

static bool is_of_now(const struct breaker *b, struct breaker_pass pass)
{
	return pass.allowed && pass.era == b->era;
}

bool breaker_tell(struct breaker *b, const struct breaker_rules *rules,
    int64_t now_ms, struct breaker_pass pass, bool good, int64_t took_ms)
{
	const bool slow = rules->slow_ms > 0 && took_ms >= rules->slow_ms;

	if (!is_of_now(b, pass))
		return false;
	if (rules->window_ms <= 0) {
		breaker_drop(b, pass);
		return false;
	}
	switch (b->state) {
	case BREAKER_CLOSED:
		count(b, rules, now_ms, good, slow);
		return is_too_bad(b, rules, now_ms) &&
		       open_up(b, rules, now_ms);
	case BREAKER_OPEN:
		break;
	case BREAKER_HALF:
		if (!good || slow)
			return open_up(b, rules, now_ms);
		b->out--;
		if (++b->good >= at_least(1, rules->probes))
			become(b, BREAKER_CLOSED);
		break;
	}
	return false;
}

void breaker_drop(struct breaker *b, struct breaker_pass pass)
{
	if (is_of_now(b, pass) && pass.probe)
		b->out--;
}

void breaker_forget(struct breaker *b)
{
	memset(b->slices, 0, sizeof(b->slices));
}

enum breaker_state breaker_state(
    const struct breaker *b, const struct breaker_rules *rules, int64_t now_ms)
{
	if (rules->window_ms <= 0)
		return BREAKER_CLOSED;
	if (b->state == BREAKER_OPEN && now_ms >= b->until_ms)
		return BREAKER_HALF;
	return b->state;
}
