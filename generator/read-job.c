#include "generator/read-make.h"

/*
 * A read that may become a job is an API as well, by the name of the read and
 * "-job", as if it had been written: the endpoint takes it, the worker does it
 * with the read's own plan (contract 9). Findings: `name-taken`, `bad-name`,
 * `bad-value`; as a warning `key-unused`.
 */
#define SUFFIX "-job"
#define NAME_MAX (64 - (sizeof(SUFFIX) - 1))

static bool becomes_job(struct reading *r)
{
	struct making *m = r->m;

	r->read->promote = making_flag(m, "promote");
	if (!making_given(m, "respond_async"))
		return r->read->promote;
	if (r->read->promote && !making_flag(m, "respond_async"))
		diag_error(m->diag, making_place(m, "respond_async"),
		    "bad-value",
		    "a read that becomes a job past its deadline (promote) may "
		    "be asked to be one at once; take one of the two out");
	return making_flag(m, "respond_async");
}

static void check_unused(struct reading *r)
{
	if (making_given(r->m, "job") && !r->table->doubtful)
		diag_warn(r->m->diag, making_place(r->m, "job"), "key-unused",
		    "this read never is a job; write promote = true or "
		    "respond_async = true, or take `job` out");
}

static bool is_free(struct reading *r, struct str name)
{
	const struct value *apis = site_table(r->m->b->site, "api");

	if (r->read->name.n > NAME_MAX)
		diag_error(r->m->diag, r->table->pos, "bad-name",
		    "a read that may become a job has a name of at most %d "
		    "characters, for \"" SUFFIX "\" is put behind it",
		    (int)NAME_MAX);
	if (value_member(apis, name))
		diag_error(r->m->diag, value_member(apis, name)->pos,
		    "name-taken",
		    "[api.%.*s] is what [%s] is as a job; call one of the two "
		    "something else",
		    STR_ARG(name), r->base);
	return !value_member(apis, name);
}

/* ---- what the endpoint has to keep of a request ------------------------- */

static void keep(struct making *m, struct strs *out, struct str name)
{
	name = making_lower(m, name);
	for (size_t i = 0; i < out->n; i++)
		if (str_eq(out->items[i], name))
			return;
	struct str *items = arena_array(m->a, out->n + 1, sizeof(*items));
	for (size_t i = 0; i < out->n; i++)
		items[i] = out->items[i];
	items[out->n++] = name;
	out->items = items;
}

/* Each {header.NAME} of a text. */
static void keep_named(struct making *m, struct strs *out, struct str text)
{
	struct str root = STR("{header.");

	for (size_t at = 0; at + root.n < text.n; at++) {
		size_t end = str_find(text, '}', at);
		if (!str_eq(str_slice(text, at, at + root.n), root))
			continue;
		struct str name = str_slice(text, at + root.n, end);
		keep(m, out, str_slice(name, 0, str_find(name, '?', 0)));
	}
}

/* Of what the client sends, the calls have these. */
static struct strs kept_headers(struct reading *r)
{
	const struct config *c = r->m->c;
	struct strs out = {0};

	for (size_t i = c->n_read_calls - r->n_calls; i < c->n_read_calls;
	     i++) {
		const struct read_call *call = &c->read_calls[i];
		keep_named(r->m, &out, call->path);
		for (size_t j = 0; j < call->headers.n; j++)
			keep_named(r->m, &out, call->headers.items[j].value);
		for (size_t j = 0; j < call->forward.n; j++)
			keep(r->m, &out, call->forward.items[j]);
	}
	return out;
}

/* ---- the API ------------------------------------------------------------ */

/*
 * What has no key here has the default of an API's; `api.NAME-job` stands
 * nowhere, so that is what there is to be found.
 */
static void defaults(struct reading *r, struct str name, struct api *api)
{
	struct making *m = r->m;

	m->base = arena_printf(m->a, "api.%.*s", STR_ARG(name)).p;
	api->wait_max_ms = making_amount(m, "wait_max");
	api->estimate_ms = making_amount(m, "estimate");
	api->body_max = making_amount(m, "body.max");
	api->result_max = making_amount(m, "result.max");
	reading_look_back(r);
}

