#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cgi/listen.h"
#include "cgi/process.h"
#include "cgi/read/read-parts.h"
#include "cgi/sandbox.h"
#include "cgi/user.h"
#include "lib/clock.h"
#include "lib/units.h"

/*
 * lowtide-read: reads of several upstreams, behind a web server. This file is
 * the beginning: options, and what is opened in which order. What runs then is
 * read/read-serve.c.
 *
 * The order is that of the endpoint: everything that opens a file by name or
 * listens comes first, then confine(), then threads (a call's look-up of a name
 * has one).
 */
enum {
	READ_CONFIG,
	READ_STATE,
	READ_LISTEN,
	READ_ENDPOINT,
	READ_CONTROL,
	READ_CACHE,
	READ_IDLE_EXIT,
	READ_USER,
	READ_METRICS,
	READ_LOG_LEVEL,
	READ_PURGE,
	READ_TEST,
	READ_HELP,
	READ_VERSION
};
static const struct opt options[] = {
    {.name = "config",
	.letter = 'c',
	.kind = OPT_STRING,
	.arg = "FILE",
	.help = "lowtide.json, as `lowtide build` wrote it"},
    {.name = "state",
	.letter = 's',
	.kind = OPT_STRING,
	.arg = "DIR",
	.help = "in whose folder jwks the keys of tokens are"},
    PROCESS_LISTEN(READ_RUN "/NAME/read.sock"),
    {.name = "endpoint",
	.letter = 'e',
	.kind = OPT_STRING,
	.arg = "ADDRESS",
	.help = "where lowtide-cgi takes reads that become jobs; else "
		"unix:" READ_RUN "/NAME/cgi.sock"},
    {.name = "control",
	.kind = OPT_STRING,
	.arg = "ADDRESS",
	.help = "unix:PATH; takes --purge there; else "
		"unix:" READ_RUN "/NAME/read/control.sock, where that can be"},
    {.name = "cache",
	.kind = OPT_STRING,
	.arg = "SIZE",
	.help = "what is kept in memory of upstreams' answers (64MiB)"},
    PROCESS_IDLE_EXIT,
    PROCESS_USER("become this user, once it listens"),
    PROCESS_METRICS,
    PROCESS_LOG_LEVEL("error, info (also what failed; left out) or debug "
		      "(also each answer)"),
    {.name = "purge",
	.letter = 'p',
	.kind = OPT_STRING,
	.arg = "PREFIX",
	.help = "have the one that runs forget what it keeps of UPSTREAM/PATH, "
		"say how many answers that were, and exit"},
    PROCESS_TEST("check configuration (or FILE) and what it needs, then exit"),
    {.name = "help", .letter = 'h', .kind = OPT_FLAG, .help = "show this"},
    PROCESS_VERSION,
    {.name = NULL},
};

static const char *given(const struct opt_value *values, int option)
{
	return values[option].given ? values[option].string : NULL;
}

/* ---- setting up ---------------------------------------------------------- */

static enum err read_options(
    struct read_program *p, const struct opt_value *values)
{
	int64_t bytes = 0;

	if (values[READ_LOG_LEVEL].given)
		(void)log_level_read(
		    values[READ_LOG_LEVEL].string, &p->log.level);
	p->idle_ms = values[READ_IDLE_EXIT].number;
	if (!values[READ_CACHE].given)
		return ERR_OK;
	enum err err = units_size(str_of(values[READ_CACHE].string), &bytes);
	if (err == ERR_OK && bytes >= READ_CACHE_MIN &&
	    bytes <= READ_CACHE_MAX) {
		p->cache_bytes = (size_t)bytes;
		return ERR_OK;
	}
	diag_error(&p->start.diag, POS_NONE, "bad-value",
	    "--cache takes a size from 64KiB to 1024GiB, such as 256MiB, not "
	    "`%s`",
	    values[READ_CACHE].string);
	return ERR_USAGE;
}

/* As another user the files are read, so that he can do it again later. */
static enum err open_files(
    struct read_program *p, const struct opt_value *values)
{
	struct start *s = &p->start;
	enum err err = start_config(
	    s, given(values, READ_CONFIG), given(values, READ_STATE), NULL);

	if (err == ERR_OK && values[READ_USER].given) {
		err = read_listen(p, given(values, READ_LISTEN));
		if (err == ERR_OK)
			err = user_become(
			    values[READ_USER].string, p->listen_fd, &s->diag);
	}
	return err;
}

static void confine(struct read_program *p)
{
	struct read_needs *needs = &p->needs;

	read_needs(&p->start.arena, p, p->start.config, needs);
	const struct sandbox_spec spec = {.files = needs->files,
	    .folders = sandbox_calling_folders,
	    .calls = true,
	    .ports = needs->ports,
	    .n_ports = needs->n_ports};

	process_warn_of_root(&p->log,
	    "nothing here needs it; start it as a user of its own, or say "
	    "--user NAME");
	sandbox_enter(&spec, &p->log, clock_wall_ms());
}

