#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>

#include "cgi/committer.h"

/*
 * The writer thread over the memory store, whose transactions are counted and
 * can be held, made to find the store busy, or to fail. Nothing here depends
 * on how fast anything is: what has to wait is waited for.
 */
#define MANY 300

/* What the store is told to do, and what was done; shared with the thread. */
static struct {
	pthread_mutex_t lock;
	pthread_cond_t moved;
	bool held;	 /* begin() waits until this is over */
	int waiting;	 /* ... how many do */
	enum err begin;	 /* what begin() says; ERR_OK = it works */
	enum err commit; /* likewise */
	enum err insert; /* for the job of this number */
	uint32_t poison;
	int busy_after; /* begin() is ERR_BUSY from the n-th on; 0 = never */
	int begins, commits, inserts;
	bool signals; /* begin() was called with SIGTERM let through */
} faults = {
    .lock = PTHREAD_MUTEX_INITIALIZER, .moved = PTHREAD_COND_INITIALIZER};
static atomic_llong boot;

static void set(enum err *fault, enum err err)
{
	pthread_mutex_lock(&faults.lock);
	*fault = err;
	pthread_mutex_unlock(&faults.lock);
}

static int get(const int *counter)
{
	pthread_mutex_lock(&faults.lock);
	int n = *counter;
	pthread_mutex_unlock(&faults.lock);
	return n;
}

static void hold(bool held)
{
	pthread_mutex_lock(&faults.lock);
	faults.held = held;
	pthread_cond_broadcast(&faults.moved);
	pthread_mutex_unlock(&faults.lock);
}

/* Until the thread stands before its transaction. */
static void await_held(void)
{
	pthread_mutex_lock(&faults.lock);
	while (!faults.waiting)
		pthread_cond_wait(&faults.moved, &faults.lock);
	pthread_mutex_unlock(&faults.lock);
}

/* Until begin() has been called once more. */
static void await_begin(void)
{
	pthread_mutex_lock(&faults.lock);
	int before = faults.begins;
	while (faults.begins == before)
		pthread_cond_wait(&faults.moved, &faults.lock);
	pthread_mutex_unlock(&faults.lock);
}

static enum err counted_begin(void *backend)
{
	sigset_t blocked;

	pthread_sigmask(SIG_SETMASK, NULL, &blocked);
	pthread_mutex_lock(&faults.lock);
	faults.signals |= !sigismember(&blocked, SIGTERM);
	faults.waiting++;
	faults.begins++;
	pthread_cond_broadcast(&faults.moved);
	while (faults.held)
		pthread_cond_wait(&faults.moved, &faults.lock);
	faults.waiting--;
	enum err err = faults.begin;
	if (faults.busy_after && faults.begins >= faults.busy_after)
		err = ERR_BUSY;
	pthread_mutex_unlock(&faults.lock);
	return err ? err : store_memory.begin(backend);
}

static enum err counted_commit(void *backend, unsigned bells)
{
	pthread_mutex_lock(&faults.lock);
	enum err err = faults.commit;
	faults.commits += !err;
	pthread_mutex_unlock(&faults.lock);
	if (!err)
		return store_memory.commit(backend, bells);
	store_memory.rollback(backend);
	return err;
}

static uint32_t number_of(const struct job *job)
{
	uint32_t number;

	memcpy(&number, job_key(job), sizeof(number));
	return number;
}

static enum err poisoned_insert(
    void *backend, size_t api, const struct job *job)
{
	faults.inserts++;
	if (faults.insert && number_of(job) == faults.poison)
		return faults.insert;
	return store_memory.insert(backend, api, job);
}

static int64_t boot_ms(void)
{
	return atomic_load(&boot);
}

static int64_t wall_ms(void)
{
	return 1700000000000 + atomic_load(&boot);
}

struct fixture {
	struct api api;
	struct config config;
	struct store_ops ops;
	struct store *store;
	struct committer *c;
	/* of the housekeeping; with faults.lock */
	size_t emptied;
};

