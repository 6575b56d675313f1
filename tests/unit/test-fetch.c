#include "cgi/fetch.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "cgi/fetch-file.h"
#include "cgi/jwks.h"
#include "cgi/upstream/fake.h"
#include "lib/fs.h"
#include "tests/unit/token-kit.h"

/*
 * Hours of fetching: a folder, a memory store for the notes, one or two workers
 * with an upstream each that answers what the test says, and a clock that the
 * test turns. What a worker waits for is what it named; nothing looks between.
 */
#define OK(call) assert_int_equal((call), ERR_OK)
#define WALL 1795250000000 /* boot time 0 in wall time */
#define SECOND ((int64_t)1000)
#define MINUTE (60 * SECOND)
#define HOUR (60 * MINUTE)
#define REFRESH (6 * HOUR)

struct worker {
	struct fetch *fetch;
	struct fake_upstream *up;
	int64_t due;
};
static struct arena arena;
static EVP_PKEY *ec;
static char dir[] = "/tmp/lowtide-fetch.XXXXXX";
static int dir_fd;
static struct provider providers[2];
static struct config config;
static struct store *store;
static struct worker workers[2];
static struct log said;
static int64_t boot, step_ms; /* somebody set the wall clock by so much */
static struct metrics_work *metrics;

static struct runner_now now(void)
{
	return (struct runner_now){WALL + boot + step_ms, boot};
}

/* ---- what the provider says ---------------------------------------------- */

static struct str set_of(const char *kid)
{
	return arena_printf(
	    &arena, "{\"keys\":[%s]}", kit_jwk(&arena, ec, kid, ""));
}

static struct upstream_answer answer(int status, struct str body)
{
	return (struct upstream_answer){
	    .end = UPSTREAM_ANSWER, .status = status, .body = body};
}

/* ---- workers ------------------------------------------------------------- */

static struct worker *start(size_t i)
{
	struct worker *w = &workers[i];
	void *pool;

	OK(upstream_fake.open(&pool));
	w->up = pool;
	const struct fetch_spec spec = {.config = &config,
	    .store = store,
	    .dir = dir_fd,
	    .upstream = &upstream_fake,
	    .pool = pool,
	    .log = &said,
	    .metrics = metrics};
	w->fetch = fetch_new(&spec);
	fetch_step(w->fetch, now(), &w->due);
	return w;
}

static void end(struct worker *w)
{
	fetch_free(w->fetch);
	upstream_fake.close(w->up);
	*w = (struct worker){0};
}

static void step(struct worker *w)
{
	fetch_step(w->fetch, now(), &w->due);
}

/* Ends its last call so. */
static void ends(struct worker *w, struct upstream_answer with)
{
	fake_end(w->up, w->up->n - 1, with);
	step(w);
}

/* Until then, each steps when it said. A bound: nothing spins. */
static void sleep_until(int64_t until)
{
	for (int steps = 0; steps < 10000; steps++) {
		int64_t next = until;
		for (size_t i = 0; i < 2; i++)
			if (workers[i].fetch && workers[i].due &&
			    workers[i].due < next)
				next = workers[i].due;
		if (next > boot)
			boot = next;
		for (size_t i = 0; i < 2; i++)
			if (workers[i].fetch && workers[i].due &&
			    workers[i].due <= boot)
				step(&workers[i]);
		if (boot >= until)
			return;
	}
	fail_msg("it steps and steps");
}

/* Every call from now on is answered so, until then. Returns how many. */
static size_t sleep_answering(int64_t until, struct upstream_answer with)
{
	size_t n = 0;

	while (boot < until) {
		int64_t next = until;
		for (size_t i = 0; i < 2; i++) {
			struct worker *w = &workers[i];
			while (w->fetch && w->up->n &&
			       w->up->calls[w->up->n - 1].running) {
				ends(w, with);
				n++;
			}
			if (w->fetch && w->due && w->due < next)
				next = w->due;
		}
		sleep_until(next > boot ? next : boot + 1);
	}
	return n;
}

static void flag(const char *name)
{
	OK(store_begin(store));
	OK(store_flag(store, name, now().now_ms));
	OK(store_commit(store));
	for (size_t i = 0; i < 2; i++)
		if (workers[i].fetch) {
			fetch_ring(workers[i].fetch, now());
			step(&workers[i]);
		}
}

/* ---- what is there ------------------------------------------------------- */

static struct str file_of(const char *path)
{
	struct str out = {0};
	struct diag diag;

