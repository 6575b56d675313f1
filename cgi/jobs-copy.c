#include "cgi/jobs.h"

#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/fs.h"
#include "lib/progress.h"
#include "lib/units.h"

/*
 * A folder with all that a store needs, made while its programs run, and what
 * makes a store of such a copy again. What is open in it may have been sent by
 * the original since, so nobody works on a copy before it is adopted.
 *
 *   DIR/jobs.db        of one moment
 *   DIR/keys           without them nothing of it can be read
 *   DIR/lowtide.json   of which APIs it is
 */
enum { BACKUP_WITHOUT_KEYS = START_COUNT };
const struct opt jobs_backup_options[] = {
    START_OPTIONS,
    [BACKUP_WITHOUT_KEYS] = {.name = "without-keys",
	.kind = OPT_FLAG,
	.help = "the keys are kept elsewhere"},
    {.name = NULL},
};
enum { ADOPT_YES = START_COUNT, ADOPT_JSON };
const struct opt jobs_adopt_options[] = {
    START_OPTIONS,
    [ADOPT_YES] = {.name = "yes",
	.letter = 'y',
	.kind = OPT_FLAG,
	.help = "do not ask"},
    [ADOPT_JSON] = {.name = "json", .kind = OPT_FLAG, .help = "for programs"},
    {.name = NULL},
};

/* ---- the folder ------------------------------------------------------------
 */

static bool is_empty(DIR *dir)
{
	const struct dirent *entry;

	while ((entry = readdir(dir)) != NULL)
		if (strcmp(entry->d_name, ".") != 0 &&
		    strcmp(entry->d_name, "..") != 0)
			return false;
	return true;
}

static enum err refuse(
    struct jobs *run, const char *path, const char *why, enum err err)
{
	diag_error(&run->start.diag, POS_FILE(path),
	    err == ERR_CONFLICT ? "not-empty" : "io-error",
	    "%s; name a new folder, or an empty one", why);
	return err;
}

/* New, for its owner alone; or one that is there and empty. */
static enum err make_folder(struct jobs *run, const char *path, bool *made)
{
	*made = mkdir(path, 0700) == 0;
	if (*made)
		return ERR_OK;
	if (errno != EEXIST)
		return refuse(run, path, strerror(errno), ERR_IO);
	DIR *dir = opendir(path);
	if (!dir)
		return refuse(run, path,
		    errno == ENOTDIR ? "it is no folder" : strerror(errno),
		    ERR_IO);
	const bool empty = is_empty(dir);
	closedir(dir);
	return empty ? ERR_OK
		     : refuse(
			   run, path, "there is something in it", ERR_CONFLICT);
}

/* ---- what goes into it ------------------------------------------------------
 */

static const char *in(struct jobs *run, const char *name)
{
	return fs_join(&run->start.arena, run->found.operands[0], name);
}

static bool show(void *ctx, int64_t done, int64_t pages)
{
	progress_at(ctx, (size_t)done, (size_t)pages);
	return true;
}

static enum err copy_store(struct jobs *run)
{
	struct start *s = &run->start;
	struct progress progress;
	const struct store_copying copying = {.path = in(run, "jobs.db"),
	    .now_ms = clock_wall_ms(),
	    .progress = show,
	    .ctx = &progress};

	progress_init(&progress, false);
	progress_begin(&progress, "copying", "pages", 0);
	enum err err = store_copy(s->store, &copying, &s->diag);
	progress_end(&progress);
	return err;
}

/* As it is, comments and all; checked as whoever starts with it does. */
static enum err copy_keys(struct jobs *run)
{
	struct start *s = &run->start;
	char bytes[KEYS_FILE_MAX];
	size_t n = 0;
	enum err err = keys_read(s->keys_path, &s->diag, bytes, &n);

	if (err == ERR_OK)
		err = fs_write(in(run, "keys"),
		    (struct str){.p = bytes, .n = n}, 0600, &s->diag);
	keys_forget(bytes, sizeof(bytes));
	return err;
}

static enum err copy_config(struct jobs *run)
{
	struct start *s = &run->start;
	struct str text;
	enum err err =
	    fs_read(&s->arena, s->config_path, CONFIG_MAX, &s->diag, &text);

