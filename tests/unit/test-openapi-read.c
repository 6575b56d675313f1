/*
 * covers generator/openapi-read*.c: reads as operations.
 */
#include "tests/unit/site-kit.h"

#include "lib/json.h"

#define SITE "name = 'shop'\nbase_url = 'https://www.shop.example'\n[openapi]\n"
#define UP                                                                     \
	"auth = 'none'\n[upstream.u]\nbase = 'https://u.example'\n"            \
	"[read.case]\npath = '/case/{crns}'\n"
#define CALLS                                                                  \
	"[read.case.ids.crn]\nfrom = 'path.crns'\nmax = 7\n"                   \
	"[read.case.call.list]\nupstream = 'u'\npath = '/list?a={crns}'\n"     \
	"[read.case.call.person]\nupstream = 'u'\npath = '/person/{crn}'\n"    \
	"each = 'crn'\nrequired = false\n"

static struct kit k;

static int open_kit(void **state)
{
	(void)state;
	kit_open(&k);
	return 0;
}

static int close_kit(void **state)
{
	(void)state;
	kit_close(&k);
	return 0;
}

static struct value *document(const char *site, const char *api)
{
	struct value *out;

	kit_file(&k, "site.toml", site);
	kit_file(&k, "api.toml", api);
	if (kit_load(&k, NULL) != ERR_OK ||
	    produce_api(kit_build(&k)) != ERR_OK ||
	    produce_openapi(&k.build) != ERR_OK)
		fail_msg("%s", kit_said(&k));
	assert_string_equal(kit_said(&k), "");
	if (json_read(&k.arena, str_of(kit_output(&k, OUT_WWW, "openapi.json")),
		1 << 20, "openapi.json", &k.diag, &out) != ERR_OK)
		fail_msg("%s", kit_said(&k));
	return out;
}

/* "paths|/api/order|get"; NULL when there is none. */
static struct value *look(struct value *v, const char *path)
{
	for (struct str rest = str_of(path); rest.n && v;) {
		size_t bar = str_find(rest, '|', 0);
		struct str key = str_slice(rest, 0, bar);
		if (v->kind == VALUE_ARRAY) {
			size_t i = (size_t)atoi(arena_cstr(&k.arena, key));
			v = i < v->as.array.n ? v->as.array.items[i] : NULL;
		} else {
			v = value_get(v, arena_cstr(&k.arena, key));
		}
		rest = str_slice(rest, bar + 1, rest.n);
	}
	return v;
}

static const char *json(struct value *v, const char *path)
{
	struct buf out = {0};
	struct json_writer w = {.out = &out};

	v = look(v, path);
	if (!v)
		return "nothing";
	json_value(&w, v);
	const char *s = arena_cstr(&k.arena, buf_str(&out));
	buf_release(&out);
	return s;
}

static struct value *parameter(
    struct value *operation, const char *in, const char *name)
{
	struct value *all = look(operation, "parameters");

	for (size_t i = 0; i < all->as.array.n; i++)
		if (str_is(value_text(all->as.array.items[i], "in"), in) &&
		    str_is(value_text(all->as.array.items[i], "name"), name))
			return all->as.array.items[i];
	return NULL;
}

static bool refers(struct value *operation, const char *name)
{
	const char *all = json(operation, "parameters");

	return strstr(all,
		   arena_printf(&k.arena, "/parameters/%s\"", name).p) != NULL;
}

/* Which problems an answer may be, by their schemas. */
static const char *problems(struct value *operation, const char *status)
{
	struct value *schema = look(operation,
	    arena_printf(&k.arena,
		"responses|%s|content|application/problem+json|schema", status)
		.p);
	struct value *any = schema ? value_get(schema, "anyOf") : NULL;
	struct str out = {0};

	if (!schema)
		return "nothing";
	for (size_t i = 0; i < (any ? any->as.array.n : 1); i++) {
		struct str ref =
		    value_text(any ? any->as.array.items[i] : schema, "$ref");
		ref = str_slice(ref, strlen("#/components/schemas/"), ref.n);
		if (str_starts(ref, "Problem"))
			ref = str_slice(ref, strlen("Problem"), ref.n);
		out = arena_printf(&k.arena, "%.*s%s%.*s", STR_ARG(out),
		    i ? " " : "", STR_ARG(ref));
	}
	return arena_cstr(&k.arena, out);
}

