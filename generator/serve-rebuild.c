#include "generator/serve.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "generator/hash.h"
#include "lib/clock.h"
#include "lib/fs.h"
#include "lib/json.h"

/*
 * A site that changes while it is served. Changes are waited for until none
 * came for a moment, so that a thousand of them are one build. It is done in a
 * process of its own: it may be killed at any time (all it makes lies in
 * `run`), its memory goes with it, and signals and children are attended to
 * meanwhile. The release is exchanged as a whole, so nginx serves the new files
 * at once; what read something at its start is told or started again here, and
 * if nothing could be built, nothing of this happens.
 */
#define QUIET_MS 100	     /* nothing changed for that long: build */
#define PATIENCE_MS 2000     /* but something always changes */
#define LOOK_MS 1000	     /* without notices */
#define PATHS_TOLD 20	     /* with -v */
#define RENEW_GRACE_MS 12000 /* a call that was sent is waited for */

/* What a build tells the process that serves, through a pipe. */
struct report {
	enum err err;
	struct serve_has has;
	int64_t ms;
	char helpers[65]; /* digest of [serve.run] */
};

void serve_watch_site(struct serve *s, bool by_looking)
{
	struct rebuild *r = &s->rebuild;

	watch_open(&r->watch, s->place.site, 0, by_looking);
	r->said_why = by_looking;
	r->report_fd = -1;
}

/* ---- what is running, by its digest -------------------------------------- */

/* Of all of these, one after the other; what is not there counts as empty. */
static struct str digest_of(struct serve *s, const char *const *names, size_t n)
{
	struct arena a = {0};
	struct buf all = {0};

	for (size_t i = 0; i < n; i++) {
		struct str text;
		if (fs_read(&a, fs_join(&a, s->place.run, names[i]),
			(size_t)64 * 1024 * 1024, NULL, &text) == ERR_OK)
			buf_put_str(&all, text);
		buf_putc(&all, '\0');
	}
	struct str hex = arena_str(s->arena, hash_blake2b(&a, buf_str(&all)));
	buf_release(&all);
	arena_release(&a);
	return hex;
}

static struct str digest_of_config(struct serve *s)
{
	static const char *const names[] = {"release/server/lowtide.json"};

	return digest_of(s, names, 1);
}

static struct str digest_of_server(struct serve *s)
{
	static const char *const names[] = {
	    "release/server/nginx-example.conf",
	    "release/server/nginx-http.conf",
	    "release/server/nginx-site.conf",
	};

	return digest_of(s, names, 3);
}

static struct str digest_of_helpers(struct arena *a, const struct site *site)
{
	const struct value *run = value_path(site->root, "serve.run");
	struct buf text = {0};
	struct json_writer w = {.out = &text};

	if (run)
		json_value(&w, run);
	struct str hex = hash_blake2b(a, buf_str(&text));
	buf_release(&text);
	return hex;
}

void serve_remember(struct serve *s)
{
	struct rebuild *r = &s->rebuild;

	r->config = digest_of_config(s);
	r->server = digest_of_server(s);
	r->helpers = digest_of_helpers(s->arena, s->site);
}

/* ---- the build, in its own process --------------------------------------- */

static void build_again(struct serve *s, int fd)
{
	struct arena a = {0};
	struct diag diag;
	struct site *site;
	struct report report = {0};
	int64_t from = clock_monotonic_ms();

	diag_init(&diag, &a);
	report.err = serve_load(s, &a, &diag, &site);
	if (report.err == ERR_OK) {
		struct str hex = digest_of_helpers(&a, site);
		memcpy(report.helpers, hex.p, hex.n);
		report.err = serve_build(s, site, &a, &diag, &report.has);
	}
	if (report.err == ERR_OK && diag.errors)
		report.err = ERR_INPUT;
	command_tell(s->run, &diag);
	report.ms = clock_monotonic_ms() - from;
	if (write(fd, &report, sizeof(report)) != sizeof(report))
		_exit(1);
	_exit(0);
}

static void start_build(struct serve *s)
{
	struct rebuild *r = &s->rebuild;
	int both[2];

	if (pipe(both) != 0)
		return;
	pid_t self = getpid();
	r->pid = fork();
	if (r->pid == 0) {
		close(both[0]);
		/* Ctrl-C is for the one that serves, and is passed on */
		setpgid(0, 0);
		sigprocmask(SIG_SETMASK, &s->supervisor.before, NULL);
		if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != self)
			_exit(1);
		build_again(s, both[1]);
	}
	close(both[1]);
	if (r->pid < 0) {
		close(both[0]);
		r->pid = 0;
		serve_say(s, "not rebuilt: %s", strerror(errno));
		return;
	}
	setpgid(r->pid, r->pid);
	r->report_fd = both[0];
}

/* ---- what has to learn of it --------------------------------------------- */

/* Those that work on a part of the configuration, and come and go with it. */
struct group {
	struct child *children[2];
	size_t n;
	bool had, has;
	const char *again, *over; /* what is said */
};

static void tell_group(struct serve *s, const struct group *g)
{
	if (!g->has && !g->had)
		return;
	serve_say(s, "  %s", g->has ? g->again : g->over);
	for (size_t i = 0; i < g->n; i++)
		supervise_renew(g->children[i], RENEW_GRACE_MS);
}

