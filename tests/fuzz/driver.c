#include <dirent.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tests/fuzz/fuzz.h"

/*
 * The main() of a fuzzer without coverage: the corpus as it is, then spoilt
 * copies. Told by the name of the program, fuzz-NAME, where the corpus is.
 *
 *	FUZZ_ROUNDS=100000 FUZZ_SEED=7 build/san/tests/fuzz-html
 *	build/san/tests/fuzz-html FILE…		what these inputs do
 *
 * An input that fails is left in a file, which is named: it belongs into the
 * corpus, with the fix.
 */
#define INPUT_MAX ((size_t)64 * 1024)
#define INPUTS_MAX 512
#define ROUNDS 3000

struct input {
	uint8_t *data;
	size_t n;
};
static struct input inputs[INPUTS_MAX];
static size_t n_inputs;
static struct input now; /* what is being tried */
static uint64_t state;

static uint32_t dice(size_t sides)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (uint32_t)((state >> 33) % sides);
}

/* Async-signal-safe enough: nothing of this program runs any more. */
static void keep_input(void)
{
	char path[] = "/tmp/lowtide-fuzz.XXXXXX";
	int fd = mkstemp(path);

	if (fd < 0 || write(fd, now.data, now.n) != (ssize_t)now.n)
		return;
	fprintf(stderr, "# the input is in %s\n", path);
}

static void on_signal(int number)
{
	keep_input();
	signal(number, SIG_DFL);
	raise(number);
}

void __sanitizer_set_death_callback(void (*callback)(void))
    __attribute__((weak));

static void try(const uint8_t *data, size_t n)
{
	/* no byte behind the last one: the sanitizer sees who reads it */
	now = (struct input){malloc(n ? n : 1), n};
	if (!now.data)
		abort();
	memcpy(now.data, data, n);
	LLVMFuzzerTestOneInput(now.data, n);
	free(now.data);
	now = (struct input){0};
}

static bool read_file(const char *path, struct input *out)
{
	FILE *f = fopen(path, "rb");

	*out = (struct input){malloc(INPUT_MAX), 0};
	if (!f || !out->data) {
		perror(path);
		return false;
	}
	out->n = fread(out->data, 1, INPUT_MAX, f);
	fclose(f);
	return true;
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static bool read_corpus(const char *name)
{
	struct dirent **found = NULL;
	char dir[256], path[1024];

	snprintf(dir, sizeof(dir), "tests/fuzz/corpus/%s", name);
	int n = scandir(dir, &found, NULL, by_name);
	for (int i = 0; i < n; i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, found[i]->d_name);
		if (found[i]->d_name[0] != '.' && n_inputs < INPUTS_MAX &&
		    read_file(path, &inputs[n_inputs]))
			n_inputs++;
		free(found[i]);
	}
	free(found);
	return n_inputs > 0;
}

static void put(
    uint8_t *to, size_t *n, size_t at, const uint8_t *from, size_t count)
{
	if (*n + count > INPUT_MAX)
		return;
	memmove(to + at + count, to + at, *n - at);
	memcpy(to + at, from, count);
	*n += count;
}

/* One small harm to the n bytes at `to`. */
static void harm(uint8_t *to, size_t *n)
{
	size_t at = dice(*n + 1), words = 0;
	const struct input *other = &inputs[dice(n_inputs)];
	uint8_t byte = (uint8_t)dice(256);

	while (fuzz_words[words])
		words++;
	switch (dice(7)) {
	case 0: /* a byte changes */
		if (at < *n)
			to[at] = byte;
		break;
	case 1: /* or comes in */
		put(to, n, at, &byte, 1);
		break;
	case 2: { /* a word */
		const char *word = fuzz_words[dice(words)];
		put(to, n, at, (const uint8_t *)word, strlen(word));
		break;
	}
	case 3: { /* a piece goes */
		size_t count = dice(*n - at + 1);
		memmove(to + at, to + at + count, *n - at - count);
		*n -= count;
		break;
	}
	case 4: { /* a piece of another one comes in */
		size_t from = dice(other->n + 1);
		put(to, n, at, other->data + from,
		    dice((other->n - from < 64 ? other->n - from : 64) + 1));
		break;
	}
	case 5: /* one byte many times */
		for (uint32_t i = dice(200); i > 0; i--)
			put(to, n, at, &byte, 1);
		break;
	case 6: /* the end is missing */
		*n = at;
		break;
	}
}

static void spoil(void)
{
	static uint8_t bytes[INPUT_MAX];
	const struct input *from = &inputs[dice(n_inputs)];
	size_t n = from->n;

	memcpy(bytes, from->data, n);
	for (uint32_t i = dice(6) + 1; i > 0; i--)
		harm(bytes, &n);
	try(bytes, n);
}

static long number(const char *variable, long otherwise)
{
	const char *given = getenv(variable);

	return given ? strtol(given, NULL, 10) : otherwise;
}

int main(int argc, char *argv[])
{
	const char *name = strrchr(argv[0], '/');
	long rounds = number("FUZZ_ROUNDS", ROUNDS);
	long seed = number("FUZZ_SEED", 1);

	signal(SIGABRT, on_signal);
	signal(SIGSEGV, on_signal);
	if (__sanitizer_set_death_callback)
		__sanitizer_set_death_callback(keep_input);
	for (int i = 1; i < argc; i++) {
		struct input in;
		if (!read_file(argv[i], &in))
			return 1;
		try(in.data, in.n);
	}
	if (argc > 1)
		return 0;
	name = strstr(name ? name : argv[0], "fuzz-");
	if (!name || !read_corpus(name + 5)) {
		printf("1..1\nnot ok 1 - there is a corpus\n");
		return 1;
	}
	printf("1..2\n");
	for (size_t i = 0; i < n_inputs; i++)
		try(inputs[i].data, inputs[i].n);
	printf("ok 1 - all %zu inputs of the corpus\n", n_inputs);
	fflush(stdout);
	state = 88172645463325252u ^ ((uint64_t)seed << 20);
	for (long i = 0; i < rounds; i++)
		spoil();
	printf("ok 2 - %ld spoilt copies, seed %ld\n", rounds, seed);
	for (size_t i = 0; i < n_inputs; i++)
		free(inputs[i].data);
	return 0;
}
