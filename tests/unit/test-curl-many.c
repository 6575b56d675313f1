#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <dirent.h>
#include <dlfcn.h>
#include <netdb.h>
#include <sched.h>
#include <sys/resource.h>
#include <time.h>

#include <cmocka.h>

#include "cgi/upstream/upstream.h"
#include "tests/unit/upstream-crowd.h"
#include "tests/unit/watchdog.h"

/*
 * Very many calls, and time. Nobody waits for time here: it is put forward, for
 * the pool and for libcurl alike, as it is when a machine has slept.
 */
static const struct upstream_ops *const ops = &upstream_curl;

static _Atomic int64_t forward_s;

int clock_gettime(clockid_t clock, struct timespec *t)
{
	static int (*real)(clockid_t, struct timespec *);

	if (!real)
		*(void **)&real = dlsym(RTLD_NEXT, "clock_gettime");
	const int status = real(clock, t);
	if (clock == CLOCK_MONOTONIC)
		t->tv_sec += forward_s;
	return status;
}

/* A name server that says nothing until it is let. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static bool hangs;
static int asked, answered;

int getaddrinfo(const char *node, const char *service,
    const struct addrinfo *hints, struct addrinfo **out)
{
	static int (*real)(const char *, const char *, const struct addrinfo *,
	    struct addrinfo **);

	pthread_mutex_lock(&lock);
	if (!real)
		*(void **)&real = dlsym(RTLD_NEXT, "getaddrinfo");
	if (node && strcmp(node, "hangs.example") == 0) {
		asked++;
		pthread_cond_broadcast(&changed);
		while (hangs)
			pthread_cond_wait(&changed, &lock);
		answered++;
		pthread_cond_broadcast(&changed);
		node = "127.0.0.1";
	}
	pthread_mutex_unlock(&lock);
	return real(node, service, hints, out);
}

static void let_names_hang(bool hang)
{
	pthread_mutex_lock(&lock);
	hangs = hang;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
}

static void until_asked(int n, const int *what)
{
	pthread_mutex_lock(&lock);
	while (*what < n)
		pthread_cond_wait(&changed, &lock);
	pthread_mutex_unlock(&lock);
}

/* ---- the world ----------------------------------------------------------- */

#define MANY 1000
#define OK "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
#define HALF "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{"

struct world {
	void *pool;
	struct crowd crowd;
	struct arena arena;
	char url[128];
	struct upstream_call call;
	struct upstream_answer answer;
};
static int tags[MANY]; /* how often each of them ended */

static int set_up(void **state)
{
	static struct world w;

	watchdog_begin(*state);
	memset(&w, 0, sizeof(w));
	memset(tags, 0, sizeof(tags));
	forward_s = 0;
	asked = answered = 0;
	crowd_start(&w.crowd);
	if (ops->open(&w.pool) != ERR_OK)
		return -1;
	snprintf(w.url, sizeof(w.url), "http://127.0.0.1:%u/", w.crowd.port);
	w.call = (struct upstream_call){.url = w.url,
	    .method = "GET",
	    .local = true,
	    .timeout_ms = 1000000,
	    .connect_timeout_ms = 1000000,
	    .response_max = 1000};
	*state = &w;
	return 0;
}

static int tear_down(void **state)
{
	struct world *w = *state;

	watchdog_for = "the pool to close";
	let_names_hang(false);
	ops->close(w->pool);
	until_asked(asked, &answered);
	crowd_stop(&w->crowd);
	arena_release(&w->arena);
	watchdog_end();
	return 0;
}

/* The tag of one that has ended; -1 = none has. */
static int took(struct world *w)
{
	void *tag;

	if (!ops->next(w->pool, &w->arena, &tag, &w->answer))
		return -1;
	const int i = (int)((int *)tag - tags);
	tags[i]++;
	return i;
}

static bool moves(const struct world *w, int timeout_ms)
{
	struct pollfd polled = {.fd = ops->fd(w->pool), .events = POLLIN};

	return poll(&polled, 1, timeout_ms) == 1;
}

/* Until it is true, by nothing but the descriptor. */
#define DRIVE(w, done)                                                         \
	do {                                                                   \
		watchdog_for = #done;                                          \
		while (!(done))                                                \
			if (moves(w, 10))                                      \
				assert_int_equal(took(w), -1);                 \
	} while (0)

static void start(struct world *w, size_t n)
{
	for (size_t i = 0; i < n; i++)
		ops->start(w->pool, &w->call, &tags[i]);
}

/* All n end, each once, and so; *bodies: what they were answered. */
static void all_end(
    struct world *w, int n, enum upstream_end end, const char *body)
{
	watchdog_for = "all calls to end";
	for (int left = n; left;) {
		const int i = took(w);
		if (i < 0) {
			assert_true(moves(w, -1));
			continue;
		}
		left--;
		assert_int_equal(w->answer.end, end);
		assert_true(str_is(w->answer.body, body));
		assert_int_equal(tags[i], 1);
		arena_release(&w->arena);
	}
	for (int i = 0; i < n; i++)
		assert_int_equal(tags[i], 1);
	assert_int_equal(took(w), -1);
}