	diag_init(&diag, &arena);
	if (fs_read_at(&arena, dir_fd, path, 1 << 20, &diag, &out) != ERR_OK)
		return (struct str){0};
	return out;
}

static void assert_file(struct str bytes)
{
	const struct str is = file_of("jwks/p.json");

	assert_int_equal(is.n, bytes.n);
	assert_memory_equal(is.p, bytes.p, bytes.n);
}

static void put_by_hand(struct str bytes, int64_t ms)
{
	struct timespec times[2] = {{.tv_sec = ms / 1000}, {0}};

	times[1] = times[0];
	(void)mkdirat(dir_fd, "jwks", 0750);
	int fd =
	    openat(dir_fd, "jwks/p.json", O_WRONLY | O_CREAT | O_TRUNC, 0640);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes.p, bytes.n), (ssize_t)bytes.n);
	assert_int_equal(futimens(fd, times), 0);
	close(fd);
}

static size_t lines(const char *event)
{
	static char text[1 << 20];
	const ssize_t n = pread(said.fd, text, sizeof(text) - 1, 0);
	size_t found = 0;

	assert_true(n >= 0);
	text[n] = '\0';
	for (const char *p = text; (p = strstr(p, event)); p++)
		found++;
	return found;
}

static int set_up(void **state)
{
	struct diag diag;
	const struct store_spec spec = {.config = &config};
	(void)state;

	diag_init(&diag, &arena);
	memcpy(dir + sizeof(dir) - 7, "XXXXXX", 6);
	assert_non_null(mkdtemp(dir));
	dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(dir_fd >= 0);
	providers[0] = (struct provider){.name = STR("p"),
	    .jwks_uri = STR("https://login.example/jwks.json"),
	    .refresh_ms = REFRESH};
	config = (struct config){.providers = providers, .n_providers = 1};
	OK(store_open(&store_memory, &spec, &diag, &store));
	boot = 1000;
	step_ms = 0;
	said = (struct log){
	    .fd = memfd_create("log", MFD_CLOEXEC), .program = "test"};
	metrics = metrics_work_new(0);
	return 0;
}

static int tear_down(void **state)
{
	struct diag diag;
	(void)state;

	diag_init(&diag, &arena);
	for (size_t i = 0; i < 2; i++)
		if (workers[i].fetch)
			end(&workers[i]);
	metrics_work_free(metrics);
	store_close(store);
	close(said.fd);
	close(dir_fd);
	OK(fs_remove_tree(dir, &diag));
	arena_release(&arena);
	return 0;
}

/* ---- at the start, and every refresh ------------------------------------- */

