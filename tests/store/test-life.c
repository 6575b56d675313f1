#include "tests/store/fixture.h"

/*
 * The life of a store, seeded: jobs are accepted, claimed, lost, finished,
 * cancelled; time passes, the wall clock is stepped, programs end and come
 * back, the host reboots, commits fail. What the store then says is compared
 * with a model that knows the true time, which no clock shows:
 *
 *   - no open job is ever emptied, and each ends once, also those that waited
 *     for another credential, that were held, or that an upstream polled on;
 *   - only an operator ends what is held, and what is polled stays so, with
 *     its note, until it ends or is held and goes again;
 *   - no job is emptied within its TTL, unless it was purged, but by as much as
 * the wall clock was stepped meanwhile, and none at all for ten minutes after a
 * step of more than five;
 *   - a name that was used stays known until its tombstone's time is over;
 *   - versions only grow;
 *   - in the end nothing is left over.
 *
 * SEED= and STEPS= make it another life, or a longer one.
 */
#define MINUTE ((int64_t)60000)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)
#define WALL ((int64_t)1795250000000)
#define KEEP (6 * HOUR)
#define NAMES 60 /* per API */
#define WORKERS 3
#define HANDLES 2

enum fate { ABSENT, OPEN, ENDED, GONE };
struct known {
	enum fate fate;
	enum job_state state; /* as it ended */
	int64_t version, ended_ms;
	int64_t since;	 /* true time of its end, or of its erasure */
	int64_t stepped; /* the world's .stepped then */
	bool held, polled;
};
struct hand {
	bool holds;
	size_t api;
	struct job job;
};
struct world {
	struct fixture f;
	struct store *stores[HANDLES];
	size_t handles;
	uint64_t seed, r;     /* r: this step's */
	int64_t time;	      /* the true one */
	int64_t booted, step; /* boot = time - booted, wall = time + step */
	int64_t stepped;      /* all steps so far, without their signs */
	bool rebooted;	      /* and nobody has looked at the clocks since */
	int64_t unseen;	      /* steps since the last tend */
	int64_t quiet_until;  /* true time: nothing may be erased before */
	int64_t version;      /* the newest seen */
	int boots, emptied, ended, deleted, stops;
	int read, purged, needed, told, held, decided;
	bool decides; /* this change is an operator's */
	struct known known[API_COUNT][NAMES];
	struct hand hands[WORKERS];
	char boot[32];
};

static uint64_t below(struct world *w, uint64_t n)
{
	return fixture_random(&w->seed) % n;
}

static struct store_now clocks(const struct world *w)
{
	return (struct store_now){
	    .ms = WALL + w->time + w->step, .boot = w->time - w->booted};
}

/* ---- opening and closing ----------------------------------------------- */

static void open_all(struct world *w)
{
	w->f.spec.boot = w->boot;
	w->f.spec.now = clocks(w);
	for (size_t i = 0; i < w->handles; i++) {
		fixture_open(&w->f);
		w->stores[i] = w->f.store;
	}
	w->f.store = w->stores[0];
}

static void close_all(struct world *w)
{
	for (size_t i = 0; i < w->handles; i++)
		store_close(w->stores[i]);
	w->f.store = NULL;
}

static void pick_handle(struct world *w)
{
	w->f.store = w->stores[below(w, w->handles)];
}

/* ---- transactions ------------------------------------------------------ */

/* Most are committed. */
static bool done(struct world *w)
{
	if (below(w, 12)) {
		OK(store_commit(w->f.store));
		return true;
	}
	store_rollback(w->f.store);
	return false;
}

static struct known *known_of(
    struct world *w, size_t api, const struct job *job)
{
	uint32_t number;

	memcpy(&number, job->id + JOB_KEY_OFFSET, sizeof(number));
	return &w->known[api][number];
}

