#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/config.h"
#include "lib/json.h"

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

/* ---- every row of config.def, filled with a value of its own ---- */

static unsigned count; /* makes each value differ from the others */

static struct str a_str(void)
{
	return arena_printf(&arena, "value %u \"\n\xc3\xa9", ++count);
}

static void fill_STR(void *at)
{
	*(struct str *)at = a_str();
}
static void fill_STRS(void *at)
{
	struct strs *strs = at;
	strs->n = 2;
	strs->items = arena_array(&arena, 2, sizeof(*strs->items));
	strs->items[0] = a_str();
	strs->items[1] = a_str();
}
static void fill_PAIRS(void *at)
{
	struct pairs *pairs = at;
	pairs->n = 2;
	pairs->items = arena_array(&arena, 2, sizeof(*pairs->items));
	for (size_t i = 0; i < 2; i++)
		pairs->items[i] = (struct pair){a_str(), a_str()};
}
static void fill_INT(void *at)
{
	*(int64_t *)at = 9007199254740993 + ++count;
}
static void fill_BOOL(void *at)
{
	*(bool *)at = true;
}
static void fill_PATTERNS(void *at)
{
	*(unsigned *)at =
	    1u << PATTERN_FIRE_AND_FORGET | 1u << PATTERN_SYNCHRONOUS;
}

static bool same_STR(const void *a, const void *b)
{
	return str_eq(*(const struct str *)a, *(const struct str *)b);
}
static bool same_STRS(const void *left, const void *right)
{
	const struct strs *a = left, *b = right;
	return a->n == 2 && b->n == 2 && same_STR(a->items, b->items) &&
	       same_STR(a->items + 1, b->items + 1);
}
static bool same_PAIRS(const void *left, const void *right)
{
	const struct pairs *a = left, *b = right;
	if (a->n != 2 || b->n != 2)
		return false;
	for (size_t i = 0; i < 2; i++)
		if (!same_STR(&a->items[i].name, &b->items[i].name) ||
		    !same_STR(&a->items[i].value, &b->items[i].value))
			return false;
	return true;
}
static bool same_INT(const void *a, const void *b)
{
	return *(const int64_t *)a == *(const int64_t *)b;
}
static bool same_BOOL(const void *a, const void *b)
{
	return *(const bool *)a == *(const bool *)b;
}
static bool same_PATTERNS(const void *a, const void *b)
{
	return *(const unsigned *)a == *(const unsigned *)b;
}

/* The last name of a table, so that zero will not do. */
static unsigned last_of(const char *const *names)
{
	unsigned n = 0;
	while (names[n])
		n++;
	return n - 1;
}

/* One of each. */
struct sample {
	struct provider p;
	struct upstream u;
	struct api a;
	struct read r;
	struct read_ids i;
	struct read_call k;
};

