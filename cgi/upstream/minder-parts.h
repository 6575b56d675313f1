#ifndef LOWTIDE_CGI_UPSTREAM_MINDER_PARTS_H
#define LOWTIDE_CGI_UPSTREAM_MINDER_PARTS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "cgi/upstream/exec-parts.h"

/*
 * Inside a minder: what minder.c (its life), minder-start.c (the program's
 * first steps) and minder-family.c (its descendants) share.
 */
struct minded {
	char *const *argv; /* of the program */
	const char *path;
	int64_t stop_ms, memory, cpu_ms, disk, processes;
};

/*
 * To the worker, who has it before anything that the program says then. False:
 * he is gone.
 */
bool minder_say(enum exec_word word, int value);

/*
 * Starts the program in the folder, as the leader of a new group: its number,
 * or -1 with errno: it surely never ran.
 */
pid_t minder_start(const struct minded *m, int folder_fd);

/* SIGKILL to each descendant of ours that still runs. */
void minder_kill_family(void);
/* Processes and threads of this user; 0 = it cannot be told. */
size_t minder_count_tasks(void);

#endif
