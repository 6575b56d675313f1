#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
/*
 * The oracle. Some of its names are ours as well: they are set aside here. Its
 * library is bound to its own functions and does not call ours.
 */
#define json_string oracle_string
#define json_null oracle_null
#include <jansson.h>
#undef json_string
#undef json_null
#undef json_is_number

/* covers lib/json.c, lib/json-token.c and lib/json-write.c */
#include "lib/json-token.h"
#include "lib/json.h"

#define MAX ((size_t)1 << 20)

static struct arena arena;
static struct diag diag;

static int fresh(void **state)
{
	(void)state;
	arena_release(&arena);
	diag_init(&diag, &arena);
	return 0;
}

static int wipe(void **state)
{
	(void)state;
	arena_release(&arena);
	return 0;
}

static struct value *read_ok(const char *text)
{
	struct value *v = NULL;
	enum err err = json_read(&arena, str_of(text), MAX, "t", &diag, &v);

	if (err)
		fail_msg("%s: %s", text, diag.first->text.p);
	return v;
}

/* ---- what is refused, where, and with which words ---- */

static const struct {
	struct str text;
	unsigned line, col;
	const char *words;
} refused[] = {
    {STR_INIT(""), 1, 1, "ends too early"},
    {STR_INIT(" \n\t "), 2, 3, "ends too early"},
    {STR_INIT("\xef\xbb\xbf{}"), 1, 1, "byte order mark"},
    {STR_INIT("[1,]"), 1, 4, "value is missing"},
    {STR_INIT("{\"a\":1,}"), 1, 8, "name in double quotes"},
    {STR_INIT("{\n \"a\":1,\n \"a\":2}"), 3, 2, "\"a\" stands twice"},
    {STR_INIT("{\"a\":1,\"\\u0061\":2}"), 1, 8, "stands twice"},
    {STR_INIT("{a:1}"), 1, 2, "name in double quotes"},
    {STR_INIT("{\"a\" 1}"), 1, 6, "':' is missing"},
    {STR_INIT("[1 2]"), 1, 4, "',' or ']'"},
    {STR_INIT("{\"a\":1 \"b\":2}"), 1, 8, "',' or '}'"},
    {STR_INIT("[1"), 1, 3, "ends too early"},
    {STR_INIT("{\"a\""), 1, 5, "ends too early"},
    {STR_INIT("1 2"), 1, 3, "behind the end"},
    {STR_INIT("{}\n}"), 2, 1, "behind the end"},
    {STR_INIT("01"), 1, 1, "start with 0"},
    {STR_INIT("-01"), 1, 1, "start with 0"},
    {STR_INIT("-"), 1, 1, "digits"},
    {STR_INIT("1."), 1, 1, "digits"},
    {STR_INIT(".5"), 1, 1, "value is missing"},
    {STR_INIT("+1"), 1, 1, "value is missing"},
    {STR_INIT("1e"), 1, 1, "digits"},
    {STR_INIT("1e+"), 1, 1, "digits"},
    {STR_INIT("0x10"), 1, 2, "behind the end"},
    {STR_INIT("NaN"), 1, 1, "value is missing"},
    {STR_INIT("Infinity"), 1, 1, "value is missing"},
    {STR_INIT("tru"), 1, 1, "value is missing"},
    {STR_INIT("True"), 1, 1, "value is missing"},
    {STR_INIT("truex"), 1, 5, "behind the end"},
    {STR_INIT("'a'"), 1, 1, "value is missing"},
    {STR_INIT("\"a"), 1, 1, "no end"},
    {STR_INIT("\"a\\"), 1, 3, "escape"},
    {STR_INIT("\"\\x41\""), 1, 2, "escape"},
    {STR_INIT("\"\\u00g0\""), 1, 2, "escape"},
    {STR_INIT("\"\\u12\""), 1, 2, "escape"},
    {STR_INIT("\"\\ud800\""), 1, 2, "surrogate"},
    {STR_INIT("\"\\ud800\\u0041\""), 1, 2, "surrogate"},
    {STR_INIT("\"\\ud800\\n\""), 1, 2, "surrogate"},
    {STR_INIT("\"\\udc00\""), 1, 2, "surrogate"},
    {STR_INIT("\"\\u0000\""), 1, 2, "NUL"},
    {STR_INIT("\"a\0b\""), 1, 3, "control character"},
    {STR_INIT("\"a\nb\""), 1, 3, "control character"},
    {STR_INIT("\0"), 1, 1, "value is missing"},
    {STR_INIT("1\0"), 1, 2, "behind the end"},
    {STR_INIT("\"\x80\""), 1, 2, "UTF-8"},
    {STR_INIT("\"\xc0\x80\""), 1, 2, "UTF-8"},
    {STR_INIT("\"\xc1\xbf\""), 1, 2, "UTF-8"},
    {STR_INIT("\"\xe0\x80\x80\""), 1, 2, "UTF-8"},
    {STR_INIT("\"\xed\xa0\x80\""), 1, 2, "UTF-8"},
    {STR_INIT("\"\xf0\x80\x80\x80\""), 1, 2, "UTF-8"},
    {STR_INIT("\"\xf4\x90\x80\x80\""), 1, 2, "UTF-8"},
    {STR_INIT("\"\xf5\x80\x80\x80\""), 1, 2, "UTF-8"},
    {STR_INIT("\"\xc3\""), 1, 2, "UTF-8"},
    {STR_INIT("\"\xe2\x82\""), 1, 2, "UTF-8"},
    {STR_INIT("/* */ 1"), 1, 1, "value is missing"},
    {STR_INIT("[1]\f"), 1, 4, "behind the end"},
};

