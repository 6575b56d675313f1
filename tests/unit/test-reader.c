#include "cgi/read/reader.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "cgi/fcgi/writer.h"
#include "lib/clock.h"
#include "lib/config-reads.h"
#include "lib/json.h"

/*
 * The loop's view of an engine, with an engine of the test's own: what is asked
 * of it, who is woken, answered, handed over, and gone.
 */
#define S(text)                                                                \
	{                                                                      \
		.p = (text), .n = sizeof(text) - 1                             \
	}

/* ---- an engine ----------------------------------------------------------- */

#define ASKS_MAX 8
struct ask {
	size_t read;
	char owner[64], trace[64], param[64];
	int64_t deadline_boot;
	bool left, taken, over;
	struct read_result result;
};
static struct {
	struct ask asks[ASKS_MAX];
	size_t n, steps, named;
	bool at_once;
	enum err err;
	int64_t due_boot;
} fake;

enum err engine_begin(struct engine *e, struct engine_now now,
    const struct engine_ask *ask, struct arena *a, uint64_t *ticket,
    struct str *why)
{
	struct ask *to = &fake.asks[fake.n];

	(void)e;
	(void)now;
	if (fake.err) {
		*why = arena_str(a, STR("at most 5 of crn"));
		return fake.err;
	}
	*to = (struct ask){.read = ask->read,
	    .deadline_boot = ask->deadline_boot,
	    .over = fake.at_once,
	    .result = {.status = 200, .complete = true, .body = STR("{}")}};
	snprintf(to->owner, sizeof(to->owner), "%.*s", STR_ARG(ask->owner));
	for (size_t i = 0; i < ask->request->headers.n; i++)
		if (str_is(ask->request->headers.items[i].name, "traceparent"))
			snprintf(to->trace, sizeof(to->trace), "%.*s",
			    STR_ARG(ask->request->headers.items[i].value));
	for (size_t i = 0; i < ask->params.n; i++)
		snprintf(to->param, sizeof(to->param), "%.*s=%.*s",
		    STR_ARG(ask->params.items[i].name),
		    STR_ARG(ask->params.items[i].value));
	*ticket = ++fake.n;
	return ERR_OK;
}

void engine_leave(struct engine *e, uint64_t ticket)
{
	struct ask *ask = &fake.asks[ticket - 1];

	(void)e;
	assert_false(ask->left);
	assert_false(ask->taken);
	ask->left = true;
}

void engine_step(struct engine *e, struct engine_now now, int64_t *due_boot)
{
	(void)e;
	(void)now;
	fake.steps++;
	*due_boot = fake.due_boot;
}

bool engine_ready(struct engine *e, uint64_t *ticket)
{
	(void)e;
	for (; fake.named < fake.n; fake.named++)
		if (!fake.asks[fake.named].over)
			return false;
		else if (!fake.asks[fake.named].taken)
			return *ticket = ++fake.named, true;
	return false;
}

bool engine_take(struct engine *e, struct arena *a, uint64_t ticket,
    struct read_result *result)
{
	struct ask *ask = &fake.asks[ticket - 1];

	(void)e;
	(void)a;
	if (!ask->over || ask->left)
		return false;
	assert_false(ask->taken);
	ask->taken = true;
	*result = ask->result;
	return true;
}

/* ---- a site -------------------------------------------------------------- */

static struct str origins[] = {S("https://acme.example")};
static struct str forward[] = {S("x-shop"), S("gov-*")};
static struct read_call calls[] = {
    {.read = S("free"),
	.name = S("a"),
	.upstream = S("u"),
	.path = S("/a"),
	.required = true,
	.forward = {forward, 2}},
    {.read = S("web"),
	.name = S("b"),
	.upstream = S("u"),
	.path = S("/b"),
	.required = true},
    {.read = S("slow"),
	.name = S("c"),
	.upstream = S("u"),
	.path = S("/c"),
	.required = true},
    {.read = S("asked"),
	.name = S("d"),
	.upstream = S("u"),
	.path = S("/d"),
	.required = true},
};
static struct read reads[] = {
    {.name = S("free"),
	.path = S("/api/free/{id}"),
	.auth = S("none"),
	.deadline_ms = 10000},
    {.name = S("web"),
	.path = S("/api/web"),
	.auth = S("web-server"),
	.deadline_ms = 5000},
    {.name = S("slow"),
	.path = S("/api/slow"),
	.auth = S("none"),
	.deadline_ms = 10000,
	.api = S("slow-job"),
	.promote = true},
    {.name = S("asked"),
	.path = S("/api/asked"),
	.auth = S("none"),
	.deadline_ms = 10000,
	.api = S("asked-job")},
};
static struct config config = {.name = S("acme"),
    .prefix = S("/api"),
    .base_url = S("https://acme.example"),
    .origins = {origins, 1},
    .web_challenge = S("Basic realm=\"acme\""),
    .reads = reads,
    .n_reads = 4,
    .read_calls = calls,
    .n_read_calls = 4};

