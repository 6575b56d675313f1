#include "cgi/sandbox.h"

#include <sys/prctl.h>
#include <sys/resource.h>

/*
 * NO_NEW_PRIVS first: without it neither of the others is to be had. Landlock
 * before seccomp, which would not let it open the folders' rules.
 */

bool sandbox_memory(void)
{
	const struct rlimit none = {0};
	const bool limited = setrlimit(RLIMIT_CORE, &none) == 0;

	return (SANDBOX_SANITIZED || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0) &&
	       limited;
}

static void note(struct buf *missing, bool there, const char *what)
{
	if (!there)
		buf_printf(missing, "%s%s", missing->len ? ", " : "", what);
}

void sandbox_enter(
    const struct sandbox_spec *spec, const struct log *log, int64_t now_ms)
{
	struct buf missing = {0};

	note(&missing, prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0,
	    "no-new-privs");
	note(&missing, sandbox_memory(), "no-core");
	note(&missing, sandbox_files(spec), "landlock");
	note(&missing, sandbox_calls(spec), "seccomp");
	if (missing.len)
		ERROR_LOG(log, now_ms, "sandbox-partial",
		    LOG_STR("missing", buf_str(&missing)));
	buf_release(&missing);
}
