#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/fault/sim/sim.h"

/*
 * Every so many worlds the store is on a disk: each worker has a handle of its
 * own, the machine goes down and boots again, and a copy that was made on the
 * way is put back in the end.
 */
static char *path_of(struct sim *s, const char *name)
{
	return (char *)(uintptr_t)arena_printf(&s->arena, "%s/%s", s->dir, name)
	    .p;
}

void disk_make(struct sim *s)
{
	static const char *const folders[] = {"/dev/shm", "/tmp"};
	const char *tmp = getenv("TMPDIR");

	for (size_t i = 0; !tmp && i < 2; i++)
		if (access(folders[i], W_OK) == 0)
			tmp = folders[i];
	snprintf(s->dir, sizeof(s->dir), "%s/lowtide-sim-XXXXXX", tmp);
	if (!mkdtemp(s->dir) || mkdir(path_of(s, "copy"), 0700) != 0)
		abort();
}

static int unmake(
    const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st, (void)type, (void)at;
	return remove(path);
}

void disk_remove(struct sim *s)
{
	if (*s->dir)
		nftw(s->dir, unmake, 8, FTW_DEPTH | FTW_PHYS);
}

static struct store *open_folder(struct sim *s, const char *dir, bool adopts)
{
	const struct runner_now now = sim_now(s);
	const struct store_spec spec = {.dir = dir,
	    .config = &s->config,
	    .adopts = adopts,
	    .boot = arena_printf(&s->arena, "boot %d", s->boots).p,
	    .now = {.ms = now.now_ms, .boot = now.now_boot}};
	struct store *store;

	if (store_open(&sim_store, &spec, &s->diag, &store) != ERR_OK) {
		diag_print(&s->diag, stderr);
		abort();
	}
	return store;
}

struct store *disk_open(struct sim *s)
{
	return open_folder(s, s->dir, false);
}

/* Boot times begin anew with the boot; nothing else may. */
static bool is_same(const struct job *a, const struct job *b)
{
	return a->state == b->state && a->reason == b->reason &&
	       a->version == b->version && a->born == b->born &&
	       a->attempt == b->attempt && a->released == b->released &&
	       a->progress == b->progress && a->sent == b->sent &&
	       a->needs == b->needs && a->held == b->held &&
	       a->polled == b->polled && a->rank == b->rank &&
	       a->accepted_ms == b->accepted_ms && a->ended_ms == b->ended_ms &&
	       a->cancel_ms == b->cancel_ms && a->deadline_ms == b->deadline_ms;
}

static void look_again(struct sim *s)
{
	if (store_view(s->store) != ERR_OK)
		abort();
	for (int i = 0; i < s->n_jobs; i++) {
		struct memory_of_job *m = &s->jobs[i];
		struct job row;

		if (store_get(s->store, m->api, job_key(&m->seen), &row) !=
		    ERR_OK)
			continue; /* its tombstone has gone */
		if (!is_same(&row, &m->seen))
			sim_fault(s, i, "it is another after a reboot");
		m->seen = row;
		m->taken_boot = m->lying_boot = m->told_pause_boot = 0;
	}
	store_unview(s->store);
}

/* All are gone by now; the wall clock went on meanwhile. */
void disk_reboot(struct sim *s)
{
	const int64_t from = s->boot;

	oracle_look(s);
	oracle_excuse(s, -1);
	store_close(s->store);
	s->boots++;
	s->boot = 1000 + draw_below(&s->draw, 600000);
	s->wall_step += from - s->boot + draw_below(&s->draw, 300000);
	s->wall_step_boot = s->boot;
	s->night_boot = -1;
	memset(s->tat_us, 0, sizeof(s->tat_us));
	memset(s->paused_boot, 0, sizeof(s->paused_boot));
	s->store = disk_open(s);
	look_again(s);
	sim_count(s, TALLY_REBOOTS);
	sim_note(s, -1, "the machine has booted again");
}

void disk_copy(struct sim *s)
{
	const struct store_copying copying = {
	    .path = path_of(s, "copy/jobs.db"), .now_ms = sim_now(s).now_ms};

	if (s->copied)
		return;
	s->copied = store_copy(s->store, &copying, &s->diag) == ERR_OK;
	if (!s->copied)
		sim_fault(s, -1, "it could not be copied");
}

/*
 * Whoever works on the copy knows nothing of what was sent since: what must not
 * be repeated is not for workers any more, unless its upstream can be asked.
 */
void disk_adopt(struct sim *s)
{
	const struct store_now now = {.ms = sim_now(s).now_ms, .boot = s->boot};
	struct store_adopted adopted;
	struct job row;

	if (!s->copied)
		return;
	struct store *store = open_folder(s, path_of(s, "copy"), true);
	if (store_adopt(store, now, &adopted) != ERR_OK ||
	    store_view(store) != ERR_OK)
		abort();
	for (int i = 0; i < s->n_jobs; i++) {
		const struct api *api = &s->apis[s->jobs[i].api];

		if (api->on_lost == ON_LOST_RETRY || api->idempotent ||
		    store_get(store, s->jobs[i].api, job_key(&s->jobs[i].seen),
			&row) != ERR_OK)
			continue;
		if (!job_is_terminal(row.state) && !row.held && !row.polled)
			sim_fault(s, i, "a copy would send it again");
	}
	store_unview(store);
	store_close(store);
	sim_count(s, TALLY_ADOPTIONS);
}
