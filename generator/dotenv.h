#ifndef LOWTIDE_GENERATOR_DOTENV_H
#define LOWTIDE_GENERATOR_DOTENV_H

#include "generator/build.h"
#include "generator/provider.h"

/*
 * [dotenv.NAME]: a file of KEY=VALUE lines, for pages that load such a one,
 * and, where `script` asks for it, the same as a classic script.
 *
 *	# comment, a line each
 *	                              an empty line before each group but the
 *	KEY=VALUE                     first thing in the file
 *
 * Lines end in LF. Values stand as they are, without quotes or escapes, since
 * loaders do not agree on those: so one with a line break, another control
 * character, or white space at an edge cannot be written.
 *
 * dotenv.c reads the tables, dotenv-groups.c their keys, dotenv-values.c and
 * dotenv-provider.c what those name; dotenv-text.c holds texts against the
 * format; classic.c makes the script.
 */
struct dotenv_providers {
	enum err err; /* ERR_INPUT: others were refused, and that was told */
	struct oauth_provider *list;
	size_t n;
};

/* One table at work. */
struct dotenv {
	struct build *b;
	struct str name;	   /* of the table */
	const struct value *table; /* [dotenv.NAME] */
	const struct dotenv_providers *providers;
	struct value *seen; /* its keys */
	struct buf out;
	struct value *entries; /* {key, text} of each line, in their order */
	bool from_env;
};

/*
 * Appends the groups to out and entries. Findings: `wrong-type`, `bad-name`,
 * `key-clash`, `secret-present`, `env-unrepresentable`, and those below.
 */
void dotenv_groups(struct dotenv *d);

/*
 * What the value of a key names: "public.x", "base_url", "oauth.NAME.FIELD",
 * "oauth.NAME:VARIANT.FIELD", as one scalar. NULL after a finding, or where
 * one was told when the site was read. Findings: `wrong-type`, `not-public`,
 * `env-unrepresentable`, `secret-present`, `unknown-provider`,
 * `unknown-variant`, `unknown-field`, `empty-field`.
 */
const struct value *dotenv_value(struct dotenv *d, const struct value *name);
/* The same of "oauth.…" alone. */
const struct value *dotenv_of_provider(
    struct dotenv *d, const struct value *name);

/* What keeps a text from being one line, "a line break"; NULL: nothing. */
const char *dotenv_wrong_with_line(struct str text);
/* The same of a value, which has no white space at its edges either. */
const char *dotenv_wrong_with_value(struct str text);

#endif