struct world {
	struct reader *reader;
	struct loop_spec spec;
	struct park *park;
	struct arena arena;
	struct answer ans;
	struct waiting wait;
	struct handover *handover;
	int endpoint;
	char dir[64], path[96];
};

static void world_open(struct world *w)
{
	struct reader_spec spec = {
	    .config = &config, .upstream_fd = -1, .seed = 7, .host = w};
	struct listen_at at;

	memset(&fake, 0, sizeof(fake));
	config_link_reads(&config);
	*w = (struct world){.endpoint = -1};
	snprintf(w->dir, sizeof(w->dir), "/tmp/lowtide-reader.XXXXXX");
	assert_non_null(mkdtemp(w->dir));
	snprintf(w->path, sizeof(w->path), "unix:%s/cgi.sock", w->dir);
	assert_int_equal(listen_where("--e", w->path, NULL, &at), ERR_OK);
	assert_int_equal(handover_open(&at, &w->handover), ERR_OK);
	spec.handover = w->handover;
	assert_int_equal(reader_open(&spec, &w->reader), ERR_OK);
	reader_serve(w->reader, &w->spec);
	assert_ptr_equal(reader_host(w->spec.ctx), w);
	w->park = park_new(100);
}

static void world_close(struct world *w)
{
	reader_close(w->reader);
	handover_close(w->handover);
	park_free(w->park);
	arena_release(&w->arena);
	if (w->endpoint >= 0)
		close(w->endpoint);
	unlink(w->path + 5);
	rmdir(w->dir);
}

static struct app_now now(void)
{
	return (struct app_now){
	    .wall_ms = clock_wall_ms(), .boot_ms = clock_boot_ms()};
}

struct sent {
	const char *method, *target, *owner;
	struct pair headers[3];
};
static enum outcome ask(struct world *w, struct sent sent)
{
	struct change *change = NULL;
	struct request r = {.method = str_of(sent.method ? sent.method : "GET"),
	    .path = str_of(sent.target),
	    .owner = str_of(sent.owner),
	    .remote_addr = STR("192.0.2.7"),
	    .headers = {sent.headers, 0}};

	while (r.headers.n < 3 && sent.headers[r.headers.n].name.n)
		r.headers.n++;
	w->wait = (struct waiting){0};
	enum outcome outcome = w->spec.handle(
	    w->spec.ctx, now(), &w->arena, &r, &w->ans, &w->wait, &change);
	assert_null(change);
	return outcome;
}

static enum outcome resume(
    struct world *w, struct waiting *wait, int64_t boot_ms)
{
	struct change *change = NULL;
	struct app_now at = now();

	at.boot_ms = boot_ms;
	enum outcome outcome =
	    w->spec.resume(w->spec.ctx, at, &w->arena, wait, &w->ans, &change);
	assert_null(change);
	return outcome;
}

static bool rings(struct world *w, int ms)
{
	struct pollfd p = {.fd = w->spec.bell_fd, .events = POLLIN};

	return poll(&p, 1, ms) == 1;
}

/* As the loop does: parks, and says whose slot was woken (UINT64_MAX: none). */
static void park(struct world *w)
{
	struct park_slot slot = {.conn = fake.n, .waiting = w->wait};
	struct park_name name;

	assert_int_equal(park_put(w->park, &slot, &name), ERR_OK);
}

static uint64_t woken(struct world *w)
{
	struct park_name name;

	assert_true(w->spec.heard(w->spec.ctx, w->spec.bell_fd));
	assert_true(w->spec.changed(w->spec.ctx, w->park));
	if (!park_woken(w->park, &name))
		return UINT64_MAX;
	const uint64_t conn = park_get(w->park, name)->conn;
	assert_false(park_has_woken(w->park));
	return conn;
}

