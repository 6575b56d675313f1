#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "cgi/metrics.h"
#include "cgi/read/read-parts.h"
#include "lib/clock.h"
#include "lib/random.h"
#include "lib/version.h"

/*
 * The running lowtide-read: what calls upstreams, the engine, the reader in its
 * loop, and beside it those who ask for metrics or give orders.
 */

/* ---- metrics and orders -------------------------------------------------- */

static void tell(void *ctx, struct buf *out)
{
	struct read_program *p = ctx;
	const struct config *config = p->start.config;
	const struct engine_load load = engine_load(p->engine);
	enum breaker_state *breakers =
	    calloc(config->n_upstreams + 1, sizeof(breakers[0]));
	struct read_metrics_now now = {.breakers = breakers,
	    .reads = load.reads,
	    .flights = load.flights,
	    .waiting = load.waiting,
	    .connections = p->load.connections,
	    .uptime_ms = p->asked.boot_ms - p->began.boot_ms,
	    .started_ms = p->began.wall_ms,
	    .version = LOWTIDE_VERSION};

	if (!breakers)
		abort();
	for (size_t i = 0; i < config->n_upstreams; i++)
		breakers[i] = engine_breaker(p->engine, i, p->asked.boot_ms);
	engine_cache_stats(p->engine, &now.cache);
	read_metrics_write(p->metrics, &now, out);
	free(breakers);
}

static size_t purge(void *ctx, struct str prefix)
{
	struct read_program *p = ctx;
	const size_t n = engine_purge(p->engine, prefix);

	LOG(&p->log, clock_wall_ms(), "cache-purged",
	    LOG_INT("answers", (int64_t)n));
	reader_stir(p->reader);
	return n;
}

static void aside(void *ctx, struct app_now now, const struct loop_load *load)
{
	struct read_program *p = reader_host(ctx);

	p->asked = now;
	p->load = *load;
	if (p->scrape)
		scrape_run(p->scrape, now.boot_ms, p);
	if (p->purge)
		purge_run(p->purge, now.boot_ms, p);
}

static bool watch_aside(const struct read_program *p, int fd)
{
	struct epoll_event ev = {.events = EPOLLIN};

	return epoll_ctl(p->aside_fd, EPOLL_CTL_ADD, fd, &ev) == 0;
}

static enum err open_scrape(struct read_program *p)
{
	const struct scrape_spec spec = {
	    .listen_fd = p->metrics_fd, .write = tell, .type = METRICS_TYPE};

	if (p->metrics_fd < 0)
		return ERR_OK;
	enum err err = scrape_open(&spec, &p->scrape);
	if (err != ERR_OK)
		return err;
	p->metrics_fd = -1; /* it has it */
	return watch_aside(p, scrape_fd(p->scrape)) ? ERR_OK : ERR_IO;
}

static enum err open_purge(struct read_program *p)
{
	const struct purge_spec spec = {
	    .listen_fd = p->control_fd, .purge = purge};

	if (p->control_fd < 0)
		return ERR_OK;
	enum err err = purge_open(&spec, &p->purge);
	if (err != ERR_OK)
		return err;
	p->control_fd = -1;
	return watch_aside(p, purge_fd(p->purge)) ? ERR_OK : ERR_IO;
}

enum err read_observe(struct read_program *p)
{
	enum err err = ERR_IO;

	p->began = (struct app_now){
	    .wall_ms = clock_wall_ms(), .boot_ms = clock_boot_ms()};
	p->aside_fd = epoll_create1(EPOLL_CLOEXEC);
	if (p->aside_fd >= 0)
		err = open_scrape(p);
	if (err == ERR_OK)
		err = open_purge(p);
	if (err != ERR_OK)
		diag_error(&p->start.diag, POS_NONE, "io-error",
		    "neither metrics can be told nor orders taken; see "
		    "`ulimit -n`");
	return err;
}

/* ---- its parts ----------------------------------------------------------- */

static enum err open_pool(struct read_program *p)
{
	enum err err = upstream_curl.open(&p->pool);

