#include "cgi/read/plan-parts.h"

#include "lib/json.h"

struct value *plan_tree(struct plan *plan, struct plan_part *part)
{
	const struct blob *blob = part->blob;

	if (part->state == PART_DONE && !part->parsed) {
		part->parsed = true;
		if (!blob || !blob->n ||
		    json_read(plan->arena, blob_str(blob), PLAN_TREE_MAX, NULL,
			NULL, &part->tree) != ERR_OK)
			part->tree = NULL;
	}
	return part->tree;
}

struct value *plan_member(struct plan *plan, struct value *v, struct str dotted)
{
	return v && dotted.n ? value_path(v, arena_cstr(plan->arena, dotted))
			     : v;
}

bool plan_text(const struct value *v, struct str *out)
{
	if (!v || (v->kind != VALUE_STRING && v->kind != VALUE_INT &&
		      v->kind != VALUE_FLOAT))
		return false;
	*out = v->text;
	return true;
}

/* The first record of each identifier that has any. */
static struct value **records_of(
    struct plan *plan, struct plan_calling *call, struct plan_ids *ids)
{
	struct value **all =
	    arena_array(plan->arena, ids->list.n, sizeof(*all));
	const char *by = arena_cstr(plan->arena, call->is->by);
	const struct value *list =
	    plan_member(plan, plan_tree(plan, call->parts), call->is->records);

	call->records[ids->number] = all;
	for (size_t i = 0;
	     list && list->kind == VALUE_ARRAY && i < list->as.array.n; i++) {
		struct value *record = list->as.array.items[i];
		struct str id;

		if (!plan_text(value_path(record, by), &id))
			continue;
		const size_t n = plan_find_id(plan, ids, id);
		if (n != PLAN_NONE && !all[n])
			all[n] = record;
	}
	return all;
}

/* As `data` has it: by identifier, without those that failed. */
static struct value *table_of(struct plan *plan, struct plan_calling *call)
{
	struct arena *a = plan->arena;

	if (call->table || call->fate.failure)
		return call->table;
	call->table = value_new(a, VALUE_TABLE, POS_NONE);
	for (size_t i = 0; i < call->n; i++) {
		struct value *v = plan_tree(plan, &call->parts[i]);
		if (!call->parts[i].failure)
			value_set(a, call->table, call->ids->list.items[i],
			    POS_NONE,
			    v ? v : value_new(a, VALUE_NULL, POS_NONE));
	}
	return call->table;
}

struct value *plan_value(struct plan *plan, struct plan_calling *need,
    struct plan_ids *ids, size_t n)
{
	if (!need->made || need->fate.failure)
		return NULL;
	if (need->ids)
		return need->ids == ids ? plan_tree(plan, &need->parts[n])
					: table_of(plan, need);
	if (!need->is->by.n || !ids)
		return plan_tree(plan, need->parts);
	return (need->records[ids->number] ? need->records[ids->number]
					   : records_of(plan, need, ids))[n];
}
