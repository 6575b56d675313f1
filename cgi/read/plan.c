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

static void end_part(struct plan *plan, struct plan_part *part)
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

const struct plan_part *plan_failed_need(
    const struct plan_part *part, const struct plan_calling *need)
{
	if (need->fate.failure)
		return &need->fate;
	if (plan_same_ids(part->of, need)) {
		part = &need->parts[part - part->of->parts];
		return part->failure ? part : NULL;
	}
	/* of other identifiers, one that is known is enough */
	for (size_t i = 0; i < need->n; i++)
		if (!need->parts[i].failure)
			return NULL;
	return need->n ? need->parts : NULL;
}

/* Nothing holds it up any more. */
static void release(struct plan *plan, struct plan_part *part)
{
	const struct plan_part *failed = NULL;

	for (size_t i = 0; i < plan->n_calls && !failed; i++)
		if (part->of->hard >> i & 1)
			failed = plan_failed_need(part, &plan->calls[i]);
	if (failed) {
		plan_fail_as(plan, part, failed);
		end_part(plan, part);
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

static void begin_parts(struct plan *plan, struct plan_calling *call)
{
	for (size_t i = 0; i < call->n; i++) {
		struct plan_part *part = &call->parts[i];

		for (size_t j = 0; j < plan->n_calls; j++) {
			const struct plan_calling *need = &plan->calls[j];
			if (call->needs >> j & 1)
				part->waits += plan_same_ids(call, need)
						   ? !need->parts[i].told
						   : !need->whole;
		}
		if (!part->waits)
			release(plan, part);
	}
}

static void end_call(struct plan *plan, struct plan_calling *call);

/* Those of `ids`, which became known, or never will. */
static void make_calls(
    struct plan *plan, const struct plan_ids *ids, const struct plan_part *why)
{
	for (size_t i = 0; i < plan->n_calls; i++) {
		struct plan_calling *call = &plan->calls[i];

		if (call->ids != ids || call->made)
			continue;
		if (!why) {
			make_parts(plan, call);
			continue;
		}
		call->made = true;
		plan_fail_as(plan, &call->fate, why);
		plan->lost |= call->is->required;
	}
	for (size_t i = 0; i < plan->n_calls; i++)
		if (plan->calls[i].ids == ids)
			begin_parts(plan, &plan->calls[i]);
	for (size_t i = 0; i < plan->n_calls; i++)
		if (plan->calls[i].ids == ids && !plan->calls[i].n &&
		    !plan->calls[i].whole)
			end_call(plan, &plan->calls[i]);
}

static void learn_ids(struct plan *plan, struct plan_ids *ids)
{
	const struct plan_calling *from = &plan->calls[ids->from];
	const struct plan_part *failed = &from->fate;
	size_t users = 0;

	for (size_t i = 0; i < plan->n_calls; i++)
		users += plan->calls[i].ids == ids;
	if (!from->fate.failure) {
		failed = from->n ? from->parts : NULL;
		for (size_t i = 0; i < from->n && failed; i++)
			if (!from->parts[i].failure)
				failed = NULL;
	}
	if (!failed)
		plan_learn_ids(plan, ids,
		    users ? (PLAN_CALLS_MAX - plan->n_parts) / users
			  : PLAN_IDS_MAX);
	make_calls(plan, ids, failed);
}

/* Deep only as calls depend on each other. */
static void end_call(struct plan *plan, struct plan_calling *call)
{
	call->whole = true;
	for (size_t i = 0; i < plan->n_calls; i++) {
		struct plan_calling *user = &plan->calls[i];

		if (call->users >> i & 1 && !plan_same_ids(user, call))
			for (size_t j = 0; j < user->n; j++)
				wake(plan, &user->parts[j]);
	}
	for (size_t i = 0; i < plan->n_ids; i++)
		if (plan->ids[i].from == call->number)
			learn_ids(plan, &plan->ids[i]);
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

static void tell_all(struct plan *plan)
{
	for (struct plan_part *part; (part = pop(&plan->done));)
		tell(plan, part);
}

/* ---- from outside -------------------------------------------------------- */

/* What lets in here is nobody else's to see. */
static void take_request(struct plan *plan)
{
	const struct plan_spec *spec = &plan->spec;
	struct pairs *headers = &plan->request.headers;
	const struct pairs *sent = &spec->request->headers;

	plan->request = *spec->request;
	if (!spec->read->auth.n ||
	    !config_provider(spec->config, spec->read->auth))
		return;
	headers->items =
	    arena_array(plan->arena, sent->n, sizeof(*headers->items));
	headers->n = 0;
	for (size_t i = 0; i < sent->n; i++)
		if (!str_ieq(sent->items[i].name, STR("authorization")))
			headers->items[headers->n++] = sent->items[i];
}

/* How many there are for sure. */
static enum err count_calls(const struct plan *plan, struct str *why)
{
	size_t n = 0;

	for (size_t i = 0; i < plan->n_calls; i++) {
		const struct plan_ids *ids = plan->calls[i].ids;
		if (!ids)
			n++;
		else if (ids->from == PLAN_NONE)
			n += ids->list.n;
	}
	if (n <= PLAN_CALLS_MAX)
		return ERR_OK;
	*why = arena_printf(plan->arena,
	    "so many identifiers need %zu calls, and at most %d are made for "
	    "one request",
	    n, PLAN_CALLS_MAX);
	return ERR_INPUT;
}

static void begin(struct plan *plan)
{
	make_calls(plan, NULL, NULL);
	for (size_t i = 0; i < plan->n_ids; i++)
		if (plan->ids[i].from == PLAN_NONE)
			make_calls(plan, &plan->ids[i], NULL);
	tell_all(plan);
}

enum err plan_new(struct arena *a, const struct plan_spec *spec,
    struct plan **out, struct str *why)
{
	struct plan *plan = arena_alloc(a, sizeof(*plan));
	enum err err;

	*why = (struct str){0};
	*plan = (struct plan){.arena = a, .spec = *spec};
	take_request(plan);
	if (!plan_find_needs(plan, why))
		return ERR_MISSING;
	err = plan_read_ids(plan, why);
	if (err == ERR_OK)
		err = count_calls(plan, why);
	if (err == ERR_OK)
		err = plan_try_calls(plan, why);
	if (err != ERR_OK)
		return err;
	begin(plan);
	*out = plan;
	return ERR_OK;
}

bool plan_check(struct arena *a, const struct config *config,
    const struct read *read, struct str *why)
{
	struct plan plan = {
	    .arena = a, .spec = {.config = config, .read = read}};

	*why = (struct str){0};
	return plan_find_needs(&plan, why) && plan_check_shape(&plan, why);
}

void plan_release(struct plan *plan)
{
	if (!plan)
		return;
	for (size_t i = 0; i < plan->n_calls; i++) {
		for (size_t j = 0; j < plan->calls[i].n; j++) {
			blob_unref(plan->calls[i].parts[j].blob);
			plan->calls[i].parts[j].blob = NULL;
		}
	}
}

bool plan_next(struct plan *plan, struct plan_call *out)
{
	struct plan_part *part;

	while (!plan->lost && (part = pop(&plan->ready))) {
		if (plan_make_call(plan, part, out)) {
			part->state = PART_OUT;
			plan->n_out++;
			plan->n_given++;
			return true;
		}
		end_part(plan, part);
		tell_all(plan);
	}
	return false;
}

static struct plan_part *part_of(struct plan *plan, size_t index)
{
	for (size_t i = 0; i < plan->n_calls; i++) {
		const struct plan_calling *call = &plan->calls[i];
		if (index >= call->first && index - call->first < call->n)
			return &call->parts[index - call->first];
	}
	return NULL;
}

/*
 * What others look into has to be readable; what is passed on as it came was
 * read by whoever took it.
 */
static void look_into(struct plan *plan, struct plan_part *part)
{
	const struct blob *blob = part->blob;

	part->state = PART_DONE;
	if (!part->of->looked || !blob || !blob->n || plan_tree(plan, part))
		return;
	part->failure = PLAN_UNKNOWN_ERROR;
	part->message = blob->n > PLAN_TREE_MAX
			    ? "its answer is too large to be looked into"
			    : "its answer is not JSON";
}

void plan_take(
    struct plan *plan, size_t index, const struct plan_outcome *outcome)
{
	struct plan_part *part = part_of(plan, index);

	if (!part || part->state != PART_OUT)
		return;
	plan->n_out--;
	part->answered = true;
	part->failure = outcome->failure;
	part->stale = outcome->stale;
	if (part->failure) {
		part->status = outcome->status;
		part->shed = outcome->shed;
		part->retry_ms = outcome->retry_ms;
		if (outcome->message)
			part->message =
			    arena_cstr(plan->arena, str_of(outcome->message));
	} else {
		part->blob = outcome->blob ? blob_ref(outcome->blob) : NULL;
		part->fresh_boot = outcome->fresh_boot;
		look_into(plan, part);
	}
	end_part(plan, part);
	tell_all(plan);
}

bool plan_is_over(const struct plan *plan)
{
	return plan->lost || (!plan->n_out && !plan->ready.first);
}

static void expire(struct plan *plan, struct plan_part *part)
{
	part->state = PART_DONE;
	part->failure = PLAN_TIMEOUT;
	part->message = "the time for all of it was over";
	plan->lost |= part->of->is->required;
}

void plan_expire(struct plan *plan)
{
	for (size_t i = 0; i < plan->n_calls; i++) {
		struct plan_calling *call = &plan->calls[i];

		if (!call->made)
			expire(plan, &call->fate);
		call->made = true;
		for (size_t j = 0; j < call->n; j++)
			if (call->parts[j].state != PART_DONE)
				expire(plan, &call->parts[j]);
	}
	plan->ready = (struct plan_queue){0};
	plan->n_out = 0;
}

size_t plan_calls(const struct plan *plan)
{
	return plan->n_given;
}
