#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cgi/envelope.h"
#include "cgi/ids.h"
#include "cgi/seal.h"
#include "cgi/start.h"
#include "lib/buf.h"
#include "lib/clock.h"

/*
 * Fills a store with jobs that the endpoint answers for: real keys, ids, seals
 * and versions, through the store's own protocol.
 *
 *	fill --config FILE --state DIR --keys FILE [--api NAME] [--pending] \
 *		[--owner NAME [--issuer URL]] [--sample N] ROWS >ids
 *
 * Completed with a result of RESULT bytes, or as they were accepted. Prints an
 * even sample, an id and its version a line. Rows go in by ascending key, so
 * that a table of any size is written once from front to back; the order of
 * keys is the only thing about them that is not random.
 */
#define BATCH 5000
#define RESULT 256

enum {
	FILL_API = START_COUNT,
	FILL_SAMPLE,
	FILL_OWNER,
	FILL_ISSUER,
	FILL_PENDING
};
static const struct opt options[] = {
    START_OPTIONS,
    {.name = "api",
	.kind = OPT_STRING,
	.arg = "NAME",
	.help = "whose jobs; the first if left out"},
    {.name = "sample",
	.kind = OPT_STRING,
	.arg = "N",
	.help = "how many ids to print (100000)"},
    {.name = "owner",
	.kind = OPT_STRING,
	.arg = "NAME",
	.help = "as the web server calls him; nobody if left out"},
    {.name = "issuer",
	.kind = OPT_STRING,
	.arg = "URL",
	.help = "of the token whose subject he is"},
    {.name = "pending", .kind = OPT_FLAG, .help = "leave them to a worker"},
    {.name = NULL},
};

typedef uint8_t job_id[JOB_ID_BYTES];

struct fill {
	struct start start;
	size_t api, rows, sample;
	uint8_t owner[JOB_OWNER_BYTES];
	bool pending;
	job_id *ids;
	int64_t *versions;
	struct buf plain, sealed;
};

static int by_key(const void *a, const void *b)
{
	return memcmp((const uint8_t *)a + JOB_KEY_OFFSET,
	    (const uint8_t *)b + JOB_KEY_OFFSET, JOB_KEY_BYTES);
}

static enum err make_ids(struct fill *f)
{
	const struct api *api = &f->start.config->apis[f->api];

	f->ids = calloc(f->rows, sizeof(f->ids[0]));
	f->versions = calloc(f->rows, sizeof(f->versions[0]));
	if (!f->ids || !f->versions)
		return ERR_FULL;
	for (size_t i = 0; i < f->rows; i++)
		ids_random(&f->start.keys, api, f->owner, f->ids[i]);
	qsort(f->ids, f->rows, sizeof(f->ids[0]), by_key);
	return ERR_OK;
}

static struct str sealed(
    struct fill *f, const struct job *job, enum body_kind kind)
{
	const struct envelope_meta meta = {0};
	char body[RESULT + 1];
	const struct envelope_result result = {.status = 200,
	    .content_type = STR("application/json"),
	    .body = {body, RESULT}};

	/* as the upstream of the bench answers */
	snprintf(body, sizeof(body), "{\"text\":\"%0*d\"}", RESULT - 11, 0);
	buf_clear(&f->plain);
	buf_clear(&f->sealed);
	if (kind == BODY_META)
		envelope_put_meta(&f->plain, &meta);
	else
		envelope_put_result(&f->plain, &result);
	seal_close(&f->start.keys, job, kind, buf_str(&f->plain), &f->sealed);
	return buf_str(&f->sealed);
}

static enum err put_row(struct fill *f, const job_id id, int64_t *version)
{
	struct store *store = f->start.store;
	const int64_t now_ms = clock_wall_ms(), now_boot = clock_boot_ms();
	struct job job = {
	    .accepted_ms = now_ms, .deadline_ms = now_ms + 3600000};
	struct job_event event = {.kind = JOB_EVENT_CLAIM,
	    .now_ms = now_ms,
	    .now_boot = now_boot,
	    .lease_boot = now_boot + 60000,
	    .attempt = 1,
	    .claim = {1}};

