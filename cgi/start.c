#include "cgi/start.h"

#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <unistd.h>

/*
 * In this order: where the files are, configuration, keys, store. The keys are
 * read even after the configuration was not, where it is known which file they
 * are in: both mistakes are told in one run.
 */
#define ETC "/etc/lowtide"
#define VAR "/var/lib/lowtide"

/*
 * Started without them, the next files opened would be 0, 1 and 2: what is
 * said on stderr would go into a lock file, or to an upstream.
 */
static void keep_standard_fds(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		close(fd);
}

void start_init(struct start *s)
{
	keep_standard_fds();
	*s = (struct start){0};
	diag_init(&s->diag, &s->arena);
}

static const char *given(const struct opt_value *values, int option)
{
	return values[option].given ? values[option].string : NULL;
}

/* With one site on this machine nobody needs to say which. */
static const char *only_config(struct start *s)
{
	const char *path = NULL;
	glob_t found;

	if (glob(ETC "/*/lowtide.json", 0, NULL, &found) != 0) {
		diag_error(&s->diag, POS_NONE, "config-missing",
		    "no site is installed under " ETC
		    "; say --config FILE, which `lowtide build` writes to "
		    "dist/server/lowtide.json");
		return NULL;
	}
	if (found.gl_pathc == 1)
		path = arena_cstr(&s->arena, str_of(found.gl_pathv[0]));
	else
		diag_error(&s->diag, POS_NONE, "config-ambiguous",
		    "%zu sites are installed under " ETC
		    "; say which with --config " ETC "/NAME/lowtide.json",
		    found.gl_pathc);
	globfree(&found);
	return path;
}

static enum err find_files(struct start *s, const struct opt_value *values)
{
	const char *state = given(values, START_STATE);
	const char *keys = given(values, START_KEYS);

	s->config_path = given(values, START_CONFIG);
	if (!s->config_path)
		s->config_path = only_config(s);
	if (!s->config_path)
		return ERR_MISSING;
	enum err err =
	    config_read(&s->arena, s->config_path, &s->diag, &s->config);
	if (err == ERR_NOT_FOUND)
		err = ERR_MISSING;
	s->keys_path = keys; /* looked at even so */
	if (err != ERR_OK)
		return err;
	struct str name = s->config->name;
	s->state_dir =
	    state ? state
		  : arena_printf(&s->arena, VAR "/%.*s", STR_ARG(name)).p;
	s->keys_path =
	    keys ? keys
		 : arena_printf(&s->arena, ETC "/%.*s/keys", STR_ARG(name)).p;
	return err;
}

enum err start_open(
    struct start *s, const struct opt_value *values, enum store_role role)
{
	struct store_spec spec = {
	    .role = role, .turn_wait_ms = s->turn_wait_ms};
	enum err err = find_files(s, values), keys_err = ERR_OK;

	if (s->keys_path)
		keys_err = keys_load(s->keys_path, &s->diag, &s->keys);
	if (err == ERR_OK)
		err = keys_err;
	if (err != ERR_OK)
		return err;
	spec.dir = s->state_dir;
	spec.config = s->config;
	keys_check(&s->keys, spec.check);
	err = store_open(&store_sqlite, &spec, &s->diag, &s->store);
	if (err == ERR_OK) {
		/* warnings are for now, not for the end of a long run */
		diag_print(&s->diag, stderr);
		diag_init(&s->diag, &s->arena);
	}
	return err;
}

int start_close(struct start *s, enum err err)
{
	diag_print(&s->diag, stderr);
	store_close(s->store);
	keys_wipe(&s->keys);
	arena_release(&s->arena);
	return err_exit(err);
}
