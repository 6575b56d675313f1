#include "cgi/ids.h"

#include <arpa/inet.h>
#include <string.h>

#include <sodium.h>

/*
 * Every hash is BLAKE2b, keyed, over a sequence of fields, each as its length
 * (u64, big-endian) and its bytes; the first field is the label of its use.
 * So no two different sequences give the same input, and no two uses the same
 * hash.
 */
#define TAG_OFFSET 1
#define TAG_BYTES 3
#define MAC_OFFSET (JOB_KEY_OFFSET + JOB_KEY_BYTES)
#define MAC_BYTES (JOB_ID_BYTES - MAC_OFFSET)
#define PREFIX "job_"

_Static_assert(JOB_QUOTA_BYTES == 8 && JOB_RESOURCE_BYTES == 8, "short hashes");
_Static_assert(MAC_BYTES == 16, "the MAC fills the id");
_Static_assert(TAG_OFFSET + TAG_BYTES == JOB_KEY_OFFSET, "the tag fits");
_Static_assert(JOB_ID_BYTES % 3 == 0 &&
		   IDS_TEXT == sizeof(PREFIX) - 1 + JOB_ID_BYTES / 3 * 4,
    "no padding, so every id has one spelling");
_Static_assert(CONFIG_TAG_HEX == 2 * TAG_BYTES, "the tag is three bytes");

struct hash {
	crypto_generichash_state state;
	size_t n;
};

static void field(struct hash *h, const void *bytes, size_t n)
{
	uint8_t length[8];

	for (size_t i = 0; i < sizeof(length); i++)
		length[i] = (uint8_t)((uint64_t)n >> (56 - 8 * i));
	crypto_generichash_update(&h->state, length, sizeof(length));
	crypto_generichash_update(&h->state, bytes, n);
}

static void text_field(struct hash *h, struct str s)
{
	field(h, s.n ? s.p : "", s.n);
}

static void start(
    struct hash *h, const struct key *key, const char *label, size_t n)
{
	h->n = n;
	crypto_generichash_init(&h->state, key->bytes, KEY_BYTES, n);
	text_field(h, str_of(label));
}

static void finish(struct hash *h, uint8_t *out)
{
	crypto_generichash_final(&h->state, out, h->n);
	sodium_memzero(h, sizeof(*h));
}

void ids_owner(
    const struct keys *keys, struct str owner, uint8_t out[JOB_OWNER_BYTES])
{
	struct hash h;

	memset(out, 0, JOB_OWNER_BYTES);
	if (!owner.n)
		return;
	start(&h, &keys->name, "lowtide owner", JOB_OWNER_BYTES);
	text_field(&h, owner);
	finish(&h, out);
}

void ids_owner_of(const struct keys *keys, struct str issuer,
    struct str subject, uint8_t out[JOB_OWNER_BYTES])
{
	struct hash h;

	start(&h, &keys->name, "lowtide token owner", JOB_OWNER_BYTES);
	text_field(&h, issuer);
	text_field(&h, subject);
	finish(&h, out);
}

bool ids_is_anonymous(const uint8_t owner[JOB_OWNER_BYTES])
{
	return sodium_is_zero(owner, JOB_OWNER_BYTES) == 1;
}

void ids_owner_text(
    const uint8_t owner[JOB_OWNER_BYTES], char out[2 * JOB_OWNER_BYTES + 1])
{
	sodium_bin2hex(out, 2 * JOB_OWNER_BYTES + 1, owner, JOB_OWNER_BYTES);
}

void ids_fingerprint(const struct keys *keys, struct str method,
    struct str path, struct str query, struct str body,
    uint8_t out[JOB_PRINT_BYTES])
{
	struct hash h;

	start(&h, &keys->name, "lowtide fingerprint", JOB_PRINT_BYTES);
	text_field(&h, method);
	text_field(&h, path);
	text_field(&h, query);
	text_field(&h, body);
	finish(&h, out);
}

/* Shorter than BLAKE2b makes them: the first bytes of a longer hash. */
static void finish_short(struct hash *h, uint8_t out[8])
{
	uint8_t whole[crypto_generichash_BYTES_MIN];

	finish(h, whole);
	memcpy(out, whole, 8);
}

#define IPV4_BYTES 4
#define IPV6_NETWORK 8 /* bytes of a /64 */

