#ifndef LOWTIDE_LIB_CONFIG_H
#define LOWTIDE_LIB_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/arena.h"
#include "lib/buf.h"
#include "lib/diag.h"
#include "lib/err.h"

/*
 * dist/server/lowtide.json: the compiled API table. TOML never reaches a
 * network process; this does. Everything is checked by the generator, but a
 * reader trusts nothing beyond CONFIG_MAX bytes and the types of the rows in
 * lib/config.def.
 *
 * The format carries a number. A reader that does not know it refuses the
 * file with a sentence; so a renamed or re-interpreted field bumps it.
 */
#define CONFIG_FORMAT 1
#define CONFIG_MAX ((size_t)4 * 1024 * 1024)
#define CONFIG_APIS_MAX 4096
#define CONFIG_TAG_HEX 6 /* characters of api.tag: three bytes in hex */

/* In the order of "nearest" (contract 3): clamping walks this order. */
enum pattern {
	PATTERN_FIRE_AND_FORGET,
	PATTERN_ASYNC_POLLING,
	PATTERN_SYNCHRONOUS,
	PATTERN_COUNT
};
/* What becomes of a job whose worker died after the call may have left. */
enum on_lost {
	ON_LOST_RETRY, /* do it again */
	ON_LOST_FAIL,  /* failed, outcome-unknown */
	ON_LOST_HOLD,  /* wait for an operator */
	ON_LOST_COUNT
};
extern const char *const config_patterns[PATTERN_COUNT + 1]; /* NULL ends */
extern const char *const config_on_lost[ON_LOST_COUNT + 1];

struct strs {
	struct str *items;
	size_t n;
};
struct pair {
	struct str name, value;
};
struct pairs {
	struct pair *items;
	size_t n;
};

/*
 * Somebody whose tokens are taken for an owner (contract 1): what a bearer
 * token must say, and where its keys are. The keys themselves are a file,
 * STATE/jwks/NAME.json, a JWK set (RFC 7517 5) that is replaced by rename.
 */
struct provider {
	struct str name; /* of site.toml: "hmrc", "hmrc:sandbox" */
	/*
	 * "cognito": its access tokens have no aud, so client_id and
	 * token_use = "access" are checked. Else aud has one of .audiences.
	 */
	struct str kind;
	struct str issuer; /* iss, compared byte by byte */
	struct strs audiences;
	struct strs client_ids;
	struct strs algorithms; /* of "RS256" and "ES256" */
	struct str jwks_uri;	/* whoever fetches them knows where */
	int64_t refresh_ms; /* the worker fetches them so often; 0 = never */
	bool local;	    /* jwks_uri may be a loopback address */
	int64_t leeway_ms;  /* of exp and nbf */
};

/*
 * A value that only the worker knows, {secret.NAME} in templates of a request:
 * where it is on the server, never what it is. One of env and file is given.
 */
struct secret {
	struct str name;
	struct str env;	 /* an environment variable of the worker's */
	struct str file; /* a file; its last line break is not part of it */
};

struct upstream {
	struct str name;
	struct str base; /* absolute URL without a trailing slash */
	bool local;	 /* loopback and private addresses are allowed */
	int64_t timeout_ms, connect_timeout_ms, stall_timeout_ms;
	int64_t response_max; /* bytes */
	/*
	 * Calls of all workers together: rate_count in rate_per_ms, evenly,
	 * but after a rest `burst` of them at once. 0 = no limit.
	 */
	int64_t rate_count, rate_per_ms, burst;
	struct str ca; /* a PEM file instead of the system's; empty = those */
	struct pairs headers; /* sent with every call */
	/*
	 * Of reads alone, in each process: calls at once, and those that wait
	 * for that; how often a call is made again, and after which percentile
	 * of their times a second one is made beside it (0 = never).
	 */
	int64_t concurrency, queue_max, retries, hedge;
	/*
	 * Circuit breaker: of the calls of the last window_ms, if there are
	 * that many, so many percent failed, or took slow_ms: then none for
	 * open_ms, and then so many to try. window_ms 0 = none.
	 */
	int64_t breaker_window_ms, breaker_calls, breaker_failures;
	int64_t breaker_slow_ms, breaker_slow, breaker_open_ms, breaker_probes;
};

