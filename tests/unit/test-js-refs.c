/* What a script may name, and that any bytes can be searched for it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>

#include "generator/js-refs.h"
#include "lib/buf.h"

static void keep(void *ctx, struct str path)
{
	struct buf *all = ctx;

	buf_put_str(all, path);
	buf_putc(all, ' ');
}

/* Is `path` among those found? */
static bool finds(struct str code, const char *path)
{
	struct buf all = {0};
	struct arena a;
	char wanted[2 * JS_REF_MAX];

	arena_init(&a);
	buf_putc(&all, ' ');
	js_refs(&a, code, keep, &all);
	snprintf(wanted, sizeof(wanted), " %s ", path);
	bool found = memmem(all.data, all.len, wanted, strlen(wanted)) != NULL;
	buf_release(&all);
	arena_release(&a);
	return found;
}

static void test_found(void **state)
{
	(void)state;
	static const struct {
		const char *code, *path;
	} rows[] = {
	    {"import {a} from './a.mjs';", "./a.mjs"},
	    {"import \"../a.mjs\"", "../a.mjs"},
	    {"import('/assets/a.mjs')", "/assets/a.mjs"},
	    {"import(`./a.mjs`)", "./a.mjs"},
	    {"export*from'./a.js'", "./a.js"},
	    {"new URL('img/a.png', import.meta.url)", "img/a.png"},
	    {"new URL('a.wasm', import.meta.url)", "a.wasm"},
	    {"new Worker('./w.js?x=1#y')", "./w.js"},
	    {"fetch(\"/assets/data.json\")", "/assets/data.json"},
	    {"fetch('/assets/a%20b.json')", "/assets/a b.json"},
	    {"fetch('/assets/a b.json')", "/assets/a b.json"},
	    {"x='\\/assets\\/a.png'", "/assets/a.png"},
	    {"x='./LICENSE'", "./LICENSE"},
	    /* quotes that are none must not hide the next ones */
	    {"/['\"`]/.test(x); import './a.mjs'", "./a.mjs"},
	    {"// don't\nimport './a.mjs'", "./a.mjs"},
	    {"`${x ? './a.mjs' : \"./b.mjs\"}`", "./b.mjs"},
	    {"'it\\'s'; import './a.mjs'", "./a.mjs"},
	    {"import './a.mjs';import './b.mjs'", "./b.mjs"},
	    /* other texts */
	    {"{\"icons\":[{\"src\":\"icons/192.png\"}]}", "icons/192.png"},
	    {"<svg><image href='a.png'/></svg>", "a.png"},
	    /* source maps */
	    {"x\n//# sourceMappingURL=a.mjs.map", "a.mjs.map"},
	    {"x\n//# sourceMappingURL=a.map\n", "a.map"},
	    {"/*# sourceMappingURL=a.map */", "a.map"},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (!finds(str_of(rows[i].code), rows[i].path))
			fail_msg("%s: not %s", rows[i].code, rows[i].path);
}

/* Nothing at all is found in these. */
static void test_not_found(void **state)
{
	(void)state;
	static const char *const codes[] = {"", "'", "'''", "'a'", "'.'", "''",
	    "'use strict'", "'https://a.example/x.js'", "'//a.example/x.js'",
	    "'a\nb.js'", "'%'", "'./a%2'", "'./a%00'", "'./a\xff'", "'a.b c'",
	    "'.js'", "'a.'", "'?./a.js'", "'#./a.js'",
	    "//# sourceMappingURL=", "//# sourceMappingURL= a.map",
	    "//# sourceMappingURL=data:application/json;base64,e30="};
	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
		struct buf all = {0};
		struct arena a;
		arena_init(&a);
		js_refs(&a, str_of(codes[i]), keep, &all);
		if (all.len)
			fail_msg("%s: %s", codes[i], all.data);
		buf_release(&all);
		arena_release(&a);
	}
}

static void count(void *ctx, struct str path)
{
	size_t *n = ctx;

	assert_true(path.n > 1 && path.n <= JS_REF_MAX);
	assert_false(str_find(path, '\0', 0) < path.n);
	++*n;
}

static void count_import(void *ctx, const struct js_import *import)
{
	assert_true(import->name.n > 0 && import->name.n <= JS_REF_MAX);
	if (import->path.n)
		count(ctx, import->path);
}

static void test_hostile(void **state)
{
	(void)state;
	static const char *const bits[] = {"'", "\"", "`", "'./a", "\\", "'\\",
	    "%", "./", "a.b'", "\xff", "# sourceMappingURL="};
	static const char nul[] = "'./a\0b' './c'";
	struct arena a;
	size_t n = 0;

	arena_init(&a);
	js_refs(&a, (struct str){nul, sizeof(nul) - 1}, count, &n);
	assert_int_equal(n, 1);
	for (size_t k = 0; k < sizeof(bits) / sizeof(bits[0]); k++) {
		struct buf code = {0};
		while (code.len < 1 << 20)
			buf_puts(&code, bits[k]);
		js_refs(&a, buf_str(&code), count, &n);
		js_imports(&a, buf_str(&code), count_import, &n);
		buf_release(&code);
		arena_reset(&a);
	}
	uint32_t seed = 3;
	for (int round = 0; round < 2000; round++) {
		struct buf code = {0};
		for (int i = 0; i < 30; i++) {
			seed = seed * 1664525 + 1013904223;
			buf_puts(&code, bits[(seed >> 16) %
					     (sizeof(bits) / sizeof(bits[0]))]);
		}
		js_refs(&a, buf_str(&code), count, &n);
		js_imports(&a, buf_str(&code), count_import, &n);
		buf_release(&code);
		arena_reset(&a);
	}
	arena_release(&a);
}

