#ifndef LOWTIDE_CGI_TENDED_H
#define LOWTIDE_CGI_TENDED_H

#include "cgi/log.h"
#include "cgi/store/store.h"

/*
 * What the store's housekeeping did, in words for an operator: rows that
 * expired, an expiry that stands still because a clock cannot be trusted, and
 * that it goes on. With no news it says nothing. The endpoint and the worker
 * both keep house and both say it so.
 */
void tended_log(
    const struct log *log, int64_t now_ms, const struct store_tended *report);

#endif
