#include "cgi/upstream/curl-parts.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cgi/upstream/address.h"
#include "lib/clock.h"

/*
 * The connections that are kept, and whether they may be used once more.
 *
 * Bytes that lie in an idle HTTP/1.1 connection are an answer to nobody, and
 * libcurl would take them for the answer to whoever asks next, who may be
 * somebody else. So before a call leaves on a connection that it did not open,
 * we look: where anything has come, or its end, the call goes out on a new one.
 * HTTP/2 names the call with each answer; there frames may lie at any time.
 *
 * libcurl names a connection by its two ends. Which socket that is, is known
 * from when it was opened.
 */
struct http_kept {
	const void *ends; /* a hash of them */
	int fd;		  /* -1 = it is closed */
	size_t users;	  /* calls on it that were not let go of */
	bool one, many;	  /* it answered by HTTP/1, by HTTP/2; neither yet */
};

static const void *hash(
    const char *there, const char *here, int port, int our_port)
{
	uint64_t h = (uint64_t)port << 16 | (uint64_t)our_port;

	for (; *there; there++)
		h = (h ^ (unsigned char)*there) * 0x100000001b3u;
	for (h = ~h; *here; here++)
		h = (h ^ (unsigned char)*here) * 0x100000001b3u;
	return (const void *)(uintptr_t)h;
}

static const void *name_of(int fd)
{
	return (const void *)((uintptr_t)fd + 1);
}

void http_kept_leave(struct http_call *call)
{
	struct http_kept *kept = call->kept;

	call->kept = NULL;
	if (kept && --kept->users == 0 && kept->fd < 0)
		free(kept);
}

static void use(struct http_call *call, struct http_kept *kept)
{
	kept->users++;
	http_kept_leave(call);
	call->kept = kept;
}

static int on_close(void *ctx, curl_socket_t fd)
{
	struct http_pool *pool = ctx;
	struct http_kept *kept = tags_get(&pool->by_fd, name_of(fd));

	if (kept) {
		tags_drop(&pool->by_fd, name_of(fd), kept);
		tags_drop(&pool->by_ends, kept->ends, kept);
		kept->fd = -1;
		if (!kept->users)
			free(kept);
	}
	return close(fd);
}

/* Several are tried where a name has several addresses. */
static curl_socket_t on_open(
    void *ctx, curlsocktype purpose, struct curl_sockaddr *address)
{
	struct http_call *call = ctx;

	(void)purpose;
	if (!call->local &&
	    !address_is_global(&address->addr, address->addrlen)) {
		call->refused = true;
		return CURL_SOCKET_BAD;
	}
	const int fd = socket(address->family, address->socktype | SOCK_CLOEXEC,
	    address->protocol);
	call->opened[call->n_opened++ % HTTP_OPENED] = fd;
	return fd;
}

/* The one of those that it opened which has this port; -1: it opened none. */
static int opened(const struct http_call *call, int our_port)
{
	for (size_t i = 0; i < HTTP_OPENED && i < call->n_opened; i++) {
		union {
			struct sockaddr any;
			struct sockaddr_in in;
			struct sockaddr_in6 in6;
		} at;
		socklen_t n = sizeof(at);

		if (getsockname(call->opened[i], &at.any, &n) == 0 &&
		    ntohs(at.any.sa_family == AF_INET6
			      ? at.in6.sin6_port
			      : at.in.sin_port) == our_port)
			return call->opened[i];
	}
	return -1;
}

static void keep(struct http_call *call, int fd, const void *ends)
{
	struct http_kept *kept = calloc(1, sizeof(*kept));

	if (!kept)
		abort();
	*kept = (struct http_kept){.ends = ends, .fd = fd};
	tags_put(&call->pool->by_fd, name_of(fd), kept);
	tags_put(&call->pool->by_ends, ends, kept);
	use(call, kept);
}

static bool is_silent(int fd)
{
	char byte;

	return recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 &&
	       errno == EAGAIN;
}

/*
 * As long as nobody on it was answered, others are only let on it by HTTP/2.
 */
static bool may_be_used(const struct http_kept *kept)
{
	if (!kept)
		return false;
	return kept->many || (!kept->one && kept->users) || is_silent(kept->fd);
}

/*
 * Before a byte of it leaves. A connection may have been opened by a call that
 * was allowed to, so the address is looked at once more, too. And between the
 * caller's last look at the clock and this the process may have been stopped.
 */
static int on_request(
    void *ctx, char *there, char *here, int port, int our_port)
{
	struct http_call *call = ctx;
	const void *ends = hash(there, here, port, our_port);

	call->refused = !call->local && !address_text_is_global(there);
	call->late =
	    call->leave_by_boot && *call->leave_by_boot <= clock_boot_ms();
	if (call->refused || call->late)
		return CURL_PREREQFUNC_ABORT;
	if (!call->reuse)
		return CURL_PREREQFUNC_OK;
	const int fd = opened(call, our_port);
	call->n_opened = 0;
	if (fd >= 0) {
		keep(call, fd, ends);
		return CURL_PREREQFUNC_OK;
	}
	struct http_kept *kept = tags_get(&call->pool->by_ends, ends);
	call->stale = !may_be_used(kept);
	if (call->stale)
		return CURL_PREREQFUNC_ABORT;
	use(call, kept);
	return CURL_PREREQFUNC_OK;
}

void http_kept_status(struct http_call *call, struct str line)
{
	if (!call->kept || !str_starts(line, "HTTP/"))
		return;
	call->kept->many = str_starts(line, "HTTP/2");
	call->kept->one = !call->kept->many;
}

void http_kept_set_up(struct http_call *call)
{
	CURL *easy = call->easy;

	curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, on_open);
	curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, call);
	curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, on_request);
	curl_easy_setopt(easy, CURLOPT_PREREQDATA, call);
	if (!call->reuse)
		return;
	/* of the connection, which lives longer than the call */
	curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, on_close);
	curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, call->pool);
}