/* A row was changed and committed. */
static void learn(struct world *w, size_t api, const struct job *job)
{
	struct known *k = known_of(w, api, job);

	assert_int_equal(k->fate, OPEN);
	if (job->version != k->version) {
		assert_true(job->version > w->version);
		w->version = job->version;
	}
	k->version = job->version;
	assert_true(w->decides || !k->held || job->held);
	assert_true(w->decides || !k->polled || job->polled ||
		    job_is_terminal(job->state));
	w->held += job->held && !k->held;
	k->held = job->held;
	k->polled = job->polled;
	if (!job_is_terminal(job->state))
		return;
	k->fate = ENDED;
	k->state = job->state;
	k->ended_ms = job->ended_ms;
	k->since = w->time;
	k->stepped = w->stepped;
	w->ended++;
}

static void compare(struct world *w);

static void accept(struct world *w)
{
	const size_t api = below(w, API_COUNT);
	const uint32_t number = (uint32_t)below(w, NAMES - 1);
	struct known *k = &w->known[api][number];
	struct job job = fixture_job(api, number);

	job.accepted_ms = clocks(w).ms;
	job.deadline_ms = job.accepted_ms + 10 * MINUTE;
	job.deadline_boot = clocks(w).boot + 10 * MINUTE;
	OK(store_begin(w->f.store));
	enum err err =
	    store_accept(w->f.store, api, &job, STR("request"), STR("meta"));
	if (err == ERR_CROWDED) /* its queue is older than its deadline */
		assert_int_equal(api, API_FAIL);
	else
		assert_int_equal(
		    err, k->fate == ABSENT ? ERR_OK : ERR_CONFLICT);
	assert_int_equal(job.gone_ms != 0, k->fate == GONE);
	if (!done(w) || err)
		return;
	*k = (struct known){.fate = OPEN, .version = 0};
	learn(w, api, &job);
}

static void claim(struct world *w)
{
	struct hand *hand = &w->hands[below(w, WORKERS)];
	const size_t api = below(w, API_COUNT);
	struct store_ask ask = {.now_ms = clocks(w).ms,
	    .now_boot = clocks(w).boot,
	    .lease_boot = clocks(w).boot + LEASE_MS};
	struct job job;
	int64_t due;

	memcpy(ask.claim, &w->r, sizeof(ask.claim));
	OK(store_begin(w->f.store));
	enum err err = store_claim(w->f.store, api, &ask, &job, &due);
	assert_true(err == ERR_OK || err == ERR_NOT_FOUND);
	if (!done(w))
		return;
	compare(w); /* those that were late have ended */
	if (err)
		return;
	*hand = (struct hand){.holds = true, .api = api, .job = job};
}

/* Whoever holds a job says something about it; he may be late. */
static void speak(struct world *w)
{
	static const enum job_event_kind kinds[] = {JOB_EVENT_HEARTBEAT,
	    JOB_EVENT_COMPLETE, JOB_EVENT_COMPLETE, JOB_EVENT_FAIL,
	    JOB_EVENT_BROKEN, JOB_EVENT_RELEASE, JOB_EVENT_NEED};
	struct hand *hand = &w->hands[below(w, WORKERS)];

	if (!hand->holds)
		return;
	struct job_event event = fixture_event(&hand->job, kinds[below(w, 7)]);
	event.now_ms = clocks(w).ms;
	event.now_boot = clocks(w).boot;
	event.lease_boot = event.now_boot + LEASE_MS;
	event.progress = (int)below(w, 100);
	struct job job = hand->job;
	OK(store_begin(w->f.store));
	enum err err =
	    store_change(w->f.store, hand->api, &job, &event, STR("result"));
	assert_true(err == ERR_OK || err == ERR_STALE || err == ERR_CONFLICT ||
		    err == ERR_NOT_FOUND);
	if (!done(w))
		return;
	if (!err)
		learn(w, hand->api, &job);
	w->needed += !err && job.needs;
	if (err || event.kind != JOB_EVENT_HEARTBEAT)
		hand->holds = false;
}

