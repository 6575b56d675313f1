#include "cgi/pattern.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define F PATTERN_FIRE_AND_FORGET
#define A PATTERN_ASYNC_POLLING
#define Y PATTERN_SYNCHRONOUS
#define BIT(p) (1u << (p))
#define ALL (BIT(F) | BIT(A) | BIT(Y))

struct row {
	unsigned allow;
	enum pattern own; /* the API's default */
	int64_t own_wait;
	const char *wait, *prefer; /* NULL: not sent */
	enum pattern pattern;
	int64_t wait_ms;
	bool asked;
	enum prefer by_prefer;
};

/* contract 3, with wait_max = 25 s */
static const struct row rows[] = {
    /* absent: the API's own */
    {ALL, F, 0, NULL, NULL, F, 0, false, PREFER_NONE},
    {ALL, A, 0, NULL, NULL, A, 0, false, PREFER_NONE},
    {ALL, A, 700, NULL, NULL, A, 700, false, PREFER_NONE},
    {ALL, A, 90000, NULL, NULL, A, 25000, false, PREFER_NONE},
    {ALL, Y, 0, NULL, NULL, Y, 25000, false, PREFER_NONE},
    /* asked for and allowed */
    {ALL, A, 0, "0", NULL, F, 0, true, PREFER_NONE},
    {ALL, F, 0, "1", NULL, A, 1, true, PREFER_NONE},
    {ALL, A, 0, "24999", NULL, A, 24999, true, PREFER_NONE},
    {ALL, A, 0, "25000", NULL, Y, 25000, true, PREFER_NONE},
    {ALL, A, 0, "99999999999999999999999", NULL, Y, 25000, true, PREFER_NONE},
    /* clamped to the nearest; a tie waits longer */
    {BIT(F), F, 0, "5000", NULL, F, 0, true, PREFER_NONE},
    {BIT(F), F, 0, "60000", NULL, F, 0, true, PREFER_NONE},
    {BIT(A), A, 0, "0", NULL, A, 0, true, PREFER_NONE},
    {BIT(A), A, 800, "0", NULL, A, 800, true, PREFER_NONE},
    {BIT(A), A, 0, "60000", NULL, A, 24999, true, PREFER_NONE},
    {BIT(Y), Y, 0, "0", NULL, Y, 25000, true, PREFER_NONE},
    {BIT(F) | BIT(Y), F, 0, "5000", NULL, Y, 25000, true, PREFER_NONE},
    {BIT(F) | BIT(A), A, 0, "60000", NULL, A, 24999, true, PREFER_NONE},
    {BIT(A) | BIT(Y), Y, 0, "0", NULL, A, 0, true, PREFER_NONE},
    /* malformed: the default */
    {ALL, A, 300, "-1", NULL, A, 300, false, PREFER_NONE},
    {ALL, A, 300, "", NULL, A, 300, false, PREFER_NONE},
    {ALL, A, 300, "1.5", NULL, A, 300, false, PREFER_NONE},
    {ALL, A, 300, "soon", NULL, A, 300, false, PREFER_NONE},
    {ALL, A, 300, "0x10", NULL, A, 300, false, PREFER_NONE},
    /* RFC 7240, where x-wait-time-ms is absent */
    {ALL, A, 0, NULL, "wait=5", A, 5000, true, PREFER_WAIT},
    {ALL, A, 0, NULL, "respond-async", F, 0, true, PREFER_ASYNC},
    {ALL, A, 0, NULL, "respond-async, wait=5", A, 5000, true, PREFER_WAIT},
    {ALL, A, 0, NULL, "WAIT = \"5\"; x=y", A, 5000, true, PREFER_WAIT},
    {ALL, A, 0, NULL, "wait=60", Y, 25000, true, PREFER_WAIT},
    {ALL, A, 0, NULL, "wait=99999999999999999", Y, 25000, true, PREFER_WAIT},
    {ALL, A, 0, NULL, "wait=-1", A, 0, false, PREFER_NONE},
    {ALL, A, 0, NULL, "wait", A, 0, false, PREFER_NONE},
    {ALL, A, 0, NULL, "return=minimal", A, 0, false, PREFER_NONE},
    {ALL, A, 0, "2000", "wait=5", A, 2000, true, PREFER_NONE},
    {ALL, A, 0, "bad", "wait=5", A, 0, false, PREFER_NONE},
};

static void every_row(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *row = &rows[i];
		struct pair headers[2];
		struct request r = {.headers = {.items = headers}};
		struct api api = {.pattern = row->own,
		    .allow = row->allow,
		    .wait_ms = row->own_wait,
		    .wait_max_ms = 25000};
		struct pace got;

		if (row->wait)
			headers[r.headers.n++] = (struct pair){
			    STR("x-wait-time-ms"), str_of(row->wait)};
		if (row->prefer)
			headers[r.headers.n++] =
			    (struct pair){STR("prefer"), str_of(row->prefer)};
		pattern_choose(&api, &r, &got);
		assert_int_equal(got.pattern, row->pattern);
		assert_int_equal(got.wait_ms, row->wait_ms);
		assert_int_equal(got.asked, row->asked);
		assert_int_equal(got.prefer, row->by_prefer);
	}
}

