#include "cgi/endpoint.h"

#include "cgi/scrape.h"
#include "lib/clock.h"
#include "lib/version.h"

/*
 * Whoever asks for metrics is told what was counted since the start, and what
 * waits in the store, which is looked at once a second at most however many
 * ask.
 */

static void look_at_queues(struct endpoint *e)
{
	const size_t n = e->app.config->n_apis;
	struct store_stats stats;

	if (!queues_are_due(&e->queues, n, e->asked.boot_ms))
		return;
	for (size_t i = 0; i < n; i++)
		if (app_queue(&e->app, i, &stats) == ERR_OK)
			queues_put(&e->queues, i, &stats, e->asked.wall_ms);
	app_rest(&e->app);
}

static void tell(void *ctx, struct buf *out)
{
	struct endpoint *e = ctx;

	look_at_queues(e);
	const struct metrics_now now = {.config = e->app.config,
	    .queues = e->queues.all,
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
	queues_release(&e->queues);
}
