#include <fcntl.h>
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

#include "cgi/secrets.h"

#define VARIABLE "LOWTIDE_TEST_SECRET"

/* A folder with one file, which is the secret `f`; `e` is a variable. */
struct fixture {
	struct arena arena;
	struct diag diag;
	char dir[64], path[128];
	struct secret rows[2];
	struct config config;
	struct secrets *secrets;
	const char *why;
	struct str value;
};

static int set_up(void **state)
{
	static struct fixture f;

	memset(&f, 0, sizeof(f));
	strcpy(f.dir, "/tmp/lowtide-secrets-XXXXXX");
	if (!mkdtemp(f.dir))
		return -1;
	snprintf(f.path, sizeof(f.path), "%s/file", f.dir);
	diag_init(&f.diag, &f.arena);
	f.rows[0] = (struct secret){.name = STR("f"), .file = str_of(f.path)};
	f.rows[1] = (struct secret){.name = STR("e"), .env = STR(VARIABLE)};
	f.config = (struct config){.secrets = f.rows, .n_secrets = 2};
	f.secrets = secrets_new(&f.config);
	unsetenv(VARIABLE);
	*state = &f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	secrets_free(f->secrets);
	arena_release(&f->arena);
	unlink(f->path);
	rmdir(f->path);
	return rmdir(f->dir);
}

static void put(struct fixture *f, const void *bytes, size_t n, mode_t mode)
{
	int fd = open(f->path, O_CREAT | O_TRUNC | O_WRONLY, mode);

	assert_true(fd >= 0);
	assert_int_equal(fchmod(fd, mode), 0);
	assert_int_equal(write(fd, bytes, n), n);
	close(fd);
}

static enum err get(struct fixture *f, const char *name)
{
	return secrets_get(f->secrets, str_of(name), &f->value, &f->why);
}

static void good_ones(void **state)
{
	static const struct {
		const char *bytes, *want;
	} rows[] = {
	    {"s3cret", "s3cret"},
	    {"s3cret\n", "s3cret"},
	    {"s3cret\r\n", "s3cret"},
	    {"s3cret\n\n", "s3cret\n"},
	    {"s3cret\r", "s3cret\r"},
	    {" a b \n", " a b "},
	    {"-----BEGIN\nx\n-----END\n", "-----BEGIN\nx\n-----END"},
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		put(f, rows[i].bytes, strlen(rows[i].bytes), 0600);
		secrets_forget(f->secrets);
		assert_int_equal(get(f, "f"), ERR_OK);
		assert_true(str_is(f->value, rows[i].want));
		assert_string_equal(f->why, "");
		setenv(VARIABLE, rows[i].bytes, 1);
		assert_int_equal(get(f, "e"), ERR_OK);
		assert_true(str_is(f->value, rows[i].want));
	}
}

/* Kept while it is not forgotten; a symbolic link is what it leads to. */
static void kept_and_forgotten(void **state)
{
	struct fixture *f = *state;
	char other[160];

	put(f, "one", 3, 0600);
	assert_int_equal(get(f, "f"), ERR_OK);
	put(f, "two", 3, 0600);
	assert_int_equal(get(f, "f"), ERR_OK);
	assert_true(str_is(f->value, "one"));
	secrets_forget(f->secrets);
	assert_int_equal(get(f, "f"), ERR_OK);
	assert_true(str_is(f->value, "two"));
	snprintf(other, sizeof(other), "%s-2", f->path);
	assert_int_equal(rename(f->path, other), 0);
	assert_int_equal(symlink(other, f->path), 0);
	secrets_forget(f->secrets);
	assert_int_equal(get(f, "f"), ERR_OK);
	assert_true(str_is(f->value, "two"));
	unlink(other);
}

/* Whoever mends it need not restart anything. */
static void tried_again(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(get(f, "f"), ERR_MISSING);
	assert_non_null(strstr(f->why, f->path));
	assert_non_null(strstr(f->why, "is not there"));
	assert_string_equal(secrets_why(f->secrets), f->why);
	put(f, "now", 3, 0600);
	assert_int_equal(get(f, "f"), ERR_OK);
	assert_true(str_is(f->value, "now"));
	assert_string_equal(secrets_why(f->secrets), "");
	assert_int_equal(get(f, "e"), ERR_MISSING);
	assert_non_null(strstr(f->why, VARIABLE));
	setenv(VARIABLE, "later", 1);
	assert_int_equal(get(f, "e"), ERR_OK);
	assert_true(str_is(f->value, "later"));
}

