#include <stdio.h>
#include <unistd.h>

#include "cgi/read/read-parts.h"
#include "cgi/upstreams-check.h"
#include "lib/clock.h"
#include "lib/url.h"

/*
 * What is looked at before reads are answered, and by --test. That something is
 * missing is no error, because only the calls fail that need it.
 */
bool read_needs_bearer(const struct config *config)
{
	for (size_t i = 0; i < config->n_reads; i++)
		if (config_provider(config, config->reads[i].auth))
			return true;
	return false;
}

/* {secret.NAME} or {secret.NAME?} */
static bool names_secret(struct str text, struct str name)
{
	static const char place[] = "{secret.";

	for (size_t at = 0; at < text.n; at++) {
		struct str rest = str_slice(text, at, text.n);
		if (!str_starts(rest, place))
			continue;
		rest =
		    str_slice(rest, sizeof(place) - 1, str_find(rest, '}', 0));
		if (str_ends(rest, "?"))
			rest.n--;
		if (str_eq(rest, name))
			return true;
	}
	return false;
}

static bool any_names_secret(const struct pairs *headers, struct str name)
{
	for (size_t i = 0; i < headers->n; i++)
		if (names_secret(headers->items[i].value, name))
			return true;
	return false;
}

static bool is_called(const struct config *config, const struct upstream *up)
{
	for (size_t i = 0; i < config->n_read_calls; i++)
		if (str_eq(config->read_calls[i].upstream, up->name))
			return true;
	return false;
}

static bool is_used(const struct config *config, const struct secret *secret)
{
	for (size_t i = 0; i < config->n_read_calls; i++) {
		const struct read_call *call = &config->read_calls[i];
		if (names_secret(call->path, secret->name) ||
		    any_names_secret(&call->headers, secret->name))
			return true;
	}
	for (size_t i = 0; i < config->n_upstreams; i++)
		if (is_called(config, &config->upstreams[i]) &&
		    any_names_secret(
			&config->upstreams[i].headers, secret->name))
			return true;
	return false;
}

const struct config *read_config_of_reads(
    struct arena *a, const struct config *config)
{
	struct config *part = arena_alloc(a, sizeof(*part));

	*part = *config;
	part->secrets =
	    arena_array(a, config->n_secrets, sizeof(part->secrets[0]));
	part->upstreams =
	    arena_array(a, config->n_upstreams, sizeof(part->upstreams[0]));
	part->n_secrets = part->n_upstreams = 0;
	for (size_t i = 0; i < config->n_secrets; i++)
		if (is_used(config, &config->secrets[i]))
			part->secrets[part->n_secrets++] = config->secrets[i];
	for (size_t i = 0; i < config->n_upstreams; i++)
		if (is_called(config, &config->upstreams[i]))
			part->upstreams[part->n_upstreams++] =
			    config->upstreams[i];
	return part;
}

void read_report(
    const struct config *config, struct bearer *bearer, struct diag *diag)
{
	const struct config *part = read_config_of_reads(diag->arena, config);
	struct secrets *secrets = secrets_new(part);

	upstreams_report(part, diag);
	secrets_report(secrets, diag);
	secrets_free(secrets);
	if (bearer)
		bearer_report(bearer, clock_wall_ms(), diag);
}

void read_report_now(const struct config *config, struct bearer *bearer)
{
	struct arena arena;
	struct diag diag;

	arena_init(&arena);
	diag_init(&diag, &arena);
	read_report(config, bearer, &diag);
	diag_print(&diag, stderr);
	arena_release(&arena);
}

/* ---- ports --------------------------------------------------------------- */

static void add_port(uint16_t *ports, size_t *n, uint16_t port)
{
	for (size_t i = 0; i < *n; i++)
		if (ports[i] == port)
			return;
	ports[(*n)++] = port;
}

size_t read_ports(struct arena *a, const struct config *config, uint16_t **out)
{
	uint16_t *ports =
	    arena_array(a, config->n_upstreams + 1, sizeof(ports[0]));
	struct url url;
	size_t n = 0;

	add_port(ports, &n, 53); /* DNS, of what does not fit a datagram */
	for (size_t i = 0; i < config->n_upstreams; i++) {
		const struct upstream *up = &config->upstreams[i];
		if (!is_called(config, up) ||
		    url_split(a, up->base, &url) != ERR_OK)
			continue;
		add_port(ports, &n,
		    url.port			  ? url.port
		    : str_is(url.scheme, "https") ? 443
						  : 80);
	}
	*out = ports;
	return n;
}

/* ---- files --------------------------------------------------------------- */

/* A folder of keys that is not there yet is found in the one it will be in. */
const char *const *read_files(struct arena *a, const struct read_program *p)
{
	const struct config *c = read_config_of_reads(a, p->start.config);
	const char **files =
	    arena_array(a, c->n_upstreams + c->n_secrets + 3, sizeof(*files));
	const char *jwks = arena_printf(a, "%s/jwks", p->start.state_dir).p;
	size_t n = 0;

	files[n++] = p->start.config_path;
	if (p->bearer)
		files[n++] = access(jwks, F_OK) == 0
				 ? arena_printf(a, "%s/*", jwks).p
				 : jwks;
	for (size_t i = 0; i < c->n_upstreams; i++)
		if (c->upstreams[i].ca.n)
			files[n++] = arena_cstr(a, c->upstreams[i].ca);
	for (size_t i = 0; i < c->n_secrets; i++)
		if (c->secrets[i].file.n)
			files[n++] = arena_cstr(a, c->secrets[i].file);
	return files;
}
