#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <dlfcn.h>
#include <netdb.h>

#include <cmocka.h>

#include "cgi/upstream/upstream.h"
#include "lib/clock.h"
#include "tests/unit/upstream-server.h"

/*
 * The only way out, against an upstream that answers what it likes. What it
 * must never do is counted at the upstream.
 */
static const struct upstream_ops *const ops = &upstream_curl;

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

	memset(&w, 0, sizeof(w));
	if (ops->open(&w.pool) != ERR_OK)
		return -1;
	w.call = (struct upstream_call){.url = w.url,
	    .method = "POST",
	    .has_body = true,
	    .body = STR("{}"),
	    .local = true,
	    .timeout_ms = 20000,
	    .connect_timeout_ms = 10000,
	    .response_max = 1000};
	*state = &w;
	return 0;
}

static int tear_down(void **state)
{
	struct world *w = *state;

	ops->close(w->pool);
	if (w->serving)
		server_stop(&w->server);
	arena_release(&w->arena);
	return 0;
}

static void serve(struct world *w, const struct server_step *steps, size_t n)
{
	if (w->serving)
		server_stop(&w->server);
	server_start(&w->server, steps, n);
	w->serving = true;
	snprintf(
	    w->url, sizeof(w->url), "http://127.0.0.1:%u/x", w->server.port);
}

static enum upstream_end ends(struct world *w)
{
	void *tag = NULL;

	ops->start(w->pool, &w->call, w);
	while (!ops->next(w->pool, &w->arena, &tag, &w->answer))
		assert_int_equal(
		    ops->wait(w->pool, NULL, 0, NULL, 1000), ERR_OK);
	assert_ptr_equal(tag, w);
	return w->answer.end;
}

/* One answer, and how the call ends. */
static enum upstream_end ends_with(struct world *w, const char *answer)
{
	const struct server_step step = {.answer = answer, .close = true};
	enum upstream_end end;

	serve(w, &step, 1);
	end = ends(w);
	server_stop(&w->server); /* the step is ours */
	w->serving = false;
	return end;
}

/* ---- where it may go --------------------------------------------------- */

/*
 * What names mean here: libcurl asks this program for it. "moving.example" is
 * another address each time.
 */
static const char *const moving[] = {"127.0.0.1", "10.0.0.1", "::1", "fd00::1",
    "169.254.169.254", "::ffff:127.0.0.1"};
static atomic_size_t moved;

int getaddrinfo(const char *node, const char *service,
    const struct addrinfo *hints, struct addrinfo **out)
{
	static int (*real)(const char *, const char *, const struct addrinfo *,
	    struct addrinfo **);

	if (!real)
		*(void **)&real = dlsym(RTLD_NEXT, "getaddrinfo");
	if (node && strcmp(node, "moving.example") == 0)
		node = moving[atomic_fetch_add(&moved, 1) %
			      (sizeof(moving) / sizeof(*moving))];
	else if (node && strcmp(node, "inside.example") == 0)
		node = "127.0.0.1";
	return real(node, service, hints, out);
}

