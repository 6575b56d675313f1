#include "generator/provider-name.h"

#include "generator/provider-variant.h"
#include "lib/opt.h"

#define NAMES_MAX 128 /* looked at for the nearest; more are not proposed */

struct names {
	const char *list[NAMES_MAX];
	size_t n;
};

/* The names of a table's tables. */
static void gather(
    struct arena *a, const struct value *table, struct names *out)
{
	for (size_t i = 0; table && i < table->as.table.n; i++) {
		const struct member *m = &table->as.table.members[i];
		if (m->value->kind == VALUE_TABLE && out->n < NAMES_MAX)
			out->list[out->n++] = arena_cstr(a, m->key);
	}
}

/* `"a", "b" or "c"` */
static struct str enumerate(struct arena *a, const struct names *names)
{
	struct str all = {0};

	for (size_t i = 0; i < names->n; i++)
		all = arena_printf(a, "%.*s%s\"%s\"", STR_ARG(all),
		    i == 0		? ""
		    : i + 1 == names->n ? " or "
					: ", ",
		    names->list[i]);
	return all;
}

/* What should declare it was refused, and is empty now: generator/keys.h. */
static bool is_lost(const struct value *table, const struct value *parent)
{
	return table ? table->broken && table->as.table.n == 0
		     : parent->doubtful || parent->broken;
}

static void refuse_variant(struct arena *a, const struct member *base,
    struct str variant, struct pos pos, struct diag *diag)
{
	struct names names = {.n = 0}, whole = {.n = 1};

	gather(a, provider_variants(base->value), &names);
	const char *near = opt_nearest(variant, names.list, names.n);
	if (near) {
		diag_error(diag, pos, "unknown-variant",
		    "[oauth.%.*s] has no variant \"%.*s\"; did you mean "
		    "\"%.*s:%s\"?",
		    STR_ARG(base->key), STR_ARG(variant), STR_ARG(base->key),
		    near);
		return;
	}
	whole.list[0] = arena_cstr(a, base->key);
	for (size_t i = 0; i < names.n && whole.n < NAMES_MAX; i++)
		whole.list[whole.n++] = arena_printf(
		    a, "%.*s:%s", STR_ARG(base->key), names.list[i])
					    .p;
	diag_error(diag, pos, "unknown-variant",
	    "[oauth.%.*s] has no variant \"%.*s\"; write %.*s",
	    STR_ARG(base->key), STR_ARG(variant),
	    STR_ARG(enumerate(a, &whole)));
}

/* The first provider that has a variant so called; NULL: none has. */
static const struct member *base_of(const struct value *oauth, struct str name)
{
	for (size_t i = 0; oauth && i < oauth->as.table.n; i++) {
		const struct member *m = &oauth->as.table.members[i];
		if (m->value->kind == VALUE_TABLE &&
		    value_member(provider_variants(m->value), name))
			return m;
	}
	return NULL;
}

static void refuse_provider(struct arena *a, const struct value *oauth,
    struct str name, struct pos pos, const char *const *words,
    struct diag *diag)
{
	const struct member *base = base_of(oauth, name);
	struct names names = {.n = 0};

	gather(a, oauth, &names);
	struct str known = enumerate(a, &names);
	for (; words && *words && names.n < NAMES_MAX; words++)
		names.list[names.n++] = *words;
	const char *near = opt_nearest(name, names.list, names.n);
	if (base)
		near = arena_printf(
		    a, "%.*s:%.*s", STR_ARG(base->key), STR_ARG(name))
			   .p;
	if (near)
		diag_error(diag, pos, "unknown-provider",
		    "there is no [oauth.%.*s]; did you mean \"%s\"?",
		    STR_ARG(name), near);
	else
		diag_error(diag, pos, "unknown-provider",
		    "there is no [oauth.%.*s]; write one%s%.*s", STR_ARG(name),
		    known.n ? ", or name " : "", STR_ARG(known));
}

bool provider_name_check(struct arena *a, const struct site *site,
    struct str name, struct pos pos, const char *const *words,
    struct diag *diag)
{
	const struct value *oauth = site_table(site, "oauth");
	size_t colon = str_find(name, ':', 0);
	struct str own = str_slice(name, 0, colon);
	struct str variant = str_slice(name, colon + 1, name.n);
	const struct member *base = value_member(oauth, own);

	if (is_lost(oauth, site->root))
		return true;
	if (!base || base->value->kind != VALUE_TABLE) {
		refuse_provider(a, oauth, own, pos, words, diag);
		return false;
	}
	if (colon == name.n || is_lost(base->value, oauth))
		return true;
	const struct value *variants = provider_variants(base->value);
	if (value_member(variants, variant) ||
	    (variants ? is_lost(variants, base->value) : base->value->doubtful))
		return true;
	refuse_variant(a, base, variant, pos, diag);
	return false;
}
