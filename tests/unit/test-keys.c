#include "cgi/keys.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/buf.h"

/* 32 bytes each, in base64 */
#define A "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
#define B "//////////////////////////////////////////8="

struct place {
	char dir[64], path[80];
	struct arena arena;
	struct diag diag;
};

static int set_up(void **state)
{
	struct place *p = calloc(1, sizeof(*p));

	strcpy(p->dir, "/tmp/lowtide-keys-XXXXXX");
	if (!mkdtemp(p->dir))
		return -1;
	snprintf(p->path, sizeof(p->path), "%s/keys", p->dir);
	diag_init(&p->diag, &p->arena);
	*state = p;
	return 0;
}

static int tear_down(void **state)
{
	struct place *p = *state;

	unlink(p->path);
	rmdir(p->dir);
	arena_release(&p->arena);
	free(p);
	return 0;
}

static void put(const struct place *p, const char *text, mode_t mode)
{
	FILE *f = fopen(p->path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
	assert_int_equal(chmod(p->path, mode), 0);
}

static void assert_finding(const struct place *p, const char *name)
{
	assert_non_null(p->diag.last);
	assert_string_equal(p->diag.last->name, name);
}

static void makes_keys_that_load(void **state)
{
	struct place *p = *state;
	struct keys keys, again;
	struct stat st;
	mode_t old = umask(0);

	assert_int_equal(keys_generate(p->path, &p->diag), ERR_OK);
	umask(old);
	assert_int_equal(stat(p->path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(keys_load(p->path, &p->diag, &keys), ERR_OK);
	assert_int_equal(keys.n_mac, 1);
	assert_int_equal(keys.n_seal, 1);
	assert_int_equal(keys.name.version, 1);
	assert_memory_not_equal(keys.name.bytes, keys.mac[0].bytes, KEY_BYTES);
	assert_memory_not_equal(
	    keys.seal[0].bytes, keys.mac[0].bytes, KEY_BYTES);

	assert_int_equal(keys_generate(p->path, &p->diag), ERR_CONFLICT);
	assert_finding(p, "keys-exist");
	assert_int_equal(keys_load(p->path, &p->diag, &again), ERR_OK);
	assert_memory_equal(&keys, &again, sizeof(keys));
	keys_wipe(&keys);
	for (size_t i = 0; i < sizeof(keys); i++)
		assert_int_equal(((uint8_t *)&keys)[i], 0);
	keys_wipe(NULL);
}

static void first_of_a_kind_is_current(void **state)
{
	struct place *p = *state;
	struct keys keys;
	uint8_t check[KEYS_CHECK_BYTES], other[KEYS_CHECK_BYTES];

	put(p,
	    "# comment\n\n7 name " A "\n\t3  mac\t" A "  # current\n"
	    "2 mac " B "\n255 seal " B "\n1 seal " A,
	    0400);
	assert_int_equal(keys_load(p->path, &p->diag, &keys), ERR_OK);
	assert_int_equal(keys.mac[0].version, 3);
	assert_int_equal(keys.n_mac, 2);
	assert_ptr_equal(keys_mac(&keys, 2), &keys.mac[1]);
	assert_null(keys_mac(&keys, 9));
	assert_ptr_equal(keys_seal(&keys, 255), &keys.seal[0]);
	assert_null(keys_seal(&keys, 3));
	assert_int_equal(keys.mac[0].bytes[31], 31);

	keys_check(&keys, check);
	keys.mac[0].bytes[0] ^= 1; /* the check is the name key's alone */
	keys_check(&keys, other);
	assert_memory_equal(check, other, sizeof(check));
	keys.name.bytes[0] ^= 1;
	keys_check(&keys, other);
	assert_memory_not_equal(check, other, sizeof(check));
}

static void refuses_bad_files(void **state)
{
	static const struct {
		const char *text;
		unsigned line;
	} rows[] = {
	    {"", 1},
	    {"1 name " A "\n1 mac " A "\n", 2},
	    {"1 name \xff"
	     "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n1 mac " A
	     "\n1 seal " A "\n",
		1},
	    {"1 name " A "\n1 seal " A "\n", 2},
	    {"1 mac " A "\n1 seal " A "\n", 2},
	    {"1 name " A "\n2 name " A "\n1 mac " A "\n1 seal " A "\n", 2},
	    {"0 name " A "\n", 1},
	    {"01 name " A "\n", 1},
	    {"256 name " A "\n", 1},
	    {"x name " A "\n", 1},
	    {"1 name\n", 1},
	    {"1 salt " A "\n", 1},
	    {"1 name " A " more\n", 1},
	    {"1 name AAAA\n", 1},
	    {"1 name AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8\n", 1},
	    {"1 name AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh9=\n", 1},
	    {"1 name " A "\n1 mac " A "\n1 mac " B "\n1 seal " A "\n", 3},
	};
	struct place *p = *state;
	struct keys keys;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		put(p, rows[i].text, 0600);
		assert_int_equal(
		    keys_load(p->path, &p->diag, &keys), ERR_INPUT);
		assert_finding(p, "keys-line");
		assert_int_equal(p->diag.last->pos.line, rows[i].line);
		assert_int_equal(keys.n_mac, 0);
		/* the finding never quotes what may be a key */
		assert_null(
		    strstr(arena_cstr(&p->arena, p->diag.last->text), "AAEC"));
	}
}

static void refuses_too_many(void **state)
{
	struct place *p = *state;
	struct keys keys;
	struct buf text = {0};

	buf_puts(&text, "1 name " A "\n1 seal " A "\n");
	for (unsigned i = 1; i <= KEYS_MAX; i++)
		buf_printf(&text, "%u mac %s\n", i, A);
	put(p, text.data, 0600);
	assert_int_equal(keys_load(p->path, &p->diag, &keys), ERR_OK);
	assert_int_equal(keys.n_mac, KEYS_MAX);
	buf_printf(&text, "200 mac %s\n", A);
	put(p, text.data, 0600);
	assert_int_equal(keys_load(p->path, &p->diag, &keys), ERR_INPUT);
	buf_release(&text);
}

static void refuses_files_others_may_read(void **state)
{
	static const mode_t modes[] = {0640, 0604, 0660, 0644};
	struct place *p = *state;
	struct keys keys;

	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		put(p, "1 name " A "\n1 mac " A "\n1 seal " A "\n", modes[i]);
		assert_int_equal(
		    keys_load(p->path, &p->diag, &keys), ERR_INPUT);
		assert_finding(p, "keys-mode");
	}
}

static void says_what_to_do_when_missing(void **state)
{
	struct place *p = *state;
	struct keys keys;

	assert_int_equal(keys_load(p->path, &p->diag, &keys), ERR_MISSING);
	assert_finding(p, "keys-missing");
	assert_non_null(strstr(
	    arena_cstr(&p->arena, p->diag.last->text), "lowtide-jobs keygen"));
	assert_int_equal(keys_load(p->dir, &p->diag, &keys), ERR_INPUT);
	assert_int_equal(keys_generate("/nonexistent/keys", &p->diag), ERR_IO);
	assert_finding(p, "io-error");
}

static void says_whose_they_must_be(void **state)
{
	struct place *p = *state;
	struct keys keys;
	bool root = geteuid() == 0;

	put(p, "1 name " A "\n1 mac " A "\n1 seal " A "\n", 0600);
	assert_int_equal(chmod(p->path, 0), 0);
	if (root) /* who may read anything */
		assert_int_equal(seteuid(65534), 0);
	enum err err = keys_load(p->path, &p->diag, &keys);
	if (root)
		assert_int_equal(seteuid(0), 0);
	assert_int_equal(err, ERR_IO);
	assert_finding(p, "io-error");
	assert_non_null(
	    strstr(arena_cstr(&p->arena, p->diag.last->text), "chown"));
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
	    T(makes_keys_that_load),
	    T(first_of_a_kind_is_current),
	    T(refuses_bad_files),
	    T(refuses_too_many),
	    T(refuses_files_others_may_read),
	    T(says_what_to_do_when_missing),
	    T(says_whose_they_must_be),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("keys", tests, NULL, NULL);
}
