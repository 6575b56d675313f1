/* covers generator/server-reads.c; real servers are asked in tests/web/reads-*
 */
#include "generator/api-auth.h"
#include "generator/server-data.h"
#include "tests/unit/site-kit.h"

#define ROWS_MAX 8

static struct kit k;
static struct server_ctx d;
static struct config config;
static struct api apis[ROWS_MAX];
static struct read reads[ROWS_MAX];
static struct read_call calls[ROWS_MAX];
static struct secret secrets[ROWS_MAX];

static int open_kit(void **state)
{
	(void)state;
	kit_open(&k);
	kit_file(&k, "site.toml", "name = \"my-shop\"\n");
	kit_file(&k, "env/base.toml",
	    "base_url = \"http://127.0.0.1:9000\"\n"
	    "[server]\nkinds = [\"nginx\", \"apache\", \"lighttpd\"]\n");
	if (kit_load(&k, NULL) != ERR_OK)
		fail_msg("%s", kit_said(&k));
	kit_build(&k);
	config = (struct config){.prefix = STR("/api"),
	    .apis = apis,
	    .reads = reads,
	    .read_calls = calls,
	    .secrets = secrets};
	k.build.config = &config;
	return 0;
}

static int close_kit(void **state)
{
	(void)state;
	kit_close(&k);
	return 0;
}

static struct api *has_api(const char *method, const char *path)
{
	struct api *one = &apis[config.n_apis++];

	*one = (struct api){.name = STR("a"),
	    .method = str_of(method),
	    .path = str_of(path),
	    .auth = STR("none")};
	return one;
}

static struct read *has_read(const char *path)
{
	struct read *one = &reads[config.n_reads++];

	*one = (struct read){.name = STR("r"),
	    .path = str_of(path),
	    .auth = STR("none"),
	    .deadline_ms = 10000};
	return one;
}

static bool look(void)
{
	d = (struct server_ctx){.b = &k.build,
	    .a = &k.arena,
	    .root = value_new(&k.arena, VALUE_TABLE, POS_NONE)};
	return server_set_reads(&d);
}

static bool flag(const struct value *table, const char *key)
{
	return value_get(table, key)->as.b;
}

/* "METHOD REGEX 1|METHOD REGEX 0|…" */
static const char *rows(const char *key)
{
	const struct value *array = value_get(d.root, key);
	struct buf out = {0};

	for (size_t i = 0; array && i < array->as.array.n; i++) {
		const struct value *row = array->as.array.items[i];
		struct str method = value_text(row, "method");
		assert_true(flag(row, "any") == str_is(method, "[^ ]+"));
		buf_puts(&out, flag(row, "any") ? "* " : "GET ");
		buf_put_str(&out, value_text(row, "regex"));
		buf_printf(&out, " %d|", flag(row, "is"));
	}
	struct str text = arena_str(&k.arena, buf_str(&out));
	buf_release(&out);
	return text.p;
}

static const char *server(const char *name)
{
	return kit_output(&k, OUT_SERVER, name);
}

