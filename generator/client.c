#include "generator/client.h"

#include "generator/embed.h"

const struct client_module client_modules[] = {
    {"requests.mjs", "requests.d.mts", NULL},
    {"oauth.mjs", "oauth.d.mts", oauth_module_data},
    {"oauth-tokens.mjs", "oauth-tokens.d.mts", oauth_tokens_data},
    {NULL, NULL, NULL},
};

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

/*
 * requests.mjs, the browser's half of contract 4 to 6. The same bytes for
 * every site that has an API; nothing in it comes from the configuration.
 */
enum err produce_client(struct build *b)
{
	struct str bytes;
	bool from_env;
	enum err err;

	if (!value_path(b->site->root, "api"))
		return ERR_OK;
	err = client_text(b, &client_modules[0], false, &bytes, &from_env);
	if (err != ERR_OK)
		return err;
	return build_put_fingerprinted(
	    b, client_modules[0].name, bytes, from_env, POS_NONE);
}
