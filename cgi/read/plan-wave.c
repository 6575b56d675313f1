#include "cgi/read/plan-parts.h"

/*
 * Parts go through two queues. In `ready` are those that can be given out; in
 * `done` those that came to an end while their users do not know it yet. These
 * are told one by one; whoever then waits for nobody more gets ready, or is
 * done as well if it needs what failed. So nothing here is deep.
 *
 * A call is whole when its last part was told. Then those are told who wait
 * for all of it, and identifiers that its results have become known, and with
 * them the parts of other calls.
 */
static void push(struct plan_queue *q, struct plan_part *part)
{
	part->next = NULL;
	if (q->first)
		q->last->next = part;
	else
		q->first = part;
	q->last = part;
}

static struct plan_part *pop(struct plan_queue *q)
{
	struct plan_part *part = q->first;

	if (part)
		q->first = part->next;
	return part;
}

void plan_end_part(struct plan *plan, struct plan_part *part)
{
	part->state = PART_DONE;
	plan->lost |= part->failure && part->of->is->required;
	push(&plan->done, part);
}

/* ---- needs --------------------------------------------------------------- */

void plan_fail_as(
    struct plan *plan, struct plan_part *part, const struct plan_part *other)
{
	part->failure = other->failure;
	part->status = other->status;
	part->shed = other->shed;
	part->retry_ms = other->retry_ms;
	part->message = arena_printf(
	    plan->arena, "it waited for %.*s", STR_ARG(other->of->is->name))
			    .p;
}

/* Of a call that is whole: one part that came is enough. */
static const struct plan_part *find_failed_call(const struct plan_calling *call)
{
	if (call->fate.failure)
		return &call->fate;
	for (size_t i = 0; i < call->n; i++)
		if (!call->parts[i].failure)
			return NULL;
	return call->n ? call->parts : NULL;
}

const struct plan_part *plan_failed_need(
    const struct plan_part *part, const struct plan_calling *need)
{
	if (need->fate.failure)
		return &need->fate;
	if (plan_same_ids(part->of, need)) {
		part = &need->parts[part - part->of->parts];
		return part->failure ? part : NULL;
	}
	return find_failed_call(need);
}

/* What it cannot do without. */
static const struct plan_part *find_failed(
    const struct plan *plan, const struct plan_part *part)
{
	const struct plan_part *failed = NULL;

	for (size_t i = 0; i < plan->n_calls && !failed; i++)
		if (part->of->hard >> i & 1)
			failed = plan_failed_need(part, &plan->calls[i]);
	for (size_t i = 0; i < plan->n_ids && !failed; i++)
		if (part->of->hard_joins >> i & 1)
			failed = plan->ids[i].failed;
	return failed;
}

/* Nothing holds it up any more. */
static void release(struct plan *plan, struct plan_part *part)
{
	const struct plan_part *failed = find_failed(plan, part);

	if (failed) {
		plan_fail_as(plan, part, failed);
		plan_end_part(plan, part);
	} else {
		part->state = PART_READY;
		push(&plan->ready, part);
	}
}

static void wake(struct plan *plan, struct plan_part *part)
{
	if (--part->waits == 0)
		release(plan, part);
}

/* ---- parts --------------------------------------------------------------- */

static void make_parts(struct plan *plan, struct plan_calling *call)
{
	call->made = true;
	call->n = call->left = call->ids ? call->ids->list.n : 1;
	call->first = plan->n_parts;
	plan->n_parts += call->n;
	call->parts = arena_array(plan->arena, call->n, sizeof(*call->parts));
	for (size_t i = 0; i < call->n; i++)
		call->parts[i].of = call;
}

/* How many things a part waits for. */
static uint32_t count_waits(
    const struct plan *plan, const struct plan_part *part)
{
	const struct plan_calling *call = part->of;
	uint32_t waits = 0;

	for (size_t i = 0; i < plan->n_calls; i++) {
		const struct plan_calling *need = &plan->calls[i];
		if (call->needs >> i & 1)
			waits += plan_same_ids(call, need)
				     ? !need->parts[part - call->parts].told
				     : !need->whole;
	}
	for (size_t i = 0; i < plan->n_ids; i++)
		if (call->joins >> i & 1 && plan->ids[i].from != PLAN_NONE)
			waits += !plan->calls[plan->ids[i].from].whole;
	return waits;
}

