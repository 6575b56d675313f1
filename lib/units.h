#ifndef LOWTIDE_LIB_UNITS_H
#define LOWTIDE_LIB_UNITS_H

#include <stdint.h>

#include "lib/arena.h"
#include "lib/err.h"
#include "lib/str.h"

/*
 * The spellings people use for amounts, the same in every TOML file and on
 * every command line. A whole number and one unit, nothing else: no sign, no
 * fraction, no space. ERR_INPUT for anything but that and for what does not fit
 * 63 bits.
 */
/* "250ms", "10s", "15m", "24h", "30d" → milliseconds */
enum err units_duration(struct str text, int64_t *ms);
/* "512B", "64KiB", "8MiB", "1GiB" → bytes */
enum err units_size(struct str text, int64_t *bytes);
/* "150/m", "5/s", "1000/h" → so many in so many milliseconds */
enum err units_rate(struct str text, int64_t *count, int64_t *per_ms);

/*
 * RFC 3339 with milliseconds in UTC, "2026-11-21T08:30:00.000Z". A time before
 * the year 0 or after 9999, which that cannot say, becomes the nearest one that
 * it can.
 */
struct str units_time(struct arena *a, int64_t unix_ms);
#define UNITS_TIME 24 /* bytes of it */

#endif
