#ifndef LOWTIDE_CGI_READ_READ_PARTS_H
#define LOWTIDE_CGI_READ_READ_PARTS_H

#include "cgi/next.h"
#include "cgi/read/read-purge.h"
#include "cgi/read/reader.h"
#include "cgi/scrape.h"
#include "cgi/secrets.h"

/*
 * Inside of lowtide-read: what read.c (options, what is opened in which order),
 * read-open.c (sockets), read-serve.c (its parts put together, and what runs),
 * read-check.c (what is missing on this machine) and read-reload.c (SIGHUP)
 * share. For them alone.
 */

#define READ_CACHE_MIN ((int64_t)64 * 1024)
#define READ_CACHE_MAX ((int64_t)1024 * 1024 * 1024 * 1024)

/*
 * A configuration and what hangs on it; the newest first, the last the start's.
 * Older ones are there while somebody still reads by them.
 */
struct read_epoch {
	struct next *next; /* NULL = the start's */
	const struct config *config;
	struct secrets *secrets;
	struct read_epoch *older;
};
/*
 * What its sandbox leaves open for this configuration: ports of the upstreams
 * that reads call, 53 and the endpoint's; files that are read again, beside
 * what any call needs.
 */
struct read_needs {
	uint16_t *ports;
	size_t n_ports;
	const char **files; /* NULL ends */
};
struct read_program {
	struct start start;
	struct log log;
	const char *state_given; /* --state, or NULL */
	int listen_fd, metrics_fd, control_fd, aside_fd;
	int64_t idle_ms;    /* 0 = stays */
	size_t cache_bytes; /* 0 = as the engine has it */
	struct listen_at endpoint;
	bool has_endpoint;
	void *pool;
	struct engine *engine;
	struct bearer *bearer;
	struct handover *handover;
	struct reader *reader;
	struct read_metrics *metrics;
	struct scrape *scrape;
	struct purge *purge;
	struct read_epoch *epochs;
	struct read_needs needs;     /* what the sandbox leaves open */
	struct loop_spec spec;	     /* of the loop that runs */
	struct app_now began, asked; /* the program, and its metrics last */
	struct loop_load load;	     /* then */
};

/* ---- read-open.c --------------------------------------------------------- */

#define READ_RUN "/run/lowtide"
enum err read_listen(struct read_program *p, const char *address)
    __attribute__((warn_unused_result));
/* For requests, unless that is open already; for metrics, and for orders. */
enum err read_open_sockets(struct read_program *p, const char *address,
    const char *metrics, const char *control)
    __attribute__((warn_unused_result));
/* Where orders are taken; a path, because its mode says who may. */
enum err read_control_path(struct read_program *p, const char *address,
    const char **path) __attribute__((warn_unused_result));
enum err read_find_endpoint(struct read_program *p, const char *address)
    __attribute__((warn_unused_result));

/* ---- read-serve.c -------------------------------------------------------- */

/* All but the sockets; findings where something cannot be had. */
enum err read_equip(struct read_program *p) __attribute__((warn_unused_result));
/* Metrics and orders, where their sockets are there. */
enum err read_observe(struct read_program *p)
    __attribute__((warn_unused_result));
/* From here to SIGTERM. */
enum err read_serve(struct read_program *p) __attribute__((warn_unused_result));
void read_release(struct read_program *p);

/* ---- read-check.c -------------------------------------------------------- */

/* Whether tokens are to be checked. */
bool read_needs_bearer(const struct config *config);
/*
 * Warnings for what reads will need and is missing here: secrets, certificates,
 * providers' keys. What needs it fails by name, the rest goes on. bearer may be
 * NULL.
 */
void read_report(
    const struct config *config, struct bearer *bearer, struct diag *diag);
/* The same to stderr: warnings are for now, not for the end of a long run. */
void read_report_now(const struct config *config, struct bearer *bearer);
/*
 * The configuration with the upstreams and secrets of its reads alone, in the
 * arena.
 */
const struct config *read_config_of_reads(
    struct arena *a, const struct config *config);
/* In the arena. */
void read_needs(struct arena *a, const struct read_program *p,
    const struct config *config, struct read_needs *out);
/* Whether what is left open for `has` is enough for `wants`. */
bool read_needs_no_more(
    const struct read_needs *has, const struct read_needs *wants);

/* ---- read-reload.c ------------------------------------------------------- */

struct read_epoch *read_epoch_new(
    struct next *next, const struct config *config);
void read_reload(void *ctx);
/* Drops what nobody reads by any more. */
void read_drop_older(struct read_program *p);
void read_drop_all(struct read_program *p);

#endif