	if (err != ERR_OK)
		diag_error(&p->start.diag, POS_NONE, "curl-missing",
		    "libcurl cannot be used; reinstall the package libcurl4");
	return err;
}

static enum err open_bearer(struct read_program *p)
{
	if (!read_needs_bearer(p->start.config))
		return ERR_OK;
	p->bearer = bearer_open(
	    p->start.config, p->start.state_dir, &p->log, &p->start.diag);
	return p->bearer ? ERR_OK : ERR_MISSING;
}

static void make_engine(struct read_program *p)
{
	const struct config *config = p->start.config;

	p->metrics = read_metrics_new(config);
	p->epochs = read_epoch_new(NULL, config);
	p->engine = engine_new(&(struct engine_spec){.config = config,
	    .upstream = &upstream_curl,
	    .pool = p->pool,
	    .secrets = p->epochs->secrets,
	    .log = &p->log,
	    .metrics = p->metrics,
	    .cache_bytes = p->cache_bytes,
	    .random = random_bytes});
}

static enum err open_reader(struct read_program *p)
{
	struct reader_spec spec = {.config = p->start.config,
	    .engine = p->engine,
	    .upstream_fd = upstream_curl.fd(p->pool),
	    .bearer = p->bearer,
	    .log = &p->log,
	    .metrics = p->metrics,
	    .host = p};
	enum err err = ERR_OK;

	random_bytes(&spec.seed, sizeof(spec.seed));
	if (p->has_endpoint)
		err = handover_open(&p->endpoint, &p->handover);
	spec.handover = p->handover;
	if (err == ERR_OK)
		err = reader_open(&spec, &p->reader);
	if (err != ERR_OK)
		diag_error(&p->start.diag, POS_NONE, "io-error",
		    "reads cannot be waited for: %s; see `ulimit -n`",
		    strerror(errno));
	return err;
}

enum err read_equip(struct read_program *p)
{
	enum err err = open_pool(p);

	if (err == ERR_OK)
		err = open_bearer(p);
	if (err != ERR_OK)
		return err;
	make_engine(p);
	return open_reader(p);
}

void read_release(struct read_program *p)
{
	reader_close(p->reader);
	handover_close(p->handover);
	engine_free(p->engine);
	if (p->pool)
		upstream_curl.close(p->pool);
	bearer_close(p->bearer);
	scrape_close(p->scrape);
	purge_close(p->purge);
	read_metrics_free(p->metrics);
	read_drop_all(p);
	if (p->aside_fd >= 0)
		close(p->aside_fd);
}

/* ---- running ------------------------------------------------------------- */

static void rest(void *ctx)
{
	struct read_program *p = reader_host(ctx);

	reader_rest(ctx);
	if (p->epochs->older)
		read_drop_older(p);
}

static bool idle(void *ctx)
{
	const struct read_program *p = reader_host(ctx);

	LOG(&p->log, clock_wall_ms(), "read-idle",
	    LOG_INT("afterMs", p->idle_ms));
	return true;
}

enum err read_serve(struct read_program *p)
{
	p->spec = (struct loop_spec){.listen_fd = p->listen_fd,
	    .reload = read_reload,
	    .idle_ms = p->idle_ms,
	    .idle = idle};
	reader_serve(p->reader, &p->spec);
	p->spec.rest = rest;
	if (p->scrape || p->purge) {
		p->spec.aside_fd = p->aside_fd;
		p->spec.aside = aside;
	}
	LOG(&p->log, clock_wall_ms(), "read-started",
	    LOG_STR("site", p->start.config->name),
	    LOG_INT("reads", (int64_t)p->start.config->n_reads));
	enum err err = loop_run(&p->spec);
	if (err != ERR_OK)
		diag_error(&p->start.diag, POS_NONE, "io-error",
		    "the loop cannot go on: %s; see `ulimit -n`",
		    strerror(errno));
	LOG(&p->log, clock_wall_ms(), "read-stopped",
	    LOG_TEXT("error", err ? err_name(err) : ""));
	return err;
}
