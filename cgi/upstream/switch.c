#include "cgi/upstream/switch.h"

#include <stdlib.h>
#include <string.h>

#include "cgi/envelope.h"
#include "cgi/upstream/exec.h"

/*
 * Each call gets a link, whose address is its tag with the back end that does
 * it. A back end gives out whatever has ended or moved; what is another
 * channel's than the one that asked is kept in its link until that one asks.
 */
struct channel {
	struct upstream_switch *s;
};
struct link {
	struct link *next;
	const struct channel *channel;
	void *tag;
	const struct upstream_ops *ops; /* NULL: nobody could start it */
	void *pool;
	bool ended, moved;
	struct upstream_answer answer; /* in the arena, once it has ended */
	struct arena arena;
	int percent;
	size_t message_n;
	char message[ENVELOPE_MESSAGE_MAX];
};
struct back {
	const struct upstream_ops *ops;
	void *pool;
};
struct upstream_switch {
	struct channel channels[SWITCH_CHANNELS_MAX];
	struct back http, programs; /* programs.pool NULL: none can be run */
	struct link *links;
};

enum err switch_open(
    const struct switch_spec *spec, struct upstream_switch **out)
{
	struct upstream_switch *s = calloc(1, sizeof(*s));

	if (!s)
		abort();
	for (size_t i = 0; i < SWITCH_CHANNELS_MAX; i++)
		s->channels[i].s = s;
	s->http.ops = &upstream_curl;
	s->programs.ops = &upstream_exec;
	enum err err = s->http.ops->open(&s->http.pool);
	const struct exec_spec exec = {.work = spec->work, .log = spec->log};
	if (err == ERR_OK && spec->work)
		err = exec_open(&exec, &s->programs.pool);
	if (err != ERR_OK) {
		switch_close(s);
		s = NULL;
	}
	*out = s;
	return err;
}

static void drop(struct upstream_switch *s, struct link *link)
{
	struct link **at = &s->links;

	while (*at && *at != link)
		at = &(*at)->next;
	if (*at)
		*at = link->next;
	arena_release(&link->arena);
	free(link);
}

void switch_close(struct upstream_switch *s)
{
	if (!s)
		return;
	s->http.ops->close(s->http.pool);
	s->programs.ops->close(s->programs.pool);
	while (s->links)
		drop(s, s->links);
	free(s);
}

void *switch_channel(struct upstream_switch *s, size_t channel)
{
	return channel < SWITCH_CHANNELS_MAX ? &s->channels[channel] : NULL;
}

static void channel_start(
    void *pool, const struct upstream_call *call, void *tag)
{
	struct channel *channel = pool;
	struct upstream_switch *s = channel->s;
	struct link *link = calloc(1, sizeof(*link));

	if (!link)
		abort();
	link->channel = channel;
	link->tag = tag;
	link->next = s->links;
	s->links = link;
	const struct back *back = call->exec ? &s->programs : &s->http;
	if (back->pool) {
		link->ops = back->ops;
		link->pool = back->pool;
		link->ops->start(link->pool, call, link);
		return;
	}
	link->ended = true;
	link->answer = (struct upstream_answer){.end = UPSTREAM_UNSENT,
	    .why = "no program can be run here: there is no folder for them"};
}

static struct link *link_of(const struct channel *channel, const void *tag)
{
	struct link *link = channel->s->links;

	while (link && (link->channel != channel || link->tag != tag))
		link = link->next;
	return link;
}

/* One that has ended is as it ended, though nobody took it yet. */
static bool channel_unsent(void *pool, void *tag)
{
	const struct link *link = link_of(pool, tag);

	if (!link)
		return false;
	if (link->ended)
		return link->answer.end == UPSTREAM_UNSENT;
	return link->ops->unsent(
	    link->pool, (void *)(uintptr_t)(const void *)link);
}

static void channel_abort(void *pool, void *tag)
{
	struct channel *channel = pool;
	struct link *link = link_of(channel, tag);

	if (!link)
		return;
	if (!link->ended)
		link->ops->abort(link->pool, link);
	drop(channel->s, link);
}

static void channel_stop(void *pool, void *tag)
{
	struct link *link = link_of(pool, tag);

	if (link && !link->ended && link->ops->stop)
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
static void gather_ended(const struct back *back)
{
	struct upstream_answer answer;
	struct arena arena = {0};
	void *tag;

	while (
	    back->pool && back->ops->next(back->pool, &arena, &tag, &answer)) {
		struct link *link = tag;
		link->ended = true;
		link->moved = false;
		link->arena = arena;
		link->answer = answer;
		arena = (struct arena){0};
	}
	arena_release(&arena);
}

static void gather_moved(const struct back *back)
{
	struct upstream_progress progress;
	struct arena arena = {0};
	void *tag;

	while (back->pool && back->ops->moved &&
	       back->ops->moved(back->pool, &arena, &tag, &progress)) {
		struct link *link = tag;
		struct str message =
		    str_slice(progress.message, 0, sizeof(link->message));
		link->moved = true;
		link->percent = progress.percent;
		link->message_n = message.n;
		if (message.n)
			memcpy(link->message, message.p, message.n);
	}
	arena_release(&arena);
}

static struct link *first_ended(const struct channel *channel)
{
	struct link *link = channel->s->links;

	while (link && (link->channel != channel || !link->ended))
		link = link->next;
	return link;
}

static struct link *first_moved(const struct channel *channel)
{
	struct link *link = channel->s->links;

	while (link && (link->channel != channel || !link->moved))
		link = link->next;
	return link;
}

static bool channel_next(
    void *pool, struct arena *a, void **tag, struct upstream_answer *answer)
{
	struct channel *channel = pool;
	struct link *link = first_ended(channel);

	if (!link) {
		gather_ended(&channel->s->http);
		gather_ended(&channel->s->programs);
		link = first_ended(channel);
	}
	if (!link)
		return false;
	*tag = link->tag;
	copy_answer(a, &link->answer, answer);
	drop(channel->s, link);
	return true;
}

static bool channel_moved(
    void *pool, struct arena *a, void **tag, struct upstream_progress *progress)
{
	struct channel *channel = pool;
	struct link *link = first_moved(channel);

	if (!link) {
		gather_moved(&channel->s->programs);
		link = first_moved(channel);
	}
	if (!link)
		return false;
	link->moved = false;
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
	const struct link *link = s->links;

	while (link && !link->ended && !link->moved)
		link = link->next;
	return link != NULL;
}

static enum err channel_wait(
    void *pool, const int *fds, size_t n, bool *readable, int64_t timeout_ms)
{
	const struct upstream_switch *s = ((struct channel *)pool)->s;
	int all[SWITCH_FDS_MAX + 1];
	bool seen[SWITCH_FDS_MAX + 1];
	size_t n_all = n;

	if (n > SWITCH_FDS_MAX)
		return ERR_INPUT;
	for (size_t i = 0; i < n; i++)
		all[i] = fds[i];
	if (s->programs.pool)
		all[n_all++] = exec_fd(s->programs.pool);
	enum err err = s->http.ops->wait(
	    s->http.pool, all, n_all, seen, is_kept(s) ? 0 : timeout_ms);
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
