#include "generator/client.h"

#include "generator/embed.h"
#include "generator/js-comments.h"
#include "generator/modules.h"

/* A read that may become a job is answered as an API is (contract 4). */
static bool may_be_job(const struct value *read)
{
	const struct value *promote = value_get(read, "promote");
	const struct value *async = value_get(read, "respond_async");

	return (promote && promote->kind == VALUE_BOOL && promote->as.b) ||
	       (async && async->kind == VALUE_BOOL && async->as.b);
}

static bool has_jobs(const struct site *site)
{
	const struct value *reads = value_path(site->root, "read");

	if (value_path(site->root, "api"))
		return true;
	if (!reads || reads->kind != VALUE_TABLE)
		return false;
	for (size_t i = 0; i < reads->as.table.n; i++)
		if (may_be_job(reads->as.table.members[i].value))
			return true;
	return false;
}

#define ASKED_BY(k)                                                            \
	.asked_by = "say " k " = true in [client]", .key = "client." k
const struct client_module client_modules[] = {
    {.name = "requests.mjs",
	.types = "requests.d.mts",
	ASKED_BY("requests"),
	.is_usual = has_jobs},
    {.name = "shared-stream.mjs",
	.types = "shared-stream.d.mts",
	ASKED_BY("shared_stream")},
    {.name = "cache.mjs", .types = "cache.d.mts", ASKED_BY("cache")},
    {.name = "catalogue.mjs",
	.types = "catalogue.d.mts",
	ASKED_BY("catalogue")},
    {.name = "lowtide-job.mjs",
	.types = "lowtide-job.d.mts",
	ASKED_BY("job_element")},
    {.name = "use-job.mjs",
	.types = "use-job.d.mts",
	ASKED_BY("use_job"),
	.needs = "react"},
    {.name = "oauth.mjs",
	.types = "oauth.d.mts",
	.asked_by = "declare a provider, [oauth.NAME]",
	.data = oauth_module_data},
    {.name = "oauth-tokens.mjs",
	.types = "oauth-tokens.d.mts",
	.asked_by = "say tokens = true in [oauth]",
	.data = oauth_tokens_data},
    {.name = NULL},
};
#undef ASKED_BY

const struct client_module *client_module_of(struct str logical)
{
	if (!str_starts(logical, "/"))
		return NULL;
	logical = str_slice(logical, 1, logical.n);
	for (const struct client_module *m = client_modules; m->name; m++)
		if (str_is(logical, m->name))
			return m;
	return NULL;
}

enum err client_text(struct build *b, const struct client_module *module,
    bool types, struct str *text, bool *from_env)
{
	struct str path = arena_printf(
	    b->arena, "client/%s", types ? module->types : module->name);
	struct value *data = NULL;
	enum err err;

	*from_env = false;
	if (!module->data)
		return embed_find(path, text) ? ERR_OK : ERR_MISSING;
	if (!b->site)
		return ERR_NOT_FOUND;
	err = module->data(b, &data);
	if (err != ERR_OK || !data)
		return err != ERR_OK ? err : ERR_NOT_FOUND;
	return build_template(b, path.p, data, ESCAPE_JS, text, from_env);
}

static void look_for_needed(
    struct build *b, const struct client_module *module, struct pos pos)
{
	const struct value *all = site_table(b->site, "client.imports");

	if (!module->needs || (all && value_get(all, module->needs)))
		return;
	diag_warn(b->diag, pos, "missing-reference",
	    "%s imports \"%s\", and no page knows what that is; name a file of "
	    "the site, imports.%s in [client]",
	    module->name, module->needs, module->needs);
}

/*
 * Under both of its names: pages of other origins, which have no import map of
 * this site's, import the stable one.
 */
static enum err publish(struct build *b, const struct client_module *module,
    const struct value *said)
{
	struct str bytes;
	bool from_env;
	enum err err = client_text(b, module, false, &bytes, &from_env);

	if (err != ERR_OK)
		return err;
	look_for_needed(b, module, said ? said->pos : POS_NONE);
	if (said)
		modules_name(b, arena_printf(b->arena, "/%s", module->name));
	return build_put_fingerprinted(b, module->name,
	    js_without_comments(b->arena, bytes), said && said->from_env,
	    said ? said->pos : POS_NONE);
}

/*
 * The modules of [client], the same bytes for every site: nothing in them comes
 * from the configuration.
 */
enum err produce_client(struct build *b)
{
	enum err all = ERR_OK;

	for (const struct client_module *m = client_modules; m->name; m++) {
		if (!m->key)
			continue;
		const struct value *said = site_value(b->site, m->key);
		bool wanted = said ? site_flag(b->site, m->key)
				   : m->is_usual && m->is_usual(b->site);
		enum err err = wanted ? publish(b, m, said) : ERR_OK;
		if (err != ERR_OK)
			all = err;
	}
	return all;
}
