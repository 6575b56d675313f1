#ifndef LOWTIDE_GENERATOR_MEMO_H
#define LOWTIDE_GENERATOR_MEMO_H

#include "generator/hash.h"
#include "lib/fs.h"

/*
 * What the last build into this folder knew of its files, so that the next one
 * need not read them again: per source file its signature (size, times, inode),
 * the digest of what was published for it, and a few bytes of its producer's
 * own (`aux`: which references it holds, for instance). It is a shortcut only:
 * a memo that is lost, damaged or of another version of lowtide costs time and
 * nothing else.
 *
 * A file changed within the clock's grain of the last look is never believed
 * to be unchanged, whatever its signature says.
 */
struct memo;
struct memo_row {
	struct str source; /* below the site folder: "pages/index.html" */
	struct digest digest;
	struct str aux;
};
/* NULL when it has to be read. Any thread. */
const struct memo_row *memo_find(
    const struct memo *memo, struct str source, const struct fs_entry *entry);
/* For the next run; copies what it is given. Any thread. */
void memo_note(struct memo *memo, const struct memo_row *row,
    const struct fs_entry *entry);

#endif