static void fill(struct config *c, struct sample *s)
{
	void *object = c;
#define FIELD(member, kind, json) fill_##kind(&OWNER->member);
#define ENUM(member, names, json) OWNER->member = last_of(names);
#define OWNER ((struct config *)object)
#define CONFIG_TOP
#include "lib/config.def"
#undef OWNER
	object = &s->p;
#define OWNER ((struct provider *)object)
#define CONFIG_PROVIDER
#include "lib/config.def"
#undef OWNER
	object = &s->u;
#define OWNER ((struct upstream *)object)
#define CONFIG_UPSTREAM
#include "lib/config.def"
#undef OWNER
	object = &s->a;
#define OWNER ((struct api *)object)
#define CONFIG_API
#include "lib/config.def"
#undef OWNER
	object = &s->r;
#define OWNER ((struct read *)object)
#define CONFIG_READ
#include "lib/config.def"
#undef OWNER
	object = &s->i;
#define OWNER ((struct read_ids *)object)
#define CONFIG_READ_ID
#include "lib/config.def"
#undef OWNER
	object = &s->k;
#define OWNER ((struct read_call *)object)
#define CONFIG_READ_CALL
#include "lib/config.def"
#undef OWNER
#undef FIELD
#undef ENUM
	s->a.name = STR("vat-return-post");
	s->a.tag = STR("0a1b2c");
	s->a.path = STR("/api/v1/x");
	s->a.upstream = s->k.upstream = s->u.name;
	s->a.auth = s->r.auth = s->p.name;
	s->r.name = s->i.read = s->k.read = s->a.read = STR("case");
	s->r.path = s->k.path = STR("/api/v1/case/{crns}");
	s->r.api = s->a.name;
	s->k.name = STR("summaries");
	s->k.each = s->i.name;
	s->k.empty_on.items[0] = s->k.pass_on.items[0] = STR("404");
	s->k.empty_on.items[1] = s->k.pass_on.items[1] = STR("410");
	c->providers = &s->p;
	c->upstreams = &s->u;
	c->apis = &s->a;
	c->reads = &s->r;
	c->read_ids = &s->i;
	c->read_calls = &s->k;
	c->n_providers = c->n_upstreams = c->n_apis = 1;
	c->n_reads = c->n_read_ids = c->n_read_calls = 1;
}

static struct config *parse_ok(struct str json)
{
	struct config *c;
	enum err err = config_parse(&arena, json, "t.json", &diag, &c);

	if (err)
		fail_msg("%u:%u %s", diag.first->pos.line, diag.first->pos.col,
		    diag.first->text.p);
	return c;
}

