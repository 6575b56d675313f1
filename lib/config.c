#include "lib/config.h"

#include <string.h>

#include "lib/config-reads.h"
#include "lib/config-rows.h"
#include "lib/fs.h"
#include "lib/json.h"

/*
 * Both directions walk the rows of config-rows.h. The file is
 *
 *	{"format": 1, TOP…, "providers": [{PROVIDER…}…],
 *	 "upstreams": [{UPSTREAM…}…], "apis": [{API…}…],
 *	 "reads": [{READ…}…], "readIds": […], "readCalls": […]}
 *
 * with empty strings and empty lists left out.
 */
const char *const config_patterns[PATTERN_COUNT + 1] = {
    [PATTERN_FIRE_AND_FORGET] = "fire-and-forget",
    [PATTERN_ASYNC_POLLING] = "async-polling",
    [PATTERN_SYNCHRONOUS] = "synchronous",
};
const char *const config_on_lost[ON_LOST_COUNT + 1] = {
    [ON_LOST_RETRY] = "retry",
    [ON_LOST_FAIL] = "fail",
    [ON_LOST_HOLD] = "hold",
};

/* ---- writing ---- */

static void write_strs(struct json_writer *w, const struct strs *strs)
{
	json_open(w, '[');
	for (size_t i = 0; i < strs->n; i++)
		json_string(w, strs->items[i]);
	json_close(w, ']');
}

static void write_pairs(struct json_writer *w, const struct pairs *pairs)
{
	json_open(w, '{');
	for (size_t i = 0; i < pairs->n; i++) {
		json_key_str(w, pairs->items[i].name);
		json_string(w, pairs->items[i].value);
	}
	json_close(w, '}');
}

static void write_patterns(struct json_writer *w, unsigned bits)
{
	json_open(w, '[');
	for (unsigned i = 0; i < PATTERN_COUNT; i++)
		if (bits & (1u << i))
			json_string(w, str_of(config_patterns[i]));
	json_close(w, ']');
}

static bool is_empty(const struct config_row *row, const void *at)
{
	switch (row->kind) {
	case KIND_STR:
		return ((const struct str *)at)->n == 0;
	case KIND_STRS:
		return ((const struct strs *)at)->n == 0;
	case KIND_PAIRS:
		return ((const struct pairs *)at)->n == 0;
	default:
		return false;
	}
}

static void write_rows(
    struct json_writer *w, const struct config_row *rows, const void *object)
{
	for (const struct config_row *row = rows; row->name; row++) {
		const void *at = (const char *)object + row->offset;
		if (is_empty(row, at))
			continue;
		json_key(w, row->name);
		switch (row->kind) {
		case KIND_STR:
			json_string(w, *(const struct str *)at);
			break;
		case KIND_STRS:
			write_strs(w, at);
			break;
		case KIND_PAIRS:
			write_pairs(w, at);
			break;
		case KIND_INT:
			json_int(w, *(const int64_t *)at);
			break;
		case KIND_BOOL:
			json_bool(w, *(const bool *)at);
			break;
		case KIND_PATTERNS:
			write_patterns(w, *(const unsigned *)at);
			break;
		case KIND_ENUM:
			json_string(
			    w, str_of(row->names[*(const unsigned *)at]));
			break;
		}
	}
}

static void write_list(struct json_writer *w, const struct config *config,
    const struct config_list *list)
{
	size_t n;
	const char *items = config_items(config, list, &n);

	if (!n && !list->is_always_written)
		return;
	json_key(w, list->name);
	json_open(w, '[');
	for (size_t i = 0; i < n; i++) {
		json_open(w, '{');
		write_rows(w, list->rows, items + i * list->size);
		json_close(w, '}');
	}
	json_close(w, ']');
}

void config_write(const struct config *config, struct buf *out)
{
	struct json_writer w = {.out = out, .indent = 2};

	json_open(&w, '{');
	json_key(&w, "format");
	json_int(&w, CONFIG_FORMAT);
	write_rows(&w, config_top_rows, config);
	for (const struct config_list *list = config_lists; list->name; list++)
		write_list(&w, config, list);
	json_close(&w, '}');
	buf_putc(out, '\n');
}