	memcpy(job.id, id, JOB_ID_BYTES);
	memcpy(job.owner, f->owner, sizeof(job.owner));
	randombytes_buf(job.print, sizeof(job.print));
	enum err err = store_accept(store, f->api, &job, STR("erased at once"),
	    sealed(f, &job, BODY_META));
	*version = job.version;
	if (err || f->pending)
		return err;
	err = store_change(store, f->api, &job, &event, (struct str){0});
	if (err)
		return err;
	event.kind = JOB_EVENT_COMPLETE;
	event.status = 200;
	err = store_change(
	    store, f->api, &job, &event, sealed(f, &job, BODY_RESULT));
	*version = job.version;
	return err;
}

static enum err put_rows(struct fill *f)
{
	struct store *store = f->start.store;
	enum err err = ERR_OK;

	for (size_t i = 0; !err && i < f->rows;) {
		err = store_begin(store);
		for (size_t n = 0; !err && n < BATCH && i < f->rows; n++, i++)
			err = put_row(f, f->ids[i], &f->versions[i]);
		if (err)
			store_rollback(store);
		else
			err = store_commit(store);
	}
	return err;
}

static void print_sample(const struct fill *f)
{
	const size_t n = f->sample < f->rows ? f->sample : f->rows;
	char text[IDS_TEXT + 1];

	for (size_t i = 0; i < n; i++) {
		const size_t at =
		    (size_t)((double)i * (double)f->rows / (double)n);
		ids_write(f->ids[at], text);
		printf("%s %" PRId64 "\n", text, f->versions[at]);
	}
}

static enum err find_api(struct fill *f, const struct opt_value *value)
{
	const struct config *config = f->start.config;

	if (!value->given)
		return ERR_OK;
	for (f->api = 0; f->api < config->n_apis; f->api++)
		if (str_is(config->apis[f->api].name, value->string))
			return ERR_OK;
	return ERR_NOT_FOUND;
}

static void find_owner(struct fill *f, const struct opt_value *values)
{
	const struct keys *keys = &f->start.keys;
	struct str name = str_of(values[FILL_OWNER].string);

	if (values[FILL_ISSUER].given)
		ids_owner_of(
		    keys, str_of(values[FILL_ISSUER].string), name, f->owner);
	else
		ids_owner(keys, name, f->owner);
}

static enum err run(struct fill *f, const struct opt_result *found)
{
	const struct opt_value *values = found->values;

	if (found->n_operands != 1)
		return ERR_USAGE;
	f->rows = strtoul(found->operands[0], NULL, 10);
	f->sample = values[FILL_SAMPLE].given
			? strtoul(values[FILL_SAMPLE].string, NULL, 10)
			: 100000;
	enum err err = start_open(&f->start, values, STORE_WRITES);
	if (!err)
		err = find_api(f, &values[FILL_API]);
	if (!err && values[FILL_OWNER].given)
		find_owner(f, values);
	f->pending = values[FILL_PENDING].given;
	if (!err)
		err = make_ids(f);
	if (!err)
		err = put_rows(f);
	if (!err)
		print_sample(f);
	return err;
}

int main(int argc, char *argv[])
{
	struct fill f = {0};
	struct opt_result found;

	start_init(&f.start);
	enum err err = opt_parse(
	    &f.start.arena, options, argc, argv, &f.start.diag, &found);
	if (!err)
		err = run(&f, &found);
	if (err)
		fprintf(stderr, "fill: %s\n", err_name(err));
	free(f.ids);
	free(f.versions);
	buf_release(&f.plain);
	buf_release(&f.sealed);
	return start_close(&f.start, err);
}
