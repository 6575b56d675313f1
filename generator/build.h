#ifndef LOWTIDE_GENERATOR_BUILD_H
#define LOWTIDE_GENERATOR_BUILD_H

#include "generator/cache.h"
#include "generator/compress.h"
#include "generator/manifest.h"
#include "generator/mustache.h"
#include "generator/out.h"
#include "generator/pool.h"
#include "lib/progress.h"
#include "generator/site.h"
#include "lib/config.h"

/*
 * One run of the generator: a site in, files out. Each kind of output has a
 * producer, one row in the table of generator/build.c, one .c file, run in the
 * table's order; a producer reads the site, puts files, and tells the later
 * ones under which name a logical path was published.
 */
struct ref {
	struct str logical;   /* "/assets/app.css", "/oauth.mjs" */
	struct str published; /* "/assets/app.3f9a2c71d0.css" */
};

struct build {
	struct arena *arena;
	struct diag *diag;
	const struct site *site;
	const struct out_spec *spec;	 /* where to write; NULL: nowhere */
	const struct previous *previous; /* --previous; NULL: none */
	const struct previous *tried; /* `serve`: what browsers here may keep */
	struct out out;
	struct pool pool;	   /* all zero: one thread */
	FILE *talk;		   /* -v: what each step made; NULL: silent */
	struct progress *progress; /* NULL: not shown */
	struct memo *memo;	   /* generator/memo.h; NULL: none */
	struct cache *cache;	   /* of compressed bytes; NULL: none */
	bool fast;		   /* no compressed siblings */
	struct compress_counts compressed;
	struct ref *refs; /* hash table by logical path; n_refs of cap_refs */
	size_t n_refs, cap_refs;
	/*
	 * What stands before the first module of a page, and what the policy
	 * calls it ("'sha256-…'"); both empty when no module is imported.
	 */
	struct str import_map, import_map_source;
	bool import_map_from_env;
	struct assets *assets;	 /* generator/assets.h */
	struct modules *modules; /* generator/modules.h */
	struct value *pointers;	 /* catalogue.c: what pages see of them */
	bool has_exchange;	 /* generator/exchange.h: it was done */
	struct config *config; /* set by the api producer; NULL = no api.toml */
	/* set by the api producer; NULL = no API is for the web server to check
	 */
	const struct web_server *web_server; /* generator/api-auth.h */
	const struct redirects *redirects;   /* set by produce_hosts() */
	/* `lowtide serve` overrides these; NULL = the installed places */
	const char *socket, *read_socket, *root;
};

/* The first one told of a logical path counts. Copies both. */
void build_ref(struct build *b, struct str logical, struct str published);
/* The published path, or the empty view. */
struct str build_published(const struct build *b, struct str logical);
/* "a/b.min.css" → "a/b.min.<10 hex>.css"; no ending: at the end. */
struct str build_fingerprinted(
    struct arena *a, struct str name, const struct digest *digest);
/*
 * Puts `name` under a fingerprinted name ("oauth.mjs" → "oauth.<10 hex>.mjs",
 * BLAKE2b of its bytes) as immutable and notes the reference.
 */
enum err build_put_fingerprinted(struct build *b, const char *name,
    struct str bytes, bool from_env, struct pos pos);
/* pool_each() with its progress told: `what` is a literal, "copying". */
enum err build_each(struct build *b, const char *what, size_t n,
    enum err (*each)(void *ctx, struct worker *w, size_t i), void *ctx)
    __attribute__((warn_unused_result));
/* What pages and templates see: site, public, catalogue.NAME, pointer.NAME … */
struct value *build_data(struct build *b);
/*
 * A template: DIR/templates/NAME.mustache if the site has it, else the
 * built-in one; rendered and returned in the arena.
 */
enum err build_template(struct build *b, const char *name,
    const struct value *data, enum mustache_escape escape, struct str *out,
    bool *used_env);
/* For struct mustache_options: {{>NAME}}, found as build_template() does. */
bool build_partial(
    void *build, struct str name, struct str *text, const char **file);

/* The producers, in their order. ERR_OK or what stopped them. */
enum err produce_catalogues(struct build *b);	 /* catalogue.c */
enum err produce_static(struct build *b);	 /* static.c */
enum err produce_client(struct build *b);	 /* client.c: [client] */
enum err produce_oauth(struct build *b);	 /* oauth.c */
enum err produce_oauth_tokens(struct build *b);	 /* oauth-tokens.c */
enum err produce_assets(struct build *b);	 /* assets.c */
enum err produce_oauth_clients(struct build *b); /* oauth-clients.c */
enum err produce_dotenv(struct build *b);	 /* dotenv.c: KEY=VALUE */
enum err produce_api(struct build *b);		 /* api.c: lowtide.json */
enum err produce_openapi(struct build *b);	 /* openapi.c */
enum err produce_problems(struct build *b);	 /* problems.c */
enum err produce_modules(struct build *b);	 /* modules.c: import map */
enum err produce_pages(struct build *b);	 /* pages.c */
enum err produce_handlers(struct build *b);	 /* static.c */
enum err produce_names(struct build *b);	 /* names.c: case alone */
enum err produce_hosts(struct build *b);	 /* server-hosts.c: _headers */
enum err produce_server(struct build *b);      /* server.c: nginx and others */
enum err produce_oauth_pages(struct build *b); /* oauth-pages.c: warnings */
enum err produce_compress(struct build *b);    /* compress.c */
enum err produce_manifest(struct build *b);    /* manifest.c, last */

/*
 * Runs the producers, into the folder that b->spec names. After ERR_OK it is
 * the caller's to out_commit(); after an error nothing is left to be done.
 */
enum err build_run(struct build *b, const struct site *site);
/*
 * What site_load() returned goes in. When it was ERR_INPUT, the producers look
 * at what could be read as well, so that all findings are told in one run.
 */
enum err build_loaded(struct build *b, struct site *site, enum err loaded);

#endif