/* ---- reading ---- */

#define AGAIN                                                                  \
	"; written by another version of lowtide? run `lowtide build` again"

struct reader {
	struct arena *arena;
	struct diag *diag;
	bool bad;
};

static void wrong(struct reader *r, struct pos pos, const char *what)
{
	diag_error(r->diag, pos, "config-value", "%s" AGAIN, what);
	r->bad = true;
}

static bool is_kind(
    struct reader *r, const struct value *v, enum value_kind kind)
{
	if (v->kind == kind)
		return true;
	diag_error(r->diag, v->pos, "config-type",
	    "this must be %s and not %s" AGAIN, value_kind_name(kind),
	    value_kind_name(v->kind));
	r->bad = true;
	return false;
}

static void read_str(struct reader *r, const struct value *v, struct str *out)
{
	if (is_kind(r, v, VALUE_STRING))
		*out = v->text;
}

static void read_strs(struct reader *r, const struct value *v, struct strs *out)
{
	if (!is_kind(r, v, VALUE_ARRAY))
		return;
	out->n = v->as.array.n;
	out->items = arena_array(r->arena, out->n, sizeof(*out->items));
	for (size_t i = 0; i < out->n; i++)
		read_str(r, v->as.array.items[i], &out->items[i]);
}

static void read_pairs(
    struct reader *r, const struct value *v, struct pairs *out)
{
	if (!is_kind(r, v, VALUE_TABLE))
		return;
	out->n = v->as.table.n;
	out->items = arena_array(r->arena, out->n, sizeof(*out->items));
	for (size_t i = 0; i < out->n; i++) {
		out->items[i].name = v->as.table.members[i].key;
		read_str(r, v->as.table.members[i].value, &out->items[i].value);
	}
}

static void read_int(struct reader *r, const struct value *v, int64_t *out)
{
	if (!is_kind(r, v, VALUE_INT))
		return;
	if (v->as.i < 0)
		wrong(r, v->pos, "this must not be negative");
	*out = v->as.i;
}

static void read_enum(struct reader *r, const struct value *v,
    const char *const *names, unsigned *out)
{
	if (!is_kind(r, v, VALUE_STRING))
		return;
	for (unsigned i = 0; names[i]; i++) {
		if (!str_is(v->text, names[i]))
			continue;
		*out = i;
		return;
	}
	wrong(r, v->pos, "there is no such name here");
}

static void read_patterns(
    struct reader *r, const struct value *v, unsigned *out)
{
	if (!is_kind(r, v, VALUE_ARRAY))
		return;
	for (size_t i = 0; i < v->as.array.n; i++) {
		unsigned pattern = PATTERN_COUNT;
		read_enum(r, v->as.array.items[i], config_patterns, &pattern);
		if (pattern < PATTERN_COUNT)
			*out |= 1u << pattern;
	}
}

static void read_row(struct reader *r, const struct config_row *row,
    const struct value *v, void *at)
{
	switch (row->kind) {
	case KIND_STR:
		read_str(r, v, at);
		break;
	case KIND_STRS:
		read_strs(r, v, at);
		break;
	case KIND_PAIRS:
		read_pairs(r, v, at);
		break;
	case KIND_INT:
		read_int(r, v, at);
		break;
	case KIND_BOOL:
		if (is_kind(r, v, VALUE_BOOL))
			*(bool *)at = v->as.b;
		break;
	case KIND_PATTERNS:
		read_patterns(r, v, at);
		break;
	case KIND_ENUM:
		read_enum(r, v, row->names, at);
		break;
	}
}

/* The file itself has its format and its lists beside its members. */
static bool stands_beside(const struct config_row *rows, struct str name)
{
	if (rows != config_top_rows)
		return false;
	for (const struct config_list *list = config_lists; list->name; list++)
		if (str_is(name, list->name))
			return true;
	return str_is(name, "format");
}

