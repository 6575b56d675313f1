#include "cgi/ids.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <sodium.h>

static const struct api apis[] = {
    {.name = {.p = "bundle-post", .n = 11}, .tag = {.p = "0a1b2c", .n = 6}},
    {.name = {.p = "return-post", .n = 11}, .tag = {.p = "FFee00", .n = 6}},
};
static struct keys keys;
static uint8_t anonymous[JOB_OWNER_BYTES], ann[JOB_OWNER_BYTES];
static uint8_t print[JOB_PRINT_BYTES], other_print[JOB_PRINT_BYTES];

static int set_up(void **state)
{
	(void)state;
	keys = (struct keys){.n_mac = 2, .n_seal = 1};
	keys.name.version = 1;
	keys.mac[0].version = 4;
	keys.mac[1].version = 3;
	memset(keys.name.bytes, 1, KEY_BYTES);
	memset(keys.mac[0].bytes, 2, KEY_BYTES);
	memset(keys.mac[1].bytes, 3, KEY_BYTES);
	ids_owner(&keys, (struct str){0}, anonymous);
	ids_owner(&keys, STR("ann"), ann);
	ids_fingerprint(
	    &keys, STR("POST"), STR("/a"), (struct str){0}, STR("{}"), print);
	ids_fingerprint(&keys, STR("POST"), STR("/a"), (struct str){0},
	    STR("{ }"), other_print);
	return 0;
}

static void owners_are_hashed(void **state)
{
	static const uint8_t zero[JOB_OWNER_BYTES];
	uint8_t bob[JOB_OWNER_BYTES];
	(void)state;

	assert_memory_equal(anonymous, zero, sizeof(zero));
	assert_memory_not_equal(ann, zero, sizeof(zero));
	ids_owner(&keys, STR("bob"), bob);
	assert_memory_not_equal(ann, bob, sizeof(bob));
}

static void tokens_have_owners_of_their_own(void **state)
{
	uint8_t a[JOB_OWNER_BYTES], b[JOB_OWNER_BYTES];
	(void)state;

	ids_owner_of(&keys, STR("https://a"), STR("ann"), a);
	ids_owner_of(&keys, STR("https://a"), STR("ann"), b);
	assert_memory_equal(a, b, sizeof(a));
	assert_memory_not_equal(a, ann, sizeof(a));
	assert_false(ids_is_anonymous(a));
	ids_owner_of(&keys, STR("https://b"), STR("ann"), b);
	assert_memory_not_equal(a, b, sizeof(a));
	ids_owner_of(&keys, STR("https://aa"), STR("nn"), b);
	assert_memory_not_equal(a, b, sizeof(a));
	ids_owner_of(&keys, STR("https://a"), STR("bob"), b);
	assert_memory_not_equal(a, b, sizeof(a));
}

/* Addresses of one network are one sender, whatever their spelling. */
static void quotas_of_addresses(void **state)
{
	static const struct {
		const char *a, *b;
		bool same;
	} rows[] = {
	    {"192.0.2.1", "192.0.2.1", true},
	    {"192.0.2.1", "192.0.2.2", false},
	    {"192.0.2.1", "::ffff:192.0.2.1", true},
	    {"192.0.2.1", "::FFFF:c000:201", true},
	    {"::ffff:192.0.2.1", "::ffff:192.0.2.2", false},
	    {"192.0.2.1", "::192.0.2.1", false},
	    {"2001:db8:1:2::1", "2001:db8:1:2:ffff::9", true},
	    {"2001:db8:1:2::1", "2001:0DB8:1:2:0:0:0:1", true},
	    {"2001:db8:1:2::1", "2001:db8:1:3::1", false},
	    {"fe80::1%eth0", "fe80::2", true},
	    /* what is none: one sender, and nobody's address */
	    {"", "unix:", true},
	    {"192.0.2.1.", "evil", true},
	    {"192.0.2", "192.0.2.256", true},
	    {"0192.0.2.1", "2001:db8::1::2", true},
	    {"1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb", "",
		true},
	    {"", "192.0.2.1", false},
	    {"", "0.0.0.0", false},
	    {"", "::", false},
	};
	const struct api limited = {.name = STR_INIT("a"), .owner_open = 1};
	uint8_t a[JOB_QUOTA_BYTES], b[JOB_QUOTA_BYTES];
	(void)state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		ids_quota(&keys, &limited, anonymous, str_of(rows[i].a), a);
		ids_quota(&keys, &limited, anonymous, str_of(rows[i].b), b);
		assert_int_equal(memcmp(a, b, sizeof(a)) == 0, rows[i].same);
		assert_false(sodium_is_zero(a, sizeof(a)));
	}
	ids_quota(
	    &keys, &limited, anonymous, (struct str){"192.0.2.1\0x", 11}, b);
	ids_quota(&keys, &limited, anonymous, STR("192.0.2.1"), a);
	assert_memory_not_equal(a, b, sizeof(a));
}

