#include "cgi/process.h"

#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>

#include "cgi/user.h"
#include "lib/clock.h"
#include "lib/version.h"

bool process_is_answered(struct start *s, const struct process_rows *rows,
    const struct opt_result *found, enum err *err)
{
	const struct opt_value *values = found->values;
	bool takes_file =
	    values[rows->test].given && !values[rows->config].given;

	*err = ERR_OK;
	if (values[rows->help].given) {
		rows->usage();
		return true;
	}
	if (values[rows->version].given) {
		printf("%s %s\n", rows->name, LOWTIDE_VERSION);
		return true;
	}
	if (found->n_operands <= takes_file)
		return false;
	diag_error(&s->diag, POS_NONE, "unexpected-operand",
	    "`%s` is not expected; see --help", found->operands[takes_file]);
	*err = ERR_USAGE;
	return true;
}

const char *process_test_file(const struct opt_result *found)
{
	return found->n_operands ? found->operands[0] : NULL;
}

void process_settle_signals(void)
{
	sigset_t set;

	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
}

void process_raise_file_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}

void process_warn_of_root(struct log *log, const char *why)
{
	if (user_is_root())
		ERROR_LOG(log, clock_wall_ms(), "running-as-root",
		    LOG_TEXT("why", why));
}
