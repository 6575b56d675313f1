#include "generator/catalogue-guard.h"

#include "generator/toml.h"
#include "tests/unit/site-kit.h"

/* The order of semver.org 2.0.0, 11, and numbers of any length. */
static void versions_have_an_order(void **state)
{
	static const char *const rising[] = {"0.0.0", "0.0.1", "0.9.0",
	    "0.10.0", "1.0.0-0", "1.0.0-1", "1.0.0-2", "1.0.0-10", "1.0.0--",
	    "1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.1.0",
	    "1.0.0-alpha.beta", "1.0.0-beta", "1.0.0-beta.2", "1.0.0-beta.11",
	    "1.0.0-rc.1", "1.0.0", "1.0.1-0", "1.2.0", "1.11.0", "2.0.0",
	    "18446744073709551616.0.0", "18446744073709551617.0.0"};
	size_t n = sizeof(rising) / sizeof(*rising);

	(void)state;
	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; j < n; j++) {
			int want = (i > j) - (i < j);
			if (catalogue_compare(
				str_of(rising[i]), str_of(rising[j])) != want)
				fail_msg("%s and %s", rising[i], rising[j]);
		}
	/* what follows a plus counts for nothing */
	assert_int_equal(catalogue_compare(STR("1.0.0+a"), STR("1.0.0+b")), 0);
	assert_int_equal(catalogue_compare(STR("1.0.0+a-b"), STR("1.0.0")), 0);
	assert_int_equal(
	    catalogue_compare(STR("1.0.0-a+z"), STR("1.0.0-b+a")), -1);
}

static void versions_are_raised(void **state)
{
	static const struct {
		const char *version;
		enum catalogue_bump bump;
		const char *raised;
	} rows[] = {
	    {"1.2.3", BUMP_NONE, "1.2.4"},
	    {"1.2.3", BUMP_PATCH, "1.2.4"},
	    {"1.2.3", BUMP_MINOR, "1.3.0"},
	    {"1.2.3", BUMP_MAJOR, "2.0.0"},
	    {"1.9.99", BUMP_PATCH, "1.9.100"},
	    {"1.9.99", BUMP_MINOR, "1.10.0"},
	    {"99.0.0", BUMP_MAJOR, "100.0.0"},
	    {"1.0.18446744073709551615", BUMP_PATCH,
		"1.0.18446744073709551616"},
	    {"0.2.3", BUMP_MAJOR, "0.3.0"},
	    {"0.2.3", BUMP_MINOR, "0.2.4"},
	    {"0.2.3", BUMP_PATCH, "0.2.4"},
	    {"1.2.3+x", BUMP_PATCH, "1.2.4"},
	    {"2.0.0-rc.1", BUMP_MAJOR, "2.0.0"},
	};
	struct arena a;

	(void)state;
	arena_init(&a);
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct str raised =
		    catalogue_raised(&a, str_of(rows[i].version), rows[i].bump);
		assert_string_equal(arena_cstr(&a, raised), rows[i].raised);
		assert_int_equal(
		    catalogue_compare(raised, str_of(rows[i].version)), 1);
	}
	arena_release(&a);
}

/* "bump path; bump path": the differences of two TOML texts. */
static const char *differ(struct arena *a, const char *was, const char *is)
{
	static const char marks[] = "=pmM";
	struct value *old, *new;
	struct catalogue_change *rows;
	struct str all = {0};

	if (toml_read(a, str_of(was), "was", NULL, &old) != ERR_OK ||
	    toml_read(a, str_of(is), "is", NULL, &new) != ERR_OK)
		fail_msg("%s\n%s", was, is);
	size_t n = catalogue_changes(a, old, new, &rows);
	for (size_t i = 0; i < n; i++)
		all = arena_printf(a, "%.*s%s%c %.*s", STR_ARG(all),
		    i ? "; " : "", marks[rows[i].bump], STR_ARG(rows[i].path));
	return arena_cstr(a, all);
}