/* The words name where it is and never what is there. */
static void bad_ones(void **state)
{
	struct fixture *f = *state;
	char most[SECRET_MAX + 8];

	memset(most, 'M', sizeof(most));
	put(f, "", 0, 0600);
	assert_int_equal(get(f, "f"), ERR_MISSING);
	assert_non_null(strstr(f->why, "is empty"));
	put(f, "\n", 1, 0600);
	assert_int_equal(get(f, "f"), ERR_MISSING);
	setenv(VARIABLE, "", 1);
	assert_int_equal(get(f, "e"), ERR_MISSING);
	put(f, "MARK\0MARK", 9, 0600);
	assert_int_equal(get(f, "f"), ERR_MISSING);
	assert_non_null(strstr(f->why, "NUL"));
	assert_null(strstr(f->why, "MARK"));
	put(f, most, SECRET_MAX + 1, 0600);
	assert_int_equal(get(f, "f"), ERR_MISSING);
	assert_non_null(strstr(f->why, "longer than 4096 bytes"));
	assert_null(strstr(f->why, "MM"));
	put(f, most, sizeof(most), 0600);
	assert_int_equal(get(f, "f"), ERR_MISSING);
	most[SECRET_MAX] = '\n';
	put(f, most, SECRET_MAX + 1, 0600);
	assert_int_equal(get(f, "f"), ERR_OK);
	assert_int_equal(f->value.n, SECRET_MAX);
	assert_int_equal(get(f, "other"), ERR_NOT_FOUND);
	assert_int_equal(f->value.n, 0);
	assert_non_null(strstr(f->why, "declares no secret other"));
}

/* What is no file holds nobody up, and leads nowhere. */
static void no_files(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(mkfifo(f->path, 0600), 0);
	assert_int_equal(get(f, "f"), ERR_MISSING);
	assert_non_null(strstr(f->why, "no regular file"));
	unlink(f->path);
	assert_int_equal(mkdir(f->path, 0700), 0);
	assert_int_equal(get(f, "f"), ERR_MISSING);
	assert_non_null(strstr(f->why, "no regular file"));
	rmdir(f->path);
	assert_int_equal(symlink("/dev/zero", f->path), 0);
	assert_int_equal(get(f, "f"), ERR_MISSING);
	assert_non_null(strstr(f->why, "no regular file"));
	unlink(f->path);
	assert_int_equal(symlink(f->path, f->path), 0);
	assert_int_equal(get(f, "f"), ERR_IO);
	assert_non_null(strstr(f->why, "cannot be read"));
	unlink(f->path);
	f->rows[0].file = STR("/dev/null/below");
	assert_int_equal(get(f, "f"), ERR_MISSING);
}

static void endless_names(void **state)
{
	struct fixture *f = *state;
	char *name = malloc(8001);

	memset(name, 'n', 8000);
	name[8000] = '\0';
	f->rows[0].file = str_of(name);
	f->rows[1].env = str_of(name);
	assert_int_equal(get(f, "f"), ERR_IO);
	assert_true(strlen(f->why) < SECRET_WHY_MAX);
	assert_int_equal(get(f, "e"), ERR_MISSING);
	assert_true(strlen(f->why) < SECRET_WHY_MAX);
	free(name);
}

static const char *found(const struct fixture *f, const char *name)
{
	for (const struct diag_item *i = f->diag.first; i; i = i->next)
		if (strcmp(i->name, name) == 0)
			return i->text.p;
	return "";
}

static void reported(void **state)
{
	struct fixture *f = *state;

	put(f, "SECRETMARK", 10, 0644);
	secrets_report(f->secrets, &f->diag);
	assert_int_equal(f->diag.errors, 0);
	assert_int_equal(f->diag.warnings, 2);
	assert_non_null(strstr(found(f, "secret-mode"), f->path));
	assert_null(strstr(found(f, "secret-mode"), "SECRETMARK"));
	assert_non_null(strstr(found(f, "secret-missing"), VARIABLE));
	assert_non_null(strstr(found(f, "secret-missing"), "{secret.e}"));
}

static void nothing_to_report(void **state)
{
	struct fixture *f = *state;

	put(f, "SECRETMARK", 10, 0640);
	setenv(VARIABLE, "x", 1);
	secrets_report(f->secrets, &f->diag);
	assert_int_equal(f->diag.warnings, 0);
	secrets_forget(f->secrets);
	put(f, "a\0b", 3, 0600);
	secrets_report(f->secrets, &f->diag);
	assert_int_equal(f->diag.warnings, 1);
	assert_non_null(strstr(found(f, "secret-unreadable"), "NUL"));
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    CASE(good_ones),
	    CASE(kept_and_forgotten),
	    CASE(tried_again),
	    CASE(bad_ones),
	    CASE(no_files),
	    CASE(endless_names),
	    CASE(reported),
	    CASE(nothing_to_report),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("worker-secrets", tests, NULL, NULL);
}
