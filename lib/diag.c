#include "lib/diag.h"

#include <stdlib.h>
#include <string.h>

bool pos_eq(struct pos a, struct pos b)
{
	return a.line == b.line && a.col == b.col &&
	       str_eq(str_of(a.file), str_of(b.file));
}

void diag_init(struct diag *diag, struct arena *arena)
{
	*diag = (struct diag){.arena = arena};
}

bool diag_is_full(const struct diag *diag)
{
	return !diag || diag->errors + diag->warnings >= DIAG_MAX;
}

__attribute__((format(printf, 5, 0))) static void add(struct diag *diag,
    enum diag_level level, struct pos pos, const char *name, const char *format,
    va_list args)
{
	size_t *count = level == DIAG_ERROR ? &diag->errors : &diag->warnings;

	bool full = diag_is_full(diag);

	++*count;
	if (full)
		return;
	struct diag_item *item = arena_alloc(diag->arena, sizeof(*item));
	item->level = level;
	item->pos = pos;
	if (pos.file)
		item->pos.file = arena_cstr(diag->arena, str_of(pos.file));
	item->name = name;
	item->text = arena_vprintf(diag->arena, format, args);
	if (diag->last)
		diag->last->next = item;
	else
		diag->first = item;
	diag->last = item;
}

void diag_error(struct diag *diag, struct pos pos, const char *name,
    const char *format, ...)
{
	if (!diag)
		return;
	va_list args;
	va_start(args, format);
	add(diag, DIAG_ERROR, pos, name, format, args);
	va_end(args);
}

void diag_warn(struct diag *diag, struct pos pos, const char *name,
    const char *format, ...)
{
	if (!diag)
		return;
	va_list args;
	va_start(args, format);
	add(diag, DIAG_WARNING, pos, name, format, args);
	va_end(args);
}

static int by_place(const void *left, const void *right)
{
	const struct diag_item *a = *(const struct diag_item *const *)left;
	const struct diag_item *b = *(const struct diag_item *const *)right;
	const char *af = a->pos.file ? a->pos.file : "";
	const char *bf = b->pos.file ? b->pos.file : "";
	int order = strcmp(af, bf);

	if (order != 0)
		return order;
	if (a->pos.line != b->pos.line)
		return a->pos.line < b->pos.line ? -1 : 1;
	if (a->pos.col != b->pos.col)
		return a->pos.col < b->pos.col ? -1 : 1;
	return 0;
}

void diag_put_text(struct str text, FILE *out)
{
	size_t plain = 0; /* where what is not yet written starts */

	for (size_t i = 0; i < text.n; i++) {
		unsigned char c = (unsigned char)text.p[i];
		if (c >= 0x20 && c != 0x7f)
			continue;
		fwrite(text.p + plain, 1, i - plain, out);
		if (c == '\n')
			fputs("\\n", out);
		else
			fprintf(out, "\\x%02x", c);
		plain = i + 1;
	}
	if (plain < text.n)
		fwrite(text.p + plain, 1, text.n - plain, out);
}

static void print_item(const struct diag_item *item, FILE *out)
{
	static const char *const levels[] = {
	    [DIAG_ERROR] = "", [DIAG_WARNING] = "warning: "};

	if (item->pos.file) {
		diag_put_text(str_of(item->pos.file), out);
		if (item->pos.line)
			fprintf(out, ":%u:%u", item->pos.line, item->pos.col);
		fputs(": ", out);
	}
	fprintf(out, "%s%s: ", levels[item->level], item->name);
	diag_put_text(item->text, out);
	fputc('\n', out);
}

size_t diag_sorted(
    const struct diag *diag, const struct diag_item *out[DIAG_MAX])
{
	size_t n = 0;

	for (const struct diag_item *i = diag->first; i && n < DIAG_MAX;
	     i = i->next)
		out[n++] = i;
	if (n)
		qsort(out, n, sizeof(out[0]), by_place);
	return n;
}

void diag_print(const struct diag *diag, FILE *out)
{
	const struct diag_item *sorted[DIAG_MAX];
	size_t n = diag_sorted(diag, sorted);

	for (size_t i = 0; i < n; i++)
		print_item(sorted[i], out);
	if (diag->errors + diag->warnings > n)
		fprintf(
		    out, "… and %zu more\n", diag->errors + diag->warnings - n);
}
