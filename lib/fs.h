#ifndef LOWTIDE_LIB_FS_H
#define LOWTIDE_LIB_FS_H

#include <stdbool.h>
#include <sys/types.h>
#include <time.h>

#include "lib/arena.h"
#include "lib/diag.h"
#include "lib/err.h"

/*
 * Files, for those parts of lowtide that may touch them. All findings carry
 * the path and the system's reason. Paths are C strings.
 */

/*
 * A whole regular file into the arena, terminated. ERR_NOT_FOUND without a
 * finding when it does not exist (the caller knows whether that is wrong);
 * ERR_TOO_LARGE beyond max; ERR_IO for the rest, with `io-error`.
 */
enum err fs_read(struct arena *a, const char *path, size_t max,
    struct diag *diag, struct str *out) __attribute__((warn_unused_result));
/* The same, relative to the folder `at`. */
enum err fs_read_at(struct arena *a, int at, const char *path, size_t max,
    struct diag *diag, struct str *out) __attribute__((warn_unused_result));
/*
 * Writes through a temporary name in the same folder, fsync, rename: readers
 * see the old bytes or the new ones, never a part.
 */
enum err fs_write(const char *path, struct str bytes, mode_t mode,
    struct diag *diag) __attribute__((warn_unused_result));
/* As `mkdir -p`; an existing folder keeps its mode. */
enum err fs_mkdirs(const char *path, mode_t mode, struct diag *diag)
    __attribute__((warn_unused_result));
/* fsync of a folder, so that names in it survive a power loss. */
enum err fs_sync_dir(const char *path, struct diag *diag)
    __attribute__((warn_unused_result));
/*
 * Below all that: the bytes, all of them; and fsync of the folder `name` in
 * `at`, or of the one that a path's last name stands in. False: errno, nothing
 * is said. A file system that cannot sync folders (EINVAL) has done what it
 * can.
 */
bool fs_put(int fd, struct str bytes) __attribute__((warn_unused_result));
bool fs_sync_at(int at, const char *name) __attribute__((warn_unused_result));
bool fs_sync_folder_of(const char *path) __attribute__((warn_unused_result));
/* Removes a tree without following symlinks; a missing one is fine. */
enum err fs_remove_tree(const char *path, struct diag *diag)
    __attribute__((warn_unused_result));
/* Empties the folder that `fd` is. 0, or -1 with errno; nothing is said. */
int fs_remove_within(int fd);
/* dir + "/" + name; name alone when it is absolute or dir is "." or empty. */
const char *fs_join(struct arena *a, const char *dir, const char *name);

/*
 * Every regular file below root, in byte order of the paths, so that runs are
 * reproducible. Symlinks (the root itself too) and other odd things are not
 * followed but found (`not-a-file`), and the result is ERR_INPUT then, with the
 * list as far as it is good. A missing root is an empty one. Depth is bounded
 * by FS_DEPTH_MAX.
 */
#define FS_DEPTH_MAX 32
struct fs_entry {
	const char *path; /* from the current folder: root/rel */
	struct str rel;	  /* below root: the end of path */
	off_t size;
	mode_t mode;
	ino_t inode;
	struct timespec mtime, ctime;
};
struct fs_list {
	struct fs_entry *entries;
	size_t n;
};
enum err fs_walk(struct arena *a, const char *root, struct diag *diag,
    struct fs_list *out) __attribute__((warn_unused_result));
/*
 * The same, but a symlink to a regular file is listed as that file: for those
 * who only look whether anything changed.
 */
enum err fs_walk_links(struct arena *a, const char *root, struct diag *diag,
    struct fs_list *out) __attribute__((warn_unused_result));

#endif
