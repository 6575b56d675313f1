#include "generator/mustache.h"

#include <string.h>

#include "generator/escape.h"
#include "generator/mustache-parse.h"

/*
 * Rendering: a walk over the tree of mustache-parse.h with a stack of
 * contexts. Each partial is parsed once per indentation, because the
 * indentation belongs to its text (a value with line breaks in it is not
 * indented). Whether partials exist is looked at as soon as the template that
 * names them was parsed, so that it does not depend on the data.
 */
struct context {
	const struct context *up;
	const struct value *value;
};

struct partial {
	struct partial *next;
	struct str name, indent, text;
	const char *file;
	struct mustache_node *root;
	bool exists, parsed;
};

struct renderer {
	struct arena *arena;
	struct diag *diag;
	const struct mustache_options *options;
	struct buf *out;
	size_t start, output_max, steps;
	struct partial *partials;
	size_t n_partials, partial_bytes;
	unsigned depth;
	bool used_env;
	bool stop; /* a cap was reached: nothing more is done */
	enum err err;
};

#define SHOWN 80 /* bytes of a name in a finding */

static void failed(struct renderer *r, enum err err)
{
	/* the graver one is what the caller hears of */
	if (r->err == ERR_OK || err == ERR_TOO_LARGE)
		r->err = err;
	if (err == ERR_TOO_LARGE)
		r->stop = true;
}

static void too_large(struct renderer *r, struct pos pos, const char *what)
{
	diag_error(r->diag, pos, "template-too-large",
	    "%s; does a section or a partial repeat itself?", what);
	failed(r, ERR_TOO_LARGE);
}

/* Each place is told once, however often a list comes by it. */
static bool tell(struct renderer *r, struct mustache_node *node)
{
	bool first = !node->told;

	node->told = true;
	failed(r, ERR_INPUT);
	return first;
}

/* The names that could have been meant, from the innermost context. */
static const char *known_names(
    struct renderer *r, const struct value *table, struct str *text)
{
	struct buf names = {0};

	*text = (struct str){0};
	if (!table || table->kind != VALUE_TABLE || !table->as.table.n)
		return "";
	for (size_t i = 0; i < table->as.table.n && names.len < 120; i++) {
		if (i)
			buf_puts(&names, ", ");
		buf_put_str(&names,
		    str_slice(table->as.table.members[i].key, 0, SHOWN));
	}
	*text = arena_str(r->arena, buf_str(&names));
	buf_release(&names);
	return "; known here: ";
}

static void unknown(struct renderer *r, struct mustache_node *node,
    struct str part, const struct value *where)
{
	struct str names, shown = str_slice(node->text, 0, SHOWN);

	if (r->options->lenient || !tell(r, node))
		return;
	if (r->options->unknown &&
	    r->options->unknown(r->options->ctx, node->text, node->pos))
		return;
	const char *lead = known_names(r, where, &names);
	if (str_eq(part, node->text))
		diag_error(r->diag, node->pos, "unknown-name",
		    "there is no `%.*s`%s%.*s", STR_ARG(shown), lead,
		    STR_ARG(names));
	else
		diag_error(r->diag, node->pos, "unknown-name",
		    "there is no `%.*s` in `%.*s`%s%.*s",
		    STR_ARG(str_slice(part, 0, SHOWN)), STR_ARG(shown), lead,
		    STR_ARG(names));
}

/*
 * The first part of a dotted name is looked for from the innermost context
 * outwards; the later ones only in what was found. NULL was told already.
 */
static const struct value *look_up(
    struct renderer *r, struct mustache_node *node, const struct context *top)
{
	struct str rest = node->text, part;
	const struct member *m = NULL;
	const struct value *found = NULL;

	if (str_is(rest, "."))
		return top->value;
	part = str_slice(rest, 0, str_find(rest, '.', 0));
	for (const struct context *c = top; c && !m; c = c->up)
		m = value_member(c->value, part);
	if (!m)
		unknown(r, node, part, top->value);
	while (m) {
		found = m->value;
		rest = str_slice(rest, part.n + 1, rest.n);
		if (!rest.n)
			return found;
		part = str_slice(rest, 0, str_find(rest, '.', 0));
		m = value_member(found, part);
		if (!m)
			unknown(r, node, part, found);
	}
	return NULL;
}

