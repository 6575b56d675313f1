#ifndef LOWTIDE_GENERATOR_OUT_H
#define LOWTIDE_GENERATOR_OUT_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

#include "generator/encode.h"
#include "generator/hash.h"
#include "lib/arena.h"
#include "lib/diag.h"
#include "lib/err.h"

/*
 * The output folder, staged and swapped. Bytes are hashed, searched for
 * secrets and written into a staging folder beside the output as they come,
 * and forgotten; what the previous output has byte for byte is only marked,
 * and hard-linked by out_commit(), which syncs everything and exchanges the two
 * folders (renameat2, else two renames). Until then the previous output is
 * untouched, and after any error it stays. Where nothing differs, nothing is
 * written at all, not even the staging folder.
 *
 *	out_init(&out, arena);
 *	err = out_open(&out, &spec, diag);     before anything is put
 *	err = out_put(&out, …);                any number of files
 *	err = out_commit(&out, diag);          or
 *	out_abandon(&out);                     after an error, and always last
 *
 * Without out_open() the bytes are kept in memory, for tests (`bytes`); after
 * out_dry() they are hashed and searched alone, for `lowtide check`.
 *
 * Several threads: out_stage(), out_stage_copy() and out_reuse() may be called
 * from any, and give the digest; the thread that runs the producer then calls
 * out_note() in an order that does not depend on who was first. out_put() is
 * both at once, for that thread alone.
 *
 * Paths are relative, with '/', never with '..', unique; a second note of the
 * same path is the finding `output-clash`. Nothing is deleted that lowtide did
 * not write: an existing output folder without its manifest is refused unless
 * forced.
 */
enum out_root { OUT_WWW, OUT_SERVER };
enum out_class {
	OUT_IMMUTABLE, /* fingerprinted or versioned: cached for a year */
	OUT_POINTER,   /* no-cache and an ETag */
	OUT_PAGE,
	OUT_PRIVATE, /* below server/: never uploaded */
};
/* A compressed sibling, "x.css.gz", told in the row of "x.css". */
struct out_sibling {
	uint64_t bytes; /* 0: there is none */
	unsigned char blake2b[32];
};
struct out_file {
	struct str path; /* below its root */
	enum out_root root;
	enum out_class class;
	bool from_env;	  /* environment values were read for it */
	bool is_sibling;  /* is one itself: no row of the manifest's */
	bool is_made;	  /* such a one, and not brought by the site */
	const char *type; /* media type, by the path's ending */
	struct digest digest;
	struct str bytes; /* in memory only */
	struct pos pos;	  /* what it was made of, for findings */
	struct out_sibling siblings[ENCODING_COUNT];
};
struct out {
	struct arena *arena;
	/* what is searched for below each root; NULL: nothing is */
	const struct scan *scan[OUT_SERVER + 1];
	struct out_file *files;
	size_t n, cap;
	size_t n_sorted; /* so many are in order, out_sort() left them so */
	struct out_slot *slots; /* hash table of paths and their folders */
	size_t n_slots, used_slots;
	struct str folder; /* of the file noted last, and its root */
	enum out_root folder_root;
	struct memo *memo; /* of the last run; NULL: none */
	struct pool *pool; /* for the commit; NULL: one thread */
	bool is_dry;
	FILE *talk; /* out_commit() says what it wrote; or NULL */
	size_t written, unchanged; /* after out_commit() */
	bool replaced;	     /* then, too: anything is new, other or gone */
	struct stage *stage; /* generator/out-stage.h; NULL: no folder */
	/* in memory: what was staged and not noted yet */
	struct out_kept *kept;
	pthread_mutex_t mutex;
};

#define OUT_MANIFEST "manifest.json" /* below www */
struct out_spec {
	const char *dir; /* "dist" */
	bool force;
};

