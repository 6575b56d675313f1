/*
 * Assets, what refers to them and what scripts name: the order of style sheets,
 * circles, stable names, the import map. Covers generator/assets.c,
 * assets-css.c and modules.c, with threads and without.
 */
#include "tests/unit/site-kit.h"

#include "generator/html.h"
#include "generator/importmap.h"

/* One run over a fresh build: static, assets, modules, pages. */
static enum err run_with(struct kit *k, size_t jobs)
{
	struct build *b = kit_build(k);
	enum err (*const producers[])(struct build *) = {
	    produce_static, produce_assets, produce_modules, produce_pages};
	enum err first = ERR_OK;

	b->pool.jobs = jobs;
	for (size_t i = 0; i < sizeof(producers) / sizeof(*producers); i++) {
		enum err err = producers[i](b);
		first = first == ERR_OK ? err : first;
	}
	return first;
}

static void open_site(struct kit *k)
{
	kit_open(k);
	kit_file(k, "site.toml", "name = \"t\"\n");
}

static enum err run(struct kit *k)
{
	if (!k->site)
		assert_int_equal(kit_load(k, NULL), ERR_OK);
	return run_with(k, 2);
}

/* "assets/app.3f9a2c71d0.css" for "assets/app.css", terminated. */
static const char *published(struct kit *k, const char *name)
{
	struct str path =
	    build_published(&k->build, arena_printf(&k->arena, "/%s", name));

	if (!path.n)
		fail_msg("%s has no name", name);
	return arena_cstr(&k->arena, str_slice(path, 1, path.n));
}

static const char *text(struct kit *k, const char *name)
{
	return kit_output(k, OUT_WWW, published(k, name));
}

/* What pages say that such bytes are. */
static const char *of_bytes(struct kit *k, const char *bytes)
{
	struct digest digest;

	hash_digest(str_of(bytes), &digest);
	return digest_integrity(&k->arena, &digest).p;
}

/* The last part of a published path. */
static const char *last(struct kit *k, const char *name)
{
	const char *path = published(k, name);

	return strrchr(path, '/') + 1;
}

static const struct out_file *row(struct kit *k, const char *path)
{
	return out_find(&k->build.out, OUT_WWW, str_of(path));
}

static void test_css_order(void **state)
{
	(void)state;
	struct kit k;
	open_site(&k);
	kit_file(&k, "assets/a.css", "@import 'b.css';@import url(c/d.css);");
	kit_file(&k, "assets/b.css", "@import \"c/d.css\";b{}");
	kit_file(&k, "assets/c/d.css", "d{x:url(../e.png?v#i)}");
	kit_file(&k, "assets/e.png", "png");
	assert_int_equal(run(&k), ERR_OK);
	assert_string_equal(kit_said(&k), "");
	const char *e = last(&k, "assets/e.png"),
		   *d = last(&k, "assets/c/d.css");
	assert_string_equal(text(&k, "assets/c/d.css"),
	    arena_printf(&k.arena, "d{x:url(../%s?v#i)}", e).p);
	assert_string_equal(text(&k, "assets/b.css"),
	    arena_printf(&k.arena, "@import \"c/%s\";b{}", d).p);
	assert_string_equal(text(&k, "assets/a.css"),
	    arena_printf(&k.arena, "@import '%s';@import url(c/%s);",
		last(&k, "assets/b.css"), d)
		.p);
	/* the name is of what was published */
	struct str bytes = str_of(text(&k, "assets/a.css"));
	struct str hash = hash_blake2b(&k.arena, bytes);
	assert_string_equal(last(&k, "assets/a.css"),
	    arena_printf(&k.arena, "a.%.10s.css", hash.p).p);
	/* nothing of it under its own name */
	assert_null(row(&k, "assets/a.css"));
	assert_null(row(&k, "assets/e.png"));
	kit_close(&k);
}

/* A picture far down renames all sheets above it, and only those. */
static void test_css_renames(void **state)
{
	(void)state;
	struct kit k;
	open_site(&k);
	kit_file(&k, "assets/a.css", "@import 'b.css'");
	kit_file(&k, "assets/b.css", "b{x:url(e.png)}");
	kit_file(&k, "assets/other.css", "o{}");
	kit_file(&k, "assets/e.png", "png");
	assert_int_equal(run(&k), ERR_OK);
	const char *a = published(&k, "assets/a.css");
	const char *b = published(&k, "assets/b.css");
	const char *other = published(&k, "assets/other.css");
	kit_file(&k, "assets/e.png", "changed");
	assert_int_equal(run(&k), ERR_OK);
	assert_string_not_equal(published(&k, "assets/a.css"), a);
	assert_string_not_equal(published(&k, "assets/b.css"), b);
	assert_string_equal(published(&k, "assets/other.css"), other);
	kit_close(&k);
}

