#include "tests/unit/manifest-kit.h"

#include <sys/stat.h>
#include <unistd.h>

#include "lib/fs.h"

/* covers generator/manifest-read.c, manifest-write.c and previous.c */
static struct arena arena;
static struct diag diag;

static int fresh(void **state)
{
	(void)state;
	arena_release(&arena);
	diag_init(&diag, &arena);
	return 0;
}

static int wipe(void **state)
{
	(void)state;
	arena_release(&arena);
	return 0;
}

static const char lines[] = "assets/a.1.css immutable body{} br gz\n"
			    "assets/b.2.mjs immutable x env\n"
			    "caf\xc3\xa9 page y !text/plain\n"
			    "index.html page hello br\n"
			    "plans.json pointer {} env gz zst\n"
			    "q\"\\'x.html page z\n";

static struct manifest sample(void)
{
	struct manifest m = release_of(&arena, lines);
	struct manifest before = release_of(&arena,
	    "assets/a.0.css immutable old br\nassets/b.2.mjs immutable x\n");

	manifest_keep(&arena, &m, &before, 10);
	return m;
}

static void what_is_written_is_read(void **state)
{
	struct manifest m = sample(), back;

	(void)state;
	struct str text = kit_text(&arena, &m);
	assert_int_equal(
	    manifest_read(&arena, text, "m", &diag, &back), ERR_OK);
	assert_int_equal(diag.errors, 0);
	assert_true(str_eq(back.name, m.name));
	assert_true(str_eq(back.id, m.id));
	assert_int_equal(back.n, m.n);
	for (size_t i = 0; i < m.n; i++) {
		const struct manifest_file *f = &m.files[i];
		const struct manifest_file *g = &back.files[i];
		assert_true(str_eq(f->path, g->path));
		assert_true(str_eq(f->type, g->type));
		assert_int_equal(f->class, g->class);
		assert_int_equal(f->from_env, g->from_env);
		assert_memory_equal(&f->digest, &g->digest, sizeof(f->digest));
		assert_memory_equal(
		    f->siblings, g->siblings, sizeof(f->siblings));
		assert_int_equal(g->pos.line, i + 2);
		assert_ptr_equal(manifest_find(&back, f->path), g);
	}
	assert_null(manifest_find(&back, STR("index.htm")));
	assert_null(manifest_find(&back, STR("")));
	assert_string_equal(
	    kit_kept(&arena, &back), "[assets/a.0.css assets/a.0.css.br]");
	assert_true(str_eq(kit_text(&arena, &back), text));
}

static void nothing_may_be_published(void **state)
{
	struct manifest m = release_of(&arena, ""), back;

	(void)state;
	assert_int_equal(
	    manifest_read(&arena, kit_text(&arena, &m), NULL, &diag, &back),
	    ERR_OK);
	assert_int_equal(back.n, 0);
	assert_null(manifest_find(&back, STR("a")));
}

/* The sample's text with the first `from` replaced. */
static struct str changed(struct str text, const char *from, const char *to)
{
	const char *at = memmem(text.p, text.n, from, strlen(from));

	if (!at)
		fail_msg("no %s", from);
	size_t before = (size_t)(at - text.p);
	return arena_printf(&arena, "%.*s%s%.*s", (int)before, text.p, to,
	    STR_ARG(str_slice(text, before + strlen(from), text.n)));
}

