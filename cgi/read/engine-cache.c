#include "cgi/read/engine-parts.h"

/*
 * What of an upstream's answer is kept, for how long, and what of that is good
 * for whom. Two calls with one key may be declared with other times: an entry
 * is as old as it is, and each call takes it for as long as both allow.
 *
 * Of the upstream's Cache-Control (RFC 9111 5.2.2): no-store and no-cache keep
 * it out, private as well unless its key is of one caller's alone; max-age (or
 * s-maxage, where many share it), less the Age, can only shorten;
 * must-revalidate rules out what is stale. Set-Cookie keeps it out: that was
 * meant for one client.
 */
struct said {
	bool no, revalidate;
	int64_t max_age_ms; /* -1 = not said */
	int64_t age_ms;	    /* of what a cache on the way had */
};

/* ---- what the upstream says ---------------------------------------------- */

static int64_t seconds(struct str s)
{
	int64_t n = 0;

	if (s.n >= 2 && s.p[0] == '"' && s.p[s.n - 1] == '"')
		s = str_slice(s, 1, s.n - 1);
	if (!s.n)
		return 0;
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] < '0' || s.p[i] > '9')
			return 0; /* stale, says RFC 9111 4.2.1 */
		if (n < INT64_MAX / 100000)
			n = n * 10 + (s.p[i] - '0');
	}
	return n;
}

static void hear(struct said *said, struct str word, bool owned, bool *shared)
{
	const size_t eq = str_find(word, '=', 0);
	const struct str name = str_trim(str_slice(word, 0, eq));
	const struct str value = str_trim(str_slice(word, eq + 1, word.n));

	if (str_ieq(name, STR("no-store")) || str_ieq(name, STR("no-cache")) ||
	    (str_ieq(name, STR("private")) && !owned)) {
		said->no = true;
	} else if (str_ieq(name, STR("must-revalidate")) ||
		   (str_ieq(name, STR("proxy-revalidate")) && !owned)) {
		said->revalidate = true;
	} else if (str_ieq(name, STR("s-maxage")) && !owned) {
		said->max_age_ms = seconds(value) * 1000;
		*shared = true;
	} else if (str_ieq(name, STR("max-age")) && !*shared) {
		said->max_age_ms = seconds(value) * 1000;
	}
}

static struct said listen_to(const struct upstream_answer *answer, bool owned)
{
	/* what was left out may have been no-store, or somebody's cookie */
	struct said said = {.no = answer->headers_cut, .max_age_ms = -1};
	bool shared = false;

	for (size_t i = 0; i < answer->headers.n; i++) {
		const struct pair *h = &answer->headers.items[i];
		if (str_ieq(h->name, STR("set-cookie")))
			said.no = true;
		if (str_ieq(h->name, STR("age")))
			said.age_ms = seconds(str_trim(h->value)) * 1000;
		if (!str_ieq(h->name, STR("cache-control")))
			continue;
		for (size_t at = 0; at < h->value.n;) {
			const size_t end = str_find(h->value, ',', at);
			hear(&said, str_slice(h->value, at, end), owned,
			    &shared);
			at = end + 1;
		}
	}
	return said;
}

/* ---- for how long -------------------------------------------------------- */

static bool is_success(int status)
{
	return status >= 200 && status <= 299;
}

static bool keeps(const struct read_call *call)
{
	return call->ttl_ms > 0 || call->stale_ms > 0 ||
	       call->stale_if_error_ms > 0 ||
	       (call->empty_on.n && call->empty_ttl_ms > 0);
}

/* As the call has it; false: not for it at all. */
static bool spans(const struct read_call *call, int status, int64_t made_boot,
    struct cached *out)
{
	if (is_success(status)) {
		out->fresh_boot = made_boot + call->ttl_ms;
		out->stale_boot = out->fresh_boot + call->stale_ms;
		out->spare_boot = out->stale_boot + call->stale_if_error_ms;
		return true;
	}
	out->fresh_boot = out->stale_boot = out->spare_boot =
	    made_boot + call->empty_ttl_ms;
	return engine_is_status(&call->empty_on, status);
}

static int64_t larger(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

static int64_t smaller(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static bool get(struct engine *e, int64_t now_boot,
    const uint8_t key[READ_KEY_BYTES], const struct read_call *call,
    struct cached *out)
{
	struct cached own = {0};

	if (!keeps(call) || !read_cache_get(e->cache, key, now_boot, out) ||
	    !spans(call, out->blob->status, out->blob->made_boot, &own))
		return false;
	out->fresh_boot = smaller(out->fresh_boot, own.fresh_boot);
	out->stale_boot = smaller(out->stale_boot, own.stale_boot);
	out->spare_boot = smaller(out->spare_boot, own.spare_boot);
	return true;
}

enum look engine_look(struct engine *e, int64_t now_boot,
    const struct plan_call *call, struct plan_outcome *out)
{
	struct cached entry;

	if (!get(e, now_boot, call->key, call->call, &entry) ||
	    now_boot >= entry.stale_boot)
		return LOOK_NOTHING;
	*out = (struct plan_outcome){.blob = entry.blob,
	    .fresh_boot = entry.fresh_boot,
	    .stale = now_boot >= entry.fresh_boot};
	return out->stale ? LOOK_STALE : LOOK_FRESH;
}

bool engine_spare(struct engine *e, int64_t now_boot,
    const uint8_t key[READ_KEY_BYTES], const struct read_call *call,
    struct plan_outcome *out)
{
	struct cached entry;

	if (!get(e, now_boot, key, call, &entry) ||
	    now_boot >= entry.spare_boot)
		return false;
	*out = (struct plan_outcome){.blob = entry.blob,
	    .fresh_boot = entry.fresh_boot,
	    .stale = now_boot >= entry.fresh_boot};
	return true;
}

/* ---- keeping ------------------------------------------------------------- */

/* So that what was fetched together is not fetched together again. */
static int64_t jitter(struct engine *e, int64_t ms)
{
	return ms - (int64_t)(engine_random(e) % (uint64_t)(ms / 10 + 1));
}

void engine_keep(struct engine *e, int64_t now_boot, const struct flight *f,
    const struct upstream_answer *answer, struct landing *landing)
{
	const struct said said = listen_to(answer, f->owned);
	struct cached entry = {.blob = landing->blob};
	int64_t ms, cut;

	landing->fresh_boot = now_boot;
	if (said.no || !f->listed || !keeps(f->call) ||
	    !spans(f->call, landing->status, now_boot, &entry))
		return;
	ms = jitter(e, entry.fresh_boot - now_boot);
	if (said.max_age_ms >= 0)
		ms = smaller(ms, larger(0, said.max_age_ms - said.age_ms));
	cut = entry.fresh_boot - now_boot - ms;
	entry.fresh_boot -= cut;
	entry.stale_boot -= cut;
	entry.spare_boot -= cut;
	if (said.revalidate)
		entry.stale_boot = entry.spare_boot = entry.fresh_boot;
	if (entry.spare_boot <= now_boot)
		return;
	landing->fresh_boot = entry.fresh_boot;
	read_cache_put(e->cache, f->key, f->name, &entry, now_boot);
	if (!e->sweep_boot)
		e->sweep_boot = now_boot + ENGINE_SWEEP_MS;
}