	return err == ERR_OK
		   ? fs_write(in(run, "lowtide.json"), text, 0600, &s->diag)
		   : err;
}

/*
 * Half a copy is none, so nobody shall take it for one. Whose the store in
 * there is, is whose the rest is: of two at the same time the other one has
 * made nothing but perhaps the folder.
 */
static void remove_ours(struct jobs *run, bool store, bool folder)
{
	static const char *const names[] = {"jobs.db", "keys", "lowtide.json"};

	for (size_t i = 0; store && i < sizeof(names) / sizeof(names[0]); i++)
		unlink(in(run, names[i]));
	if (folder) /* stays where something is in it */
		rmdir(run->found.operands[0]);
}

enum err jobs_backup(struct jobs *run)
{
	const bool keys = !run->found.values[BACKUP_WITHOUT_KEYS].given;
	const char *path = run->found.operands[0];
	struct stat st = {.st_size = 0};
	bool made = false;
	enum err err = jobs_look(run);

	if (err == ERR_OK)
		err = make_folder(run, path, &made);
	if (err != ERR_OK)
		return err;
	err = copy_store(run);
	const bool ours = err == ERR_OK;
	if (err == ERR_OK && keys)
		err = copy_keys(run);
	if (err == ERR_OK)
		err = copy_config(run);
	if (err == ERR_OK)
		err = fs_sync_dir(path, &run->start.diag);
	if (err != ERR_OK) {
		remove_ours(run, ours, made);
		return err;
	}
	(void)stat(in(run, "jobs.db"), &st);
	jobs_say(run, "copied the store of %.*s into %s: %lld bytes%s",
	    STR_ARG(run->start.config->name), path, (long long)st.st_size,
	    keys ? ", with its keys" : "; its keys are not with it");
	return ERR_OK;
}

/* ---- putting it back
 * --------------------------------------------------------- */

/* One that is there; nothing is made. */
static enum err open_copy(struct jobs *run)
{
	const struct store_spec how = {.role = STORE_WRITES, .adopts = true};
	struct start *s = &run->start;
	enum err err = jobs_look(run);

	if (err != ERR_OK)
		return err;
	store_close(s->store);
	s->store = NULL;
	return start_store(s, &how, &s->store);
}

static enum err told(
    struct jobs *run, enum err err, const struct store_adopted *done)
{
	struct start *s = &run->start;

	if (err == ERR_CONFLICT)
		diag_error(&s->diag, POS_FILE(s->state_dir), "not-a-copy",
		    "it is a store, and no copy of one; nothing was changed");
	else if (err == ERR_MISSING)
		diag_error(&s->diag, POS_FILE(s->config_path), "no-such-api",
		    "the copy has open jobs of `%s`, which is not in this "
		    "configuration; use the one that was copied with it; "
		    "nothing was changed",
		    done->api);
	else if (err != ERR_OK)
		return jobs_trouble(run, err);
	return err;
}

enum err jobs_adopt(struct jobs *run)
{
	const struct opt_value *v = run->found.values;
	struct store_adopted done = {.ended = 0};
	struct start *s = &run->start;
	enum err err = jobs_confirm(run, v[ADOPT_YES].given,
	    "The original must never work again. Is it gone for good?");

	if (err == ERR_OK)
		err = open_copy(run);
	if (err != ERR_OK)
		return err;
	const struct store_now now = {
	    .ms = clock_wall_ms(), .boot = clock_boot_ms()};
	err = told(run, store_adopt(s->store, now, &done), &done);
	if (err != ERR_OK)
		return err;
	jobs_say(run,
	    "adopted the copy of %.*s: of its open jobs %lld ended, their "
	    "outcome unknown, %lld are held, %lld go on",
	    STR_ARG(units_time(&s->arena, done.copied_ms)),
	    (long long)done.ended, (long long)done.held, (long long)done.going);
	if (v[ADOPT_JSON].given)
		buf_printf(&run->out,
		    "{\"ended\":%lld,\"held\":%lld,\"going\":%lld}\n",
		    (long long)done.ended, (long long)done.held,
		    (long long)done.going);
	return ERR_OK;
}
