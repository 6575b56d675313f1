#ifndef LOWTIDE_CGI_STORE_GATE_H
#define LOWTIDE_CGI_STORE_GATE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "cgi/store/store.h"

/*
 * What the programs of one store tell each other without asking the disk: a
 * page of memory they share, beside the database as gate.page (store.md 3, 8).
 * Everything in it is advice. It may be lost, old or from before a reboot, and
 * then something is done too early, too late or in vain, but never wrongly:
 * the locks are the turnstile's and SQLite's.
 *
 * The gate itself is a time until which no new reader should begin. Whoever
 * starts the log over shuts it, so that the readers that are there go and no
 * new ones come. A time and no lock, because looking at it costs a reader
 * nothing, and because it opens by itself: one who died or was stopped behind
 * it holds up nobody for longer than he asked for.
 *
 * Only whoever has the turn writes here.
 */
struct gate_page {
	_Atomic int64_t shut_until; /* CLOCK_BOOTTIME, ms */
	_Atomic int64_t wal_bytes;  /* the log, as of the last commit */
	_Atomic int64_t wal_next;   /* when it is next to be started over */
	_Atomic int64_t try_boot;   /* when a log past wal_full is next tried */
	/*
	 * Something was erased, and the log may still have it. 0: nothing;
	 * GATE_OWED: yes, since just now; else when it is to be emptied.
	 */
	_Atomic int64_t erase_boot;
};
#define GATE_OWED 1
#define GATE_SHUT_MAX_MS 500 /* a time further away is none of ours */

struct gate {
	struct gate_page *page; /* never NULL while open */
	bool is_shared;		/* false: there is no file; a page of its own */
};

/*
 * STORE_WRITES makes the file when it is missing and gives it its room on the
 * disk, so that no access can fail for want of it. The others look at what
 * there is. Findings: `io-error`, `store-full`.
 */
enum err gate_open(const char *dir, enum store_role role, struct diag *diag,
    struct gate *out) __attribute__((warn_unused_result));
void gate_close(struct gate *gate); /* NULL-safe page */
/* For so many milliseconds at most, GATE_SHUT_MAX_MS at most. */
void gate_shut(struct gate *gate, int64_t ms);
void gate_reopen(struct gate *gate);
/* How many milliseconds it stays shut; 0 = it is open, told without a clock. */
int64_t gate_shut_ms(const struct gate *gate);

#endif
