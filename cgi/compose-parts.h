#ifndef LOWTIDE_CGI_COMPOSE_PARTS_H
#define LOWTIDE_CGI_COMPOSE_PARTS_H

#include "cgi/compose.h"
#include "cgi/template.h"

/*
 * What compose.c (HTTP calls), compose-exec.c (programs), compose-read.c
 * (reads), compose-get.c (a read's calls) and compose-poll.c (asking again)
 * share. Nobody else includes this.
 */
#define COMPOSE_HEADERS_MAX 256

/*
 * Replaces one of that name, else appends, where there is room for that many;
 * nothing, if it is no header.
 */
void compose_set_header(
    struct pairs *headers, struct str name, struct str value);
/* Not the connection's own, and none that is written for us. */
bool compose_passes_on(struct str name);
/*
 * What is wrong with a place: with a secret, for whoever runs this
 * (ERR_MISSING); else for the client, who gets to know its name alone.
 */
enum err compose_refuse(struct arena *a, struct secrets *secrets, enum err err,
    struct str where, struct str place, struct str *why);

/* What the templates are filled from. */
void compose_source(
    struct arena *a, const struct compose *c, struct template_source *out);
/* Times, sizes and addresses that are allowed; nothing of the request. */
struct upstream_call compose_rules(struct arena *a, const struct compose *c);
/* All but Content-Type. Errors of this and the next as compose_call()'s. */
enum err compose_headers(struct arena *a, const struct compose *c,
    const struct template_source *source, struct pairs *out, struct str *why)
    __attribute__((warn_unused_result));
enum err compose_body(struct arena *a, const struct compose *c,
    const struct template_source *source, struct upstream_call *out,
    struct str *why) __attribute__((warn_unused_result));
/* The request's traceparent, or the empty view. */
struct str compose_trace(const struct compose *c);
/* compose_call() of an API with `exec`. */
enum err compose_exec(struct arena *a, const struct compose *c,
    const struct template_source *source, struct upstream_call *out,
    struct str *why) __attribute__((warn_unused_result));
/* compose_call() of an API that is a read. */
enum err compose_read(struct arena *a, const struct compose *c,
    struct upstream_call *out, struct str *why)
    __attribute__((warn_unused_result));

#endif
