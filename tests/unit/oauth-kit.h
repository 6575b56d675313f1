#ifndef LOWTIDE_TESTS_OAUTH_KIT_H
#define LOWTIDE_TESTS_OAUTH_KIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "generator/provider.h"
#include "generator/toml.h"

/*
 * [oauth.NAME] tables, as people write them, against what they become and the
 * findings they get. Names and places are relative to site.toml, line 1.
 */
#define ID "client_id = \"abc\"\n"
#define OP "authorization_endpoint = \"https://op.example/a\"\n"
#define AT "authorization_endpoint = "
#define BASE "https://www.vat.example"
#define TAIL                                                                   \
	"response_type=code&client_id=abc&redirect_uri=https%3A%2F%2Fwww.vat." \
	"example%2Fauth%2Fcallback.html&scope="

struct got {
	enum err err;
	struct oauth_provider provider;
	char *said; /* the findings as printed */
};

/* The table [oauth.ID]; 'x:y' is a variant, all of it. */
static inline struct got read_as(
    struct arena *a, const char *id, const char *base, const char *toml)
{
	struct got got = {0};
	struct diag diag;
	struct value *root;
	size_t n;
	struct pos pos = {.file = "site.toml", .line = 1, .col = 1};
	diag_init(&diag, a);
	assert_int_equal(
	    toml_read(a, str_of(toml), "site.toml", &diag, &root), ERR_OK);
	const struct member table = {
	    .key = str_of(id), .pos = pos, .value = root};
	struct value *base_url = value_string(a, str_of(base), POS_NONE);
	base_url->from_env = true;
	got.err = oauth_provider_read(
	    a, &table, base ? base_url : NULL, &diag, &got.provider);
	FILE *out = open_memstream(&got.said, &n);
	diag_print(&diag, out);
	fclose(out);
	return got;
}

static inline struct got read_with(
    struct arena *a, const char *base, const char *toml)
{
	return read_as(a, "x", base, toml);
}

static inline void gives(const char *base, const char *toml, const char *url)
{
	struct arena a;
	arena_init(&a);
	struct got got = read_with(&a, base, toml);
	assert_string_equal(got.said, "");
	assert_int_equal(got.err, ERR_OK);
	assert_string_equal(arena_cstr(&a, got.provider.url), url);
	free(got.said);
	arena_release(&a);
}

/* Refused with these findings, a line LINE:COLUMN: NAME each, no others. */
static inline void refuses(const char *toml, const char *findings)
{
	struct arena a;
	arena_init(&a);
	struct got got = read_with(&a, BASE, toml);
	assert_int_equal(got.err, ERR_INPUT);
	char *rest = got.said;
	for (const char *want = findings; *want;) {
		char line[128];
		size_t n = strcspn(want, "\n");
		snprintf(line, sizeof(line), "site.toml:%.*s: ", (int)n, want);
		if (strncmp(rest, line, strlen(line)) != 0)
			fail_msg("wanted %s got %s", line, rest);
		rest += strcspn(rest, "\n") + 1;
		want += n + (want[n] == '\n');
	}
	assert_string_equal(rest, "");
	free(got.said);
	arena_release(&a);
}

struct row {
	const char *toml, *findings;
};

static inline void refuses_all(const struct row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		print_message("# %.*s\n", (int)strcspn(rows[i].findings, "\n"),
		    rows[i].findings);
		refuses(rows[i].toml, rows[i].findings);
	}
}
#define REFUSES(rows) refuses_all(rows, sizeof(rows) / sizeof(*(rows)))

#endif
