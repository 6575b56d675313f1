/*
 * The reference rewriter: what it touches, what it must not, and that every
 * other byte of a page stays, however broken the page is. Covers html-scan,
 * html-inline and html-path.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "generator/html.h"

struct seen {
	struct arena *arena;
	struct str html;
	struct buf paths;   /* "line:col path" each, `;` behind */
	struct buf code;    /* scripts, `;` behind each */
	struct buf inlined; /* "line:col KIND" each, `;` behind */
};

/* Every path with an "a" at its start or behind a slash gets `+` behind it. */
static struct str plus(void *ctx, const struct html_ref *ref)
{
	struct seen *seen = ctx;
	struct str path = ref->path;
	struct pos pos = html_pos(seen->html, "p.html", ref->at);

	buf_printf(
	    &seen->paths, "%u:%u %.*s;", pos.line, pos.col, STR_ARG(path));
	if (path.p[0] != 'a' && !str_starts(path, "/a"))
		return (struct str){0};
	if (ref->integrity && str_ends(path, "!"))
		*ref->integrity = STR("sha512-x");
	return arena_printf(seen->arena, "%.*s+", STR_ARG(path));
}

static void keep_code(void *ctx, struct str code)
{
	struct seen *seen = ctx;

	buf_put_str(&seen->code, code);
	buf_putc(&seen->code, ';');
}

static void keep_inline(void *ctx, const struct html_inline *what)
{
	static const char *const kinds[HTML_INLINE_KINDS] = {
	    [HTML_INLINE_SCRIPT] = "script",
	    [HTML_INLINE_STYLE] = "style",
	    [HTML_INLINE_RULES] = "rules",
	    [HTML_INLINE_HANDLER] = "handler",
	    [HTML_UNTYPED_MODULE] = "untyped"};
	struct seen *seen = ctx;
	struct pos pos = html_pos(seen->html, "p.html", what->text.p);

	assert_true(what->text.n > 0);
	assert_true(what->text.p + what->text.n <= seen->html.p + seen->html.n);
	buf_printf(&seen->inlined, "%u:%u %s%s%.*s;", pos.line, pos.col,
	    kinds[what->kind], what->name.n ? " " : "", STR_ARG(what->name));
}

struct result {
	struct str html, paths, code, inlined;
	struct html_modules modules;
};

static struct result all_of(struct arena *a, struct str html)
{
	struct seen seen = {.arena = a, .html = html};
	struct html_refs refs = {.path = plus,
	    .script = keep_code,
	    .inlined = keep_inline,
	    .ctx = &seen,
	    .base_url = STR("https://s.example")};
	struct buf out = {0};
	struct result r;

	html_rewrite(a, html, &refs, &out, &r.modules);
	r.html = arena_str(a, buf_str(&out));
	r.paths = arena_str(a, buf_str(&seen.paths));
	r.code = arena_str(a, buf_str(&seen.code));
	r.inlined = arena_str(a, buf_str(&seen.inlined));
	buf_release(&out);
	buf_release(&seen.paths);
	buf_release(&seen.code);
	buf_release(&seen.inlined);
	return r;
}

static struct str rewritten(struct arena *a, struct str html, struct str *paths)
{
	struct result r = all_of(a, html);

	if (paths)
		*paths = r.paths;
	return r.html;
}

