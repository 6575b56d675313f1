#ifndef LOWTIDE_GENERATOR_HTML_PATH_H
#define LOWTIDE_GENERATOR_HTML_PATH_H

#include <stdbool.h>

#include "lib/buf.h"

/* The value of an attribute that names a file, taken apart and written. */

/*
 * Appends the value's path to `path`, entities decoded (%XX not), and returns
 * how many bytes of the value it was; query and fragment are what follows.
 */
size_t html_split_path(struct str value, struct buf *path);
/* Nothing of this site: "https:", "data:", "mailto:", "//host", or empty. */
bool html_is_elsewhere(struct str path);
/* A path as it may stand in any attribute, with quotes or without. */
void html_put_path(struct buf *out, struct str path);

#endif
