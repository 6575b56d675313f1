#include "tests/unit/runner-world.h"

/*
 * Small storms, seeded: two workers that crash, sleep and drain, get every kind
 * of answer, hear of cancellations, and lose the store now and then; upstreams
 * that take jobs with 202, programs; and an operator who decides. All the time
 * a row's version only grows, its progress within an attempt too, and a
 * terminal state stays. At the end every job is terminal, or held, and what
 * must not be repeated has arrived once at most, unless the operator said that
 * it had not.
 */
enum { JOBS = 24, ROUNDS = 3000, CALM = 2200, SEEDS = 60 };

struct storm {
	struct world *w;
	struct job jobs[JOBS], seen[JOBS];
	unsigned arrived[JOBS], again[JOBS];
};

static uint32_t dice(uint32_t sides)
{
	uint32_t n;

	random_bytes(&n, sizeof(n));
	return n % sides;
}

static size_t api_of(int j)
{
	return (size_t)j % APIS;
}

static struct upstream_answer any_answer(void)
{
	static const struct upstream_answer answers[] = {
	    {.end = UPSTREAM_ANSWER, .status = 200, .body = STR_INIT("{}")},
	    {.end = UPSTREAM_ANSWER,
		.status = 202,
		.location = STR_INIT("/ops/7")},
	    {.end = UPSTREAM_ANSWER,
		.status = 202,
		.location = STR_INIT("/ops/8"),
		.body = STR_INIT("{\"progress\":50,\"message\":\"half\"}")},
	    {.end = UPSTREAM_ANSWER,
		.status = 303,
		.location = STR_INIT("/results/7")},
	    {.end = UPSTREAM_ANSWER, .status = 404},
	    {.end = UPSTREAM_ANSWER, .status = 429},
	    {.end = UPSTREAM_ANSWER,
		.status = 429,
		.has_retry_after = true,
		.retry_after_ms = 3000},
	    {.end = UPSTREAM_ANSWER, .status = 500},
	    {.end = UPSTREAM_TIMEOUT},
	    {.end = UPSTREAM_BROKEN},
	    {.end = UPSTREAM_TOO_LARGE, .status = 200},
	};

	return answers[dice(sizeof(answers) / sizeof(answers[0]))];
}

static struct upstream_answer any_end(void)
{
	static const struct upstream_answer ends[] = {
	    {.end = UPSTREAM_ANSWER, .body = STR_INIT("{}")},
	    {.end = UPSTREAM_ANSWER, .body = STR_INIT("no JSON")},
	    {.end = UPSTREAM_AGAIN, .exit_status = 75},
	    {.end = UPSTREAM_FAILED, .exit_status = 1},
	    {.end = UPSTREAM_BROKEN, .exit_status = 137},
	};

	return ends[dice(sizeof(ends) / sizeof(ends[0]))];
}

/* Whose call it is, told by its URL or, of a program, by its input. */
static int job_of(const struct storm *s, const struct fake_call *call)
{
	for (int j = 0; j < JOBS; j++) {
		char id[IDS_TEXT + 1], number[STR_INT_MAX];
		struct str input = {number, str_int(number, j)};

		ids_write(s->jobs[j].id, id);
		if (call->exec ? str_eq(call->body, input)
			       : strstr(call->url, id) != NULL)
			return j;
	}
	return -1; /* a poll */
}

/* The upstream, or the program, said itself that nothing was done. */
static bool is_known_undone(const struct fake_call *call)
{
	return call->ended && (call->answer.end == UPSTREAM_AGAIN ||
				  call->answer.status == 429);
}

/* Calls that may have done something. */
static void count(struct storm *s, int i)
{
	const struct fake_upstream *up = s->w->workers[i].up;

	for (size_t k = 0; up && k < up->n; k++) {
		int j = job_of(s, &up->calls[k]);

		if (j >= 0 && !is_known_undone(&up->calls[k]))
			s->arrived[j]++;
	}
}

static void replace(struct storm *s, int i)
{
	count(s, i);
	fire(s->w, i);
	hire(s->w, i);
}

static void look(struct storm *s)
{
	for (int j = 0; j < JOBS; j++) {
		struct job at = row(s->w, api_of(j), &s->jobs[j]);
		const struct job *before = &s->seen[j];

		assert_true(at.version >= before->version);
		if (at.attempt == before->attempt && !s->again[j])
			assert_true(at.progress >= before->progress);
		if (job_is_terminal(before->state))
			assert_int_equal(at.state, before->state);
		assert_true(at.progress < 100 || at.state == JOB_COMPLETED);
		s->seen[j] = at;
	}
}

