#include "cgi/loop.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include "tests/unit/loop.h"

/*
 * Streams: answers that go on. What they say is the test app's (loop.h); what
 * an endpoint says in them is test-events.c's.
 */
static struct world world;

/* Everything that one stream has said and nobody has looked at. */
struct reader {
	int fd;
	uint16_t id;
	struct buf said;
	size_t records, bytes; /* since it began */
};

static void open_stream(
    struct world *w, struct reader *r, const char *uri, const char *token)
{
	*r = (struct reader){.fd = dial(w), .id = 7};
	ask(r->fd, r->id, uri, token);
}

static void close_stream(struct reader *r)
{
	close(r->fd);
	buf_release(&r->said);
}

/* Its next line without the spaces behind it, to be freed; NULL at its end. */
static char *next_line(struct reader *r)
{
	struct buf *b = &r->said;
	char *end;

	while (!b->len || !(end = memchr(b->data, '\n', b->len))) {
		size_t before = b->len;
		struct record got = get_record(r->fd, b);
		assert_int_equal(got.request_id, r->id);
		if (got.type == RECORD_END_REQUEST) {
			assert_int_equal(before, 0); /* no half of a line */
			buf_clear(b);
			return NULL;
		}
		assert_int_equal(got.type, RECORD_STDOUT);
		assert_true(got.content > 0);
		r->records++;
		r->bytes += got.content;
	}
	size_t n = (size_t)(end - b->data), rest = b->len - n - 1;
	struct str line = str_trim((struct str){b->data, n});
	char *copy = strndup(line.p, line.n);
	memmove(b->data, end + 1, rest);
	b->len = rest;
	return copy;
}

static void assert_line(struct reader *r, const char *expected)
{
	char *line = next_line(r);

	if (expected) {
		assert_non_null(line);
		assert_string_equal(line, expected);
	} else {
		assert_null(line);
	}
	free(line);
}

/* Its head, and that it has begun. */
static void assert_begun(struct reader *r, const char *token)
{
	char begin[64];

	snprintf(begin, sizeof(begin), "begin %s", token);
	assert_line(r, "Status: 200 OK");
	assert_line(r, ""); /* and no Content-Length: it goes on */
	assert_line(r, begin);
}

static void begin(struct world *w, struct reader *r, const char *token)
{
	open_stream(w, r, "/events?0", token);
	assert_begun(r, token);
}

static void assert_version(struct reader *r, int version, const char *token)
{
	char line[64];

	snprintf(line, sizeof(line), "%d %s", version, token);
	assert_line(r, line);
}

static void change(struct world *w)
{
	w->shared->version++;
	ring(w);
}

static void assert_served(struct world *w)
{
	int fd = dial(w);

	ask(fd, 1, "/echo", "x");
	assert_answer(fd, 1, "200 GET x 0 0");
	close(fd);
}

/* ---- what is told -------------------------------------------------------- */

static void test_told_until_it_ends(void **state)
{
	struct world own = {0};
	struct reader r;
	(void)state;

	world_open(&own, 0);
	begin(&own, &r, "me");
	for (int version = 1; version < 4; version++) {
		change(&own);
		assert_version(&r, version, "me");
	}
	own.shared->over = 1;
	ring(&own);
	assert_line(&r, "over me");
	assert_line(&r, NULL);
	/* the connection is kept, and is nobody's now */
	ask(r.fd, 8, "/echo", "x");
	assert_answer(r.fd, 8, "200 GET x 0 0");
	own.shared->over = 0;
	ask(r.fd, r.id = 9, "/events?0", "again");
	assert_begun(&r, "again");
	change(&own);
	assert_version(&r, 4, "again");
	close_stream(&r);
	world_close(&own);
}

/* One whose job cannot be looked up at first begins later. */
static void test_begins_later(void **state)
{
	struct world own = {.streams_max = 1};
	struct reader r, other;
	(void)state;

	world_open(&own, 0);
	open_stream(&own, &r, "/later?0", "me");
	open_stream(&own, &other, "/later?0", "other");
	assert_served(&own);
	change(&own);
	assert_begun(&r, "me");
	/* the only place is taken by then */
	assert_answer(other.fd, other.id, "503 crowded other");
	change(&own);
	assert_version(&r, 2, "me");
	close_stream(&r);
	close_stream(&other);
	world_close(&own);
}

