#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cgi/read/read-parts.h"
#include "cgi/template.h"
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
	struct template_name place;

	for (size_t at = 0; template_next(text, &at, &place);)
		if (str_is(place.root, "secret") && str_eq(place.name, name))
			return true;
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

/* What the generator makes is none of these; others may have been there. */
static void report_plans(const struct config *config, struct diag *diag)
{
	struct str why;

	for (size_t i = 0; i < config->n_reads; i++)
		if (!plan_check(diag->arena, config, &config->reads[i], &why))
			diag_warn(diag, POS_NONE, "read-impossible",
			    "%.*s; nobody is answered until lowtide.json is "
			    "built again",
			    STR_ARG(why));
}

void read_report(
    const struct config *config, struct bearer *bearer, struct diag *diag)
{
	const struct config *part = read_config_of_reads(diag->arena, config);
	struct secrets *secrets = secrets_new(part);

	report_plans(config, diag);
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

/* ---- what the sandbox leaves open
 * --------------------------------------------------------------- */

static void add_port(struct read_needs *needs, uint16_t port)
{
	for (size_t i = 0; i < needs->n_ports; i++)
		if (needs->ports[i] == port)
			return;
	if (port)
		needs->ports[needs->n_ports++] = port;
}

static uint16_t port_of(struct arena *a, const struct upstream *up)
{
	struct url url;

	if (url_split(a, up->base, &url) != ERR_OK)
		return 0;
	if (url.port)
		return url.port;
	return str_is(url.scheme, "https") ? 443 : 80;
}

static uint16_t port_at(const struct sockaddr_storage *at)
{
	if (at->ss_family == AF_INET)
		return ntohs(((const struct sockaddr_in *)at)->sin_port);
	if (at->ss_family == AF_INET6)
		return ntohs(((const struct sockaddr_in6 *)at)->sin6_port);
	return 0;
}

static void need_ports(struct arena *a, const struct read_program *p,
    const struct config *of_reads, struct read_needs *out)
{
	out->ports =
	    arena_array(a, of_reads->n_upstreams + 2, sizeof(*out->ports));
	add_port(out, 53); /* DNS, of what does not fit a datagram */
	if (p->has_endpoint)
		add_port(out, port_at(&p->endpoint.at));
	for (size_t i = 0; i < of_reads->n_upstreams; i++)
		add_port(out, port_of(a, &of_reads->upstreams[i]));
}

/* A folder of keys that is not there yet is found in the one it will be in. */
static void need_files(struct arena *a, const struct read_program *p,
    const struct config *of_reads, struct read_needs *out)
{
	const char *jwks = arena_printf(a, "%s/jwks", p->start.state_dir).p;
	const bool made = access(jwks, F_OK) == 0;
	size_t n = 0;

	out->files =
	    arena_array(a, of_reads->n_upstreams + of_reads->n_secrets + 3,
		sizeof(*out->files));
	out->files[n++] = p->start.config_path;
	if (p->bearer)
		out->files[n++] = made ? arena_printf(a, "%s/*", jwks).p : jwks;
	for (size_t i = 0; i < of_reads->n_upstreams; i++)
		if (of_reads->upstreams[i].ca.n)
			out->files[n++] =
			    arena_cstr(a, of_reads->upstreams[i].ca);
	for (size_t i = 0; i < of_reads->n_secrets; i++)
		if (of_reads->secrets[i].file.n)
			out->files[n++] =
			    arena_cstr(a, of_reads->secrets[i].file);
}

void read_needs(struct arena *a, const struct read_program *p,
    const struct config *config, struct read_needs *out)
{
	const struct config *of_reads = read_config_of_reads(a, config);

	*out = (struct read_needs){0};
	need_ports(a, p, of_reads, out);
	need_files(a, p, of_reads, out);
}

static bool has_port(const struct read_needs *has, uint16_t port)
{
	for (size_t i = 0; i < has->n_ports; i++)
		if (has->ports[i] == port)
			return true;
	return false;
}

/* Rules are about folders, and hold for all that is below. */
static struct str folder_of(const char *path)
{
	const char *end = strrchr(path, '/');

	return (struct str){path, end ? (size_t)(end - path) : 0};
}

static bool is_below(struct str folder, struct str above)
{
	return folder.n >= above.n &&
	       str_eq(str_slice(folder, 0, above.n), above) &&
	       (folder.n == above.n || folder.p[above.n] == '/');
}

static bool has_file(const struct read_needs *has, const char *file)
{
	for (size_t i = 0; has->files[i]; i++)
		if (is_below(folder_of(file), folder_of(has->files[i])))
			return true;
	return false;
}

bool read_needs_no_more(
    const struct read_needs *has, const struct read_needs *wants)
{
	for (size_t i = 0; i < wants->n_ports; i++)
		if (!has_port(has, wants->ports[i]))
			return false;
	for (size_t i = 0; wants->files[i]; i++)
		if (!has_file(has, wants->files[i]))
			return false;
	return true;
}
