#include "cgi/fetch.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cgi/fetch-file.h"
#include "cgi/jwks.h"
#include "lib/config-merge.h"

/*
 * Every decision is made from what the two files of a set say at that moment,
 * by the wall clock, which is what they bear; waiting is by the boot clock. A
 * time that is in the future was written by a clock that was wrong, and says
 * nothing.
 */
#define SKEW_MS 60000

struct key_set {
	const struct provider *provider;
	struct jwks_file name; /* only for .path and .arena */
	const char *url;
	struct fetch_file file;
	struct fetch_state seen;
	size_t keys;	  /* that can be used, in the file */
	bool looked;	  /* at it, since the start */
	int64_t first_ms; /* .tried_ms at the start */
	int64_t flag_ms;  /* the newest note; 0 = none */
	int64_t due_boot; /* 0 = not before something else happens */
	bool calling;
	int64_t tried_ms; /* when that began */
	struct pair headers[1];
	struct upstream_call call;
	bool failing;	  /* and that was told */
	int64_t troubles; /* its files cannot be written, so many times */
	char why[256];
};
struct fetch {
	struct fetch_spec spec;
	struct key_set *sets;
	size_t n;
	bool heard;	    /* a bell, since the notes were read */
	int64_t flags_boot; /* not before */
	bool has_read_flags;
};

/* ---- when ---------------------------------------------------------------- */

static int64_t backoff_ms(const struct fetch *f, int64_t failures)
{
	int64_t ms = f->spec.pace_ms / 30;

	if (ms < 1)
		ms = 1;
	for (; failures > 1 && ms < 2 * f->spec.pace_ms; failures--)
		ms *= 2;
	return ms < 2 * f->spec.pace_ms ? ms : 2 * f->spec.pace_ms;
}

/* The wall-clock time of the next try; what is past is now. */
static int64_t next_try_ms(
    const struct fetch *f, const struct key_set *s, int64_t now_ms)
{
	const struct fetch_state *is = &s->seen;
	const bool known =
	    is->there && s->keys && is->written_ms <= now_ms + SKEW_MS;
	int64_t tried_ms = is->tried_ms <= now_ms + SKEW_MS ? is->tried_ms : 0;

	if (is->failures && tried_ms) /* who starts does not wait for long */
		return tried_ms + backoff_ms(f, is->tried_ms != s->first_ms
						    ? is->failures
						    : 1);
	if (!known)
		return tried_ms ? tried_ms + backoff_ms(f, 1) : 0;
	int64_t at_ms = is->written_ms + s->provider->refresh_ms;
	if (tried_ms < is->written_ms)
		tried_ms = is->written_ms;
	if (s->flag_ms > tried_ms && s->flag_ms <= now_ms + SKEW_MS &&
	    tried_ms + f->spec.pace_ms < at_ms)
		at_ms = tried_ms + f->spec.pace_ms;
	return at_ms;
}

/* ---- telling ------------------------------------------------------------- */

static void told_good(
    struct fetch *f, struct key_set *s, size_t left_out, struct runner_now now)
{
	const struct log_field provider =
	    LOG_STR("provider", s->provider->name);
	const struct log_field keys = LOG_INT("keys", (int64_t)s->keys);
	const struct log_field out = LOG_INT("leftOut", (int64_t)left_out);

	if (s->failing)
		ERROR_LOG(f->spec.log, now.now_ms, "key-set-fetched", provider,
		    keys, out);
	else
		LOG(f->spec.log, now.now_ms, "key-set-fetched", provider, keys,
		    out);
	s->failing = false;
}

static void told_bad(
    struct fetch *f, struct key_set *s, const char *why, struct runner_now now)
{
	if (!s->failing)
		ERROR_LOG(f->spec.log, now.now_ms, "key-set-failed",
		    LOG_STR("provider", s->provider->name),
		    LOG_TEXT("why", why), LOG_INT("keys", (int64_t)s->keys));
	s->failing = true;
}

/* ---- trying -------------------------------------------------------------- */

static void call(struct fetch *f, struct key_set *s, struct runner_now now)
{
	s->calling = true;
	s->tried_ms = now.now_ms;
	s->troubles = 0;
	s->due_boot = 0;
	s->headers[0] = (struct pair){
	    STR("Accept"), STR("application/jwk-set+json, application/json")};
	s->call = (struct upstream_call){.url = s->url,
	    .method = "GET",
	    .headers = {s->headers, 1},
	    .local = s->provider->local,
	    .timeout_ms = FETCH_TIMEOUT_MS,
	    .response_max = (int64_t)JWKS_FILE_MAX};
	f->spec.upstream->start(f->spec.pool, &s->call, s);
}

