#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "cgi/read/shape.h"

/*
 * Shapes over a source that is a table: {"NAME": result}, or for each
 * identifier {"NAME@crn": {"1": result}}.
 */
static struct arena arena;
static const char source_text[] =
    "{\"s\":{\"n\":1.10,\"big\":12345678901234567890,\"t\":\"a\\\"\\u00e9\","
    "\"nil\":null,\"no\":false,\"list\":[1,{\"x\":2.0}],\"deep\":{\"e\":{}}},"
    "\"nul\":null,"
    "\"p@crn\":{\"1\":{\"name\":\"Ann\"},\"2\":{\"name\":null}},"
    "\"q@prem\":{\"x\":{\"at\":5}}}";

static struct value *tree;

static const struct value *result_of(
    void *ctx, struct str name, const struct shape_scope *scope)
{
	const struct value *table;

	(void)ctx;
	for (; scope; scope = scope->outer) {
		struct str key = arena_printf(
		    &arena, "%.*s@%.*s", STR_ARG(name), STR_ARG(scope->name));
		table = value_get(tree, key.p);
		if (table)
			return value_get(table, arena_cstr(&arena, scope->id));
	}
	return value_get(tree, arena_cstr(&arena, name));
}

static enum err put_whole(void *ctx, struct str name,
    const struct shape_scope *scope, struct buf *out)
{
	const struct value *v = result_of(ctx, name, scope);
	struct json_writer w = {.out = out};

	if (!v || v->kind == VALUE_NULL)
		return ERR_NOT_FOUND;
	/* as it came: told by its space */
	buf_putc(out, ' ');
	json_value(&w, v);
	return ERR_OK;
}

static bool ids_of(void *ctx, struct str name, const struct strs **out)
{
	static struct str crns[] = {
	    STR_INIT("1"), STR_INIT("2"), STR_INIT("\"3\"")};
	static struct str prems[] = {STR_INIT("x"), STR_INIT("y")};
	static const struct strs crn = {crns, 3}, prem = {prems, 2}, none = {0};

	(void)ctx;
	if (str_is(name, "data"))
		name = STR("prem");
	*out = str_is(name, "crn")    ? &crn
	       : str_is(name, "prem") ? &prem
	       : str_is(name, "none") ? &none
				      : NULL;
	return *out != NULL;
}

static enum err put_word(void *ctx, struct str word, struct buf *out)
{
	(void)ctx;
	if (str_is(word, "upstreamFailures"))
		return ERR_NOT_FOUND;
	buf_puts(out, str_is(word, "complete") ? "true" : "{\"all\": 1}");
	return ERR_OK;
}

static const struct shape_source source = {
    .result = result_of, .whole = put_whole, .ids = ids_of, .word = put_word};

static const char *const call_names[] = {"s", "nul", "p", "q", "away", NULL};
static const char *const id_names[] = {
    "crn", "prem", "none", "late", "data", NULL};

static struct value *parsed(const char *text)
{
	struct value *v;

	if (json_read(&arena, str_of(text), 1 << 20, NULL, NULL, &v) != ERR_OK)
		fail_msg("%s", text);
	return v;
}

