#include "cgi/upstream/exec-said.h"

#include "lib/utf8.h"

#define PERCENT_DIGITS 3

static void keep(struct exec_lines *l, struct str bytes)
{
	size_t room = sizeof(l->line) - l->n;
	size_t n = bytes.n < room ? bytes.n : room;

	if (n)
		memcpy(l->line + l->n, bytes.p, n);
	l->n += n;
}

void exec_lines_end(struct exec_lines *l, exec_line *each, void *ctx)
{
	if (l->n)
		each(ctx, (struct str){.p = l->line, .n = l->n});
	l->n = 0;
}

void exec_lines_put(
    struct exec_lines *l, struct str bytes, exec_line *each, void *ctx)
{
	size_t at = 0;

	while (at < bytes.n) {
		size_t end = str_find(bytes, '\n', at);
		keep(l, str_slice(bytes, at, end));
		if (end == bytes.n)
			break;
		exec_lines_end(l, each, ctx);
		at = end + 1;
	}
}

/* C0, DEL, C1, and what breaks lines or turns the direction of the text. */
static bool is_control(struct str s, size_t at, size_t n)
{
	const unsigned char *p = (const unsigned char *)s.p + at;

	if (n == 1)
		return p[0] < 0x20 || p[0] == 0x7f;
	if (n == 2)
		return p[0] == 0xc2 && p[1] < 0xa0;
	if (n == 3 && p[0] == 0xe2 && p[1] == 0x80)
		return p[2] >= 0xa8 && p[2] <= 0xae;
	return n == 3 && p[0] == 0xe2 && p[1] == 0x81 && p[2] >= 0xa6 &&
	       p[2] <= 0xa9;
}

/* The character at `at` as it may be shown; *n = its bytes in the line. */
static struct str shown(struct str line, size_t at, size_t *n)
{
	*n = utf8_char(line, at);
	if (*n == 0) {
		*n = 1;
		return STR("?");
	}
	if (is_control(line, at, *n))
		return STR(" ");
	return str_slice(line, at, at + *n);
}

size_t exec_clean(struct str line, char *out, size_t max)
{
	size_t used = 0, end = 0, n;

	for (size_t at = 0; at < line.n; at += n) {
		struct str c = shown(line, at, &n);
		bool blank = str_is(c, " ");
		if (blank && used == 0)
			continue;
		if (c.n > max - used)
			break;
		memcpy(out + used, c.p, c.n);
		used += c.n;
		if (!blank)
			end = used;
	}
	return end;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* 0..100 and what follows it; false when it is no such number. */
static bool read_percent(struct str line, int *percent, struct str *rest)
{
	size_t at = 0;

	for (*percent = 0; at < line.n && is_digit(line.p[at]); at++) {
		if (at == PERCENT_DIGITS)
			return false;
		*percent = *percent * 10 + line.p[at] - '0';
	}
	if (at == 0 || *percent > 100)
		return false;
	if (at < line.n && line.p[at] == '%')
		at++;
	*rest = str_slice(line, at, line.n);
	return rest->n == 0 || rest->p[0] == ' ' || rest->p[0] == '\t' ||
	       rest->p[0] == '\r';
}

bool exec_progress_read(struct str line, struct exec_progress *progress)
{
	char message[ENVELOPE_MESSAGE_MAX];
	int percent = -1;

	line = str_trim(line);
	if (line.n && (is_digit(line.p[0]) || line.p[0] == '-') &&
	    !read_percent(line, &percent, &line))
		return false;
	size_t n = exec_clean(line, message, sizeof(message));
	if (percent < 0 && n == 0)
		return false;
	if (percent >= 0)
		progress->percent = percent;
	if (n) {
		progress->n = n;
		memcpy(progress->message, message, n);
	}
	return true;
}