static int up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct diag diag;
	struct arena arena;

	arena_init(&arena);
	diag_init(&diag, &arena);
	faults.held = faults.signals = false;
	faults.begin = faults.commit = faults.insert = ERR_OK;
	faults.begins = faults.commits = faults.inserts = 0;
	faults.busy_after = 0;
	atomic_store(&boot, 1000);
	f->api = (struct api){.name = STR("a"), .ttl_ms = 1000};
	f->config = (struct config){.apis = &f->api, .n_apis = 1};
	f->ops = store_memory;
	f->ops.begin = counted_begin;
	f->ops.commit = counted_commit;
	f->ops.insert = poisoned_insert;
	struct store_spec spec = {.dir = "", .config = &f->config};
	if (store_open(&f->ops, &spec, &diag, &f->store) != ERR_OK)
		return -1;
	arena_release(&arena);
	*state = f;
	return 0;
}

static int down(void **state)
{
	struct fixture *f = *state;

	committer_stop(f->c);
	store_close(f->store);
	free(f);
	return 0;
}

static struct change *accept_of(uint32_t number)
{
	struct change *change = change_new(CHANGE_ACCEPT, 0);

	memcpy(change->job.id + JOB_KEY_OFFSET, &number, sizeof(number));
	memset(change->job.print, (int)number + 1, JOB_PRINT_BYTES);
	change->job.accepted_ms = 7;
	change->ticket = number;
	buf_puts(&change->request, "sealed");
	buf_puts(&change->meta, "sealed too");
	change->then = arena_alloc(&change->arena, 100);
	return change;
}

static struct change *cancel_of(uint32_t number)
{
	struct change *change = change_new(CHANGE_CANCEL, 0);

	memcpy(change->job.id + JOB_KEY_OFFSET, &number, sizeof(number));
	change->event = (struct job_event){
	    .kind = JOB_EVENT_CANCEL, .now_ms = 8, .now_boot = 8};
	return change;
}

static void submit(struct fixture *f, struct change *change)
{
	assert_int_equal(committer_submit(f->c, change), ERR_OK);
}

static bool is_readable(struct fixture *f, int ms)
{
	struct pollfd fd = {.fd = committer_fd(f->c), .events = POLLIN};

	return poll(&fd, 1, ms) == 1;
}

static struct change *next(struct fixture *f)
{
	assert_true(is_readable(f, -1));
	struct change *change = committer_next(f->c);
	assert_non_null(change);
	return change;
}

/* The next one that is done is this, and went so. */
static void expect(struct fixture *f, uint32_t ticket, enum err err)
{
	struct change *change = next(f);

	assert_int_equal(change->ticket, ticket);
	assert_int_equal(change->err, err);
	change_free(change);
}

static void tended(void *ctx, const struct store_tended *report)
{
	struct fixture *f = ctx;

	pthread_mutex_lock(&faults.lock);
	f->emptied += report->emptied;
	pthread_cond_broadcast(&faults.moved);
	pthread_mutex_unlock(&faults.lock);
}

/* The housekeeping that every start begins with is over afterwards. */
static void start(struct fixture *f)
{
	const struct committer_spec spec = {.store = f->store,
	    .boot_ms = boot_ms,
	    .wall_ms = wall_ms,
	    .tended = tended,
	    .ctx = f};

	assert_int_equal(committer_start(&spec, &f->c), ERR_OK);
	submit(f, cancel_of(UINT32_MAX));
	expect(f, 0, ERR_NOT_FOUND);
	pthread_mutex_lock(&faults.lock);
	faults.begins = faults.commits = 0;
	pthread_mutex_unlock(&faults.lock);
}

static struct job row_of(struct fixture *f, uint32_t number)
{
	struct change *probe = accept_of(number);
	struct job job;

	assert_int_equal(store_view(f->store), ERR_OK);
	enum err err = store_get(f->store, 0, job_key(&probe->job), &job);
	store_unview(f->store);
	if (err)
		job.version = -1;
	change_free(probe);
	return job;
}

/* ---- the thread ---------------------------------------------------------- */

static void one_comes_back(void **state)
{
	struct fixture *f = *state;

	start(f);
	assert_false(is_readable(f, 0));
	assert_null(committer_next(f->c));
	submit(f, accept_of(5));
	struct change *change = next(f);
	assert_int_equal(change->err, ERR_OK);
	assert_int_equal(change->ticket, 5);
	assert_int_equal(change->job.state, JOB_PENDING);
	assert_int_equal(change->job.version, 1);
	assert_int_equal(change->until_boot, 1000 + COMMITTER_WAIT_MS);
	change_free(change);
	assert_false(is_readable(f, 0));
	assert_null(committer_next(f->c));
	assert_false(faults.signals);
}

