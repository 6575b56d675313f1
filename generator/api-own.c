#include "generator/api-auth.h"

/* Does {header.authorization} stand in it? Names are no case's. */
static bool names_own(struct str text)
{
	static const char place[] = "{header.authorization";
	size_t n = sizeof(place) - 1;

	for (size_t i = 0; i + n < text.n; i++)
		if (str_ieq(str_slice(text, i, i + n), str_of(place)) &&
		    (text.p[i + n] == '}' || text.p[i + n] == '?'))
			return true;
	return false;
}

/* An auth that was refused is not known to be "none": nothing is said. */
static bool is_own(struct str auth)
{
	return auth.n && !str_is(auth, "none");
}

static void refuse_own(struct making *m, struct str auth, struct pos pos)
{
	diag_error(m->diag, pos, "forwards-own-token",
	    "the Authorization of a request is for this API (auth = \"%.*s\"), "
	    "and never passed on; have the client send the upstream's token in "
	    "a header of its own",
	    STR_ARG(auth));
}

/* A pattern of `forward`, in lower case; it may end in `*`. */
static bool fits_own(struct str pattern)
{
	struct str own = STR("authorization");

	if (!str_ends(pattern, "*"))
		return str_eq(pattern, own);
	return str_eq(str_slice(pattern, 0, pattern.n - 1),
	    str_slice(own, 0, pattern.n - 1));
}

void api_own_text(
    struct making *m, struct str auth, struct str text, struct pos pos)
{
	if (is_own(auth) && names_own(text))
		refuse_own(m, auth, pos);
}

void api_own_texts(struct making *m, struct str auth, const char *key)
{
	const struct value *v = making_given(m, key);

	for (size_t i = 0; v && i < v->as.table.n; i++)
		api_own_text(m, auth, v->as.table.members[i].value->text,
		    v->as.table.members[i].value->pos);
}

void api_own_forward(
    struct making *m, struct str auth, const char *key, struct strs names)
{
	const struct value *v = making_given(m, key);

	for (size_t i = 0; is_own(auth) && i < names.n; i++)
		if (fits_own(names.items[i]))
			refuse_own(m, auth, v->as.array.items[i]->pos);
}
