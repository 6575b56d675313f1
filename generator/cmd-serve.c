#include "generator/command.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "generator/serve.h"
#include "lib/fs.h"

/*
 * `lowtide serve`: a whole local stack for a site folder. In this order, each
 * step standing on the one before: places and programs → helpers of
 * [serve.run] → the site, told where the helpers are → endpoint, worker, reads,
 * nginx → an answer through nginx → the command behind `--`, or a signal. What
 * changes meanwhile is built again: serve-rebuild.c.
 */
#define SERVE_PORT 8080
#define SERVE_GRACE_MS 12000 /* a call that was sent is waited for */

enum { OPT_DIR, OPT_ENV, OPT_PORT, OPT_SET, OPT_POLL };
static const struct opt options[] = {
    [OPT_DIR] = COMMAND_OPT_DIR,
    [OPT_ENV] = COMMAND_OPT_ENV,
    [OPT_PORT] = {.name = "port",
	.letter = 'p',
	.kind = OPT_INT,
	.arg = "N",
	.help = "listen on 127.0.0.1:N (default 8080)",
	.min = 1,
	.max = 65535},
    [OPT_SET] = COMMAND_OPT_SET,
    [OPT_POLL] = {.name = "poll",
	.kind = OPT_FLAG,
	.help = "look for changes every second, for folders on a network"},
    {.name = NULL},
};

/* ---- the command behind "--" -------------------------------------------- */

static const char *const *command_env(struct serve *s)
{
	const char **env =
	    arena_array(s->arena, 5 + s->n_helpers, sizeof(*env));
	size_t n = 0;

	env[n++] = serve_text(s, "LOWTIDE_URL=%s", s->url);
	env[n++] = serve_text(s, "LOWTIDE_STATE=%s", s->place.state);
	env[n++] = serve_text(s, "LOWTIDE_KEYS=%s", s->keys ? s->keys : "");
	env[n++] = serve_text(s, "LOWTIDE_CONFIG=%s", s->config);
	for (size_t i = 0; i < s->n_helpers; i++) {
		char *var = arena_cstr(
		    s->arena, str_of(serve_text(s, "LOWTIDE_RUN_%s_URL",
				  s->helpers[i].name)));
		for (char *c = var; *c; c++)
			*c = *c >= 'a' && *c <= 'z' ? (char)(*c - 'a' + 'A')
			     : *c == '-'	    ? '_'
						    : *c;
		env[n++] = serve_text(s, "%s=%s", var, s->helpers[i].url);
	}
	return env;
}

static enum err run_command(struct serve *s)
{
	const struct opt_result *o = s->run->opts;
	const char **argv = arena_array(s->arena, o->n_rest + 1, sizeof(*argv));
	enum err err;

	memcpy(argv, o->rest, o->n_rest * sizeof(*argv));
	if (!strchr(argv[0], '/'))
		argv[0] = place_program(s->arena, argv[0]);
	if (!argv[0]) {
		diag_error(s->diag, POS_NONE, "program-missing",
		    "there is no `%s` in PATH", o->rest[0]);
		return ERR_MISSING;
	}
	s->command = (struct child){
	    .name = o->rest[0],
	    .argv = argv,
	    .extra = command_env(s),
	    .cwd = s->place.site,
	    .stdin_fd = -1,
	    .stdout_fd = STDOUT_FILENO,
	};
	err = supervise_start(&s->supervisor, &s->command, s->diag);
	while (err == ERR_OK && s->command.pid != 0)
		err = serve_turn(s);
	if (err == ERR_OK)
		s->run->status = WIFEXITED(s->command.status)
				     ? WEXITSTATUS(s->command.status)
				     : 128 + WTERMSIG(s->command.status);
	return err;
}

static enum err until_signal(struct serve *s)
{
	while (serve_turn(s) == ERR_OK)
		continue;
	return ERR_OK;
}

/* What is set already stays: whoever set it means it. */
static void set_variables(const struct serve *s)
{
	const struct value *all = site_value(s->site, "serve.env");

	for (size_t i = 0; all && i < all->as.table.n; i++) {
		const struct member *m = &all->as.table.members[i];
		setenv(arena_cstr(s->arena, m->key),
		    arena_cstr(s->arena, m->value->text), 0);
	}
}