static void what_waits_is_one_transaction(void **state)
{
	struct fixture *f = *state;
	int64_t version = 0;

	start(f);
	hold(true);
	submit(f, accept_of(0));
	await_held();
	for (uint32_t i = 1; i <= MANY; i++)
		submit(f, accept_of(i));
	hold(false);
	for (uint32_t i = 0; i <= MANY; i++) {
		struct change *change = next(f);
		assert_int_equal(change->ticket, i);
		assert_int_equal(change->err, ERR_OK);
		assert_true(change->job.version > version);
		version = change->job.version;
		change_free(change);
	}
	/* one alone, a full batch, and what was left */
	assert_int_equal(get(&faults.begins), 3);
	assert_int_equal(get(&faults.commits), 3);
}

static void a_batch_is_bounded_in_bytes(void **state)
{
	struct fixture *f = *state;

	start(f);
	hold(true);
	submit(f, accept_of(0));
	await_held();
	for (uint32_t i = 1; i <= 4; i++) {
		struct change *change = accept_of(i);
		buf_reserve(&change->request, COMMITTER_BATCH_BYTES / 2 + 1);
		memset(change->request.data, 0, change->request.cap);
		change->request.len = COMMITTER_BATCH_BYTES / 2 + 1;
		submit(f, change);
	}
	hold(false);
	for (uint32_t i = 0; i <= 4; i++)
		expect(f, i, ERR_OK);
	assert_int_equal(get(&faults.commits), 3);
}

static void too_many_are_given_back(void **state)
{
	struct fixture *f = *state;
	struct change *one_more = accept_of(COMMITTER_CHANGES_MAX + 1);

	start(f);
	hold(true);
	submit(f, accept_of(0));
	await_held(); /* it does not count any more */
	for (uint32_t i = 1; i <= COMMITTER_CHANGES_MAX; i++)
		submit(f, accept_of(i));
	assert_int_equal(committer_submit(f->c, one_more), ERR_FULL);
	hold(false);
	for (uint32_t i = 0; i <= COMMITTER_CHANGES_MAX; i++)
		expect(f, i, ERR_OK);
	submit(f, one_more); /* they have left room */
	expect(f, COMMITTER_CHANGES_MAX + 1, ERR_OK);
}

static void too_many_bytes_are_given_back(void **state)
{
	struct fixture *f = *state;
	const size_t size = COMMITTER_BYTES_MAX / 4;
	struct change *large;

	start(f);
	hold(true);
	submit(f, accept_of(0));
	await_held();
	set(&faults.begin, ERR_BUSY); /* nobody shall copy them */
	for (uint32_t i = 1; i <= 4; i++) {
		large = accept_of(i);
		buf_clear(&large->meta);
		buf_reserve(&large->request, size);
		large->request.len = size;
		submit(f, large);
	}
	large = accept_of(5);
	assert_int_equal(committer_submit(f->c, large), ERR_FULL);
	atomic_fetch_add(&boot, COMMITTER_WAIT_MS);
	hold(false);
	for (uint32_t i = 0; i <= 4; i++)
		expect(f, i, ERR_BUSY);
	submit(f, large); /* they have left room */
}

static void nobody_waits_for_ever(void **state)
{
	struct fixture *f = *state;

	start(f);
	set(&faults.begin, ERR_BUSY);
	submit(f, accept_of(1));
	atomic_fetch_add(&boot, COMMITTER_WAIT_MS / 2);
	submit(f, accept_of(2));
	submit(f, accept_of(3));
	await_begin();
	await_begin();
	assert_false(is_readable(f, 0));
	atomic_fetch_add(&boot, COMMITTER_WAIT_MS / 2);
	expect(f, 1, ERR_BUSY);
	await_begin(); /* the others are tried again and again */
	assert_false(is_readable(f, 0));
	set(&faults.begin, ERR_OK);
	expect(f, 2, ERR_OK);
	expect(f, 3, ERR_OK);
	assert_int_equal(get(&faults.commits), 1);
}

