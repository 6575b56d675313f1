#include "cgi/read/cache-parts.h"

/*
 * A wheel in a wheel, as of a clock: a slot of the first level is a tick, of
 * the next a whole turn of the one before it. An entry is put into the lowest
 * level that its time is within one turn of:
 *
 *	level 0: 64 × 1 s    1: 64 × 66 s    2: 64 × 70 min    3: 64 × 75 h
 *
 * A slot of level 0 is due when its tick is over, so all of it is; one of the
 * others when its first tick begins, and then its entries go to lower levels.
 * What is further away than all of it waits in the last slot and goes round
 * once more.
 */
#define SLOT_BITS 6

static int64_t tick_of(int64_t boot)
{
	return boot / WHEEL_TICK_MS;
}

static int64_t turns_of(int64_t tick, unsigned level)
{
	return tick >> (SLOT_BITS * level);
}

static struct link *slot_of(struct wheel *w, unsigned level, int64_t turns)
{
	return &w->slots[level][(uint64_t)turns % WHEEL_SLOTS];
}

void wheel_init(struct wheel *w)
{
	w->tick = 0;
	link_init(&w->due);
	for (unsigned level = 0; level < WHEEL_LEVELS; level++)
		for (int i = 0; i < WHEEL_SLOTS; i++)
			link_init(&w->slots[level][i]);
}

void wheel_add(struct wheel *w, struct entry *e)
{
	const int64_t most = (INT64_C(1) << (SLOT_BITS * WHEEL_LEVELS)) - 1;
	int64_t ahead = tick_of(e->cached.spare_boot) - w->tick;
	unsigned level = 0;

	if (ahead < 0)
		ahead = 0;
	if (ahead > most)
		ahead = most;
	while (turns_of(ahead, level + 1) > 0)
		level++;
	link_push(
	    slot_of(w, level, turns_of(w->tick + ahead, level)), &e->slot);
}

/* All of `from` behind what is due already; `from` is empty then. */
static void splice(struct link *due, struct link *from)
{
	if (link_is_empty(from))
		return;
	from->next->prev = due->prev;
	due->prev->next = from->next;
	from->prev->next = due;
	due->prev = from->prev;
	link_init(from);
}

/* Slots, not ticks, are walked: a clock that jumps costs no more than that. */
void wheel_turn(struct wheel *w, int64_t now_boot)
{
	const int64_t now = tick_of(now_boot);

	if (now <= w->tick)
		return;
	for (unsigned level = 0; level < WHEEL_LEVELS; level++) {
		/* level 0: those that are over; else those that have begun */
		int64_t from = turns_of(w->tick, level) + (level > 0);
		const int64_t to = turns_of(now, level) + (level > 0);
		if (to - from > WHEEL_SLOTS)
			from = to - WHEEL_SLOTS;
		for (; from < to; from++)
			splice(&w->due, slot_of(w, level, from));
	}
	w->tick = now;
}

int64_t wheel_next(const struct wheel *w, int64_t now_boot)
{
	int64_t next = 0;

	if (!link_is_empty(&w->due))
		return now_boot > 0 ? now_boot : 1;
	for (unsigned level = 0; level < WHEEL_LEVELS; level++) {
		const int64_t turns = turns_of(w->tick, level) + (level > 0);
		for (int i = 0; i < WHEEL_SLOTS; i++) {
			const uint64_t slot = (uint64_t)(turns + i);
			if (link_is_empty(&w->slots[level][slot % WHEEL_SLOTS]))
				continue;
			const int64_t at = ((turns + i + (level == 0))
					       << (SLOT_BITS * level)) *
					   WHEEL_TICK_MS;
			if (!next || at < next)
				next = at;
			break;
		}
	}
	return next;
}