static void assert_problem(struct world *w, int status, const char *type)
{
	struct value *v = NULL;

	assert_int_equal(w->ans.status, status);
	assert_int_equal(
	    json_read(&w->arena, w->ans.body, 1 << 20, NULL, NULL, &v), ERR_OK);
	assert_string_equal(
	    arena_cstr(&w->arena, value_text(v, "error")), type);
}

static void assert_header(struct world *w, const char *name, const char *want)
{
	assert_string_equal(
	    arena_cstr(&w->arena, answer_get(&w->ans, name)), want);
}

/* ---- addresses ----------------------------------------------------------- */

static void test_routes(void **state)
{
	struct world w;
	(void)state;

	world_open(&w);
	assert_int_equal(
	    ask(&w, (struct sent){.target = "/api/none"}), OUTCOME_ANSWER);
	assert_problem(&w, 404, "not-found");
	assert_int_equal(
	    ask(&w, (struct sent){.target = "/api/free"}), OUTCOME_ANSWER);
	assert_problem(&w, 404, "not-found");
	assert_int_equal(ask(&w, (struct sent){.target = "/api/free/../web"}),
	    OUTCOME_ANSWER);
	assert_problem(&w, 404, "not-found");
	assert_int_equal(
	    ask(&w, (struct sent){.method = "POST", .target = "/api/free/7"}),
	    OUTCOME_ANSWER);
	assert_problem(&w, 405, "method-not-allowed");
	assert_header(&w, "Allow", "GET, HEAD, OPTIONS");
	assert_int_equal(fake.n, 0);
	/* before anything else, and with what its calls forward */
	ask(&w, (struct sent){.method = "OPTIONS",
		    .target = "/api/free/7",
		    .headers = {{STR("origin"), origins[0]},
			{STR("access-control-request-headers"),
			    STR("gov-client, other")}}});
	assert_int_equal(w.ans.status, 204);
	assert_header(&w, "Access-Control-Allow-Methods", "GET, HEAD, OPTIONS");
	assert_header(
	    &w, "Access-Control-Allow-Origin", "https://acme.example");
	assert_header(&w, "Access-Control-Allow-Headers",
	    "authorization, content-type, idempotency-key, if-none-match, "
	    "last-event-id, prefer, traceparent, x-initial-request, "
	    "x-request-id, x-wait-time-ms, x-shop, gov-client");
	assert_int_equal(
	    ask(&w, (struct sent){.target = "/api/free/a%2Fb%20c"}),
	    OUTCOME_PARK);
	assert_string_equal(fake.asks[0].param, "id=a/b c");
	world_close(&w);
}

static void test_owner(void **state)
{
	struct world w;
	(void)state;

	world_open(&w);
	assert_int_equal(
	    ask(&w, (struct sent){.target = "/api/web"}), OUTCOME_ANSWER);
	assert_problem(&w, 401, "unauthorized");
	assert_header(&w, "WWW-Authenticate", "Basic realm=\"acme\"");
	assert_int_equal(fake.n, 0);
	ask(&w, (struct sent){.target = "/api/web", .owner = "alice"});
	assert_string_equal(fake.asks[0].owner, "web-server alice");
	/* nobody's word counts where none is asked for */
	ask(&w, (struct sent){.target = "/api/free/1", .owner = "alice"});
	assert_string_equal(fake.asks[1].owner, "");
	world_close(&w);
}

/* ---- answers ------------------------------------------------------------- */

static void test_at_once(void **state)
{
	struct world w;
	(void)state;

	world_open(&w);
	fake.at_once = true;
	assert_int_equal(
	    ask(&w, (struct sent){.target = "/api/free/7",
			.headers = {{STR("x-request-id"), STR("mine")}}}),
	    OUTCOME_ANSWER);
	assert_int_equal(w.ans.status, 200);
	assert_header(&w, "x-request-id", "mine");
	assert_header(&w, "x-aggregate-complete", "true");
	/* what it began goes on before the loop sleeps */
	assert_int_equal(fake.steps, 0);
	w.spec.rest(w.spec.ctx);
	assert_int_equal(fake.steps, 1);
	w.spec.rest(w.spec.ctx);
	assert_int_equal(fake.steps, 1);
	assert_false(rings(&w, 0));
	struct str tag = answer_get(&w.ans, "ETag");
	ask(&w, (struct sent){.method = "HEAD",
		    .target = "/api/free/7",
		    .headers = {{STR("if-none-match"), tag}}});
	assert_int_equal(w.ans.status, 304);
	assert_true(w.ans.head);
	world_close(&w);
}

