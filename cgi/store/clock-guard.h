#ifndef LOWTIDE_CGI_STORE_CLOCK_GUARD_H
#define LOWTIDE_CGI_STORE_CLOCK_GUARD_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Is the wall clock to be trusted with erasing things? A TTL is wall time, and
 * a wall clock that was set wrong by a day would empty a day's results. Boot
 * time cannot be set; so between two readings both clocks must have moved by
 * the same time, whatever the machine did meanwhile (boot time goes on while
 * it is suspended). Where they moved more than CLOCK_APART_MS apart, somebody
 * stepped the wall clock, and nothing is erased until they have agreed for
 * CLOCK_AGREE_MS, or an operator says that the clock is right.
 *
 * After a reboot boot time cannot be compared. Then all is well again, unless
 * the wall clock shows less than before: time does not go back, so it waits as
 * after a step.
 *
 * Pure: times come in, the state is three numbers that whoever keeps it writes
 * down.
 */
#define CLOCK_APART_MS ((int64_t)5 * 60 * 1000)
#define CLOCK_AGREE_MS ((int64_t)10 * 60 * 1000)

struct clock_guard {
	int64_t ms, boot;    /* the last reading; ms 0 = there was none yet,
				boot 0 = it is of another boot */
	int64_t agreed_boot; /* stopped: since when they agree; 0 = it is not */
};

/* By how much the wall clock moved further than boot time since the reading. */
static inline int64_t clock_guard_apart(
    const struct clock_guard *guard, int64_t now_ms, int64_t now_boot)
{
	return (now_ms - guard->ms) - (now_boot - guard->boot);
}
/* Takes a reading. True: expiry has stopped, or goes on again; that is news. */
bool clock_guard_read(
    struct clock_guard *guard, int64_t now_ms, int64_t now_boot);
/* An operator's word: this reading is right. True if expiry was stopped. */
bool clock_guard_trust(
    struct clock_guard *guard, int64_t now_ms, int64_t now_boot);

static inline bool clock_guard_stops(const struct clock_guard *guard)
{
	return guard->agreed_boot != 0;
}
/* When it may go on, if nothing happens till then; 0 = it does not stop. */
static inline int64_t clock_guard_due(const struct clock_guard *guard)
{
	return guard->agreed_boot ? guard->agreed_boot + CLOCK_AGREE_MS : 0;
}

#endif
