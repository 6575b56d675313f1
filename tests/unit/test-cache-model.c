#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "cgi/read/cache.h"
#include "tests/unit/model-kit.h"

/*
 * The model is a list of all that was ever put and may still be there. It holds
 * a reference to each blob of its own: whether the cache has one as well is
 * seen without asking it. What is to go for want of room is the policy's; that
 * it went only then, and no more than was needed, is the model's.
 */
#define KEYS 600
#define HELD 16
#define DAY INT64_C(86400000)

struct item {
	struct cached c; /* blob NULL: never put, or known to be gone */
	size_t bytes;
	char name[48];
};
struct model {
	struct read_cache *cache;
	size_t bytes_max;
	struct item items[KEYS];
	struct cached held[HELD]; /* by somebody who was given them */
	uint64_t version;
	struct cache_stats told; /* as it was */
};

static void key_of(uint32_t n, uint8_t key[READ_KEY_BYTES])
{
	memset(key, 0, READ_KEY_BYTES);
	/* some differ in one byte alone, and not in the first */
	key[n % READ_KEY_BYTES] = (uint8_t)(n / READ_KEY_BYTES);
	key[(n + 7) % READ_KEY_BYTES] ^= 0x5a;
}

static bool is_over(const struct item *it, int64_t now)
{
	return it->c.spare_boot <= now;
}

static void forget(struct item *it)
{
	blob_unref(it->c.blob);
	*it = (struct item){0};
}

/* Those that somebody holds besides have one reference more. */
static uint32_t holders(const struct model *m, const struct blob *blob)
{
	uint32_t n = 0;

	for (size_t i = 0; i < HELD; i++)
		n += m->held[i].blob == blob;
	return n;
}

/* What it says of itself is what it has; whatever went is forgotten. */
static void audit(struct model *m)
{
	struct cache_stats s;
	uint64_t entries = 0, bytes = 0;

	for (size_t i = 0; i < KEYS; i++) {
		struct item *it = &m->items[i];
		if (!it->c.blob)
			continue;
		const uint32_t refs = it->c.blob->refs - holders(m, it->c.blob);
		assert_true(refs == 1 || refs == 2);
		if (refs == 1) {
			forget(it);
			continue;
		}
		entries++;
		bytes += it->bytes;
	}
	read_cache_stats(m->cache, &s);
	assert_int_equal(s.entries, entries);
	assert_int_equal(s.bytes, bytes);
	assert_true(s.bytes <= m->bytes_max);
}

static bool in_cache(const struct model *m, const struct item *it)
{
	return it->c.blob && it->c.blob->refs - holders(m, it->c.blob) == 2;
}

static void get(struct draw *d, struct model *m, int64_t now)
{
	const uint32_t n = (uint32_t)draw_to(d, 1 + draw_to(d, KEYS));
	struct item *it = &m->items[n];
	const bool there = in_cache(m, it) && !is_over(it, now);
	struct cached out = {0};
	uint8_t key[READ_KEY_BYTES];

	key_of(n, key);
	assert_int_equal(read_cache_get(m->cache, key, now, &out), there);
	if (!there) {
		assert_null(out.blob);
		/* what was over is gone, what was not there does not come */
		assert_false(in_cache(m, it));
		return;
	}
	assert_ptr_equal(out.blob, it->c.blob);
	assert_int_equal(out.fresh_boot, it->c.fresh_boot);
	assert_int_equal(out.stale_boot, it->c.stale_boot);
	assert_int_equal(out.spare_boot, it->c.spare_boot);
	if (draw_percent(d, 10)) {
		struct cached *h = &m->held[draw_to(d, HELD)];
		blob_unref(h->blob);
		*h = out;
		blob_ref(h->blob);
	}
}

/* Bodies say whose they are, so that another's would be seen. */
static struct blob *draw_blob(
    struct draw *d, struct model *m, uint32_t key, int64_t now)
{
	static char body[40000];
	const int most = draw_percent(d, 3) ? (int)sizeof(body) : 900;
	const int n = snprintf(body, sizeof(body), "%u %llu ", key,
	    (unsigned long long)++m->version);
	const int all = n + (int)draw_to(d, most - n);

	memset(body + n, 'x', (size_t)(all - n));
	return blob_new((struct str){body, (size_t)all}, 200, now);
}

static int64_t draw_span(struct draw *d)
{
	switch (draw_to(d, 6)) {
	case 0:
		return 0;
	case 1:
		return draw_to(d, 3000);
	case 2:
		return draw_to(d, 2 * DAY);
	case 3:
		return draw_percent(d, 20) ? draw_to(d, 400) * DAY : 1;
	default:
		return draw_to(d, 120000);
	}
}

