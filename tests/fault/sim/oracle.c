#include <stdlib.h>

#include "tests/fault/sim/oracle.h"

/*
 * What arrived, and what was told to whom: what anybody can know of a job, and
 * so what may be sent, and must be written down.
 */
bool oracle_must_not_repeat(const struct sim *s, int job)
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
	       a->reply != REPLY_CUT_AFTER && a->reply != REPLY_SILENT &&
	       a->reply != REPLY_TOO_LARGE;
}

bool oracle_has_unknown(const struct memory_of_job *m)
{
	for (size_t i = m->cleared; i < m->n_arrivals; i++)
		if (!is_outcome_known(m, &m->arrivals[i]))
			return true;
	return false;
}

/* By an arrival from that one on: what an operator cleared is behind us. */
bool oracle_was_done(const struct memory_of_job *m, size_t from)
{
	for (size_t i = from; i < m->n_arrivals; i++) {
		const struct arrival *a = &m->arrivals[i];

		if ((a->told && a->reply == REPLY_DONE) ||
		    (a->reply == REPLY_TAKEN && m->poll_done))
			return true;
	}
	return m->completed_by_hand;
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

/*
 * It leaves while its worker holds the job, though that was kept from running
 * between its last look at the clock and this.
 */
void oracle_left(struct sim *s, const struct call *c)
{
	const struct job row = row_of(s, c->job);

	if (row.state != JOB_PROCESSING || row.held ||
	    row.attempt != c->attempt)
		sim_fault(s, c->job, "it left when its job was another's");
}

void oracle_arrived(struct sim *s, int job)
{
	const struct memory_of_job *m = &s->jobs[job];
	const struct api *api = &s->apis[m->api];
	const int64_t most = api->attempts + JOB_RENEWALS_MAX + m->agains;

	if ((int64_t)m->n_arrivals > most)
		sim_fault(s, job, "sent more often than it has attempts");
	if (!oracle_must_not_repeat(s, job))
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
void oracle_pay(struct sim *s, int job)
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

/* A poll may be repeated; whoever sends a job holds it, and for a while yet. */
void oracle_called(struct sim *s, const struct call *c)
{
	const struct job row = row_of(s, c->job);

	if (c->poll) {
		s->jobs[c->job].asked_attempt = c->attempt;
		if (s->jobs[c->job].came_polled)
			sim_count(s, TALLY_POLLED_ON);
		oracle_pay(s, c->job);
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
