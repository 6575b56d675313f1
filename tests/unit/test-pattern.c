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
	bool asked, by_prefer;
};

/* contract 3, with wait_max = 25 s */
static const struct row rows[] = {
    /* absent: the API's own */
    {ALL, F, 0, NULL, NULL, F, 0, false, false},
    {ALL, A, 0, NULL, NULL, A, 0, false, false},
    {ALL, A, 700, NULL, NULL, A, 700, false, false},
    {ALL, A, 90000, NULL, NULL, A, 25000, false, false},
    {ALL, Y, 0, NULL, NULL, Y, 25000, false, false},
    /* asked for and allowed */
    {ALL, A, 0, "0", NULL, F, 0, true, false},
    {ALL, F, 0, "1", NULL, A, 1, true, false},
    {ALL, A, 0, "24999", NULL, A, 24999, true, false},
    {ALL, A, 0, "25000", NULL, Y, 25000, true, false},
    {ALL, A, 0, "99999999999999999999999", NULL, Y, 25000, true, false},
    /* clamped to the nearest; a tie waits longer */
    {BIT(F), F, 0, "5000", NULL, F, 0, true, false},
    {BIT(F), F, 0, "60000", NULL, F, 0, true, false},
    {BIT(A), A, 0, "0", NULL, A, 0, true, false},
    {BIT(A), A, 800, "0", NULL, A, 800, true, false},
    {BIT(A), A, 0, "60000", NULL, A, 24999, true, false},
    {BIT(Y), Y, 0, "0", NULL, Y, 25000, true, false},
    {BIT(F) | BIT(Y), F, 0, "5000", NULL, Y, 25000, true, false},
    {BIT(F) | BIT(A), A, 0, "60000", NULL, A, 24999, true, false},
    {BIT(A) | BIT(Y), Y, 0, "0", NULL, A, 0, true, false},
    /* malformed: the default */
    {ALL, A, 300, "-1", NULL, A, 300, false, false},
    {ALL, A, 300, "", NULL, A, 300, false, false},
    {ALL, A, 300, "1.5", NULL, A, 300, false, false},
    {ALL, A, 300, "soon", NULL, A, 300, false, false},
    {ALL, A, 300, "0x10", NULL, A, 300, false, false},
    /* RFC 7240, where x-wait-time-ms is absent */
    {ALL, A, 0, NULL, "wait=5", A, 5000, true, true},
    {ALL, A, 0, NULL, "respond-async", F, 0, true, true},
    {ALL, A, 0, NULL, "respond-async, wait=5", A, 5000, true, true},
    {ALL, A, 0, NULL, "WAIT = \"5\"; x=y", A, 5000, true, true},
    {ALL, A, 0, NULL, "wait=60", Y, 25000, true, true},
    {ALL, A, 0, NULL, "wait=99999999999999999", Y, 25000, true, true},
    {ALL, A, 0, NULL, "wait=-1", A, 0, false, false},
    {ALL, A, 0, NULL, "wait", A, 0, false, false},
    {ALL, A, 0, NULL, "return=minimal", A, 0, false, false},
    {ALL, A, 0, "2000", "wait=5", A, 2000, true, false},
    {ALL, A, 0, "bad", "wait=5", A, 0, false, false},
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
	    cmocka_unit_test(limits),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("pattern", tests, NULL, NULL);
}
