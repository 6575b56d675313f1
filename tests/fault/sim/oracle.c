#include <stdlib.h>
#include <string.h>

#include "tests/fault/sim/sim.h"

/*
 * What must hold, said once more and without a line of what is being tested:
 * from the arrivals (net.c), from what the operator said, and from the rows as
 * anybody can read them. Rows are looked at whenever one may have changed.
 */
enum { LYING_MS = 15000 }; /* more than a full disk or a pause keeps it */

static bool must_not_repeat(const struct sim *s, int job)
{
	const struct api *api = &s->apis[s->jobs[job].api];

	return api->on_lost != ON_LOST_RETRY && !api->idempotent;
}

/* Whoever asked was told that nothing was done, so it may be sent again. */
static bool is_known_undone(const struct arrival *a)
{
	return a->told &&
	       (a->reply == REPLY_NEEDS || a->reply == REPLY_TOO_MANY ||
		   a->reply == REPLY_LEAVE_OFF);
}

static bool is_outcome_known(
    const struct memory_of_job *m, const struct arrival *a)
{
	if (a->reply == REPLY_TAKEN)
		return m->poll_told;
	return a->told && a->reply != REPLY_CUT_BEFORE &&
	       a->reply != REPLY_CUT_AFTER && a->reply != REPLY_SILENT;
}

static bool has_unknown(const struct memory_of_job *m)
{
	for (size_t i = m->cleared; i < m->n_arrivals; i++)
		if (!is_outcome_known(m, &m->arrivals[i]))
			return true;
	return false;
}

/* By an arrival from that one on: what an operator cleared is behind us. */
static bool was_done(const struct memory_of_job *m, size_t from)
{
	for (size_t i = from; i < m->n_arrivals; i++) {
		const struct arrival *a = &m->arrivals[i];

		if ((a->told && a->reply == REPLY_DONE) ||
		    (a->reply == REPLY_TAKEN && m->poll_done))
			return true;
	}
	return m->completed_by_hand;
}

void oracle_arrived(struct sim *s, int job)
{
	const struct memory_of_job *m = &s->jobs[job];
	const struct api *api = &s->apis[m->api];
	const int64_t most = api->attempts + JOB_RENEWALS_MAX + m->agains;

	if ((int64_t)m->n_arrivals > most)
		sim_fault(s, job, "sent more often than it has attempts");
	if (!must_not_repeat(s, job))
		return;
	for (size_t i = m->cleared; i + 1 < m->n_arrivals; i++)
		if (!is_known_undone(&m->arrivals[i]))
			sim_fault(s, job,
			    "sent twice, and the first may have been done");
}

/*
 * An HTTP call was paid for, at the latest when it starts: a claim in its
 * transaction (on_claim), a poll now. GCRA seen from outside: the calls' ideal
 * times may run ahead of the clock by a burst and no more.
 */
static void pay(struct sim *s, int job)
{
	const int which = (int)s->jobs[job].api % 2;
	const struct upstream *u = &s->upstreams[which];
	const int64_t now_us = s->step_boot * 1000;

	if (!u->rate_count || s->apis[s->jobs[job].api].exec.n)
		return;
	const int64_t interval = u->rate_per_ms * 1000 / u->rate_count;
	int64_t *tat = &s->tat_us[which];
	if (*tat < now_us)
		*tat = now_us;
	*tat += interval;
	if (*tat - now_us > u->burst * interval + 1000)
		sim_fault(s, job, "called faster than its upstream's rate");
}

static struct job row_of(struct sim *s, int job)
{
	const int stepping = s->stepping;
	struct job row = {.state = JOB_PENDING};

	s->stepping = -1;
	if (store_view(s->store) != ERR_OK)
		abort();
	(void)!store_get(
	    s->store, s->jobs[job].api, job_key(&s->jobs[job].seen), &row);
	store_unview(s->store);
	s->stepping = stepping;
	return row;
}

/* A poll may be repeated; whoever sends a job holds it, and for a while yet. */
void oracle_called(struct sim *s, const struct call *c)
{
	const struct job row = row_of(s, c->job);

	if (c->poll) {
		s->jobs[c->job].asked_attempt = c->attempt;
		if (s->jobs[c->job].came_polled)
			sim_count(s, TALLY_POLLED_ON);
		pay(s, c->job);
		return;
	}
	if (row.polled)
		sim_fault(s, c->job, "sent anew, though its upstream has it");
	if (row.state != JOB_PROCESSING || row.held ||
	    row.lease_boot <= s->boot ||
	    s->jobs[c->job].hand != s->workers[s->stepping].hand)
		sim_fault(s, c->job, "sent by who does not hold it");
}

