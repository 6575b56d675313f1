#include "cgi/jobs.h"

#include <unistd.h>

#include "cgi/key-file.h"
#include "lib/clock.h"
#include "lib/units.h"

/* Making and changing the key file: key-file.h. */

/* ---- keygen ------------------------------------------------------------ */

const struct opt jobs_keygen_options[] = {
    {.name = "help", .letter = 'h', .kind = OPT_FLAG, .help = "show this"},
    {.name = NULL},
};

enum err jobs_keygen(struct jobs *run)
{
	const char *path = run->found.operands[0];
	enum err err = keys_generate(path, &run->start.diag);

	if (err == ERR_OK)
		fprintf(stderr,
		    "made %s; keep a copy of it apart from the store: without "
		    "it nothing in the store can be read\n",
		    path);
	return err;
}

/* ---- other keys -------------------------------------------------------- */

const struct opt jobs_keyadd_options[] = {START_OPTIONS, {.name = NULL}};
const struct opt jobs_keyuse_options[] = {START_OPTIONS, {.name = NULL}};
const struct opt jobs_keyprune_options[] = {START_OPTIONS, {.name = NULL}};

enum err jobs_keyadd(struct jobs *run)
{
	struct start *s = &run->start;
	uint8_t version;
	enum err err = start_config_options(s, run->found.values);

	if (err == ERR_OK)
		err = key_file_add(
		    s->keys_path, clock_wall_ms(), &s->diag, &version);
	if (err == ERR_OK)
		buf_printf(&run->out,
		    "added keys of version %d; let every program read them "
		    "(SIGHUP), then `lowtide-jobs keyuse`\n",
		    version);
	return err;
}

enum err jobs_keyuse(struct jobs *run)
{
	struct start *s = &run->start;
	uint8_t version;
	enum err err = start_config_options(s, run->found.values);

	if (err == ERR_OK)
		err = key_file_use(
		    s->keys_path, clock_wall_ms(), &s->diag, &version);
	if (err == ERR_OK)
		buf_printf(&run->out,
		    "version %d is the one to use from now on; let every "
		    "program read it (SIGHUP)\n",
		    version);
	return err;
}

/* ---- keyprune -------------------------------------------------------------
 */

/* As long as what nobody holds can be there. */
static int64_t longest_life_ms(const struct config *config)
{
	int64_t most = 0;

	for (size_t i = 0; i < config->n_apis; i++) {
		const struct api *api = &config->apis[i];
		if (api->deadline_ms + api->ttl_ms > most)
			most = api->deadline_ms + api->ttl_ms;
	}
	return most + STORE_TOMBSTONE_MS;
}

struct oldest {
	struct jobs *run;
	int64_t ms; /* when it was accepted; 0 = there is none */
};

static enum err look_at(void *ctx, size_t api, const uint8_t key[JOB_KEY_BYTES])
{
	struct oldest *oldest = ctx;
	struct job job;
	enum err err = store_get(oldest->run->start.store, api, key, &job);

	if (err == ERR_OK && (!oldest->ms || job.accepted_ms < oldest->ms))
		oldest->ms = job.accepted_ms;
	return err;
}

static enum err find_oldest(struct jobs *run, struct oldest *oldest)
{
	const struct store_spec how = {.role = STORE_SHOWS};
	struct start *s = &run->start;
	const char *db = arena_printf(&s->arena, "%s/jobs.db", s->state_dir).p;

	if (access(db, F_OK) != 0)
		return ERR_OK; /* nothing can need them */
	enum err err = start_keys(s);
	if (err == ERR_OK)
		err = start_store(s, &how, &s->store);
	for (size_t i = 0; err == ERR_OK && i < s->config->n_apis; i++)
		err = jobs_walk(run, i, look_at, oldest);
	return err;
}

/*
 * A job that is held has no deadline, and what it was accepted with is needed
 * however old it is: so nothing is dropped that was in use since the oldest job
 * there is.
 */
enum err jobs_keyprune(struct jobs *run)
{
	struct start *s = &run->start;
	struct oldest oldest = {.run = run};
	const int64_t now_ms = clock_wall_ms();
	size_t dropped;
	int64_t next_ms;
	enum err err = start_config_options(s, run->found.values);

	if (err == ERR_OK)
		err = find_oldest(run, &oldest);
	if (err != ERR_OK)
		return err;
	int64_t keep_ms = longest_life_ms(s->config);
	if (oldest.ms && keep_ms < now_ms - oldest.ms + 1)
		keep_ms = now_ms - oldest.ms + 1;
	err = key_file_prune(
	    s->keys_path, now_ms, keep_ms, &s->diag, &dropped, &next_ms);
	if (err != ERR_OK)
		return err;
	buf_printf(&run->out, "dropped %zu keys", dropped);
	if (next_ms)
		buf_printf(&run->out, "; the next from %.*s on",
		    STR_ARG(units_time(&s->arena, next_ms)));
	buf_putc(&run->out, '\n');
	return err;
}