/* ---- alone -------------------------------------------------------------- */

/* Without an API there are no jobs to ask about. */
static void a_read_alone(void **state)
{
	(void)state;
	struct value *d =
	    document(SITE, UP "summary = 'Cases'\ndescription = 'Of some.'\n"
			      "tags = ['cases']\ndeadline = '1500ms'\n" CALLS);
	struct value *op = look(d, "paths|/api/case/{crns}|get");
	assert_non_null(op);
	assert_int_equal(look(d, "paths")->as.table.n, 1);
	assert_string_equal(json(d, "tags"), "[{\"name\":\"cases\"}]");
	assert_string_equal(json(op, "operationId"), "\"case\"");
	assert_string_equal(json(op, "summary"), "\"Cases\"");
	assert_string_equal(json(op, "description"),
	    "\"Of some.\\n\\nAnswered within 1500 milliseconds.\"");
	assert_null(look(op, "responses|202"));
	assert_null(look(op, "responses|401"));
	assert_null(look(op, "responses|404"));
	assert_null(look(op, "security"));
	assert_null(look(d, "components|schemas|Job"));
	assert_string_equal(problems(op, "400"), "ValidationFailed");
	assert_string_equal(problems(op, "502"), "UpstreamError");
	assert_string_equal(problems(op, "503"), "CircuitOpen Overloaded");
	assert_string_equal(problems(op, "504"), "UpstreamTimeout");
	assert_non_null(look(op, "responses|503|headers|Retry-After"));
}

static void what_it_answers(void **state)
{
	(void)state;
	struct value *d = document(SITE, UP CALLS);
	struct value *op = look(d, "paths|/api/case/{crns}|get");
	assert_string_equal(
	    json(op, "responses|200|content|application/json|schema"),
	    "{\"type\":\"object\",\"properties\":{\"data\":{\"type\":"
	    "\"object\",\"properties\":{\"list\":{},\"person\":{\"type\":"
	    "\"object\"}},\"required\":[\"list\"]},\"upstreamFailures\":"
	    "{\"$ref\":\"#/components/schemas/UpstreamFailures\"}},"
	    "\"required\":[\"data\",\"upstreamFailures\"]}");
	static const char *const statuses[] = {"200", "304"};
	static const char *const headers[] = {
	    "Age", "Cache-Control", "ETag", "x-aggregate-complete"};
	for (size_t i = 0; i < 2; i++)
		for (size_t j = 0; j < 4; j++)
			assert_non_null(look(op,
			    arena_printf(&k.arena, "responses|%s|headers|%s",
				statuses[i], headers[j])
				.p));
	assert_string_equal(json(d, "components|headers|Age|required"), "true");
	assert_non_null(look(d, "components|schemas|UpstreamFailures"));
	assert_non_null(
	    look(d, "components|schemas|Problem|properties|upstreamFailures"));
}

static void no_reads_no_failures(void **state)
{
	(void)state;
	struct value *d = document(SITE,
	    "auth = 'none'\n[upstream.u]\nbase = 'https://u.example'\n"
	    "[api.order]\nupstream = 'u'\non_lost = 'fail'\n");
	assert_null(look(d, "components|schemas|UpstreamFailures"));
	assert_null(
	    look(d, "components|schemas|Problem|properties|upstreamFailures"));
}

/* ---- what it takes ------------------------------------------------------ */