static enum err bring_up(struct serve *s)
{
	enum err err = serve_load(s, s->arena, s->diag, &s->site);

	if (err == ERR_OK)
		set_variables(s);
	if (err == ERR_OK)
		err = serve_start_helpers(s);
	if (err == ERR_OK)
		err = place_socket(s->arena, &s->place, "cgi.sock", s->diag,
		    &s->socket_path, &s->socket);
	if (err == ERR_OK)
		err = place_socket(s->arena, &s->place, "read.sock", s->diag,
		    &s->read_socket_path, &s->read_socket);
	if (err == ERR_OK)
		err = serve_build(s, s->site, s->arena, s->diag, &s->has);
	s->config =
	    fs_join(s->arena, s->place.run, "release/server/lowtide.json");
	if (err == ERR_OK)
		err = serve_start_programs(s);
	if (err == ERR_OK)
		err = serve_start_nginx(s);
	if (err == ERR_OK)
		err = serve_wait_ready(s);
	if (err == ERR_OK)
		serve_remember(s);
	return err;
}

/* What the build warned of, now and not after the last Ctrl-C. */
static void warnings(struct serve *s)
{
	command_tell(s->run, s->diag);
	diag_init(s->diag, s->arena);
}

static enum err run(struct command_run *run)
{
	const struct opt_value *v = run->opts->values;
	struct serve s = {
	    .run = run,
	    .arena = run->arena,
	    .diag = run->diag,
	    .port =
		v[OPT_PORT].given ? (uint16_t)v[OPT_PORT].number : SERVE_PORT,
	    .supervisor.signal_fd = -1,
	    .spec = command_site(&v[OPT_DIR], &v[OPT_ENV], &v[OPT_SET]),
	    .socket = -1,
	    .read_socket = -1,
	};

	if (run->opts->n_operands) {
		diag_error(run->diag, POS_NONE, "unknown-operand",
		    "`lowtide serve` takes no `%s`; name a site with -C, a "
		    "command behind --",
		    run->opts->operands[0]);
		return ERR_USAGE;
	}
	s.url = serve_text(&s, "http://127.0.0.1:%u", s.port);
	enum err err = place_port(s.port, run->diag);
	/* before anything is made: from here a signal cleans up */
	if (err == ERR_OK)
		err = supervise_init(&s.supervisor, run->diag);
	if (err == ERR_OK)
		err = place_make(run->arena, run->self,
		    v[OPT_DIR].given ? v[OPT_DIR].string : ".", run->diag,
		    &s.place);
	if (err == ERR_OK) {
		serve_watch_site(&s, v[OPT_POLL].given);
		err = bring_up(&s);
	}
	if (err == ERR_OK) {
		warnings(&s);
		if (!run->opts->rest)
			serve_say(&s,
			    "Ctrl-C stops it. Logs and the request table: %s",
			    s.place.state);
		serve_say(&s, "%.*s is on %s", STR_ARG(s.site->name), s.url);
		err = run->opts->rest ? run_command(&s) : until_signal(&s);
	}
	if (s.supervisor.stop)
		serve_say(&s, "Stopping …");
	serve_forget(&s);
	if (s.supervisor.signal_fd >= 0) {
		supervise_stop(&s.supervisor, SERVE_GRACE_MS);
		supervise_release(&s.supervisor);
	}
	if (s.socket >= 0)
		close(s.socket);
	if (s.read_socket >= 0)
		close(s.read_socket);
	place_release(&s.place);
	/* stopped by a signal before a command ended is not its success */
	if (err == ERR_CLOSED && run->opts->rest)
		run->status = 130;
	return err == ERR_CLOSED ? ERR_OK : err;
}

const struct command command_serve = {
    .name = "serve",
    .operands = "[-- COMMAND …]",
    .help = "run the whole site on 127.0.0.1: nginx, endpoint, worker, reads, "
	    "helpers",
    .options = options,
    .run = run,
    .runs_on = true,
};
