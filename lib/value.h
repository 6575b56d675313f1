#ifndef LOWTIDE_LIB_VALUE_H
#define LOWTIDE_LIB_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/arena.h"
#include "lib/diag.h"
#include "lib/str.h"

/*
 * One tree for everything that is read: TOML (generator/toml.h), JSON
 * (lib/json.h), and whatever a template is rendered with. Each value knows
 * where it stands in its file, so that any later finding can name the place.
 *
 * Trees live in one arena and are never freed value by value. Tables keep the
 * order in which their members were set; keys are unique, and found at once in
 * however wide a table that value_set() made.
 */
enum value_kind {
	VALUE_NULL,
	VALUE_BOOL,
	VALUE_INT,   /* .i; text keeps the source's spelling if any */
	VALUE_FLOAT, /* .f; text likewise: 1.10 stays 1.10 */
	VALUE_STRING,
	VALUE_DATETIME, /* text: RFC 3339, as TOML writes it */
	VALUE_ARRAY,
	VALUE_TABLE,
};

struct value;
struct member {
	struct str key;
	struct pos pos; /* of the key */
	struct value *value;
};

struct value {
	enum value_kind kind;
	bool from_env;	 /* it, or what it was made of, came from outside */
	bool broken;	 /* something is wrong with it or below, and was said */
	bool doubtful;	 /* a table: an unknown key may be a misspelt one */
	bool indexed;	 /* a table: value.c's own; members are found by hash */
	struct pos pos;	 /* of the value */
	struct str text; /* STRING, DATETIME: the text. Numbers: their source */
	union {
		bool b;
		int64_t i;
		double f;
		struct {
			struct value **items;
			size_t n, cap;
		} array;
		struct {
			struct member *members;
			size_t n, cap;
		} table;
	} as;
};

struct value *value_new(struct arena *a, enum value_kind kind, struct pos pos);
struct value *value_string(struct arena *a, struct str text, struct pos pos);
struct value *value_int(struct arena *a, int64_t i, struct pos pos);
struct value *value_float(struct arena *a, double f, struct pos pos);
struct value *value_bool(struct arena *a, bool b, struct pos pos);

void value_push(struct arena *a, struct value *array, struct value *item);
/* Replaces a member of that name or appends one. The key is not copied. */
void value_set(struct arena *a, struct value *table, struct str key,
    struct pos key_pos, struct value *item);
/* NULL when it is not a table or has no such member; NULL table allowed. */
struct value *value_get(const struct value *table, const char *key);
struct member *value_member(const struct value *table, struct str key);
/* value_path(v, "oauth.cognito.kind"): by dots; NULL where a part is missing */
struct value *value_path(const struct value *table, const char *dotted);
/* The text of a string member, or the empty view. */
struct str value_text(const struct value *table, const char *key);

/* "a string", "a table": for messages. */
const char *value_kind_name(enum value_kind kind);
/*
 * A scalar as a person would write it (numbers as in their source), into the
 * arena; the empty view for null, arrays and tables.
 */
struct str value_spell(struct arena *a, const struct value *scalar);

#endif
