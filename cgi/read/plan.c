#include "cgi/read/plan-parts.h"

/*
 * What is done from outside: a plan is made, gives out calls, takes what they
 * came to, and ends. Whom that sets free is plan-wave.c's.
 */

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
	plan_begin(plan);
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

	while (!plan->lost && (part = plan_pop_ready(plan))) {
		if (plan_make_call(plan, part, out)) {
			part->state = PART_OUT;
			plan->n_out++;
			plan->n_given++;
			return true;
		}
		plan_end_part(plan, part);
		plan_tell_all(plan);
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
	plan_end_part(plan, part);
	plan_tell_all(plan);
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
