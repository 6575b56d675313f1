#include "cgi/loop.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/*
 * A socket is ours by its path or by inheritance; nothing else about it is the
 * loop's. A path is taken over only from a socket that nobody answers at.
 */
static bool is_listening(int fd)
{
	int on = 0;
	socklen_t n = sizeof(on);

	return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &on, &n) == 0 && on;
}

static bool own(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	return flags >= 0 && fcntl(fd, F_SETFL, flags | O_NONBLOCK) == 0 &&
	       fcntl(fd, F_SETFD, FD_CLOEXEC) == 0;
}

int loop_inherited(void)
{
	const char *pid = getenv("LISTEN_PID"), *fds = getenv("LISTEN_FDS");

	if (pid && fds && strtol(pid, NULL, 10) == (long)getpid() &&
	    strcmp(fds, "1") == 0 && is_listening(3) && own(3))
		return 3;
	return is_listening(0) && own(0) ? 0 : -1;
}

static enum err refuse(
    struct diag *diag, const char *path, const char *name, const char *text)
{
	diag_error(diag, POS_FILE(path), name, "%s", text);
	return ERR_IO;
}

static enum err refuse_errno(
    struct diag *diag, const char *path, const char *what)
{
	diag_error(
	    diag, POS_FILE(path), "io-error", "%s: %s", what, strerror(errno));
	return ERR_IO;
}

/*
 * Makes room: nothing there is fine; a socket that refuses connections is
 * left over from a process that died, and is removed.
 */
static enum err clear_path(const struct sockaddr_un *at, struct diag *diag)
{
	const char *path = at->sun_path;
	struct stat st;

	if (lstat(path, &st) != 0) {
		if (errno == ENOENT)
			return ERR_OK;
		return refuse_errno(diag, path, "cannot look at it");
	}
	if (!S_ISSOCK(st.st_mode))
		return refuse(diag, path, "listen-path",
		    "this is not a socket; name another path, or move it "
		    "away");
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return refuse_errno(diag, path, "cannot make a socket");
	int connected = connect(fd, (const struct sockaddr *)at, sizeof(*at));
	bool stale = connected != 0 && errno == ECONNREFUSED;
	close(fd);
	if (!stale)
		return refuse(diag, path, "listen-in-use",
		    "a program listens there already; stop it, or name "
		    "another path with --listen");
	if (unlink(path) != 0 && errno != ENOENT)
		return refuse_errno(diag, path, "cannot replace it");
	return ERR_OK;
}

static enum err address(
    const char *path, struct diag *diag, struct sockaddr_un *at)
{
	*at = (struct sockaddr_un){.sun_family = AF_UNIX};
	if (!*path || strlen(path) >= sizeof(at->sun_path))
		return refuse(diag, path, "listen-path",
		    "the path of a socket has 1 to 107 characters; name "
		    "another with --listen");
	memcpy(at->sun_path, path, strlen(path) + 1);
	return ERR_OK;
}

static enum err bind_to(int fd, const struct sockaddr_un *at, struct diag *diag)
{
	const char *path = at->sun_path;

	if (bind(fd, (const struct sockaddr *)at, sizeof(*at)) != 0) {
		if (errno == ENOENT || errno == ENOTDIR)
			return refuse(diag, path, "listen-path",
			    "its folder does not exist; make it with mkdir "
			    "-p, or name another path with --listen");
		return refuse_errno(diag, path, "cannot be listened at");
	}
	/* nobody can connect before listen(), so nobody finds it wider open */
	if (chmod(path, 0660) != 0)
		return refuse_errno(diag, path, "cannot be made 0660");
	if (listen(fd, LOOP_BACKLOG) != 0)
		return refuse_errno(diag, path, "cannot be listened at");
	return ERR_OK;
}

enum err loop_listen(const char *path, struct diag *diag, int *fd)
{
	struct sockaddr_un at;
	enum err err = address(path, diag, &at);

	*fd = -1;
	if (!err)
		err = clear_path(&at, diag);
	if (err)
		return err;
	int made =
	    socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (made < 0)
		return refuse_errno(diag, path, "cannot make a socket");
	err = bind_to(made, &at, diag);
	if (err)
		close(made);
	else
		*fd = made;
	return err;
}