/* A chain as long as one likes, against the order of the names. */
static void test_css_chain(void **state)
{
	(void)state;
	struct kit k;
	open_site(&k);
	for (int i = 0; i < 60; i++)
		kit_file(&k, arena_printf(&k.arena, "assets/%02d.css", i).p,
		    arena_printf(&k.arena, "@import '%02d.css'", i + 1).p);
	kit_file(&k, "assets/60.css", "z{}");
	assert_int_equal(run(&k), ERR_OK);
	assert_string_equal(kit_said(&k), "");
	assert_non_null(
	    strstr(text(&k, "assets/00.css"), last(&k, "assets/01.css")));
	kit_close(&k);
}

static void test_cycle(void **state)
{
	(void)state;
	struct kit k;
	open_site(&k);
	kit_file(&k, "assets/a.css", "x{}\n @import 'b.css'");
	kit_file(&k, "assets/b.css", "@import 'c.css'");
	kit_file(&k, "assets/c.css", "@import 'fine.css';@import 'a.css'");
	kit_file(&k, "assets/d.css", "@import 'a.css'");
	kit_file(&k, "assets/fine.css", "f{}");
	kit_file(&k, "assets/self.css", "s{x:url(self.css)} t{x:url(#own)}");
	assert_int_equal(run(&k), ERR_INPUT);
	assert_string_equal(kit_said(&k),
	    "assets/a.css:2:11: reference-cycle: /assets/a.css refers "
	    "to /assets/b.css refers to /assets/c.css refers to /assets/a.css; "
	    "the name of a style sheet is made of what it refers to, so break "
	    "the circle\n"
	    "assets/self.css:1:9: reference-cycle: /assets/self.css "
	    "refers to /assets/self.css; the name of a style sheet is made of "
	    "what it refers to, so break the circle\n");
	assert_non_null(text(&k, "assets/fine.css"));
	kit_close(&k);
}

static void test_css_missing(void **state)
{
	(void)state;
	struct kit k;
	open_site(&k);
	kit_file(&k, "site.toml", "name = \"t\"\nprefix = \"/api\"\n");
	kit_file(&k, "static/there.png", "p");
	kit_file(&k, "assets/a.css",
	    "@import 'b.css';\n"
	    "a{x:url(/there.png);y:url(../there.png);z:url(/api/x)}\n"
	    " b{x:url( 'no.png' )}\n/*# sourceMappingURL=a.css.map */");
	kit_file(&k, "assets/b.css", "c{x:url(/assets/gone.woff2)}");
	assert_int_equal(run(&k), ERR_OK);
	assert_string_equal(kit_said(&k),
	    "assets/a.css:3:12: warning: missing-reference: there will be no "
	    "file /assets/no.png; write it, or correct the reference\n"
	    "assets/b.css:1:9: warning: missing-reference: there will be no "
	    "file /assets/gone.woff2; write it, or correct the reference\n");
	kit_close(&k);
}

static void test_import_missing(void **state)
{
	(void)state;
	struct kit k;
	open_site(&k);
	kit_file(&k, "static/assets/static.mjs", "1");
	kit_file(&k, "assets/js/a.mjs",
	    "import './b.mjs';\n"
	    "import x from \"../no.mjs\"; import './gone.mjs'\n"
	    "import '/assets/js/b.mjs'; import '../static.mjs'\n"
	    "import '../../later.mjs'; new URL('./none.mjs', import.meta.url)");
	kit_file(&k, "assets/js/b.mjs", "export {}");
	kit_file(&k, "assets/js/c.json", "[\"x\", import './none.mjs']");
	assert_int_equal(run(&k), ERR_OK);
	assert_string_equal(kit_said(&k),
	    "assets/js/a.mjs:2:16: warning: missing-reference: there will be "
	    "no file /assets/no.mjs; write it, or correct the reference\n"
	    "assets/js/a.mjs:2:36: warning: missing-reference: there will be "
	    "no file /assets/js/gone.mjs; write it, or correct the "
	    "reference\n");
	kit_close(&k);
}

