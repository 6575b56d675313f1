#ifndef LOWTIDE_CGI_ANSWER_PARTS_H
#define LOWTIDE_CGI_ANSWER_PARTS_H

#include "cgi/answer.h"
#include "lib/json.h"

/*
 * What answer.c (problems, headers) and document.c (what is said of a job)
 * share. For them alone; others use cgi/answer.h.
 */

/* The name an answer gives the request: the job's where there is one. */
struct str answer_request_id(
    const struct answer_context *c, const struct answer_job *j);
void answer_text(struct json_writer *w, const char *key, struct str text);
/* Of this job's API; NULL = not measured. */
const struct estimate *answer_estimate(
    const struct answer_context *c, const struct answer_job *j);
/* The body from *out, which is released, and its type. */
void answer_json(
    struct arena *a, struct buf *out, const char *type, struct answer *ans);
/* The members of a status document, inside an object that is open. */
void answer_put_document(struct json_writer *w, const struct answer_context *c,
    const struct answer_job *j);
/* type, title, status and detail, inside an object that is open. */
void answer_put_problem(struct json_writer *w, const struct answer_context *c,
    enum problem problem, int status, const char *detail);
/* upstreamStatus, where an upstream answered. */
void answer_put_upstream(struct json_writer *w, const struct answer_job *j);

#endif
