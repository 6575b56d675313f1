#ifndef LOWTIDE_GENERATOR_API_MAKE_H
#define LOWTIDE_GENERATOR_API_MAKE_H

#include "generator/api-template.h"
#include "generator/build.h"

/*
 * What the files that compile the API table share: api.c (all of it),
 * api-upstream.c, api-secret.c ([secret]), api-one.c, api-exec.c, api-body.c
 * and api-rules.c (one API), api-auth.c and api-own.c (who calls), read*.c. A
 * making looks at one table at a time; keys are named from there,
 * "request.path", and have the defaults of the key table.
 */
struct making {
	struct build *b;
	struct arena *a;
	struct diag *diag;
	struct config *c;
	const char *base;	   /* "api.export", for the keys below it */
	const struct value *table; /* what stands there */
	struct api_secrets secrets;
	struct pos *secret_places;
	bool skipped; /* an API was left out that may name any of them */
};

struct str making_text(struct making *m, const char *key);
int64_t making_amount(struct making *m, const char *key);
bool making_flag(struct making *m, const char *key);
/* What stands there; NULL: the default applies. */
struct value *making_given(struct making *m, const char *key);
/* Of a key's value, or of the table it is missing in. */
struct pos making_place(struct making *m, const char *key);
/* Index of a word; the key table has checked that it is one. */
int making_choice(struct str word, const char *const *names);
struct str making_without_slash(struct str url);
struct str making_lower(struct making *m, struct str s);
/* `bad-header` unless a call may set it. */
void making_check_header(struct making *m, struct str name, struct pos pos);
/* A table of strings. */
struct pairs making_pairs(struct making *m, const char *key);
/*
 * The same, checked as headers. Their values are templates of an API whose
 * path is *pattern, or without one are sent as they are.
 */
#define API_HEADERS_MAX 32
struct pairs making_headers(
    struct making *m, const char *key, const struct str *pattern);
/* Did anything in there come from the environment? NULL: no. */
bool making_is_from_env(const struct value *v);
/* Strings of an array. */
struct strs making_strings(struct making *m, const char *key);
/* Headers that are passed on, in lower case; the last may end in `*`. */
struct strs making_forward(struct making *m, const char *key);
/* `upstream` is one; of an API's or a read's name no '_'; its own tag. */
void making_check_upstream(struct making *m);
void making_check_name(struct making *m, struct str name, const char *what);
struct str making_tag(struct arena *a, struct str name);
/* [upstream], first; keys of reads where there is none, last. */
void making_upstreams(struct making *m);
void making_upstreams_check(struct making *m);
/* [secret], before the APIs; what nobody names, after them. api-secret.c */
void making_secrets(struct making *m);
void making_secrets_check(struct making *m);
/* Whether an environment variable may be called so. */
bool making_is_variable(struct str s);
/* `exec` and what belongs to it. api-exec.c */
void making_exec(struct making *m, struct api *api);
/*
 * The path of its call, and the body; `own` is the API's path without the
 * prefix, which is where calls go by default. What comes back. api-body.c
 */
void making_call(struct making *m, struct api *api, struct str own);
void making_body(struct making *m, struct api *api, struct str own);
void making_result(struct making *m, struct api *api);
/*
 * What it bounds, names and keeps to itself, once its body is known:
 * api-rules.c
 */
void making_rules(struct making *m, struct api *api);
/* One [api.NAME], at m->table, into out. api-one.c */
void making_api(struct making *m, struct str name, struct api *out);
/*
 * All of [read], after the APIs; `places` gets a row for each read, and goes on
 * with one for each API that a read becomes. generator/read.c
 */
void making_reads(struct making *m, struct pos *reads, struct pos *apis);

#endif
