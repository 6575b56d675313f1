#include "tests/unit/site-kit.h"

#include <dirent.h>
#include <fcntl.h>

#include "generator/memo-file.h"
#include "generator/memo.h"

/* Builds with a memo: what is noticed, and what is not even read. */
enum how { CURRENT, BUILT };

struct world {
	struct kit kit;
	struct arena arena; /* of one run */
	struct diag diag;
	const char *key;
	struct memo_result result;
};

static void pause_ms(long ms)
{
	nanosleep(&(struct timespec){.tv_nsec = ms * 1000000}, NULL);
}

/* What is older than the grain of clocks; else everything is read again. */
static void age(struct world *w)
{
	(void)w;
	pause_ms(80);
}

static void open_world(struct world *w)
{
	struct kit *k = &w->kit;

	*w = (struct world){.key = "options"};
	kit_open(k);
	kit_file(k, "site.toml", "name = 'acme'\n");
	kit_file(k, "env/base.toml", "base_url = 'https://x.example'\n");
	kit_file(k, "env/prod.toml", "base_url = 'https://y.example'\n");
	kit_file(k, "static/a.txt", "aaa");
	kit_file(k, "static/sub/b.txt", "bbb");
	kit_file(k, "pages/index.html", "<p>hello\n");
	kit_file(k, "assets/x.css", "p{color:red}");
}

static void close_world(struct world *w)
{
	arena_release(&w->arena);
	kit_close(&w->kit);
}

/* One run of `lowtide build`, without its command line. */
static enum how run(struct world *w)
{
	struct kit *k = &w->kit;
	struct pool pool;

	arena_release(&w->arena);
	diag_init(&w->diag, &w->arena);
	const char *dir = k->dir;
	const struct memo_spec spec = {.site = dir,
	    .out = fs_join(&w->arena, dir, "dist"),
	    .cache = fs_join(&w->arena, dir, ".cache"),
	    .key = str_of(w->key)};
	const struct out_spec out = {.dir = spec.out};
	pool_init(&pool, 2);
	struct memo *memo = memo_open(&w->arena, &spec, &pool);
	assert_non_null(memo);
	if (memo_is_current(memo, &w->diag, &w->result)) {
		memo_close(memo);
		return CURRENT;
	}
	struct site *site;
	struct build b = {.arena = &w->arena,
	    .diag = &w->diag,
	    .spec = &out,
	    .pool = pool,
	    .memo = memo};
	enum err err = site_load(&w->arena,
	    &(struct site_spec){.dir = dir, .outside = memo_outside(memo)},
	    &w->diag, &site);
	err = build_loaded(&b, site, err);
	if (err == ERR_OK)
		err = out_commit(&b.out, &w->diag);
	if (err != ERR_OK)
		diag_print(&w->diag, stderr);
	assert_int_equal(err, ERR_OK);
	memo_close(memo);
	return BUILT;
}

static const char *content(struct world *w, const char *name)
{
	struct str bytes;

	if (fs_read(&w->arena, kit_path(&w->kit, name), 1 << 20, NULL,
		&bytes) != ERR_OK)
		return NULL;
	return bytes.p;
}

static const char *memo_path(struct world *w)
{
	DIR *dir = opendir(kit_path(&w->kit, ".cache"));
	const char *path = NULL;

	assert_non_null(dir);
	for (struct dirent *e; (e = readdir(dir));)
		if (strncmp(e->d_name, "memo-", 5) == 0) {
			assert_null(path);
			path = kit_path(&w->kit,
			    arena_printf(&w->kit.arena, ".cache/%s", e->d_name)
				.p);
		}
	closedir(dir);
	return path;
}

static void nothing_changed_is_noticed(void **state)
{
	struct world w;
	struct stat before, after;

	(void)state;
	open_world(&w);
	age(&w);
	assert_int_equal(run(&w), BUILT);
	assert_int_equal(stat(memo_path(&w), &before), 0);
	assert_int_equal(before.st_mode & 077, 0);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(run(&w), CURRENT);
		assert_true(w.result.files > 10);
		assert_true(w.result.bytes > 1000);
		assert_int_equal(w.result.n_envs, 1);
		assert_string_equal(w.result.envs[0], "prod");
	}
	assert_int_equal(stat(memo_path(&w), &after), 0);
	assert_true(before.st_ino == after.st_ino);
	assert_true(before.st_ctim.tv_nsec == after.st_ctim.tv_nsec);
	close_world(&w);
}

