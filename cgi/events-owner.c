#include <string.h>

#include "cgi/event-text.h"
#include "cgi/events-parts.h"
#include "lib/buf.h"

/*
 * One owner's jobs, of all APIs together: the rows that are newer than what it
 * was told, in order of version, in pieces. It never ends by itself.
 */
#define CHUNK_MAX 65536 /* bytes at once, unless one event is more */
#define ROWS_MAX 64	/* looked at at once */

/*
 * Which APIs' scopes his token has is known when the stream begins, and kept as
 * a bit for each of the first of them in waiting.print; of any other one with
 * scopes nothing is told.
 */
#define SCOPED_MAX (8 * JOB_PRINT_BYTES)

static void keep_scopes(struct handling *h)
{
	const struct config *config = h->app->config;

	for (size_t i = 0; i < config->n_apis && i < SCOPED_MAX; i++)
		if (handling_has_scopes(h, &config->apis[i]))
			h->wait->print[i / 8] |= (uint8_t)(1 << i % 8);
}

static bool may_see(const struct handling *h, size_t api)
{
	const struct api *a = &h->app->config->apis[api];

	if (str_is(a->auth, "none")) /* nobody's */
		return false;
	return !a->scopes.n ||
	       (api < SCOPED_MAX && h->wait->print[api / 8] >> api % 8 & 1);
}

/* The rows of the lowest versions of all APIs together, in their order. */
struct found {
	struct {
		size_t api;
		struct job row;
	} rows[ROWS_MAX];
	size_t n, api;
	bool more; /* there is at least one behind them */
};

static bool find(void *ctx, const struct job *row)
{
	struct found *f = ctx;
	size_t at = f->n;

	while (at && f->rows[at - 1].row.version > row->version)
		at--;
	f->more |= f->n == ROWS_MAX;
	if (at == ROWS_MAX)
		return false; /* and what comes behind it is newer still */
	if (f->n < ROWS_MAX)
		f->n++;
	memmove(&f->rows[at + 1], &f->rows[at],
	    (f->n - 1 - at) * sizeof(f->rows[0]));
	f->rows[at].api = f->api;
	f->rows[at].row = *row;
	return true;
}

static enum err find_rows(struct handling *h, struct found *f, int64_t *newest)
{
	const uint8_t *owner = h->wait->id + JOB_KEY_OFFSET;
	const size_t n_apis = h->app->config->n_apis;
	bool fresh;
	enum err err = handling_view(h, &fresh);

	if (err == ERR_OK)
		err = store_version(h->app->store, newest);
	for (f->api = 0; err == ERR_OK && f->api < n_apis; f->api++)
		if (may_see(h, f->api))
			err = store_owned_since(h->app->store, f->api, owner,
			    h->wait->version, ROWS_MAX + 1, find, f);
	return err;
}

/*
 * As many events as one chunk takes, into *out; .version moves up to the last.
 * *more: there are others behind them. What cannot be opened is passed over:
 * one row must not end what is said of all others.
 */
static enum err put_rows(struct handling *h, struct buf *out, bool *more)
{
	struct found *f = arena_alloc(h->arena, sizeof(*f));
	int64_t newest;
	enum err err = find_rows(h, f, &newest);

	*more = f->more;
	for (size_t i = 0; err == ERR_OK && i < f->n; i++) {
		const size_t before = out->len;
		handling_take(h, f->rows[i].api, &f->rows[i].row);
		const struct str name = events_name(h);
		if (name.n && !handling_expired(h))
			err = events_put(h, name, out);
		if (before && out->len > CHUNK_MAX) {
			out->len = before;
			*more = true;
			break;
		}
		if (err == ERR_OK || !handling_may_pass(err)) {
			err = ERR_OK;
			h->wait->version = h->row.version;
		}
	}
	if (err == ERR_OK && !*more && newest > h->wait->version)
		h->wait->version = newest;
	if (handling_may_pass(err))
		app_rest(h->app);
	h->has_job = false; /* what is answered is about all of them */
	return err;
}

/* Then there is more at once, and nothing else counts until then. */
static void hurry(struct handling *h, bool more)
{
	if (more)
		h->wait->again_boot = h->now.boot_ms;
}

/* A version that is not there yet is none that anybody was told. */
static enum err begin_version(struct handling *h)
{
	int64_t newest;
	bool fresh;
	enum err err = handling_view(h, &fresh);

	if (err == ERR_OK)
		err = store_version(h->app->store, &newest);
	if (err == ERR_OK &&
	    (h->wait->version < 0 || h->wait->version > newest))
		h->wait->version = newest;
	if (handling_may_pass(err))
		app_rest(h->app);
	return err;
}

enum outcome events_begin_owner(struct handling *h)
{
	struct buf out = {0};
	bool more;

	if (h->now.streams_full)
		return events_refuse_another(h);
	h->bare = true;
	enum err err = begin_version(h);
	if (err == ERR_OK) {
		event_put_retry(&out);
		event_put_id(&out, h->wait->version);
		err = put_rows(h, &out, &more);
	}
	if (err != ERR_OK) {
		buf_release(&out);
		return events_refuse(h, err);
	}
	events_head(h);
	events_give(h, &out);
	events_begun(h);
	hurry(h, more);
	return OUTCOME_STREAM;
}

enum outcome events_resume_owner(struct handling *h)
{
	struct buf out = {0};
	bool more;

	h->bare = true;
	enum err err = put_rows(h, &out, &more);
	if (out.len) { /* an error will be met again */
		events_give(h, &out);
		events_alive(h);
		hurry(h, more || err != ERR_OK);
		return OUTCOME_STREAM;
	}
	if (err != ERR_OK)
		return events_stay_or_end(h, err);
	enum outcome outcome = events_stay(h);
	hurry(h, more);
	return outcome;
}

enum outcome handle_owner_events(struct handling *h)
{
	if (!handling_any_owner(h) ||
	    !events_prepare(h, WAIT_OWNER_EVENTS, PARK_OWNER))
		return OUTCOME_ANSWER;
	memcpy(h->wait->id + JOB_KEY_OFFSET, h->owner, JOB_OWNER_BYTES);
	keep_scopes(h);
	return events_begin_owner(h);
}