/* ---- many ---------------------------------------------------------------- */

static void a_thousand_at_once(void **state)
{
	struct world *w = *state;

	start(w, MANY);
	DRIVE(w, w->crowd.arrivals == MANY);
	assert_int_equal(w->crowd.connections, MANY);
	for (int i = 0; i < MANY; i++)
		assert_false(ops->unsent(w->pool, &tags[i]));
	crowd_say(&w->crowd, OK);
	all_end(w, MANY, UPSTREAM_ANSWER, "{}");
	assert_int_equal(w->crowd.arrivals, MANY);
}

/* A call that is aborted, in whatever state, leaves all others. */
static void every_third_is_aborted(void **state)
{
	struct world *w = *state;

	start(w, 300);
	for (int i = 0; i < 300; i += 9)
		ops->abort(w->pool, &tags[i]);
	DRIVE(w, w->crowd.arrivals == 300 - 34);
	for (int i = 3; i < 300; i += 9)
		ops->abort(w->pool, &tags[i]);
	crowd_say(&w->crowd, OK);
	watchdog_for = "the first of many ends";
	while (took(w) < 0)
		assert_true(moves(w, -1));
	for (int i = 0; i < 300; i += 3) /* also what has ended by now */
		ops->abort(w->pool, &tags[i]);
	int n = 0;
	for (int i = 0; i < 300; i++)
		n += i % 3 && tags[i];
	while (n < 200) {
		const int i = took(w);
		if (i < 0) {
			assert_true(moves(w, -1));
			continue;
		}
		assert_int_not_equal(i % 3, 0);
		assert_int_equal(w->answer.end, UPSTREAM_ANSWER);
		assert_int_equal(tags[i], 1);
		n++;
	}
	assert_int_equal(took(w), -1);
}

static void closed_with_many_under_way(void **state)
{
	struct world *w = *state;

	start(w, 300);
	DRIVE(w, w->crowd.arrivals >= 100);
}

/* ---- the descriptor ------------------------------------------------------ */

/* What wakes this process by itself: its timers that are set. */
static int timers_set(void)
{
	DIR *dir = opendir("/proc/self/fdinfo");
	const struct dirent *entry;
	int n = 0;

	assert_non_null(dir);
	while ((entry = readdir(dir))) {
		char path[300], line[128];
		snprintf(
		    path, sizeof(path), "/proc/self/fdinfo/%s", entry->d_name);
		FILE *f = fopen(path, "re");
		while (f && fgets(line, sizeof(line), f))
			n += strncmp(line, "it_value: ", 10) == 0 &&
			     strcmp(line, "it_value: (0, 0)\n") != 0;
		if (f)
			fclose(f);
	}
	closedir(dir);
	return n;
}

static void an_idle_pool_never_wakes(void **state)
{
	struct world *w = *state;

	assert_false(moves(w, 0));
	assert_int_equal(timers_set(), 0);
	for (int kept = 0; kept < 2; kept++) {
		memset(tags, 0, sizeof(tags));
		w->call.reuse = kept;
		start(w, 20);
		assert_true(moves(w, 0));
		DRIVE(w, w->crowd.arrivals == 20 || kept);
		assert_true(timers_set() || kept);
		if (!kept)
			crowd_say(&w->crowd, OK);
		all_end(w, 20, UPSTREAM_ANSWER, "{}");
		assert_false(moves(w, 0));
		assert_int_equal(timers_set(), 0);
	}
	/* nor does it when it had to let go */
	start(w, 2);
	ops->abort(w->pool, &tags[0]);
	ops->abort(w->pool, &tags[1]);
	assert_false(moves(w, 0));
	assert_int_equal(timers_set(), 0);
}

/* What has ended is told of until the last of it was taken. */
static void told_until_all_is_taken(void **state)
{
	struct world *w = *state;

	start(w, 50);
	DRIVE(w, w->crowd.arrivals == 50);
	assert_false(moves(w, 0));
	crowd_say(&w->crowd, OK);
	watchdog_for = "all answers to lie there";
	while (w->crowd.answered < 50)
		sched_yield();
	for (int i = 0; i < 50; i++) {
		assert_true(moves(w, 0));
		while (took(w) < 0)
			assert_true(moves(w, -1));
	}
	assert_int_equal(took(w), -1);
	assert_false(moves(w, 0));
}

/* ---- time ---------------------------------------------------------------- */

