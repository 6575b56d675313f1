#include "cgi/jwks.h"

#include <string.h>

#include "lib/base64.h"
#include "lib/json.h"

/* A JWK is private, or a secret, by having one of these (RFC 7518 6). */
static const char *const private_members[] = {
    "d", "p", "q", "dp", "dq", "qi", "oth", "k", NULL};

/* A member that need not be there; if it is, it must be this. */
static bool may_be(const struct value *jwk, const char *name, const char *text)
{
	const struct value *v = value_get(jwk, name);

	return !v || (v->kind == VALUE_STRING && str_is(v->text, text));
}

static bool may_verify(const struct value *jwk)
{
	const struct value *ops = value_get(jwk, "key_ops");

	if (!ops)
		return true;
	if (ops->kind != VALUE_ARRAY)
		return false;
	for (size_t i = 0; i < ops->as.array.n; i++) {
		const struct value *op = ops->as.array.items[i];
		if (op->kind == VALUE_STRING && str_is(op->text, "verify"))
			return true;
	}
	return false;
}

static bool is_public(const struct value *jwk)
{
	for (const char *const *m = private_members; *m; m++)
		if (value_get(jwk, *m))
			return false;
	return true;
}

static bool bytes_of(
    struct arena *a, const struct value *jwk, const char *name, struct str *out)
{
	return base64url_read(a, value_text(jwk, name), out) && out->n;
}

static bool make_key(struct arena *a, const struct value *jwk, struct jwk *out)
{
	struct str kty = value_text(jwk, "kty"), one, two;

	if (str_is(kty, "RSA")) {
		out->alg = SIGNATURE_RS256;
		if (bytes_of(a, jwk, "n", &one) && bytes_of(a, jwk, "e", &two))
			out->key = signature_rsa(one, two);
	} else if (str_is(kty, "EC") &&
		   str_is(value_text(jwk, "crv"), "P-256")) {
		out->alg = SIGNATURE_ES256;
		if (bytes_of(a, jwk, "x", &one) && bytes_of(a, jwk, "y", &two))
			out->key = signature_p256(one, two);
	}
	if (out->key && !may_be(jwk, "alg", signature_names[out->alg])) {
		signature_free(out->key);
		out->key = NULL;
	}
	return out->key;
}

static bool is_named_well(const struct value *jwk)
{
	const struct value *kid = value_get(jwk, "kid");

	return !kid || (kid->kind == VALUE_STRING && kid->text.n &&
			   kid->text.n <= TOKEN_KID_MAX);
}

/* False: it is not to be used. */
static bool read_key(struct arena *a, const struct value *jwk, struct jwk *out)
{
	*out = (struct jwk){.kid = value_text(jwk, "kid")};
	return jwk->kind == VALUE_TABLE && may_be(jwk, "use", "sig") &&
	       may_verify(jwk) && is_public(jwk) && is_named_well(jwk) &&
	       make_key(a, jwk, out);
}

static bool is_same_name(const struct jwk *a, const struct jwk *b)
{
	return a->kid.n && a->alg == b->alg && str_eq(a->kid, b->kid);
}

/* All keys of a name that stands twice. */
static void leave_out_twins(struct jwks *set)
{
	bool twin[JWKS_KEYS_MAX] = {false};
	size_t n = 0;

	for (size_t i = 0; i < set->n; i++)
		for (size_t j = 0; j < set->n; j++)
			twin[i] |= i != j &&
				   is_same_name(&set->keys[i], &set->keys[j]);
	for (size_t i = 0; i < set->n; i++)
		if (twin[i])
			signature_free(set->keys[i].key);
		else
			set->keys[n++] = set->keys[i];
	set->left_out += set->n - n;
	set->n = n;
}

static enum err read_keys(
    struct arena *a, const struct value *keys, struct jwks *out)
{
	if (!keys || keys->kind != VALUE_ARRAY)
		return ERR_SYNTAX;
	if (keys->as.array.n > JWKS_KEYS_MAX)
		return ERR_TOO_LARGE;
	for (size_t i = 0; i < keys->as.array.n; i++) {
		struct jwk *key = &out->keys[out->n];
		if (read_key(a, keys->as.array.items[i], key)) {
			key->kid = arena_str(&out->arena, key->kid);
			out->n++;
		} else {
			out->left_out++;
		}
	}
	leave_out_twins(out);
	return ERR_OK;
}

enum err jwks_parse(struct str json, struct jwks *out)
{
	struct arena a = {0};
	struct value *v;

	*out = (struct jwks){0};
	enum err err = json_read(&a, json, JWKS_FILE_MAX, NULL, NULL, &v);
	if (err == ERR_OK)
		err = read_keys(&a, value_get(v, "keys"), out);
	arena_release(&a);
	return err;
}

void jwks_release(struct jwks *set)
{
	for (size_t i = 0; i < set->n; i++)
		signature_free(set->keys[i].key);
	arena_release(&set->arena);
	*set = (struct jwks){0};
}

enum token_verdict jwks_find(
    const struct jwks *set, const struct token *token, const struct jwk **out)
{
	enum token_verdict verdict = TOKEN_UNKNOWN_KEY;
	size_t fitting = 0;

	for (size_t i = 0; i < set->n; i++) {
		const struct jwk *key = &set->keys[i];
		if (token->kid.n && !str_eq(key->kid, token->kid))
			continue;
		if (key->alg == token->alg) {
			*out = key;
			fitting++;
		} else if (token->kid.n) {
			verdict = TOKEN_ALGORITHM;
		}
	}
	if (fitting > 1)
		return TOKEN_MALFORMED;
	return fitting ? TOKEN_OK : verdict;
}
