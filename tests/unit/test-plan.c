#include "tests/unit/manifest-kit.h"

#include "generator/plan-print.h"

/* covers generator/plan.c, plan-url.c and plan-print.c */
static struct arena arena;

static int fresh(void **state)
{
	(void)state;
	arena_release(&arena);
	return 0;
}

static struct plan_input input_of(
    const struct manifest *now, const struct manifest *before)
{
	return (struct plan_input){.now = now,
	    .before = before,
	    .manifest_bytes = 100,
	    .manifest_differs = !before || !str_eq(kit_text(&arena, now),
					       kit_text(&arena, before))};
}

/* NULL: nothing was published before. keep is 2 releases. */
static struct plan plan_of(
    const struct manifest *before, const char *now, struct manifest *m)
{
	struct plan plan;

	*m = release_of(&arena, now);
	manifest_keep(&arena, m, before, 2);
	struct plan_input in = input_of(m, before);
	plan_make(&arena, &in, &plan);
	return plan;
}

/* "immutable new a.1; pages changed index.html; …" */
static const char *spell(const struct plan *plan)
{
	struct buf out = {0};

	for (size_t i = 0; i < plan->n; i++) {
		const struct plan_change *c = &plan->changes[i];
		buf_printf(&out, "%s%s %s %.*s", i ? "; " : "",
		    plan_step_names[c->step], plan_why_names[c->why],
		    STR_ARG(c->path));
	}
	const char *text = arena_cstr(&arena, buf_str(&out));
	buf_release(&out);
	return text;
}

static const char *urls(const struct plan *plan)
{
	struct buf out = {0};

	plan_print_paths(plan, PLAN_INVALIDATE, PLAN_STEP_COUNT, ' ', &out);
	const char *text = arena_cstr(&arena, buf_str(&out));
	buf_release(&out);
	return text;
}

static const char *changes(const char *before, const char *now)
{
	struct manifest a, b;
	struct plan plan;

	if (before)
		a = release_of(&arena, before);
	plan = plan_of(before ? &a : NULL, now, &b);
	return spell(&plan);
}

static const char *invalid(const char *before, const char *now)
{
	struct manifest a = release_of(&arena, before), b;
	struct plan plan = plan_of(&a, now, &b);

	return urls(&plan);
}

#define SAME ""
#define MANIFEST "; manifest changed manifest.json"

static void the_first_deploy_uploads_all(void **state)
{
	(void)state;
	assert_string_equal(changes(NULL, "a.1 immutable x br gz\n"
					  "index.html page y br\n"
					  "z.json pointer z\n"),
	    "immutable new a.1.gz; immutable new a.1.br; immutable new a.1; "
	    "new new z.json; new new index.html.br; new new index.html; "
	    "manifest new manifest.json");
	struct manifest m;
	struct plan plan = plan_of(NULL, "index.html page y\n", &m);
	assert_string_equal(urls(&plan), "");
	assert_int_equal(plan.n_uploads, 2);
	assert_int_equal(plan.bytes, 1 + 100);
}

static void nothing_changed_is_nothing_to_do(void **state)
{
	static const char same[] = "a.1 immutable x br\nb.html page y gz\n";

	(void)state;
	assert_string_equal(changes(same, same), SAME);
	assert_string_equal(invalid(same, same), "");
}

/* What is public at any time names only what is there. */
static void the_order_is_safe(void **state)
{
	(void)state;
	assert_string_equal(changes("a.1 immutable x\n"
				    "b.html page old\n"
				    "c.json pointer old\n"
				    "gone.html page x\n"
				    "gone.json pointer x br\n",
				"a.2 immutable y\n"
				"b.html page new\n"
				"c.json pointer new\n"
				"new.html page x\n"
				"new.json pointer x\n"),
	    "immutable new a.2; new new new.json; new new new.html; "
	    "pages changed b.html; pointers changed c.json; "
	    "delete gone gone.html; delete gone gone.json.br; "
	    "delete gone gone.json" MANIFEST);
}

