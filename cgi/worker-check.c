#include "cgi/worker-parts.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cgi/upstreams-check.h"
#include "lib/config-merge.h"

/*
 * What is looked at before jobs are taken, and by --test. That an API does
 * nothing is an error, because it would end jobs as done; that a program or a
 * secret is missing is none, because only the jobs fail that need it.
 */

/* What does nothing is for measuring what the rest costs. */
enum err worker_check(
    const struct worker *w, const struct config *config, struct diag *diag)
{
	enum err err = ERR_OK;

	for (size_t i = 0; i < config->n_apis && !w->dev; i++) {
		if (!config->apis[i].noop || config_is_gone(&config->apis[i]))
			continue;
		diag_error(diag, POS_FILE(w->start.config_path), "noop-handler",
		    "the API `%.*s` does nothing with what it is sent; give "
		    "it an upstream, or say --dev",
		    STR_ARG(config->apis[i].name));
		err = ERR_INPUT;
	}
	return err;
}

bool worker_has_programs(const struct config *config)
{
	for (size_t i = 0; i < config->n_apis; i++)
		if (config->apis[i].exec.n && !config_is_gone(&config->apis[i]))
			return true;
	return false;
}

static void report_handler(
    const struct worker *w, const struct api *api, struct diag *diag)
{
	const char *path = arena_printf(
	    diag->arena, "%s/%.*s", w->handlers, STR_ARG(api->exec.items[0]))
			       .p;
	struct stat st;

	if (stat(path, &st) != 0)
		diag_warn(diag, POS_FILE(path), "handler-missing",
		    "this program of the API `%.*s` cannot be had: %s; put it "
		    "there, with the rest of dist/server",
		    STR_ARG(api->name), strerror(errno));
	else if (!S_ISREG(st.st_mode) || access(path, X_OK) != 0)
		diag_warn(diag, POS_FILE(path), "handler-not-executable",
		    "the API `%.*s` cannot run this; make it a program: chmod "
		    "0755",
		    STR_ARG(api->name));
}

/* Made where there is none, once jobs are taken. */
static void report_work(const struct worker *w, struct diag *diag)
{
	if (access(w->work, F_OK) != 0 && !w->shift.runner)
		return;
	if (access(w->work, R_OK | W_OK | X_OK) == 0)
		return;
	diag_warn(diag, POS_FILE(w->work), "work-folder",
	    "programs cannot get folders there: %s; give it to the user that "
	    "runs the worker, with mode 0700",
	    strerror(errno));
}

void worker_report(const struct worker *w, const struct config *config,
    struct secrets *secrets, struct diag *diag)
{
	for (size_t i = 0; i < config->n_apis; i++)
		if (config->apis[i].exec.n && !config_is_gone(&config->apis[i]))
			report_handler(w, &config->apis[i], diag);
	if (worker_has_programs(config))
		report_work(w, diag);
	upstreams_report(config, diag);
	secrets_report(secrets, diag);
}

void worker_report_now(const struct worker *w, const struct shift *shift)
{
	struct arena arena;
	struct diag diag;

	arena_init(&arena);
	diag_init(&diag, &arena);
	worker_report(w, w->start.config, shift->secrets, &diag);
	diag_print(&diag, stderr);
	arena_release(&arena);
}
