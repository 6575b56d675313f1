#ifndef LOWTIDE_CGI_UPSTREAM_EXEC_PARTS_H
#define LOWTIDE_CGI_UPSTREAM_EXEC_PARTS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "cgi/upstream/exec-said.h"
#include "cgi/upstream/exec.h"
#include "lib/buf.h"

/*
 * Between the worker and a minder. Its arguments:
 *
 *   lowtide-minder EXEC_MINDER WORK STOP,MEMORY,CPU,DISK,PROCESSES PATH ARGV…
 *
 * numbers in decimal; its environment is the program's. Its descriptors are the
 * program's 0 to 3 and a SOCK_SEQPACKET socket:
 */
#define EXEC_CONTROL_FD 4

/* What a minder says, in this order; what comes of it is its end. */
enum exec_word {
	EXEC_BEGUN,   /* from here on the program may have run */
	EXEC_STARTED, /* its process id, before its first word */
	EXEC_EXITED,  /* its wait status */
	/* or, as its last word, why it surely never ran: errno */
	EXEC_NO_FOLDER,
	EXEC_NO_PROCESS,
	EXEC_NO_PROGRAM,
	EXEC_WORDS
};
struct exec_said {
	int32_t word, value;
};
/* What it is told. That the socket closes is STOP, as nobody waits for it. */
#define EXEC_TELL_STOP 'T' /* SIGTERM to the group, SIGKILL after STOP */
#define EXEC_TELL_KILL 'K' /* SIGKILL to all that is left, now */
/* How long a program may take to end whose worker is gone: its job may begin
 * again elsewhere once a lease (20s) is over. */
#define EXEC_ALONE_MS 10000

/* ---- inside the pool: exec.c, exec-ports.c, exec-start.c, exec-end.c
 * --------------------
 */

enum exec_kind {
	EXEC_IN,
	EXEC_OUT,
	EXEC_ERR,
	EXEC_PROGRESS,
	EXEC_CONTROL, /* at its end the minder is gone */
	EXEC_PORTS
};
struct exec_port {
	struct exec_call *call;
	int fd; /* -1 = closed */
};
struct exec_call {
	struct exec_call *next;
	struct exec_pool *pool;
	void *tag;
	const struct upstream_exec *exec; /* NULL once it was aborted */
	int64_t stop_ms;
	struct exec_port ports[EXEC_PORTS];
	struct str in; /* what is left of the body */
	struct buf out;
	int64_t max;
	int64_t until_ms;   /* then it is stopped; 0 = never */
	int64_t give_up_ms; /* then its minder is not waited for; 0 = never */
	pid_t minder;	    /* 0 = there is none */
	pid_t pid;	    /* of the program; 0 = not told */
	int status;	    /* wait status */
	int reason;	    /* errno of what kept it from starting */
	enum exec_word refused;
	bool begun, exited, is_refused;
	bool stopped;	/* it was asked to end */
	bool late;	/* its time was over */
	bool too_large; /* it said more than is taken */
	bool moved, ended, given, gone;
	unsigned lines_said;
	struct exec_lines said, told;
	struct exec_progress progress;
};
struct exec_pool {
	int epoll_fd, timer_fd;
	char *work;
	const struct log *log; /* NULL: nothing is said */
	struct exec_call *calls;
};

/* Starts a minder at the other ends of what was opened; 0 or errno. */
/* exec-ports.c: all that moved, of every call; given out is nothing here. */
void exec_pump(struct exec_pool *pool);
/* What still lies in the pipes of a call that is over. */
void exec_flush(struct exec_call *call);
/* SIGTERM, and what belongs to it: once. */
void exec_ask_to_end(struct exec_call *call);
void exec_tell(struct exec_call *call, char word);
bool exec_is_open(const struct exec_call *call, enum exec_kind kind);
void exec_close_port(struct exec_call *call, enum exec_kind kind);

/* The ports, and what becomes of them in the minder; 0 or errno. */
int exec_open_ports(struct exec_call *call, int theirs[EXEC_PORTS]);
int exec_start_minder(
    const char *work, struct exec_call *call, const int theirs[EXEC_PORTS]);
/* What it came to, once it has ended; words live in the arena. */
void exec_answer(
    const struct exec_call *call, struct arena *a, struct upstream_answer *out);
/* A line of its fd 2, to the log. */
void exec_say(struct exec_call *call, struct str line);

#endif