/* Members that no row names are unknown. */
static void read_rows(struct reader *r, const struct config_row *rows,
    const struct value *table, void *object)
{
	if (!is_kind(r, table, VALUE_TABLE))
		return;
	for (size_t i = 0; i < table->as.table.n; i++) {
		const struct member *m = &table->as.table.members[i];
		const struct config_row *row = rows;
		while (row->name && !str_is(m->key, row->name))
			row++;
		if (row->name) {
			read_row(
			    r, row, m->value, (char *)object + row->offset);
			continue;
		}
		if (stands_beside(rows, m->key))
			continue;
		diag_error(r->diag, m->pos, "config-member",
		    "\"%.*s\" is not known here" AGAIN,
		    STR_ARG(str_slice(m->key, 0, 60)));
		r->bad = true;
	}
}

static void read_list(struct reader *r, const struct value *top,
    const struct config_list *list, struct config *c)
{
	const struct value *given = value_get(top, list->name);

	if (!given || !is_kind(r, given, VALUE_ARRAY))
		return;
	size_t n = given->as.array.n;
	if (n > CONFIG_APIS_MAX) {
		wrong(r, given->pos, "there are too many of these");
		return;
	}
	char *items = arena_array(r->arena, n, list->size);
	for (size_t i = 0; i < n; i++)
		read_rows(r, list->rows, given->as.array.items[i],
		    items + i * list->size);
	config_set_items(c, list, items, n);
}

/* ---- what types alone do not say ---- */

static bool only(struct str s, size_t min, size_t max, const char *allowed)
{
	if (s.n < min || s.n > max)
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (!s.p[i] || !strchr(allowed, s.p[i]))
			return false;
	return true;
}

/*
 * No default would do: one that is left out would be read as "retry", and a
 * lifetime of 0 loses what was accepted.
 */
static void check_life(
    struct reader *r, const struct api *api, const struct value *given)
{
	if (!value_get(given, "onLost"))
		wrong(r, given->pos, "an api needs onLost");
	if (api->deadline_ms <= 0)
		wrong(r, given->pos, "an api needs deadlineMs above 0");
	if (api->ttl_ms <= 0)
		wrong(r, given->pos, "an api needs ttlMs above 0");
}

static void check_api(
    struct reader *r, const struct config *c, size_t i, struct pos pos)
{
	static const char names[] = "abcdefghijklmnopqrstuvwxyz0123456789-";
	const struct api *api = &c->apis[i];

	if (!only(api->name, 1, 64, names))
		wrong(r, pos, "an api's name is 1 to 64 of a-z, 0-9 and -");
	if (!only(api->tag, CONFIG_TAG_HEX, CONFIG_TAG_HEX, "0123456789abcdef"))
		wrong(r, pos, "an api's tag is six hexadecimal digits");
	if (api->method.n == 0 || !str_starts(api->path, "/"))
		wrong(r, pos, "an api needs a method and a path");
	if (!api->noop && !api->exec.n && !api->read.n &&
	    !config_upstream(c, api->upstream))
		wrong(r, pos, "this api names an upstream that is not here");
	if (api->auth.n && !str_is(api->auth, "none") &&
	    !str_is(api->auth, "web-server") && !config_provider(c, api->auth))
		wrong(r, pos, "this api's auth names a provider not here");
	for (size_t j = 0; j < i; j++) {
		if (str_eq(c->apis[j].name, api->name))
			wrong(r, pos, "two apis have this name");
		if (str_eq(c->apis[j].tag, api->tag))
			wrong(r, pos, "two apis have this tag");
	}
}

/* A name that two bear would mean the first of them, and nobody be told. */
static void check_upstreams(
    struct reader *r, const struct value *top, const struct config *c)
{
	const struct value *given = value_get(top, "upstreams");

	for (size_t i = 0; i < c->n_upstreams; i++)
		if (config_upstream(c, c->upstreams[i].name) !=
		    &c->upstreams[i])
			wrong(r, given->as.array.items[i]->pos,
			    "two upstreams have this name");
}

