#include "cgi/handle.h"
#include "tests/unit/app-world.h"

/*
 * Who asks (cgi/owner.c): which word an API takes for its owner, and how
 * whoever is nobody is asked to sign in.
 */

static void the_web_server_says_who(void **state)
{
	struct world *w = *state;

	w->config.web_challenge = STR("Basic realm=\"acme\"");
	send_it(w, "POST /api/v1/owned", "{}");
	assert_answer(w, 401);
	assert_string_equal(got(w, "error"), "unauthorized");
	assert_string_equal(
	    got_header(w, "WWW-Authenticate"), "Basic realm=\"acme\"");
	send_it(w, "POST /api/v1/owned", "{}", "owner: ");
	assert_answer(w, 401);
	send_it(w, "POST /api/v1/owned", "{}",
	    "authorization: Basic YW5uOng=", "lowtide-owner: ann");
	assert_answer(w, 401);
	assert_int_equal(world_count(w, OWNED), 0);
	send_it(w, "POST /api/v1/owned", "{}", "owner: ann");
	assert_answer(w, 202);
	ask(w, "GET", "", NO_HEADERS);
	assert_answer(w, 401);
	ask(w, "GET", "", WITH("owner: bob"));
	assert_answer(w, 404);
	ask(w, "GET", "", WITH("owner: ann"));
	assert_answer(w, 200);
}

static void a_server_without_a_challenge(void **state)
{
	struct world *w = *state;

	send_it(w, "POST /api/v1/owned", "{}");
	assert_answer(w, 401);
	assert_string_equal(got_header(w, "WWW-Authenticate"), "");
}

/* Its word is for those APIs alone that take it. */
static void not_for_other_apis(void **state)
{
	struct world *w = *state;

	send_it(w, "POST /api/v1/token", "{}", "owner: ann");
	assert_answer(w, 401);
	assert_string_equal(
	    got_header(w, "WWW-Authenticate"), "Bearer realm=\"acme\"");
	send_it(w, "POST /api/v1/bundle", "{}", "owner: ann");
	assert_answer(w, 202);
	ask(w, "GET", "", WITH("owner: bob"));
	assert_answer(w, 200);
}

/* A realm cannot end its quotation, nor the line. */
static void names_are_quoted(void **state)
{
	struct world *w = *state;

	w->config.name = STR("a\"b\\c\r\nx");
	send_it(w, "POST /api/v1/token", "{}");
	assert_string_equal(
	    got_header(w, "WWW-Authenticate"), "Bearer realm=\"abcx\"");
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, world_up, world_down)
	const struct CMUnitTest tests[] = {
	    T(the_web_server_says_who),
	    T(a_server_without_a_challenge),
	    T(not_for_other_apis),
	    T(names_are_quoted),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("owner", tests, NULL, NULL);
}
