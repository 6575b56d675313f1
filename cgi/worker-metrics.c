#include "cgi/worker-parts.h"

#include "cgi/runner-load.h"
#include "cgi/scrape.h"
#include "lib/version.h"

/*
 * Whoever asks for metrics is told what this worker counted, and what waits in
 * the store, whoever works on it: that is looked at once a second at most
 * however many ask.
 */

static void look_at_queues(struct worker *w)
{
	const size_t n = w->start.config->n_apis;
	struct store_stats stats;

	if (!queues_are_due(&w->queues, n, w->asked.now_boot) ||
	    store_view(w->start.store) != ERR_OK)
		return;
	for (size_t i = 0; i < n; i++)
		if (store_stats(w->start.store, i, &stats) == ERR_OK)
			queues_put(&w->queues, i, &stats, w->asked.now_ms);
	store_unview(w->start.store);
}

static void tell(void *ctx, struct buf *out)
{
	struct worker *w = ctx;

	look_at_queues(w);
	metrics_work_fit(w->metrics, w->start.config->n_apis);
	const struct metrics_work_now now = {.config = w->start.config,
	    .queues = w->queues.all,
	    .calls = runner_load(w->shift.runner, w->asked).calls +
		     runner_load(w->leaving.runner, w->asked).calls,
	    .uptime_ms = w->asked.now_boot - w->began.now_boot,
	    .started_ms = w->began.now_ms,
	    .version = LOWTIDE_VERSION};
	metrics_work_write(w->metrics, &now, out);
}

enum err worker_observe(struct worker *w)
{
	const struct scrape_spec spec = {
	    .listen_fd = w->metrics_fd, .write = tell, .type = METRICS_TYPE};

	if (w->metrics_fd < 0)
		return ERR_OK;
	enum err err = scrape_open(&spec, &w->scrape);
	if (err == ERR_OK) {
		w->metrics_fd = -1; /* it has it */
		w->metrics = metrics_work_new(w->start.config->n_apis);
		return err;
	}
	diag_error(&w->start.diag, POS_NONE, "io-error",
	    "metrics cannot be told; see `ulimit -n`");
	return err;
}

void worker_scraped(struct worker *w, struct runner_now now)
{
	w->asked = now;
	scrape_run(w->scrape, now.now_boot, w);
}

void worker_unobserve(struct worker *w)
{
	scrape_close(w->scrape);
	metrics_work_free(w->metrics);
	queues_release(&w->queues);
}
