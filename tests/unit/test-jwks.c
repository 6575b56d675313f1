#include "cgi/jwks.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/fs.h"
#include "tests/unit/token-kit.h"

static struct arena arena;
static EVP_PKEY *rsa, *rsa_2, *ec;
static struct jwks set;
/* of the file's tests */
static char dir[] = "/tmp/lowtide-jwks.XXXXXX";
static int dir_fd;
static struct jwks_file file;
static struct log said;
static int64_t now_boot, now_ms;

static const char *set_of(const char *keys)
{
	return arena_printf(&arena, "{\"keys\":[%s]}", keys).p;
}

static enum err parse(const char *json)
{
	jwks_release(&set);
	return jwks_parse(str_of(json), &set);
}

/* How many of these keys are used; they must not spoil the one beside them. */
static size_t used(const char *keys)
{
	size_t n;

	assert_int_equal(parse(set_of(keys)), ERR_OK);
	n = set.n;
	assert_int_equal(parse(set_of(arena_printf(&arena, "%s,%s",
			     kit_jwk(&arena, rsa_2, "beside", ""), keys)
					  .p)),
	    ERR_OK);
	assert_int_equal(set.n, n + 1);
	return n;
}

static enum token_verdict find(
    enum signature_alg alg, const char *kid, const struct jwk **out)
{
	const struct token token = {.alg = alg, .kid = str_of(kid)};

	return jwks_find(&set, &token, out);
}

/* ---- sets ---------------------------------------------------------------- */

static void keys_that_are_used(void **state)
{
	static const char *const more[] = {"", ",\"use\":\"sig\"",
	    ",\"key_ops\":[\"verify\"]", ",\"key_ops\":[\"sign\",\"verify\"]",
	    ",\"x5c\":[\"MII\"],\"x5t\":\"t\"", ",\"unknown\":{\"a\":[1]}"};
	(void)state;

	for (size_t i = 0; i < sizeof(more) / sizeof(more[0]); i++) {
		assert_int_equal(used(kit_jwk(&arena, rsa, "a", more[i])), 1);
		assert_int_equal(used(kit_jwk(&arena, ec, "a", more[i])), 1);
	}
	assert_int_equal(
	    used(kit_jwk(&arena, rsa, "a", ",\"alg\":\"RS256\"")), 1);
	assert_int_equal(
	    used(kit_jwk(&arena, ec, "a", ",\"alg\":\"ES256\"")), 1);
	assert_int_equal(used(kit_jwk(&arena, ec, NULL, "")), 1);
}

static void keys_that_are_left_out(void **state)
{
	static const char *const more[] = {",\"use\":\"enc\"", ",\"use\":7",
	    ",\"alg\":\"HS256\"", ",\"alg\":\"RS512\"", ",\"alg\":\"PS256\"",
	    ",\"alg\":\"RSA-OAEP\"", ",\"alg\":7", ",\"key_ops\":[]",
	    ",\"key_ops\":[\"encrypt\"]", ",\"key_ops\":\"verify\"",
	    ",\"d\":\"AQAB\"", ",\"k\":\"AQAB\"", ",\"p\":\"AQAB\""};
	static const char *const whole[] = {"7", "null", "[]", "{}", "\"RSA\"",
	    "{\"kty\":\"oct\",\"k\":\"AQAB\",\"kid\":\"a\"}",
	    "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"AQAB\"}",
	    "{\"kty\":\"RSA\",\"n\":\"AQAB\",\"e\":\"AQAB\"}",
	    "{\"kty\":\"RSA\",\"n\":7,\"e\":\"AQAB\"}",
	    "{\"kty\":\"RSA\",\"e\":\"AQAB\"}",
	    "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"AA\",\"y\":\"AA\"}",
	    "{\"kty\":\"EC\",\"crv\":\"secp256k1\",\"x\":\"AA\",\"y\":\"AA\"}",
	    "{\"kty\":[\"RSA\"]}"};
	EVP_PKEY *small = kit_rsa(1024), *p384 = kit_ec("P-384");
	char kid[TOKEN_KID_MAX + 2] = {0};
	(void)state;

	for (size_t i = 0; i < sizeof(more) / sizeof(more[0]); i++)
		assert_int_equal(used(kit_jwk(&arena, rsa, "a", more[i])), 0);
	assert_int_equal(
	    used(kit_jwk(&arena, rsa, "a", ",\"alg\":\"ES256\"")), 0);
	assert_int_equal(
	    used(kit_jwk(&arena, ec, "a", ",\"alg\":\"RS256\"")), 0);
	for (size_t i = 0; i < sizeof(whole) / sizeof(whole[0]); i++)
		assert_int_equal(used(whole[i]), 0);
	assert_int_equal(used(kit_jwk(&arena, small, "a", "")), 0);
	assert_int_equal(used(kit_jwk(&arena, p384, "a", "")), 0);
	assert_int_equal(used(kit_jwk(&arena, rsa, "", "")), 0);
	memset(kid, 'k', sizeof(kid) - 1);
	assert_int_equal(used(kit_jwk(&arena, rsa, kid, "")), 0);
	kid[TOKEN_KID_MAX] = '\0';
	assert_int_equal(used(kit_jwk(&arena, rsa, kid, "")), 1);
	EVP_PKEY_free(small);
	EVP_PKEY_free(p384);
}

