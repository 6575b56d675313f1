#include "cgi/attempt.h"

#include <stdlib.h>
#include <string.h>

#include "cgi/ids.h"
#include "cgi/poll.h"
#include "cgi/seal.h"

/*
 * An attempt's outcome is decided by who ends it: the upstream's answer
 * (outcome.c), the deadline, the drain, or the request itself when no call can
 * be made of it. Each fills .outcome; none of them writes to the store, which
 * is the runner's (runner-work.c), with attempt_seal() for what is kept.
 */
#define PROGRESS_MAX 99 /* 100 is what completed */

struct attempt *attempt_new(
    size_t api, const struct job *job, const struct outcome_now *now)
{
	struct attempt *attempt = calloc(1, sizeof(*attempt));

	if (!attempt)
		abort();
	attempt->api = api;
	attempt->job = *job;
	attempt->claimed_ms = now->now_ms;
	attempt->claimed_boot = now->now_boot;
	attempt->why = "";
	return attempt;
}

void attempt_free(struct attempt *attempt)
{
	if (!attempt)
		return;
	arena_release(&attempt->arena);
	arena_release(&attempt->answers);
	arena_release(&attempt->poll.arena);
	buf_release(&attempt->poll.url);
	buf_release(&attempt->poll.see);
	free(attempt);
}

static void set_url(struct buf *buf, struct str url)
{
	buf_clear(buf);
	buf_put_str(buf, url);
}

/* ---- before the call ----------------------------------------------------- */

static void end_unusable(
    struct attempt *t, struct str message, const struct outcome_now *now)
{
	outcome_unusable(&t->job, message, now, &t->outcome);
	t->why = arena_cstr(&t->arena, message);
}

/* Something of ours is missing; who runs this is to be told what. */
static void lack(struct attempt *t, struct arena *a, struct str why)
{
	t->lack_event = "secret-unavailable";
	if (t->compose.api->exec.n && !t->call.exec)
		t->lack_event = "handler-unavailable";
	t->why = arena_cstr(a, why);
}

static void prepare_call(struct attempt *t, const struct outcome_now *now)
{
	struct str why;
	enum err err = compose_call(&t->arena, &t->compose, &t->call, &why);

	t->callable = err == ERR_OK;
	if (err != ERR_OK && err != ERR_INPUT) {
		lack(t, &t->arena, why);
		outcome_unavailable(t->compose.api, &t->job, now, &t->outcome);
	} else if (err != ERR_OK) {
		end_unusable(t, why, now);
	}
}

static void prepare_poll(struct attempt *t, const struct keys *keys,
    struct str sealed, const struct outcome_now *now)
{
	struct envelope_note note;
	struct str plain;

	if (seal_open(keys, &t->job, BODY_NOTE, sealed, &t->arena, &plain) !=
		ERR_OK ||
	    envelope_get_note(plain, &note) != ERR_OK || !note.poll_url.n) {
		end_unusable(
		    t, STR("where the upstream is asked cannot be read"), now);
		return;
	}
	set_url(&t->poll.url, note.poll_url);
	t->said.percent = t->job.progress;
	t->said.n = poll_clean(note.message, t->said.message);
	t->poll.due_boot = now->now_boot;
	t->callable = true;
}

void attempt_prepare(struct attempt *t, const struct attempt_means *means,
    struct str sealed, struct str note, const struct outcome_now *now)
{
	const struct api *api = &means->config->apis[t->api];
	struct str plain;

	char owner[2 * JOB_OWNER_BYTES + 1];

	ids_owner_text(t->job.owner, owner);
	t->compose =
	    (struct compose){.owner = arena_str(&t->arena, str_of(owner)),
		.upstream = config_upstream(means->config, api->upstream),
		.api = api,
		.request = &t->request,
		.job_id = ids_text(&t->arena, t->job.id),
		.accepted_ms = t->job.accepted_ms,
		.attempt = t->job.attempt - t->job.released,
		.secrets = means->secrets,
		.handlers = means->handlers};
	if (seal_open(means->keys, &t->job, BODY_REQUEST, sealed, &t->arena,
		&plain) != ERR_OK ||
	    envelope_get_request(&t->arena, plain, &t->request) != ERR_OK)
		end_unusable(t, STR("the stored request cannot be read"), now);
	else if (api->noop)
		outcome_echo(&t->job, compose_type(&t->compose),
		    t->request.body, now, &t->outcome);
	else if (!t->compose.upstream && !api->exec.n && !api->read.n)
		end_unusable(t, STR("this API has no upstream"), now);
	else if (t->job.polled)
		prepare_poll(t, means->keys, note, now);
	else
		prepare_call(t, now);
}

