#include "cgi/read/read-parts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <netinet/in.h>

#include <cmocka.h>

#include "lib/config-reads.h"

/*
 * What lowtide-read needs of a machine, by its configuration: the upstreams and
 * secrets of its reads alone, their ports and files, and whether that fits what
 * its sandbox has left open.
 */
#define S(text)                                                                \
	{                                                                      \
		.p = (text), .n = sizeof(text) - 1                             \
	}

static struct pair with_key[] = {{S("X-Key"), S("{secret.key?}")}};
static struct pair with_more[] = {{S("X-More"), S("a {secret.more} b")}};
static struct upstream upstreams[] = {
    {.name = S("a"), .base = S("https://a.example"), .ca = S("/ca/a.pem")},
    {.name = S("b"),
	.base = S("http://b.example:8080/x"),
	.headers = {with_more, 1}},
    {.name = S("c"), .base = S("http://c.example")},
    {.name = S("api"),
	.base = S("https://api.example:9443"),
	.ca = S("/other/ca.pem")},
};
static struct secret secrets[] = {
    {.name = S("key"), .file = S("/secrets/key")},
    {.name = S("more"), .env = S("MORE")},
    {.name = S("mor"), .file = S("/elsewhere/mor")},
};
static struct read_call calls[] = {
    {.read = S("r"),
	.name = S("a"),
	.upstream = S("a"),
	.path = S("/"),
	.headers = {with_key, 1}},
    {.read = S("r"), .name = S("b"), .upstream = S("b"), .path = S("/")},
    {.read = S("r"), .name = S("a2"), .upstream = S("a"), .path = S("/")},
};
static struct provider providers[] = {{.name = S("id")}};
static struct read reads[] = {
    {.name = S("r"), .path = S("/r"), .auth = S("none"), .deadline_ms = 1}};
static struct config config = {.upstreams = upstreams,
    .n_upstreams = 4,
    .secrets = secrets,
    .n_secrets = 3,
    .providers = providers,
    .n_providers = 1,
    .reads = reads,
    .n_reads = 1,
    .read_calls = calls,
    .n_read_calls = 3};
static struct arena arena;

static int set_up(void **state)
{
	(void)state;
	config_link_reads(&config);
	reads[0].auth = STR("none");
	upstreams[0].base = STR("https://a.example");
	upstreams[0].ca = STR("/ca/a.pem");
	return 0;
}

static int wipe(void **state)
{
	(void)state;
	arena_release(&arena);
	return 0;
}

static struct read_needs needs(const char *endpoint, const char *state)
{
	struct read_program p = {.start = {.config = &config,
				     .config_path = "/etc/acme/lowtide.json",
				     .state_dir = state}};
	struct read_needs out;

	if (endpoint) {
		p.has_endpoint = true;
		assert_int_equal(
		    listen_where("-e", endpoint, NULL, &p.endpoint), ERR_OK);
	}
	read_needs(&arena, &p, &config, &out);
	return out;
}

static void test_of_reads(void **state)
{
	(void)state;

	const struct config *of = read_config_of_reads(&arena, &config);
	assert_int_equal(of->n_upstreams, 2);
	assert_true(str_is(of->upstreams[0].name, "a"));
	assert_true(str_is(of->upstreams[1].name, "b"));
	/* by a call's header, by an upstream's; no name that one begins with */
	assert_int_equal(of->n_secrets, 2);
	assert_true(str_is(of->secrets[0].name, "key"));
	assert_true(str_is(of->secrets[1].name, "more"));
	assert_int_equal(config.n_upstreams, 4);
	assert_false(read_needs_bearer(&config));
	reads[0].auth = STR("id");
	assert_true(read_needs_bearer(&config));
	reads[0].auth = STR("web-server");
	assert_false(read_needs_bearer(&config));
}

static void test_ports_and_files(void **state)
{
	struct read_needs n = needs("tcp:127.0.0.1:7000", "/var/x");
	static const uint16_t ports[] = {53, 7000, 443, 8080};
	static const char *const files[] = {
	    "/etc/acme/lowtide.json", "/ca/a.pem", "/secrets/key"};
	(void)state;

	assert_int_equal(n.n_ports, 4);
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(n.ports[i], ports[i]);
	for (size_t i = 0; i < 3; i++)
		assert_string_equal(n.files[i], files[i]);
	assert_null(n.files[3]);
	n = needs("unix:/run/x.sock", "/var/x");
	assert_int_equal(n.n_ports, 3);
}

static void test_no_more(void **state)
{
	const struct read_needs has = needs(NULL, "/var/x");
	struct read_needs wants;
	(void)state;

	wants = needs(NULL, "/var/x");
	assert_true(read_needs_no_more(&has, &wants));
	upstreams[0].base = STR("http://a.example:8080");
	wants = needs(NULL, "/var/x");
	assert_true(read_needs_no_more(&has, &wants));
	upstreams[0].base = STR("http://a.example:8081");
	wants = needs(NULL, "/var/x");
	assert_false(read_needs_no_more(&has, &wants));
	upstreams[0].base = STR("https://a.example");
	static const struct {
		const char *ca;
		bool fits;
	} rows[] = {{"/ca/b.pem", true}, {"/ca/deep/b.pem", true},
	    {"/caution/b.pem", false}, {"/b.pem", false}, {"", true}};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		upstreams[0].ca = str_of(rows[i].ca);
		wants = needs(NULL, "/var/x");
		assert_int_equal(
		    read_needs_no_more(&has, &wants), rows[i].fits);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_of_reads, set_up, wipe),
	    cmocka_unit_test_setup_teardown(test_ports_and_files, set_up, wipe),
	    cmocka_unit_test_setup_teardown(test_no_more, set_up, wipe),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("read-check", tests, NULL, NULL);
}
