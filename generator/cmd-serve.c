#include "generator/command.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "generator/build.h"
#include "generator/serve-place.h"
#include "generator/supervise.h"
#include "lib/fs.h"

/*
 * `lowtide serve`: a whole local stack for a site folder. In this order, each
 * step standing on the one before: places and programs → helpers of
 * [serve.run] → the site, told where the helpers are → endpoint, worker, nginx
 * → an answer through nginx → the command behind `--`, or a signal.
 */
#define SERVE_PORT 8080
#define SERVE_HELPER_MS 15000 /* for a helper to print its first line */
#define SERVE_READY_MS 15000  /* for the first answer through nginx */
#define SERVE_GRACE_MS 12000  /* a call that was sent is waited for */
#define SERVE_SETS_MAX 64
/* short: whoever kills the worker wants to see what becomes of its jobs */
#define SERVE_LEASE "5s"
#define SERVE_HEARTBEAT "1s"

enum { OPT_DIR, OPT_ENV, OPT_PORT, OPT_SET, OPT_QUIET };
static const struct opt options[] = {
    [OPT_DIR] = {.name = "dir",
	.letter = 'C',
	.kind = OPT_STRING,
	.arg = "DIR",
	.help = "the site folder (default: the current one)"},
    [OPT_ENV] = {.name = "env",
	.letter = 'e',
	.kind = OPT_STRING,
	.arg = "NAME",
	.help = "lay env/NAME.toml over env/base.toml"},
    [OPT_PORT] = {.name = "port",
	.letter = 'p',
	.kind = OPT_INT,
	.arg = "N",
	.help = "listen on 127.0.0.1:N (default 8080)",
	.min = 1,
	.max = 65535},
    [OPT_SET] = {.name = "set",
	.kind = OPT_LIST,
	.arg = "KEY=VALUE",
	.help = "set one key, over every file"},
    [OPT_QUIET] = {.name = "quiet",
	.letter = 'q',
	.kind = OPT_FLAG,
	.help = "say nothing but what went wrong"},
    {.name = NULL},
};

struct helper {
	const char *name, *url;
	struct child child;
};
struct serve {
	struct command_run *run;
	struct arena *arena;
	struct diag *diag;
	struct place place;
	struct supervisor supervisor;
	const char *url, *config, *keys;
	uint16_t port;
	struct site *site;
	struct helper *helpers;
	size_t n_helpers;
	bool has_api;
	struct child cgi, worker, nginx, command;
};

__attribute__((format(printf, 2, 3))) static void say(
    const struct serve *s, const char *format, ...)
{
	if (s->run->quiet)
		return;
	va_list args;
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
}

/* One turn of the supervisor; what it found is told now, not at the end. */
static enum err watch(struct serve *s, int timeout_ms)
{
	struct diag now;

	diag_init(&now, s->arena);
	enum err err = supervise_wait(&s->supervisor, timeout_ms, &now);
	diag_print(&now, stderr);
	return err;
}

