#include "generator/imports.h"

#include "generator/assets.h"
#include "generator/client.h"
#include "generator/reference.h"

bool imports_is_mapped(const struct build *b, struct str name)
{
	const struct value *all = site_table(b->site, "client.imports");

	for (size_t i = 0; all && i < all->as.table.n; i++) {
		struct str key = all->as.table.members[i].key;
		/* "lodash/" is of all that begins so */
		if (str_eq(key, name) ||
		    (str_ends(key, "/") && name.n > key.n &&
			str_eq(str_slice(name, 0, key.n), key)))
			return true;
	}
	return false;
}

uint64_t imports_mapped(const struct build *b)
{
	const struct value *all = site_table(b->site, "client.imports");
	uint64_t mapped = 0;

	for (size_t i = 0; all && i < all->as.table.n; i++)
		mapped += lookup_hash(all->as.table.members[i].key) * 7;
	return mapped;
}

/* Whether it is published, or is an asset that will be. */
static bool is_there(const struct importing *i, struct str logical)
{
	const struct assets *assets = i->b->assets;

	return build_published(i->b, logical).n ||
	       (assets &&
		   lookup_get(&assets->by_logical, logical) != LOOKUP_NONE);
}

struct str imports_bare_text(const struct importing *i, struct str name)
{
	struct str beside = reference_resolve(i->arena, i->from, name);
	struct str top =
	    arena_printf(i->arena, "/%.*s", STR_ARG(str_trim(name)));
	const struct client_module *module = client_module_of(top);
	struct str instead;

	if (is_there(i, beside))
		instead =
		    arena_printf(i->arena, "write \"./%.*s\"", STR_ARG(name));
	else if (module || is_there(i, top))
		instead =
		    arena_printf(i->arena, "write \"%.*s\"", STR_ARG(top));
	else
		instead = arena_printf(i->arena,
		    "put the module below assets/ and name it in [client], "
		    "imports = { \"%.*s\" = \"/assets/NAME.mjs\" }, or import "
		    "it by its path, \"./NAME.mjs\"",
		    STR_ARG(name));
	return arena_printf(i->arena,
	    "no import map says what \"%.*s\" is, so browsers load nothing of "
	    "this module; %.*s",
	    STR_ARG(name), STR_ARG(instead));
}

struct str imports_missing_text(const struct importing *i, struct str logical)
{
	static const char *const endings[] = {".mjs", ".js"};
	const struct client_module *module = client_module_of(logical);
	struct str instead = STR("write it, or correct the reference");

	for (size_t k = 0; k < sizeof(endings) / sizeof(*endings); k++) {
		struct str whole = arena_printf(
		    i->arena, "%.*s%s", STR_ARG(logical), endings[k]);
		if (is_there(i, whole))
			instead = arena_printf(i->arena,
			    "browsers add no ending: write that of %.*s",
			    STR_ARG(whole));
	}
	if (module)
		instead = str_of(module->asked_by);
	return arena_printf(i->arena, "there will be no file %.*s; %.*s",
	    STR_ARG(logical), STR_ARG(instead));
}
