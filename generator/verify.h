#ifndef LOWTIDE_GENERATOR_VERIFY_H
#define LOWTIDE_GENERATOR_VERIFY_H

#include "generator/manifest.h"
#include "generator/minisign.h"
#include "generator/pool.h"
#include "lib/progress.h"
#include "generator/sign.h"

/*
 * A published tree against its manifest, and the manifest against its
 * signature. Nothing is believed: neither the manifest (it is read strictly)
 * nor the tree (no link is followed, files are read in pieces).
 */

/*
 * Every file, on all threads. Findings, each with the file's path:
 *
 *   file-changed   its bytes are not those of the manifest
 *   file-missing   it is listed and not there, or its sibling is
 *   file-extra     it is there and not listed
 *   sibling-stale  a compressed sibling that is not the listed one, does not
 *                  unpack to its original's bytes, or is not listed at all: a
 *                  web server would send it instead of its original
 *   not-a-file     links and other odd things
 *
 * What earlier releases keep (`releases`) is allowed; the manifest has its
 * names alone. ERR_INPUT when anything was found, else ERR_OK or ERR_IO.
 */
#define VERIFY_DECODE_MAX ((size_t)256 * 1024 * 1024)
struct verify_spec {
	const char *www;
	const struct manifest *manifest;
	struct pool *pool;
	struct progress *progress; /* may be NULL */
};
struct verify_counts {
	size_t files, siblings, kept;
	uint64_t bytes; /* of files and siblings */
	size_t changed, missing, extra, stale;
};
enum err verify_files(struct arena *a, const struct verify_spec *spec,
    struct diag *diag, struct verify_counts *out)
    __attribute__((warn_unused_result));

/*
 * The manifest's bytes against `signature` (NULL: there is none), its claim
 * against the clock and the release that is known already. Findings:
 *
 *   signature-missing, signature-bad
 *   signature-expired  `now` is past its end
 *   release-older      its number is below `since`: an older release was put
 *                      in the place of a newer one
 */
struct verify_claim {
	const struct minisign_public *key;
	int64_t now, since; /* seconds; since -1: any */
};
enum err verify_signature(struct arena *a, struct str manifest,
    const struct str *signature, const char *file,
    const struct verify_claim *against, struct diag *diag,
    struct sign_claim *out) __attribute__((warn_unused_result));

#endif
