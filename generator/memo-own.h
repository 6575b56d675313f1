#ifndef LOWTIDE_GENERATOR_MEMO_OWN_H
#define LOWTIDE_GENERATOR_MEMO_OWN_H

#include <pthread.h>
#include <stdatomic.h>

#include "generator/memo-file.h"
#include "generator/memo.h"

/*
 * What the three parts of a memo share: memo.c looks at the files and answers
 * for single ones, memo-current.c compares all with the last time, memo-save.c
 * writes what the next one reads. Nobody else includes this.
 */
#define MEMO_LISTS (MEMO_FOLDERS + 1) /* and what stands above the folders */

struct looked_source {
	unsigned char hash[MEMO_HASH];
	bool is_hashed;
	atomic_bool is_known; /* the row below is for the next run */
	struct memo_row row;
};
struct looked_list {
	struct arena arena;
	struct fs_list files;
	enum err err;
	size_t first;	    /* among all sources */
	atomic_size_t hint; /* where the last one that was asked for is */
};
struct asked {
	struct asked *next;
	enum memo_kind kind;
	const char *name;
	unsigned char hash[MEMO_HASH];
	struct memo_times times;
};
struct memo {
	struct arena *arena, rows; /* rows: under the mutex */
	pthread_mutex_t mutex;
	const struct memo_spec *spec;
	const char *path, *out; /* of the memo, of the output */
	struct timespec now;	/* when it began to look */
	struct looked_list lists[MEMO_LISTS];
	struct looked_list output;
	ino_t output_inode; /* 0: there is none */
	size_t n_sources;
	struct looked_source *sources;
	size_t n_hashed;
	bool is_whole; /* everything could be looked at */
	unsigned char key[MEMO_HASH], search[MEMO_HASH];
	struct memo_file old;
	bool has_rows; /* of the old one, for this search */
	struct memo_known *digests;
	struct asked *around;
	struct outside outside;
};

/* ctime only of sources: a link to an output moves that of the output. */
struct memo_times memo_times_of(const struct fs_entry *e, bool output);
bool memo_same_times(const struct memo_times *a, const struct memo_times *b);
/* A single file as it is; inode 0: there is none. */
struct fs_entry memo_entry_of(const char *path);
/* Of a file's bytes; false when it cannot be read to its end. */
bool memo_hash_file(unsigned char out[MEMO_HASH], const char *path);
/* Below the site: "pages/a.html"; `l` is one of m->lists. */
struct str memo_name_of(const struct memo *m, const struct looked_list *l,
    const struct fs_entry *e);
/* Is this the i-th output of the last run, untouched? */
bool memo_is_output_same(
    const struct memo *m, size_t i, const struct fs_entry *e);
/* m->outside: whatever is asked is remembered; under no lock, so one thread. */
void memo_ask_outside(struct memo *m);

#endif
