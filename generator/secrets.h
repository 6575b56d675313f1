#ifndef LOWTIDE_GENERATOR_SECRETS_H
#define LOWTIDE_GENERATOR_SECRETS_H

#include "generator/scan.h"
#include "generator/site.h"

/*
 * What a secret looks like. Nothing that a browser is given may hold one; the
 * finding that says so names the place and never the value.
 */

/* A key that is named after one: client_secret, privateKey, API_TOKEN … */
bool secret_named(struct str key);
/* A path by dots: one of those, or a header that says who calls. */
bool secret_at(struct str path);
/* A text that holds what only secrets begin with: sk_live_, PEM … */
bool secret_shaped(struct str text);

/*
 * [public] is published: a key in it that is named after a secret, or a value
 * that is shaped like one, is `secret-present`. Whoever wrote it there (a
 * file, --set, the environment).
 */
void secrets_check_public(
    struct arena *a, const struct value *open, struct diag *diag);

/*
 * The values of all that is secret in the tree, as far as this machine has
 * them: of references (`{ env = "X" }`, `{ file = "X" }` below the site
 * folder `dir`) and of keys that are named after a secret; their paths by
 * dots. The name of a provider or an API is people's own: all of [oauth.token]
 * is no token; nor is a member of a body whose type is told
 * (body.required.token = "string"). What is not set or not there is left out
 * without a finding: a build needs none of them. [public] is not looked at, and
 * [sign] is not read here: its key is found by its shape.
 *
 * Credentials in the headers that upstreams are sent (Authorization, Cookie,
 * X-API-Key …) belong into the endpoint's configuration and nowhere else, so
 * they are searched for in what is uploaded alone.
 */
enum secrets_where { SECRETS_WWW, SECRETS_SERVER };
#define SECRET_FILE_MAX ((size_t)64 * 1024)
size_t secrets_values(struct arena *a, const struct value *root,
    const char *dir, const struct outside *outside, enum secrets_where where,
    const struct scan_value **out);
/* The search for them and for all shapes, for this site. */
struct scan *secrets_scan(
    struct arena *a, const struct site *site, enum secrets_where where);

/*
 * The tree as it may be shown: a copy in which every secret's value is
 * "(not shown)". References stay as they are written.
 */
struct value *secrets_masked(struct arena *a, const struct value *root);

#endif
