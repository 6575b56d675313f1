#include <unistd.h>

#include "generator/api-auth.h"
#include "generator/server.h"

#define UNITS "systemd" /* whatever the web server is */

/*
 * The configurations of web servers, in pieces (generator.md): what belongs
 * into somebody's own server, and a complete example (`lowtide serve` uses
 * nginx's). Another server is its rows here and its templates.
 */
enum piece_who {
	FOR_ALL,
	FOR_APIS,
	FOR_WORKER,
	FOR_READS,
	FOR_READ_SECRETS,
	FOR_EITHER
};
static const struct piece {
	const char *kind, *file;
	/* before and behind the site's name; NULL: it is called as its file */
	const char *as[2];
	enum mustache_escape escape;
	struct server_spelling spelling;
	enum piece_who who;
} pieces[] = {
    {"nginx", "nginx-http.conf", {NULL, NULL}, ESCAPE_NGINX, {"%"}, FOR_ALL},
    {"nginx", "nginx-site.conf", {NULL, NULL}, ESCAPE_NGINX, {"%"}, FOR_ALL},
    {"nginx", "nginx-example.conf", {NULL, NULL}, ESCAPE_NGINX, {"%"}, FOR_ALL},
    /* where %1 would be what a condition matched */
    {"apache", "apache-site.conf", {NULL, NULL}, ESCAPE_APACHE, {"\\%"},
	FOR_ALL},
    {"apache", "apache-example.conf", {NULL, NULL}, ESCAPE_APACHE, {"\\%"},
	FOR_ALL},
    {"apache", "apache-cgi.conf", {NULL, NULL}, ESCAPE_APACHE, {"\\%"},
	FOR_APIS},
    {"lighttpd", "lighttpd-site.conf", {NULL, NULL}, ESCAPE_LIGHTTPD, {"%%"},
	FOR_ALL},
    {"lighttpd", "lighttpd-example.conf", {NULL, NULL}, ESCAPE_LIGHTTPD, {"%%"},
	FOR_ALL},
    {"lighttpd", "lighttpd-cgi.conf", {NULL, NULL}, ESCAPE_LIGHTTPD, {"%%"},
	FOR_APIS},
    {"lighttpd", "lighttpd-problem-413.html", {NULL, NULL}, ESCAPE_NONE, {"%%"},
	FOR_EITHER},
    {"lighttpd", "lighttpd-problem-502.html", {NULL, NULL}, ESCAPE_NONE, {"%%"},
	FOR_EITHER},
    {"lighttpd", "lighttpd-problem-503.html", {NULL, NULL}, ESCAPE_NONE, {"%%"},
	FOR_EITHER},
    {"lighttpd", "lighttpd-problem-504.html", {NULL, NULL}, ESCAPE_NONE, {"%%"},
	FOR_EITHER},
    /* for any site of a machine; `make install` has them, too */
    {UNITS, "systemd/lowtide-cgi@.socket", {NULL, NULL}, ESCAPE_NONE, {"%"},
	FOR_APIS},
    {UNITS, "systemd/lowtide-cgi@.service", {NULL, NULL}, ESCAPE_NONE, {"%"},
	FOR_APIS},
    {UNITS, "systemd/lowtide-worker@.service", {NULL, NULL}, ESCAPE_NONE, {"%"},
	FOR_WORKER},
    {UNITS, "systemd/lowtide-read@.socket", {NULL, NULL}, ESCAPE_NONE, {"%"},
	FOR_READS},
    {UNITS, "systemd/lowtide-read@.service", {NULL, NULL}, ESCAPE_NONE, {"%"},
	FOR_READS},
    {UNITS, "systemd/lowtide.sysusers", {NULL, NULL}, ESCAPE_NONE, {"%"},
	FOR_EITHER},
    /* for this one */
    {UNITS, "systemd/lowtide-worker-site.conf",
	{"systemd/lowtide-worker@", ".service.d/site.conf"}, ESCAPE_NONE, {"%"},
	FOR_WORKER},
    {UNITS, "systemd/lowtide-read-site.conf",
	{"systemd/lowtide-read@", ".service.d/site.conf"}, ESCAPE_NONE, {"%"},
	FOR_READ_SECRETS},
};

