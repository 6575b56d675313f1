/* covers generator/server.c; a real nginx reads it in tests/web/nginx.t */
#include "tests/unit/site-kit.h"

static struct kit k;

static int open_kit(void **state)
{
	(void)state;
	kit_open(&k);
	return 0;
}

static int close_kit(void **state)
{
	(void)state;
	kit_close(&k);
	return 0;
}

static void put(const char *path, enum out_class class)
{
	assert_int_equal(out_put(&k.build.out, OUT_WWW, path, STR("x"), class,
			     false, POS_NONE, &k.diag),
	    ERR_OK);
}

static const char *server(const char *name)
{
	return kit_output(&k, OUT_SERVER, name);
}

static void has(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("wanted: %s\nin: %s", part, text);
}

static void has_not(const char *text, const char *part)
{
	if (strstr(text, part))
		fail_msg("not wanted: %s\nin: %s", part, text);
}

static void load(const char *base)
{
	const char *more =
	    arena_printf(&k.arena, "base_url = \"%s\"\n", base).p;

	kit_file(&k, "site.toml", "name = \"my-shop\"\n[catalogue.plans]\n");
	kit_file(&k, "catalogue/plans.toml", "version = \"1.0.0\"\n");
	kit_file(&k, "env/base.toml", more);
	if (kit_load(&k, NULL) != ERR_OK)
		fail_msg("%s", kit_said(&k));
	kit_build(&k);
}

static void without_apis(void **state)
{
	(void)state;
	load("http://127.0.0.1:9000");
	put("index.html", OUT_PAGE);
	assert_int_equal(produce_server(&k.build), ERR_OK);
	has(server("nginx-example.conf"), "listen 127.0.0.1:9000;");
	has(server("nginx-http.conf"), "map $uri $lowtide_cache_my_shop {");
	has_not(server("nginx-http.conf"), "upstream");
	has_not(server("nginx-site.conf"), "fastcgi");
	has(server("nginx-site.conf"), "\"text/html\" \"html\";");
}

/* kinds = []: no files for a server, but serve needs its own all the same. */
static void no_kind_of_server(void **state)
{
	(void)state;
	kit_file(&k, "site.toml", "name = \"my-shop\"\n");
	kit_file(&k, "env/base.toml",
	    "base_url = \"http://127.0.0.1:9000\"\n[server]\nkinds = []\n");
	if (kit_load(&k, NULL) != ERR_OK)
		fail_msg("%s", kit_said(&k));
	kit_build(&k);
	assert_int_equal(produce_server(&k.build), ERR_OK);
	assert_null(out_find(&k.build.out, OUT_SERVER, STR("nginx-site.conf")));
	k.build.root = "/srv/www";
	assert_int_equal(produce_server(&k.build), ERR_OK);
	has(server("nginx-example.conf"), "/srv/www");
}

/* The address of a real site is not for the example to listen on. */
static void far_base_url(void **state)
{
	(void)state;
	load("https://www.acme.example");
	assert_int_equal(produce_server(&k.build), ERR_OK);
	has(server("nginx-example.conf"), "listen 127.0.0.1:8080;");
}

static void cache_and_origins_by_class(void **state)
{
	(void)state;
	load("http://127.0.0.1:9000");
	put("plans-v1.0.0.toml", OUT_IMMUTABLE);
	put("plans.json", OUT_POINTER);
	put("plans-v1.0.0.html", OUT_PAGE);
	put("oauth.0123456789.mjs", OUT_IMMUTABLE);
	put("assets/app.0123456789.css", OUT_IMMUTABLE);
	put("robots.txt", OUT_POINTER);
	put("a.PNG", OUT_POINTER);
	assert_int_equal(produce_server(&k.build), ERR_OK);
	const char *http = server("nginx-http.conf");
	const char *cors = strstr(http, "$lowtide_cors_my_shop {");
	assert_non_null(cors);
	has(http, "\"/plans-v1.0.0.toml\" \"public, max-age=31536000, imm");
	has(http, "\"/oauth.0123456789.mjs\" \"public");
	has_not(http, "\"/plans.json\" \"public");
	has_not(http, "app.0123456789.css"); /* /assets/ as a whole */
	has(cors, "\"~^/plans-v1\\\\.0\\\\.0\\\\.toml\\\\z\" \"*\";");
	has(cors, "\"~^/plans\\\\.json\\\\z\" \"*\";");
	/* and what earlier releases left */
	has(cors, "\"~^/plans-v[0-9]+\\\\.[0-9]+\\\\.[0-9]+[-+.0-9A-Za-z]*"
		  "\\\\.(?:toml|json)\\\\z\" \"*\";");
	has(cors, "\\\\.(?:mjs|woff2|");
	has_not(cors, "robots.txt");
	has_not(cors, "plans-v1.0.0.html");
	has(server("nginx-site.conf"), "charset_types text/javascript text/css"
				       " text/plain;");
}

