#ifndef LOWTIDE_GENERATOR_PROVIDER_WORK_H
#define LOWTIDE_GENERATOR_PROVIDER_WORK_H

#include "generator/provider.h"
#include "lib/buf.h"
#include "lib/url.h"

/*
 * Between the files provider*.c: one table at work. Each step looks at a few
 * keys of it, refuses what is wrong with them and sets what it is about in
 * `out`. A step goes on after a refusal with something harmless, so that all
 * refusals are told at once.
 *
 * A new key? The step that it belongs to, or a new one: a row in provider.c.
 */
struct provider_kind; /* provider-kind.c */

struct provider_work {
	struct arena *arena;
	struct diag *diag; /* NULL: said already */
	struct oauth_provider *out;
	struct pos pos; /* of the table's name, where a key is missing */
	const struct value *table, *base_url;
	const struct provider_kind *kind;
	struct str extra; /* constants behind the scope: "&prompt=login" */
	bool refused;
};

/* What a kind fills in where the table says nothing: provider-kinds.def. */
struct provider_kind {
	const char *name;
	const char *endpoint; /* whole, or path: below domain or base_uri */
	const char *path;
	const char *issuer, *scopes;
	bool openid; /* an OpenID provider: scope openid, a nonce */
};

/* The steps, in their order. */
void provider_kind(struct provider_work *w);
void provider_endpoint(struct provider_work *w);
void provider_client(struct provider_work *w);
void provider_scopes(struct provider_work *w);
void provider_redirect(struct provider_work *w);
void provider_params(struct provider_work *w);
void provider_secrets(struct provider_work *w);

/* --- what steps share (provider-work.c) ---------------------------------- */

__attribute__((format(printf, 4, 5))) void provider_refuse(
    struct provider_work *w, struct pos pos, const char *name,
    const char *format, ...);
/* Of the key's value; of the table where it is missing. */
struct pos provider_pos(const struct provider_work *w, const char *key);
/* A string of the table; p NULL: it is not there. */
struct str provider_raw(struct provider_work *w, const char *key);
/* The same, or `otherwise` (may be NULL); `placeholder` where it is one. */
struct str provider_text(
    struct provider_work *w, const char *key, const char *otherwise);
/* Strings of an array with a space between two; p NULL: there is none. */
struct str provider_list(struct provider_work *w, const char *key);
/* With one slash between them. */
struct str provider_join(
    struct provider_work *w, struct str base, struct str path);
/* `&name=value`, encoded. */
void provider_put(struct buf *url, struct str name, struct str value);
/* The endpoint and the `?` or `&` that its next parameter needs. */
void provider_open(struct buf *url, struct str endpoint);

#endif
