#include "tests/fault/sim/sim.h"

/*
 * What a seed is about: five APIs, one of them with a program and one whose
 * results are read once, at two upstreams, of which one has a rate.
 */
static void draw_api(struct sim *s, size_t i)
{
	static const struct str names[APIS] = {STR_INIT("return"),
	    STR_INIT("bundle"), STR_INIT("plain"), STR_INIT("export"),
	    STR_INIT("slow")};
	static const struct str tags[APIS] = {STR_INIT("0000a0"),
	    STR_INIT("0000a1"), STR_INIT("0000a2"), STR_INIT("0000a3"),
	    STR_INIT("0000a4")};
	static struct str program = STR_INIT("export");
	static struct pair credential = {
	    STR_INIT("authorization"), STR_INIT("Bearer {header.token}")};
	struct draw *d = &s->draw;
	struct api *api = &s->apis[i];

	*api = (struct api){.name = names[i],
	    .tag = tags[i],
	    .method = STR("POST"),
	    .path = STR("/api/x"),
	    .on_lost = (enum on_lost)draw_below(d, ON_LOST_COUNT),
	    .idempotent = draw_chance(d, 15),
	    .once = i == 2,
	    .attempts = 1 + draw_below(d, 4),
	    .concurrency = 1 + draw_below(d, 3),
	    .deadline_ms = 5000 + draw_below(d, 2) * draw_below(d, 600000),
	    .ttl_ms = 60000 + draw_below(d, 2) * draw_below(d, 3600000)};
	if (i == 3) {
		api->exec = (struct strs){&program, 1};
		api->exec_stop_ms = 1000;
		return;
	}
	api->upstream = s->upstreams[i % 2].name;
	api->request_method = STR("PUT");
	api->request_path = STR("/x/{job.id}");
	api->request_headers = (struct pairs){&credential, 1};
}

void site_draw(struct sim *s)
{
	for (int i = 0; i < 2; i++)
		s->upstreams[i] = (struct upstream){.name = STR("up"),
		    .base = STR("https://up.example"),
		    .timeout_ms = 5000 + draw_below(&s->draw, 20000)};
	s->upstreams[1].name = STR("paced");
	s->upstreams[1].rate_count = 1 + draw_below(&s->draw, 10);
	s->upstreams[1].rate_per_ms = 1000 + draw_below(&s->draw, 9000);
	s->upstreams[1].burst = 1 + draw_below(&s->draw, 4);
	for (size_t i = 0; i < APIS; i++)
		draw_api(s, i);
	s->config = (struct config){.name = STR("sim"),
	    .upstreams = s->upstreams,
	    .n_upstreams = 2,
	    .apis = s->apis,
	    .n_apis = APIS};
	s->keys.n_mac = s->keys.n_seal = 1;
	s->keys.mac[0].version = s->keys.seal[0].version = 1;
}
