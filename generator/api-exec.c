#include <errno.h>
#include <sys/stat.h>

#include "generator/api-make.h"

/*
 * An API that a program does: `exec` names a file of the site's handlers/,
 * which produce_handlers() copies beside lowtide.json. Findings:
 * `handler-missing`, `handler-outside`, `handler-not-executable`,
 * `handler-twice`, `bad-value`; as a warning `key-unused`.
 */
#define FOLDER "handlers"

/* Of handlers/, by a name that leads nowhere else. */
static void check_file(struct making *m, struct str name, struct pos pos)
{
	struct stat st;
	const char *file = arena_printf(m->a, FOLDER "/%.*s", STR_ARG(name)).p;

	if (!out_is_path(name)) {
		diag_error(m->diag, pos, "handler-outside",
		    "\"%.*s\" is no file of " FOLDER "/; copy the program "
		    "there and write its name",
		    STR_ARG(name));
		return;
	}
	/* a symbolic link is a finding of whoever lists the folder */
	if (lstat(site_path(m->a, m->b->site->dir, file), &st) != 0 ||
	    !(S_ISREG(st.st_mode) || S_ISLNK(st.st_mode)))
		diag_error(m->diag, pos, "handler-missing",
		    "there is no file %s; write the program that does it",
		    file);
	else if (S_ISREG(st.st_mode) && !(st.st_mode & S_IXUSR))
		diag_error(m->diag, pos, "handler-not-executable",
		    "%s cannot be started; run `chmod +x %s`", file, file);
}

/* What only a call to an upstream has. */
static void check_calls(struct making *m)
{
	static const char *const keys[] = {"upstream", "noop", "request.method",
	    "request.path", "request.query", "request.headers",
	    "request.forward"};

	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++)
		if (making_given(m, keys[i]))
			diag_error(m->diag, making_place(m, keys[i]),
			    "handler-twice",
			    "a program does it (exec), and `%s` is of a call "
			    "to an upstream; take one of the two out",
			    keys[i]);
	if (making_given(m, "result.headers"))
		diag_warn(m->diag, making_place(m, "result.headers"),
		    "key-unused",
		    "a program's answer has no headers; take "
		    "`result.headers` out");
}

static void variables(struct making *m, struct api *api)
{
	const struct value *v = making_given(m, "env");

	api->exec_env = making_strings(m, "env");
	for (size_t i = 0; i < api->exec_env.n; i++)
		if (!making_is_variable(api->exec_env.items[i]) ||
		    str_starts(api->exec_env.items[i], "LOWTIDE_"))
			diag_error(m->diag, v->as.array.items[i]->pos,
			    "bad-value",
			    "`env` names variables of the worker's that the "
			    "program gets, such as \"LEDGER_URL\"; this is no "
			    "name of one, or of lowtide's own");
}

static void check_unused(struct making *m)
{
	static const char *const keys[] = {"env", "limits", "stop"};

	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++)
		if (making_given(m, keys[i]))
			diag_warn(m->diag, making_place(m, keys[i]),
			    "key-unused",
			    "`%s` is of a program, and no `exec` says which; "
			    "take it out",
			    keys[i]);
}

void making_exec(struct making *m, struct api *api)
{
	const struct value *v = making_given(m, "exec");

	if (!v) {
		check_unused(m);
		return;
	}
	api->exec = making_strings(m, "exec");
	if (v->broken)
		return;
	if (api->exec.n)
		check_file(m, api->exec.items[0], v->as.array.items[0]->pos);
	else
		diag_error(m->diag, v->pos, "handler-missing",
		    "`exec` names no program; write exec = [\"NAME\"] and a "
		    "file " FOLDER "/NAME");
	check_calls(m);
	variables(m, api);
	api->exec_memory = making_amount(m, "limits.memory");
	api->exec_cpu_ms = making_amount(m, "limits.cpu");
	api->exec_disk = making_amount(m, "limits.disk");
	api->exec_processes = making_amount(m, "limits.processes");
	api->exec_stop_ms = making_amount(m, "stop");
}
