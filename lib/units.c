#include "lib/units.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

struct unit {
	const char *name;
	int64_t factor;
};

static const struct unit durations[] = {{"d", 86400000}, {"h", 3600000},
    {"m", 60000}, {"s", 1000}, {"ms", 1}, {NULL, 0}};
static const struct unit sizes[] = {{"GiB", INT64_C(1) << 30},
    {"MiB", INT64_C(1) << 20}, {"KiB", INT64_C(1) << 10}, {"B", 1}, {NULL, 0}};
static const struct unit rates[] = {
    {"/h", 3600000}, {"/m", 60000}, {"/s", 1000}, {NULL, 0}};

/* "<digits><unit>"; which row the unit is, or NULL. */
static const struct unit *split(
    struct str text, const struct unit *rows, int64_t *number)
{
	size_t i = 0;
	int64_t n = 0;

	for (; i < text.n && text.p[i] >= '0' && text.p[i] <= '9'; i++)
		if (__builtin_mul_overflow(n, 10, &n) ||
		    __builtin_add_overflow(n, text.p[i] - '0', &n))
			return NULL;
	if (i == 0)
		return NULL;
	*number = n;
	struct str unit = str_slice(text, i, text.n);
	for (; rows->name; rows++)
		if (str_is(unit, rows->name))
			return rows;
	return NULL;
}

static enum err amount(struct str text, const struct unit *rows, int64_t *out)
{
	int64_t number, product;
	const struct unit *row = split(text, rows, &number);

	if (!row || __builtin_mul_overflow(number, row->factor, &product))
		return ERR_INPUT;
	*out = product;
	return ERR_OK;
}

enum err units_duration(struct str text, int64_t *ms)
{
	return amount(text, durations, ms);
}

enum err units_size(struct str text, int64_t *bytes)
{
	return amount(text, sizes, bytes);
}

enum err units_rate(struct str text, int64_t *count, int64_t *per_ms)
{
	const struct unit *row = split(text, rates, count);

	if (!row || *count == 0)
		return ERR_INPUT;
	*per_ms = row->factor;
	return ERR_OK;
}

struct str units_time(struct arena *a, int64_t unix_ms)
{
	int64_t ms = unix_ms % 1000;
	time_t seconds = (time_t)(unix_ms / 1000);
	if (ms < 0) {
		ms += 1000;
		seconds--;
	}
	struct tm t;
	char text[64];

	if (!gmtime_r(&seconds, &t))
		return STR("9999-12-31T23:59:59.999Z");
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &t);
	return arena_printf(a, "%s.%03dZ", text, (int)ms);
}