/*
 * Identifiers that a read is asked about, {NAME} in its calls (contract 9).
 * They come from the request ("path.crns", "query.crn": a list by commas) or
 * from a bulk result ("call.summaries.cases.premisesId": each such member of
 * each element of an array on the way, if it is text or a number).
 */
struct read_ids {
	struct str read; /* whose they are, by name */
	struct str name;
	struct str from;
	int64_t max; /* more are refused, or of a result left out and told */
};

/* One of a read's calls: GET. Templates as of an API's request (contract 7). */
struct read_call {
	struct str read; /* whose it is, by name */
	struct str name; /* of the part of `data` that it makes */
	struct str upstream;
	struct str path; /* template; {id.crn}, {call.NAME.member} as well */
	struct pairs headers;
	struct strs forward;
	struct str each; /* made for each of these identifiers; empty: once */
	/*
	 * Its result is about identifiers: `records` is the member (by dots;
	 * empty: all of it) that is a list of them, `by` the member of each
	 * that says whom it is about. {call.NAME.x} in a call of `each` is then
	 * a member of that identifier's record.
	 */
	struct str records, by;
	bool required;
	bool owned;	    /* what was answered is for that owner alone */
	int64_t timeout_ms; /* 0 = the upstream's */
	/* from the answer: fresh, then used while it is fetched again, then
	   used where that fails; jitter takes up to a tenth off ttl_ms */
	int64_t ttl_ms, stale_ms, stale_if_error_ms;
	int64_t empty_ttl_ms; /* of what is empty_on */
	struct strs empty_on; /* statuses, "404": null, and no failure */
	struct strs pass_on;  /* statuses that become the read's own */
};

/* A read without a table: contract 9. */
struct read {
	struct str name; /* [a-z0-9-]{1,64} */
	struct str
	    path; /* with the prefix: /api/v1/case/{crns}; GET and HEAD */
	struct str auth;
	struct strs scopes;
	int64_t deadline_ms;
	int64_t concurrency; /* calls at once, for one request */
	/* JSON with places (cgi/read/shape.h); empty: data, upstreamFailures */
	struct str shape;
	struct str api;	      /* takes it as a job (api.read); empty = none */
	bool promote;	      /* at the deadline it becomes one */
	struct read_ids *ids; /* its own, of config.read_ids */
	size_t n_ids;
	struct read_call *calls; /* its own, of config.read_calls; >= 1 */
	size_t n_calls;
};
#define CONFIG_READ_CALLS_MAX 32 /* of one read */
#define CONFIG_READ_IDS_MAX 8	 /* of one read */

