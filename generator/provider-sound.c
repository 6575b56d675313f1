#include "generator/provider-sound.h"

#include "generator/keys.h"
#include "generator/provider-variant.h"

/* One of the table's own values was refused; its variants' do not count. */
static bool is_hurt(const struct value *table)
{
	for (size_t i = 0; i < table->as.table.n; i++) {
		const struct member *m = &table->as.table.members[i];
		if (m->value->broken && !str_is(m->key, "variant"))
			return true;
	}
	return table->broken && !provider_variants(table);
}

/* Nothing in it is known to be right: not each of its values has a mark. */
static bool is_lost(const struct value *v)
{
	if (v->kind != VALUE_TABLE || key_is_reference(v))
		return true;
	for (size_t i = 0; i < v->as.table.n; i++)
		if (v->as.table.members[i].value->broken)
			return false;
	return true;
}

/* A copy without what was refused. */
static struct value *sound(struct arena *a, struct value *table)
{
	struct value *out = value_new(a, VALUE_TABLE, table->pos);

	out->from_env = table->from_env;
	out->doubtful = table->doubtful;
	for (size_t i = 0; i < table->as.table.n; i++) {
		const struct member *m = &table->as.table.members[i];
		struct value *v = m->value;
		if (v->broken && !str_is(m->key, "variant")) {
			if (is_lost(v))
				continue;
			v = sound(a, v);
			v->doubtful = true;
		}
		value_set(a, out, m->key, m->pos, v);
	}
	return out;
}

struct value *provider_table_sound(struct arena *a, struct value *table)
{
	const struct value *kind = value_get(table, "kind");

	if (kind && kind->broken)
		return NULL;
	if (!table->broken)
		return table;
	struct value *out = sound(a, table);
	if (is_hurt(table))
		out->broken = out->doubtful = true;
	return out;
}
