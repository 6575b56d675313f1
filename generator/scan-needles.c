#include "generator/scan-needles.h"

#include <stdint.h>

#include "generator/escape.h"
#include "generator/hash.h"
#include "lib/buf.h"
#include "lib/url.h"

static void push(struct arena *a, struct needles *all, struct needle one)
{
	if (one.text.n < 4)
		return;
	/* a spelling that is another one's is found by that */
	for (size_t i = all->n; i-- && all->rows[i].value == one.value;)
		if (str_eq(all->rows[i].text, one.text))
			return;
	if (all->n == all->cap) {
		all->cap = all->cap ? all->cap * 2 : 64;
		struct needle *rows = arena_array(a, all->cap, sizeof(*rows));
		if (all->n)
			memcpy(rows, all->rows, all->n * sizeof(*rows));
		all->rows = rows;
	}
	all->rows[all->n++] = one;
}

static void spell(struct arena *a, struct needles *all,
    const struct scan_value *value, struct str text)
{
	push(a, all,
	    (struct needle){.text = arena_str(a, text), .value = value});
}

/* What of a value is searched for; not cut within a character. */
static struct str head(struct str text)
{
	if (text.n <= SCAN_VALUE_MAX)
		return text;
	size_t n = SCAN_VALUE_MAX;
	while (n > SCAN_VALUE_MIN && ((unsigned char)text.p[n] & 0xc0) == 0x80)
		n--;
	return str_slice(text, 0, n);
}

static void spell_escaped(
    struct arena *a, struct needles *all, const struct scan_value *value)
{
	struct str text = head(value->text);
	static const enum mustache_escape ways[] = {
	    ESCAPE_HTML, ESCAPE_JS, ESCAPE_JSON};
	struct buf out = {0};

	for (size_t i = 0; i < sizeof(ways) / sizeof(*ways); i++) {
		buf_clear(&out);
		if (escape_put(&out, ways[i], text))
			spell(a, all, value, buf_str(&out));
	}
	buf_clear(&out);
	if (url_encode(&out, text) == ERR_OK)
		spell(a, all, value, buf_str(&out));
	/* %2F as %2f */
	for (size_t i = 0; i + 2 < out.len; i++)
		for (size_t j = 1; out.data[i] == '%' && j <= 2; j++)
			if (out.data[i + j] >= 'A' && out.data[i + j] <= 'F')
				out.data[i + j] += 'a' - 'A';
	if (out.len)
		spell(a, all, value, buf_str(&out));
	buf_release(&out);
}

/*
 * In base64 of a longer text the value begins at one of three places of a
 * group; the digits that it shares with its neighbours are left out.
 */
static void spell_base64(struct arena *a, struct needles *all,
    const struct scan_value *value, const char *digits)
{
	struct str v = head(value->text);

	for (size_t lead = 0; lead < 3; lead++) {
		size_t from = (8 * lead + 5) / 6;
		size_t to = 8 * (lead + v.n) / 6;
		char *text = arena_alloc(a, to - from + 1);
		for (size_t i = from; i < to; i++) {
			/* six bits, from the i-th group of them */
			size_t at = 6 * i - 8 * lead;
			unsigned two =
			    (unsigned)(unsigned char)value->text.p[at / 8] << 8;
			if (at / 8 + 1 < value->text.n)
				two |= (unsigned char)value->text.p[at / 8 + 1];
			text[i - from] = digits[two >> (10 - at % 8) & 63];
		}
		spell(a, all, value, (struct str){text, to - from});
	}
}

struct needles needles_make(
    struct arena *a, const struct scan_value *values, size_t n)
{
	struct needles all = {0};

	for (const struct shape *s = shapes; s->prefix; s++)
		push(a, &all,
		    (struct needle){.text = str_of(s->prefix), .shape = s});
	for (size_t i = 0; i < n; i++) {
		if (values[i].text.n < SCAN_VALUE_MIN)
			continue;
		spell(a, &all, &values[i], head(values[i].text));
		spell_escaped(a, &all, &values[i]);
		spell_base64(a, &all, &values[i],
		    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
		    "0123456789+/");
		spell_base64(a, &all, &values[i],
		    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
		    "0123456789-_");
	}
	return all;
}

static void put_part(struct buf *out, struct str s)
{
	buf_put_u64(out, s.n);
	buf_put_str(out, s);
}

struct str needles_digest(struct arena *a, const struct needles *needles)
{
	struct buf open = {0}, values = {0};

	for (const struct shape *s = shapes; s->prefix; s++) {
		put_part(&open, str_of(s->prefix));
		put_part(&open, str_of(s->rest));
		buf_put_u64(&open, s->min);
		buf_put_u64(&open, s->flags);
	}
	for (size_t i = 0; i < needles->n; i++) {
		const struct needle *one = &needles->rows[i];
		if (!one->value)
			continue;
		put_part(&open, one->value->key);
		put_part(&values, one->text);
	}
	/* so little of them that each value has thousands of equals */
	put_part(&open, str_slice(hash_blake2b(a, buf_str(&values)), 0, 4));
	struct str digest = str_slice(hash_blake2b(a, buf_str(&open)), 0, 32);
	buf_release(&values);
	buf_release(&open);
	return digest;
}
