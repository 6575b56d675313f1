#include "cgi/compose-parts.h"

#include <stdlib.h>

/*
 * A program's environment is written here from nothing: it never is the
 * worker's, which may hold secrets. What the API lists is taken over by name,
 * where it is set; what we say of the job cannot be replaced by it.
 */
static const char *variable(struct arena *a, const char *name, struct str value)
{
	return arena_printf(a, "%s=%.*s", name, STR_ARG(value)).p;
}

static bool is_listed(const struct api *api, const char *name)
{
	for (size_t i = 0; i < api->exec_env.n; i++)
		if (str_is(api->exec_env.items[i], name))
			return true;
	return false;
}

static const char *const *environment(struct arena *a, const struct compose *c)
{
	static const struct {
		const char *name, *value;
	} usual[] = {
	    {"PATH", "/usr/local/bin:/usr/bin:/bin"},
	    {"LANG", "C.UTF-8"},
	};
	const size_t n_usual = sizeof(usual) / sizeof(*usual);
	const struct strs *listed = &c->api->exec_env;
	const struct str trace = compose_trace(c);
	const char **out =
	    arena_array(a, listed->n + n_usual + 5, sizeof(*out));
	size_t n = 0;

	for (size_t i = 0; i < n_usual; i++)
		if (!is_listed(c->api, usual[i].name) || !getenv(usual[i].name))
			out[n++] =
			    variable(a, usual[i].name, str_of(usual[i].value));
	for (size_t i = 0; i < listed->n; i++) {
		const char *name = arena_cstr(a, listed->items[i]);
		const char *value = getenv(name);

		if (value && !str_starts(listed->items[i], "LOWTIDE_"))
			out[n++] = variable(a, name, str_of(value));
	}
	out[n++] = variable(a, "LOWTIDE_JOB_ID", c->job_id);
	out[n++] = variable(a, "LOWTIDE_API", c->api->name);
	if (c->attempt)
		out[n++] =
		    variable(a, "LOWTIDE_ATTEMPT", arena_int(a, c->attempt));
	if (trace.n)
		out[n++] = variable(a, "LOWTIDE_TRACEPARENT", trace);
	return out;
}

static const char *const *arguments(struct arena *a, const struct strs *exec)
{
	const char **out = arena_array(a, exec->n + 1, sizeof(*out));

	for (size_t i = 0; i < exec->n; i++)
		out[i] = arena_cstr(a, exec->items[i]);
	return out;
}

/* A file below the folder, whatever lowtide.json says. */
static bool is_inside(struct str name)
{
	for (size_t at = 0; at <= name.n;) {
		size_t end = str_find(name, '/', at);
		struct str part = str_slice(name, at, end);
		if (!part.n || str_is(part, ".") || str_is(part, ".."))
			return false;
		at = end + 1;
	}
	return str_find(name, '\0', 0) == name.n;
}

enum err compose_exec(struct arena *a, const struct compose *c,
    const struct template_source *source, struct upstream_call *out,
    struct str *why)
{
	const struct api *api = c->api;
	struct upstream_exec *exec = arena_alloc(a, sizeof(*exec));
	const struct str name = api->exec.items[0];

	if (!c->handlers || !is_inside(name)) {
		*why = arena_printf(a,
		    "%.*s is no program of the folder handlers beside "
		    "lowtide.json; build the site again, and deploy it whole",
		    STR_ARG(name));
		return ERR_MISSING;
	}
	*exec = (struct upstream_exec){
	    .path = arena_printf(a, "%s/%.*s", c->handlers, STR_ARG(name)).p,
	    .argv = arguments(a, &api->exec),
	    .envp = environment(a, c),
	    .memory = api->exec_memory,
	    .cpu_ms = api->exec_cpu_ms,
	    .disk = api->exec_disk,
	    .processes = api->exec_processes,
	    .stop_ms = api->exec_stop_ms};
	out->exec = exec;
	return compose_body(a, c, source, out, why);
}