/* A module of lowtide's own: what asks for it, unless it is there. */
static void test_module_not_asked_for(void **state)
{
	(void)state;
	struct kit k;
	open_site(&k);
	kit_file(&k, "static/catalogue.mjs", "1");
	kit_file(&k, "assets/a.mjs",
	    "import '/cache.mjs'; import('/oauth-tokens.mjs');\n"
	    "import '/catalogue.mjs'; import '/requests.mjs'");
	kit_file(&k, "assets/cache.mjs", "import './cache.mjs'");
	assert_int_equal(kit_load(&k, NULL), ERR_OK);
	kit_build(&k);
	assert_int_equal(build_put_fingerprinted(&k.build, "requests.mjs",
			     STR("r"), false, POS_NONE),
	    ERR_OK);
	assert_int_equal(produce_static(&k.build), ERR_OK);
	assert_int_equal(produce_assets(&k.build), ERR_OK);
	assert_string_equal(kit_said(&k),
	    "assets/a.mjs:1:9: warning: missing-reference: there will be no "
	    "file /cache.mjs; say cache = true in [client]\n"
	    "assets/a.mjs:1:30: warning: missing-reference: there will be no "
	    "file /oauth-tokens.mjs; say tokens = true in [oauth]\n");
	kit_close(&k);
}

static void test_names(void **state)
{
	(void)state;
	struct kit k;
	open_site(&k);
	kit_file(&k, "assets/js/app.mjs",
	    "import './lib.mjs';\n"
	    "new URL('../img/a.png', import.meta.url);\n"
	    "fetch('/assets/data.json'); 'assets/root.txt';\n"
	    "//# sourceMappingURL=app.mjs.map");
	kit_file(&k, "assets/js/lib.mjs", "export {}");
	kit_file(&k, "assets/js/app.mjs.map", "{\"file\":\"alone.mjs\"}");
	kit_file(&k, "assets/js/alone.mjs", "1");
	kit_file(&k, "assets/img/a.png", "png");
	kit_file(&k, "assets/img/b.png", "png b");
	kit_file(&k, "assets/data.json", "{\"x\": \"img/b.png\"}");
	kit_file(&k, "assets/root.txt", "r");
	assert_int_equal(run(&k), ERR_OK);
	assert_string_equal(kit_said(&k), "");
	static const char *const stable[] = {"assets/js/lib.mjs",
	    "assets/js/app.mjs.map", "assets/img/a.png", "assets/img/b.png",
	    "assets/data.json", "assets/root.txt"};
	for (size_t i = 0; i < sizeof(stable) / sizeof(*stable); i++) {
		const struct out_file *file = row(&k, stable[i]);
		if (!file)
			fail_msg("%s is not there", stable[i]);
		assert_int_equal(file->class, OUT_POINTER);
		assert_string_equal(
		    kit_output(&k, OUT_WWW, stable[i]), text(&k, stable[i]));
		assert_true(digest_eq(
		    &file->digest, &row(&k, published(&k, stable[i]))->digest));
	}
	assert_null(row(&k, "assets/js/app.mjs"));
	assert_null(row(&k, "assets/js/alone.mjs"));
	/* never rewritten */
	assert_non_null(strstr(text(&k, "assets/js/app.mjs"), "'./lib.mjs'"));
	kit_close(&k);
}

/* One changed module renames only itself. */
static void test_module_renames(void **state)
{
	(void)state;
	struct kit k;
	open_site(&k);
	kit_file(&k, "assets/app.mjs", "import './lib.mjs'");
	kit_file(&k, "assets/lib.mjs", "import './dom.mjs'");
	kit_file(&k, "assets/dom.mjs", "1");
	kit_file(
	    &k, "pages/index.html", "<script type=module src=/assets/app.mjs>");
	assert_int_equal(run(&k), ERR_OK);
	const char *app = published(&k, "assets/app.mjs");
	const char *lib = published(&k, "assets/lib.mjs");
	const char *dom = published(&k, "assets/dom.mjs");
	kit_file(&k, "assets/dom.mjs", "2");
	assert_int_equal(run(&k), ERR_OK);
	assert_string_equal(published(&k, "assets/app.mjs"), app);
	assert_string_equal(published(&k, "assets/lib.mjs"), lib);
	assert_string_not_equal(published(&k, "assets/dom.mjs"), dom);
	kit_close(&k);
}

