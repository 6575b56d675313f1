#include <stdlib.h>
#include <string.h>

#include "tests/fault/sim/oracle.h"

/*
 * Rows, looked at whenever one may have changed: what became of each, held
 * against what it was, who did it, and what is known of its calls.
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
    struct sim *s, int job, const struct job *old, const struct job *row)
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
	if (row->attempt - row->released > s->apis[m->api].attempts)
		sim_fault(s, job, "claimed more often than it may be");
	if (!old->polled)
		oracle_pay(s, job);
	check_line(s, job, row);
}

/* What a worker may make of a job that is not its own. */
static void check_stranger(
    struct sim *s, int job, const struct job *old, const struct job *row)
{
	const struct worker *w = &s->workers[s->looking];
	const struct memory_of_job *m = &s->jobs[job];

	if (old->lease_boot > s->boot)
		sim_fault(s, job, "taken before its lease was over");
	/* who had heard of it before knows that nobody could renew it */
	if (w->evening_boot > m->taken_boot + RING_LATE_MS &&
	    s->step_boot < s->night_boot + BEAT_MS)
		sim_fault(s, job, "taken for lost when all had slept");
	if (row->state == JOB_COMPLETED || row->needs ||
	    row->reason == REASON_UPSTREAM_REFUSED ||
	    row->reason == REASON_UPSTREAM_ERROR)
		sim_fault(s, job, "ended by who does not hold it");
}

/* Whether what its worker was told is an end, whatever the API. */
static bool is_final(const struct api *api, enum reply told)
{
	if (told == REPLY_ERROR || told == REPLY_UNAVAILABLE)
		return !api->idempotent || api->exec.n;
	return told == REPLY_DONE || told == REPLY_REFUSED ||
	       (told == REPLY_TOO_LARGE &&
		   (api->idempotent || api->on_lost == ON_LOST_RETRY));
}

static void check_written(
    struct sim *s, int job, const struct job *old, const struct job *row)
{
	struct memory_of_job *m = &s->jobs[job];

	if (row->state == JOB_PENDING && old->lease_boot > s->boot &&
	    m->told_pause_boot > s->paused_boot[m->api])
		s->paused_boot[m->api] = m->told_pause_boot;
	if (m->came_polled && m->asked_attempt != old->attempt &&
	    row->released == old->released && row->deadline_boot > s->boot)
		sim_fault(s, job, "taken to be polled on, and it was not");
}

static void check_told(struct sim *s, int job, const struct job *row)
{
	const struct memory_of_job *m = &s->jobs[job];

	if (m->told_attempt != row->attempt)
		return;
	if ((row->held || row->reason == REASON_OUTCOME_UNKNOWN) &&
	    m->told != REPLY_TOO_LARGE)
		sim_fault(s, job, "given up, though its worker was told");
	if (row->state == JOB_PENDING && is_final(&s->apis[m->api], m->told))
		sim_fault(s, job, "to be sent again after its answer");
}

/* The worker that had it gave it away, or another did. */
static void on_leave(
    struct sim *s, int job, const struct job *old, const struct job *row)
{
	if (s->looking >= 0 && s->workers[s->looking].hand != s->jobs[job].hand)
		check_stranger(s, job, old, row);
	else
		check_written(s, job, old, row);
	check_told(s, job, row);
	if (row->state == JOB_PENDING && row->not_before_boot > s->boot)
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
	if (row->state == JOB_COMPLETED && !oracle_was_done(m, 0))
		sim_fault(s, job, "completed, and nobody did it");
	if (row->reason == REASON_DEADLINE)
		check_deadline(s, job, old, row);
	if (old->held)
		return; /* the operator knew */
	if (oracle_must_not_repeat(s, job) && oracle_has_unknown(m) && !unknown)
		sim_fault(s, job, "ended as if its outcome were known");
	if (oracle_must_not_repeat(s, job) && row->state == JOB_CANCELLED &&
	    oracle_was_done(m, m->cleared))
		sim_fault(s, job, "cancelled, though it was done");
}

static void check_progress(
    struct sim *s, int job, const struct job *old, const struct job *row)
{
	if (row->state != JOB_PROCESSING)
		return;
	if ((row->attempt == old->attempt || (old->polled && row->polled)) &&
	    row->progress < old->progress)
		sim_fault(s, job, "progress fell");
	if (old->state != row->state || row->progress <= old->progress)
		return;
	sim_count(s, TALLY_TOLD);
	if (s->looking < 0 || s->workers[s->looking].hand != s->jobs[job].hand)
		sim_fault(s, job, "told by who does not hold it");
}

static void check_held(
    struct sim *s, int job, const struct job *old, const struct job *row)
{
	const struct memory_of_job *m = &s->jobs[job];

	if (row->held && !old->held)
		sim_count(s, TALLY_HELD);
	if (old->held && !row->held && !m->agains &&
	    !job_is_terminal(row->state))
		sim_fault(s, job, "no longer held, and nobody said so");
	if (old->held && row->state == JOB_PENDING &&
	    row->deadline_boot != s->boot + s->apis[m->api].deadline_ms)
		sim_fault(s, job, "decided, and has no time left for it");
}

static void compare_open(
    struct sim *s, int job, const struct job *old, const struct job *row)
{
	if (row->attempt < old->attempt)
		sim_fault(s, job, "an attempt was forgotten");
	if (old->polled && !row->polled && !job_is_terminal(row->state) &&
	    !old->held)
		sim_fault(s, job, "forgotten that its upstream has it");
	check_progress(s, job, old, row);
	check_held(s, job, old, row);
	if (old->state == JOB_PROCESSING && !old->held &&
	    (row->state != JOB_PROCESSING || row->held))
		on_leave(s, job, old, row);
	if (row->attempt > old->attempt)
		on_claim(s, job, old, row);
	if (job_is_terminal(row->state))
		on_end(s, job, old, row);
}

static void compare(
    struct sim *s, int job, const struct job *old, const struct job *row)
{
	if (memcmp(old->id, row->id, JOB_ID_BYTES) != 0 ||
	    (old->born && (old->born != row->born || old->rank != row->rank)))
		sim_fault(s, job, "a row became another's");
	if (row->version <= s->seen_version)
		sim_fault(s, job, "a version came twice");
	if (!job_is_terminal(old->state))
		compare_open(s, job, old, row);
	else if (old->state != row->state || old->reason != row->reason ||
		 old->status != row->status || old->ended_ms != row->ended_ms)
		sim_fault(s, job, "a terminal state was left");
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
