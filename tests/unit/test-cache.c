#include <setjmp.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "generator/cache.h"
#include "lib/fs.h"

#define NOW INT64_C(1800000000)
#define DAY INT64_C(86400)

struct world {
	struct arena a;
	struct diag diag;
	char top[64];
	const char *dir;
	struct cache cache;
};

static void open_world(struct world *w)
{
	*w = (struct world){0};
	diag_init(&w->diag, &w->a);
	snprintf(w->top, sizeof(w->top), "/tmp/lowtide-cache.XXXXXX");
	assert_non_null(mkdtemp(w->top));
	w->dir = fs_join(&w->a, w->top, "cache");
	cache_open(&w->cache, &w->a, w->dir, NOW);
}

static void close_world(struct world *w)
{
	assert_int_equal(fs_remove_tree(w->top, NULL), ERR_OK);
	arena_release(&w->a);
}

static struct digest digest_of(struct arena *a, struct str bytes)
{
	struct str hex = hash_blake2b(a, bytes);
	struct digest d = {.bytes = bytes.n};

	for (size_t i = 0; i < sizeof(d.blake2b); i++) {
		char two[3] = {hex.p[2 * i], hex.p[2 * i + 1], 0};
		d.blake2b[i] = (unsigned char)strtoul(two, NULL, 16);
	}
	return d;
}

static struct str packed(struct world *w, enum encoding e, struct str bytes)
{
	struct buf out = {0};

	assert_int_equal(encode(e, bytes, &out), ERR_OK);
	struct str copy = arena_str(&w->a, buf_str(&out));
	buf_release(&out);
	return copy;
}

static const char *text = "some text, some text, some text, some text, and "
			  "some more of that text, some text, some text";

static void put(struct world *w, struct str original, enum encoding e)
{
	struct digest of = digest_of(&w->a, original);

	cache_put(&w->cache, &of, e, &w->a, packed(w, e, original), &w->diag);
}

static bool get(
    struct world *w, struct str original, enum encoding e, struct str *bytes)
{
	struct digest of = digest_of(&w->a, original);

	return cache_get(&w->cache, &of, e, &w->a, bytes);
}

/* What the shell says, without the last line's end. */
static const char *say(struct world *w, const char *command)
{
	char line[2048];
	FILE *f =
	    popen(arena_printf(&w->a, "cd '%s' && %s", w->top, command).p, "r");
	size_t n;

	assert_non_null(f);
	n = fread(line, 1, sizeof(line), f);
	pclose(f);
	return arena_cstr(&w->a, str_trim((struct str){line, n}));
}

static void test_put_and_get(void **state)
{
	struct world w;
	struct str got;

	(void)state;
	open_world(&w);
	for (int e = 0; e < ENCODING_COUNT; e++) {
		assert_false(get(&w, str_of(text), e, &got));
		put(&w, str_of(text), e);
		assert_true(get(&w, str_of(text), e, &got));
		assert_true(str_eq(got, packed(&w, e, str_of(text))));
		assert_false(get(&w, STR("other text"), e, &got));
	}
	assert_string_equal(
	    say(&w, "find cache/compressed -type f | wc -l"), "3");
	assert_string_equal(say(&w, "find cache -name '.new*' | wc -l"), "0");
	assert_string_equal(say(&w, "cat cache/.gitignore"), "*");
	assert_int_equal(w.diag.warnings + w.diag.errors, 0);
	close_world(&w);
}

/* Another library's bytes are others, though the same original's. */
static void test_the_library_is_in_the_key(void **state)
{
	struct world w;
	struct str got;

	(void)state;
	open_world(&w);
	put(&w, str_of(text), ENCODING_BR);
	assert_true(str_starts(w.cache.keys[ENCODING_BR], "br 11 brotli 1."));
	w.cache.keys[ENCODING_BR] = STR("br 11 brotli 9.9.9");
	assert_false(get(&w, str_of(text), ENCODING_BR, &got));
	close_world(&w);
}

static void test_it_does_not_pay(void **state)
{
	struct world w;
	struct str got = STR("x");
	struct digest of;

	(void)state;
	open_world(&w);
	of = digest_of(&w.a, STR("tiny"));
	cache_put(&w.cache, &of, ENCODING_GZ, &w.a, STR(""), &w.diag);
	assert_true(get(&w, STR("tiny"), ENCODING_GZ, &got));
	assert_int_equal(got.n, 0);
	close_world(&w);
}

