#include "cgi/bearer-cache.h"

#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#define WAYS 4
#define SETS (BEARER_CACHE_MAX / WAYS)

struct slot {
	struct bearer_mark mark; /* generation 0: empty */
	uint64_t used;
	enum token_verdict verdict;
	int64_t begins_ms, ends_ms;
	uint16_t n_subject, n_scope;
	char *note; /* the subject, then the scope; on the heap */
};
struct bearer_cache {
	uint8_t key[crypto_generichash_KEYBYTES];
	uint64_t uses;
	struct slot good[SETS][WAYS];
	struct bearer_mark bad[BEARER_BAD_MAX];
};

_Static_assert(BEARER_BAD_MAX == 256, "a byte says which");
_Static_assert(BEARER_NOTE_MAX <= UINT16_MAX, "a length of a note fits");

struct bearer_cache *bearer_cache_new(void)
{
	/* what was never used is never touched, and costs no memory */
	struct bearer_cache *cache = calloc(1, sizeof(*cache));

	if (!cache)
		abort();
	randombytes_buf(cache->key, sizeof(cache->key));
	return cache;
}

void bearer_cache_free(struct bearer_cache *cache)
{
	if (!cache)
		return;
	for (size_t i = 0; i < SETS; i++)
		for (size_t j = 0; j < WAYS; j++)
			free(cache->good[i][j].note);
	sodium_memzero(cache->key, sizeof(cache->key));
	free(cache);
}

void bearer_cache_hash(const struct bearer_cache *cache, struct str token,
    uint8_t out[BEARER_HASH_BYTES])
{
	crypto_generichash(out, BEARER_HASH_BYTES,
	    (const unsigned char *)token.p, token.n, cache->key,
	    sizeof(cache->key));
}

static struct slot *set_of(
    struct bearer_cache *cache, const struct bearer_mark *mark)
{
	uint32_t at;

	memcpy(&at, mark->hash, sizeof(at));
	return cache->good[at % SETS];
}

static struct bearer_mark *bad_of(
    struct bearer_cache *cache, const struct bearer_mark *mark)
{
	return &cache->bad[mark->hash[sizeof(uint32_t)]];
}

static bool is_same(const struct bearer_mark *a, const struct bearer_mark *b)
{
	return a->generation && a->generation == b->generation &&
	       a->provider == b->provider &&
	       memcmp(a->hash, b->hash, BEARER_HASH_BYTES) == 0;
}

static void recall(
    const struct slot *slot, struct arena *a, struct token_claims *out)
{
	struct str note = arena_str(a,
	    (struct str){slot->note, (size_t)slot->n_subject + slot->n_scope});

	*out = (struct token_claims){
	    .subject = str_slice(note, 0, slot->n_subject),
	    .scope = str_slice(note, slot->n_subject, note.n),
	    .begins_ms = slot->begins_ms,
	    .ends_ms = slot->ends_ms};
}

enum token_verdict bearer_cache_find(struct bearer_cache *cache,
    const struct bearer_mark *mark, struct arena *a, struct token_claims *out)
{
	struct slot *set = set_of(cache, mark);

	for (size_t i = 0; i < WAYS; i++) {
		if (!is_same(&set[i].mark, mark))
			continue;
		set[i].used = ++cache->uses;
		if (set[i].verdict == TOKEN_OK)
			recall(&set[i], a, out);
		return set[i].verdict;
	}
	return is_same(bad_of(cache, mark), mark) ? TOKEN_SIGNATURE
						  : TOKEN_ABSENT;
}

static void keep(struct bearer_cache *cache, const struct bearer_mark *mark,
    enum token_verdict verdict, const struct token_claims *claims)
{
	const struct str subject = claims->subject, scope = claims->scope;
	struct slot *set = set_of(cache, mark), *to = &set[0];

	if (subject.n + scope.n > BEARER_NOTE_MAX)
		return;
	for (size_t i = 1; i < WAYS; i++)
		if (set[i].used < to->used)
			to = &set[i];
	free(to->note);
	*to = (struct slot){.mark = *mark,
	    .used = ++cache->uses,
	    .verdict = verdict,
	    .begins_ms = claims->begins_ms,
	    .ends_ms = claims->ends_ms,
	    .n_subject = (uint16_t)subject.n,
	    .n_scope = (uint16_t)scope.n,
	    .note = malloc(subject.n + scope.n + 1)};
	if (!to->note)
		abort();
	if (subject.n)
		memcpy(to->note, subject.p, subject.n);
	if (scope.n)
		memcpy(to->note + subject.n, scope.p, scope.n);
}

void bearer_cache_note(struct bearer_cache *cache,
    const struct bearer_mark *mark, enum token_verdict verdict,
    const struct token_claims *claims)
{
	static const struct token_claims none;

	if (verdict == TOKEN_SIGNATURE)
		*bad_of(cache, mark) = *mark;
	else
		keep(
		    cache, mark, verdict, verdict == TOKEN_OK ? claims : &none);
}
