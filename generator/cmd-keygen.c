#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "generator/command.h"
#include "generator/minisign.h"
#include "lib/fs.h"

/*
 * `lowtide keygen`: a pair of keys for [sign], in minisign's files. Neither is
 * ever written over: who loses a signing key has to tell everybody who checks.
 */
enum { OPT_OUT };
static const struct opt options[] = {
    [OPT_OUT] = {.name = "out",
	.letter = 'o',
	.kind = OPT_STRING,
	.arg = "FILE",
	.help = "the secret key's file; FILE.pub is the public key's"},
    {.name = NULL},
};

static enum err failed(struct command_run *run, const char *path, int why)
{
	if (why == EEXIST) {
		diag_error(run->diag, POS_FILE(path), "key-exists",
		    "there is such a file, and a key is never written over; "
		    "name another one");
		return ERR_INPUT;
	}
	diag_error(run->diag, POS_FILE(path), "io-error",
	    "it could not be written: %s", strerror(why));
	return ERR_IO;
}

/* A new file that only its owner can read, if mode says so, from the start. */
static enum err write_new(
    struct command_run *run, const char *path, struct str bytes, mode_t mode)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	bool bad = false;

	if (fd < 0)
		return failed(run, path, errno);
	for (size_t at = 0; at < bytes.n && !bad;) {
		ssize_t n = write(fd, bytes.p + at, bytes.n - at);
		if (n > 0)
			at += (size_t)n;
		else
			bad = errno != EINTR;
	}
	int why = errno;
	if (!bad && (fchmod(fd, mode) != 0 || fsync(fd) != 0)) {
		bad = true;
		why = errno;
	}
	if (close(fd) != 0 && !bad) {
		bad = true;
		why = errno;
	}
	if (!bad)
		return ERR_OK;
	unlink(path);
	return failed(run, path, why);
}

static enum err write_secret(struct command_run *run, const char *path,
    const struct minisign_secret *secret)
{
	char text[MINISIGN_FILE_MAX];
	size_t n = minisign_write_secret(text, secret);
	enum err err = write_new(run, path, (struct str){text, n}, 0600);

	minisign_wipe(text, sizeof(text));
	return err;
}

static void put_text(struct command_run *run, const char *key, struct str text)
{
	value_set(run->arena, run->result, str_of(key), POS_NONE,
	    value_string(run->arena, text, POS_NONE));
}

static void tell(struct command_run *run, const char *path,
    const char *public_path, const struct minisign_public *public)
{
	struct str key = minisign_key(run->arena, public);

	run->result = value_new(run->arena, VALUE_TABLE, POS_NONE);
	put_text(run, "secret", str_of(path));
	put_text(run, "public", str_of(public_path));
	put_text(run, "id", minisign_id(run->arena, public->id));
	put_text(run, "key", key);
	if (!run->json)
		printf("%.*s\n", STR_ARG(key));
	if (!run->quiet)
		fprintf(stderr,
		    "%s: the secret key; name it in an environment's file:\n"
		    "\t[sign]\n\tkey = { file = \"…\" }\n"
		    "%s: the public key, for everybody who checks:\n"
		    "\tlowtide verify DIR --key %.*s\n",
		    path, public_path, STR_ARG(key));
}

static enum err keygen(struct command_run *run)
{
	const struct opt_value *out = &run->opts->values[OPT_OUT];
	struct minisign_secret secret;
	struct minisign_public public;

	if (!out->given || !*out->string) {
		diag_error(run->diag, POS_NONE, "missing-option",
		    "say where the secret key shall be: lowtide keygen --out "
		    "FILE");
		return ERR_USAGE;
	}
	const char *path = out->string;
	const char *public_path = arena_printf(run->arena, "%s.pub", path).p;

	minisign_new(&secret, &public);
	/* the public one first: a secret key nobody can use is worse */
	enum err err = write_new(
	    run, public_path, minisign_write_public(run->arena, &public), 0644);
	if (err == ERR_OK) {
		err = write_secret(run, path, &secret);
		if (err != ERR_OK)
			unlink(public_path);
	}
	minisign_forget(&secret);
	if (err == ERR_OK)
		tell(run, path, public_path, &public);
	return err;
}

const struct command command_keygen = {
    .name = "keygen",
    .help = "make a pair of keys to sign releases with",
    .options = options,
    .run = keygen,
};
