#ifndef LOWTIDE_LIB_OPT_H
#define LOWTIDE_LIB_OPT_H

#include <stdio.h>

#include "lib/arena.h"
#include "lib/diag.h"
#include "lib/err.h"
#include "lib/value.h"

/*
 * Command lines from tables. A program (or one command of it) declares its
 * options as rows; parsing, `--help` and the manual walk the same rows.
 *
 * What is understood: -x, -xy for two flags, -x VALUE, -xVALUE, --long,
 * --long VALUE, --long=VALUE, -- ends the options (and is nobody's value);
 * options may stand after operands. No abbreviations.
 */
enum opt_kind {
	OPT_FLAG,     /* present or not */
	OPT_STRING,   /* const char * */
	OPT_INT,      /* a whole number within [min, max] */
	OPT_DURATION, /* as lib/units.h, in milliseconds */
	OPT_LIST,     /* may be repeated */
};

struct opt {
	const char *name; /* "env": --env without the dashes */
	char letter;	  /* 'e', or 0 */
	enum opt_kind kind;
	const char *arg;     /* "NAME" in the help; NULL for flags */
	const char *help;    /* one line */
	int64_t min, max;    /* OPT_INT only; both 0 = any */
	const char *choices; /* OPT_STRING only: "text|github"; NULL = any */
};

/* What was found; one per row, in the rows' order. */
struct opt_value {
	bool given;
	const char *string; /* the last one given */
	int64_t number;	    /* OPT_INT, OPT_DURATION */
	const char **list;  /* OPT_LIST */
	size_t n;
};

struct opt_result {
	struct opt_value *values;
	const char **operands;
	size_t n_operands;
	const char *
	    *rest; /* what stood behind "--", NULL when there was none */
	size_t n_rest;
};

/*
 * argv[0] is skipped. Rows end with {.name = NULL}. ERR_USAGE with findings
 * (`unknown-option` names the nearest one, `option-needs-value`,
 * `bad-value`). After ERR_USAGE the result holds what was good, for telling
 * how the findings are to be printed, and no more than that.
 */
enum err opt_parse(struct arena *a, const struct opt *rows, int argc,
    char *const argv[], struct diag *diag, struct opt_result *out)
    __attribute__((warn_unused_result));
/* The rows as help lines: "  -e, --env NAME   which environment". */
void opt_help(const struct opt *rows, FILE *out);
/*
 * The candidate nearest to `word` by edit distance, NULL if none is near
 * enough to be a slip of the finger. For keys, commands, options, names.
 */
const char *opt_nearest(
    struct str word, const char *const *candidates, size_t n);

#endif