static void refused_at_the_socket(void **state)
{
	static const char *const hosts[] = {"127.0.0.1", "127.1", "0x7f.1",
	    "0x7f000001", "2130706433", "0177.0.0.1", "localhost", "0.0.0.0",
	    "0", "[::1]", "[::]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]",
	    "[::127.0.0.1]", "[64:ff9b::7f00:1]", "[2002:7f00:1::]",
	    "169.254.169.254", "[fe80::1]", "100.64.0.1", "10.0.0.1",
	    "172.16.0.1", "192.168.0.1", "[fd00::1]", "[fc00::1]", "224.0.0.1",
	    "255.255.255.255", "inside.example"};
	static const struct server_step ok = {
	    .answer = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"};
	struct world *w = *state;

	serve(w, &ok, 1);
	w->call.local = false;
	for (size_t i = 0; i < sizeof(hosts) / sizeof(*hosts); i++) {
		snprintf(w->url, sizeof(w->url), "http://%s:%u/x", hosts[i],
		    w->server.port);
		print_message("# %s\n", hosts[i]);
		assert_int_equal(ends(w), UPSTREAM_UNSENT);
		assert_non_null(strstr(w->answer.why, "is private"));
	}
	assert_int_equal(w->server.connections, 0);
	/* the same server, said to be there */
	w->call.local = true;
	snprintf(w->url, sizeof(w->url), "http://inside.example:%u/x",
	    w->server.port);
	assert_int_equal(ends(w), UPSTREAM_ANSWER);
	assert_int_equal(w->server.connections, 1);
}

/* Whatever a name meant before, the address that is gone to is looked at. */
static void names_that_move(void **state)
{
	static const struct server_step ok = {
	    .answer = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"};
	struct world *w = *state;
	const size_t n = sizeof(moving) / sizeof(*moving);

	serve(w, &ok, 1);
	snprintf(w->url, sizeof(w->url), "http://moving.example:%u/x",
	    w->server.port);
	w->call.local = false;
	for (size_t i = 0; i < n; i++) {
		ops->close(w->pool); /* it remembers names for a while */
		assert_int_equal(ops->open(&w->pool), ERR_OK);
		assert_int_equal(ends(w), UPSTREAM_UNSENT);
		assert_non_null(strstr(w->answer.why, "is private"));
	}
	assert_int_equal(moved, n);
	assert_int_equal(w->server.connections, 0);
}

static void other_schemes(void **state)
{
	static const char *const urls[] = {"file:///etc/passwd",
	    "ftp://127.0.0.1/", "gopher://127.0.0.1/", "http://u:p@127.0.0.1/",
	    "nonsense", "http://"};
	struct world *w = *state;

	for (size_t i = 0; i < sizeof(urls) / sizeof(*urls); i++) {
		strcpy(w->url, urls[i]);
		assert_int_equal(ends(w), UPSTREAM_UNSENT);
		assert_true(strlen(w->answer.why) > 0);
	}
}

static void no_tls_there(void **state)
{
	struct world *w = *state;
	static const struct server_step garbage = {
	    .answer = "HTTP/1.1 400 Bad\r\n\r\n", .close = true};

	serve(w, &garbage, 1);
	snprintf(
	    w->url, sizeof(w->url), "https://127.0.0.1:%u/x", w->server.port);
	w->call.ca = "/nowhere/ca.pem";
	assert_int_equal(ends(w), UPSTREAM_UNSENT);
	assert_non_null(strstr(w->answer.why, "/nowhere/ca.pem"));
	assert_non_null(strstr(w->answer.why, "as the upstream's ca"));
}

/* ---- never twice ------------------------------------------------------- */

#define KEPT_OPEN                                                              \
	"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: "                 \
	"keep-alive\r\n\r\n{}"

/* Closed silently after reading, on a connection of its own: one arrival. */
static void never_sent_again(void **state)
{
	static const struct server_step steps[] = {
	    {.answer = KEPT_OPEN}, {.close = true}};
	struct world *w = *state;

	serve(w, steps, 2);
	w->call.reuse = true;
	assert_int_equal(ends(w), UPSTREAM_ANSWER);
	w->call.reuse = false;
	assert_int_equal(ends(w), UPSTREAM_BROKEN);
	assert_int_equal(w->server.arrivals, 2);
	assert_int_equal(w->server.connections, 2);
}

/*
 * What may be repeated is sent again on a new connection where a kept one
 * turns out to be dead: that is what `reuse` allows.
 */
static void a_kept_one_that_dies(void **state)
{
	static const struct server_step steps[] = {
	    {.answer = KEPT_OPEN}, {.close = true}, {.answer = KEPT_OPEN}};
	struct world *w = *state;

	serve(w, steps, 3);
	w->call.reuse = true;
	assert_int_equal(ends(w), UPSTREAM_ANSWER);
	assert_int_equal(w->server.connections, 1);
	assert_int_equal(ends(w), UPSTREAM_ANSWER);
	assert_int_equal(w->server.arrivals, 3);
	assert_int_equal(w->server.connections, 2);
}

static void a_kept_one_that_lives(void **state)
{
	static const struct server_step steps[] = {{.answer = KEPT_OPEN}};
	struct world *w = *state;

	serve(w, steps, 1);
	for (int i = 0; i < 3; i++) {
		w->call.reuse = i < 2;
		assert_int_equal(ends(w), UPSTREAM_ANSWER);
	}
	assert_int_equal(w->server.arrivals, 3);
	assert_int_equal(w->server.connections, 2);
}

/*
 * Whoever was stopped until his time was over sends nothing any more, on a
 * connection that is kept as little as on one of its own.
 */
static void what_is_late_does_not_leave(void **state)
{
	static const struct server_step steps[] = {{.answer = KEPT_OPEN}};
	struct world *w = *state;
	int64_t by = INT64_MAX;

	serve(w, steps, 1);
	w->call.leave_by_boot = &by;
	for (int i = 0; i < 2; i++) {
		w->call.reuse = i > 0;
		by = INT64_MAX;
		assert_int_equal(ends(w), UPSTREAM_ANSWER);
		by = clock_boot_ms();
		assert_int_equal(ends(w), UPSTREAM_UNSENT);
		assert_non_null(strstr(w->answer.why, "to leave was over"));
	}
	assert_int_equal(w->server.arrivals, 2);
	by = clock_boot_ms() + 3600000;
	assert_int_equal(ends(w), UPSTREAM_ANSWER);
	assert_int_equal(w->server.arrivals, 3);
}

/* The time may be over while it connects, and may be put off meanwhile. */
static void it_is_looked_at_last(void **state)
{
	static const struct server_step steps[] = {{.answer = KEPT_OPEN}};
	struct world *w = *state;
	int64_t by;
	void *tag;

	serve(w, steps, 1);
	w->call.leave_by_boot = &by;
	for (int in_time = 0; in_time < 2; in_time++) {
		by = in_time ? 0 : INT64_MAX;
		ops->start(w->pool, &w->call, w);
		by = in_time ? INT64_MAX : 0;
		while (!ops->next(w->pool, &w->arena, &tag, &w->answer))
			ops->wait(w->pool, NULL, 0, NULL, 1000);
		assert_int_equal(
		    w->answer.end, in_time ? UPSTREAM_ANSWER : UPSTREAM_UNSENT);
	}
	assert_int_equal(w->server.arrivals, 1);
	/* both of them were connected */
	while (w->server.connections < 2)
		poll(NULL, 0, 1);
}

/* Whoever must not open one must not use one that another one may. */
static void a_kept_one_is_looked_at_too(void **state)
{
	static const struct server_step steps[] = {{.answer = KEPT_OPEN}};
	struct world *w = *state;

	serve(w, steps, 1);
	w->call.reuse = true;
	assert_int_equal(ends(w), UPSTREAM_ANSWER);
	w->call.local = false;
	for (int i = 0; i < 2; i++) {
		assert_int_equal(ends(w), UPSTREAM_UNSENT);
		assert_non_null(strstr(w->answer.why, "is private"));
	}
	assert_int_equal(w->server.arrivals, 1);
	w->call.local = true;
	assert_int_equal(ends(w), UPSTREAM_ANSWER);
}

/* Nor is a connection of its own kept for others. */
static void its_own_is_nobody_elses(void **state)
{
	static const struct server_step steps[] = {{.answer = KEPT_OPEN}};
	struct world *w = *state;

	serve(w, steps, 1);
	for (int i = 0; i < 2; i++) {
		w->call.reuse = i > 0;
		assert_int_equal(ends(w), UPSTREAM_ANSWER);
		assert_int_equal(w->server.connections, i + 1);
	}
}

/* It would be asked for another address than the one that was looked at. */
static void no_proxy_of_the_environment(void **state)
{
	static const struct server_step steps[] = {{.answer = KEPT_OPEN}};
	static const char *const names[] = {
	    "http_proxy", "HTTPS_PROXY", "all_proxy"};
	struct world *w = *state;

	serve(w, steps, 1);
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		assert_int_equal(setenv(names[i], "http://127.0.0.1:1", 1), 0);
	enum upstream_end end = ends(w);
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		unsetenv(names[i]);
	assert_int_equal(end, UPSTREAM_ANSWER);
	assert_int_equal(w->server.arrivals, 1);
}

/* Whoever checked a path checked this one. */
static void paths_as_they_are(void **state)
{
	static const struct server_step steps[] = {{.answer = KEPT_OPEN}};
	struct world *w = *state;

	serve(w, steps, 1);
	strcat(w->url, "/../a/./%2e%2E//b");
	assert_int_equal(ends(w), UPSTREAM_ANSWER);
	assert_non_null(
	    strstr(w->server.first, " /x/../a/./%2e%2E//b HTTP/1.1\r\n"));
}

static void no_status_repeats_it(void **state)
{
	static const int statuses[] = {101, 205, 301, 302, 303, 307, 308, 401,
	    407, 408, 417, 421, 425, 426, 429, 500, 503, 505};
	struct world *w = *state;
	char text[256];

	for (size_t i = 0; i < sizeof(statuses) / sizeof(*statuses); i++) {
		const struct server_step step = {.answer = text, .close = true};

		snprintf(text, sizeof(text),
		    "HTTP/1.1 %d Odd\r\nConnection: close\r\n"
		    "Retry-After: 0\r\nLocation: /again\r\n"
		    "WWW-Authenticate: Basic realm=x\r\n"
		    "Upgrade: h2c\r\nContent-Length: 0\r\n\r\n",
		    statuses[i]);
		serve(w, &step, 1);
		print_message("# %d\n", statuses[i]);
		assert_int_not_equal(ends(w), UPSTREAM_UNSENT);
		assert_int_equal(w->server.arrivals, 1);
		assert_int_equal(w->server.connections, 1);
		server_stop(&w->server);
		w->serving = false;
	}
}

static void nobody_listens(void **state)
{
	static const struct server_step step = {.close = true};
	struct world *w = *state;

	serve(w, &step, 1);
	server_stop(&w->server);
	w->serving = false;
	assert_int_equal(ends(w), UPSTREAM_UNSENT);
	assert_non_null(strstr(w->answer.why, "nobody listens there"));
}

/* ---- what an answer is ------------------------------------------------- */

static void odd_answers(void **state)
{
	static const struct {
		const char *answer;
		enum upstream_end end;
		int status;
		const char *body;
	} rows[] = {
	    {"HTTP/1.0 200 OK\r\n\r\nto the end", UPSTREAM_ANSWER, 200,
		"to the end"},
	    {"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nto the end",
		UPSTREAM_ANSWER, 200, "to the end"},
	    {"HTTP/1.1 201\r\nContent-Length: 2\r\n\r\n{}", UPSTREAM_ANSWER,
		201, "{}"},
	    {"HTTP/1.1 204 No\r\nContent-Length: 2\r\n\r\n{}", UPSTREAM_ANSWER,
		204, ""},
	    {"HTTP/1.1 304 No\r\nContent-Length: 2\r\n\r\n", UPSTREAM_ANSWER,
		304, ""},
	    {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}and more",
		UPSTREAM_ANSWER, 200, "{}"},
	    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
	     "2\r\n{}\r\n0\r\n\r\n",
		UPSTREAM_ANSWER, 200, "{}"},
	    /* the hints that come before are not the answer */
	    {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\n"
	     "Location: /early\r\nX-Kept: early\r\n\r\n"
	     "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}",
		UPSTREAM_ANSWER, 200, "{}"},
	    /* and half an answer is none */
	    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n",
		UPSTREAM_BROKEN, 200, ""},
	    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
	     "zz\r\n{}\r\n0\r\n\r\n",
		UPSTREAM_BROKEN, 200, ""},
	    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
	     "ffffffffffffffffff\r\n{}",
		UPSTREAM_BROKEN, 200, ""},
	    {"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{}", UPSTREAM_BROKEN,
		200, ""},
	    {"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n{}", UPSTREAM_BROKEN,
		200, ""},
	    {"HTTP/1.1 200 OK\r\nContent-Le", UPSTREAM_BROKEN, 200, ""},
	    {"HTTP/1.1 100 Continue\r\n\r\n", UPSTREAM_BROKEN, 100, ""},
	    {"SSH-2.0-nothing\r\n\r\n", UPSTREAM_BROKEN, 0, ""},
	    {"{\"no\":\"http\"}", UPSTREAM_BROKEN, 0, ""},
	    {"HTTP/9.9 200 OK\r\n\r\n", UPSTREAM_BROKEN, 0, ""},
	    {"HTTP/1.1 99999 OK\r\n\r\n", UPSTREAM_BROKEN, 0, ""},
	    {"", UPSTREAM_BROKEN, 0, ""},
	    {"\n", UPSTREAM_BROKEN, 0, ""},
	    /* more than is taken, announced or not */
	    {"HTTP/1.1 200 OK\r\nContent-Length: 1073741824\r\n\r\n{",
		UPSTREAM_TOO_LARGE, 200, ""},
	};
	struct world *w = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		print_message("# row %zu\n", i);
		assert_int_equal(ends_with(w, rows[i].answer), rows[i].end);
		if (rows[i].status)
			assert_int_equal(w->answer.status, rows[i].status);
		assert_true(str_is(w->answer.body, rows[i].body));
		assert_int_equal(w->answer.location.n, 0);
		assert_int_equal(w->answer.headers.n, 0);
		assert_int_equal(
		    strlen(w->answer.why) > 0, rows[i].end != UPSTREAM_ANSWER);
		assert_int_equal(w->server.arrivals, 1);
	}
}

