#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/*
 * What a command costs, itself and all that it waited for, finer than time(1)
 * says it:
 *
 *	spend FILE COMMAND [ARGUMENT…]
 *
 * FILE gets "wall-µs user-µs system-µs peak-kB\n". The exit status is the
 * command's. This program is small, so that the peak is not its own.
 */
static long long us(struct timeval t)
{
	return t.tv_sec * 1000000LL + t.tv_usec;
}

static long long now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000LL + t.tv_nsec / 1000;
}

int main(int argc, char **argv)
{
	struct rusage used;
	int status;

	if (argc < 3) {
		fprintf(stderr, "usage: spend FILE COMMAND [ARGUMENT…]\n");
		return 64;
	}
	FILE *to = fopen(argv[1], "we");
	long long from = now_us();
	pid_t pid = to ? fork() : -1;
	if (pid == 0) {
		execvp(argv[2], argv + 2);
		fprintf(stderr, "spend: %s: %s\n", argv[2], strerror(errno));
		_exit(127);
	}
	if (pid < 0 || wait4(pid, &status, 0, &used) != pid) {
		fprintf(stderr, "spend: %s\n", strerror(errno));
		return 74;
	}
	fprintf(to, "%lld %lld %lld %ld\n", now_us() - from, us(used.ru_utime),
	    us(used.ru_stime), used.ru_maxrss);
	if (fclose(to) != 0)
		return 74;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}