static void check_secrets(
    struct reader *r, const struct value *top, const struct config *c)
{
	const struct value *given = value_get(top, "secrets");

	for (size_t i = 0; i < c->n_secrets; i++) {
		const struct secret *secret = &c->secrets[i];
		const struct pos pos = given->as.array.items[i]->pos;

		if (config_secret(c, secret->name) != secret)
			wrong(r, pos, "two secrets have this name");
		if (!secret->env.n == !secret->file.n)
			wrong(
			    r, pos, "a secret names env or file, one of them");
	}
}

static void check(
    struct reader *r, const struct value *top, const struct config *c)
{
	const struct value *apis = value_get(top, "apis");

	if (c->name.n == 0)
		wrong(r, top->pos, "the site's name is missing");
	check_upstreams(r, top, c);
	check_secrets(r, top, c);
	for (size_t i = 0; i < c->n_apis; i++) {
		const struct value *given = apis->as.array.items[i];
		check_api(r, c, i, given->pos);
		check_life(r, &c->apis[i], given);
	}
	const struct value *reads = value_get(top, "reads");
	const char *fault = config_check_reads(c);
	if (fault)
		wrong(r, reads ? reads->pos : top->pos, fault);
}

static bool format_known(struct reader *r, const struct value *top)
{
	const struct value *format = value_get(top, "format");

	if (format && format->kind == VALUE_INT &&
	    format->as.i == CONFIG_FORMAT)
		return true;
	diag_error(r->diag, format ? format->pos : top->pos, "config-format",
	    "this is not format %d, the one that this program knows; build it "
	    "with the same version of lowtide: run `lowtide build` again",
	    CONFIG_FORMAT);
	return false;
}

enum err config_parse(struct arena *a, struct str json, const char *file,
    struct diag *diag, struct config **out)
{
	struct reader r = {.arena = a, .diag = diag};
	struct value *top;

	*out = NULL;
	enum err err = json_read(a, json, CONFIG_MAX, file, diag, &top);
	if (err) {
		diag_error(diag, POS_FILE(file), "config-damaged",
		    "it is no whole configuration; put it there again, or run "
		    "`lowtide build` again");
		return ERR_INPUT;
	}
	if (!format_known(&r, top))
		return ERR_INPUT;
	struct config *c = arena_alloc(a, sizeof(*c));
	read_rows(&r, config_top_rows, top, c);
	for (const struct config_list *list = config_lists; list->name; list++)
		read_list(&r, top, list, c);
	config_link_reads(c);
	if (!r.bad)
		check(&r, top, c);
	if (r.bad)
		return ERR_INPUT;
	*out = c;
	return ERR_OK;
}

enum err config_read(
    struct arena *a, const char *path, struct diag *diag, struct config **out)
{
	struct str json;

	*out = NULL;
	enum err err = fs_read(a, path, CONFIG_MAX, diag, &json);
	if (err == ERR_NOT_FOUND)
		diag_error(diag, POS_FILE(path), "config-missing",
		    "there is no such file; `lowtide build` writes it, "
		    "--config says where it is");
	if (err)
		return err;
	return config_parse(a, json, path, diag, out);
}

const struct provider *config_provider(const struct config *c, struct str name)
{
	for (size_t i = 0; i < c->n_providers; i++)
		if (str_eq(c->providers[i].name, name))
			return &c->providers[i];
	return NULL;
}

const struct secret *config_secret(const struct config *c, struct str name)
{
	for (size_t i = 0; i < c->n_secrets; i++)
		if (str_eq(c->secrets[i].name, name))
			return &c->secrets[i];
	return NULL;
}

const struct upstream *config_upstream(const struct config *c, struct str name)
{
	for (size_t i = 0; i < c->n_upstreams; i++)
		if (str_eq(c->upstreams[i].name, name))
			return &c->upstreams[i];
	return NULL;
}

const struct api *config_api(const struct config *c, struct str name)
{
	for (size_t i = 0; i < c->n_apis; i++)
		if (str_eq(c->apis[i].name, name))
			return &c->apis[i];
	return NULL;
}
