#ifndef LOWTIDE_GENERATOR_TOML_H
#define LOWTIDE_GENERATOR_TOML_H

#include "lib/err.h"
#include "lib/value.h"

/*
 * TOML 1.0 into a struct value tree, through toml++ (generator/toml.cc, the
 * only C++ in lowtide; no exception leaves it). Tables are sorted by key, as
 * the library keeps them; every key and value carries its place.
 */
#define TOML_MAX ((size_t)16 * 1024 * 1024) /* bytes of one file */
#define TOML_LINE_MAX ((size_t)1024 * 1024)
#define TOML_DEPTH_MAX 64

#ifdef __cplusplus
extern "C" {
#endif
/*
 * `file` is named in findings: `toml-syntax` (the first error only: the
 * library tells no more), ERR_TOO_LARGE with `toml-too-large`. Strings are
 * copied into the arena.
 */
enum err toml_read(struct arena *a, struct str text, const char *file,
    struct diag *diag, struct value **out) __attribute__((warn_unused_result));
#ifdef __cplusplus
}
#endif

#endif
