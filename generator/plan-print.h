#ifndef LOWTIDE_GENERATOR_PLAN_PRINT_H
#define LOWTIDE_GENERATOR_PLAN_PRINT_H

#include "generator/plan.h"
#include "lib/value.h"

/* A plan as people, scripts and programs want it. All append to `out`. */

/* For people: what, why and how much, step by step. */
void plan_print_text(const struct plan *plan, const struct plan_input *input,
    bool colour, struct buf *out);

/* One of its lists, an entry a line, or each with a NUL behind it. */
enum plan_list { PLAN_UPLOAD, PLAN_DELETIONS, PLAN_INVALIDATE };
/* step: PLAN_STEP_COUNT = all of them. */
void plan_print_paths(const struct plan *plan, enum plan_list list,
    enum plan_step step, char end, struct buf *out);

/*
 * A shell script of `aws` commands, one a change. A distribution (NULL: none)
 * takes AWS_PATHS_MAX paths at once; more of them are one for everything.
 */
#define AWS_PATHS_MAX 3000
struct plan_aws {
	const char *www;	  /* the folder of the files */
	struct str bucket;	  /* "s3://name" or "s3://name/prefix" */
	const char *distribution; /* may be NULL */
};
void plan_print_aws(
    const struct plan *plan, const struct plan_aws *aws, struct buf *out);

/* {"release", "previous", "uploads", "deletes", "invalidations", …} */
struct value *plan_value(
    struct arena *a, const struct plan *plan, const struct plan_input *input);

#endif
