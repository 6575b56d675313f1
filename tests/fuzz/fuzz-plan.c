#include <string.h>

#include "cgi/read/plan.h"
#include "lib/config-reads.h"
#include "lib/json-check.h"
#include "tests/fuzz/fuzz.h"

/*
 * The first byte chooses one of our reads, the first line is a client's list of
 * identifiers, and each line after it is what an upstream answers, in turn;
 * what is not JSON is a failure, of a kind by its first byte. Whatever these
 * are: nobody is asked anything that the templates do not say, the plan comes
 * to an end, and to JSON.
 */
const char *const fuzz_words[] = {"X1,X2", "1,2,3", ",", "..", "/", "\n",
    "\n\n", "{\"cases\":[{\"crn\":\"1\",\"riskId\":7,\"at\":[\"a\"]}]}",
    "{\"crn\":", "\"riskId\":", "\"at\":", "\"text\":", "{", "}", "[", "]",
    "\"", ":", "null", "1.10", "\"..\"", "\"\"", "\"a/b\"", "\\r\\n", "\\u0001",
    "h", "t", "o", "%2e", "\xc3\xa9", "\xff", NULL};

static struct read_call calls[] = {
    {.read = STR_INIT("r"),
	.name = STR_INIT("summaries"),
	.upstream = STR_INIT("up"),
	.path = STR_INIT("/cases/{path.crns}?ids={id.crn}"),
	.records = STR_INIT("cases"),
	.by = STR_INIT("crn")},
    {.read = STR_INIT("r"),
	.name = STR_INIT("risk"),
	.upstream = STR_INIT("up"),
	.path = STR_INIT("/risk/{call.summaries.riskId}/x"),
	.each = STR_INIT("crn")},
    {.read = STR_INIT("r"),
	.name = STR_INIT("why"),
	.upstream = STR_INIT("up"),
	.path = STR_INIT("/why?a={call.risk.text?}&b={id.prem?}"),
	.each = STR_INIT("crn")},
    {.read = STR_INIT("r"),
	.name = STR_INIT("place"),
	.upstream = STR_INIT("up"),
	.path = STR_INIT("/place/{id.prem}"),
	.each = STR_INIT("prem")},
    {.read = STR_INIT("r"),
	.name = STR_INIT("map"),
	.upstream = STR_INIT("up"),
	.path = STR_INIT("/map/{id.prem}/{call.place}"),
	.each = STR_INIT("deep")},
};
#define CALLS (sizeof(calls) / sizeof(*calls))
static struct read_ids kinds[] = {
    {STR_INIT("r"), STR_INIT("crn"), STR_INIT("path.crns"), 5},
    {STR_INIT("r"), STR_INIT("prem"), STR_INIT("call.summaries.cases.at"), 4},
    {STR_INIT("r"), STR_INIT("deep"), STR_INIT("call.risk.ids"), 4},
};
static struct upstream upstream = {
    .name = STR_INIT("up"), .base = STR_INIT("http://127.0.0.1:1")};
static struct read a_read = {.name = STR_INIT("r")};
static struct config config = {.upstreams = &upstream,
    .n_upstreams = 1,
    .reads = &a_read,
    .n_reads = 1,
    .read_ids = kinds,
    .n_read_ids = 3,
    .read_calls = calls,
    .n_read_calls = CALLS};
static struct pair in_header = {
    STR_INIT("x-risk"), STR_INIT("{call.summaries.riskId?} {id.crn}")};

static const char *const shapes[] = {"",
    "{\"all\":\"{call.summaries}\",\"c\":{\"each\":\"crn\",\"value\":{"
    "\"id\":\"{crn}\",\"r\":\"{call.risk}\",\"t\":\"{call.risk.text?}\","
    "\"n\":\"<{call.summaries.name}>\",\"s\":\"{call.summaries?}\"}},"
    "\"f\":\"{upstreamFailures}\",\"p\":\"{prem}\",\"d\":\"{data}\"}"};

/* What the first byte chooses. */
static void choose(uint8_t byte)
{
	a_read.shape = str_of(shapes[byte & 1]);
	calls[0].required = byte & 2;
	calls[1].required = byte & 4;
	calls[3].required = byte & 8;
	calls[2].headers =
	    byte & 16 ? (struct pairs){&in_header, 1} : (struct pairs){0};
	calls[1].by = byte & 32 ? STR("x") : (struct str){0};
	config_link_reads(&config);
}

static size_t count(struct str s, char c)
{
	size_t n = 0;

	for (size_t i = 0; i < s.n; i++)
		n += s.p[i] == c;
	return n;
}