static void test_waits(void **state)
{
	struct world w;
	struct waiting first, second;
	(void)state;

	world_open(&w);
	const int64_t before = clock_boot_ms();
	assert_int_equal(
	    ask(&w, (struct sent){.method = "HEAD",
			.target = "/api/free/1",
			.headers = {{STR("x-request-id"), STR("one")},
			    {STR("origin"), origins[0]},
			    {STR("traceparent"), STR("junk")}}}),
	    OUTCOME_PARK);
	first = w.wait;
	park(&w);
	ask(&w, (struct sent){.target = "/api/free/2"});
	second = w.wait;
	park(&w);
	assert_int_equal(reader_waiting(w.reader), 2);
	/* its deadline, and a while for the answer to get there */
	assert_true(fake.asks[0].deadline_boot >= before + 10000 &&
		    fake.asks[0].deadline_boot <= clock_boot_ms() + 10000);
	assert_int_equal(
	    first.deadline_boot, fake.asks[0].deadline_boot + READER_GRACE_MS);
	/* a trace of ours, as theirs was none */
	assert_int_equal(strlen(fake.asks[0].trace), 55);

	/* not yet: asked for no reason it waits on */
	assert_int_equal(resume(&w, &first, clock_boot_ms()), OUTCOME_PARK);
	assert_false(w.spec.heard(w.spec.ctx, w.spec.bell_fd));
	fake.asks[0].over = true;
	assert_int_equal(woken(&w), 1);
	assert_int_equal(resume(&w, &first, clock_boot_ms()), OUTCOME_ANSWER);
	assert_int_equal(w.ans.status, 200);
	assert_true(w.ans.head);
	assert_header(&w, "x-request-id", "one");
	assert_header(&w, "traceparent", fake.asks[0].trace);
	assert_header(
	    &w, "Access-Control-Allow-Origin", "https://acme.example");
	assert_int_equal(reader_waiting(w.reader), 1);
	fake.asks[1].over = true;
	assert_int_equal(woken(&w), 2);
	assert_int_equal(resume(&w, &second, clock_boot_ms()), OUTCOME_ANSWER);
	assert_false(w.ans.head);
	assert_int_equal(reader_waiting(w.reader), 0);
	world_close(&w);
}

/* What he has already, by the tags that he named when he asked. */
static void test_waits_for_another(void **state)
{
	struct world w;
	char tag[64];
	(void)state;

	world_open(&w);
	fake.at_once = true;
	ask(&w, (struct sent){.target = "/api/free/1"});
	snprintf(tag, sizeof(tag), "%.*s", STR_ARG(answer_get(&w.ans, "ETag")));
	fake.at_once = false;
	ask(&w, (struct sent){.target = "/api/free/1",
		    .headers = {{STR("if-none-match"), str_of(tag)}}});
	struct waiting wait = w.wait;
	fake.asks[1].over = true;
	assert_int_equal(resume(&w, &wait, clock_boot_ms()), OUTCOME_ANSWER);
	assert_int_equal(w.ans.status, 304);
	assert_header(&w, "ETag", tag);
	assert_int_equal(w.ans.body.n, 0);
	world_close(&w);
}

/* Woken in the turn in which it began: the bell rings again for it. */
static void test_over_while_stepping(void **state)
{
	struct world w;
	(void)state;

	world_open(&w);
	ask(&w, (struct sent){.target = "/api/free/1"});
	park(&w);
	fake.asks[0].over = true;
	w.spec.rest(w.spec.ctx);
	assert_true(rings(&w, 10000));
	assert_int_equal(woken(&w), 1);
	assert_false(rings(&w, 0));
	world_close(&w);
}

static void test_gone(void **state)
{
	struct world w;
	struct waiting old;
	(void)state;

	world_open(&w);
	ask(&w, (struct sent){.target = "/api/free/1"});
	old = w.wait;
	w.spec.rest(w.spec.ctx);
	w.spec.gone(w.spec.ctx, &old);
	assert_true(fake.asks[0].left);
	assert_int_equal(reader_waiting(w.reader), 0);
	/* and what that made room for begins */
	w.spec.rest(w.spec.ctx);
	assert_int_equal(fake.steps, 2);
	/* his place is another's by now, whom he cannot touch */
	ask(&w, (struct sent){.target = "/api/free/2"});
	w.spec.gone(w.spec.ctx, &old);
	assert_false(fake.asks[1].left);
	assert_int_equal(resume(&w, &old, clock_boot_ms()), OUTCOME_ANSWER);
	assert_int_equal(w.ans.status, 503);
	assert_int_equal(reader_waiting(w.reader), 1);
	world_close(&w);
}

