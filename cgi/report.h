#ifndef LOWTIDE_CGI_REPORT_H
#define LOWTIDE_CGI_REPORT_H

#include "cgi/envelope.h"
#include "cgi/job.h"

/*
 * Jobs as an operator sees them: aligned lines for people, JSON for programs.
 * Both come from the same fields, so neither tells what the other does not.
 * Text that a client or an upstream wrote is shown without control characters:
 * it cannot speak to a terminal. Pure but for the buffer.
 */
struct report_job {
	const struct api *api;
	struct job job;
	int64_t lease_ms;	   /* wall clock; 0 = nobody works on it */
	struct envelope_meta meta; /* `show` only */
	struct envelope_result result;
	bool has_result;
};

/* One line per job under a line of headings; `now_ms` gives the ages. */
void report_table(
    struct buf *out, const struct report_job *jobs, size_t n, int64_t now_ms);
/* {"jobs":[…]} with a final line break. */
void report_table_json(
    struct buf *out, const struct report_job *jobs, size_t n);
/* Everything known of one job but the bytes of its bodies. */
void report_job(struct buf *out, const struct report_job *job);
void report_job_json(struct buf *out, const struct report_job *job);

#endif
