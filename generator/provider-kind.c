#include "generator/provider-work.h"

#include "lib/opt.h"

static const struct provider_kind kinds[] = {
#define KIND(id, ...) {.name = #id, __VA_ARGS__},
#include "generator/provider-kinds.def"
#undef KIND
};
#define N_KINDS (sizeof(kinds) / sizeof(kinds[0]))

void provider_kind(struct provider_work *w)
{
	const char *names[N_KINDS];
	struct str name = provider_text(w, "kind", "oidc");
	w->kind = &kinds[0];
	w->out->kind = w->kind->name;
	for (size_t i = 0; i < N_KINDS; i++) {
		names[i] = kinds[i].name;
		if (str_is(name, kinds[i].name)) {
			w->kind = &kinds[i];
			w->out->kind = w->kind->name;
			return;
		}
	}
	const char *near = opt_nearest(name, names, N_KINDS);
	provider_refuse(w, provider_pos(w, "kind"), "unknown-kind",
	    "there is no kind of provider \"%.*s\"; %s%s%s", STR_ARG(name),
	    near ? "did you mean \"" : "without a kind it is \"oidc",
	    near ? near : "", "\"");
}