/* At the loop's own deadline, and when it drains. */
static void test_last(void **state)
{
	struct world w;
	(void)state;

	world_open(&w);
	ask(&w, (struct sent){.target = "/api/free/1"});
	struct waiting wait = w.wait;
	assert_int_equal(
	    resume(&w, &wait, wait.deadline_boot - 1), OUTCOME_PARK);
	assert_int_equal(resume(&w, &wait, wait.deadline_boot), OUTCOME_ANSWER);
	assert_problem(&w, 503, "overloaded");
	assert_header(&w, "Retry-After", "1");
	assert_true(fake.asks[0].left);
	assert_int_equal(reader_waiting(w.reader), 0);
	world_close(&w);
}

static void test_not_begun(void **state)
{
	struct world w;
	(void)state;

	world_open(&w);
	fake.err = ERR_INPUT;
	ask(&w, (struct sent){.target = "/api/free/1"});
	assert_problem(&w, 400, "validation-failed");
	assert_non_null(
	    strstr(arena_cstr(&w.arena, w.ans.body), "at most 5 of crn"));
	fake.err = ERR_FULL;
	ask(&w, (struct sent){.target = "/api/free/1"});
	assert_problem(&w, 503, "overloaded");
	fake.err = ERR_MISSING;
	ask(&w, (struct sent){.target = "/api/free/1"});
	assert_problem(&w, 500, "internal");
	assert_null(
	    strstr(arena_cstr(&w.arena, w.ans.body), "at most 5 of crn"));
	assert_int_equal(reader_waiting(w.reader), 0);
	world_close(&w);
}

static void test_refused(void **state)
{
	static const struct {
		enum err err;
		int status;
		const char *type;
	} rows[] = {{ERR_TOO_LARGE, 431, "header-fields-too-large"},
	    {ERR_INPUT, 400, "validation-failed"},
	    {ERR_SYNTAX, 400, "validation-failed"},
	    {ERR_FULL, 503, "overloaded"}, {ERR_BUSY, 503, "overloaded"},
	    {ERR_IO, 500, "internal"}};
	struct world w;
	(void)state;

	world_open(&w);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		w.spec.refuse(w.spec.ctx, now(), &w.arena, rows[i].err, &w.ans);
		assert_problem(&w, rows[i].status, rows[i].type);
		assert_true(answer_get(&w.ans, "x-request-id").n > 0);
	}
	world_close(&w);
}

/* ---- the clock ----------------------------------------------------------- */

static void test_clock(void **state)
{
	struct world w;
	(void)state;

	world_open(&w);
	assert_false(rings(&w, 0)); /* nobody is here */
	fake.due_boot = clock_boot_ms() + 20;
	ask(&w, (struct sent){.target = "/api/free/1"});
	w.spec.rest(w.spec.ctx);
	assert_true(rings(&w, 10000));
	assert_true(clock_boot_ms() >= fake.due_boot);
	fake.due_boot = 0;
	assert_false(w.spec.heard(w.spec.ctx, w.spec.bell_fd));
	assert_int_equal(fake.steps, 2);
	assert_false(rings(&w, 0));
	/* one that was set and is not needed any more */
	fake.due_boot = clock_boot_ms() + 100000;
	reader_stir(w.reader);
	w.spec.rest(w.spec.ctx);
	fake.due_boot = 0;
	reader_stir(w.reader);
	w.spec.rest(w.spec.ctx);
	assert_false(rings(&w, 0));
	world_close(&w);
}

/* ---- another configuration ----------------------------------------------- */

static void test_refit(void **state)
{
	struct config other = config;
	struct read swapped[2];
	struct world w;
	(void)state;

	world_open(&w);
	ask(&w, (struct sent){.target = "/api/free/1",
		    .headers = {{STR("origin"), origins[0]}}});
	struct waiting wait = w.wait;
	swapped[0] = reads[1];
	swapped[1] = reads[2];
	other.reads = swapped;
	other.n_reads = 2;
	other.origins.n = 0;
	config_link_reads(&other);
	reader_refit(w.reader, &other);
	assert_true(reader_uses(w.reader, &config));
	assert_true(reader_uses(w.reader, &other));
	ask(&w, (struct sent){.target = "/api/free/1"});
	assert_problem(&w, 404, "not-found");
	ask(&w, (struct sent){.target = "/api/web", .owner = "bob"});
	assert_int_equal(fake.asks[1].read, 0);
	/* whoever waits has his own still */
	fake.asks[0].over = true;
	assert_int_equal(resume(&w, &wait, clock_boot_ms()), OUTCOME_ANSWER);
	assert_header(
	    &w, "Access-Control-Allow-Origin", "https://acme.example");
	assert_false(reader_uses(w.reader, &config));
	world_close(&w);
}

