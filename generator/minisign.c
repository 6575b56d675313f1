#include "generator/minisign.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#define PUBLIC_BYTES (2 + 8 + 32)
#define SECRET_BYTES (2 + 2 + 2 + 32 + 8 + 8 + 8 + 64 + 32)
#define SECRET_ID (2 + 2 + 2 + 32 + 8 + 8)
#define SIGNATURE_BYTES (2 + 8 + 64)
#define BYTES_MAX SECRET_BYTES
#define HASH_BYTES 64
#define BASE64(n) sodium_base64_ENCODED_LEN((n), sodium_base64_VARIANT_ORIGINAL)

static const char untrusted[] = "untrusted comment: ";
static const char trusted_line[] = "trusted comment: ";

static const unsigned char *bytes_of(struct str s)
{
	return (const unsigned char *)(s.p ? s.p : "");
}

/* Encodes at most BYTES_MAX; `out` has BASE64(n) bytes. */
static void base64(char *out, const unsigned char *bytes, size_t n)
{
	sodium_bin2base64(
	    out, BASE64(n), bytes, n, sodium_base64_VARIANT_ORIGINAL);
}

static bool unbase64(struct str text, unsigned char *out, size_t n)
{
	size_t got = 0;
	const char *end;

	return text.n && text.n < BASE64(n) &&
	       sodium_base642bin(out, n, text.p, text.n, NULL, &got, &end,
		   sodium_base64_VARIANT_ORIGINAL) == 0 &&
	       got == n && end == text.p + text.n;
}

/* The next line without its end; `rest` goes on behind it. */
static struct str line(struct str *rest)
{
	size_t end = str_find(*rest, '\n', 0);
	struct str one = str_slice(*rest, 0, end);

	*rest = str_slice(*rest, end + 1, rest->n);
	return str_ends(one, "\r") ? str_slice(one, 0, one.n - 1) : one;
}

static bool is_blank(struct str s)
{
	return str_trim(s).n == 0;
}

/* The base64 of a key file, or of a text that is nothing else. */
static struct str key_line(struct str text)
{
	struct str rest = str_trim(text);
	struct str first = line(&rest);

	if (!str_starts(first, untrusted))
		return is_blank(rest) ? str_trim(first) : (struct str){0};
	struct str key = str_trim(line(&rest));
	return is_blank(rest) ? key : (struct str){0};
}

static enum err wrong(
    struct diag *diag, struct pos pos, const char *name, const char *what)
{
	diag_error(diag, pos, name, "%s", what);
	return ERR_INPUT;
}

void minisign_wipe(void *bytes, size_t n)
{
	sodium_memzero(bytes, n);
}

void minisign_forget(struct minisign_secret *secret)
{
	sodium_memzero(secret, sizeof(*secret));
}

void minisign_public_of(
    const struct minisign_secret *secret, struct minisign_public *public)
{
	memcpy(public->id, secret->id, sizeof(public->id));
	crypto_sign_ed25519_sk_to_pk(public->key, secret->key);
}

void minisign_new(
    struct minisign_secret *secret, struct minisign_public *public)
{
	if (sodium_init() < 0)
		abort();
	randombytes_buf(secret->id, sizeof(secret->id));
	crypto_sign_keypair(public->key, secret->key);
	memcpy(public->id, secret->id, sizeof(public->id));
}

struct str minisign_id(struct arena *a, const unsigned char id[8])
{
	return arena_printf(a, "%02X%02X%02X%02X%02X%02X%02X%02X", id[7], id[6],
	    id[5], id[4], id[3], id[2], id[1], id[0]);
}

struct str minisign_key(struct arena *a, const struct minisign_public *public)
{
	unsigned char all[PUBLIC_BYTES] = "Ed";
	char text[BASE64(PUBLIC_BYTES)];

	memcpy(all + 2, public->id, 8);
	memcpy(all + 10, public->key, 32);
	base64(text, all, sizeof(all));
	return arena_str(a, str_of(text));
}