static void without_end(void **state)
{
	static const struct server_step steps[] = {
	    {.answer = "HTTP/1.1 200 OK\r\n", .more = "X-More: yes\r\n"},
	    {.more = "HTTP/1.1 103 Early\r\nX-Hint: yes\r\n\r\n"},
	    {.answer = "HTTP/1.1 200 OK\r\n\r\n", .more = "more and more"},
	    {.answer = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
		.more = "4\r\nmore\r\n"},
	    {.answer = "HTTP/1.1 200 OK\r\nX: ",
		.more = "yyyyyyyyyyyyyyyyyyyy"},
	};
	struct world *w = *state;

	for (size_t i = 0; i < sizeof(steps) / sizeof(*steps); i++) {
		serve(w, &steps[i], 1);
		print_message("# step %zu\n", i);
		const enum upstream_end end = ends(w);
		/* one line without end libcurl itself gives up */
		assert_int_equal(
		    end, i < 4 ? UPSTREAM_TOO_LARGE : UPSTREAM_BROKEN);
		assert_int_equal(w->answer.body.n, 0);
	}
}

/* A byte now and then is not an answer that one waits for. */
static void a_byte_now_and_then(void **state)
{
	static const struct server_step slow = {
	    .answer = "HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n",
	    .more = "x",
	    .slowly = true};
	static const struct server_step silent = {
	    .answer = "HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\nx"};
	struct world *w = *state;

	serve(w, &silent, 1);
	w->call.stall_timeout_ms = 1000;
	assert_int_equal(ends(w), UPSTREAM_TIMEOUT);
	assert_non_null(strstr(w->answer.why, "too slow"));
	serve(w, &slow, 1);
	w->call.timeout_ms = 700;
	w->call.stall_timeout_ms = 0;
	assert_int_equal(ends(w), UPSTREAM_TIMEOUT);
}

