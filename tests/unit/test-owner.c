#include <sys/stat.h>
#include <unistd.h>

#include "cgi/bearer.h"
#include "cgi/handle.h"
#include "lib/fs.h"
#include "tests/unit/app-world.h"
#include "tests/unit/token-kit.h"

/*
 * Who asks (cgi/owner.c): which word an API takes for its owner, and how
 * whoever is nobody is asked to sign in. What makes a token good is in
 * test-token.c and test-bearer.c.
 */
static struct str rs256[] = {S("RS256"), S("ES256")};
static struct str audience[] = {S("api")};
static struct str wanted_scopes[] = {S("jobs.write"), S("jobs.read")};
static struct provider w_providers[] = {
    {.name = S("cognito"),
	.kind = S("oidc"),
	.issuer = S("https://a.example"),
	.audiences = {audience, 1},
	.algorithms = {rs256, 2}},
    {.name = S("other"),
	.kind = S("oidc"),
	.issuer = S("https://b.example"),
	.audiences = {audience, 1},
	.algorithms = {rs256, 2}},
};
static EVP_PKEY *keys[2];
static char dir[] = "/tmp/lowtide-owner.XXXXXX";

static int tokens_up(void **state)
{
	strcpy(dir + strlen(dir) - 6, "XXXXXX");
	if (world_up(state) != 0 || !mkdtemp(dir))
		return -1;
	struct world *w = *state;
	w->config.providers = w_providers;
	w->config.n_providers = 2;
	w_apis[STRICT].auth = STR("other");
	mkdir(arena_printf(&w->arena, "%s/jwks", dir).p, 0755);
	w->app.bearer = bearer_open(&w->config, dir, NULL, NULL);
	for (size_t i = 0; i < 2; i++) {
		const char *path = arena_printf(
		    &w->arena, "%s/jwks/%s.json", dir, w_providers[i].name.p)
				       .p;
		struct str set = arena_printf(&w->arena, "{\"keys\":[%s]}",
		    kit_jwk(&w->arena, keys[i], "k", ""));
		if (fs_write(path, set, 0644, NULL) != ERR_OK)
			return -1;
	}
	return w->app.bearer ? 0 : -1;
}

static int tokens_down(void **state)
{
	struct world *w = *state;

	bearer_close(w->app.bearer);
	change_free(w->outcome == OUTCOME_ANSWER ? w->change : NULL);
	w_apis[TOKEN].scopes = (struct strs){0};
	w_apis[STRICT].auth = STR("none");
	int result = fs_remove_tree(dir, NULL) == ERR_OK ? 0 : -1;
	return world_down(state) || result;
}

/* "authorization: Bearer …" by provider `at` for that subject. */
static const char *token_of(
    struct world *w, size_t at, const char *subject, const char *more)
{
	struct str claims = arena_printf(&w->arena,
	    "{\"iss\":\"%s\",\"aud\":\"api\",\"sub\":\"%s\","
	    "\"exp\":1795253600%s}",
	    w_providers[at].issuer.p, subject, more);

	return arena_printf(&w->arena, "authorization: Bearer %s",
	    kit_token(&w->arena, keys[at], "{\"alg\":\"ES256\",\"kid\":\"k\"}",
		claims.p))
	    .p;
}

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

/*
 * A browser adds a login to what any page sends; without a preflight too, where
 * there is no body. What another site's page asks is nobody's.
 */
