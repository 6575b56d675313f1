#ifndef LOWTIDE_LIB_CONFIG_READS_H
#define LOWTIDE_LIB_CONFIG_READS_H

#include "lib/config.h"

/*
 * Reads in lowtide.json are three lists: reads, and what belongs to each, by
 * its name, all of one read together. Once in memory a read has its own part
 * of the lists. For config.c and whoever makes a configuration by hand.
 */

/* Sets .ids, .n_ids, .calls and .n_calls of each read. */
void config_link_reads(struct config *c);
/* What is wrong with them, in words; NULL = nothing. */
const char *config_check_reads(const struct config *c);

#endif