void out_init(struct out *out, struct arena *arena);
void out_dry(struct out *out); /* instead of out_open() */
/*
 * Takes the folder for this run. Findings: `output-not-ours` (ERR_INPUT) for
 * one with files that no earlier run wrote, `output-busy` (ERR_BUSY) while
 * another run has it, `io-error`.
 */
enum err out_open(struct out *out, const struct out_spec *spec,
    struct diag *diag) __attribute__((warn_unused_result));

/* False where a killed run left something, or another is at work. */
bool out_is_tidy(struct arena *a, const char *dir);

/*
 * Any thread. The bytes are the caller's again afterwards. ERR_INPUT where they
 * hold a secret (`secret-in-output`), or ERR_IO. What out_note() will
 * find fault with (names, clashes) is hashed and not written.
 */
enum err out_stage(struct out *out, enum out_root root, const char *path,
    struct str bytes, struct digest *digest, struct diag *diag)
    __attribute__((warn_unused_result));
/* The same where the digest is known already, for names made of it. */
enum err out_stage_hashed(struct out *out, enum out_root root, const char *path,
    struct str bytes, const struct digest *digest, struct diag *diag)
    __attribute__((warn_unused_result));
/*
 * Any thread. What was said of secrets behind `before` (diag->last then) is of
 * the file that people can mend; the line is that of the output if
 * `source.line` is not 0.
 */
void out_blame(
    struct diag *diag, const struct diag_item *before, struct pos source);
/*
 * Any thread. A regular file of whatever size, in pieces; holes stay holes. One
 * that changes while it is read, or is a symbolic link, is an `io-error`.
 */
enum err out_stage_copy(struct out *out, enum out_root root, const char *path,
    const char *source, struct digest *digest, struct diag *diag)
    __attribute__((warn_unused_result));
/*
 * Any thread. True when the previous output is known to have exactly these
 * bytes there: then they are as good as staged.
 */
bool out_reuse(struct out *out, enum out_root root, const char *path,
    const struct digest *digest);
/*
 * Any thread. True when the previous output is known to have `file` as it is,
 * and beside it the sibling that lowtide compressed of it, whose digest is
 * here: for out_reuse(), which makes it part of this output.
 */
bool out_known_sibling(const struct out *out, const struct out_file *file,
    enum encoding encoding, struct digest *digest);
/*
 * The row of a file that was staged: path, root, class, from_env, is_sibling,
 * is_made, digest and pos of `file`; `type` is found by the path. The path is
 * copied.
 */
enum err out_note(struct out *out, const struct out_file *file,
    struct diag *diag) __attribute__((warn_unused_result));
/* Both, from bytes. pos: for `output-clash`. */
enum err out_put(struct out *out, enum out_root root, const char *path,
    struct str bytes, enum out_class class, bool from_env, struct pos pos,
    struct diag *diag) __attribute__((warn_unused_result));

/*
 * Any thread, between stage and commit: the bytes of a file that was noted,
 * read back into the arena. ERR_NOT_FOUND without a finding after out_dry().
 */
enum err out_bytes(const struct out *out, const struct out_file *file,
    struct arena *a, struct diag *diag, struct str *bytes)
    __attribute__((warn_unused_result));
const struct out_file *out_find(
    const struct out *out, enum out_root root, struct str path);
/* Sorts by root and path; the manifest and the commit walk this order. */
void out_sort(struct out *out);

/*
 * Puts the folder in place. Equal files keep their inode and time, a changed
 * one is newer by a second at least (web servers make ETags of time and size).
 * What cannot be removed afterwards is the warning `left-behind`.
 * generator/out-commit.c.
 */
enum err out_commit(struct out *out, struct diag *diag)
    __attribute__((warn_unused_result));
/* Removes what was staged, gives the folder free. Harmless a second time. */
void out_abandon(struct out *out);

/* Media type by the ending of a name; application/octet-stream otherwise. */
const char *out_type(struct str path);
const char *out_class_name(enum out_class class);
/* UTF-8, relative, no empty, `.` or `..` part, no control character. */
bool out_is_path(struct str path);

#endif