/* Whoever holds a job says how far it is. */
static void tell(struct world *w)
{
	struct hand *hand = &w->hands[below(w, WORKERS)];

	if (!hand->holds)
		return;
	struct job_event event = fixture_event(
	    &hand->job, below(w, 3) ? JOB_EVENT_HEARTBEAT : JOB_EVENT_POLL);
	event.now_ms = clocks(w).ms;
	event.now_boot = clocks(w).boot;
	event.lease_boot = event.now_boot + LEASE_MS;
	event.progress = (int)below(w, 100);
	struct job job = hand->job;
	OK(store_begin(w->f.store));
	enum err err =
	    store_tell(w->f.store, hand->api, &job, &event, STR("note"));
	assert_true(err == ERR_OK || err == ERR_STALE || err == ERR_CONFLICT ||
		    err == ERR_NOT_FOUND);
	if (!done(w))
		return;
	if (err) {
		hand->holds = false;
		return;
	}
	learn(w, hand->api, &job);
	w->told++;
}

/* An operator looks at one job after the other and decides. */
static void decide(struct world *w)
{
	static const enum job_event_kind kinds[] = {
	    JOB_EVENT_HELD_AGAIN, JOB_EVENT_HELD_COMPLETE, JOB_EVENT_HELD_FAIL};
	const size_t api = API_FAIL;

	for (uint32_t n = 0; n < NAMES - 1; n++) {
		const struct known *k = &w->known[api][n];
		struct job job = fixture_job(api, n);
		struct job_event event = {.kind = kinds[below(w, 3)],
		    .now_ms = clocks(w).ms,
		    .now_boot = clocks(w).boot};
		if (k->fate != OPEN || below(w, 2))
			continue;
		const bool held = k->held;
		OK(store_begin(w->f.store));
		enum err err = store_change(
		    w->f.store, api, &job, &event, (struct str){0});
		assert_int_equal(err, held ? ERR_OK : ERR_CONFLICT);
		if (!done(w) || err)
			continue;
		w->decides = true;
		learn(w, api, &job);
		w->decides = false;
		w->decided++;
	}
}

/* One of those, where there is one, from anywhere on; else any. */
static uint32_t pick_name(struct world *w, size_t api, enum fate fate)
{
	const uint32_t from = (uint32_t)below(w, NAMES - 1);

	for (uint32_t i = 0; i < NAMES - 1; i++) {
		const uint32_t number = (from + i) % (NAMES - 1);
		const struct known *k = &w->known[api][number];
		if (k->fate == fate &&
		    (fate != ENDED || k->state == JOB_COMPLETED))
			return number;
	}
	return from;
}

/* Whoever asked is told by what is known of the job whether he may. */
static void ask_for(
    struct world *w, enum job_event_kind kind, struct str request)
{
	const size_t api = below(w, API_COUNT);
	const enum fate wanted =
	    below(w, 8) ? (request.p ? OPEN : ENDED) : GONE;
	struct job job = fixture_job(api, pick_name(w, api, wanted));
	struct known *k = known_of(w, api, &job);
	struct job_event event = {
	    .kind = kind, .now_ms = clocks(w).ms, .now_boot = clocks(w).boot};

	OK(store_begin(w->f.store));
	enum err err =
	    request.p ? store_renew(w->f.store, api, &job, &event, request)
		      : store_change(w->f.store, api, &job, &event, request);
	if (k->fate == ABSENT)
		assert_int_equal(err, ERR_NOT_FOUND);
	else if (kind == JOB_EVENT_PURGE)
		assert_int_equal(err, k->fate == OPEN ? ERR_CONFLICT : ERR_OK);
	else if (kind == JOB_EVENT_READ && k->fate == GONE)
		assert_int_equal(err, ERR_CONFLICT);
	else if (kind == JOB_EVENT_RENEW && k->fate != OPEN)
		assert_int_equal(err, ERR_CONFLICT);
	if (!done(w) || err)
		return;
	if (k->fate == OPEN) {
		learn(w, api, &job);
		return;
	}
	if (k->version != job.version) { /* read for the first time */
		assert_int_equal(kind, JOB_EVENT_READ);
		assert_int_equal(job.read_ms, clocks(w).ms);
		assert_true(job.version > w->version);
		k->version = w->version = job.version;
		w->read++;
	}
	if (k->fate == ENDED && job.gone_ms) { /* before its time */
		assert_int_equal(kind, JOB_EVENT_PURGE);
		k->fate = GONE;
		k->since = w->time;
		k->stepped = w->stepped;
		w->purged++;
	}
}

