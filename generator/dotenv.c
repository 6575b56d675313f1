#include "generator/dotenv.h"

#include "generator/api-make.h"
#include "generator/classic.h"
#include "generator/client.h"
#include "generator/published.h"

/* A last line break is the text's end and no line more. */
static void put_comment(struct dotenv *d)
{
	const struct value *comment = value_get(d->table, "comment");
	struct str text = value_text(d->table, "comment");

	for (size_t at = 0, end; at < text.n; at = end + 1) {
		end = str_find(text, '\n', at);
		struct str line = str_slice(text, at, end);
		const char *wrong = dotenv_wrong_with_line(line);
		if (wrong) {
			diag_error(d->b->diag, comment->pos,
			    "env-unrepresentable",
			    "the comment has %s, which KEY=VALUE files cannot "
			    "hold; take it out",
			    wrong);
			return;
		}
		buf_puts(&d->out, line.n ? "# " : "#");
		buf_put_str(&d->out, line);
		buf_putc(&d->out, '\n');
	}
}

/* Of the table; NULL where it is missing or was refused already. */
static const struct value *path_of(const struct dotenv *d, const char *key,
    const char *ending, const char *like)
{
	const struct value *v = value_get(d->table, key);

	if (!v || v->broken)
		return NULL;
	published_path(d->b, v->pos, v->text, ending, like);
	return v;
}

/* classic NULL: there is no script, or none can be made. */
static enum err one_table(struct build *b, const struct member *m,
    const struct dotenv_providers *providers, const struct value *classic)
{
	struct dotenv d = {.b = b,
	    .name = m->key,
	    .table = m->value,
	    .providers = providers,
	    .seen = value_new(b->arena, VALUE_TABLE, POS_NONE),
	    .entries = value_new(b->arena, VALUE_ARRAY, POS_NONE),
	    .from_env = making_is_from_env(m->value)};
	size_t errors = b->diag->errors;
	const struct value *file = path_of(&d, "file", "", "page.env");
	const struct value *script = path_of(&d, "script", ".js", "env.js");
	enum err err = ERR_OK;

	put_comment(&d);
	dotenv_groups(&d);
	if (!file || b->diag->errors > errors)
		err = ERR_INPUT;
	if (err == ERR_OK)
		err = out_put(&b->out, OUT_WWW,
		    arena_cstr(b->arena, file->text), buf_str(&d.out),
		    OUT_POINTER, d.from_env, file->pos, b->diag);
	if (err == ERR_OK) {
		struct str path =
		    arena_printf(b->arena, "/%.*s", STR_ARG(file->text));
		build_ref(b, path, path);
	}
	if (err == ERR_OK && script && classic)
		err = classic_put(b, classic, &d, script);
	buf_release(&d.out);
	return err;
}

static bool wants_script(const struct value *all)
{
	for (size_t i = 0; i < all->as.table.n; i++)
		if (value_get(all->as.table.members[i].value, "script"))
			return true;
	return false;
}

enum err produce_dotenv(struct build *b)
{
	const struct value *all = site_table(b->site, "dotenv");
	struct dotenv_providers providers;
	struct value *classic = NULL;
	enum err err = ERR_OK;

	if (!all)
		return ERR_OK;
	/* produce_oauth() has told what is wrong, and returned it */
	providers.err = oauth_providers(b, NULL, &providers.list, &providers.n);
	if (wants_script(all) &&
	    classic_data(b, &providers, &classic) != ERR_OK) {
		err = ERR_INPUT;
		classic = NULL;
	}
	for (size_t i = 0; i < all->as.table.n; i++) {
		const struct member *m = &all->as.table.members[i];
		if (m->value->kind != VALUE_TABLE)
			continue;
		enum err one = one_table(b, m, &providers, classic);
		if (one == ERR_IO)
			return one;
		if (err == ERR_OK)
			err = one;
	}
	return err;
}
