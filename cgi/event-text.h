#ifndef LOWTIDE_CGI_EVENT_TEXT_H
#define LOWTIDE_CGI_EVENT_TEXT_H

#include "cgi/job.h"
#include "cgi/park.h"
#include "lib/buf.h"

/*
 * Server-sent events as text (the HTML standard, 9.2), and what a client may
 * say of those it wants. Pure.
 *
 * An event is three lines and an empty one:
 *
 *   id: VERSION
 *   event: NAME
 *   data: DOCUMENT
 *
 * The document is JSON, where a line break can only stand between tokens: it
 * becomes a space, so that a document is one line whoever wrote what is in it.
 */
#define EVENT_RETRY_MS 2000 /* before a browser connects again */

/* What comes first: when to connect again. */
void event_put_retry(struct buf *out);
void event_put(
    struct buf *out, int64_t version, struct str name, struct str document);
/* No event, but from now on whoever connects again is told what came since. */
void event_put_id(struct buf *out, int64_t version);
/* No event, but a sign of life. */
void event_put_comment(struct buf *out);

/*
 * The event that a row is in this view; empty: none. EVENT_ALL: "job".
 * EVENT_COMMAND: the API's own name of what the row's state is; a job that is
 * queued for another attempt is not accepted again. EVENT_ALERT: "alert" for
 * what went wrong or needs its owner.
 */
struct str event_name(
    enum event_view view, const struct api *api, const struct job *job);
/* "all", "command", "alert"; false: no such view. */
bool event_read_view(struct str text, enum event_view *view);
/* Last-Event-ID: a version; -1 for whatever else it is. */
int64_t event_read_id(struct str text);
/* Whether a header Accept allows text/event-stream (RFC 9110 12.5.1). */
bool event_is_accepted(struct str accept);

#endif
