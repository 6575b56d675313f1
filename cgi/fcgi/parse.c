#include "cgi/fcgi/parse.h"

#include <assert.h>
#include <fcgiapp.h>
#include <limits.h>
#include <stddef.h>
#include <stdlib.h>

/*
 * What is set here and read back belongs, by a comment in fcgiapp.h, to the
 * library; its accept function has no other way in. Debian ships this layout
 * since 2.4.1. Anything else must not compile.
 *
 * One FCGX_Request lives in each parser and stays where it is: its streams
 * point back at it, so a copy would be freed twice.
 */
#define AT(field, offset)                                                      \
	static_assert(offsetof(FCGX_Request, field) == (offset),               \
	    "libfcgi's FCGX_Request changed: see docs/adr/0001")
#if defined(__x86_64__) || defined(__aarch64__)
AT(requestId, 0);
AT(in, 8);
AT(envp, 32);
AT(paramsPtr, 40);
AT(ipcFd, 48);
AT(isBeginProcessed, 52);
AT(keepConnection, 56);
AT(listen_sock, 72);
AT(detached, 76);
static_assert(sizeof(FCGX_Request) == 80, "see docs/adr/0001");
#endif

struct parser {
	FCGX_Request request;
};

enum err parse_init(void)
{
	return FCGX_Init() == 0 ? ERR_OK : ERR_IO;
}

struct parser *parser_open(void)
{
	struct parser *p = calloc(1, sizeof(*p));

	if (!p)
		abort();
	return p;
}

void parser_done(struct parser *p)
{
	/* Not FCGX_Finish_r: that would write an answer of its own. */
	FCGX_Free(&p->request, 0);
}

void parser_close(struct parser *p)
{
	if (!p)
		return;
	parser_done(p);
	free(p);
}

/*
 * With a descriptor in ipcFd it does not accept; with keepConnection it would
 * not close one that it had finished with; detached keeps it from lingering
 * over one that it refuses; and with listen_sock -1 it comes back when it has.
 */
static enum err take(struct parser *p, int *fd)
{
	FCGX_Request *r = &p->request;

	parser_done(p);
	if (FCGX_InitRequest(r, -1, FCGI_FAIL_ACCEPT_ON_INTR) != 0)
		return ERR_IO;
	r->ipcFd = *fd;
	r->keepConnection = 1;
	r->detached = 1;
	int status = FCGX_Accept_r(r);
	if (r->ipcFd < 0)
		*fd = -1;
	r->ipcFd = -1;
	return status == 0 ? ERR_OK : ERR_CORRUPT;
}

static enum err take_body(
    struct parser *p, struct arena *a, size_t n, struct str *out)
{
	char *bytes = arena_alloc(a, n + 1);

	if (n > INT_MAX || FCGX_GetStr(bytes, (int)n, p->request.in) != (int)n)
		return ERR_CORRUPT;
	*out = (struct str){.p = bytes, .n = n};
	return ERR_OK;
}

enum err parse_request(struct parser *p, struct arena *a, int *fd, size_t body,
    struct request *out)
{
	int source = *fd;
	enum err err = take(p, fd);

	if (err)
		return err;
	err = request_from_cgi(a, p->request.envp, out);
	if (err || body == 0)
		return err;
	p->request.ipcFd = source;
	err = take_body(p, a, body, &out->body);
	p->request.ipcFd = -1;
	return err;
}
