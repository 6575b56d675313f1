#include "generator/server-data.h"

#include "generator/client.h"
#include "lib/url.h"

/*
 * What browsers are told about what a page may do, and what of that is of use
 * to whom. Pages have it all, and so has whatever might be shown as one: SVG,
 * say, or what is not known here.
 *
 * A script runs by the policy of the page that loads it (HTML, 8.1.4.2). Only
 * as a worker it has its own, and there frames, bases and plug-ins are none,
 * nor is there an inline script: what it loads and connects to is left. Styles
 * and fonts have none. All three would be told of referrers what every browser
 * does by itself (Referrer Policy, 3). It is up to two fifths of a small file.
 *
 *   csp csp_script    the policies
 *   scripts plain     regexes of paths: scripts; styles and fonts
 *   looks[]           for lighttpd, whose headers come all at once: name, csp,
 *                     told (of referrers), shared; coded, none for the last
 *
 * Hosts of static files are told by _headers, where nothing can be taken back.
 */
enum look { PAGE, SCRIPT, PLAIN };
static const struct {
	const char *ending;
	enum look look;
} endings[] = {
    {"mjs", SCRIPT},
    {"js", SCRIPT},
    {"css", PLAIN},
    {"woff2", PLAIN},
    {"woff", PLAIN},
    {"ttf", PLAIN},
    {"otf", PLAIN},
};

/* " connect-src …;" beyond here: the APIs, where codes are exchanged */
static struct str connects(struct build *b, bool *from_env)
{
	const struct value *api_url = site_value(b->site, "api_url");
	struct str tokens = oauth_tokens_origins(b, from_env);
	struct url api;
	struct str also = {0};

	if (b->site->api_url.n &&
	    url_split(b->arena, b->site->api_url, &api) == ERR_OK)
		also = arena_printf(
		    b->arena, " %.*s", STR_ARG(url_origin(b->arena, &api)));
	*from_env |= also.n && api_url && api_url->from_env;
	return arena_join(b->arena, 2, (const struct str[]){also, tokens});
}

/*
 * Pages load from here alone, and talk to the APIs where those are; and to
 * those that codes are exchanged with, where pages do that.
 */
struct str server_policy(struct build *b, bool *from_env)
{
	struct str also = connects(b, from_env);
	struct str scripts = {0};

	if (b->import_map_source.n)
		scripts = arena_printf(b->arena, " script-src 'self' %.*s;",
		    STR_ARG(b->import_map_source));
	return arena_printf(b->arena,
	    "default-src 'self';%.*s connect-src 'self'%.*s; "
	    "base-uri 'none'; frame-ancestors 'none'; object-src 'none'",
	    STR_ARG(scripts), STR_ARG(also));
}

static struct str script_policy(struct build *b)
{
	bool from_env = false;
	struct str also = connects(b, &from_env);

	if (!also.n)
		return STR("default-src 'self'");
	return arena_printf(b->arena,
	    "default-src 'self'; connect-src 'self'%.*s", STR_ARG(also));
}

static bool is_shared(const char *ending)
{
	for (size_t i = 0; server_shared_endings[i]; i++)
		if (strcmp(server_shared_endings[i] + 1, ending) == 0)
			return true;
	return false;
}

/* "\.(?:mjs|js)", of those that `shared` (or not; NULL: all) may be read */
static struct str endings_of(
    const struct server_ctx *d, enum look look, const bool *shared)
{
	struct buf out = {0};

	buf_puts(&out, "\\.(?:");
	for (size_t i = 0, n = 0; i < sizeof(endings) / sizeof(*endings); i++)
		if (endings[i].look == look &&
		    (!shared || is_shared(endings[i].ending) == *shared))
			buf_printf(
			    &out, "%s%s", n++ ? "|" : "", endings[i].ending);
	buf_puts(&out, ")");
	struct str text = arena_str(d->a, buf_str(&out));
	buf_release(&out);
	return text;
}

/* The first whose regex fits is a path's own. */
static void set_looks(const struct server_ctx *d)
{
	static const struct {
		const char *name;
		enum look look;
		bool shared;
	} all[] = {
	    {"shared_script", SCRIPT, true},
	    {"script", SCRIPT, false},
	    {"shared_plain", PLAIN, true},
	    {"plain", PLAIN, false},
	    {"shared_page", PAGE, true},
	    {"page", PAGE, false},
	};
	static const char *const csps[] = {
	    [PAGE] = "csp", [SCRIPT] = "csp_script"};
	struct value *looks = data_array(d, "looks");

	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
		struct value *row = data_row(d, looks);
		enum look look = all[i].look;
		struct str coded = {0};
		if (look != PAGE)
			coded = arena_printf(d->a,
			    "%.*s" SERVER_CODED_ENDINGS "\\z",
			    STR_ARG(endings_of(d, look, &all[i].shared)));
		else if (all[i].shared)
			coded = value_text(d->root, "shared_all");
		data_text(d, row, "name", str_of(all[i].name));
		data_text(d, row, "coded", coded);
		data_text(d, row, "csp",
		    look == PLAIN ? (struct str){0}
				  : value_text(d->root, csps[look]));
		data_flag(d, row, "told", look == PAGE);
		data_flag(d, row, "shared", all[i].shared);
		data_flag(d, row, "head", i == 0);
	}
}

void server_set_policies(const struct server_ctx *d)
{
	bool from_env = false; /* it is said of these files anyhow */

	data_text(d, d->root, "csp", server_policy(d->b, &from_env));
	data_text(d, d->root, "csp_script", script_policy(d->b));
	data_text(d, d->root, "scripts",
	    arena_printf(
		d->a, "%.*s\\z", STR_ARG(endings_of(d, SCRIPT, NULL))));
	data_text(d, d->root, "plain",
	    arena_printf(d->a, "%.*s\\z", STR_ARG(endings_of(d, PLAIN, NULL))));
	set_looks(d);
}
