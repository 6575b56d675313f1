#ifndef LOWTIDE_GENERATOR_ENCODE_H
#define LOWTIDE_GENERATOR_ENCODE_H

#include "lib/arena.h"
#include "lib/buf.h"
#include "lib/err.h"

/*
 * Content codings (RFC 9110 8.4.1) of the compressed siblings, x.css.gz beside
 * x.css: one row each in generator/encode.c, each library included there alone.
 * Always at their strongest, for it is done once and fetched many times:
 * gzip (RFC 1952, without a name and with time 0), brotli (RFC 7932), and one
 * frame of zstd with its size and checksum, whose window of 8 MiB is all that
 * browsers take (RFC 9659).
 *
 * What one call takes besides its input and output, so much a thread, for
 * 64 KiB and for 8 MiB: gzip 2 and 8 MB, brotli 5 and 80 MB, zstd 2 and 85 MB.
 */
enum encoding { ENCODING_GZ, ENCODING_BR, ENCODING_ZST, ENCODING_COUNT };
struct encoding_row {
	const char *name;   /* as [compress] siblings has it: "br" */
	const char *ending; /* ".br" */
	const char *token;  /* Content-Encoding: "gzip", "br", "zstd" */
	int level;	    /* 12, 11, 19 */
};
extern const struct encoding_row encoding_rows[ENCODING_COUNT];
/* "brotli 1.0.9", of the library that is loaded: another may say it otherwise,
 * so it is a part of a cache's key. */
struct str encoding_library(struct arena *a, enum encoding encoding);

/*
 * The same bytes for the same input and library, everywhere. Any thread.
 * Appends to out. ERR_TOO_LARGE beyond ENCODING_INPUT_MAX.
 */
#define ENCODING_INPUT_MAX ((size_t)1 << 30)
enum err encode(enum encoding encoding, struct str bytes, struct buf *out)
    __attribute__((warn_unused_result));
/*
 * Appends the same stream in another length, for where two codings of a file
 * came out equally long: gzip one byte longer each time, by an empty name and
 * an empty comment (RFC 1952 2.3.1), zstd four shorter without its checksum.
 * `bytes` are encode()'s, or this function's. False when there is no other.
 */
bool encode_apart(enum encoding encoding, struct str bytes, struct buf *out);
/*
 * Appends what was encoded; nothing, unless it is ERR_OK. ERR_SYNTAX for what
 * is not one such stream from its first to its last byte, ERR_TOO_LARGE beyond
 * max bytes; never more memory than about three times max and a window.
 */
enum err decode(enum encoding encoding, struct str bytes, size_t max,
    struct buf *out) __attribute__((warn_unused_result));
/* Whether a media type is worth the trouble: text, JSON, SVG, wasm …; fonts
 * and pictures that are compressed already are not. Parameters do not count. */
bool encoding_pays(const char *type);

#endif
