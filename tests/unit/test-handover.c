#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <netinet/in.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "cgi/fcgi/framer.h"
#include "cgi/fcgi/parse.h"
#include "cgi/fcgi/writer.h"
#include "cgi/read/handover.h"

/*
 * What is handed over is read as the endpoint would read it, by its own framer
 * and parser; what comes back is written as the endpoint writes it.
 */
static struct arena arena;

static int wipe(void **state)
{
	(void)state;
	arena_release(&arena);
	return 0;
}

/* ---- on the wire --------------------------------------------------------- */

static struct request parsed(const struct buf *bytes)
{
	struct framer framer = {.body_max = 10};
	struct request r;
	size_t used;

	assert_int_equal(framer_look(&framer, (const uint8_t *)bytes->data,
			     bytes->len, &used),
	    FRAMER_REQUEST);
	assert_int_equal(used, bytes->len);
	assert_false(framer.keep_conn);
	assert_int_equal(parse_init(), ERR_OK);
	struct parser *p = parser_open();
	int fd = memfd_create("request", MFD_CLOEXEC);
	assert_int_equal(
	    write(fd, bytes->data, bytes->len), (ssize_t)bytes->len);
	lseek(fd, 0, SEEK_SET);
	assert_int_equal(
	    parse_request(p, &arena, &fd, framer.body, &r), ERR_OK);
	/* views into the parser's memory: copied before it goes */
	r.method = arena_str(&arena, r.method);
	r.path = arena_str(&arena, r.path);
	r.query = r.query.p ? arena_str(&arena, r.query) : r.query;
	r.remote_addr = arena_str(&arena, r.remote_addr);
	r.owner = arena_str(&arena, r.owner);
	for (size_t i = 0; i < r.headers.n; i++) {
		struct pair *h = &r.headers.items[i];
		*h = (struct pair){
		    arena_str(&arena, h->name), arena_str(&arena, h->value)};
	}
	parser_done(p);
	parser_close(p);
	if (fd >= 0)
		close(fd);
	return r;
}

static struct request sent(enum handover_why why)
{
	static struct pair headers[] = {{STR_INIT("host"), STR_INIT("a")},
	    {STR_INIT("authorization"), STR_INIT("Bearer t")},
	    {STR_INIT("x-request-id"), STR_INIT("job_x")},
	    {STR_INIT("idempotency-key"), STR_INIT("k")},
	    {STR_INIT("x-initial-request"), STR_INIT("true")},
	    {STR_INIT("prefer"), STR_INIT("respond-async")},
	    {STR_INIT("x-wait-time-ms"), STR_INIT("7000")},
	    {STR_INIT("content-type"), STR_INIT("text/plain")}};
	const struct request r = {.method = STR("GET"),
	    .path = STR("/api/v1/case/A%2CB,c"),
	    .query = STR("x=1&y"),
	    .headers = {headers, sizeof(headers) / sizeof(headers[0])},
	    .remote_addr = STR("192.0.2.7"),
	    .owner = STR("alice"),
	    .body_declared = -1};
	struct buf bytes = {0};

	handover_request(&r, why, &bytes);
	struct request back = parsed(&bytes);
	buf_release(&bytes);
	return back;
}

static void asked_for_has_no_name(void **state)
{
	struct request r = sent(HANDOVER_ASKED);

	(void)state;
	assert_true(str_is(r.method, "GET"));
	assert_true(str_is(r.path, "/api/v1/case/A%2CB,c"));
	assert_true(str_is(r.query, "x=1&y"));
	assert_true(str_is(r.remote_addr, "192.0.2.7"));
	assert_true(str_is(r.owner, "alice"));
	assert_true(str_is(request_header(&r, "authorization"), "Bearer t"));
	assert_true(str_is(request_header(&r, "x-wait-time-ms"), "0"));
	assert_false(request_has_header(&r, "x-request-id"));
	assert_false(request_has_header(&r, "idempotency-key"));
	assert_false(request_has_header(&r, "x-initial-request"));
	assert_false(request_has_header(&r, "prefer"));
	assert_false(request_has_header(&r, "content-type"));
	assert_int_equal(r.headers.n, 3);
}

