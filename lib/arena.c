#include "lib/arena.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * Chunks form a list, newest first; only the newest is filled. An allocation
 * larger than a chunk gets one of its own, put *behind* the newest so that the
 * room left there is not wasted.
 */
struct arena_chunk {
	struct arena_chunk *older;
	size_t size, used;
	alignas(max_align_t) unsigned char bytes[];
};

void arena_init(struct arena *arena)
{
	*arena = (struct arena){0};
}

static void free_chunks(struct arena_chunk *chunk)
{
	while (chunk) {
		struct arena_chunk *older = chunk->older;
		free(chunk);
		chunk = older;
	}
}

void arena_release(struct arena *arena)
{
	if (!arena)
		return;
	free_chunks(arena->newest);
	arena_init(arena);
}

void arena_reset(struct arena *arena)
{
	struct arena_chunk *kept = arena->newest;

	if (!kept)
		return;
	free_chunks(kept->older);
	if (kept->size > ARENA_CHUNK) {
		free(kept);
		kept = NULL;
	} else {
		kept->older = NULL;
		kept->used = 0;
	}
	*arena = (struct arena){.newest = kept};
}

/* zero: from calloc(), which knows of pages that are so already. */
static struct arena_chunk *chunk_new(size_t size, bool zero)
{
	if (size > SIZE_MAX - sizeof(struct arena_chunk))
		abort();
	struct arena_chunk *chunk = zero ? calloc(1, sizeof(*chunk) + size)
					 : malloc(sizeof(*chunk) + size);
	if (!chunk)
		abort();
	chunk->older = NULL;
	chunk->size = size;
	chunk->used = 0;
	return chunk;
}

void arena_first(struct arena *arena, size_t n)
{
	if (!arena->newest && n < ARENA_CHUNK)
		arena->newest = chunk_new(n, false);
}

/* Of an ordinary chunk behind that one, with room for n bytes. */
static size_t next_size(const struct arena_chunk *newest, size_t n)
{
	size_t size = newest ? 2 * newest->size : ARENA_CHUNK;

	size = size > ARENA_CHUNK ? ARENA_CHUNK : size;
	return size < n ? n : size;
}

/* zero: a chunk of its own is all zeros. */
static struct arena_chunk *chunk_for(struct arena *arena, size_t n, bool zero)
{
	struct arena_chunk *newest = arena->newest, *chunk;

	if (newest && newest->size - newest->used >= n)
		return newest;
	chunk = n > ARENA_CHUNK ? chunk_new(n, zero)
				: chunk_new(next_size(newest, n), false);
	if (newest && n > ARENA_CHUNK) {
		chunk->older = newest->older;
		newest->older = chunk;
	} else {
		chunk->older = newest;
		arena->newest = chunk;
	}
	return chunk;
}

static void *take_as(struct arena *arena, size_t n, bool zero)
{
	const size_t grain = alignof(max_align_t);

	if (n > SIZE_MAX - grain)
		abort();
	n = (n + grain - 1) / grain * grain;
	struct arena_chunk *chunk = chunk_for(arena, n, zero);
	void *p = chunk->bytes + chunk->used;
	chunk->used += n;
	arena->used += n;
	return p;
}

/* As arena_alloc, but the bytes are whatever was there. */
static void *take(struct arena *arena, size_t n)
{
	return take_as(arena, n, false);
}

void *arena_alloc(struct arena *arena, size_t n)
{
	return n > ARENA_CHUNK ? take_as(arena, n, true)
			       : memset(take(arena, n), 0, n);
}

void *arena_array(struct arena *arena, size_t count, size_t size)
{
	if (size && count > SIZE_MAX / size)
		abort();
	return arena_alloc(arena, count * size);
}

char *arena_cstr(struct arena *arena, struct str s)
{
	char *copy = take(arena, s.n + 1);
	if (s.n)
		memcpy(copy, s.p, s.n);
	copy[s.n] = '\0';
	return copy;
}

struct str arena_str(struct arena *arena, struct str s)
{
	return (struct str){.p = arena_cstr(arena, s), .n = s.n};
}

struct str arena_join(struct arena *arena, size_t n, const struct str parts[])
{
	size_t all = 0;

	for (size_t i = 0; i < n; i++)
		all += parts[i].n;
	char *text = take(arena, all + 1), *to = text;
	for (size_t i = 0; i < n; i++) {
		if (parts[i].n)
			memcpy(to, parts[i].p, parts[i].n);
		to += parts[i].n;
	}
	*to = '\0';
	return (struct str){.p = text, .n = all};
}

struct str arena_int(struct arena *arena, int64_t number)
{
	char digits[STR_INT_MAX];
	size_t n = str_int(digits, number);

	return arena_str(arena, (struct str){.p = digits, .n = n});
}

/* Most texts are short: those are formatted once, others a second time. */
struct str arena_vprintf(struct arena *arena, const char *format, va_list args)
{
	char brief[256];
	va_list again;
	va_copy(again, args);
	int n = vsnprintf(brief, sizeof(brief), format, args);
	if (n < 0)
		abort();
	char *text = take(arena, (size_t)n + 1);
	if ((size_t)n < sizeof(brief))
		memcpy(text, brief, (size_t)n + 1);
	else
		vsnprintf(text, (size_t)n + 1, format, again);
	va_end(again);
	return (struct str){.p = text, .n = (size_t)n};
}

struct str arena_printf(struct arena *arena, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	struct str s = arena_vprintf(arena, format, args);
	va_end(args);
	return s;
}