static void read_once(struct world *w)
{
	ask_for(w, JOB_EVENT_READ, (struct str){0});
}

static void purge(struct world *w)
{
	ask_for(w, JOB_EVENT_PURGE, (struct str){0});
}

static void renew(struct world *w)
{
	for (int i = 0; i < 4; i++) /* few need it */
		ask_for(w, JOB_EVENT_RENEW, STR("another request"));
}

static void cancel(struct world *w)
{
	const size_t api = below(w, API_COUNT);
	struct job job = fixture_job(api, (uint32_t)below(w, NAMES - 1));
	const struct known *k = known_of(w, api, &job);
	struct job_event event = {.kind = JOB_EVENT_CANCEL,
	    .now_ms = clocks(w).ms,
	    .now_boot = clocks(w).boot};

	OK(store_begin(w->f.store));
	enum err err =
	    store_change(w->f.store, api, &job, &event, (struct str){0});
	if (k->fate == ABSENT)
		assert_int_equal(err, ERR_NOT_FOUND);
	else
		assert_int_equal(err, k->fate == OPEN ? ERR_OK : ERR_CONFLICT);
	if (done(w) && !err)
		learn(w, api, &job);
}

/* ---- what time does ---------------------------------------------------- */

/* All rows as they are, against what is known of them. */
static void compare_row(struct world *w, size_t api, uint32_t number)
{
	const struct store_now now = clocks(w);
	struct known *k = &w->known[api][number];
	struct job job = fixture_job(api, number);
	enum err err = store_get(w->f.store, api, job_key(&job), &job);
	struct str body;

	if (k->fate == GONE && err == ERR_NOT_FOUND) {
		/* deleted: its time as a tombstone must be over */
		assert_true(
		    w->time - k->since + w->stepped - k->stepped >= KEEP);
		k->fate = ABSENT;
		w->deleted++;
	}
	assert_int_equal(err, k->fate == ABSENT ? ERR_NOT_FOUND : ERR_OK);
	if (err)
		return;
	assert_true(job.version >= k->version);
	if (k->fate == OPEN) {
		assert_int_equal(job.gone_ms, 0);
		if (!job_is_terminal(job.state))
			OK(store_body(w->f.store, &job, BODY_REQUEST,
			    &w->f.arena, &body));
		if (job.polled)
			OK(store_body(
			    w->f.store, &job, BODY_NOTE, &w->f.arena, &body));
		if (job.version != k->version || job_is_terminal(job.state))
			learn(w, api, &job); /* brought home */
		return;
	}
	assert_int_equal(job.state, k->state);
	assert_int_equal(job.version, k->version);
	assert_int_equal(job.ended_ms, k->ended_ms);
	assert_int_equal(
	    store_body(w->f.store, &job, BODY_NOTE, &w->f.arena, &body),
	    ERR_NOT_FOUND);
	err = store_body(w->f.store, &job, BODY_META, &w->f.arena, &body);
	assert_int_equal(err, job.gone_ms ? ERR_NOT_FOUND : ERR_OK);
	if (k->fate == ENDED && job.gone_ms) {
		assert_int_equal(job.gone_ms, now.ms);
		assert_true(w->time >= w->quiet_until);
		assert_true(w->time - k->since + w->stepped - k->stepped >=
			    w->f.apis[api].ttl_ms);
		k->fate = GONE;
		k->since = w->time;
		k->stepped = w->stepped;
		w->emptied++;
	}
	assert_int_equal(job.gone_ms != 0, k->fate == GONE);
}

