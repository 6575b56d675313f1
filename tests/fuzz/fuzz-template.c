#include <stdlib.h>
#include <string.h>

#include "cgi/secrets.h"
#include "cgi/template.h"
#include "lib/json.h"
#include "lib/url.h"
#include "lib/utf8.h"
#include "tests/fuzz/fuzz.h"

/*
 * A template of our own, which the first byte chooses, or the first line of
 * the input is one; the rest is what a client sends as its body, {body} and
 * {header.x}. Whatever that is, it stays a value: it begins no parameter, no
 * member, no header and no segment of its own, and brings no secret to light
 * where none may stand.
 */
const char *const fuzz_words[] = {"{body.a}", "{body.a?}", "{body.b.c?}",
    "{header.x}", "{header.x?}", "{secret.it}", "{secret.it?}", "{query.q?}",
    "{path.id}", "{id.x}", "{id.x?}", "{call.a}", "{call.b.c?}", "{job.id}",
    "{job.acceptedAt}", "{", "}", "?", "&", "=", "/", "..", "\"", "\\", "[",
    "]", ",", ":", "\n", "{\"a\":", "\"a\":\"", "null", "1.10", "true",
    "\\u0000", "\\ud83d", "\xff", "\r\n", "%2e", "+", NULL};

#define MARK "SECRETMARK"
static struct secret secret = {
    .name = STR_INIT("it"), .env = STR_INIT("LOWTIDE_FUZZ_SECRET")};
static const struct config config = {.secrets = &secret, .n_secrets = 1};
static struct secrets *secrets;

static const struct {
	enum template_place where;
	const char *text;
} ours[] = {
    {TEMPLATE_PATH, "/o/{body.a}/r?x={body.b?}&y={header.x?}&z=1"},
    {TEMPLATE_PATH, "/o?x={body.a?}{secret.it}"},
    {TEMPLATE_HEADER, "Bearer {header.x} {body.a?}"},
    {TEMPLATE_FORM, "a {body.a?}&{header.x}"},
    {TEMPLATE_BODY, "{\"a\":{body.a?},\"b\":[{body.b?},\"x{body.a?}\"],"
		    "\"c\":{\"d\":\"{header.x?}\"},\"e\":{body.a}}"},
    {TEMPLATE_BODY, "[{body.a?},{body.b.c?}]"},
};
#define OURS (sizeof(ours) / sizeof(*ours))

static bool has_mark(struct str s)
{
	return s.n && memmem(s.p, s.n, MARK, sizeof(MARK) - 1);
}

static size_t count(struct str s, char c)
{
	size_t n = 0;

	for (size_t i = 0; i < s.n; i++)
		n += s.p[i] == c;
	return n;
}

static void path_holds(struct str text, struct str out)
{
	const size_t mark = str_find(out, '?', 0);
	const struct str query = str_slice(out, mark, out.n);

	for (size_t i = 0; i < out.n; i++)
		fuzz_must(out.p[i] > ' ' && out.p[i] < 0x7f);
	fuzz_must(count(str_slice(out, 0, mark), '/') ==
		  count(str_slice(text, 0, str_find(text, '?', 0)), '/'));
	fuzz_must(count(query, '&') <= count(text, '&'));
	fuzz_must(count(query, '=') <= count(text, '='));
	fuzz_must(!str_ends(query, "&") || str_ends(text, "&"));
}

static void form_holds(struct str out)
{
	for (size_t i = 0; i < out.n; i++) {
		const char c = out.p[i];
		fuzz_must((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
			  (c >= '0' && c <= '9') || strchr("*-._+%", c));
	}
}

static void header_holds(struct str out)
{
	for (size_t i = 0; i < out.n; i++) {
		const unsigned char c = (unsigned char)out.p[i];
		fuzz_must((c >= ' ' || c == '\t') && c != 0x7f);
	}
}

/* One of ours: it becomes what it says it is. */
static void ours_holds(struct arena *a, size_t i, struct str out)
{
	struct value *v;

	switch (ours[i].where) {
	case TEMPLATE_PATH:
		path_holds(str_of(ours[i].text), out);
		break;
	case TEMPLATE_FORM:
		form_holds(out);
		break;
	case TEMPLATE_HEADER:
		header_holds(out);
		break;
	case TEMPLATE_BODY:
		fuzz_must(json_read(a, out, 1 << 20, NULL, NULL, &v) == ERR_OK);
		fuzz_must(
		    v->kind == (out.p[0] == '[' ? VALUE_ARRAY : VALUE_TABLE));
		break;
	}
}

static void fill(struct arena *a, const struct template_source *source,
    enum template_place where, struct str text, size_t which)
{
	struct str out = {0}, place;
	enum err err = template_fill(a, source, where, text, &out, &place);

	fuzz_must((err == ERR_OK) == (place.n == 0));
	fuzz_must(err == ERR_OK || err == ERR_NOT_FOUND || err == ERR_INPUT);
	fuzz_must(!has_mark(place));
	if (err == ERR_OK && which < OURS)
		ours_holds(a, which, out);
	else if (err == ERR_OK && where == TEMPLATE_FORM)
		form_holds(out);
	/* not in a path, and nowhere but where a place asks for it */
	struct str shown = out;
	if (where == TEMPLATE_PATH)
		shown = str_slice(out, 0, str_find(out, '?', 0));
	if ((where == TEMPLATE_PATH || !template_uses(text, "secret")) &&
	    !has_mark(text) && err == ERR_OK && shown.n)
		fuzz_must(!has_mark(shown));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct arena a = {0};
	struct value *tree = NULL;

	if (n == 0)
		return 0;
	if (!secrets) {
		setenv("LOWTIDE_FUZZ_SECRET", MARK, 1);
		secrets = secrets_new(&config);
	}
	const size_t which = data[0] % (OURS + 4);
	struct str body = {(const char *)data + 1, n - 1}, text;
	const size_t line = str_find(body, '\n', 0);
	struct pair header = {STR("x"), str_slice(body, 0, line)};
	const struct envelope_request request = {.method = STR("POST"),
	    .path = STR("/api/x/a%2Fb"),
	    .query = str_slice(body, 0, line < 4096 ? line : 4096),
	    .headers = {&header, 1}};
	if (has_mark(body)) /* a word of ours */
		return 0;
	if (which < OURS) {
		text = str_of(ours[which].text);
	} else {
		text = str_slice(body, 0, line);
		body = str_slice(body, line + 1, body.n);
	}
	if (json_read(&a, body, 65536, NULL, NULL, &tree) != ERR_OK)
		tree = NULL;
	const struct pairs ids = {&header, 1};
	const struct template_source source = {.pattern = STR("/api/x/{id}"),
	    .request = &request,
	    .body = tree,
	    .ids = &ids,
	    .calls = tree,
	    .job_id = STR("job_x"),
	    .accepted_ms = 1,
	    .secrets = secrets};
	fill(&a, &source,
	    which < OURS ? ours[which].where
			 : (enum template_place)(which - OURS),
	    text, which);
	arena_release(&a);
	return 0;
}
