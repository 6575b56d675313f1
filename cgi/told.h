#ifndef LOWTIDE_CGI_TOLD_H
#define LOWTIDE_CGI_TOLD_H

#include <stdbool.h>
#include <stdint.h>

#include "cgi/job.h"

/*
 * Which jobs' ends were told to somebody already, for a log that says it once:
 * a table of TOLD_SLOTS, each of which knows the last one that fell into it.
 * So it may forget: a job is told of once more when another one of the same
 * slot came in between, and after every restart; at most one of TOLD_SLOTS
 * does so while two are asked for in turn. It never takes one for another but
 * by chance (2^-64). Pure.
 */
#define TOLD_SLOTS 4096 /* 32 KiB */

struct told;
struct told *told_new(void);
void told_free(struct told *told); /* NULL-safe */
/* Whether it was not there; it is now. NULL remembers nothing: true. */
bool told_first(struct told *told, const uint8_t id[JOB_ID_BYTES]);

#endif
