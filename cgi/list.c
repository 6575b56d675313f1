#include <string.h>

#include "cgi/answer-parts.h"
#include "cgi/handle.h"
#include "lib/buf.h"

/*
 * GET /api/jobs: one owner's jobs of all APIs, newest first (contract 6). Each
 * API's index gives its own in order of arrival (born, which compares across
 * APIs), a few at a time; they are merged here. The cursor is the born of the
 * last one that was looked at: it says nothing that its ETag does not, and
 * reaches nothing but what is its owner's.
 *
 * What a filter leaves out is looked at all the same. A page that took too much
 * of that ends early, even empty, and its cursor goes on from there.
 *
 * Results are not opened for this, however large they are.
 */
#define LIST_LIMIT 20
#define LIST_LIMIT_MAX 100
#define LIST_BATCH 16	/* rows of an API at a time */
#define LIST_LOOKS 2000 /* rows looked at for one page */
#define LIST_DIGITS 18	/* of a cursor */

struct lane {
	struct job *jobs; /* LIST_BATCH, once there is one */
	size_t n, at;
	bool ended;
};
struct listing {
	struct handling *h;
	struct lane *lanes; /* one for each API */
	size_t api;	    /* the only one; ROUTE_NO_API = all */
	int state;	    /* the only one; -1 = all */
	int64_t limit, below;
};

/* ---- what is asked for --------------------------------------------------- */

/* Empty where nothing is said; false: it cannot be decoded, and is answered. */
static bool take_text(
    struct listing *in, const char *name, const char *detail, struct str *out)
{
	struct handling *h = in->h;

	*out = (struct str){0};
	if (route_query(h->arena, h->r->query, name, out) ||
	    !route_has_query(h->arena, h->r->query, name))
		return true;
	answer_bad_parameter(&h->c, name, detail, h->ans);
	return false;
}

/* 1 to `most`, in digits; an empty value says nothing. */
static bool take_number(struct listing *in, const char *name, int64_t most,
    const char *detail, int64_t *out)
{
	struct handling *h = in->h;
	struct str s;
	int64_t n = 0;

	if (!take_text(in, name, detail, &s))
		return false;
	if (!s.n)
		return true;
	for (size_t i = 0; i < s.n && n >= 0; i++)
		n = s.n <= LIST_DIGITS && s.p[i] >= '0' && s.p[i] <= '9'
			? n * 10 + (s.p[i] - '0')
			: -1;
	if (n >= 1 && n <= most) {
		*out = n;
		return true;
	}
	answer_bad_parameter(&h->c, name, detail, h->ans);
	return false;
}

static bool take_api(struct listing *in)
{
	struct handling *h = in->h;
	const struct config *config = h->app->config;
	const char *detail = "There is no API of this name.";
	struct str name;

	if (!take_text(in, "api", detail, &name))
		return false;
	if (!name.n)
		return true;
	for (in->api = 0; in->api < config->n_apis; in->api++)
		if (str_eq(config->apis[in->api].name, name))
			return true;
	answer_bad_parameter(&h->c, "api", detail, h->ans);
	return false;
}

static bool take_state(struct listing *in)
{
	struct handling *h = in->h;
	const char *detail =
	    "It is pending, processing, completed, failed or cancelled.";
	struct str text;

	if (!take_text(in, "status", detail, &text))
		return false;
	if (!text.n)
		return true;
	for (in->state = 0; in->state < JOB_STATES; in->state++)
		if (str_is(text, job_state_text((enum job_state)in->state)))
			return true;
	answer_bad_parameter(&h->c, "status", detail, h->ans);
	return false;
}

static bool take_query(struct listing *in)
{
	return take_api(in) && take_state(in) &&
	       take_number(in, "limit", LIST_LIMIT_MAX,
		   "It is a number from 1 to 100.", &in->limit) &&
	       take_number(in, "cursor", INT64_MAX,
		   "It is what an earlier answer gave as next.", &in->below);
}

/* ---- the merge ----------------------------------------------------------- */

struct filling {
	struct arena *arena;
	struct lane *lane;
};

static bool fill_one(void *ctx, const struct job *job)
{
	struct filling *f = ctx;
	struct lane *lane = f->lane;

	if (!lane->jobs)
		lane->jobs =
		    arena_array(f->arena, LIST_BATCH, sizeof(*lane->jobs));
	lane->jobs[lane->n++] = *job;
	return lane->n < LIST_BATCH;
}

