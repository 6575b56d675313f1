#include "cgi/keys.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sodium.h>

#include "lib/fs.h"

/*
 * Whatever held a key on the way is wiped, also after an error. One bad line
 * refuses the whole file: what was sealed by the key that it meant could not be
 * opened.
 */
#define KEY_TEXT sodium_base64_ENCODED_LEN(KEY_BYTES, B64)
#define B64 sodium_base64_VARIANT_ORIGINAL

static enum err bad_line(
    struct diag *diag, const char *path, unsigned line, const char *what)
{
	diag_error(diag, (struct pos){.file = path, .line = line, .col = 1},
	    "keys-line",
	    "%s; a key is one line `VERSION name|mac|seal BASE64`, as "
	    "`lowtide-jobs keygen` writes it",
	    what);
	return ERR_INPUT;
}

/* Cuts the next word off the front. */
static struct str word(struct str *rest)
{
	*rest = str_trim(*rest);
	size_t end = 0;
	while (end < rest->n && rest->p[end] != ' ' && rest->p[end] != '\t')
		end++;
	struct str out = str_slice(*rest, 0, end);
	*rest = str_slice(*rest, end, rest->n);
	return out;
}

static bool read_version(struct str text, uint8_t *out)
{
	unsigned n = 0;

	if (!text.n || text.n > 3 || text.p[0] == '0')
		return false;
	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] < '0' || text.p[i] > '9')
			return false;
		n = n * 10 + (unsigned)(text.p[i] - '0');
	}
	*out = (uint8_t)n;
	return n <= 255;
}

static bool read_bytes(struct str text, uint8_t out[KEY_BYTES])
{
	size_t n = 0;
	const char *end = NULL;

	for (size_t i = 0; i < text.n; i++)
		if ((unsigned char)text.p[i] > 0x7f) /* libsodium: a '/' */
			return false;
	return text.n &&
	       sodium_base642bin(
		   out, KEY_BYTES, text.p, text.n, NULL, &n, &end, B64) == 0 &&
	       n == KEY_BYTES && end == text.p + text.n;
}

static const struct key *find(const struct key *keys, size_t n, uint8_t version)
{
	for (size_t i = 0; i < n; i++)
		if (keys[i].version == version)
			return &keys[i];
	return NULL;
}

/* Where a key of that kind goes; NULL with *wrong set when it cannot. */
static struct key *slot_for(
    struct keys *keys, struct str kind, uint8_t version, const char **wrong)
{
	struct key *list = str_is(kind, "mac") ? keys->mac : keys->seal;
	size_t *n = str_is(kind, "mac") ? &keys->n_mac : &keys->n_seal;

	if (str_is(kind, "name")) {
		*wrong = "there is more than one name key; it never rotates";
		return keys->name.version ? NULL : &keys->name;
	}
	if (!str_is(kind, "mac") && !str_is(kind, "seal"))
		*wrong = "the kind is not name, mac or seal";
	else if (*n == KEYS_MAX)
		*wrong = "there are more than 16 keys of this kind";
	else if (find(list, *n, version))
		*wrong = "this version stands twice";
	else
		return &list[(*n)++];
	return NULL;
}

static enum err read_line(struct str text, const char *path, unsigned line,
    struct diag *diag, struct keys *out)
{
	struct str rest = str_slice(text, 0, str_find(text, '#', 0));
	struct str version = word(&rest), kind = word(&rest);
	struct str bytes = word(&rest);
	struct key key = {0};
	struct key *slot;
	const char *wrong = NULL;
	enum err err = ERR_OK;

	if (!version.n)
		return ERR_OK;
	if (!read_version(version, &key.version))
		return bad_line(
		    diag, path, line, "the version is not 1 to 255");
	slot = slot_for(out, kind, key.version, &wrong);
	if (!slot)
		return bad_line(diag, path, line, wrong);
	if (!read_bytes(bytes, key.bytes) || str_trim(rest).n)
		err = bad_line(diag, path, line,
		    "the key is not 32 bytes of base64 and nothing else");
	*slot = key;
	sodium_memzero(&key, sizeof(key));
	return err;
}

static enum err read_lines(
    struct str text, const char *path, struct diag *diag, struct keys *out)
{
	enum err err = ERR_OK;
	unsigned line = 0;

	for (size_t at = 0; at < text.n && err == ERR_OK;) {
		size_t end = str_find(text, '\n', at);
		err = read_line(
		    str_slice(text, at, end), path, ++line, diag, out);
		at = end + 1;
	}
	if (err == ERR_OK &&
	    (!out->name.version || !out->n_mac || !out->n_seal))
		err = bad_line(diag, path, line ? line : 1,
		    "a name, a mac and a seal key are needed");
	return err;
}

/* A regular file that only its owner may read. */
static enum err check_file(int fd, const char *path, struct diag *diag)
{
	struct stat st;

	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) ||
	    st.st_size > KEYS_FILE_MAX) {
		diag_error(diag, POS_FILE(path), "keys-line",
		    "this is not a key file; make one with `lowtide-jobs "
		    "keygen %s`",
		    path);
		return ERR_INPUT;
	}
	if (st.st_mode & 077) {
		diag_error(diag, POS_FILE(path), "keys-mode",
		    "others may read the keys (mode %04o); `chmod 600 %s`, "
		    "and make new ones if others could reach it",
		    (unsigned)st.st_mode & 07777, path);
		return ERR_INPUT;
	}
	return ERR_OK;
}

