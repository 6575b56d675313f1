#ifndef LOWTIDE_GENERATOR_ESCAPE_H
#define LOWTIDE_GENERATOR_ESCAPE_H

#include "generator/mustache.h"
#include "lib/buf.h"

/*
 * Text made safe for the place it is written to. Each escaper is for the
 * inside of quotes (HTML: also for text between tags) and never adds the
 * quotes itself.
 *
 * False when the text holds a character the format has no spelling for: `$`
 * or a control character in an nginx string (nginx would take `$` for a
 * variable, and has no escape for it). It is left out then.
 */
bool escape_put(struct buf *out, enum mustache_escape how, struct str s)
    __attribute__((warn_unused_result));

/* "html", "js", …; ESCAPE_COUNT when there is no such. */
enum mustache_escape escape_named(struct str name);

#endif
