#ifndef LOWTIDE_GENERATOR_CLIENT_H
#define LOWTIDE_GENERATOR_CLIENT_H

#include "generator/build.h"
#include "generator/provider.h"

/*
 * The browser's modules, a row each. A build publishes those that the site asks
 * for, fingerprinted; `lowtide client` writes them under their own names with
 * their types, for people who bundle by themselves. TypeScript finds the types
 * of x.mjs in x.d.mts.
 *
 * Adding a module? A row, templates/client/NAME and its types; tests/npm says
 * whether they agree.
 */
struct client_module {
	const char *name;  /* "requests.mjs" */
	const char *types; /* "requests.d.mts" */
	/* What to write for it, where it is missed: "cache = true in …" */
	const char *asked_by;
	/* The key that asks for it; NULL: its producer knows. */
	const char *key;
	/* The bare name that it imports; NULL: none. */
	const char *needs;
	/* Whether it is wanted where the key says nothing; NULL: no. */
	bool (*is_usual)(const struct site *site);
	/*
	 * What its template, NAME.mustache, is rendered with; NULL in *data:
	 * the site does not ask for it. No function: the same bytes everywhere.
	 */
	enum err (*data)(struct build *b, struct value **data);
};
extern const struct client_module client_modules[]; /* .name NULL ends */

/* The module that is published as "/cache.mjs"; NULL: none is. */
const struct client_module *client_module_of(struct str logical);

/*
 * The module, or its types. ERR_NOT_FOUND where the site does not ask for it.
 * Without a site in b->site: ERR_NOT_FOUND for what depends on one.
 */
enum err client_text(struct build *b, const struct client_module *module,
    bool types, struct str *text, bool *from_env)
    __attribute__((warn_unused_result));

/*
 * The providers of the site, n of them, each followed by its variants. Every
 * table is read before it gives up, so that all refusals are told at once; NULL
 * for `diag` where they were told already. generator/provider-list.c
 */
enum err oauth_providers(
    struct build *b, struct diag *diag, struct oauth_provider **list, size_t *n)
    __attribute__((warn_unused_result));
/* For oauth.mjs: its providers. */
enum err oauth_module_data(struct build *b, struct value **data)
    __attribute__((warn_unused_result));
/* For oauth-tokens.mjs: those that it exchanges codes with, and the others. */
enum err oauth_tokens_data(struct build *b, struct value **data)
    __attribute__((warn_unused_result));
/*
 * The origins that oauth-tokens.mjs connects to, a space before each of them;
 * empty where a site has no such module. *from_env: the environment said one.
 */
struct str oauth_tokens_origins(struct build *b, bool *from_env);

#endif
