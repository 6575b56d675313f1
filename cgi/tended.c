#include "cgi/tended.h"

void tended_log(
    const struct log *log, int64_t now_ms, const struct store_tended *report)
{
	if (report->emptied || report->deleted)
		LOG(log, now_ms, "jobs-expired",
		    LOG_INT("emptied", (int64_t)report->emptied),
		    LOG_INT("deleted", (int64_t)report->deleted));
	if (!report->clock_changed)
		return;
	if (report->clock_stopped)
		ERROR_LOG(log, now_ms, "expiry-stopped",
		    LOG_TEXT("why", "the wall clock was set or jumped; nothing "
				    "expires until it has been steady for 10 "
				    "minutes, or until an operator says that "
				    "it is right: lowtide-jobs trust-clock"));
	else
		ERROR_LOG(log, now_ms, "expiry-goes-on",
		    LOG_TEXT("why", "the wall clock is steady again"));
}
