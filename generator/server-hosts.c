#include "generator/server.h"

/*
 * www/_headers and www/_redirects, which hosts of static files read (Netlify's
 * format, which others took over). They are always written: a host that does
 * not know them publishes two small files, one that does needs nothing else. A
 * site that has its own in static/ keeps it. What does not fit into their
 * limits is said in the file, and to who has "static-host" among [server]
 * kinds.
 *
 * Every rule that fits is applied there, and values of one name are joined. So
 * a header is said by rules that never meet: CORS by endings and by path,
 * Cache-Control only where it is a year. Without it, such hosts have browsers
 * ask again, which is what everything else needs. Of Referrer-Policy browsers
 * take the last value, so the rules of callbacks stand behind that of all.
 */
#define RULES_MAX 100
#define LINE_MAX 2000
#define REDIRECTS_MAX 2000 /* and 100 of them with a splat */

struct hosts {
	struct build *b;
	struct buf out;
	size_t n, left_out;
	bool from_env;
};

static bool has_own(const struct build *b, const char *name)
{
	return out_find(&b->out, OUT_WWW, str_of(name)) != NULL;
}

static bool is_host(const struct build *b)
{
	const struct value *kinds = site_value(b->site, "server.kinds");

	for (size_t i = 0; kinds && i < kinds->as.array.n; i++)
		if (str_is(kinds->as.array.items[i]->text, "static-host"))
			return true;
	return false;
}

/* A path's line and one header's; left out where it is one too many. */
static void put_rule(struct hosts *h, struct str path, const char *ending,
    const char *header, struct str value)
{
	struct buf line = {0};

	server_url_path(&line, path);
	buf_puts(&line, ending);
	size_t header_n = strlen(header) + value.n + 4;
	if (h->n == RULES_MAX || line.len > LINE_MAX || header_n > LINE_MAX) {
		h->left_out++;
	} else {
		buf_put_str(&h->out, buf_str(&line));
		buf_printf(&h->out, "\n  %s: %.*s\n", header, STR_ARG(value));
		h->n++;
	}
	buf_release(&line);
}

static void put_all_paths(struct hosts *h)
{
	struct str policy = server_policy(h->b, &h->from_env);

	buf_puts(&h->out, "/*\n  X-Content-Type-Options: nosniff\n"
			  "  Referrer-Policy: " SERVER_REFERRER "\n");
	h->n++;
	if (policy.n + 32 <= LINE_MAX) {
		buf_printf(&h->out, "  Content-Security-Policy: %.*s\n",
		    STR_ARG(policy));
		return;
	}
	buf_printf(&h->out,
	    "# the Content-Security-Policy is left out: hosts take lines of "
	    "%d\n",
	    LINE_MAX);
	if (is_host(h->b))
		diag_warn(h->b->diag, POS_NONE, "policy-left-out",
		    "_headers takes lines of %d bytes, so pages have no "
		    "Content-Security-Policy of %zu; name fewer hosts to "
		    "connect to, or use a server's configuration",
		    LINE_MAX, policy.n);
}

static void put_callbacks(struct hosts *h)
{
	struct callbacks all;

	server_callbacks(h->b, &all);
	h->from_env |= all.from_env;
	for (size_t i = 0; i < all.n; i++)
		put_rule(h, all.items[i].path, "", "Referrer-Policy",
		    STR(SERVER_REFERRER_CALLBACK));
}

static void put_shared(struct hosts *h)
{
	struct build *b = h->b;

	for (size_t i = 0; server_shared_endings[i]; i++)
		put_rule(h, STR("/"),
		    arena_printf(b->arena, "*%s", server_shared_endings[i]).p,
		    "Access-Control-Allow-Origin", STR("*"));
	for (size_t i = 0; i < b->out.n; i++) {
		const struct out_file *f = &b->out.files[i];
		if (f->root == OUT_WWW && server_is_named_shared(b, f))
			put_rule(h,
			    arena_printf(b->arena, "/%.*s", STR_ARG(f->path)),
			    "", "Access-Control-Allow-Origin", STR("*"));
	}
}