/*
 * Whoever was told and holds the job has but to write it down; when nothing
 * fails any more, nothing keeps him from that. A pause is everybody's as soon
 * as he has.
 */
void oracle_told(struct sim *s, const struct call *c)
{
	struct memory_of_job *m = &s->jobs[c->job];
	const struct job now = row_of(s, c->job), *row = &now;

	m->told_pause_boot = 0;
	m->told_attempt = 0;
	m->must_complete = false;
	if (row->state != JOB_PROCESSING || row->held || s->stepping < 0 ||
	    row->attempt != c->attempt ||
	    m->hand != s->workers[s->stepping].hand)
		return;
	m->told = c->poll ? REPLY_DONE : c->reply;
	if (m->told == REPLY_TOO_MANY)
		m->told_pause_boot = s->step_boot + 2000;
	if (row->lease_boot < s->boot + LEASE_MS / 2)
		return; /* it could not be renewed, and may be another's soon */
	if (m->told == REPLY_TAKEN || m->told == REPLY_CUT_BEFORE ||
	    m->told == REPLY_CUT_AFTER)
		return;
	if (c->program && c->reply != REPLY_DONE &&
	    row->deadline_boot <= s->boot)
		return; /* it was ended, and what it says means nothing */
	sim_note(
	    s, c->job, "worker %d was told %d", s->stepping, (int)c->reply);
	m->told_attempt = c->attempt;
	m->must_complete = c->poll ? m->poll_done : c->reply == REPLY_DONE;
}

void oracle_excuse(struct sim *s, int hand)
{
	for (int i = 0; i < s->n_jobs; i++) {
		struct memory_of_job *m = &s->jobs[i];

		if ((hand >= 0 && m->hand != hand) ||
		    job_is_terminal(m->seen.state))
			continue;
		m->told_attempt = 0;
		m->must_complete = false;
	}
}

/* ---- rows ------------------------------------------------------------------
 */

static bool is_before(const struct job *a, const struct job *b)
{
	return a->rank != b->rank ? a->rank < b->rank : a->born < b->born;
}

/* Whoever waited behind fewer, or longer, and could have been taken as well. */
static void check_line(struct sim *s, int job, const struct job *claimed)
{
	for (int i = 0; i < s->n_jobs; i++) {
		const struct job *k = &s->jobs[i].seen;

		if (s->jobs[i].api == s->jobs[job].api &&
		    k->state == JOB_PENDING && !k->needs &&
		    !k->not_before_boot && k->version < claimed->version &&
		    k->born < claimed->version &&
		    k->deadline_boot > s->step_boot && is_before(k, claimed))
			sim_fault(s, job, "claimed before who was first");
	}
}

static void on_claim(
    struct sim *s, int job, const struct job *old, const struct job *new)
{
	const struct memory_of_job *m = &s->jobs[job];

	if (s->looking >= 0)
		s->jobs[job].hand = s->workers[s->looking].hand;
	s->jobs[job].taken_boot = s->boot;
	s->jobs[job].came_polled = old->polled;
	if (s->suspended[m->api])
		sim_fault(s, job, "claimed, though its API is suspended");
	if (s->paused_boot[m->api] > s->step_boot)
		sim_fault(s, job, "claimed, though its API is paused");
	if (old->not_before_boot > s->step_boot)
		sim_fault(s, job, "claimed before its time");
	if (old->needs)
		sim_fault(s, job, "claimed, though it needs a credential");
	if (new->attempt - new->released > s->apis[m->api].attempts)
		sim_fault(s, job, "claimed more often than it may be");
	if (!old->polled)
		pay(s, job);
	check_line(s, job, new);
}

/* What a worker may make of a job that is not its own. */
static void check_stranger(
    struct sim *s, int job, const struct job *old, const struct job *new)
{
	const struct worker *w = &s->workers[s->looking];
	const struct memory_of_job *m = &s->jobs[job];

	if (old->lease_boot > s->boot)
		sim_fault(s, job, "taken before its lease was over");
	/* who had heard of it before knows that nobody could renew it */
	if (w->evening_boot > m->taken_boot + RING_LATE_MS &&
	    s->step_boot < s->night_boot + BEAT_MS)
		sim_fault(s, job, "taken for lost when all had slept");
	if (new->state == JOB_COMPLETED || new->needs ||
	    new->reason == REASON_UPSTREAM_REFUSED ||
	    new->reason == REASON_UPSTREAM_ERROR)
		sim_fault(s, job, "ended by who does not hold it");
}

