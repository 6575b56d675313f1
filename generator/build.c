#include "generator/build.h"

#include <string.h>

#include "generator/exchange.h"
#include "generator/hash.h"
#include "generator/memo.h"
#include "generator/page-oauth.h"
#include "generator/run-reference.h"
#include "generator/scan.h"
#include "generator/secrets.h"
#include "generator/sign.h"
#include "lib/clock.h"

/* The last rows describe what the others made, so they need all of it. */
static const struct producer {
	enum err (*produce)(struct build *b);
	bool needs_all;
	const char *name; /* what it makes */
} producers[] = {
    {produce_catalogues, false, "catalogues"},
    {produce_static, false, "static"},
    {produce_client, false, "client"},
    {produce_oauth, false, "oauth"},
    {produce_oauth_tokens, false, "oauth tokens"},
    {produce_assets, false, "assets"},
    {produce_oauth_clients, false, "oauth clients"},
    {produce_dotenv, false, "dotenv"},
    {produce_api, false, "api"},
    {produce_openapi, false, "openapi"},
    {produce_problems, false, "problems"},
    {produce_modules, false, "modules"},
    {produce_pages, false, "pages"},
    {produce_handlers, false, "handlers"},
    {produce_names, false, "names"},
    {produce_hosts, true, "hosts"},
    {produce_oauth_pages, true, "oauth pages"},
    {produce_compress, true, "compress"},
    {produce_server, true, "server"},
    {produce_manifest, true, "manifest"},
    {produce_signature, true, "signature"},
};

/* The entry of that path, or the free one where it belongs. */
static struct ref *find(struct ref *refs, size_t cap, struct str logical)
{
	for (size_t i = (size_t)str_hash(logical);; i++) {
		struct ref *r = &refs[i & (cap - 1)];
		if (!r->logical.p || str_eq(r->logical, logical))
			return r;
	}
}

/* Never more than half full. */
static void grow_refs(struct build *b)
{
	size_t cap = b->cap_refs ? 2 * b->cap_refs : 64;
	struct ref *refs = arena_array(b->arena, cap, sizeof(*refs));

	for (size_t i = 0; i < b->cap_refs; i++)
		if (b->refs[i].logical.p)
			*find(refs, cap, b->refs[i].logical) = b->refs[i];
	b->refs = refs;
	b->cap_refs = cap;
}

void build_ref(struct build *b, struct str logical, struct str published)
{
	if (2 * (b->n_refs + 1) > b->cap_refs)
		grow_refs(b);
	struct ref *r = find(b->refs, b->cap_refs, logical);
	if (r->logical.p)
		return;
	*r = (struct ref){
	    .logical = arena_str(b->arena, logical),
	    .published = arena_str(b->arena, published),
	};
	b->n_refs++;
}

struct str build_published(const struct build *b, struct str logical)
{
	if (!b->n_refs)
		return (struct str){0};
	return find(b->refs, b->cap_refs, logical)->published;
}

struct str build_fingerprinted(
    struct arena *a, struct str name, const struct digest *digest)
{
	struct str hash =
	    str_slice(digest_blake2b(a, digest), 0, HASH_FINGERPRINT_HEX);
	size_t dot = name.n;

	while (dot && name.p[dot - 1] != '.' && name.p[dot - 1] != '/')
		dot--;
	if (dot < 2 || name.p[dot - 1] == '/' || name.p[dot - 2] == '/')
		return arena_printf(
		    a, "%.*s.%.*s", STR_ARG(name), STR_ARG(hash));
	return arena_printf(a, "%.*s%.*s.%.*s", (int)dot, name.p, STR_ARG(hash),
	    STR_ARG(str_slice(name, dot, name.n)));
}

enum err build_put_fingerprinted(struct build *b, const char *name,
    struct str bytes, bool from_env, struct pos pos)
{
	struct out_file file = {.root = OUT_WWW,
	    .class = OUT_IMMUTABLE,
	    .from_env = from_env,
	    .pos = pos};

	hash_digest(bytes, &file.digest);
	file.path = build_fingerprinted(b->arena, str_of(name), &file.digest);
	enum err err = out_stage_hashed(
	    &b->out, OUT_WWW, file.path.p, bytes, &file.digest, b->diag);
	if (err == ERR_OK)
		err = out_note(&b->out, &file, b->diag);
	if (err == ERR_OK)
		build_ref(b, arena_printf(b->arena, "/%s", name),
		    arena_printf(b->arena, "/%.*s", STR_ARG(file.path)));
	return err;
}

struct steps {
	enum err (*each)(void *ctx, struct worker *w, size_t i);
	void *ctx;
	struct progress *progress;
};

static enum err step(void *ctx, struct worker *w, size_t i)
{
	struct steps *s = ctx;
	enum err err = s->each(s->ctx, w, i);

	progress_step(s->progress);
	return err;
}

enum err build_each(struct build *b, const char *what, size_t n,
    enum err (*each)(void *ctx, struct worker *w, size_t i), void *ctx)
{
	struct steps steps = {
	    .each = each, .ctx = ctx, .progress = b->progress};