/* `lowtide serve` runs nginx whatever a site is published with. */
static bool is_wanted(const struct build *b, const char *kind)
{
	const struct value *kinds = site_value(b->site, "server.kinds");

	if (strcmp(kind, UNITS) == 0)
		return !b->root;
	if (b->root || !kinds)
		return strcmp(kind, "nginx") == 0;
	for (size_t i = 0; i < kinds->as.array.n; i++)
		if (str_is(kinds->as.array.items[i]->text, kind))
			return true;
	return false;
}

bool server_has_own_policy(struct build *b)
{
	static const struct {
		const char *kind, *file; /* where templates/server says it */
	} rows[] = {{"nginx", "nginx-site.conf"},
	    {"apache", "apache-site.conf"}, {"lighttpd", "lighttpd-site.conf"},
	    {"lighttpd", "lighttpd-headers"}};

	if (out_find(&b->out, OUT_WWW, STR("_headers")))
		return true;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct str name = arena_printf(
		    b->arena, "templates/server/%s.mustache", rows[i].file);
		const char *path = site_path(b->arena, b->site->dir, name.p);
		if (is_wanted(b, rows[i].kind) && access(path, F_OK) == 0)
			return true;
	}
	return false;
}

/* Sites that have what a piece is about. */
static bool is_for(const struct build *b, const struct piece *p)
{
	bool apis = b->config && b->config->n_apis > 0;
	bool reads = b->config && b->config->n_reads > 0;

	switch (p->who) {
	case FOR_APIS:
		return apis;
	case FOR_WORKER: /* who fetches the keys of providers, for reads too */
		return apis || (reads && b->config->n_providers > 0);
	case FOR_READS:
	case FOR_READ_SECRETS:
		return reads;
	case FOR_EITHER:
		return apis || reads;
	case FOR_ALL:
		break;
	}
	return true;
}

/* lighttpd passes on no checked name, Apache asks no program. */
static void check_kind(struct build *b, const char *kind)
{
	const struct value *kinds = site_value(b->site, "server.kinds");
	bool asks = b->web_server && !b->web_server->is_basic;

	if (b->web_server && (strcmp(kind, "lighttpd") == 0 ||
				 (asks && strcmp(kind, "apache") == 0)))
		diag_warn(b->diag, kinds->pos, "nobody-checks",
		    "behind %s each request of an API or read with auth = "
		    "\"web-server\" is 401: %s",
		    kind,
		    asks ? "only nginx asks a program who it is"
			 : "it cannot pass on a name that it checked");
}

static struct str name_of(struct build *b, const struct piece *p)
{
	if (!p->as[0])
		return str_of(p->file);
	return arena_printf(
	    b->arena, "%s%.*s%s", p->as[0], STR_ARG(b->site->name), p->as[1]);
}

static enum err put_piece(
    struct build *b, const struct piece *p, const struct value *data)
{
	struct str name = arena_printf(b->arena, "server/%s", p->file), text;
	struct str as = name_of(b, p);
	bool from_env = true; /* base_url is an environment value */
	enum err err =
	    build_template(b, name.p, data, p->escape, &text, &from_env);

	if (err == ERR_OK)
		err = out_put(&b->out, OUT_SERVER, as.p, text, OUT_PRIVATE,
		    true, POS_NONE, b->diag);
	return err;
}

enum err produce_server(struct build *b)
{
	static const struct redirects none;
	const struct value *data = NULL;
	const char *of = ""; /* the kind that data is for */
	enum err err = ERR_OK;

	for (size_t i = 0;
	     err == ERR_OK && i < sizeof(pieces) / sizeof(*pieces); i++) {
		const struct piece *p = &pieces[i];
		if (!is_wanted(b, p->kind) || !is_for(b, p))
			continue;
		if (strcmp(of, p->kind) != 0) {
			check_kind(b, p->kind);
			data = server_data(b,
			    b->redirects ? b->redirects : &none, &p->spelling);
		}
		of = p->kind;
		if (p->who == FOR_READ_SECRETS &&
		    !value_get(data, "any_read_secrets")->as.b)
			continue;
		err = put_piece(b, p, data);
	}
	return err;
}