static void test_import_map(void **state)
{
	(void)state;
	struct kit k;
	open_site(&k);
	kit_file(&k, "static/_headers", "a policy of its own");
	kit_file(&k, "assets/app.mjs", "import './lib.mjs';'./a.css';'./w.js'");
	kit_file(&k, "assets/lib.mjs", "1");
	kit_file(&k, "assets/w.js", "2");
	kit_file(&k, "assets/a.css", "3");
	kit_file(&k, "pages/a.html",
	    "<p><link rel=modulepreload href=/assets/lib.mjs>"
	    "<script type=module src=/assets/app.mjs></script>");
	kit_file(&k, "pages/b.html", "<script src=/assets/w.js></script>");
	kit_file(&k, "pages/c.mustache", "<script type=module>1</script>");
	kit_file(&k, "pages/own.html",
	    "\n <script type=importmap>{}</script><script type=module>");
	assert_int_equal(run(&k), ERR_OK);
	assert_string_equal(kit_said(&k),
	    "pages/own.html:2:2: warning: own-import-map: this page has an "
	    "import map of its own, so that of the site is left out; its "
	    "modules are loaded by their stable names, without integrity\n");
	const char *lib = published(&k, "assets/lib.mjs");
	const char *w = published(&k, "assets/w.js");
	struct str json = arena_printf(&k.arena,
	    "{\"imports\":{\"/assets/lib.mjs\":\"/%s\",\"/assets/w.js\":"
	    "\"/%s\"},\"integrity\":{\"/%s\":\"%s\",\"/%s\":\"%s\"}}",
	    lib, w, lib, of_bytes(&k, "1"), w, of_bytes(&k, "2"));
	struct str element = importmap_element(&k.arena, json);
	assert_string_equal(kit_output(&k, OUT_WWW, "a.html"),
	    arena_printf(&k.arena,
		"<p>%s<link rel=modulepreload href=/%s integrity=\"%s\">"
		"<script type=module src=/%s></script>",
		element.p, lib, of_bytes(&k, "1"),
		published(&k, "assets/app.mjs"))
		.p);
	assert_null(strstr(kit_output(&k, OUT_WWW, "b.html"), "importmap"));
	assert_string_equal(kit_output(&k, OUT_WWW, "c.html"),
	    arena_printf(
		&k.arena, "%s<script type=module>1</script>", element.p)
		.p);
	assert_null(strstr(kit_output(&k, OUT_WWW, "own.html"), "sha256"));
	assert_true(str_eq(
	    k.build.import_map_source, importmap_source(&k.arena, json)));
	kit_close(&k);
}