static void sets_that_are_none(void **state)
{
	static const char *const rows[] = {"", "{", "[]", "{}", "null",
	    "{\"keys\":{}}", "{\"keys\":null}", "{\"keys\":[]} x",
	    "{\"keys\":[],\"keys\":[]}", "{\"keys\":[{]}",
	    "{\"keys\":[{\"kid\":\"a\",\"kid\":\"b\"}]}"};
	(void)state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(parse(rows[i]), ERR_SYNTAX);
		assert_int_equal(set.n, 0);
	}
	/* a good one, cut off anywhere */
	const char *good = set_of(kit_jwk(&arena, ec, "a", ""));
	for (size_t n = 0; good[n]; n++) {
		jwks_release(&set);
		assert_int_equal(
		    jwks_parse((struct str){good, n}, &set), ERR_SYNTAX);
	}
	assert_int_equal(parse("{\"keys\":[],\"more\":1}"), ERR_OK);
	assert_int_equal(set.n, 0);
}

static void sets_that_are_too_large(void **state)
{
	struct buf keys = {0};
	(void)state;

	for (int i = 0; i < 1000; i++) {
		if (i == JWKS_KEYS_MAX) {
			assert_int_equal(
			    parse(set_of(arena_cstr(&arena, buf_str(&keys)))),
			    ERR_OK);
			assert_int_equal(set.n, JWKS_KEYS_MAX);
		}
		buf_puts(&keys, i ? "," : "");
		buf_puts(&keys,
		    kit_jwk(&arena, ec, arena_printf(&arena, "k%d", i).p, ""));
	}
	assert_int_equal(
	    parse(set_of(arena_cstr(&arena, buf_str(&keys)))), ERR_TOO_LARGE);
	assert_int_equal(set.n, 0);
	buf_clear(&keys);
	buf_puts(&keys, "{\"keys\":[],\"x\":\"");
	while (keys.len < 10 * 1024 * 1024)
		buf_puts(
		    &keys, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
	buf_puts(&keys, "\"}");
	jwks_release(&set);
	assert_int_equal(jwks_parse(buf_str(&keys), &set), ERR_TOO_LARGE);
	buf_release(&keys);
}

static void finds_by_name(void **state)
{
	const struct jwk *key = NULL;
	(void)state;

	assert_int_equal(
	    parse(set_of(arena_printf(&arena, "%s,%s",
		kit_jwk(&arena, rsa, "r", ""), kit_jwk(&arena, ec, "e", ""))
			     .p)),
	    ERR_OK);
	assert_int_equal(find(SIGNATURE_RS256, "r", &key), TOKEN_OK);
	assert_ptr_equal(key, &set.keys[0]);
	assert_int_equal(find(SIGNATURE_ES256, "e", &key), TOKEN_OK);
	assert_ptr_equal(key, &set.keys[1]);
	assert_int_equal(find(SIGNATURE_ES256, "r", &key), TOKEN_ALGORITHM);
	assert_int_equal(find(SIGNATURE_RS256, "e", &key), TOKEN_ALGORITHM);
	assert_int_equal(find(SIGNATURE_RS256, "R", &key), TOKEN_UNKNOWN_KEY);
	assert_int_equal(find(SIGNATURE_RS256, "rr", &key), TOKEN_UNKNOWN_KEY);
	assert_int_equal(
	    find(SIGNATURE_RS256, "../../r", &key), TOKEN_UNKNOWN_KEY);
	/* without a name: one of each algorithm, so it is clear */
	assert_int_equal(find(SIGNATURE_RS256, "", &key), TOKEN_OK);
	assert_ptr_equal(key, &set.keys[0]);
	assert_int_equal(
	    parse(set_of(arena_printf(&arena, "%s,%s",
		kit_jwk(&arena, rsa, "r", ""), kit_jwk(&arena, rsa_2, NULL, ""))
			     .p)),
	    ERR_OK);
	assert_int_equal(find(SIGNATURE_RS256, "", &key), TOKEN_MALFORMED);
	assert_int_equal(find(SIGNATURE_ES256, "", &key), TOKEN_UNKNOWN_KEY);
	assert_int_equal(parse("{\"keys\":[]}"), ERR_OK);
	assert_int_equal(find(SIGNATURE_RS256, "", &key), TOKEN_UNKNOWN_KEY);
}

static void names_that_stand_twice(void **state)
{
	const struct jwk *key = NULL;
	(void)state;

	assert_int_equal(
	    parse(set_of(arena_printf(&arena, "%s,%s,%s,%s",
		kit_jwk(&arena, rsa, "a", ""), kit_jwk(&arena, ec, "a", ""),
		kit_jwk(&arena, rsa_2, "a", ""), kit_jwk(&arena, rsa, "b", ""))
			     .p)),
	    ERR_OK);
	assert_int_equal(set.n, 2);
	assert_int_equal(set.left_out, 2);
	/* RFC 7517 4.5: the same name for another kind of key is no clash */
	assert_int_equal(find(SIGNATURE_ES256, "a", &key), TOKEN_OK);
	assert_int_equal(find(SIGNATURE_RS256, "a", &key), TOKEN_ALGORITHM);
	assert_int_equal(find(SIGNATURE_RS256, "b", &key), TOKEN_OK);
}

/* ---- its file ------------------------------------------------------------ */

static const char *in_dir(const char *name)
{
	return arena_printf(&arena, "%s/%s", dir, name).p;
}

static void write_file(const char *name, const char *text)
{
	assert_int_equal(
	    fs_write(in_dir(name), str_of(text), 0644, NULL), ERR_OK);
}

/* As an editor would, into the same file. */
static void write_over(const char *name, const char *text)
{
	int fd = open(in_dir(name), O_WRONLY | O_TRUNC | O_CREAT, 0644);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
}

/* A second later. */
static bool look(void)
{
	now_boot += JWKS_LOOK_MS;
	return jwks_file_look(&file, dir_fd, false, now_ms, now_boot, &said);
}

static size_t lines(const char *event)
{
	size_t n = 0;

	for (const char *at = said.held->data;
	     at &&
	     (at = memmem(at, (size_t)(said.held->data + said.held->len - at),
		  event, strlen(event)));
	     at++)
		n++;
	return n;
}

static int file_up(void **state)
{
	static struct buf held;
	(void)state;

	strcpy(dir + strlen(dir) - 6, "XXXXXX");
	assert_non_null(mkdtemp(dir));
	assert_int_equal(mkdir(in_dir("jwks"), 0755), 0);
	dir_fd = open(dir, O_RDONLY | O_DIRECTORY);
	assert_true(dir_fd >= 0);
	jwks_file_init(&file, STR("id"));
	said = (struct log){.fd = 1 << 20, .program = "t", .held = &held};
	now_boot = 5;
	now_ms = 1; /* never so late that the file's times settle it */
	return 0;
}

static int file_down(void **state)
{
	(void)state;
	buf_release(said.held);
	jwks_file_release(&file);
	close(dir_fd);
	return fs_remove_tree(dir, NULL) == ERR_OK ? 0 : -1;
}

#define FILE_NAME "jwks/id.json"

static void read_when_it_comes(void **state)
{
	(void)state;

	assert_false(look());
	assert_false(look());
	assert_false(file.there);
	assert_int_equal(lines("keys-refused"), 1);
	write_file(FILE_NAME, set_of(kit_jwk(&arena, rsa, "a", "")));
	assert_true(look());
	assert_true(file.there);
	assert_int_equal(file.set.n, 1);
	assert_int_equal(file.generation, 1);
	assert_int_equal(lines("keys-loaded"), 1);
	assert_false(look());
	write_file(FILE_NAME, set_of(kit_jwk(&arena, ec, "b", "")));
	/* at most so often, unless it is said */
	assert_false(jwks_file_look(
	    &file, dir_fd, false, now_ms, now_boot + 999, &said));
	assert_true(
	    jwks_file_look(&file, dir_fd, true, now_ms, now_boot + 999, &said));
	assert_true(str_is(file.set.keys[0].kid, "b"));
	assert_int_equal(file.generation, 2);
}

static void what_is_bad_leaves_the_keys(void **state)
{
	const char *good = set_of(kit_jwk(&arena, rsa, "a", ""));
	char *cut = arena_cstr(&arena, str_of(good));
	struct buf huge = {0};
	(void)state;

	write_file(FILE_NAME, good);
	assert_true(look());
	cut[strlen(cut) / 2] = '\0';
	write_over(FILE_NAME, cut); /* in the middle of being written */
	assert_false(look());
	assert_false(look());
	assert_int_equal(file.set.n, 1);
	assert_int_equal(lines("keys-refused"), 1);
	write_over(FILE_NAME, good); /* the same again: nothing is new */
	assert_false(look());
	assert_int_equal(file.generation, 1);
	write_over(FILE_NAME, "");
	assert_false(look());
	assert_int_equal(lines("keys-refused"), 2);
	unlink(in_dir(FILE_NAME));
	assert_false(look());
	assert_false(look());
	assert_int_equal(lines("keys-refused"), 3);
	while (huge.len < 10 * 1024 * 1024)
		buf_puts(&huge, "          ");
	buf_puts(&huge, good);
	buf_putc(&huge, '\0');
	write_file(FILE_NAME, huge.data);
	buf_release(&huge);
	assert_false(look());
	assert_int_equal(lines("keys-refused"), 4);
	assert_int_equal(file.set.n, 1);
	assert_int_equal(file.generation, 1);
	/* whole again */
	write_file(FILE_NAME, set_of(kit_jwk(&arena, rsa, "c", "")));
	assert_true(look());
	assert_int_equal(file.generation, 2);
}

/* Revoking all keys must be possible: a good set counts as it is. */
static void a_set_without_keys(void **state)
{
	(void)state;

	write_file(FILE_NAME, set_of(kit_jwk(&arena, rsa, "a", "")));
	assert_true(look());
	write_file(FILE_NAME, "{\"keys\":[]}");
	assert_true(look());
	assert_true(file.there);
	assert_int_equal(file.set.n, 0);
}

static void what_is_no_file(void **state)
{
	const char *good = set_of(kit_jwk(&arena, rsa, "a", ""));
	(void)state;

	assert_int_equal(mkdir(in_dir(FILE_NAME), 0755), 0);
	assert_false(look());
	assert_int_equal(rmdir(in_dir(FILE_NAME)), 0);
	assert_int_equal(mkfifo(in_dir(FILE_NAME), 0644), 0);
	assert_false(look()); /* and does not wait for its other end */
	assert_int_equal(unlink(in_dir(FILE_NAME)), 0);
	write_file("real.json", good);
	assert_int_equal(symlink("../real.json", in_dir(FILE_NAME)), 0);
	assert_false(look());
	assert_int_equal(unlink(in_dir(FILE_NAME)), 0);
	write_file(FILE_NAME, good);
	assert_int_equal(chmod(in_dir(FILE_NAME), 0666), 0);
	assert_false(look());
	assert_false(file.there);
	assert_int_equal(lines("keys-refused"), 4);
	assert_int_equal(chmod(in_dir(FILE_NAME), 0644), 0);
	assert_true(look());
	assert_true(file.there);
}

/* Same size, same inode, and times that stood still. */
static void two_writes_at_once(void **state)
{
	const struct timespec still[] = {{1000, 0}, {1000, 0}};
	(void)state;

	write_over(FILE_NAME, set_of(kit_jwk(&arena, rsa, "a", "")));
	utimensat(dir_fd, FILE_NAME, still, 0);
	assert_true(look());
	struct stat before = file.seen;
	write_over(FILE_NAME, set_of(kit_jwk(&arena, rsa, "b", "")));
	utimensat(dir_fd, FILE_NAME, still, 0);
	file.seen.st_ctim = before.st_ctim;
	assert_true(look());
	/* once its times are old they are believed, and no byte is read */
	now_ms = INT64_MAX;
	assert_false(look());
	assert_true(file.settled);
	int fd = open(in_dir(FILE_NAME), O_RDONLY);
	struct timespec at[2] = {{.tv_nsec = UTIME_OMIT}, {1, 0}};
	assert_int_equal(futimens(fd, at), 0);
	close(fd);
	assert_false(look()); /* touched: looked at, and the same */
	assert_int_equal(file.generation, 2);
}

static void names_of_files(void **state)
{
	static const struct {
		const char *provider, *path;
	} rows[] = {
	    {"hmrc", "jwks/hmrc.json"},
	    {"hmrc:sandbox", "jwks/hmrc-sandbox.json"},
	    {"A_b-1.c", "jwks/A_b-1.c.json"},
	    {"../etc/passwd", NULL},
	    {"..", NULL},
	    {".x", NULL},
	    {"a/b", NULL},
	    {"a b", NULL},
	    {"", NULL},
	    {"\xc3\xa9", NULL},
	};
	(void)state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct jwks_file f;
		jwks_file_init(&f, str_of(rows[i].provider));
		if (rows[i].path)
			assert_string_equal(f.path, rows[i].path);
		else
			assert_null(f.path);
		assert_false(jwks_file_look(&f, -1, true, 1, 1, NULL));
		jwks_file_release(&f);
	}
	struct jwks_file f;
	jwks_file_init(&f, (struct str){arena_alloc(&arena, 300), 300});
	assert_null(f.path);
	jwks_file_release(&f);
}

static int set_up(void **state)
{
	(void)state;
	rsa = kit_rsa(2048);
	rsa_2 = kit_rsa(2048);
	ec = kit_ec("P-256");
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	jwks_release(&set);
	EVP_PKEY_free(rsa);
	EVP_PKEY_free(rsa_2);
	EVP_PKEY_free(ec);
	arena_release(&arena);
	return 0;
}

int main(void)
{
#define F(name) cmocka_unit_test_setup_teardown(name, file_up, file_down)
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(keys_that_are_used),
	    cmocka_unit_test(keys_that_are_left_out),
	    cmocka_unit_test(sets_that_are_none),
	    cmocka_unit_test(sets_that_are_too_large),
	    cmocka_unit_test(finds_by_name),
	    cmocka_unit_test(names_that_stand_twice),
	    F(read_when_it_comes),
	    F(what_is_bad_leaves_the_keys),
	    F(a_set_without_keys),
	    F(what_is_no_file),
	    F(two_writes_at_once),
	    cmocka_unit_test(names_of_files),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("jwks", tests, set_up, tear_down);
}
