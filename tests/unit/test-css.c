/*
 * The reference rewriter for CSS: what browsers take for a URL and nothing
 * else, and every other byte kept, whatever the bytes are.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "generator/css.h"

struct seen {
	struct arena *arena;
	struct str css;
	struct buf paths; /* "line:col path" each, `;` behind */
};

/* Every path with an "a" at its start or behind a slash gets `+` behind it. */
static struct str plus(void *ctx, const struct html_ref *ref)
{
	struct seen *seen = ctx;
	struct str path = ref->path;
	struct pos pos = html_pos(seen->css, "p.css", ref->at);

	assert_true(ref->at >= seen->css.p);
	assert_true(ref->at < seen->css.p + seen->css.n);
	buf_printf(&seen->paths, "%u:%u %.*s%s;", pos.line, pos.col,
	    STR_ARG(path), ref->optional ? "?" : "");
	if (path.p[0] != 'a' && !str_starts(path, "/a"))
		return (struct str){0};
	return arena_printf(seen->arena, "%.*s+", STR_ARG(path));
}

static struct str rewritten(struct arena *a, struct str css, struct str *paths)
{
	struct seen seen = {.arena = a, .css = css};
	struct html_refs refs = {.path = plus, .ctx = &seen};
	struct buf out = {0};

	css_rewrite(a, css, &refs, &out);
	struct str copy = arena_str(a, buf_str(&out));
	if (paths)
		*paths = arena_str(a, buf_str(&seen.paths));
	buf_release(&out);
	buf_release(&seen.paths);
	return copy;
}