/* Not even asked, when their time has passed while others had their turn. */
static void the_late_are_not_begun(void **state)
{
	struct fixture *f = *state;

	start(f);
	hold(true);
	submit(f, accept_of(1));
	await_held();
	submit(f, accept_of(2));
	atomic_fetch_add(&boot, COMMITTER_WAIT_MS);
	submit(f, accept_of(3));
	hold(false);
	expect(f, 1, ERR_OK);
	expect(f, 2, ERR_BUSY);
	expect(f, 3, ERR_OK);
	assert_int_equal(get(&faults.begins), 2);
}

static void a_store_that_fails_for_a_while(void **state)
{
	static const enum err errors[] = {ERR_IO, ERR_FULL, ERR_CORRUPT};
	struct fixture *f = *state;

	start(f);
	for (uint32_t i = 0; i < 3; i++) {
		set(&faults.begin, errors[i]);
		submit(f, accept_of(i));
		expect(f, i, errors[i]);
		set(&faults.begin, ERR_OK);
		set(&faults.commit, errors[i]);
		submit(f, accept_of(i));
		expect(f, i, errors[i]);
		set(&faults.commit, ERR_OK);
		submit(f, accept_of(i));
		expect(f, i, ERR_OK);
	}
}

/* By itself, in its place: before it the old one holds, after it the new. */
static void a_configuration_comes_between_two_transactions(void **state)
{
	struct fixture *f = *state;
	struct api apis[2] = {f->api, f->api};
	const struct config two = {.apis = apis, .n_apis = 2};
	const struct config none = {.apis = apis, .n_apis = 0};

	apis[1].name = STR("b");
	start(f);
	hold(true);
	submit(f, accept_of(0));
	await_held();
	submit(f, accept_of(1));
	assert_int_equal(committer_reconfigure(f->c, &two, 2), ERR_OK);
	for (uint32_t i = 3; i < 5; i++) {
		struct change *change = accept_of(i);
		change->api = 1;
		submit(f, change);
	}
	assert_int_equal(committer_reconfigure(f->c, &none, 5), ERR_OK);
	submit(f, accept_of(6));
	hold(false);
	expect(f, 0, ERR_OK);
	expect(f, 1, ERR_OK);
	struct change *change = next(f);
	assert_int_equal(change->ticket, 2);
	assert_int_equal(change->kind, CHANGE_RECONFIGURE);
	assert_int_equal(change->err, ERR_OK);
	change_free(change);
	expect(f, 3, ERR_OK);
	expect(f, 4, ERR_OK);
	expect(f, 5, ERR_INPUT); /* the one before it goes on */
	expect(f, 6, ERR_OK);
	/* 0; 1; 3 and 4; 6 */
	assert_int_equal(get(&faults.commits), 4);
	committer_stop(f->c); /* the configuration lives here */
	f->c = NULL;
}

static void stopping_leaves_what_has_not_begun(void **state)
{
	struct fixture *f = *state;

	start(f);
	submit(f, accept_of(1));
	expect(f, 1, ERR_OK);
	set(&faults.begin, ERR_BUSY);
	for (uint32_t i = 2; i < 20; i++)
		submit(f, accept_of(i));
	await_begin();
	committer_stop(f->c);
	f->c = NULL;
	assert_int_equal(faults.commits, 1);
	assert_int_equal(row_of(f, 2).version, -1);
	committer_stop(NULL);
}

static void *let_go(void *arg)
{
	await_held();
	hold(false);
	return arg;
}

static void stopping_finishes_what_has_begun(void **state)
{
	struct fixture *f = *state;
	pthread_t other;

	start(f);
	hold(true);
	submit(f, accept_of(1));
	await_held();
	assert_int_equal(pthread_create(&other, NULL, let_go, NULL), 0);
	committer_stop(f->c);
	f->c = NULL;
	pthread_join(other, NULL);
	assert_int_equal(row_of(f, 1).version, 1);
}

/*
 * A job that ended expires after its TTL. The thread sleeps until then by a
 * real clock; here a change wakes it.
 */
