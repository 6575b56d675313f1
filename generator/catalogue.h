#ifndef LOWTIDE_GENERATOR_CATALOGUE_H
#define LOWTIDE_GENERATOR_CATALOGUE_H

#include "generator/site.h"

/*
 * Catalogues: data with a version. [catalogue.plans] publishes
 * catalogue/plans.toml, whose top-level `version` (semver 2.0.0) is in its
 * published name, so what was published once never changes:
 *
 *   plans-v1.1.0.toml   exactly the bytes of the source
 *   plans-v1.1.0.json   the same as canonical JSON (generator/canon.h)
 *   plans.json          the pointer: {"name","version","url","integrity"} of
 *                       the .json; the only one with a short cache
 */

/*
 * Fills site->catalogues from the declared tables. Findings:
 * `catalogue-missing`, `catalogue-version`, and the warning
 * `catalogue-not-declared` for a file that nothing publishes.
 * ERR_IO where one could not be read, else ERR_OK: the findings tell the rest.
 */
enum err catalogues_load(struct arena *a, struct site *site, struct diag *diag);
/* MAJOR.MINOR.PATCH with optional -pre and +build (semver.org, 2.0.0). */
bool catalogue_is_semver(struct str version);

#endif
