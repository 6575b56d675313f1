#include "cgi/read/engine-parts.h"

#include <stdlib.h>

/*
 * Configurations come and go while reads are under way. Each asker and each
 * flight goes by the one it began with; the lanes are the process's own, by the
 * name of the upstream, and outlive them: what is known of an upstream (its
 * breaker, its pause) is as true after a reload. A lane goes when no
 * configuration that is still used has its upstream.
 */
void epoch_use(struct epoch *epoch)
{
	epoch->uses++;
}

static struct queue *queue_new(struct engine *e, const struct upstream *u)
{
	struct queue *q = calloc(1, sizeof(*q));

	if (!q || !(q->name = malloc(u->name.n + 1)))
		abort();
	memcpy(q->name, u->name.p, u->name.n);
	q->name[u->name.n] = '\0';
	q->lane = lane_new(u);
	link_init(&q->waiting);
	link_init(&q->turn);
	q->again.kind = TIMER_QUEUE;
	q->next = e->queues;
	e->queues = q;
	return q;
}

static void queue_free(struct engine *e, struct queue *q)
{
	struct queue **at = &e->queues;

	while (*at != q)
		at = &(*at)->next;
	*at = q->next;
	link_out(&q->turn);
	times_drop(&e->times, &q->again);
	lane_free(q->lane);
	free(q->name);
	free(q);
}

static struct queue *queue_named(struct engine *e, const struct upstream *u)
{
	for (struct queue *q = e->queues; q; q = q->next)
		if (str_is(u->name, q->name)) {
			lane_refit(q->lane, u);
			return q;
		}
	return queue_new(e, u);
}

void epoch_leave(struct engine *e, struct epoch *epoch)
{
	struct epoch **at = &e->epochs;

	if (--epoch->uses)
		return;
	while (*at != epoch)
		at = &(*at)->next;
	*at = epoch->next;
	for (size_t i = 0; i < epoch->config->n_upstreams; i++)
		if (--epoch->queues[i]->epochs == 0)
			queue_free(e, epoch->queues[i]);
	free(epoch->queues);
	free(epoch);
}

void engine_fit(struct engine *e, const struct config *c, struct secrets *s)
{
	struct epoch *epoch = calloc(1, sizeof(*epoch)), *old = e->epochs;

	if (!epoch)
		abort();
	epoch->queues = calloc(c->n_upstreams + 1, sizeof(struct queue *));
	if (!epoch->queues)
		abort();
	epoch->config = c;
	epoch->secrets = s;
	epoch->uses = 1;
	for (struct queue *q = e->queues; q; q = q->next)
		q->index = SIZE_MAX;
	for (size_t i = 0; i < c->n_upstreams; i++) {
		const struct upstream *u = &c->upstreams[i];
		struct queue *q = queue_named(e, u);
		q->index = i;
		q->max = u->queue_max > 0 ? (size_t)u->queue_max : 0;
		q->epochs++;
		epoch->queues[i] = q;
		/* it may have more room than before */
		queue_look(e, q);
	}
	epoch->next = old;
	e->epochs = epoch;
	if (old)
		epoch_leave(e, old);
}

void engine_unfit(struct engine *e)
{
	if (e->epochs)
		epoch_leave(e, e->epochs);
}

bool engine_uses(const struct engine *e, const struct config *config)
{
	for (const struct epoch *epoch = e->epochs; epoch; epoch = epoch->next)
		if (epoch->config == config)
			return true;
	return false;
}
