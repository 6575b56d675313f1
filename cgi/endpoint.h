#ifndef LOWTIDE_CGI_ENDPOINT_H
#define LOWTIDE_CGI_ENDPOINT_H

#include "cgi/app.h"
#include "cgi/committer.h"
#include "cgi/loop.h"
#include "cgi/metrics.h"
#include "cgi/next.h"
#include "cgi/queues.h"
#include "cgi/start.h"

/*
 * The running endpoint: the parts put together. Configuration, keys and store
 * (start.h), the app (app.h) in its loop (loop.h), and the writer's thread
 * (committer.h).
 *
 * The store is opened twice: to write, which makes and mends what is there and
 * is the thread's from then on, and to read, for the loop.
 */

struct endpoint {
	struct start start;
	struct log log;
	struct store *reads;
	struct committer *committer;
	struct app app;
	struct loop_spec spec; /* of the loop that runs */
	int listen_fd, bell_fd;
	int64_t idle_ms; /* 0 = stays */
	/* endpoint-metrics.c: */
	int metrics_fd; /* -1 = nobody asks for metrics */
	struct scrape *scrape;
	struct metrics metrics;
	struct app_now began, asked; /* the program, and its metrics last */
	struct loop_load load;	     /* then */
	struct queues queues;
	/*
	 * reload.c: newest first; none = the start's. The newest is what the
	 * writer's store works by; older ones are there while anything still
	 * points into them.
	 */
	struct next *configs;
	bool reloading, reload_again;
};

/* endpoint.c */

/*
 * The app for what is there: what it remembers by API is made, and empty, and
 * providers' keys can be read. ERR_MISSING: tokens cannot be checked here.
 */
enum err endpoint_equip(struct app *app, struct start *start,
    struct store *reads, const struct log *log)
    __attribute__((warn_unused_result));
/* The same app after another configuration; what is known of APIs stays. */
void endpoint_refit(struct app *app, const struct config *config, size_t n_was);
void endpoint_strip(struct app *app); /* also of one that is zero */

/* The second handle; after the first, which makes what it reads. */
enum err endpoint_open_reads(const struct start *start, struct diag *diag,
    struct store **out) __attribute__((warn_unused_result));
/* From the thread's start to SIGTERM. */
enum err endpoint_serve(struct endpoint *e) __attribute__((warn_unused_result));

/* endpoint-metrics.c: its metrics, where metrics_fd is there. */

/* Before the loop; afterwards the app counts. */
enum err observe_open(struct endpoint *e) __attribute__((warn_unused_result));
void observe_run(void *ctx, struct app_now now, const struct loop_load *load);
void observe_close(struct endpoint *e);

/* reload.c: SIGHUP. */

/*
 * Reads configuration and keys again. What is good goes to the writer first,
 * whose tables must be there before anybody names them; what is bad is said,
 * and nothing changes.
 */
void reload_begin(struct endpoint *e);
/* The writer has it, or could not: before the change is freed. */
void reload_committed(struct endpoint *e, const struct change *change);
void reload_release(struct endpoint *e);

#endif