static const struct row {
	const char *shape, *want;
} rows[] = {
    /* what is no place is itself */
    {"{}", "{}"},
    {"[]", "[]"},
    {"[1,1.50,true,null,\"a\\nb\"]", "[1,1.50,true,null,\"a\\nb\"]"},
    {"{\"a\":{\"b\":[{}]}}", "{\"a\":{\"b\":[{}]}}"},
    {"[\"\",\"{\",\"{}\",\"{?}\",\"{a b}\",\"{crn\",\"crn}\",\"{crn??}\"]",
	"[\"\",\"{\",\"{}\",\"{?}\",\"{a b}\",\"{crn\",\"crn}\",\"{crn??}\"]"},
    {"{\"{crn}\":1}", "{\"{crn}\":1}"},
    /* alone: the value as it is */
    {"\"{call.s.n}\"", "1.10"},
    {"[\"{call.s.big}\",\"{call.s.t}\",\"{call.s.no}\"]",
	"[12345678901234567890,\"a\\\"\xc3\xa9\",false]"},
    {"{\"l\":\"{call.s.list}\",\"d\":\"{call.s.deep.e}\"}",
	"{\"l\":[1,{\"x\":2.0}],\"d\":{}}"},
    {"[\"{call.q}\",0]", "[null,0]"},
    {"[0,\"{call.s}\",1]",
	"[0, {\"n\":1.10,\"big\":12345678901234567890,\"t\":\"a\\\"\xc3\xa9\","
	"\"nil\":null,\"no\":false,\"list\":[1,{\"x\":2.0}],\"deep\":{\"e\":"
	"{}}},1]"},
    /* in a text */
    {"\"n={call.s.n}, {call.s.no}{call.s.t}\"",
	"\"n=1.10, falsea\\\"\xc3\xa9\""},
    {"[\"{call.s.n}{call.s.n}\",\" {call.s.n}\",\"{{call.s.n}}\"]",
	"[\"1.101.10\",\" 1.10\",\"{1.10}\"]"},
    {"[\"x{call.s.list}\",\"x{call.s.nil}\",\"x{call.s.none}\","
     "\"x{call.s}\"]",
	"[null,null,null,null]"},
    /* what is missing */
    {"{\"a\":\"{call.s.none}\",\"b\":\"{call.s.none?}\",\"c\":1}",
	"{\"a\":null,\"c\":1}"},
    {"{\"b\":\"{call.s.nil?}\",\"c\":\"{call.away?}\",\"d\":\"{call.nul?}\","
     "\"e\":\"x{call.s.nil?}\"}",
	"{}"},
    {"{\"a\":1,\"b\":\"{call.s.nil?}\"}", "{\"a\":1}"},
    {"{\"b\":\"{call.s.n?}\",\"c\":\"{call.s.n?}x\"}",
	"{\"b\":1.10,\"c\":\"1.10x\"}"},
    {"[\"{call.s.nil?}\",\"{call.away}\",\"{call.nul}\",\"{call.away.x}\","
     "\"{call.s.list.x}\",\"{late}\"]",
	"[null,null,null,null,null,null]"},
    {"\"{call.away?}\"", "null"},
    /* words */
    {"{\"a\":\"{data}\",\"b\":\"{complete}\",\"c\":\"{upstreamFailures}\","
     "\"d\":\"{upstreamFailures?}\",\"e\":2}",
	"{\"a\":{\"all\": 1},\"b\":true,\"c\":null,\"e\":2}"},
    /* identifiers */
    {"[\"{crn}\",\"{none}\"]", "[[\"1\",\"2\",\"\\\"3\\\"\"],[]]"},
    {"{\"each\":\"crn\",\"value\":\"{crn}\"}", "[\"1\",\"2\",\"\\\"3\\\"\"]"},
    {"{\"each\":\"crn\",\"value\":\"<{crn}>\"}",
	"[\"<1>\",\"<2>\",\"<\\\"3\\\">\"]"},
    {"{\"each\":\"crn\",\"value\":7}", "[7,7,7]"},
    {"{\"each\":\"none\",\"value\":7}", "[]"},
    {"{\"each\":\"late\",\"value\":7}", "null"},
    {"[{\"each\":\"none\",\"value\":7},{\"each\":\"late\",\"value\":7},1]",
	"[[],null,1]"},
    {"{\"each\":\"crn\",\"value\":{\"n\":\"{call.p.name}\",\"m\":"
     "\"{call.p.name?}\",\"s\":\"{call.s.n}\"}}",
	"[{\"n\":\"Ann\",\"m\":\"Ann\",\"s\":1.10},{\"n\":null,\"s\":1.10},"
	"{\"n\":null,\"s\":1.10}]"},
    {"{\"each\":\"crn\",\"value\":\"{call.p?}\"}",
	"[ {\"name\":\"Ann\"}, {\"name\":null},null]"},
    {"{\"each\":\"prem\",\"value\":{\"each\":\"crn\",\"value\":"
     "\"{prem}{crn}\"}}",
	"[[\"x1\",\"x2\",\"x\\\"3\\\"\"],[\"y1\",\"y2\",\"y\\\"3\\\"\"]]"},
    {"{\"each\":\"prem\",\"value\":{\"each\":\"crn\",\"value\":"
     "[\"{call.q.at}\",\"{call.p.name}\"]}}",
	"[[[5,\"Ann\"],[5,null],[5,null]],"
	"[[null,\"Ann\"],[null,null],[null,null]]]"},
    {"{\"each\":\"crn\",\"value\":{\"a\":{\"b\":[\"{crn}\"]}}}",
	"[{\"a\":{\"b\":[\"1\"]}},{\"a\":{\"b\":[\"2\"]}},"
	"{\"a\":{\"b\":[\"\\\"3\\\"\"]}}]"},
    {"[\"{data}\",{\"each\":\"data\",\"value\":\"{data}\"}]",
	"[{\"all\": 1},[\"x\",\"y\"]]"},
    /* not one of these: a table like any other */
    {"{\"each\":\"crn\",\"value\":1,\"more\":2}",
	"{\"each\":\"crn\",\"value\":1,\"more\":2}"},
    {"{\"each\":1,\"value\":1}", "{\"each\":1,\"value\":1}"},
    {"{\"each\":\"crn\"}", "{\"each\":\"crn\"}"},
    {"{\"value\":\"{crn}\",\"each\":\"prem\"}",
	"[[\"1\",\"2\",\"\\\"3\\\"\"],[\"1\",\"2\",\"\\\"3\\\"\"]]"},
};