/* ---- handing over -------------------------------------------------------- */

static void listen_there(struct world *w)
{
	assert_int_equal(listen_unix(w->path + 5, NULL, &w->endpoint), ERR_OK);
}

/* The endpoint answers with these bytes; what it was sent comes back. */
static void endpoint_says(
    struct world *w, const char *text, char *sent, size_t n)
{
	struct writer out;
	struct pollfd p = {.fd = w->endpoint, .events = POLLIN};

	assert_int_equal(poll(&p, 1, 10000), 1);
	const int fd = accept(w->endpoint, NULL, NULL);
	assert_true(fd >= 0);
	w->spec.heard(w->spec.ctx, w->spec.bell_fd); /* it is written */
	const ssize_t got = read(fd, sent, n - 1);
	assert_true(got > 0);
	for (ssize_t i = 0; i < got; i++)
		if (!sent[i])
			sent[i] = '.';
	sent[got] = '\0';
	writer_init(&out);
	writer_answer(&out, 1, str_of(text));
	assert_int_equal(writer_flush(&out, fd), ERR_OK);
	writer_release(&out);
	close(fd);
}

#define ACCEPTED                                                               \
	"Status: 202 Accepted\r\nLocation: /api/jobs/job_x\r\n"                \
	"x-request-id: job_x\r\nContent-Length: 2\r\n\r\n{}"

static uint64_t hear(struct world *w)
{
	struct park_name name;

	while (!w->spec.heard(w->spec.ctx, w->spec.bell_fd))
		assert_true(rings(w, 10000));
	w->spec.changed(w->spec.ctx, w->park);
	assert_true(park_woken(w->park, &name));
	return park_get(w->park, name)->conn;
}

static void test_handed_over(void **state)
{
	static const struct {
		struct pair header;
		const char *applied;
	} rows[] = {
	    {{S("prefer"), S("respond-async")}, "respond-async"},
	    {{S("x-request-id"), S("job_abc")}, ""},
	    {{S("x-wait-time-ms"), S("0")}, ""},
	};
	char sent[4096];
	struct world w;
	(void)state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		world_open(&w);
		listen_there(&w);
		assert_int_equal(ask(&w, (struct sent){.target = "/api/slow",
					     .method = i ? "GET" : "HEAD",
					     .headers = {rows[i].header}}),
		    OUTCOME_PARK);
		park(&w);
		assert_int_equal(fake.n, 0); /* no call is made for it */
		endpoint_says(&w, ACCEPTED, sent, sizeof(sent));
		assert_non_null(strstr(sent, "/api/slow"));
		assert_int_equal(hear(&w), 0);
		assert_int_equal(
		    resume(&w, &w.wait, clock_boot_ms()), OUTCOME_ANSWER);
		assert_int_equal(w.ans.status, 202);
		assert_int_equal(w.ans.head, i == 0);
		assert_header(&w, "Location", "/api/jobs/job_x");
		assert_header(&w, "x-request-id", "job_x");
		assert_header(&w, "Preference-Applied", rows[i].applied);
		/* the endpoint's own, and nothing of ours twice */
		assert_header(&w, "Referrer-Policy", "");
		assert_true(str_is(w.ans.body, "{}"));
		assert_int_equal(reader_waiting(w.reader), 0);
		world_close(&w);
	}
}

static void test_endpoint_away(void **state)
{
	struct world w;
	(void)state;

	world_open(&w);
	assert_int_equal(
	    ask(&w, (struct sent){.target = "/api/slow",
			.headers = {{STR("prefer"), STR("respond-async")}}}),
	    OUTCOME_ANSWER);
	assert_problem(&w, 503, "store-unavailable");
	assert_true(answer_get(&w.ans, "Retry-After").n > 0);
	assert_int_equal(reader_waiting(w.reader), 0);
	world_close(&w);
}