/* A bare name in brackets, and `?` behind what may fail without harm. */
static void keep_import(void *ctx, const struct js_import *import)
{
	struct buf *all = ctx;
	char quote = import->name.p[-1];

	assert_true(quote == '"' || quote == '\'');
	assert_int_equal(import->name.p[import->name.n], quote);
	if (import->path.n)
		buf_put_str(all, import->path);
	else
		buf_printf(all, "<%.*s>", STR_ARG(import->name));
	buf_puts(all, import->is_static ? " " : "? ");
}

static void test_imports(void **state)
{
	(void)state;
	static const struct {
		const char *code, *paths;
	} rows[] = {
	    {"import {a} from './a.mjs';", "./a.mjs "},
	    {"import\"../a.mjs\";import\"/assets/b.js?x#y\"",
		"../a.mjs /assets/b.js "},
	    {"await import( './a%20b.mjs' )", "./a b.mjs? "},
	    {"import('./a.mjs', {with: {}})", "./a.mjs? "},
	    {"export*from'./a.js'", "./a.js "},
	    {"export {a as 'b-c', default as d,} from './a.js'", "./a.js "},
	    {"import a, * as b from './a.mjs'", "./a.mjs "},
	    {"import {'b-c' as b, from} from './a.mjs'", "./a.mjs "},
	    {"import from from './a.mjs'", "./a.mjs "},
	    {"import/* x */{a}// y\nfrom\n'./a.mjs'", "./a.mjs "},
	    {"import a from './a.json' with {type: 'json'}", "./a.json "},
	    {"import './a'; import '../lib/'", "./a ../lib/ "},
	    {"const x = 'it\\'s'; import './a.mjs'", "./a.mjs "},
	    {"/['\"`]/.test(x);\nimport './a.mjs'", "./a.mjs "},
	    {"// don't\nimport './a.mjs'", "./a.mjs "},
	    {"/* ` */ import './a.mjs'", "./a.mjs "},
	    {"\xef\xbb\xbfimport './a.mjs'", "./a.mjs "},
	    {"import './a.mjs'; const caf\xc3\xa9 = 1; import './b.mjs'",
		"./a.mjs "},
	    {"import 'a.mjs'; import '/a.mjs'; import '//x/a.mjs'",
		"<a.mjs> /a.mjs "},
	    /* bare names */
	    {"import React, {useState} from 'react';", "<react> "},
	    {"import \"@a/b\"; export {c} from '#d:e'", "<@a/b> <#d:e> "},
	    {"export * as x from 'y/z?a'", "<y/z?a> "},
	    {"import('react')", ""},
	    {"import 'node:fs'; import 'https://x.example/y'; import 'a b:c'",
		""},
	    /* whoever is not sure says nothing */
	    {"// import './a.mjs'\n// import 'react'", ""},
	    {"/*\nimport './a.mjs'\n*/", ""},
	    {"`\nimport './a.mjs'\n`", ""},
	    {"`${`import x from 'react'`}import './a.mjs'`", ""},
	    {"`${x}\nimport 'react'\n${y}`", ""},
	    {"/import 'react'/; x = /[/]import 'react'/", ""},
	    {"\"import './a.mjs'\"", ""},
	    {"'import \\'./a.mjs\\''", ""},
	    {"import('./a.mjs' + x)", ""},
	    {"import(x + './a.mjs')", ""},
	    {"import(x, './a.mjs')", ""},
	    {"import(`./a.mjs`)", ""},
	    {"Array.from('./a.mjs')", ""},
	    {"x.import('./a.mjs'); x.from('react')", ""},
	    {"x.import('a')\n'./b.mjs'", ""},
	    {"import.meta.resolve('./a.mjs')", ""},
	    {"myimport('./a.mjs')", ""},
	    {"x = {import: 'react', from: 'react', export: 'react'}", ""},
	    {"x = {import() {}, from() {}}\n'react'", ""},
	    {"let y = x.from\n'react'", ""},
	    {"let from = 1, y = from\n'react'", ""},
	    {"export const a = from\n'react'", ""},
	    {"export default 'react'; export const b = 'react'", ""},
	    {"export {a}; 'react'", ""},
	    {"export function from() { return 'react' }", ""},
	    {"new URL('./a.mjs', import.meta.url)", ""},
	    {"import 'https://x.example/a.mjs'", ""},
	    {"import('./a.json'); import('./a'); import('')", ""},
	    {"import ''; import 'a\x01b'; import '\ta'", ""},
	    {"'./a.mjs'", ""},
	    {"import './a.mjs", ""},
	    {"import './a\\x2emjs.mjs'; import 're\\x61ct'", ""},
	    {"#!/usr/bin/env node\nimport 'react'", ""},
	    {"} / 1 / import 'react'", ""},
	    {"x = {} / 1 / 2; import 'react'", ""},
	    {"import", ""},
	    {"import(", ""},
	    {"/*", ""},
	    {"`\\", ""},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct buf all = {0};
		struct arena a;
		arena_init(&a);
		js_imports(&a, str_of(rows[i].code), keep_import, &all);
		if (!str_is(buf_str(&all), rows[i].paths))
			fail_msg("%s: %s", rows[i].code, all.data);
		buf_release(&all);
		arena_release(&a);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_found),
	    cmocka_unit_test(test_not_found),
	    cmocka_unit_test(test_hostile),
	    cmocka_unit_test(test_imports),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("js-refs", tests, NULL, NULL);
}
