#include "generator/js-comments.h"

#include "generator/js-tokens.h"

/* Nothing blank before a line's end, and no line of nothing. */
static void put_break(struct buf *out)
{
	while (
	    out->len && str_find(STR(" \t\r"), out->data[out->len - 1], 0) < 3)
		out->len--;
	if (out->len && out->data[out->len - 1] != '\n')
		buf_putc(out, '\n');
}

/* But for what indents a line. */
static void put_piece(struct buf *out, struct str piece)
{
	bool blank = piece.n == 1 && str_find(STR(" \t\r"), *piece.p, 0) < 3;

	if (!blank || (out->len && out->data[out->len - 1] != '\n'))
		buf_put_str(out, piece);
}

static bool strip(struct str code, struct buf *out)
{
	struct js_scan s = {.code = code};
	struct str piece;
	enum js_token kind;

	while ((kind = js_next(&s, &piece)) < JS_END) {
		bool is_comment = kind == JS_COMMENT;
		if (is_comment && str_find(piece, '\n', 0) == piece.n)
			put_piece(out, STR(" "));
		else if (is_comment || str_is(piece, "\n"))
			put_break(out);
		else
			put_piece(out, piece);
	}
	return kind == JS_END && s.depth == 0;
}

struct str js_without_comments(struct arena *a, struct str code)
{
	struct buf out = {0};

	if (js_is_usual(code) && strip(code, &out))
		code = arena_str(a, buf_str(&out));
	buf_release(&out);
	return code;
}