static bool is_true(const struct value *v)
{
	if (!v)
		return false;
	switch (v->kind) {
	case VALUE_NULL:
		return false;
	case VALUE_BOOL:
		return v->as.b;
	case VALUE_STRING:
		return v->text.n > 0;
	case VALUE_ARRAY:
		return v->as.array.n > 0;
	case VALUE_INT:
	case VALUE_FLOAT:
	case VALUE_DATETIME:
	case VALUE_TABLE:
		break;
	}
	return true;
}

static void put(struct renderer *r, struct mustache_node *node, struct str s,
    enum mustache_escape how)
{
	if (!escape_put(r->out, how, s) && tell(r, node))
		diag_error(r->diag, node->pos, "not-expressible",
		    "the value of `%.*s` has a character that cannot be "
		    "written here ($ or a control character); change the "
		    "value",
		    STR_ARG(str_slice(node->text, 0, SHOWN)));
	if (r->out->len - r->start > r->output_max)
		too_large(r, node->pos, "the output is larger than allowed");
}

static void put_value(struct renderer *r, struct mustache_node *node,
    const struct value *v, enum mustache_escape how)
{
	if (v->from_env)
		r->used_env = true;
	if (v->kind != VALUE_TABLE && v->kind != VALUE_ARRAY) {
		put(r, node, value_spell(r->arena, v), how);
		return;
	}
	if (!r->options->lenient && tell(r, node))
		diag_error(r->diag, node->pos, "not-text",
		    "`%.*s` is %s and cannot be written; name a value in it, "
		    "or make it a section",
		    STR_ARG(str_slice(node->text, 0, SHOWN)),
		    value_kind_name(v->kind));
}

/* The text with `indent` before every line that is not empty. */
static struct str indented(
    struct renderer *r, struct str text, struct str indent)
{
	struct buf out = {0};

	for (size_t at = 0, end; at < text.n; at = end) {
		end = str_find(text, '\n', at) + 1;
		struct str line = str_slice(text, at, end);
		if (!str_is(line, "\n") && !str_is(line, "\r\n"))
			buf_put_str(&out, indent);
		buf_put_str(&out, line);
	}
	struct str copy = arena_str(r->arena, buf_str(&out));
	buf_release(&out);
	return copy;
}

/* What indented() will take, before it does; false: more than allowed. */
static bool fits(struct renderer *r, const struct partial *partial)
{
	size_t lines = 1, left = MUSTACHE_PARTIAL_BYTES_MAX - r->partial_bytes;
	struct str text = partial->text;

	for (size_t at = str_find(text, '\n', 0); at < text.n;
	     at = str_find(text, '\n', at + 1))
		lines++;
	if (text.n > left || partial->indent.n > (left - text.n) / lines)
		return false;
	r->partial_bytes += text.n + lines * partial->indent.n;
	return true;
}

static struct partial *new_partial(
    struct renderer *r, struct mustache_node *node)
{
	const struct mustache_options *o = r->options;
	struct partial *partial = arena_alloc(r->arena, sizeof(*partial));

	*partial = (struct partial){
	    .next = r->partials, .name = node->text, .indent = node->indent};
	partial->exists = o->partial && o->partial(o->ctx, node->text,
					    &partial->text, &partial->file);
	r->partials = partial;
	if (++r->n_partials > MUSTACHE_PARTIALS_MAX)
		too_large(r, node->pos, "too many different partials");
	else if (partial->exists && !fits(r, partial))
		too_large(r, node->pos, "the partials are larger than allowed");
	else if (partial->exists && partial->indent.n)
		partial->text = indented(r, partial->text, partial->indent);
	return partial;
}

static struct partial *find_partial(
    struct renderer *r, struct mustache_node *node)
{
	for (struct partial *p = r->partials; p; p = p->next)
		if (str_eq(p->name, node->text) &&
		    str_eq(p->indent, node->indent))
			return p;
	return new_partial(r, node);
}

static void check_partials(struct renderer *r, struct mustache_node *node)
{
	for (; node && !r->stop; node = node->next) {
		check_partials(r, node->children);
		if (node->kind != MUSTACHE_PARTIAL)
			continue;
		if (find_partial(r, node)->exists || r->options->lenient)
			continue;
		if (tell(r, node))
			diag_error(r->diag, node->pos, "missing-partial",
			    "there is no partial `%.*s`; write it or take the "
			    "tag out",
			    STR_ARG(str_slice(node->text, 0, SHOWN)));
	}
}

