#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <math.h>
#include <string.h>

#include <cmocka.h>

#include "cgi/read/cache-parts.h"
#include "tests/unit/model-kit.h"

/*
 * Whether the policy is worth its lines: how often it has what is asked for,
 * beside a cache of as many bytes that keeps what was asked for last. Relations
 * alone are asserted; the figures are told.
 */
#define HOT 20000 /* keys that are asked for again and again */
#define KEYS_MAX 400000
#define ROOM ((size_t)1000 * 1000)

/* Keeps what was asked for last: a list through arrays, by key. */
struct lru {
	size_t bytes;
	uint32_t next[KEYS_MAX + 1], prev[KEYS_MAX + 1]; /* [0]: the head */
	bool in[KEYS_MAX + 1];
};
struct race {
	struct draw d;
	struct read_cache *cache;
	struct lru *lru;
	double *upto;  /* Zipf's distribution, summed */
	uint32_t once; /* the last key that was asked for once */
	bool sizes;    /* of several */
	uint64_t asked, ours, theirs;
};

static size_t size_of(const struct race *r, uint32_t key)
{
	return r->sizes ? key * 2654435761u % 4000 : 500;
}

static size_t charge_of(const struct race *r, uint32_t key)
{
	return CACHE_ENTRY_OVERHEAD + 1 + size_of(r, key);
}

static void lru_out(struct lru *l, uint32_t k)
{
	l->next[l->prev[k]] = l->next[k];
	l->prev[l->next[k]] = l->prev[k];
}

static void lru_in(struct lru *l, uint32_t k)
{
	l->next[k] = l->next[0];
	l->prev[k] = 0;
	l->prev[l->next[0]] = k;
	l->next[0] = k;
}

static bool lru_ask(struct race *r, uint32_t k)
{
	struct lru *l = r->lru;
	const bool hit = l->in[k];

	if (hit)
		lru_out(l, k);
	else
		l->bytes += charge_of(r, k);
	l->in[k] = true;
	lru_in(l, k);
	while (l->bytes > ROOM) {
		const uint32_t goes = l->prev[0];
		lru_out(l, goes);
		l->in[goes] = false;
		l->bytes -= charge_of(r, goes);
	}
	return hit;
}

static bool our_ask(struct race *r, uint32_t k)
{
	static char body[4000];
	uint8_t key[READ_KEY_BYTES] = {0};
	struct cached c;

	memcpy(key, &k, sizeof(k));
	if (read_cache_get(r->cache, key, 1, &c))
		return true;
	c = (struct cached){
	    blob_new((struct str){body, size_of(r, k)}, 200, 1), 2, 2, 2};
	read_cache_put(r->cache, key, STR("n"), &c, 1);
	blob_unref(c.blob);
	return false;
}

static void ask(struct race *r, uint32_t k)
{
	r->asked++;
	r->ours += our_ask(r, k);
	r->theirs += lru_ask(r, k);
}

static uint32_t zipf(struct race *r)
{
	const double at = (double)draw(&r->d) / 4294967296.0 * r->upto[HOT - 1];
	size_t from = 0, to = HOT - 1;

	while (from < to) {
		const size_t mid = (from + to) / 2;
		if (r->upto[mid] <= at)
			from = mid + 1;
		else
			to = mid;
	}
	return (uint32_t)from + 1;
}

static void scan(struct race *r, int n)
{
	while (n-- && r->once < KEYS_MAX)
		ask(r, ++r->once);
}

static void tell(const struct race *r, const char *what)
{
	printf("# %s: of %llu asked for, had %.1f %% (LRU %.1f %%)\n", what,
	    (unsigned long long)r->asked,
	    100.0 * (double)r->ours / (double)r->asked,
	    100.0 * (double)r->theirs / (double)r->asked);
}

static void again(struct race *r)
{
	r->asked = r->ours = r->theirs = 0;
}

static int up(void **state)
{
	static struct race r;

	r = (struct race){.d = draw_begin(0), .once = 2 * HOT};
	r.cache = read_cache_new(ROOM, draw(&r.d));
	r.lru = calloc(1, sizeof(*r.lru));
	r.upto = calloc(HOT, sizeof(*r.upto));
	if (!r.lru || !r.upto)
		return -1;
	double sum = 0;
	for (int i = 0; i < HOT; i++)
		r.upto[i] = sum += pow(i + 1, -0.9);
	*state = &r;
	return 0;
}

static int down(void **state)
{
	struct race *r = *state;

	read_cache_free(r->cache);
	free(r->lru);
	free(r->upto);
	return 0;
}

static void what_many_ask_for(void **state)
{
	struct race *r = *state;

	for (int i = 0; i < 100000; i++)
		ask(r, zipf(r));
	tell(r, "Zipf");
	assert_true(r->ours > r->theirs);
}

/* Now and then somebody asks for three thousand things once. */
static void and_one_who_asks_for_all(void **state)
{
	struct race *r = *state;

	for (int i = 0; i < 100000; i++) {
		ask(r, zipf(r));
		if (i % 5000 == 0)
			scan(r, 3000);
	}
	tell(r, "Zipf and scans");
	assert_true(r->ours > r->theirs);
}