/* Whoever could not look for an hour finds what was answered meanwhile. */
static void answers_that_lay_there(void **state)
{
	struct world *w = *state;

	start(w, 600);
	DRIVE(w, w->crowd.arrivals == 600);
	crowd_say(&w->crowd, OK);
	watchdog_for = "all answers to lie there";
	while (w->crowd.answered < 600)
		sched_yield();
	forward_s = 3600;
	all_end(w, 600, UPSTREAM_ANSWER, "{}");
}

static void half_answers_that_lay_there(void **state)
{
	struct world *w = *state;

	start(w, 300);
	DRIVE(w, w->crowd.arrivals == 300);
	crowd_say(&w->crowd, HALF);
	watchdog_for = "all answers to lie there";
	while (w->crowd.answered < 300)
		sched_yield();
	forward_s = 3600;
	all_end(w, 300, UPSTREAM_TIMEOUT, "");
}

static void never_answered(void **state)
{
	struct world *w = *state;

	start(w, 300);
	DRIVE(w, w->crowd.arrivals == 300);
	assert_int_equal(took(w), -1);
	forward_s = 3600;
	all_end(w, 300, UPSTREAM_TIMEOUT, "");
}

/* Too late is too late: it does not leave any more. */
static void late_before_it_left(void **state)
{
	struct world *w = *state;

	start(w, 300);
	forward_s = 3600;
	all_end(w, 300, UPSTREAM_UNSENT, "");
	assert_int_equal(w->crowd.arrivals, 0);
	assert_int_equal(w->crowd.connections, 0);
}

/* Each has its own time; the shortest is over first, whenever it began. */
static void in_the_order_of_their_times(void **state)
{
	static const int seconds[] = {50, 20, 90, 10, 70};
	static const int order[] = {3, 1, 0, 4, 2};
	struct world *w = *state;

	for (size_t i = 0; i < 5; i++) {
		w->call.timeout_ms = seconds[i] * 1000;
		ops->start(w->pool, &w->call, &tags[i]);
	}
	DRIVE(w, w->crowd.arrivals == 5);
	for (size_t i = 0; i < 5; i++) {
		assert_int_equal(took(w), -1);
		forward_s = seconds[order[i]] + 5;
		assert_int_equal(took(w), order[i]);
		assert_int_equal(w->answer.end, UPSTREAM_TIMEOUT);
	}
}

/* ---- names --------------------------------------------------------------- */

static void a_name_server_that_hangs(void **state)
{
	struct world *w = *state;
	struct upstream_call named = w->call;
	char url[128];

	snprintf(url, sizeof(url), "http://hangs.example:%u/", w->crowd.port);
	named.url = url;
	named.timeout_ms = 60000;
	let_names_hang(true);
	for (int i = 20; i < 30; i++)
		ops->start(w->pool, &named, &tags[i]);
	crowd_say(&w->crowd, OK);
	start(w, 20); /* and nobody waits for those */
	all_end(w, 20, UPSTREAM_ANSWER, "{}");
	assert_int_equal(w->crowd.connections, 20);
	until_asked(10, &asked);
	assert_true(ops->unsent(w->pool, &tags[20]));
	ops->abort(w->pool, &tags[29]);
	forward_s = 100;
	watchdog_for = "calls that know no address";
	for (int n = 0; n < 9;) {
		const int i = took(w);
		if (i < 0) {
			assert_true(moves(w, -1));
			continue;
		}
		assert_true(i >= 20 && i < 29);
		assert_int_equal(w->answer.end, UPSTREAM_UNSENT);
		n++;
	}
	assert_false(moves(w, 0));
	/* it is back: what nobody waits for hurts nobody */
	let_names_hang(false);
	until_asked(10, &answered);
	ops->start(w->pool, &named, &tags[29]);
	while (took(w) < 0)
		assert_true(moves(w, -1));
	assert_int_equal(tags[29], 1);
	assert_int_equal(w->answer.end, UPSTREAM_ANSWER);
}

/* The state is the test's name at first. */
#define CASE(f)                                                                \
	cmocka_unit_test_prestate_setup_teardown(                              \
	    f, set_up, tear_down, (void *)(uintptr_t) #f)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    CASE(a_thousand_at_once),
	    CASE(every_third_is_aborted),
	    CASE(closed_with_many_under_way),
	    CASE(an_idle_pool_never_wakes),
	    CASE(told_until_all_is_taken),
	    CASE(answers_that_lay_there),
	    CASE(half_answers_that_lay_there),
	    CASE(never_answered),
	    CASE(late_before_it_left),
	    CASE(in_the_order_of_their_times),
	    CASE(a_name_server_that_hangs),
	};
	struct rlimit files;

	getrlimit(RLIMIT_NOFILE, &files);
	if (files.rlim_cur < CROWD_MAX)
		files.rlim_cur = CROWD_MAX;
	if (files.rlim_max < files.rlim_cur)
		files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("curl-many", tests, NULL, NULL);
}
