#include "generator/catalogue.h"

#include <string.h>

#include "generator/build.h"
#include "generator/canon.h"
#include "generator/catalogue-guard.h"
#include "generator/hash.h"
#include "generator/schema.h"
#include "generator/toml.h"
#include "lib/fs.h"

/*
 * Read while the site is loaded, because pages name what is in them; published
 * by produce_catalogues(). The version is text and never compared: which one is
 * current is said by the pointer alone.
 */
static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Dotted identifiers; in the pre-release a number has no leading zero. */
static bool identifiers(struct str s, bool numbers_strict)
{
	for (;;) {
		size_t dot = str_find(s, '.', 0);
		struct str one = str_slice(s, 0, dot);
		bool number = true;
		for (size_t i = 0; i < one.n; i++) {
			char c = one.p[i];
			number = number && is_digit(c);
			if (!is_digit(c) && !(c >= 'a' && c <= 'z') &&
			    !(c >= 'A' && c <= 'Z') && c != '-')
				return false;
		}
		if (one.n == 0)
			return false;
		if (numbers_strict && number && one.n > 1 && one.p[0] == '0')
			return false;
		if (dot == s.n)
			return true;
		s = str_slice(s, dot + 1, s.n);
	}
}

bool catalogue_is_semver(struct str version)
{
	size_t plus = str_find(version, '+', 0);
	struct str core = str_slice(version, 0, plus);
	size_t dash = str_find(core, '-', 0);
	int dots = 0;

	if (version.n > 64)
		return false;
	if (plus < version.n &&
	    !identifiers(str_slice(version, plus + 1, version.n), false))
		return false;
	if (dash < core.n &&
	    !identifiers(str_slice(core, dash + 1, core.n), true))
		return false;
	core = str_slice(core, 0, dash);
	for (size_t i = 0; i < core.n; i++) {
		if (core.p[i] == '.')
			dots++;
		else if (!is_digit(core.p[i]))
			return false;
	}
	return dots == 2 && identifiers(core, true);
}

static enum err load(struct arena *a, struct site *site, const struct member *m,
    struct diag *diag)
{
	struct catalogue c = {.name = m->key};
	const char *name =
	    arena_printf(a, "catalogue/%.*s.toml", STR_ARG(m->key)).p;

	enum err err =
	    site_read(a, site->dir, name, TOML_MAX, diag, &c.file, &c.source);
	if (err == ERR_NOT_FOUND)
		diag_error(diag, m->pos, "catalogue-missing",
		    "there is no %s; make it, or take [catalogue.%.*s] out",
		    name, STR_ARG(m->key));
	if (err != ERR_OK ||
	    toml_read(a, c.source, c.file, diag, &c.value) != ERR_OK) {
		site->lacks_data = true;
		return err == ERR_IO ? err : ERR_OK;
	}
	const struct value *rules = value_get(m->value, "schema");
	struct schema schema;
	if (rules && schema_read(a, rules, diag, &schema) == ERR_OK)
		schema_check(&schema, c.value, diag);
	const struct value *version = value_get(c.value, "version");
	c.version = value_text(c.value, "version");
	if (!version || !catalogue_is_semver(c.version)) {
		diag_error(diag,
		    version ? version->pos : (struct pos){c.file, 1, 1},
		    "catalogue-version",
		    "a catalogue needs a version such as version = \"1.0.0\" "
		    "above its first table");
		c.version = STR("0.0.0"); /* pages may name the rest of it */
	}
	site->catalogues[site->n_catalogues++] = c;
	return ERR_OK;
}

static void find_undeclared(
    struct arena *a, const struct site *site, struct diag *diag)
{
	struct fs_list list = {0};
	const char *dir = site_path(a, site->dir, "catalogue");

	/* a declared one is read anyway, and its troubles told then */
	if (fs_walk(a, dir, NULL, &list) != ERR_OK)
		return;
	for (size_t i = 0; i < list.n; i++) {
		struct str rel = list.entries[i].rel;
		if (!str_ends(rel, ".toml") || str_find(rel, '/', 0) < rel.n)
			continue;
		rel.n -= 5;
		if (!value_member(site_table(site, "catalogue"), rel))
			diag_warn(diag, POS_FILE(list.entries[i].path),
			    "catalogue-not-declared",
			    "nothing publishes it; add [catalogue.%.*s] to "
			    "site.toml",
			    STR_ARG(rel));
	}
}