/* Each byte, also of brotli, which has no checksum of its own. */
static void test_damaged(void **state)
{
	struct world w;
	struct str got;

	(void)state;
	open_world(&w);
	for (int e = 0; e < ENCODING_COUNT; e++) {
		struct str good = packed(&w, e, str_of(text));
		struct digest of = digest_of(&w.a, str_of(text));
		for (size_t i = 0; i < 8 * good.n; i++) {
			char *bad = arena_cstr(&w.a, good);
			bad[i / 8] ^= (char)(1 << i % 8);
			cache_put(&w.cache, &of, e, &w.a,
			    (struct str){bad, good.n}, &w.diag);
			/* a header may say the same in another way */
			struct buf back = {0};
			bool same = decode(e, (struct str){bad, good.n},
					strlen(text), &back) == ERR_OK &&
				    str_is(buf_str(&back), text);
			buf_release(&back);
			assert_true(get(&w, str_of(text), e, &got) == same);
			if (!same)
				assert_int_equal(got.n, 0);
		}
		for (size_t n = 1; n < good.n; n++) {
			cache_put(&w.cache, &of, e, &w.a, str_slice(good, 0, n),
			    &w.diag);
			assert_false(get(&w, str_of(text), e, &got));
		}
		put(&w, str_of(text), e); /* put right again */
		assert_true(get(&w, str_of(text), e, &got));
	}
	close_world(&w);
}

/* Whoever can write to the cache cannot put other bytes into the site. */
static void test_planted(void **state)
{
	struct world w;
	struct str got;

	(void)state;
	open_world(&w);
	for (int e = 0; e < ENCODING_COUNT; e++) {
		struct digest of = digest_of(&w.a, str_of(text));
		cache_put(&w.cache, &of, e, &w.a,
		    packed(&w, e, STR("<script>evil()</script>")), &w.diag);
		assert_false(get(&w, str_of(text), e, &got));
		char *same_size = arena_cstr(&w.a, str_of(text));
		same_size[5] ^= 1;
		cache_put(&w.cache, &of, e, &w.a,
		    packed(&w, e, str_of(same_size)), &w.diag);
		assert_false(get(&w, str_of(text), e, &got));
	}
	/* nor make it read a file that is elsewhere */
	put(&w, str_of(text), ENCODING_GZ);
	assert_true(get(&w, str_of(text), ENCODING_GZ, &got));
	say(&w, "f=$(ls $PWD/cache/compressed/*/*.gz) && mv $f real &&"
		"ln -s $PWD/real $f");
	assert_false(get(&w, str_of(text), ENCODING_GZ, &got));
	close_world(&w);
}

static void test_none(void **state)
{
	struct world w;
	struct str got;

	(void)state;
	open_world(&w);
	cache_open(&w.cache, &w.a, NULL, NOW);
	put(&w, str_of(text), ENCODING_GZ);
	assert_false(get(&w, str_of(text), ENCODING_GZ, &got));
	cache_tidy(&w.cache, &w.diag);
	assert_string_equal(say(&w, "ls -A"), "");
	assert_int_equal(w.diag.warnings, 0);
	close_world(&w);
}

static void test_unwritable(void **state)
{
	struct world w;
	struct str got;

	(void)state;
	open_world(&w);
	say(&w, "echo a file >cache");
	put(&w, str_of(text), ENCODING_GZ);
	put(&w, str_of(text), ENCODING_BR);
	assert_false(get(&w, str_of(text), ENCODING_GZ, &got));
	cache_tidy(&w.cache, &w.diag);
	assert_int_equal(w.diag.warnings, 1);
	assert_int_equal(w.diag.errors, 0);
	assert_string_equal(w.diag.first->name, "cache-unwritable");
	close_world(&w);
}

/* A disk that is full in the middle of an entry leaves nothing of it. */
static void test_full(void **state)
{
	struct world w;
	struct rlimit before, few;
	struct str got;

	(void)state;
	open_world(&w);
	put(&w, STR("first, so that the folders are there"), ENCODING_GZ);
	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &before);
	few = (struct rlimit){10, before.rlim_max};
	setrlimit(RLIMIT_FSIZE, &few);
	put(&w, str_of(text), ENCODING_GZ);
	put(&w, str_of(text), ENCODING_BR);
	setrlimit(RLIMIT_FSIZE, &before);
	assert_false(get(&w, str_of(text), ENCODING_GZ, &got));
	assert_int_equal(w.diag.warnings, 1);
	assert_string_equal(
	    say(&w, "find cache/compressed -type f | wc -l"), "1");
	close_world(&w);
}

static void test_builds_at_once(void **state)
{
	struct world w;
	struct str got;

	(void)state;
	open_world(&w);
	for (int child = 0; child < 4; child++)
		if (fork() == 0) {
			for (int i = 0; i < 50; i++) {
				struct str of =
				    arena_printf(&w.a, "%s number %d", text, i);
				put(&w, of, ENCODING_GZ);
				if (!get(&w, of, ENCODING_GZ, &got))
					_exit(1);
			}
			_exit(w.diag.warnings ? 2 : 0);
		}
	for (int child = 0, status; child < 4; child++) {
		assert_true(wait(&status) > 0);
		assert_int_equal(status, 0);
	}
	assert_string_equal(
	    say(&w, "find cache/compressed -type f | wc -l"), "50");
	close_world(&w);
}

