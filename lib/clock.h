#ifndef LOWTIDE_LIB_CLOCK_H
#define LOWTIDE_LIB_CLOCK_H

#include <stdint.h>

/*
 * The clocks, for those at the rim that may look at them: mains, the loop, the
 * supervisor. Everything further in is handed the time, so that tests and the
 * simulator can make it.
 *
 * Wall-clock time (Unix milliseconds) is what people and documents see; it may
 * jump. Boot time counts on through suspend and never jumps: leases and waits.
 * Monotonic time is for how long this process has been waiting.
 */
int64_t clock_wall_ms(void);
int64_t clock_boot_ms(void);
int64_t clock_monotonic_ms(void);

#endif
