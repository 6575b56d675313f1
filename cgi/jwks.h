#ifndef LOWTIDE_CGI_JWKS_H
#define LOWTIDE_CGI_JWKS_H

#include <sys/stat.h>

#include "cgi/log.h"
#include "cgi/token.h"

/*
 * One provider's keys: a JWK set (RFC 7517 5), and the file it is in.
 *
 * Of a set those keys are used that are public, for signatures, of an
 * algorithm we take and of its size, with a name of TOKEN_KID_MAX bytes at
 * most. Any other is left out, as the RFC has it, and so are two keys
 * of one name for one algorithm: nobody can tell which was meant.
 */
#define JWKS_KEYS_MAX 64
#define JWKS_FILE_MAX ((size_t)256 * 1024)
#define JWKS_LOOK_MS 1000 /* the file, at most so often */

struct jwk {
	struct str kid; /* empty = has none */
	enum signature_alg alg;
	struct signature_key *key;
};
struct jwks {
	struct arena arena;
	struct jwk keys[JWKS_KEYS_MAX];
	size_t n, left_out;
};

/*
 * Owns what it makes of the text; *out is empty after an error. ERR_SYNTAX: no
 * JWK set; ERR_TOO_LARGE: beyond either cap.
 */
enum err jwks_parse(struct str json, struct jwks *out)
    __attribute__((warn_unused_result));
void jwks_release(struct jwks *set);
/*
 * The key that a token means: by its name; without one, the only key of its
 * algorithm. TOKEN_OK, _UNKNOWN_KEY, _ALGORITHM (the key is for another one),
 * _MALFORMED (no name, and there are several).
 */
enum token_verdict jwks_find(
    const struct jwks *set, const struct token *token, const struct jwk **out);

/*
 * The file is DIR/jwks/NAME.json, ':' of a variant's name as '-'. It is to be
 * replaced by rename(2); one that is bad, cut off, unreadable or gone leaves
 * the keys that were there, and is told once. A regular file only, which
 * others may not write. A good set counts as it is, even if it holds no key.
 *
 * Looked at when somebody asks, at most every JWKS_LOOK_MS, by its inode, size
 * and times; where it was written so lately that these may stay the same over
 * another change, by its bytes. Nothing is watched, so nothing wakes up.
 */
struct jwks_file {
	struct str provider;
	const char *path; /* below the folder; NULL: no name for a file */
	struct jwks set;
	bool there;	     /* a good set was read */
	uint64_t generation; /* moves with each other set */
	/* its own */
	struct arena arena;
	struct stat seen; /* all zero: there was none */
	bool settled;	  /* .seen tells whether it changed */
	bool looked;
	int64_t looked_boot;
	uint8_t digest[32]; /* of the bytes of the last good one */
	const char *told;   /* what is wrong with it; NULL = nothing */
};
extern const char jwks_not_there[]; /* one of the reasons */

void jwks_file_init(struct jwks_file *f, struct str provider);
void jwks_file_release(struct jwks_file *f);
/*
 * `now`: however lately that was; then by what is known of the file alone.
 * True: there is another set.
 */
bool jwks_file_look(struct jwks_file *f, int dir, bool now, int64_t now_ms,
    int64_t now_boot, const struct log *log);

#endif
