#ifndef LOWTIDE_GENERATOR_SERVER_DATA_H
#define LOWTIDE_GENERATOR_SERVER_DATA_H

#include "generator/lookup.h"
#include "generator/server.h"

/*
 * Between server-data.c and the server-*.c named below alone: the table
 * that is being made for templates, and how things are put into it.
 */
struct server_ctx {
	struct build *b;
	struct arena *a;
	struct value *root;
	const struct server_spelling *spelling;
	struct lookup lowered; /* lower case of paths that are not */
};

/* Members of a table, by the kind of their value; texts are not copied. */
void data_set(const struct server_ctx *d, struct value *table, const char *key,
    struct value *v);
void data_text(const struct server_ctx *d, struct value *table, const char *key,
    struct str text);
void data_flag(
    const struct server_ctx *d, struct value *table, const char *key, bool is);
void data_int(const struct server_ctx *d, struct value *table, const char *key,
    int64_t n);
/* A new array below root; a new table at the end of an array. */
struct value *data_array(const struct server_ctx *d, const char *key);
struct value *data_row(const struct server_ctx *d, struct value *array);
/* What a function of server-text.c makes of a text. */
struct str data_made(const struct server_ctx *d,
    void (*put)(struct buf *out, struct str text), struct str text);

/* What lighttpd has behind the path of a compressed sibling. */
#define SERVER_CODED_ENDINGS "(?:\\.(?:br|zst|gz))?"

/* What answers below the prefix, but the job of a read: an API, or a read. */
struct server_route {
	struct str path;
	struct str method; /* an expression */
	bool is_read, is_checked;
};
/* server-reads.c. In the router's order. */
struct server_route *server_routes(const struct server_ctx *d, size_t *n);
/* "/a/{id}" as it stands in a request, up to its query. */
struct str server_route_regex(const struct server_ctx *d, struct str path);
/* False: nothing is below the prefix. */
bool server_set_reads(const struct server_ctx *d);

void server_set_owner(const struct server_ctx *d);    /* server-owner.c */
void server_set_policies(const struct server_ctx *d); /* server-policy.c */
void server_set_worker(const struct server_ctx *d);   /* server-worker.c */
void server_set_read_unit(const struct server_ctx *d);
/* server-paths.c: each sets the arrays of its name. */
void server_find_lowered(struct server_ctx *d);
void server_set_rules(const struct server_ctx *d);
void server_set_shared(const struct server_ctx *d);
void server_set_callbacks(const struct server_ctx *d);
void server_set_codings(const struct server_ctx *d);
void server_set_types(const struct server_ctx *d);
void server_set_redirects(
    const struct server_ctx *d, const struct redirects *all);

#endif
