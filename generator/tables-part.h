#ifndef LOWTIDE_GENERATOR_TABLES_PART_H
#define LOWTIDE_GENERATOR_TABLES_PART_H

#include "generator/tables.h"

/* What generator/tables*.c share: rows of a tree that is being made. */
struct tables {
	struct arena *a;
	struct value *root;
};

struct value *tables_row(struct tables *t);
struct value *tables_array(struct tables *t);
/* A value that is NULL, and a text whose p is, stand as null. */
void tables_set(
    struct tables *t, struct value *row, const char *key, struct value *value);
void tables_set_str(
    struct tables *t, struct value *row, const char *key, struct str text);
void tables_set_text(
    struct tables *t, struct value *row, const char *key, const char *text);
void tables_set_bool(
    struct tables *t, struct value *row, const char *key, bool b);
/* is_NAME: true here, false at the top. */
void tables_set_flag(struct tables *t, struct value *row, struct str name);
/* help, and sentence made of it */
void tables_set_help(struct tables *t, struct value *row, const char *help);
/* "a, b or c" */
struct str tables_enumeration(struct tables *t, const struct value *all);
/* Of "a|b|-c": those that are built. */
struct value *tables_choices(struct tables *t, const char *bars);

/* "keys" and "tables" of the root. */
void tables_put_keys(struct tables *t);

#endif