static void a_changed_header_is_an_upload(void **state)
{
	(void)state;
	assert_string_equal(
	    changes("a page x br\n", "a page x br !text/plain\n"),
	    "pages headers a.br; pages headers a" MANIFEST);
	assert_string_equal(changes("a page x br\n", "a pointer x br\n"),
	    "pointers headers a.br; pointers headers a" MANIFEST);
	assert_string_equal(
	    invalid("a page x\n", "a pointer x\n"), "/a /manifest.json ");
}

static void siblings_come_and_go_alone(void **state)
{
	(void)state;
	assert_string_equal(changes("a.html page x br\n", "a.html page x gz\n"),
	    "stale gone a.html.br; pages new a.html.gz" MANIFEST);
	assert_string_equal(invalid("a.html page x br\n", "a.html page x gz\n"),
	    "/a /a.html /manifest.json ");
	/* before the original changes, or it would be older than that */
	assert_string_equal(changes("a.html page x br\n", "a.html page y\n"),
	    "stale gone a.html.br; pages changed a.html" MANIFEST);
	/* a file of its own is no sibling of another */
	assert_string_equal(changes("a page x br\n", "a page x\na.br page z\n"),
	    "new new a.br" MANIFEST);
	assert_string_equal(changes("a page x\na.br page z\n", "a page x br\n"),
	    "pages new a.br" MANIFEST);
}

static void what_releases_keep_is_not_deleted(void **state)
{
	struct manifest a =
	    release_of(&arena, "a.1 immutable x br\np page 1\n");
	struct manifest b, c, d;

	(void)state;
	struct plan plan = plan_of(&a, "a.2 immutable y\np page 2\n", &b);
	assert_string_equal(
	    spell(&plan), "immutable new a.2; pages changed p" MANIFEST);
	assert_int_equal(plan.kept, 2);
	/* the first one is beyond keep = 2 now */
	plan = plan_of(&b, "a.3 immutable z\np page 3\n", &c);
	assert_string_equal(spell(&plan),
	    "immutable new a.3; pages changed p; delete gone a.1; "
	    "delete gone a.1.br" MANIFEST);
	assert_string_equal(urls(&plan), "/a.1 /manifest.json /p ");
	assert_int_equal(plan.lost, 0);
	/* what comes back is uploaded: its bytes are not known to be there */
	plan = plan_of(&c, "a.2 immutable y\np page 2\n", &d);
	assert_string_equal(
	    spell(&plan), "immutable new a.2; pages changed p" MANIFEST);
}

static void what_was_not_kept_is_told(void **state)
{
	struct manifest a = release_of(
	    &arena, "a.1 immutable x br\nb.1 immutable x\np page 1\n");
	struct manifest b = release_of(&arena, "p page 2\n");
	struct plan_input in = input_of(&b, &a);
	struct plan plan;

	(void)state;
	plan_make(&arena, &in, &plan);
	/* the page that named them goes first */
	assert_string_equal(spell(&plan),
	    "pages changed p; delete gone a.1.br; delete gone a.1; "
	    "delete gone b.1" MANIFEST);
	assert_int_equal(plan.lost, 2);
	assert_int_equal(plan.n_deletes, 3);
}

static void pages_go_before_what_they_named(void **state)
{
	struct manifest a =
	    release_of(&arena, "a.1 immutable x\nz.html page 1\n");
	struct manifest b = release_of(&arena, "p page 2\n");
	struct plan_input in = input_of(&b, &a);
	struct plan plan;

	(void)state;
	plan_make(&arena, &in, &plan);
	assert_string_equal(spell(&plan),
	    "new new p; delete gone z.html; delete gone a.1" MANIFEST);
}

static void the_signature_goes_with_the_manifest(void **state)
{
	struct manifest m = release_of(&arena, "a page x\n");
	struct plan_input in = input_of(&m, &m);
	struct plan plan;

	(void)state;
	in.signature_bytes = 300;
	in.signature_differs = true;
	plan_make(&arena, &in, &plan);
	assert_string_equal(
	    spell(&plan), "manifest changed manifest.json.minisig");
	assert_string_equal(urls(&plan), "/manifest.json.minisig ");
	in.manifest_differs = true;
	plan_make(&arena, &in, &plan);
	assert_string_equal(
	    spell(&plan), "manifest changed manifest.json.minisig" MANIFEST);
	in = input_of(&m, &m);
	in.signature_gone = true;
	plan_make(&arena, &in, &plan);
	assert_string_equal(spell(&plan), "delete gone manifest.json.minisig");
}

