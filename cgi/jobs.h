#ifndef LOWTIDE_CGI_JOBS_H
#define LOWTIDE_CGI_JOBS_H

#include "cgi/report.h"
#include "cgi/start.h"

/*
 * lowtide-jobs, the operator's tool. A command is a row of jobs.def: a name,
 * its options, and a function in one of jobs-*.c. What only reads opens the
 * store with STORE_SHOWS and changes not even a lock file; what changes
 * something opens one that is there (jobs_open()), never makes one.
 *
 * Data goes into .out, which main() writes to stdout in the end; what is said
 * to a person goes to stderr: findings, and a line for each change.
 */
struct jobs {
	struct start start;
	struct opt_result found;
	struct buf out;
	bool unheard; /* some of it could not be written */
};

#define COMMAND(symbol, name, operand, fewest, most, help)                     \
	extern const struct opt jobs_##symbol##_options[];                     \
	enum err jobs_##symbol(struct jobs *run)                               \
	    __attribute__((warn_unused_result));
#include "cgi/jobs.def"
#undef COMMAND

/* ---- the store (jobs-kit.c) --------------------------------------------- */

/* A store, or a copy of one, to look into. */
enum err jobs_look(struct jobs *run) __attribute__((warn_unused_result));
/* A store that is there, to be written to: a wrong folder is told. */
enum err jobs_open(struct jobs *run) __attribute__((warn_unused_result));
/* store_view(), tried again while the log is being started over. */
enum err jobs_view(struct jobs *run) __attribute__((warn_unused_result));
/* The body as it was before it was sealed; ERR_NOT_FOUND when there is none. */
enum err jobs_body(struct jobs *run, const struct job *job, enum body_kind kind,
    struct arena *a, struct str *plain) __attribute__((warn_unused_result));
/* ERR_NOT_FOUND with a finding that names the nearest one. */
enum err jobs_api(struct jobs *run, const char *name, size_t *api)
    __attribute__((warn_unused_result));
/*
 * Which job a text means: its whole id, of an API of the configuration.
 * ERR_NOT_FOUND with a finding. Whether there is a row, the store knows.
 */
enum err jobs_id(struct jobs *run, const char *text, uint8_t id[JOB_ID_BYTES],
    size_t *api) __attribute__((warn_unused_result));
/* That row; ERR_NOT_FOUND, without jobs_no_job()'s finding. Inside. */
enum err jobs_get(struct jobs *run, size_t api, const uint8_t id[JOB_ID_BYTES],
    struct job *out) __attribute__((warn_unused_result));
/*
 * Every row of an API, tombstones too, along the versions and in short views,
 * so that nobody waits for it: a row that changes meanwhile is met again
 * further on. each() is called in a view; an error ends the walk, with a
 * finding. Outside of views.
 */
enum err jobs_walk(struct jobs *run, size_t api,
    enum err (*each)(void *ctx, size_t api, const uint8_t key[JOB_KEY_BYTES]),
    void *ctx) __attribute__((warn_unused_result));
void jobs_no_job(struct jobs *run, const char *text);
/* A finding for an error of the store's, unless it was the output's, which is
   told at the end; gives it back. */
enum err jobs_trouble(struct jobs *run, enum err err);
/* A line on stderr: when, and what was done to what. */
void jobs_say(const struct jobs *run, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* What is in .out goes to stdout now; ERR_IO and .unheard where it does not. */
enum err jobs_flush(struct jobs *run) __attribute__((warn_unused_result));
/* The operands, or, where one is "-", the lines of stdin in its place. */
struct jobs_words {
	const char **items;
	size_t n;
};
enum err jobs_words(struct jobs *run, struct jobs_words *out)
    __attribute__((warn_unused_result));
/* A whole file, "-" is stdin; told what is wrong with it. */
enum err jobs_read(struct jobs *run, const char *path, size_t max,
    struct str *out) __attribute__((warn_unused_result));
/*
 * Whether the operator means it: --yes, or his word on the terminal. Where
 * there is none, ERR_USAGE with a finding; ERR_CONFLICT: he does not.
 */
enum err jobs_confirm(struct jobs *run, bool yes, const char *format, ...)
    __attribute__((format(printf, 3, 4), warn_unused_result));

/* ---- which jobs (jobs-filter.c) ------------------------------------------ */

enum {
	FILTER_API = START_COUNT,
	FILTER_STATUS,
	FILTER_OWNER,
	FILTER_SINCE,
	FILTER_UNTIL,
	FILTER_REQUEST,
	FILTER_COUNT
};
#define FILTER_OPTIONS                                                         \
	{.name = "api",                                                        \
	    .letter = 'a',                                                     \
	    .kind = OPT_STRING,                                                \
	    .arg = "NAME",                                                     \
	    .help = "only jobs of this API"},                                  \
	    {.name = "status",                                                 \
		.kind = OPT_STRING,                                            \
		.arg = "STATUS",                                               \
		.choices = FILTER_STATUSES,                                    \
		.help = "a state, held or needs-credentials"},                 \
	    {.name = "owner",                                                  \
		.kind = OPT_STRING,                                            \
		.arg = "HASH",                                                 \
		.help = "only this owner's, as the log names him"},            \
	    {.name = "since",                                                  \
		.kind = OPT_STRING,                                            \
		.arg = "TIME",                                                 \
		.help = "accepted then or later; 10m: so long ago"},           \
	    {.name = "until",                                                  \
		.kind = OPT_STRING,                                            \
		.arg = "TIME",                                                 \
		.help = "accepted before that"},                               \
	{                                                                      \
		.name = "request-id", .kind = OPT_STRING, .arg = "TEXT",       \
		.help = "only what its client calls so"                        \
	}
#define FILTER_STATUSES                                                        \
	"pending|needs-credentials|processing|held|completed|failed|cancelled"

struct filter {
	bool has_api, has_state, has_owner;
	size_t api;
	enum job_state state;
	bool held, needs; /* nothing else of that state */
	uint8_t owner[JOB_OWNER_BYTES];
	int64_t since_ms, until_ms; /* 0 = any */
	struct str request_id;	    /* empty = any */
};
/* After start_open(). Findings: `bad-value`, `no-such-api`. */
enum err filter_read(struct jobs *run, struct filter *out)
    __attribute__((warn_unused_result));
/* 32 hexadecimal digits. Finding: `bad-value`. */
enum err filter_owner(struct jobs *run, const char *text,
    uint8_t out[JOB_OWNER_BYTES]) __attribute__((warn_unused_result));
/* 2026-11-21, 2026-11-21T08:30, …:30:05Z, or an age: 10m before now_ms. */
enum err filter_time(struct str text, int64_t now_ms, int64_t *ms)
    __attribute__((warn_unused_result));
/* Whether it is one of them. Inside. */
enum err filter_takes(struct jobs *run, const struct filter *f, size_t api,
    const struct job *job, bool *takes) __attribute__((warn_unused_result));
/*
 * All of them, an API after the other, newest first within one; each() returns
 * false to go on with the next API. At most `limit` of each, 0 = all. Inside.
 */
enum err filter_each(struct jobs *run, const struct filter *f, size_t limit,
    bool (*each)(void *ctx, size_t api, const struct job *job), void *ctx)
    __attribute__((warn_unused_result));
/*
 * The same where the order does not matter and there may be many: in short
 * views of its own, with a finding for an error.
 */
enum err filter_walk(struct jobs *run, const struct filter *f,
    bool (*each)(void *ctx, size_t api, const struct job *job), void *ctx)
    __attribute__((warn_unused_result));

#endif