static const char *text(struct serve *s, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
static const char *text(struct serve *s, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	struct str t = arena_vprintf(s->arena, format, args);
	va_end(args);
	return t.p;
}

/* A NULL-terminated argument list in the arena. */
static const char *const *list(struct serve *s, const char *const *items)
{
	size_t n = 0;
	while (items[n])
		n++;
	const char **copy = arena_array(s->arena, n + 1, sizeof(*copy));
	memcpy(copy, items, n * sizeof(*copy));
	return copy;
}
#define LIST(s, ...) list(s, (const char *const[]){__VA_ARGS__, NULL})

static const char *log_of(struct serve *s, const char *name)
{
	const char *path = text(s, "%s/%s.log", s->place.state, name);

	unlink(path);
	return path;
}

static enum err load(struct serve *s)
{
	const struct opt_value *v = s->run->opts->values;
	const char *sets[SERVE_SETS_MAX];
	struct site_spec spec = {
	    .dir = v[OPT_DIR].given ? v[OPT_DIR].string : ".",
	    .env = v[OPT_ENV].string,
	    .sets = sets,
	};

	if (v[OPT_SET].n >= SERVE_SETS_MAX - 1)
		return ERR_TOO_LARGE;
	for (size_t i = 0; i < v[OPT_SET].n; i++)
		sets[spec.n_sets++] = v[OPT_SET].list[i];
	sets[spec.n_sets++] = text(s, "base_url=%s", s->url);
	return site_load(s->arena, &spec, s->diag, &s->site);
}

/* ---- helpers ------------------------------------------------------------ */

static enum err helper_command(
    struct serve *s, struct helper *h, const struct value *table)
{
	const struct value *argv = value_get(table, "command");
	struct pos pos = argv ? argv->pos : table->pos;

	if (!argv || argv->kind != VALUE_ARRAY || argv->as.array.n == 0) {
		diag_error(s->diag, pos, "command-missing",
		    "serve.run.%s needs `command = [\"program\", …]`", h->name);
		return ERR_INPUT;
	}
	size_t n = argv->as.array.n;
	const char **words = arena_array(s->arena, n + 1, sizeof(*words));
	for (size_t i = 0; i < n; i++)
		words[i] = arena_cstr(s->arena, argv->as.array.items[i]->text);
	const char *program = words[0];
	if (!strchr(program, '/')) {
		words[0] = place_program(s->arena, program);
		if (!words[0]) {
			diag_error(s->diag, pos, "program-missing",
			    "serve.run.%s starts `%s`, which is not in PATH; "
			    "install it (`apt-get install %s`?)",
			    h->name, program,
			    strcmp(program, "node") == 0 ? "nodejs" : program);
			return ERR_MISSING;
		}
	}
	h->child.argv = words;
	return ERR_OK;
}

/* Ready when its first line is in the file that its stdout goes to. */
static enum err helper_wait(
    struct serve *s, struct helper *h, const char *out, const char *log)
{
	int64_t until = supervise_now_ms() + SERVE_HELPER_MS;
	struct str said = {0};

	while (supervise_now_ms() < until && h->child.pid != 0) {
		if (fs_read(s->arena, out, 1024 * 1024, NULL, &said) ==
			ERR_OK &&
		    str_find(said, '\n', 0) < said.n)
			return ERR_OK;
		if (watch(s, 20) != ERR_OK)
			return ERR_CLOSED;
	}
	if (fs_read(s->arena, log, 1024 * 1024, NULL, &said) != ERR_OK)
		said = (struct str){0};
	said = str_trim(said);
	diag_error(s->diag, POS_NONE, "helper-not-ready",
	    "serve.run.%s %s%s%.*s", h->name,
	    h->child.pid ? "did not print a line within 15 s; it must print "
			   "one once it listens on $PORT"
			 : "ended before it was ready",
	    said.n ? "; it said: " : "", STR_ARG(said));
	return ERR_MISSING;
}

static enum err helper_start(
    struct serve *s, struct helper *h, const struct value *table)
{
	const char *out = text(s, "%s/%s.out", s->place.run, h->name);
	uint16_t port;
	enum err err = helper_command(s, h, table);

	if (err == ERR_OK)
		err = place_free_port(&port, s->diag);
	if (err != ERR_OK)
		return err;
	const char *log = log_of(s, h->name);
	h->url = text(s, "http://127.0.0.1:%u", port);
	h->child.name = h->name;
	h->child.extra = LIST(s, text(s, "PORT=%u", port));
	h->child.cwd = s->place.work;
	h->child.log = log;
	h->child.stdin_fd = -1;
	h->child.as_nobody = s->place.as_root;
	h->child.stdout_fd =
	    open(out, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	err = supervise_start(&s->supervisor, &h->child, s->diag);
	if (err == ERR_OK)
		err = helper_wait(s, h, out, log);
	if (err == ERR_OK) {
		h->child.restart = true;
		say(s, "  %s on %s", h->name, h->url);
	}
	return err;
}

static enum err start_helpers(struct serve *s)
{
	const struct value *run = value_path(s->site->root, "serve.run");
	enum err err = ERR_OK;

	if (!run || run->kind != VALUE_TABLE)
		return ERR_OK;
	s->helpers =
	    arena_array(s->arena, run->as.table.n, sizeof(*s->helpers));
	for (size_t i = 0; i < run->as.table.n && err == ERR_OK; i++) {
		struct helper *h = &s->helpers[s->n_helpers++];
		h->name = arena_cstr(s->arena, run->as.table.members[i].key);
		err = helper_start(s, h, run->as.table.members[i].value);
	}
	return err;
}

/* `{run.NAME.url}` in the base of an upstream: known only now. */
static void fill_base(struct serve *s, struct value *base)
{
	for (size_t i = 0; i < s->n_helpers; i++) {
		const char *mark = text(s, "{run.%s.url}", s->helpers[i].name);
		const char *from = arena_cstr(s->arena, base->text);
		const char *at = strstr(from, mark);
		if (!at)
			continue;
		base->text = str_of(text(s, "%.*s%s%s", (int)(at - from), from,
		    s->helpers[i].url, at + strlen(mark)));
		base->from_env = true;
	}
}

static void fill_upstreams(struct serve *s)
{
	struct value *all = value_get(s->site->root, "upstream");

	for (size_t i = 0; all && i < all->as.table.n; i++) {
		struct value *base =
		    value_get(all->as.table.members[i].value, "base");
		if (base && base->kind == VALUE_STRING)
			fill_base(s, base);
	}
}

/* ---- the stack ---------------------------------------------------------- */

static enum err build(struct serve *s, const char *socket)
{
	const char *dir = fs_join(s->arena, s->place.run, "release");
	struct build b = {
	    .arena = s->arena,
	    .diag = s->diag,
	    .socket = socket,
	    .root = fs_join(s->arena, dir, "www"),
	};

	fill_upstreams(s);
	enum err err = build_run(&b, s->site);
	if (err != ERR_OK)
		return err;
	s->has_api = b.config && b.config->n_apis > 0;
	s->config = fs_join(s->arena, dir, "server/lowtide.json");
	return out_commit(&b.out, &(struct out_spec){.dir = dir}, s->diag);
}

static enum err start(struct serve *s, struct child *c, const char *name,
    const char *const *argv, int stdin_fd)
{
	c->name = name;
	c->argv = argv;
	c->log = log_of(s, name);
	c->cwd = s->place.run;
	c->stdin_fd = stdin_fd;
	c->stdout_fd = -1;
	c->as_nobody = s->place.as_root;
	c->restart = true;
	return supervise_start(&s->supervisor, c, s->diag);
}

static enum err start_programs(struct serve *s, int socket)
{
	const struct place *p = &s->place;
	enum err err = start(s, &s->cgi, "lowtide-cgi",
	    LIST(s, p->cgi, "--config", s->config, "--state", p->state,
		"--keys", s->keys),
	    socket);

	if (err == ERR_OK)
		err = start(s, &s->worker, "lowtide-worker",
		    LIST(s, p->worker, "--config", s->config, "--state",
			p->state, "--keys", s->keys, "--dev", "--lease",
			SERVE_LEASE, "--heartbeat", SERVE_HEARTBEAT),
		    -1);
	return err;
}

static enum err start_nginx(struct serve *s)
{
	const char *prefix = text(s, "%s/nginx/", s->place.run);
	enum err err = fs_mkdirs(prefix, 0700, s->diag);

	if (err == ERR_OK && s->place.as_root)
		err = place_give(prefix, s->diag);
	if (err == ERR_OK)
		err = start(s, &s->nginx, "nginx",
		    LIST(s, s->place.nginx, "-p", prefix, "-c",
			text(s, "%s/release/server/nginx-example.conf",
			    s->place.run),
			"-e", "stderr"),
		    -1);
	return err;
}

/* The status of a GET, 0 when nobody answers. */
static int get(uint16_t port, const char *path)
{
	struct sockaddr_in at = {.sin_family = AF_INET,
	    .sin_port = htons(port),
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct timeval limit = {.tv_sec = 2};
	char line[512];
	int status = 0, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return 0;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	if (connect(fd, (struct sockaddr *)&at, sizeof(at)) == 0) {
		int n = snprintf(line, sizeof(line),
		    "GET %s HTTP/1.0\r\nHost: localhost\r\n\r\n", path);
		if (send(fd, line, (size_t)n, MSG_NOSIGNAL) == n) {
			ssize_t got = recv(fd, line, sizeof(line) - 1, 0);
			line[got > 0 ? got : 0] = '\0';
			if (sscanf(line, "HTTP/%*s %d", &status) != 1)
				status = 0;
		}
	}
	close(fd);
	return status;
}

static enum err wait_ready(struct serve *s)
{
	int64_t until = supervise_now_ms() + SERVE_READY_MS;
	const char *prefix = s->has_api
				 ? text(s, "%.*s/jobs/health",
				       STR_ARG(site_text(s->site, "prefix")))
				 : "/";
	int status = 0;

	while (supervise_now_ms() < until) {
		status = get(s->port, prefix);
		if (s->has_api ? status == 200 : status != 0)
			return ERR_OK;
		if (watch(s, 20) != ERR_OK)
			return ERR_CLOSED;
	}
	diag_error(s->diag, POS_NONE, "not-ready",
	    "%s%s does not answer (last status %d); the logs are in %s", s->url,
	    prefix, status, s->place.state);
	return ERR_MISSING;
}

/* ---- the command behind "--" -------------------------------------------- */

static const char *const *command_env(struct serve *s)
{
	const char **env =
	    arena_array(s->arena, 5 + s->n_helpers, sizeof(*env));
	size_t n = 0;

	env[n++] = text(s, "LOWTIDE_URL=%s", s->url);
	env[n++] = text(s, "LOWTIDE_STATE=%s", s->place.state);
	env[n++] = text(s, "LOWTIDE_KEYS=%s", s->keys ? s->keys : "");
	env[n++] = text(s, "LOWTIDE_CONFIG=%s", s->config);
	for (size_t i = 0; i < s->n_helpers; i++) {
		char *var = arena_cstr(s->arena,
		    str_of(text(s, "LOWTIDE_RUN_%s_URL", s->helpers[i].name)));
		for (char *c = var; *c; c++)
			*c = *c >= 'a' && *c <= 'z' ? (char)(*c - 'a' + 'A')
			     : *c == '-'	    ? '_'
						    : *c;
		env[n++] = text(s, "%s=%s", var, s->helpers[i].url);
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
		err = watch(s, -1);
	if (err == ERR_OK)
		s->run->status = WIFEXITED(s->command.status)
				     ? WEXITSTATUS(s->command.status)
				     : 128 + WTERMSIG(s->command.status);
	return err;
}

static enum err until_signal(struct serve *s)
{
	say(s, "Ctrl-C stops it. Logs and the request table: %s",
	    s->place.state);
	while (watch(s, -1) == ERR_OK)
		continue;
	return ERR_OK;
}

static enum err bring_up(struct serve *s, int *socket)
{
	const char *path;
	enum err err = load(s);

	if (err == ERR_OK)
		err = start_helpers(s);
	if (err == ERR_OK)
		err = place_socket(s->arena, &s->place, s->diag, &path, socket);
	if (err == ERR_OK)
		err = build(s, path);
	if (err == ERR_OK && s->has_api)
		err = place_keys(s->arena, &s->place, s->diag, &s->keys);
	if (err == ERR_OK && s->has_api)
		err = start_programs(s, *socket);
	if (err == ERR_OK)
		err = start_nginx(s);
	if (err == ERR_OK)
		err = wait_ready(s);
	return err;
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
	};
	int socket = -1;

	run->quiet |= v[OPT_QUIET].given;
	s.url = text(&s, "http://127.0.0.1:%u", s.port);
	enum err err = place_port(s.port, run->diag);
	if (err == ERR_OK)
		err = place_make(run->arena, run->self,
		    v[OPT_DIR].given ? v[OPT_DIR].string : ".", run->diag,
		    &s.place);
	if (err == ERR_OK)
		err = supervise_init(&s.supervisor, run->diag);
	if (err == ERR_OK)
		err = bring_up(&s, &socket);
	if (err == ERR_OK) {
		say(&s, "%.*s is on %s", STR_ARG(s.site->name), s.url);
		err = run->opts->rest ? run_command(&s) : until_signal(&s);
	}
	if (s.supervisor.stop)
		say(&s, "Stopping …");
	if (s.supervisor.signal_fd >= 0) {
		supervise_stop(&s.supervisor, SERVE_GRACE_MS);
		supervise_release(&s.supervisor);
	}
	if (socket >= 0)
		close(socket);
	place_release(&s.place);
	/* stopped by a signal before a command ended is not its success */
	if (err == ERR_CLOSED && run->opts->rest)
		run->status = 130;
	return err == ERR_CLOSED ? ERR_OK : err;
}

const struct command command_serve = {
    .name = "serve",
    .operands = "[-- COMMAND …]",
    .help = "run the whole site on 127.0.0.1: nginx, endpoint, worker, helpers",
    .options = options,
    .run = run,
};
