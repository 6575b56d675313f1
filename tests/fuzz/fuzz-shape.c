#include <string.h>

#include "cgi/read/shape.h"
#include "lib/json.h"
#include "tests/fuzz/fuzz.h"

/*
 * The first line is a shape, or the first byte chooses one of ours; the rest is
 * what calls brought, a table by their names. Whatever it is filled with, a
 * shape that is good becomes JSON, and no more of it than is allowed.
 */
const char *const fuzz_words[] = {"{call.s}", "{call.s.a}", "{call.s.a?}",
    "{call.p.name}", "{call.none.x}", "{crn}", "{crn?}", "{prem}", "{data}",
    "{upstreamFailures}", "{complete}",
    "{\"each\":\"crn\",\"value\":", "{\"each\":\"prem\",\"value\":", "\"each\"",
    "\"value\"", "{", "}", "[", "]", "\"", ",", ":", "?", ".", "\n", "null",
    "1.10", "true", "\\u0000", "\\u007b",
    "{\"s\":{\"a\":1},\"p\":{\"name\":\"x\"}}", NULL};

#define MAX 4096
static const char *const ours[] = {
    "{\"cases\":{\"each\":\"crn\",\"value\":{\"c\":\"{crn}\",\"n\":"
    "\"{call.p.name}\",\"t\":\"{call.s.a?}\",\"x\":\"<{call.p.name?}>\"}},"
    "\"failures\":\"{upstreamFailures}\",\"all\":\"{call.s}\"}",
    "\"{call.s}\"",
    "[\"{call.s.a}\",\"x{call.s.a}y\",{\"a\":\"{call.s.a?}\"},\"{crn}\"]",
    "{\"each\":\"prem\",\"value\":[{\"each\":\"crn\",\"value\":"
    "\"{call.p}\"}]}",
};
#define OURS (sizeof(ours) / sizeof(*ours))

static const struct value *result_of(
    void *ctx, struct str name, const struct shape_scope *scope)
{
	const struct member *m = value_member(ctx, name);

	return m && (!scope || scope->at % 2 == 0) ? m->value : NULL;
}

static enum err put_whole(void *ctx, struct str name,
    const struct shape_scope *scope, struct buf *out)
{
	const struct value *v = result_of(ctx, name, scope);
	struct json_writer w = {.out = out};

	if (!v || v->kind == VALUE_NULL)
		return ERR_NOT_FOUND;
	json_value(&w, v);
	return out->len > MAX ? ERR_TOO_LARGE : ERR_OK;
}

static bool ids_of(void *ctx, struct str name, const struct strs **out)
{
	static struct str items[] = {
	    STR_INIT("1"), STR_INIT("\"}"), STR_INIT("{crn}")};
	static const struct strs three = {items, 3}, none = {0};

	(void)ctx;
	*out = str_is(name, "crn") ? &three : &none;
	return !str_is(name, "late");
}

static enum err put_word(void *ctx, struct str word, struct buf *out)
{
	(void)ctx;
	if (str_is(word, "complete"))
		return ERR_NOT_FOUND;
	buf_puts(out, "[ ]");
	return ERR_OK;
}

static const char *const calls[] = {"s", "p", NULL};
static const char *const ids[] = {"crn", "prem", "late", NULL};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct value *shape, *results, *again;
	struct arena a = {0};
	struct buf out = {0};
	struct str why;

	if (n == 0)
		return 0;
	const size_t which = data[0] % (OURS + 4);
	struct str rest = {(const char *)data + 1, n - 1}, text;
	const size_t line = str_find(rest, '\n', 0);
	if (which < OURS) {
		text = str_of(ours[which]);
	} else {
		text = str_slice(rest, 0, line);
		rest = str_slice(rest, line + 1, rest.n);
	}
	if (json_read(&a, text, 65536, NULL, NULL, &shape) != ERR_OK)
		goto done;
	if (json_read(&a, rest, 65536, NULL, NULL, &results) != ERR_OK)
		results = value_new(&a, VALUE_TABLE, POS_NONE);
	const struct shape_source source = {.ctx = results,
	    .result = result_of,
	    .whole = put_whole,
	    .ids = ids_of,
	    .word = put_word};
	const bool good = shape_check(&a, shape, calls, ids, &why);
	fuzz_must(good == (why.n == 0));
	fuzz_must(good || which >= OURS);
	const enum err err = shape_fill(&a, shape, &source, MAX, &out);
	fuzz_must(err == ERR_OK || err == ERR_TOO_LARGE);
	if (err == ERR_OK) {
		fuzz_must(out.len <= MAX);
		fuzz_must(json_read(&a, buf_str(&out), MAX, NULL, NULL,
			      &again) == ERR_OK);
	}
done:
	buf_release(&out);
	arena_release(&a);
	return 0;
}