/* A module's imports that browsers find nowhere, and what to write instead. */
static void test_bare_imports(void **state)
{
	static const struct {
		const char *code, *said; /* behind the name of the finding */
	} rows[] = {
	    {"import a from 'react'",
		"1:16: warning: bare-import: no import map says what \"react\" "
		"is, so browsers load nothing of this module; put the module "
		"below assets/ and name it in [client], imports = { \"react\" "
		"= \"/assets/NAME.mjs\" }, or import it by its path, "
		"\"./NAME.mjs\""},
	    {"\n export {a} from '@x/y'", "2:19: warning: bare-import: "},
	    {"import 'mapped/more'", "1:9: warning: bare-import: "},
	    {"import 'lib.mjs'", "of this module; write \"./lib.mjs\""},
	    {"import 'assets/lib.mjs'",
		"of this module; write \"/assets/lib.mjs\""},
	    {"import 'cache.mjs'", "of this module; write \"/cache.mjs\""},
	    {"import './lib'",
		"1:9: warning: missing-reference: there will be no file "
		"/assets/lib; browsers add no ending: write that of "
		"/assets/lib.mjs"},
	    {"import './no.json'", "1:9: warning: missing-reference: "},
	    {"import './sub/'", "1:9: warning: missing-reference: "},
	    {"import '/cache.mjs'", "/cache.mjs; say cache = true in [client]"},
	    {"import 'mapped'; import 'all/of/it'; import '#x'", NULL},
	    {"import './lib.mjs'; import '/s.mjs'; import '/no/such'", NULL},
	    {"import('react')", NULL},
	    {"// import 'react'\n`import 'react'`", NULL},
	    {"import 'https://x.example/y.mjs'; import 'node:fs'", NULL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct kit k;
		kit_open(&k);
		kit_file(&k, "site.toml",
		    "name = \"t\"\nclient.imports = { mapped = "
		    "\"/assets/lib.mjs\", \"all/\" = \"/assets/lib.mjs\", "
		    "\"#x\" = \"/assets/lib.mjs\" }\n");
		kit_file(&k, "static/s.mjs", "1");
		kit_file(&k, "assets/lib.mjs", "1");
		kit_file(&k, "assets/app.mjs", rows[i].code);
		assert_int_equal(run(&k), ERR_OK);
		if (k.diag.warnings != (rows[i].said != NULL))
			fail_msg("%s: %s", rows[i].code, kit_said(&k));
		if (rows[i].said)
			kit_says(&k, rows[i].said);
		kit_close(&k);
	}
}

/* One that browsers pass over, whether or not the site has one. */
static void test_lost_import_map(void **state)
{
	(void)state;
	struct kit k;
	open_site(&k);
	kit_file(&k, "assets/app.mjs", "1");
	kit_file(&k, "pages/own.html",
	    "\n <script type=importmap>{}</script>"
	    "<script type=module src=/assets/app.mjs></script>");
	assert_int_equal(run(&k), ERR_OK);
	assert_string_equal(kit_said(&k),
	    "pages/own.html:2:2: warning: own-import-map: this page has an "
	    "import map of its own, and the Content-Security-Policy of this "
	    "site has browsers pass over it; write its names below `imports` "
	    "in [client] instead\n");
	kit_file(&k, "assets/app.mjs", "import '/assets/lib.mjs'");
	kit_file(&k, "assets/lib.mjs", "1");
	assert_int_equal(run(&k), ERR_OK);
	kit_says(&k,
	    "pages/own.html:2:2: warning: own-import-map: this page has an "
	    "import map of its own, so that of the site is left out; its "
	    "modules are loaded by their stable names, without integrity, and "
	    "the Content-Security-Policy of this site has browsers pass over");
	kit_close(&k);
}

/* A digest of a sheet as it was written does not fit what is published. */
static void test_stale_integrity(void **state)
{
	(void)state;
	struct kit k;
	open_site(&k);
	kit_file(&k, "assets/a.css", "a{x:url(e.png)}");
	kit_file(&k, "assets/plain.css", "b{}");
	kit_file(&k, "assets/e.png", "png");
	kit_file(&k, "pages/a.html",
	    "<link href=/assets/plain.css integrity=sha256-x>\n"
	    "<link integrity=sha256-x href=/assets/a.css>"
	    "<link href=/assets/a.css>");
	assert_int_equal(run(&k), ERR_OK);
	assert_string_equal(kit_said(&k),
	    "pages/a.html:2:31: warning: stale-integrity: /assets/a.css is "
	    "rewritten when it is published, so browsers will refuse it; leave "
	    "`integrity` out\n");
	kit_close(&k);
}

/* Nobody imports anything: no map, and nothing for the policy to let in. */
static void test_no_import_map(void **state)
{
	(void)state;
	struct kit k;
	open_site(&k);
	kit_file(&k, "static/_headers", "a policy of its own");
	kit_file(&k, "assets/app.mjs", "1");
	kit_file(&k, "pages/a.html",
	    "<script type=importmap>{}</script><script type=module>1</script>");
	assert_int_equal(run(&k), ERR_OK);
	assert_string_equal(kit_said(&k), "");
	assert_string_equal(kit_output(&k, OUT_WWW, "a.html"),
	    "<script type=importmap>{}</script><script type=module>1</script>");
	assert_int_equal(k.build.import_map_source.n, 0);
	kit_close(&k);
}

/* A bare name is an asset, by its bytes, or a file that may change. */
static void test_bare_names(void **state)
{
	(void)state;
	struct kit k;
	open_site(&k);
	kit_file(&k, "static/_headers", "a policy of its own");
	kit_file(&k, "site.toml",
	    "name = \"t\"\n[client.imports]\nreact = \"/assets/react.mjs\"\n"
	    "\"@a/b.c\" = \"/b.mjs\"\n");
	kit_file(&k, "assets/react.mjs", "r");
	kit_file(&k, "static/b.mjs", "b");
	kit_file(&k, "pages/a.html",
	    "<script type=module>1</script>"
	    "<link rel=modulepreload href=/assets/react.mjs>"
	    "<link rel=modulepreload href=/b.mjs>");
	assert_int_equal(run(&k), ERR_OK);
	assert_string_equal(kit_said(&k), "");
	const char *react = published(&k, "assets/react.mjs");
	const char *page = kit_output(&k, OUT_WWW, "a.html");
	const char *want = arena_printf(&k.arena,
	    "<script type=\"importmap\">{\"imports\":{\"@a/b.c\":"
	    "\"/b.mjs\",\"react\":\"/%s\"},\"integrity\":{\"/%s\":\"sha256-",
	    react, react)
			       .p;
	if (!str_starts(str_of(page), want))
		fail_msg("%s\n%s", page, want);
	/* what announces it says the same, or it would be fetched twice */
	want = arena_printf(&k.arena,
	    "<link rel=modulepreload href=/%s integrity=\"%s\">"
	    "<link rel=modulepreload href=/b.mjs>",
	    react, of_bytes(&k, "r"))
		   .p;
	if (!str_ends(str_of(page), want))
		fail_msg("%s\n%s", page, want);
	assert_null(row(&k, "assets/react.mjs"));
	kit_close(&k);
}

static void test_bare_names_wrong(void **state)
{
	(void)state;
	struct kit k;
	open_site(&k);
	kit_file(&k, "site.toml",
	    "name = \"t\"\n[client.imports]\nreact = \"/gone.mjs\"\n");
	assert_int_equal(run(&k), ERR_OK);
	assert_string_equal(kit_said(&k),
	    "site.toml:3:9: warning: missing-reference: there will be no file "
	    "/gone.mjs; write it, or correct the reference\n");
	kit_close(&k);
	static const char *const lines[] = {"\"/react\" = \"/a.mjs\"",
	    "\"./react\" = \"/a.mjs\"", "\"\" = \"/a.mjs\"",
	    "react = \"a.mjs\"", "react = \"https://x.example/a.mjs\"",
	    "\"https://x.example/a.mjs\" = \"/a.mjs\""};
	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
		open_site(&k);
		kit_file(&k, "static/a.mjs", "a");
		kit_bytes(&k, "site.toml",
		    arena_printf(&k.arena,
			"name = \"t\"\n[client.imports]\n%s\n", lines[i]));
		assert_int_equal(run(&k), ERR_INPUT);
		kit_says(&k, "bad-value: `client.imports` leads a bare name");
		kit_close(&k);
	}
}

