#include "cgi/jobs.h"

#include "lib/clock.h"

/* What the store does by itself in its time, at an operator's word. */

const struct opt jobs_trust_clock_options[] = {
    START_OPTIONS,
    {.name = NULL},
};

enum err jobs_trust_clock(struct jobs *run)
{
	const struct store_now now = {
	    .ms = clock_wall_ms(), .boot = clock_boot_ms()};
	bool was_stopped;
	enum err err = jobs_open(run);

	if (err != ERR_OK)
		return err;
	err = store_trust_clock(run->start.store, now, &was_stopped);
	if (err != ERR_OK)
		diag_error(&run->start.diag, POS_FILE(run->start.state_dir),
		    "store-failed",
		    "the store cannot be written to (%s); try again",
		    err_text(err));
	else
		buf_puts(&run->out,
		    was_stopped
			? "the wall clock is taken for right: expiry goes on\n"
			: "the wall clock is taken for right: expiry had not "
			  "stopped\n");
	return err;
}
