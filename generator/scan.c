#include "generator/scan.h"

#include <string.h>

#include "generator/hash.h"
#include "generator/scan-needles.h"
#include "lib/buf.h"

/*
 * Every needle has four bytes in a row, its window, that stand for it. Of any
 * window one pair of bytes begins at a multiple of three; so it is enough to
 * look at every third pair of the text and to ask one bit whether a window
 * holds it. The window with the rarest pairs is taken, so nearly all of an
 * ordinary text is passed by in steps of three without a branch.
 *
 * Where the bit is set, the three windows that this pair may be part of are
 * looked up; then the needle is compared, and a shape is asked whether the
 * rest of it is there as well.
 */
#define WINDOW 4
#define STRIDE (WINDOW - 1)
#define TOLD_MAX 16 /* different keys and shapes told in one call */

struct slot {
	uint32_t window;
	uint32_t first; /* of the needles with it, + 1; 0: free */
};
struct scan {
	struct arena *arena;
	uint64_t pairs[65536 / 64];
	const struct needle *needles;
	uint32_t *next;	   /* beside needles: the next with this window, + 1 */
	unsigned char *at; /* beside needles: where its window begins */
	struct slot *slots;
	size_t n_slots; /* a power of two */
	struct str digest;
};

static uint16_t pair_at(const char *p)
{
	uint16_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static uint32_t window_at(const char *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static struct slot *slot(const struct scan *s, uint32_t window)
{
	for (size_t i = (window * 2654435761u) >> 8;; i++) {
		struct slot *at = &s->slots[i & (s->n_slots - 1)];
		if (!at->first || at->window == window)
			return at;
	}
}

/* How often a byte is met in pages, roughly. */
static unsigned weight(char c)
{
	if (c == ' ')
		return 12;
	if (strchr("etaoin", c))
		return 8;
	if (strchr("srhldcu", c))
		return 5;
	if (strchr("<>/=\".", c))
		return 3;
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ? 2 : 1;
}

static unsigned char choose_window(struct str text)
{
	unsigned best = ~0u;
	unsigned char at = 0;

	for (size_t i = 0; i + WINDOW <= text.n && i < 250; i++) {
		unsigned sum = 0;
		for (size_t j = i; j < i + STRIDE; j++)
			sum += weight(text.p[j]) * weight(text.p[j + 1]);
		if (sum < best) {
			best = sum;
			at = (unsigned char)i;
		}
	}
	return at;
}

static void add(struct scan *s, uint32_t i)
{
	struct str text = s->needles[i].text;
	unsigned char at = choose_window(text);
	struct slot *to = slot(s, window_at(text.p + at));

	to->window = window_at(text.p + at);
	s->at[i] = at;
	s->next[i] = to->first;
	to->first = i + 1;
	for (size_t j = at; j < (size_t)at + STRIDE; j++) {
		uint16_t pair = pair_at(text.p + j);
		s->pairs[pair / 64] |= (uint64_t)1 << pair % 64;
	}
}

struct scan *scan_new(
    struct arena *a, const struct scan_value *values, size_t n)
{
	struct scan *s = arena_alloc(a, sizeof(*s));
	struct needles all = needles_make(a, values, n);

	s->arena = a;
	s->needles = all.rows;
	s->next = arena_array(a, all.n, sizeof(*s->next));
	s->at = arena_array(a, all.n, sizeof(*s->at));
	for (s->n_slots = 64; s->n_slots < 2 * all.n;)
		s->n_slots *= 2;
	s->slots = arena_array(a, s->n_slots, sizeof(*s->slots));
	for (size_t i = 0; i < all.n; i++)
		add(s, (uint32_t)i);
	s->digest = needles_digest(a, &all);
	return s;
}

struct str scan_digest(const struct scan *scan)
{
	return scan ? scan->digest : (struct str){0};
}

struct search {
	const struct scan *scan;
	struct str bytes;
	struct pos pos;
	struct diag *diag;
	bool is_name;
	const void *told[TOLD_MAX];
	size_t n_told;
};

/* Shapes with the same words are the same to people. */
static const void *identity(const struct needle *n)
{
	return n->shape ? (const void *)n->shape->what : (const void *)n->value;
}

static struct pos place(const struct search *w, size_t at)
{
	struct pos pos = w->pos;
	size_t line = 0;

	if (!pos.file)
		return pos;
	for (size_t i = 0; (i = str_find(w->bytes, '\n', i)) < at; i++)
		line = i + 1, pos.line++;
	if (!w->pos.line)
		pos.line++;
	pos.col =
	    (uint32_t)(at - line) + (line == 0 && w->pos.col ? w->pos.col : 1);
	return pos;
}

static void tell(struct search *w, const struct needle *n, size_t at)
{
	for (size_t i = 0; i < w->n_told; i++)
		if (w->told[i] == identity(n))
			return;
	w->told[w->n_told++] = identity(n);
	struct str what = n->shape ? str_of(n->shape->what) : n->value->key;
	diag_error(w->diag, place(w, at), "secret-in-output",
	    "%s%.*s%s would be published %s", n->shape ? "" : "the value of `",
	    STR_ARG(what), n->shape ? "" : "`",
	    w->is_name ? "in the name of a file; rename it"
	    : n->shape ? "here; take it out, and have it replaced if it was "
			 "ever used (an example has EXAMPLE in it); a call "
			 "gets it as {secret.NAME}"
		       : "here; take it out; a call gets it as {secret.NAME}");
}

/* The window at `from` may be some needles'. */
static void look(struct search *w, size_t from)
{
	const struct scan *s = w->scan;
	const struct slot *found = slot(s, window_at(w->bytes.p + from));

	for (uint32_t i = found->first; i; i = s->next[i - 1]) {
		const struct needle *n = &s->needles[i - 1];
		size_t at = from - s->at[i - 1];
		if (from < s->at[i - 1] || n->text.n > w->bytes.n - at ||
		    memcmp(w->bytes.p + at, n->text.p, n->text.n) != 0)
			continue;
		if (n->shape && !shape_fits(n->shape, w->bytes, at))
			continue;
		if (w->n_told < TOLD_MAX)
			tell(w, n, at);
	}
}

static void candidate(struct search *w, size_t pair)
{
	for (size_t back = 0; back < STRIDE && back <= pair; back++)
		if (w->bytes.n - (pair - back) >= WINDOW)
			look(w, pair - back);
}

static uint64_t bit(const struct scan *s, const char *p)
{
	uint16_t pair = pair_at(p);

	return s->pairs[pair / 64] >> pair % 64 & 1;
}

static bool search(struct search *w)
{
	const struct scan *scan = w->scan;
	const char *p = w->bytes.p;
	size_t i = 0, n = w->bytes.n;

	if (!scan)
		return false;
	for (; i + 4 * STRIDE + 1 < n; i += 4 * STRIDE) {
		uint64_t a = bit(scan, p + i);
		uint64_t b = bit(scan, p + i + STRIDE);
		uint64_t c = bit(scan, p + i + 2 * STRIDE);
		uint64_t d = bit(scan, p + i + 3 * STRIDE);
		if (!(a | b | c | d))
			continue;
		if (a)
			candidate(w, i);
		if (b)
			candidate(w, i + STRIDE);
		if (c)
			candidate(w, i + 2 * STRIDE);
		if (d)
			candidate(w, i + 3 * STRIDE);
	}
	for (; i + 1 < n; i += STRIDE)
		if (bit(scan, p + i))
			candidate(w, i);
	return w->n_told > 0;
}

bool scan_bytes(const struct scan *scan, struct str bytes, struct pos pos,
    struct diag *diag)
{
	struct search w = {
	    .scan = scan, .bytes = bytes, .pos = pos, .diag = diag};

	return search(&w);
}

bool scan_name(const struct scan *scan, struct str name, struct diag *diag)
{
	struct search w = {
	    .scan = scan, .bytes = name, .diag = diag, .is_name = true};

	return search(&w);
}
