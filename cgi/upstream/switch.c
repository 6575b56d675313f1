#include "cgi/upstream/switch.h"

#include <stdlib.h>
#include <string.h>

#include "cgi/envelope.h"
#include "cgi/upstream/exec.h"
#include "cgi/upstream/tags.h"
#include "lib/clock.h"

/*
 * Each call gets a link, whose address is its tag with the back end that does
 * it. A back end gives out whatever has ended or moved; what is another
 * channel's than the one that asked is kept in its link until that one asks.
 *
 * A back end may call through a channel of its own while it is asked: it is not
 * asked again from in there.
 */
struct link_list {
	struct link *first, *last;
};
struct channel {
	struct upstream_switch *s;
	struct tags tags;
	struct link_list running, moved, ended; /* each link is in one */
};
struct link {
	struct link_list *list;
	struct link *before, *next; /* in that list */
	struct channel *channel;
	void *tag;
	const struct upstream_ops *ops; /* NULL: nobody could start it */
	void *pool;
	struct upstream_answer answer; /* in the arena, once it has ended */
	struct arena arena;
	int percent;
	size_t message_n;
	char message[ENVELOPE_MESSAGE_MAX];
};

/* What a call needs, and what is said where nobody here can do it. */
enum way { WAY_HTTP, WAY_PROGRAM, WAY_READ, WAYS };
static const char *const lacks[WAYS] = {
    [WAY_HTTP] = "no call can be made here",
    [WAY_PROGRAM] = "no program can be run here: there is no folder for them",
    [WAY_READ] = "no read can be done here: there is nobody who does them",
};
struct back {
	const struct upstream_ops *ops;
	void *pool; /* NULL: it is not there */
	bool asked; /* just now */
};
struct upstream_switch {
	struct channel channels[SWITCH_CHANNELS_MAX];
	struct back backs[WAYS];
	int64_t (*due_boot)(void *pool); /* of reads */
};

/* ---- the switch ---------------------------------------------------------- */

enum err switch_open(
    const struct switch_spec *spec, struct upstream_switch **out)
{
	struct upstream_switch *s = calloc(1, sizeof(*s));

	if (!s)
		abort();
	for (size_t i = 0; i < SWITCH_CHANNELS_MAX; i++)
		s->channels[i].s = s;
	struct back *http = &s->backs[WAY_HTTP];
	struct back *programs = &s->backs[WAY_PROGRAM];
	http->ops = &upstream_curl;
	programs->ops = &upstream_exec;
	enum err err = http->ops->open(&http->pool);
	const struct exec_spec exec = {.work = spec->work, .log = spec->log};
	if (err == ERR_OK && spec->work)
		err = exec_open(&exec, &programs->pool);
	if (err != ERR_OK) {
		switch_close(s);
		s = NULL;
	}
	*out = s;
	return err;
}

void switch_lend(struct upstream_switch *s, const struct switch_reads *reads)
{
	s->backs[WAY_READ] =
	    (struct back){.ops = reads->ops, .pool = reads->pool};
	s->due_boot = reads->due_boot;
}

static void move(struct link *link, struct link_list *to)
{
	struct link_list *from = link->list;

	if (from) {
		*(link->before ? &link->before->next : &from->first) =
		    link->next;
		*(link->next ? &link->next->before : &from->last) =
		    link->before;
	}
	link->list = to;
	link->next = NULL;
	link->before = to ? to->last : NULL;
	if (to) {
		*(to->last ? &to->last->next : &to->first) = link;
		to->last = link;
	}
}

static void drop(struct link *link)
{
	tags_drop(&link->channel->tags, link->tag, link);
	move(link, NULL);
	arena_release(&link->arena);
	free(link);
}

static void release(struct channel *channel)
{
	struct link_list *const lists[] = {
	    &channel->running, &channel->moved, &channel->ended};

	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
		while (lists[i]->first)
			drop(lists[i]->first);
	tags_release(&channel->tags);
}

/* Those that use others here first. */
void switch_close(struct upstream_switch *s)
{
	if (!s)
		return;
	for (size_t way = WAYS; way-- > 0;)
		if (s->backs[way].pool && s->backs[way].ops->close)
			s->backs[way].ops->close(s->backs[way].pool);
	for (size_t i = 0; i < SWITCH_CHANNELS_MAX; i++)
		release(&s->channels[i]);
	free(s);
}

void *switch_channel(struct upstream_switch *s, size_t channel)
{
	return channel < SWITCH_CHANNELS_MAX ? &s->channels[channel] : NULL;
}

/* ---- calls --------------------------------------------------------------- */

static enum way way_of(const struct upstream_call *call)
{
	if (call->read)
		return WAY_READ;
	return call->exec ? WAY_PROGRAM : WAY_HTTP;
}

static void channel_start(
    void *pool, const struct upstream_call *call, void *tag)
{
	struct channel *channel = pool;
	const enum way way = way_of(call);
	const struct back *back = &channel->s->backs[way];
	struct link *link = calloc(1, sizeof(*link));

	if (!link)
		abort();
	link->channel = channel;
	link->tag = tag;
	tags_put(&channel->tags, tag, link);
	if (back->pool) {
		move(link, &channel->running);
		link->ops = back->ops;
		link->pool = back->pool;
		link->ops->start(link->pool, call, link);
		return;
	}
	move(link, &channel->ended);
	link->answer =
	    (struct upstream_answer){.end = UPSTREAM_UNSENT, .why = lacks[way]};
}

static bool has_ended(const struct link *link)
{
	return link->list == &link->channel->ended;
}