static const struct {
	const char *from, *to, *name, *words;
} broken[] = {
    {"{\"format\":1", "{\"format\":2", "manifest-format",
	"its format is 2 and this lowtide reads 1"},
    {"{\"format\":1,", "{", "manifest-format", "no manifest of lowtide"},
    {"{\"format\":1,", "{\"icons\":[],\"format\":1,", "manifest-format",
	"no manifest of lowtide"},
    {"{\"format\":1", "{\"format\":\"1\"", "manifest-syntax", "a whole number"},
    {"\"name\":\"acme\",", "", "manifest-key", "\"name\" is missing"},
    {"\"name\":\"acme\",", "\"name\":\"acme\",\"name\":\"acme\",",
	"manifest-key", "\"name\" stands here twice"},
    {"\"name\":", "\"nome\":", "manifest-key", "no manifest has a member"},
    {"\"acme\"", "\"Acme\"", "manifest-value", "a site's name"},
    {"\"acme\"", "\"\"", "manifest-value", "a site's name"},
    {"assets/a.1.css", "assets/a.1.csz", "manifest-release", "not the id"},
    {"\"path\":\"assets/a", "\"path\":\"/assets/a", "manifest-path",
	"no build publishes"},
    {"assets/a.1", "assets//a.1", "manifest-path", "no build publishes"},
    {"assets/a.1", "assets/../a.1", "manifest-path", "no build publishes"},
    {"assets/a.1", "assets/./a.1", "manifest-path", "no build publishes"},
    {"assets/a.1", "..", "manifest-release", "not the id"},
    {"\"assets/a.1.css\"", "\"..\"", "manifest-path", "no build publishes"},
    {"\"assets/a.1.css\"", "\"\"", "manifest-path", "no build publishes"},
    {"\"assets/a.1.css\"", "\"a/\"", "manifest-path", "no build publishes"},
    {"assets/a.1", "assets/a\\n.1", "manifest-path", "no build publishes"},
    {"\"assets/a.1.css\"", "\"manifest.json\"", "manifest-path",
	"no build publishes"},
    {"\"assets/a.1.css\"", "\"manifest.json.minisig\"", "manifest-path",
	"no build publishes"},
    {"assets/a.1", "assets/b.3", "manifest-path", "not in the order"},
    {"\"assets/a.1.css\"", "\"assets/b.2.mjs\"", "manifest-path",
	"it stands twice"},
    {"\"bytes\":6,", "\"bytes\":-6,", "manifest-syntax", "whole number"},
    {"\"blake2b\":\"", "\"blake2b\":\"0", "manifest-value", "64 hex digits"},
    {"\"sha256\":\"", "\"sha256\":\"G", "manifest-value", "64 hex digits"},
    {"\"integrity\":\"sha512-", "\"integrity\":\"sha384-", "manifest-value",
	"64 bytes as base64"},
    {"==\",\"type\"", "=A\",\"type\"", "manifest-value", "64 bytes as base64"},
    {"\"type\":\"text/css; charset=utf-8\"", "\"type\":\"text\"",
	"manifest-value", "a media type"},
    {"\"type\":\"text/css; charset=utf-8\"", "\"type\":\"a/b\\r\\nX: y\"",
	"manifest-value", "a media type"},
    {"\"immutable\"", "\"private\"", "manifest-value", "\"pointer\""},
    {"\"br\":{", "\"lz\":{", "manifest-key", "no coding"},
    {"\"br\":{", "\"gz\":{", "manifest-key", "no coding"},
    {"\"br\":{\"bytes\":7", "\"br\":{\"bytes\":0", "manifest-value",
	"no bytes"},
    {"\"env\":false", "\"env\":0", "manifest-syntax", "true or false"},
    {"},\n{", "}\n{", "manifest-syntax", "a ',' or ']'"},
    {"\"releases\":[\n{\"release\":\"", "\"releases\":[\n{\"release\":\"x",
	"manifest-value", "64 hex digits"},
    {"a.0.css\",\"assets", "a.0.css.br\",\"assets", "manifest-path",
	"it stands twice"},
    {"\"assets/a.0.css\",\"assets/a.0.css.br\"",
	"\"assets/a.1.css\",\"assets/b.0\"", "manifest-release",
	"which this one has itself"},
};

static void what_is_broken_is_refused(void **state)
{
	struct manifest m = sample(), back;
	struct str text = kit_text(&arena, &m);

	(void)state;
	for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
		struct str bad = changed(text, broken[i].from, broken[i].to);
		diag_init(&diag, &arena);
		assert_int_equal(
		    manifest_read(&arena, bad, "m", &diag, &back), ERR_INPUT);
		assert_int_equal(diag.errors, 1);
		if (strcmp(diag.first->name, broken[i].name) != 0 ||
		    !strstr(diag.first->text.p, broken[i].words))
			fail_msg("%s -> %s: %s: %s", broken[i].from,
			    broken[i].to, diag.first->name, diag.first->text.p);
		assert_int_not_equal(diag.first->pos.line, 0);
	}
}

static void an_id_stands_once(void **state)
{
	struct manifest m = sample(), back;

	(void)state;
	m.releases[0].id = m.id;
	assert_int_equal(
	    manifest_read(&arena, kit_text(&arena, &m), "m", &diag, &back),
	    ERR_INPUT);
	assert_non_null(strstr(diag.first->text.p, "two releases"));
}