static const struct {
	const char *html, *want; /* NULL = as it was */
} rows[] = {
    {"", NULL},
    {"plain text with a < b and & more", NULL},
    {"<a href=\"/a\">x</a>", "<a href=\"/a+\">x</a>"},
    {"<a href='/a'>", "<a href='/a+'>"},
    {"<a href=/a>", "<a href=/a+>"},
    {"<a href=/a/>", "<a href=/a/+>"},
    {"<a href = '/a'  >", "<a href = '/a+'  >"},
    {"<a\n\thref\n=\n\"/a\"\n>", "<a\n\thref\n=\n\"/a+\"\n>"},
    {"<A HREF=\"/a\">", "<A HREF=\"/a+\">"},
    {"<IMG SRC=/a>", "<IMG SRC=/a+>"},
    {"<a href=\" /a \">", "<a href=\" /a+ \">"},
    {"<link rel=x href=\"/a\"/>", "<link rel=x href=\"/a+\"/>"},
    {"<video poster=\"/a\" src=a>", "<video poster=\"/a+\" src=a+>"},
    {"<object data=\"/a\">", "<object data=\"/a+\">"},
    {"<svg><use xlink:href=\"/a#i\"/></svg>",
	"<svg><use xlink:href=\"/a+#i\"/></svg>"},
    {"<script src=\"/a\" type=module></script>",
	"<script src=\"/a+\" type=module></script>"},
    /* query and fragment stay as they are */
    {"<a href=\"/a?x=1&amp;y=%20#z\">", "<a href=\"/a+?x=1&amp;y=%20#z\">"},
    {"<a href=\"/a#?\">", "<a href=\"/a+#?\">"},
    {"<a href=\"/a&#63;q\">", "<a href=\"/a+&#63;q\">"},
    {"<a href=\"/a&#x23;f\">", "<a href=\"/a+&#x23;f\">"},
    {"<a href=\"/a&amp;b\">", "<a href=\"/a%26b+\">"},
    {"<a href=\"/a%20b\">", "<a href=\"/a%20b+\">"},
    {"<a href=\"/a b'c\">", "<a href=\"/a%20b%27c+\">"},
    {"<a href=\"/a\xc3\xbc\">", "<a href=\"/a%C3%BC+\">"},
    {"<a href=\"/a&copy;\">", "<a href=\"/a%26copy;+\">"},
    /* not files of this site */
    {"<a href=\"https://a\"><a href=//a><a href=mailto:a>", NULL},
    {"<a href=\"#a\"><a href=\"?a\"><a href=\"\"><a href><a href=>", NULL},
    {"<img src=\"data:image/png;base64,aaaa\">", NULL},
    {"<a href=\"&#106;avascript:a\">", NULL},
    {"<a href=\"/\\a\"><a href=\"\\\\a\">", NULL},
    /* broken %XX, NUL and bytes that are not UTF-8 name nothing */
    {"<a href=\"/a%2\"><a href=\"/a%00\"><a href=\"/a%ff\">", NULL},
    /* other attributes */
    {"<form action=\"/a\"><base href=\"/a\"><img alt=/a data-src=/a>", NULL},
    {"<div data=\"/a\" xhref=/a hrefx=/a>", NULL},
    {"<a imagesrcset=\"/a 2x\"><form style=\"/a\">", NULL},
    /* what is twice counts once, the first time */
    {"<a href=/a href=/a>", "<a href=/a+ href=/a>"},
    /* srcset */
    {"<img srcset=\"/a 2x\">", "<img srcset=\"/a+ 2x\">"},
    {"<img srcset=/a>", "<img srcset=/a+>"},
    {"<source srcset='/a 1x, a/b 100w,\n /a2?x 2x,/b'>",
	"<source srcset='/a+ 1x, a/b+ 100w,\n /a2+?x 2x,/b'>"},
    {"<img srcset=\"/a,/a 1x\">", "<img srcset=\"/a%2C/a+ 1x\">"},
    {"<img srcset=\"/a, /a,, ,/a ,\">", "<img srcset=\"/a+, /a+,, ,/a+ ,\">"},
    {"<img srcset=\"/a x(,/a) 1x, /a\">",
	"<img srcset=\"/a+ x(,/a) 1x, /a+\">"},
    {"<img srcset=\"data:a,/a 1x, //a 2x, https://a 3x\">", NULL},
    {"<img srcset=\"/a&amp;b 1x\">", "<img srcset=\"/a%26b+ 1x\">"},
    {"<img srcset=\"\"><img srcset><img srcset=,><img srcset=' , '>", NULL},
    {"<link imagesrcset=\"/a 1x\">", "<link imagesrcset=\"/a+ 1x\">"},
    {"<input type=image src=/a>", "<input type=image src=/a+>"},
    /* CSS */
    {"<p style=\"background:url(/a)\">", "<p style=\"background:url(/a+)\">"},
    {"<p style=\"background:url('/a b')\">",
	"<p style=\"background:url('/a%20b+')\">"},
    {"<p style='background:url(&quot;/a&quot;)&#x26;&amp;&lt;'>",
	"<p style='background:url(&quot;/a+&quot;)&amp;&amp;&lt;'>"},
    {"<p style='x:url(&quot;/b&quot;)&#x26;'>", NULL},
    {"<p style=\"url(/a\" href=/a>", "<p style=\"url(/a+\" href=/a+>"},
    {"<style>@import '/a';b{src:url(/a?#x)}</style><a href=/a>",
	"<style>@import '/a+';b{src:url(/a+?#x)}</style><a href=/a+>"},
    {"<style>url(/a", "<style>url(/a+"},
    {"<STYLE media=x>url(/a)</sTyle ><p>url(/a)",
	"<STYLE media=x>url(/a+)</sTyle ><p>url(/a)"},
    {"<!-- <style>url(/a)</style> -->", NULL},
    /* link previews: this site's own whole URLs */
    {"<meta property=\"og:image\" content=\"https://s.example/a?q\">",
	"<meta property=\"og:image\" content=\"https://s.example/a+?q\">"},
    {"<meta content=' https://s.example/a ' name=Twitter:Image>",
	"<meta content=' https://s.example/a+ ' name=Twitter:Image>"},
    {"<meta name=og:image content=/a><meta name=description "
     "content=https://s.example/a>",
	NULL},
    {"<meta name=og:image content=https://s.example><meta name=og:image "
     "content=https://s.example.a/a><meta name=og:image "
     "content=https://s.example:1/a><meta name=og:image>",
	NULL},
    /* modules whose integrity is known */
    {"<script type=module src=\"/a!\" async></script>",
	"<script type=module src=\"/a!+\" integrity=\"sha512-x\" "
	"async></script>"},
    {"<link href=/a! rel=modulepreload><link rel=modulepreload href=' /a!?x ' "
     "a>",
	"<link href=/a!+ integrity=\"sha512-x\" rel=modulepreload>"
	"<link rel=modulepreload href=' /a!+?x ' integrity=\"sha512-x\" a>"},
    {"<link rel=modulepreload integrity=sha1 href=/a!><link rel=preload "
     "href=/a!><script src=/a!></script><script type=module href=/a!></script>",
	"<link rel=modulepreload integrity=sha1 href=/a!+><link rel=preload "
	"href=/a!+><script src=/a!+></script><script type=module "
	"href=/a!+></script>"},
    /* text that only looks like tags */
    {"<!-- <a href=\"/a\"> -->", NULL},
    {"<!--><a href=/a>", "<!--><a href=/a+>"},
    {"<!---><a href=/a>", "<!---><a href=/a+>"},
    {"<!-- x --!><a href=/a>", "<!-- x --!><a href=/a+>"},
    {"<!-- x ---><a href=/a>", "<!-- x ---><a href=/a+>"},
    {"<!----><a href=/a>", "<!----><a href=/a+>"},
    {"<!-- - > -> -- > <a href=/a>", NULL},
    {"<!-- never ends <a href=\"/a\">", NULL},
    {"<!--", NULL},
    {"<!-", NULL},
    {"<!DOCTYPE html><a href=/a>", "<!DOCTYPE html><a href=/a+>"},
    {"<?xml <a href=/a>", NULL},
    {"</ <a href=/a>", NULL},
    {"<script>'<a href=\"/a\">'</script><a href=/a>",
	"<script>'<a href=\"/a\">'</script><a href=/a+>"},
    {"<SCRIPT>'<a href=\"/a\"></scriptx>'</Script ><a href=/a>",
	"<SCRIPT>'<a href=\"/a\"></scriptx>'</Script ><a href=/a+>"},
    {"<style>a::after{content:'<img src=/a>'}</style>", NULL},
    {"<title><a href=/a></title><textarea><a href=/a></textarea>", NULL},
    {"<script>never ends <a href=\"/a\">", NULL},
    {"<plaintext></plaintext><a href=/a>", NULL},
    {"</a href=\"/a\">", NULL},
    /* nested and missing quotes */
    {"<a title='href=\"/a\"' href=\"/a\">",
	"<a title='href=\"/a\"' href=\"/a+\">"},
    {"<a title=\"<img src=/a>\">", NULL},
    {"<a title=\"a>b\" href=/a>", "<a title=\"a>b\" href=/a+>"},
    {"<a href=\"/a", NULL},
    {"<a href='/a\">", NULL},
    {"<a href=/a", NULL},
    {"<a", NULL},
    {"<", NULL},
    {"<a href=\"/a\"title=x src=\"/a\">",
	"<a href=\"/a+\"title=x src=\"/a+\">"},
    {"<a = href=/a>", "<a = href=/a+>"},
    {"<a href==/a>", NULL},
    {"<a =href=/a>", NULL},
    {"<a/href=/a>", "<a/href=/a+>"},
    {"<a<b href=/a>", "<a<b href=/a+>"},
    {"<1 href=/a><é href=/a>< a href=/a>", NULL},
    {"\xff\xfe<a href=/a>\xff", "\xff\xfe<a href=/a+>\xff"},
};