static void it_keeps_house_in_between(void **state)
{
	struct fixture *f = *state;

	start(f);
	submit(f, accept_of(1));
	expect(f, 1, ERR_OK);
	struct change *cancel = cancel_of(1);
	cancel->event.now_ms = wall_ms();
	submit(f, cancel);
	expect(f, 0, ERR_OK);
	atomic_fetch_add(&boot, f->api.ttl_ms + 1000);
	submit(f, accept_of(2));
	expect(f, 2, ERR_OK);
	pthread_mutex_lock(&faults.lock);
	while (!f->emptied)
		pthread_cond_wait(&faults.moved, &faults.lock);
	assert_int_equal(f->emptied, 1);
	pthread_mutex_unlock(&faults.lock);
}

/* ---- the work, without a thread ------------------------------------------ */

#define LIST_MAX 8
struct work {
	struct change_list list;
	struct change *at[LIST_MAX];
	size_t n;
};

static void add(struct work *w, struct change *change)
{
	if (!w->n)
		TAILQ_INIT(&w->list);
	w->at[w->n++] = change;
	TAILQ_INSERT_TAIL(&w->list, change, in_list);
}

static void work_end(struct work *w)
{
	for (size_t i = 0; i < w->n; i++)
		change_free(w->at[i]);
	w->n = 0;
}

static void nothing_is_no_transaction(void **state)
{
	struct fixture *f = *state;
	struct change_list list;

	TAILQ_INIT(&list);
	changes_commit(f->store, &list);
	assert_int_equal(faults.begins, 0);
}

static void answers_about_one_leave_the_others(void **state)
{
	struct fixture *f = *state;
	struct work w = {0};

	add(&w, accept_of(1));
	add(&w, accept_of(1)); /* the same name, another body */
	w.at[1]->job.print[0] ^= 1;
	add(&w, accept_of(2));
	add(&w, cancel_of(2));
	add(&w, cancel_of(2));
	add(&w, cancel_of(9));
	add(&w, accept_of(3));
	changes_commit(f->store, &w.list);
	static const enum err errors[] = {ERR_OK, ERR_CONFLICT, ERR_OK, ERR_OK,
	    ERR_CONFLICT, ERR_NOT_FOUND, ERR_OK};
	for (size_t i = 0; i < w.n; i++)
		assert_int_equal(w.at[i]->err, errors[i]);
	assert_memory_equal(
	    w.at[1]->job.print, w.at[0]->job.print, JOB_PRINT_BYTES);
	assert_int_equal(w.at[3]->job.state, JOB_CANCELLED);
	assert_int_equal(w.at[4]->job.state, JOB_CANCELLED);
	assert_int_equal(faults.begins, 1);
	assert_int_equal(faults.commits, 1);
	assert_int_equal(row_of(f, 3).state, JOB_PENDING);
	work_end(&w);
}

static struct change *event_of(
    uint32_t number, enum change_kind kind, enum job_event_kind event)
{
	struct change *change = cancel_of(number);

	change->kind = kind;
	change->event.kind = event;
	return change;
}

/* As a worker would, which is no change of the committer's. */
static void work_on(struct fixture *f, enum job_event_kind kind)
{
	const struct store_ask ask = {
	    .now_ms = 8, .now_boot = 8, .lease_boot = 90};
	struct job_event event = {
	    .kind = kind, .now_ms = 9, .now_boot = 9, .status = 200};
	struct job job;
	int64_t due;

	assert_int_equal(store_begin(f->store), ERR_OK);
	assert_int_equal(store_claim(f->store, 0, &ask, &job, &due), ERR_OK);
	event.attempt = job.attempt;
	assert_int_equal(
	    store_change(f->store, 0, &job, &event, STR("result")), ERR_OK);
	assert_int_equal(store_commit(f->store), ERR_OK);
}

