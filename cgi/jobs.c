#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cgi/ids.h"
#include "cgi/key-file.h"
#include "cgi/report.h"
#include "cgi/seal.h"
#include "cgi/start.h"
#include "lib/clock.h"
#include "lib/units.h"
#include "lib/version.h"

/*
 * lowtide-jobs: the operator's look at the store. A command is a row of the
 * table at the end; what only reads opens the store read-only.
 */
#define LS_DEFAULT 50
#define LS_MAX 100000

struct run {
	struct start start;
	struct opt_result found;
	struct buf out;
};
struct command {
	const char *name, *operand, *help;
	const struct opt *options;
	enum err (*run)(struct run *run);
};

/* ---- keygen ------------------------------------------------------------ */

static const struct opt keygen_options[] = {
    {.name = "help", .letter = 'h', .kind = OPT_FLAG, .help = "show this"},
    {.name = NULL},
};

static enum err keygen(struct run *run)
{
	const char *path = run->found.operands[0];
	enum err err = keys_generate(path, &run->start.diag);

	if (err == ERR_OK)
		fprintf(stderr,
		    "made %s; keep a copy of it apart from the store: without "
		    "it nothing in the store can be read\n",
		    path);
	return err;
}

/* ---- other keys -------------------------------------------------------- */

static const struct opt key_options[] = {
    START_OPTIONS,
    {.name = NULL},
};

static enum err keyadd(struct run *run)
{
	struct start *s = &run->start;
	uint8_t version;
	enum err err = start_config_options(s, run->found.values);

	if (err == ERR_OK)
		err = key_file_add(
		    s->keys_path, clock_wall_ms(), &s->diag, &version);
	if (err == ERR_OK)
		buf_printf(&run->out,
		    "added keys of version %d; let every program read them "
		    "(SIGHUP), then `lowtide-jobs keyuse`\n",
		    version);
	return err;
}

static enum err keyuse(struct run *run)
{
	struct start *s = &run->start;
	uint8_t version;
	enum err err = start_config_options(s, run->found.values);

	if (err == ERR_OK)
		err = key_file_use(
		    s->keys_path, clock_wall_ms(), &s->diag, &version);
	if (err == ERR_OK)
		buf_printf(&run->out,
		    "version %d is the one to use from now on; let every "
		    "program read it (SIGHUP)\n",
		    version);
	return err;
}

/* As long as anything can be there that an old key made. */
static int64_t longest_life_ms(const struct config *config)
{
	int64_t most = 0;

	for (size_t i = 0; i < config->n_apis; i++) {
		const struct api *api = &config->apis[i];
		if (api->deadline_ms + api->ttl_ms > most)
			most = api->deadline_ms + api->ttl_ms;
	}
	return most + STORE_TOMBSTONE_MS;
}

static enum err keyprune(struct run *run)
{
	struct start *s = &run->start;
	size_t dropped;
	int64_t next_ms;
	enum err err = start_config_options(s, run->found.values);

	if (err == ERR_OK)
		err = key_file_prune(s->keys_path, clock_wall_ms(),
		    longest_life_ms(s->config), &s->diag, &dropped, &next_ms);
	if (err != ERR_OK)
		return err;
	buf_printf(&run->out, "dropped %zu keys", dropped);
	if (next_ms)
		buf_printf(&run->out, "; the next from %.*s on",
		    STR_ARG(units_time(&s->arena, next_ms)));
	buf_putc(&run->out, '\n');
	return err;
}

/* ---- ls ---------------------------------------------------------------- */

enum { LS_API = START_COUNT, LS_STATUS, LS_MOST, LS_JSON };
static const struct opt ls_options[] = {
    START_OPTIONS,
    {.name = "api",
	.letter = 'a',
	.kind = OPT_STRING,
	.arg = "NAME",
	.help = "only jobs of this API"},
    {.name = "status",
	.kind = OPT_STRING,
	.arg = "STATUS",
	.help = "only pending, processing, completed, failed or cancelled"},
    {.name = "limit",
	.letter = 'n',
	.kind = OPT_INT,
	.arg = "N",
	.help = "at most so many, the newest first (50)",
	.min = 1,
	.max = LS_MAX},
    {.name = "json", .kind = OPT_FLAG, .help = "for programs"},
    {.name = NULL},
};

