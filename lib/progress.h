#ifndef LOWTIDE_LIB_PROGRESS_H
#define LOWTIDE_LIB_PROGRESS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * One line on a terminal for work that takes more than a second: "compressing
 * 1,204 of 3,816 files". It is rewritten in place, at most ten times a second,
 * and gone when the work is done; the second counts from progress_init(), so
 * that several short works after each other show as well. Where stderr is no
 * terminal, with --quiet,
 * --json or CI in the environment, nothing is ever written.
 */
struct progress {
	bool shown; /* may it be: decided once, by progress_init() */
	const char *what, *noun;
	_Atomic size_t done;
	size_t total;
	_Atomic int64_t next_ms; /* no line before; monotonic */
	_Atomic bool drawn;
};
void progress_init(struct progress *p, bool quiet);
/*
 * Literals: "compressing", "files". A total of 0 is not known beforehand.
 * NULL-safe, all of them.
 */
void progress_begin(
    struct progress *p, const char *what, const char *noun, size_t total);
void progress_step(struct progress *p); /* any thread */
/* So many are done, of so many: for work that counts itself. One thread. */
void progress_at(struct progress *p, size_t done, size_t total);
void progress_end(struct progress *p);

#endif
