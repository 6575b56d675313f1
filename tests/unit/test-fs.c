#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

/* covers lib/fs.c and lib/fs-walk.c */
#include "lib/buf.h"
#include "lib/fs.h"

static struct arena arena;
static struct diag diag;
static char dir[] = "/tmp/lowtide-test.XXXXXX";
static char kept[sizeof(dir)];

static int fresh(void **state)
{
	(void)state;
	diag_init(&diag, &arena);
	strcpy(dir, kept);
	assert_non_null(mkdtemp(dir));
	return 0;
}

static int wipe(void **state)
{
	(void)state;
	enum err err = fs_remove_tree(dir, NULL);
	arena_release(&arena);
	assert_int_equal(err, ERR_OK);
	assert_int_equal(access(dir, F_OK), -1);
	return 0;
}

static const char *in(const char *name)
{
	return fs_join(&arena, dir, name);
}

static void put(const char *name, const char *text)
{
	assert_int_equal(fs_write(in(name), str_of(text), 0644, &diag), ERR_OK);
}

static void reads_and_writes(void **state)
{
	struct str got;
	struct stat st;

	(void)state;
	assert_int_equal(fs_write(in("a"), STR("x\0y"), 0600, &diag), ERR_OK);
	assert_int_equal(fs_read(&arena, in("a"), 3, &diag, &got), ERR_OK);
	assert_true(str_eq(got, STR("x\0y")));
	assert_int_equal(got.p[3], '\0');
	assert_int_equal(stat(in("a"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	/* again: replaced whole, with the new mode, and no temporary left */
	assert_int_equal(fs_write(in("a"), STR(""), 0644, &diag), ERR_OK);
	assert_int_equal(fs_read(&arena, in("a"), 3, &diag, &got), ERR_OK);
	assert_int_equal(got.n, 0);
	struct fs_list list;
	assert_int_equal(fs_walk(&arena, dir, &diag, &list), ERR_OK);
	assert_int_equal(list.n, 1);
	assert_int_equal(list.entries[0].mode & 07777, 0644);
	assert_int_equal(diag.errors, 0);
}

static void writes_here(void **state)
{
	(void)state;
	char *before = getcwd(NULL, 0);
	assert_int_equal(chdir(dir), 0);
	enum err err = fs_write("plain", STR("x"), 0644, &diag);
	int there = access("plain", F_OK);
	assert_int_equal(chdir(before), 0);
	free(before);
	assert_int_equal(err, ERR_OK);
	assert_int_equal(there, 0);
}

static void what_cannot_be_read(void **state)
{
	struct str got;

	(void)state;
	put("a", "four");
	assert_int_equal(
	    fs_read(&arena, in("none"), 9, &diag, &got), ERR_NOT_FOUND);
	assert_int_equal(
	    fs_read(&arena, in("a/b"), 9, &diag, &got), ERR_NOT_FOUND);
	assert_int_equal(diag.errors, 0);
	assert_int_equal(
	    fs_read(&arena, in("a"), 3, &diag, &got), ERR_TOO_LARGE);
	assert_int_equal(fs_read(&arena, dir, 9, &diag, &got), ERR_IO);
	assert_int_equal(mkfifo(in("fifo"), 0600), 0);
	assert_int_equal(fs_read(&arena, in("fifo"), 9, &diag, &got), ERR_IO);
	assert_int_equal(diag.errors, 3);
	assert_int_equal(got.n, 0);
	assert_string_equal(diag.last->pos.file, in("fifo"));
}

static void what_cannot_be_written(void **state)
{
	(void)state;
	put("a", "x");
	assert_int_equal(fs_write(in("a/b"), STR("x"), 0644, &diag), ERR_IO);
	assert_int_equal(
	    fs_write(in("no/such"), STR("x"), 0644, &diag), ERR_IO);
	assert_int_equal(fs_mkdirs(in("d/e"), 0755, &diag), ERR_OK);
	assert_int_equal(fs_write(in("d"), STR("x"), 0644, &diag), ERR_IO);
	assert_int_equal(diag.errors, 3);
	struct fs_list list;
	assert_int_equal(fs_walk(&arena, dir, &diag, &list), ERR_OK);
	assert_int_equal(list.n, 1); /* no temporary stayed behind */
}

static void makes_folders(void **state)
{
	struct stat st;

	(void)state;
	assert_int_equal(fs_mkdirs(in("x//y/z/"), 0700, &diag), ERR_OK);
	assert_int_equal(stat(in("x/y/z"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	assert_int_equal(fs_mkdirs(in("x/y"), 0755, &diag), ERR_OK);
	assert_int_equal(stat(in("x/y"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	put("x/file", "");
	assert_int_equal(fs_mkdirs(in("x/file"), 0755, &diag), ERR_IO);
	assert_int_equal(fs_mkdirs(in("x/file/y"), 0755, &diag), ERR_IO);
	assert_int_equal(fs_sync_dir(dir, &diag), ERR_OK);
	assert_int_equal(fs_sync_dir(in("none"), &diag), ERR_IO);
}

static void walks_in_order(void **state)
{
	static const char *const want[] = {
	    ".well-known/x", "B", "a-b", "a/b", "a/c/d", "a0", "\xc3\xa9"};
	struct fs_list list;

	(void)state;
	assert_int_equal(fs_mkdirs(in("a/c"), 0755, &diag), ERR_OK);
	assert_int_equal(fs_mkdirs(in(".well-known"), 0755, &diag), ERR_OK);
	assert_int_equal(fs_mkdirs(in("empty"), 0755, &diag), ERR_OK);
	for (size_t i = 7; i-- > 0;)
		put(want[i], "12");
	assert_int_equal(fs_walk(&arena, dir, &diag, &list), ERR_OK);
	assert_int_equal(list.n, 7);
	for (size_t i = 0; i < 7; i++) {
		assert_string_equal(list.entries[i].rel.p, want[i]);
		assert_string_equal(list.entries[i].path, in(want[i]));
		assert_int_equal(list.entries[i].size, 2);
	}
	assert_int_equal(fs_walk(&arena, in("none"), &diag, &list), ERR_OK);
	assert_int_equal(list.n, 0);
}

static void never_follows_links(void **state)
{
	struct fs_list list;

	(void)state;
	put("good", "");
	assert_int_equal(symlink("/etc", in("link")), 0);
	assert_int_equal(symlink("good", in("near")), 0);
	assert_int_equal(mkfifo(in("fifo"), 0600), 0);
	assert_int_equal(fs_walk(&arena, dir, &diag, &list), ERR_INPUT);
	assert_int_equal(list.n, 1);
	assert_int_equal(diag.errors, 3);
	assert_string_equal(diag.first->name, "not-a-file");
	assert_int_equal(fs_walk(&arena, in("link"), &diag, &list), ERR_INPUT);
	assert_int_equal(fs_walk(&arena, in("good"), &diag, &list), ERR_INPUT);
	/* removing takes the link, not what it names */
	assert_int_equal(fs_mkdirs(in("real"), 0755, &diag), ERR_OK);
	put("real/file", "");
	assert_int_equal(fs_mkdirs(in("t"), 0755, &diag), ERR_OK);
	assert_int_equal(symlink("../real", in("t/l")), 0);
	assert_int_equal(fs_remove_tree(in("t"), &diag), ERR_OK);
	assert_int_equal(access(in("real/file"), F_OK), 0);
	assert_int_equal(access(in("t"), F_OK), -1);
}

static void depth_is_bounded(void **state)
{
	struct buf path = {0};
	struct fs_list list;

	(void)state;
	buf_puts(&path, dir);
	for (int i = 0; i < FS_DEPTH_MAX; i++)
		buf_puts(&path, "/d");
	assert_int_equal(fs_mkdirs(path.data, 0755, &diag), ERR_OK);
	assert_int_equal(fs_walk(&arena, dir, &diag, &list), ERR_OK);
	buf_puts(&path, "/d");
	assert_int_equal(fs_mkdirs(path.data, 0755, &diag), ERR_OK);
	assert_int_equal(fs_walk(&arena, dir, &diag, &list), ERR_INPUT);
	assert_string_equal(diag.last->name, "too-deep");
	buf_release(&path);
}

static void joins(void **state)
{
	(void)state;
	assert_string_equal(fs_join(&arena, "a", "b"), "a/b");
	assert_string_equal(fs_join(&arena, "a/", "b"), "a/b");
	assert_string_equal(fs_join(&arena, "a", "/b"), "/b");
	assert_string_equal(fs_join(&arena, ".", "b"), "b");
	assert_string_equal(fs_join(&arena, "", "b"), "b");
	assert_string_equal(fs_join(&arena, "/", "b"), "/b");
}

static void missing_tree(void **state)
{
	(void)state;
	assert_int_equal(fs_remove_tree(in("none"), &diag), ERR_OK);
	assert_int_equal(diag.errors, 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, fresh, wipe)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(reads_and_writes),
	    TEST(writes_here),
	    TEST(what_cannot_be_read),
	    TEST(what_cannot_be_written),
	    TEST(makes_folders),
	    TEST(walks_in_order),
	    TEST(never_follows_links),
	    TEST(depth_is_bounded),
	    TEST(joins),
	    TEST(missing_tree),
	};

	strcpy(kept, dir);
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("fs", tests, NULL, NULL);
}