/* nginx's map does not tell A from a, files do. */
static void case_only_differences(void **state)
{
	(void)state;
	load("http://127.0.0.1:9000");
	put("data.json", OUT_IMMUTABLE);
	put("DATA.json", OUT_POINTER);
	put("Other.json", OUT_IMMUTABLE);
	put("$x.json", OUT_IMMUTABLE);
	put("plain.json", OUT_IMMUTABLE);
	assert_int_equal(produce_server(&k.build), ERR_OK);
	const char *http = server("nginx-http.conf");
	has(http, "\"/plain.json\" \"public");
	has_not(http, "\"/data.json\" \"");
	has_not(http, "\"/Other.json\" \"");
	has(http, "\"~^/(?:\\\\x24x\\\\.json|Other\\\\.json|data\\\\.json)"
		  "\\\\z\" \"public");
}

static struct api an_api(int64_t body_max, int64_t wait_max_ms)
{
	return (struct api){
	    .name = STR("a"), .body_max = body_max, .wait_max_ms = wait_max_ms};
}

static void limits_from_the_apis(void **state)
{
	struct api apis[] = {an_api(65536, 35000), an_api(4 << 20, 1000)};
	struct config config = {
	    .prefix = STR("/api"), .apis = apis, .n_apis = 2};

	(void)state;
	load("http://127.0.0.1:9000");
	k.build.config = &config;
	k.build.socket = "/tmp/x y/cgi.sock";
	k.build.root = "/tmp/x \"y\"";
	assert_int_equal(produce_server(&k.build), ERR_OK);
	const char *site = server("nginx-site.conf");
	has(site, "location ^~ /api/ {");
	has(site, "client_max_body_size 4259840;"); /* 4 MiB and 64 KiB */
	has(site, "fastcgi_read_timeout 50s;");
	has(site, "fastcgi_next_upstream off;");
	has(site, "fastcgi_request_buffering on;");
	has(site, "fastcgi_keep_conn on;");
	has(site, "fastcgi_intercept_errors off;");
	has(site, "fastcgi_param LOWTIDE_OWNER \"\";");
	has_not(site, "include fastcgi_params");
	has_not(site, "fastcgi_param REMOTE_USER");
	has(site, "\\\"type\\\":\\\"/problems/payload-too-large\\\"");
	has(server("nginx-http.conf"), "server \"unix:/tmp/x y/cgi.sock\";");
	has(server("nginx-http.conf"), "keepalive ");
	has(server("nginx-example.conf"), "root \"/tmp/x \\\"y\\\"\";");
}

/* Streams say something every 15 seconds, whatever anybody waits for. */
static void streams_are_waited_for(void **state)
{
	struct api api = an_api(65536, 1000);
	struct config config = {
	    .prefix = STR("/api"), .apis = &api, .n_apis = 1};

	(void)state;
	load("http://127.0.0.1:9000");
	k.build.config = &config;
	assert_int_equal(produce_server(&k.build), ERR_OK);
	has(server("nginx-site.conf"), "fastcgi_read_timeout 45s;");
	has_not(server("nginx-site.conf"), "auth_basic");
	has(server("systemd/lowtide-cgi@.service"), "--idle-exit 5m");
}

/* Of a script's own policy only what holds in a worker is said. */
static void connects_to_the_other_host(void **state)
{
	(void)state;
	kit_file(&k, "site.toml",
	    "name = \"x\"\nbase_url = \"https://www.acme.example\"\n"
	    "api_url = \"https://api.acme.example:8443\"\n");
	assert_int_equal(kit_load(&k, NULL), ERR_OK);
	kit_build(&k);
	assert_int_equal(produce_server(&k.build), ERR_OK);
	has(server("nginx-http.conf"),
	    "\tdefault \"default-src 'self'; "
	    "connect-src 'self' https://api.acme.example:8443; base-uri");
	has(server("nginx-http.conf"),
	    "\"~\\\\.(?:mjs|js)\\\\z\" \"default-src 'self'; "
	    "connect-src 'self' https://api.acme.example:8443\";");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, open_kit, close_kit)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(without_apis),
	    TEST(no_kind_of_server),
	    TEST(far_base_url),
	    TEST(cache_and_origins_by_class),
	    TEST(case_only_differences),
	    TEST(limits_from_the_apis),
	    TEST(streams_are_waited_for),
	    TEST(connects_to_the_other_host),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("server", tests, NULL, NULL);
}
