#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cgi/envelope.h"
#include "cgi/upstream/fake.h"
#include "cgi/upstream/reads.h"
#include "lib/clock.h"
#include "lib/config-reads.h"

/*
 * Reads as calls of a worker's: what comes back is what outcome.c judges. The
 * upstream answers from a script.
 */
struct world {
	struct arena arena;
	struct upstream upstream;
	struct read read;
	struct read_ids ids;
	struct read_call calls[2];
	struct strs pass_on;
	struct str statuses[1];
	struct config config, later; /* outlive the engine */
	struct fake_upstream *fake;
	struct reads *reads;
	struct envelope_request request;
	struct pair params[1];
	struct upstream_read asked;
};

static int set_up(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	w->upstream = (struct upstream){.name = STR("people"),
	    .base = STR("http://people.example"),
	    .local = true,
	    .timeout_ms = 60000};
	w->read = (struct read){.name = STR("case"),
	    .path = STR("/api/case/{crns}"),
	    .deadline_ms = 60000};
	w->ids = (struct read_ids){.read = w->read.name,
	    .name = STR("crn"),
	    .from = STR("path.crns"),
	    .max = 2};
	w->statuses[0] = STR("404");
	w->calls[0] = (struct read_call){.read = w->read.name,
	    .name = STR("person"),
	    .upstream = w->upstream.name,
	    .path = STR("/p/{id.crn}"),
	    .each = STR("crn"),
	    .required = true,
	    .pass_on = {w->statuses, 1}};
	w->calls[1] = (struct read_call){.read = w->read.name,
	    .name = STR("all"),
	    .upstream = w->upstream.name,
	    .path = STR("/all")};
	w->config = (struct config){.name = STR("acme"),
	    .upstreams = &w->upstream,
	    .n_upstreams = 1,
	    .reads = &w->read,
	    .n_reads = 1,
	    .read_ids = &w->ids,
	    .n_read_ids = 1,
	    .read_calls = w->calls,
	    .n_read_calls = 2};
	config_link_reads(&w->config);
	assert_null(config_check_reads(&w->config));
	assert_int_equal(upstream_fake.open((void **)&w->fake), ERR_OK);
	const struct reads_spec spec = {
	    .config = &w->config, .upstream = &upstream_fake, .pool = w->fake};
	w->reads = reads_open(&spec);
	w->request = (struct envelope_request){
	    .method = STR("GET"), .path = STR("/api/case/a,b")};
	w->params[0] = (struct pair){STR("crns"), STR("a,b")};
	w->asked = (struct upstream_read){.name = w->read.name,
	    .params = {w->params, 1},
	    .request = &w->request,
	    .owner = STR("00")};
	*state = w;
	return 0;
}

static int tear_down(void **state)
{
	struct world *w = *state;

	reads_close(w->reads);
	upstream_fake.close(w->fake);
	arena_release(&w->arena);
	free(w);
	return 0;
}

static void ask(struct world *w, void *tag)
{
	const struct upstream_call call = {
	    .read = &w->asked, .timeout_ms = 60000};

	upstream_reads.start(w->reads, &call, tag);
	/* nobody may sleep before it took a step */
	assert_int_equal(reads_due_boot(w->reads), 1);
}

static bool next(struct world *w, void **tag, struct upstream_answer *answer)
{
	return upstream_reads.next(w->reads, &w->arena, tag, answer);
}

static void answer_all(struct world *w, int status, const char *body)
{
	for (size_t i = 0; i < w->fake->n; i++)
		if (w->fake->calls[i].running && !w->fake->calls[i].ended)
			fake_end(w->fake, i,
			    (struct upstream_answer){.end = UPSTREAM_ANSWER,
				.status = status,
				.content_type = STR("application/json"),
				.body = str_of(body),
				.why = ""});
}

static void done_is_200_with_its_json(void **state)
{
	struct world *w = *state;
	struct upstream_answer answer;
	void *tag;

	ask(w, w);
	assert_false(next(w, &tag, &answer));
	assert_int_equal(w->fake->n, 3);	   /* all of them at once */
	assert_true(reads_due_boot(w->reads) > 1); /* the deadline */
	assert_true(reads_uses(w->reads, &w->config));
	answer_all(w, 200, "{\"n\":1.10}");
	assert_true(next(w, &tag, &answer));
	assert_ptr_equal(tag, w);
	assert_int_equal(answer.end, UPSTREAM_ANSWER);
	assert_int_equal(answer.status, 200);
	assert_true(str_is(answer.content_type, "application/json"));
	assert_true(str_is(answer.body,
	    "{\"data\":{\"person\":{\"a\":{\"n\":1.10},\"b\":{\"n\":1.10}},"
	    "\"all\":{\"n\":1.10}},\"upstreamFailures\":[]}"));
	assert_string_equal(answer.why, "");
	assert_false(next(w, &tag, &answer));
}

static void what_failed_has_its_status_and_why(void **state)
{
	struct world *w = *state;
	struct upstream_answer answer;
	void *tag;

	ask(w, w);
	assert_false(next(w, &tag, &answer));
	answer_all(w, 500, "secret");
	assert_true(next(w, &tag, &answer));
	assert_int_equal(answer.end, UPSTREAM_ANSWER);
	assert_int_equal(answer.status, 502);
	assert_true(str_is(answer.content_type, "application/problem+json"));
	const char *text = arena_cstr(&w->arena, answer.body);
	assert_non_null(strstr(text, "\"status\":502"));
	assert_non_null(strstr(text, "\"upstreamFailures\":[{\"endpoint\":"
				     "\"person\",\"failureType\":"
				     "\"UPSTREAM_HTTP_ERROR\""));
	assert_non_null(strstr(text, "\"type\":\"/problems/upstream-error\""));
	assert_null(strstr(text, "secret"));
}

