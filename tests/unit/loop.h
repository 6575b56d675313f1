#ifndef LOWTIDE_TESTS_UNIT_LOOP_H
#define LOWTIDE_TESTS_UNIT_LOOP_H

#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "cgi/committer.h"
#include "cgi/listen.h"
#include "cgi/loop.h"
#include "lib/buf.h"
#include "tests/unit/fcgi.h"

/*
 * A loop in a process of its own with a small app in it, and a client of it:
 *
 *   /echo       200: method, x-token, body's length and sum
 *   /count      200: the how many-th of these it is
 *   /park?MS    waits for the bell (then 200 "done TOKEN") or so long (202
 *               "late TOKEN"); token "turn": late ones say the how
 *               many-th they were; "drawn": how much earlier than asked
 *               their deadline is, in ms
 *               token "stubborn": waits on, come what may
 *               token "commits": instead, a change is committed, as /commit?-1
 *   /poll?MS    as /park?MS, but the deadline is five seconds behind the end
 *               of the wait; for "drawn" alone
 *   /big?N      200: N bytes
 *   /commit?A   has a change committed, which takes A ms; -1: until it is
 *               released; then 201 "committed TOKEN"
 *   /commit?A,B the same; then it waits as /park?B
 *   /events?MS  a stream: "begin TOKEN", "VERSION TOKEN" after a bell when the
 *               version has grown, ":" when nothing came for so long (0 =
 *               never), "over TOKEN" and the end once it is over. Each line is
 *               as long as `piece` says at least. 503 "crowded TOKEN" where no
 *               other stream can begin, but not for the token "blind".
 *   /later?MS   the same, but it begins at the first bell
 *
 * Everything in the client gives up after PATIENCE_MS, so a broken loop fails
 * a test and does not hang it.
 */
#define PATIENCE_MS 20000
#define TEST_BODY_MAX 100000
#define TOKEN_MAX 32 /* fits behind the offset of the key in an id */

/* What both processes see. */
struct shared {
	volatile int settled;  /* resume: 200 (keyed: for one token) */
	volatile int full;     /* submit: ERR_FULL */
	volatile int released; /* with A = -1: the first so many come back */
	volatile int submitted, committed, rested, counted;
	volatile int blind;	      /* changed: false, so many times */
	volatile int looked, resumed; /* calls of changed and resume */
	volatile int reloaded;	      /* SIGHUPs; each makes body_max 10 */
	volatile int asked, leave;    /* whether it is idle; what it says */
	volatile int asked_then;      /* when a request was parked */
	volatile int asked_while;     /* until it was resumed */
	char changed[TOKEN_MAX];      /* whose token changed wakes */
	volatile int version, over;   /* of streams */
	volatile int piece;	      /* bytes of what they are told at once */
	volatile int slow;  /* what the token "slow" was told, bytes */
	volatile int taken; /* requests, but for /echo: taken up so far */
	volatile int gone;  /* calls of gone, and whose the last one was */
	char gone_token[TOKEN_MAX];
};

struct world {
	char dir[64], path[96];
	int bell;
	struct shared *shared;
	pid_t pid;
	int commit_fd;
	struct change_list changes; /* under way, in its process */
	int files_max;		    /* of its process; 0 = as many as allowed */
	uint32_t conns_max;	    /* 0 = as many as in earnest */
	uint32_t streams_max;	    /* 0 = as many as in earnest */
	int64_t stuck_ms;	    /* 0 = as long as in earnest */
	bool keyed;		    /* changed wakes one token, not everybody */
	int64_t recheck_ms, patience_ms; /* 0 = as in earnest */
	int64_t idle_ms;
	struct loop_spec *spec; /* in its process */
};

static inline void say(struct arena *a, struct answer *ans, int status,
    const char *word, const char *token)
{
	ans->status = status;
	ans->body = arena_printf(a, "%s %s", word, token);
}

static inline const char *token_of(struct arena *a, const struct request *r)
{
	return arena_cstr(a, request_header(r, "x-token"));
}

