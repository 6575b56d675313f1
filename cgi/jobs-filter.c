#include "cgi/jobs.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cgi/envelope.h"
#include "cgi/ids.h"
#include "lib/clock.h"
#include "lib/units.h"

/*
 * Which jobs a command is about. What an index knows (an owner's jobs) is asked
 * of the store; the rest is looked at row by row, what is sealed last.
 */

/* Rows of FILTER_STATUSES; the plain states are job.def's. */
static const struct special {
	const char *name;
	enum job_state state;
	bool held, needs;
} specials[] = {
    {"held", JOB_PROCESSING, true, false},
    {"needs-credentials", JOB_PENDING, false, true},
};

static void read_status(const char *text, struct filter *out)
{
	for (size_t i = 0; i < sizeof(specials) / sizeof(specials[0]); i++) {
		const struct special *row = &specials[i];
		if (strcmp(text, row->name) != 0)
			continue;
		out->state = row->state;
		out->held = row->held;
		out->needs = row->needs;
		return;
	}
	for (int state = 0; state < JOB_STATES; state++)
		if (strcmp(text, job_state_text((enum job_state)state)) == 0)
			out->state = (enum job_state)state;
}

static int nibble(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool read_owner(struct str text, uint8_t out[JOB_OWNER_BYTES])
{
	if (text.n != (size_t)2 * JOB_OWNER_BYTES)
		return false;
	for (size_t i = 0; i < JOB_OWNER_BYTES; i++) {
		const int high = nibble(text.p[2 * i]),
			  low = nibble(text.p[2 * i + 1]);
		if (high < 0 || low < 0)
			return false;
		out[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}

enum err filter_owner(
    struct jobs *run, const char *text, uint8_t out[JOB_OWNER_BYTES])
{
	if (read_owner(str_of(text), out))
		return ERR_OK;
	diag_error(&run->start.diag, POS_NONE, "bad-value",
	    "`--owner %s` is not %d hexadecimal digits, as `owner` of a log "
	    "line or of `ls --json` has them",
	    text, 2 * JOB_OWNER_BYTES);
	return ERR_USAGE;
}

/* ---- times ---------------------------------------------------------------
 */

/* The forms of RFC 3339 that are UTC; what is left out is zero, and a day that
   its month does not have is none. */
static const char *const forms[] = {
    "%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"};

/* ".123Z", ".123", "Z" or nothing. */
static bool read_rest(const char *rest, int64_t *ms)
{
	if (*rest == '.' && strspn(rest + 1, "0123456789") == 3) {
		*ms += strtol(rest + 1, NULL, 10);
		rest += 4;
	}
	return strcmp(rest, "") == 0 || strcmp(rest, "Z") == 0;
}

enum err filter_time(struct str text, int64_t now_ms, int64_t *ms)
{
	char copy[UNITS_TIME + 1];
	int64_t age;

	if (units_duration(text, &age) == ERR_OK) {
		*ms = age < now_ms ? now_ms - age : 1;
		return ERR_OK;
	}
	if (!text.n || text.n >= sizeof(copy))
		return ERR_INPUT;
	memcpy(copy, text.p, text.n);
	copy[text.n] = '\0';
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		struct tm tm = {0};
		const char *rest = strptime(copy, forms[i], &tm);
		if (!rest)
			continue;
		const int day = tm.tm_mday;
		*ms = (int64_t)timegm(&tm) * 1000;
		if (tm.tm_mday == day && read_rest(rest, ms) && *ms > 0)
			return ERR_OK;
	}
	return ERR_INPUT;
}

static enum err read_time(struct jobs *run, int option, int64_t *ms)
{
	const struct opt_value *v = &run->found.values[option];

	if (!v->given ||
	    filter_time(str_of(v->string), clock_wall_ms(), ms) == ERR_OK)
		return ERR_OK;
	diag_error(&run->start.diag, POS_NONE, "bad-value",
	    "`%s` is no time; say 2026-11-21, 2026-11-21T08:30Z, or how long "
	    "ago: 10m",
	    v->string);
	return ERR_USAGE;
}

/* ---- all of it -----------------------------------------------------------
 */

enum err filter_read(struct jobs *run, struct filter *out)
{
	const struct opt_value *v = run->found.values;
	enum err err, later;

	*out = (struct filter){.has_api = v[FILTER_API].given,
	    .has_state = v[FILTER_STATUS].given,
	    .has_owner = v[FILTER_OWNER].given,
	    .request_id = str_of(v[FILTER_REQUEST].string)};
	if (out->has_state)
		read_status(v[FILTER_STATUS].string, out);
	err = read_time(run, FILTER_SINCE, &out->since_ms);
	later = read_time(run, FILTER_UNTIL, &out->until_ms);
	if (!err)
		err = later;
	if (!err && out->has_owner)
		err = filter_owner(run, v[FILTER_OWNER].string, out->owner);
	if (!err && out->has_api)
		err = jobs_api(run, v[FILTER_API].string, &out->api);
	return err;
}

static bool row_fits(const struct filter *f, const struct job *job)
{
	if (f->has_state && job->state != f->state)
		return false;
	if ((f->held && !job->held) || (f->needs && !job->needs))
		return false;
	if (f->since_ms && job->accepted_ms < f->since_ms)
		return false;
	if (f->until_ms && job->accepted_ms >= f->until_ms)
		return false;
	return !f->has_owner ||
	       memcmp(job->owner, f->owner, JOB_OWNER_BYTES) == 0;
}

enum err filter_takes(struct jobs *run, const struct filter *f, size_t api,
    const struct job *job, bool *takes)
{
	struct envelope_meta meta;
	struct arena arena = {0};
	struct str plain;

	*takes = (!f->has_api || f->api == api) && row_fits(f, job);
	if (!*takes || !f->request_id.n)
		return ERR_OK;
	enum err err = jobs_body(run, job, BODY_META, &arena, &plain);
	if (err == ERR_OK)
		err = envelope_get_meta(plain, &meta);
	*takes = err == ERR_OK && str_eq(meta.request_id, f->request_id);
	arena_release(&arena);
	return err == ERR_NOT_FOUND || err == ERR_CORRUPT ? ERR_OK : err;
}

struct walk {
	struct jobs *run;
	const struct filter *filter;
	size_t api, limit, n;
	bool (*each)(void *ctx, size_t api, const struct job *job);
	void *ctx;
	enum err err;
};

static bool walk_one(void *ctx, const struct job *job)
{
	struct walk *w = ctx;
	bool takes;

	w->err = filter_takes(w->run, w->filter, w->api, job, &takes);
	if (w->err)
		return false;
	if (!takes)
		return true;
	w->n++;
	return w->each(w->ctx, w->api, job) && w->n != w->limit;
}

/* Whether the store gives no row that is none of them. */
static bool takes_all(const struct filter *f, bool indexed)
{
	return f->has_owner == indexed && !f->has_state && !f->since_ms &&
	       !f->until_ms && !f->request_id.n;
}

enum err filter_each(struct jobs *run, const struct filter *f, size_t limit,
    bool (*each)(void *ctx, size_t api, const struct job *job), void *ctx)
{
	struct walk w = {
	    .run = run, .filter = f, .limit = limit, .each = each, .ctx = ctx};
	struct store *store = run->start.store;
	/* nobody's jobs have no index */
	const bool indexed = f->has_owner && !ids_is_anonymous(f->owner);
	const size_t rows = takes_all(f, indexed) ? limit : 0;
	enum err err = ERR_OK;

	for (; err == ERR_OK && w.api < run->start.config->n_apis; w.api++) {
		if (f->has_api && f->api != w.api)
			continue;
		w.n = 0;
		if (indexed)
			err = store_owned(
			    store, w.api, f->owner, 0, rows, walk_one, &w);
		else
			err = store_list(store, w.api, rows, walk_one, &w);
		if (err == ERR_OK)
			err = w.err;
	}
	return err;
}

static enum err walk_key(
    void *ctx, size_t api, const uint8_t key[JOB_KEY_BYTES])
{
	struct walk *w = ctx;
	struct job job;
	bool takes = false;
	enum err err = store_get(w->run->start.store, api, key, &job);

	if (err == ERR_OK)
		err = filter_takes(w->run, w->filter, api, &job, &takes);
	if (err == ERR_OK && takes)
		w->each(w->ctx, api, &job);
	return err;
}

enum err filter_walk(struct jobs *run, const struct filter *f,
    bool (*each)(void *ctx, size_t api, const struct job *job), void *ctx)
{
	struct walk w = {.run = run, .filter = f, .each = each, .ctx = ctx};
	enum err err = ERR_OK;

	if (f->has_owner && !ids_is_anonymous(f->owner)) {
		err = jobs_view(run);
		if (err != ERR_OK)
			return err;
		err = filter_each(run, f, 0, each, ctx);
		store_unview(run->start.store);
		return err ? jobs_trouble(run, err) : ERR_OK;
	}
	for (size_t i = 0; !err && i < run->start.config->n_apis; i++)
		if (!f->has_api || f->api == i)
			err = jobs_walk(run, i, walk_key, &w);
	return err;
}
