#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cgi/upstream/exec.h"
#include "cgi/upstream/switch.h"
#include "lib/buf.h"
#include "lib/clock.h"
#include "tests/unit/watchdog.h"

/*
 * One switch over a real server of one request at a time, which answers with
 * the path that it was asked for. Nothing here waits for time.
 */
struct world {
	struct upstream_switch *s;
	void *first, *second;
	pid_t server;
	char base[64];
};
static struct arena arena;
static int tags[8]; /* their addresses */

static void answer_one(int fd)
{
	char in[4096], path[256] = "";
	struct buf out = {0};
	size_t got = 0;
	ssize_t n;

	while ((n = read(fd, in + got, sizeof(in) - 1 - got)) > 0) {
		got += (size_t)n;
		in[got] = '\0';
		if (strstr(in, "\r\n\r\n"))
			break;
	}
	if (sscanf(in, "%*s %255s", path) == 1) {
		buf_printf(&out,
		    "HTTP/1.1 200 OK\r\nContent-Type: text/x-path\r\n"
		    "Location: /at%s\r\nConnection: close\r\n"
		    "Content-Length: %zu\r\n\r\n%s",
		    path, strlen(path), path);
		n = send(fd, out.data, out.len, MSG_NOSIGNAL);
		(void)n;
	}
	buf_release(&out);
	close(fd);
}

static pid_t serve(int fd)
{
	const pid_t parent = getpid();
	const pid_t pid = fork();

	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(0);
	for (;;) {
		int client = accept(fd, NULL, NULL);
		if (client >= 0)
			answer_one(client);
	}
}

