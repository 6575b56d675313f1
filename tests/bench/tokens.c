#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>

#include "cgi/bearer.h"
#include "lib/fs.h"
#include "lib/json.h"

/*
 * What a bearer token costs lowtide-cgi, in CPU-µs of one thread:
 *
 *	build/bench/tokens [ROUNDS]
 *
 * over the tokens of tests/vectors/tokens.json, from the folder of the
 * sources. hit: one that was seen before, arena and all. miss: read, key,
 * signature, claims, as when it comes first.
 */
static struct arena arena;
static const struct value *file;
static struct str algorithms[] = {
    {.p = "RS256", .n = 5}, {.p = "ES256", .n = 5}};
static struct str audiences[] = {{.p = "api", .n = 3}};
static struct provider provider = {.name = {.p = "plain", .n = 5},
    .kind = {.p = "oidc", .n = 4},
    .audiences = {audiences, 1},
    .algorithms = {algorithms, 2}};
static const struct config config = {.providers = &provider, .n_providers = 1};

static double cpu_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static _Noreturn void give_up(const char *why)
{
	fprintf(stderr, "tokens: %s\n", why);
	exit(1);
}

static struct str token_called(const char *name)
{
	const struct value *rows = value_get(file, "tokens");

	for (size_t i = 0; i < rows->as.array.n; i++)
		if (str_is(value_text(rows->as.array.items[i], "name"), name))
			return value_text(rows->as.array.items[i], "token");
	give_up("there is no such token; run it from the sources' folder");
}

static void show(const char *what, double us, long rounds, size_t bytes)
{
	printf("%-12s %8.2f CPU-us (%zu bytes)\n", what, us / (double)rounds,
	    bytes);
}

static void hits(struct bearer *b, struct str token, int64_t now_ms,
    const char *what, long rounds)
{
	struct str header = arena_printf(&arena, "Bearer %.*s", STR_ARG(token));
	struct token_claims claims;
	struct arena a = {0};
	double start = 0;

	for (long i = -100; i < rounds; i++) {
		if (i == 0)
			start = cpu_us();
		if (bearer_check(b, &a, header, &provider, now_ms, i + 5000,
			&claims) != TOKEN_OK)
			give_up("a good token is refused");
		arena_reset(&a);
	}
	show(what, cpu_us() - start, rounds, token.n);
	if (bearer_verified(b) > 2)
		give_up("a hit was none");
	arena_release(&a);
}

static void misses(
    const struct jwks *set, struct str text, const char *what, long rounds)
{
	struct token_claims claims;
	const struct jwk *key = NULL;
	struct token token;
	struct arena a = {0};
	double start = 0;

	for (long i = -100; i < rounds; i++) {
		if (i == 0)
			start = cpu_us();
		if (token_read(&a, text, &token) != TOKEN_OK ||
		    jwks_find(set, &token, &key) != TOKEN_OK ||
		    !signature_verify(key->key, token.alg, text) ||
		    token_claims(&a, &token, &provider, &claims) != TOKEN_OK)
			give_up("a good token is refused");
		arena_reset(&a);
	}
	show(what, cpu_us() - start, rounds, text.n);
	arena_release(&a);
}

int main(int argc, char *argv[])
{
	const long rounds = argc > 1 ? strtol(argv[1], NULL, 10) : 20000;
	char dir[] = "/tmp/lowtide-tokens.XXXXXX";
	struct buf json = {0};
	struct json_writer w = {.out = &json};
	struct jwks set;
	struct value *v;
	struct str text;

	if (fs_read(&arena, "tests/vectors/tokens.json", 1 << 20, NULL,
		&text) != ERR_OK ||
	    json_read(&arena, text, 1 << 20, NULL, NULL, &v) != ERR_OK ||
	    !mkdtemp(dir) ||
	    mkdir(arena_printf(&arena, "%s/jwks", dir).p, 0755) != 0)
		give_up("run it from the sources' folder");
	file = v;
	provider.issuer =
	    value_text(value_path(v, "providers.plain"), "issuer");
	json_value(&w, value_path(v, "sets.plain"));
	if (fs_write(arena_printf(&arena, "%s/jwks/plain.json", dir).p,
		buf_str(&json), 0644, NULL) != ERR_OK ||
	    jwks_parse(buf_str(&json), &set) != ERR_OK)
		give_up("no keys");

	const int64_t now_ms = value_get(v, "now")->as.i * 1000;
	struct str rs = token_called("an honest one");
	struct str es = token_called("by elliptic curve");
	double start = cpu_us();
	struct bearer *b = bearer_open(&config, dir, NULL, NULL);
	if (!b)
		give_up("tokens cannot be checked here");
	show("open", cpu_us() - start, 1, 0);
	hits(b, rs, now_ms, "RS256 hit", 10 * rounds);
	hits(b, es, now_ms, "ES256 hit", 10 * rounds);
	misses(&set, rs, "RS256 miss", rounds);
	misses(&set, es, "ES256 miss", rounds);
	bearer_close(b);
	jwks_release(&set);
	buf_release(&json);
	(void)!fs_remove_tree(dir, NULL);
	arena_release(&arena);
	return 0;
}
