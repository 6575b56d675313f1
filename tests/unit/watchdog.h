#ifndef LOWTIDE_TESTS_UNIT_WATCHDOG_H
#define LOWTIDE_TESTS_UNIT_WATCHDOG_H

#include <signal.h>
#include <string.h>
#include <unistd.h>

/*
 * What waits for another process must not do so for ever: then nobody learns
 * which test it was. Far more than any of them needs on the busiest machine,
 * since it judges no speed.
 */
#define WATCHDOG_S 180

static const char *volatile watchdog_test = "?", *volatile watchdog_for = "?";

static inline void watchdog_say(const char *text)
{
	(void)!write(STDERR_FILENO, text, strlen(text));
}

/* What it started notices that it is gone. */
static inline void watchdog_bark(int signal)
{
	(void)signal;
	watchdog_say("# nothing came of ");
	watchdog_say(watchdog_test);
	watchdog_say(": it still waited for ");
	watchdog_say(watchdog_for);
	watchdog_say("\n");
	_exit(1);
}

/* Its time begins. */
static inline void watchdog_begin(const char *test)
{
	watchdog_test = test;
	watchdog_for = "nothing in particular";
	signal(SIGALRM, watchdog_bark);
	alarm(WATCHDOG_S);
}

static inline void watchdog_end(void)
{
	alarm(0);
}

#endif
