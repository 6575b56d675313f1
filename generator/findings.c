#include "generator/findings.h"

#include <stdlib.h>
#include <string.h>

#include "lib/utf8.h"

#define EXCERPTS_MAX 50	   /* each reads its file anew */
#define EXCERPT_COLUMNS 76 /* of the line, the rest is cut off */
#define EXCERPT_LINES_MAX 1000000

static const char *const level_names[] = {
    [DIAG_ERROR] = "error", [DIAG_WARNING] = "warning"};

/* ---- github: what would end a property or a line stands as %XX ----------- */

static void put_escaped(struct str text, const char *also, FILE *out)
{
	for (size_t i = 0; i < text.n; i++) {
		char c = text.p[i];
		if (c == '%' || c == '\r' || c == '\n' ||
		    (c && strchr(also, c)))
			fprintf(out, "%%%02X", (unsigned char)c);
		else
			putc(c, out);
	}
}

static void put_annotation(const struct diag_item *item, FILE *out)
{
	fprintf(out, "::%s ", level_names[item->level]);
	if (item->pos.file) {
		fputs("file=", out);
		put_escaped(str_of(item->pos.file), ":,", out);
		fputc(',', out);
	}
	if (item->pos.file && item->pos.line)
		fprintf(out, "line=%u,col=%u,", item->pos.line, item->pos.col);
	fprintf(out, "title=%s::", item->name);
	put_escaped(item->text, "", out);
	fputc('\n', out);
}

/* ---- text ---------------------------------------------------------------- */

#define BOLD "\033[1m"
#define RED "\033[31m"
#define YELLOW "\033[33m"
#define DIM "\033[2m"
#define PLAIN "\033[0m"

static const char *sgr(const struct findings_style *style, const char *code)
{
	return style->colour ? code : "";
}

static void put_line(
    const struct diag_item *item, const struct findings_style *style, FILE *out)
{
	bool warning = item->level == DIAG_WARNING;

	if (item->pos.file) {
		fputs(sgr(style, BOLD), out);
		diag_put_text(str_of(item->pos.file), out);
		if (item->pos.line)
			fprintf(out, ":%u:%u", item->pos.line, item->pos.col);
		fprintf(out, ":%s ", sgr(style, PLAIN));
	}
	fprintf(out, "%s%s%s%s: ", sgr(style, warning ? YELLOW : RED),
	    warning ? "warning: " : "", item->name, sgr(style, PLAIN));
	diag_put_text(item->text, out);
	fputc('\n', out);
}

/* The n-th line of a file without its end; false when there is none. */
static bool read_line(
    const char *path, uint32_t n, char **line, size_t *room, struct str *text)
{
	FILE *f = n <= EXCERPT_LINES_MAX ? fopen(path, "re") : NULL;
	ssize_t got = -1;

	if (!f)
		return false;
	while (n-- > 0 && (got = getline(line, room, f)) >= 0)
		continue;
	fclose(f);
	if (got < 0)
		return false;
	*text = (struct str){.p = *line, .n = (size_t)got};
	while (str_ends(*text, "\n") || str_ends(*text, "\r"))
		text->n--;
	return true;
}

/* The next character, as far as it may stand on a terminal. */
static size_t put_char(struct str s, size_t at, FILE *out)
{
	size_t n = utf8_char(s, at);
	unsigned char c = (unsigned char)s.p[at];

	if (n <= 1 && (n == 0 || c < 0x20 || c == 0x7f))
		fputc(c == '\t' ? ' ' : '?', out);
	else
		fwrite(s.p + at, 1, n, out);
	return n ? n : 1;
}

/*
 *   12 | on_lots = "fail"
 *      | ^
 * Of a long line, the part around the column.
 */
static void put_excerpt(struct str line, const struct diag_item *item,
    const struct findings_style *style, FILE *out)
{
	size_t mark = item->pos.col - 1, from = 0, column = 0;

	for (size_t at = 0, column_at = 0; at < mark; column_at++) {
		size_t n = utf8_char(line, at);
		at += n ? n : 1;
		column = column_at + 1;
	}
	for (; column > EXCERPT_COLUMNS / 2; column--) {
		size_t n = utf8_char(line, from);
		from += n ? n : 1;
	}
	bool cut = from > 0;
	fprintf(out, "%s%6u |%s %s", sgr(style, DIM), item->pos.line,
	    sgr(style, PLAIN), cut ? "…" : "");
	for (size_t i = 0; i < EXCERPT_COLUMNS && from < line.n; i++)
		from += put_char(line, from, out);
	fprintf(out, "%s\n%s%6s |%s %*s%s^%s\n", from < line.n ? "…" : "",
	    sgr(style, DIM), "", sgr(style, PLAIN), (int)column + cut, "",
	    sgr(style, item->level == DIAG_WARNING ? YELLOW : RED),
	    sgr(style, PLAIN));
}

static void put_text(const struct diag_item *item,
    const struct findings_style *style, bool excerpt, FILE *out)
{
	char *line = NULL;
	size_t room = 0;
	struct str text;

	put_line(item, style, out);
	if (excerpt && item->pos.file && item->pos.line && item->pos.col &&
	    read_line(item->pos.file, item->pos.line, &line, &room, &text) &&
	    item->pos.col - 1 <= text.n)
		put_excerpt(text, item, style, out);
	free(line);
}

void findings_print(
    const struct diag *diag, const struct findings_style *style, FILE *out)
{
	const struct diag_item *items[DIAG_MAX];
	size_t n = diag_sorted(diag, items);
	size_t more = diag->errors + diag->warnings - n;

	for (size_t i = 0; i < n; i++) {
		if (style->github)
			put_annotation(items[i], out);
		else
			put_text(items[i], style,
			    style->excerpt && i < EXCERPTS_MAX, out);
	}
	if (more)
		fprintf(out, "%s… and %zu more\n",
		    style->github ? "::notice::" : "", more);
}

/* ---- JSON ---------------------------------------------------------------- */

static void set(
    struct arena *a, struct value *table, const char *key, struct value *value)
{
	if (!value)
		value = value_new(a, VALUE_NULL, POS_NONE);
	value_set(a, table, str_of(key), POS_NONE, value);
}

static struct value *text_or_null(struct arena *a, const char *text)
{
	return text ? value_string(a, str_of(text), POS_NONE) : NULL;
}

struct value *findings_value(struct arena *a, const struct diag *diag)
{
	const struct diag_item *items[DIAG_MAX];
	struct value *all = value_new(a, VALUE_ARRAY, POS_NONE);
	size_t n = diag_sorted(diag, items);

	for (size_t i = 0; i < n; i++) {
		struct value *row = value_new(a, VALUE_TABLE, POS_NONE);
		const struct pos *pos = &items[i]->pos;
		bool placed = pos->file && pos->line;
		set(a, row, "level",
		    text_or_null(a, level_names[items[i]->level]));
		set(a, row, "file", text_or_null(a, pos->file));
		set(a, row, "line",
		    placed ? value_int(a, pos->line, POS_NONE) : NULL);
		set(a, row, "column",
		    placed ? value_int(a, pos->col, POS_NONE) : NULL);
		set(a, row, "name", text_or_null(a, items[i]->name));
		set(a, row, "text", value_string(a, items[i]->text, POS_NONE));
		value_push(a, all, row);
	}
	return all;
}
