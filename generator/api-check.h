#ifndef LOWTIDE_GENERATOR_API_CHECK_H
#define LOWTIDE_GENERATOR_API_CHECK_H

#include "lib/config.h"

/*
 * What only shows when all APIs and reads are there: two of one tag, two for
 * one request, one over the reserved PREFIX/jobs. `places` has one row per API:
 * where its path is written, or its table; `reads` one per read. Findings:
 * `path-reserved`, `path-clash`, `tag-clash`, `too-many-apis`.
 */
void api_check_together(const struct config *c, const struct pos *places,
    const struct pos *reads, struct diag *diag);
/* "/v1/bundle/{id}": whole segments, a name once, no query: `bad-path`. */
void api_check_path(struct str path, struct pos pos, struct diag *diag);
/* A header's name as RFC 9110 5.6.2 has it, that a call may set. */
bool api_is_header(struct str name);

#endif
