#include "cgi/plain.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cgi/answer.h"
#include "cgi/endpoint.h"
#include "cgi/listen.h"
#include "cgi/sandbox.h"
#include "cgi/store/boot.h"
#include "lib/clock.h"

/*
 * What the loop and the committer's thread do for thousands is done here for
 * one, in order: the request is read, handled, its change committed, its wait
 * waited, its answer written.
 *
 * The store is opened to read, without a turn; only who has something to commit
 * opens it to write. Where it cannot be read it is opened to write at once,
 * which makes and mends it.
 */
#define READ_MS 60000 /* for the whole body */
#define WAIT_MAX_MS 25000
#define LOOK_MS 1000 /* who waits looks as often, bell or not */
/* What was asked for, and that its result was read. */
#define COMMITS_MAX 2

extern char **environ;

struct plain {
	struct start start;
	struct log log;
	struct store *reads;
	struct app app;
	struct arena arena;
	struct answer ans;
	struct waiting wait;
	struct change *change;
	struct buf body;
	int commits, bell_fd;
	char boot[BOOT_IDENTITY_MAX]; /* asked while it can be */
};

bool plain_is_asked(void)
{
	return getenv("REQUEST_METHOD") && getenv("GATEWAY_INTERFACE") &&
	       !listen_is_given();
}

static struct app_now now(void)
{
	return (struct app_now){
	    .wall_ms = clock_wall_ms(), .boot_ms = clock_boot_ms()};
}

/* NULL where a web server passes it on empty, too. */
static const char *setting(const char *name)
{
	const char *value = getenv(name);

	return value && *value ? value : NULL;
}

/* ---- what is needed ------------------------------------------------------ */

static enum err read_wait(struct plain *p, int64_t *ms)
{
	const char *text = setting(PLAIN_WAIT);
	char *end;

	*ms = 0;
	if (!text)
		return ERR_OK;
	errno = 0;
	*ms = strtoll(text, &end, 10);
	if (!errno && !*end && *ms >= 0 && *ms <= WAIT_MAX_MS)
		return ERR_OK;
	diag_error(&p->start.diag, POS_NONE, "bad-value",
	    PLAIN_WAIT " takes milliseconds from 0 to %d, not `%s`",
	    WAIT_MAX_MS, text);
	return ERR_USAGE;
}

static enum err read_level(struct plain *p)
{
	const char *text = setting(PLAIN_LOG_LEVEL);

	if (!text || log_level_read(text, &p->log.level))
		return ERR_OK;
	diag_error(&p->start.diag, POS_NONE, "bad-value",
	    PLAIN_LOG_LEVEL " takes one of " LOG_LEVELS ", not `%s`", text);
	return ERR_USAGE;
}

static enum err open_to_write(struct plain *p)
{
	const struct store_spec brief = {.role = STORE_WRITES,
	    .brief = true,
	    .boot = *p->boot ? p->boot : NULL,
	    .open_wait_ms = STORE_TURN_WAIT_MS};

	if (p->start.store)
		return ERR_OK;
	return start_store(&p->start, &brief, &p->start.store);
}

static enum err open_to_read(struct plain *p)
{
	if (endpoint_open_reads(&p->start, NULL, &p->reads) == ERR_OK)
		return ERR_OK;
	enum err err = open_to_write(p);
	if (err != ERR_OK)
		return err;
	return endpoint_open_reads(&p->start, &p->start.diag, &p->reads);
}

/*
 * From here on the request is read. Whoever has something to commit opens the
 * store once more, in its folder.
 */
static void confine(struct plain *p)
{
	static const char *const none[] = {NULL};
	const struct sandbox_spec spec = {
	    .state_dir = p->start.state_dir, .files = none};

	if (boot_identity(p->boot) != ERR_OK)
		*p->boot = '\0';
	sandbox_enter(&spec, &p->log, clock_wall_ms());
}

/* *problem: what is said to the client when it cannot be had. */
static enum err open_all(struct plain *p, enum problem *problem)
{
	int64_t wait_ms;
	enum err err = read_wait(p, &wait_ms), keys_err;

