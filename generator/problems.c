#include "generator/build.h"
#include "generator/embed.h"
#include "generator/mustache.h"

/*
 * problems/TYPE.html, one for each row of lib/problem.def: where the `type` of
 * a problem+json points. Their style, which 404.html shares, is a file of its
 * own, because the policy that servers send allows none inline.
 */
#define STYLE "pages/lowtide.css"
#define STYLE_MAX ((size_t)1024 * 1024)

static const struct problem {
	const char *type;
	int status; /* 0 = the upstream's own */
	const char *title, *detail;
} problems[] = {
#define PROBLEM(name, type, status, title, detail)                             \
	{type, status, title, detail},
#include "lib/problem.def"
#undef PROBLEM
};

static enum err put_style(struct build *b)
{
	struct str bytes;
	const char *file;

	enum err err = site_read(b->arena, b->site->dir, "templates/" STYLE,
	    STYLE_MAX, b->diag, &file, &bytes);
	if (err == ERR_NOT_FOUND && embed_find(STR(STYLE), &bytes))
		err = ERR_OK;
	if (err != ERR_OK)
		return err;
	return build_put_fingerprinted(
	    b, "lowtide.css", bytes, false, POS_FILE(file));
}

static void set(
    struct build *b, struct value *table, const char *key, struct str text)
{
	value_set(b->arena, table, str_of(key), POS_NONE,
	    value_string(b->arena, text, POS_NONE));
}

static enum err put_page(struct build *b, const char *template,
    const char *path, const struct value *data)
{
	struct str text;
	bool from_env = false;
	enum err err =
	    build_template(b, template, data, ESCAPE_HTML, &text, &from_env);

	if (err != ERR_OK)
		return err;
	return out_put(&b->out, OUT_WWW, path, text, OUT_PAGE, from_env,
	    POS_NONE, b->diag);
}

static enum err put_problem(
    struct build *b, const struct problem *p, struct value *data)
{
	struct value *about = value_new(b->arena, VALUE_TABLE, POS_NONE);

	set(b, about, "type", str_of(p->type));
	set(b, about, "title", str_of(p->title));
	set(b, about, "detail", str_of(p->detail));
	set(b, about, "status",
	    p->status ? arena_printf(b->arena, "%d", p->status)
		      : (struct str){0});
	value_set(b->arena, data, STR("problem"), POS_NONE, about);
	return put_page(b, "pages/problem.html",
	    arena_printf(b->arena, "problems/%s.html", p->type).p, data);
}

enum err produce_problems(struct build *b)
{
	struct value *data = build_data(b);
	enum err err = put_style(b);

	set(b, data, "style", build_published(b, STR("/lowtide.css")));
	for (size_t i = 0;
	     i < sizeof(problems) / sizeof(*problems) && err == ERR_OK; i++)
		err = put_problem(b, &problems[i], data);
	return err;
}
