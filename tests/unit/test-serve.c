/*
 * covers generator/serve-place.c and what serve-helper.c and serve-stack.c can
 * do without processes; with them: tests/cli/serve.t, tests/cli/rebuild.t
 */
#include "tests/unit/site-kit.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include "generator/serve.h"

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

static void program(const char *path)
{
	kit_file(&k, path, "#!/bin/sh\n");
	assert_int_equal(chmod(kit_path(&k, path), 0755), 0);
}

static void finds_programs(void **state)
{
	char *before = strdup(getenv("PATH"));

	(void)state;
	program("usr/bin/tool");
	program("usr/sbin/server");
	program("opt/server");
	kit_file(&k, "usr/bin/plain", "not executable");
	kit_file(&k, "usr/bin/folder/x", "");
	setenv("PATH", "", 1);
	assert_null(place_program(&k.arena, "tool"));
	setenv(
	    "PATH", arena_printf(&k.arena, ":/none:%s/usr/bin:", k.dir).p, 1);
	assert_string_equal(
	    place_program(&k.arena, "tool"), kit_path(&k, "usr/bin/tool"));
	/* the sbin beside a bin, which is not in an ordinary PATH */
	assert_string_equal(
	    place_program(&k.arena, "server"), kit_path(&k, "usr/sbin/server"));
	assert_null(place_program(&k.arena, "plain"));
	assert_null(place_program(&k.arena, "folder"));
	/* but PATH itself comes first */
	setenv("PATH",
	    arena_printf(&k.arena, "%s/usr/bin:%s/opt", k.dir, k.dir).p, 1);
	assert_string_equal(
	    place_program(&k.arena, "server"), kit_path(&k, "opt/server"));
	setenv("PATH", before, 1);
	free(before);
}

static void ports(void **state)
{
	struct sockaddr_in at = {
	    .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t n = sizeof(at);
	uint16_t port;

	(void)state;
	assert_int_equal(place_free_port(&port, &k.diag), ERR_OK);
	assert_true(port > 0);
	assert_int_equal(place_port(port, &k.diag), ERR_OK);
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&at, n), 0);
	assert_int_equal(listen(fd, 1), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &n), 0);
	assert_int_equal(place_port(ntohs(at.sin_port), &k.diag), ERR_CONFLICT);
	kit_says(&k, "port-busy: port ");
	close(fd);
}

static void socket_paths_are_short(void **state)
{
	struct place place = {.run = k.dir};
	const char *path;
	int fd;

	(void)state;
	assert_int_equal(
	    place_socket(&k.arena, &place, "cgi.sock", &k.diag, &path, &fd),
	    ERR_OK);
	assert_string_equal(path, kit_path(&k, "cgi.sock"));
	struct stat st;
	assert_int_equal(stat(path, &st), 0);
	assert_true(S_ISSOCK(st.st_mode));
	assert_int_equal(st.st_mode & 0777, 0660);
	close(fd);
	char longest[200] = {0};
	memset(longest, 'x', sizeof(longest) - 1);
	place.run = longest;
	assert_int_equal(
	    place_socket(&k.arena, &place, "cgi.sock", &k.diag, &path, &fd),
	    ERR_TOO_LARGE);
	kit_says(&k, "path-too-long");
}

static void helpers_fill_references(void **state)
{
	struct helper helpers[] = {{.name = "one", .url = "http://127.0.0.1:1"},
	    {.name = "two", .url = "http://127.0.0.1:2"}};
	struct serve s = {
	    .arena = &k.arena, .helpers = helpers, .n_helpers = 2};

	(void)state;
	kit_file(&k, "site.toml", "name = \"x\"\n");
	kit_file(&k, "api.toml",
	    "[upstream.a]\nbase = \"{run.two.url}/v1\"\n"
	    "[upstream.b]\nbase = \"{run.three.url}\"\n"
	    "[upstream.c]\nbase = \"https://c.example\"\n");
	kit_load(&k, NULL);
	assert_non_null(k.site);
	s.site = k.site;
	assert_int_equal(
	    serve_fill_references(&s, k.site, &k.arena, &k.diag), ERR_OK);
	const struct value *all = site_table(k.site, "upstream");
	assert_true(
	    str_is(value_path(all, "a.base")->text, "http://127.0.0.1:2/v1"));
	assert_true(value_path(all, "a.base")->from_env);
	assert_true(str_is(value_path(all, "b.base")->text, "{run.three.url}"));
	assert_true(
	    str_is(value_path(all, "c.base")->text, "https://c.example"));
}

static void helpers_declared_later(void **state)
{
	struct serve s = {.arena = &k.arena};

	(void)state;
	kit_file(&k, "site.toml", "name = \"x\"\n");
	kit_file(&k, "env/base.toml",
	    "[serve.run.late]\ncommand = [\"true\"]\n"
	    "[upstream.a]\nbase = \"{run.late.url}\"\n");
	kit_load(&k, NULL);
	assert_int_equal(
	    serve_fill_references(&s, k.site, &k.arena, &k.diag), ERR_INPUT);
	kit_says(&k, "helper-not-running");
}

static void small_tools(void **state)
{
	struct serve s = {.arena = &k.arena, .place.state = k.dir};

	(void)state;
	const char *const *list = SERVE_LIST(&s, "a", serve_text(&s, "%d", 7));
	assert_string_equal(list[1], "7");
	assert_null(list[2]);
	kit_file(&k, "cgi.log", "of the run before");
	assert_string_equal(serve_log(&s, "cgi"), kit_path(&k, "cgi.log"));
	assert_int_equal(access(kit_path(&k, "cgi.log"), F_OK), -1);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, open_kit, close_kit)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(finds_programs),
	    TEST(ports),
	    TEST(socket_paths_are_short),
	    TEST(helpers_fill_references),
	    TEST(helpers_declared_later),
	    TEST(small_tools),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("serve", tests, NULL, NULL);
}
