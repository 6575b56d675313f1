#ifndef LOWTIDE_GENERATOR_REFERENCE_H
#define LOWTIDE_GENERATOR_REFERENCE_H

#include "lib/arena.h"

/*
 * Paths as pages write them. A logical path is what a reference means on the
 * site: absolute, "." and ".." resolved; it names what is published, whatever
 * its name is by then ("/assets/app.css" → "/assets/app.3f9a2c71d0.css").
 */

/*
 * `path` on the page `page` ("guide/start.html") as a logical path; a folder
 * keeps its last slash (RFC 3986 5.2.4). No ".." leads above the site.
 */
struct str reference_resolve(struct arena *a, struct str page, struct str path);
/*
 * What to write instead of `path`. A relative reference stays one where only
 * the file's own name has changed.
 */
struct str reference_rename(
    struct arena *a, struct str path, struct str logical, struct str published);

#endif
