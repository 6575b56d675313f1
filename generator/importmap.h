#ifndef LOWTIDE_GENERATOR_IMPORTMAP_H
#define LOWTIDE_GENERATOR_IMPORTMAP_H

#include "lib/arena.h"

/*
 * The site's import map (HTML 8.1.6.2): it leads the stable URL by which
 * modules import one another to the fingerprinted one, and says what its bytes
 * are; a bare name, too, where [client] imports says whose it is. The same in
 * every page that has modules. A module works without it, too, by the file that
 * stands under the stable name.
 */
struct import {
	struct str from;      /* "/assets/dom.mjs", "react" */
	struct str to;	      /* "/assets/dom.3f9a2c71d0.mjs" */
	struct str integrity; /* "sha256-…"; empty: of what may change */
	struct str logical;   /* "/assets/react.mjs" */
};

/*
 * Sorts the imports, and returns JSON that may stand inside <script>; the empty
 * view when there are none.
 */
struct str importmap_json(
    struct arena *a, struct import *imports, size_t n_imports);
/* The element around it, as pages have it. */
struct str importmap_element(struct arena *a, struct str json);
/* "'sha256-…'", what a Content-Security-Policy calls this very text. */
struct str importmap_source(struct arena *a, struct str json);

#endif
