#include <stdlib.h>
#include <string.h>

#include "tests/fault/sim/oracle.h"

/*
 * While nothing fails any more nothing lies about, and in the end every job has
 * ended and has what it should have.
 */
enum { LYING_MS = 15000 }; /* more than a full disk or a pause keeps it */

/* The upstream with a rate may keep its jobs waiting for longer. */
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

/* What is counted is what is there, and nothing waits for anybody. */
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
