#ifndef LOWTIDE_GENERATOR_RUN_REFERENCE_H
#define LOWTIDE_GENERATOR_RUN_REFERENCE_H

#include "lib/diag.h"
#include "lib/err.h"
#include "lib/value.h"

/*
 * `{run.NAME.url}`: the address of a helper that [serve.run.NAME] declares. It
 * may stand in the `base` of an upstream, in the `check` of [web_server] and in
 * every text below [oauth], the variants too. `lowtide serve` alone knows what
 * it is; everywhere else it is a finding, because what was built with it would
 * point at nothing.
 */
struct run_helper {
	const char *name, *url;
};

/*
 * Puts the addresses of these where they are asked for; what was filled counts
 * as coming from the environment. `helper-not-running` (ERR_INPUT) for one that
 * is declared but is not among them; those that nobody declares stay.
 */
enum err run_references_fill(struct arena *a, struct value *root,
    const struct run_helper *helpers, size_t n, struct diag *diag)
    __attribute__((warn_unused_result));

/*
 * Before anything is made of the tree: `run-reference` (ERR_INPUT) for what is
 * left, but silence under `lowtide serve` (`serving`) about a helper that is
 * declared: it will run, or it was told that it does not. Each gives way to an
 * address that is as good as any, so that the rest can be looked at.
 */
enum err run_references_check(struct arena *a, struct value *root, bool serving,
    struct diag *diag) __attribute__((warn_unused_result));

#endif