/* One that is not kept is closed behind its end. */
static void test_not_kept(void **state)
{
	struct world own = {0};
	struct reader r = {.id = 3};
	(void)state;

	world_open(&own, 0);
	r.fd = dial(&own);
	send_request(r.fd, &(struct fcgi_request){.id = 3,
			       .close = true,
			       .method = "GET",
			       .uri = "/events?0",
			       .header = "HTTP_X_TOKEN",
			       .value = "me"});
	assert_begun(&r, "me");
	own.shared->over = 1;
	ring(&own);
	assert_line(&r, "over me");
	assert_line(&r, NULL);
	assert_ended(r.fd);
	buf_release(&r.said);
	world_close(&own);
}

/* When nothing comes for a while it is told that it is still there. */
static void test_kept_alive(void **state)
{
	struct world own = {0};
	struct reader r;
	(void)state;

	world_open(&own, 0);
	open_stream(&own, &r, "/events?10", "me");
	assert_begun(&r, "me");
	for (int i = 0; i < 3; i++)
		assert_line(&r, ": me");
	change(&own);
	char *line = next_line(&r);
	while (strcmp(line, ": me") == 0) {
		free(line);
		line = next_line(&r);
	}
	assert_string_equal(line, "1 me");
	free(line);
	close_stream(&r);
	world_close(&own);
}

/* Each of many, more than one turn takes; who waits for others is not asked. */
#define MANY 600
static void test_many(void **state)
{
	static struct reader readers[MANY];
	struct world own = {.keyed = true};
	(void)state;

	world_open(&own, 0);
	for (int i = 0; i < MANY; i++)
		begin(&own, &readers[i], i % 3 ? "mine" : "others");
	strcpy(own.shared->changed, "mine");
	change(&own);
	for (int i = 0; i < MANY; i++)
		if (i % 3)
			assert_version(&readers[i], 1, "mine");
	/* asked once more after the last ring, and has nothing new */
	for (int ms = 0; ms < PATIENCE_MS && own.shared->looked < 2; ms++)
		usleep(1000);
	assert_served(&own);
	assert_true(own.shared->resumed <= 2 * (MANY - MANY / 3));
	strcpy(own.shared->changed, "others");
	change(&own);
	for (int i = 0; i < MANY; i++) {
		if (i % 3 == 0)
			assert_version(&readers[i], 2, "others");
		assert_int_equal(readers[i].said.len, 0);
		close_stream(&readers[i]);
	}
	world_close(&own);
}

/* Nothing happens: it does not even wake up. */
static void test_quiet(void **state)
{
	static struct reader readers[100];
	struct world own = {0};
	(void)state;

	world_open(&own, 0);
	for (int i = 0; i < 100; i++) {
		open_stream(&own, &readers[i], "/events?3600000", "me");
		assert_begun(&readers[i], "me");
	}
	int rested = own.shared->rested;
	for (int same = 0; same < 20; same++) { /* what it has begun is done */
		usleep(5000);
		if (own.shared->rested != rested)
			same = 0;
		rested = own.shared->rested;
	}
	usleep(200000);
	assert_int_equal(own.shared->rested, rested);
	assert_int_equal(own.shared->resumed, 0);
	for (int i = 0; i < 100; i++)
		close_stream(&readers[i]);
	world_close(&own);
}

/* ---- slow readers -------------------------------------------------------- */

#define PIECE 60000
/* What a socket's buffer and one piece hold: more is never queued. */
#define QUEUED_MAX (8 * PIECE)

/*
 * One takes nothing while others are told a hundred times: what is made for it
 * is bounded, the others notice nothing, and in the end it is told the newest.
 */
static void test_a_slow_one_among_others(void **state)
{
	struct world own = {0};
	struct reader slow, fast[5];
	char *line;
	(void)state;

	world_open(&own, 0);
	own.shared->piece = PIECE;
	begin(&own, &slow, "slow");
	for (int i = 0; i < 5; i++)
		begin(&own, &fast[i], "fast");
	for (int version = 1; version <= 100; version++) {
		change(&own);
		for (int i = 0; i < 5; i++)
			assert_version(&fast[i], version, "fast");
	}
	assert_true(own.shared->slow <= QUEUED_MAX);
	const int made = own.shared->slow;
	int last = 0;
	while (last < 100) {
		line = next_line(&slow);
		assert_non_null(line);
		assert_true(atoi(line) > last); /* none twice, none older */
		last = atoi(line);
		free(line);
	}
	/* what there was, and the newest once */
	assert_int_equal(last, 100);
	assert_true(own.shared->slow <= made + PIECE + 1);
	change(&own);
	assert_version(&slow, 101, "slow");
	for (int i = 0; i < 5; i++) {
		assert_version(&fast[i], 101, "fast");
		close_stream(&fast[i]);
	}
	close_stream(&slow);
	world_close(&own);
}

