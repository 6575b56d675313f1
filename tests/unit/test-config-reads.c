/*
 * covers lib/config-reads.c: the three lists of reads, and what is wrong with
 * them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "lib/config-reads.h"

/* A good one, that each row of the table below spoils. */
static struct upstream upstreams[1];
static struct api apis[1];
static struct read reads[2];
static struct read_ids ids[3];
static struct read_call calls[4];
static struct str statuses[2];
static struct config config;

static void make(void)
{
	upstreams[0] = (struct upstream){.name = STR("u")};
	apis[0] = (struct api){.name = STR("a-job"), .read = STR("a")};
	reads[0] = (struct read){.name = STR("a"),
	    .path = STR("/a"),
	    .auth = STR("none"),
	    .deadline_ms = 1,
	    .api = STR("a-job"),
	    .promote = true};
	reads[1] = (struct read){
	    .name = STR("b"), .path = STR("/b"), .deadline_ms = 1};
	ids[0] = (struct read_ids){STR("a"), STR("x"), STR("path.x"), 1};
	ids[1] = (struct read_ids){STR("a"), STR("y"), STR("query.y"), 1};
	ids[2] = (struct read_ids){STR("b"), STR("x"), STR("path.x"), 1};
	for (size_t i = 0; i < 4; i++)
		calls[i] =
		    (struct read_call){.read = i < 3 ? STR("a") : STR("b"),
			.upstream = STR("u"),
			.path = STR("/c")};
	calls[0].name = calls[3].name = STR("one");
	calls[1].name = STR("two");
	calls[2].name = STR("Three_3-x");
	calls[1].each = STR("y");
	statuses[0] = STR("400");
	statuses[1] = STR("499");
	calls[0].empty_on = calls[1].pass_on = (struct strs){statuses, 2};
	config = (struct config){.upstreams = upstreams,
	    .n_upstreams = 1,
	    .apis = apis,
	    .n_apis = 1,
	    .reads = reads,
	    .n_reads = 2,
	    .read_ids = ids,
	    .n_read_ids = 3,
	    .read_calls = calls,
	    .n_read_calls = 4};
}

static void each_has_its_own(void **state)
{
	(void)state;
	make();
	config_link_reads(&config);
	assert_null(config_check_reads(&config));
	assert_ptr_equal(reads[0].calls, &calls[0]);
	assert_int_equal(reads[0].n_calls, 3);
	assert_ptr_equal(reads[0].ids, &ids[0]);
	assert_int_equal(reads[0].n_ids, 2);
	assert_ptr_equal(reads[1].calls, &calls[3]);
	assert_int_equal(reads[1].n_calls, 1);
	assert_ptr_equal(reads[1].ids, &ids[2]);
	assert_ptr_equal(config_read_named(&config, STR("b")), &reads[1]);
	assert_null(config_read_named(&config, STR("c")));
	/* again, after a change: nothing is added to */
	config.n_read_calls = 3;
	config_link_reads(&config);
	assert_int_equal(reads[0].n_calls, 3);
	assert_int_equal(reads[1].n_calls, 0);
	assert_null(reads[1].calls);
}

static void none_is_right(void **state)
{
	(void)state;
	config = (struct config){0};
	config_link_reads(&config);
	assert_null(config_check_reads(&config));
}

/* ---- what is wrong ------------------------------------------------------ */

static const struct spoilt {
	struct str *text; /* becomes .word */
	const char *word, *says;
} spoilt[] = {
    {&reads[0].name, "", "a read's name"},
    {&reads[0].name, "A", "a read's name"},
    {&reads[1].name, "a", "two reads"},
    {&reads[0].path, "a", "needs a path"},
    {&reads[0].auth, "login", "provider"},
    {&reads[0].api, "b-job", "becomes a job"},
    {&reads[0].api, "", "becomes a job"},
    {&apis[0].read, "b", "becomes a job"},
    {&apis[0].read, "", "becomes a job"},
    {&reads[1].api, "a-job", "becomes a job"},
    {&ids[1].name, "x", "one name"},
    {&ids[1].name, "", "identifiers need"},
    {&ids[1].from, "", "identifiers need"},
    {&ids[1].read, "b", "for each of"},
    {&ids[1].read, "c", "for each of"},
    {&ids[0].read, "c", "together"},
    {&calls[1].name, "one", "one name"},
    {&calls[1].name, "t.o", "a name of letters"},
    {&calls[1].name, "", "a name of letters"},
    {&calls[1].upstream, "v", "upstream that is not here"},
    {&calls[1].path, "c", "needs a path"},
    {&calls[1].each, "z", "for each of identifiers"},
    {&calls[2].read, "c", "together"},
    {&calls[0].read, "c", "together"},
    {&calls[3].read, "a", "one name"},
    {&statuses[0], "399", "400 to 499"},
    {&statuses[1], "500", "400 to 499"},
    {&statuses[1], "4ab", "400 to 499"},
    {&statuses[1], "4", "400 to 499"},
    {&statuses[1], "4040", "400 to 499"},
    {&statuses[1], "", "400 to 499"},
};

static void check(size_t row, const char *says)
{
	config_link_reads(&config);
	const char *said = config_check_reads(&config);
	if (!said || !strstr(said, says))
		fail_msg(
		    "row %zu: %s, not %s", row, said ? said : "nothing", says);
}

static void words_that_are_wrong(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(spoilt) / sizeof(*spoilt); i++) {
		make();
		*spoilt[i].text = str_of(spoilt[i].word);
		check(i, spoilt[i].says);
	}
}

static void numbers_that_are_wrong(void **state)
{
	(void)state;
	make();
	reads[0].deadline_ms = 0;
	check(0, "deadlineMs");
	make();
	ids[2].max = 0;
	check(1, "max above 0");
	make();
	config.n_read_calls = 3;
	check(2, "has calls");
	make();
	reads[1].promote = true;
	check(3, "becomes a job");
}

static struct read many_reads[CONFIG_APIS_MAX + 1];
static struct read_call many_calls[CONFIG_READ_CALLS_MAX + 1];
static struct read_ids many_ids[CONFIG_READ_IDS_MAX + 1];
static char names[64][4];

static void too_many(void **state)
{
	(void)state;
	make();
	for (size_t i = 0; i < 64; i++)
		snprintf(names[i], sizeof(names[i]), "n%zu", i);
	for (size_t i = 0; i <= CONFIG_READ_CALLS_MAX; i++) {
		many_calls[i] = calls[0];
		many_calls[i].name = str_of(names[i]);
	}
	for (size_t i = 0; i <= CONFIG_READ_IDS_MAX; i++) {
		many_ids[i] = ids[0];
		many_ids[i].name = str_of(names[i]);
	}
	config.n_reads = 1;
	config.read_calls = many_calls;
	config.n_read_calls = CONFIG_READ_CALLS_MAX;
	config.read_ids = many_ids;
	config.n_read_ids = CONFIG_READ_IDS_MAX;
	config_link_reads(&config);
	assert_null(config_check_reads(&config));
	config.n_read_calls++;
	check(0, "not too many");
	config.n_read_calls--;
	config.n_read_ids++;
	check(1, "not too many");
	config = (struct config){
	    .reads = many_reads, .n_reads = CONFIG_APIS_MAX + 1};
	check(2, "too many reads");
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(each_has_its_own),
	    cmocka_unit_test(none_is_right),
	    cmocka_unit_test(words_that_are_wrong),
	    cmocka_unit_test(numbers_that_are_wrong),
	    cmocka_unit_test(too_many)};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("config-reads", tests, NULL, NULL);
}