/* An operator's word on a held job. */
static void decide(struct storm *s, int j, enum job_event_kind kind)
{
	struct world *w = s->w;
	struct job_event event = {.kind = kind,
	    .now_ms = WALL + w->boot,
	    .now_boot = w->boot,
	    .reason = REASON_FAILED};
	struct job copy = s->jobs[j];

	OK(store_begin(w->store));
	OK(store_change(w->store, api_of(j), &copy, &event, (struct str){0}));
	OK(store_commit(w->store));
	s->again[j] += kind == JOB_EVENT_HELD_AGAIN;
	for (int i = 0; i < 2; i++)
		runner_ring(w->workers[i].runner, now(w));
}

static void make_whole(void)
{
	begins_to_fail = updates_to_fail = commits_to_fail = 0;
	stall_ms = 0;
}

/* What others do to jobs meanwhile; the store works for them. */
static void meddle(struct storm *s)
{
	static const enum job_event_kind words[] = {
	    JOB_EVENT_HELD_AGAIN, JOB_EVENT_HELD_COMPLETE, JOB_EVENT_HELD_FAIL};
	int j = (int)dice(JOBS);
	struct job at = row(s->w, api_of(j), &s->jobs[j]);

	make_whole();
	if (at.held)
		decide(s, j, words[dice(3)]);
	else if (!job_is_terminal(at.state) && !dice(4))
		cancel(s->w, api_of(j), &s->jobs[j]);
}

static void stir_calls(struct storm *s, int i)
{
	struct fake_upstream *up = s->w->workers[i].up;

	if (!up->n)
		return;
	size_t at = dice((uint32_t)up->n);
	struct fake_call *call = &up->calls[at];
	if (!call->running)
		return;
	if (!dice(3))
		fake_say(up, at, (int)dice(120) - 1, "so far");
	if (call->stopped || !dice(3))
		fake_end(up, at, call->exec ? any_end() : any_answer());
}

static void stir(struct storm *s, int i)
{
	struct world *w = s->w;

	stir_calls(s, i);
	if (dice(20) == 0)
		begins_to_fail = (int)dice(5);
	if (dice(30) == 0)
		updates_to_fail = (int)dice(3);
	if (dice(30) == 0)
		commits_to_fail = (int)dice(3);
	if (dice(20) == 0)
		stall_ms = dice(2 * LEASE);
	if (dice(3))
		settle(w, i);
	w->boot += dice(10) ? dice(3000) : dice(2 * LEASE);
}

static void declare(struct world *w, uint64_t seed)
{
	static struct str program[] = {STR_INIT("export")};

	if (seed % 2)
		w->apis[RETURN].on_lost = ON_LOST_HOLD;
	w->apis[PLAIN].concurrency = 3;
	if (seed % 3 == 0) {
		struct api *api = &w->apis[dice(APIS)];
		api->exec = (struct strs){program, 1};
		api->upstream = (struct str){0};
	}
	if (seed % 5 == 0) {
		w->upstream.rate_count = 1;
		w->upstream.rate_per_ms = 500;
		w->upstream.burst = 2;
	}
}

static void storm(struct world *w, uint64_t seed)
{
	struct storm s = {.w = w};

	random_state = seed;
	hire(w, 1);
	declare(w, seed);
	for (int j = 0; j < JOBS; j++) {
		char input[STR_INT_MAX + 1] = "";
		str_int(input, j);
		s.jobs[j] = s.seen[j] = accept(w, api_of(j), input);
	}
	for (int n = 0; n < ROUNDS; n++) {
		int i = (int)dice(2);
		stir(&s, i);
		look(&s);
		if (n % 10 == 0)
			meddle(&s);
		if (n >= CALM || dice(40))
			continue;
		if (dice(2))
			runner_drain(w->workers[i].runner, now(w));
		if (!dice(3))
			settle(w, i);
		replace(&s, i);
	}
	for (int i = 0; i < 2; i++)
		count(&s, i);
	for (int j = 0; j < JOBS; j++) {
		const bool once = api_of(j) == RETURN;
		struct job end = row(w, api_of(j), &s.jobs[j]);

		assert_true(job_is_terminal(end.state) || end.held);
		assert_true(!once || s.arrived[j] <= 1 + s.again[j]);
		assert_true(s.arrived[j] <= 3 + 3 * s.again[j]);
	}
}

static void storms(void **state)
{
	tear_down(state);
	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		print_message("# seed %u\n", (unsigned)seed);
		set_up(state);
		storm(*state, seed);
		tear_down(state);
	}
	set_up(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {CASE(storms)};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("runner-storm", tests, NULL, NULL);
}
