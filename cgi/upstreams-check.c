#include "cgi/upstreams-check.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "cgi/upstream/upstream.h"

static void report_ca(const struct upstream *up, struct diag *diag)
{
	const char *path = arena_cstr(diag->arena, up->ca);

	if (access(path, R_OK) == 0)
		return;
	diag_warn(diag, POS_FILE(path), "ca-unreadable",
	    "the certificates of the upstream `%.*s` cannot be read: %s; until "
	    "they can be, no call of it is made",
	    STR_ARG(up->name), strerror(errno));
}

/* Told once, for all those upstreams that cannot be called without. */
static void report_authorities(const struct config *config, struct diag *diag)
{
	const char *path = upstream_authorities();

	if (!path || access(path, R_OK) == 0)
		return;
	for (size_t i = 0; i < config->n_upstreams; i++) {
		const struct upstream *up = &config->upstreams[i];

		if (up->ca.n || !str_starts(up->base, "https:"))
			continue;
		diag_warn(diag, POS_FILE(path), "ca-missing",
		    "without it no certificate can be checked, and the "
		    "upstream "
		    "`%.*s` cannot be called; install the package "
		    "ca-certificates",
		    STR_ARG(up->name));
		return;
	}
}

void upstreams_report(const struct config *config, struct diag *diag)
{
	for (size_t i = 0; i < config->n_upstreams; i++)
		if (config->upstreams[i].ca.n)
			report_ca(&config->upstreams[i], diag);
	report_authorities(config, diag);
}
