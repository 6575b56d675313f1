#include "cgi/listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "cgi/loop.h"
#include "lib/str.h"

/*
 * A path is taken over only from a socket that nobody answers at. That is
 * looked at, and the new one made, with its folder locked: of two that start
 * together the second finds the first.
 */
#define FIRST_FD 3 /* of LISTEN_FDS */
#define FDS_MAX 16

static const struct {
	const char *option, *why_loopback;
} uses[] = {
    [LISTEN_REQUESTS] = {"--listen",
	"whoever speaks FastCGI here says whose request it is"},
    [LISTEN_METRICS] = {"--metrics", "metrics are told to whoever asks"},
};

static enum err refuse(
    struct diag *diag, const char *where, const char *name, const char *text)
{
	diag_error(diag, POS_FILE(where), name, "%s", text);
	return ERR_IO;
}

static enum err refuse_errno(
    struct diag *diag, const char *where, const char *what)
{
	diag_error(
	    diag, POS_FILE(where), "io-error", "%s: %s", what, strerror(errno));
	return ERR_IO;
}

static enum err refuse_loopback(
    enum listen_use use, struct diag *diag, const char *where)
{
	diag_error(diag, POS_NONE, "listen-loopback",
	    "%s can be reached from elsewhere, and %s; listen at 127.0.0.1, "
	    "[::1] or a unix:PATH on this host",
	    where, uses[use].why_loopback);
	return ERR_USAGE;
}

/* ---- at a path ----------------------------------------------------------- */

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
		    "another path");
	if (unlink(path) != 0 && errno != ENOENT)
		return refuse_errno(diag, path, "cannot replace it");
	return ERR_OK;
}

static enum err bind_path(
    int fd, const struct sockaddr_un *at, struct diag *diag)
{
	const char *path = at->sun_path;

	if (bind(fd, (const struct sockaddr *)at, sizeof(*at)) != 0)
		return refuse_errno(diag, path, "cannot be listened at");
	/* nobody can connect before listen(), so nobody finds it wider open */
	if (chmod(path, 0660) != 0)
		return refuse_errno(diag, path, "cannot be made 0660");
	if (listen(fd, LOOP_BACKLOG) != 0)
		return refuse_errno(diag, path, "cannot be listened at");
	return ERR_OK;
}

/* *folder keeps the lock until it is closed. */
static enum err lock_folder(const char *path, struct diag *diag, int *folder)
{
	char name[PATH_MAX] = ".";
	const char *end = strrchr(path, '/');

	if (end) /* "/x" is in "/" */
		memcpy(name, path, (size_t)(end - path) + 1);
	*folder = open(name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (*folder < 0 && (errno == ENOENT || errno == ENOTDIR))
		return refuse(diag, path, "listen-path",
		    "its folder does not exist; make it with mkdir -p, or "
		    "name another path");
	if (*folder < 0)
		return refuse_errno(diag, path, "its folder cannot be opened");
	/* a file system without locks is as good as one whose lock we have */
	while (flock(*folder, LOCK_EX) != 0 && errno == EINTR)
		;
	return ERR_OK;
}

enum err listen_unix(const char *path, struct diag *diag, int *fd)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	int folder, made = -1;

	*fd = -1;
	if (!*path || strlen(path) >= sizeof(at.sun_path))
		return refuse(diag, path, "listen-path",
		    "the path of a socket has 1 to 107 characters; name "
		    "another with --listen");
	memcpy(at.sun_path, path, strlen(path) + 1);
	enum err err = lock_folder(path, diag, &folder);
	if (err)
		return err;
	err = clear_path(&at, diag);
	if (!err) {
		made = socket(
		    AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		err = made < 0
			  ? refuse_errno(diag, path, "cannot make a socket")
			  : bind_path(made, &at, diag);
	}
	close(folder);
	if (!err)
		*fd = made;
	else if (made >= 0)
		close(made);
	return err;
}

/* ---- at a port ----------------------------------------------------------- */

static bool is_loopback(const struct sockaddr_storage *at)
{
	const struct sockaddr_in *in4 = (const void *)at;
	const struct sockaddr_in6 *in6 = (const void *)at;

	if (at->ss_family == AF_INET)
		return ntohl(in4->sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
	return at->ss_family == AF_INET6 &&
	       IN6_IS_ADDR_LOOPBACK(&in6->sin6_addr);
}

static bool read_port(struct str text, in_port_t *port)
{
	unsigned n = 0;

	if (!text.n || text.n > 5)
		return false;
	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] < '0' || text.p[i] > '9')
			return false;
		n = n * 10 + (unsigned)(text.p[i] - '0');
	}
	*port = htons((in_port_t)n);
	return n >= 1 && n <= 65535;
}