/* Past its deadline; before that nobody hears of it. */
static void test_promoted(void **state)
{
	char sent[4096];
	struct world w;
	(void)state;

	world_open(&w);
	listen_there(&w);
	ask(&w, (struct sent){.target = "/api/slow",
		    .headers = {{STR("x-wait-time-ms"), STR("50")}}});
	struct waiting wait = w.wait;
	park(&w);
	assert_true(fake.asks[0].deadline_boot <= clock_boot_ms() + 50);
	assert_true(wait.deadline_boot >
		    fake.asks[0].deadline_boot + HANDOVER_TIMEOUT_MS);
	fake.asks[0].over = true;
	fake.asks[0].result = (struct read_result){.status = 504};
	assert_int_equal(woken(&w), 1);
	assert_int_equal(
	    resume(&w, &wait, fake.asks[0].deadline_boot), OUTCOME_PARK);
	endpoint_says(&w, ACCEPTED, sent, sizeof(sent));
	assert_null(strstr(sent, "50")); /* it is not waited again */
	assert_int_equal(hear(&w), 1);
	assert_int_equal(resume(&w, &wait, clock_boot_ms()), OUTCOME_ANSWER);
	assert_int_equal(w.ans.status, 202);
	assert_false(fake.asks[0].left);

	/* a time-out of an upstream's before the deadline is one */
	ask(&w, (struct sent){.target = "/api/slow"});
	wait = w.wait;
	fake.asks[1].over = true;
	fake.asks[1].result = (struct read_result){.status = 504};
	assert_int_equal(
	    resume(&w, &wait, fake.asks[1].deadline_boot - 1), OUTCOME_ANSWER);
	assert_problem(&w, 504, "upstream-timeout");

	/* and so is one that the endpoint does not take */
	close(w.endpoint);
	w.endpoint = -1;
	unlink(w.path + 5);
	ask(&w, (struct sent){.target = "/api/slow"});
	wait = w.wait;
	fake.asks[2].over = true;
	fake.asks[2].result = (struct read_result){.status = 504};
	assert_int_equal(
	    resume(&w, &wait, fake.asks[2].deadline_boot), OUTCOME_ANSWER);
	assert_problem(&w, 504, "upstream-timeout");
	assert_int_equal(reader_waiting(w.reader), 0);
	world_close(&w);
}

/* Only what did not come in time becomes a job. */
static void test_not_promoted(void **state)
{
	static const int statuses[] = {200, 404, 502, 503};
	struct world w;
	(void)state;

	world_open(&w);
	listen_there(&w);
	for (size_t i = 0; i < 4; i++) {
		ask(&w, (struct sent){.target = "/api/slow"});
		struct waiting wait = w.wait;
		fake.asks[i].over = true;
		fake.asks[i].result = (struct read_result){
		    .status = statuses[i], .body = STR("{}")};
		assert_int_equal(resume(&w, &wait, fake.asks[i].deadline_boot),
		    OUTCOME_ANSWER);
		assert_int_equal(w.ans.status, statuses[i]);
	}
	assert_int_equal(handover_due(w.handover), 0);
	world_close(&w);
}

/* How long he waits: less than the read would, if that makes it a job. */
static void test_wishes(void **state)
{
	static const struct {
		const char *target;
		struct pair header;
		int64_t ms;
		bool job;
	} rows[] = {
	    {"/api/slow", {S("x-wait-time-ms"), S("20000")}, 10000, true},
	    {"/api/slow", {S("prefer"), S("wait=2")}, 2000, true},
	    {"/api/slow", {S("prefer"), S("respond-async, wait=2")}, 2000, 1},
	    {"/api/asked", {S("prefer"), S("respond-async, wait=2")}, 2000, 1},
	    {"/api/asked", {S("prefer"), S("wait=2")}, 10000, false},
	    {"/api/asked", {S("x-wait-time-ms"), S("0")}, 10000, false},
	    {"/api/free/1", {S("prefer"), S("respond-async")}, 10000, false},
	    {"/api/free/1", {S("x-request-id"), S("job_a")}, 10000, false},
	};
	(void)state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct world w;

		print_message("# row %zu\n", i);
		world_open(&w);
		listen_there(&w);
		const int64_t before = clock_boot_ms();
		assert_int_equal(ask(&w, (struct sent){.target = rows[i].target,
					     .headers = {rows[i].header}}),
		    OUTCOME_PARK);
		struct waiting wait = w.wait;
		assert_int_equal(fake.n, 1);
		assert_true(
		    fake.asks[0].deadline_boot >= before + rows[i].ms &&
		    fake.asks[0].deadline_boot <= clock_boot_ms() + rows[i].ms);
		fake.asks[0].over = true;
		fake.asks[0].result = (struct read_result){.status = 504};
		assert_int_equal(resume(&w, &wait, fake.asks[0].deadline_boot),
		    rows[i].job ? OUTCOME_PARK : OUTCOME_ANSWER);
		assert_int_equal(handover_due(w.handover) != 0, rows[i].job);
		world_close(&w);
	}
}