static void tell_programs(struct serve *s, const struct serve_has *has)
{
	const struct serve_has *had = &s->has;
	const struct group groups[] = {
	    {{&s->cgi, &s->worker}, 2, had->apis, has->apis,
		"the APIs changed: endpoint and worker start again",
		"there are no APIs any more: endpoint and worker end"},
	    {{&s->worker}, 1, !had->apis && had->keys, !has->apis && has->keys,
		"who signs in may have changed: the worker, which fetches "
		"providers' keys, starts again",
		"no keys of providers are fetched any more"},
	    {{&s->read}, 1, had->reads, has->reads,
		"the reads changed: lowtide-read starts again",
		"there are no reads any more: lowtide-read ends"},
	};
	struct str config = digest_of_config(s);
	bool same = had->apis == has->apis && had->keys == has->keys &&
		    had->reads == has->reads;

	if (same && str_eq(config, s->rebuild.config))
		return;
	s->rebuild.config = config;
	for (size_t i = 0; i < sizeof(groups) / sizeof(*groups); i++)
		tell_group(s, &groups[i]);
	s->has = *has;
	/* what was told to end ends, or is started again by its supervisor */
	if (serve_start_programs(s) != ERR_OK)
		serve_say(s, "  not all of them could be started");
	serve_keep_programs(s);
}

static void tell_nginx(struct serve *s)
{
	struct str server = digest_of_server(s);

	if (str_eq(server, s->rebuild.server))
		return;
	s->rebuild.server = server;
	if (s->run->verbose)
		serve_say(s, "  nginx reads its configuration again");
	if (s->nginx.pid)
		kill(s->nginx.pid, SIGHUP);
}

static void tell_people(struct serve *s, const struct report *report)
{
	struct rebuild *r = &s->rebuild;

	serve_say(s, "rebuilt in %lld ms: %zu file%s changed",
	    (long long)report->ms, r->n, r->n == 1 ? "" : "s");
	for (size_t i = 0; s->run->verbose && i < r->n && i < PATHS_TOLD; i++)
		serve_say(s, "  %s", r->paths[i]);
	if (s->run->verbose && r->n > PATHS_TOLD)
		serve_say(s, "  … and %zu more", r->n - PATHS_TOLD);
	if (str_is(r->helpers, report->helpers))
		return;
	r->helpers = arena_str(s->arena, str_of(report->helpers));
	serve_say(s, "  [serve.run] changed: start `lowtide serve` again for "
		     "that");
}

static void finish_build(struct serve *s)
{
	struct rebuild *r = &s->rebuild;
	struct report report = {.err = ERR_IO};
	int status = 0;

	if (waitpid(r->pid, &status, WNOHANG) != r->pid)
		return;
	if (read(r->report_fd, &report, sizeof(report)) != sizeof(report))
		report.err = ERR_IO;
	close(r->report_fd);
	r->report_fd = -1;
	r->pid = 0;
	if (report.err != ERR_OK) {
		serve_say(s, "not rebuilt; what was there before is served");
		return;
	}
	tell_people(s, &report);
	tell_programs(s, &report.has);
	tell_nginx(s);
	command_tell(s->run, s->diag);
	diag_init(s->diag, s->arena);
}

/* ---- when ---------------------------------------------------------------- */

/* Without notices, a look is due from time to time; 0 = now, -1 = never. */
static int64_t next_step(const struct serve *s, int64_t now)
{
	const struct rebuild *r = &s->rebuild;
	int64_t at = -1;

	if (!r->watch.root || r->pid)
		return -1;
	if (r->first_ms) {
		int64_t quiet = r->last_ms + QUIET_MS;
		int64_t late = r->first_ms + PATIENCE_MS;
		at = quiet < late ? quiet : late;
	} else if (r->watch.fd < 0) {
		at = r->look_ms;
	}
	return at < 0 ? -1 : at > now ? at - now : 0;
}

/* The notices may have ended in this look: what did, is said once. */
static void say_why(struct serve *s)
{
	struct rebuild *r = &s->rebuild;

	s->supervisor.also_fd = r->watch.fd;
	if (!r->watch.why || r->said_why)
		return;
	r->said_why = true;
	struct diag now;
	diag_init(&now, s->arena);
	diag_warn(&now, POS_NONE, "no-notices",
	    "changes are looked for every second, because the system does not "
	    "tell of them: %s",
	    r->watch.why);
	command_tell(s->run, &now);
}

static void look(struct serve *s, int64_t now)
{
	struct rebuild *r = &s->rebuild;

	arena_release(&r->arena);
	r->n = watch_changes(&r->watch, &r->arena, &r->paths);
	r->first_ms = r->last_ms = 0;
	r->look_ms = now + LOOK_MS;
	if (r->n)
		start_build(s);
}

enum err serve_turn(struct serve *s)
{
	struct rebuild *r = &s->rebuild;

	say_why(s);
	enum err err = serve_watch(s, (int)next_step(s, clock_monotonic_ms()));
	if (err != ERR_OK)
		return err;
	int64_t now = clock_monotonic_ms();
	if (watch_heard(&r->watch)) {
		r->last_ms = now;
		if (!r->first_ms)
			r->first_ms = now;
	}
	if (r->pid)
		finish_build(s);
	if (next_step(s, now) == 0)
		look(s, now);
	return ERR_OK;
}

void serve_forget(struct serve *s)
{
	struct rebuild *r = &s->rebuild;

	if (r->pid) {
		kill(-r->pid, SIGKILL);
		kill(r->pid, SIGKILL);
		waitpid(r->pid, NULL, 0);
		close(r->report_fd);
		r->pid = 0;
	}
	watch_close(&r->watch);
	arena_release(&r->arena);
}
