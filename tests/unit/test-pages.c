/*
 * Producers that read a site's folders: static, assets and pages, run over
 * small folders made for each test. Covers generator/assets.c and pages.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "generator/build.h"
#include "lib/fs.h"

struct fixture {
	struct arena arena;
	struct diag diag;
	struct build build;
	struct site *site;
	char dir[64];
};

/* Files as pairs of name and text, NULL ends. */
static struct fixture *made(const char *const files[])
{
	struct fixture *f = calloc(1, sizeof(*f));
	assert_non_null(f);
	arena_init(&f->arena);
	diag_init(&f->diag, &f->arena);
	snprintf(f->dir, sizeof(f->dir), "%s/lowtide-pages.XXXXXX",
	    getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
	assert_non_null(mkdtemp(f->dir));
	for (size_t i = 0; files[i]; i += 2) {
		char *path = arena_cstr(
		    &f->arena, str_of(fs_join(&f->arena, f->dir, files[i])));
		char *slash = strrchr(path, '/');
		*slash = '\0';
		assert_int_equal(fs_mkdirs(path, 0755, &f->diag), ERR_OK);
		*slash = '/';
		assert_int_equal(
		    fs_write(path, str_of(files[i + 1]), 0644, &f->diag),
		    ERR_OK);
	}
	return f;
}

static enum err run(
    struct fixture *f, enum err (*const producers[])(struct build *b))
{
	struct site_spec spec = {.dir = f->dir};
	enum err first = site_load(&f->arena, &spec, &f->diag, &f->site);

	if (first != ERR_OK)
		diag_print(&f->diag, stderr);
	assert_int_equal(first, ERR_OK);
	f->build = (struct build){
	    .arena = &f->arena, .diag = &f->diag, .site = f->site};
	out_init(&f->build.out, &f->arena);
	for (; *producers; producers++) {
		enum err err = (*producers)(&f->build);
		if (!first)
			first = err;
	}
	return first;
}

static enum err run_all(struct fixture *f)
{
	return run(f, (enum err(*const[])(struct build *)){
			  produce_static, produce_assets, produce_pages, NULL});
}

static void done(struct fixture *f)
{
	assert_int_equal(fs_remove_tree(f->dir, NULL), ERR_OK);
	arena_release(&f->arena);
	free(f);
}

/* The file's bytes; "(none)" when nothing of that name was put. */
static struct str bytes_of(struct fixture *f, const char *name)
{
	const struct out_file *file =
	    out_find(&f->build.out, OUT_WWW, str_of(name));
	return file ? file->bytes : STR("(none)");
}

#define assert_file(f, name, want)                                             \
	do {                                                                   \
		struct str got_ = bytes_of(f, name);                           \
		if (!str_is(got_, want))                                       \
			fail_msg("%s is <%.*s>", name, STR_ARG(got_));         \
	} while (0)

/* All findings as "NAME FILE:LINE:COL; ", the folder left out. */
static struct str found(struct fixture *f)
{
	struct buf out = {0};