static void round_trip(void **state)
{
	struct sample s = {0};
	struct config c = {0};
	struct buf out = {0}, again = {0};
	unsigned rows = 0;

	(void)state;
	fill(&c, &s);
	config_write(&c, &out);
	struct config *back = parse_ok(buf_str(&out));
#define FIELD(member, kind, json)                                              \
	if (!same_##kind(&(THIS).member, &(THAT).member))                      \
		fail_msg("%s", json);                                          \
	rows++;
#define ENUM(member, names, json)                                              \
	if ((THIS).member != (THAT).member)                                    \
		fail_msg("%s", json);                                          \
	rows++;
#define THIS c
#define THAT (*back)
#define CONFIG_TOP
#include "lib/config.def"
#undef THIS
#undef THAT
#define THIS s.p
#define THAT back->providers[0]
#define CONFIG_PROVIDER
#include "lib/config.def"
#undef THIS
#undef THAT
#define THIS s.u
#define THAT back->upstreams[0]
#define CONFIG_UPSTREAM
#include "lib/config.def"
#undef THIS
#undef THAT
#define THIS s.a
#define THAT back->apis[0]
#define CONFIG_API
#include "lib/config.def"
#undef THIS
#undef THAT
#define THIS s.r
#define THAT back->reads[0]
#define CONFIG_READ
#include "lib/config.def"
#undef THIS
#undef THAT
#define THIS s.i
#define THAT back->reads[0].ids[0]
#define CONFIG_READ_ID
#include "lib/config.def"
#undef THIS
#undef THAT
#define THIS s.k
#define THAT back->reads[0].calls[0]
#define CONFIG_READ_CALL
#include "lib/config.def"
#undef THIS
#undef THAT
#undef FIELD
#undef ENUM
	assert_true(rows > 40);
	config_write(back, &again);
	assert_string_equal(out.data, again.data);
	assert_int_equal(out.data[out.len - 1], '\n');
	buf_release(&out);
	buf_release(&again);
}

/* What is left out is zero again. */
static void least(void **state)
{
	struct config zero = {.name = STR("acme")};
	struct buf out = {0};

	(void)state;
	config_write(&zero, &out);
	assert_string_equal(out.data,
	    "{\n  \"format\": 1,\n  \"name\": \"acme\",\n"
	    "  \"credentials\": false,\n"
	    "  \"upstreams\": [],\n  \"apis\": []\n}\n");
	struct config *c = parse_ok(buf_str(&out));
	assert_int_equal(c->n_apis, 0);
	assert_int_equal(c->prefix.n, 0);
	assert_true(config_api(c, STR("x")) == NULL);
	buf_release(&out);
}

/* ---- every row refuses another type ---- */

static struct buf whole; /* a good file */

static void good_file(void)
{
	struct sample s = {0};
	struct config c = {0};

	fill(&c, &s);
	config_write(&c, &whole);
}

/* A good file whose member `key` (of that list, or the top) is `wrong`. */
static enum err parse_with(
    const char *list, const char *key, struct value *wrong)
{
	struct value *top;
	struct config *c = NULL;
	struct buf out = {0};
	struct json_writer w = {.out = &out, .indent = 1};

	assert_int_equal(
	    json_read(&arena, buf_str(&whole), CONFIG_MAX, NULL, NULL, &top),
	    ERR_OK);
	struct value *object =
	    list ? value_get(top, list)->as.array.items[0] : top;
	value_set(&arena, object, str_of(key), POS_NONE, wrong);
	json_value(&w, top);
	struct str json = arena_str(&arena, buf_str(&out));
	buf_release(&out);
	enum err err = config_parse(&arena, json, "t.json", &diag, &c);
	assert_true(err == ERR_OK || c == NULL);
	return err;
}

static void refuses(const char *list, const char *key, struct value *wrong)
{
	diag_init(&diag, &arena);
	if (parse_with(list, key, wrong) != ERR_INPUT)
		fail_msg("%s was taken", key);
	assert_string_equal(diag.first->name, "config-type");
	assert_true(diag.first->pos.line > 1);
	assert_non_null(strstr(diag.first->text.p, "`lowtide build` again"));
}

static void every_row_refuses_another_type(void **state)
{
	fresh(state);
	good_file();
	struct value *null = value_new(&arena, VALUE_NULL, POS_NONE);
	struct value *real = value_float(&arena, 1.5, POS_NONE);
	struct value *list = value_new(&arena, VALUE_ARRAY, POS_NONE);
	value_push(&arena, list, real);

#define FIELD(member, kind, json)                                              \
	refuses(LIST, json, null);                                             \
	refuses(LIST, json, real);                                             \
	refuses(LIST, json, list);
#define ENUM(member, names, json) FIELD(member, ENUM, json)
#define LIST NULL
#define CONFIG_TOP
#include "lib/config.def"
#undef LIST
#define LIST "providers"
#define CONFIG_PROVIDER
#include "lib/config.def"
#undef LIST
#define LIST "upstreams"
#define CONFIG_UPSTREAM
#include "lib/config.def"
#undef LIST
#define LIST "apis"
#define CONFIG_API
#include "lib/config.def"
#undef LIST
#define LIST "reads"
#define CONFIG_READ
#include "lib/config.def"
#undef LIST
#define LIST "readIds"
#define CONFIG_READ_ID
#include "lib/config.def"
#undef LIST
#define LIST "readCalls"
#define CONFIG_READ_CALL
#include "lib/config.def"
#undef LIST
#undef FIELD
#undef ENUM
	refuses(NULL, "apis", real);
	refuses(NULL, "upstreams", null);
	buf_release(&whole);
}

/* ---- broken files ---- */

#define LIVES(on_lost, deadline, ttl)                                          \
	on_lost ",\"deadlineMs\":" deadline ",\"ttlMs\":" ttl
#define BARE(name, tag, more)                                                  \
	"{\"name\":\"" name "\",\"tag\":\"" tag "\",\"method\":\"POST\","      \
	"\"path\":\"/x\",\"upstream\":\"u\"" more "}"
#define API(name, tag, more)                                                   \
	BARE(name, tag, LIVES(",\"onLost\":\"fail\"", "1", "1") more)
#define FILE_OF(apis)                                                          \
	"{\"format\":1,\"name\":\"n\",\"upstreams\":[{\"name\":\"u\"}],"       \
	"\"apis\":[" apis "]}"

#define READ(name) "{\"name\":\"" name "\",\"path\":\"/r\",\"deadlineMs\":1}"
#define CALL(read, more)                                                       \
	"{\"read\":\"" read "\",\"name\":\"c\",\"upstream\":\"u\","            \
	"\"path\":\"/c\"" more "}"
#define READS(reads, ids, calls)                                               \
	"{\"format\":1,\"name\":\"n\",\"upstreams\":[{\"name\":\"u\"}],"       \
	"\"reads\":[" reads "],\"readIds\":[" ids "],\"readCalls\":[" calls    \
	"]}"
#define SECRETS(rows) "{\"format\":1,\"name\":\"n\",\"secrets\":[" rows "]}"

static const struct {
	const char *json, *name, *words;
} broken[] = {
    {"{}", "config-format", "lowtide build"},
    {"[]", "config-format", "format 1"},
    {"{\"format\":2,\"name\":\"n\"}", "config-format", "format 1"},
    {"{\"format\":\"1\",\"name\":\"n\"}", "config-format", "format 1"},
    {"{\"format\":1}", "config-value", "name is missing"},
    {FILE_OF(API("a", "000001", ",\"auth\":\"nobody\"")), "config-value",
	"auth names a provider"},
    {"{\"format\":1,\"name\":\"n\",\"later\":1}", "config-member", "\"later\""},
    {"{\"format\":1,\"name\":\"n\",\"upstreams\":[{\"name\":\"u\",\"apis\":[]}]"
     "}",
	"config-member", "\"apis\""},
    {"{\"format\":1,", "json-syntax", "too early"},
    {FILE_OF("1"), "config-type", "a table"},
    {FILE_OF(API("a", "abcdef", ",\"x\":1")), "config-member", "\"x\""},
    {FILE_OF(BARE("a", "abcdef", LIVES("", "1", "1"))), "config-value",
	"onLost"},
    {FILE_OF(BARE("a", "abcdef", LIVES(",\"onLost\":\"fail\"", "0", "1"))),
	"config-value", "deadlineMs"},
    {FILE_OF(BARE("a", "abcdef", LIVES(",\"onLost\":\"fail\"", "1", "0"))),
	"config-value", "ttlMs"},
    {FILE_OF(API("a", "abcde", "")), "config-value", "six hex"},
    {FILE_OF(API("a", "abcdeg", "")), "config-value", "six hex"},
    {FILE_OF(API("a", "ABCDEF", "")), "config-value", "six hex"},
    {FILE_OF(API("a", "abcdef0", "")), "config-value", "six hex"},
    {FILE_OF(API("", "abcdef", "")), "config-value", "api's name"},
    {FILE_OF(API("A", "abcdef", "")), "config-value", "api's name"},
    {FILE_OF(API("a;--", "abcdef", "")), "config-value", "api's name"},
    {FILE_OF(API("a", "abcdef", "") "," API("a", "abcde0", "")), "config-value",
	"this name"},
    {FILE_OF(API("a", "abcdef", "") "," API("b", "abcdef", "")), "config-value",
	"this tag"},
    {FILE_OF(API("a", "abcdef", ",\"estimateMs\":-1")), "config-value",
	"negative"},
    {FILE_OF(API("a", "abcdef", ",\"pattern\":\"eager\"")), "config-value",
	"no such name"},
    {FILE_OF(API("a", "abcdef", ",\"allow\":[\"eager\"]")), "config-value",
	"no such name"},
    {FILE_OF("{\"name\":\"a\",\"tag\":\"abcdef\",\"method\":\"GET\","
	     "\"path\":\"/\",\"upstream\":\"v\"}"),
	"config-value", "upstream that is not here"},
    {FILE_OF("{\"name\":\"a\",\"tag\":\"abcdef\",\"upstream\":\"u\"}"),
	"config-value", "method and a path"},
    {"{\"format\":1,\"name\":\"n\",\"upstreams\":[{\"name\":\"u\"},"
     "{\"name\":\"v\"},{\"name\":\"u\"}]}",
	"config-value", "this name"},
    {SECRETS("{\"name\":\"s\",\"env\":\"A\"},"
	     "{\"name\":\"s\",\"env\":\"B\"}"),
	"config-value", "this name"},
    {READS("", "", CALL("r", "")), "config-value", "stands together"},
    {READS(READ("r"), "", ""), "config-value", "has calls"},
    {READS(READ("R"), "", CALL("R", "")), "config-value", "a read's name"},
    {READS(READ("r") "," READ("r"), "", CALL("r", "")), "config-value",
	"two reads"},
    {READS(READ("r") "," READ("s"), "",
	 CALL("r", "") "," CALL("s", "") "," CALL("r", "")),
	"config-value", "stands together"},
    {READS(READ("r"), "", CALL("r", ",\"each\":\"x\"")), "config-value",
	"for each of"},
    {READS(READ("r"), "", CALL("r", ",\"emptyOn\":[\"500\"]")), "config-value",
	"400 to 499"},
    {READS(READ("r"), "{\"read\":\"r\",\"name\":\"x\",\"from\":\"path.x\"}",
	 CALL("r", "")),
	"config-value", "max above 0"},
    {SECRETS("{\"name\":\"s\"}"), "config-value", "env or file"},
    {SECRETS("{\"name\":\"s\",\"env\":\"A\",\"file\":\"/a\"}"), "config-value",
	"env or file"},
};

static void broken_files(void **state)
{
	for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
		struct config *c = (struct config *)&arena;
		fresh(state);
		enum err err = config_parse(
		    &arena, str_of(broken[i].json), "t", &diag, &c);
		if (err != ERR_INPUT || c != NULL ||
		    strcmp(diag.first->name, broken[i].name) != 0 ||
		    !strstr(diag.first->text.p, broken[i].words))
			fail_msg("row %zu: %s %s", i, err_name(err),
			    diag.first ? diag.first->text.p : "");
	}
	fresh(state);
	parse_ok(STR(FILE_OF(API("a", "abcdef", ""))));
	/* one that was cut off: the place, and what to do */
	struct config *half;
	assert_int_equal(config_parse(&arena, STR("{\"format\":1,\"name\":\"n"),
			     "t", &diag, &half),
	    ERR_INPUT);
	assert_string_equal(diag.last->name, "config-damaged");
	fresh(state);
	/* all findings, not only the first */
	struct config *c;
	assert_int_equal(config_parse(&arena,
			     STR("{\"format\":1,\"name\":2,\"a\":1,\"b\":2}"),
			     "t", &diag, &c),
	    ERR_INPUT);
	assert_int_equal(diag.errors, 3);
}

static void from_a_file(void **state)
{
	char path[] = "/tmp/lowtide-test.XXXXXX";
	struct config *c;

	(void)state;
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	static const char text[] = FILE_OF(API("a", "abcdef", ""));
	assert_int_equal(write(fd, text, sizeof(text) - 1), sizeof(text) - 1);
	close(fd);
	assert_int_equal(config_read(&arena, path, &diag, &c), ERR_OK);
	assert_true(str_is(config_api(c, STR("a"))->path, "/x"));
	assert_non_null(config_upstream(c, STR("u")));
	unlink(path);
	assert_int_equal(config_read(&arena, path, &diag, &c), ERR_NOT_FOUND);
	assert_string_equal(diag.first->name, "config-missing");
	assert_non_null(strstr(diag.first->text.p, "lowtide build"));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, fresh, wipe)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(round_trip),
	    TEST(least),
	    TEST(every_row_refuses_another_type),
	    TEST(broken_files),
	    TEST(from_a_file),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("config", tests, NULL, NULL);
}
