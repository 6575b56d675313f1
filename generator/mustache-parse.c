#include "generator/mustache-parse.h"

#include <string.h>

#include "generator/mustache.h"

/*
 * One pass over the text, from tag to tag. Open sections are a stack of
 * frames, so nesting costs no recursion. A tag:
 *
 *	open, blanks, sigil, blanks, name, blanks, close
 *
 * where {{{ and {{= have one more character before the close.
 */
struct frame {
	struct mustache_node *section; /* NULL: the template itself */
	struct mustache_node **tail;
};

struct parser {
	struct arena *arena;
	struct diag *diag;
	const struct mustache_source *source;
	struct str text;
	struct str open, close; /* the delimiters in force */
	size_t at;
	size_t seen, line_start; /* up to where lines were counted */
	uint32_t line;
	struct frame frames[MUSTACHE_DEPTH_MAX + 1];
	size_t depth;
	enum err err;
};

struct tag {
	size_t from, to; /* with both delimiters */
	char sigil;	 /* 0 = a plain name */
	struct str body; /* trimmed */
	struct pos pos;
};

#define SIGILS "!#^/>&{="
/* Tags that vanish with their line when nothing else stands on it. */
#define ALONE "!#^/>="

#define SHOWN 60	    /* bytes of a name in a finding */
#define DELIMITERS_MAX 1024 /* bytes from {{= to =}} */

/* Offsets are asked for in rising order, so counting lines is one pass. */
static struct pos place(struct parser *p, size_t offset)
{
	for (; p->seen < offset; p->seen++)
		if (p->text.p[p->seen] == '\n') {
			p->line++;
			p->line_start = p->seen + 1;
		}
	size_t col = offset - p->line_start;
	col = col > p->source->indent ? col - p->source->indent : 0;
	return (struct pos){
	    .file = p->source->file, .line = p->line, .col = (uint32_t)col + 1};
}

__attribute__((format(printf, 3, 4))) static void wrong(
    struct parser *p, struct pos pos, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	struct str text = arena_vprintf(p->arena, format, args);
	va_end(args);
	diag_error(p->diag, pos, "template-syntax", "%.*s", STR_ARG(text));
	if (!p->err)
		p->err = ERR_SYNTAX;
}