static void quotas_of_owners(void **state)
{
	struct api limited = {.name = STR_INIT("a"), .owner_rate_count = 1};
	uint8_t a[JOB_QUOTA_BYTES], b[JOB_QUOTA_BYTES], bob[JOB_OWNER_BYTES];
	(void)state;

	/* wherever he is */
	ids_quota(&keys, &limited, ann, STR("192.0.2.1"), a);
	ids_quota(&keys, &limited, ann, STR("198.51.100.1"), b);
	assert_memory_equal(a, b, sizeof(a));
	ids_owner(&keys, STR("bob"), bob);
	ids_quota(&keys, &limited, bob, STR("192.0.2.1"), b);
	assert_memory_not_equal(a, b, sizeof(a));
	ids_quota(&keys, &limited, anonymous, STR(""), b);
	assert_memory_not_equal(a, b, sizeof(a));
	limited.name = STR("b");
	ids_quota(&keys, &limited, ann, STR(""), b);
	assert_memory_not_equal(a, b, sizeof(a));
	limited.owner_rate_count = 0;
	ids_quota(&keys, &limited, ann, STR(""), b);
	assert_true(sodium_is_zero(b, sizeof(b)));
}

static void resources(void **state)
{
	uint8_t a[JOB_RESOURCE_BYTES], b[JOB_RESOURCE_BYTES];
	(void)state;

	ids_resource(&keys, &apis[0], ann, STR("7"), a);
	ids_resource(&keys, &apis[0], ann, STR("7"), b);
	assert_memory_equal(a, b, sizeof(a));
	assert_false(sodium_is_zero(a, sizeof(a)));
	ids_resource(&keys, &apis[0], ann, STR("8"), b);
	assert_memory_not_equal(a, b, sizeof(a));
	ids_resource(&keys, &apis[1], ann, STR("7"), b);
	assert_memory_not_equal(a, b, sizeof(a));
	ids_resource(&keys, &apis[0], anonymous, STR("7"), b);
	assert_memory_not_equal(a, b, sizeof(a));
}

static void fields_do_not_run_into_each_other(void **state)
{
	uint8_t a[JOB_PRINT_BYTES], b[JOB_PRINT_BYTES];
	(void)state;

	ids_fingerprint(&keys, STR("POST"), STR("/ab"), STR("c"), STR(""), a);
	ids_fingerprint(&keys, STR("POST"), STR("/a"), STR("bc"), STR(""), b);
	assert_memory_not_equal(a, b, sizeof(a));
	ids_fingerprint(&keys, STR("POST"), STR("/ab"), STR(""), STR("c"), b);
	assert_memory_not_equal(a, b, sizeof(a));
}

static void spelling_is_canonical(void **state)
{
	uint8_t id[JOB_ID_BYTES], back[JOB_ID_BYTES];
	char text[IDS_TEXT + 1];
	(void)state;

	for (int round = 0; round < 50; round++) {
		ids_random(&keys, &apis[0], anonymous, id);
		ids_write(id, text);
		assert_int_equal(strlen(text), IDS_TEXT);
		assert_int_equal(ids_read(str_of(text), back), ERR_OK);
		assert_memory_equal(id, back, sizeof(id));
	}
}

