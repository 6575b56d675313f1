#ifndef LOWTIDE_GENERATOR_MUSTACHE_H
#define LOWTIDE_GENERATOR_MUSTACHE_H

#include "lib/buf.h"
#include "lib/diag.h"
#include "lib/err.h"
#include "lib/value.h"

/*
 * Mustache, the whole core specification: comments, delimiters, interpolation,
 * inverted sections, partials, sections. Pure: text and a value tree in, bytes
 * out. Unlike most, it says where a template names something that is not
 * there: the first or any later part of a dotted name missing is `unknown-name`
 * (null, false and empty are known), with the template's file:line:column.
 *
 * What the specification leaves open: a section is left out for null, false,
 * an empty string and an empty array; 0 and an empty table count as something.
 * Null is written as nothing. A table or an array cannot be written as text.
 * An indented partial has its indentation put before every line of its text
 * that is not empty.
 */
#define MUSTACHE_DEPTH_MAX 64 /* sections and partials, nested */
#define MUSTACHE_OUTPUT_MAX ((size_t)256 * 1024 * 1024)
#define MUSTACHE_PARTIALS_MAX 1024 /* different ones in one run */
/* Bytes of all partials together, each counted once per indentation. */
#define MUSTACHE_PARTIAL_BYTES_MAX ((size_t)64 * 1024 * 1024)
/* Tags and pieces of text written: a template may loop without output. */
#define MUSTACHE_STEPS_MAX ((size_t)100 * 1000 * 1000)

/* How {{name}} is written; {{{name}}} and {{&name}} are written as they are. */
enum mustache_escape {
	ESCAPE_NONE,
	ESCAPE_HTML,   /* & < > " ' */
	ESCAPE_JS,     /* inside a quoted JavaScript string */
	ESCAPE_JSON,   /* inside a quoted JSON string */
	ESCAPE_NGINX,  /* inside a double-quoted nginx string */
	ESCAPE_APACHE, /* the same of Apache, of lighttpd */
	ESCAPE_LIGHTTPD,
	ESCAPE_ROFF,  /* in a manual: text, and inside a quoted argument */
	ESCAPE_SHELL, /* inside a single-quoted word of a shell */
	ESCAPE_COUNT
};

struct mustache_options {
	enum mustache_escape escape;
	bool lenient; /* unknown names and missing partials are empty */
	/*
	 * The text of {{>name}}; false when there is none. *file names it in
	 * findings. NULL: there are no partials. Text and file must live as
	 * long as the arena. Asked once for each name and indentation.
	 */
	bool (*partial)(
	    void *ctx, struct str name, struct str *text, const char **file);
	/*
	 * A name that is not there: true when it has told why itself. NULL: it
	 * is `unknown-name`. Asked once for each place.
	 */
	bool (*unknown)(void *ctx, struct str name, struct pos pos);
	void *ctx;
	size_t output_max; /* bytes; 0 = MUSTACHE_OUTPUT_MAX */
};

/*
 * Appends to out. All findings of one template are listed, not only the first,
 * each place once: `template-syntax`, `unknown-name`, `missing-partial`,
 * `not-text` (a table or an array where text is written), `not-expressible`
 * (a character that the escape has no way to write), `template-too-deep`,
 * `template-too-large`. ERR_SYNTAX, ERR_INPUT or ERR_TOO_LARGE then; out is
 * left as far as it came. *used_env (may be NULL) is set when a value that
 * came from the environment was written or decided a section; it is never
 * cleared.
 */
enum err mustache_render(struct arena *a, struct str text, const char *file,
    const struct value *data, const struct mustache_options *options,
    struct diag *diag, struct buf *out, bool *used_env)
    __attribute__((warn_unused_result));

#endif
