#include "cgi/upstream/exec-parts.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/clock.h"

/*
 * What a program came to, and what it said: words for whoever runs this.
 */
#define EXIT_AGAIN 75 /* EX_TEMPFAIL of sysexits.h */
#define LINES_MAX 50  /* of a call's fd 2 */
#define JOB_ID "LOWTIDE_JOB_ID="

static const char *name_of(const struct exec_call *call)
{
	const char *slash = strrchr(call->exec->path, '/');

	return slash ? slash + 1 : call->exec->path;
}

/* Empty: nobody gave it one. */
static struct str job_of(const struct exec_call *call)
{
	for (const char *const *at = call->exec->envp; *at; at++)
		if (strncmp(*at, JOB_ID, strlen(JOB_ID)) == 0)
			return str_of(*at + strlen(JOB_ID));
	return (struct str){0};
}

void exec_say(struct exec_call *call, struct str line)
{
	char text[EXEC_LINE_MAX];
	struct str clean = {.p = text};

	if (call->lines_said > LINES_MAX)
		return;
	clean.n = exec_clean(line, text, sizeof(text));
	if (clean.n == 0)
		return;
	if (call->lines_said++ == LINES_MAX)
		clean = STR("(what it says from here on is left out)");
	LOG(call->pool->log, clock_wall_ms(), "handler-said",
	    LOG_TEXT("handler", name_of(call)), LOG_INT("pid", call->pid),
	    LOG_STR("jobId", job_of(call)), LOG_STR("text", clean));
}

/* ---- why it was not started ---------------------------------------------- */

static const struct {
	int reason;
	const char *words;
} hints[] = {
    {EACCES, "it must be executable (chmod 0755) by this user, and so must "
	     "each folder above it; its file system must not be mounted "
	     "noexec"},
    {E2BIG, "its arguments and variables are longer than the system takes; "
	    "have it read them from its input"},
    {ENOEXEC, "it is no program of this machine; begin a script with #! and "
	      "the path of its interpreter"},
    {ETXTBSY, "it is being written; put a new one there by rename"},
    {ENOMEM, "memory is short, or limits.memory too small for it"},
    {EMFILE, "see `ulimit -n`"},
    {ENFILE, "see fs.file-max"},
    {EAGAIN, "the user that runs it has too many processes; see `ulimit -u`"},
};

static const char *hint_of(const struct exec_call *call)
{
	if (call->reason == ENOENT && access(call->exec->path, F_OK) == 0)
		return "the interpreter that its first line names is not "
		       "installed";
	if (call->reason == ENOENT)
		return "it is not there; build and install the site again";
	for (size_t i = 0; i < sizeof(hints) / sizeof(hints[0]); i++)
		if (hints[i].reason == call->reason)
			return hints[i].words;
	return "";
}

static const char *why_refused(const struct exec_call *call, struct arena *a)
{
	const char *reason = strerror(call->reason);

	if (call->reason == ETIME)
		return "its time to begin was over";
	if (call->refused == EXEC_NO_FOLDER)
		return arena_printf(a,
		    "no folder can be made in %s for the program: %s; it "
		    "must be a folder of the user that runs this, with room",
		    call->pool->work, reason)
		    .p;
	if (call->refused == EXEC_NO_PROCESS)
		return arena_printf(a, "no process for the program: %s; %s",
		    reason, hint_of(call))
		    .p;
	return arena_printf(a, "%s cannot be started: %s; %s", call->exec->path,
	    reason, hint_of(call))
	    .p;
}

/* ---- what it came to ----------------------------------------------------- */

/* Who may not have more memory seldom says so: most just fall over. */
static bool is_of_memory(int number)
{
	return number == SIGSEGV || number == SIGBUS || number == SIGABRT;
}

static const char *why_signal(const struct exec_call *call, struct arena *a)
{
	const int number = WTERMSIG(call->status);
	const char *more = "";

	if (number == SIGXCPU)
		more = "; it used more processor time than limits.cpu";
	else if (number == SIGXFSZ)
		more = "; it wrote a longer file than limits.disk";
	else if (call->late)
		more = "; its time was over";
	else if (call->stopped)
		more = "; it was told to stop";
	else if (number == SIGKILL)
		more = "; the system's log says whether memory was short";
	else if (call->exec->memory > 0 && is_of_memory(number))
		more = "; limits.memory may be too small for it";
	return arena_printf(a, "it was ended by signal %d (%s)%s", number,
	    strsignal(number), more)
	    .p;
}

static enum upstream_end end_of(const struct exec_call *call)
{
	const bool clean = call->exited && WIFEXITED(call->status);

	if (call->is_refused || !call->begun)
		return UPSTREAM_UNSENT;
	/* before 75, which it says since it was stopped for that */
	if (call->too_large)
		return UPSTREAM_TOO_LARGE;
	if (clean && WEXITSTATUS(call->status) == EXIT_AGAIN)
		return UPSTREAM_AGAIN;
	if (call->late)
		return UPSTREAM_TIMEOUT;
	if (!clean)
		return UPSTREAM_BROKEN;
	return WEXITSTATUS(call->status) == 0 ? UPSTREAM_ANSWER
					      : UPSTREAM_FAILED;
}

static const char *why_of(const struct exec_call *call, struct arena *a)
{
	if (call->is_refused)
		return why_refused(call, a);
	if (!call->begun)
		return "its minder ended before it could start it";
	if (call->too_large)
		return "its output is larger than result_max";
	if (!call->exited)
		return call->gone ? "its minder was killed"
				  : "it cannot be ended; what keeps it may be "
				    "seen with `ps`";
	if (WIFSIGNALED(call->status))
		return why_signal(call, a);
	const int status = WEXITSTATUS(call->status);
	if (status == 0)
		return call->late ? "it ended well after its time was over"
				  : "";
	return arena_printf(a, "it ended with status %d; %s", status,
	    call->lines_said ? "its lines handler-said may say why"
			     : "it said nothing on its descriptor 2")
	    .p;
}

void exec_answer(
    const struct exec_call *call, struct arena *a, struct upstream_answer *out)
{
	*out = (struct upstream_answer){
	    .end = end_of(call), .why = why_of(call, a)};
	if (call->exited)
		out->exit_status = WIFSIGNALED(call->status)
				       ? 128 + WTERMSIG(call->status)
				       : WEXITSTATUS(call->status);
	if (out->end != UPSTREAM_ANSWER)
		return;
	out->body = arena_str(a, buf_str(&call->out));
	out->status = out->body.n ? 200 : 204;
}