/* Which of those that were in it went; the largest of them. */
static size_t largest_that_went(
    const struct model *m, const bool *was, uint32_t but, uint64_t *n)
{
	size_t largest = 0;

	*n = 0;
	for (size_t i = 0; i < KEYS; i++) {
		if (!was[i] || i == but || in_cache(m, &m->items[i]))
			continue;
		++*n;
		if (m->items[i].bytes > largest)
			largest = m->items[i].bytes;
	}
	return largest;
}

static void put(struct draw *d, struct model *m, int64_t now)
{
	const uint32_t n = (uint32_t)draw_to(d, 1 + draw_to(d, KEYS));
	struct item *it = &m->items[n];
	struct item fresh = {.c.blob = draw_blob(d, m, n, now)};
	struct cache_stats before, after;
	uint8_t key[READ_KEY_BYTES];
	bool was[KEYS];

	fresh.c.fresh_boot = now + draw_span(d) - draw_to(d, 2);
	fresh.c.stale_boot = fresh.c.fresh_boot + draw_span(d);
	fresh.c.spare_boot = fresh.c.stale_boot + draw_span(d);
	snprintf(fresh.name, sizeof(fresh.name), "up%u/%s%u", n % 7,
	    draw_percent(d, 2) ? "other/" : "", n);
	fresh.bytes =
	    CACHE_ENTRY_OVERHEAD + strlen(fresh.name) + fresh.c.blob->n;
	for (size_t i = 0; i < KEYS; i++)
		was[i] = in_cache(m, &m->items[i]);
	const size_t had = was[n] ? it->bytes : 0;
	read_cache_stats(m->cache, &before);
	key_of(n, key);
	read_cache_put(m->cache, key, str_of(fresh.name), &fresh.c, now);
	read_cache_stats(m->cache, &after);
	/* it is the last word on that key, whether it is kept or not */
	assert_false(in_cache(m, it));
	forget(it);
	*it = fresh;
	const bool kept =
	    fresh.c.spare_boot > now && fresh.bytes <= m->bytes_max / 8;
	assert_int_equal(after.put - before.put, kept);
	assert_int_equal(after.refused - before.refused, !kept);
	uint64_t went;
	const size_t largest = largest_that_went(m, was, n, &went);
	went += kept && !in_cache(m, it);
	assert_int_equal(went,
	    after.evicted - before.evicted + after.expired - before.expired);
	if (went) {
		assert_true(before.bytes - had + fresh.bytes > m->bytes_max);
		assert_true(
		    after.bytes +
			(largest > fresh.bytes ? largest : fresh.bytes) >
		    m->bytes_max);
	} else {
		assert_int_equal(
		    after.bytes, before.bytes - had + (kept ? fresh.bytes : 0));
	}
}

static void purge(struct draw *d, struct model *m)
{
	static const char *const prefixes[] = {
	    "up1/", "up2/other/", "up", "up3", "nobody/", "up4/11", ""};
	const char *prefix = prefixes[draw_to(d, 7)];
	size_t n = 0;

	for (size_t i = 0; i < KEYS; i++)
		n += in_cache(m, &m->items[i]) &&
		     strncmp(m->items[i].name, prefix, strlen(prefix)) == 0;
	assert_int_equal(read_cache_purge(m->cache, str_of(prefix)), n);
	for (size_t i = 0; i < KEYS; i++)
		assert_false(
		    in_cache(m, &m->items[i]) &&
		    strncmp(m->items[i].name, prefix, strlen(prefix)) == 0);
}

/* After it, what is over is gone but for the second that is not. */
static int64_t sweep(struct model *m, int64_t now)
{
	int64_t due, first = INT64_MAX;

	while ((due = read_cache_sweep(m->cache, now)) && due <= now)
		assert_int_equal(due, now);
	for (size_t i = 0; i < KEYS; i++) {
		const struct item *it = &m->items[i];
		if (!in_cache(m, it))
			continue;
		assert_true(it->c.spare_boot > now - 2048);
		if (it->c.spare_boot < first)
			first = it->c.spare_boot;
	}
	if (first == INT64_MAX)
		assert_int_equal(due, 0);
	else
		assert_true(due > now && due <= first + 2048);
	return due;
}

/* Everybody who holds one still reads what it was. */
static void look_at_held(const struct model *m)
{
	for (size_t i = 0; i < HELD; i++) {
		const struct blob *b = m->held[i].blob;
		if (b && b->n > 20)
			assert_int_equal(b->bytes[b->n - 1], 'x');
	}
}