static void differences(void **state)
{
	static const char *const rows[][3] = {
	    {"a = 1\nversion = '1'", "a = 1\nversion = '2'", ""},
	    {"a = 1.50", "a = 1.5", ""},
	    {"a = 1", "a = 2", "p a"},
	    {"a = 1", "a = 1.5", "p a"},
	    {"a = 1", "a = '1'", "M a"},
	    {"a = 1", "b = 1", "M a; m b"},
	    {"a.b.c = 1", "a.b.d = 1", "M a.b.c; m a.b.d"},
	    {"a = { version = 1 }", "a = {}", "M a.version"},
	    {"a = [1, 2]", "a = [2, 1]", "p a"},
	    {"a = [1, 2]", "a = [0, 1, 2]", "m a"},
	    {"a = [1, 2, 2]", "a = [1, 2]", "M a"},
	    {"a = ['x']", "a = ['y']", "M a; m a"},
	    {"a = [1]", "a = { b = 1 }", "M a"},
	    {"a = [{ b = 1 }, { b = 2 }]", "a = [{ b = 1 }, { b = 3 }]",
		"p a[1].b"},
	    {"a = [{ b = 1 }]", "a = [{ b = 1 }, {}]", "m a[1]"},
	    {"a = [{ b = 1 }, {}]", "a = [{ b = 1 }]", "M a[1]"},
	    {"a = [[1], [2]]", "a = [[1], [3]]", "M a[1]; m a[1]"},
	    {"a = true", "a = false", "p a"},
	    {"a = 2026-11-21", "a = 2026-11-22", "p a"},
	    {"a = nan", "a = nan", ""},
	};
	struct arena a;

	(void)state;
	arena_init(&a);
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		assert_string_equal(
		    differ(&a, rows[i][0], rows[i][1]), rows[i][2]);
	arena_release(&a);
}

#define SITE "name = 'x'\n[catalogue.plans]\n"

/* Builds what is there in the folder, and keeps it as the previous release. */
struct release {
	struct kit k;
	struct out_spec spec;
	const struct previous *previous;
};

static void publish(struct release *r, const char *catalogue)
{
	kit_open(&r->k);
	kit_file(&r->k, "site.toml", SITE);
	kit_file(&r->k, "catalogue/plans.toml", catalogue);
	assert_int_equal(kit_load(&r->k, NULL), ERR_OK);
	r->spec.dir = kit_path(&r->k, "dist");
	r->k.build = (struct build){
	    .arena = &r->k.arena, .diag = &r->k.diag, .spec = &r->spec};
	assert_int_equal(build_run(&r->k.build, r->k.site), ERR_OK);
	assert_int_equal(out_commit(&r->k.build.out, &r->k.diag), ERR_OK);
	assert_int_equal(
	    previous_load(&r->k.arena, r->spec.dir, &r->k.diag, &r->previous),
	    ERR_OK);
}

static enum err again(
    struct release *r, const char *site, const char *catalogue)
{
	kit_file(&r->k, "site.toml", site);
	if (catalogue)
		kit_file(&r->k, "catalogue/plans.toml", catalogue);
	diag_init(&r->k.diag, &r->k.arena);
	assert_int_equal(kit_load(&r->k, NULL), ERR_OK);
	kit_build(&r->k)->previous = r->previous;
	return produce_catalogues(&r->k.build);
}

static void published_versions_never_change(void **state)
{
	static const char old[] = "version = '1.2.0'\n[agent]\nprice = 3900\n"
				  "client_secret = 'abc'\n";
	struct release r = {0};

	(void)state;
	publish(&r, old);
	assert_int_equal(again(&r, SITE, old), ERR_OK);
	assert_string_equal(kit_said(&r.k), "");
	/* the same data, other bytes */
	assert_int_equal(
	    again(&r, SITE,
		"version = '1.2.0' # wording\n[agent]\nprice = 3900\n"
		"client_secret = 'abc'\n"),
	    ERR_INPUT);
	assert_int_equal(r.k.diag.errors, 1);
	kit_says(&r.k, "catalogue/plans.toml:1:11: catalogue-version-reused: "
		       "1.2.0 was published with other bytes, and a published "
		       "version never changes; raise it to 1.2.1 (");
	/* a value */
	assert_int_equal(again(&r, SITE,
			     "version = '1.2.0'\n[agent]\nprice = 4900\n"
			     "client_secret = 'def'\n"),
	    ERR_INPUT);
	assert_int_equal(r.k.diag.errors, 3);
	kit_says(&r.k, "raise it to 1.2.1 (values have changed: a patch)");
	kit_says(&r.k, "catalogue/plans.toml:3:9: catalogue-version-reused: "
		       "`agent.price` was 3900 in 1.2.0 and is 4900\n");
	kit_says(&r.k, "`agent.client_secret` was (not shown) in 1.2.0 and is "
		       "(not shown)\n");
	/* something gone */
	assert_int_equal(
	    again(&r, SITE, "version = '1.2.0'\n[agent]\nprice = 3900\n"),
	    ERR_INPUT);
	kit_says(&r.k, "raise it to 2.0.0 (");
	/* raised, it is taken */
	assert_int_equal(
	    again(&r, SITE, "version = '1.2.1'\n[agent]\nprice = 1\n"), ERR_OK);
	assert_string_equal(kit_said(&r.k), "");
	kit_close(&r.k);
}

