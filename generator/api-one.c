#include <string.h>

#include "generator/api-auth.h"
#include "generator/api-check.h"
#include "generator/api-make.h"
#include "generator/api-template.h"
#include "generator/hash.h"
#include "lib/opt.h"

/*
 * One [api.NAME]. Types, choices and ranges were checked by the key table;
 * here is what needs more than one key. Findings, beside those of api-check.h,
 * api-auth.h and api-template.h: `on-lost-missing`, `handler-missing`,
 * `handler-twice`, `unknown-upstream`, `bad-tag`, `bad-header`; as warnings
 * `noop-handler`, `hold-unused`.
 */
void making_check_name(struct making *m, struct str name, const char *what)
{
	for (size_t i = 0; i < name.n; i++)
		if (name.p[i] == '_') {
			diag_error(m->diag, m->table->pos, "bad-name",
			    "`%.*s` names a %s; use a-z, 0-9 and -",
			    STR_ARG(name), what);
			return;
		}
}

struct str making_tag(struct arena *a, struct str name)
{
	return str_slice(hash_blake2b(a, name), 0, CONFIG_TAG_HEX);
}

static struct str tag(struct making *m, struct str name)
{
	struct str t = making_text(m, "tag");
	size_t good = 0;

	if (!making_given(m, "tag"))
		return making_tag(m->a, name);
	while (good < t.n && t.p[good] && strchr("0123456789abcdef", t.p[good]))
		good++;
	if (good != t.n || t.n != CONFIG_TAG_HEX)
		diag_error(m->diag, making_place(m, "tag"), "bad-tag",
		    "a tag is %d of 0-9 and a-f; the one before a rename is "
		    "in the old server/lowtide.json",
		    CONFIG_TAG_HEX);
	return t;
}

void making_check_upstream(struct making *m)
{
	const struct value *all = site_table(m->b->site, "upstream");
	struct str name = making_text(m, "upstream");
	const char *names[64];
	size_t n = 0;

	/* the table of all of them may be what is wrong */
	if (value_member(all, name) ||
	    (all ? all->broken && all->as.table.n == 0
		 : m->b->site->root->doubtful))
		return;
	for (size_t i = 0; all && i < all->as.table.n && n < 64; i++)
		names[n++] = arena_cstr(m->a, all->as.table.members[i].key);
	const char *near = opt_nearest(name, names, n);
	diag_error(m->diag, making_place(m, "upstream"), "unknown-upstream",
	    "there is no [upstream.%.*s]%s%s%s", STR_ARG(name),
	    near ? "; did you mean `" : "; write one", near ? near : "",
	    near ? "`?" : "");
}

static void handler(struct making *m, struct api *api)
{
	api->upstream = making_text(m, "upstream");
	if (!making_given(m, "upstream") &&
	    (m->table->doubtful || api->noop || making_given(m, "exec")))
		return;
	if (!making_given(m, "upstream")) {
		diag_error(m->diag, m->table->pos, "handler-missing",
		    "who does it? Write upstream = \"NAME\" and a table "
		    "[upstream.NAME], or exec = [\"NAME\"] and a program "
		    "handlers/NAME");
		return;
	}
	if (api->noop) {
		diag_error(m->diag, making_place(m, "upstream"),
		    "handler-twice",
		    "noop = true does it already; take one of the two out");
		return;
	}
	making_check_upstream(m);
}

static void noop(struct making *m, struct api *api)
{
	api->noop = making_flag(m, "noop");
	if (api->noop)
		diag_warn(m->diag, making_place(m, "noop"), "noop-handler",
		    "this does nothing, to measure what the rest costs; only "
		    "`lowtide-worker --dev` takes it");
}

/* What is done when nobody knows whether it was done has to be said. */
static void on_lost(struct making *m, struct api *api)
{
	bool runs = making_given(m, "exec");
	bool reads = !runs && (str_is(api->request_method, "GET") || api->noop);

	api->idempotent = making_given(m, "idempotent")
			      ? making_flag(m, "idempotent")
			      : reads;
	api->on_lost = (enum on_lost)making_choice(
	    making_text(m, "on_lost"), config_on_lost);
	if (runs && !making_given(m, "on_lost"))
		api->on_lost = ON_LOST_FAIL;
	if (!reads && !runs && !making_given(m, "on_lost") &&
	    !m->table->doubtful)
		diag_error(m->diag, m->table->pos, "on-lost-missing",
		    "it writes: say on_lost = \"fail\" if it must never be "
		    "sent twice, \"hold\" if somebody is to decide, \"retry\" "
		    "if that does no harm");
	if (api->idempotent && api->on_lost == ON_LOST_HOLD)
		diag_warn(m->diag, making_place(m, "on_lost"), "hold-unused",
		    "calling twice does no harm here (idempotent), so nothing "
		    "is ever held; take one of the two out");
}