static void one_life(struct draw *d, uint64_t steps, size_t bytes_max)
{
	static struct model m;
	int64_t now = 1 + draw_to(d, INT64_C(1) << 40);

	m = (struct model){.bytes_max = bytes_max,
	    .cache = read_cache_new(bytes_max, draw(d))};
	for (uint64_t i = 0; i < steps; i++) {
		const int64_t what = draw_to(d, 1000);
		if (draw_percent(d, 10))
			now += draw_percent(d, 1) ? draw_to(d, 300 * DAY)
						  : draw_to(d, 3000);
		if (what < 600)
			get(d, &m, now);
		else if (what < 950)
			put(d, &m, now);
		else if (what < 995)
			sweep(&m, now);
		else if (what < 996)
			purge(d, &m);
		else
			audit(&m);
	}
	look_at_held(&m);
	audit(&m);
	/* whoever comes when he is told to sees all of them go */
	for (int64_t due = now, n = 0; due; n++) {
		assert_true(n < 100000);
		due = sweep(&m, due);
	}
	audit(&m);
	for (size_t i = 0; i < KEYS; i++)
		assert_null(m.items[i].c.blob);
	read_cache_free(m.cache);
	for (size_t i = 0; i < HELD; i++)
		blob_unref(m.held[i].blob);
}

static void as_the_model(void **unused)
{
	static const size_t sizes[] = {0, 3000, 20000, 100000, 400000, 1 << 26};
	struct draw d = draw_begin(240000);
	size_t i = 0;

	(void)unused;
	for (uint64_t done = 0; done < d.steps; done += 10000)
		one_life(&d, 10000, sizes[i++ % 6]);
}

/* ---- by hand ------------------------------------------------------------- */

static void put_one(struct read_cache *cache, uint32_t n, const char *name,
    size_t size, int64_t now, int64_t spare)
{
	static char body[100000];
	struct blob *blob = blob_new((struct str){body, size}, 200, now);
	const struct cached entry = {blob, now, now, spare};
	uint8_t key[READ_KEY_BYTES] = {0};

	memcpy(key + 11, &n, sizeof(n));
	read_cache_put(cache, key, str_of(name), &entry, now);
	blob_unref(blob);
}

static bool has(struct read_cache *cache, uint32_t n, int64_t now)
{
	uint8_t key[READ_KEY_BYTES] = {0};
	struct cached out;

	memcpy(key + 11, &n, sizeof(n));
	return read_cache_get(cache, key, now, &out);
}

static struct cache_stats stats(const struct read_cache *cache)
{
	struct cache_stats s;

	read_cache_stats(cache, &s);
	return s;
}

static void over_at_its_time(void **unused)
{
	struct read_cache *cache = read_cache_new(10000, 1);

	(void)unused;
	put_one(cache, 1, "a/b", 5, 100, 1000);
	assert_true(has(cache, 1, 100));
	assert_true(has(cache, 1, 999));
	assert_false(has(cache, 1, 1000));
	assert_int_equal(stats(cache).expired, 1);
	assert_int_equal(stats(cache).entries, 0);
	assert_false(has(cache, 1, 999)); /* it does not come back */
	put_one(cache, 1, "a/b", 5, 1000, 1000);
	assert_false(has(cache, 1, 1000));
	assert_int_equal(stats(cache).refused, 1);
	read_cache_free(cache);
	read_cache_free(NULL);
}

static void an_eighth_at_most(void **unused)
{
	struct read_cache *cache = read_cache_new(8000, 1);
	const size_t most = 1000 - CACHE_ENTRY_OVERHEAD - 1;

	(void)unused;
	put_one(cache, 1, "a", most, 1, 100);
	assert_true(has(cache, 1, 1));
	assert_int_equal(stats(cache).bytes, 1000);
	put_one(cache, 1, "a", most + 1, 1, 100);
	assert_false(has(cache, 1, 1)); /* nor what it was before */
	assert_int_equal(stats(cache).refused, 1);
	assert_int_equal(stats(cache).bytes, 0);
	read_cache_free(cache);
	cache = read_cache_new(0, 1);
	put_one(cache, 1, "", 0, 1, 100);
	assert_false(has(cache, 1, 1));
	assert_int_equal(read_cache_sweep(cache, 1), 0);
	read_cache_free(cache);
}

