#ifndef LOWTIDE_CGI_LOG_H
#define LOWTIDE_CGI_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/buf.h"
#include "lib/str.h"

/*
 * What happened, for whoever runs this: one JSON object per line on stderr,
 * written whole with one write(2), so that lines of several processes never
 * mix.
 *
 *   {"time":"2026-11-21T08:30:00.000Z","program":"lowtide-worker",
 *    "event":"job-completed","jobId":"job_…","api":"bundle-post","attempt":1}
 *
 * A line may hold ids, names, states, numbers and our own sentences. It never
 * holds a body, a credential, or anything a client or an upstream wrote. What
 * a program of the site says on its fd 2 is a line of its own, handler-said.
 */
enum log_level { LOG_ERROR = -1, LOG_INFO = 0, LOG_DEBUG = 1 };
struct log {
	int fd; /* -1 says nothing */
	const char *program;
	enum log_level level; /* what is beyond is not said */
	struct buf *held; /* NULL: a line is written at once; see log_hold() */
};

enum log_kind { LOG_KIND_TEXT, LOG_KIND_NUMBER };
struct log_field {
	const char *name;
	enum log_kind kind;
	struct str text;
	int64_t number;
};
#define LOG_STR(key, value)                                                    \
	((struct log_field){                                                   \
	    .name = (key), .kind = LOG_KIND_TEXT, .text = (value)})
#define LOG_TEXT(key, value) LOG_STR(key, str_of(value))
#define LOG_INT(key, value)                                                    \
	((struct log_field){                                                   \
	    .name = (key), .kind = LOG_KIND_NUMBER, .number = (value)})

/*
 * LOG(log, now_ms, "job-claimed", LOG_INT("attempt", 1), …). A NULL log says
 * nothing; a failed write is ignored. `event` is lower-case-with-hyphens and
 * never changes.
 */
void log_event(const struct log *log, int64_t now_ms, const char *event,
    const struct log_field *fields, size_t n);
/*
 * log_event() and LOG() are of LOG_INFO. ERROR_LOG(): what somebody should look
 * at, and that it is over. DEBUG_LOG(): each answer.
 */
void log_at(const struct log *log, enum log_level level, int64_t now_ms,
    const char *event, const struct log_field *fields, size_t n);
bool log_says(const struct log *log, enum log_level level);
/* "error", "info", "debug"; false: another word. */
#define LOG_LEVELS "error|info|debug"
bool log_level_read(const char *text, enum log_level *out);
/*
 * For many lines at once: what is said to the log this returns is collected in
 * `held`, which begins empty, and written with as few writes as a pipe takes
 * without tearing one apart, the rest by log_release(). Nothing that may end
 * the process belongs between the two.
 */
struct log log_hold(const struct log *log, struct buf *held);
void log_release(const struct log *log);
#define LOG_FIELDS_(...)                                                       \
	(const struct log_field[]){__VA_ARGS__},                               \
	    sizeof((const struct log_field[]){__VA_ARGS__}) /                  \
		sizeof(struct log_field)
#define ERROR_LOG(log, now_ms, event, ...)                                     \
	log_at((log), LOG_ERROR, (now_ms), (event), LOG_FIELDS_(__VA_ARGS__))
#define DEBUG_LOG(log, now_ms, event, ...)                                     \
	log_at((log), LOG_DEBUG, (now_ms), (event), LOG_FIELDS_(__VA_ARGS__))
#define LOG(log, now_ms, event, ...)                                           \
	log_event((log), (now_ms), (event), LOG_FIELDS_(__VA_ARGS__))

#endif