static void what_is_refused(void **state)
{
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		struct value *v = (struct value *)&arena;
		fresh(state);
		enum err err =
		    json_read(&arena, refused[i].text, MAX, "t", &diag, &v);
		if (err != ERR_SYNTAX || diag.errors != 1 || v != NULL)
			fail_msg("row %zu: %s", i, err_name(err));
		const struct diag_item *f = diag.first;
		assert_string_equal(f->name, "json-syntax");
		if (f->pos.line != refused[i].line ||
		    f->pos.col != refused[i].col ||
		    !strstr(f->text.p, refused[i].words))
			fail_msg("row %zu: %u:%u: %s", i, f->pos.line,
			    f->pos.col, f->text.p);
	}
}

/* ---- what is taken ---- */

static void numbers_keep_their_text(void **state)
{
	static const struct {
		const char *text;
		enum value_kind kind;
		int64_t i;
	} rows[] = {
	    {"0", VALUE_INT, 0},
	    {"-0", VALUE_INT, 0},
	    {"9223372036854775807", VALUE_INT, INT64_MAX},
	    {"-9223372036854775808", VALUE_INT, INT64_MIN},
	    {"9223372036854775808", VALUE_FLOAT, 0},
	    {"-9223372036854775809", VALUE_FLOAT, 0},
	    {"12345678901234567890", VALUE_FLOAT, 0},
	    {"1.10", VALUE_FLOAT, 0},
	    {"-0.0", VALUE_FLOAT, 0},
	    {"1E2", VALUE_FLOAT, 0},
	    {"1e-9999", VALUE_FLOAT, 0},
	    {"1e9999", VALUE_FLOAT, 0},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		fresh(state);
		struct value *v = read_ok(rows[i].text);
		assert_int_equal(v->kind, rows[i].kind);
		assert_true(str_is(v->text, rows[i].text));
		if (v->kind == VALUE_INT)
			assert_true(v->as.i == rows[i].i);
		struct buf out = {0};
		struct json_writer w = {.out = &out};
		json_value(&w, v);
		assert_string_equal(out.data, rows[i].text);
		buf_release(&out);
	}
	assert_true(read_ok("1.10")->as.f == 1.1);
}

static void strings_are_decoded(void **state)
{
	(void)state;
	assert_true(
	    str_is(read_ok("\"a\\n\\/\\\\\\\"\\u00e9\\uD83D\\uDE00b\"")->text,
		"a\n/\\\"\xc3\xa9\xf0\x9f\x98\x80"
		"b"));
	const char *plain = "\"caf\xc3\xa9 \x7f\"";
	/* without escapes it is a view into the text */
	assert_ptr_equal(read_ok(plain)->text.p, plain + 1);
	assert_true(str_is(
	    read_ok("\"\\b\\f\\r\\t\\uffff\"")->text, "\b\f\r\t\xef\xbf\xbf"));
}