static void purged_by_what_names_begin_with(void **unused)
{
	struct read_cache *cache = read_cache_new(100000, 1);

	(void)unused;
	put_one(cache, 1, "people/person/1", 5, 1, 100);
	put_one(cache, 2, "people/person/12", 5, 1, 100);
	put_one(cache, 3, "people/tier/1", 5, 1, 100);
	put_one(cache, 4, "risk/person/1", 5, 1, 100);
	assert_int_equal(read_cache_purge(cache, STR("people/person/12/")), 0);
	assert_int_equal(read_cache_purge(cache, STR("people/person/1")), 2);
	assert_false(has(cache, 1, 1));
	assert_false(has(cache, 2, 1));
	assert_true(has(cache, 3, 1));
	assert_int_equal(read_cache_purge(cache, STR("")), 2);
	assert_int_equal(stats(cache).purged, 4);
	assert_int_equal(stats(cache).bytes, 0);
	read_cache_free(cache);
}

/* Ten thousand that are over at one time do not hold up whoever waits. */
static void a_bounded_number_at_once(void **unused)
{
	struct read_cache *cache = read_cache_new((size_t)64 << 20, 1);
	uint64_t left = 10000;
	int64_t due = 0;

	(void)unused;
	for (uint32_t i = 0; i < left; i++)
		put_one(cache, i, "a", 5, 1, 5000);
	assert_true(read_cache_sweep(cache, 1) >= 5000);
	do {
		due = read_cache_sweep(cache, 10000);
		const uint64_t now_left = stats(cache).entries;
		assert_true(now_left < left && left - now_left <= 1000);
		left = now_left;
		assert_int_equal(due, left ? 10000 : 0);
	} while (left);
	assert_int_equal(stats(cache).expired, 10000);
	read_cache_free(cache);
}

/* A year ahead at once: whoever sleeps and wakes finds nothing left. */
static void a_clock_that_jumps(void **unused)
{
	static const int64_t spans[] = {1, 1023, 1024, 60000, 65536, 70000,
	    3600000, DAY, 3 * DAY, 30 * DAY, 199 * DAY, 300 * DAY, 900 * DAY};
	const size_t n = sizeof(spans) / sizeof(spans[0]);

	(void)unused;
	for (size_t jump = 0; jump < n; jump++) {
		struct read_cache *cache = read_cache_new(100000, 1);
		const int64_t start = 123456789;
		for (uint32_t i = 0; i < n; i++)
			put_one(cache, i, "a", 5, start, start + spans[i]);
		const int64_t now = start + spans[jump] + 1024;
		while (read_cache_sweep(cache, now) == now)
			;
		for (uint32_t i = 0; i < n; i++)
			assert_int_equal(
			    has(cache, i, now), spans[i] + start > now);
		/* those that are over went by the sweep, not by being asked
		   for */
		int64_t due = now;
		for (int turns = 0; due; turns++) {
			assert_true(turns < 1000);
			due = read_cache_sweep(cache, due);
		}
		assert_int_equal(stats(cache).entries, 0);
		assert_int_equal(stats(cache).expired, n);
		read_cache_free(cache);
	}
}

/* However many there are, each is found, and no other's. */
static void a_table_that_grows(void **unused)
{
	struct read_cache *cache = read_cache_new((size_t)64 << 20, 9);
	const uint32_t n = 60000;

	(void)unused;
	for (uint32_t i = 0; i < n; i++)
		put_one(cache, i, "a", i % 50, 1, 5000);
	assert_int_equal(stats(cache).entries, n);
	for (uint32_t i = 0; i < n; i++)
		assert_true(has(cache, i, 1));
	for (uint32_t i = n; i < 2 * n; i++)
		assert_false(has(cache, i, 1));
	read_cache_free(cache);
}

/* Another name under the same key is another answer. */
static void a_name_that_changes(void **unused)
{
	struct read_cache *cache = read_cache_new(100000, 1);

	(void)unused;
	put_one(cache, 1, "a/1", 5, 1, 100);
	put_one(cache, 1, "b/1", 5, 1, 100);
	assert_int_equal(stats(cache).entries, 1);
	assert_int_equal(read_cache_purge(cache, STR("a/")), 0);
	assert_int_equal(read_cache_purge(cache, STR("b/")), 1);
	read_cache_free(cache);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(over_at_its_time),
	    cmocka_unit_test(an_eighth_at_most),
	    cmocka_unit_test(purged_by_what_names_begin_with),
	    cmocka_unit_test(a_bounded_number_at_once),
	    cmocka_unit_test(a_clock_that_jumps),
	    cmocka_unit_test(a_table_that_grows),
	    cmocka_unit_test(a_name_that_changes),
	    cmocka_unit_test(as_the_model),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("cache-model", tests, NULL, NULL);
}
