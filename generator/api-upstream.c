#include "generator/api-make.h"

#include <arpa/inet.h>

#include "lib/units.h"
#include "lib/url.h"

/*
 * [upstream.X]. Findings: `upstream-local`, `rate-missing`, `ca-not-absolute`;
 * as warnings `key-unused` and `upstream-plain`. What concerns reads alone is
 * in lowtide.json where a read calls it.
 */
#define BURST_MAX 10000

/* --- in the clear --------------------------------------------------------- */

static bool is_private_v4(const struct in_addr *in)
{
	static const struct {
		uint32_t net;
		unsigned bits;
	} nets[] = {
	    {0x00000000, 8},  /* this host */
	    {0x0a000000, 8},  /* 10.0.0.0/8 (RFC 1918) */
	    {0x64400000, 10}, /* 100.64.0.0/10, shared (RFC 6598) */
	    {0x7f000000, 8},  /* loopback */
	    {0xa9fe0000, 16}, /* 169.254.0.0/16, of one link */
	    {0xac100000, 12}, /* 172.16.0.0/12 */
	    {0xc0a80000, 16}, /* 192.168.0.0/16 */
	};
	uint32_t address = ntohl(in->s_addr);

	for (size_t i = 0; i < sizeof(nets) / sizeof(*nets); i++)
		if ((address ^ nets[i].net) >> (32 - nets[i].bits) == 0)
			return true;
	return false;
}

/* ::, ::1, fc00::/7, fe80::/10, and what has such an IPv4 address in it. */
static bool is_private_v6(const struct in6_addr *in6)
{
	const uint8_t *a = in6->s6_addr;
	struct in_addr in;

	memcpy(&in, a + 12, sizeof(in));
	return (a[0] & 0xfe) == 0xfc ||
	       (a[0] == 0xfe && (a[1] & 0xc0) == 0x80) ||
	       IN6_IS_ADDR_LOOPBACK(in6) || IN6_IS_ADDR_UNSPECIFIED(in6) ||
	       (IN6_IS_ADDR_V4MAPPED(in6) && is_private_v4(&in));
}

/*
 * Whether the host is one of a network of one's own, as far as its name says: a
 * name without a dot, as containers have it, is nobody's on the internet.
 */
static bool is_private(struct arena *a, struct str host)
{
	static const char *const own[] = {
	    ".internal", ".local", ".localhost", ".home.arpa", ".lan", ".test"};
	struct in_addr in;
	struct in6_addr in6;

	if (str_ends(host, "."))
		host.n--;
	if (str_starts(host, "["))
		return inet_pton(AF_INET6,
			   arena_cstr(a, str_slice(host, 1, host.n - 1)),
			   &in6) == 1 &&
		       is_private_v6(&in6);
	if (inet_pton(AF_INET, arena_cstr(a, host), &in) == 1)
		return is_private_v4(&in);
	for (size_t i = 0; i < sizeof(own) / sizeof(*own); i++) {
		size_t n = strlen(own[i]);
		if (host.n > n && str_ieq(str_slice(host, host.n - n, host.n),
				      str_of(own[i])))
			return true;
	}
	return str_find(host, '.', 0) == host.n;
}

static void check_base(struct making *m, struct upstream *u)
{
	struct pos pos = making_place(m, "base");
	struct url url;

	if (u->local || url_split(m->a, u->base, &url) != ERR_OK)
		return;
	if (url_is_loopback(&url))
		diag_error(m->diag, pos, "upstream-local",
		    "%.*s is this machine; say local = true if that is meant",
		    STR_ARG(u->base));
	else if (str_is(url.scheme, "http") && !is_private(m->a, url.host))
		diag_warn(m->diag, pos, "upstream-plain",
		    "bodies, tokens and answers would go to %.*s in the clear; "
		    "write https, or local = true if it is in a network of "
		    "your own",
		    STR_ARG(url.host));
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
