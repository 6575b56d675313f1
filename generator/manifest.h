#ifndef LOWTIDE_GENERATOR_MANIFEST_H
#define LOWTIDE_GENERATOR_MANIFEST_H

#include "generator/encode.h"
#include "generator/hash.h"
#include "generator/out.h"

/*
 * www/manifest.json: what was published. Written by every build, signed, and
 * read back by verify and plan, and by builds for what was published before.
 *
 *   format     1; stands first
 *   name       of the site
 *   release    its id: the BLAKE2b (32 bytes, hex) of a line per file, in the
 *              order of the paths: "path blake2b\n"
 *   fallback   the page that answers every other path, where there is one
 *   files[]    one a line, in the order of the paths (bytes, not letters)
 *     path       below www, with '/'
 *     bytes
 *     blake2b    32 bytes as hex (`b2sum -l 256`)
 *     sha256     hex
 *     integrity  "sha512-…", for <script integrity> and the like
 *     type       media type
 *     cache      immutable | pointer | page
 *     encodings  {"br": {"bytes", "blake2b"}, …}: the compressed siblings
 *     env        true where environment values were read for it
 *   releases[] earlier ones that are kept for open clients, the newest first
 *     release    its id
 *     files[]    the paths it needs and no later release has, this one
 *                included: what is immutable, with its siblings
 *
 * A file is listed once: neither the manifest itself, nor its signature, nor a
 * sibling has a row. Nothing is in it that another machine would not find: no
 * time, no folder, no host, no path of the sources.
 *
 * Read back, it may come from anywhere, so nothing in it is trusted: every
 * path is one that a build could have written, in order and once, hashes have
 * their length, the id is the files', every member is there and no other.
 */
#define MANIFEST_FORMAT 1
#define MANIFEST_MAX ((size_t)256 * 1024 * 1024) /* bytes */
#define MANIFEST_FILES_MAX 1000000 /* files, and paths of releases */
#define MANIFEST_RELEASES_MAX 1000
#define MANIFEST_PATH_MAX 4096
#define MANIFEST_SIGNATURE OUT_MANIFEST ".minisig"

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
	struct str fallback;	     /* one of the files, or empty */
	struct manifest_file *files; /* by path */
	size_t n;
	struct manifest_release *releases; /* the newest first */
	size_t n_releases;
};

/*
 * Bytes must live as long as the result, which has views into them. One
 * finding and ERR_INPUT: `manifest-syntax`, `manifest-format` (another one, or
 * no manifest at all), `manifest-key` (missing, unknown or twice),
 * `manifest-path`, `manifest-value`, `manifest-release`, `manifest-too-large`.
 */
enum err manifest_read(struct arena *a, struct str bytes, const char *file,
    struct diag *diag, struct manifest *out)
    __attribute__((warn_unused_result));
const struct manifest_file *manifest_find(
    const struct manifest *m, struct str path);
/* Whether a file's bytes, its headers, a sibling, or all of them are equal. */
bool manifest_same_bytes(
    const struct manifest_file *a, const struct manifest_file *b);
bool manifest_same_headers(
    const struct manifest_file *a, const struct manifest_file *b);
bool manifest_same_sibling(
    const struct manifest_sibling *a, const struct manifest_sibling *b);
bool manifest_same_file(
    const struct manifest_file *a, const struct manifest_file *b);
/* The file that lists this path as its sibling; NULL if none does. */
const struct manifest_file *manifest_original(
    const struct manifest *m, struct str path, enum encoding *encoding);
/* "x.css.br", beside "x.css". */
struct str manifest_sibling_path(
    struct arena *a, struct str path, enum encoding encoding);
/* As manifest_read() takes it. */
void manifest_write(const struct manifest *m, struct buf *out);
/* What `id` must be for these files, in order. */
struct str manifest_id(
    struct arena *a, const struct manifest_file *files, size_t n);

/*
 * --previous: a folder (an output folder, or its www), a manifest, "-" for one
 * on the standard input, or "none".
 */
struct previous {
	struct manifest manifest;
	struct str text; /* of the manifest */
	const char *dir; /* of the old files; NULL: only their names are here */
};
/*
 * *out is NULL for "none" and for NULL. Findings: those of manifest_read(), and
 * `no-manifest` (ERR_INPUT) where there is none.
 */
enum err previous_load(struct arena *a, const char *where, struct diag *diag,
    const struct previous **out) __attribute__((warn_unused_result));
/*
 * The `releases` of a new manifest, which has its files and its id already:
 * the previous one and what that kept, `keep` of them at most with the new one.
 * The same files again are the same release.
 */
void manifest_keep(struct arena *a, struct manifest *m,
    const struct manifest *previous, size_t keep);

#endif
