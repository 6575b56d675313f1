#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <sodium.h>

#include "cgi/bearer.h"
#include "lib/fs.h"
#include "lib/json.h"
#include "tests/fuzz/fuzz.h"

/*
 * The value of an Authorization header, against the keys that
 * tests/vectors/tokens.json has and nobody can sign with any more: it is good
 * only if it holds one of that file's good tokens. And what a token says,
 * whoever signed it, read alone: the rest would never be reached.
 */
const char *const fuzz_words[] = {"Bearer ", "bearer ", "Basic ", ".", "..",
    "=", "eyJhbGciOiJSUzI1NiIsImtpZCI6InJzIn0", "eyJhbGciOiJub25lIn0",
    "eyJhbGciOiJIUzI1NiJ9", "eyJhbGciOiJFUzI1NiJ9", "e30", "W10", "bnVsbA",
    "AAAA", "____", "\"alg\":\"RS256\"",
    "\"crit\":", "\"typ\":", "\"kid\":", "\"iss\":\"https://id.example\"",
    "\"aud\":", "[\"api\"]", "\"sub\":", "\"exp\":", "\"nbf\":", "1e309", "-1",
    "0.5", "9223372036854775808", "\"client_id\":", "\"token_use\":\"access\"",
    "\"scp\":[", "\\u0000", "\n", NULL};

static struct arena kept;
static struct provider providers[8];
static struct config config = {.providers = providers};
static const struct value *vectors;
static struct bearer *bearer;

static struct strs list_of(const struct value *v)
{
	struct strs out = {0};

	if (v)
		out.items =
		    arena_array(&kept, v->as.array.n, sizeof(*out.items));
	for (; v && out.n < v->as.array.n; out.n++)
		out.items[out.n] = v->as.array.items[out.n]->text;
	return out;
}

static void set_up(void)
{
	char dir[] = "/tmp/lowtide-fuzz-token.XXXXXX";
	struct str text;
	struct value *v;

	fuzz_must(fs_read(&kept, "tests/vectors/tokens.json", 1 << 20, NULL,
		      &text) == ERR_OK);
	fuzz_must(json_read(&kept, text, 1 << 20, NULL, NULL, &v) == ERR_OK);
	vectors = v;
	fuzz_must(mkdtemp(dir));
	fuzz_must(mkdir(arena_printf(&kept, "%s/jwks", dir).p, 0755) == 0);
	const struct value *all = value_get(vectors, "providers");
	for (size_t i = 0; i < all->as.table.n; i++) {
		const struct member *m = &all->as.table.members[i];
		const char *name = arena_cstr(&kept, m->key);
		struct buf set = {0};
		struct json_writer w = {.out = &set};
		providers[config.n_providers++] = (struct provider){
		    .name = m->key,
		    .kind = value_text(m->value, "kind"),
		    .issuer = value_text(m->value, "issuer"),
		    .audiences = list_of(value_get(m->value, "audiences")),
		    .client_ids = list_of(value_get(m->value, "clientIds")),
		    .algorithms = list_of(value_get(m->value, "algorithms"))};
		json_value(&w, value_path(vectors,
				   arena_printf(&kept, "sets.%s", name).p));
		fuzz_must(
		    fs_write(
			arena_printf(&kept, "%s/jwks/%s.json", dir, name).p,
			buf_str(&set), 0644, NULL) == ERR_OK);
		buf_release(&set);
	}
	bearer = bearer_open(&config, dir, NULL, NULL);
	fuzz_must(bearer);
	bearer_report(bearer, 1, NULL);
	fuzz_must(fs_remove_tree(dir, NULL) == ERR_OK);
}

static bool is_known_good(struct str header)
{
	const struct value *rows = value_get(vectors, "tokens");

	for (size_t i = 0; i < rows->as.array.n; i++) {
		const struct value *row = rows->as.array.items[i];
		if (str_eq(value_text(row, "token"),
			str_slice(header, strlen("Bearer "), header.n)) &&
		    (str_is(value_text(row, "verdict"), "ok") ||
			str_is(value_text(row, "verdict"), "time") ||
			str_is(value_text(row, "verdict"), "claims")))
			return true;
	}
	return false;
}

static struct str encoded(struct arena *a, struct str s)
{
	const int how = sodium_base64_VARIANT_URLSAFE_NO_PADDING;
	size_t n = sodium_base64_encoded_len(s.n, how);
	char *out = arena_alloc(a, n);

	sodium_bin2base64(out, n, (const unsigned char *)s.p, s.n, how);
	return str_of(out);
}

/* Two lines are a header and claims, as their bytes are before they travel. */
static struct str token_of(struct arena *a, struct str input)
{
	size_t line = str_find(input, '\n', 0);

	if (line == input.n)
		return str_slice(input, strlen("Bearer "), input.n);
	return arena_join(a, 4,
	    (const struct str[]){encoded(a, str_slice(input, 0, line)),
		STR("."), encoded(a, str_slice(input, line + 1, input.n)),
		STR(".AA")});
}

static void read_alone(struct arena *a, struct str input, int64_t now_ms)
{
	struct token_claims claims;
	struct token token;

	if (token_read(a, token_of(a, input), &token) != TOKEN_OK)
		return;
	fuzz_must(token.kid.n <= TOKEN_KID_MAX && token.claims);
	for (size_t i = 0; i < config.n_providers; i++) {
		if (token_claims(a, &token, &providers[i], &claims) != TOKEN_OK)
			continue;
		fuzz_must(str_eq(claims.issuer, providers[i].issuer));
		fuzz_must(
		    claims.subject.n && claims.subject.n <= TOKEN_SUB_MAX);
		fuzz_must(claims.ends_ms >= 0 && claims.begins_ms >= 0);
		if (token_time(&claims, 0, now_ms) == TOKEN_OK)
			fuzz_must(claims.begins_ms <= now_ms &&
				  claims.ends_ms > now_ms);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	const struct str header = {(const char *)data, n};
	struct token_claims claims;
	struct arena a = {0};

	if (!bearer)
		set_up();
	const int64_t now_ms = value_get(vectors, "now")->as.i * 1000;
	for (size_t i = 0; i <= config.n_providers; i++) {
		enum token_verdict verdict = bearer_check(bearer, &a, header,
		    i ? &providers[i - 1] : NULL, now_ms, 1, &claims);
		fuzz_must(verdict < TOKEN_VERDICTS);
		fuzz_must(verdict != TOKEN_NO_KEYS);
		if (verdict == TOKEN_OK)
			fuzz_must(is_known_good(header));
	}
	read_alone(&a, header, now_ms);
	arena_release(&a);
	return 0;
}
