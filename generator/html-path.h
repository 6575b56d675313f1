#ifndef LOWTIDE_GENERATOR_HTML_PATH_H
#define LOWTIDE_GENERATOR_HTML_PATH_H

#include <stdbool.h>

#include "generator/html.h"

/* A value that names a file, taken apart, asked about and written. */

/*
 * Appends the value's path to `path`, entities decoded (%XX not), and returns
 * how many bytes of the value it was; query and fragment are what follows.
 */
size_t html_split_path(struct str value, struct buf *path);
/* All of it, entities decoded; what html_put_text() writes for attributes. */
void html_decode(struct str value, struct buf *out);
void html_put_text(struct buf *out, struct str text);
/* Nothing of this site: "https:", "data:", "mailto:", "//host", or empty. */
bool html_is_elsewhere(struct str path);
/*
 * Asks the hook, if the path (%XX still in it) is one of this site. The empty
 * view leaves it as it is.
 */
struct str html_ask(
    struct arena *a, const struct html_refs *refs, struct html_ref ref);
/*
 * A path as it may stand in any attribute, with quotes or without, in srcset
 * and in CSS.
 */
void html_put_path(struct buf *out, struct str path);

#endif
