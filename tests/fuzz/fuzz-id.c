#include <string.h>

#include "cgi/ids.h"
#include "lib/arena.h"
#include "tests/fuzz/fuzz.h"

/*
 * A job id as anybody may write it. One that can be read is written back the
 * same, any 36 bytes are read back as they were written, and no id is good but
 * those that were made here, for the owner that they were made for.
 */
const char *const fuzz_words[] = {
    "job_", "AAAA", "AQAB", "____", "----", "=", "+", "/", "%2F", NULL};

static const struct keys keys = {
    .name = {1, "the name key of this one fuzzer"},
    .mac = {{7, "the newer key for these MACs"},
	{1, "the older key for these MACs"}},
    .seal = {{1, "nothing is sealed in this one"}},
    .n_mac = 2,
    .n_seal = 1,
};
static struct api apis[] = {
    {.name = STR_INIT("bundle-post"), .tag = STR_INIT("000001")},
    {.name = STR_INIT("bundle-get"), .tag = STR_INIT("ffFF40")},
    {.name = STR_INIT("without"), .tag = STR_INIT("none")},
};
static const struct config config = {.apis = apis, .n_apis = 3};
static const char *const names[] = {"3f2b8a0e-8c1d-4d1e-9a3f-5b7c9d1e2f30",
    "a-name-of-more-than-twenty-characters"};

#define OWNERS 2
static uint8_t owners[OWNERS][JOB_OWNER_BYTES];
static struct made {
	uint8_t id[JOB_ID_BYTES];
	size_t owner, api;
} made[OWNERS * 2 * 2];
#define N_MADE (sizeof(made) / sizeof(*made))

static void set_up(void)
{
	const uint8_t print[JOB_PRINT_BYTES] = "fingerprint";

	ids_owner(&keys, STR("alice"), owners[1]);
	for (size_t i = 0; i < N_MADE; i++) {
		made[i].owner = i & 1;
		made[i].api = i >> 1 & 1;
		ids_named(&keys, &apis[made[i].api], owners[made[i].owner],
		    NAME_REQUEST_ID, str_of(names[i >> 2]), print, made[i].id);
	}
}

static const struct made *find(const uint8_t id[JOB_ID_BYTES])
{
	for (size_t i = 0; i < N_MADE; i++)
		if (memcmp(made[i].id, id, JOB_ID_BYTES) == 0)
			return &made[i];
	return NULL;
}

static void judge(const uint8_t id[JOB_ID_BYTES])
{
	const struct made *m = find(id);
	size_t api = SIZE_MAX;

	for (size_t i = 0; i < OWNERS; i++)
		fuzz_must((ids_verify(&keys, id, owners[i]) == ERR_OK) ==
			  (m && m->owner == i));
	enum err err = ids_api(&config, id, &api);
	fuzz_must(err == ERR_OK || err == ERR_FORGED);
	fuzz_must(err == ERR_OK ? api < 2 : api == SIZE_MAX);
	if (m)
		fuzz_must(err == ERR_OK && api == m->api);
}

static void there_and_back(const uint8_t id[JOB_ID_BYTES])
{
	uint8_t back[JOB_ID_BYTES];
	char text[IDS_TEXT + 1];

	ids_write(id, text);
	fuzz_must(strlen(text) == IDS_TEXT);
	fuzz_must(ids_read((struct str){text, IDS_TEXT}, back) == ERR_OK);
	fuzz_must(memcmp(id, back, JOB_ID_BYTES) == 0);
	judge(id);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	const struct str text = {(const char *)data, n};
	uint8_t id[JOB_ID_BYTES];
	char again[IDS_TEXT + 1];

	if (!made[0].id[0]) /* which is the key's version */
		set_up();
	enum err err = ids_read(text, id);
	fuzz_must(err == ERR_OK || err == ERR_FORGED);
	if (err == ERR_OK) {
		ids_write(id, again);
		fuzz_must(str_is(text, again));
		judge(id);
	}
	if (n >= JOB_ID_BYTES)
		there_and_back(data);
	/* one that was made, and one bit of it that was not */
	for (size_t i = 0; i < N_MADE && n >= 2; i++) {
		memcpy(id, made[i].id, JOB_ID_BYTES);
		there_and_back(id);
		id[data[0] % JOB_ID_BYTES] ^= (uint8_t)(1u << (data[1] & 7));
		there_and_back(id);
	}
	return 0;
}
