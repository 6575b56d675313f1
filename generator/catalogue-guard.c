#include "generator/catalogue-guard.h"

#include <string.h>

#include "generator/catalogue.h"
#include "generator/keys.h"
#include "generator/secrets.h"
#include "generator/toml.h"
#include "lib/fs.h"

#define TOLD_MAX 20  /* fields of one catalogue */
#define VALUE_MAX 40 /* bytes of a value that is shown */

/* "plans-v1.2.0.toml": its name and its version. */
static bool split(struct str path, struct str *name, struct str *version)
{
	if (!str_ends(path, ".toml"))
		return false;
	path.n -= 5;
	for (size_t i = 0; i + 2 < path.n; i++) {
		if (path.p[i] != '-' || path.p[i + 1] != 'v')
			continue;
		*name = str_slice(path, 0, i);
		*version = str_slice(path, i + 2, path.n);
		if (key_is_name(*name) && catalogue_is_semver(*version))
			return true;
	}
	return false;
}

/* What was there before; published, or only tried. */
static const struct previous *before(const struct build *b)
{
	return b->previous ? b->previous : b->tried;
}

static const struct manifest_file *find(
    struct build *b, const struct catalogue *c, const char *ending)
{
	return manifest_find(&before(b)->manifest,
	    arena_printf(b->arena, "%.*s-v%.*s.%s", STR_ARG(c->name),
		STR_ARG(c->version), ending));
}

static bool differs(
    struct build *b, const struct catalogue *c, const char *ending)
{
	const struct manifest_file *was = find(b, c, ending);
	const struct out_file *is =
	    was ? out_find(&b->out, OUT_WWW, was->path) : NULL;

	return is && memcmp(was->digest.blake2b, is->digest.blake2b,
			 sizeof(was->digest.blake2b)) != 0;
}

static struct pos place(const struct catalogue *c)
{
	const struct value *version = value_get(c->value, "version");

	return version ? version->pos : POS_FILE(c->file);
}

/* The tree of what was published then; NULL when it is not at hand. */
static const struct value *read_old(struct build *b, const struct catalogue *c)
{
	const struct manifest_file *was = find(b, c, "toml");
	struct value *tree = NULL;
	struct str bytes;

	if (!was || !before(b)->dir)
		return NULL;
	const char *file =
	    fs_join(b->arena, before(b)->dir, arena_cstr(b->arena, was->path));
	if (fs_read(b->arena, file, TOML_MAX, NULL, &bytes) != ERR_OK)
		return NULL;
	/* it must be what the manifest says it is */
	struct digest now;
	hash_digest(bytes, &now);
	if (memcmp(now.blake2b, was->digest.blake2b, sizeof(now.blake2b)) != 0)
		return NULL;
	return toml_read(b->arena, bytes, file, NULL, &tree) == ERR_OK ? tree
								       : NULL;
}

static struct str spell(struct build *b, struct str path, const struct value *v)
{
	if (!v)
		return STR("nothing");
	if (v->kind == VALUE_TABLE || v->kind == VALUE_ARRAY)
		return str_of(value_kind_name(v->kind));
	if (secret_named(path) || secret_shaped(v->text))
		return STR("(not shown)");
	struct str text = value_spell(b->arena, v);
	bool cut = text.n > VALUE_MAX;
	if (cut) {
		text.n = VALUE_MAX;
		/* not within a character */
		while (text.n && ((unsigned char)text.p[text.n] & 0xc0) == 0x80)
			text.n--;
	}
	const char *quote = v->kind == VALUE_STRING ? "\"" : "";
	return arena_printf(b->arena, "%s%.*s%s%s", quote, STR_ARG(text),
	    cut ? "…" : "", quote);
}

static void tell_fields(struct build *b, const struct catalogue *c,
    const struct catalogue_change *changes, size_t n)
{
	for (size_t i = 0; i < n && i < TOLD_MAX; i++) {
		const struct catalogue_change *one = &changes[i];
		diag_error(b->diag, one->pos, "catalogue-version-reused",
		    "`%.*s` was %.*s in %.*s and is %.*s", STR_ARG(one->path),
		    STR_ARG(spell(b, one->path, one->was)), STR_ARG(c->version),
		    STR_ARG(spell(b, one->path, one->is)));
	}
	if (n > TOLD_MAX)
		diag_error(b->diag, place(c), "catalogue-version-reused",
		    "and %zu more fields differ from %.*s", n - TOLD_MAX,
		    STR_ARG(c->version));
}