/* One that has ended is as it ended, though nobody took it yet. */
static bool channel_unsent(void *pool, void *tag)
{
	const struct channel *channel = pool;
	struct link *link = tags_get(&channel->tags, tag);

	if (!link)
		return false;
	if (has_ended(link))
		return link->answer.end == UPSTREAM_UNSENT;
	return link->ops->unsent(link->pool, link);
}

static void channel_abort(void *pool, void *tag)
{
	const struct channel *channel = pool;
	struct link *link = tags_get(&channel->tags, tag);

	if (!link)
		return;
	if (!has_ended(link))
		link->ops->abort(link->pool, link);
	drop(link);
}

static void channel_stop(void *pool, void *tag)
{
	const struct channel *channel = pool;
	struct link *link = tags_get(&channel->tags, tag);

	if (link && !has_ended(link) && link->ops->stop)
		link->ops->stop(link->pool, link);
}

/* ---- what comes back ----------------------------------------------------- */

static void copy_answer(struct arena *a, const struct upstream_answer *from,
    struct upstream_answer *to)
{
	*to = *from;
	to->content_type = arena_str(a, from->content_type);
	to->location = arena_str(a, from->location);
	to->body = arena_str(a, from->body);
	to->why = arena_cstr(a, str_of(from->why));
	to->headers.items =
	    arena_array(a, from->headers.n, sizeof(*to->headers.items));
	for (size_t i = 0; i < from->headers.n; i++) {
		const struct pair *header = &from->headers.items[i];
		to->headers.items[i] =
		    (struct pair){.name = arena_str(a, header->name),
			.value = arena_str(a, header->value)};
	}
}

/* Whatever has ended, whosever it is, is kept in its link. */
static void gather_ended(struct back *back)
{
	struct upstream_answer answer;
	struct arena arena = {0};
	void *tag;

	if (!back->pool || back->asked)
		return;
	back->asked = true;
	while (back->ops->next(back->pool, &arena, &tag, &answer)) {
		struct link *link = tag;
		move(link, &link->channel->ended);
		link->arena = arena;
		link->answer = answer;
		arena = (struct arena){0};
	}
	back->asked = false;
	arena_release(&arena);
}

static void gather_moved(struct back *back)
{
	struct upstream_progress progress;
	struct arena arena = {0};
	void *tag;

	if (!back->pool || !back->ops->moved || back->asked)
		return;
	back->asked = true;
	while (back->ops->moved(back->pool, &arena, &tag, &progress)) {
		struct link *link = tag;
		struct str message =
		    str_slice(progress.message, 0, sizeof(link->message));
		move(link, &link->channel->moved);
		link->percent = progress.percent;
		link->message_n = message.n;
		if (message.n)
			memcpy(link->message, message.p, message.n);
	}
	back->asked = false;
	arena_release(&arena);
}

/* Reads last: they take what the others brought for them. */
static bool channel_next(
    void *pool, struct arena *a, void **tag, struct upstream_answer *answer)
{
	struct channel *channel = pool;

	for (size_t way = 0; way < WAYS && !channel->ended.first; way++)
		gather_ended(&channel->s->backs[way]);
	struct link *link = channel->ended.first;
	if (!link)
		return false;
	*tag = link->tag;
	copy_answer(a, &link->answer, answer);
	drop(link);
	return true;
}

static bool channel_moved(
    void *pool, struct arena *a, void **tag, struct upstream_progress *progress)
{
	struct channel *channel = pool;

	for (size_t way = 0; way < WAYS && !channel->moved.first; way++)
		gather_moved(&channel->s->backs[way]);
	struct link *link = channel->moved.first;
	if (!link)
		return false;
	move(link, &channel->running);
	*tag = link->tag;
	*progress = (struct upstream_progress){.percent = link->percent,
	    .message = arena_str(
		a, (struct str){.p = link->message, .n = link->message_n})};
	return true;
}

/*
 * Who waits on one channel waits for all; what was kept for any of them must
 * not wait for something else to happen.
 */
static bool is_kept(const struct upstream_switch *s)
{
	for (size_t i = 0; i < SWITCH_CHANNELS_MAX; i++)
		if (s->channels[i].ended.first || s->channels[i].moved.first)
			return true;
	return false;
}

static int64_t patience(const struct upstream_switch *s, int64_t timeout_ms)
{
	void *reads = s->backs[WAY_READ].pool;
	const int64_t due = reads && s->due_boot ? s->due_boot(reads) : 0;

	if (is_kept(s))
		return 0;
	if (due) {
		const int64_t left = due - clock_boot_ms();

		if (timeout_ms < 0 || left < timeout_ms)
			timeout_ms = left > 0 ? left : 0;
	}
	return timeout_ms;
}

static enum err channel_wait(
    void *pool, const int *fds, size_t n, bool *readable, int64_t timeout_ms)
{
	const struct upstream_switch *s = ((struct channel *)pool)->s;
	const struct back *http = &s->backs[WAY_HTTP];
	const struct back *programs = &s->backs[WAY_PROGRAM];
	int all[SWITCH_FDS_MAX + 1];
	bool seen[SWITCH_FDS_MAX + 1];
	size_t n_all = n;

	if (n > SWITCH_FDS_MAX)
		return ERR_INPUT;
	for (size_t i = 0; i < n; i++)
		all[i] = fds[i];
	if (programs->pool)
		all[n_all++] = exec_fd(programs->pool);
	enum err err = http->ops->wait(
	    http->pool, all, n_all, seen, patience(s, timeout_ms));
	for (size_t i = 0; i < n && err == ERR_OK; i++)
		readable[i] = seen[i];
	return err;
}

const struct upstream_ops upstream_channel = {
    .name = "channel",
    .start = channel_start,
    .unsent = channel_unsent,
    .abort = channel_abort,
    .stop = channel_stop,
    .moved = channel_moved,
    .next = channel_next,
    .wait = channel_wait,
};