static enum err set_up(struct read_program *p, const struct opt_value *values)
{
	enum err err = read_options(p, values);

	process_settle_signals();
	if (err == ERR_OK)
		err = open_files(p, values);
	if (err == ERR_OK)
		err = read_find_endpoint(p, given(values, READ_ENDPOINT));
	process_raise_file_limit();
	if (err == ERR_OK)
		err = read_equip(p);
	if (err == ERR_OK)
		err = read_open_sockets(p, given(values, READ_LISTEN),
		    given(values, READ_METRICS), given(values, READ_CONTROL));
	if (err == ERR_OK)
		err = read_observe(p);
	if (err != ERR_OK)
		return err;
	read_report_now(p->start.config, p->bearer);
	confine(p);
	return ERR_OK;
}

/* ---- the command line ---------------------------------------------------- */

static void usage(void)
{
	puts("usage: lowtide-read [--config FILE] [--state DIR] "
	     "[--listen ADDRESS]\n"
	     "                    [--endpoint ADDRESS] [--control ADDRESS] "
	     "[--cache SIZE]\n"
	     "                    [--idle-exit TIME] [--user NAME] "
	     "[--metrics ADDRESS]\n"
	     "                    [--log-level LEVEL]\n"
	     "       lowtide-read --purge PREFIX [--config FILE | --control "
	     "ADDRESS]\n"
	     "       lowtide-read --test [FILE]\n\n"
	     "Answers reads of several upstreams at once, as a FastCGI "
	     "program: calls them\nin parallel, keeps their answers, tells "
	     "what failed.\n");
	opt_help(options, stdout);
}

static enum err test(
    struct read_program *p, const struct opt_value *values, const char *file)
{
	struct start *s = &p->start;
	const char *config = given(values, READ_CONFIG);
	enum err err = read_options(p, values);

	if (err == ERR_OK)
		err = start_config(
		    s, config ? config : file, given(values, READ_STATE), NULL);
	if (err == ERR_OK)
		err = read_find_endpoint(p, given(values, READ_ENDPOINT));
	if (err == ERR_OK)
		err = read_equip(p);
	if (err != ERR_OK)
		return err;
	read_report(s->config, p->bearer, &s->diag);
	printf("%s: %zu read%s\n", s->config_path, s->config->n_reads,
	    s->config->n_reads == 1 ? "" : "s");
	return ERR_OK;
}

static enum err purge(struct read_program *p, const struct opt_value *values)
{
	struct start *s = &p->start;
	const char *path = NULL;
	struct listen_at at;
	uint64_t n = 0;
	enum err err = ERR_OK;

	if (!values[READ_CONTROL].given)
		err = start_config(s, given(values, READ_CONFIG), NULL, NULL);
	if (err == ERR_OK)
		err = read_control_path(p, given(values, READ_CONTROL), &path);
	if (err == ERR_OK)
		err = listen_where("--control",
		    arena_printf(&s->arena, "unix:%s", path).p, &s->diag, &at);
	if (err == ERR_OK)
		err = purge_ask(
		    &at, path, str_of(values[READ_PURGE].string), &s->diag, &n);
	if (err == ERR_OK)
		printf("%llu\n", (unsigned long long)n);
	return err;
}

static enum err run(struct read_program *p, const struct opt_result *found)
{
	static const struct process_rows rows = {.name = "lowtide-read",
	    .usage = usage,
	    .config = READ_CONFIG,
	    .test = READ_TEST,
	    .help = READ_HELP,
	    .version = READ_VERSION};
	const struct opt_value *values = found->values;
	enum err err;

	if (process_is_answered(&p->start, &rows, found, &err))
		return err;
	if (values[READ_PURGE].given)
		return purge(p, values);
	if (values[READ_TEST].given)
		return test(p, values, process_test_file(found));
	err = set_up(p, values);
	return err == ERR_OK ? read_serve(p) : err;
}

int main(int argc, char *argv[])
{
	struct read_program p = {
	    .listen_fd = -1,
	    .metrics_fd = -1,
	    .control_fd = -1,
	    .aside_fd = -1,
	    .log = {.fd = STDERR_FILENO, .program = "lowtide-read"},
	};
	struct opt_result found;

	start_init(&p.start);
	enum err err = opt_parse(
	    &p.start.arena, options, argc, argv, &p.start.diag, &found);
	if (err == ERR_OK)
		err = run(&p, &found);
	read_release(&p);
	return start_close(&p.start, err);
}