static void asked_again_is_as_it_came(void **state)
{
	struct request r = sent(HANDOVER_AGAIN);

	(void)state;
	assert_true(str_is(request_header(&r, "x-request-id"), "job_x"));
	assert_true(str_is(request_header(&r, "x-wait-time-ms"), "7000"));
	assert_true(str_is(request_header(&r, "prefer"), "respond-async"));
	assert_int_equal(r.headers.n, 7);
}

/* No query is another thing than an empty one; long values have long lengths.
 */
static void edges_of_a_request(void **state)
{
	char *text = arena_alloc(&arena, 30001);
	struct request r = {.method = STR("GET"), .path = STR("/")};
	struct buf bytes = {0};
	struct pair header = {STR("cookie"), {text, 30000}};

	(void)state;
	memset(text, 'x', 30000);
	r.headers = (struct pairs){&header, 1};
	handover_request(&r, HANDOVER_ASKED, &bytes);
	struct request back = parsed(&bytes);
	assert_null(back.query.p);
	assert_int_equal(request_header(&back, "cookie").n, 30000);
	buf_release(&bytes);
	r.query = STR("");
	handover_request(&r, HANDOVER_ASKED, &bytes);
	back = parsed(&bytes);
	assert_non_null(back.query.p);
	assert_int_equal(back.query.n, 0);
	buf_release(&bytes);
}

/* ---- what comes back ----------------------------------------------------- */

static void answers_are_read_however_they_are_cut(void **state)
{
	struct answer a = {.status = 202, .body = STR("{\"jobId\":\"j\"}")};
	struct buf text = {0};
	struct writer w;

	(void)state;
	answer_header(&a, "Location", STR("/api/jobs/j"));
	answer_header(&a, "Retry-After", STR("3"));
	answer_write(&a, &text);
	writer_init(&w);
	writer_answer(&w, 1, buf_str(&text));
	for (size_t piece = 1; piece < w.pending.len + 2; piece++) {
		struct handover_reader r = {0};
		struct answer back;
		for (size_t at = 0; at < w.pending.len; at += piece) {
			struct str s =
			    str_slice(buf_str(&w.pending), at, at + piece);
			assert_false(r.over);
			assert_int_equal(
			    handover_read(&r, (const uint8_t *)s.p, s.n),
			    ERR_OK);
		}
		assert_true(r.over);
		assert_int_equal(
		    handover_answer(&arena, buf_str(&r.out), &back), ERR_OK);
		assert_int_equal(back.status, 202);
		assert_true(str_eq(back.body, a.body));
		assert_true(
		    str_is(answer_get(&back, "Location"), "/api/jobs/j"));
		assert_int_equal(back.n_headers, 2);
		handover_reader_release(&r);
	}
	writer_release(&w);
	buf_release(&text);
}

static void what_is_no_answer_is_refused(void **state)
{
	static const char *const heads[] = {"", "\r\n", "Status: 202",
	    "Status: 202\r\n", "Status: 20\r\n\r\n", "Status: x02\r\n\r\n",
	    "Status: 700\r\n\r\n", "A: b\r\n\r\n", "Status 202\r\n\r\n",
	    ": 1\r\nStatus: 202\r\n\r\n", "Status: 100\r\n\r\n"};
	static const uint8_t records[][RECORD_HEADER] = {
	    {2, RECORD_STDOUT, 0, 1}, {1, RECORD_STDOUT, 0, 2},
	    {1, RECORD_BEGIN_REQUEST, 0, 1}, {1, 99, 0, 1}};
	struct answer a;
	struct buf many = {0};

	(void)state;
	for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++)
		if (handover_answer(&arena, str_of(heads[i]), &a) !=
		    ERR_CORRUPT)
			fail_msg("%s", heads[i]);
	for (size_t i = 0; i < sizeof(records) / sizeof(records[0]); i++) {
		struct handover_reader r = {0};
		assert_int_equal(
		    handover_read(&r, records[i], RECORD_HEADER), ERR_CORRUPT);
		handover_reader_release(&r);
	}
	buf_puts(&many, "Status: 200\n");
	for (int i = 0; i <= ANSWER_HEADERS_MAX; i++)
		buf_printf(&many, "x%d: y\n", i);
	buf_puts(&many, "\n");
	assert_int_equal(
	    handover_answer(&arena, buf_str(&many), &a), ERR_TOO_LARGE);
	buf_release(&many);
}