struct listing {
	const struct api *api;
	int state; /* -1 = any */
	size_t limit, from;
	struct report_job *jobs;
	size_t n, cap;
};

static bool list_one(void *ctx, const struct job *job)
{
	struct listing *l = ctx;

	if (l->state >= 0 && (int)job->state != l->state)
		return true;
	if (l->n == l->cap) {
		l->cap = l->cap ? 2 * l->cap : 64;
		l->jobs = realloc(l->jobs, l->cap * sizeof(*l->jobs));
		if (!l->jobs)
			abort();
	}
	l->jobs[l->n++] = (struct report_job){.api = l->api, .job = *job};
	return l->n - l->from < l->limit;
}

static int newest_first(const void *left, const void *right)
{
	const struct report_job *a = left, *b = right;

	if (a->job.accepted_ms != b->job.accepted_ms)
		return a->job.accepted_ms > b->job.accepted_ms ? -1 : 1;
	return memcmp(a->job.id, b->job.id, JOB_ID_BYTES);
}

static enum err find_state(struct run *run, int *state)
{
	const struct opt_value *v = &run->found.values[LS_STATUS];

	*state = -1;
	if (!v->given)
		return ERR_OK;
	for (*state = 0; *state < JOB_STATES; ++*state)
		if (strcmp(job_state_text((enum job_state) * state),
			v->string) == 0)
			return ERR_OK;
	diag_error(&run->start.diag, POS_NONE, "bad-value",
	    "`%s` is not a status; say pending, processing, completed, failed "
	    "or cancelled",
	    v->string);
	return ERR_USAGE;
}

static enum err list_apis(struct run *run, struct listing *l)
{
	const struct opt_value *only = &run->found.values[LS_API];
	const struct config *config = run->start.config;
	enum err err = store_view(run->start.store);

	if (err != ERR_OK)
		return err;
	for (size_t i = 0; i < config->n_apis && err == ERR_OK; i++) {
		if (only->given && !str_is(config->apis[i].name, only->string))
			continue;
		l->api = &config->apis[i];
		l->from = l->n;
		err = store_list(run->start.store, i,
		    l->state < 0 ? l->limit : 0, list_one, l);
	}
	store_unview(run->start.store);
	return err;
}

static enum err ls(struct run *run)
{
	const struct opt_value *v = run->found.values;
	struct listing l = {
	    .limit = v[LS_MOST].given ? (size_t)v[LS_MOST].number : LS_DEFAULT};
	enum err err = find_state(run, &l.state);

	if (err == ERR_OK)
		err = start_open(&run->start, v, STORE_SHOWS);
	if (err != ERR_OK)
		return err;
	if (v[LS_API].given &&
	    !config_api(run->start.config, str_of(v[LS_API].string))) {
		diag_error(&run->start.diag, POS_FILE(run->start.config_path),
		    "no-such-api", "no API is called `%s`", v[LS_API].string);
		return ERR_NOT_FOUND;
	}
	err = list_apis(run, &l);
	if (l.n)
		qsort(l.jobs, l.n, sizeof(*l.jobs), newest_first);
	if (l.n > l.limit)
		l.n = l.limit;
	if (err == ERR_OK && v[LS_JSON].given)
		report_table_json(&run->out, l.jobs, l.n);
	else if (err == ERR_OK)
		report_table(&run->out, l.jobs, l.n, clock_wall_ms());
	free(l.jobs);
	return err;
}

/* ---- show -------------------------------------------------------------- */

enum { SHOW_JSON = START_COUNT, SHOW_RESULT };
static const struct opt show_options[] = {
    START_OPTIONS,
    {.name = "json", .kind = OPT_FLAG, .help = "for programs"},
    {.name = "result",
	.kind = OPT_FLAG,
	.help = "the bytes of the upstream's answer and nothing else"},
    {.name = NULL},
};

