#ifndef LOWTIDE_GENERATOR_MANIFEST_H
#define LOWTIDE_GENERATOR_MANIFEST_H

#include "generator/encode.h"
#include "generator/hash.h"
#include "generator/out.h"

/*
 * www/manifest.json, read back: by verify and plan, and by builds for what was
 * published before. It may come from anywhere, so nothing in it is trusted:
 * paths are relative and without "..", in order and unique, hashes have their
 * length, and there are no more than MANIFEST_FILES_MAX of them.
 */
#define MANIFEST_FORMAT 1
#define MANIFEST_MAX ((size_t)256 * 1024 * 1024) /* bytes */
#define MANIFEST_FILES_MAX 1000000
#define MANIFEST_RELEASES_MAX 1000

struct manifest_sibling {
	uint64_t bytes; /* 0: there is none */
	unsigned char blake2b[32];
};
struct manifest_file {
	struct str path;
	struct digest digest;
	struct str type;
	enum out_class class;
	bool from_env;
	struct manifest_sibling siblings[ENCODING_COUNT];
	struct pos pos;
};
/* An earlier release: what open clients of it may still ask for. */
struct manifest_release {
	struct str id; /* the digest of its files, 64 hex digits */
	struct str *paths;
	size_t n;
};
struct manifest {
	struct str name;
	struct str id;
	struct manifest_file *files; /* by path */
	size_t n;
	struct manifest_release *releases; /* the newest first */
	size_t n_releases;
};
/* `manifest-syntax`, `manifest-format`, `manifest-path`, …: ERR_INPUT. */
enum err manifest_read(struct arena *a, struct str bytes, const char *file,
    struct diag *diag, struct manifest *out)
    __attribute__((warn_unused_result));
const struct manifest_file *manifest_find(
    const struct manifest *m, struct str path);

/*
 * --previous: a folder (an output folder, or its www), a manifest, "-" for one
 * on the standard input, or "none".
 */
struct previous {
	struct manifest manifest;
	const char *dir; /* of the old files; NULL: only their names are here */
};
/* *out is NULL for "none" and for NULL. */
enum err previous_load(struct arena *a, const char *where, struct diag *diag,
    const struct previous **out) __attribute__((warn_unused_result));

#endif
