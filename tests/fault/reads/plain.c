#include "tests/fault/reads/sim.h"

/*
 * The plain model of coalescing: an item is called while somebody waits for it,
 * once, and whoever waits is told when it ends, whoever began it. Exact where
 * nothing else has a say: after everything that happens, what is out and what
 * is wanted are the same.
 */
static void over(struct sim *s, struct asker *a)
{
	a->over = true;
	a->over_boot = s->boot;
	plain_left(s, a);
}

void plain_left(struct sim *s, struct asker *a)
{
	for (size_t i = 0; i < ITEMS; i++) {
		s->items[i].wanted -= a->out[i];
		a->out[i] = false;
	}
}

void plain_begin(struct sim *s, struct asker *a)
{
	for (size_t i = 0; i < ITEMS; i++) {
		if (!a->out[i])
			continue;
		s->shared += s->items[i].wanted != 0;
		s->items[i].wanted++;
	}
}

void plain_told(struct sim *s, size_t item, bool good)
{
	for (size_t i = 0; i < ASKERS; i++) {
		struct asker *a = &s->askers[i];
		bool waits = false;

		if (!a->lives || !a->out[item])
			continue;
		a->out[item] = false;
		s->items[item].wanted--;
		for (size_t j = 0; j < ITEMS; j++)
			waits |= a->out[j];
		if (!waits ||
		    (!good && a->site->required[a->read][endpoint_of(item)]))
			over(s, a);
	}
}

/* Those whose time is over come after the answers of this step. */
static size_t late[ITEMS], n_late;

void plain_before_step(struct sim *s)
{
	n_late = 0;
	for (size_t i = 0; i < s->top; i++) {
		const struct call *call = &s->calls[i];
		if (call->running && !call->ended &&
		    s->boot >= call->began + call->timeout)
			late[n_late++] = call->item;
	}
}

void plain_after_step(struct sim *s)
{
	for (size_t i = 0; i < n_late; i++)
		plain_told(s, late[i], false);
	for (size_t i = 0; i < ASKERS; i++) {
		struct asker *a = &s->askers[i];
		if (a->lives && !a->over && a->deadline <= s->boot)
			over(s, a);
	}
}

void plain_compare(struct sim *s)
{
	for (size_t i = 0; i < ITEMS; i++) {
		const struct item *item = &s->items[i];
		if (item->running > 1)
			sim_fault(s, "two calls for the same");
		if (item->running && !item->wanted)
			sim_fault(s, "a call for what nobody wants");
		if (!item->running && item->wanted)
			sim_fault(s, "no call for what somebody wants");
	}
}