static bool written(const char *name)
{
	return out_find(&k.build.out, OUT_SERVER, str_of(name)) != NULL;
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

static void neither(void **state)
{
	(void)state;
	assert_false(look());
	assert_false(flag(d.root, "api"));
	assert_int_equal(produce_server(&k.build), ERR_OK);
	has_not(server("nginx-site.conf"), "fastcgi");
	has_not(server("apache-site.conf"), "Proxy");
	has_not(server("lighttpd-site.conf"), "fastcgi");
	assert_false(written("systemd/lowtide-read@.service"));
	assert_false(written("systemd/lowtide.sysusers"));
}

/* Whatever is below the prefix is lowtide-read's, to refuse as well. */
static void reads_alone(void **state)
{
	(void)state;
	has_read("/api/case/{crns}");
	assert_true(look());
	assert_true(flag(d.root, "api"));
	assert_true(flag(d.root, "reads"));
	assert_false(flag(d.root, "endpoint"));
	assert_false(flag(d.root, "both"));
	assert_string_equal(rows("to_read"), "");
	assert_int_equal(produce_server(&k.build), ERR_OK);
	has(server("nginx-http.conf"),
	    "server \"unix:/run/lowtide/my-shop/read.sock\";");
	has_not(server("nginx-http.conf"), "cgi.sock");
	has(server("nginx-site.conf"), "fastcgi_pass lowtide_my_shop_read;");
	has(server("nginx-site.conf"), "fastcgi_keep_conn on;");
	has(server("nginx-site.conf"), "fastcgi_param LOWTIDE_OWNER \"\";");
	has_not(server("nginx-site.conf"), "fastcgi_cache");
	has(server("apache-site.conf"),
	    "ProxyPass \"unix:/run/lowtide/my-shop/read.sock|"
	    "fcgi://lowtide-read-my-shop/\"");
	has_not(server("apache-site.conf"), "cgi.sock");
	has(server("lighttpd-site.conf"),
	    "\"socket\" => \"/run/lowtide/my-shop/read.sock\"");
	has_not(server("lighttpd-site.conf"), "cgi.sock");
	assert_true(written("lighttpd-problem-503.html"));
	assert_false(written("apache-cgi.conf"));
	assert_true(written("systemd/lowtide-read@.service"));
	assert_true(written("systemd/lowtide-read@.socket"));
	assert_true(written("systemd/lowtide.sysusers"));
	assert_false(written("systemd/lowtide-cgi@.service"));
	assert_false(written("systemd/lowtide-worker@.service"));
	assert_false(
	    written("systemd/lowtide-read@my-shop.service.d/site.conf"));
}

/* Somebody has to fetch the keys that tokens are checked with. */
static void reads_for_who_signs_in(void **state)
{
	struct provider provider = {.name = STR("id")};

	(void)state;
	has_read("/api/mine")->auth = STR("id");
	config.providers = &provider;
	config.n_providers = 1;
	assert_int_equal(produce_server(&k.build), ERR_OK);
	assert_true(written("systemd/lowtide-worker@.service"));
	assert_false(written("systemd/lowtide-cgi@.service"));
}

/* An API that can never be asked for by a read's path needs no row. */
static void apart(void **state)
{
	(void)state;
	has_api("GET", "/api/case");
	has_api("GET", "/api/case/a/b");
	has_api("POST", "/api/other/{x}");
	has_read("/api/case/{crns}");
	look();
	assert_true(flag(d.root, "both"));
	assert_string_equal(rows("to_read"), "* /api/case/[^/? ]+ 1|");
	assert_string_equal(rows("to_read_last"), rows("to_read"));
}

/* Of one path GET and HEAD are the read's, and the rest is the API's. */
static void one_path_of_both(void **state)
{
	(void)state;
	has_api("POST", "/api/bundle/{id}");
	has_api("DELETE", "/api/bundle/{id}");
	has_read("/api/bundle/{bundle}");
	has_read("/api/bundle");
	look();
	assert_string_equal(rows("to_read"),
	    "GET /api/bundle/[^/? ]+ 1|* /api/bundle/[^/? ]+ 0|"
	    "* /api/bundle 1|");
	assert_string_equal(rows("to_read_last"),
	    "* /api/bundle 1|* /api/bundle/[^/? ]+ 0|GET "
	    "/api/bundle/[^/? ]+ 1|");
}

/* A word before a place, whichever of the two has it. */
static void the_routers_order(void **state)
{
	(void)state;
	has_api("GET", "/api/{kind}/all");
	has_api("POST", "/api/case/new");
	has_read("/api/case/{crns}");
	look();
	assert_string_equal(rows("to_read"),
	    "GET /api/case/[^/? ]+ 1|GET /api/[^/? ]+/all 0|"
	    "* /api/case/new 0|* /api/[^/? ]+/all 0|"
	    "* /api/case/[^/? ]+ 1|");
}

/* The API that a read becomes a job by is asked for by lowtide-read alone. */
static void its_job_is_no_api_of_that_path(void **state)
{
	(void)state;
	has_api("GET", "/api/case/{crns}")->read = STR("r");
	has_read("/api/case/{crns}")->auth = STR("web-server");
	look();
	assert_string_equal(rows("to_read"), "* /api/case/[^/? ]+ 1|");
	k.build.web_server = &(struct web_server){.is_basic = true};
	server_set_owner(&d);
	const struct value *asked = value_get(d.root, "asked");
	assert_int_equal(asked->as.array.n, 1);
	const struct value *row = asked->as.array.items[0];
	assert_true(str_is(value_text(row, "method"), "(?:GET|HEAD)"));
	assert_true(flag(row, "is"));
}

static void nobody_checks_but_for_reads(void **state)
{
	(void)state;
	has_read("/api/mine")->auth = STR("web-server");
	look();
	server_set_owner(&d);
	assert_false(flag(d.root, "owner"));
	k.build.web_server = &(struct web_server){.is_basic = true};
	server_set_owner(&d);
	assert_true(flag(d.root, "owner"));
}

static void both_in_each_server(void **state)
{
	(void)state;
	has_api("POST", "/api/order")->wait_max_ms = 1000;
	has_read("/api/a.b/{crns}")->deadline_ms = 60000;
	k.build.read_socket = "/tmp/x y/read.sock";
	k.build.socket = "/tmp/x y/cgi.sock";
	assert_int_equal(produce_server(&k.build), ERR_OK);
	has(server("nginx-http.conf"),
	    "map \"$request_method $request_uri\" $lowtide_back_my_shop {\n"
	    "\tdefault \"lowtide_my_shop\";\n"
	    "\t\"~^[^ ]+ /api/a\\\\.b/[^/? ]+(?:\\?|\\z)\" "
	    "\"lowtide_my_shop_read\";\n}");
	has(server("nginx-http.conf"), "server \"unix:/tmp/x y/read.sock\";");
	has(server("nginx-site.conf"), "fastcgi_pass $lowtide_back_my_shop;");
	has(server("nginx-site.conf"), "fastcgi_read_timeout 75s;");
	has(server("apache-site.conf"),
	    "RewriteRule \"^/api/\" \"unix:/tmp/x y/read.sock|"
	    "fcgi://lowtide-read-my-shop/\" [P,L,E=LOWTIDE_OWNER:");
	has(server("apache-site.conf"),
	    "<Proxy \"unix:/tmp/x y/read.sock|fcgi://lowtide-read-my-shop/\">");
	has(server("apache-site.conf"), "timeout=75 retry=0");
	has(server("lighttpd-site.conf"), "=> \"/api/.lowtide-read${qsa}\"");
	has(server("lighttpd-site.conf"), "\"read-timeout\" => 75");
	has(server("lighttpd-cgi.conf"), "\\.lowtide-read\\z");
}

/* Shown by OPTIONS, which an API of the same path would answer. */
static void a_read_that_shows_itself(void **state)
{
	(void)state;
	has_read("/api/bundle");
	assert_true(
	    str_is(server_read_alone(&k.arena, &config), "/api/bundle"));
	has_api("POST", "/api/bundle");
	assert_true(str_is(server_read_alone(&k.arena, &config), ""));
	has_read("/api/case/{crns}/\xc3\xa9");
	assert_true(
	    str_is(server_read_alone(&k.arena, &config), "/api/case/x/%C3%A9"));
}

/* Of secrets a unit is told those that its program reads. */
static void secrets_of_reads(void **state)
{
	struct pair key = {STR("x-key"), STR("a{secret.two}b")};
	struct upstream up = {.name = STR("u"), .headers = {&key, 1}};

	(void)state;
	has_read("/api/a");
	config.upstreams = &up;
	config.n_upstreams = 1;
	calls[0] = (struct read_call){
	    .upstream = STR("u"), .path = STR("/{secret.one?}")};
	config.n_read_calls = 1;
	secrets[config.n_secrets++] =
	    (struct secret){.name = STR("on"), .env = STR("NOT_THIS")};
	secrets[config.n_secrets++] =
	    (struct secret){.name = STR("one"), .env = STR("ONE")};
	secrets[config.n_secrets++] = (struct secret){.name = STR("two"),
	    .file = STR("/run/credentials/lowtide-read@my-shop.service/two")};
	assert_int_equal(produce_server(&k.build), ERR_OK);
	const char *own =
	    server("systemd/lowtide-read@my-shop.service.d/site.conf");
	has(own, "#\tONE\t{secret.one}\n");
	has_not(own, "NOT_THIS");
	has(own, "LoadCredential=two:/etc/lowtide/my-shop/two\n");
	has(own, "EnvironmentFile=-/etc/lowtide/my-shop/environment\n");
}

static void a_credential_of_the_workers(void **state)
{
	struct pair key = {STR("x-key"), STR("{secret.one}")};

	(void)state;
	has_read("/api/a");
	calls[0] = (struct read_call){.headers = {&key, 1}};
	config.n_read_calls = 1;
	secrets[config.n_secrets++] = (struct secret){.name = STR("one"),
	    .file = STR("/run/credentials/lowtide-worker@my-shop.service/one")};
	assert_int_equal(produce_server(&k.build), ERR_OK);
	const char *own =
	    server("systemd/lowtide-read@my-shop.service.d/site.conf");
	has(own, "the worker's alone");
	has_not(own, "LoadCredential");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, open_kit, close_kit)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(neither),
	    TEST(reads_alone),
	    TEST(reads_for_who_signs_in),
	    TEST(apart),
	    TEST(one_path_of_both),
	    TEST(the_routers_order),
	    TEST(its_job_is_no_api_of_that_path),
	    TEST(nobody_checks_but_for_reads),
	    TEST(both_in_each_server),
	    TEST(a_read_that_shows_itself),
	    TEST(secrets_of_reads),
	    TEST(a_credential_of_the_workers),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("server-reads", tests, NULL, NULL);
}
