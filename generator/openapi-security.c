#include "generator/openapi.h"

#include "generator/api-auth.h"

/*
 * Who may ask: a scheme for each way that some API or read wants, and which of
 * them an operation takes. What asks about jobs takes each, for a job is found
 * by its owner alone; where there are APIs for anybody, it takes nothing at all
 * as well.
 */
#define WEB_SERVER "web-server"

/* "hmrc:sandbox" → "hmrc.sandbox": a key (3.1, 4.8.7.1) has no colon. */
static const char *scheme_name(struct openapi *o, struct str auth)
{
	char *name = arena_cstr(o->a, auth);

	for (char *c = name; *c; c++)
		if (*c == ':')
			*c = '.';
	return name;
}

static bool has_discovery(const struct provider *p)
{
	return !str_is(p->kind, "hmrc") && !str_is(p->kind, "github");
}

static struct value *provider_scheme(
    struct openapi *o, const struct provider *p)
{
	struct value *out = openapi_table(o);
	struct str issuer = p->issuer;

	while (str_ends(issuer, "/"))
		issuer.n--;
	openapi_put_text(o, out, "type",
	    has_discovery(p) ? STR("openIdConnect") : STR("http"));
	openapi_put_text(o, out, "description",
	    arena_printf(o->a, "An access token of %.*s, as a bearer token.",
		STR_ARG(p->issuer)));
	if (has_discovery(p)) {
		openapi_put_text(o, out, "openIdConnectUrl",
		    arena_printf(o->a, "%.*s/.well-known/openid-configuration",
			STR_ARG(issuer)));
		return out;
	}
	openapi_put_text(o, out, "scheme", STR("bearer"));
	openapi_put_text(o, out, "bearerFormat", STR("JWT"));
	return out;
}

/* What a check of the operator's own looks at is not known here. */
static struct value *web_scheme(struct openapi *o)
{
	struct value *out = openapi_table(o);

	if (o->b->web_server && o->b->web_server->is_basic) {
		openapi_put_text(o, out, "type", STR("http"));
		openapi_put_text(o, out, "scheme", STR("basic"));
		return out;
	}
	openapi_put_text(o, out, "type", STR("apiKey"));
	openapi_put_text(o, out, "in", STR("header"));
	openapi_put_text(o, out, "name", STR("Authorization"));
	openapi_put_text(o, out, "description",
	    STR("Whatever the web server finds out by whom it is called."));
	return out;
}

/* Of what becomes a job: a read that does is an API as well. */
static bool has_auth(const struct config *c, struct str auth)
{
	for (size_t i = 0; i < c->n_apis; i++)
		if (str_eq(c->apis[i].auth, auth))
			return true;
	return false;
}

static bool reads_have_auth(const struct config *c, struct str auth)
{
	for (size_t i = 0; i < c->n_reads; i++)
		if (str_eq(c->reads[i].auth, auth))
			return true;
	return false;
}

bool openapi_has_owners(const struct config *c)
{
	for (size_t i = 0; i < c->n_apis; i++)
		if (!str_is(c->apis[i].auth, "none"))
			return true;
	return false;
}

void openapi_security(struct openapi *o, struct value *components)
{
	const struct config *c = o->b->config;

	bool web =
	    has_auth(c, STR(WEB_SERVER)) || reads_have_auth(c, STR(WEB_SERVER));

	if (!web && !c->n_providers)
		return;
	struct value *out = openapi_child(o, components, "securitySchemes");
	for (size_t i = 0; i < c->n_providers; i++)
		openapi_put(o, out, scheme_name(o, c->providers[i].name),
		    provider_scheme(o, &c->providers[i]));
	if (web)
		openapi_put(o, out, WEB_SERVER, web_scheme(o));
}

/* {"cognito": ["payments/write"]} */
static struct value *requirement(
    struct openapi *o, struct str auth, const struct strs *scopes)
{
	struct value *out = openapi_table(o), *list = openapi_array(o);

	for (size_t i = 0; scopes && i < scopes->n; i++)
		value_push(
		    o->a, list, value_string(o->a, scopes->items[i], POS_NONE));
	openapi_put(o, out, scheme_name(o, auth), list);
	return out;
}

void openapi_secure(struct openapi *o, struct str auth,
    const struct strs *scopes, struct value *operation)
{
	if (str_is(auth, "none"))
		return; /* as the whole document has it */
	value_push(o->a,
	    openapi_put(o, operation, "security", openapi_array(o)),
	    requirement(o, auth, scopes));
}

/* All that some API takes; `anybody`: and nothing, where one takes that. */
static struct value *any_of(struct openapi *o, bool anybody)
{
	const struct config *c = o->b->config;
	struct value *out = openapi_array(o);

	if (anybody && has_auth(c, STR("none")))
		value_push(o->a, out, openapi_table(o));
	for (size_t i = 0; i < c->n_providers; i++)
		if (has_auth(c, c->providers[i].name))
			value_push(o->a, out,
			    requirement(o, c->providers[i].name, NULL));
	if (has_auth(c, STR(WEB_SERVER)))
		value_push(o->a, out, requirement(o, STR(WEB_SERVER), NULL));
	return out;
}

void openapi_secure_jobs(struct openapi *o, const struct value *paths)
{
	if (!openapi_has_owners(o->b->config))
		return;
	for (size_t i = 0; i < paths->as.table.n; i++) {
		const struct value *item = paths->as.table.members[i].value;
		for (size_t k = 0; k < item->as.table.n; k++) {
			struct value *op = item->as.table.members[k].value;
			struct str id = value_text(op, "operationId");
			bool of_owner =
			    str_is(id, "listJobs") || str_is(id, "followJobs");
			if (id.n && !str_is(id, "getHealth"))
				openapi_put(
				    o, op, "security", any_of(o, !of_owner));
		}
	}
}
