#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cgi/listen.h"
#include "cgi/read/read-parts.h"

/*
 * Where lowtide-read is reached, and reaches the endpoint: what its options say
 * (NULL: nothing), what it is started with, or the folder of its site.
 */
static const char *run_path(struct read_program *p, const char *name)
{
	return arena_printf(&p->start.arena, READ_RUN "/%.*s/%s",
	    STR_ARG(p->start.config->name), name)
	    .p;
}

/* Who leaves has to be started again by whoever has the socket. */
static enum err check_idle(struct read_program *p, bool inherited)
{
	if (!p->idle_ms || inherited)
		return ERR_OK;
	diag_error(&p->start.diag, POS_NONE, "idle-exit-socket",
	    "nobody would start it again: --idle-exit is for a socket that it "
	    "is started with, of a lowtide-read@NAME.socket for example; leave "
	    "--idle-exit out, or --listen");
	return ERR_USAGE;
}

enum err read_listen(struct read_program *p, const char *address)
{
	struct diag *diag = &p->start.diag;
	enum err err = ERR_OK;

	if (!address)
		err = listen_inherited(LISTEN_REQUESTS, diag, &p->listen_fd);
	if (err == ERR_OK)
		err = check_idle(p, p->listen_fd >= 0);
	if (err != ERR_OK || p->listen_fd >= 0)
		return err;
	if (address)
		return listen_open(
		    LISTEN_REQUESTS, address, diag, &p->listen_fd);
	return listen_unix(run_path(p, "read.sock"), diag, &p->listen_fd);
}

static enum err open_metrics(struct read_program *p, const char *address)
{
	struct diag *diag = &p->start.diag;

	return address
		   ? listen_open(LISTEN_METRICS, address, diag, &p->metrics_fd)
		   : listen_inherited(LISTEN_METRICS, diag, &p->metrics_fd);
}

enum err read_control_path(
    struct read_program *p, const char *address, const char **path)
{
	if (!address) {
		*path = run_path(p, "read/control.sock");
		return ERR_OK;
	}
	*path = address + strlen("unix:");
	if (strncmp(address, "unix:", 5) == 0 && address[5])
		return ERR_OK;
	diag_error(&p->start.diag, POS_NONE, "bad-value",
	    "--control takes unix:PATH, not `%s`", address);
	return ERR_USAGE;
}

/*
 * The default is for the folder that a service has; without it, no orders. It
 * is one of its own: that of the other sockets is root's where systemd made it,
 * and theirs is another group.
 */
static enum err open_control(struct read_program *p, const char *address)
{
	const char *path;
	enum err err = read_control_path(p, address, &path);

	if (err != ERR_OK)
		return err;
	if (!address) {
		const char *folder = run_path(p, "read");
		if (mkdir(folder, 0755) != 0 &&
		    access(folder, W_OK | X_OK) != 0)
			return ERR_OK;
	}
	return listen_unix(path, &p->start.diag, &p->control_fd);
}

enum err read_find_endpoint(struct read_program *p, const char *address)
{
	if (!address)
		address = arena_printf(
		    &p->start.arena, "unix:%s", run_path(p, "cgi.sock"))
			      .p;
	p->has_endpoint = true;
	return listen_where(
	    "--endpoint", address, &p->start.diag, &p->endpoint);
}

enum err read_open_sockets(struct read_program *p, const char *address,
    const char *metrics, const char *control)
{
	enum err err = ERR_OK;

	if (p->listen_fd < 0)
		err = read_listen(p, address);
	if (err == ERR_OK)
		err = open_metrics(p, metrics);
	return err == ERR_OK ? open_control(p, control) : err;
}