struct str minisign_write_public(
    struct arena *a, const struct minisign_public *public)
{
	struct str id = minisign_id(a, public->id);
	struct str key = minisign_key(a, public);

	return arena_printf(a, "%sminisign public key %.*s\n%.*s\n", untrusted,
	    STR_ARG(id), STR_ARG(key));
}

/* Over "Ed", id and key, as minisign has it for encrypted keys. */
static void checksum(
    const struct minisign_secret *secret, unsigned char out[32])
{
	crypto_generichash_state state;

	crypto_generichash_init(&state, NULL, 0, 32);
	crypto_generichash_update(&state, (const unsigned char *)"Ed", 2);
	crypto_generichash_update(&state, secret->id, 8);
	crypto_generichash_update(&state, secret->key, 64);
	crypto_generichash_final(&state, out, 32);
}

size_t minisign_write_secret(
    char out[MINISIGN_FILE_MAX], const struct minisign_secret *secret)
{
	unsigned char all[SECRET_BYTES] = "Ed\0\0B2";
	char text[BASE64(SECRET_BYTES)];

	memcpy(all + SECRET_ID, secret->id, 8);
	memcpy(all + SECRET_ID + 8, secret->key, 64);
	checksum(secret, all + SECRET_ID + 8 + 64);
	base64(text, all, sizeof(all));
	int n = snprintf(out, MINISIGN_FILE_MAX,
	    "%sminisign secret key, not encrypted\n%s\n", untrusted, text);
	sodium_memzero(all, sizeof(all));
	sodium_memzero(text, sizeof(text));
	return (size_t)n;
}

enum err minisign_read_public(struct str text, const char *name, struct pos pos,
    struct diag *diag, struct minisign_public *out)
{
	unsigned char all[PUBLIC_BYTES];

	if (!unbase64(key_line(text), all, sizeof(all)) ||
	    memcmp(all, "Ed", 2) != 0)
		return wrong(diag, pos, name,
		    "this is no minisign public key; give the file that ends "
		    "in .pub, or its second line");
	memcpy(out->id, all + 2, 8);
	memcpy(out->key, all + 10, 32);
	return ERR_OK;
}

/* Does the secret half belong to the public half within it? */
static bool is_pair(const struct minisign_secret *secret)
{
	unsigned char seed[32], again[64], public[32];

	crypto_sign_ed25519_sk_to_seed(seed, secret->key);
	crypto_sign_seed_keypair(public, again, seed);
	bool same = sodium_memcmp(again, secret->key, sizeof(again)) == 0;
	sodium_memzero(seed, sizeof(seed));
	sodium_memzero(again, sizeof(again));
	return same;
}

static enum err take_secret(const unsigned char all[SECRET_BYTES],
    const char *name, struct pos pos, struct diag *diag,
    struct minisign_secret *out)
{
	unsigned char sum[32];

	if (memcmp(all, "Ed", 2) != 0 || memcmp(all + 4, "B2", 2) != 0)
		return wrong(diag, pos, name,
		    "this is no minisign secret key; make one with `lowtide "
		    "keygen --out FILE`");
	if (all[2] || all[3])
		return wrong(diag, pos, name,
		    "this secret key is encrypted with a password, which a "
		    "build cannot ask for; make one with `lowtide keygen --out "
		    "FILE`, or take the password away with `minisign -C -W`");
	memcpy(out->id, all + SECRET_ID, 8);
	memcpy(out->key, all + SECRET_ID + 8, 64);
	checksum(out, sum);
	bool summed = !sodium_is_zero(all + SECRET_BYTES - 32, 32);
	if (!is_pair(out) ||
	    (summed && memcmp(sum, all + SECRET_BYTES - 32, 32) != 0)) {
		minisign_forget(out);
		return wrong(diag, pos, name,
		    "this secret key is damaged; take it from its backup");
	}
	return ERR_OK;
}

enum err minisign_read_secret(struct str text, const char *name, struct pos pos,
    struct diag *diag, struct minisign_secret *out)
{
	unsigned char all[SECRET_BYTES];
	enum err err;

