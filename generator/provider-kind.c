#include "generator/provider-work.h"

#include "lib/opt.h"

static const struct provider_kind kinds[] = {
#define KIND(id, ...) {.name = #id, __VA_ARGS__},
#include "generator/provider-kinds.def"
#undef KIND
};
#define N_KINDS (sizeof(kinds) / sizeof(kinds[0]))

const struct provider_kind *provider_kind_named(struct str name)
{
	for (size_t i = 0; i < N_KINDS; i++)
		if (str_is(name, kinds[i].name))
			return &kinds[i];
	return NULL;
}

void provider_kind(struct provider_work *w)
{
	const char *names[N_KINDS];
	struct str name = provider_text(w, "kind", "oidc");
	const struct provider_kind *kind = provider_kind_named(name);

	w->kind = kind ? kind : &kinds[0];
	w->out->kind = w->kind->name;
	if (kind)
		return;
	for (size_t i = 0; i < N_KINDS; i++)
		names[i] = kinds[i].name;
	const char *near = opt_nearest(name, names, N_KINDS);
	provider_refuse(w, provider_pos(w, "kind"), "unknown-kind",
	    "there is no kind of provider \"%.*s\"; %s%s%s", STR_ARG(name),
	    near ? "did you mean \"" : "without a kind it is \"oidc",
	    near ? near : "", "\"");
}
