#ifndef LOWTIDE_GENERATOR_MEMO_H
#define LOWTIDE_GENERATOR_MEMO_H

#include "generator/hash.h"
#include "generator/outside.h"
#include "generator/pool.h"
#include "lib/fs.h"

/*
 * What the last build into this folder knew, so that the next one need not
 * read everything again: of each file of the site and of the output its
 * signature (size, times, inode); of the output's and of some sources the
 * digest of what is published; all else that decided the result, and what was
 * said. It is a shortcut only: a memo that is lost, damaged or of another
 * lowtide costs time and nothing else.
 *
 * When everything is as it was, the build is over (memo_is_current): it has
 * read no file but the memo and written none. Otherwise single files may still
 * be as they were (memo_find).
 *
 * A file may change without a change of its times, if that is soon enough after
 * the change before: a clock has a grain. So one whose times are not older than
 * the look at it is remembered with its hash, and read the next time.
 *
 * All functions take NULL for a memo: nothing is known, nothing kept.
 */
struct memo;
struct memo_spec {
	const char *site;  /* folder */
	const char *out;   /* folder */
	const char *cache; /* folder; NULL: there is no memo */
	/* options and the like: another key, another result */
	struct str key;
};
struct memo_row {
	struct digest digest; /* of what is published for the file */
	struct str aux;	      /* a few bytes of its producer's own */
};
/* Of an output that is current, for those who tell of it. */
struct memo_result {
	uint64_t files, bytes;
	const char **envs; /* there are, without base */
	size_t n_envs;
};

/* The folders of a site that a build reads; more may stand beside them. */
#define MEMO_FOLDERS 7
extern const char *const memo_folders[MEMO_FOLDERS];

/* Looks at all files of the site and the output, on the pool's threads. */
struct memo *memo_open(
    struct arena *a, const struct memo_spec *spec, struct pool *pool);
void memo_close(struct memo *memo);
/* Then what was said then is in diag again. */
bool memo_is_current(
    struct memo *memo, struct diag *diag, struct memo_result *result);
/* Remembers what it is asked for, up to memo_save(). */
const struct outside *memo_outside(struct memo *memo);
/* What is searched for in all output; rows of another search do not count. */
void memo_searched(struct memo *memo, struct str scan_digest);

/* How many files the site has; 0 without a memo. */
size_t memo_count(const struct memo *memo);
/* The files of one folder, as fs_walk(); NULL when they have to be walked. */
const struct fs_list *memo_list(const struct memo *memo, const char *folder);
/*
 * What is known of a source, by its name below the site ("pages/a.html"). False
 * when it has to be read. A row that is found is kept for the next time.
 * Any thread.
 */
bool memo_find(struct memo *memo, struct str source,
    const struct fs_entry *entry, struct memo_row *row);
/* For the next run; copies what it is given. Any thread. */
void memo_note(struct memo *memo, struct str source,
    const struct fs_entry *entry, const struct memo_row *row);

/*
 * The output as it was looked at, when that is the folder `inode` (of the
 * output itself: a run between would have exchanged it); else NULL.
 */
const struct fs_list *memo_output(const struct memo *memo, ino_t inode);
/* What is known of its files, one an entry; NULL: nothing. Good as long as the
 * memo. */
struct memo_known {
	const struct digest *digest; /* NULL: not known */
	bool is_made;
};
const struct memo_known *memo_digests(struct memo *memo);

/* For memo_save(): the output as it is now, in byte order of the names. */
struct memo_output {
	const char *root;      /* "www/" */
	struct str path;       /* "a.html" */
	struct fs_entry entry; /* size, inode, mtime; inode 0: look again */
	const struct digest *digest;
	bool is_made; /* a compressed sibling, and not the site's own */
};
/* Writes it, where it differs from the last one. Trouble is not told. */
void memo_save(struct memo *memo, const struct memo_output *outputs, size_t n,
    uint64_t bytes, const struct diag *diag);

/* True when the clock of files has gone past all of these times. */
bool memo_is_past(struct timespec now, const struct fs_entry *entry);

#endif
