#ifndef LOWTIDE_CGI_STORE_BOOT_H
#define LOWTIDE_CGI_STORE_BOOT_H

#include <stddef.h>
#include <stdint.h>

#include "lib/err.h"
#include "lib/str.h"

/*
 * Which CLOCK_BOOTTIME this process reads. Two readings can be compared when
 * they come from the same boot and the same time namespace; so the identity is
 *
 *	BOOT_ID+SECONDS.NANOSECONDS
 *
 * /proc/sys/kernel/random/boot_id and the offset that this time namespace adds
 * to boot time. A container that came back with another offset has "rebooted"
 * as far as the times in a store are concerned.
 */
#define BOOT_IDENTITY_MAX 96

/* ERR_IO: /proc is not mounted. */
enum err boot_identity(char out[BOOT_IDENTITY_MAX])
    __attribute__((warn_unused_result));

/*
 * The row "boottime" of /proc/self/timens_offsets, which is
 *
 *	CLOCK SECONDS NANOSECONDS
 *
 * a line, separated by blanks. 0 and 0 where there is no such row: a kernel
 * without time namespaces adds nothing.
 */
void boot_offset(struct str text, int64_t *seconds, int64_t *nanoseconds);

#endif