/* Whether what its worker was told is an end, whatever the API. */
static bool is_final(const struct api *api, enum reply told)
{
	if (told == REPLY_ERROR || told == REPLY_UNAVAILABLE)
		return !api->idempotent || api->exec.n;
	return told == REPLY_DONE || told == REPLY_REFUSED ||
	       told == REPLY_TOO_LARGE;
}

static void check_written(
    struct sim *s, int job, const struct job *old, const struct job *new)
{
	struct memory_of_job *m = &s->jobs[job];

	if (new->state == JOB_PENDING && old->lease_boot > s->boot &&
	    m->told_pause_boot > s->paused_boot[m->api])
		s->paused_boot[m->api] = m->told_pause_boot;
	if (m->came_polled && m->asked_attempt != old->attempt &&
	    new->released == old->released &&new->deadline_boot > s->boot)
		sim_fault(s, job, "taken to be polled on, and it was not");
}

static void check_told(struct sim *s, int job, const struct job *new)
{
	const struct memory_of_job *m = &s->jobs[job];

	if (m->told_attempt != new->attempt)
		return;
	if (new->held || new->reason == REASON_OUTCOME_UNKNOWN)
		sim_fault(s, job, "given up, though its worker was told");
	if (new->state == JOB_PENDING && is_final(&s->apis[m->api], m->told))
		sim_fault(s, job, "to be sent again after its answer");
}

/* The worker that had it gave it away, or another did. */
static void on_leave(
    struct sim *s, int job, const struct job *old, const struct job *new)
{
	if (s->looking >= 0 && s->workers[s->looking].hand != s->jobs[job].hand)
		check_stranger(s, job, old, new);
	else
		check_written(s, job, old, new);
	check_told(s, job, new);
	if (new->state == JOB_PENDING &&new->not_before_boot > s->boot)
		sim_count(s, TALLY_PUT_OFF);
}

/* One that nobody works on ends about when it should. */
static void check_deadline(
    struct sim *s, int job, const struct job *old, const struct job *row)
{
	const int64_t due = row->deadline_boot > s->calm_boot
				? row->deadline_boot
				: s->calm_boot;

	if (row->deadline_boot > s->boot)
		sim_fault(s, job, "ended before its deadline");
	if (s->calm && old->state == JOB_PENDING && s->boot > due + 30000)
		sim_fault(s, job, "ended long after its deadline");
}

static void on_end(
    struct sim *s, int job, const struct job *old, const struct job *row)
{
	static const enum tally tallies[JOB_STATES] = {
	    [JOB_COMPLETED] = TALLY_COMPLETED,
	    [JOB_FAILED] = TALLY_FAILED,
	    [JOB_CANCELLED] = TALLY_CANCELLED,
	};
	const struct memory_of_job *m = &s->jobs[job];
	const bool unknown =
	    row->state == JOB_FAILED && row->reason == REASON_OUTCOME_UNKNOWN;

	s->jobs[job].steps_at_end =
	    s->boot - s->wall_step_boot > 600000 ? s->wall_steps : -1;
	sim_count(s, tallies[row->state]);
	if (unknown)
		sim_count(s, TALLY_UNKNOWN);
	if (row->reason == REASON_DEADLINE)
		sim_count(s, TALLY_DEADLINES);
	if ((row->progress == 100) != (row->state == JOB_COMPLETED))
		sim_fault(s, job, "100 % is when it is completed");
	if (row->state == JOB_COMPLETED && !was_done(m, 0))
		sim_fault(s, job, "completed, and nobody did it");
	if (row->reason == REASON_DEADLINE)
		check_deadline(s, job, old, row);
	if (old->held)
		return; /* the operator knew */
	if (must_not_repeat(s, job) && has_unknown(m) && !unknown)
		sim_fault(s, job, "ended as if its outcome were known");
	if (must_not_repeat(s, job) && row->state == JOB_CANCELLED &&
	    was_done(m, m->cleared))
		sim_fault(s, job, "cancelled, though it was done");
}

