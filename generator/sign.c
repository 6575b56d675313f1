#include "generator/sign.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "generator/keys.h"
#include "generator/manifest.h"
#include "generator/minisign.h"
#include "lib/fs.h"

bool sign_read_second(struct str text, int64_t *out)
{
	int64_t n = 0;

	if (text.n == 0 || text.n > 12)
		return false;
	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] < '0' || text.p[i] > '9')
			return false;
		n = n * 10 + (text.p[i] - '0');
	}
	*out = n;
	return n <= SIGN_SECOND_MAX;
}

/* One "name:value" of the comment, up to a space. */
static bool take(struct str *rest, const char *name, struct str *value)
{
	size_t n = strlen(name);
	size_t end = str_find(*rest, ' ', 0);

	if (!str_starts(*rest, name))
		return false;
	*value = str_slice(*rest, n, end);
	*rest = str_slice(*rest, end + 1, rest->n);
	return true;
}

bool sign_read_claim(struct str trusted, struct sign_claim *out)
{
	struct str release, expires;

	return take(&trusted, "release:", &release) &&
	       take(&trusted, "expires:", &expires) &&
	       take(&trusted, "file:", &out->file) && trusted.n == 0 &&
	       sign_read_second(release, &out->release) &&
	       sign_read_second(expires, &out->expires);
}

static enum err wrong_key(struct build *b, struct pos pos, const char *what)
{
	diag_error(b->diag, pos, "sign-key", "%s", what);
	return ERR_INPUT;
}

/*
 * Not fs_read(): what was read is wiped, and an arena is not. The mode is that
 * of the file that was read.
 */
static enum err read_file(struct build *b, const char *path, struct pos pos,
    struct minisign_secret *out)
{
	char text[MINISIGN_FILE_MAX];
	struct stat st;
	ssize_t n = -1;

	outside_file(b->site->outside, path);
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

	if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
		n = read(fd, text, sizeof(text));
	else if (fd >= 0)
		errno = EINVAL;
	int why = errno;
	if (fd >= 0)
		close(fd);
	if (n < 0) {
		diag_error(b->diag, pos, "sign-key",
		    "%s cannot be read: %s; make one with `lowtide keygen "
		    "--out FILE`",
		    path, strerror(why));
		return ERR_INPUT;
	}
	if (st.st_mode & 077)
		diag_warn(b->diag, POS_FILE(path), "sign-key-mode",
		    "others on this machine can read the signing key; run "
		    "`chmod 600` on it");
	enum err err = minisign_read_secret(
	    (struct str){text, (size_t)n}, "sign-key", pos, b->diag, out);
	minisign_wipe(text, sizeof(text));
	return err;
}

static enum err read_key(
    struct build *b, const struct value *v, struct minisign_secret *out)
{
	if (!key_is_reference(v))
		return wrong_key(b, v->pos,
		    "a secret key is never written down here; say where it "
		    "is: key = { file = \"…\" } or { env = \"…\" }");
	const struct member *m = &v->as.table.members[0];
	const char *name = arena_cstr(b->arena, m->value->text);
	if (str_is(m->key, "file"))
		return read_file(
		    b, fs_join(b->arena, b->site->dir, name), v->pos, out);
	const char *text =
	    *name ? outside_secret(b->site->outside, name) : NULL;
	if (!text) {
		diag_error(b->diag, v->pos, "env-missing",
		    "`sign.key` comes from the environment and %s is not set; "
		    "run `export %s=…` first",
		    name, name);
		return ERR_INPUT;
	}
	return minisign_read_secret(
	    str_of(text), "sign-key", v->pos, b->diag, out);
}

static enum err read_date(struct build *b, struct pos pos, int64_t *second)
{
	const char *text = outside_env(b->site->outside, "SOURCE_DATE_EPOCH");

	if (text && sign_read_second(str_of(text), second))
		return ERR_OK;
	diag_error(b->diag, pos, "sign-without-date",
	    "%s; run `export SOURCE_DATE_EPOCH=$(date +%%s)` first",
	    text ? "SOURCE_DATE_EPOCH is not a number of seconds since 1970"
		 : "a signed release is numbered by its date, and "
		   "SOURCE_DATE_EPOCH is not set");
	return ERR_INPUT;
}

static enum err put(struct build *b, const struct minisign_secret *secret,
    int64_t release, struct str manifest)
{
	int64_t expires = release + site_amount(b->site, "sign.expires") / 1000;
	const char *comment = arena_printf(b->arena,
	    "release:%lld expires:%lld file:" OUT_MANIFEST, (long long)release,
	    (long long)expires)
				  .p;

	return out_put(&b->out, OUT_WWW, MANIFEST_SIGNATURE,
	    minisign_sign(b->arena, secret, manifest, comment), OUT_POINTER,
	    true, POS_NONE, b->diag);
}

/* Where nothing is written, nothing is asked for that is not there. */
static bool is_at_hand(struct build *b, const struct value *key)
{
	if (!key_is_reference(key))
		return true;
	const struct member *m = &key->as.table.members[0];
	const char *name = arena_cstr(b->arena, m->value->text);
	if (str_is(m->key, "env"))
		return outside_secret(b->site->outside, name) != NULL;
	return access(fs_join(b->arena, b->site->dir, name), F_OK) == 0;
}

enum err produce_signature(struct build *b)
{
	const struct value *key = site_value(b->site, "sign.key");
	struct minisign_secret secret;
	int64_t release = 0;

	if (!key || (!b->spec && !is_at_hand(b, key)))
		return ERR_OK;
	enum err dated = b->spec ? read_date(b, key->pos, &release) : ERR_OK;
	enum err err = read_key(b, key, &secret);
	if (err != ERR_OK)
		return err;
	const struct out_file *f =
	    out_find(&b->out, OUT_WWW, STR(OUT_MANIFEST));
	struct str manifest;
	if (dated == ERR_OK && f && b->spec) {
		err = out_bytes(&b->out, f, b->arena, b->diag, &manifest);
		if (err == ERR_OK)
			err = put(b, &secret, release, manifest);
	}
	minisign_forget(&secret);
	return dated != ERR_OK ? dated : err;
}