static void in_trouble(
    struct fetch *f, struct key_set *s, int why, struct runner_now now)
{
	s->troubles++;
	s->due_boot = now.now_boot + backoff_ms(f, s->troubles);
	snprintf(s->why, sizeof(s->why),
	    "jwks/ in the store's folder cannot be written: %s; give it to "
	    "the user that runs the worker",
	    strerror(why));
	told_bad(f, s, s->why, now);
	metrics_fetched(f->spec.metrics, false);
}

/* As often as its file is another one: by somebody else, or by hand. */
static void look(struct fetch *f, struct key_set *s, struct runner_now now)
{
	struct fetch_state is;

	fetch_file_look(&s->file, &is);
	if (!s->looked || is.there != s->seen.there ||
	    is.written_ms != s->seen.written_ms)
		s->keys = is.there ? fetch_file_keys(&s->file) : 0;
	if (!s->looked)
		s->first_ms = is.tried_ms;
	s->looked = true;
	s->seen = is;
	const int64_t at_ms = next_try_ms(f, s, now.now_ms);
	if (at_ms > now.now_ms) {
		s->due_boot = now.now_boot + (at_ms - now.now_ms);
		if (s->failing && s->keys && !is.failures)
			told_good(f, s, 0, now); /* another worker's */
		return;
	}
	enum err err = fetch_file_try(&s->file, &s->seen, now.now_ms);
	if (err == ERR_OK)
		call(f, s, now);
	else if (err == ERR_AGAIN)
		s->due_boot = now.now_boot + backoff_ms(f, 1);
	else
		in_trouble(f, s, errno, now);
}

/* ---- what came of it ----------------------------------------------------- */

static const char *why_not_answered(
    struct key_set *s, const struct upstream_answer *answer)
{
	static const char *const texts[UPSTREAM_ENDS] = {
	    [UPSTREAM_UNSENT] = "it cannot be reached",
	    [UPSTREAM_TIMEOUT] = "it did not answer in time",
	    [UPSTREAM_BROKEN] = "it broke off",
	    [UPSTREAM_TOO_LARGE] = "its answer is larger than a key set",
	};
	const char *text =
	    answer->end < UPSTREAM_ENDS ? texts[answer->end] : NULL;
	const char *more = answer->why ? answer->why : "";

	snprintf(s->why, sizeof(s->why),
	    "%s%s%s; see its jwks_uri, and whether this machine may call it",
	    text ? text : "it did not answer", *more ? ": " : "", more);
	return s->why;
}

static const char *why_status(struct key_set *s, int status)
{
	const bool moved = status >= 300 && status < 400;

	snprintf(s->why, sizeof(s->why),
	    moved ? "it answered %d, and redirects are not followed; say as "
		    "jwks_uri where it leads"
		  : "it answered %d instead of 200; is its jwks_uri right?",
	    status);
	return s->why;
}

/* NULL: it is good, and in *keys. */
static const char *why_not(
    struct key_set *s, const struct upstream_answer *answer, struct jwks *keys)
{
	if (answer->end != UPSTREAM_ANSWER)
		return why_not_answered(s, answer);
	if (answer->status != 200)
		return why_status(s, answer->status);
	if (answer->body.n > JWKS_FILE_MAX)
		return "its answer is larger than a key set; is its jwks_uri "
		       "right?";
	enum err err = jwks_parse(answer->body, keys);
	if (err == ERR_TOO_LARGE)
		return "it has too many keys; ask its operators";
	if (err != ERR_OK)
		return "its answer is no JWK set; is its jwks_uri right?";
	if (!keys->n)
		return "no key of its set can be used here: RS256 with 2048 "
		       "bits at least, or ES256, for signatures";
	return NULL;
}

static void answered(struct fetch *f, struct key_set *s,
    const struct upstream_answer *answer, struct runner_now now)
{
	struct jwks keys = {0};
	const char *why = why_not(s, answer, &keys);

	s->calling = false;
	if (!why && fetch_file_put(&s->file, answer->body, s->tried_ms,
			now.now_ms) != ERR_OK) {
		snprintf(s->why, sizeof(s->why),
		    "%s in the store's folder cannot be written: %s",
		    s->file.path, strerror(errno));
		why = s->why;
	}
	if (why) {
		told_bad(f, s, why, now);
	} else {
		s->keys = keys.n;
		told_good(f, s, keys.left_out, now);
	}
	metrics_fetched(f->spec.metrics, !why);
	jwks_release(&keys);
	s->due_boot = now.now_boot; /* the files say when again */
}