/* /oauth.mjs and its like: in the map, and under their names if asked for. */
static void test_other_modules(void **state)
{
	(void)state;
	struct kit k;
	open_site(&k);
	kit_file(&k, "assets/app.mjs", "import '/oauth.mjs';'/gone.mjs'");
	kit_file(&k, "pages/a.html", "<script type=module>x</script>");
	kit_file(&k, "pages/b.html", "<p>");
	kit_file(&k, "pages/sub/c.html",
	    "<script>fetch('../assets/late.json');import('/cache.mjs')"
	    "</script>");
	kit_file(&k, "assets/late.json", "{}");
	assert_int_equal(kit_load(&k, NULL), ERR_OK);
	struct build *b = kit_build(&k);
	assert_int_equal(produce_assets(b), ERR_OK);
	assert_int_equal(
	    build_put_fingerprinted(b, "oauth.mjs", STR("o"), true, POS_NONE),
	    ERR_OK);
	assert_int_equal(build_put_fingerprinted(
			     b, "requests.mjs", STR("r"), false, POS_NONE),
	    ERR_OK);
	assert_int_equal(
	    build_put_fingerprinted(b, "cache.mjs", STR("c"), false, POS_NONE),
	    ERR_OK);
	assert_int_equal(produce_modules(b), ERR_OK);
	assert_int_equal(produce_pages(b), ERR_OK);
	assert_non_null(strstr(b->import_map.p, "\"/oauth.mjs\":\"/oauth."));
	assert_non_null(strstr(b->import_map.p, "\"/requests.mjs\":"));
	assert_null(strstr(b->import_map.p, "gone"));
	const struct out_file *oauth = row(&k, "oauth.mjs");
	assert_non_null(oauth);
	assert_int_equal(oauth->class, OUT_POINTER);
	assert_true(oauth->from_env);
	assert_null(row(&k, "requests.mjs"));
	/* the map holds what environment values made, so the page does */
	assert_true(row(&k, "a.html")->from_env);
	assert_false(row(&k, "b.html")->from_env);
	/* what scripts in pages name */
	assert_non_null(row(&k, "assets/late.json"));
	assert_non_null(row(&k, "cache.mjs"));
	kit_close(&k);
}

