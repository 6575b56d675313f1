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
	/* on the wall clock; 0 = nobody works on it, it need not wait */
	int64_t lease_ms, not_before_ms;
	struct envelope_meta meta; /* `show` only */
	struct envelope_result result;
	bool has_result;
	struct envelope_note note; /* of an open job */
	bool has_note;
	struct envelope_request request; /* but the bytes of its body */
	bool has_request;
};

/* One line per job under a line of headings; `now_ms` gives the ages. */
void report_table(
    struct buf *out, const struct report_job *jobs, size_t n, int64_t now_ms);
/* One of its lines, and one JSON object in a line, with a line break. */
void report_line(struct buf *out, const struct report_job *job, int64_t now_ms);
void report_line_json(struct buf *out, const struct report_job *job);
/* {"jobs":[…]} with a final line break. */
void report_table_json(
    struct buf *out, const struct report_job *jobs, size_t n);
/* A body: as it is, but on a terminal without what could speak to that. */
void report_bytes(struct buf *out, struct str bytes, bool terminal);
/* Everything known of one job but the bytes of its bodies. */
void report_job(struct buf *out, const struct report_job *job);
void report_job_json(struct buf *out, const struct report_job *job);

#endif