static void trees_know_their_places(void **state)
{
	(void)state;
	struct value *v = read_ok(
	    " {\"a\": [1, {\"b\": null}],\r\n\t\"c\": true, \"\": \"x\"}");
	struct member *c = value_member(v, STR("c"));
	assert_int_equal(c->pos.line, 2);
	assert_int_equal(c->pos.col, 2);
	assert_int_equal(c->value->pos.col, 7);
	assert_string_equal(c->value->pos.file, "t");
	assert_int_equal(value_get(v, "a")->as.array.n, 2);
	assert_int_equal(
	    value_get(value_get(v, "a")->as.array.items[1], "b")->kind,
	    VALUE_NULL);
	assert_true(str_is(value_get(v, "")->text, "x"));
}

/* ---- caps ---- */

static struct str repeated(const char *one, size_t n, const char *tail)
{
	struct buf b = {0};
	for (size_t i = 0; i < n; i++)
		buf_puts(&b, one);
	buf_puts(&b, tail);
	struct str s = arena_str(&arena, buf_str(&b));
	buf_release(&b);
	return s;
}

static void depth_is_capped(void **state)
{
	struct value *v;

	(void)state;
	char *ends = arena_alloc(&arena, JSON_DEPTH_MAX + 1);
	memset(ends, ']', JSON_DEPTH_MAX);
	assert_int_equal(json_read(&arena, repeated("[", JSON_DEPTH_MAX, ends),
			     MAX, NULL, &diag, &v),
	    ERR_OK);
	assert_int_equal(
	    json_read(&arena, repeated("[", JSON_DEPTH_MAX + 1, ends), MAX,
		NULL, &diag, &v),
	    ERR_SYNTAX);
	assert_non_null(strstr(diag.first->text.p, "nested"));
	assert_int_equal(json_read(&arena, repeated("{\"a\":", 100000, ""), MAX,
			     NULL, NULL, &v),
	    ERR_SYNTAX);
}

static void size_is_capped(void **state)
{
	struct value *v;

	(void)state;
	assert_int_equal(
	    json_read(&arena, STR("[1]"), 3, NULL, &diag, &v), ERR_OK);
	assert_int_equal(
	    json_read(&arena, STR("[1] "), 3, NULL, &diag, &v), ERR_TOO_LARGE);
	assert_string_equal(diag.first->name, "json-too-large");
	struct str many = repeated("0,", JSON_VALUES_MAX, "0");
	struct str array = arena_printf(&arena, "[%.*s]", STR_ARG(many));
	assert_int_equal(
	    json_read(&arena, array, SIZE_MAX, NULL, &diag, &v), ERR_TOO_LARGE);
}

/* A hundred thousand keys must not take their square in steps. */
static void many_keys(void **state)
{
	struct buf b = {0};
	struct value *v;

	(void)state;
	for (int i = 0; i < 100000; i++)
		buf_printf(&b, "%c\"k%d\":0", i ? ',' : '{', i);
	size_t n = b.len;
	buf_puts(&b, "}");
	assert_int_equal(
	    json_read(&arena, buf_str(&b), SIZE_MAX, NULL, NULL, &v), ERR_OK);
	assert_int_equal(v->as.table.n, 100000);
	b.len = n;
	buf_puts(&b, ",\"k7\":0}");
	assert_int_equal(
	    json_read(&arena, buf_str(&b), SIZE_MAX, NULL, &diag, &v),
	    ERR_SYNTAX);
	assert_int_equal(diag.first->pos.col, n + 2);
	buf_release(&b);
}

/* ---- the oracle ---- */

static const char *const corpus[] = {
    "{\"vrn\":\"123456789\",\"periodKey\":\"24A1\",\"box1\":105.50}",
    "[1,2.5,-3e10,true,false,null,\"\\u00e9\\ud83d\\ude00\\n\"]",
    "{\"a\":{\"b\":{\"c\":[[],{},[{}]]}},\"a2\":\"\xc3\xa9\xe2\x82\xac\"}",
    "  {\"k\" : [ 0 , -0 , 1E5 , 0.1 ] ,\n\t\"\" : \"\\\\\\\"\\/\" }\r\n",
    "\"just a string\"",
    "-12.75e-3",
    "[\"\\b\\f\\n\\r\\t\", \"\\u0041\\uFFFF\", \"\x7f\"]",
    "{\"dup\":1,\"dup2\":2,\"dup3\":{\"dup\":1}}",
};