	progress_begin(b->progress, what, "files", n);
	enum err err = pool_each(&b->pool, b->diag, n, step, &steps);
	progress_end(b->progress);
	return err;
}

static void put_text(
    struct build *b, struct value *table, const char *key, struct str text)
{
	const struct value *from = site_value(b->site, key);
	struct value *v =
	    value_string(b->arena, text, from ? from->pos : POS_NONE);

	v->from_env = from && from->from_env;
	value_set(b->arena, table, str_of(key), v->pos, v);
}

struct value *build_data(struct build *b)
{
	const struct site *site = b->site;
	struct value *root = value_new(b->arena, VALUE_TABLE, POS_NONE);
	struct value *about = value_new(b->arena, VALUE_TABLE, POS_NONE);
	struct value *data = value_new(b->arena, VALUE_TABLE, POS_NONE);
	struct value *open = site_table(site, "public");
	struct value *oauth = page_oauth(b);

	put_text(b, about, "name", site->name);
	put_text(b, about, "base_url", site->base_url);
	put_text(b, about, "api_url", site->api_url);
	put_text(b, about, "prefix", site_text(site, "prefix"));
	for (size_t i = 0; i < site->n_catalogues; i++)
		value_set(b->arena, data, site->catalogues[i].name, POS_NONE,
		    site->catalogues[i].value);
	if (!open)
		open = value_new(b->arena, VALUE_TABLE, POS_NONE);
	value_set(b->arena, root, STR("site"), POS_NONE, about);
	value_set(b->arena, root, STR("public"), POS_NONE, open);
	value_set(b->arena, root, STR("catalogue"), POS_NONE, data);
	if (b->pointers)
		value_set(
		    b->arena, root, STR("pointer"), POS_NONE, b->pointers);
	if (oauth)
		value_set(b->arena, root, STR("oauth"), POS_NONE, oauth);
	return root;
}

static void say(const struct build *b, const char *what, size_t n, int64_t ms)
{
	if (n || ms)
		fprintf(b->talk, "%s: %zu file%s, %lld ms\n", what, n,
		    n == 1 ? "" : "s", (long long)ms);
}

/* Input and output stop it at once; all else is told together. */
static enum err produce(struct build *b, enum err first)
{
	for (size_t i = 0; i < sizeof(producers) / sizeof(*producers); i++) {
		if (producers[i].needs_all && first != ERR_OK)
			break;
		size_t had = b->out.n;
		int64_t from = clock_monotonic_ms();
		enum err err = producers[i].produce(b);
		if (b->talk)
			say(b, producers[i].name, b->out.n - had,
			    clock_monotonic_ms() - from);
		if (err == ERR_IO)
			return err;
		if (first == ERR_OK)
			first = err;
	}
	return first;
}

/* What cannot become an output is not staged, only looked at. */
static enum err run(struct build *b, const struct site *site, enum err first)
{
	size_t errors = b->diag->errors;
	enum err err = run_references_check(
	    b->arena, site->root, b->socket != NULL, b->diag);

	if (first == ERR_OK)
		first = err;
	b->site = site;
	exchange_add(b);
	out_init(&b->out, b->arena);
	b->out.scan[OUT_WWW] = secrets_scan(b->arena, site, SECRETS_WWW);
	b->out.scan[OUT_SERVER] = secrets_scan(b->arena, site, SECRETS_SERVER);
	b->out.talk = b->talk;
	b->out.pool = &b->pool;
	b->out.memo = b->memo;
	/* what is searched for below server is among that for www */
	memo_searched(b->memo, scan_digest(b->out.scan[OUT_WWW]));
	if (!b->spec || first != ERR_OK) {
		out_dry(&b->out);
	} else {
		err = out_open(&b->out, b->spec, b->diag);
		if (err != ERR_OK)
			return err;
	}
	first = produce(b, first);
	if (first == ERR_OK && b->diag->errors > errors)
		first = ERR_INPUT;
	if (first != ERR_OK)
		out_abandon(&b->out);
	return first;
}

enum err build_run(struct build *b, const struct site *site)
{
	return run(b, site, ERR_OK);
}

/* Versions and files of another site are neither older nor kept. */
static void warn_of_previous(struct build *b, const struct site *site)
{
	const struct previous *p = b->previous;

	if (p && !str_eq(p->manifest.name, site->name))
		diag_warn(b->diag, POS_NONE, "previous-other-site",
		    "the previous manifest is \"%.*s\"'s and this is "
		    "\"%.*s\"; is --previous what is published there?",
		    STR_ARG(p->manifest.name), STR_ARG(site->name));
}

enum err build_loaded(struct build *b, struct site *site, enum err loaded)
{
	if (loaded != ERR_OK && (loaded != ERR_INPUT || !site->is_whole))
		return loaded;
	if (loaded != ERR_OK)
		site_mend(b->arena, site);
	warn_of_previous(b, site);
	return run(b, site, loaded);
}
