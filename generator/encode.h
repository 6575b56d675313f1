#ifndef LOWTIDE_GENERATOR_ENCODE_H
#define LOWTIDE_GENERATOR_ENCODE_H

#include "lib/buf.h"
#include "lib/err.h"

/*
 * Content codings (RFC 9110 8.4.1) of the compressed siblings, x.css.gz beside
 * x.css: one row each in generator/encode.c, each library included there alone.
 */
enum encoding { ENCODING_GZ, ENCODING_BR, ENCODING_ZST, ENCODING_COUNT };
struct encoding_row {
	const char *name;    /* as [compress] siblings has it: "br" */
	const char *ending;  /* ".br" */
	const char *token;   /* Content-Encoding: "gzip", "br", "zstd" */
	int level;	     /* 12, 11, 19 */
	const char *library; /* "libdeflate 1.14": part of a cache's key */
};
extern const struct encoding_row encoding_rows[ENCODING_COUNT];

/* The same bytes for the same input, everywhere. Any thread. */
enum err encode(enum encoding encoding, struct str bytes, struct buf *out)
    __attribute__((warn_unused_result));
/* ERR_SYNTAX for what is no such stream, ERR_TOO_LARGE beyond max bytes. */
enum err decode(enum encoding encoding, struct str bytes, size_t max,
    struct buf *out) __attribute__((warn_unused_result));
/* Whether a media type is worth the trouble: text, JSON, SVG, wasm …; fonts
 * and pictures that are compressed already are not. */
bool encoding_pays(const char *type);

#endif
