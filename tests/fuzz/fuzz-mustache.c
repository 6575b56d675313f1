#include "generator/mustache.h"
#include "lib/json.h"
#include "tests/fuzz/fuzz.h"

/*
 * Any text is a template or has findings; it always ends, and what came out
 * without an error comes out the second time as well. A partial may name
 * itself.
 */
const char *const fuzz_words[] = {"{{", "}}", "{{{", "}}}", "{{#", "{{/", "{{^",
    "{{>", "{{&", "{{!", "{{=<% %>=}}", "<%", "%>", "list", "text", "table",
    "self", "deep.er", ".", "\n", "  ", "\r\n", NULL};

#define DATA                                                                   \
	"{\"list\":[1,2,{\"text\":\"<&>\"}],\"text\":\"t\",\"no\":false,"      \
	"\"nothing\":null,\"table\":{\"text\":\"$\\\"'\"},"                    \
	"\"deep\":{\"er\":{\"still\":1.10}}}"
#define OUTPUT_MAX ((size_t)64 * 1024)

static bool partial(
    void *ctx, struct str name, struct str *text, const char **file)
{
	*text = *(const struct str *)ctx;
	*file = "self";
	return str_is(name, "self");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct str text = {(const char *)data, n};
	struct value *values;
	struct arena a;
	struct diag diag;
	struct buf first = {0}, second = {0};
	bool used_env = false;

	/* every step may copy all the output: not more than a fuzzer bears */
	if (n > 2048)
		return 0;
	arena_init(&a);
	diag_init(&diag, &a);
	if (json_read(&a, STR(DATA), sizeof(DATA), "data", &diag, &values))
		abort();
	for (int how = 0; how < ESCAPE_COUNT; how++) {
		struct mustache_options options = {
		    .escape = (enum mustache_escape)how,
		    .partial = partial,
		    .ctx = &text,
		    .output_max = OUTPUT_MAX,
		};
		size_t before = diag.errors;
		buf_clear(&first);
		buf_clear(&second);
		enum err err = mustache_render(
		    &a, text, "t", values, &options, &diag, &first, &used_env);
		fuzz_must((err == ERR_OK) == (diag.errors == before));
		fuzz_must(err != ERR_OK || first.len <= OUTPUT_MAX);
		fuzz_must(mustache_render(&a, text, "t", values, &options, NULL,
			      &second, NULL) == err);
		fuzz_must(str_eq(buf_str(&first), buf_str(&second)));
	}
	fuzz_must(!used_env);
	buf_release(&first);
	buf_release(&second);
	arena_release(&a);
	return 0;
}