static struct mustache_node *parsed(
    struct renderer *r, const struct mustache_source *source)
{
	struct mustache_node *root;
	enum err err = mustache_parse(r->arena, source, r->diag, &root);

	if (err) {
		failed(r, err);
		return NULL;
	}
	check_partials(r, root);
	return root;
}

static void render(
    struct renderer *r, struct mustache_node *node, const struct context *top);

/* One step inwards; false when that is too deep. */
static bool enter(struct renderer *r, struct mustache_node *node)
{
	if (r->depth < MUSTACHE_DEPTH_MAX) {
		r->depth++;
		return true;
	}
	diag_error(r->diag, node->pos, "template-too-deep",
	    "`%.*s` is more than %d sections and partials inside each other; "
	    "does a partial name itself without end?",
	    STR_ARG(str_slice(node->text, 0, SHOWN)), MUSTACHE_DEPTH_MAX);
	failed(r, ERR_TOO_LARGE);
	return false;
}

static void render_partial(
    struct renderer *r, struct mustache_node *node, const struct context *top)
{
	struct partial *partial = find_partial(r, node);

	if (!partial->exists || r->stop || !enter(r, node))
		return;
	if (!partial->parsed) {
		struct mustache_source source = {.text = partial->text,
		    .file = partial->file,
		    .indent = partial->indent.n};
		partial->parsed = true;
		partial->root = parsed(r, &source);
	}
	render(r, partial->root, top);
	r->depth--;
}

static void render_section(struct renderer *r, struct mustache_node *node,
    const struct context *top, const struct value *v)
{
	bool list = v->kind == VALUE_ARRAY;
	size_t n = list ? v->as.array.n : 1;

	if (!enter(r, node))
		return;
	for (size_t i = 0; i < n && !r->stop; i++) {
		struct context inner = {
		    .up = top, .value = list ? v->as.array.items[i] : v};
		r->steps++;
		render(r, node->children, &inner);
	}
	r->depth--;
}

static void render_inverted(
    struct renderer *r, struct mustache_node *node, const struct context *top)
{
	if (!enter(r, node))
		return;
	render(r, node->children, top);
	r->depth--;
}

static void render_named(
    struct renderer *r, struct mustache_node *node, const struct context *top)
{
	const struct value *v = look_up(r, node, top);
	bool section = node->kind == MUSTACHE_SECTION;

	if (!section && node->kind != MUSTACHE_INVERTED) {
		if (v)
			put_value(r, node, v,
			    node->kind == MUSTACHE_RAW ? ESCAPE_NONE
						       : r->options->escape);
		return;
	}
	if (v && v->from_env)
		r->used_env = true;
	/* what is not there decides nothing in a template that is wrong */
	if (!v && !r->options->lenient)
		return;
	if (is_true(v) && section)
		render_section(r, node, top, v);
	else if (!is_true(v) && !section)
		render_inverted(r, node, top);
}

static void render(
    struct renderer *r, struct mustache_node *node, const struct context *top)
{
	for (; node && !r->stop; node = node->next) {
		if (++r->steps > MUSTACHE_STEPS_MAX)
			too_large(r, node->pos, "the template takes too long");
		else if (node->kind == MUSTACHE_TEXT)
			put(r, node, node->text, ESCAPE_NONE);
		else if (node->kind == MUSTACHE_PARTIAL)
			render_partial(r, node, top);
		else
			render_named(r, node, top);
	}
}

enum err mustache_render(struct arena *a, struct str text, const char *file,
    const struct value *data, const struct mustache_options *options,
    struct diag *diag, struct buf *out, bool *used_env)
{
	struct context top = {.value = data};
	struct mustache_source source = {.text = text, .file = file};
	struct renderer r = {
	    .arena = a,
	    .diag = diag,
	    .options = options,
	    .out = out,
	    .start = out->len,
	    .output_max = options->output_max,
	};

	if (!r.output_max)
		r.output_max = MUSTACHE_OUTPUT_MAX;
	struct mustache_node *root = parsed(&r, &source);
	render(&r, root, &top);
	if (used_env && r.used_env)
		*used_env = true;
	return r.err;
}