static void none_is_there_it_is_fetched(void **state)
{
	(void)state;
	struct worker *w = start(0);
	assert_int_equal(w->up->n, 1);
	const struct fake_call *call = &w->up->calls[0];
	assert_string_equal(call->url, "https://login.example/jwks.json");
	assert_string_equal(call->method, "GET");
	assert_false(call->has_body);
	assert_false(call->local);
	assert_false(call->reuse);
	assert_int_equal(call->headers.n, 1);
	assert_int_equal(w->due, 0); /* the call says when */
	boot += 100;
	ends(w, answer(200, set_of("one")));
	assert_file(set_of("one"));
	assert_int_equal(w->due, boot + REFRESH);
	assert_int_equal(lines("\"key-set-fetched\""), 1);
	assert_int_equal(lines("\"keys\":1"), 1);
	assert_int_equal(lines("key-set-failed"), 0);
	struct stat st;
	assert_int_equal(fstatat(dir_fd, "jwks/p.json", &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, 0640);
	assert_int_equal(fstatat(dir_fd, "jwks", &st, 0), 0);
	assert_int_equal(st.st_mode & 0777, 0750);
}

static void it_is_fetched_again_when_it_is_old(void **state)
{
	(void)state;
	struct worker *w = start(0);
	ends(w, answer(200, set_of("one")));
	const int64_t first = boot;
	sleep_until(first + REFRESH - 1);
	assert_int_equal(w->up->n, 1);
	sleep_until(first + REFRESH);
	assert_int_equal(w->up->n, 2);
	ends(w, answer(200, set_of("two")));
	assert_file(set_of("two"));
	assert_int_equal(w->due, boot + REFRESH);
	assert_int_equal(
	    sleep_answering(boot + 10 * REFRESH + 1, answer(200, set_of("x"))),
	    10);
}

/* By rename: whoever has begun to read goes on with the whole old one. */
static void it_is_never_half_a_set(void **state)
{
	const struct str one = set_of("one");
	char read_on[4096];
	(void)state;

	struct worker *w = start(0);
	ends(w, answer(200, one));
	const int fd = openat(dir_fd, "jwks/p.json", O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	sleep_until(w->due);
	ends(w, answer(200, set_of("two")));
	const ssize_t n = pread(fd, read_on, sizeof(read_on), 0);
	close(fd);
	assert_int_equal(n, (ssize_t)one.n);
	assert_memory_equal(read_on, one.p, one.n);
	assert_file(set_of("two"));
}

static void a_fresh_one_is_left_alone(void **state)
{
	(void)state;
	put_by_hand(set_of("hand"), WALL + boot - HOUR);
	struct worker *w = start(0);
	assert_int_equal(w->up->n, 0);
	assert_int_equal(w->due / SECOND, (boot + REFRESH - HOUR) / SECOND);
}

static void an_old_one_is_fetched_at_the_start(void **state)
{
	(void)state;
	put_by_hand(set_of("hand"), WALL + boot - REFRESH);
	assert_int_equal(start(0)->up->n, 1);
}

/* By hand, or half written: fresh, and of no use. */
static void one_of_no_use_is_fetched_at_once(void **state)
{
	static const char *const bad[] = {"", "{", "{\"keys\":[]}", "[]",
	    "{\"keys\":[{\"kty\":\"oct\",\"k\":\"AA\"}]}"};
	(void)state;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		put_by_hand(str_of(bad[i]), WALL + boot);
		struct worker *w = start(0);
		assert_int_equal(w->up->n, 1);
		end(w);
		unlinkat(dir_fd, "jwks/p.try", 0);
	}
}

static void one_that_goes_is_fetched_when_it_is_next_looked_at(void **state)
{
	(void)state;
	struct worker *w = start(0);
	ends(w, answer(200, set_of("one")));
	assert_int_equal(unlinkat(dir_fd, "jwks/p.json", 0), 0);
	flag("jwks/p");
	assert_int_equal(w->up->n, 1);
	sleep_until(boot + 10 * SECOND);
	assert_int_equal(w->up->n, 2);
}

/* ---- who is not asked ---------------------------------------------------- */

static void some_are_never_fetched(void **state)
{
	(void)state;
	struct provider *p = &providers[0];
	const struct provider good = *p;

	for (int i = 0; i < 4; i++) {
		*p = good;
		if (i == 0)
			p->refresh_ms = 0;
		if (i == 1)
			p->jwks_uri = STR("");
		if (i == 2)
			p->name = STR("../p");
		providers[1] = good;
		providers[1].name = STR("q");
		providers[1].refresh_ms = 0;
		config.n_providers = 2;
		if (i == 3) { /* whose file would it be? */
			p->name = STR("a:b");
			providers[1].name = STR("a-b");
		}
		struct worker *w = start(0);
		assert_int_equal(w->up->n, 0);
		assert_int_equal(w->due, 0);
		flag("jwks/p");
		assert_int_equal(w->up->n, 0);
		assert_int_equal(w->due, 0);
		end(w);
	}
	assert_int_equal(faccessat(dir_fd, "jwks", F_OK, 0), -1);
}

static void a_variant_has_a_file_of_its_own(void **state)
{
	(void)state;
	providers[1] = providers[0];
	providers[1].name = STR("p:sandbox");
	providers[1].local = true;
	config.n_providers = 2;
	struct worker *w = start(0);
	assert_int_equal(w->up->n, 2);
	assert_false(w->up->calls[0].local);
	assert_true(w->up->calls[1].local);
	ends(w, answer(200, set_of("theirs")));
	assert_true(file_of("jwks/p-sandbox.json").n > 0);
	assert_int_equal(file_of("jwks/p.json").n, 0);
}

/* ---- notes --------------------------------------------------------------- */

static void a_note_has_it_fetched(void **state)
{
	(void)state;
	put_by_hand(set_of("old"), WALL + boot - HOUR);
	struct worker *w = start(0);
	flag("jwks/p");
	assert_int_equal(w->up->n, 0); /* the notes were read this second */
	sleep_until(boot + FETCH_FLAGS_MS);
	assert_int_equal(w->up->n, 1);
	ends(w, answer(200, set_of("new")));
	assert_file(set_of("new"));
	assert_int_equal(w->due, boot + REFRESH); /* answered */
}

static void a_note_from_before_the_start_counts(void **state)
{
	(void)state;
	put_by_hand(set_of("old"), WALL + boot - HOUR);
	flag("jwks/p");
	assert_int_equal(start(0)->up->n, 1);
}

static void one_that_is_older_than_the_set_does_not(void **state)
{
	(void)state;
	flag("jwks/p");
	boot += 10 * SECOND;
	put_by_hand(set_of("new"), WALL + boot);
	struct worker *w = start(0);
	assert_int_equal(w->up->n, 0);
	assert_true(w->due > boot + REFRESH - MINUTE);
}

static void notes_are_answered_every_five_minutes_at_most(void **state)
{
	(void)state;
	struct worker *w = start(0);
	ends(w, answer(200, set_of("one")));
	const int64_t first = boot;
	size_t n = 0;

	for (int64_t s = 1; s <= 3600; s += 7) {
		n += sleep_answering(
		    first + s * SECOND, answer(200, set_of("one")));
		flag("jwks/p");
	}
	assert_in_range(n, 11, 12);
	assert_in_range(w->up->n, 12, 13);
}

static void anothers_note_is_nothing_to_us(void **state)
{
	(void)state;
	struct worker *w = start(0);
	ends(w, answer(200, set_of("one")));
	flag("jwks/q");
	flag("worker");
	sleep_until(boot + HOUR);
	assert_int_equal(w->up->n, 1);
	assert_int_equal(w->due, 1000 + REFRESH);
}

/* ---- what is refused ----------------------------------------------------- */

static void whatever_is_no_good_set_changes_nothing(void **state)
{
	static char large[JWKS_FILE_MAX + 2];
	(void)state;
	memset(large, ' ', sizeof(large) - 1);
	memcpy(large, "{\"keys\":[]", 10);
	large[sizeof(large) - 2] = '}';
	const struct upstream_answer bad[] = {
	    answer(404, set_of("x")),
	    answer(302, set_of("x")),
	    answer(304, set_of("x")),
	    answer(201, set_of("x")),
	    answer(500, set_of("x")),
	    answer(200, STR("")),
	    answer(200, STR("<html>")),
	    answer(200, STR("{\"keys\":{}}")),
	    answer(200, STR("{\"keys\":[]}")),
	    answer(200, STR("{\"keys\":[{\"kty\":\"RSA\"}]}")),
	    answer(200, str_slice(set_of("x"), 0, 40)),
	    answer(200, str_of(large)),
	    {.end = UPSTREAM_UNSENT, .why = "Could not resolve host"},
	    {.end = UPSTREAM_TIMEOUT},
	    {.end = UPSTREAM_BROKEN, .why = "it broke"},
	    {.end = UPSTREAM_TOO_LARGE, .status = 200},
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		put_by_hand(set_of("old"), WALL + boot - REFRESH);
		struct worker *w = start(0);
		assert_int_equal(w->up->n, 1);
		ends(w, bad[i]);
		assert_file(set_of("old"));
		assert_int_equal(lines("\"key-set-failed\""), i + 1);
		assert_int_equal(w->due, boot + 10 * SECOND);
		end(w);
		unlinkat(dir_fd, "jwks/p.try", 0);
	}
	assert_int_equal(lines("key-set-fetched"), 0);
	assert_int_equal(lines("redirects are not followed"), 2);
	assert_int_equal(lines("Could not resolve host; see its jwks_uri"), 1);
	assert_int_equal(lines("html"), 0);
}

static void it_is_tried_again_ever_later(void **state)
{
	static const int64_t after[] = {
	    10, 20, 40, 80, 160, 320, 600, 600, 600};
	(void)state;
	struct worker *w = start(0);

	for (size_t i = 0; i < sizeof(after) / sizeof(after[0]); i++) {
		assert_int_equal(w->up->n, i + 1);
		const int64_t tried = boot;
		ends(w, answer(503, STR("")));
		assert_int_equal(w->due, tried + after[i] * SECOND);
		sleep_until(w->due);
	}
	assert_int_equal(lines("key-set-failed"), 1); /* told once */
	ends(w, answer(200, set_of("back")));
	assert_int_equal(lines("key-set-fetched"), 1);
	assert_int_equal(w->due, boot + REFRESH);
	sleep_until(w->due);
	ends(w, answer(503, STR(""))); /* and it begins anew */
	assert_int_equal(w->due, boot + 10 * SECOND);
	assert_int_equal(lines("key-set-failed"), 2);
}

/* Told at any level that it is over, as it was told that it began. */
static void that_it_is_over_is_no_detail(void **state)
{
	(void)state;
	said.level = LOG_ERROR;
	struct worker *w = start(0);
	ends(w, answer(503, STR("")));
	sleep_until(w->due);
	ends(w, answer(200, set_of("back")));
	assert_int_equal(lines("key-set-fetched"), 1);
	sleep_until(w->due);
	ends(w, answer(200, set_of("back")));
	assert_int_equal(lines("key-set-fetched"), 1);
}

static void who_starts_does_not_wait_for_long(void **state)
{
	(void)state;
	struct worker *w = start(0);
	for (int i = 0; i < 8; i++) {
		ends(w, answer(503, STR("")));
		if (i < 7)
			sleep_until(w->due);
	}
	assert_int_equal(w->due, boot + 600 * SECOND);
	end(w);
	boot += 3 * SECOND;
	w = start(0);
	assert_int_equal(w->up->n, 0);
	assert_int_equal(w->due, boot + 7 * SECOND);
	sleep_until(w->due);
	assert_int_equal(w->up->n, 1);
	ends(w, answer(503, STR("")));
	assert_int_equal(w->due, boot + 600 * SECOND);
}

static void a_folder_that_cannot_be_written(void **state)
{
	(void)state;
	int fd = openat(dir_fd, "jwks", O_WRONLY | O_CREAT, 0600);
	assert_true(fd >= 0); /* a file: nobody can make anything in it */
	close(fd);
	struct worker *w = start(0);
	assert_int_equal(w->up->n, 0);
	assert_int_equal(w->due, boot + 10 * SECOND);
	sleep_until(boot + HOUR);
	assert_int_equal(w->up->n, 0);
	assert_int_equal(lines("key-set-failed"), 1);
	assert_int_equal(lines("cannot be written: Not a directory"), 1);
	assert_int_equal(unlinkat(dir_fd, "jwks", 0), 0);
	sleep_until(boot + 10 * MINUTE);
	assert_int_equal(w->up->n, 1);
	ends(w, answer(200, set_of("one")));
	assert_int_equal(lines("key-set-fetched"), 1);
}

static void a_set_that_cannot_be_written(void **state)
{
	(void)state;
	struct worker *w = start(0);
	assert_int_equal(mkdirat(dir_fd, "jwks/p.json", 0700), 0);
	ends(w, answer(200, set_of("one")));
	assert_int_equal(lines("jwks/p.json in the store's folder cannot"), 1);
	assert_int_equal(w->due, boot + 10 * SECOND);
	assert_int_equal(unlinkat(dir_fd, "jwks/p.json", AT_REMOVEDIR), 0);
	sleep_until(w->due);
	ends(w, answer(200, set_of("one")));
	assert_file(set_of("one"));
}

/* ---- several workers ----------------------------------------------------- */

static void two_workers_ask_once(void **state)
{
	(void)state;
	struct worker *a = start(0), *b = start(1);
	assert_int_equal(a->up->n + b->up->n, 1);
	ends(a, answer(200, set_of("one")));
	const size_t n = sleep_answering(
	    boot + 20 * REFRESH + HOUR, answer(200, set_of("x")));
	assert_int_equal(n, 20);
	assert_int_equal(a->up->n + b->up->n, n + 1);
}

static void two_workers_answer_a_note_once(void **state)
{
	(void)state;
	put_by_hand(set_of("old"), WALL + boot - HOUR);
	struct worker *a = start(0), *b = start(1);
	boot += 2 * FETCH_FLAGS_MS;
	flag("jwks/p");
	assert_int_equal(a->up->n, 1);
	assert_int_equal(b->up->n, 0);
	assert_int_equal(
	    sleep_answering(boot + HOUR, answer(200, set_of("new"))), 1);
	assert_int_equal(a->up->n + b->up->n, 1);
	assert_file(set_of("new"));
}

static void two_workers_back_off_as_one(void **state)
{
	(void)state;
	start(0);
	start(1);
	/* 0, 10, 30, 70, 150, 310, 630, 1230, 1830, 2430, 3030 s */
	assert_int_equal(
	    sleep_answering(boot + 3600 * SECOND, answer(503, STR(""))), 11);
	assert_in_range(lines("key-set-failed"), 1, 2); /* each for itself */
	sleep_answering(boot + 3600 * SECOND, answer(200, set_of("one")));
	assert_int_equal(lines("key-set-fetched"), lines("key-set-failed"));
}

static void a_worker_that_dies_while_it_asks(void **state)
{
	(void)state;
	struct worker *a = start(0), *b = start(1);
	assert_int_equal(a->up->n, 1);
	end(a);
	assert_int_equal(b->due, boot + 10 * SECOND);
	sleep_until(b->due);
	assert_int_equal(b->up->n, 1);
}

/* ---- clocks -------------------------------------------------------------- */

static void a_wall_clock_that_jumps(void **state)
{
	(void)state;
	struct worker *w = start(0);
	ends(w, answer(200, set_of("one")));
	step_ms = -365 * 24 * HOUR; /* what is there is of the future */
	assert_int_equal(
	    sleep_answering(boot + REFRESH + HOUR, answer(200, set_of("x"))),
	    1);
	step_ms = 365 * 24 * HOUR;
	flag("jwks/p");
	assert_int_equal(
	    sleep_answering(boot + REFRESH + HOUR, answer(200, set_of("x"))),
	    2);
	assert_int_equal(w->up->n, 4);
	step_ms = 0;
	assert_in_range(
	    sleep_answering(boot + 10 * REFRESH, answer(200, set_of("x"))), 9,
	    11);
}

static void files_of_the_future_do_not_hold_it_up(void **state)
{
	(void)state;
	put_by_hand(set_of("odd"), WALL + boot + 1000 * HOUR);
	struct worker *w = start(0);
	assert_int_equal(w->up->n, 1);
	step_ms = -1000 * HOUR; /* when it was tried is, now */
	end(w);
	assert_int_equal(start(0)->up->n, 1);
}

/* ---- its end ------------------------------------------------------------- */

static void what_is_under_way_is_aborted(void **state)
{
	(void)state;
	struct worker *w = start(0);
	fetch_free(w->fetch);
	w->fetch = NULL;
	assert_true(w->up->calls[0].aborted);
	upstream_fake.close(w->up);
	fetch_free(NULL);
	assert_int_equal(file_of("jwks/p.json").n, 0);
	/* no piece of it either */
	assert_int_equal(file_of("jwks/p.try").n, 2);
}

static void tries_are_counted(void **state)
{
	struct buf out = {0};
	const struct metrics_work_now at = {.config = &config, .version = ""};
	(void)state;

	struct worker *w = start(0);
	ends(w, answer(503, STR("")));
	sleep_until(w->due);
	ends(w, answer(200, set_of("one")));
	metrics_work_write(metrics, &at, &out);
	assert_non_null(strstr(
	    out.data, "lowtide_key_set_fetches_total{result=\"ok\"} 1\n"));
	assert_non_null(strstr(
	    out.data, "lowtide_key_set_fetches_total{result=\"failed\"} 1\n"));
	buf_release(&out);
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    T(none_is_there_it_is_fetched),
	    T(it_is_fetched_again_when_it_is_old),
	    T(it_is_never_half_a_set),
	    T(a_fresh_one_is_left_alone),
	    T(an_old_one_is_fetched_at_the_start),
	    T(one_of_no_use_is_fetched_at_once),
	    T(one_that_goes_is_fetched_when_it_is_next_looked_at),
	    T(some_are_never_fetched),
	    T(a_variant_has_a_file_of_its_own),
	    T(a_note_has_it_fetched),
	    T(a_note_from_before_the_start_counts),
	    T(one_that_is_older_than_the_set_does_not),
	    T(notes_are_answered_every_five_minutes_at_most),
	    T(anothers_note_is_nothing_to_us),
	    T(whatever_is_no_good_set_changes_nothing),
	    T(it_is_tried_again_ever_later),
	    T(that_it_is_over_is_no_detail),
	    T(who_starts_does_not_wait_for_long),
	    T(a_folder_that_cannot_be_written),
	    T(a_set_that_cannot_be_written),
	    T(two_workers_ask_once),
	    T(two_workers_answer_a_note_once),
	    T(two_workers_back_off_as_one),
	    T(a_worker_that_dies_while_it_asks),
	    T(a_wall_clock_that_jumps),
	    T(files_of_the_future_do_not_hold_it_up),
	    T(what_is_under_way_is_aborted),
	    T(tries_are_counted),
	};

	ec = kit_ec("P-256");
	cmocka_set_message_output(CM_OUTPUT_TAP);
	const int failed =
	    cmocka_run_group_tests_name("fetch", tests, NULL, NULL);
	EVP_PKEY_free(ec);
	return failed;
}