static void urls_are_what_browsers_ask_for(void **state)
{
	static const struct {
		const char *path, *urls;
	} rows[] = {
	    {"index.html", "/index.html /"},
	    {"guide/index.html", "/guide/index.html /guide/ /guide"},
	    {"about.html", "/about.html /about"},
	    {"xindex.html", "/xindex.html /xindex"},
	    {"a/b.json", "/a/b.json"},
	    {"a b/\xc3\xa9?#%.txt", "/a%20b/%C3%A9%3F%23%25.txt"},
	    {"@(1),'x'+y!$&;=:~_-.txt", "/@(1),'x'+y!$&;=:~_-.txt"},
	    {"a*", "/a%2A"},
	    {"a\"<>\\^`{|}", "/a%22%3C%3E%5C%5E%60%7B%7C%7D"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct str got[PLAN_URLS_MAX];
		struct buf all = {0};
		size_t n = plan_urls(&arena, str_of(rows[i].path), got);
		for (size_t j = 0; j < n; j++)
			buf_printf(
			    &all, "%s%.*s", j ? " " : "", STR_ARG(got[j]));
		assert_string_equal(all.data, rows[i].urls);
		buf_release(&all);
	}
}

static void urls_are_those_that_changed(void **state)
{
	(void)state;
	/* new: somebody may have been told that there is none */
	assert_string_equal(
	    invalid("a page x\n", "a page x\nb.html page y\nc.1 immutable z\n"),
	    "/b /b.html /manifest.json ");
	/* kept: it is still there */
	assert_string_equal(
	    invalid("a page x\nc.1 immutable z\n", "a page x\n"),
	    "/manifest.json ");
	assert_string_equal(
	    invalid("a page x\nb/index.html page y\n", "a page x\n"),
	    "/b /b/ /b/index.html /manifest.json ");
	assert_string_equal(invalid("a immutable x\n", "a immutable y\n"),
	    "/a /manifest.json ");
}

/* An application of one page: any path may have the old one. */
static void a_fallback_is_everywhere(void **state)
{
	struct manifest a = release_of(&arena, "a page x\nb page y\n");
	struct manifest b = release_of(&arena, "a page z\nb page y\n");
	struct plan_input in = input_of(&b, &a);
	struct plan plan;

	(void)state;
	a.fallback = b.fallback = STR("b");
	plan_make(&arena, &in, &plan);
	assert_string_equal(urls(&plan), "/a /manifest.json ");
	a.fallback = b.fallback = STR("a");
	plan_make(&arena, &in, &plan);
	assert_string_equal(urls(&plan), "/* ");
	b.fallback = STR("b");
	plan_make(&arena, &in, &plan);
	assert_string_equal(urls(&plan), "/* ");
	b.fallback = STR("");
	plan_make(&arena, &in, &plan);
	assert_string_equal(urls(&plan), "/* ");
}

static struct str printed(void (*print)(struct plan *, struct buf *),
    const char *before, const char *now)
{
	struct manifest a = release_of(&arena, before), b;
	struct plan plan = plan_of(&a, now, &b);
	struct buf out = {0};

	print(&plan, &out);
	struct str text = arena_str(&arena, buf_str(&out));
	buf_release(&out);
	return text;
}

static void as_aws(struct plan *plan, struct buf *out)
{
	const struct plan_aws aws = {
	    .www = "-d", .bucket = STR("s3://b/p"), .distribution = "E1"};

	plan_print_aws(plan, &aws, out);
}

static void aws_is_told_types_and_codings(void **state)
{
	(void)state;
	assert_string_equal(printed(as_aws, "a.css page x\nb page y\n",
				"a.css page x br\nit's.html pointer z gz\n")
				.p,
	    "set -e\n"
	    "# new\n"
	    "aws s3 cp --only-show-errors './-d/it'\\''s.html.gz' "
	    "'s3://b/p/it'\\''s.html.gz' --content-type "
	    "'text/html; charset=utf-8' --cache-control 'no-cache' "
	    "--content-encoding 'gzip'\n"
	    "aws s3 cp --only-show-errors './-d/it'\\''s.html' "
	    "'s3://b/p/it'\\''s.html' --content-type "
	    "'text/html; charset=utf-8' --cache-control 'no-cache'\n"
	    "# pages\n"
	    "aws s3 cp --only-show-errors './-d/a.css.br' 's3://b/p/a.css.br' "
	    "--content-type 'text/css; charset=utf-8' --cache-control "
	    "'no-cache' --content-encoding 'br'\n"
	    "# delete\n"
	    "aws s3 rm --only-show-errors 's3://b/p/b'\n"
	    "# manifest\n"
	    "aws s3 cp --only-show-errors './-d/manifest.json' "
	    "'s3://b/p/manifest.json' --content-type 'application/json' "
	    "--cache-control 'no-cache'\n"
	    "# what a cache may still have\n"
	    "aws cloudfront create-invalidation --distribution-id 'E1' "
	    "--paths '/a.css' '/b' '/it'\\''s' '/it'\\''s.html' "
	    "'/manifest.json'\n");
	assert_string_equal(printed(as_aws, "a page x\n", "a page x\n").p, "");
}

/* CloudFront takes so many at once; then everything is one. */
static void too_many_urls_are_all(void **state)
{
	struct buf before = {0}, now = {0};

	(void)state;
	for (int i = 0; i < AWS_PATHS_MAX; i++) {
		buf_printf(&before, "f%d page x\n", i);
		buf_printf(&now, "f%d page y\n", i);
	}
	struct str text = printed(as_aws, before.data, now.data);
	assert_true(str_ends(text, "--distribution-id 'E1' --paths '/*'\n"));
	buf_release(&before);
	buf_release(&now);
}

static void as_text(struct plan *plan, struct buf *out)
{
	struct manifest now = release_of(&arena, "a page x\n");
	struct plan_input in = input_of(&now, &now);

	plan_print_text(plan, &in, false, out);
}

static void people_are_told_what_and_why(void **state)
{
	struct str text = printed(as_text, "a page x\nb page x\nc page x\n",
	    "a page y\nb pointer x\nd immutable 12345\n");
	size_t start = str_find(text, '\n', 0);

	(void)state;
	assert_string_equal(text.p + start + 1,
	    "upload 4 files, 107 B; 0 are there as they should be\n"
	    "  immutable\n"
	    "    new      d (5 B)\n"
	    "  pages\n"
	    "    changed  a (1 B)\n"
	    "  pointers\n"
	    "    headers  b (application/octet-stream, pointer; was "
	    "application/octet-stream, page)\n"
	    "  manifest\n"
	    "    changed  manifest.json (100 B)\n"
	    "keep 0 files of 0 earlier releases\n"
	    "delete 1 file\n"
	    "    gone     c\n"
	    "invalidate 4 URLs\n"
	    "    /a\n    /b\n    /c\n    /manifest.json\n");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fresh, fresh)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(the_first_deploy_uploads_all),
	    TEST(nothing_changed_is_nothing_to_do),
	    TEST(the_order_is_safe),
	    TEST(a_changed_header_is_an_upload),
	    TEST(siblings_come_and_go_alone),
	    TEST(what_releases_keep_is_not_deleted),
	    TEST(what_was_not_kept_is_told),
	    TEST(pages_go_before_what_they_named),
	    TEST(the_signature_goes_with_the_manifest),
	    TEST(urls_are_what_browsers_ask_for),
	    TEST(urls_are_those_that_changed),
	    TEST(a_fallback_is_everywhere),
	    TEST(aws_is_told_types_and_codings),
	    TEST(too_many_urls_are_all),
	    TEST(people_are_told_what_and_why),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("plan", tests, NULL, NULL);
}
