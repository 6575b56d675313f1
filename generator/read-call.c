#include "generator/read-make.h"

#include <stdlib.h>

#include "generator/api-auth.h"

/*
 * [read.X.call.NAME]. Findings: `ids-missing`, `by-missing`, `bad-status`,
 * `status-twice`, `ttl-missing`, `owner-missing`, `bad-header`, those of APIs;
 * as a warning `key-unused`.
 */
#define STATUS_MIN 400
#define STATUS_MAX 499
#define EMPTY_TTL_MS 10000

/* ---- whom it is about --------------------------------------------------- */

/* {crns} of the path is likely where {crn} come from. */
static struct str likely_source(struct reading *r, struct str name)
{
	struct str many = arena_printf(r->m->a, "%.*ss", STR_ARG(name));

	if (api_template_has_segment(r->own, name))
		return arena_printf(r->m->a, "path.%.*s", STR_ARG(name));
	if (api_template_has_segment(r->own, many))
		return arena_printf(r->m->a, "path.%.*s", STR_ARG(many));
	return arena_printf(r->m->a, "query.%.*s", STR_ARG(name));
}

static void each(struct reading *r, size_t at, struct read_call *call)
{
	struct making *m = r->m;
	size_t ids = reading_ids(r, call->each);

	if (!making_given(m, "each"))
		return;
	if (ids < r->n_ids) {
		r->ids_used[ids] = true;
		r->names[at * r->n_ids + ids] = true;
		return;
	}
	if (!r->is_doubtful)
		diag_error(m->diag, making_place(m, "each"), "ids-missing",
		    "which %.*s? Write a table [%s.ids.%.*s] with from = "
		    "\"%.*s\"",
		    STR_ARG(call->each), r->base, STR_ARG(call->each),
		    STR_ARG(likely_source(r, call->each)));
}

static void records(struct reading *r, struct read_call *call)
{
	struct making *m = r->m;

	call->records = making_text(m, "records");
	call->by = making_text(m, "by");
	if (call->each.n && (call->records.n || call->by.n))
		diag_error(m->diag,
		    making_place(m, call->by.n ? "by" : "records"), "bad-value",
		    "this call is made for each %.*s, so its result is about "
		    "one; take `records` and `by` out",
		    STR_ARG(call->each));
	else if (call->records.n && !call->by.n && !m->table->doubtful)
		diag_error(m->diag, making_place(m, "records"), "by-missing",
		    "which member of each record says whom it is about? Write "
		    "by = \"MEMBER\"");
}

/* ---- what is kept ------------------------------------------------------- */

static int64_t status_of(const struct value *v)
{
	if (v->kind == VALUE_INT)
		return v->as.i;
	return v->kind == VALUE_STRING && v->text.n == 3
		   ? strtoll(v->text.p, NULL, 10)
		   : 0;
}

static struct strs statuses(struct making *m, const char *key)
{
	const struct value *v = making_given(m, key);
	struct strs out = {0};

	if (!v)
		return out;
	if (v->kind != VALUE_ARRAY) {
		diag_error(m->diag, v->pos, "bad-status",
		    "`%s` is a list of statuses; write it as [404]", key);
		return out;
	}
	out.items = arena_array(m->a, v->as.array.n, sizeof(*out.items));
	for (size_t i = 0; i < v->as.array.n; i++) {
		const struct value *one = v->as.array.items[i];
		int64_t status = status_of(one);
		if (status < STATUS_MIN || status > STATUS_MAX)
			diag_error(m->diag, one->pos, "bad-status",
			    "`%s` names statuses from %d to %d; write it as "
			    "[404]",
			    key, STATUS_MIN, STATUS_MAX);
		else
			out.items[out.n++] = arena_int(m->a, status);
	}
	return out;
}

static void check_twice(struct making *m, const struct read_call *call)
{
	for (size_t i = 0; i < call->pass_on.n; i++)
		for (size_t j = 0; j < call->empty_on.n; j++)
			if (str_eq(call->pass_on.items[i],
				call->empty_on.items[j]))
				diag_error(m->diag, making_place(m, "pass_on"),
				    "status-twice",
				    "%.*s means null already (empty_on); take "
				    "it out of one of the two",
				    STR_ARG(call->pass_on.items[i]));
}

