#ifndef LOWTIDE_GENERATOR_MEMO_FILE_H
#define LOWTIDE_GENERATOR_MEMO_FILE_H

#include "generator/hash.h"
#include "lib/buf.h"
#include "lib/fs.h"

/*
 * A memo as a file: rows of fixed size in this machine's own order of bytes,
 * for it is read back by the same program or by none. Behind the header stand,
 * in this order,
 *
 *	memo_source[n_sources]    files of the site, folder by folder
 *	memo_written[n_outputs]   files of the output, by name
 *	memo_around[n_around]     variables and single files
 *	memo_said[n_said]         findings
 *	texts                     n_texts bytes that rows point into
 *	memo_digest[n_sources]    of what is published for each
 *	struct digest[n_outputs]
 *	more texts                n_auxes bytes: what producers left
 *
 * The two checks are of all before the digests, the header's own check taken
 * as zeros, and of the digests and what follows: whoever only wants to know
 * whether anything changed need not read the latter. They tell damage, no
 * forgery; that is a matter of who may write into the cache.
 */
#define MEMO_VERSION 2
#define MEMO_HASH 32
struct memo_text {
	uint32_t at, n;
};
struct memo_times { /* a signature */
	uint64_t size, inode;
	int64_t mtime_s, ctime_s;
	uint32_t mtime_ns, ctime_ns;
};
struct memo_source {
	struct memo_times times;
	struct memo_text name;
	unsigned char hash[MEMO_HASH]; /* where times do not tell enough */
	uint64_t is_hashed;
};
struct memo_written {
	struct memo_times times; /* ctime 0: links move it; inode 0: unsure */
	struct memo_text name;	 /* "www/a.html" */
	uint64_t is_made;	 /* a sibling that lowtide compressed */
};
struct memo_around {
	uint64_t kind; /* enum memo_kind */
	struct memo_text name;
	unsigned char hash[MEMO_HASH]; /* of a variable's value */
	struct memo_times times;       /* of a file */
};
enum memo_kind { MEMO_UNSET, MEMO_SET, MEMO_SECRET, MEMO_FILE };
struct memo_said {
	uint32_t level, line, col, has_file;
	struct memo_text file, name, text;
};
struct memo_digest {
	struct digest digest;
	struct memo_text aux;
	uint64_t is_known;
};
struct memo_header {
	char magic[8];
	uint64_t version;
	unsigned char program[MEMO_HASH]; /* who wrote it */
	unsigned char key[MEMO_HASH];	  /* options */
	unsigned char search[MEMO_HASH];  /* for secrets */
	uint64_t files, bytes;		  /* of the output, to be told */
	uint64_t n_sources, n_outputs, n_around, n_said, n_texts, n_auxes;
	unsigned char check[MEMO_HASH], check_digests[MEMO_HASH];
};

/* One that was read; all NULL where it is not to be trusted. */
struct memo_file {
	void *map;
	size_t n;
	const struct memo_header *header;
	const struct memo_source *sources;
	const struct memo_written *outputs;
	const struct memo_around *around;
	const struct memo_said *said;
	const char *texts;
	const struct memo_digest *digests; /* NULL until memo_file_digests() */
	const struct digest *output_digests;
	const char *auxes;
};

/* False when there is none, or none that is whole and of this program. */
bool memo_file_open(struct memo_file *f, const char *path);
/* Checks the second half. False when it is damaged. */
bool memo_file_digests(struct memo_file *f);
void memo_file_close(struct memo_file *f);
struct str memo_file_text(const struct memo_file *f, struct memo_text t);
struct str memo_file_aux(const struct memo_file *f, struct memo_text t);

/* Fills in checks, magic and program; true when it is in place. */
bool memo_file_write(const char *path, struct buf *whole, size_t digests_at);

void memo_hash(unsigned char out[MEMO_HASH], const void *bytes, size_t n);

#endif