static void methods_without_a_body(void **state)
{
	static const struct server_step step = {
	    .answer = "HTTP/1.1 200 OK\r\nContent-Length: 2000\r\n"
		      "Connection: close\r\n\r\n",
	    .close = true};
	static const struct server_step small = {
	    .answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n"
		      "Connection: close\r\n\r\n{}",
	    .close = true};
	struct world *w = *state;

	w->call.has_body = false;
	w->call.response_max = 10000;
	w->call.method = "HEAD";
	serve(w, &step, 1);
	assert_int_equal(ends(w), UPSTREAM_ANSWER);
	assert_int_equal(w->answer.body.n, 0);
	assert_int_equal(
	    strncmp(w->server.first, "HEAD /x HTTP/1.1\r\n", 18), 0);
	for (size_t i = 0; i < 3; i++) {
		w->call.method = (const char *[]){"GET", "DELETE", "PUT"}[i];
		serve(w, &small, 1);
		assert_int_equal(ends(w), UPSTREAM_ANSWER);
		assert_true(str_is(w->answer.body, "{}"));
		assert_int_equal(strncmp(w->server.first, w->call.method,
				     strlen(w->call.method)),
		    0);
		assert_null(strstr(w->server.first, "Content-Type"));
		assert_null(strstr(w->server.first, "Expect"));
		assert_null(strstr(w->server.first, "Accept-Encoding"));
	}
}

