#ifndef LOWTIDE_CGI_PROCESS_H
#define LOWTIDE_CGI_PROCESS_H

#include "cgi/listen.h"
#include "cgi/log.h"
#include "cgi/start.h"

/*
 * What the programs that stay (endpoint, reads, worker) have in common beside
 * start.h: rows of their options that mean the same in all of them, and what
 * is done to the process itself.
 */
#define PROCESS_LISTEN(path)                                                   \
	{                                                                      \
		.name = "listen", .letter = 'l', .kind = OPT_STRING,           \
		.arg = "ADDRESS",                                              \
		.help = LISTEN_KINDS                                           \
		    "; else the socket it is started with, else unix:" path    \
	}
#define PROCESS_IDLE_EXIT                                                      \
	{                                                                      \
		.name = "idle-exit", .kind = OPT_DURATION, .arg = "TIME",      \
		.help =                                                        \
		    "end when nobody was here for so long; for a socket that " \
		    "starts it again"                                          \
	}
#define PROCESS_USER(text)                                                     \
	{                                                                      \
		.name = "user", .letter = 'u', .kind = OPT_STRING,             \
		.arg = "NAME", .help = text                                    \
	}
#define PROCESS_METRICS                                                        \
	{                                                                      \
		.name = "metrics", .kind = OPT_STRING, .arg = "ADDRESS",       \
		.help = LISTEN_KINDS "; tell Prometheus there, at /metrics"    \
	}
#define PROCESS_LOG_LEVEL(text)                                                \
	{                                                                      \
		.name = "log-level", .kind = OPT_STRING, .arg = "LEVEL",       \
		.choices = LOG_LEVELS, .help = text                            \
	}
#define PROCESS_TEST(text)                                                     \
	{                                                                      \
		.name = "test", .letter = 't', .kind = OPT_FLAG, .help = text  \
	}
#define PROCESS_VERSION                                                        \
	{                                                                      \
		.name = "version", .kind = OPT_FLAG,                           \
		.help = "show the version"                                     \
	}

/* Where these are in a program's rows. */
struct process_rows {
	const char *name; /* "lowtide-cgi" */
	void (*usage)(void);
	int config, test, help, version;
};
/*
 * True where nothing is left to do: --help and --version are answered on
 * stdout, and an operand is ERR_USAGE but for the FILE of --test, which
 * --config may name as well.
 */
bool process_is_answered(struct start *s, const struct process_rows *rows,
    const struct opt_result *found, enum err *err);
/* --test's FILE; NULL: none. */
const char *process_test_file(const struct opt_result *found);

/*
 * SIGHUP that comes before there is a loop for it waits until there is. That
 * nobody reads the log any more, SIGPIPE, ends nobody.
 */
void process_settle_signals(void);
/* A connection each for thousands that wait. */
void process_raise_file_limit(void);
/* The log's `running-as-root`, if so; `why` says what to do. */
void process_warn_of_root(struct log *log, const char *why);

#endif
