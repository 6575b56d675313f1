#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "cgi/envelope.h"
#include "cgi/ids.h"
#include "cgi/jobs-audit.h"
#include "cgi/seal.h"

/*
 * A job as it must be, and one thing wrong with it at a time: each is found,
 * and nothing else is.
 */
static struct api apis[] = {
    {.name = {"a", 1}, .tag = {"00000a", 6}},
    {.name = {"b", 1}, .tag = {"00000b", 6}},
};
static const struct config config = {.apis = apis, .n_apis = 2};
static struct keys keys;
static struct arena arena;
static struct buf found_text;

struct made {
	struct job job;
	struct buf sealed[BODY_KINDS];
};

static void put(struct made *m, enum body_kind kind)
{
	const struct envelope_request request = {.method = STR("POST")};
	const struct envelope_meta meta = {.request_id = STR("r")};
	const struct envelope_result result = {.status = 200};
	const struct envelope_note note = {.message = STR("m")};
	struct buf plain = {0};

	if (kind == BODY_REQUEST)
		envelope_put_request(&plain, &request);
	else if (kind == BODY_META)
		envelope_put_meta(&plain, &meta);
	else if (kind == BODY_RESULT)
		envelope_put_result(&plain, &result);
	else
		envelope_put_note(&plain, &note);
	buf_clear(&m->sealed[kind]);
	seal_close(&keys, &m->job, kind, buf_str(&plain), &m->sealed[kind]);
	buf_release(&plain);
}

static struct made make(enum job_state state)
{
	struct made m = {.job = {.state = state,
			     .owner = {1, 2},
			     .accepted_ms = 1000,
			     .attempt = 1}};

	if (job_is_terminal(state))
		m.job.ended_ms = 2000;
	if (state == JOB_COMPLETED) {
		m.job.status = 200;
		m.job.progress = 100;
	} else if (state == JOB_FAILED) {
		m.job.reason = REASON_FAILED;
		m.job.status = 500;
	}

	ids_random(&keys, &apis[0], m.job.owner, m.job.id);
	put(&m, BODY_META);
	if (!job_is_terminal(state))
		put(&m, BODY_REQUEST);
	if (state == JOB_COMPLETED || state == JOB_FAILED)
		put(&m, BODY_RESULT);
	return m;
}

static void note(void *ctx, const char *check, struct str words)
{
	(void)ctx;
	buf_printf(&found_text, "%s%s (%.*s)", found_text.len ? ", " : "",
	    check, STR_ARG(words));
}

static const char *audit_in(struct made *m, size_t api, const struct keys *with)
{
	struct audited row = {
	    .config = &config, .keys = with, .api = api, .job = &m->job};

	for (int i = 0; i < BODY_KINDS; i++)
		row.sealed[i] = buf_str(&m->sealed[i]);
	buf_clear(&found_text);
	buf_puts(&found_text, "");
	const size_t n = audit_job(&row, &arena, note, NULL);
	assert_int_equal(n > 0, found_text.len > 0);
	for (int i = 0; i < BODY_KINDS; i++)
		buf_release(&m->sealed[i]);
	return found_text.data;
}

static const char *audit(struct made *m)
{
	return audit_in(m, 0, &keys);
}

static int setup(void **state)
{
	(void)state;
	keys = (struct keys){.name = {.version = 1},
	    .mac = {{.version = 1, .bytes = {7}}},
	    .n_mac = 1,
	    .seal = {{.version = 2, .bytes = {8}}},
	    .n_seal = 1};
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	arena_release(&arena);
	buf_release(&found_text);
	return 0;
}

static void what_is_right(void **state)
{
	(void)state;
	for (int s = 0; s < JOB_STATES; s++) {
		struct made m = make((enum job_state)s);
		assert_string_equal(audit(&m), "");
	}
	struct made m = make(JOB_PROCESSING);
	put(&m, BODY_NOTE);
	assert_string_equal(audit(&m), "");
	m = make(JOB_FAILED); /* nothing was ever answered */
	buf_release(&m.sealed[BODY_RESULT]);
	assert_string_equal(audit(&m), "");
	m = make(JOB_COMPLETED);
	m.job.gone_ms = 9;
	buf_release(&m.sealed[BODY_RESULT]);
	buf_release(&m.sealed[BODY_META]);
	assert_string_equal(audit(&m), "");
}

