#include "generator/api-make.h"

#include "lib/units.h"
#include "lib/url.h"

/*
 * [upstream.X]. Findings: `upstream-local`, `rate-missing`, `ca-not-absolute`;
 * as a warning `key-unused`. What concerns reads alone is in lowtide.json where
 * a read calls it.
 */
#define BURST_MAX 10000

static void check_base(struct making *m, struct upstream *u)
{
	struct pos pos = making_place(m, "base");
	struct url url;

	if (url_split(m->a, u->base, &url) == ERR_OK && url_is_loopback(&url) &&
	    !u->local)
		diag_error(m->diag, pos, "upstream-local",
		    "%.*s is this machine; say local = true if that is meant",
		    STR_ARG(u->base));
}

/* A burst is a second's worth, and one call at least. */
static void rate(struct making *m, struct upstream *u)
{
	if (making_given(m, "burst") && !making_given(m, "rate") &&
	    !m->table->doubtful)
		diag_error(m->diag, making_place(m, "burst"), "rate-missing",
		    "`burst` is how many calls of a rate may go at once; write "
		    "rate = \"150/m\" too, or take it out");
	if (!making_given(m, "rate") ||
	    units_rate(making_text(m, "rate"), &u->rate_count,
		&u->rate_per_ms) != ERR_OK)
		return;
	u->burst = making_amount(m, "burst");
	if (!u->burst)
		u->burst = u->rate_count * 1000 / u->rate_per_ms;
	if (u->burst < 1)
		u->burst = 1;
	if (u->burst > BURST_MAX)
		u->burst = BURST_MAX;
}

static void ca(struct making *m, struct upstream *u)
{
	u->ca = making_text(m, "ca");
	if (u->ca.n && !str_starts(u->ca, "/"))
		diag_error(m->diag, making_place(m, "ca"), "ca-not-absolute",
		    "`ca` is \"%.*s\"; it is the whole path of a file on the "
		    "server, \"/etc/ssl/ledger.pem\"",
		    STR_ARG(u->ca));
	if (u->ca.n && str_starts(u->base, "http:"))
		diag_warn(m->diag, making_place(m, "ca"), "key-unused",
		    "certificates are of https, and `base` is not; take `ca` "
		    "out");
}

static void upstream(struct making *m, struct str name, struct upstream *u)
{
	u->name = name;
	u->base = making_without_slash(making_text(m, "base"));
	u->local = making_flag(m, "local");
	u->timeout_ms = making_amount(m, "timeout");
	u->connect_timeout_ms = making_amount(m, "connect_timeout");
	u->stall_timeout_ms = making_amount(m, "stall_timeout");
	u->response_max = making_amount(m, "response_max");
	rate(m, u);
	ca(m, u);
	u->headers = making_headers(m, "headers", NULL);
	check_base(m, u);
}

/* m looks at its table. */
static void look_at(struct making *m, const struct member *one)
{
	m->table = one->value;
	m->base = arena_printf(m->a, "upstream.%.*s", STR_ARG(one->key)).p;
}

void making_upstreams(struct making *m)
{
	const struct value *all = site_table(m->b->site, "upstream");

	if (!all)
		return;
	m->c->upstreams =
	    arena_array(m->a, all->as.table.n, sizeof(*m->c->upstreams));
	for (size_t i = 0; i < all->as.table.n; i++) {
		const struct member *one = &all->as.table.members[i];
		if (one->value->broken)
			continue;
		look_at(m, one);
		upstream(m, one->key, &m->c->upstreams[m->c->n_upstreams++]);
	}
}

/* ---- reads -------------------------------------------------------------- */

static void for_reads(struct making *m, struct upstream *u)
{
	u->concurrency = making_amount(m, "concurrency");
	u->queue_max = making_amount(m, "queue");
	u->retries = making_amount(m, "retries");
	u->hedge = making_amount(m, "hedge");
	u->breaker_window_ms = making_amount(m, "breaker.window");
	if (!u->breaker_window_ms)
		return;
	u->breaker_calls = making_amount(m, "breaker.calls");
	u->breaker_failures = making_amount(m, "breaker.failures");
	u->breaker_slow_ms = making_amount(m, "breaker.slow");
	u->breaker_slow = making_amount(m, "breaker.slow_calls");
	u->breaker_open_ms = making_amount(m, "breaker.open");
	u->breaker_probes = making_amount(m, "breaker.probes");
}

static void check_breaker(struct making *m, const struct upstream *u)
{
	const struct value *v = making_given(m, "breaker");

	if (v && !u->breaker_window_ms && v->as.table.n > 1)
		diag_warn(m->diag, v->pos, "key-unused",
		    "window = \"0s\" means that there is no breaker; take "
		    "the rest out, or have it look back upon \"10s\"");
	else if (making_given(m, "breaker.slow_calls") && !u->breaker_slow_ms)
		diag_warn(m->diag, making_place(m, "breaker.slow_calls"),
		    "key-unused",
		    "nothing is slow; write slow = \"2s\" too, or take "
		    "`slow_calls` out");
}

static bool is_read(const struct config *c, const struct upstream *u)
{
	for (size_t i = 0; i < c->n_read_calls; i++)
		if (str_eq(c->read_calls[i].upstream, u->name))
			return true;
	return false;
}

static void check_unread(struct making *m)
{
	static const char *const keys[] = {
	    "concurrency", "queue", "retries", "hedge", "breaker"};

	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys) && !m->skipped; i++)
		if (making_given(m, keys[i]))
			diag_warn(m->diag, making_place(m, keys[i]),
			    "key-unused",
			    "`%s` is of reads, and no call of a read goes "
			    "there; take it out (a job's calls are bounded by "
			    "`rate`, and by the API's `concurrency`)",
			    keys[i]);
}

void making_upstreams_check(struct making *m)
{
	const struct value *all = site_table(m->b->site, "upstream");

	for (size_t i = 0; i < m->c->n_upstreams; i++) {
		struct upstream *u = &m->c->upstreams[i];
		look_at(m, value_member(all, u->name));
		if (is_read(m->c, u)) {
			for_reads(m, u);
			check_breaker(m, u);
		} else {
			check_unread(m);
		}
	}
}
