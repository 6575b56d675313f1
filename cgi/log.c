#include "cgi/log.h"

#include <limits.h>
#include <unistd.h>

#include "lib/arena.h"
#include "lib/json.h"
#include "lib/units.h"

static void put_field(struct json_writer *w, const struct log_field *f)
{
	json_key(w, f->name);
	if (f->kind == LOG_KIND_NUMBER)
		json_int(w, f->number);
	else
		json_string(w, f->text);
}

static void put_line(struct buf *line, const char *program, int64_t now_ms,
    const char *event, const struct log_field *fields, size_t n)
{
	struct arena arena = {0};
	struct json_writer w = {.out = line};

	json_open(&w, '{');
	json_key(&w, "time");
	json_string(&w, units_time(&arena, now_ms));
	json_key(&w, "program");
	json_string(&w, str_of(program));
	json_key(&w, "event");
	json_string(&w, str_of(event));
	for (size_t i = 0; i < n; i++)
		put_field(&w, &fields[i]);
	json_close(&w, '}');
	buf_putc(line, '\n');
	arena_release(&arena);
}

static void write_out(int fd, struct buf *lines)
{
	if (lines->len)
		(void)!write(fd, lines->data, lines->len);
	buf_clear(lines);
}

struct log log_hold(const struct log *log, struct buf *held)
{
	struct log out = log ? *log : (struct log){.fd = -1};

	out.held = held;
	return out;
}

void log_release(const struct log *log)
{
	if (log->fd >= 0)
		write_out(log->fd, log->held);
	buf_release(log->held);
}

bool log_says(const struct log *log, enum log_level level)
{
	return log && log->fd >= 0 && level <= log->level;
}

bool log_level_read(const char *text, enum log_level *out)
{
	static const struct {
		const char *name;
		enum log_level level;
	} levels[] = {
	    {"error", LOG_ERROR}, {"info", LOG_INFO}, {"debug", LOG_DEBUG}};

	for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++)
		if (str_is(str_of(text), levels[i].name)) {
			*out = levels[i].level;
			return true;
		}
	return false;
}

void log_event(const struct log *log, int64_t now_ms, const char *event,
    const struct log_field *fields, size_t n)
{
	log_at(log, LOG_INFO, now_ms, event, fields, n);
}

void log_at(const struct log *log, enum log_level level, int64_t now_ms,
    const char *event, const struct log_field *fields, size_t n)
{
	if (!log_says(log, level))
		return;
	struct buf line = {0};

	put_line(&line, log->program, now_ms, event, fields, n);
	if (log->held && log->held->len + line.len > PIPE_BUF)
		write_out(log->fd, log->held);
	if (log->held)
		buf_put(log->held, line.data, line.len);
	else
		write_out(log->fd, &line);
	buf_release(&line);
}
