#include <stdlib.h>

#include "cgi/read/read-parts.h"
#include "lib/clock.h"

/*
 * SIGHUP: the configuration is read again and is in use at once. Who waits is
 * answered by what he began with, which goes when nobody needs it any more.
 * What is kept in memory stays: whatever an answer depends on is part of its
 * name.
 */
struct read_epoch *read_epoch_new(
    struct next *next, const struct config *config)
{
	struct read_epoch *epoch = calloc(1, sizeof(*epoch));

	if (!epoch)
		abort();
	epoch->next = next;
	epoch->config = config;
	epoch->secrets = secrets_new(config);
	return epoch;
}

static void drop(struct read_program *p, struct read_epoch *epoch)
{
	secrets_free(epoch->secrets);
	if (epoch->next)
		next_drop(epoch->next);
	else
		arena_release(&p->start.config_arena);
	free(epoch);
}

void read_drop_older(struct read_program *p)
{
	struct read_epoch **at = p->epochs ? &p->epochs->older : NULL;

	while (at && *at) {
		struct read_epoch *epoch = *at;
		if (engine_uses(p->engine, epoch->config) ||
		    reader_uses(p->reader, epoch->config)) {
			at = &epoch->older;
			continue;
		}
		*at = epoch->older;
		drop(p, epoch);
	}
}

void read_drop_all(struct read_program *p)
{
	struct read_epoch *epoch;

	while ((epoch = p->epochs) != NULL) {
		p->epochs = epoch->older;
		drop(p, epoch);
	}
}

static void failed(struct read_program *p, enum err err)
{
	read_metrics_reloaded(p->metrics, false);
	ERROR_LOG(&p->log, clock_wall_ms(), "reload-failed",
	    LOG_TEXT("error", err_name(err)));
}

/*
 * Tokens are taken from the start on, or never: their folder is opened then.
 * And what the sandbox has shut stays shut.
 */
static const char *why_not(
    const struct read_program *p, const struct config *config)
{
	struct arena arena = {0};
	struct read_needs wants;

	if (!p->bearer && read_needs_bearer(config))
		return "a read takes a provider's tokens now, and none did "
		       "when this program was started";
	read_needs(&arena, p, config, &wants);
	const bool fits = read_needs_no_more(&p->needs, &wants);
	arena_release(&arena);
	return fits ? NULL
		    : "an upstream has another port, or needs a file in "
		      "another folder, than any had when this program was "
		      "started, and its sandbox has shut them";
}

static enum err check(struct read_program *p, const struct config *config)
{
	const char *why = why_not(p, config);

	if (!why)
		return ERR_OK;
	ERROR_LOG(
	    &p->log, clock_wall_ms(), "restart-needed", LOG_TEXT("why", why));
	return ERR_CONFLICT;
}

void read_reload(void *ctx)
{
	struct read_program *p = reader_host(ctx);
	struct next *next;
	enum err err = next_read_config(&p->start, &next);

	if (err == ERR_OK)
		err = check(p, next->config);
	if (err != ERR_OK) {
		failed(p, err);
		next_drop(next);
		return;
	}
	struct read_epoch *epoch = read_epoch_new(next, next->config);
	epoch->older = p->epochs;
	p->epochs = epoch;
	p->start.config = next->config;
	if (p->bearer)
		bearer_reconfigure(p->bearer, next->config);
	read_metrics_fit(p->metrics, next->config);
	engine_refit(p->engine, next->config, epoch->secrets);
	reader_refit(p->reader, next->config);
	read_metrics_reloaded(p->metrics, true);
	LOG(&p->log, clock_wall_ms(), "reloaded",
	    LOG_INT("reads", (int64_t)next->config->n_reads));
	read_report_now(next->config, p->bearer);
}