enum err catalogues_load(struct arena *a, struct site *site, struct diag *diag)
{
	const struct value *declared = site_table(site, "catalogue");
	enum err io = ERR_OK;

	if (declared) {
		size_t n = declared->as.table.n;
		site->catalogues = arena_array(a, n, sizeof(*site->catalogues));
		for (size_t i = 0; i < n; i++)
			if (load(a, site, &declared->as.table.members[i],
				diag) != ERR_OK)
				io = ERR_IO;
	}
	find_undeclared(a, site, diag);
	return io;
}

/* "/plans-v1.2.0.json" */
static struct str version_path(
    struct arena *a, const struct catalogue *c, const char *suffix)
{
	return arena_printf(
	    a, "/%.*s-v%.*s.%s", STR_ARG(c->name), STR_ARG(c->version), suffix);
}

static enum err put(struct build *b, const struct catalogue *c,
    const char *suffix, struct str bytes, enum out_class class)
{
	struct pos pos = {c->file, 1, 1};
	const char *path =
	    class == OUT_POINTER
		? arena_printf(b->arena, "%.*s.json", STR_ARG(c->name)).p
		: version_path(b->arena, c, suffix).p + 1;

	const struct diag_item *before = b->diag->last;
	enum err err =
	    out_put(&b->out, OUT_WWW, path, bytes, class, false, pos, b->diag);

	/* the others have other lines */
	if (bytes.p == c->source.p)
		out_blame(b->diag, before, pos);
	return err;
}

/* What the pointer says, and the other file; pages see it, too. */
static struct value *pointer(
    struct build *b, const struct catalogue *c, struct str json)
{
	struct arena *a = b->arena;
	struct value *p = value_new(a, VALUE_TABLE, POS_NONE);
	const struct {
		const char *key;
		struct str text;
	} rows[] = {
	    {"name", c->name},
	    {"version", c->version},
	    {"url", version_path(a, c, "json")},
	    {"integrity", hash_integrity(a, json)},
	    {"toml", version_path(a, c, "toml")},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		value_set(a, p, str_of(rows[i].key), POS_NONE,
		    value_string(a, rows[i].text, POS_NONE));
	if (!b->pointers)
		b->pointers = value_new(a, VALUE_TABLE, POS_NONE);
	value_set(a, b->pointers, c->name, POS_NONE, p);
	return p;
}

/* Names, versions and base64 need no escapes. */
static struct str pointer_json(struct arena *a, const struct value *p)
{
	return arena_printf(a,
	    "{\"name\":\"%.*s\",\"version\":\"%.*s\","
	    "\"url\":\"%.*s\",\"integrity\":\"%.*s\"}\n",
	    STR_ARG(value_text(p, "name")), STR_ARG(value_text(p, "version")),
	    STR_ARG(value_text(p, "url")), STR_ARG(value_text(p, "integrity")));
}

static enum err produce(struct build *b, const struct catalogue *c)
{
	struct buf json = {0};
	enum err err = canon_write(b->arena, c->value, b->diag, &json);
	struct str bytes = arena_str(b->arena, buf_str(&json));
	const struct value *p = pointer(b, c, bytes);

	buf_release(&json);
	if (err == ERR_OK)
		err = put(b, c, "toml", c->source, OUT_IMMUTABLE);
	if (err == ERR_OK)
		err = put(b, c, "json", bytes, OUT_IMMUTABLE);
	if (err == ERR_OK)
		err = put(b, c, NULL, pointer_json(b->arena, p), OUT_POINTER);
	return err;
}

enum err produce_catalogues(struct build *b)
{
	enum err first = ERR_OK;

	for (size_t i = 0; i < b->site->n_catalogues; i++) {
		enum err err = produce(b, &b->site->catalogues[i]);
		if (first == ERR_OK)
			first = err;
	}
	enum err guarded = catalogue_guard(b);
	return first == ERR_OK ? guarded : first;
}
