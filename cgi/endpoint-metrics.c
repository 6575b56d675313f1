#include <stdlib.h>
#include <string.h>

#include "cgi/endpoint.h"
#include "cgi/scrape.h"
#include "lib/clock.h"
#include "lib/version.h"

/*
 * Whoever asks for metrics is told what was counted since the start, and what
 * waits in the store, which is looked at once a second at most however many
 * ask.
 */
#define QUEUES_MS 1000

static void look_at_queue(struct endpoint *e, size_t api)
{
	struct metrics_queue *q = &e->queues[api];
	struct store_stats stats;

	*q = (struct metrics_queue){0};
	if (app_queue(&e->app, api, &stats) != ERR_OK)
		return;
	q->known = true;
	q->pending = stats.count[JOB_PENDING];
	q->needing = stats.needing;
	q->held = stats.held;
	q->running = stats.count[JOB_PROCESSING] - stats.held;
	if (stats.oldest_pending_ms)
		q->oldest_ms = e->asked.wall_ms - stats.oldest_pending_ms;
}

/* Another configuration may have come since. */
static void look_at_queues(struct endpoint *e)
{
	const size_t n = e->app.config->n_apis;

	if (e->n_queues == n && e->asked.boot_ms < e->queues_boot + QUEUES_MS)
		return;
	free(e->queues);
	e->queues = calloc(n + 1, sizeof(*e->queues));
	if (!e->queues)
		abort();
	e->n_queues = n;
	e->queues_boot = e->asked.boot_ms;
	for (size_t i = 0; i < n; i++)
		look_at_queue(e, i);
	app_rest(&e->app);
}

static void tell(void *ctx, struct buf *out)
{
	struct endpoint *e = ctx;

	look_at_queues(e);
	const struct metrics_now now = {.config = e->app.config,
	    .queues = e->queues,
	    .connections = e->load.connections,
	    .parked = e->load.parked,
	    .streams = e->load.streams,
	    .committing = e->load.committing,
	    .uptime_ms = e->asked.boot_ms - e->began.boot_ms,
	    .started_ms = e->began.wall_ms,
	    .version = LOWTIDE_VERSION};
	metrics_write(&e->metrics, &now, out);
}

void observe_run(void *ctx, struct app_now now, const struct loop_load *load)
{
	struct endpoint *e = ctx;

	e->asked = now;
	e->load = *load;
	scrape_run(e->scrape, now.boot_ms, e);
}

enum err observe_open(struct endpoint *e)
{
	const struct scrape_spec spec = {
	    .listen_fd = e->metrics_fd, .write = tell, .type = METRICS_TYPE};

	e->began = (struct app_now){
	    .wall_ms = clock_wall_ms(), .boot_ms = clock_boot_ms()};
	if (e->metrics_fd < 0) /* nobody can ask */
		return ERR_OK;
	metrics_fit(&e->metrics, e->app.config->n_apis);
	e->app.metrics = &e->metrics;
	enum err err = scrape_open(&spec, &e->scrape);
	if (err == ERR_OK)
		e->metrics_fd = -1; /* it has it */
	return err;
}

void observe_close(struct endpoint *e)
{
	scrape_close(e->scrape);
	metrics_release(&e->metrics);
	free(e->queues);
}
