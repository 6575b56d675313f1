#include "cgi/log.h"

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

void log_event(const struct log *log, int64_t now_ms, const char *event,
    const struct log_field *fields, size_t n)
{
	if (!log || log->fd < 0)
		return;
	struct arena arena = {0};
	struct buf line = {0};
	struct json_writer w = {.out = &line};

	json_open(&w, '{');
	json_key(&w, "time");
	json_string(&w, units_time(&arena, now_ms));
	json_key(&w, "program");
	json_string(&w, str_of(log->program));
	json_key(&w, "event");
	json_string(&w, str_of(event));
	for (size_t i = 0; i < n; i++)
		put_field(&w, &fields[i]);
	json_close(&w, '}');
	buf_putc(&line, '\n');
	ssize_t written = write(log->fd, line.data, line.len);
	(void)written;
	buf_release(&line);
	arena_release(&arena);
}