static unsigned allowed(struct making *m, enum pattern pattern)
{
	const struct value *v = making_given(m, "allow");
	unsigned bits = 0;

	if (!v)
		return (1u << PATTERN_COUNT) - 1;
	for (size_t i = 0; i < v->as.array.n; i++)
		bits |= 1u << making_choice(
			    v->as.array.items[i]->text, config_patterns);
	if (!(bits & 1u << pattern))
		diag_error(m->diag, v->pos, "bad-value",
		    "`allow` must name the API's own pattern, \"%s\"",
		    config_patterns[pattern]);
	return bits;
}

static void waiting(struct making *m, struct api *api)
{
	api->pattern = (enum pattern)making_choice(
	    making_text(m, "pattern"), config_patterns);
	api->allow = allowed(m, api->pattern);
	api->wait_max_ms = making_amount(m, "wait_max");
	api->wait_ms = making_amount(m, "wait");
	if (api->pattern == PATTERN_SYNCHRONOUS && !making_given(m, "wait"))
		api->wait_ms = api->wait_max_ms;
	if (api->wait_ms > api->wait_max_ms)
		diag_error(m->diag, making_place(m, "wait"), "bad-value",
		    "`wait` is longer than `wait_max`");
	if (api->pattern == PATTERN_FIRE_AND_FORGET && api->wait_ms > 0)
		diag_error(m->diag, making_place(m, "wait"), "bad-value",
		    "\"fire-and-forget\" does not wait; take `wait` out or "
		    "choose \"async-polling\"");
}

static void body(struct making *m, struct api *api)
{
	bool usual = str_is(api->method, "POST") ||
		     str_is(api->method, "PUT") || str_is(api->method, "PATCH");

	api->body_max = making_amount(m, "body.max");
	if (usual || making_given(m, "body"))
		api->body_type = making_text(m, "body.type");
	api->body_required = making_pairs(m, "body.required");
	if (api->body_required.n && !str_is(api->body_type, "application/json"))
		diag_error(m->diag, making_place(m, "body.required"),
		    "bad-value",
		    "`body.required` looks into JSON; body.type must be "
		    "\"application/json\"");
}

struct strs making_forward(struct making *m, const char *key)
{
	const struct value *v = making_given(m, key);
	struct strs out = {0};

	if (!v)
		return out;
	out.items = arena_array(m->a, v->as.array.n, sizeof(*out.items));
	for (size_t i = 0; i < v->as.array.n; i++) {
		const struct value *one = v->as.array.items[i];
		struct str name = making_lower(m, one->text);
		size_t star = str_find(name, '*', 0);
		/* a lone * would pass on cookies and credentials as well */
		if (star == 0 || star + 1 < name.n)
			diag_error(m->diag, one->pos, "bad-header",
			    "`%.*s`: a * may stand at the end of a name only",
			    STR_ARG(one->text));
		else
			making_check_header(m, name, one->pos);
		out.items[out.n++] = name;
	}
	return out;
}

/* own: the API's path without the prefix */
static void request(struct making *m, struct api *api, struct str own)
{
	if (!api->exec.n)
		making_call(m, api, own);
	making_body(m, api, own);
	api->location = making_text(m, "location");
	api_template_check(m->a, API_TEMPLATE_LOCATION, api->location, own,
	    &m->secrets, making_place(m, "location"), m->diag);
	api->request_headers = making_headers(m, "request.headers", &own);
	api->forward = making_forward(m, "request.forward");
}

void making_api(struct making *m, struct str name, struct api *out)
{
	struct str own = making_text(m, "path");

	if (!making_given(m, "path"))
		own = arena_printf(m->a, "/%.*s", STR_ARG(name));
	making_check_name(m, name, "request table");
	api_check_path(own, making_place(m, "path"), m->diag);
	out->name = name;
	out->tag = tag(m, name);
	out->method = making_text(m, "method");
	out->path =
	    arena_printf(m->a, "%.*s%.*s", STR_ARG(m->c->prefix), STR_ARG(own));
	out->auth = api_auth(m);
	out->scopes = making_strings(m, "scopes");
	noop(m, out);
	waiting(m, out);
	if (making_given(m, "request.method"))
		out->request_method = making_text(m, "request.method");
	else if (!making_given(m, "exec"))
		out->request_method = out->method;
	on_lost(m, out);
	out->strict_poll = making_flag(m, "strict_poll");
	out->deadline_ms = making_amount(m, "deadline");
	out->ttl_ms = making_amount(m, "ttl");
	out->estimate_ms = making_amount(m, "estimate");
	out->concurrency = making_amount(m, "concurrency");
	out->attempts = making_amount(m, "attempts");
	body(m, out);
	handler(m, out);
	making_exec(m, out);
	making_result(m, out);
	request(m, out, own);
	making_rules(m, out);
	api_auth_check(m, out);
}