	*problem = PROBLEM_INTERNAL;
	if (err == ERR_OK)
		err = read_level(p);
	if (err == ERR_OK)
		err = start_config(&p->start, setting(PLAIN_CONFIG),
		    setting(PLAIN_STATE), setting(PLAIN_KEYS));
	keys_err = start_keys(&p->start);
	if (err == ERR_OK)
		err = keys_err;
	if (err != ERR_OK)
		return err;
	err = open_to_read(p);
	*problem =
	    err == ERR_FULL ? PROBLEM_STORE_FULL : PROBLEM_STORE_UNAVAILABLE;
	if (err == ERR_OK)
		err = endpoint_equip(&p->app, &p->start, p->reads, &p->log);
	if (err != ERR_OK)
		return err;
	p->app.plain = true;
	p->app.plain_wait_ms = wait_ms;
	confine(p);
	return ERR_OK;
}

/* ---- the request --------------------------------------------------------- */

/* ERR_CLOSED at its end, ERR_BUSY when it takes too long. */
static enum err read_some(char *into, size_t n, int64_t until, size_t *got)
{
	for (;;) {
		struct pollfd in = {.fd = STDIN_FILENO, .events = POLLIN};
		int64_t left = until - clock_monotonic_ms();
		if (left <= 0)
			return ERR_BUSY;
		if (poll(&in, 1, (int)left) <= 0)
			continue;
		ssize_t done = read(STDIN_FILENO, into, n);
		if (done > 0) {
			*got = (size_t)done;
			return ERR_OK;
		}
		if (done == 0)
			return ERR_CLOSED;
		if (errno != EINTR && errno != EAGAIN)
			return ERR_IO;
	}
}

/*
 * As long as CONTENT_LENGTH says, whatever stands behind; a shorter one was cut
 * off on its way and is no request. Only one that came in chunks has no length
 * and ends where it ends.
 */
static enum err read_body(struct plain *p, struct request *r)
{
	const bool chunked = request_has_header(r, "transfer-encoding");
	const size_t max = p->app.body_max;
	const int64_t until = clock_monotonic_ms() + READ_MS;
	size_t want = r->body_declared > 0 ? (size_t)r->body_declared : 0;
	enum err err = ERR_OK;

	if (r->body_declared < 0 && chunked)
		want = max + 1;
	else if (want > max)
		r->body_too_large = true;
	while (err == ERR_OK && !r->body_too_large && p->body.len < want) {
		char piece[16384];
		size_t n = want - p->body.len;
		err = read_some(
		    piece, n < sizeof(piece) ? n : sizeof(piece), until, &n);
		if (err == ERR_OK)
			buf_put(&p->body, piece, n);
	}
	if (err == ERR_CLOSED && r->body_declared < 0)
		err = ERR_OK;
	r->body_too_large |= p->body.len > max;
	if (err == ERR_OK && !r->body_too_large)
		r->body = buf_str(&p->body);
	return err == ERR_OK ? ERR_OK : ERR_INPUT;
}

/* ---- what the app wants -------------------------------------------------- */

static enum outcome refuse(struct plain *p, enum err err)
{
	p->ans = (struct answer){0};
	app_refuse(&p->app, now(), &p->arena, err, &p->ans);
	return OUTCOME_ANSWER;
}

static void commit(struct plain *p, struct change *change)
{
	struct change_list one = TAILQ_HEAD_INITIALIZER(one);

	change->err = open_to_write(p);
	if (change->err != ERR_OK && change->err != ERR_FULL &&
	    change->err != ERR_CORRUPT)
		change->err = ERR_BUSY;
	if (change->err != ERR_OK)
		return;
	TAILQ_INSERT_TAIL(&one, change, in_list);
	changes_commit(p->start.store, &one);
}

/* What was read until now is older than the change. */
static enum outcome commit_and_go_on(struct plain *p)
{
	struct change *change = p->change;

	p->change = NULL;
	if (p->commits++ == COMMITS_MAX) {
		change_free(change);
		return refuse(p, ERR_BUSY);
	}
	commit(p, change);
	app_rest(&p->app);
	enum outcome outcome =
	    app_committed(&p->app, now(), &p->arena, change, &p->ans, &p->wait);
	change_free(change);
	return outcome;
}