/* Several may have changed: each has a version that is new. */
static void compare(struct world *w)
{
	const int64_t before = w->version;
	int64_t version;

	OK(store_view(w->f.store));
	OK(store_version(w->f.store, &version));
	assert_true(version >= before);
	for (size_t api = 0; api < API_COUNT; api++)
		for (uint32_t n = 0; n < NAMES; n++) {
			w->version = before;
			compare_row(w, api, n);
			assert_true(w->version <= version);
		}
	w->version = version;
	store_unview(w->f.store);
	arena_release(&w->f.arena);
}

static void recover(struct world *w)
{
	const size_t api = below(w, API_COUNT);
	size_t changed;

	OK(store_begin(w->f.store));
	OK(store_recover(w->f.store, api, clocks(w).ms, clocks(w).boot,
	    1 + below(w, 5), &changed));
	if (done(w))
		compare(w);
}

static bool has_ended_rows(const struct world *w)
{
	for (size_t api = 0; api < API_COUNT; api++)
		for (uint32_t n = 0; n < NAMES; n++)
			if (w->known[api][n].fate > OPEN)
				return true;
	return false;
}

static int64_t tend(struct world *w)
{
	struct store_tended report;
	const int emptied = w->emptied, deleted = w->deleted;
	int64_t due;

	if (!w->rebooted && (w->unseen > 5 * MINUTE || w->unseen < -5 * MINUTE))
		w->quiet_until = w->time + 10 * MINUTE;
	OK(store_tend(w->f.store, clocks(w), &report, &due));
	if (w->time < w->quiet_until)
		assert_true(report.clock_stopped);
	if (report.clock_stopped)
		assert_int_equal(report.emptied + report.deleted, 0);
	w->unseen = 0;
	w->rebooted = false;
	w->stops += report.clock_stopped;
	compare(w);
	assert_int_equal(report.emptied, w->emptied - emptied);
	assert_int_equal(report.deleted, w->deleted - deleted);
	if (!due)
		assert_false(has_ended_rows(w));
	return due;
}

/* ---- what happens to the host ------------------------------------------ */

static void pass(struct world *w)
{
	static const int64_t most[] = {
	    500, 5000, 5000, 40000, 40000, 3 * MINUTE, 30 * MINUTE, 3 * HOUR};

	w->time += (int64_t)below(w, (uint64_t)most[below(w, 8)]);
}

/* Never near five minutes: a reading that is kept may be off by a second. */
static void step_clock(struct world *w)
{
	static const int64_t sizes[] = {
	    300, 4 * MINUTE, 6 * MINUTE, HOUR, DAY, 400 * DAY};
	int64_t by = sizes[below(w, 6)];

	if (below(w, 2))
		by = -by;
	if (w->step && !below(w, 3))
		by = -w->step; /* put right */
	w->step += by;
	w->unseen += by;
	w->stepped += by < 0 ? -by : by;
}

static void trust(struct world *w)
{
	bool was_stopped;

	OK(store_trust_clock(w->f.store, clocks(w), &was_stopped));
	w->quiet_until = 0;
	w->unseen = 0;
	w->rebooted = false;
}

static void step_back(struct world *w)
{
	w->stepped += w->step < 0 ? -w->step : w->step;
	w->step = 0;
	trust(w);
}

static void crash(struct world *w)
{
	w->hands[below(w, WORKERS)].holds = false;
}

static void reopen(struct world *w)
{
	if (w->f.ops == &store_memory)
		return; /* it would forget everything */
	close_all(w);
	open_all(w);
}

