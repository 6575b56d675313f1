#include "generator/build.h"

#include "generator/embed.h"

/*
 * requests.mjs, the browser's half of contract 4 to 6. The same bytes for
 * every site that has an API; nothing in it comes from the configuration.
 */
enum err produce_client(struct build *b)
{
	struct str bytes;
	if (!value_path(b->site->root, "api"))
		return ERR_OK;
	if (!embed_find(STR("client/requests.mjs"), &bytes))
		return ERR_MISSING;
	return build_put_fingerprinted(
	    b, "requests.mjs", bytes, false, POS_NONE);
}
