#include "lib/units.h"

#include <string.h>

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

/* ---- times ----------------------------------------------------------------
 */

#define DAY_MS INT64_C(86400000)
#define YEAR_0_DAYS 719528     /* from 0000-01-01 to 1970-01-01 */
#define YEAR_9999_DAYS 2932896 /* from 1970-01-01 to 9999-12-31 */

static void put_digits(char *out, size_t n, int64_t number)
{
	for (; n; number /= 10)
		out[--n] = (char)('0' + number % 10);
}

/*
 * Counted in years that begin in March: then the leap day is the last day of
 * its year, of its four, and of its four hundred years, and months before it
 * take 153 days for each five.
 */
static void put_date(char *out, int64_t days_since_1970)
{
	const int64_t days_of_400 = 146097, days_of_100 = 36524,
		      days_of_4 = 1461;
	/* + 400 years, so that January and February of the year 0 are >= 0 */
	int64_t days = days_since_1970 + YEAR_0_DAYS - 60 + days_of_400;
	int64_t era = days / days_of_400, day = days % days_of_400;
	int64_t century = day / days_of_100;

	century -= century == 4; /* the 400 years' own leap day */
	day -= century * days_of_100;
	int64_t four = day / days_of_4;
	day -= four * days_of_4;
	int64_t year = day / 365;
	year -= year == 4; /* the four years' */
	day -= year * 365;
	int64_t month = (5 * day + 2) / 153; /* 0 = March */
	day -= (153 * month + 2) / 5;
	year += 4 * four + 100 * century + 400 * (era - 1) + month / 10;
	put_digits(out, 4, year);
	put_digits(out + 5, 2, (month + 2) % 12 + 1);
	put_digits(out + 8, 2, day + 1);
}

struct str units_time(struct arena *a, int64_t unix_ms)
{
	char text[UNITS_TIME + 1] = "0000-00-00T00:00:00.000Z";
	int64_t days = unix_ms / DAY_MS, ms = unix_ms % DAY_MS;

	if (ms < 0) {
		ms += DAY_MS;
		days--;
	}
	if (days < -YEAR_0_DAYS) {
		days = -YEAR_0_DAYS;
		ms = 0;
	} else if (days > YEAR_9999_DAYS) {
		days = YEAR_9999_DAYS;
		ms = DAY_MS - 1;
	}
	put_date(text, days);
	put_digits(text + 11, 2, ms / 3600000);
	put_digits(text + 14, 2, ms / 60000 % 60);
	put_digits(text + 17, 2, ms / 1000 % 60);
	put_digits(text + 20, 3, ms % 1000);
	return arena_str(a, (struct str){.p = text, .n = UNITS_TIME});
}