static void call_holds(const struct plan_call *call)
{
	struct str url = str_of(call->http.url), path = call->call->path;
	const size_t mark = str_find(url, '?', 0);

	fuzz_must(str_starts(url, "http://127.0.0.1:1/"));
	for (size_t i = 0; i < url.n; i++)
		fuzz_must(url.p[i] > ' ' && url.p[i] < 0x7f);
	fuzz_must(count(str_slice(url, 0, mark), '/') ==
		  count(str_slice(path, 0, str_find(path, '?', 0)), '/') + 2);
	fuzz_must(count(url, '?') <= 1 && count(url, '&') <= 1);
	fuzz_must(!memmem(url.p, url.n, "/../", 4) &&
		  !memmem(url.p, url.n, "/./", 3));
	for (size_t i = 0; i < call->http.headers.n; i++) {
		const struct str value = call->http.headers.items[i].value;
		for (size_t j = 0; j < value.n; j++)
			fuzz_must((unsigned char)value.p[j] >= ' ' ||
				  value.p[j] == '\t');
	}
	fuzz_must(call->id.n <= PLAN_ID_MAX);
	fuzz_must((call->id.n > 0) == (call->call->each.n > 0));
}

/* The next line; the last one again and again. */
static struct str next_line(struct str *rest)
{
	const size_t end = str_find(*rest, '\n', 0);
	const struct str line = str_slice(*rest, 0, end);

	if (end < rest->n)
		*rest = str_slice(*rest, end + 1, rest->n);
	return line;
}

static void answer(struct plan *plan, size_t index, struct str line)
{
	struct plan_outcome outcome = {.fresh_boot = 2, .message = "no"};
	if (!line.n || json_check(line)) {
		outcome.blob = blob_new(line, 200, 1);
	} else {
		outcome.failure = line.p[0] == 't'   ? PLAN_TIMEOUT
				  : line.p[0] == 'o' ? PLAN_CIRCUIT_OPEN
				  : line.p[0] == 'h' ? PLAN_HTTP_ERROR
						     : PLAN_UNKNOWN_ERROR;
		outcome.status = line.p[0] == 'h' ? 404 : 0;
	}
	plan_take(plan, index, &outcome);
	plan_take(plan, index, &outcome);
	blob_unref(outcome.blob);
}

static void run(struct arena *a, struct plan *plan, struct str rest)
{
	size_t out[64], n = 0, all = 0;
	struct read_result r;
	struct plan_call call;

	for (;;) {
		while (plan_next(plan, &call)) {
			call_holds(&call);
			fuzz_must(n < 64);
			out[n++] = call.index;
			all++;
		}
		if (plan_is_over(plan))
			break;
		fuzz_must(n > 0);
		if (rest.n && rest.p[0] == 'E') {
			plan_expire(plan);
			fuzz_must(plan_is_over(plan));
			break;
		}
		/* the last one first, now and then */
		const struct str line = next_line(&rest);
		const size_t at = line.n % 2 ? n - 1 : 0;
		const size_t index = out[at];
		out[at] = out[--n];
		answer(plan, index, line);
	}
	fuzz_must(all == plan_calls(plan) && all <= 1 + 5 + 5 + 4 + 4);
	plan_result(plan, a, &r);
	fuzz_must(r.status == 200 || r.status == 502 || r.status == 503 ||
		  r.status == 504);
	fuzz_must((r.status == 200) == (r.body.n > 0));
	fuzz_must(r.complete == (r.n_failures == 0));
	if (r.status == 200)
		fuzz_must(json_check(r.body));
	plan_release(plan);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct arena a = {0};
	struct plan *plan = NULL;
	struct str why;

	if (n == 0)
		return 0;
	choose(data[0]);
	struct str rest = {(const char *)data + 1, n - 1};
	const size_t end = str_find(rest, '\n', 0);
	struct pair param = {STR("crns"), str_slice(rest, 0, end)};
	const struct envelope_request request = {.remote_addr = STR("::1")};
	const struct plan_spec spec = {.config = &config,
	    .read = &a_read,
	    .params = {&param, 1},
	    .request = &request};
	fuzz_must(plan_check(&a, &config, &a_read, &why));
	const enum err err = plan_new(&a, &spec, &plan, &why);
	fuzz_must(err == ERR_OK || err == ERR_INPUT);
	fuzz_must((err == ERR_OK) == (why.n == 0));
	if (err == ERR_OK)
		run(&a, plan, str_slice(rest, end + 1, rest.n));
	arena_release(&a);
	return 0;
}