static void more_than_anybody_takes_is_cut_off(void **state)
{
	static uint8_t piece[RECORD_HEADER + RECORD_CONTENT_MAX] = {
	    1, RECORD_STDOUT, 0, 1, 0xff, 0xff};
	struct handover_reader r = {0};
	enum err err = ERR_OK;

	(void)state;
	for (size_t i = 0;
	     i < HANDOVER_ANSWER_MAX / RECORD_CONTENT_MAX + 2 && err == ERR_OK;
	     i++)
		err = handover_read(&r, piece, sizeof(piece));
	assert_int_equal(err, ERR_TOO_LARGE);
	handover_reader_release(&r);
}

/* ---- over a socket ------------------------------------------------------- */

struct world {
	char folder[32], address[64];
	int listen_fd;
	struct handover *h;
};

static void world_open(struct world *w)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	struct listen_at where;
	struct diag diag;

	strcpy(w->folder, "/tmp/lowtide-test.XXXXXX");
	assert_non_null(mkdtemp(w->folder));
	snprintf(w->address, sizeof(w->address), "unix:%s/sock", w->folder);
	strcpy(at.sun_path, w->address + 5);
	w->listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(
	    bind(w->listen_fd, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(listen(w->listen_fd, 8), 0);
	diag_init(&diag, &arena);
	assert_int_equal(
	    listen_where("--endpoint", w->address, &diag, &where), ERR_OK);
	assert_int_equal(handover_open(&where, &w->h), ERR_OK);
}

static void world_close(struct world *w)
{
	handover_close(w->h);
	close(w->listen_fd);
	unlink(w->address + 5);
	rmdir(w->folder);
}

static bool next(struct world *w, int64_t now, uint64_t *ticket,
    struct answer *answer, enum err *err)
{
	*ticket = 0;
	return handover_next(w->h, now, &arena, ticket, answer, err);
}

static void an_answer_comes_back_to_whom_it_is(void **state)
{
	struct world w;
	struct answer answer, given = {.status = 202};
	struct buf text = {0};
	struct writer out;
	uint64_t ticket;
	enum err err;
	char heard[16];
	int fds[2];

	(void)state;
	world_open(&w);
	assert_int_equal(handover_due(w.h), 0);
	assert_int_equal(handover_start(w.h, 100, STR("one"), 1), ERR_OK);
	assert_int_equal(handover_start(w.h, 200, STR("two"), 2), ERR_OK);
	assert_int_equal(handover_due(w.h), 100 + HANDOVER_TIMEOUT_MS);
	assert_false(next(&w, 200, &ticket, &answer, &err));
	for (int i = 0; i < 2; i++) {
		fds[i] = accept(w.listen_fd, NULL, NULL);
		assert_int_equal(recv(fds[i], heard, sizeof(heard), 0), 3);
	}
	assert_memory_equal(heard, "two", 3);
	answer_write(&given, &text);
	writer_init(&out);
	writer_answer(&out, 1, buf_str(&text));
	assert_int_equal(send(fds[1], out.pending.data, out.pending.len, 0),
	    (ssize_t)out.pending.len);
	assert_true(next(&w, 200, &ticket, &answer, &err));
	assert_int_equal(ticket, 2);
	assert_int_equal(err, ERR_OK);
	assert_int_equal(answer.status, 202);
	/* the other one's endpoint dies in the midst of it */
	assert_int_equal(send(fds[0], out.pending.data, 9, 0), 9);
	assert_false(next(&w, 200, &ticket, &answer, &err));
	close(fds[0]);
	assert_true(next(&w, 200, &ticket, &answer, &err));
	assert_int_equal(ticket, 1);
	assert_int_equal(err, ERR_CLOSED);
	assert_false(next(&w, 200, &ticket, &answer, &err));
	assert_int_equal(handover_due(w.h), 0);
	close(fds[1]);
	writer_release(&out);
	buf_release(&text);
	world_close(&w);
}

static void one_that_says_nothing_is_given_up(void **state)
{
	struct world w;
	struct answer answer;
	uint64_t ticket;
	enum err err;

	(void)state;
	world_open(&w);
	assert_int_equal(handover_start(w.h, 100, STR("one"), 1), ERR_OK);
	assert_int_equal(handover_start(w.h, 101, STR("two"), 2), ERR_OK);
	handover_leave(w.h, 7);
	handover_leave(w.h, 2);
	assert_false(
	    next(&w, 99 + HANDOVER_TIMEOUT_MS, &ticket, &answer, &err));
	assert_true(
	    next(&w, 100 + HANDOVER_TIMEOUT_MS, &ticket, &answer, &err));
	assert_int_equal(ticket, 1);
	assert_int_equal(err, ERR_AGAIN);
	assert_false(
	    next(&w, 200 + HANDOVER_TIMEOUT_MS, &ticket, &answer, &err));
	world_close(&w);
}

static void nobody_there_is_said_at_once(void **state)
{
	struct world w;

	(void)state;
	world_open(&w);
	close(w.listen_fd);
	assert_int_equal(handover_start(w.h, 100, STR("x"), 1), ERR_CLOSED);
	assert_int_equal(handover_due(w.h), 0);
	world_close(&w);
}

static void no_more_than_the_cap(void **state)
{
	struct sockaddr_in at = {
	    .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct listen_at where = {.n = sizeof(at)};
	socklen_t n = sizeof(at);
	struct handover *h;
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	(void)state;
	assert_int_equal(bind(fd, (struct sockaddr *)&at, n), 0);
	assert_int_equal(listen(fd, HANDOVER_MAX), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&where.at, &n), 0);
	assert_int_equal(handover_open(&where, &h), ERR_OK);
	for (uint64_t i = 1; i <= HANDOVER_MAX; i++)
		assert_int_equal(handover_start(h, 0, STR("x"), i), ERR_OK);
	assert_int_equal(
	    handover_start(h, 0, STR("x"), HANDOVER_MAX + 1), ERR_FULL);
	handover_leave(h, 3);
	assert_int_equal(
	    handover_start(h, 0, STR("x"), HANDOVER_MAX + 1), ERR_OK);
	handover_close(h);
	close(fd);
}

static void addresses(void **state)
{
	static const struct {
		const char *address;
		enum err err;
	} rows[] = {{"unix:/run/x/cgi.sock", ERR_OK},
	    {"tcp:127.0.0.1:9000", ERR_OK}, {"tcp:[::1]:9000", ERR_OK},
	    {"tcp:192.0.2.1:9000", ERR_USAGE}, {"tcp:127.0.0.1", ERR_USAGE},
	    {"unix:", ERR_USAGE}, {"/run/x", ERR_USAGE}, {"", ERR_USAGE},
	    {"unix:/0123456789012345678901234567890123456789012345678901234567"
	     "89012345678901234567890123456789012345678901234567890",
		ERR_USAGE}};
	struct listen_at at;
	struct diag diag;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		diag_init(&diag, &arena);
		if (listen_where("--endpoint", rows[i].address, &diag, &at) !=
		    rows[i].err)
			fail_msg("%s", rows[i].address);
		assert_int_equal(diag.errors, rows[i].err != ERR_OK);
	}
}

#define TEST(f) cmocka_unit_test_teardown(f, wipe)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(asked_for_has_no_name),
	    TEST(asked_again_is_as_it_came),
	    TEST(edges_of_a_request),
	    TEST(answers_are_read_however_they_are_cut),
	    TEST(what_is_no_answer_is_refused),
	    TEST(more_than_anybody_takes_is_cut_off),
	    TEST(an_answer_comes_back_to_whom_it_is),
	    TEST(one_that_says_nothing_is_given_up),
	    TEST(nobody_there_is_said_at_once),
	    TEST(no_more_than_the_cap),
	    TEST(addresses),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("handover", tests, NULL, NULL);
}
