#include "generator/client.h"
#include "generator/hash.h"
#include "generator/toml.h"
#include "lib/json.h"
#include "lib/url.h"
#include "lib/utf8.h"
#include "tests/unit/site-kit.h"

/*
 * tests/vectors/oauth.json in C: what the generator writes into a sign-in URL,
 * and, by lib/url.h, what a browser appends. Browsers run the same table
 * (tests/vectors/oauth.mjs), so the two agree to the byte. Its URLs
 * were not made by lowtide.
 */
#define FILE_NAME "tests/vectors/oauth.json"
#define FILE_MAX ((size_t)1024 * 1024)

static struct arena arena;
static struct value *root;

/* The rows of a part of it; a part that is empty would prove nothing. */
static const struct value *rows(const char *part)
{
	const struct value *v = value_get(root, part);

	assert_non_null(v);
	assert_true(v->kind == VALUE_ARRAY && v->as.array.n > 0);
	return v;
}

static size_t count(const struct value *array)
{
	return array->as.array.n;
}

static const struct value *at(const struct value *array, size_t i)
{
	return array->as.array.items[i];
}

static const char *cstr(struct str s)
{
	return arena_cstr(&arena, s);
}

static struct str unhex(struct str hex)
{
	struct buf bytes = {0};

	for (size_t i = 0; i + 1 < hex.n; i += 2) {
		char two[3] = {hex.p[i], hex.p[i + 1], '\0'};
		buf_putc(&bytes, (char)strtoul(two, NULL, 16));
	}
	struct str all = arena_str(&arena, buf_str(&bytes));
	buf_release(&bytes);
	return all;
}

/* --- the encoder --------------------------------------------------------- */

static void encoding(void **state)
{
	const struct value *all = rows("encode");

	(void)state;
	for (size_t i = 0; i < count(all); i++) {
		struct str text = value_text(at(all, i), "text"), back;
		struct buf out = {0};
		buf_puts(&out, ""); /* so that there is a terminator */
		assert_int_equal(url_encode(&out, text), ERR_OK);
		assert_string_equal(
		    out.data, cstr(value_text(at(all, i), "encoded")));
		assert_int_equal(
		    url_decode(&arena, buf_str(&out), &back), ERR_OK);
		assert_true(str_eq(back, text));
		buf_release(&out);
	}
}

/* What no browser has as a string, and no TOML file may hold. */
static void refused(void **state)
{
	const struct value *all = rows("refused");

	(void)state;
	for (size_t i = 0; i < count(all); i++) {
		struct str bytes = unhex(value_text(at(all, i), "bytes"));
		struct buf hidden = {0};
		struct str back;
		struct value *v;
		assert_false(utf8_valid(bytes));
		assert_int_equal(url_encode(&hidden, bytes), ERR_INPUT);
		assert_int_equal(hidden.len, 0);
		for (size_t k = 0; k < bytes.n; k++)
			buf_printf(
			    &hidden, "%%%02X", (unsigned char)bytes.p[k]);
		assert_int_equal(
		    url_decode(&arena, buf_str(&hidden), &back), ERR_INPUT);
		buf_clear(&hidden);
		buf_printf(&hidden, "\"%.*s\"", STR_ARG(bytes));
		assert_int_equal(json_read(&arena, buf_str(&hidden), FILE_MAX,
				     NULL, NULL, &v),
		    ERR_SYNTAX);
		buf_clear(&hidden);
		buf_printf(&hidden, "x = \"%.*s\"", STR_ARG(bytes));
		assert_int_equal(
		    toml_read(&arena, buf_str(&hidden), "x.toml", NULL, &v),
		    ERR_SYNTAX);
		buf_release(&hidden);
	}
}

/* --- RFC 7636 ------------------------------------------------------------ */

/* base64url without padding, out of base64 (RFC 4648 5) */
static const char *as_url(struct str base64)
{
	char *text = arena_cstr(&arena, base64);

	for (char *c = text; *c; c++)
		*c = (char)(*c == '+' ? '-' : *c == '/' ? '_' : *c);
	text[strcspn(text, "=")] = '\0';
	return text;
}

static void pkce(void **state)
{
	const struct value *all = rows("pkce");

	(void)state;
	for (size_t i = 0; i < count(all); i++) {
		struct str verifier = value_text(at(all, i), "verifier");
		struct str source = hash_source(&arena, verifier);
		const size_t head = sizeof("'sha256-") - 1;
		assert_in_range(verifier.n, 43, 128);
		assert_string_equal(
		    as_url(str_slice(source, head, source.n - 1)),
		    cstr(value_text(at(all, i), "challenge")));
	}
}

/* --- whole URLs ---------------------------------------------------------- */

static void put_provider(
    struct buf *toml, const struct value *row, const char *id)
{
	const struct value *lines = value_get(row, "toml");

	buf_printf(toml, "[oauth.%s]\n", id);
	for (size_t i = 0; i < count(lines); i++)
		buf_printf(toml, "%.*s\n", STR_ARG(at(lines, i)->text));
}

static void put_site(struct buf *toml, struct str base)
{
	buf_printf(toml, "name = \"t\"\nbase_url = \"%.*s\"\n", STR_ARG(base));
}

