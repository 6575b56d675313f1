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
 *	fill --config FILE --state DIR --keys FILE [--api NAME] \
 *		[--pending [--later]] [--owner NAME [--issuer URL]] \
 *		[--owners N] [--sample N] ROWS >ids
 *
 * Completed with a result of RESULT bytes, or as they were accepted, which a
 * worker can do, or tried once in vain and to be tried again in an hour. Of
 * so many owners in turns, who are NAME1, NAME2 … Prints an even sample, an id
 *and its version a line. Rows go in by ascending key, so that a table of any
 *size is written once from front to back; the order of keys is the only thing
 *about them that is not random.
 */
#define BATCH 5000
#define RESULT 256
#define LATER_MS 3600000
#define NAME_MAX_BYTES 128

enum {
	FILL_API = START_COUNT,
	FILL_SAMPLE,
	FILL_OWNER,
	FILL_ISSUER,
	FILL_OWNERS,
	FILL_PENDING,
	FILL_LATER
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
    {.name = "owners",
	.kind = OPT_STRING,
	.arg = "N",
	.help = "so many in turns (1)"},
    {.name = "pending", .kind = OPT_FLAG, .help = "leave them to a worker"},
    {.name = "later", .kind = OPT_FLAG, .help = "… in an hour"},
    {.name = NULL},
};

typedef uint8_t job_id[JOB_ID_BYTES];

struct row {
	job_id id;
	size_t owner;
	int64_t version;
};
struct fill {
	struct start start;
	size_t api, n_rows, sample, n_owners;
	uint8_t (*owners)[JOB_OWNER_BYTES];
	bool pending, later;
	struct row *rows;
	struct buf plain, sealed;
};

static int by_key(const void *a, const void *b)
{
	const struct row *x = a, *y = b;

	return memcmp(
	    x->id + JOB_KEY_OFFSET, y->id + JOB_KEY_OFFSET, JOB_KEY_BYTES);
}

static enum err make_ids(struct fill *f)
{
	const struct api *api = &f->start.config->apis[f->api];

	f->rows = calloc(f->n_rows, sizeof(f->rows[0]));
	if (!f->rows)
		return ERR_FULL;
	for (size_t i = 0; i < f->n_rows; i++) {
		struct row *r = &f->rows[i];
		r->owner = i % f->n_owners;
		ids_random(&f->start.keys, api, f->owners[r->owner], r->id);
	}
	qsort(f->rows, f->n_rows, sizeof(f->rows[0]), by_key);
	return ERR_OK;
}

static struct str sealed(
    struct fill *f, const struct job *job, enum body_kind kind)
{
	const struct envelope_meta meta = {0};
	char body[RESULT + 1];
	const struct envelope_request request = {.method = STR("POST"),
	    .path = f->start.config->apis[f->api].path,
	    .body = {body, RESULT}};
	const struct envelope_result result = {.status = 200,
	    .content_type = STR("application/json"),
	    .body = {body, RESULT}};

	/* as the upstream of the bench answers */
	snprintf(body, sizeof(body), "{\"text\":\"%0*d\"}", RESULT - 11, 0);
	buf_clear(&f->plain);
	buf_clear(&f->sealed);
	if (kind == BODY_META)
		envelope_put_meta(&f->plain, &meta);
	else if (kind == BODY_REQUEST)
		envelope_put_request(&f->plain, &request);
	else
		envelope_put_result(&f->plain, &result);
	seal_close(&f->start.keys, job, kind, buf_str(&f->plain), &f->sealed);
	return buf_str(&f->sealed);
}

/* The first attempt ended before a byte left. */
static enum err put_off(
    struct fill *f, struct job *job, struct job_event *event)
{
	struct store *store = f->start.store;

	event->kind = JOB_EVENT_UNSENT;
	enum err err = store_change(store, f->api, job, event, (struct str){0});
	event->kind = JOB_EVENT_RETRY;
	event->not_before_boot = event->now_boot + LATER_MS;
	return err ? err
		   : store_change(store, f->api, job, event, (struct str){0});
}

