#include "lib/progress.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "lib/clock.h"

#define PROGRESS_AFTER_MS 1000 /* shorter work shows nothing */
#define PROGRESS_EVERY_MS 100
#define PROGRESS_COLUMNS 80 /* where the terminal does not say */
#define PROGRESS_LINE_MAX 128

static bool is_set(const char *name)
{
	const char *value = getenv(name);
	return value && *value;
}

void progress_init(struct progress *p, bool quiet)
{
	const char *term = getenv("TERM");

	if (!p)
		return;
	*p = (struct progress){.shown = !quiet && isatty(STDERR_FILENO) == 1 &&
					!is_set("CI") &&
					!(term && strcmp(term, "dumb") == 0)};
	/* from the start of the run: several short works are a long one */
	atomic_store(&p->next_ms, clock_monotonic_ms() + PROGRESS_AFTER_MS);
}

void progress_begin(
    struct progress *p, const char *what, const char *noun, size_t total)
{
	if (!p)
		return;
	p->what = what;
	p->noun = noun;
	p->total = total;
	atomic_store(&p->done, 0);
}

static size_t columns(void)
{
	struct winsize size;

	if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0)
		return PROGRESS_COLUMNS;
	return size.ws_col;
}

/* 1204 → "1,204" */
static const char *grouped(char *out, size_t room, size_t n)
{
	char *at = out + room;
	size_t digits = 0;

	*--at = '\0';
	do {
		if (digits && digits % 3 == 0)
			*--at = ',';
		*--at = (char)('0' + n % 10);
		digits++;
	} while ((n /= 10) > 0);
	return at;
}

/*
 * At once, so that two threads never mix; never into the last column, where
 * some terminals begin a new line.
 */
static void draw(struct progress *p, size_t done)
{
	char line[PROGRESS_LINE_MAX], text[PROGRESS_LINE_MAX], a[32], b[32];
	size_t room = columns() - 1;

	if (p->total)
		snprintf(text, sizeof(text), "%s %s of %s %s", p->what,
		    grouped(a, sizeof(a), done),
		    grouped(b, sizeof(b), p->total), p->noun);
	else
		snprintf(text, sizeof(text), "%s %s %s", p->what,
		    grouped(a, sizeof(a), done), p->noun);
	int n = snprintf(line, sizeof(line), "\r%.*s\033[K",
	    room < sizeof(text) - 8 ? (int)room : (int)sizeof(text) - 8, text);
	if (write(STDERR_FILENO, line, (size_t)n) == n)
		atomic_store(&p->drawn, true);
}

static void show(struct progress *p, size_t done)
{
	if (!p->shown || !p->what)
		return;
	int64_t now = clock_monotonic_ms(), next = atomic_load(&p->next_ms);
	/* whoever moves the time on is the one that draws */
	if (now >= next && atomic_compare_exchange_strong(
			       &p->next_ms, &next, now + PROGRESS_EVERY_MS))
		draw(p, done);
}

void progress_step(struct progress *p)
{
	if (p)
		show(p, atomic_fetch_add(&p->done, 1) + 1);
}

void progress_at(struct progress *p, size_t done, size_t total)
{
	if (!p)
		return;
	p->total = total;
	atomic_store(&p->done, done);
	show(p, done);
}

void progress_end(struct progress *p)
{
	static const char erase[] = "\r\033[K";

	if (!p)
		return;
	p->what = NULL;
	if (atomic_exchange(&p->drawn, false) &&
	    write(STDERR_FILENO, erase, sizeof(erase) - 1) < 0)
		p->shown = false; /* the terminal has gone */
}
