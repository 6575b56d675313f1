#include "tests/unit/manifest-kit.h"
#include "tests/unit/site-kit.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "generator/out.h"

/* What generator/out-commit.c does to the disk, and out.c beforehand. */

static void put(
    struct kit *k, enum out_root root, const char *path, const char *text)
{
	assert_int_equal(out_put(&k->build.out, root, path, str_of(text),
			     OUT_PAGE, false, POS_FILE("src"), &k->diag),
	    ERR_OK);
}

/* A manifest of these files; what it says of their bytes is not asked for. */
static void put_manifest(struct kit *k, const char *lines)
{
	struct manifest m = release_of(&k->arena, lines);

	put(k, OUT_WWW, OUT_MANIFEST, kit_text(&k->arena, &m).p);
}

static enum err begin(struct kit *k, bool force)
{
	const struct out_spec spec = {
	    .dir = kit_path(k, "dist"), .force = force};

	kit_build(k);
	diag_init(&k->diag, &k->arena);
	return out_open(&k->build.out, &spec, &k->diag);
}

/* a.html (with that text), one server file and a manifest. */
static void fill(struct kit *k, const char *text)
{
	put(k, OUT_WWW, "sub/b.html", "b");
	put(k, OUT_WWW, "a.html", text);
	put(k, OUT_SERVER, "lowtide.json", "{}");
	put_manifest(k, "a.html page x\nsub/b.html page x\n");
}

static enum err commit(struct kit *k)
{
	return out_commit(&k->build.out, &k->diag);
}

/* The output of fill(), in place. */
static enum err publish(struct kit *k, const char *text)
{
	enum err err = begin(k, false);

	if (err != ERR_OK)
		return err;
	fill(k, text);
	return commit(k);
}

static const char *text_of(struct kit *k, const char *name)
{
	struct str bytes;

	if (fs_read(&k->arena, kit_path(k, name), 1 << 20, NULL, &bytes) !=
	    ERR_OK)
		return NULL;
	return arena_cstr(&k->arena, bytes);
}

static struct stat stat_of(struct kit *k, const char *name)
{
	struct stat st;

	assert_int_equal(stat(kit_path(k, name), &st), 0);
	return st;
}

/* Names in the kit's folder, to see that nothing is left behind. */
static size_t entries(struct kit *k)
{
	size_t n = 0;
	DIR *dir = opendir(k->dir);

	while (readdir(dir))
		n++;
	closedir(dir);
	return n - 2;
}

#define LONG_8 "12345678"
#define LONG_64 LONG_8 LONG_8 LONG_8 LONG_8 LONG_8 LONG_8 LONG_8 LONG_8

static void paths_are_checked(void **state)
{
	char long_part[] = "a/" LONG_64 LONG_64 LONG_64 LONG_64 "/b";
	const char *const parts = "`..`", *const control = "control";
	const struct {
		const char *path, *why;
	} bad[] = {{"", parts}, {"/a", parts}, {"a/", parts}, {"a//b", parts},
	    {"../a", parts}, {"a/../b", parts}, {".", parts}, {"a/./b", parts},
	    {"a\nb", control}, {"a\x7f", control}, {"a\xff", "UTF-8"},
	    {long_part, "255 bytes"}};
	struct kit k;

	(void)state;
	kit_open(&k);
	kit_build(&k);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		diag_init(&k.diag, &k.arena);
		assert_int_equal(
		    out_put(&k.build.out, OUT_WWW, bad[i].path, STR("x"),
			OUT_PAGE, false, POS_NONE, &k.diag),
		    ERR_INPUT);
		assert_string_equal(k.diag.first->name, "bad-name");
		assert_non_null(strstr(k.diag.first->text.p, bad[i].why));
	}
	put(&k, OUT_WWW, "it's \"caf\xc3\xa9\" .html", "x");
	put(&k, OUT_WWW, "..a", "x");
	kit_close(&k);
}

static void nothing_is_written_twice(void **state)
{
	static const char *const clashing[] = {"a/b.html", "a", "a/b.html/c"};
	struct kit k;

	(void)state;
	kit_open(&k);
	kit_build(&k);
	put(&k, OUT_WWW, "a/b.html", "x");
	put(&k, OUT_SERVER, "a/b.html", "x");
	put(&k, OUT_WWW, "a/b.htm", "x");
	for (size_t i = 0; i < 3; i++) {
		diag_init(&k.diag, &k.arena);
		assert_int_equal(
		    out_put(&k.build.out, OUT_WWW, clashing[i], STR("y"),
			OUT_PAGE, false, POS_FILE("new"), &k.diag),
		    ERR_INPUT);
		kit_says(&k, "new: output-clash: ");
		kit_says(&k, "also for src");
	}
	assert_int_equal(k.build.out.n, 3);
	kit_close(&k);
}