/* How many bytes of `out` name the network; 0: it is no address. */
static size_t network(struct str address, uint8_t out[16])
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
	char text[INET6_ADDRSTRLEN];
	struct str bare = str_slice(address, 0, str_find(address, '%', 0));

	if (bare.n >= sizeof(text) || memchr(bare.n ? bare.p : "", 0, bare.n))
		return 0;
	memcpy(text, bare.n ? bare.p : "", bare.n);
	text[bare.n] = '\0';
	if (inet_pton(AF_INET, text, out) == 1)
		return IPV4_BYTES;
	if (inet_pton(AF_INET6, text, out) != 1)
		return 0;
	if (memcmp(out, mapped, sizeof(mapped)) != 0)
		return IPV6_NETWORK;
	memmove(out, out + sizeof(mapped), IPV4_BYTES);
	return IPV4_BYTES;
}

void ids_quota(const struct keys *keys, const struct api *api,
    const uint8_t owner[JOB_OWNER_BYTES], struct str remote_addr,
    uint8_t out[JOB_QUOTA_BYTES])
{
	uint8_t address[16];
	struct hash h;

	memset(out, 0, JOB_QUOTA_BYTES);
	if (!api->owner_rate_count && !api->owner_open)
		return;
	start(&h, &keys->name, "lowtide quota", crypto_generichash_BYTES_MIN);
	text_field(&h, api->name);
	field(&h, owner, JOB_OWNER_BYTES);
	field(&h, address,
	    ids_is_anonymous(owner) ? network(remote_addr, address) : 0);
	finish_short(&h, out);
}

void ids_resource(const struct keys *keys, const struct api *api,
    const uint8_t owner[JOB_OWNER_BYTES], struct str id,
    uint8_t out[JOB_RESOURCE_BYTES])
{
	struct hash h;

	start(
	    &h, &keys->name, "lowtide resource", crypto_generichash_BYTES_MIN);
	text_field(&h, api->name);
	field(&h, owner, JOB_OWNER_BYTES);
	text_field(&h, id);
	finish_short(&h, out);
	if (sodium_is_zero(out, JOB_RESOURCE_BYTES))
		out[0] = 1;
}