static void a_status_that_is_passed_on_is_the_answers(void **state)
{
	struct world *w = *state;
	struct upstream_answer answer;
	void *tag;

	ask(w, w);
	assert_false(next(w, &tag, &answer));
	answer_all(w, 404, "{}");
	assert_true(next(w, &tag, &answer));
	assert_int_equal(answer.status, 404);
	assert_non_null(strstr(arena_cstr(&w->arena, answer.body),
	    "\"type\":\"/problems/upstream-refused\""));
}

/* The job's, which has more time than a request has, or less. */
static void its_deadline_is_the_jobs(void **state)
{
	struct world *w = *state;
	const struct upstream_call call = {
	    .read = &w->asked, .timeout_ms = 30000};
	struct upstream_answer answer;
	const int64_t before = clock_boot_ms();
	void *tag;

	w->read.deadline_ms = 10;
	for (int i = 0; i < 2; i++) {
		upstream_reads.start(w->reads, &call, w);
		assert_false(next(w, &tag, &answer));
		assert_true(reads_due_boot(w->reads) >= before + 30000);
		assert_true(
		    reads_due_boot(w->reads) <= clock_boot_ms() + 30000);
		upstream_reads.abort(w->reads, w);
		w->read.deadline_ms = 3600000;
	}
}

/* So that the job is tried again no sooner. */
static void when_again_is_told(void **state)
{
	struct world *w = *state;
	struct upstream_answer answer;
	void *tag;

	ask(w, w);
	assert_false(next(w, &tag, &answer));
	for (size_t i = 0; i < w->fake->n; i++)
		fake_end(w->fake, i,
		    (struct upstream_answer){.end = UPSTREAM_ANSWER,
			.status = 429,
			.has_retry_after = true,
			.retry_after_ms = 200000,
			.why = ""});
	assert_true(next(w, &tag, &answer));
	assert_int_equal(answer.status, 502);
	assert_false(answer.has_retry_after);
	ask(w, w);
	assert_true(next(w, &tag, &answer));
	assert_int_equal(answer.status, 503);
	assert_true(answer.has_retry_after);
	assert_true(
	    answer.retry_after_ms > 60000 && answer.retry_after_ms <= 200000);
	assert_int_equal(w->fake->n, 3);
}

static void what_cannot_be_asked_is_400_and_says_why(void **state)
{
	struct world *w = *state;
	struct upstream_answer answer;
	int first, second;
	void *tag;

	w->params[0].value = STR("a,b,c");
	ask(w, &first);
	ask(w, &second);
	for (int i = 0; i < 2; i++) {
		assert_true(next(w, &tag, &answer));
		assert_true(tag == &first || tag == &second);
		assert_int_equal(answer.status, 400);
		assert_non_null(strstr(arena_cstr(&w->arena, answer.body),
		    "\"type\":\"/problems/validation-failed\""));
		assert_non_null(
		    strstr(arena_cstr(&w->arena, answer.body), "identifiers"));
	}
	assert_int_equal(w->fake->n, 0);
	assert_false(next(w, &tag, &answer));
	assert_int_equal(reads_due_boot(w->reads), 0);
}

static void one_that_went_from_the_configuration(void **state)
{
	struct world *w = *state;
	struct upstream_answer answer;
	void *tag;

	w->asked.name = STR("gone");
	ask(w, w);
	assert_true(next(w, &tag, &answer));
	assert_int_equal(answer.end, UPSTREAM_UNSENT);
	assert_non_null(strstr(answer.why, "no such read"));
}

static void an_aborted_one_stops_its_calls(void **state)
{
	struct world *w = *state;
	struct upstream_answer answer;
	int other;
	void *tag;

	ask(w, w);
	assert_false(next(w, &tag, &answer));
	upstream_reads.abort(w->reads, &other); /* nobody's */
	upstream_reads.abort(w->reads, w);
	assert_false(next(w, &tag, &answer));
	for (size_t i = 0; i < w->fake->n; i++)
		assert_true(w->fake->calls[i].aborted);
	/* one that ended before it began */
	w->params[0].value = STR(",");
	ask(w, w);
	upstream_reads.abort(w->reads, w);
	assert_false(next(w, &tag, &answer));
}

static void another_configuration(void **state)
{
	struct world *w = *state;
	struct config *later = &w->later;
	struct upstream_answer answer;
	void *tag;

	*later = w->config;
	ask(w, w);
	assert_false(next(w, &tag, &answer));
	reads_refit(w->reads, later, NULL);
	assert_true(reads_uses(w->reads, &w->config));
	answer_all(w, 200, "1");
	assert_true(next(w, &tag, &answer));
	assert_int_equal(answer.status, 200);
	assert_false(reads_uses(w->reads, &w->config));
	later->n_reads = 0;
	reads_refit(w->reads, later, NULL);
	ask(w, w);
	assert_true(next(w, &tag, &answer));
	assert_int_equal(answer.end, UPSTREAM_UNSENT);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    CASE(done_is_200_with_its_json),
	    CASE(what_failed_has_its_status_and_why),
	    CASE(a_status_that_is_passed_on_is_the_answers),
	    CASE(its_deadline_is_the_jobs),
	    CASE(when_again_is_told),
	    CASE(what_cannot_be_asked_is_400_and_says_why),
	    CASE(one_that_went_from_the_configuration),
	    CASE(an_aborted_one_stops_its_calls),
	    CASE(another_configuration),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("reads", tests, NULL, NULL);
}
