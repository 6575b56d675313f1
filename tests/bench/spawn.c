#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

/*
 * The least that running a program N times can cost, so many at a time:
 *
 *	spawn N AT-A-TIME PROGRAM
 */
extern char **environ;

int main(int argc, char *argv[])
{
	long left, running = 0, most;
	pid_t pid;

	if (argc != 4) {
		fputs("usage: spawn N AT-A-TIME PROGRAM\n", stderr);
		return 64;
	}
	left = strtol(argv[1], NULL, 10);
	most = strtol(argv[2], NULL, 10);
	while (left > 0 || running > 0) {
		for (; left > 0 && running < most; left--, running++)
			if (posix_spawn(&pid, argv[3], NULL, NULL, argv + 3,
				environ) != 0)
				return 74;
		if (wait(NULL) > 0)
			running--;
	}
	return 0;
}