static void test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct arena arena;
		arena_init(&arena);
		const char *want = rows[i].want ? rows[i].want : rows[i].html;
		struct str got = rewritten(&arena, str_of(rows[i].html), NULL);
		if (!str_is(got, want))
			fail_msg(
			    "<%s> gave <%.*s>", rows[i].html, STR_ARG(got));
		arena_release(&arena);
	}
}

/* What is asked for: decoded paths, with the place of the value. */
static void test_paths(void **state)
{
	(void)state;
	struct arena arena;
	struct str paths;
	arena_init(&arena);
	rewritten(&arena,
	    STR("<p>\n<a href=\"x%20y?q\">\r\n  <img\nsrc=' b&amp;c '>"
		"<a href=\"#f\"><a href=//h>"),
	    &paths);
	assert_true(str_is(paths, "2:10 x y;4:7 b&c;"));
	arena_release(&arena);
}

/* A reference inside CSS has a place of its own, if no entity is in the way. */
static void test_css_paths(void **state)
{
	(void)state;
	struct arena arena;
	struct str paths;
	arena_init(&arena);
	rewritten(&arena,
	    STR("<style>\n b{x:url(x)}</style>\n<p style='a:url(y)'>"
		"<p style='a:url(&quot;z&quot;)'>\n<img srcset='u 1x,\nv'>"),
	    &paths);
	assert_true(str_is(paths, "2:10 x;3:17 y;3:31 z;4:14 u;5:1 v;"));
	arena_release(&arena);
}

