#ifndef LOWTIDE_GENERATOR_READ_MAKE_H
#define LOWTIDE_GENERATOR_READ_MAKE_H

#include "generator/api-make.h"

/*
 * What the files that compile one [read.X] share: read.c (the read itself, and
 * all of them), read-ids.c, read-call.c, read-place.c (templates), read-needs.c
 * (which call needs which), read-shape.c, read-job.c (as which API it is a
 * job). A reading looks at one read; its making at whatever table is looked at
 * just now.
 */
struct reading {
	struct making *m;
	struct read *read;
	struct str own;			 /* its path without the prefix */
	const struct value *table;	 /* [read.X] */
	const char *base;		 /* "read.X" */
	const struct value *ids, *calls; /* below it; NULL: none */
	size_t n_ids, n_calls;
	/* [i * n_calls + j]: call i is made after call j, whose result it
	   has in it; [i * n_ids + j]: it has those identifiers in it */
	bool *needs, *names;
	bool *ids_used;	  /* by a call or the shape */
	bool *by_used;	  /* of a call: somebody looks into its records */
	bool is_doubtful; /* something that is missing may be misspelt */
};

/* m looks at the table of one name below "ids" or "call", at it itself. */
void reading_look(
    struct reading *r, const char *kind, const struct member *one);
void reading_look_back(struct reading *r);
/* Their place among the read's; n_ids, n_calls: there is none. */
size_t reading_ids(const struct reading *r, struct str name);
size_t reading_call(const struct reading *r, struct str name);

/* Rows of config.read_ids and config.read_calls, and what is wrong. */
void reading_make_ids(struct reading *r);
void reading_make_calls(struct reading *r);
/*
 * The text of call `at` with canonical places: {NAME} becomes {id.NAME} or
 * {path.NAME}. What it needs is noted. Findings: `read-place`, and those of
 * api-template.h.
 */
struct str reading_template(struct reading *r, size_t at,
    enum api_template where, struct str text, struct pos pos);
/* Nothing needs itself, over however many; `read-cycle`. */
void reading_check_needs(struct reading *r);
/* `shape` as JSON; `read-shape`, `bad-json`. */
void reading_make_shape(struct reading *r);
/* The API that it is as a job, if it may become one; `name-taken`. */
void reading_make_job(struct reading *r, struct pos *places);
/* What nobody looks at, once all is known; warnings. */
void reading_check_unused(struct reading *r);

#endif