/* ---- polls --------------------------------------------------------------- */

static void rest(struct attempt *t, const struct upstream_answer *answer,
    const struct outcome_now *now)
{
	t->poll.due_boot = now->now_boot + poll_wait_ms(answer, t->poll.waits);
	t->poll.waits = answer->has_retry_after ? 0 : t->poll.waits + 1;
	t->poll.granted = false;
	t->phase = ATTEMPT_RESTING;
}

bool attempt_ask(struct attempt *t, const struct outcome_now *now)
{
	static const struct upstream_answer none;
	const struct buf *url = t->poll.see.len ? &t->poll.see : &t->poll.url;
	struct str why;

	arena_release(&t->poll.arena);
	t->why = "";
	enum err err = compose_poll(&t->poll.arena, &t->compose,
	    arena_str(&t->poll.arena, buf_str(url)), &t->call, &why);
	if (err == ERR_OK) {
		t->poll.asking = true;
		t->poll.granted = false;
		t->phase = ATTEMPT_CALLING;
	} else if (err != ERR_INPUT) {
		lack(t, &t->poll.arena, why);
		rest(t, &none, now);
	} else {
		end_unusable(t, why, now);
		t->phase = ATTEMPT_ENDED;
	}
	return err == ERR_OK;
}

/* A 202 that says where it wants to be asked. */
static bool is_taken(struct attempt *t, const struct upstream_answer *answer)
{
	struct str url;

	if (answer->end != UPSTREAM_ANSWER || answer->status != 202 ||
	    !answer->location.n || t->compose.api->exec.n ||
	    t->compose.api->read.n)
		return false;
	url = compose_poll_url(
	    &t->answers, &t->compose, str_of(t->call.url), answer->location);
	if (url.n && !str_eq(url, buf_str(&t->poll.url))) {
		set_url(&t->poll.url, url);
		t->said.fresh = true;
	}
	if (!url.n)
		t->why = "it answered 202, and its Location is not of its "
			 "upstream's base: nobody asks there";
	return url.n > 0;
}

static void end_by(struct attempt *t, const struct upstream_answer *answer,
    const struct outcome_now *now)
{
	outcome_of(
	    &t->arena, t->compose.api, &t->job, answer, now, &t->outcome);
	if (t->outcome.event.kind == JOB_EVENT_COMPLETE)
		t->outcome.result.location =
		    compose_location(&t->arena, &t->compose, answer);
	if (t->outcome.why)
		t->why = t->outcome.why;
	t->phase = ATTEMPT_ENDED;
}

/* The answer that a 303 leads to, if that is where we may go. */
static void see(struct attempt *t, const struct upstream_answer *answer,
    const struct outcome_now *now)
{
	struct str url = compose_poll_url(
	    &t->answers, &t->compose, str_of(t->call.url), answer->location);

	if (!url.n) {
		end_by(t, answer, now);
		return;
	}
	set_url(&t->poll.see, url);
	t->poll.due_boot = now->now_boot;
	t->phase = ATTEMPT_RESTING;
}

/* The upstream has too much to do: that is said to all, not only to this. */
static void note_pause(struct attempt *t, const struct upstream_answer *answer,
    const struct outcome_now *now)
{
	int64_t wait = answer->retry_after_ms;

	if (!answer->has_retry_after || wait <= 0 ||
	    (answer->status != 429 && answer->status != 503))
		return;
	if (wait > RETRY_AFTER_MAX_MS)
		wait = RETRY_AFTER_MAX_MS;
	t->said.pause_boot = now->now_boot + wait;
	t->said.fresh = true;
}

static void polled(struct attempt *t, const struct upstream_answer *answer,
    const struct outcome_now *now)
{
	struct upstream_progress progress;

	t->poll.asking = false;
	switch (poll_of(&t->answers, answer, t->poll.see.len > 0, &progress)) {
	case POLL_ON:
		is_taken(t, answer); /* it may want to be asked elsewhere */
		attempt_moved(t, &progress);
		rest(t, answer, now);
		break;
	case POLL_SEE:
		see(t, answer, now);
		break;
	case POLL_AGAIN:
		note_pause(t, answer, now);
		rest(t, answer, now);
		break;
	case POLL_GONE:
		outcome_broken(&t->job,
		    STR("The upstream knows nothing of it any more."), now,
		    &t->outcome);
		t->why = "the upstream knows nothing of it any more";
		t->phase = ATTEMPT_ENDED;
		break;
	case POLL_FAILED:
		outcome_failed_poll(&t->job, answer, now, &t->outcome);
		t->why = t->outcome.why;
		t->phase = ATTEMPT_ENDED;
		break;
	default:
		end_by(t, answer, now);
		break;
	}
}

