#ifndef LOWTIDE_GENERATOR_EMBED_H
#define LOWTIDE_GENERATOR_EMBED_H

#include <stdbool.h>

#include "lib/str.h"

/*
 * The files below templates/, inside the program: build/embed.S is made by the
 * Makefile from the list of them (.incbin). So lowtide is one file to install.
 */
struct embedded {
	const char *name; /* "client/oauth.mjs.mustache" */
	const unsigned char *start, *end;
};
/* Sorted by name; .name NULL ends. */
extern const struct embedded embedded_files[];
/* False when there is no such file. */
bool embed_find(struct str name, struct str *bytes);

#endif
