#ifndef LOWTIDE_CGI_ANSWER_PARTS_H
#define LOWTIDE_CGI_ANSWER_PARTS_H

#include "cgi/answer.h"
#include "lib/json.h"

/*
 * What answer.c (problems, headers), document.c (what is said of a job) and
 * read/read-answer.c share. For them alone; others use cgi/answer.h.
 */

#define ANSWER_PROBLEM_TYPE "application/problem+json"

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
/*
 * An object with those, and what else every problem has, is open; its status is
 * the answer's. status 0: as the table has it.
 */
void answer_start_problem(struct json_writer *w, const struct answer_context *c,
    enum problem problem, int status, const char *detail,
    const struct answer_job *j, struct answer *ans);
/* upstreamStatus, where an upstream answered. */
void answer_put_upstream(struct json_writer *w, const struct answer_job *j);

#endif