static void lists_and_parameters(void **state)
{
	(void)state;
	struct value *d = document(SITE,
	    UP CALLS "[read.case.ids.risk]\nfrom = 'query.risks'\n"
		     "[read.case.call.risk]\nupstream = 'u'\n"
		     "path = '/risk/{risk}/{header.x-key}?l={query.lang?}&"
		     "m={query.must}'\n"
		     "headers = {a = '{header.maybe}'}\n"
		     "forward = ['x-one', 'x-many-*', 'Accept', 'prefer']\n");
	struct value *op = look(d, "paths|/api/case/{crns}|get");
	struct value *p = parameter(op, "path", "crns");
	assert_string_equal(json(p, "schema|type"), "\"array\"");
	assert_string_equal(json(p, "schema|maxItems"), "7");
	assert_string_equal(json(p, "explode"), "false");
	assert_string_equal(json(p, "required"), "true");
	p = parameter(op, "query", "risks");
	assert_string_equal(json(p, "schema|maxItems"), "100");
	assert_string_equal(json(p, "required"), "true");
	assert_string_equal(
	    json(parameter(op, "query", "lang"), "required"), "nothing");
	assert_string_equal(
	    json(parameter(op, "query", "must"), "required"), "true");
	assert_string_equal(
	    json(parameter(op, "header", "x-key"), "required"), "true");
	assert_string_equal(
	    json(parameter(op, "header", "maybe"), "required"), "nothing");
	assert_non_null(parameter(op, "header", "x-one"));
	assert_null(parameter(op, "header", "x-many-*"));
	assert_null(parameter(op, "header", "accept"));
	assert_null(parameter(op, "header", "prefer"));
	assert_true(refers(op, "IfNoneMatch"));
	assert_false(refers(op, "PreferAsync"));
}

/* An API's POST has the path already, by another name. */
static void one_path_of_an_api_and_a_read(void **state)
{
	(void)state;
	struct value *d = document(SITE,
	    UP CALLS "[api.post]\npath = '/case/{id}'\nupstream = 'u'\n"
		     "on_lost = 'fail'\n");
	struct value *op = look(d, "paths|/api/case/{id}|get");
	assert_non_null(op);
	assert_string_equal(
	    json(parameter(op, "path", "id"), "schema|maxItems"), "7");
	assert_null(parameter(op, "path", "crns"));
	assert_non_null(look(d, "paths|/api/jobs/{jobId}|get"));
}

/* ---- jobs, owners, statuses --------------------------------------------- */

static void it_becomes_a_job(void **state)
{
	(void)state;
	struct value *d = document(SITE, UP "promote = true\n" CALLS);
	struct value *op = look(d, "paths|/api/case/{crns}|get");
	assert_string_equal(json(op, "responses|202"),
	    "{\"$ref\":\"#/components/responses/Accepted\"}");
	assert_true(refers(op, "PreferAsync"));
	assert_string_equal(problems(op, "404"), "JobNotFound");
	assert_string_equal(problems(op, "410"), "JobExpired");
	assert_string_equal(problems(op, "502"), "UpstreamError");
	assert_string_equal(problems(op, "503"),
	    "CircuitOpen Overloaded StoreUnavailable StoreFull QueueFull");
	assert_string_equal(
	    problems(op, "504"), "UpstreamTimeout DeadlineExceeded");
	assert_null(look(d, "components|headers|Age"));
	assert_null(look(d, "components|headers|AgeMaybe|required"));
	/* it is one operation, and its job's are those of all */
	assert_int_equal(look(d, "paths")->as.table.n, 6);
	assert_non_null(strstr(json(op, "description"), "else with 202"));
}

static void it_may_be_asked_to(void **state)
{
	(void)state;
	struct value *d = document(SITE, UP "respond_async = true\n" CALLS);
	struct value *op = look(d, "paths|/api/case/{crns}|get");
	assert_non_null(look(op, "responses|202"));
	assert_non_null(
	    strstr(json(op, "description"), "`Prefer: respond-async`"));
}

static void statuses_that_it_passes_on(void **state)
{
	(void)state;
	struct value *d = document(SITE,
	    UP "promote = true\n" CALLS
	       "[read.case.call.strict]\nupstream = 'u'\npath = '/strict'\n"
	       "pass_on = [404, 418]\n");
	struct value *op = look(d, "paths|/api/case/{crns}|get");
	assert_string_equal(
	    problems(op, "404"), "JobNotFound UpstreamRefused Refusal");
	assert_string_equal(problems(op, "418"), "UpstreamRefused Refusal");
	assert_string_equal(problems(op, "409"), "JobCancelled");
}