static void begin_parts(struct plan *plan, struct plan_calling *call)
{
	for (size_t i = 0; i < call->n; i++) {
		struct plan_part *part = &call->parts[i];

		part->waits = count_waits(plan, part);
		if (!part->waits)
			release(plan, part);
	}
}

static void end_call(struct plan *plan, struct plan_calling *call);

/* Those for `ids`, which became known, or never will; NULL = made once. */
static void make_calls(struct plan *plan, const struct plan_ids *ids)
{
	for (size_t i = 0; i < plan->n_calls; i++) {
		struct plan_calling *call = &plan->calls[i];

		if (call->ids != ids)
			continue;
		if (!ids || !ids->failed) {
			make_parts(plan, call);
			continue;
		}
		call->made = true;
		plan_fail_as(plan, &call->fate, ids->failed);
		plan->lost |= call->is->required;
	}
	for (size_t i = 0; i < plan->n_calls; i++)
		if (plan->calls[i].ids == ids)
			begin_parts(plan, &plan->calls[i]);
	for (size_t i = 0; i < plan->n_calls; i++)
		if (plan->calls[i].ids == ids && !plan->calls[i].n)
			end_call(plan, &plan->calls[i]);
}

/* *room: for so many parts more; what they will have is taken from it. */
static void learn_ids(struct plan *plan, struct plan_ids *ids, size_t *room)
{
	size_t users = 0;

	for (size_t i = 0; i < plan->n_calls; i++)
		users += plan->calls[i].ids == ids;
	ids->failed = find_failed_call(&plan->calls[ids->from]);
	if (ids->failed)
		return;
	plan_learn_ids(plan, ids, users ? *room / users : PLAN_IDS_MAX);
	*room -= users * ids->list.n;
}

static void wake_all(struct plan *plan, struct plan_calling *call)
{
	for (size_t i = 0; i < call->n; i++)
		wake(plan, &call->parts[i]);
}

/*
 * Deep only as calls depend on each other. Whoever has parts by now counts on
 * being told; whoever gets some from here on sees that this one is whole. So
 * all are told before any are made.
 */
static void end_call(struct plan *plan, struct plan_calling *call)
{
	size_t room = PLAN_CALLS_MAX - plan->n_parts;

	call->whole = true;
	for (size_t i = 0; i < plan->n_calls; i++)
		if (call->users >> i & 1 &&
		    !plan_same_ids(&plan->calls[i], call))
			wake_all(plan, &plan->calls[i]);
	for (size_t i = 0; i < plan->n_ids; i++) {
		if (plan->ids[i].from != call->number)
			continue;
		learn_ids(plan, &plan->ids[i], &room);
		for (size_t j = 0; j < plan->n_calls; j++)
			if (plan->calls[j].joins >> i & 1)
				wake_all(plan, &plan->calls[j]);
	}
	for (size_t i = 0; i < plan->n_ids; i++)
		if (plan->ids[i].from == call->number)
			make_calls(plan, &plan->ids[i]);
}

static void tell(struct plan *plan, struct plan_part *part)
{
	struct plan_calling *call = part->of;

	part->told = true;
	for (size_t i = 0; i < plan->n_calls; i++) {
		struct plan_calling *user = &plan->calls[i];
		if (call->users >> i & 1 && plan_same_ids(user, call))
			wake(plan, &user->parts[part - call->parts]);
	}
	if (--call->left == 0)
		end_call(plan, call);
}

void plan_tell_all(struct plan *plan)
{
	for (struct plan_part *part; (part = pop(&plan->done));)
		tell(plan, part);
}

struct plan_part *plan_pop_ready(struct plan *plan)
{
	return pop(&plan->ready);
}

void plan_begin(struct plan *plan)
{
	make_calls(plan, NULL);
	for (size_t i = 0; i < plan->n_ids; i++)
		if (plan->ids[i].from == PLAN_NONE)
			make_calls(plan, &plan->ids[i]);
	plan_tell_all(plan);
}
