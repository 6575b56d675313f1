#ifndef LOWTIDE_CGI_EVENTS_H
#define LOWTIDE_CGI_EVENTS_H

/*
 * The document of the event that was written last: many who follow one job are
 * told the same, and it is read, unsealed and written once. For struct app;
 * it holds up to one document, which may have a result in it.
 */
struct event_cache;
struct event_cache *event_cache_new(void);
void event_cache_free(struct event_cache *cache); /* NULL-safe */

#endif
