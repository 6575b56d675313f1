#ifndef LOWTIDE_GENERATOR_TABLES_H
#define LOWTIDE_GENERATOR_TABLES_H

#include "generator/command.h"

/*
 * What `lowtide` knows of itself, as one tree: commands and their options, and
 * the keys of a site's TOML. `lowtide tables` prints it; the manuals and the
 * completions are templates (generator/man/) filled in with it, so that a row
 * in a table is all that a new option or key needs.
 *
 * - version
 * - commands: rows of name, operands, completes, help, sentence, hidden,
 *   runs_on, has_own, own (its options), options (the common ones, too)
 * - common: options that every command has
 * - an option: name, letter, arg, choices (texts), values ("a or b"), repeats,
 *   min, max, completes, help, sentence, command, takes_value
 * - keys: all rows; a key: pattern, name, type, type_sentence, kind, choices,
 *   range, default, example, required, env_only, unkept, help, sentence,
 * page
 * - tables: rows of pattern, heading, like, sentence, page, on_site, on_api,
 *   above (keys that only hold this table), has_keys, keys
 *
 * Whatever a row has not is null. `completes` is "folders", "files",
 * "environments", "choices" or null. `page` is "site" or "api": the manual that
 * it stands in. For templates, each command, option, table and key carries a
 * member of its own name, true (is_build, is_build_out, is_api_NAME_body; `*`
 * is NAME), which is false at the top of the tree: prose about one row stands
 * between {{#is_…}} and {{/is_…}}.
 */
struct value *tables_value(
    struct arena *a, const struct command *const *commands, size_t n);

#endif
