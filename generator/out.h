#ifndef LOWTIDE_GENERATOR_OUT_H
#define LOWTIDE_GENERATOR_OUT_H

#include "lib/arena.h"
#include "lib/diag.h"
#include "lib/err.h"

/*
 * The output folder, staged and swapped. Files are put into a staging folder
 * beside it; out_commit() syncs them and exchanges the two (renameat2, else two
 * renames); until then the previous output is untouched, and after any error
 * it stays. Nothing is deleted that lowtide did not write: an existing output
 * folder without its manifest is refused unless forced.
 *
 * Paths are relative, with '/', never with '..', unique; a second put of the
 * same path is the finding `output-clash`.
 */
enum out_root { OUT_WWW, OUT_SERVER };
enum out_class {
	OUT_IMMUTABLE, /* fingerprinted or versioned: cached for a year */
	OUT_POINTER,   /* no-cache and an ETag */
	OUT_PAGE,
	OUT_PRIVATE, /* below server/: never uploaded */
};
struct out_file {
	struct str path; /* below its root */
	enum out_root root;
	enum out_class class;
	struct str bytes; /* until the commit */
	const char *type; /* media type, by the path's ending */
	bool from_env;	  /* environment values were read for it */
	struct pos pos;	  /* what it was made of, for findings */
};
struct out {
	struct arena *arena;
	struct out_file *files;
	size_t n, cap;
	struct out_slot *slots; /* hash table of paths and their folders */
	size_t n_slots, used_slots;
};

void out_init(struct out *out, struct arena *arena);
/* The bytes must live as long as the arena. pos: for `output-clash`. */
enum err out_put(struct out *out, enum out_root root, const char *path,
    struct str bytes, enum out_class class, bool from_env, struct pos pos,
    struct diag *diag) __attribute__((warn_unused_result));
const struct out_file *out_find(
    const struct out *out, enum out_root root, struct str path);
/* Sorts by root and path; the manifest and the commit walk this order. */
void out_sort(struct out *out);

#define OUT_MANIFEST "manifest.json" /* below www */
struct out_spec {
	const char *dir; /* "dist" */
	bool force;
};
/*
 * Findings: `output-not-ours` (ERR_INPUT) for a folder with files that no
 * earlier run wrote, `output-busy` while another run writes there, `io-error`.
 * Equal files keep their inode and time, a changed one is newer by a second at
 * least (web servers make ETags of time and size); if nothing differs, nothing
 * is touched. generator/out-commit.c.
 */
enum err out_commit(struct out *out, const struct out_spec *spec,
    struct diag *diag) __attribute__((warn_unused_result));
/* Media type by the ending of a name; application/octet-stream otherwise. */
const char *out_type(struct str path);
const char *out_class_name(enum out_class class);

#endif
