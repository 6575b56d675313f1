#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <sched.h>

#include <cmocka.h>

#include "cgi/upstream/upstream.h"
#include "tests/unit/upstream-crowd.h"
#include "tests/unit/upstream-server.h"
#include "tests/unit/watchdog.h"

/*
 * What goes wrong on a connection that was kept is that one call's affair:
 * whoever comes next gets his own answer, and nothing that is left of another.
 */
static const struct upstream_ops *const ops = &upstream_curl;

#define KEPT "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
#define STOLEN "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nstolen"

struct world {
	struct server server;
	bool serving;
	void *pool;
	struct arena arena;
	struct upstream_call call;
	char url[128];
	struct upstream_answer answer;
};

static int set_up(void **state)
{
	static struct world w;

	watchdog_begin(*state);
	memset(&w, 0, sizeof(w));
	if (ops->open(&w.pool) != ERR_OK)
		return -1;
	w.call = (struct upstream_call){.url = w.url,
	    .method = "GET",
	    .local = true,
	    .reuse = true,
	    .timeout_ms = 60000,
	    .response_max = 1000};
	*state = &w;
	return 0;
}

static int tear_down(void **state)
{
	struct world *w = *state;

	watchdog_for = "the pool to close";
	ops->close(w->pool);
	if (w->serving)
		server_stop(&w->server);
	arena_release(&w->arena);
	watchdog_end();
	return 0;
}

static void name(struct world *w, unsigned port)
{
	snprintf(w->url, sizeof(w->url), "http://127.0.0.1:%u/x", port);
}

static enum upstream_end ends(struct world *w)
{
	void *tag;

	watchdog_for = "a call to end";
	ops->start(w->pool, &w->call, w);
	while (!ops->next(w->pool, &w->arena, &tag, &w->answer))
		assert_int_equal(ops->wait(w->pool, NULL, 0, NULL, -1), ERR_OK);
	return w->answer.end;
}

/* A good one, a bad one on its connection, and a good one again. */
static void bad_in_the_middle(
    struct world *w, struct server_step bad, enum upstream_end end)
{
	const struct server_step steps[] = {
	    {.answer = KEPT}, bad, {.answer = KEPT}};

	server_start(&w->server, steps, 3);
	w->serving = true;
	name(w, w->server.port);
	assert_int_equal(ends(w), UPSTREAM_ANSWER);
	assert_int_equal(ends(w), end);
	assert_int_equal(w->answer.body.n, 0);
	assert_int_equal(w->server.arrivals, 2);
	assert_int_equal(w->server.connections, 1);
	w->call.timeout_ms = 60000;
	for (int i = 0; i < 3; i++) {
		assert_int_equal(ends(w), UPSTREAM_ANSWER);
		assert_true(str_is(w->answer.body, "{}"));
	}
	assert_int_equal(w->server.arrivals, 5);
	assert_int_equal(w->server.connections, 2);
	ops->close(w->pool);
	server_stop(&w->server);
	w->serving = false;
	assert_int_equal(ops->open(&w->pool), ERR_OK);
}

static void bad_answers(void **state)
{
	static const struct {
		struct server_step step;
		enum upstream_end end;
	} rows[] = {
	    /* header floods */
	    {{.answer = "HTTP/1.1 200 OK\r\n", .more = "X-More: yes\r\n"},
		UPSTREAM_TOO_LARGE},
	    {{.more = "HTTP/1.1 103 Early\r\nX-Hint: yes\r\n\r\n"},
		UPSTREAM_TOO_LARGE},
	    /* announced, without an end, in chunks without an end */
	    {{.answer = "HTTP/1.1 200 OK\r\nContent-Length: 1073741824\r\n"
			"\r\n{"},
		UPSTREAM_TOO_LARGE},
	    {{.answer = "HTTP/1.1 200 OK\r\n"
			"Content-Length: 99999999999999999999\r\n\r\n{"},
		UPSTREAM_TOO_LARGE},
	    {{.answer = "HTTP/1.1 200 OK\r\n\r\n", .more = "more"},
		UPSTREAM_TOO_LARGE},
	    {{.answer = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
		 .more = "4\r\nmore\r\n"},
		UPSTREAM_TOO_LARGE},
	    /* cut off */
	    {{.answer = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{}",
		 .close = true},
		UPSTREAM_BROKEN},
	    {{.answer = "HTTP/1.1 200 OK\r\nContent-Le", .close = true},
		UPSTREAM_BROKEN},
	    /* garbage */
	    {{.answer = "SSH-2.0-nothing\r\n\r\n", .close = true},
		UPSTREAM_BROKEN},
	    {{.answer = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
			"zz\r\n"},
		UPSTREAM_BROKEN},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		print_message("# row %zu\n", i);
		bad_in_the_middle(*state, rows[i].step, rows[i].end);
	}
}

static void slow_answers(void **state)
{
	static const struct server_step rows[] = {
	    {.answer = NULL},
	    {.answer = "HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n",
		.more = "x",
		.slowly = true},
	    {.answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		((struct world *)*state)->call.timeout_ms = 300;
		bad_in_the_middle(*state, rows[i], UPSTREAM_TIMEOUT);
	}
}

/* An answer that nobody asked for is nobody's, whenever it comes. */
static void answers_to_nobody(void **state)
{
	static const struct server_step at_once[] = {
	    {.answer = KEPT STOLEN}, {.answer = KEPT}};
	struct world *w = *state;

	server_start(&w->server, at_once, 2);
	w->serving = true;
	name(w, w->server.port);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(ends(w), UPSTREAM_ANSWER);
		assert_true(str_is(w->answer.body, "{}"));
	}
	assert_int_equal(w->server.connections, 2);
}

static void answers_to_nobody_later(void **state)
{
	struct world *w = *state;
	struct crowd crowd;

	crowd_start(&crowd);
	name(w, crowd.port);
	crowd_say(&crowd, KEPT);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(ends(w), UPSTREAM_ANSWER);
		print_message(
		    "# %.*s\n", (int)w->answer.body.n, w->answer.body.p);
		assert_true(str_is(w->answer.body, "{}"));
		for (int fd = 0; fd < CROWD_MAX; fd++)
			if (crowd.open[fd])
				assert_int_equal(
				    send(fd, STOLEN, strlen(STOLEN), 0),
				    strlen(STOLEN));
	}
	crowd_stop(&crowd);
}

/* The state is the test's name at first. */
#define CASE(f)                                                                \
	cmocka_unit_test_prestate_setup_teardown(                              \
	    f, set_up, tear_down, (void *)(uintptr_t) #f)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    CASE(bad_answers),
	    CASE(slow_answers),
	    CASE(answers_to_nobody),
	    CASE(answers_to_nobody_later),
	};

	signal(SIGPIPE, SIG_IGN);
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("curl-kept", tests, NULL, NULL);
}