static void compare(
    struct sim *s, int job, const struct job *old, const struct job *new)
{
	if (memcmp(old->id, new->id, JOB_ID_BYTES) != 0 ||
	    (old->born && (old->born != new->born || old->rank != new->rank)))
		sim_fault(s, job, "a row became another's");
	if (new->version <= s->seen_version)
		sim_fault(s, job, "a version came twice");
	if (job_is_terminal(old->state)) {
		if (old->state != new->state || old->reason != new->reason ||
		    old->status != new->status ||
		    old->ended_ms != new->ended_ms)
			sim_fault(s, job, "a terminal state was left");
		return;
	}
	if (new->attempt < old->attempt)
		sim_fault(s, job, "an attempt was forgotten");
	if ((new->attempt == old->attempt || (old->polled && new->polled)) &&
	    new->progress < old->progress &&new->state == JOB_PROCESSING)
		sim_fault(s, job, "progress fell");
	if (new->state == JOB_PROCESSING &&
	    old->state == new->state &&new->progress > old->progress)
		sim_count(s, TALLY_TOLD);
	if (old->polled && !new->polled && !job_is_terminal(new->state) &&
	    !old->held)
		sim_fault(s, job, "forgotten that its upstream has it");
	if (old->held && !new->held && !s->jobs[job].agains &&
	    !job_is_terminal(new->state))
		sim_fault(s, job, "no longer held, and nobody said so");
	if (new->held && !old->held)
		sim_count(s, TALLY_HELD);
	if (old->held && new->state == JOB_PENDING &&new->deadline_boot !=
			     s->boot + s->apis[s->jobs[job].api].deadline_ms)
		sim_fault(s, job, "decided, and has no time left for it");
	if (old->state == JOB_PROCESSING && !old->held &&
	    (new->state != JOB_PROCESSING || new->held))
		on_leave(s, job, old, new);
	if (new->attempt > old->attempt)
		on_claim(s, job, old, new);
	if (job_is_terminal(new->state))
		on_end(s, job, old, new);
}

static void check_running(struct sim *s)
{
	int64_t running[APIS] = {0};

	for (int i = 0; i < s->n_jobs; i++) {
		const struct memory_of_job *m = &s->jobs[i];

		if (m->seen.state == JOB_PROCESSING && !m->seen.held &&
		    ++running[m->api] > s->apis[m->api].concurrency)
			sim_fault(s, i, "more at once than its API allows");
	}
}

struct changed {
	size_t api;
	uint8_t key[JOB_KEY_BYTES];
	int64_t version;
};
struct seeing {
	size_t api, n;
	struct changed rows[JOBS_MAX];
};

static bool see(void *ctx, const uint8_t key[JOB_KEY_BYTES], int64_t version)
{
	struct seeing *all = ctx;

	if (all->n == JOBS_MAX)
		return false;
	all->rows[all->n].api = all->api;
	all->rows[all->n].version = version;
	memcpy(all->rows[all->n++].key, key, JOB_KEY_BYTES);
	return true;
}

static int by_version(const void *a, const void *b)
{
	const int64_t x = ((const struct changed *)a)->version;
	const int64_t y = ((const struct changed *)b)->version;

	return x < y ? -1 : x > y;
}

static int job_of(const struct sim *s, const uint8_t key[JOB_KEY_BYTES])
{
	int i = s->n_jobs;

	while (i-- > 0 &&
	       memcmp(job_key(&s->jobs[i].seen), key, JOB_KEY_BYTES) != 0)
		;
	return i;
}

static void look_at(struct sim *s, size_t api, const uint8_t *key)
{
	const int job = job_of(s, key);
	struct job row;

	if (job < 0 || store_get(s->store, api, key, &row) != ERR_OK) {
		sim_fault(s, job, "a row that nobody sent");
		return;
	}
	const struct job old = s->jobs[job].seen;
	sim_note(s, job, "%s%s%s%s attempt %d reason %d version %lld",
	    job_state_text(row.state), row.held ? " held" : "",
	    row.polled ? " polled" : "", row.cancel_ms ? " cancelled" : "",
	    row.attempt, (int)row.reason, (long long)row.version);
	s->jobs[job].seen = row;
	compare(s, job, &old, &row);
	s->seen_version = row.version;
}

void oracle_look(struct sim *s)
{
	const int stepping = s->stepping;
	struct seeing all = {0};
	int64_t version;

	if (store_view(s->store) != ERR_OK)
		return;
	s->stepping = -1;
	if (store_version(s->store, &version) == ERR_OK &&
	    version > s->seen_version) {
		for (all.api = 0; all.api < APIS; all.api++)
			(void)!store_changed(
			    s->store, all.api, s->seen_version, 0, see, &all);
		qsort(all.rows, all.n, sizeof(all.rows[0]), by_version);
		for (size_t i = 0; i < all.n; i++)
			look_at(s, all.rows[i].api, all.rows[i].key);
		check_running(s);
	}
	store_unview(s->store);
	s->stepping = stepping;
}

