#include "cgi/key-file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

/*
 * The life of a key file: added, used, pruned; what else stands in it, and
 * what is refused and leaves it as it was.
 */
#define OK(call) assert_int_equal((call), ERR_OK)
#define NOW 1795250000000 /* 2026-11-21T08:33:20.000Z */
#define DAY ((int64_t)86400000)

/* 32 bytes each, in base64; "mac" and "seal" stand in a key as well */
#define A "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
#define B "//////////////////////////////////////////8="
#define C "mac/seal/name/mac/seal/name/mac/seal/name/8="

struct place {
	char dir[64], path[80], fresh[96];
	struct arena arena;
	struct diag diag;
	uint8_t version;
	size_t dropped;
	int64_t next_ms;
};

static int set_up(void **state)
{
	struct place *p = calloc(1, sizeof(*p));

	strcpy(p->dir, "/tmp/lowtide-key-file-XXXXXX");
	if (!mkdtemp(p->dir))
		return -1;
	snprintf(p->path, sizeof(p->path), "%s/keys", p->dir);
	snprintf(p->fresh, sizeof(p->fresh), "%s/keys.new", p->dir);
	diag_init(&p->diag, &p->arena);
	*state = p;
	return 0;
}

static int tear_down(void **state)
{
	struct place *p = *state;

	unlink(p->path);
	unlink(p->fresh);
	rmdir(p->dir);
	arena_release(&p->arena);
	free(p);
	return 0;
}

