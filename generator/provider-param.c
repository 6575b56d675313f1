#include "generator/provider-work.h"

#include "generator/keys.h"

/* Names that are set elsewhere, or make another kind of request. */
static const struct {
	const char *name, *finding, *why;
} reserved[] = {
    {"response_type", "param-reserved", "is \"code\" always"},
    {"client_id", "param-reserved", "is a key of its own"},
    {"redirect_uri", "param-reserved", "is a key of its own"},
    {"scope", "param-reserved", "comes from scopes"},
    {"state", "param-reserved", "is made anew for each sign-in"},
    {"nonce", "param-reserved", "is made anew for each sign-in"},
    {"code_challenge", "param-reserved", "is made anew for each sign-in"},
    {"code_challenge_method", "param-reserved", "comes from pkce"},
    {"request_uri", "par-required", "names a request pushed beforehand"},
    {"request", "jar-required", "is a request signed beforehand"},
};
#define N_RESERVED (sizeof(reserved) / sizeof(*reserved))

static const char *const said_in[] = {
    [PARAM_ENDPOINT] = "the endpoint's own query",
    [PARAM_KEY] = "a key of its own",
    [PARAM_CONSTANT] = "params",
    [PARAM_PAGE] = "allow_params",
};

static bool check_reserved(
    struct provider_work *w, const struct provider_param *p)
{
	for (size_t i = 0; i < N_RESERVED; i++) {
		if (!str_is(p->name, reserved[i].name))
			continue;
		bool own = p->from == PARAM_ENDPOINT;
		provider_refuse(w, p->pos,
		    own ? "endpoint-param-clash" : reserved[i].finding,
		    "%s has %s, which %s; leave it out", said_in[p->from],
		    reserved[i].name, reserved[i].why);
		return false;
	}
	return true;
}

/* What pages may add is a list by spaces in the module. */
static bool check_name(struct provider_work *w, const struct provider_param *p)
{
	bool spaced =
	    p->from == PARAM_PAGE && str_find(p->name, ' ', 0) < p->name.n;

	if (p->from == PARAM_PAGE && str_is(p->name, "client_secret")) {
		provider_refuse(w, p->pos, "secret-present",
		    "client_secret is never in a URL; take it out");
		return false;
	}
	if (p->from == PARAM_ENDPOINT || (p->name.n && !spaced))
		return true;
	provider_refuse(w, p->pos, "param-name",
	    "\"%.*s\" in %s is no parameter's name; write one, without spaces",
	    STR_ARG(p->name), said_in[p->from]);
	return false;
}

/* RFC 6749 3.1: none is repeated; RFC 8707 2: but resource. */
static void check_dup(
    struct provider_work *w, const struct provider_params *all, size_t i)
{
	const struct provider_param *p = &all->list[i];

	for (size_t k = 0; k < i; k++) {
		const struct provider_param *q = &all->list[k];
		if (!str_eq(p->name, q->name) ||
		    (str_is(p->name, "resource") && q->from != PARAM_PAGE))
			continue;
		bool clash =
		    q->from == PARAM_ENDPOINT && p->from != PARAM_ENDPOINT;
		provider_refuse(w, clash ? q->pos : p->pos,
		    clash ? "endpoint-param-clash" : "param-dup",
		    p->from == q->from
			? "%.*s is in %s twice; leave out one"
			: "%.*s is said by %s and by %s; leave out one, a URL "
			  "has it once",
		    STR_ARG(p->name), said_in[q->from], said_in[p->from]);
		return;
	}
}

/* scheme ":" and more, of the characters of a URI: RFC 3986 4.3. */
static bool is_absolute(struct str s)
{
	size_t colon = str_find(s, ':', 0);

	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];
		bool alpha = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
		if (c <= ' ' || c > '~' || strchr("\"<>\\^`{|}", c))
			return false;
		if (i < colon && !alpha &&
		    (i == 0 || !strchr("0123456789+-.", c)))
			return false;
	}
	return colon > 0 && colon + 1 < s.n;
}

/* RFC 8707 2 */
static void check_resource(
    struct provider_work *w, const struct provider_param *p)
{
	size_t hash = str_find(p->value, '#', 0);

	if (!is_absolute(p->value))
		provider_refuse(w, p->pos, "resource-relative",
		    "resource \"%.*s\" is no absolute URI; write it in full, "
		    "such as \"https://api.example.org/\"",
		    STR_ARG(p->value));
	else if (hash < p->value.n)
		provider_refuse(w, p->pos, "resource-fragment",
		    "a resource has no fragment; leave out \"%.*s\"",
		    STR_ARG(str_slice(p->value, hash, p->value.n)));
}

/* Sent to a page as anything but a query, the answer is not read. */
static void check_mode(struct provider_work *w, const struct provider_param *p)
{
	if (p->from == PARAM_PAGE || !str_is(p->value, "query"))
		provider_refuse(w, p->pos, "response-mode-not-query",
		    "finish() reads the query of a static page, and nothing "
		    "else; leave response_mode out");
}

/* OpenID Connect Core 3.1.2.1: "none" stands alone. */
static void check_prompt(
    struct provider_work *w, const struct provider_param *p)
{
	bool none = false;
	size_t n = 0;

	for (struct str rest = p->value; rest.n; n++) {
		size_t end = str_find(rest, ' ', 0);
		none |= str_is(str_slice(rest, 0, end), "none");
		rest = str_slice(rest, end + 1, rest.n);
	}
	if (none && n > 1)
		provider_refuse(w, p->pos, "prompt-none-mixed",
		    "prompt = \"%.*s\" asks for no page and for one; write "
		    "\"none\" alone, or leave it out",
		    STR_ARG(p->value));
}

static void check_max_age(
    struct provider_work *w, const struct provider_param *p)
{
	bool bad = !p->value.n;

	for (size_t i = 0; i < p->value.n; i++)
		bad |= p->value.p[i] < '0' || p->value.p[i] > '9';
	if (bad)
		provider_refuse(w, p->pos, "bad-value",
		    "max_age \"%.*s\" is no number of seconds; write digits",
		    STR_ARG(p->value));
}

static const struct {
	const char *name;
	bool of_pages; /* looked at where a page sets it, too */
	void (*check)(struct provider_work *w, const struct provider_param *p);
} values[] = {
    {"resource", false, check_resource},
    {"response_mode", true, check_mode},
    {"prompt", false, check_prompt},
    {"max_age", false, check_max_age},
};
#define N_VALUES (sizeof(values) / sizeof(*values))

static void check_value(struct provider_work *w, const struct provider_param *p)
{
	bool page = p->from == PARAM_PAGE;

	if ((p->from == PARAM_KEY || p->from == PARAM_CONSTANT) &&
	    key_is_placeholder(p->value)) {
		provider_refuse(w, p->pos, "placeholder",
		    "%.*s is %s%.*s; give it its value, or take it out",
		    STR_ARG(p->name), p->value.n ? "still " : "empty",
		    STR_ARG(p->value));
		return;
	}
	for (size_t i = 0; i < N_VALUES; i++)
		if (str_is(p->name, values[i].name) &&
		    (!page || values[i].of_pages))
			values[i].check(w, p);
}

void provider_check_params(
    struct provider_work *w, const struct provider_params *all)
{
	for (size_t i = 0; i < all->n; i++) {
		const struct provider_param *p = &all->list[i];
		if (!check_reserved(w, p) || !check_name(w, p))
			continue;
		check_dup(w, all, i);
		check_value(w, p);
	}
}