/* Until it rings, or it is time to look again. */
static void sleep_until(struct plain *p, int64_t again_boot, int64_t now_boot)
{
	struct pollfd bell = {.fd = p->bell_fd, .events = POLLIN};
	int64_t ms = again_boot - now_boot;

	if (ms < 1)
		ms = 1;
	if (poll(&bell, 1, ms > LOOK_MS ? LOOK_MS : (int)ms) > 0)
		store_heard(p->reads, p->bell_fd);
}

/* The store's patience is a writer's here; the client's wait is behind us. */
static enum outcome wait_and_go_on(struct plain *p)
{
	struct waiting *wait = &p->wait;
	struct app_now at = now();
	enum outcome outcome;
	int64_t most =
	    wait->answer_boot > at.boot_ms ? wait->answer_boot : at.boot_ms;

	if (wait->deadline_boot > most + STORE_TURN_WAIT_MS)
		wait->deadline_boot = most + STORE_TURN_WAIT_MS;
	if (p->bell_fd < 0 &&
	    store_watch(p->reads, BELL_SETTLED, &p->bell_fd) != ERR_OK)
		p->bell_fd = -1;
	for (;;) {
		at = now();
		outcome = app_resume(
		    &p->app, at, &p->arena, wait, &p->ans, &p->change);
		app_rest(&p->app);
		if (outcome != OUTCOME_PARK)
			return outcome;
		if (at.boot_ms >= wait->deadline_boot)
			return refuse(p, ERR_BUSY);
		sleep_until(p,
		    wait->again_boot > at.boot_ms ? wait->again_boot
						  : wait->deadline_boot,
		    at.boot_ms);
	}
}

/* A note beside the answer; one that cannot be made is left out. */
static void commit_aside(struct plain *p)
{
	if (!p->change)
		return;
	commit(p, p->change);
	change_free(p->change);
	p->change = NULL;
}

static void answer_request(struct plain *p)
{
	struct request r;
	enum err err = request_from_cgi(&p->arena, environ, &r);
	enum outcome outcome;

	if (err == ERR_OK)
		err = read_body(p, &r);
	outcome = err == ERR_OK ? app_handle(&p->app, now(), &p->arena, &r,
				      &p->ans, &p->wait, &p->change)
				: refuse(p, err);
	while (outcome != OUTCOME_ANSWER) {
		if (outcome == OUTCOME_COMMIT)
			outcome = commit_and_go_on(p);
		else if (outcome == OUTCOME_PARK)
			outcome = wait_and_go_on(p);
		else /* a stream */
			outcome = refuse(p, ERR_BUSY);
	}
	app_rest(&p->app);
	commit_aside(p);
}

/* ---- the answer ---------------------------------------------------------- */

/* There is no configuration, or no store, to say more. */
static void answer_without(struct plain *p, enum problem problem)
{
	static const struct config none;
	const struct answer_context c = {
	    .config = &none, .arena = &p->arena, .now_ms = clock_wall_ms()};

	answer_problem(&c, problem, NULL, NULL, &p->ans);
	if (p->ans.status == 503)
		answer_retry_after(&c, NULL, &p->ans);
	answer_common(&c, NULL, &p->ans);
	p->ans.head = str_is(str_of(getenv("REQUEST_METHOD")), "HEAD");
}

static void write_answer(struct plain *p)
{
	struct buf out = {0};
	size_t at = 0;

	answer_write(&p->ans, &out);
	while (at < out.len) {
		ssize_t n = write(STDOUT_FILENO, out.data + at, out.len - at);
		if (n > 0)
			at += (size_t)n;
		else if (errno != EINTR)
			break;
	}
	buf_release(&out);
}

int plain_run(void)
{
	struct plain p = {.bell_fd = -1,
	    .log = {.fd = STDERR_FILENO, .program = "lowtide-cgi"}};
	enum problem problem;

	signal(SIGPIPE, SIG_IGN);
	start_init(&p.start);
	arena_init(&p.arena);
	enum err err = open_all(&p, &problem);
	if (err == ERR_OK)
		answer_request(&p);
	else
		answer_without(&p, problem);
	write_answer(&p);
	endpoint_strip(&p.app);
	store_close(p.reads);
	buf_release(&p.body);
	arena_release(&p.arena);
	(void)start_close(&p.start, err);
	return 0;
}