/* Each of these is a reason to build; afterwards all is current again. */
static void every_change_is_noticed(void **state)
{
	static const struct {
		const char *name, *text; /* text NULL: removed */
	} changes[] = {
	    {"static/a.txt", "aab"},
	    {"static/sub/b.txt", "bbbb"},
	    {"static/new.txt", ""},
	    {"static/new.txt", NULL},
	    {"pages/index.html", "<p>hullo\n"},
	    {"assets/x.css", "p{color:tan}"},
	    {"site.toml", "name = 'acmf'\n"},
	    {"api.toml", "auth = 'none'\n"},
	    {"api.toml", NULL},
	    {"env/base.toml", "base_url = 'https://z.example'\n"},
	    {"env/other.toml", ""},
	    {"templates/x.mustache", ""},
	    {"handlers/run", "#!/bin/sh\n"},
	    {"dist/www/a.txt", "spoilt"},
	    {"dist/www/a.txt", NULL},
	    {"dist/server/handlers/run", NULL},
	};
	struct world w;

	(void)state;
	open_world(&w);
	age(&w);
	assert_int_equal(run(&w), BUILT);
	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		assert_int_equal(run(&w), CURRENT);
		if (changes[i].text)
			kit_file(&w.kit, changes[i].name, changes[i].text);
		else
			assert_int_equal(
			    unlink(kit_path(&w.kit, changes[i].name)), 0);
		assert_int_equal(run(&w), BUILT);
		if (strncmp(changes[i].name, "static/", 7) == 0 &&
		    changes[i].text)
			assert_string_equal(
			    content(&w, arena_printf(&w.arena, "dist/www/%s",
					    changes[i].name + 7)
					    .p),
			    changes[i].text);
		assert_string_equal(content(&w, "dist/www/a.txt"), "aab");
	}
	assert_int_equal(run(&w), CURRENT);
	w.key = "other options";
	assert_int_equal(run(&w), BUILT);
	assert_int_equal(run(&w), CURRENT);
	close_world(&w);
}

/* The same size and, as far as clocks tell, the same time. */
static void a_change_within_a_tick_is_noticed(void **state)
{
	struct world w;
	int rounds = 40;

	(void)state;
	open_world(&w);
	for (int i = 0; i < rounds; i++) {
		char text[4] = {'a', (char)('a' + i % 26), 'c', '\0'};
		const char *path = kit_path(&w.kit, "static/a.txt");
		int fd = open(path, O_WRONLY | O_TRUNC);
		assert_true(fd >= 0);
		assert_int_equal(write(fd, text, 3), 3);
		close(fd);
		run(&w);
		assert_string_equal(content(&w, "dist/www/a.txt"), text);
	}
	/* and what is too new to be sure of is read, not built again */
	assert_int_equal(run(&w), CURRENT);
	close_world(&w);
}

static void the_outside_is_remembered(void **state)
{
	struct world w;

	(void)state;
	open_world(&w);
	kit_file(&w.kit, "env/base.toml",
	    "base_url = 'https://x.example'\n"
	    "[public]\nword = { env = 'LOWTIDE_TEST_WORD' }\n"
	    "[oauth.c]\nkind = 'cognito'\n"
	    "domain = 'https://d.example'\nissuer = 'https://i.example'\n"
	    "client_id = 'abc'\n");
	setenv("LOWTIDE_TEST_WORD", "one", 1);
	age(&w);
	assert_int_equal(run(&w), BUILT);
	assert_int_equal(run(&w), CURRENT);
	setenv("LOWTIDE_TEST_WORD", "two", 1);
	assert_int_equal(run(&w), BUILT);
	assert_int_equal(run(&w), CURRENT);
	setenv("LOWTIDE_TEST_OTHER", "two", 1);
	assert_int_equal(run(&w), CURRENT);
	close_world(&w);
}

