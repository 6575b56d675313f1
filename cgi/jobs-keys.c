#include "cgi/jobs.h"

#include "cgi/key-file.h"
#include "lib/clock.h"
#include "lib/units.h"

/* Making and changing the key file: key-file.h. No store is opened. */

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

/* As long as anything can be there that an old key made. */
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

enum err jobs_keyprune(struct jobs *run)
{
	struct start *s = &run->start;
	size_t dropped;
	int64_t next_ms;
	enum err err = start_config_options(s, run->found.values);

	if (err == ERR_OK)
		err = key_file_prune(s->keys_path, clock_wall_ms(),
		    longest_life_ms(s->config), &s->diag, &dropped, &next_ms);
	if (err != ERR_OK)
		return err;
	buf_printf(&run->out, "dropped %zu keys", dropped);
	if (next_ms)
		buf_printf(&run->out, "; the next from %.*s on",
		    STR_ARG(units_time(&s->arena, next_ms)));
	buf_putc(&run->out, '\n');
	return err;
}
