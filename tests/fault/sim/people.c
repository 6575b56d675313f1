#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cgi/envelope.h"
#include "cgi/ids.h"
#include "cgi/seal.h"
#include "tests/fault/sim/sim.h"

/*
 * Everybody who changes rows and is no worker: the endpoint on behalf of its
 * clients, and an operator. Each change is a transaction of its own.
 */
enum { OWNERS = 4 };

static void seal(struct sim *s, const struct job *job, int n, struct buf *out)
{
	char body[24];
	struct pair token = {STR("token"), STR("abc")};
	struct envelope_request request = {.method = STR("POST"),
	    .path = STR("/api/x"),
	    .headers = {&token, 1}};
	struct buf plain = {0};

	snprintf(body, sizeof(body), "{\"n\":%d}", n);
	request.body = str_of(body);
	envelope_put_request(&plain, &request);
	seal_close(&s->keys, job, BODY_REQUEST, buf_str(&plain), out);
	buf_release(&plain);
}

/* True when the change was committed. */
static bool finish(struct sim *s, enum err err)
{
	if (err == ERR_OK)
		err = store_commit(s->store);
	else
		store_rollback(s->store);
	oracle_look(s);
	return err == ERR_OK;
}

static void send(struct sim *s)
{
	struct memory_of_job *m = &s->jobs[s->n_jobs];
	const struct runner_now now = sim_now(s);
	struct buf sealed = {0};
	struct job job = {.accepted_ms = now.now_ms};

	if (s->n_jobs == JOBS_MAX || s->calm)
		return;
	*m = (struct memory_of_job){.api = (size_t)draw_below(&s->draw, APIS),
	    .owner =
		(int)(draw_below(&s->draw, 3) ? 0
					      : draw_below(&s->draw, OWNERS))};
	const struct api *api = &s->apis[m->api];
	if (m->owner)
		job.owner[0] = (uint8_t)m->owner;
	job.deadline_ms = now.now_ms + api->deadline_ms;
	job.deadline_boot = now.now_boot + api->deadline_ms;
	ids_random(&s->keys, api, job.owner, job.id);
	seal(s, &job, s->n_jobs, &sealed);
	enum err err = store_begin(s->store);
	if (err == ERR_OK) {
		err = store_accept(
		    s->store, m->api, &job, buf_str(&sealed), (struct str){0});
		m->seen = job;
		s->n_jobs++;
		if (!finish(s, err))
			s->n_jobs--;
		else
			sim_count(s, TALLY_ACCEPTS);
	}
	buf_release(&sealed);
}

static struct memory_of_job *any(struct sim *s)
{
	return s->n_jobs ? &s->jobs[draw_below(&s->draw, s->n_jobs)] : NULL;
}

/* The same name again: it is there, and nothing happens. */
static void send_again(struct sim *s, struct memory_of_job *m)
{
	struct job job = m->seen, row;

	if (store_begin(s->store) != ERR_OK)
		return;
	if (store_get(s->store, m->api, job_key(&job), &row) != ERR_OK) {
		store_rollback(s->store); /* even its tombstone has gone */
		return;
	}
	enum err err =
	    store_accept(s->store, m->api, &job, STR("other"), (struct str){0});
	if (err != ERR_CONFLICT && store_is_answer(err))
		sim_fault(s, (int)(m - s->jobs), "one name was two jobs");
	store_rollback(s->store);
	sim_count(s, TALLY_DUPLICATES);
}

static bool change(struct sim *s, struct memory_of_job *m,
    enum job_event_kind kind, int64_t progress)
{
	const struct runner_now now = sim_now(s);
	const struct job_event event = {.kind = kind,
	    .now_ms = now.now_ms,
	    .now_boot = now.now_boot,
	    .progress = (int)progress};
	struct job job = m->seen;

	if (store_begin(s->store) != ERR_OK)
		return false;
	return finish(
	    s, store_change(s->store, m->api, &job, &event, (struct str){0}));
}

static bool is_gone(struct sim *s, const struct memory_of_job *m)
{
	struct job row = {.gone_ms = 0};

	if (store_view(s->store) != ERR_OK)
		abort();
	(void)!store_get(s->store, m->api, job_key(&m->seen), &row);
	store_unview(s->store);
	return row.gone_ms != 0;
}

static struct memory_of_job *finished_once(struct sim *s)
{
	const int from = (int)draw_below(&s->draw, JOBS_MAX);

