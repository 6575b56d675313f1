#include "generator/serve.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "generator/build.h"
#include "generator/server.h"
#include "lib/clock.h"
#include "lib/fs.h"

/*
 * What `lowtide serve` runs: the release, then lowtide-cgi, lowtide-worker,
 * lowtide-read and nginx over it, and the small tools that all parts of serve
 * share.
 */
#define SERVE_READY_MS 15000 /* for the first answer through nginx */
/* short: whoever kills the worker wants to see what becomes of its jobs */
#define SERVE_LEASE "5s"
#define SERVE_HEARTBEAT "1s"

void serve_say(const struct serve *s, const char *format, ...)
{
	if (s->run->quiet)
		return;
	va_list args;
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
}

enum err serve_watch(struct serve *s, int timeout_ms)
{
	struct diag now;

	diag_init(&now, s->arena);
	enum err err = supervise_wait(&s->supervisor, timeout_ms, &now);
	command_tell(s->run, &now);
	return err;
}

const char *serve_text(struct serve *s, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	struct str t = arena_vprintf(s->arena, format, args);
	va_end(args);
	return t.p;
}

const char *const *serve_list(struct serve *s, const char *const *items)
{
	size_t n = 0;
	while (items[n])
		n++;
	const char **copy = arena_array(s->arena, n + 1, sizeof(*copy));
	memcpy(copy, items, n * sizeof(*copy));
	return copy;
}

const char *serve_log(struct serve *s, const char *name)
{
	const char *path = serve_text(s, "%s/%s.log", s->place.state, name);

	unlink(path);
	return path;
}

enum err serve_load(
    struct serve *s, struct arena *a, struct diag *diag, struct site **site)
{
	struct site_spec spec = s->spec;
	const char **sets = arena_array(a, spec.n_sets + 1, sizeof(*sets));

	for (size_t i = 0; i < spec.n_sets; i++)
		sets[i] = spec.sets[i];
	sets[spec.n_sets++] = arena_printf(a, "base_url=%s", s->url).p;
	spec.sets = sets;
	enum err err = site_load(a, &spec, diag, site);
	if (err == ERR_OK)
		return err;
	/* nothing will run; what else is wrong with it is told as well */
	struct build b = {.arena = a, .diag = diag, .socket = ""};
	return build_loaded(&b, *site, err);
}

/* The worker reads them itself, and says so where few look: in its log. */
static void warn_of_secrets(const struct config *c, struct diag *diag)
{
	for (size_t i = 0; c && i < c->n_secrets; i++) {
		const struct secret *one = &c->secrets[i];
		struct arena a = {0};
		bool found = one->env.n
				 ? getenv(arena_cstr(&a, one->env)) != NULL
				 : access(arena_cstr(&a, one->file), R_OK) == 0;
		arena_release(&a);
		if (!found)
			diag_warn(diag, POS_NONE, "secret-missing",
			    "{secret.%.*s} is %s %.*s, which is not there: "
			    "calls that need it will fail; %s",
			    STR_ARG(one->name),
			    one->env.n ? "the variable" : "the file",
			    STR_ARG(one->env.n ? one->env : one->file),
			    one->env.n ? "export it, or set it for trying in "
					 "[serve.env] of env/NAME.toml"
				       : "put it there");
	}
}

enum err serve_build(struct serve *s, struct site *site, struct arena *a,
    struct diag *diag, struct serve_has *has)
{
	const char *dir = fs_join(a, s->place.run, "release");
	const struct out_spec out = {.dir = dir};
	struct build b = {
	    .arena = a,
	    .diag = diag,
	    .spec = &out,
	    .fast = true,
	    .progress = s->run->progress,
	    .socket = s->socket_path,
	    .read_socket = s->read_socket_path,
	    .root = fs_join(a, dir, "www"),
	};

	pool_init(&b.pool, 0);
	/* the first time there is none */
	if (previous_load(a, dir, NULL, &b.tried) != ERR_OK)
		b.tried = NULL;
	enum err err = serve_fill_references(s, site, a, diag);
	err = build_loaded(&b, site, err);
	if (err != ERR_OK)
		return err;
	/* the same options, other findings */
	struct command_run run = *s->run;
	run.diag = diag;
	err = command_refuse(&run);
	if (err != ERR_OK) {
		out_abandon(&b.out);
		return err;
	}
	warn_of_secrets(b.config, diag);
	*has = (struct serve_has){
	    .apis = b.config && b.config->n_apis > 0,
	    .keys = b.config && b.config->n_providers > 0,
	    .reads = b.config && b.config->n_reads > 0,
	};
	if (has->reads)
		s->read_probe = server_read_alone(s->arena, b.config).p;
	return out_commit(&b.out, diag);
}

static enum err start(struct serve *s, struct child *c, const char *name,
    const char *const *argv, int stdin_fd)
{
	c->name = name;
	c->argv = argv;
	c->log = serve_log(s, name);
	c->cwd = s->place.run;
	c->stdin_fd = stdin_fd;
	c->stdout_fd = -1;
	c->as_nobody = s->place.as_root;
	return supervise_start(&s->supervisor, c, s->diag);
}

static enum err start_endpoint(struct serve *s)
{
	const struct place *p = &s->place;

	return start(s, &s->cgi, "lowtide-cgi",
	    SERVE_LIST(s, p->cgi, "--config", s->config, "--state", p->state,
		"--keys", s->keys),
	    s->socket);
}

static enum err start_worker(struct serve *s)
{
	const struct place *p = &s->place;