/* The body as it was before it was sealed; ERR_NOT_FOUND when there is none. */
static enum err open_body(struct run *run, const struct job *job,
    enum body_kind kind, struct str *plain)
{
	struct start *s = &run->start;
	struct str sealed;
	enum err err = store_body(s->store, job, kind, &s->arena, &sealed);

	if (err == ERR_OK)
		err = seal_open(&s->keys, job, kind, sealed, &s->arena, plain);
	return err;
}

static enum err read_bodies(struct run *run, struct report_job *r)
{
	struct str plain;
	enum err err = open_body(run, &r->job, BODY_META, &plain);

	if (err == ERR_OK)
		err = envelope_get_meta(plain, &r->meta);
	if (err != ERR_OK && err != ERR_NOT_FOUND)
		return err;
	err = open_body(run, &r->job, BODY_RESULT, &plain);
	if (err == ERR_OK)
		err = envelope_get_result(&run->start.arena, plain, &r->result);
	r->has_result = err == ERR_OK;
	return err == ERR_NOT_FOUND ? ERR_OK : err;
}

/* An id counts as a whole: its key alone does not name a job. */
static enum err find_job(struct run *run, struct report_job *r)
{
	struct start *s = &run->start;
	uint8_t id[JOB_ID_BYTES];
	size_t api;
	enum err err = ids_read(str_of(run->found.operands[0]), id);

	if (err == ERR_OK)
		err = ids_api(s->config, id, &api);
	if (err != ERR_OK)
		return err;
	r->api = &s->config->apis[api];
	err = store_view(s->store);
	if (err != ERR_OK)
		return err;
	err = store_get(s->store, api, id + JOB_KEY_OFFSET, &r->job);
	if (err == ERR_OK && memcmp(id, r->job.id, sizeof(id)) != 0)
		err = ERR_NOT_FOUND;
	if (err == ERR_OK)
		err = read_bodies(run, r);
	store_unview(s->store);
	return err;
}

static int64_t lease_on_the_wall(const struct job *job)
{
	return job->state == JOB_PROCESSING
		   ? clock_wall_ms() + job->lease_boot - clock_boot_ms()
		   : 0;
}

static enum err show(struct run *run)
{
	const struct opt_value *v = run->found.values;
	struct report_job r = {0};
	enum err err = start_open(&run->start, v, STORE_SHOWS);

	if (err != ERR_OK)
		return err;
	err = find_job(run, &r);
	r.lease_ms = lease_on_the_wall(&r.job);
	if (err == ERR_NOT_FOUND || err == ERR_FORGED)
		diag_error(&run->start.diag, POS_NONE, "no-such-job",
		    "there is no job `%s`; `lowtide-jobs ls` lists them",
		    run->found.operands[0]);
	else if (err != ERR_OK)
		diag_error(&run->start.diag, POS_NONE, "job-unreadable",
		    "what is kept of this job cannot be read with these keys "
		    "(%s); check --keys",
		    err_text(err));
	else if (v[SHOW_RESULT].given)
		buf_put_str(&run->out, r.result.body);
	else if (v[SHOW_JSON].given)
		report_job_json(&run->out, &r);
	else
		report_job(&run->out, &r);
	return err;
}

/* ---- trust-clock ------------------------------------------------------- */

static const struct opt trust_options[] = {
    START_OPTIONS,
    {.name = NULL},
};

/* To be written to, but not made: a wrong folder is told, not filled. */
static enum err open_existing(struct run *run)
{
	struct start *s = &run->start;
	enum err err = start_open(s, run->found.values, STORE_SHOWS);

	if (err != ERR_OK)
		return err;
	store_close(s->store);
	s->store = NULL;
	return start_open(s, run->found.values, STORE_WRITES);
}

static enum err trust_clock(struct run *run)
{
	const struct store_now now = {
	    .ms = clock_wall_ms(), .boot = clock_boot_ms()};
	bool was_stopped;
	enum err err = open_existing(run);

	if (err != ERR_OK)
		return err;
	err = store_trust_clock(run->start.store, now, &was_stopped);
	if (err != ERR_OK)
		diag_error(&run->start.diag, POS_FILE(run->start.state_dir),
		    "store-failed",
		    "the store cannot be written to (%s); try again",
		    err_text(err));
	else
		buf_puts(&run->out,
		    was_stopped
			? "the wall clock is taken for right: expiry goes on\n"
			: "the wall clock is taken for right: expiry had not "
			  "stopped\n");
	return err;
}