/* Where an import map belongs: before the tag that `want` begins with. */
static void test_modules(void **state)
{
	(void)state;
	static const struct {
		const char *html, *before; /* NULL: nowhere */
		bool has_map;
	} pages[] = {
	    {"<p>x", NULL, false},
	    {"<script src=/a></script>", NULL, false},
	    {"<script src=/a></script>\n<script type=module>x</script>",
		"<script type=module>x</script>", false},
	    {"<a href=/a><SCRIPT TYPE=' Module '></SCRIPT>",
		"<SCRIPT TYPE=' Module '></SCRIPT>", false},
	    {"<link rel='x ModulePreload' href=/a><script type=module>",
		"<link rel='x ModulePreload' href=/a+><script type=module>",
		false},
	    {"<link rel=modulepreloads><script type=modules>", NULL, false},
	    {"<template><script type=module></script></template>", NULL, false},
	    {"<template></template><noscript><link rel=modulepreload>"
	     "</noscript><script type=module>",
		"<script type=module>", false},
	    {"</template></noscript><script type=module>",
		"<script type=module>", false},
	    {"<!-- <script type=module></script> -->", NULL, false},
	    {"<title><script type=module></title>", NULL, false},
	    {"<script type=module", NULL, false},
	    {"<script type=importmap>{}</script><script type=module>",
		"<script type=module>", true},
	    {"<script type=importmap>{}</script>", NULL, true},
	    {"<template><script type=importmap></script></template>", NULL,
		false},
	};
	for (size_t i = 0; i < sizeof(pages) / sizeof(pages[0]); i++) {
		struct arena arena;
		arena_init(&arena);
		struct result r = all_of(&arena, str_of(pages[i].html));
		struct str rest = {0};
		if (r.modules.at != SIZE_MAX) {
			assert_true(r.modules.at <= r.html.n);
			rest = str_slice(r.html, r.modules.at, r.html.n);
		}
		if ((r.modules.at != SIZE_MAX) != (pages[i].before != NULL) ||
		    !str_is(rest, pages[i].before ? pages[i].before : "") ||
		    r.modules.has_map != pages[i].has_map)
			fail_msg("<%s>: <%.*s>", pages[i].html, STR_ARG(rest));
		arena_release(&arena);
	}
}

