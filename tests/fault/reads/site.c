#include <stdlib.h>

#include "lib/config-reads.h"
#include "tests/fault/reads/sim.h"

/*
 * What a world's upstreams are like, and its configurations: reads of up to
 * three calls. The first is of an even endpoint, of which every fourth is made
 * for each identifier of the path (1 mod 4), or of the first call's result
 * (3 mod 4).
 */
static void draw_endpoint(struct sim *s, size_t i)
{
	struct endpoint *e = &s->endpoints[i];

	*e = (struct endpoint){.upstream = draw_below(s, UPSTREAMS),
	    .each = i % 4 == 1,
	    .sub = i % 4 == 3,
	    .forwards = draw_chance(s, 30),
	    .timeout = 100 + (int64_t)draw_below(s, 3000)};
	if (s->plain)
		return;
	e->empty404 = draw_chance(s, 50);
	e->empty_ttl = (int64_t)draw_below(s, 2000);
	e->ttl = draw_chance(s, 60) ? (int64_t)draw_below(s, 4000) : 0;
	e->stale = draw_chance(s, 40) ? (int64_t)draw_below(s, 4000) : 0;
	e->spare = draw_chance(s, 40) ? (int64_t)draw_below(s, 20000) : 0;
}

/* Bounds and rates may be others in another configuration. */
static void draw_upstream(struct sim *s, struct upstream *u)
{
	u->concurrency = 1 + (int64_t)draw_below(s, 8);
	u->queue_max = (int64_t)draw_below(s, 12);
	u->retries = (int64_t)draw_below(s, 3);
	if (draw_chance(s, 50)) {
		u->breaker_window_ms = 1000 + (int64_t)draw_below(s, 9000);
		u->breaker_calls = 2 + (int64_t)draw_below(s, 10);
		u->breaker_failures = 30 + (int64_t)draw_below(s, 60);
		u->breaker_open_ms = 100 + (int64_t)draw_below(s, 5000);
		u->breaker_probes = 1 + (int64_t)draw_below(s, 3);
	}
	if (draw_chance(s, 20)) {
		u->rate_count = 1 + (int64_t)draw_below(s, 50);
		u->rate_per_ms = 1000;
		u->burst = (int64_t)draw_below(s, 5);
	}
}

void world_draw(struct sim *s)
{
	static const struct str names[] = {
	    STR_INIT("u0"), STR_INIT("u1"), STR_INIT("u2")};
	static const struct str bases[] = {STR_INIT("http://u0"),
	    STR_INIT("http://u1"), STR_INIT("http://u2")};

	for (size_t i = 0; i < ENDPOINTS; i++)
		draw_endpoint(s, i);
	for (size_t i = 0; i < UPSTREAMS; i++)
		s->upstreams[i] = (struct upstream){.name = names[i],
		    .base = bases[i],
		    .timeout_ms = 5000,
		    .concurrency = 10000,
		    .queue_max = 10000,
		    .hedge = !s->plain && draw_chance(s, 30) ? 80 : 0};
	s->calls_max = s->plain ? CALLS : 3 + draw_below(s, 15);
}

static void add_call(
    struct sim *s, struct site *site, size_t read, size_t endpoint)
{
	struct arena *a = &site->arena;
	struct config *c = &site->config;
	const struct endpoint *e = &s->endpoints[endpoint];
	struct str *texts = arena_array(a, 2, sizeof(*texts));

	texts[0] = STR("404");
	texts[1] = STR("authorization");
	site->required[read][endpoint] = draw_chance(s, 30);
	c->read_calls[c->n_read_calls++] = (struct read_call){
	    .read = c->reads[read].name,
	    .name = arena_printf(a, "c%zu", endpoint),
	    .upstream = c->upstreams[e->upstream].name,
	    .path = arena_printf(a, "/e%zu%s", endpoint,
		e->each	 ? "/{id.id}"
		: e->sub ? "/{id.sub}"
			 : ""),
	    .each = e->each  ? STR("id")
		    : e->sub ? STR("sub")
			     : (struct str){0},
	    .required = site->required[read][endpoint],
	    .timeout_ms = e->timeout,
	    .ttl_ms = e->ttl,
	    .stale_ms = e->stale,
	    .stale_if_error_ms = e->spare,
	    .empty_ttl_ms = e->empty_ttl,
	    .empty_on = {texts, e->empty404},
	    .forward = {texts + 1, e->forwards},
	};
}