/* ---- at the end ------------------------------------------------------------
 */

static void check_bodies(struct sim *s, int job, const struct job *row)
{
	struct arena a = {0};
	struct str sealed;

	if (store_body(s->store, row, BODY_REQUEST, &a, &sealed) !=
	    ERR_NOT_FOUND)
		sim_fault(s, job, "its request is there, though it has ended");
	if (row->state == JOB_COMPLETED && !row->gone_ms &&
	    !s->jobs[job].completed_by_hand &&
	    store_body(s->store, row, BODY_RESULT, &a, &sealed) != ERR_OK)
		sim_fault(s, job, "completed, and its result is not there");
	if (store_body(s->store, row, BODY_NOTE, &a, &sealed) != ERR_NOT_FOUND)
		sim_fault(s, job, "its note is there, though it has ended");
	arena_release(&a);
}

/* ---- nothing lies about ---------------------------------------------------
 */

static bool can_be_taken(
    const struct sim *s, const struct memory_of_job *m, const int64_t *running)
{
	const struct job *row = &m->seen;

	return row->state == JOB_PENDING && !row->needs &&
	       row->not_before_boot <= s->boot && !s->suspended[m->api] &&
	       s->paused_boot[m->api] <= s->boot &&
	       running[m->api] < s->apis[m->api].concurrency &&
	       (s->apis[m->api].exec.n || m->api % 2 == 0);
}

void oracle_wait(struct sim *s)
{
	int64_t running[APIS] = {0};

	for (int i = 0; i < s->n_jobs; i++)
		running[s->jobs[i].api] +=
		    s->jobs[i].seen.state == JOB_PROCESSING &&
		    !s->jobs[i].seen.held;
	for (int i = 0; i < s->n_jobs; i++) {
		struct memory_of_job *m = &s->jobs[i];

		if (!can_be_taken(s, m, running))
			m->lying_boot = 0;
		else if (!m->lying_boot)
			m->lying_boot = s->boot;
		else if (s->boot - m->lying_boot > LYING_MS)
			sim_fault(s, i, "there is room, and nobody takes it");
	}
}

static void check_stats(struct sim *s)
{
	for (size_t api = 0; api < APIS; api++) {
		struct store_stats told, is = {.held = 0};

		for (int i = 0; i < s->n_jobs; i++) {
			struct job row;
			if (s->jobs[i].api == api &&
			    store_get(s->store, api, job_key(&s->jobs[i].seen),
				&row) == ERR_OK)
				is.count[row.state]++;
		}
		if (store_stats(s->store, api, &told) != ERR_OK ||
		    memcmp(told.count, is.count, sizeof(is.count)) != 0 ||
		    told.held || told.needing)
			sim_fault(s, -1, "its figures are not its rows'");
	}
}

/* What was purged stays so, and nothing of it is left. */
static void check_gone(struct sim *s, int job, const struct job *row)
{
	struct arena a = {0};
	struct str sealed;

	if (s->jobs[job].purged && !row->gone_ms)
		sim_fault(s, job, "purged, and it is there");
	if (row->gone_ms && store_body(s->store, row, BODY_RESULT, &a,
				&sealed) != ERR_NOT_FOUND)
		sim_fault(s, job, "gone, and its result is there");
	arena_release(&a);
}

void oracle_end(struct sim *s)
{
	if (store_view(s->store) != ERR_OK)
		abort();
	for (int i = 0; i < s->n_jobs; i++) {
		const struct memory_of_job *m = &s->jobs[i];
		struct job row;
		enum err err =
		    store_get(s->store, m->api, job_key(&m->seen), &row);

		if (err == ERR_NOT_FOUND) /* its tombstone went, too */
			continue;
		if (err != ERR_OK || !job_is_terminal(row.state))
			sim_fault(s, i, "it never ended");
		else if (row.gone_ms && !m->purged &&
			 m->steps_at_end == s->wall_steps &&
			 row.gone_ms - row.ended_ms < s->apis[m->api].ttl_ms)
			sim_fault(s, i, "emptied before its time");
		else if (m->must_complete && row.state != JOB_COMPLETED)
			sim_fault(s, i, "done, told and not completed");
		else
			check_bodies(s, i, &row);
		check_gone(s, i, &row);
		if (row.gone_ms && !m->purged)
			sim_count(s, TALLY_EXPIRED);
	}
	check_stats(s);
	store_unview(s->store);
}