static void of_another_site_it_says_nothing(void **state)
{
	struct world *w = *state;
	static const char *const foreign[][2] = {
	    {"sec-fetch-site: cross-site", "origin: https://evil.example"},
	    {"sec-fetch-site: same-site", "origin: https://b.a.example"},
	    {"sec-fetch-site: cross-site", "origin: null"},
	    {"host: a.example", "origin: https://evil.example"},
	    {"host: a.example", "origin: https://a.example.evil.example"},
	    {"host: a.example", "origin: null"},
	    {"x-no-host: 1", "origin: https://"},
	};
	static const char *const own[][2] = {
	    {"sec-fetch-site: same-origin", "origin: https://a.example"},
	    {"sec-fetch-site: none", "host: a.example"},
	    {"sec-fetch-site: cross-site", "origin: https://www.acme.example"},
	    {"host: a.example:81", "origin: http://A.example:81"},
	    {"host: a.example", "user-agent: curl"},
	};

	w->config.web_challenge = STR("Basic realm=\"acme\"");
	for (size_t i = 0; i < sizeof(foreign) / sizeof(foreign[0]); i++) {
		send_it(w, "POST /api/v1/owned", "{}", "owner: ann",
		    foreign[i][0], foreign[i][1]);
		assert_answer(w, 401);
		assert_string_equal(got_header(w, "WWW-Authenticate"), "");
	}
	assert_int_equal(world_count(w, OWNED), 0);
	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++) {
		send_it(w, "POST /api/v1/owned", "{}", "owner: ann", own[i][0],
		    own[i][1]);
		assert_answer(w, 202);
	}
	ask(w, "GET", "", WITH("owner: ann", "sec-fetch-site: cross-site"));
	assert_answer(w, 200);
}