static void every_row(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		const struct value *shape = parsed(rows[i].shape);
		struct buf out = {0};
		struct str why;

		print_message("# %s\n", rows[i].shape);
		if (!shape_check(&arena, shape, call_names, id_names, &why))
			print_message("# %.*s\n", STR_ARG(why));
		assert_int_equal(
		    shape_fill(&arena, shape, &source, 4096, &out), ERR_OK);
		assert_string_equal(out.data, rows[i].want);
		parsed(out.data);
		buf_release(&out);
	}
}

static const struct {
	const char *shape, *why; /* NULL: it is good */
} checks[] = {
    {"{\"a\":[\"{call.s}\",\"{call.s.a.b?}\",\"{crn}\",\"{late}\"]}", NULL},
    {"[\"x {call.s} y\",\"{\",\"{ crn }\",\"{data}\"]", NULL},
    {"{\"each\":\"crn\",\"value\":\"{crn}: {call.p}\"}", NULL},
    {"{\"each\":\"crn\",\"value\":{\"each\":\"prem\",\"value\":\"{crn}x\"}}",
	NULL},
    {"\"{call.none.x}\"", "{call.none.x} is no call of this read"},
    {"[1,{\"a\":\"b {call.none}\"}]", "{call.none} is no call of this read"},
    {"\"{none_such}\"", "{none_such} means nothing in a shape"},
    {"\"{body.x}\"", "{body.x} means nothing in a shape"},
    {"\"{call.}\"", "{call.} means nothing in a shape"},
    {"\"{call.s.}\"", "{call.s.} means nothing in a shape"},
    {"\"{call}\"", "{call} means nothing in a shape"},
    {"\"x{crn}\"", "{crn} is no text, so it stands alone"},
    {"\"{data} \"", "{data} is no text, so it stands alone"},
    {"{\"each\":\"prem\",\"value\":\"<{crn}>\"}",
	"{crn} is no text, so it stands alone"},
    {"{\"each\":\"who\",\"value\":1}",
	"{who} are identifiers that this read does not have"},
    {"{\"each\":\"crn\",\"value\":[{\"each\":\"crn\",\"value\":1}]}",
	"{crn} is each inside of itself"},
};

static void every_check(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(checks) / sizeof(*checks); i++) {
		struct str why;

		print_message("# %s\n", checks[i].shape);
		assert_int_equal(shape_check(&arena, parsed(checks[i].shape),
				     call_names, id_names, &why),
		    checks[i].why == NULL);
		assert_string_equal(arena_cstr(&arena, why),
		    checks[i].why ? checks[i].why : "");
	}
}

static void depth(void **state)
{
	struct str why;

	(void)state;
	for (size_t n = SHAPE_DEPTH_MAX - 1; n <= SHAPE_DEPTH_MAX; n++) {
		struct buf text = {0};

		for (size_t i = 0; i < n; i++)
			buf_putc(&text, '[');
		buf_putc(&text, '1');
		for (size_t i = 0; i < n; i++)
			buf_putc(&text, ']');
		assert_int_equal(shape_check(&arena, parsed(text.data),
				     call_names, id_names, &why),
		    n < SHAPE_DEPTH_MAX);
		buf_release(&text);
	}
	assert_true(str_is(why, "it is nested too deeply"));
}

/* To the byte, whatever it is that is one too many. */
static void size(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		const size_t n = strlen(rows[i].want);
		struct buf out = {0};

		assert_int_equal(
		    shape_fill(&arena, parsed(rows[i].shape), &source, n, &out),
		    ERR_OK);
		buf_clear(&out);
		assert_int_equal(shape_fill(&arena, parsed(rows[i].shape),
				     &source, n - 1, &out),
		    ERR_TOO_LARGE);
		buf_release(&out);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_row),
	    cmocka_unit_test(every_check),
	    cmocka_unit_test(depth),
	    cmocka_unit_test(size),
	};
	int failed;

	tree = parsed(source_text);
	cmocka_set_message_output(CM_OUTPUT_TAP);
	failed = cmocka_run_group_tests_name("shape", tests, NULL, NULL);
	arena_release(&arena);
	return failed;
}