static void without_the_old_files(void **state)
{
	struct release r = {0};
	struct previous names;

	(void)state;
	publish(&r, "version = '1.2.0'\na = 1\n");
	names = *r.previous;
	names.dir = NULL;
	r.previous = &names;
	assert_int_equal(
	    again(&r, SITE, "version = '1.2.0'\na = 2\n"), ERR_INPUT);
	assert_int_equal(r.k.diag.errors, 1);
	kit_says(&r.k, "the folder of the old files as --previous");
	/* files that are not what the manifest says are no help */
	names.dir = fs_join(&r.k.arena, r.spec.dir, "www");
	kit_file(&r.k, "dist/www/plans-v1.2.0.toml", "version = '1.2.0'\n");
	assert_int_equal(
	    again(&r, SITE, "version = '1.2.0'\na = 2\n"), ERR_INPUT);
	assert_int_equal(r.k.diag.errors, 1);
	kit_close(&r.k);
}

static void versions_never_go_back(void **state)
{
	struct release r = {0};

	(void)state;
	publish(&r, "version = '1.10.0'\n");
	assert_int_equal(again(&r, SITE, "version = '1.9.0'\n"), ERR_INPUT);
	assert_int_equal(r.k.diag.errors, 1);
	kit_says(&r.k, "catalogue/plans.toml:1:11: "
		       "catalogue-version-backwards: 1.9.0 is below 1.10.0");
	assert_int_equal(
	    again(&r, SITE, "version = '1.10.0-rc.1'\n"), ERR_INPUT);
	assert_int_equal(again(&r, SITE, "version = '1.10.0+b'\n"), ERR_OK);
	assert_int_equal(again(&r, SITE, "version = '1.11.0-rc.1'\n"), ERR_OK);
	/* a catalogue less is told, and no error */
	assert_int_equal(again(&r, "name = 'x'\n", NULL), ERR_OK);
	assert_int_equal(r.k.diag.errors, 0);
	kit_says(&r.k, "site.toml: warning: catalogue-gone: plans was ");
	kit_close(&r.k);
}

static void many_fields_are_counted(void **state)
{
	struct release r = {0};
	struct buf old = {0}, new = {0};

	(void)state;
	buf_puts(&old, "version = '1.0.0'\n");
	buf_puts(&new, "version = '1.0.0'\n");
	for (int i = 0; i < 30; i++) {
		buf_printf(&old, "k%d = %d\n", i, i);
		buf_printf(&new, "k%d = %d\n", i, i + 1);
	}
	publish(&r, old.data);
	assert_int_equal(again(&r, SITE, new.data), ERR_INPUT);
	assert_int_equal(r.k.diag.errors, 22);
	kit_says(&r.k, "and 10 more fields differ from 1.0.0");
	buf_release(&old);
	buf_release(&new);
	kit_close(&r.k);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(versions_have_an_order),
	    cmocka_unit_test(versions_are_raised),
	    cmocka_unit_test(differences),
	    cmocka_unit_test(published_versions_never_change),
	    cmocka_unit_test(without_the_old_files),
	    cmocka_unit_test(versions_never_go_back),
	    cmocka_unit_test(many_fields_are_counted),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name(
	    "catalogue-guard", tests, NULL, NULL);
}