static void add_ids(struct site *site, size_t read, struct str name,
    const char *from, size_t endpoint)
{
	struct config *c = &site->config;

	c->read_ids[c->n_read_ids++] = (struct read_ids){
	    .read = c->reads[read].name,
	    .name = name,
	    .from = from ? str_of(from)
			 : arena_printf(&site->arena, "call.c%zu.at", endpoint),
	    .max = 10,
	};
}

static bool has(const struct site *site, size_t read, size_t n, size_t endpoint)
{
	for (size_t i = 0; i < n; i++)
		if (site->endpoints[read][i] == endpoint)
			return true;
	return false;
}

static void add_read(struct sim *s, struct site *site, size_t read)
{
	struct config *c = &site->config;
	const size_t first = draw_below(s, ENDPOINTS / 2) * 2;
	bool each = false, sub = false;

	c->reads[read] = (struct read){
	    .name = arena_printf(&site->arena, "r%zu", read),
	    .path = STR("/api/r"),
	    .deadline_ms = 50 + (int64_t)draw_below(s, 5000),
	    .concurrency = s->plain ? 1000 : 1 + (int64_t)draw_below(s, 6),
	};
	for (size_t i = 0; i < READ_CALLS; i++) {
		const size_t n = i ? draw_below(s, ENDPOINTS) : first;
		const struct endpoint *e = &s->endpoints[n];
		site->endpoints[read][i] = ENDPOINTS;
		if (has(site, read, i, n) || (s->plain && e->sub))
			continue;
		site->endpoints[read][i] = n;
		add_call(s, site, read, n);
		each |= e->each;
		sub |= e->sub;
	}
	if (each)
		add_ids(site, read, STR("id"), "path.ids", 0);
	if (sub)
		add_ids(site, read, STR("sub"), NULL, first);
}

void site_new(struct sim *s)
{
	struct site *site = calloc(1, sizeof(*site));
	struct arena *a;
	struct config *c;

	if (!site)
		abort();
	a = &site->arena;
	c = &site->config;
	c->upstreams = arena_array(a, UPSTREAMS, sizeof(*c->upstreams));
	c->n_upstreams = UPSTREAMS;
	c->reads = arena_array(a, READS, sizeof(*c->reads));
	c->n_reads = READS;
	c->read_calls =
	    arena_array(a, READS * READ_CALLS, sizeof(*c->read_calls));
	c->read_ids = arena_array(a, READS * 2, sizeof(*c->read_ids));
	for (size_t i = 0; i < UPSTREAMS; i++) {
		c->upstreams[i] = s->upstreams[i];
		if (!s->plain)
			draw_upstream(s, &c->upstreams[i]);
	}
	for (size_t i = 0; i < READS; i++)
		add_read(s, site, i);
	config_link_reads(c);
	if (config_check_reads(c))
		sim_fault(s, config_check_reads(c));
	site->next = s->sites;
	s->sites = site;
}

/* Who uses one after this is found out by the sanitizer. */
void sites_free(struct sim *s, bool all)
{
	struct site **at = &s->sites;

	while (*at) {
		struct site *site = *at;
		if (!all && engine_uses(s->e, &site->config)) {
			at = &site->next;
			continue;
		}
		for (size_t i = 0; i < ASKERS && !all; i++)
			if (s->askers[i].lives && s->askers[i].site == site)
				sim_fault(s, "an asker's configuration went");
		*at = site->next;
		arena_release(&site->arena);
		free(site);
	}
}
