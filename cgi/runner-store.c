#include "cgi/runner-parts.h"

/*
 * Transactions, and the store's trouble: its turn does not come (ERR_BUSY), its
 * disk is full, it cannot be read or written. A trouble is told when it begins
 * and when it is over, not with every try; a kind of failure that joins it,
 * once more. While it lasts, every try comes RUNNER_STORE_RETRY_MS after the
 * last one ended, and what ended is written job by job: the result that is too
 * large for what is left of a disk does not keep the others from their owners.
 * With a full disk nothing is claimed for a heartbeat's time after each
 * failure.
 *
 * Where we could not write, others could not renew their leases. So after any
 * trouble, and after a turn that was long in coming, nobody's lease is taken
 * for lost until they had a heartbeat's time. Once: a store that is always slow
 * does not keep the dead alive.
 *
 * A damaged row is nobody's trouble but its own: leases are renewed one by one
 * then, others can renew theirs, and the lane that stumbles over it is left
 * alone for a heartbeat's time, so that the other lanes go on.
 */
static const char *const advice[ERR_COUNT] = {
    [ERR_BUSY] = "another process keeps the store's turn; `lslocks` names "
		 "the one that has its write.lock",
    [ERR_FULL] = "its disk is full; results are kept until there is room, and "
		 "nothing new is begun",
    [ERR_IO] = "it cannot be read or written; see the system's log",
    [ERR_CORRUPT] = "what it holds is damaged; stop lowtide and restore a copy",
};

/* A transaction may have waited for its turn: how late is it by now? */
static int64_t boot_by_now(const struct runner *r, struct runner_now now)
{
	int64_t boot = r->spec.clock_boot ? r->spec.clock_boot() : 0;

	return boot > now.now_boot ? boot : now.now_boot;
}

/* Others may be in the pause after a failed try; then they renew theirs. */
static void be_wary(struct runner *r, int64_t boot)
{
	if (!r->was_wary)
		r->wary_boot =
		    boot + RUNNER_STORE_RETRY_MS + r->spec.heartbeat_ms;
}

static void in_trouble(struct runner *r, struct runner_now now, enum err err)
{
	const unsigned bit = 1u << err;
	int64_t boot = boot_by_now(r, now);

	if (!r->trouble)
		r->trouble_boot = now.now_boot;
	if (!(r->trouble & bit))
		LOG(r->spec.log, now.now_ms, "store-failed",
		    LOG_TEXT("error", err_name(err)),
		    LOG_TEXT("why", advice[err] ? advice[err] : err_text(err)),
		    LOG_INT("running", (int64_t)r->n_attempts));
	metrics_work_store_failed(r->spec.metrics, err);
	r->trouble |= bit;
	r->store_boot = boot + RUNNER_STORE_RETRY_MS;
	if (err == ERR_FULL)
		r->claim_boot = boot + r->spec.heartbeat_ms;
	if (err != ERR_CORRUPT)
		be_wary(r, boot);
}

static void notice_a_slow_turn(struct runner *r, struct runner_now now)
{
	int64_t boot = boot_by_now(r, now);

	if (boot - now.now_boot > RUNNER_SLOW_TURN_MS && !r->wary_boot)
		be_wary(r, boot);
}

static bool is_damaged(const struct runner *r)
{
	for (const struct attempt *t = r->attempts; t; t = t->next)
		if (t->damaged)
			return true;
	for (size_t i = 0; i < r->spec.config->n_apis; i++)
		if (r->lanes[i].damaged_boot)
			return true;
	return false;
}

void runner_store_works(struct runner *r, struct runner_now now)
{
	const bool damaged = is_damaged(r);

	if (r->trouble && !damaged)
		LOG(r->spec.log, now.now_ms, "store-works-again",
		    LOG_INT("running", (int64_t)r->n_attempts),
		    LOG_INT("afterMs", now.now_boot - r->trouble_boot));
	if (r->trouble & ~(1u << ERR_CORRUPT))
		be_wary(r, boot_by_now(r, now));
	r->was_wary = false;
	r->trouble = damaged ? 1u << ERR_CORRUPT : 0;
	r->store_boot = r->claim_boot = 0;
}

/* ---- the note that somebody is there ------------------------------------- */

static enum err leave_note(struct runner *r, struct runner_now now)
{
	if (r->has_beaten && now.now_boot - r->beat_boot < RUNNER_BEAT_MS / 2)
		return ERR_OK;
	enum err err = store_note(r->spec.store, STORE_NOTE_WORKER, now.now_ms);
	if (err == ERR_OK) {
		r->has_beaten = true;
		r->beat_boot = now.now_boot;
	}
	return err;
}

/* Whoever waits for time waits for a job; without one an API has none. */
int64_t runner_beat_due(const struct runner *r)
{
	bool waits = runner_is_busy(r);

	for (size_t i = 0; i < r->spec.config->n_apis && !waits; i++)
		waits = r->lanes[i].due_boot != 0;
	return waits && r->has_beaten && !r->draining
		   ? r->beat_boot + RUNNER_BEAT_MS
		   : 0;
}

/*
 * One that cannot be left is nobody's trouble: it neither delays what is to be
 * done, nor says that others could not write either.
 */
void runner_beat(struct runner *r, struct runner_now now)
{
	const int64_t due = runner_beat_due(r);

	if (!due || due > now.now_boot)
		return;
	enum err err = r->trouble ? ERR_BUSY : store_begin(r->spec.store);
	if (err == ERR_OK) {
		err = leave_note(r, now);
		if (err == ERR_OK)
			err = store_commit(r->spec.store);
		else
			store_rollback(r->spec.store);
	}
	r->beat_boot = now.now_boot;
}

enum err runner_transact(struct runner *r, struct runner_now now,
    enum err (*body)(struct runner *r, struct runner_now now, void *arg),
    void *arg)
{
	enum err err = store_begin(r->spec.store);

	if (err == ERR_OK) {
		notice_a_slow_turn(r, now);
		err = body(r, now, arg);
		if (err == ERR_OK)
			err = leave_note(r, now);
		if (err == ERR_OK)
			err = store_commit(r->spec.store);
		else
			store_rollback(r->spec.store);
	}
	if (err != ERR_OK)
		in_trouble(r, now, err);
	return err;
}