struct api {
	struct str name;    /* [a-z0-9-]{1,64}; names the request table */
	struct str tag;	    /* CONFIG_TAG_HEX characters, unique */
	struct str method;  /* upper case */
	struct str path;    /* with the prefix: /api/v1/bundle/{id} */
	struct str auth;    /* "none", "web-server" or a provider's name */
	struct strs scopes; /* all of them must be in the token: else 403 */
	enum pattern pattern;
	unsigned allow; /* bit (1u << enum pattern) */
	int64_t wait_ms, wait_max_ms;
	enum on_lost on_lost;
	bool idempotent;
	bool strict_poll;
	int64_t deadline_ms, ttl_ms, estimate_ms;
	int64_t concurrency;  /* running at once over all workers */
	int64_t attempts;     /* crashes and retries included */
	int64_t body_max;     /* bytes */
	struct str body_type; /* media type; empty = a body is not expected */
	struct pairs body_required; /* JSON member, "string" | "number" … */
	int64_t result_max;
	/*
	 * What a success is made of: "application/json" is checked. Of a
	 * program it is what it prints; of an upstream empty = anything.
	 */
	struct str result_type;
	struct strs result_headers; /* of the answer, kept; lower case */
	/*
	 * Who does it: an upstream, by name, or a program: exec[0] is a file of
	 * the folder `handlers` beside lowtide.json, the rest its arguments.
	 */
	struct str upstream;
	struct strs exec;
	struct strs exec_env;	/* variables of the worker's that it gets */
	int64_t exec_memory;	/* bytes of address space; 0 = no bound */
	int64_t exec_cpu_ms;	/* processor time; 0 = no bound */
	int64_t exec_disk;	/* bytes of one file it writes; 0 = no bound */
	int64_t exec_processes; /* at once; 0 = no bound */
	int64_t exec_stop_ms;	/* from SIGTERM to SIGKILL */
	struct str request_method, request_path; /* templates, contract 7 */
	struct str request_body;   /* template; empty = the body as it came */
	struct pairs request_form; /* name = template: a form is sent instead */
	struct pairs request_headers;
	struct strs forward; /* header names, may end in '*', lower case */
	struct str location; /* "/bundles/{result.id}", or empty */
	/* of one owner (anonymous: one address); 0 = no bound */
	int64_t owner_rate_count, owner_rate_per_ms;
	int64_t owner_open;	/* jobs that have not ended */
	int64_t queue_max;	/* pending jobs of all owners; 0 = no bound */
	struct str resource_id; /* "body.id": a member of the JSON body */
	/* JSON members that are credentials: no part of the fingerprint */
	struct strs body_secret;
	bool once; /* the result is delivered once */
	/*
	 * The API's own names of what happens, for ?view=command: "accepted",
	 * "started", "progress", "completed", "failed", "cancelled" → name.
	 */
	struct pairs events;
	bool noop; /* done at once, its body the result: only with --dev */
	struct str read; /* instead of an upstream: the read that it is */
};

struct config {
	struct str name;     /* of the site: socket, folders, units */
	struct str base_url; /* where the pages are */
	struct str api_url;  /* where the APIs are, if elsewhere; else empty */
	struct str prefix;   /* "/api"; the jobs API is prefix + "/jobs" */
	struct strs origins; /* CORS */
	bool credentials;    /* their pages may send cookies and passwords */
	/* WWW-Authenticate of a 401 where auth is "web-server"; may be empty */
	struct str web_challenge;
	struct provider *providers; /* those that an API names */
	size_t n_providers;
	struct secret *secrets;
	size_t n_secrets;
	struct upstream *upstreams;
	size_t n_upstreams;
	struct api *apis;
	size_t n_apis;
	struct read *reads;
	size_t n_reads;
	struct read_ids *read_ids; /* all of them, a read's own together */
	size_t n_read_ids;
	struct read_call *read_calls; /* likewise */
	size_t n_read_calls;
};

/* Indented JSON with a final line break; equal configs give equal bytes. */
void config_write(const struct config *config, struct buf *out);
/*
 * ERR_NOT_FOUND when there is no such file, ERR_INPUT for what the rows do not
 * allow (another format number, unknown member, wrong type, an api that names
 * no upstream); every time with a finding that says what to do. Everything
 * lives in the arena.
 */
enum err config_read(struct arena *a, const char *path, struct diag *diag,
    struct config **out) __attribute__((warn_unused_result));
/* As config_read, from bytes; `file` is named in findings. */
enum err config_parse(struct arena *a, struct str json, const char *file,
    struct diag *diag, struct config **out) __attribute__((warn_unused_result));

/* NULL when there is none. */
const struct upstream *config_upstream(const struct config *c, struct str name);
const struct secret *config_secret(const struct config *c, struct str name);
const struct provider *config_provider(const struct config *c, struct str name);
const struct api *config_api(const struct config *c, struct str name);
const struct read *config_read_named(const struct config *c, struct str name);

#endif