static void put_immutable(struct hosts *h)
{
	struct path_rules rules;

	/* a name may have been made of environment values */
	for (size_t i = 0; i < h->b->out.n; i++)
		h->from_env |= h->b->out.files[i].class == OUT_IMMUTABLE &&
			       h->b->out.files[i].from_env;
	server_pure_rules(h->b->arena, &h->b->out, &rules);
	for (size_t i = 0; i < rules.n; i++)
		put_rule(h, rules.items[i].path,
		    rules.items[i].is_folder ? "*" : "", "Cache-Control",
		    STR(SERVER_YEAR));
}

static enum err put_file(struct hosts *h, const char *name)
{
	return out_put(&h->b->out, OUT_WWW, name, buf_str(&h->out), OUT_POINTER,
	    h->from_env, POS_NONE, h->b->diag);
}

static enum err put_headers(struct build *b)
{
	struct hosts h = {.b = b};
	enum err err = ERR_OK;

	if (has_own(b, "_headers"))
		return ERR_OK;
	put_all_paths(&h);
	put_callbacks(&h);
	put_shared(&h);
	put_immutable(&h);
	if (h.left_out)
		buf_printf(&h.out,
		    "# %zu more rules are left out: hosts take %d\n",
		    h.left_out, RULES_MAX);
	if (h.left_out && is_host(b))
		diag_warn(b->diag, POS_NONE, "headers-left-out",
		    "_headers takes %d rules, so %zu are left out: browsers "
		    "ask again for files that never change; put them into a "
		    "folder of their own, or use a server's configuration",
		    RULES_MAX, h.left_out);
	err = put_file(&h, "_headers");
	buf_release(&h.out);
	return err;
}

/* "/about" is found by such hosts on their own. */
static enum err put_redirects(struct build *b, struct str fallback)
{
	struct hosts h = {.b = b};
	enum err err = ERR_OK;

	if (has_own(b, "_redirects") || (!b->redirects->n && !fallback.n))
		return ERR_OK;
	for (size_t i = 0; i < b->redirects->n; i++) {
		const struct redirect *r = &b->redirects->items[i];
		size_t start = h.out.len;
		h.from_env |= r->from_env;
		server_url_path(&h.out, r->from);
		buf_printf(&h.out, "%s %.*s%s%.*s %d\n", r->is_splat ? "*" : "",
		    STR_ARG(r->head), r->takes_splat ? ":splat" : "",
		    STR_ARG(r->tail), r->status);
		if (h.out.len - start <= LINE_MAX && h.n < REDIRECTS_MAX) {
			h.n++;
			continue;
		}
		h.out.len = start;
		h.left_out++;
	}
	if (fallback.n) {
		h.from_env |= site_value(b->site, "site.fallback")->from_env;
		buf_printf(&h.out, "/* /%.*s 200\n", STR_ARG(fallback));
	}
	if (h.left_out)
		buf_printf(&h.out,
		    "# %zu more are left out: hosts take %d lines of %d\n",
		    h.left_out, REDIRECTS_MAX, LINE_MAX);
	if (h.left_out && is_host(b))
		diag_warn(b->diag, POS_NONE, "redirects-left-out",
		    "_redirects takes %d lines of %d bytes, so %zu are left "
		    "out; use a server's configuration for them",
		    REDIRECTS_MAX, LINE_MAX, h.left_out);
	err = put_file(&h, "_redirects");
	buf_release(&h.out);
	return err;
}

enum err produce_hosts(struct build *b)
{
	struct redirects *redirects = arena_alloc(b->arena, sizeof(*redirects));
	struct str not_found, fallback;
	enum err err = server_redirects(b, redirects);
	enum err pages[] = {
	    server_page(b, "site.not_found", &not_found),
	    server_page(b, "site.fallback", &fallback),
	};

	b->redirects = redirects;
	server_check_patterns(b);
	for (size_t i = 0; i < sizeof(pages) / sizeof(*pages); i++)
		err = err ? err : pages[i];
	/* `lowtide serve` is no host of that kind */
	if (err == ERR_OK && !b->root)
		err = put_headers(b);
	if (err == ERR_OK && !b->root)
		err = put_redirects(b, fallback);
	return err;
}