static uint64_t seed = 0x9e3779b97f4a7c15u;
static uint32_t random_below(uint32_t n)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (uint32_t)(seed >> 33) % n;
}

/* Changes, drops, doubles or swaps bytes; often with JSON's own. */
static size_t mutate(char *text, size_t n, size_t cap)
{
	static const char alphabet[] =
	    "{}[]:,\"\\/bfnrtu0123456789abcdefABCDEF-+.eE \n\t\0\x1f\x7f"
	    "\x80\xbf\xc0\xc3\xa9\xe0\xed\xa0\xef\xbb\xbf\xf0\xf4\xff";
	uint32_t times = 1 + random_below(3);

	while (times--) {
		size_t at = n ? random_below((uint32_t)n) : 0;
		char c = alphabet[random_below(sizeof(alphabet) - 1)];
		switch (random_below(4)) {
		case 0:
			if (n)
				text[at] = c;
			break;
		case 1:
			if (n)
				memmove(text + at, text + at + 1, --n - at);
			break;
		case 2:
			if (n < cap) {
				memmove(text + at + 1, text + at, n++ - at);
				text[at] = c;
			}
			break;
		case 3:
			n = random_below(8) ? n : at;
			break;
		}
	}
	return n;
}

static bool oracle(const char *text, size_t n, enum json_error_code *code)
{
	json_error_t error;
	json_t *j = json_loadb(
	    text, n, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);

	*code = j ? json_error_unknown : json_error_code(&error);
	json_decref(j);
	return j != NULL;
}

/*
 * We agree with the oracle on what is JSON, but for two kinds of text: it
 * refuses numbers that fit neither its integers nor its doubles, we keep them
 * as text; and it reads over a NUL behind a number, we never do.
 */
static void agrees_with_the_oracle(void **state)
{
	char text[256];
	unsigned taken = 0, refused_n = 0, by_design = 0;

	for (unsigned round = 0; round < 60000; round++) {
		const char *from =
		    corpus[round % (sizeof(corpus) / sizeof(corpus[0]))];
		size_t n = strlen(from);
		memcpy(text, from, n);
		if (round >= sizeof(corpus) / sizeof(corpus[0]))
			n = mutate(text, n, sizeof(text));
		enum json_error_code code;
		bool theirs = oracle(text, n, &code);
		struct value *v;
		fresh(state);
		bool ours = json_read(&arena, (struct str){text, n}, MAX, NULL,
				&diag, &v) == ERR_OK;
		if (code == json_error_numeric_overflow ||
		    (theirs && memchr(text, 0, n))) {
			assert_false(theirs && ours);
			by_design++;
			continue;
		}
		if (ours != theirs) {
			struct buf b = {0};
			json_put_string(&b, (struct str){text, n});
			fail_msg("round %u: ours %d, theirs %d (%d): %s", round,
			    ours, theirs, (int)code, b.data);
		}
		ours ? taken++ : refused_n++;
	}
	/* the mutations are worth something: many of both kinds */
	assert_true(taken > 5000 && refused_n > 5000 && by_design < 2000);
}

/* What we write of a tree, the oracle reads as the same tree. */
static void written_trees_are_equal(void **state)
{
	for (size_t i = 0; i < sizeof(corpus) / sizeof(corpus[0]); i++) {
		for (unsigned indent = 0; indent < 3; indent++) {
			fresh(state);
			struct buf out = {0};
			struct json_writer w = {.out = &out, .indent = indent};
			json_value(&w, read_ok(corpus[i]));
			json_t *a =
				   json_loads(corpus[i], JSON_DECODE_ANY, NULL),
			       *b = json_loads(out.data, JSON_DECODE_ANY, NULL);
			assert_non_null(b);
			assert_true(json_equal(a, b));
			json_decref(a);
			json_decref(b);
			buf_release(&out);
		}
	}
}

/* ---- the writer ---- */