static uint8_t digit(char c)
{
	return (uint8_t)(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
}

static bool is_hex(char c)
{
	return (c >= '0' && c <= '9') ||
	       ((c | 0x20) >= 'a' && (c | 0x20) <= 'f');
}

/* False for a tag that is not one: such an API has no ids. */
static bool tag_of(const struct api *api, uint8_t out[TAG_BYTES])
{
	if (api->tag.n != CONFIG_TAG_HEX)
		return false;
	for (size_t i = 0; i < TAG_BYTES; i++) {
		const char *two = api->tag.p + 2 * i;
		if (!is_hex(two[0]) || !is_hex(two[1]))
			return false;
		out[i] = (uint8_t)(digit(two[0]) << 4 | digit(two[1]));
	}
	return true;
}

static void mac_of(const struct key *key, const uint8_t id[JOB_ID_BYTES],
    const uint8_t owner[JOB_OWNER_BYTES], uint8_t out[MAC_BYTES])
{
	struct hash h;

	start(&h, key, "lowtide job id", MAC_BYTES);
	field(&h, id, 1);
	field(&h, id + TAG_OFFSET, TAG_BYTES);
	field(&h, id + JOB_KEY_OFFSET, JOB_KEY_BYTES);
	field(&h, owner, JOB_OWNER_BYTES);
	finish(&h, out);
}

/* Version, tag and MAC around a key that stands there already. */
static void complete(const struct keys *keys, const struct api *api,
    const uint8_t owner[JOB_OWNER_BYTES], uint8_t out[JOB_ID_BYTES])
{
	out[0] = keys->mac[0].version;
	memset(out + TAG_OFFSET, 0, TAG_BYTES);
	(void)tag_of(api, out + TAG_OFFSET);
	mac_of(&keys->mac[0], out, owner, out + MAC_OFFSET);
}

void ids_random(const struct keys *keys, const struct api *api,
    const uint8_t owner[JOB_OWNER_BYTES], uint8_t out[JOB_ID_BYTES])
{
	randombytes_buf(out + JOB_KEY_OFFSET, JOB_KEY_BYTES);
	complete(keys, api, owner, out);
}

void ids_named(const struct keys *keys, const struct api *api,
    const uint8_t owner[JOB_OWNER_BYTES], enum name_kind kind, struct str name,
    const uint8_t print[JOB_PRINT_BYTES], uint8_t out[JOB_ID_BYTES])
{
	bool anonymous = ids_is_anonymous(owner);
	uint8_t kind_byte = (uint8_t)kind;
	struct hash h;

	start(&h, &keys->name, "lowtide named job", JOB_KEY_BYTES);
	text_field(&h, api->name);
	field(&h, owner, JOB_OWNER_BYTES);
	field(&h, &kind_byte, 1);
	text_field(&h, name);
	field(&h, print, anonymous ? JOB_PRINT_BYTES : 0);
	finish(&h, out + JOB_KEY_OFFSET);
	complete(keys, api, owner, out);
}

/*
 * base64url (RFC 4648 5). libsodium's takes the same time for all bytes, which
 * what everybody sees in an address does not need, and reads bytes above 0x7f
 * as '_'.
 */
static const char digits[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
#define NO_DIGIT 64
static const uint8_t values[128] = {64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64,
    64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64,
    64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 62, 64, 64, 52,
    53, 54, 55, 56, 57, 58, 59, 60, 61, 64, 64, 64, 64, 64, 64, 64, 0, 1, 2, 3,
    4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23,
    24, 25, 64, 64, 64, 64, 63, 64, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36,
    37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, 64, 64, 64, 64,
    64};

void ids_write(const uint8_t id[JOB_ID_BYTES], char out[IDS_TEXT + 1])
{
	memcpy(out, PREFIX, sizeof(PREFIX) - 1);
	out += sizeof(PREFIX) - 1;
	for (size_t i = 0; i < JOB_ID_BYTES; i += 3) {
		unsigned three = (unsigned)id[i] << 16 |
				 (unsigned)id[i + 1] << 8 | id[i + 2];
		*out++ = digits[three >> 18];
		*out++ = digits[three >> 12 & 63];
		*out++ = digits[three >> 6 & 63];
		*out++ = digits[three & 63];
	}
	*out = '\0';
}

struct str ids_text(struct arena *a, const uint8_t id[JOB_ID_BYTES])
{
	char text[IDS_TEXT + 1];

	ids_write(id, text);
	return arena_str(a, (struct str){.p = text, .n = IDS_TEXT});
}

enum err ids_read(struct str text, uint8_t out[JOB_ID_BYTES])
{
	unsigned wrong = 0;

	if (text.n != IDS_TEXT || !str_starts(text, PREFIX))
		return ERR_FORGED;
	for (size_t at = sizeof(PREFIX) - 1; at < IDS_TEXT; at += 4) {
		unsigned three = 0;
		for (size_t i = at; i < at + 4; i++) {
			unsigned char c = (unsigned char)text.p[i];
			unsigned value = c < 128 ? values[c] : NO_DIGIT;
			wrong |= value & NO_DIGIT;
			three = three << 6 | value;
		}
		*out++ = (uint8_t)(three >> 16);
		*out++ = (uint8_t)(three >> 8);
		*out++ = (uint8_t)three;
	}
	return wrong ? ERR_FORGED : ERR_OK;
}

enum err ids_verify(const struct keys *keys, const uint8_t id[JOB_ID_BYTES],
    const uint8_t owner[JOB_OWNER_BYTES])
{
	const struct key *key = keys_mac(keys, id[0]);
	uint8_t mac[MAC_BYTES];

	if (!key)
		return ERR_FORGED;
	mac_of(key, id, owner, mac);
	if (sodium_memcmp(mac, id + MAC_OFFSET, MAC_BYTES) != 0)
		return ERR_FORGED;
	return ERR_OK;
}

enum err ids_api(
    const struct config *config, const uint8_t id[JOB_ID_BYTES], size_t *api)
{
	for (size_t i = 0; i < config->n_apis; i++) {
		uint8_t tag[TAG_BYTES];
		if (tag_of(&config->apis[i], tag) &&
		    memcmp(tag, id + TAG_OFFSET, TAG_BYTES) == 0) {
			*api = i;
			return ERR_OK;
		}
	}
	return ERR_FORGED;
}