static void test_scripts(void **state)
{
	(void)state;
	struct arena arena;
	arena_init(&arena);
	struct result r = all_of(&arena,
	    STR("<script>a</script><script type=module>b</script>"
		"<script src=x>c</script><script type=text/plain>d</script>"
		"<script type=TEXT/JavaScript>e</script><style>f</style>"
		"<script></script><script>g"));
	assert_true(str_is(r.code, "a;b;e;g;"));
	arena_release(&arena);
}

/* What a policy without 'unsafe-inline' forbids, and nothing else. */
static void test_inline(void **state)
{
	(void)state;
	static const struct {
		const char *html, *found;
	} pages[] = {
	    {"<script>f()</script>", "1:1 script;"},
	    {"<p>\n <SCRIPT TYPE=module>f()</SCRIPT>", "2:2 script;"},
	    {"<script type=' text/JavaScript '>f()</script>", "1:1 script;"},
	    {"<script type>f()</script>", "1:1 script;"},
	    {"<svg><script>f()</script></svg>", "1:6 script;"},
	    {"<script nonce=x>f()</script>", "1:1 script;"},
	    {"<style>b{}</style>", "1:1 style;"},
	    {"<style media=print type=text/css>b{}", "1:1 style;"},
	    {"<b style='a: b'>", "1:11 rules;"},
	    {"<b STYLE=a:b class=x>", "1:10 rules;"},
	    {"<noscript><style>b{}</style><b style=a:b></noscript>",
		"1:11 style;1:38 rules;"},
	    {"<button onclick=\"f()\">", "1:9 handler onclick;"},
	    {"<form ONSUBMIT='return f()' onreset=g()>",
		"1:7 handler ONSUBMIT;"},
	    {"<body onload=f() style=a:b>", "1:24 rules;1:7 handler onload;"},
	    {"<img onerror='' onload=f()>", "1:17 handler onload;"},
	    {"<script src=x.mjs></script>", "1:13 untyped;"},
	    {"<script defer src='/a/x.mjs?v#y' type=text/javascript></script>",
		"1:20 untyped;"},
	    {"<template><b></template><script>f()</script>", "1:25 script;"},
	    /* data, and what is loaded */
	    {"<script src=x.js></script>", ""},
	    {"<script src=x.js>f()</script>", ""},
	    {"<script src>f()</script>", ""},
	    {"<script type=module src=x.mjs></script>", ""},
	    {"<script type=' MODULE' src=x.mjs></script>", ""},
	    {"<svg><script href=x.js>f()</script></svg>", ""},
	    {"<svg><script xlink:href=x.js>f()</script></svg>", ""},
	    {"<script src=x.mjs.js></script><script src=x.js?y.mjs></script>",
		""},
	    {"<script type=importmap>{}</script>", ""},
	    {"<script type=speculationrules>{}</script>", ""},
	    {"<script type=application/json>{}</script>", ""},
	    {"<script type=application/ld+json>{}</script>", ""},
	    {"<script type=text/template><b onclick=f()></script>", ""},
	    {"<script type='text/javascript; charset=utf-8'>f()</script>", ""},
	    {"<script type=x-shader src=x.mjs></script>", ""},
	    {"<script></script><script>\n</script><style> </style>", ""},
	    {"<style type=text/less>b{}</style>", ""},
	    {"<b style='' onclick=\" \">", ""},
	    /* no handlers */
	    {"<b on=f() onfoo=f() on-click=f() onclicks=f() data-onclick=f()>",
		""},
	    {"<b title='onclick=f()' class=onclick>", ""},
	    /* nowhere in force */
	    {"<template><script>f()</script><b style=a:b onclick=f()>"
	     "<style>b{}</style><script src=x.mjs></script></template>",
		""},
	    {"<noscript><script>f()</script><b onclick=f()>"
	     "<script src=x.mjs></script></noscript>",
		""},
	    {"<!-- <script>f()</script><b style=a:b> -->", ""},
	    {"<textarea><script>f()</script></textarea>", ""},
	    {"<title><style>b{}</style></title>", ""},
	    {"</b onclick=f() style=a:b>", ""},
	    {"<b onclick=f()", ""},
	    {"&lt;script>f()&lt;/script>", ""},
	};
	for (size_t i = 0; i < sizeof(pages) / sizeof(pages[0]); i++) {
		struct arena arena;
		arena_init(&arena);
		struct result r = all_of(&arena, str_of(pages[i].html));
		if (!str_is(r.inlined, pages[i].found))
			fail_msg("%s: %.*s", pages[i].html, STR_ARG(r.inlined));
		arena_release(&arena);
	}
}

