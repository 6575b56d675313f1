#include <stdio.h>
#include <string.h>

#include "generator/scan-needles.h"
#include "tests/fuzz/fuzz.h"

/*
 * The search in steps finds what a plain one finds: every needle at every
 * place, whatever the bytes are, and nothing else. Nothing that was found is
 * told.
 */
const char *const fuzz_words[] = {"secret-value", "c2VjcmV0LXZhbHVl",
    "a/b&c\"d", "a%2Fb%26c%22d", "a&amp;b",
    "sk_"
    "live_",
    "whsec"
    "_",
    "AKIA",
    "ghp"
    "_",
    "-----BEGIN ", "PRIVATE KEY-----", "arn:aws:secretsmanager:", ":secret:",
    "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ",
    "Q4J7RZ2MNB5XLWTD", "xoxb-1", "\\n", "%0A", "EXAMPLE", "xxxx", NULL};

static const struct scan_value values[] = {
    {STR_INIT("secret-value"), STR_INIT("a.b")},
    {STR_INIT("a/b&c\"d"), STR_INIT("c.d")},
    {STR_INIT("\xff\x00\xfe\x01\xfd\x02"), STR_INIT("e.f")},
};
#define N_VALUES (sizeof(values) / sizeof(*values))

/* How many different keys and shapes are there. */
static size_t plain(struct arena *a, struct str text)
{
	struct needles all = needles_make(a, values, N_VALUES);
	const void *seen[64];
	size_t n = 0;

	for (size_t i = 0; i < all.n; i++) {
		const struct needle *one = &all.rows[i];
		const void *who = one->shape ? (const void *)one->shape->what
					     : (const void *)one->value;
		bool found = false;
		for (size_t at = 0; at + one->text.n <= text.n && !found; at++)
			found =
			    memcmp(text.p + at, one->text.p, one->text.n) ==
				0 &&
			    (!one->shape || shape_fits(one->shape, text, at));
		for (size_t j = 0; j < n && found; j++)
			found = seen[j] != who;
		if (found)
			seen[n++] = who;
	}
	return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct str text = {(const char *)data, n};
	struct arena a;
	struct diag diag;

	arena_init(&a);
	diag_init(&diag, &a);
	const struct scan *scan = scan_new(&a, values, N_VALUES);
	bool found = scan_bytes(scan, text, (struct pos){"x", 1, 1}, &diag);
	size_t want = plain(&a, text);
	fuzz_must(found == (want > 0));
	fuzz_must(diag.errors == (want < 16 ? want : 16));
	for (const struct diag_item *i = diag.first; i; i = i->next) {
		fuzz_must(strcmp(i->name, "secret-in-output") == 0);
		fuzz_must(i->pos.line >= 1 && i->pos.col >= 1);
		fuzz_must(!memmem(i->text.p, i->text.n, "secret-value", 12));
	}
	fuzz_must(scan_name(scan, text, NULL) == found);
	/* for keys: what is found is told there, too */
	for (const struct diag_item *i = diag.first; i; i = i->next)
		if (!memmem(i->text.p, i->text.n, "value of", 8))
			fuzz_must(scan_tells(text));
	arena_release(&a);
	return 0;
}
