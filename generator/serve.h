#ifndef LOWTIDE_GENERATOR_SERVE_H
#define LOWTIDE_GENERATOR_SERVE_H

#include "generator/command.h"
#include "generator/serve-place.h"
#include "generator/site.h"
#include "generator/supervise.h"

/*
 * What the parts of `lowtide serve` share: cmd-serve.c (the order of things),
 * serve-helper.c ([serve.run]), serve-stack.c (endpoint, worker, nginx),
 * serve-place.c (folders, programs, ports) and supervise.c (processes).
 */
struct helper {
	const char *name, *url;
	struct child child;
};
struct serve {
	struct command_run *run;
	struct arena *arena;
	struct diag *diag;
	struct place place;
	struct supervisor supervisor;
	const char *url, *config, *keys;
	uint16_t port;
	struct site *site;
	struct helper *helpers;
	size_t n_helpers;
	bool has_api;
	struct child cgi, worker, nginx, command;
};

/* A line for people, unless --quiet. */
void serve_say(const struct serve *s, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* One turn of the supervisor; what it found is told now, not at the end. */
enum err serve_watch(struct serve *s, int timeout_ms)
    __attribute__((warn_unused_result));
/* As printf, into the arena. */
const char *serve_text(struct serve *s, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* A NULL-terminated argument list in the arena: SERVE_LIST(s, "a", "b"). */
const char *const *serve_list(struct serve *s, const char *const *items);
#define SERVE_LIST(s, ...)                                                     \
	serve_list(s, (const char *const[]){__VA_ARGS__, NULL})
/* A fresh log file below the state, by the name of who writes it. */
const char *serve_log(struct serve *s, const char *name);

/* serve-helper.c: starts [serve.run] one by one, each ready before the next. */
enum err serve_start_helpers(struct serve *s)
    __attribute__((warn_unused_result));
/* Puts their addresses where upstreams say `{run.NAME.url}`. */
void serve_fill_upstreams(struct serve *s);

/* serve-stack.c: builds into `run`, sets config and has_api. */
enum err serve_build(struct serve *s, const char *socket)
    __attribute__((warn_unused_result));
/* The endpoint gets `socket` as its descriptor 0. */
enum err serve_start_programs(struct serve *s, int socket)
    __attribute__((warn_unused_result));
enum err serve_start_nginx(struct serve *s) __attribute__((warn_unused_result));
/*
 * Until something answers through nginx; `not-ready` names the logs,
 * `child-died` the program that ended meanwhile.
 */
enum err serve_wait_ready(struct serve *s) __attribute__((warn_unused_result));

#endif