static enum err fill(struct listing *in, size_t api, int64_t below)
{
	struct lane *lane = &in->lanes[api];
	struct filling f = {.arena = in->h->arena, .lane = lane};

	lane->n = lane->at = 0;
	enum err err = store_owned(in->h->app->store, api, in->h->owner, below,
	    LIST_BATCH, fill_one, &f);
	lane->ended = lane->n < LIST_BATCH;
	return err;
}

static bool is_listed(const struct listing *in, size_t api)
{
	return (in->api == ROUTE_NO_API || in->api == api) &&
	       handling_has_scopes(in->h, &in->h->app->config->apis[api]);
}

static enum err fill_all(struct listing *in)
{
	const size_t n = in->h->app->config->n_apis;
	enum err err = ERR_OK;

	in->lanes = arena_array(in->h->arena, n, sizeof(*in->lanes));
	for (size_t i = 0; i < n && err == ERR_OK; i++) {
		in->lanes[i] = (struct lane){.ended = true};
		if (is_listed(in, i))
			err = fill(in, i, in->below);
	}
	return err;
}

/* The newest that is left; NULL when none is. */
static const struct job *newest(const struct listing *in, size_t *api)
{
	const struct job *found = NULL;

	for (size_t i = 0; i < in->h->app->config->n_apis; i++) {
		const struct lane *lane = &in->lanes[i];

		if (lane->at == lane->n ||
		    (found && lane->jobs[lane->at].born < found->born))
			continue;
		found = &lane->jobs[lane->at];
		*api = i;
	}
	return found;
}

static enum err step(struct listing *in, size_t api, int64_t born)
{
	struct lane *lane = &in->lanes[api];

	return ++lane->at == lane->n && !lane->ended ? fill(in, api, born)
						     : ERR_OK;
}

/* ---- the page ------------------------------------------------------------ */

/* One row, unless the filter or its age leaves it out. */
static enum err put_job(struct listing *in, struct json_writer *w, size_t api,
    const struct job *job, int64_t *shown)
{
	struct handling *h = in->h;

	if (in->state >= 0 && (int)job->state != in->state)
		return ERR_OK;
	handling_take(h, api, job);
	if (handling_expired(h))
		return ERR_OK;
	h->job.brief = true;
	enum err err = handling_open(h);
	if (err != ERR_OK)
		return err;
	json_open(w, '{');
	answer_put_document(w, &h->c, &h->job);
	json_close(w, '}');
	++*shown;
	return ERR_OK;
}

static enum err put_jobs(
    struct listing *in, struct json_writer *w, int64_t *next)
{
	enum err err = fill_all(in);
	int64_t shown = 0;
	size_t api = 0;

	*next = 0;
	for (int looks = 0; err == ERR_OK; looks++) {
		const struct job *job = newest(in, &api);

		if (!job) {
			*next = 0;
			break;
		}
		if (shown == in->limit || looks == LIST_LOOKS)
			break;
		*next = job->born;
		err = put_job(in, w, api, job, &shown);
		if (err == ERR_OK)
			err = step(in, api, *next);
	}
	return err;
}

static enum err put_page(struct listing *in, struct json_writer *w)
{
	struct handling *h = in->h;
	int64_t next;
	bool fresh;
	enum err err = handling_view(h, &fresh);

	json_open(w, '{');
	json_key(w, "jobs");
	json_open(w, '[');
	if (err == ERR_OK)
		err = put_jobs(in, w, &next);
	if (err != ERR_OK) {
		app_rest(h->app);
		return err;
	}
	json_close(w, ']');
	if (next) {
		answer_text(w, "next", arena_int(h->arena, next));
	} else {
		json_key(w, "next");
		json_null(w);
	}
	json_close(w, '}');
	return ERR_OK;
}

enum outcome handle_list(struct handling *h)
{
	struct listing in = {
	    .h = h, .api = ROUTE_NO_API, .state = -1, .limit = LIST_LIMIT};
	struct buf out = {0};
	struct json_writer w = {.out = &out};

	if (!handling_any_owner(h) || !take_query(&in))
		return OUTCOME_ANSWER;
	enum err err = put_page(&in, &w);
	h->has_job = false;
	if (err != ERR_OK) {
		buf_release(&out);
		return handling_store_problem(h, err);
	}
	h->ans->status = 200;
	answer_json(h->arena, &out, "application/json", h->ans);
	return OUTCOME_ANSWER;
}
