#ifndef LOWTIDE_GENERATOR_SERVE_H
#define LOWTIDE_GENERATOR_SERVE_H

#include "generator/command.h"
#include "generator/serve-place.h"
#include "generator/site.h"
#include "generator/supervise.h"
#include "generator/watch.h"

/*
 * What the parts of `lowtide serve` share: cmd-serve.c (the order of things),
 * serve-helper.c ([serve.run]), serve-stack.c (endpoint, worker, reads, nginx),
 * serve-rebuild.c (what changed since), serve-place.c (folders, programs,
 * ports), watch.c (changes) and supervise.c (processes).
 */
struct helper {
	const char *name, *url;
	struct child child;
};
/* A site that changes while it is served: generator/serve-rebuild.c. */
struct rebuild {
	struct watch watch;
	int64_t first_ms, last_ms; /* when changes were heard of; 0 = none */
	int64_t look_ms;	   /* without notices: when to look again */
	bool said_why;
	pid_t pid; /* of the build under way; 0 = none */
	int report_fd;
	struct arena arena; /* of the paths */
	const char **paths; /* that changed */
	size_t n;
	/* hex digests of what is running now, and of the last [serve.run] told
	 */
	struct str config, server, helpers;
};

/* What a site has for programs to do. */
struct serve_has {
	bool apis;  /* for endpoint and worker */
	bool keys;  /* of providers: the worker fetches them, for reads too */
	bool reads; /* for lowtide-read */
};

struct serve {
	struct command_run *run;
	struct arena *arena;
	struct diag *diag;
	struct place place;
	struct supervisor supervisor;
	struct site_spec spec;
	const char *url, *config, *keys;
	const char *socket_path, *read_socket_path;
	/* the endpoint's and lowtide-read's, listening; -1 = none */
	int socket, read_socket;
	const char *read_probe; /* of the first build: server_read_alone() */
	uint16_t port;
	struct site *site;
	struct helper *helpers;
	size_t n_helpers;
	struct serve_has has;
	struct child cgi, worker, read, nginx, command;
	struct rebuild rebuild;
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
/*
 * Puts their addresses where `site` says `{run.NAME.url}`; one that was
 * declared after they were started is `helper-not-running`
 * (generator/run-reference.h).
 */
enum err serve_fill_references(struct serve *s, struct site *site,
    struct arena *a, struct diag *diag) __attribute__((warn_unused_result));

/*
 * serve-stack.c. The site as it is now, and the release below `run` made of it;
 * *has: what there is to do. Findings go into `diag`; after an error the last
 * release is as it was.
 */
enum err serve_load(struct serve *s, struct arena *a, struct diag *diag,
    struct site **site) __attribute__((warn_unused_result));
enum err serve_build(struct serve *s, struct site *site, struct arena *a,
    struct diag *diag, struct serve_has *has)
    __attribute__((warn_unused_result));
/* Endpoint, worker and lowtide-read: those that `has` wants and that are not
   running. */
enum err serve_start_programs(struct serve *s)
    __attribute__((warn_unused_result));
void serve_keep_programs(struct serve *s); /* whoever of them dies */
enum err serve_start_nginx(struct serve *s) __attribute__((warn_unused_result));
/*
 * Until something answers through nginx; `not-ready` names the logs,
 * `child-died` the program that ended meanwhile.
 */
enum err serve_wait_ready(struct serve *s) __attribute__((warn_unused_result));

/*
 * serve-rebuild.c. Before the site is loaded: from here on changes are noticed.
 * `by_looking`: without the kernel's notices.
 */
void serve_watch_site(struct serve *s, bool by_looking);
/* Once everything runs. */
void serve_remember(struct serve *s);
/*
 * One turn of the supervisor, and what is to be done about changes: a build in
 * a process of its own, then whatever has to learn of it.
 */
enum err serve_turn(struct serve *s) __attribute__((warn_unused_result));
void serve_forget(struct serve *s); /* ends a build under way */

#endif