/* Larger than what is held in memory, and named by a script on top. */
static void test_large(void **state)
{
	(void)state;
	struct kit k;
	open_site(&k);
	size_t n = (3 << 20) + 5;
	char *bytes = malloc(n);
	assert_non_null(bytes);
	for (size_t i = 0; i < n; i++)
		bytes[i] = (char)(i * 7 >> 3);
	kit_bytes(&k, "assets/film.mp4", (struct str){bytes, n});
	kit_file(&k, "assets/app.mjs", "'./film.mp4'");
	assert_int_equal(run(&k), ERR_OK);
	const char *name = published(&k, "assets/film.mp4");
	struct str hash = hash_blake2b(&k.arena, (struct str){bytes, n});
	assert_string_equal(
	    name, arena_printf(&k.arena, "assets/film.%.10s.mp4", hash.p).p);
	assert_true(str_eq(row(&k, name)->bytes, (struct str){bytes, n}));
	assert_non_null(row(&k, "assets/film.mp4"));
	assert_int_equal(row(&k, "assets/film.mp4")->digest.bytes, n);
	free(bytes);
	kit_close(&k);
}

static void test_unreadable(void **state)
{
	(void)state;
	struct kit k;
	open_site(&k);
	kit_file(&k, "assets/a.css", "@import 'b.css'");
	kit_file(&k, "assets/b.css", "b{}");
	kit_file(&k, "assets/c.css", "c{}");
	assert_int_equal(kit_load(&k, NULL), ERR_OK);
	assert_int_equal(unlink(kit_path(&k, "assets/b.css")), 0);
	assert_int_equal(
	    symlink("/etc/passwd", kit_path(&k, "assets/b.css")), 0);
	assert_int_equal(run(&k), ERR_INPUT);
	/* what is not there because of that is not missed as well */
	assert_string_equal(kit_said(&k),
	    "assets/b.css: not-a-file: this is a symbolic link, which is not "
	    "followed; put a copy in its place\n");
	assert_non_null(text(&k, "assets/c.css"));
	kit_close(&k);
}

/* Names with all that may stand in a file's name. */
static void test_odd_names(void **state)
{
	(void)state;
	struct kit k;
	open_site(&k);
	kit_file(&k, "assets/a b's \"(1),\xc3\xa9#?%.png", "png");
	kit_file(&k, "assets/a.css",
	    "a{x:url(\"a%20b's%20%22(1),\xc3\xa9%23%3f%25.png\")}");
	kit_file(&k, "pages/a.html",
	    "<img srcset=\"/assets/a%20b's%20%22(1),%C3%A9%23%3F%25.png 2x\">");
	assert_int_equal(run(&k), ERR_OK);
	assert_string_equal(kit_said(&k), "");
	const char *name = last(&k, "assets/a b's \"(1),\xc3\xa9#?%.png");
	char *hash = strrchr(arena_cstr(&k.arena, str_of(name)), '.') - 10;
	struct str encoded = arena_printf(&k.arena,
	    "a%%20b%%27s%%20%%22%%281%%29%%2C%%C3%%A9%%23%%3F%%25.%.10s.png",
	    hash);
	assert_string_equal(text(&k, "assets/a.css"),
	    arena_printf(&k.arena, "a{x:url(\"%s\")}", encoded.p).p);
	assert_string_equal(kit_output(&k, OUT_WWW, "a.html"),
	    arena_printf(&k.arena, "<img srcset=\"/assets/%s 2x\">", encoded.p)
		.p);
	kit_close(&k);
}

/* As many threads as one likes: the same rows in the same order. */
static void test_threads(void **state)
{
	(void)state;
	struct kit k;
	open_site(&k);
	for (int i = 0; i < 40; i++) {
		kit_file(&k, arena_printf(&k.arena, "assets/%d.css", i).p,
		    arena_printf(&k.arena, "@import '%d.css';url(no%d)",
			i / 2 * 2 + 41, i)
			.p);
		kit_file(&k, arena_printf(&k.arena, "assets/%d.css", i + 41).p,
		    arena_printf(&k.arena, "x%d{}", i).p);
		kit_file(&k, arena_printf(&k.arena, "assets/%d.mjs", i).p,
		    arena_printf(&k.arena, "'./%d.mjs'", i * 7 % 40).p);
		kit_file(&k, arena_printf(&k.arena, "pages/%d.html", i).p,
		    arena_printf(&k.arena,
			"<link href=/assets/%d.css><a href=/no%d>"
			"<script type=module src=/assets/%d.mjs>",
			i, i, i)
			.p);
	}
	assert_int_equal(kit_load(&k, NULL), ERR_OK);
	assert_int_equal(run_with(&k, 1), ERR_OK);
	struct out one = k.build.out;
	const char *said = kit_said(&k);
	diag_init(&k.diag, &k.arena);
	assert_int_equal(run_with(&k, 4), ERR_OK);
	assert_string_equal(kit_said(&k), said);
	assert_int_equal(k.build.out.n, one.n);
	for (size_t i = 0; i < one.n; i++) {
		assert_true(
		    str_eq(one.files[i].path, k.build.out.files[i].path));
		assert_true(
		    str_eq(one.files[i].bytes, k.build.out.files[i].bytes));
	}
	kit_close(&k);
}