static void fill(struct world *w, struct reader *slow, struct reader *fast)
{
	int before = -1;

	w->shared->piece = PIECE;
	begin(w, slow, "slow");
	begin(w, fast, "fast");
	while (w->shared->slow != before) {
		before = w->shared->slow;
		change(w);
		assert_version(fast, w->shared->version, "fast");
		/* asked in the same turn as the other or before this one */
		assert_served(w);
	}
}

/* A piece in many records, and the socket takes it in parts. */
static void test_a_piece_in_parts(void **state)
{
	struct world own = {0};
	struct reader r;
	(void)state;

	world_open(&own, 0);
	begin(&own, &r, "me");
	own.shared->piece = 3000000;
	change(&own);
	assert_version(&r, 1, "me");
	change(&own);
	assert_version(&r, 2, "me");
	assert_true(r.records >= 2 * 3000000 / 65535);
	assert_true(r.bytes >= 2 * 3000000);
	own.shared->piece = 0;
	change(&own);
	assert_version(&r, 3, "me");
	close_stream(&r);
	world_close(&own);
}

static void test_stuck(void **state)
{
	struct world own = {.stuck_ms = 50};
	struct reader slow, fast;
	struct buf rest = {0};
	char byte[4096];
	size_t n;
	(void)state;

	world_open(&own, 0);
	int files = steady_files(&own);
	fill(&own, &slow, &fast);
	await_files(&own, files + 1); /* only the other is there */
	/* it ends in the middle, without an end: nobody takes it for whole */
	while ((n = get_bytes(slow.fd, byte, sizeof(byte))) > 0)
		buf_put(&rest, byte, n);
	assert_true(rest.len > 0 && rest.len <= QUEUED_MAX);
	change(&own);
	assert_version(&fast, own.shared->version, "fast");
	buf_release(&rest);
	close_stream(&slow);
	close_stream(&fast);
	world_close(&own);
}

/* ---- readers that leave -------------------------------------------------- */

static void test_leaving_frees(void **state)
{
	int files = steady_files(&world);
	struct reader r;
	(void)state;

	for (int i = 0; i < 100; i++) {
		begin(&world, &r, "x");
		if (i % 2)
			close(r.fd);
		else if (shutdown(r.fd, SHUT_WR) == 0)
			assert_ended(r.fd);
		buf_release(&r.said);
	}
	await_files(&world, files);
}

static void test_leaving_while_full(void **state)
{
	struct world own = {.streams_max = 2};
	struct reader slow, fast;
	(void)state;

	world_open(&own, 0);
	int files = steady_files(&own);
	fill(&own, &slow, &fast);
	close_stream(&slow);
	await_files(&own, files + 1);
	/* its place is free */
	own.shared->piece = 0;
	begin(&own, &slow, "next");
	change(&own);
	assert_version(&slow, own.shared->version, "next");
	close_stream(&slow);
	close_stream(&fast);
	world_close(&own);
}

static void put_abort(int fd, uint16_t id)
{
	struct buf b = {0};

	put_record(&b, RECORD_ABORT_REQUEST, id, NULL, 0, 0);
	send_bytes(fd, buf_str(&b));
	buf_release(&b);
}

static void test_aborted(void **state)
{
	struct reader r;
	(void)state;

	begin(&world, &r, "me");
	put_abort(r.fd, r.id);
	assert_line(&r, NULL);
	ask(r.fd, 8, "/echo", "x");
	assert_answer(r.fd, 8, "200 GET x 0 0");
	close_stream(&r);
}

/* The piece on its way is finished, then comes the end, then the next answer.
 */
static void test_aborted_while_full(void **state)
{
	struct world own = {0};
	struct reader slow, fast;
	char *line;
	(void)state;

	world_open(&own, 0);
	fill(&own, &slow, &fast);
	put_abort(slow.fd, slow.id);
	ask(slow.fd, 8, "/echo", "x");
	assert_served(&own);
	while ((line = next_line(&slow)) != NULL)
		free(line);
	assert_answer(slow.fd, 8, "200 GET x 0 0");
	close_stream(&slow);
	close_stream(&fast);
	world_close(&own);
}

