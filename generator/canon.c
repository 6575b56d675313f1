#include "generator/canon.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/json.h"

/*
 * In UTF-8 byte order a character beyond U+FFFF (lead byte from F0) comes
 * last; as UTF-16 it is a pair of surrogates (D800…) and so comes before
 * U+E000…U+FFFF (lead bytes EE and EF). Everything else agrees, and where two
 * strings first differ in a later byte of a character, its lead is the same.
 */
static int rank(unsigned char c)
{
	if (c >= 0xf0)
		return c - 2;
	return c >= 0xee ? c + 0x10 : c;
}

int canon_compare(struct str a, struct str b)
{
	size_t n = a.n < b.n ? a.n : b.n;

	for (size_t i = 0; i < n; i++)
		if (a.p[i] != b.p[i])
			return rank((unsigned char)a.p[i]) -
			       rank((unsigned char)b.p[i]);
	return (a.n > b.n) - (a.n < b.n);
}

/* "d.ddde-07" → digits and exponent of the first; the count of digits. */
static int parts(const char *text, char digits[20], int *exponent)
{
	int n = 0;
	const char *p = text;

	for (; *p && *p != 'e'; p++)
		if (*p >= '0' && *p <= '9')
			digits[n++] = *p;
	*exponent = atoi(p + 1);
	while (n > 1 && digits[n - 1] == '0')
		n--;
	digits[n] = '\0';
	return n;
}

/*
 * The fewest digits that read back as f. At a power of two the gap above is
 * twice the one below, so a number of p digits may read back although the one
 * rounded to p digits does not: it is the next one up.
 */
static int shortest(double f, char digits[20], int *exponent)
{
	char text[40];

	for (int p = 0; p < 17; p++) {
		snprintf(text, sizeof(text), "%.*e", p, f);
		if (strtod(text, NULL) == f)
			break;
		char *last = strchr(text, 'e') - 1;
		if (strtod(text, NULL) < f && *last < '9') {
			++*last;
			if (strtod(text, NULL) == f)
				break;
		}
	}
	return parts(text, digits, exponent);
}

void canon_number(double f, char out[CANON_NUMBER_MAX])
{
	char digits[20];
	int e, k;
	size_t room = CANON_NUMBER_MAX;

	if (f == 0) { /* -0 too */
		snprintf(out, room, "0");
		return;
	}
	if (f < 0) {
		*out++ = '-';
		room--;
		f = -f;
	}
	k = shortest(f, digits, &e);
	int n = e + 1; /* where the point stands, from the first digit */
	if (k <= n && n <= 21)
		snprintf(out, room, "%s%.*s", digits, n - k,
		    "000000000000000000000");
	else if (0 < n && n <= 21)
		snprintf(out, room, "%.*s.%s", n, digits, digits + n);
	else if (-6 < n && n <= 0)
		snprintf(out, room, "0.%.*s%s", -n, "000000", digits);
	else
		snprintf(out, room, "%c%s%se%c%d", digits[0], k > 1 ? "." : "",
		    digits + 1, e < 0 ? '-' : '+', abs(e));
}

static int by_key(const void *left, const void *right)
{
	const struct member *const *a = left, *const *b = right;

	return canon_compare((*a)->key, (*b)->key);
}

static void put(
    struct arena *a, const struct value *v, struct diag *diag, struct buf *out);

static void put_table(
    struct arena *a, const struct value *v, struct diag *diag, struct buf *out)
{
	size_t n = v->as.table.n;
	const struct member **sorted = arena_array(a, n, sizeof(*sorted));

	for (size_t i = 0; i < n; i++)
		sorted[i] = &v->as.table.members[i];
	if (n)
		qsort(sorted, n, sizeof(*sorted), by_key);
	buf_putc(out, '{');
	for (size_t i = 0; i < n; i++) {
		buf_puts(out, i ? "," : "");
		json_put_string(out, sorted[i]->key);
		buf_putc(out, ':');
		put(a, sorted[i]->value, diag, out);
	}
	buf_putc(out, '}');
}

static void put_number(
    const struct value *v, struct diag *diag, struct buf *out)
{
	char text[CANON_NUMBER_MAX] = "null";

	if (v->kind == VALUE_INT) {
		if (v->as.i > CANON_INT_MAX || v->as.i < -CANON_INT_MAX)
			diag_error(diag, v->pos, "number-too-large",
			    "a whole number beyond 2^53 would lose digits in "
			    "JSON; write it as a string");
		else
			canon_number((double)v->as.i, text);
	} else if (isfinite(v->as.f)) {
		canon_number(v->as.f, text);
	} else {
		diag_error(diag, v->pos, "not-a-number",
		    "JSON has no inf and no nan; write a string or leave it "
		    "out");
	}
	buf_puts(out, text);
}

static void put(
    struct arena *a, const struct value *v, struct diag *diag, struct buf *out)
{
	switch (v->kind) {
	case VALUE_NULL:
		buf_puts(out, "null");
		break;
	case VALUE_BOOL:
		buf_puts(out, v->as.b ? "true" : "false");
		break;
	case VALUE_INT:
	case VALUE_FLOAT:
		put_number(v, diag, out);
		break;
	case VALUE_STRING:
	case VALUE_DATETIME:
		json_put_string(out, v->text);
		break;
	case VALUE_ARRAY:
		buf_putc(out, '[');
		for (size_t i = 0; i < v->as.array.n; i++) {
			buf_puts(out, i ? "," : "");
			put(a, v->as.array.items[i], diag, out);
		}
		buf_putc(out, ']');
		break;
	case VALUE_TABLE:
		put_table(a, v, diag, out);
		break;
	}
}

enum err canon_write(
    struct arena *a, const struct value *v, struct diag *diag, struct buf *out)
{
	struct diag own;

	/* findings are counted, so there has to be a list */
	if (!diag) {
		diag_init(&own, a);
		diag = &own;
	}
	size_t before = diag->errors;
	put(a, v, diag, out);
	return diag->errors > before ? ERR_INPUT : ERR_OK;
}