static inline unsigned sum_of(struct str s)
{
	unsigned sum = 0;

	for (size_t i = 0; i < s.n; i++)
		sum = sum * 31 + (unsigned char)s.p[i];
	return sum;
}

/* The token stands where the job's key does: it wakes by that. */
static inline void put_token(struct waiting *wait, const char *token)
{
	snprintf((char *)wait->id + JOB_KEY_OFFSET, TOKEN_MAX, "%s", token);
}

/* ---- its committer --------------------------------------------------------
 */

/*
 * A clock instead of a thread: while something is under way it ticks, and
 * whatever is due by then is back.
 */
struct test_change {
	struct change change; /* first */
	int64_t due_boot;     /* -1 = when it is released */
	int number;	      /* the how many-th it is */
	long park_ms;	      /* -1 = answered at once */
	char token[TOKEN_MAX];
};

static inline void test_tick(const struct world *w)
{
	const long ns = TAILQ_EMPTY(&w->changes) ? 0 : 1000000;
	const struct itimerspec every = {{0, ns}, {0, ns}};

	timerfd_settime(w->commit_fd, 0, &every, NULL);
}

static inline enum outcome test_ask(struct app_now now, long ms, long park_ms,
    const char *token, struct change **change)
{
	struct test_change *t = calloc(1, sizeof(*t));

	if (!t)
		abort();
	t->due_boot = ms < 0 ? -1 : now.boot_ms + ms;
	t->park_ms = park_ms;
	snprintf(t->token, sizeof(t->token), "%s", token);
	*change = &t->change;
	return OUTCOME_COMMIT;
}

static inline enum err test_submit(void *ctx, struct change *change)
{
	struct world *w = ctx;
	struct test_change *t = (struct test_change *)change;

	if (w->shared->full)
		return ERR_FULL;
	t->number = ++w->shared->submitted;
	TAILQ_INSERT_TAIL(&w->changes, change, in_list);
	test_tick(w);
	return ERR_OK;
}