static const struct {
	const char *css, *want; /* NULL = as it was */
} rows[] = {
    {"", NULL},
    {"b{color:red}", NULL},
    /* unquoted */
    {"b{x:url(/a)}", "b{x:url(/a+)}"},
    {"url(/a)url(/a)", "url(/a+)url(/a+)"},
    {"URL(/a) Url(a)", "URL(/a+) Url(a+)"},
    {"url( \n\t/a \f)", "url( \n\t/a+ \f)"},
    {"url(/a?x#y) url(/a#y?x)", "url(/a+?x#y) url(/a+#y?x)"},
    {"url(/a%20b)", "url(/a%20b+)"},
    {"url(/a\\ b\\(\\)\\'\\\"c)", "url(/a%20b%28%29%27%22c+)"},
    {"url(\\61 x) url(\\000061x) url(\\61\r\nx)", "url(ax+) url(ax+) url(ax+)"},
    {"url(\\2f a\\3fq)", "url(/a+\\3fq)"},
    {"url(/a\\e9)", "url(/a%C3%A9+)"},
    {"url(/a\xc3\xa9)", "url(/a%C3%A9+)"},
    {"url(/a", "url(/a+"},
    {"url(/a  ", "url(/a+  "},
    {"x:url(/a),url(/a) format('a')", "x:url(/a+),url(/a+) format('a')"},
    {"url(/a)b", "url(/a+)b"},
    {"1 url(/a) ,url(/a)", "1 url(/a+) ,url(/a+)"},
    {"a/url(/a)", "a/url(/a+)"},
    {"/**/url(/a)", "/**/url(/a+)"},
    /* bad ones are nothing up to their bracket */
    {"url(/a b) url(/a)", "url(/a b) url(/a+)"},
    {"url(/a'b) url(/a\"b) url(a(b) url(a\\\n)", NULL},
    {"url(/a b\\) url(/a)", NULL},
    {"url(/a \"x) url(/a) \"", "url(/a \"x) url(/a+) \""},
    {"url(/a\x01) url(/a\x7f)", NULL},
    {"url()url( )url('')", NULL},
    /* quoted */
    {"url(\"/a\") url('/a')", "url(\"/a+\") url('/a+')"},
    {"url( '/a' )", "url( '/a+' )"},
    {"url(' /a ')", "url(' /a+ ')"},
    {"url('/a b')", "url('/a%20b+')"},
    {"url('/a(b),c')", "url('/a%28b%29%2Cc+')"},
    {"url('/a\\'b')", "url('/a%27b+')"},
    {"url('/a\\\nb')", "url('/ab+')"},
    {"url('/a\\\r\nb')", "url('/ab+')"},
    {"url('/a\\27 b')", "url('/a%27b+')"},
    {"url('/a\\61 ') url('/a\\ ')", "url('/aa+') url('/a%20+')"},
    {"url('/a\\61\n", "url('/aa+"},
    {"url('/a' x(y))url(/a)", "url('/a+' x(y))url(/a+)"},
    {"url('/a", "url('/a+"},
    {"url('/a\\", "url('/a+"},
    {"url('/a\n') url(/a)", NULL}, /* cut off: a string begins at the end */
    {"url('/a\n) url(/a)", "url('/a\n) url(/a+)"},
    /* names with escapes */
    {"\\75rl(/a)", "\\75rl(/a+)"},
    {"u\\72 l(/a)", "u\\72 l(/a+)"},
    {"\\u\\r\\l(/a)", "\\u\\r\\l(/a+)"},
    {"ur\\6C('/a')", "ur\\6C('/a+')"},
    {"x\\url(/a) \\#url(/a) \\ url(/a)", NULL},
    {"\\\nurl(/a)", "\\\nurl(/a+)"},
    {"\\", NULL},
    /* other functions, other names */
    {"xurl(/a) -url(/a) _url(/a) 1url(/a) \xc3\xa9url(/a)", NULL},
    {"#url(/a) @url(/a)", NULL},
    {"url (/a) url/**/(/a)", NULL},
    {"format('/a') local('/a') attr(href) content:'/a'", NULL},
    {"urlurlurlurlurlurlurlurl(/a)", NULL},
    /* @import */
    {"@import '/a';", "@import '/a+';"},
    {"@import\"/a\"", "@import\"/a+\""},
    {"@IMPORT \n '/a' layer(x) supports(display:grid) screen and (x);",
	"@IMPORT \n '/a+' layer(x) supports(display:grid) screen and (x);"},
    {"@import/**/'/a';", "@import/**/'/a+';"},
    {"@import /* '/a' */ '/a';", "@import /* '/a' */ '/a+';"},
    {"@import url(/a) layer;@import url( '/a' );",
	"@import url(/a+) layer;@import url( '/a+' );"},
    {"@imports '/a';@import-x '/a';@import\\a '/a';@charset '/a';", NULL},
    {"@import x '/a';@import;'/a'", NULL},
    {"@import '/a\n';", NULL},
    {"@import '/a?x' screen", "@import '/a+?x' screen"},
    {"@import", NULL},
    {"@import ", NULL},
    {"@import '", NULL},
    {"@font-face{src:url(/a) format('woff2'),local('a')}",
	"@font-face{src:url(/a+) format('woff2'),local('a')}"},
    /* image-set */
    {"image-set('/a' 1x, \"/a\" 2x)", "image-set('/a+' 1x, \"/a+\" 2x)"},
    {"-WebKit-Image-Set(url(/a) 1x,'/a' 2x)",
	"-WebKit-Image-Set(url(/a+) 1x,'/a+' 2x)"},
    {"image-set('/a' type('/a'),'/a' 1x)'/a'",
	"image-set('/a+' type('/a'),'/a+' 1x)'/a'"},
    {"(image-set('/a')'/a')'/a'", "(image-set('/a+')'/a')'/a'"},
    {"image-set(url('/a') 1x, '/a' 2x)", "image-set(url('/a+') 1x, '/a+' 2x)"},
    {"image-set('/a", "image-set('/a+"},
    {"x-image-set('/a') image-sets('/a') #image-set('/a')", NULL},
    /* comments and strings hide */
    {"/* url(/a) */", NULL},
    {"/* url(/a)", NULL},
    {"/*/ url(/a) */url(/a)", "/*/ url(/a) */url(/a+)"},
    {"/**/ /***/url(/a)/* * / */", "/**/ /***/url(/a+)/* * / */"},
    {"'url(/a)' \"url(/a)\" \"/*\"url(/a)",
	"'url(/a)' \"url(/a)\" \"/*\"url(/a+)"},
    {"'\\'url(/a)' '\\\nurl(/a)'", NULL},
    {"'x\nurl(/a)", "'x\nurl(/a+)"},
    {"'x\furl(/a)", "'x\furl(/a+)"},
    {"url(/*x*/a)", NULL}, /* no comment there, but a path */
    {"//url(/a)\n", "//url(/a+)\n"},
    /* elsewhere */
    {"url(https://a) url(//a) url(data:a,/a) url(DATA:a) url(#a) url(?a)",
	NULL},
    {"url(data:image/svg+xml;utf8,<svg xmlns='/a'>) url(/a)",
	"url(data:image/svg+xml;utf8,<svg xmlns='/a'>) url(/a+)"},
    {"url(java\\script:a) url(\\68ttps:a) url(\\\\a)", NULL},
    {"url(/a%2) url(/a%00) url(/a%ff) url(/a\xff)", NULL},
    /* source maps */
    {"b{}\n/*# sourceMappingURL=a.map */",
	"b{}\n/*# sourceMappingURL=a.map+ */"},
    {"/*# sourceMappingURL=a.map", NULL},
    {"/*# sourceMappingURL=*/ /*# sourceURL=a*/", NULL},
    {"/*# sourceMappingURL=data:application/json;base64,a*/", NULL},
    /* unbalanced */
    {")))url(/a)", ")))url(/a+)"},
    {"((('/a'url(/a)", "((('/a'url(/a+)"},
    {"}{][url(/a)", "}{][url(/a+)"},
};

