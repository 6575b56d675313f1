#ifndef LOWTIDE_CGI_UPSTREAM_EXEC_SAID_H
#define LOWTIDE_CGI_UPSTREAM_EXEC_SAID_H

#include "cgi/envelope.h"

/*
 * What a program says on its fds 2 and 3, by lines, of which nothing is
 * trusted. Pure.
 *
 * A line ends at LF, or where the program does. Of a longer one than
 * EXEC_LINE_MAX only so many bytes are looked at; the memory is this struct.
 */
#define EXEC_LINE_MAX 500

struct exec_lines {
	size_t n;
	char line[EXEC_LINE_MAX];
};
typedef void exec_line(void *ctx, struct str line);
void exec_lines_put(
    struct exec_lines *l, struct str bytes, exec_line *each, void *ctx);
/* Nothing more comes: what has no LF behind it is a line too. */
void exec_lines_end(struct exec_lines *l, exec_line *each, void *ctx);

/*
 * As people may be shown it: UTF-8 without control characters, one line, no
 * blanks at its ends, at most `max` bytes and cut between characters. A blank
 * stands for each control character, a question mark for each byte that is no
 * UTF-8. How many bytes of `out` that took.
 */
size_t exec_clean(struct str line, char *out, size_t max);

/*
 * A line of progress:
 *
 *   "42 reading"   or "42% reading": the percentage and a message
 *   "42"           the percentage alone; the message before stays
 *   "reading"      a message alone; the percentage before stays
 *
 * What begins with a digit or a minus sign and no number from 0 to 100 ("101
 * x", "-1", "7th part") says nothing. False: nothing was said.
 */
struct exec_progress {
	int percent; /* -1: none was said yet */
	size_t n;
	char message[ENVELOPE_MESSAGE_MAX];
};
bool exec_progress_read(struct str line, struct exec_progress *progress);

#endif