	for (const struct diag_item *i = f->diag.first; i; i = i->next) {
		const char *file = i->pos.file ? i->pos.file : "-";
		if (strncmp(file, f->dir, strlen(f->dir)) == 0)
			file += strlen(f->dir) + 1;
		buf_printf(&out, "%s %s:%u:%u; ", i->name, file, i->pos.line,
		    i->pos.col);
	}
	struct str text = arena_str(&f->arena, buf_str(&out));
	buf_release(&out);
	return text;
}

#define assert_found(f, want)                                                  \
	do {                                                                   \
		struct str got_ = found(f);                                    \
		if (!str_is(got_, want))                                       \
			fail_msg("found <%.*s>", STR_ARG(got_));               \
	} while (0)

#define SITE "site.toml", "name = \"t\"\n"

static void test_static(void **state)
{
	(void)state;
	struct fixture *f = made((const char *const[]){SITE,
	    "static/robots.txt", "all", "static/old/page.html",
	    "<a href=\"nowhere\">", "static/.well-known/security.txt", "s",
	    "static/.env", "SECRET=1", "static/.DS_Store", "x",
	    "static/sub/.well-known/x", "x", NULL});
	assert_int_equal(run_all(f), ERR_OK);
	assert_file(f, "robots.txt", "all");
	assert_file(f, "old/page.html", "<a href=\"nowhere\">");
	assert_file(f, ".well-known/security.txt", "s");
	assert_file(f, ".env", "(none)");
	assert_file(f, ".DS_Store", "(none)");
	assert_found(f, "dot-file static/.env:0:0; "
			"dot-file static/sub/.well-known/x:0:0; ");
	assert_int_equal(f->diag.errors, 0);
	assert_int_equal(
	    out_find(&f->build.out, OUT_WWW, STR("old/page.html"))->class,
	    OUT_PAGE);
	assert_int_equal(
	    out_find(&f->build.out, OUT_WWW, STR("robots.txt"))->class,
	    OUT_POINTER);
	done(f);
}

static void test_assets(void **state)
{
	(void)state;
	struct fixture *f = made((const char *const[]){SITE, "assets/app.css",
	    "b{}", "assets/img/a b.png", "png", "assets/.git/x", "no", NULL});
	assert_int_equal(run_all(f), ERR_OK);
	struct str css = build_published(&f->build, STR("/assets/app.css"));
	assert_true(str_starts(css, "/assets/app."));
	assert_true(str_ends(css, ".css"));
	assert_int_equal(css.n, strlen("/assets/app.0123456789.css"));
	assert_true(
	    build_published(&f->build, STR("/assets/img/a b.png")).n > 0);
	const struct out_file *file =
	    out_find(&f->build.out, OUT_WWW, str_slice(css, 1, css.n));
	assert_non_null(file);
	assert_int_equal(file->class, OUT_IMMUTABLE);
	assert_true(str_is(file->bytes, "b{}"));
	assert_found(f, "dot-file assets/.git/x:0:0; ");
	done(f);
}

static void test_symlinks(void **state)
{
	(void)state;
	struct fixture *f = made((const char *const[]){SITE, "static/a.txt",
	    "a", "assets/a.css", "a", "pages/a.html", "a", NULL});
	static const char *const names[] = {
	    "static/passwd", "assets/passwd.css", "pages/passwd.html"};
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(symlink("/etc/passwd",
				     fs_join(&f->arena, f->dir, names[i])),
		    0);
	assert_int_equal(run_all(f), ERR_INPUT);
	assert_file(f, "a.txt", "a"); /* the others are looked at still */
	assert_file(f, "a.html", "a");
	assert_file(f, "passwd", "(none)");
	assert_file(f, "passwd.html", "(none)");
	assert_found(f, "not-a-file static/passwd:0:0; "
			"not-a-file assets/passwd.css:0:0; "
			"not-a-file pages/passwd.html:0:0; ");
	done(f);
}

static void test_unreadable(void **state)
{
	(void)state;
	struct fixture *f = made((const char *const[]){SITE, NULL});
	assert_int_equal(mkdir(fs_join(&f->arena, f->dir, "static"), 0755), 0);
	assert_int_equal(
	    mkfifo(fs_join(&f->arena, f->dir, "static/pipe"), 0644), 0);
	assert_int_equal(run_all(f), ERR_INPUT);
	assert_found(f, "not-a-file static/pipe:0:0; ");
	done(f);
}

static void test_names(void **state)
{
	(void)state;
	struct fixture *f = made(
	    (const char *const[]){SITE, "pages/a.html", "a", "pages/b.mustache",
		"b", "pages/c.html.mustache", "c", "pages/feed.xml.mustache",
		"d", "pages/v1.2.mustache", "e", "pages/sub/f.mustache", "f",
		"pages/notes.md", "no", "pages/.hidden.html", "no", NULL});
	assert_int_equal(run_all(f), ERR_OK);
	assert_file(f, "a.html", "a");
	assert_file(f, "b.html", "b");
	assert_file(f, "c.html", "c");
	assert_file(f, "feed.xml", "d");
	assert_file(f, "v1.2.html", "e");
	assert_file(f, "sub/f.html", "f");
	assert_file(f, "notes.md", "(none)");
	assert_file(f, ".hidden.html", "(none)");
	assert_found(f, "not-a-page pages/notes.md:0:0; ");
	done(f);
}

static void test_clash(void **state)
{
	(void)state;
	struct fixture *f = made((const char *const[]){SITE, "pages/a.html",
	    "1", "pages/a.mustache", "2", "static/a.html", "3", NULL});
	assert_int_equal(run_all(f), ERR_INPUT);
	assert_file(f, "a.html", "3");
	assert_found(f, "output-clash pages/a.html:0:0; "
			"output-clash pages/a.mustache:0:0; ");
	done(f);
}

static void test_roots(void **state)
{
	(void)state;
	struct fixture *f = made((const char *const[]){"site.toml",
	    "name = \"t\"\n[catalogue.tides]\n[public]\nhelp = \"a&b\"\n",
	    "env/base.toml", "base_url = \"https://t.example\"\n",
	    "catalogue/tides.toml", "version = \"1.0.0\"\n[[tide]]\nh = 1.20\n",
	    "templates/part.mustache", "[{{page.name}}]", "pages/a.mustache",
	    "{{site.name}} {{public.help}} "
	    "{{#catalogue.tides.tide}}{{h}}{{/catalogue.tides.tide}} "
	    "{{page.path}} {{>part}}",
	    "pages/sub/index.mustache", "{{page.url}}", "pages/d.json.mustache",
	    "\"{{public.help}}\"", "pages/p.txt.mustache",
	    "{{pointer.tides.name}} {{pointer.tides.version}} "
	    "{{pointer.tides.url}} {{pointer.tides.toml}} "
	    "{{pointer.tides.integrity}}",
	    NULL});
	assert_int_equal(
	    run(f, (enum err(*const[])(struct build *)){produce_catalogues,
		       produce_static, produce_assets, produce_pages, NULL}),
	    ERR_OK);
	assert_file(f, "a.html", "t a&amp;b 1.20 /a.html [a]");
	assert_file(f, "sub/index.html", "https://t.example/sub/");
	assert_file(f, "d.json", "\"a&b\"");
	const struct out_file *json =
	    out_find(&f->build.out, OUT_WWW, STR("tides-v1.0.0.json"));
	assert_non_null(json);
	assert_file(f, "p.txt",
	    arena_printf(&f->arena,
		"tides 1.0.0 /tides-v1.0.0.json /tides-v1.0.0.toml %s",
		hash_integrity(&f->arena, json->bytes).p)
		.p);
	assert_false(out_find(&f->build.out, OUT_WWW, STR("a.html"))->from_env);
	assert_true(
	    out_find(&f->build.out, OUT_WWW, STR("sub/index.html"))->from_env);
	assert_found(f, "");
	done(f);
}

/* Nothing outside [public] is there for a page. */
static void test_not_public(void **state)
{
	(void)state;
	struct fixture *f = made((const char *const[]){"site.toml",
	    "name = \"t\"\n[public]\nhelp = \"h\"\n", "pages/a.mustache",
	    "{{public.help}}\n {{oauth.secret}}\n{{public.hlep}}",
	    "pages/b.mustache", "{{#open", "pages/c.mustache", "{{>gone}}",
	    "pages/d.mustache", "{{>../site}}{{>/etc/passwd}}", "pages/e.html",
	    "fine", NULL});
	assert_int_equal(run_all(f), ERR_INPUT);
	assert_file(f, "a.html", "(none)");
	assert_file(f, "e.html", "fine");
	assert_found(f, "unknown-name pages/a.mustache:2:2; "
			"unknown-name pages/a.mustache:3:1; "
			"template-syntax pages/b.mustache:1:1; "
			"missing-partial pages/c.mustache:1:1; "
			"missing-partial pages/d.mustache:1:1; "
			"missing-partial pages/d.mustache:1:13; ");
	done(f);
}

static void test_rewrites(void **state)
{
	(void)state;
	struct fixture *f = made((const char *const[]){SITE, "assets/app.css",
	    "b{}", "static/logo.svg", "<svg/>", "pages/a.html",
	    "<link href=\"/assets/app.css?v#x\"><img src='logo.svg'>"
	    "<!-- /assets/app.css -->",
	    "pages/sub/b.mustache",
	    "<link href=../assets/app.css><a href=\"../a.html\">", NULL});
	assert_int_equal(run_all(f), ERR_OK);
	struct str css = build_published(&f->build, STR("/assets/app.css"));
	struct str want = arena_printf(&f->arena,
	    "<link href=\"%.*s?v#x\"><img src='logo.svg'>"
	    "<!-- /assets/app.css -->",
	    STR_ARG(css));
	assert_file(f, "a.html", want.p);
	want = arena_printf(&f->arena,
	    "<link href=..%.*s><a href=\"../a.html\">", STR_ARG(css));
	assert_file(f, "sub/b.html", want.p);
	assert_found(f, "");
	done(f);
}

static enum err put_module(struct build *b)
{
	return build_put_fingerprinted(
	    b, "oauth.mjs", STR("id"), true, POS_NONE);
}

/* A fingerprint of environment values is one: the page differs with it. */
static void test_env_by_name(void **state)
{
	(void)state;
	struct fixture *f = made((const char *const[]){SITE, "pages/a.html",
	    "<link href=/oauth.mjs>", "pages/b.html", "<a href=/a.html>",
	    NULL});
	assert_int_equal(run(f, (enum err(*const[])(struct build *)){put_module,
				    produce_pages, NULL}),
	    ERR_OK);
	assert_true(out_find(&f->build.out, OUT_WWW, STR("a.html"))->from_env);
	assert_false(out_find(&f->build.out, OUT_WWW, STR("b.html"))->from_env);
	done(f);
}

/* A template's finding has the template's line, where it can be known. */
static void test_missing_references(void **state)
{
	(void)state;
	struct fixture *f = made((const char *const[]){"site.toml",
	    "name = \"t\"\nprefix = \"/api\"\n[public]\nto = \"/away.png\"\n",
	    "static/sub/index.html", "i", "pages/a.html",
	    "<a href=\"/b.html\">\n<a href=\"/b\">\n <img src=\"/no.png?x\">"
	    "<a href=sub><a href=/sub/><a href=/api/jobs><a href=/404.html>"
	    "<a href=/manifest.json><a href=/apis><a href=/>",
	    "pages/b.mustache",
	    "{{! two\nlines }}<b>\n<img src=\"/gone.png\">"
	    "<img src=\"{{public.to}}\">",
	    NULL});
	assert_int_equal(run_all(f), ERR_OK);
	assert_found(f, "missing-reference pages/a.html:2:10; "
			"missing-reference pages/a.html:3:12; "
			"missing-reference pages/a.html:3:116; "
			"missing-reference pages/a.html:3:130; "
			"missing-reference pages/b.mustache:3:11; "
			"missing-reference pages/b.mustache:0:0; ");
	assert_int_equal(f->diag.errors, 0);
	assert_int_equal(f->diag.warnings, 6);
	done(f);
}

#define INLINE                                                                 \
	"<style>b{}</style>\n<b style=\"a:b\" onclick=f()>\n"                  \
	"<script>f()</script><script src=/m.mjs></script>"

/* What browsers would pass over, with the place and what to write. */
static void test_inline(void **state)
{
	(void)state;
	struct fixture *f = made((const char *const[]){SITE, "static/m.mjs",
	    "m", "pages/a.html", INLINE, "pages/b.mustache",
	    "{{! two\nlines }}<b style=\"a:b\">\n<i onclick=f() "
	    "style='c:{{site.name}}'>\n"
	    "<script>\n f({{site.name}})</script>",
	    "pages/c.mustache",
	    "<style>{{site.name}}{}</style><style>b{{site.name}}{}</style>",
	    NULL});
	assert_int_equal(run_all(f), ERR_OK);
	assert_found(f, "inline-style pages/a.html:1:1; "
			"inline-style pages/a.html:2:11; "
			"inline-handler pages/a.html:2:16; "
			"inline-script pages/a.html:3:1; "
			"module-type pages/a.html:3:33; "
			"inline-style pages/b.mustache:2:19; "
			"inline-style pages/b.mustache:0:0; "
			"inline-handler pages/b.mustache:3:4; "
			"inline-script pages/b.mustache:4:1; "
			"inline-style pages/c.mustache:0:0; "
			"inline-style pages/c.mustache:0:0; ");
	assert_int_equal(f->diag.errors, 0);
	static const char *const texts[] = {"over a <style>; put its rules "
					    "into a file below assets/",
	    "over a `style` attribute; give the element a class",
	    "over the attribute `onclick`; have a script",
	    "over a script that stands in a page; put it into a file",
	    "/m.mjs is a module, and this tag"};
	const struct diag_item *item = f->diag.first;
	for (size_t i = 0; i < 5; i++, item = item->next)
		if (!strstr(item->text.p, texts[i]))
			fail_msg("%s", item->text.p);
	done(f);
}

/* Scripts that stand in a page, where the site's own policy lets them. */
static void test_inline_imports(void **state)
{
	static const struct {
		const char *script, *found;
	} rows[] = {
	    {"import 'react'", "bare-import pages/sub/a.html:1:30; "},
	    {"\nimport './no.mjs'", "missing-reference pages/sub/a.html:2:9; "},
	    {"import '/assets/app'",
		"missing-reference pages/sub/a.html:1:30; "},
	    {"import '../assets/app.mjs'; import '/sub/a.html'", ""},
	    {"import 'mapped'; import('react'); import '/s.mjs'", ""},
	    {"import 'react'</script><script type=importmap>{}", ""},
	    {"import './no.mjs'</script><base href=/x/>", ""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char page[200];
		snprintf(page, sizeof(page), "<script type=module> %s</script>",
		    rows[i].script);
		struct fixture *f = made((const char *const[]){"site.toml",
		    "name = \"t\"\nclient.imports.mapped = \"/s.mjs\"\n",
		    "static/_headers", "x", "static/s.mjs", "s",
		    "assets/app.mjs", "1", "pages/sub/a.html", page, NULL});
		assert_int_equal(run_all(f), ERR_OK);
		assert_found(f, rows[i].found);
		done(f);
	}
}

/* A page that is published twice is told of once. */
static void test_inline_once(void **state)
{
	(void)state;
	struct fixture *f = made((const char *const[]){"site.toml",
	    "name = \"t\"\n[site]\nurls = \"both\"\n", "pages/a.html",
	    "<style>b{}</style><script src=/m.mjs>", "static/m.mjs", "m",
	    NULL});
	assert_int_equal(run_all(f), ERR_OK);
	assert_found(f, "inline-style pages/a.html:1:1; "
			"module-type pages/a.html:1:31; ");
	done(f);
}

/* Only what is said of a policy that is known. */
static void test_own_policy(void **state)
{
	static const struct {
		const char *kinds, *name;
		bool is_own;
	} rows[] = {
	    {"nginx", "templates/server/nginx-site.conf.mustache", true},
	    {"apache", "templates/server/apache-site.conf.mustache", true},
	    {"lighttpd", "templates/server/lighttpd-site.conf.mustache", true},
	    {"lighttpd", "templates/server/lighttpd-headers.mustache", true},
	    {"static-host", "static/_headers", true},
	    {"nginx", "static/_headers", true},
	    {"nginx", "templates/server/apache-site.conf.mustache", false},
	    {"nginx", "templates/server/nginx-http.conf.mustache", false},
	    {"nginx", "static/headers", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char site[80];
		snprintf(site, sizeof(site),
		    "name = \"t\"\n[server]\nkinds = [\"%s\"]\n",
		    rows[i].kinds);
		struct fixture *f = made(
		    (const char *const[]){"site.toml", site, rows[i].name, "x",
			"static/m.mjs", "m", "pages/a.html", INLINE, NULL});
		assert_int_equal(run_all(f), ERR_OK);
		if (f->diag.warnings != (rows[i].is_own ? 1 : 5))
			fail_msg("%s: %s", rows[i].name, found(f).p);
		done(f);
	}
}

#define URLS(how) "site.toml", "name = \"t\"\n[site]\nurls = \"" how "\"\n"
#define LINKS                                                                  \
	"<a href=\"b.html#x\"><a href=\"/sub/c.html\"><a href=\"./\">"         \
	"<img src=\"logo.svg?v\"><a href=\"#y\"><a href=\"404.html\">"         \
	"<link href=assets/a.css>"

/* Pages in folders of their own: links to them, and from them. */
static void test_urls(void **state)
{
	(void)state;
	static const char *const files[] = {"static/logo.svg", "<svg/>",
	    "assets/a.css", "a", "pages/index.html", LINKS, "pages/b.html",
	    LINKS, "pages/404.html", "<a href=b.html>", "pages/sub/c.mustache",
	    "<a href=\"../b.html\"><a href=d>{{page.name}} {{page.path}}",
	    "pages/sub/d.html", "d", "pages/feed.xml.mustache", "x", NULL};
	const char *with[20] = {URLS("folder")};
	memcpy(with + 2, files, sizeof(files));
	struct fixture *f = made(with);
	assert_int_equal(run_all(f), ERR_OK);
	assert_found(f, "");
	struct str css = build_published(&f->build, STR("/assets/a.css"));
	struct str want = arena_printf(&f->arena,
	    "<a href=\"/b/#x\"><a href=\"/sub/c/\"><a href=\"./\">"
	    "<img src=\"logo.svg?v\"><a href=\"#y\"><a href=\"404.html\">"
	    "<link href=%.*s>",
	    STR_ARG(str_slice(css, 1, css.n)));
	assert_file(f, "index.html", want.p);
	want = arena_printf(&f->arena,
	    "<a href=\"/b/#x\"><a href=\"/sub/c/\"><a href=\"/\">"
	    "<img src=\"/logo.svg?v\"><a href=\"#y\"><a href=\"/404.html\">"
	    "<link href=%.*s>",
	    STR_ARG(css));
	assert_file(f, "b/index.html", want.p);
	assert_file(f, "b.html", "(none)");
	assert_file(f, "404.html", "<a href=/b/>");
	assert_file(f, "sub/c/index.html",
	    "<a href=\"/b/\"><a href=/sub/d>sub/c /sub/c/index.html");
	assert_file(f, "feed.xml", "x");
	done(f);
	with[1] = "name = \"t\"\n[site]\nurls = \"both\"\n";
	f = made(with);
	assert_int_equal(run_all(f), ERR_OK);
	assert_found(f, "");
	assert_file(f, "404.html", "<a href=b.html>");
	assert_file(f, "404/index.html", "(none)");
	assert_file(f, "sub/d.html", "d");
	assert_file(f, "sub/d/index.html", "d");
	assert_file(f, "sub/c.html",
	    "<a href=\"../b.html\"><a href=d>sub/c /sub/c.html");
	assert_file(f, "sub/c/index.html",
	    "<a href=\"/b.html\"><a href=/sub/d>sub/c /sub/c/index.html");
	done(f);
}

/* Two files that would be one page. */
static void test_urls_clash(void **state)
{
	(void)state;
	struct fixture *f = made((const char *const[]){URLS("folder"),
	    "pages/a.html", "1", "pages/a/index.html", "2", NULL});
	assert_int_equal(run_all(f), ERR_INPUT);
	assert_found(f, "output-clash pages/a/index.html:0:0; ");
	done(f);
}

static void test_404(void **state)
{
	(void)state;
	struct fixture *f = made((const char *const[]){SITE, NULL});
	assert_int_equal(run_all(f), ERR_OK);
	const struct out_file *file =
	    out_find(&f->build.out, OUT_WWW, STR("404.html"));
	assert_non_null(file);
	assert_int_equal(file->class, OUT_PAGE);
	assert_found(f, "");
	done(f);
	f = made((const char *const[]){SITE, "pages/404.html", "own", NULL});
	assert_int_equal(run_all(f), ERR_OK);
	assert_file(f, "404.html", "own");
	done(f);
	f = made((const char *const[]){SITE, "static/404.html", "own", NULL});
	assert_int_equal(run_all(f), ERR_OK);
	assert_file(f, "404.html", "own");
	done(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_static),
	    cmocka_unit_test(test_assets),
	    cmocka_unit_test(test_symlinks),
	    cmocka_unit_test(test_unreadable),
	    cmocka_unit_test(test_names),
	    cmocka_unit_test(test_clash),
	    cmocka_unit_test(test_roots),
	    cmocka_unit_test(test_not_public),
	    cmocka_unit_test(test_rewrites),
	    cmocka_unit_test(test_env_by_name),
	    cmocka_unit_test(test_missing_references),
	    cmocka_unit_test(test_inline),
	    cmocka_unit_test(test_inline_imports),
	    cmocka_unit_test(test_inline_once),
	    cmocka_unit_test(test_own_policy),
	    cmocka_unit_test(test_urls),
	    cmocka_unit_test(test_urls_clash),
	    cmocka_unit_test(test_404),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("pages", tests, NULL, NULL);
}