void reading_make_job(struct reading *r, struct pos *places)
{
	struct making *m = r->m;
	struct str name =
	    arena_printf(m->a, "%.*s" SUFFIX, STR_ARG(r->read->name));

	if (!becomes_job(r)) {
		check_unused(r);
		return;
	}
	if (!is_free(r, name))
		return;
	r->read->api = name;
	places[m->c->n_apis] = making_place(m, "path");
	struct api *api = &m->c->apis[m->c->n_apis++];
	*api = (struct api){
	    .name = name,
	    .tag = making_tag(m->a, name),
	    .method = STR("GET"),
	    .path = r->read->path,
	    .auth = r->read->auth,
	    .scopes = r->read->scopes,
	    .pattern = PATTERN_ASYNC_POLLING,
	    .allow = (1u << PATTERN_COUNT) - 1,
	    .on_lost = ON_LOST_RETRY,
	    .idempotent = true,
	    .deadline_ms = making_amount(m, "job.deadline"),
	    .ttl_ms = making_amount(m, "job.ttl"),
	    .concurrency = making_amount(m, "job.concurrency"),
	    .attempts = making_amount(m, "job.attempts"),
	    .request_method = STR("GET"),
	    .forward = kept_headers(r),
	    .read = r->read->name,
	};
	defaults(r, name, api);
}

/* ---- what nobody looks at ----------------------------------------------- */

static void check_call_used(struct reading *r, size_t at)
{
	const struct member *one = &r->calls->as.table.members[at];
	const struct value *by = value_get(one->value, "by");
	const struct value *each = value_get(one->value, "each");
	bool varies = false;

	if (by && !each && !r->by_used[at])
		diag_warn(r->m->diag, by->pos, "key-unused",
		    "nobody asks for the record of one identifier; write "
		    "{call.%.*s.MEMBER} in a call of `each` (or in the shape's "
		    "each), or take `by` out",
		    STR_ARG(one->key));
	if (!each)
		return;
	size_t ids = reading_ids(r, each->text);
	const struct read_call *call =
	    &r->m->c->read_calls[r->m->c->n_read_calls - r->n_calls + at];
	struct str place =
	    arena_printf(r->m->a, "{id.%.*s}", STR_ARG(each->text));
	for (size_t i = 0; i < r->n_calls; i++)
		varies |= r->needs[at * r->n_calls + i];
	for (size_t i = 0; i + place.n <= call->path.n; i++)
		varies |= str_eq(str_slice(call->path, i, i + place.n), place);
	for (size_t i = 0; i < call->headers.n; i++) {
		struct str text = call->headers.items[i].value;
		for (size_t j = 0; j + place.n <= text.n; j++)
			varies |=
			    str_eq(str_slice(text, j, j + place.n), place);
	}
	if (!varies && ids < r->n_ids)
		diag_warn(r->m->diag, each->pos, "each-unused",
		    "this asks the same for each %.*s; write {%.*s} where it "
		    "belongs in its path, or take `each` out",
		    STR_ARG(each->text), STR_ARG(each->text));
}

void reading_check_unused(struct reading *r)
{
	for (size_t i = 0; i < r->n_ids; i++)
		if (!r->ids_used[i] && !r->is_doubtful)
			diag_warn(r->m->diag, r->ids->as.table.members[i].pos,
			    "ids-unused",
			    "no call is made for each %.*s, and none has "
			    "{%.*s}; take [%s.ids.%.*s] out, or write each = "
			    "\"%.*s\" where it belongs",
			    STR_ARG(r->ids->as.table.members[i].key),
			    STR_ARG(r->ids->as.table.members[i].key), r->base,
			    STR_ARG(r->ids->as.table.members[i].key),
			    STR_ARG(r->ids->as.table.members[i].key));
	for (size_t i = 0; i < r->n_calls && !r->is_doubtful; i++)
		check_call_used(r, i);
}