static void many_files_are_found_again(void **state)
{
	struct kit k;
	char name[32];

	(void)state;
	kit_open(&k);
	kit_build(&k);
	for (int i = 0; i < 3000; i++) {
		snprintf(name, sizeof(name), "d%d/f%d", i % 50, i);
		put(&k, OUT_WWW, name, "x");
	}
	for (int i = 0; i < 3000; i++) {
		snprintf(name, sizeof(name), "d%d/f%d", i % 50, i);
		assert_non_null(out_find(&k.build.out, OUT_WWW, str_of(name)));
	}
	assert_null(out_find(&k.build.out, OUT_SERVER, STR("d0/f0")));
	out_sort(&k.build.out);
	for (int i = 1; i < 3000; i++)
		assert_true(str_cmp(k.build.out.files[i - 1].path,
				k.build.out.files[i].path) < 0);
	assert_non_null(out_find(&k.build.out, OUT_WWW, STR("d0/f0")));
	kit_close(&k);
}

static void types_by_ending(void **state)
{
	(void)state;
	assert_string_equal(
	    out_type(STR("a/b.html")), "text/html; charset=utf-8");
	assert_string_equal(
	    out_type(STR("b.min.mjs")), "text/javascript; charset=utf-8");
	assert_string_equal(out_type(STR("x.toml")), "application/toml");
	assert_string_equal(out_type(STR("x")), "application/octet-stream");
	assert_string_equal(out_class_name(OUT_IMMUTABLE), "immutable");
}

static void a_first_output(void **state)
{
	struct kit k;

	(void)state;
	kit_open(&k);
	mode_t old = umask(077);
	assert_int_equal(publish(&k, "one"), ERR_OK);
	umask(old);
	assert_string_equal(text_of(&k, "dist/www/a.html"), "one");
	assert_string_equal(text_of(&k, "dist/www/sub/b.html"), "b");
	assert_string_equal(text_of(&k, "dist/server/lowtide.json"), "{}");
	assert_int_equal(stat_of(&k, "dist").st_mode & 0777, 0755);
	assert_int_equal(stat_of(&k, "dist/www/sub").st_mode & 0777, 0755);
	assert_int_equal(stat_of(&k, "dist/www/a.html").st_mode & 0777, 0644);
	assert_int_equal(entries(&k), 1);
	kit_close(&k);
}

static void a_change_replaces_all_of_it(void **state)
{
	struct kit k;

	(void)state;
	kit_open(&k);
	assert_int_equal(publish(&k, "one"), ERR_OK);
	struct stat a = stat_of(&k, "dist/www/a.html");
	struct stat b = stat_of(&k, "dist/www/sub/b.html");
	assert_int_equal(publish(&k, "two"), ERR_OK);
	assert_string_equal(text_of(&k, "dist/www/a.html"), "two");
	/* same size, same second: the time still moved */
	assert_true(
	    stat_of(&k, "dist/www/a.html").st_mtim.tv_sec > a.st_mtim.tv_sec);
	assert_true(stat_of(&k, "dist/www/sub/b.html").st_ino == b.st_ino);
	assert_true(stat_of(&k, "dist/www/sub/b.html").st_mtim.tv_nsec ==
		    b.st_mtim.tv_nsec);
	assert_int_equal(entries(&k), 1);
	kit_close(&k);
}

static void files_that_went_are_gone(void **state)
{
	struct kit k;

	(void)state;
	kit_open(&k);
	assert_int_equal(publish(&k, "one"), ERR_OK);
	assert_int_equal(begin(&k, false), ERR_OK);
	put(&k, OUT_WWW, "a.html", "one");
	put_manifest(&k, "a.html page x\n");
	assert_int_equal(commit(&k), ERR_OK);
	assert_null(text_of(&k, "dist/www/sub/b.html"));
	assert_null(text_of(&k, "dist/server/lowtide.json"));
	kit_close(&k);
}