static void of_all_sizes(void **state)
{
	struct race *r = *state;

	r->sizes = true;
	for (int i = 0; i < 100000; i++) {
		ask(r, zipf(r));
		if (i % 5000 == 0)
			scan(r, 3000);
	}
	tell(r, "Zipf and scans, of all sizes");
	assert_true(r->ours > r->theirs);
}

/* Round and round a little more than there is room for: LRU never has it. */
static void round_and_round(void **state)
{
	struct race *r = *state;
	const uint32_t fit = ROOM / charge_of(r, 1);

	for (int i = 0; i < 30; i++)
		for (uint32_t k = 1; k <= fit + fit / 5; k++)
			ask(r, k);
	tell(r, "round and round");
	assert_int_equal(r->theirs, 0);
	assert_true(r->ours > r->asked / 4);
}

/* Yesterday's are forgotten: it comes to have what is asked for now. */
static void what_many_ask_for_changes(void **state)
{
	struct race *r = *state;

	for (int i = 0; i < 100000; i++)
		ask(r, zipf(r));
	again(r);
	for (int i = 0; i < 50000; i++)
		ask(r, HOT + zipf(r));
	tell(r, "others, at first");
	again(r);
	for (int i = 0; i < 50000; i++)
		ask(r, HOT + zipf(r));
	tell(r, "others, then");
	assert_true(r->ours > r->theirs);
}

/* ---- the sketch ---------------------------------------------------------- */

static uint64_t hash_of(uint32_t key)
{
	uint64_t z = key * 0x9e3779b97f4a7c15u;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

/* Until they are halved, never less than it was; of most, exactly that. */
static void counts_are_not_too_low(void **state)
{
	enum { N = 4096 };
	static unsigned counts[N];
	struct race *r = *state;
	struct sketch s;
	int exact = 0;

	memset(counts, 0, sizeof(counts));
	sketch_init(&s);
	sketch_fit(&s, N);
	for (int i = 0; i < 3 * N; i++) {
		const uint32_t k = (zipf(r) - 1) % N;
		sketch_add(&s, hash_of(k));
		counts[k] += counts[k] < SKETCH_MOST;
	}
	for (uint32_t k = 0; k < N; k++) {
		const unsigned n = sketch_of(&s, hash_of(k));
		assert_true(n >= counts[k] && n <= SKETCH_MOST);
		exact += n == counts[k];
	}
	assert_true(exact > N * 9 / 10);
	sketch_release(&s);
}

static void growing_forgets_nothing(void **state)
{
	struct sketch s;

	(void)state;
	sketch_init(&s);
	for (int i = 0; i < 7; i++)
		sketch_add(&s, hash_of(1));
	sketch_fit(&s, 8);
	assert_int_equal(s.n_blocks, 1);
	sketch_fit(&s, 9);
	assert_int_equal(s.n_blocks, 2);
	assert_int_equal(sketch_of(&s, hash_of(1)), 7);
	sketch_fit(&s, 5000);
	assert_int_equal(s.n_blocks, 1024);
	assert_int_equal(sketch_of(&s, hash_of(1)), 7);
	sketch_fit(&s, 1);
	assert_int_equal(s.n_blocks, 1024);
	sketch_release(&s);
}

/* No counter runs over into its neighbour; all are halved in the end. */
static void counters_have_an_end(void **state)
{
	struct sketch s;
	uint64_t all = 0;

	(void)state;
	sketch_init(&s);
	sketch_fit(&s, 100);
	for (int i = 0; i < 100; i++)
		sketch_add(&s, hash_of(1));
	assert_int_equal(sketch_of(&s, hash_of(1)), SKETCH_MOST);
	for (size_t i = 0; i < s.n_blocks * 8; i++)
		for (int c = 0; c < 64; c += 4)
			all += (s.words[i] >> c) & 15;
	assert_int_equal(all, 4 * SKETCH_MOST);
	/* others' asks alone, ten for each word, and it counts half */
	const uint64_t until = s.n_blocks * 8 * 10;
	for (uint32_t i = 0; i < until - 100; i++)
		sketch_add(&s, hash_of(2));
	assert_true(s.asked < until);
	assert_int_equal(sketch_of(&s, hash_of(1)), SKETCH_MOST / 2);
	for (size_t i = 0; i < s.n_blocks * 8; i++)
		for (int c = 0; c < 64; c += 4)
			assert_true(
			    ((s.words[i] >> c) & 15) <= SKETCH_MOST / 2);
	sketch_release(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(what_many_ask_for, up, down),
	    cmocka_unit_test_setup_teardown(and_one_who_asks_for_all, up, down),
	    cmocka_unit_test_setup_teardown(of_all_sizes, up, down),
	    cmocka_unit_test_setup_teardown(round_and_round, up, down),
	    cmocka_unit_test_setup_teardown(
		what_many_ask_for_changes, up, down),
	    cmocka_unit_test_setup_teardown(counts_are_not_too_low, up, down),
	    cmocka_unit_test_setup_teardown(growing_forgets_nothing, up, down),
	    cmocka_unit_test_setup_teardown(counters_have_an_end, up, down),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("cache-policy", tests, NULL, NULL);
}
