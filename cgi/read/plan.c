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

static void learn_ids(struct plan *plan, struct plan_ids *ids)
{
	size_t users = 0;

	for (size_t i = 0; i < plan->n_calls; i++)
		users += plan->calls[i].ids == ids;
	ids->failed = find_failed_call(&plan->calls[ids->from]);
	if (!ids->failed)
		plan_learn_ids(plan, ids,
		    users ? (PLAN_CALLS_MAX - plan->n_parts) / users
			  : PLAN_IDS_MAX);
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
	call->whole = true;
	for (size_t i = 0; i < plan->n_calls; i++)
		if (call->users >> i & 1 &&
		    !plan_same_ids(&plan->calls[i], call))
			wake_all(plan, &plan->calls[i]);
	for (size_t i = 0; i < plan->n_ids; i++) {
		if (plan->ids[i].from != call->number)
			continue;
		learn_ids(plan, &plan->ids[i]);
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
	make_calls(plan, NULL);
	for (size_t i = 0; i < plan->n_ids; i++)
		if (plan->ids[i].from == PLAN_NONE)
			make_calls(plan, &plan->ids[i]);
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