/* "127.0.0.1:9000", "[::1]:9000" */
static bool read_tcp(const char *text, struct listen_at *out)
{
	struct sockaddr_in *in4 = (void *)&out->at;
	struct sockaddr_in6 *in6 = (void *)&out->at;
	const char *colon = strrchr(text, ':');
	const size_t n = colon ? (size_t)(colon - text) : 0;
	char host[INET6_ADDRSTRLEN];
	in_port_t port;

	*out = (struct listen_at){0};
	if (!colon || n >= sizeof(host) || !read_port(str_of(colon + 1), &port))
		return false;
	if (n > 2 && text[0] == '[' && text[n - 1] == ']') {
		memcpy(host, text + 1, n - 2);
		host[n - 2] = '\0';
		in6->sin6_family = AF_INET6;
		in6->sin6_port = port;
		out->n = sizeof(*in6);
		return inet_pton(AF_INET6, host, &in6->sin6_addr) == 1;
	}
	memcpy(host, text, n);
	host[n] = '\0';
	in4->sin_family = AF_INET;
	in4->sin_port = port;
	out->n = sizeof(*in4);
	return inet_pton(AF_INET, host, &in4->sin_addr) == 1;
}

static enum err bind_port(
    int fd, const struct listen_at *tcp, const char *address, struct diag *diag)
{
	const int on = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, (const struct sockaddr *)&tcp->at, tcp->n) != 0 ||
	    listen(fd, LOOP_BACKLOG) != 0) {
		if (errno == EADDRINUSE)
			return refuse(diag, address, "listen-in-use",
			    "a program listens there already; stop it, or "
			    "name another port with --listen");
		return refuse_errno(diag, address, "cannot be listened at");
	}
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	return ERR_OK;
}

static enum err listen_tcp(
    enum listen_use use, const char *address, struct diag *diag, int *fd)
{
	struct listen_at tcp;

	if (!read_tcp(address + strlen("tcp:"), &tcp)) {
		diag_error(diag, POS_NONE, "bad-value",
		    "%s takes tcp:127.0.0.1:PORT or tcp:[::1]:PORT with "
		    "a port from 1 to 65535, not `%s`",
		    uses[use].option, address);
		return ERR_USAGE;
	}
	if (!is_loopback(&tcp.at))
		return refuse_loopback(use, diag, address);
	int made = socket(
	    tcp.at.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (made < 0)
		return refuse_errno(diag, address, "cannot make a socket");
	enum err err = bind_port(made, &tcp, address, diag);
	if (err)
		close(made);
	else
		*fd = made;
	return err;
}

enum err listen_open(
    enum listen_use use, const char *address, struct diag *diag, int *fd)
{
	struct str s = str_of(address);

	*fd = -1;
	if (str_starts(s, "unix:"))
		return listen_unix(address + strlen("unix:"), diag, fd);
	if (str_starts(s, "tcp:"))
		return listen_tcp(use, address, diag, fd);
	diag_error(diag, POS_NONE, "bad-value",
	    "%s takes " LISTEN_KINDS ", not `%s`", uses[use].option, address);
	return ERR_USAGE;
}

enum err listen_where(const char *option, const char *address,
    struct diag *diag, struct listen_at *out)
{
	struct str s = str_of(address);
	struct sockaddr_un *un = (void *)&out->at;