	return start(s, &s->worker, "lowtide-worker",
	    SERVE_LIST(s, p->worker, "--config", s->config, "--state", p->state,
		"--keys", s->keys, "--dev", "--lease", SERVE_LEASE,
		"--heartbeat", SERVE_HEARTBEAT),
	    -1);
}

/* What takes orders (--purge) is in a folder of its own. */
static enum err start_read(struct serve *s)
{
	const struct place *p = &s->place;
	const char *dir = fs_join(s->arena, p->run, "read");
	enum err err = place_read(p, s->diag);

	if (err == ERR_OK)
		err = fs_mkdirs(dir, 0700, s->diag);
	if (err == ERR_OK && p->as_root)
		err = place_give(dir, s->diag);
	if (err == ERR_OK)
		err = start(s, &s->read, "lowtide-read",
		    SERVE_LIST(s, p->read, "--config", s->config, "--state",
			p->state, "--endpoint",
			serve_text(s, "unix:%s", s->socket_path), "--control",
			serve_text(s, "unix:%s/control.sock", dir)),
		    s->read_socket);
	return err;
}

static bool needs_worker(const struct serve *s)
{
	return s->has.apis || s->has.keys;
}

enum err serve_start_programs(struct serve *s)
{
	enum err err = ERR_OK;

	if (needs_worker(s))
		err = place_keys(s->arena, &s->place, s->diag, &s->keys);
	if (err == ERR_OK && s->has.apis && !s->cgi.pid)
		err = start_endpoint(s);
	if (err == ERR_OK && needs_worker(s) && !s->worker.pid)
		err = start_worker(s);
	if (err == ERR_OK && s->has.reads && !s->read.pid)
		err = start_read(s);
	return err;
}

void serve_keep_programs(struct serve *s)
{
	s->cgi.restart = s->has.apis;
	s->worker.restart = needs_worker(s);
	s->read.restart = s->has.reads;
}

enum err serve_start_nginx(struct serve *s)
{
	const char *prefix = serve_text(s, "%s/nginx/", s->place.run);
	enum err err = fs_mkdirs(prefix, 0700, s->diag);

	if (err == ERR_OK && s->place.as_root)
		err = place_give(prefix, s->diag);
	if (err == ERR_OK)
		err = start(s, &s->nginx, "nginx",
		    SERVE_LIST(s, s->place.nginx, "-p", prefix, "-c",
			serve_text(s, "%s/release/server/nginx-example.conf",
			    s->place.run),
			"-e", "stderr"),
		    -1);
	return err;
}

/* The status of an answer, 0 when nobody answers. */
static int ask(uint16_t port, const char *method, const char *path)
{
	struct sockaddr_in at = {.sin_family = AF_INET,
	    .sin_port = htons(port),
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct timeval limit = {.tv_sec = 2};
	char line[4096];
	int status = 0, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return 0;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	if (connect(fd, (struct sockaddr *)&at, sizeof(at)) == 0) {
		int n = snprintf(line, sizeof(line),
		    "%s %s HTTP/1.0\r\nHost: localhost\r\n\r\n", method, path);
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

/*
 * Until the first answer a program that dies ends the run, with its last
 * words: what is wrong then will not mend by itself. Afterwards it is started
 * again.
 */
static enum err all_alive(struct serve *s)
{
	const struct child *all[] = {&s->cgi, &s->worker, &s->read, &s->nginx};

	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
		if (!all[i]->name || all[i]->pid != 0)
			continue;
		struct str words = supervise_last_words(s->arena, all[i]);
		diag_error(s->diag, POS_NONE, "child-died",
		    "%s ended%s%.*s; its log: %s", all[i]->name,
		    words.n ? ", saying: " : "", STR_ARG(words), all[i]->log);
		return ERR_MISSING;
	}
	return ERR_OK;
}

/*
 * One after the other: an endpoint that has its store and its worker, reads
 * that answer what needs no upstream, or any page.
 */
struct ready {
	const char *method, *path;
	int from, to; /* statuses */
};

static enum err wait_for(struct serve *s, const struct ready *r)
{
	int64_t until = clock_monotonic_ms() + SERVE_READY_MS;
	int status = 0;

	while (clock_monotonic_ms() < until) {
		status = ask(s->port, r->method, r->path);
		if (status >= r->from && status <= r->to)
			return ERR_OK;
		if (serve_watch(s, 20) != ERR_OK)
			return ERR_CLOSED;
		enum err err = all_alive(s);
		if (err != ERR_OK)
			return err;
	}
	diag_error(s->diag, POS_NONE, "not-ready",
	    "%s%s does not answer (last status %d); the logs are in %s", s->url,
	    r->path, status, s->place.state);
	return ERR_MISSING;
}

enum err serve_wait_ready(struct serve *s)
{
	const struct ready health = {"GET",
	    serve_text(
		s, "%.*s/jobs/health", STR_ARG(site_text(s->site, "prefix"))),
	    200, 200};
	const struct ready read = {"OPTIONS", s->read_probe, 200, 499};
	const struct ready page = {"GET", "/", 100, 599};
	enum err err = ERR_OK;

	if (s->has.apis)
		err = wait_for(s, &health);
	if (err == ERR_OK && s->has.reads && *s->read_probe)
		err = wait_for(s, &read);
	if (err == ERR_OK && !s->has.apis)
		err = wait_for(s, &page);
	if (err != ERR_OK)
		return err;
	serve_keep_programs(s);
	s->nginx.restart = true;
	return ERR_OK;
}
