#include <string.h>

#include "cgi/handle.h"
#include "cgi/seal.h"

/*
 * Reading the store. All requests of one wake read one view, which is opened
 * by the first that needs it: beginning and ending a read transaction costs as
 * much as a look-up inside it. app_rest() ends it, so that it never outlives
 * the wake and the log can be started over.
 */
#define GATE_AGAIN_MS 20   /* readers are held back: that is over at once */
#define STORE_AGAIN_MS 200 /* it is away: nobody knows */
#define WAKES_MAX 4096	   /* jobs told apart in one go; more wake everybody */

/* ---- views --------------------------------------------------------------- */

void app_rest(struct app *app)
{
	if (app->viewing)
		store_unview(app->store);
	app->viewing = false;
}

static enum err open_view(struct app *app, bool *fresh)
{
	enum err err = ERR_OK;

	*fresh = !app->viewing;
	if (*fresh)
		err = store_view(app->store);
	app->viewing = err == ERR_OK;
	return err;
}

enum err handling_view(struct handling *h, bool *fresh)
{
	return open_view(h->app, fresh);
}

enum err app_queue(struct app *app, size_t api, struct store_stats *out)
{
	bool fresh;
	enum err err = open_view(app, &fresh);

	if (err == ERR_OK)
		err = store_stats(app->store, api, out);
	if (err != ERR_OK)
		app_rest(app);
	return err;
}

bool handling_may_pass(enum err err)
{
	return err == ERR_AGAIN || err == ERR_BUSY || err == ERR_IO;
}

int64_t handling_again(const struct handling *h, enum err err)
{
	return h->now.boot_ms +
	       (err == ERR_AGAIN ? GATE_AGAIN_MS : STORE_AGAIN_MS);
}

/* ---- jobs ---------------------------------------------------------------- */

/* A body that is not there is an empty one. */
static enum err open_body(
    struct handling *h, enum body_kind kind, struct str *plain)
{
	struct str sealed;
	enum err err =
	    store_body(h->app->store, &h->row, kind, h->arena, &sealed);

	*plain = (struct str){0};
	if (err == ERR_NOT_FOUND)
		return ERR_OK;
	if (err == ERR_OK)
		err = seal_open(
		    h->app->keys, &h->row, kind, sealed, h->arena, plain);
	return err;
}

static bool knows_version(const struct handling *h)
{
	return h->tags.n &&
	       http_names_tag(h->tags, answer_etag(h->arena, &h->row));
}

/* The result is not opened for a 304, which shows nothing of it. */
static bool shows_result(const struct handling *h)
{
	if (!job_is_terminal(h->row.state) || h->job.brief)
		return false;
	return h->row.state != JOB_COMPLETED || h->onto_location ||
	       h->known != h->row.version;
}

/* What it says of itself: only of who has been told to, and still may say. */
static bool shows_note(const struct handling *h)
{
	return !h->job.brief && !h->row.held &&
	       (h->row.state == JOB_PROCESSING ||
		   (h->row.state == JOB_PENDING && h->row.polled)) &&
	       h->known != h->row.version;
}

/* Of a job that has ended nothing is estimated. */
static void load_estimate(struct handling *h)
{
	struct app *app = h->app;

	if (app->estimates && !job_is_terminal(h->row.state))
		estimate_load(&app->estimates[h->api], app->store, h->api,
		    h->now.boot_ms);
}

enum err handling_open(struct handling *h)
{
	struct str plain;

	load_estimate(h);
	enum err err = open_body(h, BODY_META, &plain);

	if (err == ERR_OK && plain.n)
		err = envelope_get_meta(plain, &h->job.meta);
	if (err == ERR_OK && shows_note(h)) {
		err = open_body(h, BODY_NOTE, &plain);
		if (err == ERR_OK && plain.n)
			err = envelope_get_note(plain, &h->job.note);
	}
	if (err != ERR_OK || !shows_result(h))
		return err;
	err = open_body(h, BODY_RESULT, &plain);
	if (err == ERR_OK && plain.n)
		err = envelope_get_result(h->arena, plain, &h->job.result);
	return err;
}

