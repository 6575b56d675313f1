#ifndef LOWTIDE_TESTS_STORE_FIXTURE_H
#define LOWTIDE_TESTS_STORE_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "cgi/store/store.h"

/*
 * What the tests of the store share: a folder of their own, three APIs, jobs
 * with telling ids. Everything static, so that each program is whole.
 */
#define OK(call) assert_int_equal((call), ERR_OK)
#define NOW_MS 1700000000000
#define NOW_BOOT 50000
#define LEASE_MS 20000

static const struct str nothing = {0};

enum { API_FAIL, API_RETRY, API_WIDE, API_COUNT };

struct fixture {
	const struct store_ops *ops;
	struct api apis[API_COUNT];
	struct config config;
	struct arena arena;
	struct diag diag;
	char dir[64];
	struct store_spec spec;
	struct store *store;
};

static inline void fixture_init(struct fixture *f, const struct store_ops *ops)
{
	static const struct api apis[API_COUNT] = {
	    [API_FAIL] = {.name = {"vat-return-post", 15},
		.on_lost = ON_LOST_FAIL,
		.attempts = 3,
		.concurrency = 1,
		.ttl_ms = 1000},
	    [API_RETRY] = {.name = {"bundle-post", 11},
		.on_lost = ON_LOST_RETRY,
		.attempts = 3,
		.concurrency = 1,
		.ttl_ms = 1000},
	    /* a table may be called like a word of SQL */
	    [API_WIDE] = {.name = {"select", 6},
		.on_lost = ON_LOST_RETRY,
		.attempts = 100,
		.concurrency = 4,
		.ttl_ms = 1000},
	};

	*f = (struct fixture){.ops = ops};
	memcpy(f->apis, apis, sizeof(apis));
	f->config = (struct config){.apis = f->apis, .n_apis = API_COUNT};
	arena_init(&f->arena);
	diag_init(&f->diag, &f->arena);
	strcpy(f->dir, "/tmp/lowtide-store-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	f->spec = (struct store_spec){.dir = f->dir, .config = &f->config};
	memset(f->spec.check, 7, sizeof(f->spec.check));
}

static inline void fixture_open(struct fixture *f)
{
	enum err err = store_open(f->ops, &f->spec, &f->diag, &f->store);

	if (err)
		diag_print(&f->diag, stderr);
	assert_int_equal(err, ERR_OK);
}

static inline void fixture_end(struct fixture *f)
{
	static const char *const files[] = {"jobs.db", "jobs.db-wal",
	    "jobs.db-shm", "jobs.db-journal", "turn.lock", "write.lock",
	    "host.lock", "accepted.bell", "settled.bell", "gate.page",
	    "ballast", "log"};
	char path[128];

	store_close(f->store);
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", f->dir, files[i]);
		unlink(path);
	}
	rmdir(f->dir);
	arena_release(&f->arena);
}

/* A job whose id tells its API and number. */
static inline struct job fixture_job(size_t api, uint32_t number)
{
	struct job job = {.accepted_ms = NOW_MS + number,
	    .deadline_ms = NOW_MS + 60000,
	    .deadline_boot = NOW_BOOT + 60000};

	memset(job.id, 0xa0, sizeof(job.id));
	job.id[0] = 1;
	job.id[1] = job.id[2] = job.id[3] = (uint8_t)(api + 1);
	memcpy(job.id + JOB_KEY_OFFSET, &number, sizeof(number));
	memset(job.print, (int)(number % 255) + 1, sizeof(job.print));
	return job;
}

static inline struct job fixture_accept(
    struct fixture *f, size_t api, uint32_t number)
{
	struct job job = fixture_job(api, number);

	OK(store_accept(
	    f->store, api, &job, STR("sealed request"), STR("sealed meta")));
	return job;
}

static inline struct store_ask fixture_ask(uint8_t who)
{
	struct store_ask ask = {.now_ms = NOW_MS + 1000,
	    .now_boot = NOW_BOOT,
	    .lease_boot = NOW_BOOT + LEASE_MS};

	memset(ask.claim, who, sizeof(ask.claim));
	return ask;
}

/* An event spoken by whoever holds the job now. */
static inline struct job_event fixture_event(
    const struct job *job, enum job_event_kind kind)
{
	struct job_event event = {.kind = kind,
	    .now_ms = NOW_MS + 2000,
	    .now_boot = NOW_BOOT + 1000,
	    .attempt = job->attempt,
	    .lease_boot = NOW_BOOT + 1000 + LEASE_MS,
	    .progress = -1};

	memcpy(event.claim, job->claim, sizeof(event.claim));
	return event;
}

static inline uint64_t fixture_random(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed;
}

#endif
