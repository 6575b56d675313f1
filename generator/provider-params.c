#include "generator/provider-work.h"

/* What the module itself sets; a table's params may not. */
static const char *const reserved[] = {
    "response_type",
    "client_id",
    "redirect_uri",
    "scope",
    "state",
    "nonce",
    "code_challenge",
    "code_challenge_method",
};

static void put_params(struct provider_work *w, struct buf *url)
{
	const struct value *params = value_get(w->table, "params");
	if (!params || params->kind != VALUE_TABLE)
		return;
	for (size_t i = 0; i < params->as.table.n; i++) {
		const struct member *m = &params->as.table.members[i];
		for (size_t k = 0; k < sizeof(reserved) / sizeof(*reserved);
		     k++)
			if (str_is(m->key, reserved[k]))
				provider_refuse(w, m->pos, "param-reserved",
				    "%s is set by the module itself; leave it "
				    "out",
				    reserved[k]);
		w->out->from_env |= m->value->from_env;
		provider_put(w, url, m->key, value_spell(w->arena, m->value),
		    m->value->pos);
	}
}

/* Constants of the table's own, and what a page may add to them. */
void provider_params(struct provider_work *w)
{
	struct buf extra = {0};

	put_params(w, &extra);
	w->extra = arena_str(w->arena, buf_str(&extra));
	buf_release(&extra);
	w->out->max_age = -1;
	w->out->allow = provider_list(w, "allow_params");
}