static int set_up(void **state)
{
	static struct world w;
	struct sockaddr_in at = {
	    .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t n = sizeof(at);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	watchdog_begin(*state);
	assert_int_equal(bind(fd, (struct sockaddr *)&at, n), 0);
	assert_int_equal(listen(fd, 16), 0);
	getsockname(fd, (struct sockaddr *)&at, &n);
	snprintf(
	    w.base, sizeof(w.base), "http://127.0.0.1:%d", ntohs(at.sin_port));
	w.server = serve(fd);
	close(fd);
	assert_int_equal(switch_open(&(struct switch_spec){0}, &w.s), ERR_OK);
	w.first = switch_channel(w.s, 0);
	w.second = switch_channel(w.s, 1);
	*state = &w;
	return 0;
}

static int tear_down(void **state)
{
	struct world *w = *state;

	watchdog_for = "the switch to close";
	switch_close(w->s);
	kill(w->server, SIGKILL);
	waitpid(w->server, NULL, 0);
	arena_release(&arena);
	watchdog_end();
	return 0;
}

static void start(struct world *w, void *channel, const char *path, int *tag)
{
	const struct upstream_call call = {
	    .url = arena_printf(&arena, "%s%s", w->base, path).p,
	    .method = "GET",
	    .local = true,
	    .timeout_ms = 30000};

	upstream_channel.start(channel, &call, tag);
}

/* Waiting on one channel until `channel` has something to give out. */
static struct upstream_answer take(void *waits, void *channel, int **tag)
{
	struct upstream_answer answer;
	void *got;

	watchdog_for = "a call to end";
	while (!upstream_channel.next(channel, &arena, &got, &answer))
		assert_int_equal(
		    upstream_channel.wait(waits, NULL, 0, NULL, -1), ERR_OK);
	*tag = got;
	return answer;
}

static bool none(void *channel)
{
	struct upstream_answer answer;
	void *tag;

	return !upstream_channel.next(channel, &arena, &tag, &answer);
}

static void test_each_gets_its_own(void **state)
{
	struct world *w = *state;
	int *tag;

	/* tags of different channels may be equal */
	start(w, w->first, "/first", &tags[0]);
	start(w, w->second, "/second", &tags[0]);
	struct upstream_answer second = take(w->first, w->second, &tag);
	assert_ptr_equal(tag, &tags[0]);
	assert_int_equal(second.end, UPSTREAM_ANSWER);
	assert_int_equal(second.status, 200);
	assert_true(str_is(second.body, "/second"));
	assert_true(str_is(second.content_type, "text/x-path"));
	assert_true(str_is(second.location, "/at/second"));
	assert_string_equal(second.why, "");
	assert_true(none(w->second));
	struct upstream_answer first = take(w->second, w->first, &tag);
	assert_ptr_equal(tag, &tags[0]);
	assert_true(str_is(first.body, "/first"));
	assert_true(none(w->first));
	assert_true(none(w->second));
}

/* What the one channel's look brought home for the other is not slept over. */
static void test_wait_ends_at_once_when_something_is_kept(void **state)
{
	struct world *w = *state;
	int *tag;

	start(w, w->first, "/kept", &tags[1]);
	watchdog_for = "a wait that should have ended";
	while (none(w->second)) {
		/* without a time-out: it returns, or the watchdog barks */
		upstream_channel.wait(w->second, NULL, 0, NULL, -1);
		if (!upstream_channel.unsent(w->first, &tags[1]))
			break;
	}
	for (int i = 0; i < 3; i++) {
		assert_true(none(w->second));
		upstream_channel.wait(w->second, NULL, 0, NULL, -1);
	}
	struct upstream_answer answer = take(w->second, w->first, &tag);
	assert_ptr_equal(tag, &tags[1]);
	assert_true(str_is(answer.body, "/kept"));
}

static void test_many_on_all_channels(void **state)
{
	struct world *w = *state;
	char path[48];
	int *tag;

	for (int i = 0; i < 8; i++)
		for (size_t c = 0; c < SWITCH_CHANNELS_MAX; c++) {
			snprintf(path, sizeof(path), "/%zu/%d", c, i);
			start(w, switch_channel(w->s, c), path, &tags[i]);
		}
	for (size_t c = SWITCH_CHANNELS_MAX; c-- > 0;) {
		unsigned seen = 0;
		for (int i = 0; i < 8; i++) {
			void *channel = switch_channel(w->s, c);
			struct upstream_answer answer =
			    take(w->first, channel, &tag);
			snprintf(path, sizeof(path), "/%zu/%d", c,
			    (int)(tag - tags));
			assert_true(str_is(answer.body, path));
			seen |= 1u << (tag - tags);
		}
		assert_int_equal(seen, 0xff);
		assert_true(none(switch_channel(w->s, c)));
	}
	assert_null(switch_channel(w->s, SWITCH_CHANNELS_MAX));
}

static void test_abort_is_of_one_channel(void **state)
{
	struct world *w = *state;
	int *tag;

	start(w, w->first, "/goes", &tags[2]);
	start(w, w->second, "/stays", &tags[2]);
	assert_true(upstream_channel.unsent(w->first, &tags[2]));
	upstream_channel.abort(w->first, &tags[2]);
	upstream_channel.abort(w->first, &tags[2]); /* not there any more */
	assert_false(upstream_channel.unsent(w->first, &tags[2]));
	/* an HTTP call cannot be asked to end, and goes on */
	upstream_channel.stop(w->second, &tags[2]);
	upstream_channel.stop(w->second, &tags[7]);
	struct upstream_answer answer = take(w->second, w->second, &tag);
	assert_true(str_is(answer.body, "/stays"));
	assert_true(none(w->first));
}

/* One that has ended and was not taken yet can still be aborted. */
static void test_abort_of_what_is_kept(void **state)
{
	struct world *w = *state;
	int *tag;

	start(w, w->first, "/one", &tags[0]);
	start(w, w->second, "/two", &tags[1]);
	start(w, w->second, "/three", &tags[2]);
	take(w->first, w->second, &tag);
	take(w->first, w->second, &tag);
	while (none(w->second) &&
	       upstream_channel.wait(w->first, NULL, 0, NULL, 0) == ERR_OK &&
	       upstream_channel.unsent(w->first, &tags[0]))
		continue;
	upstream_channel.abort(w->first, &tags[0]);
	assert_true(none(w->first));
	assert_true(none(w->second));
}

static void test_progress_of_http_is_none(void **state)
{
	struct world *w = *state;
	struct upstream_progress progress;
	void *tag;
	int *ended;

	start(w, w->first, "/", &tags[0]);
	assert_false(upstream_channel.moved(w->first, &arena, &tag, &progress));
	take(w->first, w->first, &ended);
	assert_false(upstream_channel.moved(w->first, &arena, &tag, &progress));
}

static void test_descriptors_of_the_waiting(void **state)
{
	struct world *w = *state;
	int pipe_fds[2], fds[8];
	bool readable[8];

	assert_int_equal(pipe(pipe_fds), 0);
	for (size_t i = 0; i < 8; i++)
		fds[i] = pipe_fds[0];
	assert_int_equal(
	    upstream_channel.wait(w->first, fds, 7, readable, 0), ERR_OK);
	assert_false(readable[0]);
	assert_int_equal(write(pipe_fds[1], "x", 1), 1);
	assert_int_equal(
	    upstream_channel.wait(w->second, fds, 7, readable, -1), ERR_OK);
	for (size_t i = 0; i < 7; i++)
		assert_true(readable[i]);
	start(w, w->first, "/", &tags[0]);
	assert_int_equal(
	    upstream_channel.wait(w->second, fds, 7, readable, -1), ERR_OK);
	assert_true(readable[6]);
	int too_many[64] = {0};
	assert_int_equal(
	    upstream_channel.wait(w->first, too_many, 64, readable, 0),
	    ERR_INPUT);
	close(pipe_fds[0]);
	close(pipe_fds[1]);
}

static void test_programs_need_a_folder(void **state)
{
	struct world *w = *state;
	const struct upstream_exec exec = {.path = "/bin/true"};
	const struct upstream_call call = {.exec = &exec};
	int *tag;

	upstream_channel.start(w->second, &call, &tags[3]);
	assert_true(upstream_channel.unsent(w->second, &tags[3]));
	upstream_channel.stop(w->second, &tags[3]);
	struct upstream_answer answer = take(w->first, w->second, &tag);
	assert_ptr_equal(tag, &tags[3]);
	assert_int_equal(answer.end, UPSTREAM_UNSENT);
	assert_non_null(strstr(answer.why, "folder"));
	assert_true(none(w->second));
}

/* ---- programs ------------------------------------------------------------ */

static char folder[64], work[80];

static int set_up_programs(void **state)
{
	int status = set_up(state);
	struct world *w = *state;
	const struct switch_spec spec = {.work = work};

	strcpy(folder, "/tmp/lowtide-switch.XXXXXX");
	assert_non_null(mkdtemp(folder));
	snprintf(work, sizeof(work), "%s/work", folder);
	switch_close(w->s);
	assert_int_equal(switch_open(&spec, &w->s), ERR_OK);
	w->first = switch_channel(w->s, 0);
	w->second = switch_channel(w->s, 1);
	return status;
}

static int tear_down_programs(void **state)
{
	int status = tear_down(state);

	assert_int_equal(rmdir(work), 0); /* nothing is left in it */
	assert_int_equal(rmdir(folder), 0);
	return status;
}

static void start_program(
    void *channel, const char *script, const char *name, int *tag)
{
	struct upstream_exec *exec = arena_alloc(&arena, sizeof(*exec));
	const char **argv = arena_array(&arena, 4, sizeof(*argv));
	const char **envp = arena_array(&arena, 2, sizeof(*envp));
	const struct upstream_call call = {.exec = exec};

	argv[0] = "sh";
	argv[1] = "-c";
	argv[2] = script;
	envp[0] = arena_printf(&arena, "LOWTIDE_JOB_ID=%s", name).p;
	*exec = (struct upstream_exec){
	    .path = "/bin/sh", .argv = argv, .envp = envp, .stop_ms = 60000};
	upstream_channel.start(channel, &call, tag);
}

/* Until a call of this channel says something. */
static int *told(void *waits, void *channel, const char *message)
{
	struct upstream_progress progress;
	void *tag;

	watchdog_for = "a program's word on fd 3";
	while (!upstream_channel.moved(channel, &arena, &tag, &progress))
		assert_int_equal(
		    upstream_channel.wait(waits, NULL, 0, NULL, -1), ERR_OK);
	assert_int_equal(progress.percent, 40);
	assert_true(str_is(progress.message, message));
	return tag;
}

static void test_programs_beside_calls(void **state)
{
	struct world *w = *state;
	int *tag;

	start_program(w->second, "echo $LOWTIDE_JOB_ID", "one", &tags[0]);
	start(w, w->first, "/call", &tags[0]);
	struct upstream_answer answer = take(w->first, w->second, &tag);
	assert_ptr_equal(tag, &tags[0]);
	assert_true(str_is(answer.body, "one\n"));
	answer = take(w->second, w->first, &tag);
	assert_ptr_equal(tag, &tags[0]);
	assert_true(str_is(answer.body, "/call"));
	start_program(w->first, "exit 75", "two", &tags[1]);
	assert_int_equal(take(w->second, w->first, &tag).end, UPSTREAM_AGAIN);
}

static void test_progress_is_its_channels(void **state)
{
	struct world *w = *state;
	struct upstream_progress progress;
	void *got;
	int *tag;
	static const char script[] =
	    "trap 'exit 75' TERM; echo \"40 $LOWTIDE_JOB_ID\" >&3\n"
	    "while :; do sleep 0.02; done";

	start_program(w->first, script, "of the first", &tags[0]);
	start_program(w->second, script, "of the second", &tags[0]);
	assert_ptr_equal(told(w->second, w->first, "of the first"), &tags[0]);
	assert_ptr_equal(told(w->first, w->second, "of the second"), &tags[0]);
	assert_false(upstream_channel.moved(w->first, &arena, &got, &progress));
	assert_false(
	    upstream_channel.moved(w->second, &arena, &got, &progress));
	/* and so is what is asked of them */
	upstream_channel.stop(w->second, &tags[0]);
	struct upstream_answer answer = take(w->first, w->second, &tag);
	assert_ptr_equal(tag, &tags[0]);
	assert_int_equal(answer.end, UPSTREAM_AGAIN);
	assert_true(none(w->first));
	upstream_channel.abort(w->first, &tags[0]);
	assert_true(none(w->first));
}

/* ---- reads --------------------------------------------------------------- */

/*
 * Somebody who does reads: each is two calls on a channel of his own, and its
 * answer is both of theirs, one behind the other. One that is named "now" is
 * there at once, one that is named "later" in a while, both without a call.
 */
#define READS_MAX 4
struct pair_read {
	void *tag; /* NULL = free */
	int calls[2];
	int out; /* of its calls */
	bool late, known;
	char said[2][32];
};
struct reads {
	void *channel;
	const char *base;
	struct arena arena;
	struct pair_read all[READS_MAX];
	int64_t due_boot;
	int depth, deepest, closed;
};

static void reads_call(struct reads *r, int *tag, const char *name, int which)
{
	const struct upstream_call call = {
	    .url = arena_printf(&r->arena, "%s/%s/%d", r->base, name, which).p,
	    .method = "GET",
	    .local = true,
	    .timeout_ms = 30000};

	upstream_channel.start(r->channel, &call, tag);
}

static void reads_start(void *p, const struct upstream_call *call, void *tag)
{
	const struct str name = call->read->name;
	struct reads *r = p;
	struct pair_read *read = r->all;

	while (read->tag)
		read++;
	*read = (struct pair_read){.tag = tag,
	    .known = str_is(name, "now"),
	    .late = str_is(name, "later")};
	if (read->known || read->late) {
		r->due_boot = clock_boot_ms() + (read->late ? 20 : 0);
		return;
	}
	read->out = 2;
	for (int i = 0; i < 2; i++)
		reads_call(r, &read->calls[i], arena_cstr(&r->arena, name), i);
}

static struct pair_read *reads_find(struct reads *r, const void *tag)
{
	for (size_t i = 0; i < READS_MAX; i++)
		if (r->all[i].tag == tag)
			return &r->all[i];
	return NULL;
}

static bool reads_unsent(void *p, void *tag)
{
	const struct pair_read *read = reads_find(p, tag);

	return read && read->out == 2;
}

static void reads_abort(void *p, void *tag)
{
	struct reads *r = p;
	struct pair_read *read = reads_find(r, tag);

	for (int i = 0; read && i < 2; i++)
		upstream_channel.abort(r->channel, &read->calls[i]);
	if (read)
		read->tag = NULL;
}

/* What came for his calls. */
static void reads_take(struct reads *r)
{
	struct upstream_answer answer;
	void *tag;

	while (upstream_channel.next(r->channel, &r->arena, &tag, &answer))
		for (size_t i = 0; i < READS_MAX; i++)
			for (int k = 0; k < 2; k++)
				if (tag == &r->all[i].calls[k]) {
					assert_non_null(r->all[i].tag);
					snprintf(r->all[i].said[k],
					    sizeof(r->all[i].said[k]), "%.*s",
					    (int)answer.body.n, answer.body.p);
					r->all[i].known = --r->all[i].out == 0;
				}
}

static bool reads_next(
    void *p, struct arena *a, void **tag, struct upstream_answer *answer)
{
	struct reads *r = p;
	bool found = false;

	if (++r->depth > r->deepest)
		r->deepest = r->depth;
	reads_take(r);
	if (r->due_boot && r->due_boot <= clock_boot_ms())
		for (size_t i = 0; i < READS_MAX; i++)
			r->all[i].known |= r->all[i].late;
	for (size_t i = 0; i < READS_MAX && !found; i++) {
		struct pair_read *read = &r->all[i];
		if (!read->tag || !read->known)
			continue;
		*tag = read->tag;
		*answer = (struct upstream_answer){.end = UPSTREAM_ANSWER,
		    .status = 200,
		    .body = str_of(
			arena_printf(a, "%s+%s", read->said[0], read->said[1])
			    .p),
		    .why = ""};
		read->tag = NULL;
		found = true;
	}
	if (!found && r->due_boot <= clock_boot_ms())
		r->due_boot = 0;
	r->depth--;
	return found;
}

static void reads_close(void *p)
{
	struct reads *r = p;

	for (size_t i = 0; i < READS_MAX; i++)
		if (r->all[i].tag)
			reads_abort(r, r->all[i].tag);
	arena_release(&r->arena);
	r->closed++;
}

static int64_t reads_due_boot(void *p)
{
	return ((struct reads *)p)->due_boot;
}

static const struct upstream_ops upstream_reads = {.name = "reads",
    .close = reads_close,
    .start = reads_start,
    .unsent = reads_unsent,
    .abort = reads_abort,
    .next = reads_next};

static struct reads *lend(struct world *w)
{
	static struct reads r;

	r = (struct reads){.channel = switch_channel(w->s, 3), .base = w->base};
	const struct switch_reads reads = {
	    .ops = &upstream_reads, .pool = &r, .due_boot = reads_due_boot};
	switch_lend(w->s, &reads);
	return &r;
}

static void start_read(void *channel, const char *name, int *tag)
{
	struct upstream_read *read = arena_alloc(&arena, sizeof(*read));
	const struct upstream_call call = {.read = read};

	*read = (struct upstream_read){.name = str_of(name)};
	upstream_channel.start(channel, &call, tag);
}

static void test_reads_need_somebody(void **state)
{
	struct world *w = *state;
	int *tag;

	start_read(w->first, "x", &tags[0]);
	assert_true(upstream_channel.unsent(w->first, &tags[0]));
	struct upstream_answer answer = take(w->second, w->first, &tag);
	assert_int_equal(answer.end, UPSTREAM_UNSENT);
	assert_non_null(strstr(answer.why, "no read"));
}

/* Whose calls go through the same switch, from within its own looks. */
static void test_reads_call_through_a_channel(void **state)
{
	struct world *w = *state;
	struct reads *r = lend(w);
	int *tag;

	start_read(w->first, "a", &tags[0]);
	start_read(w->second, "b", &tags[0]);
	start(w, w->second, "/call", &tags[1]);
	assert_true(upstream_channel.unsent(w->first, &tags[0]));
	struct upstream_answer answer = take(w->second, w->first, &tag);
	assert_ptr_equal(tag, &tags[0]);
	assert_true(str_is(answer.body, "/a/0+/a/1"));
	bool seen[2] = {false};
	for (int i = 0; i < 2; i++) {
		answer = take(w->first, w->second, &tag);
		assert_true(
		    str_is(answer.body, tag == tags ? "/b/0+/b/1" : "/call"));
		seen[tag - tags] = true;
	}
	assert_true(seen[0] && seen[1]);
	assert_int_equal(r->deepest, 1);
	assert_true(none(w->first));
	assert_true(none(w->second));
	assert_true(none(r->channel));
}

/* No wait is longer than until he wants to be asked. */
static void test_reads_bound_the_waits(void **state)
{
	struct world *w = *state;
	struct reads *r = lend(w);
	int *tag;

	start_read(w->first, "now", &tags[0]);
	assert_true(str_is(take(w->first, w->first, &tag).body, "+"));
	start_read(w->second, "later", &tags[1]);
	assert_true(none(w->second));
	assert_true(str_is(take(w->first, w->second, &tag).body, "+"));
	assert_ptr_equal(tag, &tags[1]);
	/* and one that is shorter stays so */
	assert_true(none(w->first));
	r->due_boot = clock_boot_ms() + 3600000;
	assert_int_equal(
	    upstream_channel.wait(w->first, NULL, 0, NULL, 0), ERR_OK);
}

static void test_reads_are_aborted_with_their_calls(void **state)
{
	struct world *w = *state;
	struct reads *r = lend(w);
	int *tag;

	start_read(w->first, "a", &tags[0]);
	start_read(w->first, "b", &tags[1]);
	upstream_channel.abort(w->first, &tags[0]);
	upstream_channel.stop(w->first, &tags[1]); /* it goes on */
	struct upstream_answer answer = take(w->second, w->first, &tag);
	assert_ptr_equal(tag, &tags[1]);
	assert_true(str_is(answer.body, "/b/0+/b/1"));
	assert_true(none(w->first));
	assert_true(none(r->channel));
	/* closed with some under way, before what they call through */
	start_read(w->first, "c", &tags[0]);
	assert_true(none(w->second));
	switch_close(w->s);
	assert_int_equal(r->closed, 1);
	w->s = NULL;
}

/* ---- the end ------------------------------------------------------------- */

static void test_close_with_calls_under_way(void **state)
{
	struct world *w = *state;
	int *tag;

	switch_close(NULL);
	start(w, w->first, "/a", &tags[0]);
	start(w, w->second, "/b", &tags[0]);
	start(w, w->second, "/c", &tags[1]);
	take(w->first, w->second, &tag);
}

/* The state is the test's name at first. */
#define NAMED(f, before, after)                                                \
	cmocka_unit_test_prestate_setup_teardown(                              \
	    f, before, after, (void *)(uintptr_t) #f)
#define TEST(f) NAMED(f, set_up, tear_down)
#define PROGRAMS(f) NAMED(f, set_up_programs, tear_down_programs)

int main(int argc, char *argv[])
{
	if (argc > 1 && strcmp(argv[1], EXEC_MINDER) == 0)
		return exec_mind(argc, argv);
	const struct CMUnitTest tests[] = {
	    TEST(test_each_gets_its_own),
	    TEST(test_wait_ends_at_once_when_something_is_kept),
	    TEST(test_many_on_all_channels),
	    TEST(test_abort_is_of_one_channel),
	    TEST(test_abort_of_what_is_kept),
	    TEST(test_progress_of_http_is_none),
	    TEST(test_descriptors_of_the_waiting),
	    TEST(test_programs_need_a_folder),
	    TEST(test_reads_need_somebody),
	    TEST(test_reads_call_through_a_channel),
	    TEST(test_reads_bound_the_waits),
	    TEST(test_reads_are_aborted_with_their_calls),
	    TEST(test_close_with_calls_under_way),
	    PROGRAMS(test_programs_beside_calls),
	    PROGRAMS(test_progress_is_its_channels),
	};
	signal(SIGPIPE, SIG_IGN);
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("switch", tests, NULL, NULL);
}
