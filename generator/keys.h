#ifndef LOWTIDE_GENERATOR_KEYS_H
#define LOWTIDE_GENERATOR_KEYS_H

#include "generator/outside.h"
#include "lib/diag.h"
#include "lib/err.h"
#include "lib/value.h"

/*
 * The key table (generator/keys.def): what may stand in a site's TOML, of
 * which type, with which default. One walk over the merged tree finds every
 * key that is unknown, misspelt, of the wrong type or missing, and puts the
 * values of `{ env = "X" }` in their places.
 */
enum key_kind {
	KEY_TABLE,
	KEY_LIKE, /* a table with the keys of the row named by arg */
	KEY_ANY,  /* whatever; `{ env = … }` is resolved at any depth */
	KEY_STRING,
	KEY_URL, /* absolute, http or https */
	KEY_BOOL,
	KEY_INT,
	KEY_DURATION, /* "10m" */
	KEY_SIZE,     /* "64KiB" */
	KEY_RATE,     /* "150/m" */
	KEY_ENUM,
	KEY_ENUMS,   /* an array of them */
	KEY_STRINGS, /* an array of strings */
	KEY_MAP,     /* any names, strings as values */
	KEY_KIND_COUNT
};
enum key_flag {
	KEY_REQUIRED = 1,
	KEY_ENV_ONLY = 2, /* may stand in env/NAME.toml (or --set) only */
	KEY_RAW = 4,	  /* its producer looks for placeholders itself */
};
struct key {
	const char *pattern;
	enum key_kind kind;
	const char *arg, *fallback;
	unsigned flags;
	const char *help;
};
#define KEY_NAME_MAX 64 /* characters of a name people choose */

extern const struct key key_rows[]; /* .pattern NULL ends */

/* A row's own part behind its parent's pattern; NULL if it is no child. */
const char *key_part(const struct key *row, const char *parent);
/* The pattern that the keys of a row's table stand below. */
const char *key_below(const struct key *row);
/* The row of one key of the table at `parent` ("" = the root). */
const struct key *key_child(const char *parent, struct str name);
/* The row of a path by dots, "api.export.deadline"; NULL when unknown. */
const struct key *key_find(const char *dotted);

/*
 * Holds the table against the tree; the tree is changed where a reference was
 * resolved or a word became the number or truth value its row asks for
 * (--set and the environment only have words). Variables are looked up
 * `outside`.
 *
 * Findings: `unknown-key`, `wrong-type`, `bad-value`, `bad-name`,
 * `missing-key`, `env-missing`, `env-only`, `placeholder`,
 * `not-text`.
 */
void key_check(struct arena *a, struct value *root,
    const struct outside *outside, struct diag *diag);
/*
 * After findings: what key_check() marked as broken gets its default, or
 * nothing at all of the right type, so that whoever looks for more that is
 * wrong can trust the types. Marks stay: a broken table is not looked into, or
 * without what is broken in it (provider_table_sound()), and nothing is missed
 * in a doubtful one, which has a key nobody knows.
 */
void key_mend(struct arena *a, struct value *root);

/* Up to KEY_NAME_MAX of a-z, 0-9, - and _, a letter or digit first. */
bool key_is_name(struct str s);
/* True for `{ env = "X" }` and `{ file = "X" }`: one member, a string. */
bool key_is_reference(const struct value *v);
/* Empty, `${…}`, or to-do (in capitals) as its first word. */
bool key_is_placeholder(struct str text);

#endif