static void check_ttl(struct making *m, const char *key)
{
	if (making_amount(m, key) && !making_amount(m, "ttl") &&
	    !m->table->doubtful)
		diag_error(m->diag, making_place(m, key), "ttl-missing",
		    "nothing is kept without a ttl, so nothing gets stale; "
		    "write ttl = \"10s\" too, or take `%s` out",
		    key);
}

static void keeping(struct reading *r, struct read_call *call)
{
	struct making *m = r->m;

	call->ttl_ms = making_amount(m, "ttl");
	call->stale_ms = making_amount(m, "stale");
	call->stale_if_error_ms = making_amount(m, "stale_if_error");
	check_ttl(m, "stale");
	check_ttl(m, "stale_if_error");
	call->empty_on = statuses(m, "empty_on");
	call->pass_on = statuses(m, "pass_on");
	check_twice(m, call);
	if (making_given(m, "empty_ttl"))
		call->empty_ttl_ms = making_amount(m, "empty_ttl");
	else
		call->empty_ttl_ms =
		    call->ttl_ms < EMPTY_TTL_MS ? call->ttl_ms : EMPTY_TTL_MS;
	if (making_given(m, "empty_ttl") && !making_given(m, "empty_on") &&
	    !m->table->doubtful)
		diag_warn(m->diag, making_place(m, "empty_ttl"), "key-unused",
		    "no status means null; write empty_on = [404] too, or take "
		    "`empty_ttl` out");
	if (call->pass_on.n && !call->required)
		diag_warn(m->diag, making_place(m, "pass_on"), "key-unused",
		    "required = false: whatever this call comes to, the read "
		    "has an answer; take `pass_on` out");
}

static void scope(struct reading *r, struct read_call *call)
{
	struct making *m = r->m;

	call->owned = str_is(making_text(m, "scope"), "owner");
	if (call->owned && str_is(r->read->auth, "none"))
		diag_error(m->diag, making_place(m, "scope"), "owner-missing",
		    "anybody may read this (auth = \"none\"), so nobody owns "
		    "what is kept; have them sign in, or take `scope` out");
}

/* ---- what is sent ------------------------------------------------------- */

static struct pairs headers(struct reading *r, size_t at)
{
	struct making *m = r->m;
	const struct value *v = making_given(m, "headers");
	struct pairs out = making_pairs(m, "headers");

	for (size_t i = 0; i < out.n; i++) {
		const struct member *one = &v->as.table.members[i];
		making_check_header(m, one->key, one->pos);
		out.items[i].value = reading_template(r, at,
		    API_TEMPLATE_HEADER, one->value->text, one->value->pos);
	}
	if (out.n > API_HEADERS_MAX)
		diag_error(m->diag, v->pos, "bad-header",
		    "there are more than %d headers", API_HEADERS_MAX);
	return out;
}

/* Nobody's Authorization goes further than where it told who asks. */
static void check_own(struct reading *r, const struct read_call *call)
{
	struct making *m = r->m;
	struct str auth = r->read->auth;

	api_own_text(m, auth, making_text(m, "path"), making_place(m, "path"));
	api_own_texts(m, auth, "headers");
	api_own_forward(m, auth, "forward", call->forward);
}

static void sending(struct reading *r, size_t at, struct read_call *call)
{
	struct making *m = r->m;

	call->upstream = making_text(m, "upstream");
	if (making_given(m, "upstream"))
		making_check_upstream(m);
	if (making_given(m, "path"))
		call->path = reading_template(r, at, API_TEMPLATE_PATH,
		    making_text(m, "path"), making_place(m, "path"));
	call->headers = headers(r, at);
	call->forward = making_forward(m, "forward");
	check_own(r, call);
}

void reading_make_calls(struct reading *r)
{
	struct making *m = r->m;

	for (size_t i = 0; i < r->n_calls; i++) {
		const struct member *one = &r->calls->as.table.members[i];
		struct read_call *call =
		    &m->c->read_calls[m->c->n_read_calls++];
		reading_look(r, "call", one);
		call->read = r->read->name;
		call->name = one->key;
		call->each = making_text(m, "each");
		call->required = making_flag(m, "required");
		call->timeout_ms = making_amount(m, "timeout");
		each(r, i, call);
		records(r, call);
		sending(r, i, call);
		keeping(r, call);
		scope(r, call);
	}
	reading_look_back(r);
}
