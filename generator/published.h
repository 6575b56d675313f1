#ifndef LOWTIDE_GENERATOR_PUBLISHED_H
#define LOWTIDE_GENERATOR_PUBLISHED_H

#include "generator/build.h"

/*
 * A key that names a file for the web: "openapi.json", "docs/openapi.json".
 * Below www, no part empty or hidden, nothing in it that a URL would have to
 * escape into something else, and not where the web server sends everything to
 * the endpoint. `ending` is what it must end in ("" = anything), `like` a good
 * one. Findings at `pos`: `bad-path`, `path-reserved`.
 */
bool published_path(struct build *b, struct pos pos, struct str path,
    const char *ending, const char *like);

#endif
