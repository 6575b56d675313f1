#include "cgi/read/reader-parts.h"

#include <stdlib.h>

#include "cgi/names.h"
#include "cgi/pattern.h"

/*
 * Reads that become jobs (handover.h): because the client prefers it, because
 * he asks for one that there is, or because his deadline has passed and the
 * read allows it. What the endpoint answers is his answer.
 */

static bool may_hand_over(const struct reading *h)
{
	return h->read->api.n && h->reader->spec.handover;
}

void wish_read(const struct reading *h, struct wish *out)
{
	struct str id = request_header(h->r, "x-request-id");
	bool async;

	*out = (struct wish){.ms = -1};
	if (!may_hand_over(h))
		return;
	const int64_t ms = pattern_wish_ms(h->r, &async);
	out->async = async;
	out->again = str_starts(id, "job_");
	out->late = h->read->promote || async;
	if (out->late)
		out->ms = ms;
	out->over = out->again || (async && ms < 0) || (out->late && ms == 0);
}

struct str wish_records(struct reading *h, enum handover_why why)
{
	struct buf out = {0};
	struct str records = STR("");

	handover_request(h->r, why, &out);
	if (h->reader->kept + out.len <= READER_KEPT_MAX)
		records = arena_str(h->arena, buf_str(&out));
	buf_release(&out);
	return records;
}

static enum err start(struct reading *h, struct waiter *waiter)
{
	enum err err = handover_start(h->reader->spec.handover, h->now.boot_ms,
	    waiter->records, waiter_name(waiter));

	if (err != ERR_OK)
		LOG(h->reader->spec.log, h->now.wall_ms, "handover-failed",
		    LOG_STR("read", h->read->name),
		    LOG_TEXT("error", err_name(err)));
	return err;
}

enum outcome reading_hand_over(struct reading *h, const struct wish *wish)
{
	struct str records =
	    wish_records(h, wish->again ? HANDOVER_AGAIN : HANDOVER_ASKED);

	if (!records.n) {
		read_answer_overloaded(&h->c, h->ans);
		return OUTCOME_ANSWER;
	}
	struct waiter *waiter = waiter_new(h, 0, h->now.boot_ms, records);
	waiter->async = wish->async;
	waiter->again = wish->again;
	if (start(h, waiter) == ERR_OK)
		return OUTCOME_PARK;
	waiter_free(h->reader, waiter);
	return reading_problem(h, PROBLEM_STORE_UNAVAILABLE, NULL);
}

bool waiter_hand_over(struct reading *h, struct waiter *waiter)
{
	if (!h->reader->spec.handover)
		return false;
	waiter->handed = start(h, waiter) == ERR_OK;
	waiter->late = waiter->handed;
	return waiter->handed;
}

/* ---- what came back ------------------------------------------------------ */

static bool takes(const struct waiter *waiter)
{
	return waiter && waiter->handed && !waiter->said;
}

void reader_hear_over(struct reader *r, int64_t now_boot)
{
	struct said said = {0};
	uint64_t name;

	while (handover_next(r->spec.handover, now_boot, &said.arena, &name,
	    &said.answer, &said.err)) {
		struct waiter *waiter = waiter_named(r, name);
		if (takes(waiter)) {
			waiter->said = malloc(sizeof(said));
			if (!waiter->said)
				abort();
			*waiter->said = said;
			reader_wake(r, waiter->key);
		} else {
			arena_release(&said.arena);
		}
		said = (struct said){0};
	}
	arena_release(&said.arena);
}

/* His own goes with him. */
static void copy_answer(struct reading *h, const struct waiter *waiter)
{
	const bool head = h->ans->head;

	*h->ans = waiter->said->answer;
	h->ans->head = head;
	for (size_t i = 0; i < h->ans->n_headers; i++) {
		struct pair *p = &h->ans->headers[i];
		p->name = arena_str(h->arena, p->name);
		p->value = arena_str(h->arena, p->value);
	}
	h->ans->body = arena_str(h->arena, h->ans->body);
	if (waiter->async && h->ans->status == 202 &&
	    !answer_get(h->ans, "Preference-Applied").n)
		answer_header(
		    h->ans, "Preference-Applied", STR("respond-async"));
}

bool waiter_answer(struct reading *h, struct waiter *waiter, bool late)
{
	if (waiter->said && waiter->said->err == ERR_OK) {
		copy_answer(h, waiter);
		if (h->ans->status == 202 && !waiter->again)
			read_metrics_promoted(
			    h->reader->spec.metrics, reading_index(h));
		return true;
	}
	if (!waiter->said && !late)
		return false;
	if (!waiter->said)
		handover_leave(h->reader->spec.handover, waiter_name(waiter));
	LOG(h->reader->spec.log, h->now.wall_ms, "handover-failed",
	    LOG_STR("read", h->read->name),
	    LOG_TEXT("error",
		err_name(waiter->said ? waiter->said->err : ERR_AGAIN)));
	reading_problem(h,
	    waiter->late ? PROBLEM_UPSTREAM_TIMEOUT : PROBLEM_STORE_UNAVAILABLE,
	    NULL);
	return true;
}
