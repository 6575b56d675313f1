#include <string.h>

#include "generator/server-data.h"

/*
 * What the units of one site have besides those of all sites; first the
 * worker's:
 *
 *   stop_s        above the longest call or program that may be under way
 *   programs      some API has one
 *   variables[]   variable, of: what the worker's environment has to hold, and
 *                 which secret or which API's program it is for; any_variables
 *   files[]       file, of, is_credential, id: secrets out of files; any_files
 *
 * A file of the unit's own credentials (systemd.exec(5)) is loaded by systemd,
 * from /etc/lowtide/SITE/ID. Then those of lowtide-read, of what a call of a
 * read has in its path or headers: read_variables[], read_files[] and their
 * any_…; a file may be `is_others`: systemd shows it to the other unit alone.
 */
#define STOP_SLACK_MS 20000
#define CREDENTIALS "/run/credentials/lowtide-"

static int64_t longest_ms(const struct config *c)
{
	int64_t longest = 0;

	for (size_t i = 0; i < c->n_apis; i++) {
		const struct api *api = &c->apis[i];
		const struct upstream *u = config_upstream(c, api->upstream);
		int64_t ms = api->exec.n ? api->deadline_ms + api->exec_stop_ms
			     : u	 ? u->timeout_ms
					 : 0;
		if (ms > longest)
			longest = ms;
	}
	return longest;
}

static bool is_id(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!s.p[i] ||
		    !strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZ"
			    "abcdefghijklmnopqrstuvwxyz0123456789._-",
			s.p[i]))
			return false;
	return s.n > 0;
}

/* What stands behind the folder of the unit's credentials; else empty. */
static struct str credential(
    const struct server_ctx *d, const char *program, struct str file)
{
	struct str folder = arena_printf(d->a, CREDENTIALS "%s@%.*s.service/",
	    program, STR_ARG(d->b->site->name));
	struct str id = str_slice(file, folder.n, file.n);

	return str_starts(file, folder.p) && is_id(id) ? id : (struct str){0};
}

static void push_secret(const struct server_ctx *d, const char *program,
    const struct secret *s, struct value *variables, struct value *files)
{
	struct value *row = data_row(d, s->env.n ? variables : files);
	struct str id = credential(d, program, s->file);
	bool others = credential(d, "worker", s->file).n ||
		      credential(d, "read", s->file).n;

	data_text(d, row, "of",
	    arena_printf(d->a, "{secret.%.*s}", STR_ARG(s->name)));
	data_text(d, row, "variable", s->env);
	data_text(d, row, "file", s->file);
	data_flag(d, row, "is_credential", id.n > 0);
	data_flag(d, row, "is_others", id.n == 0 && others);
	data_text(d, row, "id", id);
}

void server_set_worker(const struct server_ctx *d)
{
	const struct config *c = d->b->config;
	struct value *variables = data_array(d, "variables");
	struct value *files = data_array(d, "files");
	bool programs = false;

	for (size_t i = 0; c && i < c->n_apis; i++) {
		const struct api *api = &c->apis[i];
		programs |= api->exec.n > 0;
		for (size_t j = 0; j < api->exec_env.n; j++) {
			struct value *row = data_row(d, variables);
			data_text(d, row, "variable", api->exec_env.items[j]);
			data_text(d, row, "of",
			    arena_printf(
				d->a, "[api.%.*s]", STR_ARG(api->name)));
		}
	}
	for (size_t i = 0; c && i < c->n_secrets; i++)
		push_secret(d, "worker", &c->secrets[i], variables, files);
	data_flag(d, d->root, "any_variables", variables->as.array.n > 0);
	data_flag(d, d->root, "any_files", files->as.array.n > 0);
	data_flag(d, d->root, "programs", programs);
	data_int(d, d->root, "stop_s",
	    c ? (longest_ms(c) + STOP_SLACK_MS + 999) / 1000 : 0);
}

/* {secret.NAME} and {secret.NAME?} */
static bool names(
    const struct server_ctx *d, struct str text, struct str secret)
{
	struct str place = arena_printf(d->a, "{secret.%.*s", STR_ARG(secret));

	for (size_t at = 0; at + place.n < text.n; at++)
		if (str_starts(str_slice(text, at, text.n), place.p) &&
		    (text.p[at + place.n] == '}' ||
			text.p[at + place.n] == '?'))
			return true;
	return false;
}

static bool any_names(
    const struct server_ctx *d, const struct pairs *headers, struct str secret)
{
	for (size_t i = 0; i < headers->n; i++)
		if (names(d, headers->items[i].value, secret))
			return true;
	return false;
}

static bool reads_need(const struct server_ctx *d, struct str secret)
{
	const struct config *c = d->b->config;

	for (size_t i = 0; i < c->n_read_calls; i++) {
		const struct read_call *call = &c->read_calls[i];
		const struct upstream *u = config_upstream(c, call->upstream);
		if (names(d, call->path, secret) ||
		    any_names(d, &call->headers, secret) ||
		    (u && any_names(d, &u->headers, secret)))
			return true;
	}
	return false;
}

void server_set_read_unit(const struct server_ctx *d)
{
	const struct config *c = d->b->config;
	struct value *variables = data_array(d, "read_variables");
	struct value *files = data_array(d, "read_files");

	for (size_t i = 0; c && i < c->n_secrets; i++)
		if (reads_need(d, c->secrets[i].name))
			push_secret(
			    d, "read", &c->secrets[i], variables, files);
	data_flag(d, d->root, "any_read_variables", variables->as.array.n > 0);
	data_flag(d, d->root, "any_read_files", files->as.array.n > 0);
	data_flag(d, d->root, "any_read_secrets",
	    variables->as.array.n + files->as.array.n > 0);
}