/* One thing at a time, and nothing else is found. */
#define WRONG(state, change, words)                                            \
	do {                                                                   \
		struct made m = make(state);                                   \
		struct job *job = &m.job;                                      \
		change;                                                        \
		const char *said = audit(&m);                                  \
		if (!strstr(said, "status-wrong (" words) ||                   \
		    strstr(said, "), "))                                       \
			fail_msg("%s: %s", #change, said);                     \
	} while (0)
static void ends_without_a_status(void **state)
{
	(void)state;
	WRONG(JOB_FAILED, job->status = 200, "its status");
	WRONG(JOB_COMPLETED, job->status = 0, "its status");
	WRONG(JOB_FAILED, job->status = 0, "its status");
	struct made m = make(JOB_FAILED); /* nobody said which */
	m.job.status = 0;
	m.job.reason = REASON_UPSTREAM_REFUSED;
	assert_string_equal(audit(&m), "");
}

static void ids(void **state)
{
	(void)state;
	struct made m = make(JOB_PENDING);
	m.job.id[JOB_ID_BYTES - 1] ^= 1;
	put(&m, BODY_META);
	put(&m, BODY_REQUEST);
	assert_string_equal(audit(&m),
	    "id-forged (its id was not made for its owner by these keys)");
	m = make(JOB_PENDING);
	m.job.owner[0] ^= 1;
	put(&m, BODY_META);
	put(&m, BODY_REQUEST);
	assert_non_null(strstr(audit(&m), "id-forged"));
	m = make(JOB_PENDING);
	assert_string_equal(audit_in(&m, 1, &keys),
	    "id-foreign (its id names another API than the table it is in)");
}

static void keys_that_are_gone(void **state)
{
	struct keys other = keys;

	(void)state;
	struct made m = make(JOB_PENDING);
	other.mac[0].version = 9;
	assert_string_equal(audit_in(&m, 0, &other),
	    "key-missing (its id was made with mac key 1, which is not in the "
	    "key file)");
	other = keys;
	other.seal[0].version = 9;
	m = make(JOB_CANCELLED);
	assert_string_equal(audit_in(&m, 0, &other),
	    "key-missing (its meta was sealed with key 2, which is not in the "
	    "key file)");
}

static void bodies_that_are_missing(void **state)
{
	(void)state;
	struct made m = make(JOB_PROCESSING);
	buf_release(&m.sealed[BODY_REQUEST]);
	assert_string_equal(
	    audit(&m), "body-missing (its request is not there)");
	m = make(JOB_COMPLETED);
	buf_release(&m.sealed[BODY_RESULT]);
	assert_string_equal(
	    audit(&m), "body-missing (its result is not there)");
}

static void bodies_that_were_kept(void **state)
{
	static const struct {
		enum job_state state;
		enum body_kind kind;
		const char *text;
	} rows[] = {
	    {JOB_COMPLETED, BODY_REQUEST,
		"its request should have been erased"},
	    {JOB_FAILED, BODY_NOTE, "its note should have been erased"},
	    {JOB_PENDING, BODY_RESULT, "its result should have been erased"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct made m = make(rows[i].state);
		put(&m, rows[i].kind);
		const char *said = audit(&m);
		assert_non_null(strstr(said, "body-kept"));
		assert_non_null(strstr(said, rows[i].text));
		assert_null(strchr(said, ','));
	}
	struct made m = make(JOB_FAILED);
	m.job.gone_ms = 9;
	buf_release(&m.sealed[BODY_RESULT]);
	assert_non_null(strstr(audit(&m), "its meta should have been erased"));
}

static void bodies_that_were_changed(void **state)
{
	(void)state;
	struct made m = make(JOB_COMPLETED);
	m.sealed[BODY_RESULT].data[40] ^= 1;
	assert_string_equal(audit(&m),
	    "body-unreadable (its result was changed, or is another job's)");
	m = make(JOB_COMPLETED);
	m.sealed[BODY_RESULT].len = 0;
	assert_non_null(strstr(audit(&m), "body-unreadable"));
	/* sealed as it should be, and something else */
	m = make(JOB_COMPLETED);
	buf_clear(&m.sealed[BODY_RESULT]);
	seal_close(&keys, &m.job, BODY_RESULT, STR("\7nonsense"),
	    &m.sealed[BODY_RESULT]);
	assert_string_equal(audit(&m),
	    "body-unreadable (its result is not what was put there)");
	/* another attempt's result is not this one's */
	m = make(JOB_COMPLETED);
	m.job.attempt = 2;
	assert_non_null(strstr(audit(&m), "body-unreadable (its result"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_is_right),
	    cmocka_unit_test(ends_without_a_status),
	    cmocka_unit_test(ids),
	    cmocka_unit_test(keys_that_are_gone),
	    cmocka_unit_test(bodies_that_are_missing),
	    cmocka_unit_test(bodies_that_were_kept),
	    cmocka_unit_test(bodies_that_were_changed),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name(
	    "jobs-audit", tests, setup, teardown);
}
