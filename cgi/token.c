#include "cgi/token.h"

#include "lib/base64.h"
#include "lib/json.h"

#define PARTS 3
#define TIME_MAX_S 253402300799.0 /* the end of the year 9999 */

/* ---- header -------------------------------------------------------------- */

/* Exactly three, none of them empty. */
static bool split(struct str text, struct str parts[PARTS])
{
	size_t at = 0;

	for (size_t i = 0; i < PARTS; i++) {
		size_t end = str_find(text, '.', at);
		parts[i] = str_slice(text, at, end);
		if (!parts[i].n || (end == text.n) != (i == PARTS - 1))
			return false;
		at = end + 1;
	}
	return true;
}

static bool is_flat(const struct value *v, unsigned depth)
{
	if (v->kind == VALUE_ARRAY)
		for (size_t i = 0; i < v->as.array.n; i++)
			if (!depth || !is_flat(v->as.array.items[i], depth - 1))
				return false;
	if (v->kind == VALUE_TABLE)
		for (size_t i = 0; i < v->as.table.n; i++)
			if (!depth ||
			    !is_flat(v->as.table.members[i].value, depth - 1))
				return false;
	return true;
}

static const struct value *read_object(struct arena *a, struct str part)
{
	struct value *v;
	struct str json;

	if (!base64url_read(a, part, &json) ||
	    json_read(a, json, TOKEN_MAX, NULL, NULL, &v) != ERR_OK ||
	    v->kind != VALUE_TABLE || !is_flat(v, TOKEN_DEPTH_MAX))
		return NULL;
	return v;
}

/* A string member: false when it is there and none. */
static bool text_of(
    const struct value *table, const char *name, struct str *out)
{
	const struct value *v = value_get(table, name);

	*out = (struct str){0};
	if (v && v->kind == VALUE_STRING)
		*out = v->text;
	return !v || v->kind == VALUE_STRING;
}

/* RFC 7515 4.1.9: compared without case, "application/" may be left out. */
static bool is_access_token(struct str typ)
{
	if (typ.n > strlen("application/") &&
	    str_ieq(
		str_slice(typ, 0, strlen("application/")), STR("application/")))
		typ = str_slice(typ, strlen("application/"), typ.n);
	return str_ieq(typ, STR("JWT")) || str_ieq(typ, STR("at+jwt"));
}

static enum token_verdict read_header(
    const struct value *header, struct token *out)
{
	struct str alg, typ;

	if (!text_of(header, "alg", &alg) || !alg.n ||
	    !text_of(header, "typ", &typ) ||
	    !text_of(header, "kid", &out->kid) || out->kid.n > TOKEN_KID_MAX ||
	    (value_get(header, "kid") && !out->kid.n) ||
	    value_get(header, "crit") ||
	    (value_get(header, "typ") && !is_access_token(typ)))
		return TOKEN_MALFORMED;
	for (size_t i = 0; i < SIGNATURE_ALGS; i++)
		if (str_is(alg, signature_names[i])) {
			out->alg = (enum signature_alg)i;
			return TOKEN_OK;
		}
	return TOKEN_ALGORITHM;
}

enum token_verdict token_read(
    struct arena *a, struct str text, struct token *out)
{
	struct str parts[PARTS], signature;

	*out = (struct token){.text = text};
	if (text.n > TOKEN_MAX || !split(text, parts) ||
	    !base64url_read(a, parts[2], &signature))
		return TOKEN_MALFORMED;
	const struct value *header = read_object(a, parts[0]);
	if (!header)
		return TOKEN_MALFORMED;
	enum token_verdict verdict = read_header(header, out);
	if (verdict != TOKEN_OK)
		return verdict;
	out->claims = read_object(a, parts[1]);
	if (!out->claims || !text_of(out->claims, "iss", &out->issuer))
		return TOKEN_MALFORMED;
	return TOKEN_OK;
}

/* ---- claims -------------------------------------------------------------- */

static bool is_one_of(struct str s, const struct strs *list)
{
	for (size_t i = 0; s.n && i < list->n; i++)
		if (str_eq(s, list->items[i]))
			return true;
	return false;
}

