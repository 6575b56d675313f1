#ifndef LOWTIDE_TESTS_FUZZ_REWRITES_H
#define LOWTIDE_TESTS_FUZZ_REWRITES_H

#include "generator/html.h"
#include "lib/str.h"
#include "tests/fuzz/fuzz.h"

/*
 * What holds of whoever rewrites references, for any bytes. A text that no
 * reference is replaced in comes out as it went in; what is replaced stays one
 * value; and of what a rewritten text refers to nothing is lost: reading it
 * again finds as many references.
 */
struct rewrites_seen {
	size_t n;
	bool replace;
};

static struct str rewrites_path(void *ctx, const struct html_ref *ref)
{
	struct rewrites_seen *seen = ctx;

	fuzz_must(ref->path.n > 0);
	seen->n++;
	return seen->replace ? STR("/assets/x.0123456789.css")
			     : (struct str){0};
}

static void rewrites_hold(
    struct str text, void (*rewrite)(struct arena *a, struct str text,
			 const struct html_refs *refs, struct buf *out))
{
	struct arena a;
	struct buf same = {0}, changed = {0}, again = {0};
	struct rewrites_seen as_is = {0}, replaced = {.replace = true},
			     after = {0};
	struct html_refs refs = {
	    .path = rewrites_path, .base_url = STR("https://a.example")};

	arena_init(&a);
	refs.ctx = &as_is;
	rewrite(&a, text, &refs, &same);
	fuzz_must(str_eq(buf_str(&same), text));
	refs.ctx = &replaced;
	rewrite(&a, text, &refs, &changed);
	fuzz_must(as_is.n == replaced.n);
	refs.ctx = &after;
	rewrite(&a, buf_str(&changed), &refs, &again);
	fuzz_must(after.n == replaced.n);
	fuzz_must(str_eq(buf_str(&again), buf_str(&changed)));
	buf_release(&same);
	buf_release(&changed);
	buf_release(&again);
	arena_release(&a);
}

#endif