static void test_nul(void **state)
{
	(void)state;
	static const char page[] =
	    "\0<a\0 href=/a\0b><a \0href=/a \0><a href=/a>";
	static const char want[] =
	    "\0<a\0 href=/a\0b><a \0href=/a \0><a href=/a+>";
	struct arena arena;
	arena_init(&arena);
	struct str got = rewritten(
	    &arena, (struct str){.p = page, .n = sizeof(page) - 1}, NULL);
	assert_int_equal(got.n, sizeof(want) - 1);
	assert_memory_equal(got.p, want, got.n);
	arena_release(&arena);
}

static struct str leave(void *ctx, const struct html_ref *ref)
{
	(void)ctx;
	(void)ref;
	return (struct str){0};
}

/* Nothing to replace: the very same bytes, for any soup of markup. */
static void test_keeps_every_byte(void **state)
{
	(void)state;
	static const char *const bits[] = {"<", ">", "a", " ", "href=", "\"",
	    "'", "/", "<!--", "-->", "-", "<script>", "</script", "=", "\n",
	    "&amp;", "&#", "%2", "src", "<style ", "\xff", "?", "#",
	    "srcset=", ",", "style=", "url(", ")", "@import", "<meta ",
	    "content=", "\\", "<style>", "&quot;", "*/", "image-set("};
	struct html_refs refs = {.path = leave};
	struct html_modules modules;
	uint32_t seed = 1;
	for (int round = 0; round < 3000; round++) {
		struct buf page = {0}, out = {0};
		struct arena arena;
		arena_init(&arena);
		for (int i = 0; i < 40; i++) {
			seed = seed * 1664525 + 1013904223;
			size_t n = sizeof(bits) / sizeof(bits[0]);
			buf_puts(&page, bits[(seed >> 16) % n]);
		}
		html_rewrite(&arena, buf_str(&page), &refs, &out, &modules);
		if (!str_eq(buf_str(&page), buf_str(&out)))
			fail_msg("<%s>", page.data);
		buf_release(&page);
		buf_release(&out);
		arena_release(&arena);
	}
}

/* Megabytes of what never ends are read once, not n² times. */
static void test_endless(void **state)
{
	(void)state;
	static const char *const bits[] = {"<a ", "<!--", "<a href=\"",
	    "<!-- -- ", "<!x", "<script></scriptx", "</", "<a href=/x>&#",
	    "<style>url(", "<p style='url(", "<img srcset='a,",
	    "<img srcset=", "<a href=x ", "<style></style",
	    "<p style=\"&quot;(", "<noscript>"};
	for (size_t k = 0; k < sizeof(bits) / sizeof(bits[0]); k++) {
		struct html_refs refs = {.path = leave};
		struct html_modules modules;
		struct buf page = {0}, out = {0};
		struct arena arena;
		arena_init(&arena);
		while (page.len < 2 << 20)
			buf_puts(&page, bits[k]);
		html_rewrite(&arena, buf_str(&page), &refs, &out, &modules);
		assert_int_equal(out.len, page.len);
		buf_release(&page);
		buf_release(&out);
		arena_release(&arena);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_rows),
	    cmocka_unit_test(test_paths),
	    cmocka_unit_test(test_css_paths),
	    cmocka_unit_test(test_modules),
	    cmocka_unit_test(test_scripts),
	    cmocka_unit_test(test_inline),
	    cmocka_unit_test(test_nul),
	    cmocka_unit_test(test_keeps_every_byte),
	    cmocka_unit_test(test_endless),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("html", tests, NULL, NULL);
}
