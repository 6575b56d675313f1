#include "cgi/read/cache-parts.h"

#include <stdlib.h>

/*
 * A count-min sketch of four rows. A hash has one counter in each row, and all
 * four are in one block, so that asking costs one cache line:
 *
 *	block: 8 words of 16 counters of 4 bits; row r has words 2r and 2r + 1
 *
 * The lower bits of the hash choose the block and the upper 20 the counters,
 * five for each row. An answer is the least of the four; only those that are
 * the least are added to, which keeps strangers' counts lower. After ten asks
 * for each entry there is room for, all are halved: so what was asked for
 * yesterday is forgotten.
 */
#define ROWS 4
#define BLOCK 8 /* words */
#define LINE (BLOCK * sizeof(uint64_t))
#define ASKS 10 /* per entry, until they are halved */
#define LOWER 0x7777777777777777u

static uint64_t *blocks_new(size_t n)
{
	uint64_t *words = aligned_alloc(LINE, n * LINE);

	if (!words)
		abort();
	return words;
}

void sketch_init(struct sketch *s)
{
	*s = (struct sketch){.n_blocks = 1};
	s->words = blocks_new(1);
	memset(s->words, 0, LINE);
}

void sketch_release(struct sketch *s)
{
	free(s->words);
}

/*
 * A word for each entry. Twice as many blocks are the same ones twice: one bit
 * more of the hash chooses, and finds what was there before.
 */
void sketch_fit(struct sketch *s, size_t entries)
{
	while (entries > s->n_blocks * BLOCK) {
		uint64_t *words = blocks_new(2 * s->n_blocks);
		memcpy(words, s->words, s->n_blocks * LINE);
		memcpy(
		    words + s->n_blocks * BLOCK, s->words, s->n_blocks * LINE);
		free(s->words);
		s->words = words;
		s->n_blocks *= 2;
	}
}

static void halve(struct sketch *s)
{
	for (size_t i = 0; i < s->n_blocks * BLOCK; i++)
		s->words[i] = (s->words[i] >> 1) & LOWER;
	s->asked /= 2;
}

struct spot {
	size_t word;
	unsigned shift;
};

static struct spot spot_of(const struct sketch *s, uint64_t hash, unsigned row)
{
	const unsigned counter = (unsigned)(hash >> (44 + 5 * row)) & 31;
	const size_t block = hash & (s->n_blocks - 1);

	return (struct spot){
	    block * BLOCK + 2 * row + counter / 16, 4 * (counter % 16)};
}

static unsigned at(const struct sketch *s, struct spot spot)
{
	return (unsigned)(s->words[spot.word] >> spot.shift) & SKETCH_MOST;
}

unsigned sketch_of(const struct sketch *s, uint64_t hash)
{
	unsigned least = SKETCH_MOST;

	for (unsigned row = 0; row < ROWS; row++) {
		const unsigned n = at(s, spot_of(s, hash, row));
		least = n < least ? n : least;
	}
	return least;
}

/*
 * Without a branch that depends on what is counted: whoever asks next need not
 * wait until this cache line has come.
 */
void sketch_add(struct sketch *s, uint64_t hash)
{
	const unsigned least = sketch_of(s, hash);

	for (unsigned row = 0; row < ROWS; row++) {
		const struct spot spot = spot_of(s, hash, row);
		const unsigned n = at(s, spot);
		s->words[spot.word] +=
		    (uint64_t)((n == least) & (n < SKETCH_MOST)) << spot.shift;
	}
	if (++s->asked >= s->n_blocks * BLOCK * ASKS)
		halve(s);
}
