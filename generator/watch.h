#ifndef LOWTIDE_GENERATOR_WATCH_H
#define LOWTIDE_GENERATOR_WATCH_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/arena.h"
#include "lib/err.h"

/*
 * What changed in a site folder. Of the kernel's notices (inotify) only that
 * there were some is believed; what changed is found by looking at the files
 * and comparing with the last look. So a lost notice, a new folder, a thousand
 * notices at once and a file that was put back need no care of their own, and
 * where there are no notices, looking from time to time does as well.
 *
 * Only what a build reads is looked at: site.toml, api.toml and the folders
 * below. What an editor leaves for a moment (names that begin with a dot or
 * end in `~`, …) is not; nor is what is reached through symbolic links.
 */
#define WATCH_FOLDERS_MAX 16384 /* more of them: no notices */

struct watch {
	const char *root;
	int root_number; /* of the root's notices */
	int fd;		 /* readable when something may have changed; -1 */
	const char *why; /* there are no notices; NULL = there are */
	size_t folders, folders_max;
	struct watch_look *last;
};

/*
 * Looks for the first time. `by_looking`: without notices, as where they
 * cannot be had; `why` says what is in their way. folders_max 0 =
 * WATCH_FOLDERS_MAX. The root must outlive it.
 */
void watch_open(
    struct watch *w, const char *root, size_t folders_max, bool by_looking);
/* Takes the notices; true when one was of something that a build reads. */
bool watch_heard(struct watch *w);
/*
 * Looks again: the paths below the root that are new, gone or changed since
 * the last look, in order, in the arena; how many there are.
 */
size_t watch_changes(struct watch *w, struct arena *a, const char ***paths);
void watch_close(struct watch *w); /* NULL-safe */

#endif
