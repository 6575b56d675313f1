#ifndef LOWTIDE_CGI_JOBS_H
#define LOWTIDE_CGI_JOBS_H

#include "cgi/report.h"
#include "cgi/start.h"

/*
 * lowtide-jobs, the operator's tool. A command is a row of jobs.def: a name,
 * its options, and a function in one of jobs-*.c. What only reads opens the
 * store with STORE_SHOWS and changes not even a lock file; what changes
 * something opens one that is there (jobs_open()), never makes one.
 *
 * Data goes into .out, which main() writes to stdout in the end; what is said
 * to a person goes to stderr.
 */
struct jobs {
	struct start start;
	struct opt_result found;
	struct buf out;
};

#define COMMAND(symbol, name, operand, fewest, most, help)                     \
	extern const struct opt jobs_##symbol##_options[];                     \
	enum err jobs_##symbol(struct jobs *run)                               \
	    __attribute__((warn_unused_result));
#include "cgi/jobs.def"
#undef COMMAND

/* A store that is there, to be written to: a wrong folder is told. */
enum err jobs_open(struct jobs *run) __attribute__((warn_unused_result));
/* The body as it was before it was sealed; ERR_NOT_FOUND when there is none. */
enum err jobs_body(struct jobs *run, const struct job *job, enum body_kind kind,
    struct str *plain) __attribute__((warn_unused_result));

#endif