bool handling_expired(const struct handling *h)
{
	if (clock_guard_stops(&h->app->guard)) /* only what is erased */
		return h->row.gone_ms != 0;
	return job_is_expired(
	    &h->row, &h->app->config->apis[h->api], h->now.wall_ms);
}

void handling_take(struct handling *h, size_t api, const struct job *row)
{
	h->row = *row;
	h->api = api;
	h->job = (struct answer_job){
	    .api = &h->app->config->apis[api], .job = &h->row};
	h->has_job = true;
	h->known = knows_version(h) ? row->version : -1;
}

static enum err look(
    struct handling *h, size_t api, const uint8_t id[JOB_ID_BYTES])
{
	struct job row;
	enum err err = store_get(h->app->store, api, id + JOB_KEY_OFFSET, &row);

	if (err != ERR_OK)
		return err;
	if (!h->resumed && memcmp(row.owner, h->owner, JOB_OWNER_BYTES) != 0)
		return ERR_NOT_FOUND;
	handling_take(h, api, &row);
	return h->bare || handling_expired(h) ? ERR_OK : handling_open(h);
}

/*
 * What is not there in a view from earlier in this wake may be there by now:
 * another endpoint has accepted it, or a client is faster than our turn. (A
 * first request is not looked for twice: a commit finds what there is.) After
 * trouble the next look-up begins anew.
 */
enum err handling_load(
    struct handling *h, size_t api, const uint8_t id[JOB_ID_BYTES])
{
	bool fresh;
	enum err err = handling_view(h, &fresh);

	if (err == ERR_OK)
		err = look(h, api, id);
	if (err == ERR_NOT_FOUND && !fresh && !h->first) {
		app_rest(h->app);
		err = handling_view(h, &fresh);
		if (err == ERR_OK)
			err = look(h, api, id);
	}
	if (handling_may_pass(err))
		app_rest(h->app);
	return err;
}

/* ---- what changed -------------------------------------------------------- */

struct waking {
	struct park *park;
	struct store *store;
	size_t api, n;
	enum err err;
};

/* Who follows all of an owner's jobs: the row says whose it is. */
static void wake_owner(struct waking *w, const uint8_t key[JOB_KEY_BYTES])
{
	struct job row;
	enum err err = store_get(w->store, w->api, key, &row);

	if (err == ERR_OK)
		park_wake(w->park, PARK_OWNER, row.owner);
	else if (err != ERR_NOT_FOUND)
		w->err = err;
}

static bool wake(void *ctx, const uint8_t key[JOB_KEY_BYTES], int64_t version)
{
	struct waking *w = ctx;

	(void)version;
	park_wake(w->park, w->api, key);
	if (park_owners(w->park))
		wake_owner(w, key);
	w->n++;
	return w->err == ERR_OK;
}

static enum err wake_changed(struct app *app, struct park *park)
{
	struct waking w = {.park = park, .store = app->store};
	enum err err = ERR_OK;

	for (; err == ERR_OK && w.n < WAKES_MAX; w.api++) {
		if (w.api == app->config->n_apis)
			return ERR_OK;
		err = store_changed(
		    app->store, w.api, app->seen, WAKES_MAX - w.n, wake, &w);
		if (err == ERR_OK)
			err = w.err;
	}
	if (err == ERR_OK)
		park_wake_all(park);
	return err;
}

bool app_changed(struct app *app, struct park *park)
{
	int64_t version;
	bool fresh;
	enum err err = open_view(app, &fresh);

	if (err == ERR_OK)
		err = store_version(app->store, &version);
	if (err == ERR_OK && park_count(park) > 0) {
		if (app->seen)
			err = wake_changed(app, park);
		else
			park_wake_all(park);
	}
	if (err == ERR_OK)
		app->seen = version;
	else
		app_rest(app);
	return err == ERR_OK;
}
