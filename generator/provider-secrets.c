#include "generator/provider-work.h"

#include "generator/secrets.h"

/*
 * All of this goes to the browser, so nothing secret may stand here. A
 * reference ({ env = … } or { file = … }) may: the server resolves it.
 */
static void check_secrets(struct provider_work *w, const struct value *table)
{
	for (size_t i = 0; i < table->as.table.n; i++) {
		const struct member *m = &table->as.table.members[i];
		const struct value *v = m->value;
		bool bad = v->kind != VALUE_TABLE && secret_named(m->key);
		if (v->kind == VALUE_STRING)
			bad |= secret_shaped(v->text);
		if (bad)
			provider_refuse(w, m->pos, "secret-present",
			    "%.*s holds a secret, and a browser keeps none; "
			    "take it out, or refer to it: { env = \"…\" } or "
			    "{ file = \"…\" }",
			    STR_ARG(m->key));
		else if (v->kind == VALUE_TABLE && !secret_named(m->key))
			check_secrets(w, v);
	}
}

void provider_secrets(struct provider_work *w)
{
	check_secrets(w, w->table);
}
