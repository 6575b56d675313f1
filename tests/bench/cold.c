#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/bench/dial.h"

/*
 * From the start of a program to its first answer.
 *
 *	cold N SOCKET REQUEST PROGRAM ARGUMENT…
 *
 * N times: a listening socket at the path SOCKET is passed as descriptor 0, as
 * a supervisor does; the bytes of the file REQUEST wait in it before the
 * program runs. A line each on stdout: milliseconds until the first byte of an
 * answer, and until the program has ended after a SIGTERM.
 */
extern char **environ;

static int listen_at(const char *path)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(at.sun_path, sizeof(at.sun_path), "%s", path);
	unlink(path);
	if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof(at)) < 0 ||
	    listen(fd, 16) < 0)
		fail(path);
	return fd;
}

static pid_t spawn(int stdin_fd, char *argv[])
{
	posix_spawn_file_actions_t actions;
	pid_t pid;

	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, stdin_fd, STDIN_FILENO);
	errno = posix_spawn(&pid, argv[0], &actions, NULL, argv, environ);
	if (errno)
		fail(argv[0]);
	posix_spawn_file_actions_destroy(&actions);
	return pid;
}

static void once(const char *path, const char *request, size_t n, char *argv[])
{
	char address[sizeof(((struct sockaddr_un *)0)->sun_path) + 5];
	char byte;
	int listener = listen_at(path), status;

	snprintf(address, sizeof(address), "unix:%s", path);
	int client = dial(address);
	send_all(client, request, n);
	const double started = now_ms();
	pid_t pid = spawn(listener, argv);
	close(listener); /* a program that dies leaves nobody to wait for */
	if (recv(client, &byte, 1, 0) != 1) {
		fputs("cold: no answer\n", stderr);
		exit(1);
	}
	const double answered = now_ms();
	close(client);
	kill(pid, SIGTERM);
	if (waitpid(pid, &status, 0) != pid || status != 0)
		fail("the program did not end well");
	printf("%.2f %.2f\n", answered - started, now_ms() - answered);
}

int main(int argc, char *argv[])
{
	size_t n;

	if (argc < 5) {
		fputs(
		    "usage: cold N SOCKET REQUEST PROGRAM ARGUMENT…\n", stderr);
		return 64;
	}
	char *request = slurp(argv[3], &n);
	for (int i = 0; i < atoi(argv[1]); i++)
		once(argv[2], request, n, argv + 4);
	return 0;
}
