#ifndef LOWTIDE_GENERATOR_SERVE_PLACE_H
#define LOWTIDE_GENERATOR_SERVE_PLACE_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/arena.h"
#include "lib/diag.h"
#include "lib/err.h"

/*
 * Where `lowtide serve` keeps what.
 *
 *   state  kept from run to run: jobs.db, keys, logs. DIR/.lowtide, 0700.
 *   run    this run only, below the temporary folder (socket paths are short:
 *          108 bytes): the release, sockets, nginx's own files. Removed.
 *
 * Started by root, everything below runs as nobody, who can neither walk
 * through /root nor read there. So the programs and the site are copied into
 * `run`, and the state lives in SERVE_ROOT_STATE/<hash of the site's path>,
 * with DIR/.lowtide a symlink to it.
 */
#define SERVE_ROOT_STATE "/var/lib/lowtide/serve"

struct place {
	bool as_root;
	const char *site;  /* real path of the site folder */
	const char *state; /* real path */
	const char *run;
	/* of the programs and the site as the children can reach them */
	const char *nginx, *cgi, *worker, *jobs, *read;
	const char *work; /* the site folder, or its copy */
};

/*
 * `self` is the folder of this program: its siblings are preferred, then PATH
 * (and the sbin beside each bin of it, for nginx). Missing programs:
 * `nginx-missing` …, each with what to install; `already-served` when another
 * serve holds the state. Whatever was made is removed by place_release().
 */
enum err place_make(struct arena *a, const char *self, const char *dir,
    struct diag *diag, struct place *out) __attribute__((warn_unused_result));
/* Makes `state`/keys by `lowtide-jobs keygen` where it is missing. */
enum err place_keys(struct arena *a, const struct place *place,
    struct diag *diag, const char **keys) __attribute__((warn_unused_result));
void place_release(struct place *place); /* removes run, NULL-safe */

/* `program-missing` where there is no lowtide-read, which few sites need. */
enum err place_read(const struct place *place, struct diag *diag)
    __attribute__((warn_unused_result));

/* A program by its name, in PATH; NULL when it is not there. */
const char *place_program(struct arena *a, const char *name);
/* Makes a path nobody's own. */
enum err place_give(const char *path, struct diag *diag)
    __attribute__((warn_unused_result));

/* A listening socket, `run`/NAME. */
enum err place_socket(struct arena *a, const struct place *place,
    const char *name, struct diag *diag, const char **path, int *fd)
    __attribute__((warn_unused_result));
/* ERR_CONFLICT with `port-busy` when somebody listens there already. */
enum err place_port(uint16_t port, struct diag *diag)
    __attribute__((warn_unused_result));
/* A port that is free now. */
enum err place_free_port(uint16_t *port, struct diag *diag)
    __attribute__((warn_unused_result));

#endif