static void reboot(struct world *w)
{
	if (w->f.ops == &store_memory)
		return;
	close_all(w);
	w->time += (int64_t)below(w, 5 * MINUTE);
	w->booted = w->time - 100 - (int64_t)below(w, 5000);
	snprintf(w->boot, sizeof(w->boot), "boot %d", ++w->boots);
	w->quiet_until = 0;
	w->rebooted = true;
	memset(w->hands, 0, sizeof(w->hands));
	open_all(w);
}

static const struct {
	void (*what)(struct world *w);
	unsigned weight;
} happenings[] = {
    {accept, 30},
    {claim, 20},
    {speak, 20},
    {tell, 6},
    {decide, 2},
    {cancel, 4},
    {read_once, 12},
    {purge, 2},
    {renew, 8},
    {recover, 8},
    {pass, 30},
    {crash, 2},
    {reopen, 1},
    {reboot, 1},
    {step_clock, 1},
    {trust, 1},
};

static void happen(struct world *w)
{
	const size_t n = sizeof(happenings) / sizeof(happenings[0]);
	unsigned all = 14; /* tend's weight */

	for (size_t i = 0; i < n; i++)
		all += happenings[i].weight;
	w->r = fixture_random(&w->seed);
	unsigned at = (unsigned)((w->r >> 20) % all);
	pick_handle(w);
	for (size_t i = 0; i < n; i++) {
		if (at < happenings[i].weight) {
			happenings[i].what(w);
			return;
		}
		at -= happenings[i].weight;
	}
	tend(w);
}

/* ---- the end ----------------------------------------------------------- */

/* Everything due is done, and time moved on as the store wishes. */
static void settle(struct world *w, int64_t until)
{
	while (w->time < until) {
		int64_t due = tend(w);
		int64_t next = due ? due + w->booted : until;
		if (due && next <= w->time)
			continue;
		w->time = next < until ? next : until;
	}
	tend(w);
}

static bool cancel_all(struct world *w)
{
	bool any = false;

	for (size_t api = 0; api < API_COUNT; api++)
		for (uint32_t n = 0; n < NAMES; n++) {
			struct job job = fixture_job(api, n);
			struct job_event event = {.kind = JOB_EVENT_CANCEL,
			    .now_ms = clocks(w).ms,
			    .now_boot = clocks(w).boot};
			if (w->known[api][n].fate != OPEN)
				continue;
			OK(store_begin(w->f.store));
			OK(store_change(
			    w->f.store, api, &job, &event, (struct str){0}));
			OK(store_commit(w->f.store));
			learn(w, api, &job);
			any = true;
		}
	return any;
}

/* What is still held was not done and will not be. */
static void fail_all_held(struct world *w)
{
	w->decides = true;
	for (uint32_t n = 0; n < NAMES; n++) {
		struct job job = fixture_job(API_FAIL, n);
		struct job_event event = {.kind = JOB_EVENT_HELD_FAIL,
		    .now_ms = clocks(w).ms,
		    .now_boot = clocks(w).boot};
		if (w->known[API_FAIL][n].fate != OPEN ||
		    !w->known[API_FAIL][n].held)
			continue;
		OK(store_begin(w->f.store));
		OK(store_change(
		    w->f.store, API_FAIL, &job, &event, (struct str){0}));
		OK(store_commit(w->f.store));
		learn(w, API_FAIL, &job);
	}
	w->decides = false;
}

/*
 * Leases run out, some go again and are cancelled then; what is polled has its
 * deadline, or none but an operator.
 */
static void end_all(struct world *w)
{
	size_t changed;

	while (cancel_all(w)) {
		fail_all_held(w);
		w->time += LEASE_MS;
		for (size_t api = 0; api < API_COUNT; api++) {
			OK(store_begin(w->f.store));
			OK(store_recover(w->f.store, api, clocks(w).ms,
			    clocks(w).boot, NAMES, &changed));
			OK(store_commit(w->f.store));
		}
		compare(w);
	}
}