/* What is kept of those who may become jobs has an end: the next ones wait as
   if they could not, and one that would be a job at once hears of it. */
static void test_kept_for_jobs(void **state)
{
	static char large[60000];
	struct sent sent = {.target = "/api/slow",
	    .headers = {{STR("x-large"), {large, sizeof(large)}}}};
	const size_t n = READER_KEPT_MAX / sizeof(large) + 1;
	struct world w;
	(void)state;

	memset(large, 'x', sizeof(large));
	world_open(&w);
	listen_there(&w);
	for (size_t i = 0; i < n; i++) {
		fake.n = 0;
		assert_int_equal(ask(&w, sent), OUTCOME_PARK);
		arena_reset(&w.arena);
	}
	struct waiting wait = w.wait;
	sent.headers[1] = (struct pair){STR("prefer"), STR("respond-async")};
	assert_int_equal(ask(&w, sent), OUTCOME_ANSWER);
	assert_problem(&w, 503, "overloaded");
	assert_header(&w, "Retry-After", "1");
	fake.asks[0].over = true;
	fake.asks[0].result = (struct read_result){.status = 504};
	assert_int_equal(
	    resume(&w, &wait, fake.asks[0].deadline_boot), OUTCOME_ANSWER);
	assert_problem(&w, 504, "upstream-timeout");
	assert_int_equal(handover_due(w.handover), 0);
	world_close(&w);
}

/* An endpoint that takes it and says nothing: for whom who asked. */
static void test_endpoint_dies(void **state)
{
	for (int late = 0; late < 2; late++) {
		struct world w;
		(void)state;

		world_open(&w);
		listen_there(&w);
		ask(&w, (struct sent){.target = "/api/slow",
			    .headers = {{late ? STR("x-none") : STR("prefer"),
				STR("respond-async")}}});
		struct waiting wait = w.wait;
		if (late) {
			fake.asks[0].over = true;
			fake.asks[0].result =
			    (struct read_result){.status = 504};
			assert_int_equal(
			    resume(&w, &wait, fake.asks[0].deadline_boot),
			    OUTCOME_PARK);
		}
		assert_int_equal(
		    resume(&w, &wait, wait.deadline_boot), OUTCOME_ANSWER);
		assert_problem(&w, late ? 504 : 503,
		    late ? "upstream-timeout" : "store-unavailable");
		assert_int_equal(handover_due(w.handover), 0);
		assert_int_equal(reader_waiting(w.reader), 0);
		world_close(&w);
	}
}

static void test_handed_over_and_gone(void **state)
{
	struct world w;
	(void)state;

	world_open(&w);
	listen_there(&w);
	ask(&w, (struct sent){.target = "/api/slow",
		    .headers = {{STR("prefer"), STR("respond-async")}}});
	w.spec.gone(w.spec.ctx, &w.wait);
	assert_int_equal(reader_waiting(w.reader), 0);
	assert_int_equal(handover_due(w.handover), 0);
	world_close(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_routes),
	    cmocka_unit_test(test_owner),
	    cmocka_unit_test(test_at_once),
	    cmocka_unit_test(test_waits),
	    cmocka_unit_test(test_waits_for_another),
	    cmocka_unit_test(test_over_while_stepping),
	    cmocka_unit_test(test_gone),
	    cmocka_unit_test(test_last),
	    cmocka_unit_test(test_not_begun),
	    cmocka_unit_test(test_refused),
	    cmocka_unit_test(test_clock),
	    cmocka_unit_test(test_refit),
	    cmocka_unit_test(test_handed_over),
	    cmocka_unit_test(test_endpoint_away),
	    cmocka_unit_test(test_promoted),
	    cmocka_unit_test(test_not_promoted),
	    cmocka_unit_test(test_wishes),
	    cmocka_unit_test(test_kept_for_jobs),
	    cmocka_unit_test(test_endpoint_dies),
	    cmocka_unit_test(test_handed_over_and_gone),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("reader", tests, NULL, NULL);
}
