#include "cgi/jobs-list.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/units.h"

/*
 * `ls --watch`. A ring of a bell may come before its change can be seen, so
 * what changed is looked for at once and again a second after the last ring
 * (store.h); then nothing is waited for but the next one.
 */
#define AGAIN_MS 1000
#define HEAD_LINES 3 /* when, an empty line, the headings */
#define HOME "\033[H"
#define TO_LINE_END "\033[K"
#define TO_SCREEN_END "\033[J"
#define CLEAR "\033[2J"

static volatile sig_atomic_t stop;

static void told_to_stop(int signal)
{
	(void)signal;
	stop = 1;
}

/* Another size of the window: it ends the wait, and that is all. */
static void resized(int signal)
{
	(void)signal;
}

struct watching {
	struct jobs *run;
	struct listing *l;
	size_t limit; /* as it was asked for */
	int64_t seen; /* the newest version that was looked at */
	int bell;
	bool terminal;
	struct report_job *changed;
	size_t n, cap;
	size_t api;
};

/* ---- on a terminal ---------------------------------------------------------
 */

static struct winsize window(void)
{
	struct winsize size;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || !size.ws_col ||
	    size.ws_row <= HEAD_LINES + 1)
		size = (struct winsize){.ws_row = 24, .ws_col = 80};
	return size;
}

/* Each line over what stood there, cut where the window ends: no flicker. */
static void put_lines(struct buf *out, struct str text, size_t columns)
{
	for (size_t at = 0; at < text.n;) {
		const size_t end = str_find(text, '\n', at);
		struct str line = str_slice(text, at, end);

		buf_put_str(out, str_slice(line, 0, columns));
		buf_puts(out, TO_LINE_END "\n");
		at = end + 1;
	}
}

static enum err draw(struct watching *w)
{
	const struct winsize size = window();
	const size_t room = (size_t)(size.ws_row - HEAD_LINES - 1);
	const int64_t now_ms = clock_wall_ms();
	struct listing *l = w->l;
	struct arena a = {0};
	struct buf text = {0};

	l->limit = w->limit < room ? w->limit : room;
	enum err err = jobs_view(w->run);
	if (err != ERR_OK)
		return err;
	err = listing_read(w->run, l);
	store_unview(w->run->start.store);
	if (err == ERR_OK) {
		buf_printf(&text, "%.*s as of %.*s; ^C ends\n\n",
		    STR_ARG(w->run->start.config->name),
		    STR_ARG(units_time(&a, now_ms)));
		report_table(&text, l->jobs, l->n, now_ms);
		buf_puts(&w->run->out, HOME);
		put_lines(&w->run->out, buf_str(&text), size.ws_col);
		buf_puts(&w->run->out, TO_SCREEN_END);
		err = jobs_flush(w->run);
	}
	buf_release(&text);
	arena_release(&a);
	return err;
}

/* ---- on a pipe
 * --------------------------------------------------------------- */

static void put_line(struct watching *w, const struct report_job *job)
{
	if (w->l->json)
		report_line_json(&w->run->out, job);
	else
		report_line(&w->run->out, job, clock_wall_ms());
}

/* The rows themselves are read when the walk along the versions is over. */
static bool note_changed(
    void *ctx, const uint8_t key[JOB_KEY_BYTES], int64_t version)
{
	struct watching *w = ctx;
	const struct config *config = w->run->start.config;

	if (w->n == w->cap) {
		w->cap = w->cap ? 2 * w->cap : 64;
		w->changed = realloc(w->changed, w->cap * sizeof(*w->changed));
		if (!w->changed)
			abort();
	}
	struct report_job *r = &w->changed[w->n++];
	*r = (struct report_job){.api = &config->apis[w->api]};
	r->job.version = version;
	for (size_t i = 0; i < JOB_KEY_BYTES; i++)
		r->job.id[JOB_KEY_OFFSET + i] = key[i];
	return true;
}

static int by_version(const void *left, const void *right)
{
	const struct report_job *a = left, *b = right;

	return a->job.version < b->job.version
		   ? -1
		   : a->job.version > b->job.version;
}