static enum err put_row(struct fill *f, struct row *row)
{
	struct store *store = f->start.store;
	const int64_t now_ms = clock_wall_ms(), now_boot = clock_boot_ms();
	struct job job = {
	    .accepted_ms = now_ms, .deadline_ms = now_ms + 2 * LATER_MS};
	struct job_event event = {.kind = JOB_EVENT_CLAIM,
	    .now_ms = now_ms,
	    .now_boot = now_boot,
	    .lease_boot = now_boot + 60000,
	    .attempt = 1,
	    .claim = {1}};
	struct buf request = {0};
	enum err err;

	memcpy(job.id, row->id, JOB_ID_BYTES);
	memcpy(job.owner, f->owners[row->owner], sizeof(job.owner));
	randombytes_buf(job.print, sizeof(job.print));
	if (f->pending)
		buf_put_str(&request, sealed(f, &job, BODY_REQUEST));
	else
		buf_put_str(&request, STR("erased at once"));
	err = store_accept(
	    store, f->api, &job, buf_str(&request), sealed(f, &job, BODY_META));
	buf_release(&request);
	if (!err && (!f->pending || f->later))
		err =
		    store_change(store, f->api, &job, &event, (struct str){0});
	if (!err && f->later)
		err = put_off(f, &job, &event);
	event.kind = JOB_EVENT_COMPLETE;
	event.status = 200;
	if (!err && !f->pending)
		err = store_change(
		    store, f->api, &job, &event, sealed(f, &job, BODY_RESULT));
	row->version = job.version;
	return err;
}

static enum err put_rows(struct fill *f)
{
	struct store *store = f->start.store;
	enum err err = ERR_OK;

	for (size_t i = 0; !err && i < f->n_rows;) {
		err = store_begin(store);
		for (size_t n = 0; !err && n < BATCH && i < f->n_rows; n++, i++)
			err = put_row(f, &f->rows[i]);
		if (err)
			store_rollback(store);
		else
			err = store_commit(store);
	}
	return err;
}

static void print_sample(const struct fill *f)
{
	const size_t n = f->sample < f->n_rows ? f->sample : f->n_rows;
	char text[IDS_TEXT + 1];

	for (size_t i = 0; i < n; i++) {
		const size_t at =
		    (size_t)((double)i * (double)f->n_rows / (double)n);
		ids_write(f->rows[at].id, text);
		printf("%s %" PRId64 "\n", text, f->rows[at].version);
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

static enum err find_owners(struct fill *f, const struct opt_value *values)
{
	const struct keys *keys = &f->start.keys;
	char text[NAME_MAX_BYTES];

	f->n_owners = values[FILL_OWNERS].given
			  ? strtoul(values[FILL_OWNERS].string, NULL, 10)
			  : 1;
	f->owners =
	    f->n_owners ? calloc(f->n_owners, sizeof(f->owners[0])) : NULL;
	if (!f->owners)
		return ERR_USAGE;
	for (size_t i = 0; values[FILL_OWNER].given && i < f->n_owners; i++) {
		snprintf(text, sizeof(text), "%s", values[FILL_OWNER].string);
		if (values[FILL_OWNERS].given)
			snprintf(text, sizeof(text), "%s%zu",
			    values[FILL_OWNER].string, i + 1);
		if (values[FILL_ISSUER].given)
			ids_owner_of(keys, str_of(values[FILL_ISSUER].string),
			    str_of(text), f->owners[i]);
		else
			ids_owner(keys, str_of(text), f->owners[i]);
	}
	return ERR_OK;
}

static enum err run(struct fill *f, const struct opt_result *found)
{
	const struct opt_value *values = found->values;

	if (found->n_operands != 1)
		return ERR_USAGE;
	f->n_rows = strtoul(found->operands[0], NULL, 10);
	f->sample = values[FILL_SAMPLE].given
			? strtoul(values[FILL_SAMPLE].string, NULL, 10)
			: 100000;
	enum err err = start_open(&f->start, values, STORE_WRITES);
	if (!err)
		err = find_api(f, &values[FILL_API]);
	if (!err)
		err = find_owners(f, values);
	f->later = values[FILL_LATER].given;
	f->pending = f->later || values[FILL_PENDING].given;
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
	free(f.rows);
	free(f.owners);
	buf_release(&f.plain);
	buf_release(&f.sealed);
	return start_close(&f.start, err);
}