static void reused(struct build *b, const struct catalogue *c)
{
	static const char *const why[] = {
	    [BUMP_NONE] = "its data are the same, its bytes are not: a patch",
	    [BUMP_PATCH] = "values have changed: a patch",
	    [BUMP_MINOR] = "something was added: a minor version",
	    [BUMP_MAJOR] =
		"something was removed or has another type: a major version",
	};
	const struct value *old = read_old(b, c);
	struct catalogue_change *changes = NULL;
	enum catalogue_bump bump = BUMP_NONE;

	if (!old) {
		diag_error(b->diag, place(c), "catalogue-version-reused",
		    "%.*s was published with other bytes, and a published "
		    "version never changes; raise it (with the folder of the "
		    "old files as --previous the fields that differ are shown)",
		    STR_ARG(c->version));
		return;
	}
	size_t n = catalogue_changes(b->arena, old, c->value, &changes);
	for (size_t i = 0; i < n; i++)
		if (changes[i].bump > bump)
			bump = changes[i].bump;
	struct str raised = catalogue_raised(b->arena, c->version, bump);
	diag_error(b->diag, place(c), "catalogue-version-reused",
	    "%.*s was published with other bytes, and a published version "
	    "never changes; raise it to %.*s (%s)",
	    STR_ARG(c->version), STR_ARG(raised), why[bump]);
	tell_fields(b, c, changes, n);
}

/* One version of before against what is there now. */
static void check(struct build *b, struct str name, struct str version)
{
	for (size_t i = 0; i < b->site->n_catalogues; i++) {
		const struct catalogue *c = &b->site->catalogues[i];
		if (!str_eq(c->name, name))
			continue;
		if (catalogue_compare(c->version, version) < 0)
			diag_error(b->diag, place(c),
			    "catalogue-version-backwards",
			    "%.*s is below %.*s, which was published; take a "
			    "version above that",
			    STR_ARG(c->version), STR_ARG(version));
		return;
	}
	if (!value_member(site_table(b->site, "catalogue"), name))
		diag_warn(b->diag,
		    POS_FILE(site_path(b->arena, b->site->dir, "site.toml")),
		    "catalogue-gone",
		    "%.*s was published in version %.*s and is not any more; "
		    "who asks for /%.*s.json finds nothing",
		    STR_ARG(name), STR_ARG(version), STR_ARG(name));
}

static void look(struct build *b)
{
	const struct manifest *m = &before(b)->manifest;
	struct str name, version;

	for (size_t i = 0; i < m->n; i++) {
		const struct manifest_file *pointer;
		if (m->files[i].class != OUT_IMMUTABLE ||
		    !split(m->files[i].path, &name, &version))
			continue;
		pointer = manifest_find(
		    m, arena_printf(b->arena, "%.*s.json", STR_ARG(name)));
		if (pointer && pointer->class == OUT_POINTER)
			check(b, name, version);
	}
	for (size_t i = 0; i < b->site->n_catalogues; i++) {
		const struct catalogue *c = &b->site->catalogues[i];
		if (differs(b, c, "toml") || differs(b, c, "json"))
			reused(b, c);
	}
}

/* Nothing was published yet: what is tried may be tried again. */
static void look_at_tried(struct build *b)
{
	struct diag *diag = b->diag, found;

	diag_init(&found, b->arena);
	b->diag = &found;
	look(b);
	b->diag = diag;
	for (const struct diag_item *i = found.first; i; i = i->next)
		diag_warn(diag, i->pos, i->name, "%.*s", STR_ARG(i->text));
}

enum err catalogue_guard(struct build *b)
{
	size_t errors = b->diag->errors;

	if (b->previous)
		look(b);
	else if (b->tried)
		look_at_tried(b);
	return b->diag->errors > errors ? ERR_INPUT : ERR_OK;
}