static void a_fallback_is_one_of_the_files(void **state)
{
	struct manifest m = sample(), back;

	(void)state;
	m.fallback = STR("index.html");
	assert_int_equal(
	    manifest_read(&arena, kit_text(&arena, &m), "m", &diag, &back),
	    ERR_OK);
	assert_true(str_eq(back.fallback, m.fallback));
	assert_true(str_eq(kit_text(&arena, &back), kit_text(&arena, &m)));
	m.fallback = STR("none.html");
	assert_int_equal(
	    manifest_read(&arena, kit_text(&arena, &m), "m", &diag, &back),
	    ERR_INPUT);
	assert_string_equal(diag.first->name, "manifest-path");
}

static void a_sibling_has_no_row(void **state)
{
	struct manifest m = release_of(
			    &arena, "a.css page x br\na.css.br page y\n"),
			back;

	(void)state;
	assert_int_equal(
	    manifest_read(&arena, kit_text(&arena, &m), "m", &diag, &back),
	    ERR_INPUT);
	assert_non_null(strstr(diag.first->text.p, "it is the br of another"));
	/* without a coding of its own it is a file like any other */
	m = release_of(&arena, "a.css page x gz\na.css.br page y\n");
	assert_int_equal(
	    manifest_read(&arena, kit_text(&arena, &m), "m", &diag, &back),
	    ERR_OK);
}

/* No part of one is one, and no byte changed unseen makes it crash. */
static void damage_is_survived(void **state)
{
	struct manifest m = sample(), back;
	struct str text = kit_text(&arena, &m);
	unsigned seed = 1;

	(void)state;
	char *bad = arena_cstr(&arena, text);
	for (size_t n = 0; n + 1 < text.n; n++) {
		struct arena a = {0};
		char *part = malloc(n ? n : 1);
		memcpy(part, text.p, n);
		struct str s = {.p = part, .n = n};
		assert_int_equal(
		    manifest_read(&a, s, NULL, NULL, &back), ERR_INPUT);
		arena_release(&a);
		free(part);
	}
	for (size_t i = 0; i < 20000; i++) {
		struct arena a = {0};
		seed = seed * 1103515245 + 12345;
		size_t at = (seed >> 8) % text.n;
		bad[at] = (char)(seed >> 3);
		struct str s = {.p = bad, .n = text.n};
		if (manifest_read(&a, s, NULL, NULL, &back) == ERR_OK)
			for (size_t j = 0; j < back.n; j++)
				assert_non_null(
				    manifest_find(&back, back.files[j].path));
		bad[at] = text.p[at];
		arena_release(&a);
	}
}

/* --- releases --------------------------------------------------------- */

/* Each follows the one before; the last is what is built now. */
static const char *kept_after(size_t keep, size_t n, const char *const rows[])
{
	struct manifest last = release_of(&arena, rows[0]), back;

	for (size_t i = 1; i < n; i++) {
		struct manifest m = release_of(&arena, rows[i]);
		manifest_keep(&arena, &m, &last, keep);
		/* the reader takes whatever comes of it */
		assert_int_equal(manifest_read(&arena, kit_text(&arena, &m),
				     "m", &diag, &back),
		    ERR_OK);
		last = back;
	}
	return kit_kept(&arena, &last);
}
#define KEPT(keep, ...)                                                        \
	kept_after(keep,                                                       \
	    sizeof((const char *[]){__VA_ARGS__}) / sizeof(char *),            \
	    (const char *[]){__VA_ARGS__})
#define A "index.html page A\na.1 immutable one br\n"
#define B "index.html page B\na.2 immutable two gz\n"
#define C "index.html page C\na.3 immutable three\nc immutable c\n"

static void releases_are_kept(void **state)
{
	(void)state;
	assert_string_equal(KEPT(10, A), "");
	assert_string_equal(KEPT(10, A, B), "[a.1 a.1.br]");
	assert_string_equal(KEPT(10, A, B, C), "[a.2 a.2.gz] [a.1 a.1.br]");
	assert_string_equal(KEPT(3, A, B, C), "[a.2 a.2.gz] [a.1 a.1.br]");
	assert_string_equal(KEPT(2, A, B, C), "[a.2 a.2.gz]");
	assert_string_equal(KEPT(1, A, B, C), "");
}

static void the_same_again_is_the_same_release(void **state)
{
	(void)state;
	assert_string_equal(KEPT(10, A, A), "");
	assert_string_equal(KEPT(10, A, B, B, B), "[a.1 a.1.br]");
	/* and so is one that comes back */
	assert_string_equal(KEPT(10, A, B, A), "[a.2 a.2.gz]");
	assert_string_equal(KEPT(10, A, B, A, B), "[a.1 a.1.br]");
	assert_string_equal(KEPT(10, A, B, A, C), "[a.1 a.1.br] [a.2 a.2.gz]");
}