static enum err io_error(struct diag *diag, const char *path, const char *what)
{
	diag_error(diag, POS_FILE(path), "io-error", "%s: %s; check the path",
	    what, strerror(errno));
	return ERR_IO;
}

static enum err read_file(
    int fd, const char *path, struct diag *diag, char *bytes, size_t *n)
{
	*n = 0;
	while (*n < KEYS_FILE_MAX) {
		ssize_t got = read(fd, bytes + *n, KEYS_FILE_MAX - *n);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return io_error(diag, path, "cannot read the keys");
		if (got == 0)
			break;
		*n += (size_t)got;
	}
	return ERR_OK;
}

enum err keys_read(
    const char *path, struct diag *diag, char bytes[KEYS_FILE_MAX], size_t *n)
{
	enum err err;

	*n = 0;
	if (sodium_init() < 0)
		return ERR_IO;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0 && errno == ENOENT) {
		diag_error(diag, POS_FILE(path), "keys-missing",
		    "there is no key file; make one with `lowtide-jobs keygen "
		    "%s`",
		    path);
		return ERR_MISSING;
	}
	if (fd < 0 && errno == EACCES) {
		diag_error(diag, POS_FILE(path), "io-error",
		    "cannot open the keys: %s; they must "
		    "belong to the user that this runs as (chown)",
		    strerror(errno));
		return ERR_IO;
	}
	if (fd < 0)
		return io_error(diag, path, "cannot open the keys");
	err = check_file(fd, path, diag);
	if (err == ERR_OK)
		err = read_file(fd, path, diag, bytes, n);
	close(fd);
	return err;
}

enum err keys_parse(
    struct str text, const char *path, struct diag *diag, struct keys *out)
{
	*out = (struct keys){0};
	enum err err = read_lines(text, path, diag, out);
	if (err != ERR_OK)
		keys_wipe(out);
	return err;
}

enum err keys_load(const char *path, struct diag *diag, struct keys *out)
{
	char bytes[KEYS_FILE_MAX];
	size_t n;

	*out = (struct keys){0};
	enum err err = keys_read(path, diag, bytes, &n);
	if (err == ERR_OK)
		err = keys_parse(
		    (struct str){.p = bytes, .n = n}, path, diag, out);
	keys_forget(bytes, sizeof(bytes));
	return err;
}

void keys_forget(void *bytes, size_t n)
{
	sodium_memzero(bytes, n);
}

size_t keys_line(uint8_t version, const char *kind, char out[KEY_LINE_MAX])
{
	uint8_t key[KEY_BYTES];
	char text[KEY_TEXT];

	randombytes_buf(key, sizeof(key));
	sodium_bin2base64(text, sizeof(text), key, sizeof(key), B64);
	int n = snprintf(out, KEY_LINE_MAX, "%d %s %s\n", version, kind, text);
	sodium_memzero(key, sizeof(key));
	sodium_memzero(text, sizeof(text));
	return (size_t)n;
}

/* The text of a new file; the caller wipes it. */
static size_t write_text(char *out, size_t size)
{
	static const char *const kinds[] = {"name", "mac", "seal"};
	size_t n = (size_t)snprintf(out, size,
	    "# lowtide keys: keep this file secret, back it up with the "
	    "store.\n# VERSION KIND BASE64; the name key never changes.\n");

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		char line[KEY_LINE_MAX];

		keys_line(1, kinds[i], line);
		n += (size_t)snprintf(out + n, size - n, "%s", line);
		sodium_memzero(line, sizeof(line));
	}
	return n;
}

enum err keys_generate(const char *path, struct diag *diag)
{
	char text[1024];
	enum err err = ERR_OK;

	if (sodium_init() < 0)
		return ERR_IO;
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0 && errno == EEXIST) {
		diag_error(diag, POS_FILE(path), "keys-exist",
		    "there is a file already; it is left as it is, because a "
		    "store cannot be opened without the keys it was made with");
		return ERR_CONFLICT;
	}
	if (fd < 0)
		return io_error(diag, path, "cannot make the key file");
	size_t n = write_text(text, sizeof(text));
	if (!fs_put(fd, (struct str){.p = text, .n = n}) || fsync(fd) != 0)
		err = io_error(diag, path, "cannot write the keys");
	sodium_memzero(text, sizeof(text));
	if (close(fd) != 0 && err == ERR_OK)
		err = io_error(diag, path, "cannot write the keys");
	if (err == ERR_OK && !fs_sync_folder_of(path))
		err = io_error(diag, path, "cannot sync its folder");
	if (err != ERR_OK)
		unlink(path);
	return err;
}

void keys_wipe(struct keys *keys)
{
	if (keys)
		sodium_memzero(keys, sizeof(*keys));
}

void keys_check(const struct keys *keys, uint8_t check[KEYS_CHECK_BYTES])
{
	static const char label[] = "lowtide store check";

	crypto_generichash(check, KEYS_CHECK_BYTES,
	    (const unsigned char *)label, sizeof(label) - 1, keys->name.bytes,
	    KEY_BYTES);
}

const struct key *keys_mac(const struct keys *keys, uint8_t version)
{
	return find(keys->mac, keys->n_mac, version);
}

const struct key *keys_seal(const struct keys *keys, uint8_t version)
{
	return find(keys->seal, keys->n_seal, version);
}