static size_t find(struct str text, struct str what, size_t from)
{
	if (from >= text.n)
		return text.n;
	const char *hit = memmem(text.p + from, text.n - from, what.p, what.n);
	return hit ? (size_t)(hit - text.p) : text.n;
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static struct mustache_node *append(
    struct parser *p, enum mustache_kind kind, struct str text, struct pos pos)
{
	struct mustache_node *node = arena_alloc(p->arena, sizeof(*node));
	struct frame *frame = &p->frames[p->depth];

	node->kind = kind;
	node->text = text;
	node->pos = pos;
	*frame->tail = node;
	frame->tail = &node->next;
	return node;
}

static void append_text(struct parser *p, size_t from, size_t to)
{
	if (from < to)
		append(p, MUSTACHE_TEXT, str_slice(p->text, from, to),
		    POS_FILE(p->source->file));
}

/* Widens a tag to its whole line if nothing but blanks stands beside it. */
static bool alone_on_line(struct str text, size_t *from, size_t *to)
{
	size_t a = *from, b = *to;

	while (a > 0 && is_blank(text.p[a - 1]))
		a--;
	if (a > 0 && text.p[a - 1] != '\n')
		return false;
	while (b < text.n && is_blank(text.p[b]))
		b++;
	if (b + 1 < text.n && text.p[b] == '\r' && text.p[b + 1] == '\n')
		b += 2;
	else if (b < text.n && text.p[b] == '\n')
		b++;
	else if (b < text.n)
		return false;
	*from = a;
	*to = b;
	return true;
}

/* A name that can be shown and looked up; `dotted`: no empty part. */
static bool name_is_good(struct parser *p, const struct tag *tag, bool dotted)
{
	struct str name = tag->body;

	if (!name.n) {
		wrong(p, tag->pos, "the tag is empty; put a name into it");
		return false;
	}
	for (size_t i = 0; i < name.n; i++) {
		unsigned char c = (unsigned char)name.p[i];
		if (c > ' ' && c != 0x7f)
			continue;
		wrong(p, tag->pos,
		    "the name in the tag has white space or a control "
		    "character in it; a name is one word");
		return false;
	}
	if (!dotted || str_is(name, "."))
		return true;
	if (name.p[0] != '.' && name.p[name.n - 1] != '.' &&
	    find(name, STR(".."), 0) == name.n)
		return true;
	wrong(p, tag->pos,
	    "`%.*s` has an empty part; write `a.b`, or `.` alone",
	    STR_ARG(str_slice(name, 0, SHOWN)));
	return false;
}

static void open_section(
    struct parser *p, const struct tag *tag, enum mustache_kind kind)
{
	if (!name_is_good(p, tag, true) && !tag->body.n)
		return;
	if (p->depth == MUSTACHE_DEPTH_MAX) {
		diag_error(p->diag, tag->pos, "template-too-deep",
		    "more than %d sections inside each other; flatten them or "
		    "the data",
		    MUSTACHE_DEPTH_MAX);
		p->err = ERR_TOO_LARGE;
		p->at = p->text.n;
		p->depth = 0; /* nothing more to say about the open ones */
		return;
	}
	struct mustache_node *node = append(p, kind, tag->body, tag->pos);
	p->frames[++p->depth] =
	    (struct frame){.section = node, .tail = &node->children};
}

static void not_closed(struct parser *p, const struct mustache_node *section)
{
	wrong(p, section->pos,
	    "the section `%.*s` is not closed; it needs `{{/%.*s}}`",
	    STR_ARG(str_slice(section->text, 0, SHOWN)),
	    STR_ARG(str_slice(section->text, 0, SHOWN)));
}

static void close_section(struct parser *p, const struct tag *tag)
{
	size_t depth = p->depth;
	struct str shown = str_slice(tag->body, 0, SHOWN);

	while (depth && !str_eq(p->frames[depth].section->text, tag->body))
		depth--;
	if (!depth) {
		if (!name_is_good(p, tag, true))
			return;
		if (!p->depth) {
			wrong(p, tag->pos, "`%.*s` closes no open section",
			    STR_ARG(shown));
			return;
		}
		const struct mustache_node *open = p->frames[p->depth].section;
		wrong(p, tag->pos,
		    "`%.*s` closes no open section; `%.*s` of line %u is open",
		    STR_ARG(shown), STR_ARG(str_slice(open->text, 0, SHOWN)),
		    open->pos.line);
		return;
	}
	for (; p->depth > depth; p->depth--)
		not_closed(p, p->frames[p->depth].section);
	p->depth--;
}

/* {{=<% %>=}}: two words, neither with `=`. */
static void set_delimiters(struct parser *p, const struct tag *tag)
{
	struct str body = tag->body;
	size_t a = 0, b;

	while (a < body.n && !is_space(body.p[a]))
		a++;
	for (b = a; b < body.n && is_space(body.p[b]);)
		b++;
	struct str open = str_slice(body, 0, a);
	struct str close = str_slice(body, b, body.n);
	bool good = open.n && close.n && str_find(body, '=', 0) == body.n;
	for (size_t i = 0; i < close.n; i++)
		good = good && !is_space(close.p[i]);
	if (!good) {
		wrong(p, tag->pos,
		    "delimiters are two words without `=`, as in "
		    "`{{=<%% %%>=}}`");
		return;
	}
	p->open = open;
	p->close = close;
}

static void add_partial(
    struct parser *p, const struct tag *tag, struct str indent)
{
	if (name_is_good(p, tag, false))
		append(p, MUSTACHE_PARTIAL, tag->body, tag->pos)->indent =
		    indent;
}

static void add_name(
    struct parser *p, const struct tag *tag, enum mustache_kind kind)
{
	if (name_is_good(p, tag, true))
		append(p, kind, tag->body, tag->pos);
}

static void act(struct parser *p, const struct tag *tag, struct str indent)
{
	switch (tag->sigil) {
	case '!':
		break;
	case '#':
		open_section(p, tag, MUSTACHE_SECTION);
		break;
	case '^':
		open_section(p, tag, MUSTACHE_INVERTED);
		break;
	case '/':
		close_section(p, tag);
		break;
	case '>':
		add_partial(p, tag, indent);
		break;
	case '=':
		set_delimiters(p, tag);
		break;
	case '&':
	case '{':
		add_name(p, tag, MUSTACHE_RAW);
		break;
	default:
		add_name(p, tag, MUSTACHE_NAME);
	}
}

/*
 * Where the tag's content ends: at its close, if that comes before the next
 * tag opens. Comments may hold anything; delimiters are near. So a text full
 * of tags that never end is still read in one pass.
 */
static size_t tag_end(
    struct parser *p, const struct tag *tag, size_t at, size_t *resume)
{
	struct str close = p->close;
	size_t end;

	if (tag->sigil == '!') {
		*resume = p->text.n;
		return find(p->text, close, at);
	}
	*resume = find(p->text, p->open, at);
	if (tag->sigil == '=') {
		close = arena_printf(p->arena, "=%.*s", STR_ARG(close));
		struct str near = str_slice(p->text, 0, at + DELIMITERS_MAX);
		end = find(near, close, at);
		return end == near.n ? p->text.n : end;
	}
	if (tag->sigil == '{')
		close = arena_printf(p->arena, "}%.*s", STR_ARG(close));
	end = find(str_slice(p->text, 0, *resume + close.n), close, at);
	return end <= *resume ? end : p->text.n;
}

/*
 * Reads the tag whose opening delimiter is at `from`. False when it does not
 * end: p->at is where to go on then.
 */
static bool read_tag(struct parser *p, size_t from, struct tag *tag)
{
	size_t at = from + p->open.n, resume;

	*tag = (struct tag){.from = from, .pos = place(p, from)};
	while (at < p->text.n && is_space(p->text.p[at]))
		at++;
	bool empty = str_eq(str_slice(p->text, at, at + p->close.n), p->close);
	if (!empty && at < p->text.n && p->text.p[at] &&
	    strchr(SIGILS, p->text.p[at]))
		tag->sigil = p->text.p[at++];
	const char *last = tag->sigil == '{' ? "}" : "";
	if (tag->sigil == '=')
		last = "=";
	size_t end = tag_end(p, tag, at, &resume);
	if (end == p->text.n) {
		wrong(p, tag->pos, "the tag is not closed; it needs `%s%.*s`",
		    last, STR_ARG(str_slice(p->close, 0, SHOWN)));
		p->at = resume;
		return false;
	}
	tag->body = str_trim(str_slice(p->text, at, end));
	tag->to = end + strlen(last) + p->close.n;
	return true;
}

static void next_tag(struct parser *p)
{
	size_t from = find(p->text, p->open, p->at);
	struct str indent = {0};
	struct tag tag;

	if (from == p->text.n) {
		append_text(p, p->at, from);
		p->at = from;
		return;
	}
	size_t text_from = p->at;
	if (!read_tag(p, from, &tag))
		return; /* there will be no output, so no text is lost */
	if (tag.sigil && strchr(ALONE, tag.sigil) &&
	    alone_on_line(p->text, &tag.from, &tag.to))
		indent = str_slice(p->text, tag.from, from);
	append_text(p, text_from, tag.from);
	p->at = tag.to;
	act(p, &tag, indent);
}

enum err mustache_parse(struct arena *a, const struct mustache_source *source,
    struct diag *diag, struct mustache_node **out)
{
	struct parser p = {
	    .arena = a,
	    .diag = diag,
	    .source = source,
	    .text = source->text,
	    .open = STR("{{"),
	    .close = STR("}}"),
	    .line = 1,
	};

	*out = NULL;
	p.frames[0].tail = out;
	while (p.at < p.text.n)
		next_tag(&p);
	for (; p.depth; p.depth--)
		not_closed(&p, p.frames[p.depth].section);
	return p.err;
}