static void what_came_back_is_kept_once(void **state)
{
	(void)state;
	/* c is in the 1st, 3rd and 4th: it stands with the last that had it */
	assert_string_equal(KEPT(10, "c immutable c\n", A, C,
				"c immutable c\nd immutable d\n", B),
	    "[c d] [a.3] [a.1 a.1.br] []");
	/* an empty release counts, or the oldest would be kept too long */
	assert_string_equal(
	    KEPT(3, A, "p page 1\n", "p page 2\n", "p page 3\n"), "[] []");
}

/* A sibling goes when its original stays without it. */
static void siblings_go_with_their_originals(void **state)
{
	(void)state;
	assert_string_equal(KEPT(10, A, "a.1 immutable one\n"), "[]");
	assert_string_equal(
	    KEPT(10, A, B, "a.1 immutable one\n"), "[a.2 a.2.gz] []");
}

/* --- previous --------------------------------------------------------- */

static const char *folder(void)
{
	char *dir = arena_cstr(&arena, STR("/tmp/lowtide-previous.XXXXXX"));

	assert_non_null(mkdtemp(dir));
	return dir;
}

static void previous_is_found(void **state)
{
	const char *dir = folder();
	const char *www = fs_join(&arena, dir, "www");
	const char *file = fs_join(&arena, www, OUT_MANIFEST);
	struct manifest m = sample();
	const struct previous *p;

	(void)state;
	assert_int_equal(fs_mkdirs(www, 0755, NULL), ERR_OK);
	assert_int_equal(previous_load(&arena, dir, &diag, &p), ERR_INPUT);
	assert_null(p);
	assert_string_equal(diag.first->name, "no-manifest");
	assert_int_equal(
	    fs_write(file, kit_text(&arena, &m), 0644, NULL), ERR_OK);
	const char *const places[] = {dir, www, file};
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(
		    previous_load(&arena, places[i], &diag, &p), ERR_OK);
		assert_true(str_eq(p->manifest.id, m.id));
		if (i < 2)
			assert_string_equal(p->dir, www);
		else
			assert_null(p->dir);
	}
	assert_int_equal(previous_load(&arena, "none", &diag, &p), ERR_OK);
	assert_null(p);
	assert_int_equal(previous_load(&arena, NULL, &diag, &p), ERR_OK);
	assert_null(p);
	assert_int_equal(
	    previous_load(&arena, fs_join(&arena, dir, "gone"), &diag, &p),
	    ERR_INPUT);
	assert_int_equal(fs_write(file, STR("{}"), 0644, NULL), ERR_OK);
	assert_int_equal(previous_load(&arena, dir, &diag, &p), ERR_INPUT);
	assert_int_equal(fs_remove_tree(dir, NULL), ERR_OK);
}

static void previous_may_be_piped_in(void **state)
{
	struct manifest m = sample();
	struct str text = kit_text(&arena, &m);
	const struct previous *p;
	FILE *f = tmpfile();
	int kept = dup(STDIN_FILENO);

	(void)state;
	assert_int_equal(fwrite(text.p, 1, text.n, f), text.n);
	rewind(f);
	assert_int_equal(dup2(fileno(f), STDIN_FILENO), STDIN_FILENO);
	enum err err = previous_load(&arena, "-", &diag, &p);
	/* a second time there is nothing */
	enum err again =
	    previous_load(&arena, "-", &diag, &(const struct previous *){NULL});
	if (kept >= 0)
		dup2(kept, STDIN_FILENO);
	fclose(f);
	assert_int_equal(err, ERR_OK);
	assert_true(str_eq(p->manifest.id, m.id));
	assert_null(p->dir);
	assert_int_equal(again, ERR_INPUT);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fresh, wipe)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(what_is_written_is_read),
	    TEST(nothing_may_be_published),
	    TEST(what_is_broken_is_refused),
	    TEST(an_id_stands_once),
	    TEST(a_fallback_is_one_of_the_files),
	    TEST(a_sibling_has_no_row),
	    TEST(damage_is_survived),
	    TEST(releases_are_kept),
	    TEST(the_same_again_is_the_same_release),
	    TEST(what_came_back_is_kept_once),
	    TEST(siblings_go_with_their_originals),
	    TEST(previous_is_found),
	    TEST(previous_may_be_piped_in),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("manifest-read", tests, NULL, NULL);
}
