#ifndef LOWTIDE_CGI_EVENTS_PARTS_H
#define LOWTIDE_CGI_EVENTS_PARTS_H

#include "cgi/handle.h"

/*
 * What events.c (one job's stream) and events-owner.c (all of an owner's)
 * share. For them alone. A stream is .wait of what is handled: see events.c.
 */

/*
 * A stream is asked for: what it shall be, into .wait, but for .id. False: it
 * is answered (400, 406).
 */
bool events_prepare(struct handling *h, enum wait_view kind, size_t api);
/* There is no other place for one: 503. */
enum outcome events_refuse_another(struct handling *h);
/* What it asks about cannot be had, or not yet. */
enum outcome events_refuse(struct handling *h, enum err err);
/* It begins: the head, and from now on it has no end but its own. */
void events_head(struct handling *h);
void events_begun(struct handling *h);

/* Of the row in hand; empty: this view has none for it. */
struct str events_name(const struct handling *h);
/* The errors of reading its bodies; nothing is put then. */
enum err events_put(struct handling *h, struct str name, struct buf *out)
    __attribute__((warn_unused_result));
/* What it is told now; *out is released. */
void events_give(struct handling *h, struct buf *out);
/* It is told something: no sign of life is due for a while. */
void events_alive(struct handling *h);
/* It is told nothing, or that it is still there. */
enum outcome events_stay(struct handling *h);
/* The store says nothing just now; or it never will, and this is the end. */
enum outcome events_stay_or_end(struct handling *h, enum err err);

enum outcome events_begin_owner(struct handling *h);
enum outcome events_resume_owner(struct handling *h);

#endif