static void nothing_changed_touches_nothing(void **state)
{
	struct kit k;

	(void)state;
	kit_open(&k);
	assert_int_equal(publish(&k, "one"), ERR_OK);
	struct stat before = stat_of(&k, "dist");
	struct stat www = stat_of(&k, "dist/www");
	struct stat above = stat_of(&k, "");
	assert_int_equal(publish(&k, "one"), ERR_OK);
	struct stat after = stat_of(&k, "dist");
	assert_true(before.st_ino == after.st_ino);
	assert_true(before.st_ctim.tv_nsec == after.st_ctim.tv_nsec);
	assert_true(
	    www.st_mtim.tv_nsec == stat_of(&k, "dist/www").st_mtim.tv_nsec);
	assert_true(above.st_mtim.tv_nsec == stat_of(&k, "").st_mtim.tv_nsec);
	kit_close(&k);
}

static void what_we_did_not_write_stays(void **state)
{
	struct kit k;

	(void)state;
	kit_open(&k);
	kit_file(&k, "dist/thesis.txt", "ten years of work");
	assert_int_equal(publish(&k, "one"), ERR_INPUT);
	kit_says(&k, "dist/: output-not-ours: ");
	assert_string_equal(
	    text_of(&k, "dist/thesis.txt"), "ten years of work");
	assert_int_equal(entries(&k), 1);
	assert_int_equal(begin(&k, true), ERR_OK);
	fill(&k, "one");
	assert_int_equal(commit(&k), ERR_OK);
	assert_null(text_of(&k, "dist/thesis.txt"));
	/* beside a manifest of ours as well */
	kit_file(&k, "dist/www/new.txt", "x");
	kit_file(&k, "dist/other/new.txt", "x");
	assert_int_equal(publish(&k, "two"), ERR_INPUT);
	assert_int_equal(k.diag.errors, 2);
	kit_says(&k, "dist/www/new.txt: output-not-ours: ");
	kit_says(&k, "dist/other/new.txt: output-not-ours: ");
	assert_string_equal(text_of(&k, "dist/www/a.html"), "one");
	kit_close(&k);
}

static void strange_outputs(void **state)
{
	struct kit k;

	(void)state;
	kit_open(&k);
	kit_build(&k);
	assert_int_equal(
	    out_open(&k.build.out, &(struct out_spec){.dir = "/"}, &k.diag),
	    ERR_INPUT);
	kit_says(&k, "bad-value: \"/\" cannot be the output folder; ");
	kit_file(&k, "dist", "a file");
	assert_int_equal(begin(&k, true), ERR_INPUT);
	kit_says(&k, "dist: output-not-ours: it is no folder");
	assert_string_equal(text_of(&k, "dist"), "a file");
	kit_close(&k);
}

/* An empty folder, made beforehand, is nobody's work; so is a link to one. */
static void empty_folders_and_links(void **state)
{
	struct kit k;

	(void)state;
	kit_open(&k);
	assert_int_equal(mkdir(kit_path(&k, "real"), 0755), 0);
	assert_int_equal(symlink("real", kit_path(&k, "dist")), 0);
	assert_int_equal(publish(&k, "one"), ERR_OK);
	assert_string_equal(text_of(&k, "real/www/a.html"), "one");
	struct stat st;
	assert_int_equal(lstat(kit_path(&k, "dist"), &st), 0);
	assert_true(S_ISLNK(st.st_mode));
	kit_close(&k);
}

static void what_a_killed_run_left(void **state)
{
	struct kit k;

	(void)state;
	kit_open(&k);
	assert_int_equal(publish(&k, "one"), ERR_OK);
	/* killed while staging */
	kit_file(&k, ".dist.lowtide-staging/www/half.html", "hal");
	assert_int_equal(publish(&k, "two"), ERR_OK);
	assert_null(text_of(&k, "dist/www/half.html"));
	assert_string_equal(text_of(&k, "dist/www/a.html"), "two");
	/* killed between the two renames */
	assert_int_equal(
	    rename(kit_path(&k, "dist"), kit_path(&k, ".dist.lowtide-old")), 0);
	assert_int_equal(publish(&k, "two"), ERR_OK);
	assert_string_equal(text_of(&k, "dist/www/a.html"), "two");
	assert_int_equal(entries(&k), 1);
	kit_close(&k);
}

static void two_runs_at_once(void **state)
{
	struct kit k;

	(void)state;
	kit_open(&k);
	assert_int_equal(publish(&k, "one"), ERR_OK);
	kit_file(&k, ".dist.lowtide-staging/www/theirs.html", "x");
	int fd = open(kit_path(&k, ".dist.lowtide-staging"), O_RDONLY);
	assert_int_equal(flock(fd, LOCK_EX), 0);
	assert_int_equal(publish(&k, "two"), ERR_BUSY);
	kit_says(&k, "dist: output-busy: ");
	assert_string_equal(
	    text_of(&k, ".dist.lowtide-staging/www/theirs.html"), "x");
	assert_string_equal(text_of(&k, "dist/www/a.html"), "one");
	close(fd);
	kit_close(&k);
}

