#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "cgi/bearer.h"
#include "lib/fs.h"
#include "lib/json.h"

/*
 * tests/vectors/tokens.json: tokens that another tool signed, and what is to
 * become of each of them, twice, and by a provider's name and without.
 */
#define FILE_NAME "tests/vectors/tokens.json"
#define PROVIDERS_MAX 8

static const char *const verdicts[TOKEN_VERDICTS] = {
    [TOKEN_OK] = "ok",
    [TOKEN_MALFORMED] = "malformed",
    [TOKEN_ALGORITHM] = "algorithm",
    [TOKEN_UNKNOWN_KEY] = "unknown-key",
    [TOKEN_SIGNATURE] = "signature",
    [TOKEN_CLAIMS] = "claims",
    [TOKEN_TIME] = "time",
};
static struct arena arena;
static struct provider providers[PROVIDERS_MAX];
static struct config config = {.providers = providers};
static const struct value *file;
static char dir[] = "/tmp/lowtide-tokens.XXXXXX";

static struct strs list_of(const struct value *v)
{
	struct strs out = {0};

	if (!v)
		return out;
	out.items = arena_array(&arena, v->as.array.n, sizeof(*out.items));
	for (; out.n < v->as.array.n; out.n++)
		out.items[out.n] = v->as.array.items[out.n]->text;
	return out;
}

static void read_provider(const struct member *m)
{
	const struct value *sets = value_get(file, "sets");
	const char *name = arena_cstr(&arena, m->key);
	struct buf set = {0};
	struct json_writer w = {.out = &set};

	assert_true(config.n_providers < PROVIDERS_MAX);
	providers[config.n_providers++] = (struct provider){.name = m->key,
	    .kind = value_text(m->value, "kind"),
	    .issuer = value_text(m->value, "issuer"),
	    .audiences = list_of(value_get(m->value, "audiences")),
	    .client_ids = list_of(value_get(m->value, "clientIds")),
	    .algorithms = list_of(value_get(m->value, "algorithms")),
	    .leeway_ms = value_get(m->value, "leewayMs")->as.i};
	json_value(&w, value_get(sets, name));
	assert_int_equal(
	    fs_write(arena_printf(&arena, "%s/jwks/%s.json", dir, name).p,
		buf_str(&set), 0644, NULL),
	    ERR_OK);
	buf_release(&set);
}

static int set_up(void **state)
{
	struct str text;
	struct value *v;
	(void)state;

	assert_int_equal(
	    fs_read(&arena, FILE_NAME, 1 << 20, NULL, &text), ERR_OK);
	assert_int_equal(
	    json_read(&arena, text, 1 << 20, NULL, NULL, &v), ERR_OK);
	file = v;
	assert_non_null(mkdtemp(dir));
	assert_int_equal(
	    mkdir(arena_printf(&arena, "%s/jwks", dir).p, 0755), 0);
	const struct value *all = value_get(file, "providers");
	for (size_t i = 0; i < all->as.table.n; i++)
		read_provider(&all->as.table.members[i]);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	int result = fs_remove_tree(dir, NULL) == ERR_OK ? 0 : -1;
	arena_release(&arena);
	return result;
}

static void each_is_as_it_says(void **state)
{
	const struct value *rows = value_get(file, "tokens");
	const int64_t now_ms = value_get(file, "now")->as.i * 1000;
	struct bearer *bearer = bearer_open(&config, dir, NULL, NULL);
	size_t good = 0;
	(void)state;

	assert_non_null(bearer);
	for (int round = 0; round < 3; round++)
		for (size_t i = 0; i < rows->as.array.n; i++) {
			const struct value *row = rows->as.array.items[i];
			const struct provider *p = config_provider(
			    &config, value_text(row, "provider"));
			struct str header = arena_printf(&arena, "Bearer %.*s",
			    STR_ARG(value_text(row, "token")));
			struct token_claims claims;
			assert_non_null(p);
			/* in the last one, whoever's it is */
			enum token_verdict verdict =
			    bearer_check(bearer, &arena, header,
				round == 2 ? NULL : p, now_ms, 1, &claims);
			bool is_ok = str_is(value_text(row, "verdict"), "ok");
			good += is_ok;
			if (round == 2 &&
			    str_is(value_text(row, "verdict"), "claims"))
				continue; /* it may be the other's */
			if (!verdicts[verdict] ||
			    !str_is(
				value_text(row, "verdict"), verdicts[verdict]))
				fail_msg("%d, %.*s: %s", round,
				    STR_ARG(value_text(row, "name")),
				    verdicts[verdict] ? verdicts[verdict]
						      : "no verdict");
		}
	assert_true(good > 20);
	bearer_close(bearer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(each_is_as_it_says),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name(
	    "token-vectors", tests, set_up, tear_down);
}
