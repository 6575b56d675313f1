#ifndef LOWTIDE_GENERATOR_OUT_STAGE_H
#define LOWTIDE_GENERATOR_OUT_STAGE_H

#include <limits.h>
#include <sys/stat.h>

#include "generator/out.h"
#include "lib/fs.h"

/*
 * What generator/out*.c share of a folder being written. Beside DIR/NAME stand:
 *
 *   .NAME.lowtide-staging   what will be NAME, made when the first file differs
 *                           from the previous output's
 *   .NAME.lowtide-old       only between the two renames of a file system
 *                           without RENAME_EXCHANGE: this name is the journal.
 *                           Without a NAME the next run puts it back, beside
 *                           one it is what was to be removed
 *
 * Both NAME and the staging folder are locked (flock) by their run as long as
 * they are there; one without a lock is what a killed run left.
 */
struct before { /* a file of the previous output */
	const struct fs_entry *entry;
	const struct digest *known; /* NULL: it has to be read */
	bool is_made;		    /* a sibling that lowtide compressed */
	atomic_bool same;	    /* the new output has it as it is */
};
struct stage {
	struct arena *a;
	const char *dir, *parent, *staging, *old;
	int previous; /* folder and lock; -1: there is none */
	atomic_int
	    folder;	 /* of the staging folder, and its lock; -1: not yet */
	bool must_chmod; /* the umask takes bits that files must have */
	struct before *before; /* sorted by "www/…" */
	size_t n_before;
	atomic_size_t hint;    /* where stage_before() found the last one */
	atomic_size_t written; /* files in the staging folder */
	pthread_mutex_t mutex; /* while the staging folder is made */
};

/* "www/a.html" into to; false (errno) if that is too long. */
bool stage_name(char to[PATH_MAX], enum out_root root, struct str path);
struct before *stage_before(struct stage *s, const char *name);
/* The staging folder, made and locked; *fd is not the caller's to close. */
enum err stage_folder(struct stage *s, struct diag *diag, int *fd);
/* The folders above `name`, whatever the umask. False with errno. */
bool stage_mkdirs(const struct stage *s, int folder, const char *name);
/* `io-error` with the reason of errno; ERR_IO. */
enum err stage_failed(
    const struct stage *s, struct diag *diag, const char *name, const char *);
/*
 * One file on its way into the staging folder (generator/out-copy.c), in pieces
 * of any size; owned by one thread. After a begin that went well there is an
 * end, whatever comes between: it closes, and keeps the first error.
 */
#define STAGE_PIECE ((size_t)64 * 1024)
struct stage_copy {
	struct stage *stage;
	char name[PATH_MAX];
	struct before *before; /* NULL: no such file */
	int compare;	       /* the previous file; -1: it differs */
	int fd;		       /* the new one; -1: not yet */
	bool unwritten;	       /* what a note will find fault with */
	uint64_t at;
};
/* `size` is what will come, as far as is known. */
enum err stage_copy_begin(struct stage_copy *c, struct stage *s,
    enum out_root root, struct str path, uint64_t size, struct diag *diag);
enum err stage_copy_add(
    struct stage_copy *c, const char *p, size_t n, struct diag *diag);
enum err stage_copy_end(struct stage_copy *c, enum err err, struct diag *diag);
/* In memory: the bytes that were staged for it, for out_note(). */
struct str out_take_kept(struct out *out, enum out_root root, struct str path);
/* Closes everything, and so gives the folder free. */
void stage_close(struct stage *s);

#endif