/* Modules and sheets without their comments; names are of what is put. */
static void test_no_comments(void **state)
{
	(void)state;
	struct kit k;
	kit_open(&k);
	kit_file(
	    &k, "site.toml", "name = \"t\"\n[compress]\ncomments = false\n");
	kit_file(&k, "assets/a.mjs",
	    "/* a */\n\nimport './b.mjs'; // b\nif (x) {\n\ty(`\n /* z "
	    "*/`);\n}\n"
	    "import './gone.mjs';\n");
	kit_file(&k, "assets/b.mjs", "\texport {};\n");
	kit_file(&k, "assets/c.js", "/* c */");
	kit_file(&k, "assets/d.css", "/* d */\na {\n\tb: url(e.png);\n}\n");
	kit_file(&k, "assets/e.png", "e");
	kit_file(&k, "pages/p.html",
	    "<script type=module src=/assets/a.mjs></script>\n"
	    "<link rel=modulepreload href=/assets/b.mjs integrity=x>\n"
	    "<link rel=stylesheet href=/assets/d.css integrity=x>");
	assert_int_equal(run(&k), ERR_OK);
	assert_string_equal(text(&k, "assets/a.mjs"),
	    "import './b.mjs';\nif (x) {\ny(`\n /* z */`);\n}\n"
	    "import './gone.mjs';\n");
	assert_string_equal(text(&k, "assets/b.mjs"), "export {};\n");
	assert_string_equal(
	    kit_output(&k, OUT_WWW, "assets/b.mjs"), "export {};\n");
	assert_string_equal(text(&k, "assets/c.js"), "/* c */");
	assert_int_equal(
	    strncmp(text(&k, "assets/d.css"), "a {b: url(e.", 12), 0);
	assert_non_null(strstr(
	    kit_output(&k, OUT_WWW, "p.html"), of_bytes(&k, "export {};\n")));
	/* findings have the places that were written */
	assert_string_equal(kit_said(&k),
	    "assets/a.mjs:8:9: warning: missing-reference: there will be no "
	    "file /assets/gone.mjs; write it, or correct the reference\n"
	    "pages/p.html:2:30: warning: stale-integrity: /assets/b.mjs is "
	    "rewritten when it is published, so browsers will refuse it; leave "
	    "`integrity` out\n"
	    "pages/p.html:3:27: warning: stale-integrity: /assets/d.css is "
	    "rewritten when it is published, so browsers will refuse it; leave "
	    "`integrity` out\n");
	kit_close(&k);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_css_order),
	    cmocka_unit_test(test_css_renames),
	    cmocka_unit_test(test_css_chain),
	    cmocka_unit_test(test_cycle),
	    cmocka_unit_test(test_css_missing),
	    cmocka_unit_test(test_import_missing),
	    cmocka_unit_test(test_module_not_asked_for),
	    cmocka_unit_test(test_names),
	    cmocka_unit_test(test_module_renames),
	    cmocka_unit_test(test_import_map),
	    cmocka_unit_test(test_bare_imports),
	    cmocka_unit_test(test_lost_import_map),
	    cmocka_unit_test(test_stale_integrity),
	    cmocka_unit_test(test_no_import_map),
	    cmocka_unit_test(test_other_modules),
	    cmocka_unit_test(test_bare_names),
	    cmocka_unit_test(test_bare_names_wrong),
	    cmocka_unit_test(test_no_comments),
	    cmocka_unit_test(test_large),
	    cmocka_unit_test(test_unreadable),
	    cmocka_unit_test(test_odd_names),
	    cmocka_unit_test(test_threads),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("assets", tests, NULL, NULL);
}
