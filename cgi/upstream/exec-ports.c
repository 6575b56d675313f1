#include "cgi/upstream/exec-parts.h"

#include <errno.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cgi/upstream/exec-folder.h"
#include "lib/clock.h"

/*
 * What goes through a call's pipes, and the words of its minder. Nothing here
 * waits: each turn takes some of what there is.
 */
#define READ_MAX ((size_t)256 * 1024) /* a turn, of one pipe */
#define FLUSH_MAX                                                              \
	((size_t)1024 * 1024) /* when it is over: more than a pipe             \
			       */
#define EVENTS_MAX 64
#define LATE_MS 10000 /* for a minder to do what it was told */

bool exec_is_open(const struct exec_call *call, enum exec_kind kind)
{
	return call->ports[kind].fd >= 0;
}

/*
 * Unwatched first: a minder that is just being started has a copy of it until
 * its exec is through, and a close() alone is no end while there is one.
 */
void exec_close_port(struct exec_call *call, enum exec_kind kind)
{
	const int fd = call->ports[kind].fd;

	if (exec_is_open(call, kind)) {
		(void)epoll_ctl(call->pool->epoll_fd, EPOLL_CTL_DEL, fd, NULL);
		close(fd);
	}
	call->ports[kind].fd = -1;
}

void exec_tell(struct exec_call *call, char word)
{
	if (exec_is_open(call, EXEC_CONTROL))
		(void)!send(call->ports[EXEC_CONTROL].fd, &word, 1,
		    MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void give_up_within(struct exec_call *call, int64_t ms)
{
	const int64_t at = clock_monotonic_ms() + ms + LATE_MS;

	if (!call->give_up_ms || at < call->give_up_ms)
		call->give_up_ms = at;
}

void exec_ask_to_end(struct exec_call *call)
{
	if (call->stopped)
		return;
	call->stopped = true;
	exec_tell(call, EXEC_TELL_STOP);
	give_up_within(call, call->stop_ms);
}

/* ---- its pipes ----------------------------------------------------------- */

static void write_in(struct exec_call *call)
{
	const int fd = call->ports[EXEC_IN].fd;

	while (call->in.n) {
		ssize_t n = write(fd, call->in.p, call->in.n);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return;
		if (n < 0)
			break; /* it reads no more, which is its affair */
		call->in = str_slice(call->in, (size_t)n, call->in.n);
	}
	exec_close_port(call, EXEC_IN);
}

/* Its family is gone or has let go: who else has its output is nobody. */
static void end_family(struct exec_call *call)
{
	if (call->exited && !exec_is_open(call, EXEC_OUT))
		exec_tell(call, EXEC_TELL_KILL);
}

/* Its whole output, unless it is more than that. */
static void read_out(struct exec_call *call)
{
	const int fd = call->ports[EXEC_OUT].fd;
	size_t most = READ_MAX;
	ssize_t n = 1;

	if ((int64_t)most > call->max - (int64_t)call->out.len)
		most = (size_t)(call->max - (int64_t)call->out.len) + 1;
	buf_reserve(&call->out, most);
	do
		n = read(fd, call->out.data + call->out.len, most);
	while (n < 0 && errno == EINTR);
	if (n < 0 && errno == EAGAIN)
		return;
	if (n > 0)
		call->out.len += (size_t)n;
	if ((int64_t)call->out.len > call->max) {
		call->too_large = true;
		buf_release(&call->out);
		exec_ask_to_end(call);
	}
	if (n > 0 && !call->too_large)
		return;
	exec_close_port(call, EXEC_OUT);
	end_family(call);
}

static void on_said(void *ctx, struct str line)
{
	exec_say(ctx, line);
}

static void on_told(void *ctx, struct str line)
{
	struct exec_call *call = ctx;

	if (exec_progress_read(line, &call->progress))
		call->moved = true;
}

/* Lines of fd 2 or 3: some now, the rest in another turn. */
static void read_lines(struct exec_call *call, enum exec_kind kind,
    struct exec_lines *lines, exec_line *each)
{
	char bytes[16 * 1024];
	size_t seen = 0;
	ssize_t n;

	while (seen < READ_MAX) {
		n = read(call->ports[kind].fd, bytes, sizeof(bytes));
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return;
		if (n <= 0)
			break;
		seen += (size_t)n;
		exec_lines_put(lines, (struct str){.p = bytes, .n = (size_t)n},
		    each, call);
	}
	if (seen >= READ_MAX)
		return;
	exec_lines_end(lines, each, call);
	exec_close_port(call, kind);
}

/* ---- its minder ---------------------------------------------------------- */

static void on_exit_told(struct exec_call *call, int status)
{
	call->exited = true;
	call->status = status;
	give_up_within(call, call->stop_ms);
	end_family(call);
}

static void hear(struct exec_call *call);

/* What it says in the log, it says with its number. */
static void read_err(struct exec_call *call)
{
	if (!call->pid && exec_is_open(call, EXEC_CONTROL))
		hear(call);
	if (exec_is_open(call, EXEC_ERR))
		read_lines(call, EXEC_ERR, &call->said, on_said);
}

/* All that still lies in a pipe; whoever has its other end may write on. */
void exec_flush(struct exec_call *call)
{
	const size_t most = FLUSH_MAX / READ_MAX;

	for (size_t i = 0; i < most && exec_is_open(call, EXEC_ERR); i++)
		read_err(call);
	while (exec_is_open(call, EXEC_OUT)) {
		const size_t was = call->out.len;
		read_out(call);
		if (call->out.len == was)
			break;
	}
	exec_lines_end(&call->said, on_said, call);
}

/* It was killed itself: the program died with it, its group did not. */
static void on_lost_minder(struct exec_call *call)
{
	if (call->pid > 0 && !call->exited && !call->is_refused)
		kill(-call->pid, SIGKILL);
	exec_folder_sweep(call->pool->work);
}

/* It has closed all it had, so it is not waited for long. */
static void on_gone(struct exec_call *call)
{
	int status = 0;

	while (waitpid(call->minder, &status, 0) < 0 && errno == EINTR)
		continue;
	call->gone = true;
	if (!call->given)
		exec_flush(call);
	if (!WIFEXITED(status) || (!call->exited && !call->is_refused))
		on_lost_minder(call);
	call->ended = true;
	for (int i = 0; i < EXEC_PORTS; i++)
		exec_close_port(call, (enum exec_kind)i);
}

static void heard(struct exec_call *call, const struct exec_said *said)
{
	if (said->word == EXEC_BEGUN) {
		call->begun = true;
	} else if (said->word == EXEC_STARTED) {
		call->pid = said->value;
	} else if (said->word == EXEC_EXITED) {
		on_exit_told(call, said->value);
	} else {
		call->is_refused = true;
		call->refused = (enum exec_word)said->word;
		call->reason = said->value;
	}
}

/* That it did not hear us to the end comes before what it said to us. */
static void hear(struct exec_call *call)
{
	const int fd = call->ports[EXEC_CONTROL].fd;
	struct exec_said said;
	ssize_t n;

	do {
		n = recv(fd, &said, sizeof(said), MSG_DONTWAIT);
		if (n == (ssize_t)sizeof(said))
			heard(call, &said);
	} while (n > 0 || (n < 0 && (errno == ECONNRESET || errno == EINTR)));
	if (n < 0 && errno == EAGAIN)
		return;
	exec_close_port(call, EXEC_CONTROL);
	on_gone(call);
}

static void read_progress(struct exec_call *call)
{
	read_lines(call, EXEC_PROGRESS, &call->told, on_told);
}

void exec_pump(struct exec_pool *pool)
{
	static void (*const on[EXEC_PORTS])(struct exec_call *) = {
	    [EXEC_IN] = write_in,
	    [EXEC_OUT] = read_out,
	    [EXEC_ERR] = read_err,
	    [EXEC_PROGRESS] = read_progress,
	    [EXEC_CONTROL] = hear};
	struct epoll_event events[EVENTS_MAX];
	int n = epoll_wait(pool->epoll_fd, events, EVENTS_MAX, 0);

	for (int i = 0; i < n; i++) {
		struct exec_port *port = events[i].data.ptr;
		if (port && port->fd >= 0)
			on[port - port->call->ports](port->call);
	}
}