enum token_verdict token_alg(
    const struct token *token, const struct provider *provider)
{
	return is_one_of(
		   str_of(signature_names[token->alg]), &provider->algorithms)
		   ? TOKEN_OK
		   : TOKEN_ALGORITHM;
}

/* RFC 7519 4.1.3: one string, or several. */
static bool is_for_us(
    const struct value *claims, const struct provider *provider)
{
	const struct value *aud = value_get(claims, "aud");

	if (aud && aud->kind == VALUE_STRING)
		return is_one_of(aud->text, &provider->audiences);
	if (!aud || aud->kind != VALUE_ARRAY)
		return false;
	bool ours = false;
	for (size_t i = 0; i < aud->as.array.n; i++) {
		const struct value *v = aud->as.array.items[i];
		if (v->kind != VALUE_STRING)
			return false;
		ours |= is_one_of(v->text, &provider->audiences);
	}
	return ours;
}

static bool is_for_client(
    const struct value *claims, const struct provider *provider)
{
	return is_one_of(
		   value_text(claims, "client_id"), &provider->client_ids) &&
	       str_is(value_text(claims, "token_use"), "access");
}

/* Seconds since 1970 (RFC 7519 2), which may have a fraction. */
static bool read_time(
    const struct value *claims, const char *name, int64_t *out_ms)
{
	const struct value *v = value_get(claims, name);
	double s;

	if (!v)
		return true;
	if (v->kind == VALUE_INT)
		s = (double)v->as.i;
	else if (v->kind == VALUE_FLOAT)
		s = v->as.f;
	else
		return false;
	if (!(s >= 0 && s <= TIME_MAX_S))
		return false;
	*out_ms = (int64_t)(s * 1000);
	return true;
}

static bool read_times(const struct value *claims, struct token_claims *out)
{
	int64_t issued_ms = 0;

	if (!value_get(claims, "exp") ||
	    !read_time(claims, "exp", &out->ends_ms) ||
	    !read_time(claims, "nbf", &out->begins_ms) ||
	    !read_time(claims, "iat", &issued_ms))
		return false;
	if (issued_ms > out->begins_ms)
		out->begins_ms = issued_ms;
	return true;
}

/*
 * RFC 8693 4.2 has one string, others (RFC 9068 apart) an array of words under
 * a name of their own. A word with a space in it would be two: it is left out.
 */
static struct str read_scope(struct arena *a, const struct value *claims)
{
	const struct value *v = value_get(claims, "scope");

	if (!v)
		v = value_get(claims, "scp");
	if (v && v->kind == VALUE_STRING)
		return v->text;
	if (!v || v->kind != VALUE_ARRAY || !v->as.array.n)
		return (struct str){0};
	struct str *parts = arena_array(a, 2 * v->as.array.n, sizeof(*parts));
	size_t n = 0;
	for (size_t i = 0; i < v->as.array.n; i++) {
		const struct value *word = v->as.array.items[i];
		if (word->kind != VALUE_STRING || !word->text.n ||
		    str_find(word->text, ' ', 0) < word->text.n)
			continue;
		if (n)
			parts[n++] = STR(" ");
		parts[n++] = word->text;
	}
	return arena_join(a, n, parts);
}

enum token_verdict token_claims(struct arena *a, const struct token *token,
    const struct provider *provider, struct token_claims *out)
{
	const struct value *claims = token->claims;
	const bool cognito = str_is(provider->kind, "cognito");

	*out = (struct token_claims){.issuer = token->issuer};
	if (!provider->issuer.n || !str_eq(token->issuer, provider->issuer) ||
	    (cognito && !is_for_client(claims, provider)) ||
	    ((!cognito || provider->audiences.n) &&
		!is_for_us(claims, provider)) ||
	    !text_of(claims, "sub", &out->subject) || !out->subject.n ||
	    out->subject.n > TOKEN_SUB_MAX || !read_times(claims, out))
		return TOKEN_CLAIMS;
	out->scope = read_scope(a, claims);
	return TOKEN_OK;
}

enum token_verdict token_time(
    const struct token_claims *claims, int64_t leeway_ms, int64_t now_ms)
{
	return now_ms < claims->ends_ms + leeway_ms &&
		       now_ms >= claims->begins_ms - leeway_ms
		   ? TOKEN_OK
		   : TOKEN_TIME;
}
