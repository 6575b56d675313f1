#ifndef LOWTIDE_GENERATOR_SOURCES_H
#define LOWTIDE_GENERATOR_SOURCES_H

#include "generator/build.h"
#include "lib/fs.h"

/*
 * The files of one folder of the site that are published, in byte order of
 * their paths: all but those below a name that begins with a dot, each of which
 * is the warning `dot-file` unless it is what tools leave behind. `well_known`:
 * .well-known/ at the top is none of them (RFC 8615). A missing folder is an
 * empty one; after an error the list is good as far as it goes.
 */
enum err sources_list(struct build *b, const char *folder, bool well_known,
    struct fs_list *out) __attribute__((warn_unused_result));

/* All of them, and nothing is said of their names. Not to be changed. */
enum err sources_all(struct build *b, const char *folder, struct fs_list *out)
    __attribute__((warn_unused_result));

#endif