/* A row for each kind: what is asked for is what is done. */
static void every_kind_is_applied(void **state)
{
	struct fixture *f = *state;
	struct work w = {0};
	struct arena arena;
	struct str body;
	int64_t at;

	f->api.concurrency = 9;
	f->api.attempts = 3;
	arena_init(&arena);
	add(&w, accept_of(1));
	changes_commit(f->store, &w.list);
	work_end(&w);
	work_on(f, JOB_EVENT_COMPLETE);
	add(&w, accept_of(2));
	changes_commit(f->store, &w.list);
	work_end(&w);
	work_on(f, JOB_EVENT_NEED);
	add(&w, event_of(1, CHANGE_READ, JOB_EVENT_READ));
	add(&w, event_of(2, CHANGE_PURGE, JOB_EVENT_PURGE));
	add(&w, event_of(2, CHANGE_RENEW, JOB_EVENT_RENEW));
	buf_puts(&w.at[2]->request, "another");
	add(&w, event_of(2, CHANGE_RENEW, JOB_EVENT_RENEW));
	add(&w, change_new(CHANGE_FLAG, 0));
	strcpy(w.at[4]->flag, "jwks/a");
	w.at[4]->event.now_ms = 77;
	add(&w, event_of(1, CHANGE_PURGE, JOB_EVENT_PURGE));
	add(&w, event_of(1, CHANGE_READ, JOB_EVENT_READ));
	add(&w, event_of(2, CHANGE_CANCEL, JOB_EVENT_CANCEL));
	changes_commit(f->store, &w.list);
	static const enum err errors[] = {ERR_OK, ERR_CONFLICT, ERR_OK,
	    ERR_CONFLICT, ERR_OK, ERR_OK, ERR_CONFLICT, ERR_OK};
	for (size_t i = 0; i < w.n; i++)
		assert_int_equal(w.at[i]->err, errors[i]);
	assert_int_equal(w.at[0]->job.read_ms, 8);
	assert_int_equal(w.at[2]->job.renewed, 1);
	assert_int_equal(w.at[5]->job.gone_ms, 8);
	assert_int_equal(w.at[7]->job.state, JOB_CANCELLED);
	assert_int_equal(store_view(f->store), ERR_OK);
	assert_int_equal(store_flagged(f->store, "jwks/a", &at), ERR_OK);
	assert_int_equal(at, 77);
	assert_int_equal(
	    store_body(f->store, &w.at[0]->job, BODY_RESULT, &arena, &body),
	    ERR_NOT_FOUND); /* purged */
	store_unview(f->store);
	work_end(&w);
	arena_release(&arena);
}

/* One too many is an answer, and its neighbours are done. */
static void what_there_is_too_much_of_is_an_answer(void **state)
{
	struct fixture *f = *state;
	struct work w = {0};

	f->api.owner_open = 1;
	f->api.queue_max = 3;
	for (uint32_t i = 0; i < 6; i++) {
		add(&w, accept_of(i));
		memset(w.at[i]->job.quota, i < 2 ? 1 : (int)i, JOB_QUOTA_BYTES);
	}
	w.at[3]->job.resource[0] = w.at[2]->job.resource[0] = 4;
	changes_commit(f->store, &w.list);
	static const enum err errors[] = {
	    ERR_OK, ERR_LIMIT, ERR_OK, ERR_TAKEN, ERR_OK, ERR_CROWDED};
	for (size_t i = 0; i < w.n; i++)
		assert_int_equal(w.at[i]->err, errors[i]);
	assert_memory_equal(w.at[3]->job.id, w.at[2]->job.id, JOB_ID_BYTES);
	assert_int_equal(faults.begins, 1);
	assert_int_equal(row_of(f, 4).state, JOB_PENDING);
	assert_int_equal(row_of(f, 5).version, -1);
	work_end(&w);
}

static enum err no_room(void *backend)
{
	(void)backend;
	return ERR_FULL;
}

/* No room for new jobs is said of those; who cancels is not concerned. */
static void no_room_is_an_answer(void **state)
{
	struct fixture *f = *state;
	struct work w = {0};

	add(&w, accept_of(1));
	changes_commit(f->store, &w.list);
	work_end(&w);
	f->ops.room = no_room;
	faults.begins = faults.commits = 0;
	add(&w, accept_of(2));
	add(&w, cancel_of(1));
	add(&w, accept_of(3));
	struct job asked = w.at[0]->job;
	changes_commit(f->store, &w.list);
	assert_int_equal(w.at[0]->err, ERR_FULL);
	assert_memory_equal(&w.at[0]->job, &asked, sizeof(asked));
	assert_int_equal(w.at[1]->err, ERR_OK);
	assert_int_equal(w.at[2]->err, ERR_FULL);
	assert_int_equal(faults.begins, 1);
	assert_int_equal(faults.commits, 1);
	assert_int_equal(row_of(f, 1).state, JOB_CANCELLED);
	work_end(&w);
}