	if (sodium_init() < 0)
		abort();
	if (unbase64(key_line(text), all, sizeof(all)))
		err = take_secret(all, name, pos, diag, out);
	else
		err = wrong(diag, pos, name,
		    "this is no minisign secret key; make one with `lowtide "
		    "keygen --out FILE`");
	sodium_memzero(all, sizeof(all));
	return err;
}

enum err minisign_read_signature(struct str text, const char *name,
    struct pos pos, struct diag *diag, struct minisign_signature *out)
{
	unsigned char all[SIGNATURE_BYTES];
	struct str rest = text;
	struct str comment = line(&rest);
	struct str first = line(&rest);
	struct str second = line(&rest);
	struct str global = line(&rest);

	if (text.n > MINISIGN_FILE_MAX || !str_starts(comment, untrusted) ||
	    !unbase64(first, all, sizeof(all)) ||
	    !str_starts(second, trusted_line) ||
	    !unbase64(global, out->global, sizeof(out->global)) ||
	    !is_blank(rest))
		return wrong(diag, pos, name, "this is no minisign signature");
	if (memcmp(all, "Ed", 2) == 0)
		return wrong(diag, pos, name,
		    "this signature is of the legacy kind, over bytes that are "
		    "not hashed first; sign again without `minisign -l`");
	if (memcmp(all, "ED", 2) != 0)
		return wrong(diag, pos, name,
		    "this signature is of a kind that is not known");
	memcpy(out->id, all + 2, 8);
	memcpy(out->signature, all + 10, 64);
	out->trusted = str_slice(second, strlen(trusted_line), second.n);
	if (out->trusted.n > MINISIGN_COMMENT_MAX)
		return wrong(diag, pos, name, "its comment is too long");
	return ERR_OK;
}

static void prehash(struct str bytes, unsigned char out[HASH_BYTES])
{
	if (crypto_generichash(
		out, HASH_BYTES, bytes_of(bytes), bytes.n, NULL, 0) != 0)
		abort();
}

/* What the global signature is over; how much of it. */
#define GLOBAL_MAX (64 + MINISIGN_COMMENT_MAX)
static size_t global_text(unsigned char out[GLOBAL_MAX],
    const unsigned char signature[64], struct str comment)
{
	memcpy(out, signature, 64);
	if (comment.n)
		memcpy(out + 64, comment.p, comment.n);
	return 64 + comment.n;
}

struct str minisign_sign(struct arena *a, const struct minisign_secret *secret,
    struct str bytes, const char *trusted)
{
	unsigned char hash[HASH_BYTES], all[SIGNATURE_BYTES] = "ED";
	unsigned char whole[GLOBAL_MAX], global[64];
	char first[BASE64(SIGNATURE_BYTES)], second[BASE64(64)];
	struct str comment = str_of(trusted);

	if (comment.n > MINISIGN_COMMENT_MAX)
		abort();
	prehash(bytes, hash);
	memcpy(all + 2, secret->id, 8);
	crypto_sign_detached(all + 10, NULL, hash, sizeof(hash), secret->key);
	size_t n = global_text(whole, all + 10, comment);
	crypto_sign_detached(global, NULL, whole, n, secret->key);
	base64(first, all, sizeof(all));
	base64(second, global, sizeof(global));
	return arena_printf(a,
	    "%ssignature from minisign secret key\n%s\n%s%s\n%s\n", untrusted,
	    first, trusted_line, trusted, second);
}

bool minisign_verify(const struct minisign_public *public,
    const struct minisign_signature *signature, struct str bytes)
{
	unsigned char hash[HASH_BYTES], whole[GLOBAL_MAX];

	if (memcmp(public->id, signature->id, 8) != 0)
		return false;
	prehash(bytes, hash);
	if (crypto_sign_verify_detached(
		signature->signature, hash, sizeof(hash), public->key) != 0)
		return false;
	size_t n = global_text(whole, signature->signature, signature->trusted);
	return crypto_sign_verify_detached(
		   signature->global, whole, n, public->key) == 0;
}
