#ifndef LOWTIDE_GENERATOR_MUSTACHE_PARSE_H
#define LOWTIDE_GENERATOR_MUSTACHE_PARSE_H

#include "lib/diag.h"
#include "lib/err.h"

/*
 * The text of one template as a tree. White space around tags that stand alone
 * on their line is gone already; comments and delimiter changes leave nothing
 * behind. Nodes are views into the text, in the arena.
 */
enum mustache_kind {
	MUSTACHE_TEXT,
	MUSTACHE_NAME,	   /* {{name}} */
	MUSTACHE_RAW,	   /* {{{name}}}, {{&name}} */
	MUSTACHE_SECTION,  /* {{#name}} */
	MUSTACHE_INVERTED, /* {{^name}} */
	MUSTACHE_PARTIAL,  /* {{>name}} */
};

struct mustache_node {
	struct mustache_node *next, *children;
	struct str text;   /* TEXT: the bytes; else the name */
	struct str indent; /* PARTIAL: what stood before it on its line */
	struct pos pos;	   /* of the tag */
	enum mustache_kind kind;
	bool told; /* a finding about it is in the list already */
};

struct mustache_source {
	struct str text;
	const char *file;
	size_t indent; /* columns that were put before each line */
};

/*
 * Lists every syntax error it can make out (`template-syntax`): tags and
 * sections that are not closed, wrong closing tags, broken names and
 * delimiters; ERR_SYNTAX then. Sections nested deeper than
 * MUSTACHE_DEPTH_MAX: `template-too-deep`, ERR_TOO_LARGE. *out is NULL for an
 * empty template.
 */
enum err mustache_parse(struct arena *a, const struct mustache_source *source,
    struct diag *diag, struct mustache_node **out)
    __attribute__((warn_unused_result));

#endif
