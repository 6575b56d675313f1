#ifndef LOWTIDE_GENERATOR_PAGES_H
#define LOWTIDE_GENERATOR_PAGES_H

#include "generator/answers.h"
#include "generator/html.h"
#include "generator/lookup.h"
#include "lib/fs.h"

/* A page on its way: between pages.c, which makes it, and page-refs.c. */
struct page {
	const struct fs_entry *entry; /* NULL: a built-in one */
	const char *file;	      /* for findings */
	struct str own;	 /* as its file is called: "guide/start.html" */
	struct str name; /* as it is published: "guide/start/index.html" */
	bool is_template;
	bool is_second; /* the same file under another name */
	/* what a worker leaves */
	bool is_good, from_env;
	struct digest digest;
	struct buf named; /* by its scripts: logical paths, NUL behind each */
};
struct pages {
	struct build *b;
	bool quiet;	 /* no warnings of references */
	bool own_policy; /* server_has_own_policy() */
	struct page *list;
	size_t n;
	struct lookup by_name;
	struct lookup by_own; /* those that have no file of that name */
	uint64_t names;	      /* as answers have it */
	struct value *data;
	struct str prefix; /* of the APIs: asked for at each reference */
};

/* One page in a worker. */
struct making {
	struct pages *pages;
	struct page *page;
	struct arena *arena;
	struct diag *diag;
	struct str source; /* as it is in the file */
	struct str html;   /* rendered */
	struct answers answers;
	bool tells; /* there is something to be told of it each time */
};

bool pages_have(const struct pages *pages, struct str name);
/*
 * Where `at` in the page's HTML was written. A template's line is found by
 * `text`, which stands there; one that came out of a value has no line.
 */
struct pos page_place(const struct making *m, struct str text, const char *at);
/* Warns of it, if browsers will. page-inline.c; ctx is a struct making. */
void page_inlined(void *ctx, const struct html_inline *what);
/* Appends the page's HTML with its references rewritten, and the import map. */
void page_rewrite(struct making *m, struct buf *out);

#endif
