#include "cgi/start.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cgi/sandbox.h"

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

enum err start_config(
    struct start *s, const char *config, const char *state, const char *keys)
{
	s->config_path = config ? config : only_config(s);
	if (!s->config_path)
		return ERR_MISSING;
	enum err err =
	    config_read(&s->config_arena, s->config_path, &s->diag, &s->config);
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

enum err start_config_options(struct start *s, const struct opt_value *values)
{
	return start_config(s, given(values, START_CONFIG),
	    given(values, START_STATE), given(values, START_KEYS));
}

enum err start_keys(struct start *s)
{
	if (!s->keys_path)
		return ERR_MISSING;
	(void)sandbox_memory();
	return keys_load(s->keys_path, &s->diag, &s->keys);
}

enum err start_store(
    struct start *s, const struct store_spec *how, struct store **out)
{
	struct store_spec spec = *how;

	spec.dir = s->state_dir;
	spec.config = s->config;
	keys_check(&s->keys, spec.check);
	enum err err = store_open(&store_sqlite, &spec, &s->diag, out);
	if (err == ERR_OK) {
		/* warnings are for now, not for the end of a long run */
		diag_print(&s->diag, stderr);
		diag_init(&s->diag, &s->arena);
	}
	return err;
}

enum err start_open(
    struct start *s, const struct opt_value *values, enum store_role role)
{
	const struct store_spec how = {.role = role};
	enum err err = start_config_options(s, values);
	enum err keys_err = start_keys(s);

	if (err == ERR_OK)
		err = keys_err;
	return err == ERR_OK ? start_store(s, &how, &s->store) : err;
}

/* ---- while it runs ------------------------------------------------------- */

enum err start_config_again(const struct start *s, struct arena *a,
    struct diag *diag, struct config **config)
{
	enum err err = config_read(a, s->config_path, diag, config);

	if (err != ERR_OK || str_eq((*config)->name, s->config->name))
		return err;
	diag_error(diag, POS_FILE(s->config_path), "config-other-site",
	    "it is of the site `%.*s` now, and this program serves `%.*s`; "
	    "start another one for it",
	    STR_ARG((*config)->name), STR_ARG(s->config->name));
	return ERR_INPUT;
}

enum err start_again(const struct start *s, struct arena *a, struct diag *diag,
    struct config **config, struct keys *keys)
{
	uint8_t was[KEYS_CHECK_BYTES], is[KEYS_CHECK_BYTES];

	*keys = (struct keys){0};
	enum err err = start_config_again(s, a, diag, config);
	enum err keys_err = keys_load(s->keys_path, diag, keys);
	if (keys_err == ERR_OK) {
		keys_check(&s->keys, was);
		keys_check(keys, is);
		if (memcmp(was, is, sizeof(was)) != 0) {
			diag_error(diag, POS_FILE(s->keys_path),
			    "store-other-keys",
			    "its name key is another; put back the one that "
			    "the store was made with (the name key never "
			    "changes)");
			keys_err = ERR_INPUT;
		}
	}
	return err == ERR_OK ? keys_err : err;
}

/* ---- --test -------------------------------------------------------------- */

/* The folder must be there, and take files, where there is no store yet. */
static enum err test_folder(struct start *s, bool *made)
{
	const char *db = arena_printf(&s->arena, "%s/jobs.db", s->state_dir).p;

	*made = access(db, F_OK) == 0;
	if (*made || access(s->state_dir, W_OK | X_OK) == 0)
		return ERR_OK;
	diag_error(&s->diag, POS_FILE(s->state_dir), "store-missing",
	    "the store's folder cannot be written: %s; make it with `mkdir -p "
	    "%s` and give it to the user that runs lowtide",
	    strerror(errno), s->state_dir);
	return ERR_MISSING;
}

enum err start_test(
    struct start *s, const struct opt_value *values, const char *file)
{
	const struct store_spec how = {.role = STORE_SHOWS};
	const char *config = given(values, START_CONFIG);
	bool made = false;

	enum err err = start_config(s, config ? config : file,
	    given(values, START_STATE), given(values, START_KEYS));
	enum err keys_err = start_keys(s);
	if (err == ERR_OK)
		err = keys_err;
	if (err == ERR_OK)
		err = test_folder(s, &made);
	if (err == ERR_OK && made)
		err = start_store(s, &how, &s->store);
	if (err == ERR_OK && made)
		printf("%s: everything is there\n", s->config_path);
	else if (err == ERR_OK)
		printf("%s: everything is there but the store, which the first "
		       "start makes in %s\n",
		    s->config_path, s->state_dir);
	return err;
}

int start_close(struct start *s, enum err err)
{
	/* a full disk behind stdout is an error like any other */
	if (fflush(stdout) != 0 || ferror(stdout)) {
		diag_error(&s->diag, POS_NONE, "io-error",
		    "the output could not be written");
		err = ERR_IO;
	}
	diag_print(&s->diag, stderr);
	store_close(s->store);
	keys_wipe(&s->keys);
	arena_release(&s->config_arena);
	arena_release(&s->arena);
	return err_exit(err);
}
