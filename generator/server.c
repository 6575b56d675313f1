#include "generator/server.h"

/*
 * The configurations of web servers, in pieces (generator.md): what belongs
 * into somebody's own server, and a complete example (`lowtide serve` uses
 * nginx's). Another server is its rows here and its templates.
 */
static const struct piece {
	const char *kind, *file;
	enum mustache_escape escape;
	struct server_spelling spelling;
} pieces[] = {
    {"nginx", "nginx-http.conf", ESCAPE_NGINX, {"%"}},
    {"nginx", "nginx-site.conf", ESCAPE_NGINX, {"%"}},
    {"nginx", "nginx-example.conf", ESCAPE_NGINX, {"%"}},
};

/* `lowtide serve` runs nginx whatever a site is published with. */
static bool is_wanted(const struct build *b, const char *kind)
{
	const struct value *kinds = site_value(b->site, "server.kinds");

	if (b->root || !kinds)
		return strcmp(kind, "nginx") == 0;
	for (size_t i = 0; i < kinds->as.array.n; i++)
		if (str_is(kinds->as.array.items[i]->text, kind))
			return true;
	return false;
}

static enum err put_piece(
    struct build *b, const struct piece *p, const struct value *data)
{
	struct str name = arena_printf(b->arena, "server/%s", p->file), text;
	bool from_env = true; /* base_url is an environment value */
	enum err err =
	    build_template(b, name.p, data, p->escape, &text, &from_env);

	if (err == ERR_OK)
		err = out_put(&b->out, OUT_SERVER, p->file, text, OUT_PRIVATE,
		    true, POS_NONE, b->diag);
	return err;
}

/* What is wrong is told whatever the kinds are, and once. */
static enum err check(struct build *b, struct redirects *redirects)
{
	struct str page;
	enum err all = server_redirects(b, redirects);
	enum err not_found = server_page(b, "site.not_found", &page);
	enum err fallback = server_page(b, "site.fallback", &page);

	server_check_patterns(b);
	return all ? all : not_found ? not_found : fallback;
}

enum err produce_server(struct build *b)
{
	struct redirects redirects;
	const struct value *data = NULL;
	const char *of = ""; /* the kind that data is for */
	enum err err = check(b, &redirects);

	for (size_t i = 0;
	     err == ERR_OK && i < sizeof(pieces) / sizeof(*pieces); i++) {
		const struct piece *p = &pieces[i];
		if (!is_wanted(b, p->kind))
			continue;
		if (strcmp(of, p->kind) != 0)
			data = server_data(b, &redirects, &p->spelling);
		of = p->kind;
		err = put_piece(b, p, data);
	}
	return err;
}