/* The providers of a site of all rows that have this base. */
static void load(struct kit *k, struct str base, struct str first,
    struct oauth_provider **list, size_t *n)
{
	const struct value *all = rows("urls");
	struct buf toml = {0};

	put_site(&toml, base);
	for (size_t i = 0; i < count(all); i++) {
		struct str own = value_text(at(all, i), "base");
		if (str_eq(own.p ? own : first, base))
			put_provider(&toml, at(all, i),
			    cstr(value_text(at(all, i), "id")));
	}
	kit_file(k, "site.toml", toml.data);
	enum err err = kit_load(k, NULL);
	if (err == ERR_OK)
		err = oauth_providers(kit_build(k), &k->diag, list, n);
	assert_string_equal(kit_said(k), "");
	assert_int_equal(err, ERR_OK);
	buf_release(&toml);
}

static const struct value *find_row(struct str id)
{
	const struct value *all = rows("urls");

	for (size_t i = 0; i < count(all); i++) {
		struct str own = value_text(at(all, i), "id");
		struct str variant = value_text(at(all, i), "variant");
		if (variant.n)
			own = arena_printf(&arena, "%.*s:%.*s", STR_ARG(own),
			    STR_ARG(variant));
		if (str_eq(own, id))
			return at(all, i);
	}
	return NULL;
}

static void put(struct buf *url, const char *name, struct str value)
{
	buf_printf(url, "&%s=", name);
	assert_int_equal(url_encode(url, value), ERR_OK);
}

/* What url() of templates/client/oauth.mjs.mustache appends. */
static void append(
    struct buf *url, const struct oauth_provider *p, const struct value *call)
{
	const struct value *params = value_get(call, "params");
	struct str nonce = value_text(call, "nonce");

	put(url, "state", value_text(call, "state"));
	if (p->nonce && nonce.n)
		put(url, "nonce", nonce);
	if (p->pkce) {
		put(url, "code_challenge", value_text(call, "challenge"));
		put(url, "code_challenge_method", STR("S256"));
	}
	for (size_t i = 0; params && i < params->as.table.n; i++)
		put(url, cstr(params->as.table.members[i].key),
		    params->as.table.members[i].value->text);
}

static size_t compare(const struct oauth_provider *list, size_t n)
{
	size_t compared = 0;

	for (size_t i = 0; i < n; i++) {
		const struct value *row = find_row(list[i].id);
		struct buf url = {0};
		if (!row)
			continue; /* the base of a variant's row */
		buf_put_str(&url, list[i].url);
		append(&url, &list[i], value_get(row, "call"));
		assert_string_equal(url.data, cstr(value_text(row, "url")));
		assert_string_equal(
		    cstr(list[i].logout_url), cstr(value_text(row, "logout")));
		buf_release(&url);
		compared++;
	}
	return compared;
}

static void urls(void **state)
{
	const struct value *bases = rows("bases");
	size_t compared = 0;

	(void)state;
	for (size_t i = 0; i < count(bases); i++) {
		struct oauth_provider *list;
		struct kit k;
		size_t n;
		kit_open(&k);
		load(&k, at(bases, i)->text, at(bases, 0)->text, &list, &n);
		compared += compare(list, n);
		kit_close(&k);
	}
	assert_int_equal(compared, count(rows("urls")));
}

/* --- what has no URL ----------------------------------------------------- */

static void bad(void **state)
{
	const struct value *all = rows("bad");
	struct str first = at(rows("bases"), 0)->text;

	(void)state;
	for (size_t i = 0; i < count(all); i++) {
		const struct value *row = at(all, i);
		const struct value *findings = value_get(row, "findings");
		struct str base = value_text(row, "base");
		struct oauth_provider *list;
		struct buf toml = {0};
		struct kit k;
		size_t n;
		kit_open(&k);
		put_site(&toml, base.p ? base : first);
		put_provider(&toml, row, "x");
		kit_file(&k, "site.toml", toml.data);
		enum err err = kit_load(&k, NULL);
		if (err == ERR_OK)
			err =
			    oauth_providers(kit_build(&k), &k.diag, &list, &n);
		if (err != ERR_INPUT)
			fail_msg("not refused: %s", toml.data);
		assert_int_equal(k.diag.errors, count(findings));
		for (size_t f = 0; f < count(findings); f++)
			kit_says(&k, cstr(arena_printf(&arena, ": %.*s: ",
					 STR_ARG(at(findings, f)->text))));
		buf_release(&toml);
		kit_close(&k);
	}
}

static int open_table(void **state)
{
	struct str text;
	struct diag diag;

	(void)state;
	arena_init(&arena);
	diag_init(&diag, &arena);
	enum err err = fs_read(&arena, FILE_NAME, FILE_MAX, &diag, &text);
	if (err == ERR_OK)
		err =
		    json_read(&arena, text, FILE_MAX, FILE_NAME, &diag, &root);
	diag_print(&diag, stderr);
	return err == ERR_OK ? 0 : -1;
}

static int close_table(void **state)
{
	(void)state;
	arena_release(&arena);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(encoding),
	    cmocka_unit_test(refused),
	    cmocka_unit_test(pkce),
	    cmocka_unit_test(urls),
	    cmocka_unit_test(bad),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name(
	    "oauth-vectors", tests, open_table, close_table);
}
