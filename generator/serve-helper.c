#include "generator/serve.h"

#include <fcntl.h>
#include <string.h>

#include "generator/run-reference.h"
#include "lib/clock.h"
#include "lib/fs.h"

/*
 * [serve.run.NAME]: programs that stand in for what a site talks to. Each gets
 * a free loopback port in $PORT and is ready when it has printed a line.
 */
#define SERVE_HELPER_MS 15000

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
	int64_t until = clock_monotonic_ms() + SERVE_HELPER_MS;
	struct str said = {0};

	while (clock_monotonic_ms() < until && h->child.pid != 0) {
		if (fs_read(s->arena, out, 1024 * 1024, NULL, &said) ==
			ERR_OK &&
		    str_find(said, '\n', 0) < said.n)
			return ERR_OK;
		if (serve_watch(s, 20) != ERR_OK)
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
	const char *out = serve_text(s, "%s/%s.out", s->place.run, h->name);
	uint16_t port;
	enum err err = helper_command(s, h, table);

	if (err == ERR_OK)
		err = place_free_port(&port, s->diag);
	if (err != ERR_OK)
		return err;
	const char *log = serve_log(s, h->name);
	h->url = serve_text(s, "http://127.0.0.1:%u", port);
	h->child.name = h->name;
	h->child.extra = SERVE_LIST(s, serve_text(s, "PORT=%u", port));
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
		serve_say(s, "  %s on %s", h->name, h->url);
	}
	return err;
}

enum err serve_start_helpers(struct serve *s)
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

enum err serve_fill_references(
    struct serve *s, struct site *site, struct arena *a, struct diag *diag)
{
	struct run_helper *helpers =
	    arena_array(a, s->n_helpers, sizeof(*helpers));

	for (size_t i = 0; i < s->n_helpers; i++)
		helpers[i] = (struct run_helper){
		    .name = s->helpers[i].name, .url = s->helpers[i].url};
	return run_references_fill(a, site->root, helpers, s->n_helpers, diag);
}
