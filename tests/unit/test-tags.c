#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "cgi/upstream/dues.h"
#include "cgi/upstream/tags.h"

/* The table of tags and the heap of times, each against a plain model. */
#define N 700
#define STEPS 60000

static uint32_t seed;

/* Numbers that are the same each time. */
static uint32_t draw(uint32_t below)
{
	seed = seed * 1664525u + 1013904223u;
	return (seed >> 8) % below;
}

static void tags_as_the_model(void **state)
{
	static struct {
		int pad[4]; /* tags lie as far apart as what malloc gives */
	} things[N];
	struct tags t = {0};
	bool in[N] = {false};
	size_t n = 0;

	(void)state;
	seed = 1;
	for (int step = 0; step < STEPS; step++) {
		/* it fills and empties in turns */
		const uint32_t most = step / 8000 % 2 ? N : 40;
		const uint32_t i = draw(N);
		if (!in[i] && i < most) {
			tags_put(&t, &things[i], &in[i]);
			in[i] = true;
			n++;
		} else if (in[i]) {
			tags_drop(&t, &things[i], &in[i]);
			in[i] = false;
			n--;
		} else {
			tags_drop(&t, &things[i], &in[i]); /* nothing */
		}
		assert_int_equal(t.n, n);
		for (int k = 0; k < 8; k++) {
			const uint32_t at = draw(N);
			assert_ptr_equal(
			    tags_get(&t, &things[at]), in[at] ? &in[at] : NULL);
		}
	}
	for (size_t i = 0; i < N; i++)
		assert_ptr_equal(
		    tags_get(&t, &things[i]), in[i] ? &in[i] : NULL);
	tags_release(&t);
	assert_null(tags_get(&t, &things[0]));
}

static void the_same_tag_twice(void **state)
{
	struct tags t = {0};
	int tag = 0, first = 0, second = 0;

	(void)state;
	tags_drop(&t, &tag, &first);
	tags_put(&t, &tag, &first);
	tags_put(&t, &tag, &second);
	tags_drop(&t, &tag, &first);
	assert_ptr_equal(tags_get(&t, &tag), &second);
	tags_drop(&t, &tag, &first);
	assert_ptr_equal(tags_get(&t, &tag), &second);
	tags_drop(&t, &tag, &second);
	assert_null(tags_get(&t, &tag));
	assert_int_equal(t.n, 0);
	tags_release(&t);
}

static void dues_as_the_model(void **state)
{
	static struct due all[N];
	struct dues d = {0};

	(void)state;
	seed = 2;
	assert_null(dues_first(&d));
	for (int step = 0; step < STEPS; step++) {
		const uint32_t most = step / 8000 % 2 ? N : 40;
		const uint32_t i = draw(N);
		if (!all[i].place && i < most) {
			all[i].at_ms = draw(1000);
			dues_put(&d, &all[i]);
		} else {
			dues_drop(&d, &all[i]); /* twice is once */
			dues_drop(&d, &all[i]);
		}
		if (step % 16)
			continue;
		const struct due *least = NULL;
		size_t n = 0;
		for (size_t k = 0; k < N; k++) {
			if (!all[k].place)
				continue;
			n++;
			if (!least || all[k].at_ms < least->at_ms)
				least = &all[k];
		}
		assert_int_equal(d.n, n);
		assert_int_equal(dues_first(&d) ? dues_first(&d)->at_ms : -1,
		    least ? least->at_ms : -1);
	}
	int64_t before = -1;
	while (dues_first(&d)) {
		struct due *first = dues_first(&d);
		assert_true(first->at_ms >= before);
		before = first->at_ms;
		dues_drop(&d, first);
	}
	dues_release(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(tags_as_the_model),
	    cmocka_unit_test(the_same_tag_twice),
	    cmocka_unit_test(dues_as_the_model),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("tags", tests, NULL, NULL);
}