/*
 * Contract 3 in other words: the pattern that was asked for, or the API's; of
 * those allowed the nearest, and of two the one that waits longer; how long
 * that one waits.
 */
static struct pace oracle(const struct api *api, int64_t asked)
{
	static const int longer_first[3][3] = {
	    [F] = {F, A, Y}, [A] = {A, Y, F}, [Y] = {Y, A, F}};
	enum pattern wanted = api->pattern;
	struct pace out = {0};

	if (asked >= 0)
		wanted = asked == 0 ? F : asked >= 25000 ? Y : A;
	out.pattern = wanted;
	for (int i = 2; i >= 0; i--)
		if (api->allow & BIT((unsigned)longer_first[wanted][i]))
			out.pattern = (enum pattern)longer_first[wanted][i];
	if (out.pattern == Y)
		out.wait_ms = 25000;
	if (out.pattern == A && asked > 0)
		out.wait_ms = asked < 25000 ? asked : 24999;
	else if (out.pattern == A)
		out.wait_ms = api->wait_ms;
	return out;
}

/* Each default × each set of allowed ones × each way to ask. */
static void every_clamping(void **state)
{
	static const struct {
		const char *wait, *prefer;
		int64_t asked; /* -1: nothing that counts */
	} ways[] = {
	    {NULL, NULL, -1},
	    {"0", NULL, 0},
	    {"1", NULL, 1},
	    {"24999", NULL, 24999},
	    {"25000", NULL, 25000},
	    {"9999999", NULL, 9999999},
	    {"-1", NULL, -1},
	    {"", NULL, -1},
	    {"1e3", NULL, -1},
	    {"+5", NULL, -1},
	    {" 7 ", NULL, 7},
	    {NULL, "wait=0", 0},
	    {NULL, "wait=1", 1000},
	    {NULL, "wait=25", 25000},
	    {NULL, "wait=\"3\"", 3000},
	    {NULL, "respond-async", 0},
	    {NULL, "respond-async, wait=4", 4000},
	    {NULL, "handling=strict", -1},
	    {NULL, "say=\"a, wait=9\", wait=2", 2000},
	    {NULL, "say=\"\\\", wait=9, \"; wait=8", -1},
	    {NULL, "say=\"wait=9, ", -1},
	    {"500", "wait=9", 500},
	    {"x", "wait=9", -1},
	};
	int n = 0;
	(void)state;

	for (enum pattern own = F; own < PATTERN_COUNT; own++)
		for (unsigned allow = 1; allow <= ALL; allow++)
			for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]);
			     i++, n++) {
				struct pair headers[2];
				struct request r = {
				    .headers = {.items = headers}};
				const struct api api = {.pattern = own,
				    .allow = allow,
				    .wait_ms = 300,
				    .wait_max_ms = 25000};
				struct pace got,
				    want = oracle(&api, ways[i].asked);

				if (ways[i].wait)
					headers[r.headers.n++] =
					    (struct pair){STR("x-wait-time-ms"),
						str_of(ways[i].wait)};
				if (ways[i].prefer)
					headers[r.headers.n++] =
					    (struct pair){STR("prefer"),
						str_of(ways[i].prefer)};
				pattern_choose(&api, &r, &got);
				assert_int_equal(got.pattern, want.pattern);
				assert_int_equal(got.wait_ms, want.wait_ms);
				assert_int_equal(got.asked, ways[i].asked >= 0);
				assert_int_equal(got.prefer != PREFER_NONE,
				    ways[i].asked >= 0 && !ways[i].wait);
				assert_true(allow & BIT((unsigned)got.pattern));
			}
	assert_int_equal(n, 3 * 7 * 23);
}

static void limits(void **state)
{
	struct api api = {.pattern = Y, .allow = 0};
	struct request r = {.method = STR("GET")};
	struct pace got;
	(void)state;

	assert_int_equal(pattern_wait_max(&api), PATTERN_WAIT_MAX_MS);
	api.wait_max_ms = 5;
	assert_int_equal(pattern_wait_max(&api), 5);
	/* a table without any allowed pattern keeps what was asked for */
	pattern_choose(&api, &r, &got);
	assert_int_equal(got.pattern, Y);
	assert_int_equal(got.wait_ms, 5);
	assert_int_equal(pattern_prefer_ms(&r), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_row),
	    cmocka_unit_test(every_clamping),
	    cmocka_unit_test(limits),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("pattern", tests, NULL, NULL);
}
