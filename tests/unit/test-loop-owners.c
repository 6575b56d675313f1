/*
 * One owner's answer never reaches another's connection.
 *
 * Rounds in an order that a seed decides, on connections whose descriptors,
 * places and slots are used again and again: asked, parked, committed, woken,
 * followed, pipelined, aborted, left and dialled again. Every answer, and every
 * line of a stream, is compared with what was asked there: it is its owner's,
 * in order, or it never comes.
 *
 *	ROUNDS=100000 SEED=7 build/tests/test-loop-owners
 *
 * One round is one request and what is done to it; ROUNDS is 8000 unless told
 * (make soak: 100,000), SEED 1.
 */
#include "cgi/loop.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include "tests/unit/loop.h"

#define CLIENTS 24
#define QUEUE 4 /* requests on their way on one connection */

enum kind { ECHO, PARK, COMMIT, COMMIT_PARK, STREAM, KINDS };
struct question {
	uint16_t id;
	enum kind kind;
	bool aborted;
	char token[TOKEN_MAX];
};
struct client {
	int fd;
	size_t n;
	struct question queue[QUEUE];
};

static struct campaign {
	struct world world;
	struct client clients[CLIENTS];
	uint64_t seed;
	struct {
		int asked, own, done, late, ended, left, aborts, rings, behind;
		int begun, told;
	} count;
} all;

static long number_from(const char *name, long otherwise)
{
	const char *text = getenv(name);

	return text && *text ? atol(text) : otherwise;
}

static uint64_t draw(uint64_t below)
{
	return next_random(&all.seed) % below;
}

/* ---- what comes back ------------------------------------------------------
 */

static bool is_answer(const char *got, const char *what, const char *token)
{
	char expected[80];

	snprintf(expected, sizeof(expected), "%s %s", what, token);
	return strcmp(got, expected) == 0;
}

/* "200 begin TOKEN", then "VERSION TOKEN", each with spaces behind it. */
static void compare_stream(const struct question *q, char *got)
{
	int last = -1, version;
	char what[16], token[TOKEN_MAX];

	assert_memory_equal(got, "200 ", 4);
	for (char *line = strtok(got + 4, "\n"); line;
	     line = strtok(NULL, "\n")) {
		assert_int_equal(sscanf(line, "%15s %31s", what, token), 2);
		assert_string_equal(token, q->token);
		if (strcmp(what, ":") == 0)
			continue;
		version = strcmp(what, "begin") == 0 ? 0 : atoi(what);
		assert_true(version > last);
		last = version;
		all.count.told += version > 0;
	}
	assert_true(last >= 0);
	all.count.begun++;
}

static void compare(const struct question *q, char *got)
{
	char echo[80];

	snprintf(echo, sizeof(echo), "200 GET %s 0 0", q->token);
	if (q->aborted && !*got)
		all.count.ended++;
	else if (q->kind == STREAM)
		compare_stream(q, got);
	else if ((q->kind == ECHO && strcmp(got, echo) == 0) ||
		 (q->kind == COMMIT &&
		     is_answer(got, "201 committed", q->token)))
		all.count.own++;
	else if ((q->kind == PARK || q->kind == COMMIT_PARK) &&
		 is_answer(got, "200 done", q->token))
		all.count.done++;
	else if ((q->kind == PARK || q->kind == COMMIT_PARK) &&
		 is_answer(got, "202 late", q->token))
		all.count.late++;
	else
		fail_msg("`%s` came for %s, kind %d", got, q->token, q->kind);
}

static void take_answer(struct client *c)
{
	char *got = get_answer(c->fd, c->queue[0].id);

	compare(&c->queue[0], got);
	free(got);
	memmove(c->queue, c->queue + 1, --c->n * sizeof(c->queue[0]));
}

static bool has_bytes(const struct client *c)
{
	struct pollfd p = {.fd = c->fd, .events = POLLIN};

	return poll(&p, 1, 0) == 1;
}

/* ---- what is done ---------------------------------------------------------
 */

static void leave(struct client *c)
{
	if (draw(3) == 0)
		shutdown(c->fd, SHUT_WR);
	close(c->fd);
	*c = (struct client){.fd = dial(&all.world)};
	all.count.left++;
}

/* Of the newest request, or of one that is not there. */
static void put_abort(struct client *c, struct buf *out)
{
	struct question *q = &c->queue[c->n - 1];
	bool wrong = draw(4) == 0;

	put_record(out, RECORD_ABORT_REQUEST,
	    wrong ? (uint16_t)(q->id ^ 0x4000) : q->id, NULL, 0, 0);
	if (!wrong)
		q->aborted = true;
	all.count.aborts++;
}

