#include <brotli/encode.h>
#include <ftw.h>
#include <libdeflate.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>

#include "lib/arena.h"
#include "lib/fs.h"

/*
 * What libdeflate 12 and brotli 11 cost by themselves: every file below a
 * folder that lowtide would compress, read before the clock starts, the biggest
 * first, on so many threads.
 *
 *	codecs THREADS DIR
 *
 * Prints JSON: seconds of wall and CPU, files, bytes in and out. Nothing of
 * lowtide's own is in it, so that its cache, its files and its threads can be
 * told from the codecs' work.
 */
#define FILES_MAX 1000000
#define FILE_MIN 512
#define FILE_MAX ((size_t)8 * 1024 * 1024)

static struct {
	struct arena arena;
	struct str *files;
	size_t n;
	_Atomic size_t next, gz, br;
} work;

static int each(const char *path, const struct stat *st, int kind)
{
	static const char *const ending[] = {
	    ".html", ".js", ".mjs", ".json", ".toml", ".css", ".svg"};
	bool wanted = false;

	for (size_t i = 0; i < sizeof(ending) / sizeof(ending[0]); i++)
		wanted |= str_ends(str_of(path), ending[i]);
	if (kind != FTW_F || !wanted || work.n == FILES_MAX ||
	    (size_t)st->st_size < FILE_MIN || (size_t)st->st_size > FILE_MAX ||
	    str_ends(str_of(path), "/manifest.json"))
		return 0;
	return fs_read(
	    &work.arena, path, FILE_MAX, NULL, &work.files[work.n++]);
}

static int by_size(const void *a, const void *b)
{
	const struct str *x = a, *y = b;
	return (x->n < y->n) - (x->n > y->n);
}

static void *compress(void *unused)
{
	struct libdeflate_compressor *c = libdeflate_alloc_compressor(12);
	size_t room = FILE_MAX + FILE_MAX / 8;
	unsigned char *to = malloc(room);

	if (!c || !to)
		abort();
	for (size_t i; (i = work.next++) < work.n;) {
		struct str f = work.files[i];
		size_t n = room;
		work.gz += libdeflate_gzip_compress(c, f.p, f.n, to, room);
		if (!BrotliEncoderCompress(11, 22, BROTLI_MODE_GENERIC, f.n,
			(const unsigned char *)f.p, &n, to))
			abort();
		work.br += n;
	}
	libdeflate_free_compressor(c);
	free(to);
	return unused;
}

static double seconds(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
	pthread_t threads[64];
	size_t n = argc == 3 ? strtoul(argv[1], NULL, 10) : 0, bytes = 0;

	if (n < 1 || n > 64) {
		fprintf(stderr, "usage: codecs THREADS DIR\n");
		return 64;
	}
	work.files = arena_array(&work.arena, FILES_MAX, sizeof(struct str));
	if (ftw(argv[2], each, 64) != 0) {
		fprintf(stderr, "codecs: %s cannot be read\n", argv[2]);
		return 74;
	}
	qsort(work.files, work.n, sizeof(struct str), by_size);
	for (size_t i = 0; i < work.n; i++)
		bytes += work.files[i].n;
	double wall = seconds(CLOCK_MONOTONIC);
	double cpu = seconds(CLOCK_PROCESS_CPUTIME_ID);
	for (size_t i = 0; i < n; i++)
		if (pthread_create(&threads[i], NULL, compress, NULL) != 0)
			abort();
	for (size_t i = 0; i < n; i++)
		pthread_join(threads[i], NULL);
	printf("{\"files\": %zu, \"bytes\": %zu, \"gz\": %zu, \"br\": %zu, "
	       "\"wall\": %.3f, \"cpu\": %.3f}\n",
	    work.n, bytes, work.gz, work.br, seconds(CLOCK_MONOTONIC) - wall,
	    seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu);
	arena_release(&work.arena);
	return 0;
}