static void test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct arena arena;
		arena_init(&arena);
		const char *want = rows[i].want ? rows[i].want : rows[i].css;
		struct str got = rewritten(&arena, str_of(rows[i].css), NULL);
		if (!str_is(got, want))
			fail_msg("<%s> gave <%.*s>", rows[i].css, STR_ARG(got));
		arena_release(&arena);
	}
}

/* What is asked for: decoded paths, in their order, with their places. */
static void test_paths(void **state)
{
	(void)state;
	struct arena arena;
	struct str paths;
	arena_init(&arena);
	rewritten(&arena,
	    STR("@import 'x.css';\nb{c:url(y%20z.png?v)\n,url( \"\\77\" )}"
		"/*# sourceMappingURL=m.map */"),
	    &paths);
	if (!str_is(paths, "1:10 x.css;2:9 y z.png;3:8 w;3:36 m.map?;"))
		fail_msg("%.*s", STR_ARG(paths));
	arena_release(&arena);
}

static void test_nul(void **state)
{
	(void)state;
	static const char css[] = "\0url(/a\0)url(/a)'\0'url('/a\0')url(/a)";
	static const char want[] = "\0url(/a\0)url(/a+)'\0'url('/a\0')url(/a+)";
	struct arena arena;
	arena_init(&arena);
	struct str got = rewritten(
	    &arena, (struct str){.p = css, .n = sizeof(css) - 1}, NULL);
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

static void keeps(struct str css)
{
	struct html_refs refs = {.path = leave};
	struct buf out = {0};
	struct arena arena;

	arena_init(&arena);
	css_rewrite(&arena, css, &refs, &out);
	if (!str_eq(css, buf_str(&out)))
		fail_msg("<%.*s>", STR_ARG(css));
	buf_release(&out);
	arena_release(&arena);
}

/* Soups of tokens, and a real sheet with bytes knocked out of it. */
static void test_keeps_every_byte(void **state)
{
	(void)state;
	static const char *const bits[] = {"url(", ")", "'", "\"", "\\", "\n",
	    "/*", "*/", "a", " ", "@import", "image-set(", "(", "\xff", "?",
	    "#", "\\61 ", "\r", ",", ";", "{", "}", "type(", "-", "%2"};
	static const char sheet[] =
	    "@import url(\"a.css\") layer(b);@font-face{src:url(a.woff2)"
	    "format('woff2')}b{background:image-set('a.png' 1x,url(b) 2x)}"
	    "/*# sourceMappingURL=a.map */";
	uint32_t seed = 7;

	for (int round = 0; round < 3000; round++) {
		struct buf css = {0};
		for (int i = 0; i < 40; i++) {
			seed = seed * 1664525 + 1013904223;
			buf_puts(&css, bits[(seed >> 16) %
					    (sizeof(bits) / sizeof(bits[0]))]);
		}
		keeps(buf_str(&css));
		buf_clear(&css);
		buf_puts(&css, sheet);
		for (int i = 0; i < 4; i++) {
			seed = seed * 1664525 + 1013904223;
			css.data[(seed >> 8) % css.len] = (char)(seed >> 24);
		}
		keeps((struct str){css.data, (seed >> 4) % css.len});
		buf_release(&css);
	}
}

/* Megabytes of what never ends are read once, not n² times. */
static void test_endless(void **state)
{
	(void)state;
	static const char *const bits[] = {"(", "url(", "url(x ", "'", "'\\\n",
	    "/*", "\\", "\\a", "@import ", "@import '", "image-set(",
	    "image-set('", "a", "#", "url('", ")", "-\\-", "/*# sourceMap",
	    "@import/**/"};
	for (size_t k = 0; k < sizeof(bits) / sizeof(bits[0]); k++) {
		struct buf css = {0};
		while (css.len < 1 << 20)
			buf_puts(&css, bits[k]);
		keeps(buf_str(&css));
		buf_release(&css);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_rows),
	    cmocka_unit_test(test_paths),
	    cmocka_unit_test(test_nul),
	    cmocka_unit_test(test_keeps_every_byte),
	    cmocka_unit_test(test_endless),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("css", tests, NULL, NULL);
}