	for (int i = 0; i < s->n_jobs; i++) {
		struct memory_of_job *m = &s->jobs[(from + i) % s->n_jobs];
		if (s->apis[m->api].once && m->seen.state == JOB_COMPLETED)
			return m;
	}
	return NULL;
}

/* Its owner has so long to read it again, and that does not begin anew. */
static void read_once(struct sim *s)
{
	struct memory_of_job *m = finished_once(s);

	if (!m)
		return;
	const int64_t now_ms = sim_now(s).now_ms, first_ms = m->read_ms;

	if (!change(s, m, JOB_EVENT_READ, -1))
		return;
	if (m->purged)
		sim_fault(s, (int)(m - s->jobs), "read, though purged");
	if (first_ms && now_ms - first_ms > JOB_READ_MS)
		sim_fault(s, (int)(m - s->jobs), "read again after its time");
	if (!first_ms)
		m->read_ms = now_ms;
	sim_count(s, TALLY_READS);
}

static void renew(struct sim *s, struct memory_of_job *m)
{
	const struct runner_now now = sim_now(s);
	const struct job_event event = {.kind = JOB_EVENT_RENEW,
	    .now_ms = now.now_ms,
	    .now_boot = now.now_boot,
	    .progress = -1};
	struct buf sealed = {0};
	struct job job = m->seen;

	if (!m->seen.needs || store_begin(s->store) != ERR_OK)
		return;
	seal(s, &job, (int)(m - s->jobs), &sealed);
	if (finish(s,
		store_renew(s->store, m->api, &job, &event, buf_str(&sealed))))
		sim_count(s, TALLY_RENEWALS);
	buf_release(&sealed);
}

/* ---- the operator ----------------------------------------------------------
 */

static void decide(struct sim *s, struct memory_of_job *m)
{
	static const enum job_event_kind words[] = {
	    JOB_EVENT_HELD_AGAIN, JOB_EVENT_HELD_COMPLETE, JOB_EVENT_HELD_FAIL};
	const enum job_event_kind word = words[draw_below(&s->draw, 3)];
	const size_t arrived = m->n_arrivals;
	const size_t cleared = m->cleared;

	/* before: a worker may claim it as soon as it is committed */
	if (word == JOB_EVENT_HELD_AGAIN) {
		m->cleared = arrived;
		m->agains++;
	}
	m->completed_by_hand |= word == JOB_EVENT_HELD_COMPLETE;
	sim_note(s, (int)(m - s->jobs), "the operator says %d", (int)word);
	if (change(s, m, word, -1)) {
		sim_count(s, TALLY_DECISIONS);
		return;
	}
	m->cleared = cleared;
	m->agains -= word == JOB_EVENT_HELD_AGAIN;
	m->completed_by_hand = false;
}

static void suspend(struct sim *s, size_t api, bool stop)
{
	const bool was = s->suspended[api];

	if (store_begin(s->store) != ERR_OK)
		return;
	s->suspended[api] = stop;
	sim_note(s, -1, "API %zu is suspended: %d", api, stop);
	if (!finish(
		s, store_suspend(s->store, api, stop ? sim_now(s).now_ms : 0)))
		s->suspended[api] = was;
	else if (stop)
		sim_count(s, TALLY_SUSPENSIONS);
}

void people_decide(struct sim *s)
{
	for (int i = 0; i < s->n_jobs; i++) {
		if (s->jobs[i].seen.held)
			decide(s, &s->jobs[i]);
		else if (s->jobs[i].seen.needs)
			renew(s, &s->jobs[i]);
	}
	for (size_t i = 0; i < APIS; i++)
		if (s->suspended[i])
			suspend(s, i, false);
}

void people_act(struct sim *s)
{
	struct memory_of_job *m = any(s);
	const int64_t what = draw_below(&s->draw, 100);

	if (!m || what < 45) {
		send(s);
	} else if (what < 50) {
		send_again(s, m);
	} else if (what < 62) {
		if (change(s, m, JOB_EVENT_CANCEL, -1))
			sim_count(s, TALLY_CANCELS);
	} else if (what < 75) {
		renew(s, m);
	} else if (what < 80) {
		read_once(s);
	} else if (what < 83) {
		if (change(s, m, JOB_EVENT_PURGE, -1)) {
			m->purged |= is_gone(s, m); /* or had expired */
			sim_count(s, TALLY_PURGES);
		}
	} else if (what < 92) {
		if (m->seen.held)
			decide(s, m);
	} else {
		const size_t api = (size_t)draw_below(&s->draw, APIS);

		suspend(
		    s, api, !s->suspended[api] && draw_chance(&s->draw, 50));
	}
}
