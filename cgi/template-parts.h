#ifndef LOWTIDE_CGI_TEMPLATE_PARTS_H
#define LOWTIDE_CGI_TEMPLATE_PARTS_H

#include "cgi/template.h"

/*
 * What template.c (text, and how a value stands in it) and template-find.c
 * (places, and what they mean) share. Nobody else includes this.
 */

/* A value: of a tree, or plain text. */
struct found {
	const struct value *value; /* NULL = text */
	struct str text;
	bool secret;
};

struct finding;
struct place_root {
	const char *name;
	enum err (*find)(
	    const struct finding *f, const char *name, struct found *out);
};

struct place {
	struct str name; /* as it stands there: "body.a.b?" */
	bool optional;
	const struct place_root *root;
};

/* Whether a place starts at text.p[at], a '{'. */
bool place_at(struct str text, size_t at, struct place *out);
/* Its name without the root and what marks it as optional. */
struct str place_name(const struct place *place);
/*
 * ERR_NOT_FOUND: it is not there, and where it is optional it may be null as
 * well. ERR_INPUT: it is, and cannot be read. ERR_MISSING, ERR_IO: a secret.
 */
enum err place_find(struct arena *a, const struct template_source *source,
    const struct place *place, struct found *out)
    __attribute__((warn_unused_result));

#endif