static void set_time(const char *path, int64_t s)
{
	const struct timespec times[] = {{.tv_sec = s}, {.tv_sec = s}};

	assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
}

static int64_t time_of(const char *path)
{
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	return st.st_mtime;
}

static void test_use_is_noted_once_a_day(void **state)
{
	struct world w;
	struct str got;

	(void)state;
	open_world(&w);
	put(&w, str_of(text), ENCODING_GZ);
	const char *path = say(&w, "ls $PWD/cache/compressed/*/*.gz");
	set_time(path, NOW - DAY + 60);
	assert_true(get(&w, str_of(text), ENCODING_GZ, &got));
	assert_int_equal(time_of(path), NOW - DAY + 60);
	set_time(path, NOW - DAY - 60);
	assert_true(get(&w, str_of(text), ENCODING_GZ, &got));
	assert_int_equal(time_of(path), NOW);
	close_world(&w);
}

static void test_old_entries_go(void **state)
{
	struct world w;

	(void)state;
	open_world(&w);
	put(&w, STR("an old one, an old one"), ENCODING_GZ);
	set_time(say(&w, "ls $PWD/cache/compressed/*/*.gz"), NOW - 31 * DAY);
	put(&w, STR("a new one, a new one"), ENCODING_BR);
	set_time(say(&w, "ls $PWD/cache/compressed/*/*.br"), NOW - 29 * DAY);
	const char *left = say(&w, "f=$(ls -d $PWD/cache/compressed/*/ | head "
				   "-1)&& echo half >${f}.new.abcdef && echo "
				   "${f}.new.abcdef");
	set_time(left, NOW - 2 * DAY);
	cache_tidy(&w.cache, &w.diag);
	assert_string_equal(say(&w, "find cache/compressed -type f -mindepth 2 "
				    "2>/dev/null | sed 's/.*[.]//'"),
	    "br");
	assert_string_equal(
	    say(&w, "cat cache/compressed/tidied"), arena_int(&w.a, NOW).p);

	/* not again before tomorrow */
	const char *path = say(&w, "ls $PWD/cache/compressed/*/*.br");
	set_time(path, NOW - 31 * DAY);
	w.cache.now_s = NOW + DAY - 1;
	cache_tidy(&w.cache, &w.diag);
	assert_int_equal(access(path, F_OK), 0);
	w.cache.now_s = NOW + DAY;
	cache_tidy(&w.cache, &w.diag);
	assert_int_not_equal(access(path, F_OK), 0);
	assert_int_equal(w.diag.warnings, 0);
	close_world(&w);
}

static void test_the_oldest_go_when_there_is_too_much(void **state)
{
	struct world w;

	(void)state;
	open_world(&w);
	for (int i = 0; i < 4; i++) {
		say(&w, arena_printf(&w.a,
			    "mkdir -p cache/compressed/%02x && truncate -s "
			    "400M cache/compressed/%02x/%d.br",
			    i, i, i)
			    .p);
		const char *name = say(&w,
		    arena_printf(&w.a, "echo $PWD/cache/compressed/*/%d.br", i)
			.p);
		set_time(name, NOW - (i == 2 ? 9 : 3) * DAY + i);
	}
	cache_tidy(&w.cache, &w.diag);
	assert_string_equal(
	    say(&w, "cd cache/compressed; echo */*.br"), "01/1.br 03/3.br");
	close_world(&w);
}

/* A marker that says nothing, or of a day to come, does not stop it. */
static void test_marker(void **state)
{
	static const char *const markers[] = {
	    "", "soon", "1900000000", "-9223372036854775808"};
	struct world w;

	(void)state;
	open_world(&w);
	for (size_t i = 0; i < sizeof(markers) / sizeof(*markers); i++) {
		put(&w, STR("an old one, an old one"), ENCODING_GZ);
		const char *path = say(&w, "ls $PWD/cache/compressed/*/*.gz");
		set_time(path, NOW - 31 * DAY);
		say(&w,
		    arena_printf(&w.a,
			"printf -- '%s' >cache/compressed/tidied", markers[i])
			.p);
		cache_tidy(&w.cache, &w.diag);
		assert_int_not_equal(access(path, F_OK), 0);
	}
	close_world(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_put_and_get),
	    cmocka_unit_test(test_the_library_is_in_the_key),
	    cmocka_unit_test(test_it_does_not_pay),
	    cmocka_unit_test(test_damaged),
	    cmocka_unit_test(test_planted),
	    cmocka_unit_test(test_none),
	    cmocka_unit_test(test_unwritable),
	    cmocka_unit_test(test_full),
	    cmocka_unit_test(test_builds_at_once),
	    cmocka_unit_test(test_use_is_noted_once_a_day),
	    cmocka_unit_test(test_old_entries_go),
	    cmocka_unit_test(test_the_oldest_go_when_there_is_too_much),
	    cmocka_unit_test(test_marker),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("cache", tests, NULL, NULL);
}