/* ---- what of it is kept ------------------------------------------------ */

static struct str wanted[] = {{.p = "x-correlation-id", .n = 16},
    {.p = "x-kept", .n = 6}, {.p = "x-none", .n = 6}};

static void kept_headers(void **state)
{
	struct world *w = *state;

	w->call.keep = (struct strs){wanted, 3};
	assert_int_equal(
	    ends_with(w, "HTTP/1.1 103 Early\r\nX-Kept: early\r\n\r\n"
			 "HTTP/1.1 422 No\r\nX-Kept:  one \r\nX-Other: 3\r\n"
			 "X-CORRELATION-ID: abc\r\nx-kept: two, three\r\n"
			 "X-None: \r\nX-Kept: a\tb\r\n"
			 "Content-Type: text/x\r\nContent-Length: 2\r\n\r\n{}"),
	    UPSTREAM_ANSWER);
	assert_int_equal(w->answer.status, 422);
	assert_true(str_is(w->answer.content_type, "text/x"));
	assert_int_equal(w->answer.headers.n, 2);
	assert_true(
	    str_is(w->answer.headers.items[0].name, "x-correlation-id"));
	assert_true(str_is(w->answer.headers.items[0].value, "abc"));
	assert_true(str_is(w->answer.headers.items[1].name, "x-kept"));
	assert_true(
	    str_is(w->answer.headers.items[1].value, "one, two, three"));
	/* trailers are not among them, nor what nobody asked for */
	assert_int_equal(
	    ends_with(w, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
			 "2\r\n{}\r\n0\r\nX-Kept: late\r\n\r\n"),
	    UPSTREAM_ANSWER);
	assert_int_equal(w->answer.headers.n, 0);
	w->call.keep.n = 0;
	assert_int_equal(
	    ends_with(
		w, "HTTP/1.1 200 OK\r\nX-Kept: a\r\nContent-Length: 0\r\n\r\n"),
	    UPSTREAM_ANSWER);
	assert_int_equal(w->answer.headers.n, 0);
}

static void nothing_to_be_asked_of_a_call(void **state)
{
	(void)state;
	assert_null(ops->stop);
	assert_null(ops->moved);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    CASE(refused_at_the_socket),
	    CASE(names_that_move),
	    CASE(other_schemes),
	    CASE(no_tls_there),
	    CASE(never_sent_again),
	    CASE(a_kept_one_that_dies),
	    CASE(a_kept_one_that_lives),
	    CASE(what_is_late_does_not_leave),
	    CASE(it_is_looked_at_last),
	    CASE(a_kept_one_is_looked_at_too),
	    CASE(its_own_is_nobody_elses),
	    CASE(no_proxy_of_the_environment),
	    CASE(paths_as_they_are),
	    CASE(no_status_repeats_it),
	    CASE(nobody_listens),
	    CASE(odd_answers),
	    CASE(without_end),
	    CASE(a_byte_now_and_then),
	    CASE(methods_without_a_body),
	    CASE(kept_headers),
	    CASE(nothing_to_be_asked_of_a_call),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("curl", tests, NULL, NULL);
}
