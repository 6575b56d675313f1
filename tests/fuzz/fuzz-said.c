#include <string.h>

#include "cgi/upstream/exec-said.h"
#include "lib/buf.h"
#include "lib/utf8.h"
#include "tests/fuzz/fuzz.h"

/*
 * What a program says on its fds 2 and 3; the first byte is how many come at a
 * time. In whatever pieces it comes the same is heard; no line is longer than
 * what is kept of one; and what is shown of it is plain text.
 */
const char *const fuzz_words[] = {"\n", "\r\n", " ", "42 ", "100%", "101 ",
    "-1", "0042", "\t", "reading", "\x1b[2J", "\xc2\x9b", "\xe2\x80\xa8",
    "\xe2\x80\xae", "\xf0\x9f\x8c\x8a", "\xff", "\xed\xa0\x80",
    "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
    NULL};

struct heard {
	struct buf text;
	struct exec_progress progress;
	size_t lines;
};

static void must_be_plain(struct str text, size_t max)
{
	fuzz_must(text.n <= max && utf8_valid(text));
	for (size_t i = 0; i < text.n; i++)
		fuzz_must(
		    (unsigned char)text.p[i] >= 0x20 && text.p[i] != 0x7f);
	fuzz_must(!text.n || (text.p[0] != ' ' && text.p[text.n - 1] != ' '));
}

static void on_line(void *ctx, struct str line)
{
	char shown[EXEC_LINE_MAX], few[10];
	struct heard *h = ctx;
	struct exec_progress *p = &h->progress;

	fuzz_must(line.n > 0 && line.n <= EXEC_LINE_MAX);
	fuzz_must(!memchr(line.p, '\n', line.n));
	must_be_plain((struct str){.p = shown,
			  .n = exec_clean(line, shown, sizeof(shown))},
	    sizeof(shown));
	must_be_plain(
	    (struct str){.p = few, .n = exec_clean(line, few, sizeof(few))},
	    sizeof(few));
	exec_progress_read(line, p);
	fuzz_must(p->percent >= -1 && p->percent <= 100);
	must_be_plain(
	    (struct str){.p = p->message, .n = p->n}, ENVELOPE_MESSAGE_MAX);
	h->lines++;
	buf_put_str(&h->text, line);
	buf_putc(&h->text, '\n');
}

static void hear(struct heard *h, struct str all, size_t piece)
{
	struct exec_lines lines = {0};

	*h = (struct heard){.progress.percent = -1};
	for (size_t at = 0; at < all.n; at += piece)
		exec_lines_put(
		    &lines, str_slice(all, at, at + piece), on_line, h);
	exec_lines_end(&lines, on_line, h);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct heard whole, pieces;

	if (n < 2)
		return 0;
	const struct str all = {.p = (const char *)data + 1, .n = n - 1};
	hear(&whole, all, all.n);
	hear(&pieces, all, (size_t)data[0] + 1);
	fuzz_must(whole.lines == pieces.lines);
	fuzz_must(str_eq(buf_str(&whole.text), buf_str(&pieces.text)));
	fuzz_must(whole.progress.percent == pieces.progress.percent &&
		  whole.progress.n == pieces.progress.n);
	buf_release(&whole.text);
	buf_release(&pieces.text);
	return 0;
}