/* One that ends by a right clock lets all before it go (sweep.c). */
static void end_one_more(struct world *w, size_t api)
{
	struct job job = fixture_job(api, NAMES - 1);
	struct job_event event = {.kind = JOB_EVENT_CANCEL,
	    .now_ms = clocks(w).ms,
	    .now_boot = clocks(w).boot};

	OK(store_begin(w->f.store));
	OK(store_accept(w->f.store, api, &job, STR("request"), STR("meta")));
	OK(store_change(w->f.store, api, &job, &event, (struct str){0}));
	OK(store_commit(w->f.store));
	*known_of(w, api, &job) = (struct known){.fate = OPEN};
	learn(w, api, &job);
}

static void nothing_is_left(struct world *w)
{
	struct store_stats stats;

	step_back(w);
	end_all(w);
	for (size_t api = 0; api < API_COUNT; api++)
		end_one_more(w, api);
	/* a stamp from the future may hold up those behind it that long again
	 */
	settle(w, w->time + 2 * (HOUR + KEEP) + MINUTE);
	assert_false(has_ended_rows(w));
	assert_int_equal(w->deleted, w->ended);
	OK(store_view(w->f.store));
	for (size_t api = 0; api < API_COUNT; api++) {
		OK(store_stats(w->f.store, api, &stats));
		for (int i = 0; i < JOB_STATES; i++)
			assert_int_equal(stats.count[i], 0);
	}
	store_unview(w->f.store);
}

/* ---- lives ------------------------------------------------------------- */

static uint64_t number_of(const char *name, uint64_t otherwise)
{
	const char *text = getenv(name);

	return text && *text ? strtoull(text, NULL, 0) : otherwise;
}

static void live(const struct store_ops *ops, size_t handles, uint64_t steps)
{
	static struct world w;

	w = (struct world){.handles = handles,
	    .seed = number_of("SEED", 0x6a09e667f3bcc908u),
	    .booted = -100000,
	    .rebooted = true,
	    .boot = "boot 0"};
	steps = number_of("STEPS", steps);
	print_message("# %s: SEED=0x%llx STEPS=%llu\n", ops->name,
	    (unsigned long long)w.seed, (unsigned long long)steps);
	fixture_init(&w.f, ops);
	w.f.apis[API_FAIL].ttl_ms = HOUR;
	w.f.apis[API_FAIL].on_lost = ON_LOST_HOLD;
	w.f.apis[API_FAIL].deadline_ms = 10 * MINUTE;
	w.f.apis[API_RETRY].ttl_ms = 5 * MINUTE;
	w.f.apis[API_WIDE].ttl_ms = 20 * MINUTE;
	w.f.spec.limits.tombstone_ms = KEEP;
	open_all(&w);
	for (uint64_t i = 0; i < steps; i++)
		happen(&w);
	nothing_is_left(&w);
	print_message("# %d jobs ended, %d emptied, %d deleted; %d boots, "
		      "%d looks at a stopped clock\n",
	    w.ended, w.emptied, w.deleted, w.boots, w.stops);
	print_message("# %d read, %d purged, %d needed a credential\n", w.read,
	    w.purged, w.needed);
	print_message("# %d held, %d decided, told %d times\n", w.held,
	    w.decided, w.told);
	assert_true(w.held > (int)(steps / 500));
	assert_true(w.decided > (int)(steps / 1000));
	assert_true(w.told > (int)(steps / 500));
	assert_true(w.ended > (int)(steps / 50));
	assert_true(w.read > (int)(steps / 1000));
	assert_true(w.purged > (int)(steps / 4000));
	assert_true(w.needed > (int)(steps / 500));
	assert_true(w.stops > (int)(steps / 500));
	close_all(&w);
	fixture_end(&w.f);
}

static void a_life_in_memory(void **unused)
{
	(void)unused;
	live(&store_memory, 1, 20000);
}

static void a_life_on_disk(void **unused)
{
	(void)unused;
	live(&store_sqlite, HANDLES, 4000);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_life_in_memory),
	    cmocka_unit_test(a_life_on_disk),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("life", tests, NULL, NULL);
}
