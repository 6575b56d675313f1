#include "cgi/jobs.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cgi/ids.h"
#include "cgi/seal.h"
#include "lib/clock.h"
#include "lib/fs.h"
#include "lib/units.h"

/* What several commands need. */
#define VIEW_WAIT_MS 5000
#define WORDS_MAX 100000 /* lines of stdin */

/* ---- the store ----------------------------------------------------------- */

enum err jobs_look(struct jobs *run)
{
	struct start *s = &run->start;
	const struct store_spec how = {.role = STORE_SHOWS, .adopts = true};
	enum err err = start_config_options(s, run->found.values);
	enum err keys_err = start_keys(s);

	if (err == ERR_OK)
		err = keys_err;
	return err == ERR_OK ? start_store(s, &how, &s->store) : err;
}

/* What is looked at first is told as it is, and nothing is made. */
enum err jobs_open(struct jobs *run)
{
	struct start *s = &run->start;
	const struct store_spec how = {.role = STORE_WRITES, .brief = true};
	enum err err = start_open(s, run->found.values, STORE_SHOWS);

	if (err != ERR_OK)
		return err;
	store_close(s->store);
	s->store = NULL;
	return start_store(s, &how, &s->store);
}

enum err jobs_view(struct jobs *run)
{
	const struct timespec pause = {.tv_nsec = 20 * 1000000};
	const int64_t until = clock_monotonic_ms() + VIEW_WAIT_MS;
	enum err err;

	while ((err = store_view(run->start.store)) == ERR_AGAIN &&
	       clock_monotonic_ms() < until)
		nanosleep(&pause, NULL);
	return err == ERR_OK ? err : jobs_trouble(run, err);
}

enum err jobs_body(struct jobs *run, const struct job *job, enum body_kind kind,
    struct arena *a, struct str *plain)
{
	struct str sealed;
	enum err err = store_body(run->start.store, job, kind, a, &sealed);

	if (err == ERR_OK)
		err = seal_open(&run->start.keys, job, kind, sealed, a, plain);
	return err;
}

enum err jobs_trouble(struct jobs *run, enum err err)
{
	struct diag *diag = &run->start.diag;
	const struct pos pos = POS_FILE(run->start.state_dir);

	if (run->unheard)
		return err;
	if (err == ERR_BUSY || err == ERR_AGAIN)
		diag_error(diag, pos, "store-busy",
		    "its turn did not come: another program has had it for "
		    "longer than this one waits; look for one that hangs or "
		    "was stopped (`lslocks` names who has its write.lock), and "
		    "try again");
	else if (err == ERR_FULL)
		diag_error(diag, pos, "store-full",
		    "nothing can be written; free some space on that disk");
	else
		diag_error(diag, pos, "store-failed",
		    "the store cannot be used (%s); `lowtide-jobs audit` looks "
		    "at all of it",
		    err_text(err));
	return err;
}

/* ---- all rows ---------------------------------------------------------- */

#define PAGE 256 /* rows in a view */

struct page {
	uint8_t keys[PAGE][JOB_KEY_BYTES];
	size_t n;
	int64_t since;
};

static bool note_key(
    void *ctx, const uint8_t key[JOB_KEY_BYTES], int64_t version)
{
	struct page *page = ctx;

	memcpy(page->keys[page->n++], key, JOB_KEY_BYTES);
	page->since = version;
	return true;
}

enum err jobs_walk(struct jobs *run, size_t api,
    enum err (*each)(void *ctx, size_t api, const uint8_t key[JOB_KEY_BYTES]),
    void *ctx)
{
	struct page page = {.since = 0};

	do {
		enum err err = jobs_view(run);
		if (err != ERR_OK)
			return err;
		page.n = 0;
		err = store_changed(
		    run->start.store, api, page.since, PAGE, note_key, &page);
		for (size_t i = 0; err == ERR_OK && i < page.n; i++)
			err = each(ctx, api, page.keys[i]);
		store_unview(run->start.store);
		if (err != ERR_OK)
			return jobs_trouble(run, err);
	} while (page.n == PAGE);
	return ERR_OK;
}

/* ---- names --------------------------------------------------------------- */

enum err jobs_api(struct jobs *run, const char *name, size_t *api)
{
	struct start *s = &run->start;
	const struct config *config = s->config;
	const char **names =
	    arena_array(&s->arena, config->n_apis + 1, sizeof(*names));

	for (*api = 0; *api < config->n_apis; ++*api) {
		if (str_is(config->apis[*api].name, name))
			return ERR_OK;
		names[*api] = arena_cstr(&s->arena, config->apis[*api].name);
	}
	const char *near = opt_nearest(str_of(name), names, config->n_apis);
	diag_error(&s->diag, POS_FILE(s->config_path), "no-such-api",
	    "no API is called `%s`%s%s%s", name, near ? "; did you mean `" : "",
	    near ? near : "", near ? "`?" : "");
	return ERR_NOT_FOUND;
}

void jobs_no_job(struct jobs *run, const char *text)
{
	diag_error(&run->start.diag, POS_NONE, "no-such-job",
	    "there is no job `%s`; `lowtide-jobs ls` lists them", text);
}

enum err jobs_id(
    struct jobs *run, const char *text, uint8_t id[JOB_ID_BYTES], size_t *api)
{
	struct start *s = &run->start;

	if (ids_read(str_of(text), id) == ERR_OK &&
	    ids_api(s->config, id, api) == ERR_OK)
		return ERR_OK;
	jobs_no_job(run, text);
	return ERR_NOT_FOUND;
}

