#include "generator/assets.h"

#include <string.h>

#include "generator/css-comments.h"
#include "generator/css.h"
#include "generator/reference.h"

/*
 * Style sheets, those first that wait for no other one. Each is rewritten as
 * soon as all that it refers to have their names, in rounds: a sheet that asks
 * for one without a name is put back, with a note of whom it waits for. So most
 * are read once, and none more than twice. A round in which nothing gets a name
 * is the end: what is left waits for itself, or for what could not be read.
 */
struct round {
	struct build *b;
	struct assets *assets;
	const size_t *ready;
	bool quiet; /* no warnings of references */
};

struct rewrite {
	const struct round *round;
	struct asset *asset;
	struct str css;
	struct worker *worker;
	struct buf missing; /* struct html_ref[], told once it is published */
};

/* --- one sheet, in a worker ------------------------------------------- */

/* A file of static/, a catalogue, or what the endpoint answers. */
static bool is_there(const struct build *b, struct str logical)
{
	struct str prefix = site_text(b->site, "prefix");
	struct str name = str_slice(logical, 1, logical.n);

	return out_find(&b->out, OUT_WWW, name) != NULL ||
	       (prefix.n && logical.n > prefix.n &&
		   str_eq(str_slice(logical, 0, prefix.n), prefix) &&
		   logical.p[prefix.n] == '/');
}

static struct str ask(void *ctx, const struct html_ref *ref)
{
	struct rewrite *r = ctx;
	struct arena *a = r->worker->arena;
	struct str own = str_slice(r->asset->logical, 1, r->asset->logical.n);
	struct str logical = reference_resolve(a, own, ref->path);
	size_t i = lookup_get(&r->round->assets->by_logical, logical);

	if (i == LOOKUP_NONE) {
		struct html_ref missing = *ref;
		missing.path = logical;
		if (!ref->optional && !is_there(r->round->b, logical))
			buf_put(&r->missing, &missing, sizeof(missing));
		return (struct str){0};
	}
	const struct asset *other = &r->round->assets->list[i];
	if (other->published.n) {
		answers_add(&r->asset->answers, logical, other->published);
		return reference_rename(
		    a, ref->path, logical, other->published);
	}
	struct asset_wait wait = {
	    .on = i, .pos = html_pos(r->css, r->asset->entry->path, ref->at)};
	buf_put(&r->asset->waits, &wait, sizeof(wait));
	return (struct str){0};
}

static void tell_missing(const struct rewrite *r)
{
	const char *file = r->asset->entry->path;
	struct diag *diag = r->worker->diag;

	for (size_t at = 0; at < r->missing.len && !r->round->quiet;
	     at += sizeof(struct html_ref)) {
		struct html_ref ref;
		memcpy(&ref, r->missing.data + at, sizeof(ref));
		diag_warn(diag,
		    diag_is_full(diag) ? POS_FILE(file)
				       : html_pos(r->css, file, ref.at),
		    "missing-reference",
		    "there will be no file %.*s; write it, or correct the "
		    "reference",
		    STR_ARG(ref.path));
	}
}

static enum err put_one(void *ctx, struct worker *w, size_t i)
{
	struct round *round = ctx;
	struct asset *asset = &round->assets->list[round->ready[i]];
	struct rewrite r = {.round = round, .asset = asset, .worker = w};
	const struct html_refs refs = {.path = ask, .ctx = &r};
	struct buf out = {0};

	/* in the first round others have no names yet: it would be told less */
	if (asset_is_unchanged(round->b, asset, w->arena)) {
		buf_clear(&asset->waits);
		return ERR_OK;
	}
	buf_clear(&asset->waits);
	buf_clear(&asset->answers.asked);
	asset->answers.told = 0;
	enum err err = asset_read(asset, w->arena, w->diag, &r.css);
	if (err == ERR_OK) {
		css_rewrite(w->arena, r.css, &refs, &out);
		if (!asset->waits.len) {
			tell_missing(&r);
			bool loses = asset_loses_comments(round->b, asset);
			struct str put = buf_str(&out);
			if (loses)
				put = css_without_comments(w->arena, put);
			asset->is_rewritten =
			    loses || asset->answers.asked.len > 0;
			err = asset_stage(
			    round->b, asset, w->arena, w->diag, put);
			if (err == ERR_OK && !r.missing.len)
				asset_remember(round->b, asset, w->arena);
		}
	}
	buf_release(&out);
	buf_release(&r.missing);
	return err;
}