/* auth = "request": no program that is asked takes a password. */
static void a_challenge_of_another_scheme(void **state)
{
	struct world *w = *state;

	w->config.web_challenge = STR("Bearer realm=\"other\"");
	send_it(w, "POST /api/v1/owned", "{}");
	assert_answer(w, 401);
	assert_string_equal(
	    got_header(w, "WWW-Authenticate"), "Bearer realm=\"other\"");
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

/* ---- tokens -------------------------------------------------------------- */

static void a_token_says_who(void **state)
{
	struct world *w = *state;
	const char *ann = token_of(w, 0, "ann", "");
	const char *bob = token_of(w, 0, "bob", "");
	/* the same name of another provider is another owner */
	const char *other_ann = token_of(w, 1, "ann", "");

	send_it(w, "POST /api/v1/token", "{}");
	assert_answer(w, 401);
	assert_string_equal(
	    got_header(w, "WWW-Authenticate"), "Bearer realm=\"acme\"");
	send_it(w, "POST /api/v1/token", "{}", "owner: ann");
	assert_answer(w, 401);
	send_it(w, "POST /api/v1/token", "{}", "authorization: Basic YW5uOng=");
	assert_answer(w, 401);
	assert_string_equal(
	    got_header(w, "WWW-Authenticate"), "Bearer realm=\"acme\"");
	send_it(w, "POST /api/v1/token", "{}", other_ann);
	assert_answer(w, 401);
	assert_int_equal(world_count(w, TOKEN), 0);

	send_it(w, "POST /api/v1/token", "{}", ann, "x-request-id: r1");
	assert_answer(w, 202);
	ask(w, "GET", "", WITH(ann));
	assert_answer(w, 200);
	/* refreshed: another token of the same owner */
	ask(w, "GET", "", WITH(token_of(w, 0, "ann", ",\"iat\":1")));
	assert_answer(w, 200);
	ask(w, "GET", "", WITH(bob));
	assert_answer(w, 404);
	ask(w, "GET", "", WITH(other_ann));
	assert_answer(w, 401);
	ask(w, "GET", "", NO_HEADERS);
	assert_answer(w, 401);
	ask(w, "POST", "/cancel", WITH(bob));
	assert_answer(w, 404);
	ask(w, "DELETE", "", WITH(bob));
	assert_answer(w, 404);
	/* by the name of a request, too */
	send_it(w, "POST /api/v1/token", "{}", bob, "x-request-id: r1",
	    "x-initial-request: true");
	assert_answer(w, 202);
	assert_int_equal(world_count(w, TOKEN), 2);
	send_it(w, "POST /api/v1/strict", "{}", other_ann, "x-request-id: r1",
	    "x-initial-request: true");
	assert_answer(w, 202);
	ask(w, "GET", "", WITH(ann));
	assert_answer(w, 401);
}

/* The web server's owner of the same name as a token's is another one. */
static void a_token_is_for_its_apis_alone(void **state)
{
	struct world *w = *state;
	const char *ann = token_of(w, 0, "ann", "");

	send_it(w, "POST /api/v1/owned", "{}", ann);
	assert_answer(w, 401);
	send_it(w, "POST /api/v1/owned", "{}", ann, "owner: bob");
	assert_answer(w, 202);
	ask(w, "GET", "", WITH(ann));
	assert_answer(w, 401);
	/* where nobody is asked for, a token is not even looked at */
	send_it(w, "POST /api/v1/bundle", "{}", "authorization: Bearer x.y.z");
	assert_answer(w, 202);
	assert_int_equal(bearer_verified(w->app.bearer), 0);
}

static void a_bad_token_is_told_why(void **state)
{
	struct world *w = *state;
	const char *late = token_of(w, 0, "ann", ",\"nbf\":1795253000");

	send_it(w, "POST /api/v1/token", "{}", late);
	assert_answer(w, 401);
	assert_string_equal(got_header(w, "WWW-Authenticate"),
	    "Bearer realm=\"acme\", error=\"invalid_token\", "
	    "error_description=\"The token has expired, or is not valid "
	    "yet.\"");
	assert_string_equal(
	    got(w, "detail"), "The token has expired, or is not valid yet.");
	assert_string_equal(got(w, "error"), "unauthorized");
	send_it(w, "POST /api/v1/token", "{}",
	    "authorization: Bearer <script>\"x\"</script>");
	assert_answer(w, 401);
	assert_string_equal(got_header(w, "WWW-Authenticate"),
	    "Bearer realm=\"acme\", error=\"invalid_token\", "
	    "error_description=\"The token is malformed.\"");
	assert_null(memmem(w->ans.body.p, w->ans.body.n, "script", 6));
	assert_null(w->change);
}

static void scopes_are_asked_for(void **state)
{
	struct world *w = *state;
	static const char *const lacking[] = {"", ",\"scope\":\"jobs.read\"",
	    ",\"scope\":\"jobs.write\"", ",\"scope\":\"jobs.write jobs.reads\"",
	    ",\"scope\":\"jobs.writejobs.read\"",
	    ",\"scp\":[\"jobs.write jobs.read\"]"};

	w_apis[TOKEN].scopes = (struct strs){wanted_scopes, 2};
	for (size_t i = 0; i < sizeof(lacking) / sizeof(lacking[0]); i++) {
		send_it(w, "POST /api/v1/token", "{}",
		    token_of(w, 0, "ann", lacking[i]));
		assert_answer(w, 403);
		assert_string_equal(got(w, "error"), "forbidden");
		assert_string_equal(got_header(w, "WWW-Authenticate"),
		    "Bearer error=\"insufficient_scope\", "
		    "scope=\"jobs.write jobs.read\"");
	}
	assert_int_equal(world_count(w, TOKEN), 0);
	send_it(w, "POST /api/v1/token", "{}",
	    token_of(w, 0, "ann", ",\"scope\":\"x jobs.read  jobs.write\""));
	assert_answer(w, 202);
	ask(w, "GET", "",
	    WITH(token_of(
		w, 0, "ann", ",\"scp\":[\"jobs.read\",\"jobs.write\"]")));
	assert_answer(w, 200);
	ask(w, "GET", "", WITH(token_of(w, 0, "ann", "")));
	assert_answer(w, 403);
}

/* A stream goes on without its request, but not without its token. */
static void streams_end_with_the_token(void **state)
{
	struct world *w = *state;
	const char *ann = token_of(w, 0, "ann", "");

	send_it(w, "POST /api/v1/token", "{}", ann);
	assert_answer(w, 202);
	ask(w, "GET", "/events", WITH(ann));
	assert_int_equal(w->outcome, OUTCOME_STREAM);
	assert_true(w->wait.deadline_boot == w->now.boot_ms + 3600000);
	send_it(w, "GET /api/jobs/events", NULL, ann);
	assert_int_equal(w->outcome, OUTCOME_STREAM);
	assert_true(w->wait.deadline_boot == w->now.boot_ms + 3600000);
	/* asked for while the store was away: the same */
	w_faults.view = ERR_AGAIN;
	ask(w, "GET", "/events", WITH(ann));
	assert_int_equal(w->outcome, OUTCOME_PARK);
	w_faults.view = ERR_OK;
	world_resume(w);
	assert_int_equal(w->outcome, OUTCOME_STREAM);
	assert_true(w->wait.deadline_boot == w->now.boot_ms + 3600000);
	/* one that is about to end is no reason to come again at once */
	world_moves(w, 3599999);
	ask(w, "GET", "/events", WITH(ann));
	assert_int_equal(w->outcome, OUTCOME_STREAM);
	assert_true(w->wait.deadline_boot == w->now.boot_ms + 30000);
}

/* Of an API whose scopes the token lacks nothing is told. */
static void streams_keep_to_scopes(void **state)
{
	struct world *w = *state;
	const char *both = ",\"scope\":\"jobs.write jobs.read\"";

	w_apis[TOKEN].scopes = (struct strs){wanted_scopes, 2};
	for (int may = 0; may < 2; may++) {
		send_it(w, "GET /api/jobs/events", NULL,
		    token_of(w, 0, "ann", may ? both : ""));
		assert_int_equal(w->outcome, OUTCOME_STREAM);
		struct waiting waits = w->wait;
		send_it(
		    w, "POST /api/v1/token", "{}", token_of(w, 0, "ann", both));
		assert_answer(w, 202);
		w->wait = waits;
		world_resume(w);
		assert_int_equal(
		    w->outcome, may ? OUTCOME_STREAM : OUTCOME_PARK);
	}
	/* nor of one that came with another configuration */
	send_it(w, "GET /api/jobs/events", NULL, token_of(w, 0, "ann", both));
	memset(w->wait.print, 0, sizeof(w->wait.print));
	struct waiting waits = w->wait;
	send_it(w, "POST /api/v1/token", "{}", token_of(w, 0, "ann", both));
	w->wait = waits;
	world_resume(w);
	assert_int_equal(w->outcome, OUTCOME_PARK);
}

static const char *unknown_kid(struct world *w, size_t at)
{
	struct str claims = arena_printf(&w->arena,
	    "{\"iss\":\"%s\",\"aud\":\"api\",\"sub\":\"ann\","
	    "\"exp\":1795253600}",
	    w_providers[at].issuer.p);

	return arena_printf(&w->arena, "authorization: Bearer %s",
	    kit_token(&w->arena, keys[at], "{\"alg\":\"ES256\",\"kid\":\"x\"}",
		claims.p))
	    .p;
}

static void an_unknown_key_is_noted(void **state)
{
	struct world *w = *state;

	send_it(w, "POST /api/v1/token", "{}", unknown_kid(w, 0));
	assert_answer(w, 401);
	assert_non_null(w->change);
	assert_int_equal(w->change->kind, CHANGE_FLAG);
	assert_string_equal(w->change->flag, "jwks/cognito");
	assert_int_equal(w->change->event.now_ms, w->now.wall_ms);
	/* it comes back, and there is nobody to answer */
	struct change *change = w->change;
	for (enum err err = ERR_OK; err <= ERR_BUSY; err += ERR_BUSY) {
		change->err = err;
		assert_int_equal(app_committed(&w->app, w->now, &w->arena,
				     change, &w->ans, &w->wait),
		    OUTCOME_ANSWER);
	}
	change_free(change);
	send_it(w, "POST /api/v1/token", "{}", unknown_kid(w, 0));
	assert_answer(w, 401);
	assert_null(w->change);
	send_it(w, "POST /api/v1/strict", "{}", unknown_kid(w, 1));
	assert_answer(w, 401);
	assert_string_equal(w->change->flag, "jwks/other");
	change_free(w->change);
	world_moves(w, BEARER_WANT_MS);
	send_it(w, "POST /api/v1/token", "{}", unknown_kid(w, 0));
	assert_string_equal(w->change->flag, "jwks/cognito");
}

/* A program of one request has nothing of its own to remember that by. */
static void one_note_of_many_processes(void **state)
{
	struct world *w = *state;
	struct change_list list;

	send_it(w, "POST /api/v1/token", "{}", unknown_kid(w, 0));
	assert_answer(w, 401);
	TAILQ_INIT(&list);
	TAILQ_INSERT_TAIL(&list, w->change, in_list);
	changes_commit(w->store, &list);
	assert_int_equal(w->change->err, ERR_OK);
	change_free(w->change);
	for (int i = 0; i < 3; i++) {
		bearer_close(w->app.bearer);
		w->app.bearer = bearer_open(&w->config, dir, NULL, NULL);
		send_it(w, "POST /api/v1/token", "{}", unknown_kid(w, 0));
		assert_answer(w, 401);
		assert_null(w->change);
	}
	/* what cannot be looked up is not asked for again and again */
	bearer_close(w->app.bearer);
	w->app.bearer = bearer_open(&w->config, dir, NULL, NULL);
	world_moves(w, BEARER_WANT_MS);
	w_faults.view = ERR_IO;
	send_it(w, "POST /api/v1/token", "{}", unknown_kid(w, 0));
	assert_answer(w, 401);
	assert_null(w->change);
	w_faults.view = ERR_OK;
	bearer_close(w->app.bearer);
	w->app.bearer = bearer_open(&w->config, dir, NULL, NULL);
	send_it(w, "POST /api/v1/token", "{}", unknown_kid(w, 0));
	assert_string_equal(w->change->flag, "jwks/cognito");
}

static void without_keys_it_is_not_the_token(void **state)
{
	struct world *w = *state;
	const char *ann = token_of(w, 0, "ann", "");

	assert_int_equal(
	    unlink(arena_printf(&w->arena, "%s/jwks/cognito.json", dir).p), 0);
	send_it(w, "POST /api/v1/token", "{}", ann);
	assert_answer(w, 503);
	assert_string_equal(got(w, "error"), "keys-unavailable");
	assert_string_not_equal(got_header(w, "Retry-After"), "");
	assert_string_equal(got_header(w, "WWW-Authenticate"), "");
	assert_string_equal(w->change->flag, "jwks/cognito");
	change_free(w->change);
	w->change = NULL;
	send_it(w, "POST /api/v1/token", "{}");
	assert_answer(w, 401);
	/* the other provider's tokens are checked as before */
	send_it(w, "POST /api/v1/strict", "{}", token_of(w, 1, "ann", ""));
	assert_answer(w, 202);
}

/* An API whose provider is not there lets nobody in. */
static void a_provider_that_is_unknown(void **state)
{
	struct world *w = *state;

	w_apis[STRICT].auth = STR("nobody");
	send_it(w, "POST /api/v1/strict", "{}", token_of(w, 1, "ann", ""));
	assert_answer(w, 401);
	w_apis[STRICT].auth = (struct str){0};
	send_it(w, "POST /api/v1/strict", "{}", token_of(w, 1, "ann", ""));
	assert_answer(w, 401);
}

/* ---- all jobs of one owner ----------------------------------------------- */

/* 0, or the status of what he is told; the owner is in *h. */
static int any_owner(struct world *w, struct handling *h,
    const char *authorization, const char *owner)
{
	static struct pair header;
	static struct request r;

	header = (struct pair){STR("authorization"), str_of(authorization)};
	r = (struct request){.method = STR("GET"),
	    .path = STR("/api/jobs"),
	    .owner = str_of(owner),
	    .headers = {&header, authorization ? 1 : 0}};
	w->ans = (struct answer){0};
	*h = (struct handling){.app = &w->app,
	    .now = w->now,
	    .arena = &w->arena,
	    .r = &r,
	    .ans = &w->ans,
	    .change = &w->change,
	    .c = {.config = &w->config, .arena = &w->arena}};
	return handling_any_owner(h) ? 0 : w->ans.status;
}

static void all_that_is_his(void **state)
{
	struct world *w = *state;
	const char *ann = strchr(token_of(w, 0, "ann", ""), 'B');
	const char *other =
	    strchr(token_of(w, 1, "ann", ",\"scope\":\"jobs.read\""), 'B');
	uint8_t by_web[JOB_OWNER_BYTES], by_token[JOB_OWNER_BYTES];
	struct handling h;

	w->config.web_challenge = STR("Basic realm=\"acme\"");
	assert_int_equal(any_owner(w, &h, NULL, "ann"), 0);
	ids_owner(&w->keys, STR("ann"), by_web);
	assert_memory_equal(h.owner, by_web, sizeof(by_web));
	assert_true(handling_has_scopes(&h, &w_apis[TOKEN]));
	assert_int_equal(any_owner(w, &h, ann, NULL), 0);
	ids_owner_of(&w->keys, w_providers[0].issuer, STR("ann"), by_token);
	assert_memory_equal(h.owner, by_token, sizeof(by_token));
	assert_int_equal(any_owner(w, &h, other, "bob"), 0);
	ids_owner_of(&w->keys, w_providers[1].issuer, STR("ann"), by_token);
	assert_memory_equal(h.owner, by_token, sizeof(by_token));
	w_apis[TOKEN].scopes = (struct strs){wanted_scopes, 2};
	assert_false(handling_has_scopes(&h, &w_apis[TOKEN]));
	w_apis[TOKEN].scopes = (struct strs){wanted_scopes + 1, 1};
	assert_true(handling_has_scopes(&h, &w_apis[TOKEN]));

	/* nobody: told both ways in */
	assert_int_equal(any_owner(w, &h, NULL, NULL), 401);
	assert_string_equal(
	    got_header(w, "WWW-Authenticate"), "Bearer realm=\"acme\"");
	assert_true(str_is(
	    w->ans.headers[w->ans.n_headers - 1].name, "WWW-Authenticate"));
	assert_true(str_is(w->ans.headers[w->ans.n_headers - 1].value,
	    "Basic realm=\"acme\""));
	assert_int_equal(any_owner(w, &h, "Bearer x.y.z", NULL), 401);
	/* what the web server has checked holds beside a token of others */
	assert_int_equal(any_owner(w, &h, "Bearer x.y.z", "ann"), 0);
	assert_memory_equal(h.owner, by_web, sizeof(by_web));
	assert_int_equal(any_owner(w, &h, "Basic YW5uOng=", NULL), 401);
}

/* Where no API takes the web server's word, it is nobody's. */
static void no_word_of_the_server(void **state)
{
	struct world *w = *state;
	struct handling h;

	w_apis[OWNED].auth = STR("none");
	assert_int_equal(any_owner(w, &h, NULL, "ann"), 401);
	assert_string_equal(
	    got_header(w, "WWW-Authenticate"), "Bearer realm=\"acme\"");
	w->config.n_providers = 0;
	w->app.bearer = NULL;
	assert_int_equal(any_owner(w, &h, NULL, "ann"), 401);
}

static int set_up(void **state)
{
	(void)state;
	keys[0] = kit_ec("P-256");
	keys[1] = kit_ec("P-256");
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	EVP_PKEY_free(keys[0]);
	EVP_PKEY_free(keys[1]);
	return 0;
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, world_up, world_down)
#define B(name) cmocka_unit_test_setup_teardown(name, tokens_up, tokens_down)
	const struct CMUnitTest tests[] = {
	    T(the_web_server_says_who),
	    T(of_another_site_it_says_nothing),
	    T(a_challenge_of_another_scheme),
	    T(not_for_other_apis),
	    T(names_are_quoted),
	    B(a_token_says_who),
	    B(a_token_is_for_its_apis_alone),
	    B(a_bad_token_is_told_why),
	    B(scopes_are_asked_for),
	    B(streams_end_with_the_token),
	    B(streams_keep_to_scopes),
	    B(an_unknown_key_is_noted),
	    B(one_note_of_many_processes),
	    B(without_keys_it_is_not_the_token),
	    B(a_provider_that_is_unknown),
	    B(all_that_is_his),
	    T(no_word_of_the_server),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("owner", tests, set_up, tear_down);
}