/* What is no folder is named, and stays. */
static void something_in_the_way(void **state)
{
	struct kit k;

	(void)state;
	kit_open(&k);
	kit_file(&k, ".dist.lowtide-staging", "theirs");
	assert_int_equal(publish(&k, "one"), ERR_IO);
	kit_says(&k, ".dist.lowtide-staging: io-error: it is in the way of ");
	assert_string_equal(text_of(&k, ".dist.lowtide-staging"), "theirs");
	kit_close(&k);
	kit_open(&k);
	assert_int_equal(
	    symlink("/tmp", kit_path(&k, ".dist.lowtide-staging")), 0);
	assert_int_equal(publish(&k, "one"), ERR_IO);
	kit_says(&k, ".dist.lowtide-staging: io-error: it is in the way of ");
	kit_close(&k);
}

/* A name too long for the file system fails in the middle of staging. */
/* Where folders cannot be exchanged: the other run will put it back, or not. */
static void another_run_between_its_renames(void **state)
{
	struct kit k;

	(void)state;
	kit_open(&k);
	assert_int_equal(publish(&k, "one"), ERR_OK);
	const char *old = kit_path(&k, ".dist.lowtide-old");
	assert_int_equal(rename(kit_path(&k, "dist"), old), 0);
	int fd = open(old, O_RDONLY | O_DIRECTORY);
	assert_int_equal(flock(fd, LOCK_EX), 0);
	assert_int_equal(publish(&k, "two"), ERR_BUSY);
	assert_int_equal(access(old, F_OK), 0);
	/* and where its new one is in place already */
	kit_file(&k, "dist/www/a.html", "new");
	assert_int_equal(publish(&k, "two"), ERR_BUSY);
	assert_int_equal(access(old, F_OK), 0);
	assert_int_equal(close(fd), 0);
	kit_close(&k);
}

static void a_failure_leaves_the_previous_output(void **state)
{
	struct kit k;
	char deep[5000];

	(void)state;
	kit_open(&k);
	assert_int_equal(publish(&k, "one"), ERR_OK);
	assert_int_equal(begin(&k, false), ERR_OK);
	fill(&k, "two");
	for (size_t i = 0; i < sizeof(deep); i++)
		deep[i] = i % 100 == 99 ? '/' : 'x';
	deep[sizeof(deep) - 1] = '\0';
	assert_int_equal(out_put(&k.build.out, OUT_WWW, deep, STR("x"),
			     OUT_PAGE, false, POS_NONE, &k.diag),
	    ERR_IO);
	out_abandon(&k.build.out);
	kit_says(&k, "io-error: ");
	kit_says(&k, "the previous output is untouched");
	assert_string_equal(text_of(&k, "dist/www/a.html"), "one");
	assert_int_equal(entries(&k), 1);
	kit_close(&k);
}

/* What is too deep to be removed does not undo what is in place. */
static void what_cannot_be_removed_is_told(void **state)
{
	struct kit k;
	char deep[700] = "dist";

	(void)state;
	kit_open(&k);
	for (size_t i = 0; i < 300; i++)
		strcat(deep, "/x");
	assert_int_equal(fs_mkdirs(kit_path(&k, deep), 0755, NULL), ERR_OK);
	assert_int_equal(begin(&k, true), ERR_OK);
	fill(&k, "one");
	assert_int_equal(commit(&k), ERR_OK);
	kit_says(&k, ".dist.lowtide-staging: warning: left-behind: ");
	assert_string_equal(text_of(&k, "dist/www/a.html"), "one");
	assert_int_equal(k.diag.errors, 0);
	/* out of the depths, so that it can go */
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(
		    rename(kit_path(&k,
			       arena_printf(&k.arena,
				   ".dist.lowtide-staging/%.*s", 250, deep + 5)
				   .p),
			kit_path(&k, i ? "one" : "two")),
		    0);
		deep[5 + 200] = '\0';
	}
	kit_close(&k);
}