static inline struct change *test_done(void *ctx)
{
	struct world *w = ctx;
	struct change *change;
	struct timespec ts;
	int64_t now;

	clock_gettime(CLOCK_BOOTTIME, &ts);
	now = (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
	TAILQ_FOREACH(change, &w->changes, in_list)
	{
		const struct test_change *t =
		    (const struct test_change *)change;
		if (t->due_boot < 0 ? t->number <= w->shared->released
				    : t->due_boot <= now)
			break;
	}
	if (change)
		TAILQ_REMOVE(&w->changes, change, in_list);
	else
		test_tick(w); /* sets it back, too */
	return change;
}

static inline enum outcome test_committed(void *ctx, struct app_now now,
    struct arena *a, struct change *change, struct answer *ans,
    struct waiting *wait)
{
	struct world *w = ctx;
	const struct test_change *t = (const struct test_change *)change;

	w->shared->committed++;
	if (t->park_ms >= 0) {
		*wait =
		    (struct waiting){.deadline_boot = now.boot_ms + t->park_ms};
		put_token(wait, t->token);
		return OUTCOME_PARK;
	}
	say(a, ans, 201, "committed", t->token);
	return OUTCOME_ANSWER;
}

static inline void test_discard(void *ctx, struct change *change)
{
	(void)ctx;
	free(change);
}

/* ---- its streams ----------------------------------------------------------
 */

static inline enum outcome test_tell(struct world *w, struct app_now now,
    struct arena *a, struct waiting *wait, const char *what, struct answer *ans)
{
	const char *token = (const char *)wait->id + JOB_KEY_OFFSET;
	struct str line = arena_printf(a, "%s %s", what, token);
	const size_t n = (size_t)w->shared->piece;
	char *bytes = arena_alloc(a, line.n + n + 1);

	memset(bytes, ' ', line.n + n);
	memcpy(bytes, line.p, line.n);
	ans->body = (struct str){bytes, line.n + 1 > n ? line.n + 1 : n};
	bytes[ans->body.n - 1] = '\n';
	if (strcmp(token, "slow") == 0)
		w->shared->slow += (int)ans->body.n;
	wait->version = w->shared->version;
	wait->again_boot = wait->waited_ms ? now.boot_ms + wait->waited_ms : 0;
	return OUTCOME_STREAM;
}

static inline enum outcome test_begin(struct world *w, struct app_now now,
    struct arena *a, struct waiting *wait, struct answer *ans)
{
	const char *token = (const char *)wait->id + JOB_KEY_OFFSET;

	if (now.streams_full && strcmp(token, "blind") != 0) {
		say(a, ans, 503, "crowded", token);
		return OUTCOME_ANSWER;
	}
	ans->status = 200;
	wait->probe = PROBE_NONE;
	return test_tell(w, now, a, wait, "begin", ans);
}

static inline enum outcome test_stream(struct world *w, struct app_now now,
    struct arena *a, struct waiting *wait, struct answer *ans)
{
	const char *token = (const char *)wait->id + JOB_KEY_OFFSET;
	char number[24];

	if (wait->probe)
		return test_begin(w, now, a, wait, ans);
	if (w->keyed && strcmp(token, w->shared->changed) != 0)
		return OUTCOME_PARK;
	if (w->shared->over) {
		test_tell(w, now, a, wait, "over", ans);
		return OUTCOME_ANSWER;
	}
	snprintf(number, sizeof(number), "%d", w->shared->version);
	if (wait->version < w->shared->version)
		return test_tell(w, now, a, wait, number, ans);
	if (wait->waited_ms && !wait->again_boot)
		return test_tell(w, now, a, wait, ":", ans);
	return OUTCOME_PARK;
}

static inline enum outcome test_ask_stream(struct world *w, struct app_now now,
    struct arena *a, bool later, long ms, const char *token,
    struct waiting *wait, struct answer *ans)
{
	*wait = (struct waiting){.view = WAIT_EVENTS,
	    .probe = later ? PROBE_ID : PROBE_NONE,
	    .waited_ms = ms,
	    .deadline_boot = INT64_MAX};
	put_token(wait, token);
	return later ? OUTCOME_PARK : test_begin(w, now, a, wait, ans);
}

/* ---- its app --------------------------------------------------------------
 */

static inline enum outcome test_handle(void *ctx, struct app_now now,
    struct arena *a, const struct request *r, struct answer *ans,
    struct waiting *wait, struct change **change)
{
	const char *token = token_of(a, r);
	long number = r->query.n ? atol(arena_cstr(a, r->query)) : 0;
	struct world *w = ctx;

	w->shared->taken += !str_is(r->path, "/echo");
	if (str_is(r->path, "/events") || str_is(r->path, "/later"))
		return test_ask_stream(ctx, now, a, str_is(r->path, "/later"),
		    number, token, wait, ans);
	if (r->body_too_large) {
		assert_int_equal(r->body.n, 0);
		say(a, ans, 413, "too large", token);
	} else if (str_is(r->path, "/park")) {
		w->shared->asked_then = w->shared->asked;
		*wait = (struct waiting){.deadline_boot = now.boot_ms + number,
		    .version = now.boot_ms + number};
		put_token(wait, token);
		return OUTCOME_PARK;
	} else if (str_is(r->path, "/poll")) {
		const int64_t end = now.boot_ms + number;
		*wait = (struct waiting){.answer_boot = end,
		    .again_boot = end,
		    .deadline_boot = end + 5000,
		    .version = end};
		put_token(wait, token);
		return OUTCOME_PARK;
	} else if (str_is(r->path, "/count")) {
		ans->status = 200;
		ans->body = arena_printf(a, "%d", ++w->shared->counted);
	} else if (str_is(r->path, "/commit")) {
		const char *more = strchr(arena_cstr(a, r->query), ',');
		return test_ask(
		    now, number, more ? atol(more + 1) : -1, token, change);
	} else if (str_is(r->path, "/big")) {
		char *bytes = arena_alloc(a, (size_t)number);
		memset(bytes, token[0], (size_t)number);
		ans->status = 200;
		ans->body = (struct str){.p = bytes, .n = (size_t)number};
	} else {
		ans->status = 200;
		ans->body = arena_printf(a, "%.*s %s %zu %u",
		    STR_ARG(r->method), token, r->body.n, sum_of(r->body));
	}
	return OUTCOME_ANSWER;
}

/* When its wait ends; what else is drawn with it goes with it, or not at all */
static inline int64_t test_end(struct app_now now, const struct waiting *wait)
{
	if (!wait->answer_boot)
		return wait->deadline_boot;
	if (wait->answer_boot > now.boot_ms)
		assert_int_equal(wait->again_boot, wait->answer_boot);
	assert_int_equal(wait->deadline_boot, wait->version + 5000);
	return wait->answer_boot;
}

static inline enum outcome test_resume(void *ctx, struct app_now now,
    struct arena *a, struct waiting *wait, struct answer *ans,
    struct change **change)
{
	struct world *w = ctx;
	const char *token = (const char *)wait->id + JOB_KEY_OFFSET;

	w->shared->resumed++;
	if (strcmp(token, "commits") == 0 &&
	    (w->shared->settled || wait->deadline_boot <= now.boot_ms))
		return test_ask(now, -1, -1, token, change);
	if (wait->view == WAIT_EVENTS)
		return test_stream(w, now, a, wait, ans);
	w->shared->asked_while = w->shared->asked - w->shared->asked_then;
	if (strcmp(token, "stubborn") == 0)
		return OUTCOME_PARK;
	if (strcmp(token, "turn") == 0 && wait->deadline_boot <= now.boot_ms)
		ans->body = arena_printf(a, "%d", w->shared->resumed);
	else if (strcmp(token, "drawn") == 0 &&
		 (w->shared->settled || test_end(now, wait) <= now.boot_ms))
		ans->body = arena_printf(
		    a, "%d", (int)(wait->version - test_end(now, wait)));
	else if (w->keyed ? strcmp(token, w->shared->changed) == 0 &&
				w->shared->settled
			  : w->shared->settled)
		say(a, ans, 200, "done", token);
	else if (wait->deadline_boot <= now.boot_ms)
		say(a, ans, 202, "late", token);
	else
		return OUTCOME_PARK;
	if (!ans->status)
		ans->status = 200;
	return OUTCOME_ANSWER;
}

static inline void test_gone(void *ctx, const struct waiting *wait)
{
	struct world *w = ctx;

	memcpy(w->shared->gone_token, wait->id + JOB_KEY_OFFSET, TOKEN_MAX);
	w->shared->gone++;
}

static inline void test_refuse(void *ctx, struct app_now now, struct arena *a,
    enum err err, struct answer *ans)
{
	(void)ctx;
	(void)now;
	int status = err == ERR_BUSY || err == ERR_FULL ? 503
		     : err == ERR_TOO_LARGE		? 431
							: 400;
	say(a, ans, status, "refused", err_name(err));
}

static inline bool test_heard(void *ctx, int fd)
{
	uint64_t rings;

	(void)ctx;
	return read(fd, &rings, sizeof(rings)) == sizeof(rings);
}

static inline bool test_changed(void *ctx, struct park *park)
{
	struct world *w = ctx;
	uint8_t key[JOB_KEY_BYTES];

	w->shared->looked++;
	if (w->shared->blind > 0) {
		w->shared->blind--;
		return false;
	}
	memcpy(key, w->shared->changed, sizeof(key));
	park_wake(park, 0, key);
	return true;
}

static inline void test_rest(void *ctx)
{
	struct world *w = ctx;

	w->shared->rested++;
}

static inline void test_reload(void *ctx)
{
	struct world *w = ctx;

	w->shared->reloaded++;
	w->spec->body_max = 10;
}

static inline bool test_idle(void *ctx)
{
	struct world *w = ctx;

	w->shared->asked++;
	return w->shared->leave;
}

static inline void world_open(struct world *w, int64_t limit_ms)
{
	struct rlimit limit;

	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	snprintf(w->dir, sizeof(w->dir), "/tmp/lowtide-loop.XXXXXX");
	assert_non_null(mkdtemp(w->dir));
	snprintf(w->path, sizeof(w->path), "%s/sock", w->dir);
	w->bell = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	w->shared = mmap(NULL, sizeof(*w->shared), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_true(w->shared != MAP_FAILED);
	TAILQ_INIT(&w->changes);
	w->commit_fd =
	    timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	struct loop_spec spec = {.body_max = TEST_BODY_MAX,
	    .incomplete_ms = limit_ms,
	    .stalled_ms = limit_ms,
	    .commit_ms = limit_ms,
	    .conns_max = w->conns_max,
	    .streams_max = w->streams_max,
	    .stuck_ms = w->stuck_ms,
	    .recheck_ms = w->recheck_ms,
	    .patience_ms = w->patience_ms,
	    .ctx = w,
	    .handle = test_handle,
	    .resume = test_resume,
	    .gone = test_gone,
	    .commit_fd = w->commit_fd,
	    .submit = test_submit,
	    .done = test_done,
	    .committed = test_committed,
	    .discard = test_discard,
	    .refuse = test_refuse,
	    .changed = w->keyed ? test_changed : NULL,
	    .rest = test_rest,
	    .bell_fd = w->bell,
	    .heard = test_heard,
	    .reload = test_reload,
	    .idle_ms = w->idle_ms,
	    .idle = test_idle};
	w->spec = &spec;
	assert_int_equal(listen_unix(w->path, NULL, &spec.listen_fd), ERR_OK);
	fflush(stdout);
	w->pid = fork();
	assert_true(w->pid >= 0);
	if (w->pid == 0) {
		/* a test that fails, or is killed, leaves nothing behind */
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		limit.rlim_cur =
		    w->files_max ? (rlim_t)w->files_max : limit.rlim_cur;
		setrlimit(RLIMIT_NOFILE, &limit);
		int status = loop_run(&spec) == ERR_OK ? 0 : 3;
		struct change *change;
		while ((change = TAILQ_FIRST(&w->changes)) != NULL) {
			TAILQ_REMOVE(&w->changes, change, in_list);
			free(change);
		}
		exit(status);
	}
	close(spec.listen_fd);
}

/* It must end by itself, in peace, with nothing leaked. */
static inline void world_close(struct world *w)
{
	int status = -1;

	if (!w->shared->leave)
		kill(w->pid, SIGTERM);
	assert_int_equal(waitpid(w->pid, &status, 0), w->pid);
	assert_int_equal(status, 0);
	close(w->bell);
	close(w->commit_fd);
	munmap(w->shared, sizeof(*w->shared));
	unlink(w->path);
	rmdir(w->dir);
}

static inline void ring(struct world *w)
{
	uint64_t one = 1;

	w->shared->settled = 1;
	assert_int_equal(write(w->bell, &one, sizeof(one)), sizeof(one));
}

#define DOTS 2 /* "." and ".." are counted, too */
static inline int files_of(const struct world *w)
{
	char path[64];
	int n = 0;

	snprintf(path, sizeof(path), "/proc/%d/fd", (int)w->pid);
	DIR *dir = opendir(path);
	assert_non_null(dir);
	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

/* Descriptors go back to what they were: soon, not at once. */
static inline void await_files(const struct world *w, int n)
{
	int found = files_of(w);

	for (int i = 0; i < PATIENCE_MS / 5 && found != n; i++) {
		usleep(5000);
		found = files_of(w);
	}
	assert_int_equal(found, n);
}

/* ---- the client ---------------------------------------------------------- */

static inline int dial(const struct world *w)
{
	struct sockaddr_un {
		sa_family_t family;
		char path[108];
	} at = {.family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(at.path, sizeof(at.path), "%s", w->path);
	assert_true(fd >= 0);
	assert_int_equal(
	    connect(fd, (const struct sockaddr *)&at, sizeof(at)), 0);
	return fd;
}

static inline void send_bytes(int fd, struct str bytes)
{
	while (bytes.n) {
		ssize_t n = send(fd, bytes.p, bytes.n, MSG_NOSIGNAL);
		assert_true(n > 0);
		bytes = str_slice(bytes, (size_t)n, bytes.n);
	}
}

static inline void send_request(int fd, const struct fcgi_request *r)
{
	struct buf b = {0};

	put_request(&b, r);
	send_bytes(fd, buf_str(&b));
	buf_release(&b);
}

/* n bytes, or fewer when the other side has ended. */
static inline size_t get_bytes(int fd, void *into, size_t n)
{
	size_t have = 0;

	while (have < n) {
		struct pollfd p = {.fd = fd, .events = POLLIN};
		assert_int_equal(poll(&p, 1, PATIENCE_MS), 1);
		ssize_t got = read(fd, (char *)into + have, n - have);
		if (got <= 0)
			break;
		have += (size_t)got;
	}
	return have;
}

/* The other side has closed, and there was nothing more. */
static inline void assert_ended(int fd)
{
	char byte;

	assert_int_equal(get_bytes(fd, &byte, 1), 0);
	close(fd);
}

/* One record; its content is put into `out`. */
static inline struct record get_record(int fd, struct buf *out)
{
	uint8_t header[RECORD_HEADER];
	static char content[RECORD_CONTENT_MAX + 255];

	assert_int_equal(get_bytes(fd, header, sizeof(header)), sizeof(header));
	struct record r = record_read(header);
	assert_int_equal(get_bytes(fd, content, r.content + r.padding),
	    r.content + r.padding);
	buf_put(out, content, r.content);
	return r;
}

/*
 * A whole answer to request `id`: "STATUS body", to be freed; "" when there
 * was nothing but the end.
 */
static inline char *get_answer(int fd, uint16_t id)
{
	struct buf all = {0}, end = {0};
	struct record r;

	do {
		r = get_record(fd, &all);
		assert_int_equal(r.request_id, id);
	} while (r.type == RECORD_STDOUT);
	assert_int_equal(r.type, RECORD_END_REQUEST);
	all.len -= r.content; /* the end's own content is no answer */
	if (all.len) {
		all.data[all.len] = '\0';
		char *body = strstr(all.data, "\r\n\r\n");
		assert_non_null(body);
		assert_memory_equal(all.data, "Status: ", 8);
		buf_printf(&end, "%.3s ", all.data + 8);
		buf_puts(&end, body + 4);
	} else {
		buf_puts(&end, "");
	}
	buf_release(&all);
	return end.data;
}

static inline void assert_answer(int fd, uint16_t id, const char *expected)
{
	char *got = get_answer(fd, id);

	assert_string_equal(got, expected);
	free(got);
}

/* GET uri with x-token. */
static inline void ask(int fd, uint16_t id, const char *uri, const char *token)
{
	send_request(fd, &(struct fcgi_request){.id = id,
			     .method = "GET",
			     .uri = uri,
			     .header = "HTTP_X_TOKEN",
			     .value = token});
}

/* How many there are when nothing moves any more. */
static inline int still_files(const struct world *w)
{
	int n = files_of(w), same = 0;

	while (same < 20) {
		usleep(2000);
		same = files_of(w) == n ? same + 1 : 0;
		n = files_of(w);
	}
	return n;
}

/*
 * It may have been put aside for a while and have closings to do yet, so it is
 * to answer somebody first. Not where there is no room for one more.
 */
static inline int steady_files(const struct world *w)
{
	int fd = dial(w), n;

	ask(fd, 1, "/echo", "x");
	assert_answer(fd, 1, "200 GET x 0 0");
	n = still_files(w);
	close(fd);
	await_files(w, n - 1);
	return n - 1;
}

#endif
