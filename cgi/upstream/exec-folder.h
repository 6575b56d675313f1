#ifndef LOWTIDE_CGI_UPSTREAM_EXEC_FOLDER_H
#define LOWTIDE_CGI_UPSTREAM_EXEC_FOLDER_H

#include <stddef.h>

/*
 * The folders that programs run in: WORK/run-0123456789abcdef, 0700, one for
 * each, which is locked (flock) by its minder for as long as there is one. So
 * whoever gets the lock of such a folder may remove it.
 *
 * Whatever is in it goes: of any depth, of any mode, and no symlink is
 * followed.
 */
#define EXEC_FOLDER_NAME_BYTES 21

struct exec_folder {
	int work, fd; /* both closed on exec; -1 = none */
	char name[EXEC_FOLDER_NAME_BYTES];
};

/* 0, or errno. WORK must be there. */
int exec_folder_make(struct exec_folder *f, const char *work);
/* Removes it and closes both. 0, or errno: something is left. */
int exec_folder_remove(struct exec_folder *f);
/*
 * Removes those that no minder has any more, and nothing else. A missing WORK
 * is an empty one. How many are gone.
 */
size_t exec_folder_sweep(const char *work);

#endif
