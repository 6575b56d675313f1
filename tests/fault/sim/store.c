#include "tests/fault/sim/sim.h"

/*
 * A store as it fails. A turn that does not come and a full disk are
 * answers, and nothing happened. A process that dies does so at some operation:
 * from there on it gets nothing from the store and does nothing any more; only
 * its commit may have taken effect without its knowing.
 */
struct store_ops sim_store;
static const struct store_ops *base;
static struct sim *sim; /* back ends have no room for it */

/* The process is gone by now, as far as the world is concerned. */
static bool dies(void)
{
	if (sim->stepping < 0) /* somebody else's look */
		return false;
	if (sim->is_dying)
		return true;
	int *left = &sim->workers[sim->stepping].ops_left;
	if (*left < 0 || (*left)-- > 0)
		return false;
	sim->is_dying = true;
	sim_count(sim, TALLY_CRASHES_INSIDE);
	sim_note(sim, -1, "worker %d dies in its step", sim->stepping);
	return true;
}

static enum err begin(void *backend)
{
	if (dies())
		return ERR_IO;
	if (sim->stepping >= 0 && sim->nap_ms && sim->naps_in_turn) {
		const int64_t ms = sim->nap_ms;
		sim->nap_ms = 0;
		sim_count(sim, TALLY_TURNS_LATE);
		world_nap(sim, ms);
	}
	int *misses =
	    sim->stepping >= 0 && sim->workers[sim->stepping].turns_to_miss > 0
		? &sim->workers[sim->stepping].turns_to_miss
		: &sim->begins_to_miss;
	if (*misses > 0) {
		--*misses;
		sim->moves++;
		sim->boot += sim->slow_ms;
		oracle_excuse(sim, -1);
		sim_count(sim, TALLY_TURNS_MISSED);
		return ERR_BUSY;
	}
	return base->begin(backend);
}

static bool is_full(void)
{
	if (sim->writes_to_fail <= 0 || sim->writes_to_pass-- > 0)
		return false;
	sim->writes_to_fail--;
	sim->moves++;
	sim_count(sim, TALLY_DISKS_FULL);
	return true;
}

static enum err update(
    void *backend, size_t api, const struct job *before, const struct job *job)
{
	if (dies())
		return ERR_IO;
	return is_full() ? ERR_FULL : base->update(backend, api, before, job);
}

static enum err body_put(
    void *backend, const struct job *job, enum body_kind kind, struct str bytes)
{
	if (dies())
		return ERR_IO;
	return is_full() ? ERR_FULL : base->body_put(backend, job, kind, bytes);
}

static enum err get(
    void *backend, size_t api, const uint8_t *key, struct job *out)
{
	return dies() ? ERR_IO : base->get(backend, api, key, out);
}

static enum err pick_pending(
    void *backend, size_t api, int64_t now_boot, struct job *out)
{
	return dies() ? ERR_IO
		      : base->pick_pending(backend, api, now_boot, out);
}

static enum err commit(void *backend, unsigned bells)
{
	if (dies()) {
		base->rollback(backend);
		return ERR_IO;
	}
	if (is_full()) {
		base->rollback(backend);
		return ERR_FULL;
	}
	enum err err = base->commit(backend, bells);
	sim->moves++;
	if (bells & BELL_ACCEPTED) /* one ring came before it */
		world_ring(sim);
	if (sim->slow_ms && sim->stepping >= 0) {
		sim->boot += sim->slow_ms;
		sim->slow_ms = 0;
		oracle_excuse(sim, -1);
		sim_count(sim, TALLY_SLOW_COMMITS);
	}
	if (sim->stepping >= 0 && sim->workers[sim->stepping].commit_dies) {
		sim->is_dying = true;
		sim_count(sim, TALLY_LOST_COMMITS);
		sim_note(
		    sim, -1, "worker %d dies behind its commit", sim->stepping);
		return ERR_IO;
	}
	return err;
}

void store_bind(struct sim *s)
{
	sim = s;
	base = s->on_disk ? &store_sqlite : &store_memory;
	sim_store = *base;
	sim_store.begin = begin;
	sim_store.update = update;
	sim_store.body_put = body_put;
	sim_store.get = get;
	sim_store.pick_pending = pick_pending;
	sim_store.commit = commit;
}