/* --- the order ---------------------------------------------------------- */

static size_t n_waits(const struct asset *asset)
{
	return asset->waits.len / sizeof(struct asset_wait);
}

static struct asset_wait wait_of(const struct asset *asset, size_t i)
{
	struct asset_wait wait;

	memcpy(&wait, asset->waits.data + i * sizeof(wait), sizeof(wait));
	return wait;
}

static bool is_ready(const struct assets *assets, const struct asset *asset)
{
	for (size_t i = 0; i < n_waits(asset); i++)
		if (!assets->list[wait_of(asset, i).on].published.n)
			return false;
	return true;
}

/* The first of those it waits for that has no name yet. */
static bool waits_for(
    const struct assets *assets, size_t at, struct asset_wait *wait)
{
	const struct asset *asset = &assets->list[at];

	for (size_t i = 0; i < n_waits(asset); i++) {
		*wait = wait_of(asset, i);
		if (!assets->list[wait->on].published.n)
			return true;
	}
	return false;
}

/* "/assets/a.css refers to /assets/b.css refers to /assets/a.css" */
static void tell_cycle(
    struct build *b, const struct assets *assets, size_t first)
{
	struct buf chain = {0};
	struct asset_wait wait;
	struct pos pos = POS_NONE;
	size_t at = first;

	do {
		buf_put_str(&chain, assets->list[at].logical);
		buf_puts(&chain, " refers to ");
		waits_for(assets, at, &wait);
		pos = at == first ? wait.pos : pos;
		at = wait.on;
	} while (at != first);
	buf_put_str(&chain, assets->list[at].logical);
	diag_error(b->diag, pos, "reference-cycle",
	    "%s; the name of a style sheet is made of what it refers to, so "
	    "break the circle",
	    chain.data);
	buf_release(&chain);
}

/*
 * Follows what each of the rest waits for, until that has no end or comes to
 * where it was before: on this walk, then it is a circle, or on an earlier one.
 */
static enum err tell_cycles(struct build *b, const struct assets *assets)
{
	size_t *walk = arena_array(b->arena, assets->n, sizeof(*walk));
	enum err err = ERR_OK;

	for (size_t i = 0; i < assets->n; i++) {
		struct asset_wait wait;
		size_t at = i;
		while (!walk[at] && waits_for(assets, at, &wait)) {
			walk[at] = i + 1;
			at = wait.on;
		}
		if (walk[at] != i + 1)
			continue;
		tell_cycle(b, assets, at);
		err = ERR_INPUT;
	}
	return err;
}

static enum err note_all(struct round *round, size_t n, size_t *named)
{
	enum err all = ERR_OK;

	for (size_t i = 0; i < n; i++) {
		struct asset *asset = &round->assets->list[round->ready[i]];
		if (!asset->is_good)
			continue;
		enum err err = asset_note(round->b, asset);
		if (all == ERR_OK)
			all = err;
		++*named;
	}
	return all;
}

enum err assets_put_css(struct build *b)
{
	struct assets *assets = b->assets;
	size_t *ready = arena_array(b->arena, assets->n, sizeof(*ready));
	bool *seen = arena_array(b->arena, assets->n, sizeof(*seen));
	struct round round = {.b = b,
	    .assets = assets,
	    .ready = ready,
	    .quiet = b->diag->errors > 0};
	enum err all = ERR_OK;

	for (;;) {
		size_t n = 0, named = 0;
		for (size_t i = 0; i < assets->n; i++) {
			struct asset *asset = &assets->list[i];
			bool again =
			    asset->waits.len && is_ready(assets, asset);
			if (asset->kind == ASSET_CSS && (!seen[i] || again))
				ready[n++] = i;
			seen[i] = true;
		}
		if (!n)
			break;
		enum err err = pool_each(&b->pool, b->diag, n, put_one, &round);
		if (err == ERR_IO)
			return err;
		all = all == ERR_OK ? err : all;
		err = note_all(&round, n, &named);
		all = all == ERR_OK ? err : all;
		if (!named)
			break;
	}
	enum err err = tell_cycles(b, assets);
	return all == ERR_OK ? err : all;
}