static void take_answers(struct fetch *f, struct runner_now now)
{
	struct upstream_answer answer;
	struct arena arena = {0};
	void *tag;

	while (f->spec.upstream->next(f->spec.pool, &arena, &tag, &answer)) {
		answered(f, tag, &answer, now);
		arena_reset(&arena);
	}
	arena_release(&arena);
}

/* ---- notes --------------------------------------------------------------- */

static enum err read_flag(struct fetch *f, struct key_set *s, bool *newer)
{
	char name[STORE_FLAG_NAME];
	int64_t at_ms = 0;

	if (snprintf(name, sizeof(name), "jwks/%.*s",
		STR_ARG(s->provider->name)) >= (int)sizeof(name))
		return ERR_OK; /* nobody could make such a note */
	enum err err = store_flagged(f->spec.store, name, &at_ms);
	*newer = err == ERR_OK && at_ms > s->flag_ms;
	if (*newer)
		s->flag_ms = at_ms;
	return err;
}

static void read_flags(struct fetch *f, struct runner_now now)
{
	if (!f->heard || !f->spec.store || !f->n ||
	    (f->has_read_flags && now.now_boot < f->flags_boot))
		return;
	f->flags_boot = now.now_boot + FETCH_FLAGS_MS;
	f->has_read_flags = true;
	enum err err = store_view(f->spec.store);
	if (err != ERR_OK)
		return; /* once more, then */
	for (size_t i = 0; i < f->n && err == ERR_OK; i++) {
		bool newer = false;
		err = read_flag(f, &f->sets[i], &newer);
		if (newer && !f->sets[i].calling)
			f->sets[i].due_boot = now.now_boot;
	}
	store_unview(f->spec.store);
	f->heard = err != ERR_OK;
}

void fetch_ring(struct fetch *f, struct runner_now now)
{
	(void)now;
	f->heard = true;
}

/* ---- steps --------------------------------------------------------------- */

static void sooner(int64_t *due, int64_t when)
{
	if (when && (!*due || when < *due))
		*due = when;
}

void fetch_step(struct fetch *f, struct runner_now now, int64_t *due_boot)
{
	*due_boot = 0;
	if (!f->n)
		return;
	read_flags(f, now);
	take_answers(f, now);
	for (size_t i = 0; i < f->n; i++) {
		struct key_set *s = &f->sets[i];
		if (!s->calling && s->due_boot && s->due_boot <= now.now_boot)
			look(f, s, now);
		if (!s->calling)
			sooner(due_boot, s->due_boot);
	}
	if (f->heard && f->spec.store)
		sooner(due_boot, f->flags_boot);
}

/* ---- beginning and end --------------------------------------------------- */

static bool is_twin(
    const struct config *config, size_t one, const struct jwks_file *file)
{
	bool twin = false;

	for (size_t i = 0; i < config->n_providers && !twin; i++) {
		struct jwks_file other;
		if (i == one)
			continue;
		jwks_file_init(&other, config->providers[i].name);
		twin = other.path && strcmp(other.path, file->path) == 0;
		jwks_file_release(&other);
	}
	return twin;
}

static void add(struct fetch *f, size_t i)
{
	const struct config *config = f->spec.config;
	const struct provider *p = &config->providers[i];
	struct key_set *s = &f->sets[f->n];

	if (!p->jwks_uri.n || p->refresh_ms <= 0)
		return;
	jwks_file_init(&s->name, p->name);
	if (!s->name.path || is_twin(config, i, &s->name)) {
		jwks_file_release(&s->name);
		return;
	}
	s->provider = p;
	s->url = arena_cstr(&s->name.arena, p->jwks_uri);
	s->file = (struct fetch_file){f->spec.dir, s->name.path};
	s->due_boot = 1; /* at once */
	f->n++;
}

struct fetch *fetch_new(const struct fetch_spec *spec)
{
	struct fetch *f = calloc(1, sizeof(*f));

	if (!f)
		abort();
	f->spec = *spec;
	if (!f->spec.pace_ms)
		f->spec.pace_ms = FETCH_PACE_MS;
	f->heard = true;
	f->sets = calloc(spec->config->n_providers + 1, sizeof(*f->sets));
	if (!f->sets)
		abort();
	for (size_t i = 0; i < spec->config->n_providers; i++)
		add(f, i);
	return f;
}

void fetch_free(struct fetch *f)
{
	if (!f)
		return;
	for (size_t i = 0; i < f->n; i++) {
		if (f->sets[i].calling)
			f->spec.upstream->abort(f->spec.pool, &f->sets[i]);
		jwks_file_release(&f->sets[i].name);
	}
	free(f->sets);
	free(f);
}
