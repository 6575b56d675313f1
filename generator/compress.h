#ifndef LOWTIDE_GENERATOR_COMPRESS_H
#define LOWTIDE_GENERATOR_COMPRESS_H

#include <stddef.h>

/*
 * Compressed siblings, x.css.gz and x.css.br beside x.css: of every published
 * file whose media type promises something, of COMPRESS_MIN to [compress] max
 * bytes, in the codings of [compress] siblings. Never of what stays on the
 * server (class private): lengths of compressed secrets tell about them.
 *
 * Below COMPRESS_MIN an answer is one packet either way. A sibling that saves
 * less than COMPRESS_SAVED bytes or a twentieth is not kept: it would cost
 * every client a decoder and every server a file for nothing.
 *
 * No two siblings of a file are equally long, if need be by encode_apart(): web
 * servers make ETags of time and length, and by one ETag for two codings a
 * cache would be told that the bytes it has in the one are those of the other
 * (RFC 9110 8.8.3.3). One that cannot be of another length is not kept. What
 * was set apart and is reused stays so, even where its twin is wanted no more.
 *
 * A site's own x.css.gz (from static/, or another tool's output) wins: no other
 * is made, and where it is x.css compressed it becomes its sibling. Where it is
 * something else, web servers would send it instead of x.css: the warning
 * `stale-sibling`.
 *
 * Each file is an item of b->pool, the one that takes longest first. Memory is
 * bounded by the threads: a file, its siblings, and what generator/encode.h
 * says of one call, so with a max of 8 MiB at most about 110 MB a thread.
 */
#define COMPRESS_MIN 512
#define COMPRESS_SAVED 64

/* What became of the siblings that were looked for. */
struct compress_counts {
	size_t made;	   /* compressed in this run */
	size_t from_cache; /* their bytes were */
	size_t kept;	   /* as in the previous output, with what it is of */
	size_t own;	   /* the site's */
};

#endif