static void put(const struct place *p, const char *text)
{
	FILE *f = fopen(p->path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
	assert_int_equal(chmod(p->path, 0600), 0);
}

static char *get(struct place *p)
{
	char *text = arena_alloc(&p->arena, KEYS_FILE_MAX + 1);
	FILE *f = fopen(p->path, "r");
	assert_non_null(f);
	text[fread(text, 1, KEYS_FILE_MAX, f)] = '\0';
	fclose(f);
	return text;
}

static struct keys load(struct place *p)
{
	struct keys keys;
	struct stat st;

	OK(keys_load(p->path, &p->diag, &keys));
	assert_int_equal(stat(p->path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(access(p->fresh, F_OK), -1);
	return keys;
}

static enum err add(struct place *p, int64_t now)
{
	return key_file_add(p->path, now, &p->diag, &p->version);
}

static enum err use(struct place *p, int64_t now)
{
	return key_file_use(p->path, now, &p->diag, &p->version);
}

static enum err prune(struct place *p, int64_t now)
{
	return key_file_prune(
	    p->path, now, 40 * DAY, &p->diag, &p->dropped, &p->next_ms);
}

static void finding(struct place *p, const char *name)
{
	assert_non_null(p->diag.last);
	assert_string_equal(p->diag.last->name, name);
	diag_init(&p->diag, &p->arena);
}

/* The versions in the order of the file. */
static void expect(struct place *p, const char *macs, const char *seals)
{
	const struct keys keys = load(p);
	char text[64] = "";

	for (size_t i = 0; i < keys.n_mac; i++)
		snprintf(text + strlen(text), 8, "%d", keys.mac[i].version);
	assert_string_equal(text, macs);
	text[0] = '\0';
	for (size_t i = 0; i < keys.n_seal; i++)
		snprintf(text + strlen(text), 8, "%d", keys.seal[i].version);
	assert_string_equal(text, seals);
}

static void three_steps(void **state)
{
	struct place *p = *state;
	struct keys before, after;

	OK(keys_generate(p->path, &p->diag));
	before = load(p);
	OK(add(p, NOW));
	assert_int_equal(p->version, 2);
	expect(p, "12", "12");
	OK(use(p, NOW + 1));
	assert_int_equal(p->version, 2);
	expect(p, "21", "21");
	after = load(p);
	assert_memory_equal(
	    after.name.bytes, before.name.bytes, sizeof(before.name.bytes));
	assert_memory_equal(after.mac[1].bytes, before.mac[0].bytes, KEY_BYTES);
	assert_memory_not_equal(
	    after.mac[0].bytes, after.seal[0].bytes, KEY_BYTES);
	assert_non_null(strstr(get(p), "# added 2026-11-21T08:33:20.000Z\n2 "));
	assert_non_null(
	    strstr(get(p), "# retired 2026-11-21T08:33:20.001Z\n1 mac"));

	OK(prune(p, NOW + 40 * DAY)); /* a millisecond early */
	assert_int_equal(p->dropped, 0);
	assert_int_equal(p->next_ms, NOW + 1 + 40 * DAY);
	expect(p, "21", "21");
	OK(prune(p, NOW + 1 + 40 * DAY));
	assert_int_equal(p->dropped, 2);
	assert_int_equal(p->next_ms, 0);
	expect(p, "2", "2");
	assert_null(strstr(get(p), "retired"));
	OK(prune(p, NOW + 1000 * DAY)); /* what is used stays */
	assert_int_equal(p->dropped, 0);
	assert_null(p->diag.first);
}

static void many_rotations(void **state)
{
	struct place *p = *state;
	int64_t now = NOW;

	OK(keys_generate(p->path, &p->diag));
	for (int i = 0; i < 300; i++, now += 10 * DAY) {
		OK(add(p, now));
		OK(use(p, now + 1));
		OK(prune(p, now + 2));
		const struct keys keys = load(p);
		assert_in_range(keys.n_mac, 2, 5);
		assert_int_equal(keys.mac[0].version, p->version);
		assert_int_equal(keys.seal[0].version, p->version);
	}
}

static void one_step_after_the_other(void **state)
{
	struct place *p = *state;

	assert_int_equal(add(p, NOW), ERR_MISSING);
	finding(p, "keys-missing");
	OK(keys_generate(p->path, &p->diag));
	const char *text = get(p);
	assert_int_equal(use(p, NOW), ERR_CONFLICT);
	finding(p, "keys-added");
	assert_string_equal(get(p), text);
	OK(add(p, NOW));
	text = get(p);
	assert_int_equal(add(p, NOW), ERR_CONFLICT);
	finding(p, "keys-added");
	assert_string_equal(get(p), text);
	OK(prune(p, NOW + 1000 * DAY)); /* nor does what waits go */
	expect(p, "12", "12");
	OK(use(p, NOW));
	text = get(p);
	assert_int_equal(use(p, NOW), ERR_CONFLICT); /* back is no way */
	finding(p, "keys-added");
	assert_string_equal(get(p), text);
}

/* What an operator wrote stays, and where he wrote it. */
static void the_rest_of_the_file_is_kept(void **state)
{
	struct place *p = *state;

	put(p, "# ours\n\n7 seal " C " # mac, of a sort\n9 name " A "\n"
	       "  3\tmac   " B "\n# behind\n");
	OK(add(p, NOW));
	assert_int_equal(p->version, 8);
	OK(use(p, NOW + 1));
	expect(p, "83", "87");
	const char *text = get(p);
	assert_non_null(
	    strstr(text, "# ours\n\n7 seal " C " # mac, of a sort"));
	assert_non_null(strstr(text, "\n9 name " A "\n"));
	assert_non_null(strstr(text, "Z\n  3\tmac   " B "\n"));
	assert_string_equal(text + strlen(text) - 9, "# behind\n");
}

static void no_end_of_line_and_no_mark(void **state)
{
	struct place *p = *state;

	/* two kinds by hand, and a retired one that is used again */
	put(p, "1 name " A "\n# retired 2020-01-01T00:00:00.000Z\n2 mac " A
	       "\n1 mac " B "\n# retired 2020-01-01T00:00:00.000Z \n3 seal " A
	       "\n# retired yesterday\n4 seal " B);
	OK(prune(p, NOW));
	assert_int_equal(p->dropped, 0); /* no mark of ours stands there */
	OK(use(p, NOW));		 /* what waits by hand */
	expect(p, "12", "43");
	OK(add(p, NOW));
	assert_int_equal(p->version, 5);
	expect(p, "125", "435");
}

static void versions_come_round(void **state)
{
	struct place *p = *state;

	put(p, "1 name " A "\n255 mac " A "\n2 seal " A "\n");
	OK(add(p, NOW));
	assert_int_equal(p->version, 1);
}

static void there_may_be_so_many(void **state)
{
	struct place *p = *state;

	OK(keys_generate(p->path, &p->diag));
	for (int i = 1; i < KEYS_MAX; i++) {
		OK(add(p, NOW));
		OK(use(p, NOW));
	}
	const char *text = get(p);
	assert_int_equal(add(p, NOW), ERR_FULL);
	finding(p, "keys-full");
	assert_string_equal(get(p), text);
	OK(prune(p, NOW + 40 * DAY));
	assert_int_equal(p->dropped, 2 * (KEYS_MAX - 1));
	OK(add(p, NOW));
}

static void one_at_a_time(void **state)
{
	struct place *p = *state;

	OK(keys_generate(p->path, &p->diag));
	const char *text = get(p);
	fclose(fopen(p->fresh, "w"));
	assert_int_equal(add(p, NOW), ERR_BUSY);
	finding(p, "keys-locked");
	assert_int_equal(access(p->fresh, F_OK), 0); /* another's */
	assert_string_equal(get(p), text);
}

static void bad_files_are_left_alone(void **state)
{
	static const char *const texts[] = {
	    "1 name " A "\n1 mac " A "\n",
	    "1 name " A "\n1 mac " A "\n1 seal " A "\nrubbish\n",
	    "",
	};
	struct place *p = *state;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		put(p, texts[i]);
		assert_int_equal(add(p, NOW), ERR_INPUT);
		finding(p, "keys-line");
		assert_int_equal(use(p, NOW), ERR_INPUT);
		assert_int_equal(prune(p, NOW), ERR_INPUT);
		assert_string_equal(get(p), texts[i]);
	}
	put(p, "1 name " A "\n1 mac " A "\n1 seal " A "\n");
	chmod(p->path, 0640);
	assert_int_equal(add(p, NOW), ERR_INPUT);
	finding(p, "keys-mode");
}

static void a_link_stays_one(void **state)
{
	struct place *p = *state;
	char link[96];
	struct stat st;

	OK(keys_generate(p->path, &p->diag));
	snprintf(link, sizeof(link), "%s/link", p->dir);
	assert_int_equal(symlink("keys", link), 0);
	OK(key_file_add(link, NOW, &p->diag, &p->version));
	assert_int_equal(lstat(link, &st), 0);
	assert_true(S_ISLNK(st.st_mode));
	unlink(link);
	expect(p, "12", "12");
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	static const struct CMUnitTest tests[] = {
	    T(three_steps),
	    T(many_rotations),
	    T(one_step_after_the_other),
	    T(the_rest_of_the_file_is_kept),
	    T(no_end_of_line_and_no_mark),
	    T(versions_come_round),
	    T(there_may_be_so_many),
	    T(one_at_a_time),
	    T(bad_files_are_left_alone),
	    T(a_link_stays_one),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("key-file", tests, NULL, NULL);
}
