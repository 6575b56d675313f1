#include <string.h>

#include "generator/api-make.h"
#include "lib/opt.h"
#include "lib/units.h"

/*
 * What an API bounds, what it calls what happens, and what of a body is a
 * credential. Findings: `unknown-event`, `bad-value`; as a warning
 * `resource-shared`.
 */
static const char *const events[] = {
    "accepted", "started", "progress", "completed", "failed", "cancelled"};
#define N_EVENTS (sizeof(events) / sizeof(*events))
#define EVENT_NAME_MAX 64

static bool is_json(const struct api *api)
{
	return str_is(api->body_type, "application/json");
}

static void bounds(struct making *m, struct api *api)
{
	if (making_given(m, "owner_rate") &&
	    units_rate(making_text(m, "owner_rate"), &api->owner_rate_count,
		&api->owner_rate_per_ms) != ERR_OK)
		api->owner_rate_count = 0; /* said by the key table */
	api->owner_open = making_amount(m, "owner_open");
	api->queue_max = making_amount(m, "queue_max");
}

/* It goes to browsers as the name of a server-sent event. */
static bool is_event_name(struct str s)
{
	if (s.n == 0 || s.n > EVENT_NAME_MAX)
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (!s.p[i] ||
		    !strchr("abcdefghijklmnopqrstuvwxyz0123456789._-", s.p[i]))
			return false;
	return true;
}

static void check_event(struct making *m, const struct member *one)
{
	bool known = false;

	for (size_t i = 0; i < N_EVENTS; i++)
		known = known || str_is(one->key, events[i]);
	const char *near = opt_nearest(one->key, events, N_EVENTS);
	if (!known)
		diag_error(m->diag, one->pos, "unknown-event",
		    "nothing called `%.*s` happens to a job; %s%s%s",
		    STR_ARG(one->key), near ? "did you mean `" : "there are ",
		    near ? near
			 : "accepted, started, progress, completed, failed and "
			   "cancelled",
		    near ? "`?" : "");
	if (!is_event_name(one->value->text))
		diag_error(m->diag, one->value->pos, "bad-value",
		    "an event's name is 1 to %d of a-z, 0-9, dot, hyphen and "
		    "underscore, such as \"bundle.created\"",
		    EVENT_NAME_MAX);
}

/* A member's name, as "body.NAME" says it. */
static bool is_member(struct str s)
{
	if (s.n == 0)
		return false;
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] <= ' ' || strchr(".{}\"\x7f", s.p[i]))
			return false;
	return true;
}

static bool is_secret(const struct api *api, struct str name)
{
	for (size_t i = 0; i < api->body_secret.n; i++)
		if (str_eq(api->body_secret.items[i], name))
			return true;
	return false;
}

static void resource_id(struct making *m, struct api *api)
{
	struct str id = making_text(m, "resource_id");
	struct pos pos = making_place(m, "resource_id");
	struct str name = str_slice(id, 5, id.n);

	if (!making_given(m, "resource_id"))
		return;
	if (!str_starts(id, "body.") || !is_member(name))
		diag_error(m->diag, pos, "bad-value",
		    "`resource_id` is \"%.*s\"; it names a member of the body, "
		    "as in \"body.id\"",
		    STR_ARG(id));
	else if (!is_json(api))
		diag_error(m->diag, pos, "bad-value",
		    "`resource_id` looks into JSON; body.type must be "
		    "\"application/json\"");
	else if (is_secret(api, name))
		diag_error(m->diag, pos, "bad-value",
		    "`%.*s` is a credential (body.secret), and another one "
		    "would be another resource; name a member that stays",
		    STR_ARG(name));
	else if (str_is(api->auth, "none"))
		diag_warn(m->diag, pos, "resource-shared",
		    "anybody may call this, and whoever is first with an id "
		    "keeps all others out until that job has ended; have them "
		    "sign in");
	api->resource_id = id;
}

static void secrets(struct making *m, struct api *api)
{
	const struct value *v = making_given(m, "body.secret");

	api->body_secret = making_strings(m, "body.secret");
	for (size_t i = 0; v && i < v->as.array.n; i++)
		if (!is_member(v->as.array.items[i]->text))
			diag_error(m->diag, v->as.array.items[i]->pos,
			    "bad-value",
			    "\"%.*s\" is no member at the top of a JSON body",
			    STR_ARG(v->as.array.items[i]->text));
	if (api->body_secret.n && !is_json(api))
		diag_error(m->diag, v->pos, "bad-value",
		    "`body.secret` looks into JSON; body.type must be "
		    "\"application/json\"");
}

void making_rules(struct making *m, struct api *api)
{
	const struct value *v = making_given(m, "events");

	bounds(m, api);
	secrets(m, api);
	resource_id(m, api);
	api->once = making_flag(m, "once");
	api->events = making_pairs(m, "events");
	for (size_t i = 0; v && i < v->as.table.n; i++)
		check_event(m, &v->as.table.members[i]);
}
