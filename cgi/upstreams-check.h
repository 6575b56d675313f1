#ifndef LOWTIDE_CGI_UPSTREAMS_CHECK_H
#define LOWTIDE_CGI_UPSTREAMS_CHECK_H

#include "lib/config.h"

/*
 * What calls of these upstreams will need, looked at before any is made.
 * Warnings `ca-unreadable` and `ca-missing`: calls without what is named there
 * fail, the others are made.
 */
void upstreams_report(const struct config *config, struct diag *diag);

#endif