	*out = (struct listen_at){0};
	if (str_starts(s, "tcp:") && read_tcp(address + strlen("tcp:"), out))
		return is_loopback(&out->at)
			   ? ERR_OK
			   : refuse_loopback(LISTEN_REQUESTS, diag, address);
	s = str_slice(s, strlen("unix:"), s.n);
	if (str_starts(str_of(address), "unix:") && s.n &&
	    s.n < sizeof(un->sun_path)) {
		un->sun_family = AF_UNIX;
		memcpy(un->sun_path, s.p, s.n);
		out->n = sizeof(*un);
		return ERR_OK;
	}
	diag_error(diag, POS_NONE, "bad-value",
	    "%s takes " LISTEN_KINDS " (a path of at most %zu bytes), not `%s`",
	    option, sizeof(un->sun_path) - 1, address);
	return ERR_USAGE;
}

/* ---- by inheritance ------------------------------------------------------ */

static bool is_listening(int fd)
{
	int on = 0;
	socklen_t n = sizeof(on);

	return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &on, &n) == 0 && on;
}

static bool is_socket(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISSOCK(st.st_mode);
}

static bool is_stream(int fd)
{
	int type = 0;
	socklen_t n = sizeof(type);

	return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &n) == 0 &&
	       type == SOCK_STREAM;
}

static enum err refuse_socket(struct diag *diag, int fd, const char *why)
{
	diag_error(diag, POS_NONE, "listen-socket",
	    "descriptor %d, which it was started with, %s; start it with a "
	    "listening stream socket (systemd: ListenStream= and Accept=no), "
	    "or say --listen",
	    fd, why);
	return ERR_IO;
}

static enum err take(enum listen_use use, int fd, struct diag *diag, int *out)
{
	struct sockaddr_storage at = {0};
	socklen_t n = sizeof(at);
	const int on = 1;

	if (!is_socket(fd))
		return refuse_socket(diag, fd, "is no socket");
	if (!is_stream(fd))
		return refuse_socket(diag, fd, "is not a stream");
	if (!is_listening(fd))
		return refuse_socket(diag, fd, "is not listening");
	if (getsockname(fd, (struct sockaddr *)&at, &n) != 0)
		return refuse_errno(diag, NULL, "a socket has no address");
	if (at.ss_family != AF_UNIX && !is_loopback(&at))
		return refuse_loopback(
		    use, diag, "the address of the socket it was started with");
	if (at.ss_family != AF_UNIX)
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	int flags = fcntl(fd, F_GETFL);
	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0 ||
	    fcntl(fd, F_SETFD, FD_CLOEXEC) != 0)
		return refuse_errno(diag, NULL, "a socket cannot be set");
	*out = fd;
	return ERR_OK;
}

/* How many descriptors we are told of; 0 = none, or they are not for us. */
static int given_fds(void)
{
	const char *pid = getenv("LISTEN_PID"), *fds = getenv("LISTEN_FDS");
	const long n = fds ? strtol(fds, NULL, 10) : 0;

	if (!pid || strtol(pid, NULL, 10) != (long)getpid() || n < 1)
		return 0;
	return n > FDS_MAX ? FDS_MAX : (int)n;
}

/* Of LISTEN_FDNAMES, "a:b:c": the i-th. */
static struct str given_name(int i)
{
	struct str names = str_of(getenv("LISTEN_FDNAMES"));
	size_t at = 0;

	for (; i > 0 && at < names.n; i--)
		at = str_find(names, ':', at) + 1;
	return str_slice(names, at, str_find(names, ':', at));
}

enum err listen_inherited(enum listen_use use, struct diag *diag, int *fd)
{
	const int n = given_fds();
	int found = -1, others = 0;

	*fd = -1;
	for (int i = 0; i < n; i++) {
		bool metrics = str_is(given_name(i), "metrics");
		if (metrics != (use == LISTEN_METRICS))
			continue;
		others += found >= 0;
		found = FIRST_FD + i;
	}
	if (others) {
		diag_error(diag, POS_NONE, "listen-socket",
		    "it was started with %d sockets of one use; give it one, "
		    "and one more with FileDescriptorName=metrics at most",
		    others + 1);
		return ERR_IO;
	}
	if (found >= 0)
		return take(use, found, diag, fd);
	if (use == LISTEN_REQUESTS && is_socket(STDIN_FILENO))
		return take(use, STDIN_FILENO, diag, fd);
	return ERR_OK;
}

bool listen_is_given(void)
{
	return given_fds() || is_listening(STDIN_FILENO);
}