/* A secret's value is not to be found in what a cache carries about. */
static void files_and_secrets_outside(void **state)
{
	struct arena a = {0};
	struct pool pool = {.jobs = 1};
	struct kit k;
	struct diag diag;
	struct memo_result result;

	(void)state;
	kit_open(&k);
	kit_file(&k, "site.toml", "");
	kit_file(&k, "outside/key", "key");
	kit_file(&k, "dist/www/x", "x");
	setenv("LOWTIDE_TEST_SECRET", "hunter2", 1);
	age(NULL);
	const struct memo_spec spec = {.site = k.dir,
	    .out = kit_path(&k, "dist"),
	    .cache = kit_path(&k, "cache"),
	    .key = STR("k")};
	struct digest digest = {.bytes = 1};
	for (int i = 0; i < 6; i++) {
		diag_init(&diag, &a);
		struct memo *m = memo_open(&a, &spec, &pool);
		assert_int_equal(memo_is_current(m, &diag, &result),
		    i == 1 || i == 3 || i == 5);
		const struct outside *o = memo_outside(m);
		outside_file(o, kit_path(&k, "outside/key"));
		outside_file(o, kit_path(&k, "outside/none"));
		assert_non_null(outside_secret(o, "LOWTIDE_TEST_SECRET"));
		assert_null(outside_env(o, "LOWTIDE_TEST_UNSET"));
		struct stat st;
		assert_int_equal(stat(spec.out, &st), 0);
		const struct fs_list *l = memo_output(m, st.st_ino);
		assert_int_equal(l->n, 1);
		const struct memo_output output = {.root = "www/",
		    .path = STR("x"),
		    .entry = l->entries[0],
		    .digest = &digest};
		memo_save(m, &output, 1, 1, &diag);
		memo_close(m);
		if (i == 1) {
			kit_file(&k, "outside/none", "some");
			age(NULL);
		}
		if (i == 3)
			setenv("LOWTIDE_TEST_SECRET", "hunter3", 1);
	}
	arena_release(&a);
	kit_close(&k);
}

static void warnings_are_said_again(void **state)
{
	struct world w;

	(void)state;
	open_world(&w);
	kit_file(&w.kit, "pages/index.html", "\n<a href=gone.html>x</a>\n");
	age(&w);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(run(&w), i ? CURRENT : BUILT);
		assert_int_equal(w.diag.warnings, 1);
		const struct diag_item *d = w.diag.first;
		assert_string_equal(d->name, "missing-reference");
		assert_int_equal(d->pos.line, 2);
		assert_non_null(strstr(d->pos.file, "pages/index.html"));
		assert_true(str_starts(d->text, "there will be no file"));
	}
	close_world(&w);
}

/* Cut off, a bit turned over, of somebody else: all of it only costs time. */
static void a_damaged_memo_is_none(void **state)
{
	struct world w;

	(void)state;
	open_world(&w);
	age(&w);
	assert_int_equal(run(&w), BUILT);
	const char *path = memo_path(&w);
	struct stat st;
	assert_int_equal(stat(path, &st), 0);
	for (off_t at = 0; at < st.st_size; at += 397) {
		char byte;
		int fd = open(path, O_RDWR);
		assert_true(fd >= 0);
		assert_int_equal(pread(fd, &byte, 1, at), 1);
		byte ^= 4;
		assert_int_equal(pwrite(fd, &byte, 1, at), 1);
		close(fd);
		/* the second half is only looked at when something changed */
		enum how how = run(&w);
		assert_string_equal(content(&w, "dist/www/a.txt"), "aaa");
		if (how == BUILT)
			continue;
		kit_file(&w.kit, "pages/index.html", at % 2 ? "<b>" : "<i>");
		assert_int_equal(run(&w), BUILT);
		assert_string_equal(content(&w, "dist/www/sub/b.txt"), "bbb");
		age(&w);
		run(&w);
	}
	for (off_t n = st.st_size - 1; n > 0; n /= 3) {
		assert_int_equal(run(&w), CURRENT);
		assert_int_equal(truncate(path, n), 0);
		assert_int_equal(run(&w), BUILT);
	}
	assert_int_equal(unlink(path), 0);
	assert_int_equal(symlink("/dev/zero", path), 0);
	assert_int_equal(run(&w), BUILT);
	assert_int_equal(run(&w), CURRENT);
	close_world(&w);
}

/*
 * Whoever can write checks as well writes what he likes: lengths and places are
 * held against what is there all the same.
 */
