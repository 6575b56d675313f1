#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "cgi/upstream/upstream.h"
#include "lib/buf.h"
#include "lib/clock.h"

/*
 * Calls as upstream_curl makes them, without anything above it:
 *
 *	build/bench/calls URL COUNT AT_ONCE [reuse] [multiplex] [CA.pem]
 *
 * prints CPU-µs of this process and µs of time for each GET, and how many were
 * answered with 200. Without a COUNT it does what its input says, and says what
 * came of it, for tests/cli/calls-h2.mjs:
 *
 *	start ID URL [reuse] [multiplex] [POST] [far] [timeout=MS] [max=BYTES]
 *	abort ID
 *	end
 *
 *	ID END STATUS BYTES WHY
 */
#define CALLS_MAX 4096
#define PACE_MS 20000

struct one {
	char name[32], url[512], ca[512];
	struct upstream_call call;
	bool runs;
};
static struct one ones[CALLS_MAX];
static const struct upstream_ops *const ops = &upstream_curl;
static const char *const ends[UPSTREAM_ENDS] = {[UPSTREAM_ANSWER] = "answer",
    [UPSTREAM_UNSENT] = "unsent",
    [UPSTREAM_TIMEOUT] = "timeout",
    [UPSTREAM_BROKEN] = "broken",
    [UPSTREAM_TOO_LARGE] = "too-large"};

static _Noreturn void give_up(const char *why)
{
	fprintf(stderr, "calls: %s\n", why);
	exit(64);
}

/* One word of how it is made. */
static void take_word(struct upstream_call *call, const char *word)
{
	if (strcmp(word, "reuse") == 0)
		call->reuse = true;
	else if (strcmp(word, "multiplex") == 0)
		call->multiplex = true;
	else if (strcmp(word, "far") == 0)
		call->local = false;
	else if (strcmp(word, "POST") == 0)
		call->method = "POST";
	else if (strncmp(word, "timeout=", 8) == 0)
		call->timeout_ms = strtol(word + 8, NULL, 10);
	else if (strncmp(word, "max=", 4) == 0)
		call->response_max = strtol(word + 4, NULL, 10);
	else if (*word == '/')
		call->ca = word;
	else
		give_up("what is that word?");
}

static struct upstream_call plain(const char *url)
{
	return (struct upstream_call){.url = url,
	    .method = "GET",
	    .local = true,
	    .timeout_ms = PACE_MS,
	    .connect_timeout_ms = PACE_MS};
}

/* ---- figures ------------------------------------------------------------- */

static double cpu_us(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1e6 +
	       (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec);
}

static long run(void *pool, const struct upstream_call *call, long n, long most)
{
	struct upstream_answer answer;
	struct arena arena = {0};
	long begun = 0, ended = 0, good = 0;
	void *tag;

	for (; begun < most && begun < n; begun++)
		ops->start(pool, call, &ones[begun]);
	while (ended < n) {
		if (!ops->next(pool, &arena, &tag, &answer)) {
			ops->wait(pool, NULL, 0, NULL, -1);
			continue;
		}
		good += answer.end == UPSTREAM_ANSWER && answer.status == 200;
		if (answer.end != UPSTREAM_ANSWER && ended == good)
			fprintf(stderr, "calls: %s\n", answer.why);
		ended++;
		if (begun < n) {
			begun++;
			ops->start(pool, call, tag);
		}
		arena_release(&arena);
	}
	return good;
}

static int figures(char *argv[])
{
	const long n = strtol(argv[2], NULL, 10),
		   most = strtol(argv[3], NULL, 10);
	struct upstream_call call = plain(argv[1]);
	void *pool;

	for (char **word = argv + 4; *word; word++)
		take_word(&call, *word);
	if (n < 1 || most < 1 || most > CALLS_MAX)
		give_up("how many calls?");
	if (ops->open(&pool) != ERR_OK)
		give_up("libcurl cannot be used");
	run(pool, &call, most, most); /* to be warm */
	const double cpu = cpu_us();
	const int64_t at_ms = clock_monotonic_ms();
	const long good = run(pool, &call, n, most);
	printf("{\"calls\": %ld, \"atOnce\": %ld, \"good\": %ld, "
	       "\"cpuUs\": %.1f, \"us\": %.1f}\n",
	    n, most, good, (cpu_us() - cpu) / (double)n,
	    (double)(clock_monotonic_ms() - at_ms) * 1e3 / (double)n);
	ops->close(pool);
	return good == n ? 0 : 1;
}

/* ---- what the input says ------------------------------------------------- */

static struct one *called(const char *name)
{
	struct one *free_one = NULL;

	for (struct one *o = ones; o < ones + CALLS_MAX; o++) {
		if (o->runs && strcmp(o->name, name) == 0)
			return o;
		if (!o->runs && !free_one)
			free_one = o;
	}
	if (!free_one)
		give_up("too many calls");
	snprintf(free_one->name, sizeof(free_one->name), "%s", name);
	return free_one;
}

static bool obey(void *pool, char *line)
{
	char *rest;
	const char *word = strtok_r(line, " ", &rest);
	const char *name = strtok_r(NULL, " ", &rest);

	if (!word || !name)
		return false;
	struct one *o = called(name);
	if (strcmp(word, "abort") == 0) {
		o->runs = false;
		ops->abort(pool, o);
		return true;
	}
	const char *url = strtok_r(NULL, " ", &rest);
	snprintf(o->url, sizeof(o->url), "%s", url ? url : "");
	o->call = plain(o->url);
	while ((word = strtok_r(NULL, " ", &rest)))
		take_word(&o->call, word);
	if (o->call.ca) {
		snprintf(o->ca, sizeof(o->ca), "%s", o->call.ca);
		o->call.ca = o->ca;
	}
	o->runs = true;
	ops->start(pool, &o->call, o);
	return true;
}

static void tell(void *pool)
{
	struct upstream_answer answer;
	struct arena arena = {0};
	void *tag;

	while (ops->next(pool, &arena, &tag, &answer)) {
		struct one *o = tag;
		o->runs = false;
		printf("%s %s %d %zu %s\n", o->name, ends[answer.end],
		    answer.status, answer.body.n, answer.why);
		arena_release(&arena);
	}
	fflush(stdout);
}

/* Lines as they come; false: no more do. */
static bool listen_to(void *pool, struct buf *in)
{
	char bytes[4096], *end;
	const ssize_t n = read(STDIN_FILENO, bytes, sizeof(bytes));

	if (n <= 0)
		return false;
	buf_put(in, bytes, (size_t)n);
	while ((end = memchr(in->data, '\n', in->len))) {
		const size_t line = (size_t)(end - in->data) + 1;

		*end = '\0';
		if (!obey(pool, in->data))
			return false;
		in->len -= line;
		memmove(in->data, in->data + line, in->len);
	}
	return true;
}

static int dialogue(void)
{
	const int in_fd = STDIN_FILENO;
	struct buf in = {0};
	bool readable = false;
	void *pool;

	if (ops->open(&pool) != ERR_OK)
		give_up("libcurl cannot be used");
	do {
		tell(pool);
		if (ops->wait(pool, &in_fd, 1, &readable, -1) != ERR_OK)
			give_up("it cannot wait");
	} while (!readable || listen_to(pool, &in));
	ops->close(pool);
	buf_release(&in);
	return 0;
}

int main(int argc, char *argv[])
{
	signal(SIGPIPE, SIG_IGN);
	if (argc > 3)
		return figures(argv);
	return dialogue();
}
