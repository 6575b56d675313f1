#include "cgi/user.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

bool user_is_root(void)
{
	return geteuid() == 0;
}

static enum err refuse_errno(
    struct diag *diag, const char *name, const char *what)
{
	diag_error(diag, POS_NONE, "io-error", "%s `%s`: %s", what, name,
	    strerror(errno));
	return ERR_IO;
}

/* It was made by root; one at a port or without a path is nobody's. */
static enum err give_socket(
    int socket, const struct passwd *user, struct diag *diag)
{
	struct sockaddr_un at = {0};
	socklen_t n = sizeof(at);

	if (socket < 0 ||
	    getsockname(socket, (struct sockaddr *)&at, &n) != 0 ||
	    at.sun_family != AF_UNIX || !at.sun_path[0])
		return ERR_OK;
	if (chown(at.sun_path, user->pw_uid, user->pw_gid) != 0)
		return refuse_errno(
		    diag, user->pw_name, "the socket cannot be given to");
	return ERR_OK;
}

enum err user_become(const char *name, int socket, struct diag *diag)
{
	errno = 0;
	const struct passwd *user = getpwnam(name);

	if (!user) {
		diag_error(diag, POS_NONE, "user-unknown",
		    "there is no user `%s`; make one with `adduser --system "
		    "--group %s`",
		    name, name);
		return ERR_USAGE;
	}
	if (!user_is_root() && geteuid() != user->pw_uid) {
		diag_error(diag, POS_NONE, "user-not-root",
		    "only root can become `%s`; start it as that user and "
		    "leave --user out",
		    name);
		return ERR_USAGE;
	}
	if (!user_is_root())
		return ERR_OK;
	enum err err = give_socket(socket, user, diag);
	if (err != ERR_OK)
		return err;
	if (initgroups(user->pw_name, user->pw_gid) != 0 ||
	    setgid(user->pw_gid) != 0 || setuid(user->pw_uid) != 0)
		return refuse_errno(diag, name, "it cannot become");
	return ERR_OK;
}