/* ---- how it ends --------------------------------------------------------- */

/* It was asked to end because of its deadline: nothing but an answer counts. */
static bool is_overdue(
    const struct attempt *t, const struct upstream_answer *answer)
{
	return t->abort_boot && answer->end != UPSTREAM_ANSWER;
}

/*
 * A program that we ended because its owner asked for that. Where it might be
 * run again, it need not be only to find that out.
 */
static bool is_cancelled(
    const struct attempt *t, const struct upstream_answer *answer)
{
	return t->compose.api->exec.n && t->stopped && t->job.cancel_ms &&
	       answer->end == UPSTREAM_BROKEN &&
	       t->compose.api->on_lost == ON_LOST_RETRY;
}

void attempt_answered(struct attempt *t, struct arena *arena,
    const struct upstream_answer *answer, const struct outcome_now *now)
{
	struct upstream_progress progress;

	arena_release(&t->answers);
	t->answers = *arena;
	*arena = (struct arena){0};
	t->upstream_status = answer->status;
	t->exit_status = answer->exit_status;
	t->why = answer->why ? answer->why : "";
	if (t->compose.api->exec.n && answer->end == UPSTREAM_UNSENT)
		t->lack_event = "handler-unavailable";
	if (is_overdue(t, answer)) {
		attempt_overdue(t,
		    answer->end == UPSTREAM_UNSENT ||
			answer->end == UPSTREAM_AGAIN,
		    now);
	} else if (t->poll.asking) {
		polled(t, answer, now);
	} else if (is_taken(t, answer)) {
		poll_progress(&t->answers, answer, &progress);
		attempt_moved(t, &progress);
		rest(t, answer, now);
	} else {
		end_by(t, answer, now);
		t->outcome.not_executed |= is_cancelled(t, answer);
	}
}

void attempt_moved(struct attempt *t, const struct upstream_progress *progress)
{
	struct attempt_said *said = &t->said;
	char text[ENVELOPE_MESSAGE_MAX];
	size_t n = poll_clean(progress->message, text);
	int percent =
	    progress->percent < PROGRESS_MAX ? progress->percent : PROGRESS_MAX;

	if (percent > said->percent) {
		said->percent = percent;
		said->fresh = true;
	}
	if (n && (n != said->n || memcmp(text, said->message, n) != 0)) {
		memcpy(said->message, text, n);
		said->n = n;
		said->fresh = true;
	}
}

void attempt_overdue(
    struct attempt *t, bool unsent, const struct outcome_now *now)
{
	t->outcome = (struct outcome){.not_executed = unsent, .lapses = true};
	t->outcome.event = outcome_event(
	    JOB_EVENT_DEADLINE, &t->job, now->now_ms, now->now_boot);
	t->outcome.result.message =
	    t->compose.api->exec.n
		? STR("The deadline passed before the program ended.")
		: STR("The deadline passed before the upstream answered.");
	t->why = "the deadline passed";
	t->phase = ATTEMPT_ENDED;
}

void attempt_released(struct attempt *t, const struct outcome_now *now)
{
	t->outcome = (struct outcome){0};
	t->outcome.event = outcome_event(
	    JOB_EVENT_RELEASE, &t->job, now->now_ms, now->now_boot);
	t->why = t->job.polled ? "given back, to be polled on"
			       : "given back before it was sent";
	t->phase = ATTEMPT_ENDED;
}

bool attempt_is_last(const struct attempt *t)
{
	struct job job = t->job;

	if (t->outcome.not_executed && !job.polled)
		job.sent = false;
	if (t->outcome.lapses)
		job.lease_boot = t->outcome.event.now_boot;
	return job_step(t->compose.api, &job, &t->outcome.event, &job) ==
		   ERR_OK &&
	       job_is_terminal(job.state);
}

void attempt_seal(
    const struct attempt *t, const struct keys *keys, struct buf *out)
{
	struct buf plain = {0};

	envelope_put_result(&plain, &t->outcome.result);
	seal_close(keys, &t->job, BODY_RESULT, buf_str(&plain), out);
	buf_release(&plain);
}

void attempt_seal_note(
    const struct attempt *t, const struct keys *keys, struct buf *out)
{
	const struct envelope_note note = {
	    .message = {.p = t->said.message, .n = t->said.n},
	    .poll_url = buf_str(&t->poll.url)};
	struct buf plain = {0};

	envelope_put_note(&plain, &note);
	seal_close(keys, &t->job, BODY_NOTE, buf_str(&plain), out);
	buf_release(&plain);
}