static void refuses_other_spellings(void **state)
{
	uint8_t id[JOB_ID_BYTES], back[JOB_ID_BYTES];
	char text[IDS_TEXT + 3];
	(void)state;

	ids_random(&keys, &apis[0], anonymous, id);
	ids_write(id, text);
	for (size_t n = 0; n < IDS_TEXT; n++)
		assert_int_equal(
		    ids_read((struct str){text, n}, back), ERR_FORGED);
	static const char odd[] = "=+/ .%\n\t~\x7f\x80\xff";
	for (size_t at = 0; at < IDS_TEXT; at++) {
		for (size_t i = 0; i < sizeof(odd); i++) { /* NUL as well */
			char copy[IDS_TEXT];
			memcpy(copy, text, IDS_TEXT);
			copy[at] = odd[i];
			assert_int_equal(
			    ids_read((struct str){copy, IDS_TEXT}, back),
			    ERR_FORGED);
		}
	}
	assert_int_equal(
	    ids_read((struct str){text, IDS_TEXT + 1}, back), ERR_FORGED);
	strcpy(text + IDS_TEXT, "=");
	assert_int_equal(ids_read(str_of(text), back), ERR_FORGED);
	text[0] = 'J';
	text[IDS_TEXT] = '\0';
	assert_int_equal(ids_read(str_of(text), back), ERR_FORGED);
}

#define DIGITS                                                                 \
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
/* Against libsodium's, which is slower and takes more than it should. */
static void spelling_is_base64url(void **state)
{
	uint8_t id[JOB_ID_BYTES], back[JOB_ID_BYTES];
	char text[IDS_TEXT + 1], want[IDS_TEXT + 1] = "job_";
	(void)state;

	for (int round = 0; round < 300; round++) {
		randombytes_buf(id, sizeof(id));
		if (round < 256)
			memset(id, round, sizeof(id));
		ids_write(id, text);
		sodium_bin2base64(want + 4, sizeof(want) - 4, id, sizeof(id),
		    sodium_base64_VARIANT_URLSAFE_NO_PADDING);
		assert_string_equal(text, want);
		assert_int_equal(ids_read(str_of(text), back), ERR_OK);
		assert_memory_equal(id, back, sizeof(id));
	}
	/* each byte at each place is a digit or refused */
	for (size_t at = 0; at < IDS_TEXT; at++) {
		for (int c = 0; c < 256; c++) {
			char copy[IDS_TEXT];
			bool digit = c && strchr(DIGITS, c);
			memcpy(copy, text, IDS_TEXT);
			copy[at] = (char)c;
			bool good = at < 4 ? copy[at] == text[at] : digit;
			assert_int_equal(
			    ids_read((struct str){copy, IDS_TEXT}, back),
			    good ? ERR_OK : ERR_FORGED);
		}
	}
}