static void writer_layout(void **state)
{
	struct buf out = {0};
	struct json_writer w = {.out = &out, .indent = 2};

	(void)state;
	json_open(&w, '{');
	json_key(&w, "a");
	json_int(&w, INT64_MIN);
	json_key(&w, "b");
	json_open(&w, '[');
	json_bool(&w, true);
	json_null(&w);
	json_open(&w, '{');
	json_close(&w, '}');
	json_close(&w, ']');
	json_key(&w, "c");
	json_raw(&w, STR("[1]"));
	json_close(&w, '}');
	assert_string_equal(out.data,
	    "{\n  \"a\": -9223372036854775808,\n  \"b\": [\n    true,\n"
	    "    null,\n    {}\n  ],\n  \"c\": [1]\n}");
	buf_clear(&out);
	w = (struct json_writer){.out = &out};
	json_open(&w, '[');
	json_string(&w, STR("x"));
	json_open(&w, '{');
	json_key(&w, "k");
	json_bool(&w, false);
	json_close(&w, '}');
	json_int(&w, 1);
	json_close(&w, ']');
	assert_string_equal(out.data, "[\"x\",{\"k\":false},1]");
	buf_release(&out);
}

static void writer_strings(void **state)
{
	static const struct {
		struct str in;
		const char *out;
	} rows[] = {
	    {STR_INIT(""), "\"\""},
	    {STR_INIT("a\"b\\c/"), "\"a\\\"b\\\\c/\""},
	    {STR_INIT("\b\f\n\r\t\x01\x1f\x7f"),
		"\"\\b\\f\\n\\r\\t\\u0001\\u001f\x7f\""},
	    {STR_INIT("a\0b"), "\"a\\u0000b\""},
	    {STR_INIT("\xc3\xa9\xff\xed\xa0\x80z"),
		"\"\xc3\xa9\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbdz"
		"\""},
	};
	struct buf out = {0};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		buf_clear(&out);
		json_put_string(&out, rows[i].in);
		assert_string_equal(out.data, rows[i].out);
	}
	buf_release(&out);
}

/* Each byte at each place of texts around eight bytes long. */
static void every_byte_everywhere(void **state)
{
	(void)state;
	for (size_t n = 1; n < 26; n++) {
		for (size_t at = 0; at < n; at++) {
			for (unsigned c = 0; c < 0x80; c++) {
				char text[26];
				struct buf out = {0};
				struct value *v;

				fresh(state);
				memset(text, 'x', n);
				text[at] = (char)c;
				json_put_string(&out, (struct str){text, n});
				bool plain = c >= 0x20 && c != '"' && c != '\\';
				assert_int_equal(out.len == n + 2, plain);
				/* a NUL is escaped well, and refused */
				assert_int_equal(
				    json_read(&arena, buf_str(&out), MAX, NULL,
					&diag, &v),
				    c ? ERR_OK : ERR_SYNTAX);
				assert_true(!c || str_eq(v->text,
						      (struct str){text, n}));
				buf_release(&out);
			}
		}
	}
}

/* TOML spells numbers in ways that JSON does not have. */
static void other_spellings(void **state)
{
	struct buf out = {0};
	struct json_writer w = {.out = &out};
	struct value *v = value_int(&arena, 4096, POS_NONE);

	(void)state;
	json_open(&w, '[');
	v->text = STR("0x1000");
	json_value(&w, v);
	v = value_float(&arena, 1000.5, POS_NONE);
	v->text = STR("+1_000.5");
	json_value(&w, v);
	json_value(&w, value_float(&arena, 1.0 / 0.0, POS_NONE));
	v = value_string(&arena, STR("1979-05-27"), POS_NONE);
	v->kind = VALUE_DATETIME;
	json_value(&w, v);
	json_close(&w, ']');
	assert_string_equal(out.data, "[4096,1000.5,null,\"1979-05-27\"]");
	buf_release(&out);
	assert_true(json_is_number(STR("-0.5e+7")));
	assert_false(json_is_number(STR("")));
	assert_false(json_is_number(STR("1 ")));
	assert_false(json_is_number(STR("inf")));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, fresh, wipe)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(what_is_refused),
	    TEST(numbers_keep_their_text),
	    TEST(strings_are_decoded),
	    TEST(trees_know_their_places),
	    TEST(depth_is_capped),
	    TEST(size_is_capped),
	    TEST(many_keys),
	    TEST(agrees_with_the_oracle),
	    TEST(written_trees_are_equal),
	    TEST(writer_layout),
	    TEST(writer_strings),
	    TEST(every_byte_everywhere),
	    TEST(other_spellings),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("json", tests, NULL, NULL);
}
