#ifndef LOWTIDE_GENERATOR_OPENAPI_H
#define LOWTIDE_GENERATOR_OPENAPI_H

#include "generator/build.h"

/*
 * openapi.json: an OpenAPI 3.1 document of what the endpoint, and reads, answer
 * now. These files make one value tree:
 *
 *   openapi.c            the document: info, servers, paths, and what every
 *                        one has in common (templates/openapi/)
 *   openapi-operation.c  one API: its words, and with what it answers
 *   openapi-request.c    one API: what it takes
 *   openapi-result.c     one API: what is its own about its answers
 *   openapi-refusals.c   every answer that is a problem, and its schema
 *   openapi-security.c   who may ask
 *   openapi-read*.c      one read: its words, what it takes, what it answers
 *
 * What is described has to be what happens: tests/web/openapi.t holds every
 * answer it can provoke against the document. So a status or a header that is
 * new in cgi/ is new here as well.
 *
 * The tree is written as it was built, so equal sites give equal bytes.
 */
struct openapi {
	struct build *b;
	struct arena *a;
	struct value *root;
};

/* Small trees. A key must be a literal or live in the arena. */
struct value *openapi_table(struct openapi *o);
struct value *openapi_array(struct openapi *o);
struct value *openapi_put(struct openapi *o, struct value *table,
    const char *key, struct value *value); /* returns value */
void openapi_put_text(
    struct openapi *o, struct value *table, const char *key, struct str text);
void openapi_put_int(
    struct openapi *o, struct value *table, const char *key, int64_t number);
void openapi_put_bool(
    struct openapi *o, struct value *table, const char *key, bool yes);
/* {"$ref": "#/components/KIND/NAME"} */
struct value *openapi_ref(
    struct openapi *o, const char *kind, const char *name);
/* The table behind a key, made where there is none. */
struct value *openapi_child(
    struct openapi *o, struct value *table, const char *key);

/* One API below `paths`. openapi-operation.c */
void openapi_operation(
    struct openapi *o, struct value *paths, const struct api *api);
/*
 * Paths that differ in the names of their places alone are one path here
 * (OpenAPI 3.1, 4.8.8.2): the first one's names stay.
 */
struct str openapi_path(const struct value *paths, struct str path);
/* 90000 → "90 seconds", 3600000 → "1 hour" */
struct str openapi_duration(struct arena *a, int64_t ms);
/*
 * `summary`, `description` and `tags` of the site's table at `base`; `more` is
 * said below the description.
 */
void openapi_describe(struct openapi *o, const char *base, struct str more,
    struct value *operation);

/* One read below `paths`. openapi-read.c */
void openapi_read(
    struct openapi *o, struct value *paths, const struct read *read);
/* Its parameters. openapi-read-request.c */
void openapi_read_request(struct openapi *o, const struct read *read,
    struct str path, struct value *operation);
/* Its responses. openapi-read-answer.c */
void openapi_read_answers(
    struct openapi *o, const struct read *read, struct value *operation);
/* The JSON of a 200, from `shape` where there is one. openapi-read-shape.c */
struct value *openapi_read_schema(struct openapi *o, const struct read *read);

/*
 * Its parameters and its body, into the operation; `path` has the names that
 * the path's places have in the document. openapi-request.c
 */
void openapi_request(struct openapi *o, const struct api *api, struct str path,
    struct value *operation);

/* components.securitySchemes. openapi-security.c */
void openapi_security(struct openapi *o, struct value *components);
/* Whether anybody who calls is more than an address. */
bool openapi_has_owners(const struct config *c);
/* What one API or read wants, into its operation; what all of `paths` want. */
void openapi_secure(struct openapi *o, struct str auth,
    const struct strs *scopes, struct value *operation);
void openapi_secure_jobs(struct openapi *o, const struct value *paths);

/*
 * After everything that makes responses: `responses` is all of components'.
 * openapi-result.c
 */
void openapi_results(struct openapi *o, const struct value *responses);

/* Whether something below v refers to that. openapi-refusals.c */
bool openapi_names(const struct value *v, struct str ref);
/*
 * components.responses for what is refused, as far as something refers to it.
 * openapi-refusals.c
 */
void openapi_refusals(struct openapi *o, struct value *responses);
/*
 * components.schemas.ProblemX for each row of lib/problem.def that something
 * in the document refers to; after everything else.
 */
void openapi_problems(struct openapi *o, struct value *schemas);

#endif
