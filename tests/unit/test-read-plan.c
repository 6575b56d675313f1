#include "tests/unit/read-kit.h"

/* covers cgi/read/plan*.c: what is asked, and what becomes of it */

static void bulk_and_each(void **state)
{
	struct kit *k = kit_new();
	struct plan *plan;
	struct kit_wave w;

	(void)state;
	kit_ids(k, "crn", "path.crns", 10);
	kit_call(k, "summaries", "/cases?ids={id.crn}", NULL);
	kit_call(k, "person", "/person/{id.crn}", "crn")->required = false;
	kit_param(k, "crns", "X1, X/2,,X1");
	plan = kit_plan(k);
	assert_string_equal(kit_wave(plan, &w),
	    "/cases?ids=X1%2CX%2F2 /person/X1 /person/X%2F2");
	assert_false(plan_is_over(plan));
	kit_answer(plan, w.index[0], "[1.10, 2]");
	kit_answer(plan, w.index[1], "{\"a\": null}");
	kit_fail(plan, w.index[2], PLAN_HTTP_ERROR, 500);
	struct read_result r = kit_result(plan);
	assert_string_equal(kit_body(&r),
	    "{\"data\":{\"summaries\":[1.10, 2],\"person\":{\"X1\":{\"a\": "
	    "null}}},\"upstreamFailures\":[{\"endpoint\":\"person\","
	    "\"failureType\":\"UPSTREAM_HTTP_ERROR\",\"httpResponseStatus\":500"
	    ",\"message\":\"it answered with an error\",\"identifier\":"
	    "\"X/2\"}]}");
	assert_false(r.complete);
}

static void nested(void **state)
{
	struct kit *k = kit_new();
	struct plan *plan;
	struct kit_wave w;

	(void)state;
	kit_ids(k, "crn", "path.crns", 10);
	kit_ids(k, "prem", "call.summaries.cases.at", 10);
	struct read_call *s = kit_call(k, "summaries", "/cases", NULL);
	s->records = STR("cases");
	s->by = STR("crn");
	kit_call(k, "risk", "/risk/{call.summaries.riskId}", "crn")->required =
	    false;
	kit_call(k, "place", "/place/{id.prem}", "prem");
	kit_param(k, "crns", "1,2,3");
	plan = kit_plan(k);
	assert_string_equal(kit_wave(plan, &w), "/cases");
	kit_answer(plan, w.index[0],
	    "{\"cases\":[{\"crn\":2,\"riskId\":\"r2\",\"at\":[\"p\",7,\"p\"]},"
	    "{\"crn\":\"1\",\"riskId\":11,\"at\":\"q\"}]}");
	assert_string_equal(
	    kit_wave(plan, &w), "/risk/11 /risk/r2 /place/p /place/7 /place/q");
	for (size_t i = 0; i < w.n; i++)
		kit_answer(plan, w.index[i], i == 1 ? "" : "0");
	struct read_result r = kit_result(plan);
	assert_non_null(strstr(kit_body(&r),
	    "\"risk\":{\"1\":0,\"2\":null,\"3\":null},"
	    "\"place\":{\"p\":0,\"7\":0,\"q\":0}},\"upstreamFailures\":[]}"));
	assert_true(r.complete);
	assert_true(r.cacheable);
	assert_int_equal(r.made_boot, 1000);
	assert_int_equal(r.fresh_boot, 2000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(bulk_and_each),
	    cmocka_unit_test(nested),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name(
	    "read-plan", tests, NULL, kit_release);
}