/* A stream equal to the old file at first, then not; and one that grew. */
static void a_late_difference_is_written_whole(void **state)
{
	struct kit k;
	const size_t n = 300000;
	char *old = calloc(1, n + 1), *new = calloc(1, n + 1);

	(void)state;
	kit_open(&k);
	memset(old, 'a', n);
	memset(new, 'a', n);
	new[n - 1] = 'b';
	const char *const texts[] = {old, new, new, old + 1, old, ""};
	for (size_t i = 0; i < 6; i++) {
		struct digest d, want;
		kit_file(&k, "big", texts[i]);
		assert_int_equal(begin(&k, false), ERR_OK);
		fill(&k, "one");
		struct out_file f = {.path = STR("b.html"), .root = OUT_SERVER};
		assert_int_equal(
		    out_stage_copy(&k.build.out, OUT_SERVER, "b.html",
			kit_path(&k, "big"), &d, &k.diag),
		    ERR_OK);
		assert_int_equal(out_note(&k.build.out, &f, &k.diag), ERR_OK);
		assert_int_equal(commit(&k), ERR_OK);
		hash_digest(str_of(texts[i]), &want);
		assert_true(digest_eq(&d, &want));
		assert_string_equal(
		    text_of(&k, "dist/server/b.html"), texts[i]);
		struct stat st = stat_of(&k, "dist/server/b.html");
		static ino_t inode;
		assert_true((st.st_ino == inode) == (i == 2));
		inode = st.st_ino;
	}
	free(old);
	free(new);
	kit_close(&k);
}

/* 64 MiB of nothing and a word: no memory, and no blocks. */
static void holes_stay_holes(void **state)
{
	struct kit k;
	struct digest d;
	const off_t n = (off_t)64 << 20;

	(void)state;
	kit_open(&k);
	kit_file(&k, "sparse", "word");
	assert_int_equal(truncate(kit_path(&k, "sparse"), n), 0);
	assert_int_equal(begin(&k, false), ERR_OK);
	fill(&k, "one");
	struct out_file f = {.path = STR("sparse"), .root = OUT_SERVER};
	assert_int_equal(out_stage_copy(&k.build.out, OUT_SERVER, "sparse",
			     kit_path(&k, "sparse"), &d, &k.diag),
	    ERR_OK);
	assert_int_equal(out_note(&k.build.out, &f, &k.diag), ERR_OK);
	assert_int_equal(commit(&k), ERR_OK);
	struct stat st = stat_of(&k, "dist/server/sparse");
	assert_int_equal(st.st_size, n);
	assert_int_equal(d.bytes, n);
	assert_true(st.st_blocks < 1024);
	assert_true(k.arena.used < 1 << 20);
	kit_close(&k);
}

static void sources_that_are_no_files(void **state)
{
	struct kit k;
	struct digest d;

	(void)state;
	kit_open(&k);
	kit_file(&k, "file", "x");
	assert_int_equal(symlink("file", kit_path(&k, "link")), 0);
	assert_int_equal(mkfifo(kit_path(&k, "pipe"), 0644), 0);
	static const char *const names[] = {"link", "pipe", ".", "none"};
	for (size_t i = 0; i < 4; i++) {
		assert_int_equal(begin(&k, false), ERR_OK);
		assert_int_equal(out_stage_copy(&k.build.out, OUT_WWW, "a",
				     kit_path(&k, names[i]), &d, &k.diag),
		    ERR_IO);
		kit_says(&k, names[i]);
		kit_says(&k, ": io-error: ");
		out_abandon(&k.build.out);
	}
	assert_int_equal(entries(&k), 3);
	kit_close(&k);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(paths_are_checked),
	    cmocka_unit_test(nothing_is_written_twice),
	    cmocka_unit_test(many_files_are_found_again),
	    cmocka_unit_test(types_by_ending),
	    cmocka_unit_test(a_first_output),
	    cmocka_unit_test(a_change_replaces_all_of_it),
	    cmocka_unit_test(files_that_went_are_gone),
	    cmocka_unit_test(nothing_changed_touches_nothing),
	    cmocka_unit_test(what_we_did_not_write_stays),
	    cmocka_unit_test(strange_outputs),
	    cmocka_unit_test(empty_folders_and_links),
	    cmocka_unit_test(what_a_killed_run_left),
	    cmocka_unit_test(two_runs_at_once),
	    cmocka_unit_test(something_in_the_way),
	    cmocka_unit_test(another_run_between_its_renames),
	    cmocka_unit_test(a_failure_leaves_the_previous_output),
	    cmocka_unit_test(what_cannot_be_removed_is_told),
	    cmocka_unit_test(a_late_difference_is_written_whole),
	    cmocka_unit_test(holes_stay_holes),
	    cmocka_unit_test(sources_that_are_no_files),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("out", tests, NULL, NULL);
}