/* What a neighbour's failure undid is done again, from what was asked. */
static void one_that_cannot_be_done_fails_alone(void **state)
{
	struct fixture *f = *state;
	struct work w = {0};

	faults.insert = ERR_FULL;
	faults.poison = 2;
	add(&w, accept_of(1));
	add(&w, accept_of(1));
	w.at[1]->job.print[0] ^= 1;
	add(&w, accept_of(2));
	add(&w, accept_of(3));
	struct job asked = w.at[2]->job;
	changes_commit(f->store, &w.list);
	assert_int_equal(w.at[0]->err, ERR_OK);
	assert_int_equal(w.at[1]->err, ERR_CONFLICT);
	assert_int_equal(w.at[2]->err, ERR_FULL);
	assert_memory_equal(&w.at[2]->job, &asked, sizeof(asked));
	assert_int_equal(w.at[3]->err, ERR_OK);
	assert_int_equal(faults.begins, 5);
	/* 3 was not begun where 2 had just failed */
	assert_int_equal(faults.inserts, 3 + 4);
	assert_int_equal(row_of(f, 2).version, -1);
	assert_int_equal(row_of(f, 3).version, w.at[3]->job.version);
	work_end(&w);
}

static void one_alone_is_not_tried_twice(void **state)
{
	struct fixture *f = *state;
	struct work w = {0};

	faults.insert = ERR_CORRUPT;
	faults.poison = 2;
	add(&w, accept_of(2));
	changes_commit(f->store, &w.list);
	assert_int_equal(w.at[0]->err, ERR_CORRUPT);
	assert_int_equal(faults.begins, 1);
	work_end(&w);
}

static void busy_for_one_is_busy_for_the_rest(void **state)
{
	struct fixture *f = *state;
	struct work w = {0};

	faults.insert = ERR_FULL;
	faults.poison = 1;
	faults.busy_after = 4; /* together, alone, alone, no more */
	for (uint32_t i = 1; i <= 5; i++)
		add(&w, accept_of(i));
	changes_commit(f->store, &w.list);
	static const enum err errors[] = {
	    ERR_FULL, ERR_OK, ERR_BUSY, ERR_BUSY, ERR_BUSY};
	for (size_t i = 0; i < w.n; i++)
		assert_int_equal(w.at[i]->err, errors[i]);
	assert_int_equal(faults.begins, 4);
	assert_int_equal(w.at[4]->job.version, 0);
	work_end(&w);
}

static void a_commit_that_fails_is_everybodys(void **state)
{
	struct fixture *f = *state;
	struct work w = {0};

	faults.commit = ERR_FULL;
	for (uint32_t i = 1; i <= 3; i++)
		add(&w, accept_of(i));
	add(&w, accept_of(1));
	changes_commit(f->store, &w.list);
	for (size_t i = 0; i < w.n; i++) {
		assert_int_equal(w.at[i]->err, ERR_FULL);
		assert_int_equal(w.at[i]->job.version, 0);
	}
	assert_int_equal(faults.begins, 1);
	assert_int_equal(row_of(f, 1).version, -1);
	work_end(&w);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, up, down)
	const struct CMUnitTest tests[] = {
	    T(one_comes_back),
	    T(what_waits_is_one_transaction),
	    T(a_batch_is_bounded_in_bytes),
	    T(too_many_are_given_back),
	    T(too_many_bytes_are_given_back),
	    T(nobody_waits_for_ever),
	    T(the_late_are_not_begun),
	    T(a_store_that_fails_for_a_while),
	    T(a_configuration_comes_between_two_transactions),
	    T(stopping_leaves_what_has_not_begun),
	    T(stopping_finishes_what_has_begun),
	    T(it_keeps_house_in_between),
	    T(nothing_is_no_transaction),
	    T(answers_about_one_leave_the_others),
	    T(every_kind_is_applied),
	    T(what_there_is_too_much_of_is_an_answer),
	    T(no_room_is_an_answer),
	    T(one_that_cannot_be_done_fails_alone),
	    T(one_alone_is_not_tried_twice),
	    T(busy_for_one_is_busy_for_the_rest),
	    T(a_commit_that_fails_is_everybodys),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("committer", tests, NULL, NULL);
}
