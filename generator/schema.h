#ifndef LOWTIDE_GENERATOR_SCHEMA_H
#define LOWTIDE_GENERATOR_SCHEMA_H

#include "lib/diag.h"
#include "lib/err.h"
#include "lib/value.h"

/*
 * What a catalogue may hold: [catalogue.NAME.schema], one rule a key.
 *
 *	[catalogue.products.schema]
 *	currency = { type = "string", enum = ["GBP"], required = true }
 *	"bundles.*.price" = { type = "integer", min = 0, required = true }
 *	"bundles.*.name" = "string"
 *	"bundles.*.activities.*" = { references = "activities.*" }
 *	"activities.*.requires" = "array"
 *
 * A key is a path by dots; `*` is any name in a table and any item of an array.
 * A word alone is a type. A table that rules go below may hold nothing else
 * (`version` it always may); one that none goes below may hold anything. What
 * `required` asks for is missing only where its parent is there.
 *
 *   type        one of the words of schema_types
 *   required    must be there; of a `*`: one at least
 *   enum        one of these
 *   pattern     a POSIX extended regular expression for all of a string
 *   min, max    of numbers; of the characters of a string, the items of an
 *               array, the members of a table
 *   unique      no two that its last `*` stands for are equal
 *   references  a path whose values it must be one of; where that ends in the
 *               `*` of a table, its names
 *
 * A rule that is wrong is `bad-schema`, where it stands. A catalogue that does
 * not keep to a rule is, where the value stands: `unknown-key`, `missing-key`,
 * `wrong-type`, `bad-value` (enum, pattern, min, max), `not-unique`,
 * `unknown-reference`. All of them are told.
 */
#define SCHEMA_RULES_MAX 1000
#define SCHEMA_PARTS_MAX 16
#define SCHEMA_PATTERN_MAX 256 /* bytes of an expression */
#define SCHEMA_REPEAT_MAX 1000 /* its counts multiplied: a{9}{9} is 81 */
#define SCHEMA_TEXT_MAX ((size_t)64 * 1024) /* bytes of what it is held to */

enum schema_type {
	SCHEMA_ANY,
	SCHEMA_STRING,
	SCHEMA_INTEGER,
	SCHEMA_NUMBER, /* an integer too */
	SCHEMA_BOOLEAN,
	SCHEMA_DATE, /* any of TOML's dates and times */
	SCHEMA_ARRAY,
	SCHEMA_TABLE,
	SCHEMA_TYPE_COUNT
};
extern const char *const schema_types[SCHEMA_TYPE_COUNT];

struct schema_path {
	struct str parts[SCHEMA_PARTS_MAX];
	size_t n;
};
struct schema_rule {
	struct str text; /* as it was written, for findings */
	struct schema_path path;
	struct pos pos;
	enum schema_type type;
	bool required, unique;
	const struct value *choices;   /* NULL: any */
	const struct value *min, *max; /* NULL: none */
	const char *pattern;
	struct str references;
	struct schema_path target; /* n 0: none */
};
struct schema {
	struct arena *arena;
	struct schema_rule *rules;
	size_t n;
};

/* The rules. `bad-schema`, ERR_INPUT; the good ones are there even then. */
enum err schema_read(struct arena *a, const struct value *table,
    struct diag *diag, struct schema *out) __attribute__((warn_unused_result));
/* Holds a catalogue to them; its findings are in diag. */
void schema_check(
    const struct schema *s, const struct value *catalogue, struct diag *diag);

#endif