static void a_forged_memo_is_within_bounds(void **state)
{
	struct world w;
	struct str bytes;
	uint32_t seed = 1;

	(void)state;
	open_world(&w);
	age(&w);
	assert_int_equal(run(&w), BUILT);
	const char *path = memo_path(&w);
	assert_int_equal(
	    fs_read(&w.kit.arena, path, 1 << 24, NULL, &bytes), ERR_OK);
	for (int i = 0; i < 150; i++) {
		struct buf forged = {0};
		struct memo_header h;
		buf_put_str(&forged, bytes);
		memcpy(&h, bytes.p, sizeof(h));
		memo_hash(h.search, "", 0);
		memcpy(forged.data, &h, sizeof(h));
		size_t half = sizeof(h) +
			      h.n_sources * sizeof(struct memo_source) +
			      h.n_outputs * sizeof(struct memo_written) +
			      h.n_around * sizeof(struct memo_around) +
			      h.n_said * sizeof(struct memo_said) + h.n_texts;
		for (int k = 0; k < 1 + i % 30; k++) {
			seed = seed * 1664525 + 1013904223;
			/* rows more often than texts, sometimes the header */
			size_t at = 8 + (seed >> 4) % (k % 4 ? half : bytes.n);
			if (at < bytes.n)
				forged.data[at] ^= (char)(1u << (seed >> 29));
		}
		(void)memo_file_write(path, &forged, half);
		buf_release(&forged);
		struct arena a = {0};
		struct diag diag;
		struct pool pool = {.jobs = 1};
		struct memo_result result;
		struct memo_row row;
		const struct memo_spec spec = {.site = w.kit.dir,
		    .out = kit_path(&w.kit, "dist"),
		    .cache = kit_path(&w.kit, ".cache"),
		    .key = str_of(w.key)};
		diag_init(&diag, &a);
		struct memo *m = memo_open(&a, &spec, &pool);
		(void)memo_is_current(m, &diag, &result);
		memo_searched(m, STR(""));
		(void)memo_digests(m);
		const struct fs_list *l = memo_list(m, "static");
		for (size_t n = 0; n < l->n; n++)
			(void)memo_find(m,
			    arena_printf(
				&a, "static/%.*s", STR_ARG(l->entries[n].rel)),
			    &l->entries[n], &row);
		memo_close(m);
		arena_release(&a);
	}
	close_world(&w);
}

/* One that cannot be written costs time only, and so does having none. */
static void without_a_place_for_it(void **state)
{
	struct world w;
	struct arena a = {0};
	struct pool pool = {.jobs = 1};
	struct memo_result result;

	(void)state;
	open_world(&w);
	kit_file(&w.kit, ".cache", "a file where the folder would be");
	for (int i = 0; i < 2; i++)
		assert_int_equal(run(&w), BUILT);
	const struct memo_spec none = {.site = ".", .out = "dist"};
	struct memo *m = memo_open(&a, &none, &pool);
	assert_null(m);
	assert_false(memo_is_current(m, NULL, &result));
	assert_false(memo_find(m, STR("a"), NULL, NULL));
	assert_null(memo_outside(m));
	assert_null(memo_digests(m));
	memo_note(m, STR("a"), NULL, NULL);
	memo_save(m, NULL, 0, 0, NULL);
	memo_close(m);
	close_world(&w);
}

/* Unchanged sources are not opened: these cannot be, and nothing is missed. */
static void what_is_known_is_not_read(void **state)
{
	struct world w;

	(void)state;
	open_world(&w);
	age(&w);
	assert_int_equal(run(&w), BUILT);
	struct stat a;
	assert_int_equal(stat(kit_path(&w.kit, "dist/www/a.txt"), &a), 0);
	kit_file(&w.kit, "static/c.txt", "ccc");
	assert_int_equal(run(&w), BUILT);
	struct stat b;
	assert_int_equal(stat(kit_path(&w.kit, "dist/www/a.txt"), &b), 0);
	assert_true(a.st_ino == b.st_ino);
	assert_string_equal(content(&w, "dist/www/c.txt"), "ccc");
	close_world(&w);
}

/* What a clock has not reached tells nothing, what is long past is past. */
static void any_time_may_be_a_files(void **state)
{
	const struct timespec now = {1000, 500};
	static const struct {
		struct timespec time;
		bool past;
	} rows[] = {
	    {{INT64_MIN, 1}, true},
	    {{INT64_MIN, 0}, true},
	    {{996, 999999999}, true},
	    {{997, 500}, true},
	    {{998, 0}, true},
	    {{999, 0}, false},
	    {{999, 900000000}, true},
	    {{999, 950000600}, false},
	    {{1000, 400}, false},
	    {{1001, 1}, false},
	    {{INT64_MAX, 1}, false},
	    {{INT64_MAX, 0}, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		const struct fs_entry e = {
		    .mtime = rows[i].time, .ctime = rows[i].time};
		assert_true(memo_is_past(now, &e) == rows[i].past);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(nothing_changed_is_noticed),
	    cmocka_unit_test(every_change_is_noticed),
	    cmocka_unit_test(a_change_within_a_tick_is_noticed),
	    cmocka_unit_test(the_outside_is_remembered),
	    cmocka_unit_test(files_and_secrets_outside),
	    cmocka_unit_test(warnings_are_said_again),
	    cmocka_unit_test(a_damaged_memo_is_none),
	    cmocka_unit_test(a_forged_memo_is_within_bounds),
	    cmocka_unit_test(without_a_place_for_it),
	    cmocka_unit_test(what_is_known_is_not_read),
	    cmocka_unit_test(any_time_may_be_a_files),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("memo", tests, NULL, NULL);
}
