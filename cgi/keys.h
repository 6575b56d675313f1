#ifndef LOWTIDE_CGI_KEYS_H
#define LOWTIDE_CGI_KEYS_H

#include <stdint.h>

#include "lib/arena.h"
#include "lib/diag.h"
#include "lib/err.h"
#include "lib/str.h"

/*
 * The key file: one line per key, `VERSION name|mac|seal BASE64`, mode 0600.
 * VERSION is 1..255, a key is 32 bytes, '#' starts a comment. Exactly one
 * `name` line (it never rotates); the first mac and the first seal line are
 * the current ones, later lines are still accepted.
 */
#define KEY_BYTES 32
#define KEYS_FILE_MAX 16384 /* bytes */
#define KEY_LINE_MAX 80	    /* of a line, its end and a '\0' included */
#define KEYS_MAX 16	    /* of each kind */
#define KEYS_CHECK_BYTES 16

struct key {
	uint8_t version;
	uint8_t bytes[KEY_BYTES];
};
struct keys {
	struct key name;
	struct key mac[KEYS_MAX], seal[KEYS_MAX];
	size_t n_mac, n_seal;
};

/*
 * Findings: `keys-missing` (names `lowtide-jobs keygen`), `keys-mode` (others
 * may read it), `keys-line`. The bytes read on the way are wiped.
 */
enum err keys_load(const char *path, struct diag *diag, struct keys *out)
    __attribute__((warn_unused_result));
/*
 * Its parts, for who changes the file (key-file.h): the bytes, of a regular
 * file that nobody else may read, and what they say.
 */
enum err keys_read(const char *path, struct diag *diag,
    char bytes[KEYS_FILE_MAX], size_t *n) __attribute__((warn_unused_result));
enum err keys_parse(struct str text, const char *path, struct diag *diag,
    struct keys *out) __attribute__((warn_unused_result));
/* A new key; gives back how long its line is. */
size_t keys_line(uint8_t version, const char *kind, char out[KEY_LINE_MAX]);
void keys_forget(void *bytes, size_t n);
/* Makes a new file with one key of each kind; ERR_CONFLICT if it exists. */
enum err keys_generate(const char *path, struct diag *diag)
    __attribute__((warn_unused_result));
void keys_wipe(struct keys *keys);
/* What a store keeps to recognise its name key again. */
void keys_check(const struct keys *keys, uint8_t check[KEYS_CHECK_BYTES]);
/* NULL when there is no key of that version. */
const struct key *keys_mac(const struct keys *keys, uint8_t version);
const struct key *keys_seal(const struct keys *keys, uint8_t version);

#endif
