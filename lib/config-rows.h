#ifndef LOWTIDE_LIB_CONFIG_ROWS_H
#define LOWTIDE_LIB_CONFIG_ROWS_H

#include "lib/config.h"

/*
 * lib/config.def as tables, for those who treat all members alike: config.c
 * writes and reads them, config-merge.c copies and compares them. Nobody else
 * includes this.
 *
 * The lists of a configuration are rows, too. Adding one? Its rows in
 * config.def, a row here, its two members in struct config, and what is wrong
 * with it in config.c's check().
 */
enum config_kind {
	KIND_STR,      /* struct str */
	KIND_STRS,     /* struct strs: an array of strings */
	KIND_PAIRS,    /* struct pairs: an object of strings */
	KIND_INT,      /* int64_t, never negative */
	KIND_BOOL,     /* bool */
	KIND_PATTERNS, /* unsigned: bits, as an array of pattern names */
	KIND_ENUM,     /* an enum, by name */
};
struct config_row {
	const char *name; /* in JSON; NULL ends */
	enum config_kind kind;
	size_t offset;		  /* in its struct */
	const char *const *names; /* KIND_ENUM */
};
extern const struct config_row config_top_rows[], config_api_rows[];

/* An array of structs: two members of struct config, items and how many. */
struct config_list {
	const char *name; /* in JSON; NULL ends */
	const struct config_row *rows;
	size_t size;		/* of one */
	size_t items, n_items;	/* offsets */
	bool is_always_written; /* even if empty */
};
extern const struct config_list config_lists[]; /* as they are written */
void *config_items(
    const struct config *config, const struct config_list *list, size_t *n);
void config_set_items(struct config *config, const struct config_list *list,
    void *items, size_t n);

#endif