static void every_flipped_bit_is_refused(void **state)
{
	uint8_t id[JOB_ID_BYTES];
	(void)state;

	ids_random(&keys, &apis[0], ann, id);
	assert_int_equal(ids_verify(&keys, id, ann), ERR_OK);
	for (size_t bit = 0; bit < sizeof(id) * 8; bit++) {
		id[bit / 8] ^= (uint8_t)(1u << bit % 8);
		assert_int_equal(ids_verify(&keys, id, ann), ERR_FORGED);
		id[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
}

static void belongs_to_one_owner(void **state)
{
	uint8_t id[JOB_ID_BYTES], bob[JOB_OWNER_BYTES];
	(void)state;

	ids_owner(&keys, STR("bob"), bob);
	ids_random(&keys, &apis[0], ann, id);
	assert_int_equal(ids_verify(&keys, id, bob), ERR_FORGED);
	assert_int_equal(ids_verify(&keys, id, anonymous), ERR_FORGED);
	ids_random(&keys, &apis[0], anonymous, id);
	assert_int_equal(ids_verify(&keys, id, anonymous), ERR_OK);
	assert_int_equal(ids_verify(&keys, id, ann), ERR_FORGED);
}

static void old_keys_still_count(void **state)
{
	uint8_t id[JOB_ID_BYTES];
	struct keys old = keys;
	(void)state;

	old.mac[0] = keys.mac[1];
	ids_random(&old, &apis[0], ann, id);
	assert_int_equal(id[0], 3);
	assert_int_equal(ids_verify(&keys, id, ann), ERR_OK);
	keys.n_mac = 1;
	assert_int_equal(ids_verify(&keys, id, ann), ERR_FORGED);
	keys.n_mac = 2;
}

static void tags_name_the_api(void **state)
{
	struct config config = {
	    .apis = (struct api *)(uintptr_t)apis, .n_apis = 2};
	uint8_t id[JOB_ID_BYTES];
	size_t api = 9;
	(void)state;

	ids_random(&keys, &apis[1], ann, id);
	assert_int_equal(id[1], 0xff);
	assert_int_equal(id[2], 0xee);
	assert_int_equal(ids_api(&config, id, &api), ERR_OK);
	assert_int_equal(api, 1);
	id[1] = 0x55;
	assert_int_equal(ids_api(&config, id, &api), ERR_FORGED);
}

#define NAMED(api, owner, kind, name, print, id)                               \
	ids_named(&keys, (api), (owner), (kind), STR(name), (print), (id))
#define KEY(id) ((id) + JOB_KEY_OFFSET)

static void a_name_reaches_one_id(void **state)
{
	uint8_t a[JOB_ID_BYTES], b[JOB_ID_BYTES], bob[JOB_OWNER_BYTES];
	(void)state;

	ids_owner(&keys, STR("bob"), bob);
	NAMED(&apis[0], ann, NAME_REQUEST_ID, "one", print, a);
	NAMED(&apis[0], ann, NAME_REQUEST_ID, "one", print, b);
	assert_memory_equal(a, b, sizeof(a));
	assert_int_equal(ids_verify(&keys, a, ann), ERR_OK);
	/* with an owner, another body is the same name: 409 or 422 */
	NAMED(&apis[0], ann, NAME_REQUEST_ID, "one", other_print, b);
	assert_memory_equal(a, b, sizeof(a));
	NAMED(&apis[0], ann, NAME_REQUEST_ID, "two", print, b);
	assert_memory_not_equal(KEY(a), KEY(b), JOB_KEY_BYTES);
	NAMED(&apis[0], ann, NAME_IDEMPOTENCY_KEY, "one", print, b);
	assert_memory_not_equal(KEY(a), KEY(b), JOB_KEY_BYTES);
	NAMED(&apis[0], bob, NAME_REQUEST_ID, "one", print, b);
	assert_memory_not_equal(KEY(a), KEY(b), JOB_KEY_BYTES);
	NAMED(&apis[1], ann, NAME_REQUEST_ID, "one", print, b);
	assert_memory_not_equal(KEY(a), KEY(b), JOB_KEY_BYTES);
}

static void a_stranger_cannot_guess_a_name(void **state)
{
	uint8_t a[JOB_ID_BYTES], b[JOB_ID_BYTES];
	(void)state;

	/* the name is known, the body is not */
	NAMED(&apis[0], anonymous, NAME_REQUEST_ID, "one", print, a);
	NAMED(&apis[0], anonymous, NAME_REQUEST_ID, "one", other_print, b);
	assert_memory_not_equal(KEY(a), KEY(b), JOB_KEY_BYTES);
}

static void names_survive_a_new_mac_key(void **state)
{
	uint8_t a[JOB_ID_BYTES], b[JOB_ID_BYTES];
	struct keys rotated = keys;
	(void)state;

	rotated.mac[0].version = 9;
	memset(rotated.mac[0].bytes, 9, KEY_BYTES);
	NAMED(&apis[0], ann, NAME_REQUEST_ID, "one", print, a);
	ids_named(
	    &rotated, &apis[0], ann, NAME_REQUEST_ID, STR("one"), print, b);
	assert_memory_equal(KEY(a), KEY(b), JOB_KEY_BYTES);
	assert_int_equal(b[0], 9);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(owners_are_hashed),
	    cmocka_unit_test(tokens_have_owners_of_their_own),
	    cmocka_unit_test(quotas_of_addresses),
	    cmocka_unit_test(quotas_of_owners),
	    cmocka_unit_test(resources),
	    cmocka_unit_test(fields_do_not_run_into_each_other),
	    cmocka_unit_test(spelling_is_canonical),
	    cmocka_unit_test(refuses_other_spellings),
	    cmocka_unit_test(spelling_is_base64url),
	    cmocka_unit_test(every_flipped_bit_is_refused),
	    cmocka_unit_test(belongs_to_one_owner),
	    cmocka_unit_test(old_keys_still_count),
	    cmocka_unit_test(tags_name_the_api),
	    cmocka_unit_test(a_name_reaches_one_id),
	    cmocka_unit_test(a_stranger_cannot_guess_a_name),
	    cmocka_unit_test(names_survive_a_new_mac_key),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("ids", tests, set_up, NULL);
}