static enum err put_changed(struct watching *w, struct report_job *r)
{
	const size_t api = (size_t)(r->api - w->run->start.config->apis);
	bool takes;
	enum err err =
	    store_get(w->run->start.store, api, job_key(&r->job), &r->job);

	if (err == ERR_OK)
		err = filter_takes(w->run, &w->l->filter, api, &r->job, &takes);
	if (err == ERR_OK && takes)
		put_line(w, r);
	return err == ERR_NOT_FOUND ? ERR_OK : err;
}

static enum err read_changed(struct watching *w)
{
	struct store *store = w->run->start.store;
	int64_t version;
	enum err err = store_version(store, &version);

	w->n = 0;
	for (w->api = 0; !err && w->api < w->run->start.config->n_apis;
	     w->api++)
		err = store_changed(store, w->api, w->seen, 0, note_changed, w);
	if (!err && w->n)
		qsort(w->changed, w->n, sizeof(*w->changed), by_version);
	for (size_t i = 0; !err && i < w->n; i++)
		err = put_changed(w, &w->changed[i]);
	if (!err)
		w->seen = version;
	return err;
}

/* What is there already comes first: then nobody misses what fell between. */
static enum err put_first(struct watching *w)
{
	enum err err = listing_read(w->run, w->l);

	if (err == ERR_OK)
		err = store_version(w->run->start.store, &w->seen);
	for (size_t i = 0; err == ERR_OK && i < w->l->n; i++)
		put_line(w, w->l->oldest ? &w->l->jobs[i]
					 : &w->l->jobs[w->l->n - 1 - i]);
	return err;
}

static enum err tell(struct watching *w)
{
	enum err err = jobs_view(w->run);

	if (err != ERR_OK)
		return err;
	err = w->seen ? read_changed(w) : put_first(w);
	store_unview(w->run->start.store);
	return err == ERR_OK ? jobs_flush(w->run) : jobs_trouble(w->run, err);
}

/* ---- the wait -------------------------------------------------------------
 */

static void take_signals(sigset_t *awake)
{
	const struct sigaction ends = {.sa_handler = told_to_stop};
	const struct sigaction redraws = {.sa_handler = resized};
	sigset_t blocked;

	sigemptyset(&blocked);
	sigaddset(&blocked, SIGINT);
	sigaddset(&blocked, SIGTERM);
	sigaddset(&blocked, SIGHUP);
	sigaddset(&blocked, SIGWINCH);
	sigprocmask(SIG_BLOCK, &blocked, awake);
	sigaction(SIGINT, &ends, NULL);
	sigaction(SIGTERM, &ends, NULL);
	sigaction(SIGHUP, &ends, NULL);
	sigaction(SIGWINCH, &redraws, NULL);
}

/* Signals come here and nowhere else. *rang: look again in a second. */
static enum err wait(struct watching *w, const sigset_t *awake, bool *rang)
{
	const struct timespec again = {.tv_sec = AGAIN_MS / 1000};
	/* nobody reads it any more: an error without being asked for */
	struct pollfd fds[] = {{.fd = w->bell, .events = POLLIN},
	    {.fd = STDOUT_FILENO, .events = 0}};
	const int n = ppoll(fds, 2, *rang ? &again : NULL, awake);

	if (n < 0 && errno != EINTR)
		return ERR_IO;
	if (n > 0 && fds[1].revents)
		stop = 1;
	*rang = n > 0 && fds[0].revents;
	if (*rang)
		(void)store_heard(w->run->start.store, w->bell);
	return ERR_OK;
}

enum err listing_watch(struct jobs *run, struct listing *l)
{
	struct watching w = {.run = run,
	    .l = l,
	    .limit = l->limit,
	    .terminal = isatty(STDOUT_FILENO) == 1 && !l->json};
	sigset_t awake;
	bool rang = false;
	enum err err = store_watch(
	    run->start.store, BELL_SETTLED | BELL_ACCEPTED, &w.bell);

	if (err != ERR_OK)
		return jobs_trouble(run, err);
	take_signals(&awake);
	if (w.terminal)
		buf_puts(&run->out, CLEAR);
	while (!err && !stop) {
		err = w.terminal ? draw(&w) : tell(&w);
		if (!err)
			err = wait(&w, &awake, &rang);
	}
	free(w.changed);
	return err;
}