/* An id counts as a whole: its key alone does not name a job. */
enum err jobs_get(struct jobs *run, size_t api, const uint8_t id[JOB_ID_BYTES],
    struct job *out)
{
	enum err err =
	    store_get(run->start.store, api, id + JOB_KEY_OFFSET, out);

	if (err == ERR_OK && memcmp(id, out->id, JOB_ID_BYTES) != 0)
		err = ERR_NOT_FOUND;
	return err;
}

/* One line, so that it reads as a word does; its end is not part of it. */
static bool read_line(struct arena *a, const char **out)
{
	char *line = NULL;
	size_t room = 0;
	ssize_t n = getline(&line, &room, stdin);

	if (n >= 0)
		*out = arena_cstr(
		    a, str_trim((struct str){.p = line, .n = (size_t)n}));
	free(line);
	return n >= 0;
}

static enum err read_lines(struct jobs *run, struct jobs_words *out)
{
	struct arena *a = &run->start.arena;
	const char *word;
	size_t lines = 0;

	while (read_line(a, &word)) {
		if (++lines > WORDS_MAX) {
			diag_error(&run->start.diag, POS_NONE, "too-many",
			    "more than %d lines at once", WORDS_MAX);
			return ERR_TOO_LARGE;
		}
		if (*word)
			out->items[out->n++] = word;
	}
	return ferror(stdin) ? ERR_IO : ERR_OK;
}

enum err jobs_words(struct jobs *run, struct jobs_words *out)
{
	const struct opt_result *found = &run->found;
	bool lines = false;
	enum err err = ERR_OK;

	for (size_t i = 0; i < found->n_operands; i++)
		lines |= strcmp(found->operands[i], "-") == 0;
	*out =
	    (struct jobs_words){.items = arena_array(&run->start.arena,
				    found->n_operands + (lines ? WORDS_MAX : 0),
				    sizeof(*out->items))};
	for (size_t i = 0; !err && i < found->n_operands; i++) {
		if (strcmp(found->operands[i], "-") != 0)
			out->items[out->n++] = found->operands[i];
		else if (lines)
			err = read_lines(run, out);
	}
	return err;
}

/* ---- files -------------------------------------------------------------- */

static enum err read_stdin(struct arena *a, size_t max, struct str *out)
{
	struct buf bytes = {0};
	char piece[16384];
	enum err err = ERR_OK;
	size_t n;

	while (!err && (n = fread(piece, 1, sizeof(piece), stdin)) > 0) {
		if (n > max - bytes.len)
			err = ERR_TOO_LARGE;
		else
			buf_put(&bytes, piece, n);
	}
	if (!err && ferror(stdin))
		err = ERR_IO;
	*out = arena_str(a, buf_str(&bytes));
	buf_release(&bytes);
	return err;
}

enum err jobs_read(
    struct jobs *run, const char *path, size_t max, struct str *out)
{
	struct start *s = &run->start;
	const bool is_stdin = strcmp(path, "-") == 0;
	enum err err = is_stdin ? read_stdin(&s->arena, max, out)
				: fs_read(&s->arena, path, max, &s->diag, out);

	if (err == ERR_NOT_FOUND) {
		diag_error(&s->diag, POS_FILE(path), "file-missing",
		    "there is no such file");
		return ERR_MISSING;
	}
	/* what is wrong with a file was told where it was read */
	if (err == ERR_TOO_LARGE && is_stdin)
		diag_error(&s->diag, POS_FILE(path), "file-too-large",
		    "at most %zu bytes are taken", max);
	else if (err != ERR_OK && is_stdin)
		diag_error(
		    &s->diag, POS_FILE(path), "io-error", "it cannot be read");
	return err;
}

/* ---- what is said -------------------------------------------------------- */

void jobs_say(const struct jobs *run, const char *format, ...)
{
	struct arena a = {0};
	struct buf line = {0};
	va_list args;

	(void)run;
	va_start(args, format);
	buf_put_str(&line, units_time(&a, clock_wall_ms()));
	buf_puts(&line, " lowtide-jobs: ");
	buf_put_str(&line, arena_vprintf(&a, format, args));
	va_end(args);
	/* as a whole, and nothing of it speaks to a terminal */
	diag_put_text(buf_str(&line), stderr);
	fputc('\n', stderr);
	fflush(stderr);
	buf_release(&line);
	arena_release(&a);
}

enum err jobs_flush(struct jobs *run)
{
	struct buf *out = &run->out;
	bool whole =
	    !out->len || fwrite(out->data, 1, out->len, stdout) == out->len;

	buf_clear(out);
	run->unheard |= fflush(stdout) != 0 || !whole;
	return run->unheard ? ERR_IO : ERR_OK;
}

enum err jobs_confirm(struct jobs *run, bool yes, const char *format, ...)
{
	struct diag *diag = &run->start.diag;
	char answer[8] = "";
	va_list args;

	if (yes)
		return ERR_OK;
	if (isatty(STDIN_FILENO) != 1 || isatty(STDERR_FILENO) != 1) {
		diag_error(diag, POS_NONE, "not-confirmed",
		    "this cannot be undone; say --yes where nobody can be "
		    "asked");
		return ERR_USAGE;
	}
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputs(" [y/N] ", stderr);
	if (fgets(answer, sizeof(answer), stdin) &&
	    (strcmp(answer, "y\n") == 0 || strcmp(answer, "yes\n") == 0))
		return ERR_OK;
	diag_error(diag, POS_NONE, "not-confirmed", "nothing was changed");
	return ERR_CONFLICT;
}