/* ---- the table --------------------------------------------------------- */

static const struct command commands[] = {
    {"keygen", "FILE", "make the keys of a new store", keygen_options, keygen},
    {"keyadd", NULL, "add keys that are accepted and not used yet", key_options,
	keyadd},
    {"keyuse", NULL, "use the keys that were added", key_options, keyuse},
    {"keyprune", NULL, "drop keys that nothing needs any more", key_options,
	keyprune},
    {"ls", NULL, "list jobs, the newest first", ls_options, ls},
    {"show", "ID", "everything known of one job", show_options, show},
    {"trust-clock", NULL, "say that this host's clock is right after a jump",
	trust_options, trust_clock},
};
#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

static void usage(const struct command *only)
{
	if (only) {
		printf("usage: lowtide-jobs %s%s%s [options]\n\n%s\n\n",
		    only->name, only->operand ? " " : "",
		    only->operand ? only->operand : "", only->help);
		opt_help(only->options, stdout);
		return;
	}
	puts("usage: lowtide-jobs COMMAND [options]\n");
	for (size_t i = 0; i < COMMANDS; i++)
		printf("  %-11s %-5s  %s\n", commands[i].name,
		    commands[i].operand ? commands[i].operand : "",
		    commands[i].help);
	puts("\n`lowtide-jobs COMMAND --help` lists a command's options.");
}

static const struct command *find_command(struct run *run, const char *word)
{
	const char *names[COMMANDS];

	for (size_t i = 0; i < COMMANDS; i++) {
		names[i] = commands[i].name;
		if (strcmp(word, names[i]) == 0)
			return &commands[i];
	}
	const char *near = opt_nearest(str_of(word), names, COMMANDS);
	diag_error(&run->start.diag, POS_NONE, "unknown-command",
	    "`%s` is not a command%s%s%s; see `lowtide-jobs --help`", word,
	    near ? "; did you mean `" : "", near ? near : "", near ? "`" : "");
	return NULL;
}

static enum err run_command(
    struct run *run, const struct command *c, int argc, char *argv[])
{
	struct diag *diag = &run->start.diag;
	size_t wanted = c->operand ? 1 : 0;
	enum err err = opt_parse(
	    &run->start.arena, c->options, argc, argv, diag, &run->found);

	if (err != ERR_OK)
		return err;
	for (size_t i = 0; c->options[i].name; i++) {
		if (strcmp(c->options[i].name, "help") == 0 &&
		    run->found.values[i].given) {
			usage(c);
			return ERR_OK;
		}
	}
	if (run->found.n_operands != wanted) {
		diag_error(diag, POS_NONE, "operands",
		    "`lowtide-jobs %s` takes %s; see --help", c->name,
		    c->operand ? c->operand : "no operand");
		return ERR_USAGE;
	}
	return c->run(run);
}

int main(int argc, char *argv[])
{
	struct run run = {.out = {0}};
	const struct command *command;
	enum err err = ERR_USAGE;

	start_init(&run.start);
	if (argc < 2) {
		diag_error(&run.start.diag, POS_NONE, "usage",
		    "a command is needed; see `lowtide-jobs --help`");
	} else if (strcmp(argv[1], "--help") == 0 ||
		   strcmp(argv[1], "-h") == 0) {
		usage(NULL);
		err = ERR_OK;
	} else if (strcmp(argv[1], "--version") == 0) {
		puts("lowtide-jobs " LOWTIDE_VERSION);
		err = ERR_OK;
	} else {
		command = find_command(&run, argv[1]);
		if (command)
			err = run_command(&run, command, argc - 1, argv + 1);
	}
	if (run.out.len &&
	    fwrite(run.out.data, 1, run.out.len, stdout) != run.out.len)
		err = ERR_IO;
	if (fflush(stdout) != 0)
		err = ERR_IO;
	buf_release(&run.out);
	return start_close(&run.start, err);
}