#define LOGIN                                                                  \
	SITE "[oauth.login]\nclient_id = 'c'\n"                                \
	     "redirect_path = '/in.html'\nissuer = 'https://login.example/'\n" \
	     "authorization_endpoint = 'https://login.example/in'\n"           \
	     "jwks_uri = 'https://login.example/keys'\naudience = 'a'\n"

/* A provider of reads alone is none of those that jobs are asked about. */
static void who_may_read(void **state)
{
	(void)state;
	struct value *d = document(LOGIN,
	    UP "auth = 'login'\nscopes = ['cases']\n" CALLS
	       "[api.order]\nupstream = 'u'\non_lost = 'fail'\n");
	struct value *op = look(d, "paths|/api/case/{crns}|get");
	assert_string_equal(json(op, "security"), "[{\"login\":[\"cases\"]}]");
	assert_non_null(look(d, "components|securitySchemes|login"));
	assert_string_equal(problems(op, "401"), "Unauthorized");
	assert_string_equal(problems(op, "403"), "Forbidden");
	assert_string_equal(
	    problems(op, "503"), "CircuitOpen Overloaded KeysUnavailable");
	assert_null(look(d, "paths|/api/jobs/{jobId}|get|security"));
	assert_null(look(d, "paths|/api/jobs"));
}

static void whose_jobs_it_makes(void **state)
{
	(void)state;
	struct value *d =
	    document(LOGIN, UP "auth = 'login'\npromote = true\n" CALLS);
	assert_string_equal(json(d, "paths|/api/jobs/{jobId}|get|security"),
	    "[{\"login\":[]}]");
	assert_non_null(look(d, "paths|/api/jobs|get"));
}

/* ---- shapes ------------------------------------------------------------- */

static void schema_of_a_shape(void **state)
{
	(void)state;
	struct value *d = document(SITE,
	    UP CALLS "[read.case.shape]\nwhole = '{complete}'\n"
		     "failures = '{upstreamFailures}'\nall = '{data}'\n"
		     "list = '{call.list.items}'\nn = 1\n"
		     "text = '{call.list.n} of them'\n"
		     "maybe = '{call.list.x?}'\n"
		     "pair = ['{crn}', true]\n"
		     "people = { each = 'crn', value = { crn = '{crn}' } }\n");
	struct value *schema =
	    look(d, "paths|/api/case/{crns}|get|responses|200|content|"
		    "application/json|schema");
	assert_string_equal(json(schema, "required"),
	    "[\"whole\",\"failures\",\"all\",\"list\",\"n\",\"text\",\"pair\","
	    "\"people\"]");
	assert_string_equal(
	    json(schema, "properties|whole"), "{\"type\":\"boolean\"}");
	assert_string_equal(json(schema, "properties|failures"),
	    "{\"$ref\":\"#/components/schemas/UpstreamFailures\"}");
	assert_string_equal(
	    json(schema, "properties|all|required"), "[\"list\"]");
	assert_string_equal(json(schema, "properties|list"), "{}");
	assert_string_equal(json(schema, "properties|n"), "{\"const\":1}");
	assert_string_equal(json(schema, "properties|text"),
	    "{\"type\":[\"string\",\"null\"]}");
	assert_string_equal(json(schema, "properties|pair"),
	    "{\"type\":\"array\",\"prefixItems\":[{},{\"const\":true}],"
	    "\"items\":false,\"minItems\":2}");
	assert_string_equal(json(schema, "properties|people"),
	    "{\"type\":\"array\",\"items\":{\"type\":\"object\","
	    "\"properties\":{\"crn\":{}},\"required\":[\"crn\"]}}");
}

#define T(f) cmocka_unit_test_setup_teardown(f, open_kit, close_kit)
int main(void)
{
	const struct CMUnitTest tests[] = {T(a_read_alone), T(what_it_answers),
	    T(no_reads_no_failures), T(lists_and_parameters),
	    T(one_path_of_an_api_and_a_read), T(it_becomes_a_job),
	    T(it_may_be_asked_to), T(statuses_that_it_passes_on),
	    T(who_may_read), T(whose_jobs_it_makes), T(schema_of_a_shape)};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("openapi-read", tests, NULL, NULL);
}