static void put_question(struct client *c, int round, struct buf *out)
{
	struct question *q = &c->queue[c->n++];
	char uri[40];

	*q = (struct question){.kind = (enum kind)draw(KINDS),
	    .id = (uint16_t)((unsigned)round % 16000 + 1)};
	snprintf(q->token, sizeof(q->token), "owner-%07d", round);
	int a = (int)draw(4), b = (int)draw(60);
	if (q->kind == ECHO)
		snprintf(uri, sizeof(uri), "/echo");
	else if (q->kind == PARK)
		snprintf(uri, sizeof(uri), "/park?%d", b);
	else if (q->kind == STREAM)
		snprintf(
		    uri, sizeof(uri), draw(3) ? "/events?%d" : "/later?%d", b);
	else if (q->kind == COMMIT)
		snprintf(uri, sizeof(uri), "/commit?%d", a);
	else
		snprintf(uri, sizeof(uri), "/commit?%d,%d", a, b);
	put_request(out, &(struct fcgi_request){.id = q->id,
			     .method = "GET",
			     .uri = uri,
			     .header = "HTTP_X_TOKEN",
			     .value = q->token,
			     .chunk = draw(8) ? 0 : 11});
	all.count.asked++;
	if (c->n > 1)
		all.count.behind++;
}

/* Whole, or cut anywhere, so that the loop meets every part of it alone. */
static void send_cut(struct client *c, const struct buf *b)
{
	size_t cut = draw(3) ? b->len : draw(b->len);

	send_bytes(c->fd, str_slice(buf_str(b), 0, cut));
	send_bytes(c->fd, str_slice(buf_str(b), cut, b->len));
}

/* Nothing that was sent ends it: it goes on, or is ended now. */
static bool goes_on(struct client *c)
{
	struct question *q = &c->queue[0];
	struct buf b = {0};

	if (c->n > 1 || q->kind != STREAM || q->aborted)
		return false;
	if (draw(2))
		return true;
	put_record(&b, RECORD_ABORT_REQUEST, q->id, NULL, 0, 0);
	send_bytes(c->fd, buf_str(&b));
	buf_release(&b);
	q->aborted = true;
	return false;
}

static void ring_for(const struct client *c)
{
	memcpy(all.world.shared->changed, c->queue[0].token, TOKEN_MAX);
	all.world.shared->piece = draw(8) ? 0 : 150000;
	all.world.shared->version++;
	ring(&all.world);
	all.count.rings++;
}

/* Somebody's job changes: of one that may be waiting for it, mostly. */
static void ring_for_one(void)
{
	const struct client *c = NULL;

	for (int i = 0; i < 8; i++) {
		c = &all.clients[draw(CLIENTS)];
		if (c->n && c->queue[0].kind != ECHO &&
		    c->queue[0].kind != COMMIT)
			break;
	}
	if (c->n)
		ring_for(c);
}

static void play(struct client *c, int round)
{
	struct buf b = {0};

	while (c->n && (has_bytes(c) || c->n == QUEUE) && !goes_on(c))
		take_answer(c);
	if (c->n == 1 && c->queue[0].kind == STREAM && draw(4)) {
		ring_for(c);
		return;
	}
	if (c->n && draw(6) == 0)
		leave(c);
	put_question(c, round, &b);
	if (draw(3) == 0)
		put_abort(c, &b);
	send_cut(c, &b);
	if (draw(2) == 0)
		ring_for_one();
	if (draw(16) == 0) {
		buf_clear(&b);
		put_abort(c, &b);
		send_bytes(c->fd, buf_str(&b));
	}
	buf_release(&b);
}

static void test_answers_reach_their_owners(void **state)
{
	long rounds = number_from("ROUNDS", 8000);
	int files;
	(void)state;

	all.seed = (uint64_t)number_from("SEED", 1) * 88172645463325252u;
	all.world.keyed = true;
	world_open(&all.world, 0);
	files = steady_files(&all.world);
	for (int i = 0; i < CLIENTS; i++)
		all.clients[i].fd = dial(&all.world);
	for (long round = 0; round < rounds; round++)
		play(&all.clients[draw(CLIENTS)], (int)round);
	for (int i = 0; i < CLIENTS; i++) {
		struct client *c = &all.clients[i];
		while (c->n)
			if (!goes_on(c))
				take_answer(c);
		assert_false(has_bytes(c));
		close(c->fd);
	}
	await_files(&all.world, files);
	world_close(&all.world);
	printf(
	    "# %d streams, told %d times\n", all.count.begun, all.count.told);
	printf("# %d asked (%d behind another), %d answered, %d woken, %d "
	       "late, %d ended, %d left; %d aborts, %d rings\n",
	    all.count.asked, all.count.behind, all.count.own, all.count.done,
	    all.count.late, all.count.ended, all.count.left, all.count.aborts,
	    all.count.rings);
	assert_true(all.count.behind && all.count.own && all.count.done &&
		    all.count.late && all.count.ended && all.count.left &&
		    all.count.begun && all.count.told);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_answers_reach_their_owners),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("loop-owners", tests, NULL, NULL);
}