/* Any other byte ends it as well. */
static void test_bytes_behind(void **state)
{
	struct reader r;
	(void)state;

	begin(&world, &r, "me");
	ask(r.fd, 8, "/echo", "next");
	assert_line(&r, NULL);
	assert_answer(r.fd, 8, "200 GET next 0 0");
	close_stream(&r);
}

/* What wakes one that has left reaches nobody who has its place. */
static void test_nobody_gets_anothers(void **state)
{
	struct world own = {.keyed = true};
	struct reader a, b;
	(void)state;

	world_open(&own, 0);
	int files = steady_files(&own);
	for (int i = 0; i < 20; i++) {
		begin(&own, &a, "first");
		close_stream(&a);
		await_files(&own, files);
		begin(&own, &b, "second"); /* same descriptor, same slot */
		strcpy(own.shared->changed, "first");
		change(&own);
		assert_served(&own);
		strcpy(own.shared->changed, "second");
		change(&own);
		assert_version(&b, own.shared->version, "second");
		assert_int_equal(b.said.len, 0);
		close_stream(&b);
		await_files(&own, files);
	}
	world_close(&own);
}

/* ---- bounds and the end -------------------------------------------------- */

static void test_so_many_and_no_more(void **state)
{
	struct world own = {.streams_max = 3};
	struct reader r[3], more;
	(void)state;

	world_open(&own, 0);
	int files = steady_files(&own);
	for (int i = 0; i < 3; i++)
		begin(&own, &r[i], "me");
	open_stream(&own, &more, "/events?0", "late");
	assert_answer(more.fd, more.id, "503 crowded late");
	/* an app that does not look is made to */
	ask(more.fd, more.id, "/events?0", "blind");
	char *got = get_answer(more.fd, more.id);
	assert_memory_equal(got, "503 refused", 11);
	free(got);
	/* whoever only waits is not one of them */
	ask(more.fd, 9, "/park?1", "me");
	assert_answer(more.fd, 9, "202 late me");
	close_stream(&r[1]);
	await_files(&own, files + 3);
	ask(more.fd, more.id, "/events?0", "late");
	assert_begun(&more, "late");
	change(&own);
	assert_version(&r[0], 1, "me");
	assert_version(&r[2], 1, "me");
	assert_version(&more, 1, "late");
	close_stream(&r[0]);
	close_stream(&r[2]);
	close_stream(&more);
	world_close(&own);
}

/* At the end each gets its end, also one that is behind. */
static void test_shutdown(void **state)
{
	struct world own = {0};
	struct reader r[20], slow, fast;
	char *line;
	(void)state;

	world_open(&own, 0);
	for (int i = 0; i < 20; i++)
		begin(&own, &r[i], "me");
	fill(&own, &slow, &fast);
	kill(own.pid, SIGTERM);
	for (int i = 0; i < 20; i++) {
		while ((line = next_line(&r[i])) != NULL)
			free(line);
		assert_ended(r[i].fd);
		buf_release(&r[i].said);
	}
	while ((line = next_line(&slow)) != NULL)
		free(line);
	assert_ended(slow.fd);
	while ((line = next_line(&fast)) != NULL)
		free(line);
	assert_ended(fast.fd);
	buf_release(&slow.said);
	buf_release(&fast.said);
	world_close(&own);
}

static int open_world(void **state)
{
	(void)state;
	world_open(&world, 0);
	return 0;
}

static int close_world(void **state)
{
	(void)state;
	world_close(&world);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_told_until_it_ends),
	    cmocka_unit_test(test_begins_later),
	    cmocka_unit_test(test_not_kept),
	    cmocka_unit_test(test_kept_alive),
	    cmocka_unit_test(test_many),
	    cmocka_unit_test(test_quiet),
	    cmocka_unit_test(test_a_slow_one_among_others),
	    cmocka_unit_test(test_a_piece_in_parts),
	    cmocka_unit_test(test_stuck),
	    cmocka_unit_test(test_leaving_frees),
	    cmocka_unit_test(test_leaving_while_full),
	    cmocka_unit_test(test_aborted),
	    cmocka_unit_test(test_aborted_while_full),
	    cmocka_unit_test(test_bytes_behind),
	    cmocka_unit_test(test_nobody_gets_anothers),
	    cmocka_unit_test(test_so_many_and_no_more),
	    cmocka_unit_test(test_shutdown),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name(
	    "loop-stream", tests, open_world, close_world);
}
