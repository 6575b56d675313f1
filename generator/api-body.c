#include "generator/api-make.h"

#include <math.h>
#include <string.h>

#include "generator/api-template.h"
#include "lib/json.h"
#include "lib/url.h"

/*
 * What a call carries: `request.query` becomes a part of its path,
 * `request.json` its body; `request.form` stays a table. Findings:
 * `body-twice`, `bad-json`, those of templates; `header-reserved`,
 * `bad-header` and `bad-value` of what comes back.
 */

/* ---- JSON --------------------------------------------------------------- */

struct writing {
	struct making *m;
	struct str own; /* the API's path */
	struct json_writer json;
};

/*
 * "{body.n}", and nothing beside it: the value itself. Whatever does not come
 * out of JSON is text.
 */
static bool is_member(struct str s)
{
	struct str inside = str_slice(s, 1, s.n - (s.n > 0));

	for (size_t i = 0; i < inside.n; i++)
		if (!inside.p[i] || strchr("{}\" ", inside.p[i]))
			return false;
	return str_starts(s, "{body.") && str_ends(s, "}");
}

static void text(struct writing *w, struct str s, struct pos pos)
{
	api_template_check(w->m->a, API_TEMPLATE_BODY, s, w->own,
	    &w->m->secrets, pos, w->m->diag);
	if (is_member(s))
		json_raw(&w->json, s);
	else
		json_string(&w->json, s);
}

static void refuse(struct writing *w, const struct value *v, const char *what)
{
	diag_error(w->m->diag, v->pos, "bad-json",
	    "JSON has no %s; write it in quotes, or as a number", what);
}

static void value(struct writing *w, const struct value *v)
{
	switch (v->kind) {
	case VALUE_TABLE:
		json_open(&w->json, '{');
		for (size_t i = 0; i < v->as.table.n; i++) {
			json_key_str(&w->json, v->as.table.members[i].key);
			value(w, v->as.table.members[i].value);
		}
		json_close(&w->json, '}');
		return;
	case VALUE_ARRAY:
		json_open(&w->json, '[');
		for (size_t i = 0; i < v->as.array.n; i++)
			value(w, v->as.array.items[i]);
		json_close(&w->json, ']');
		return;
	case VALUE_STRING:
		text(w, v->text, v->pos);
		return;
	case VALUE_DATETIME:
		refuse(w, v, "dates");
		break;
	case VALUE_FLOAT:
		if (!isfinite(v->as.f))
			refuse(w, v, "inf and nan");
		break;
	case VALUE_NULL:
	case VALUE_BOOL:
	case VALUE_INT:
		break;
	}
	json_value(&w->json, v);
}

static struct str json(struct making *m, const struct value *v, struct str own)
{
	struct buf out = {0};
	struct writing w = {.m = m, .own = own, .json = {.out = &out}};

	value(&w, v);
	struct str bytes = arena_str(m->a, buf_str(&out));
	buf_release(&out);
	return bytes;
}

/* ---- forms and queries -------------------------------------------------- */

/* Literal text encoded, places as they are. */
static void put_encoded(
    struct making *m, struct buf *out, struct str s, struct pos pos)
{
	for (size_t at = 0; at < s.n;) {
		size_t brace = str_find(s, '{', at);
		size_t end = str_find(s, '}', brace);
		if (url_encode(out, str_slice(s, at, brace)) != ERR_OK)
			diag_error(m->diag, pos, "not-text",
			    "this is not UTF-8; write it anew");
		if (end == s.n)
			end = brace == s.n ? s.n : s.n - 1;
		buf_put_str(out, str_slice(s, brace, end + 1));
		at = end + 1;
	}
}

/* "/x" and { a = "{query.a?}" } → "/x?a={query.a?}" */
static struct str with_query(struct making *m, struct str path)
{
	const struct value *v = making_given(m, "request.query");
	struct buf out = {0};

	if (!v || v->kind != VALUE_TABLE)
		return path;
	buf_put_str(&out, path);
	char next = str_find(path, '?', 0) < path.n ? '&' : '?';
	for (size_t i = 0; i < v->as.table.n; i++, next = '&') {
		const struct member *one = &v->as.table.members[i];
		buf_putc(&out, next);
		if (url_encode(&out, one->key) != ERR_OK)
			diag_error(m->diag, one->pos, "not-text",
			    "this is not UTF-8; write it anew");
		buf_putc(&out, '=');
		put_encoded(m, &out, one->value->text, one->value->pos);
	}
	struct str all = arena_str(m->a, buf_str(&out));
	buf_release(&out);
	return all;
}

/* Places that stand in a query: those of the table are told where they are. */
static void check_query(struct making *m, struct str own)
{
	const struct value *v = making_given(m, "request.query");

	for (size_t i = 0; v && i < v->as.table.n; i++) {
		const struct value *one = v->as.table.members[i].value;
		api_template_check(m->a, API_TEMPLATE_QUERY, one->text, own,
		    &m->secrets, one->pos, m->diag);
	}
}

static void form(struct making *m, struct api *api, struct str own)
{
	const struct value *v = making_given(m, "request.form");

	api->request_form = making_pairs(m, "request.form");
	for (size_t i = 0; v && i < v->as.table.n; i++) {
		const struct value *one = v->as.table.members[i].value;
		api_template_check(m->a, API_TEMPLATE_FORM, one->text, own,
		    &m->secrets, one->pos, m->diag);
	}
}

/* ---- all of it ---------------------------------------------------------- */

void making_call(struct making *m, struct api *api, struct str own)
{
	if (making_given(m, "request.path"))
		api_template_check(m->a, API_TEMPLATE_PATH,
		    making_text(m, "request.path"), own, &m->secrets,
		    making_place(m, "request.path"), m->diag);
	check_query(m, own);
	api->request_path = with_query(m,
	    making_given(m, "request.path") ? making_text(m, "request.path")
					    : api_template_of_path(m->a, own));
}

void making_body(struct making *m, struct api *api, struct str own)
{
	static const char *const keys[] = {
	    "request.body", "request.form", "request.json"};
	const struct value *object = making_given(m, "request.json");
	const char *first = NULL;

	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
		if (making_given(m, keys[i]) && first)
			diag_error(m->diag, making_place(m, keys[i]),
			    "body-twice",
			    "a call has one body, and `%s` says what it is; "
			    "take one of the two out",
			    first);
		if (making_given(m, keys[i]) && !first)
			first = keys[i];
	}
	api->request_body = making_text(m, "request.body");
	api_template_check(m->a, API_TEMPLATE_BODY, api->request_body, own,
	    &m->secrets, making_place(m, "request.body"), m->diag);
	form(m, api, own);
	if (object && !object->broken)
		api->request_body = json(m, object, own);
}

/* What answers here say by themselves, or what servers take as an order. */
static bool is_reserved(struct str name)
{
	static const char *const names[] = {"age", "allow", "alt-svc",
	    "cache-control", "clear-site-data", "content-disposition",
	    "content-encoding", "content-language", "content-length",
	    "content-location", "content-range", "content-type", "date", "etag",
	    "expires", "last-event-id", "last-modified", "location", "nel",
	    "preference-applied", "referrer-policy", "refresh", "report-to",
	    "reporting-endpoints", "retry-after", "server", "set-cookie",
	    "set-cookie2", "status", "strict-transport-security", "traceparent",
	    "tracestate", "vary", "www-authenticate", "x-content-type-options",
	    "x-frame-options", "x-request-id", "x-wait-time-ms"};
	static const char *const families[] = {"access-control-",
	    "content-security-policy", "cross-origin-", "permissions-policy",
	    "proxy-", "sec-", "x-accel-", "x-lighttpd-", "x-sendfile"};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (str_is(name, names[i]))
			return true;
	for (size_t i = 0; i < sizeof(families) / sizeof(*families); i++)
		if (str_starts(name, families[i]))
			return true;
	return false;
}

#define RESULT_HEADERS_MAX 16

static void kept_headers(struct making *m, struct api *api)
{
	const struct value *v = making_given(m, "result.headers");
	struct strs *out = &api->result_headers;

	if (!v)
		return;
	out->items = arena_array(m->a, v->as.array.n, sizeof(*out->items));
	for (size_t i = 0; i < v->as.array.n; i++) {
		const struct value *one = v->as.array.items[i];
		struct str name = making_lower(m, one->text);
		bool again = false;
		for (size_t j = 0; j < out->n; j++)
			again |= str_eq(out->items[j], name);
		if (is_reserved(name))
			diag_error(m->diag, one->pos, "header-reserved",
			    "`%.*s` of an answer is lowtide's or the web "
			    "server's to say; take it out",
			    STR_ARG(one->text));
		else
			making_check_header(m, name, one->pos);
		if (!again)
			out->items[out->n++] = name;
	}
	if (out->n > RESULT_HEADERS_MAX)
		diag_error(m->diag, v->pos, "bad-value",
		    "`result.headers` names more than %d", RESULT_HEADERS_MAX);
}

/* type "/" subtype, and parameters (RFC 9110 8.3.1), of visible ASCII. */
static bool is_media_type(struct str s)
{
	size_t slash = str_find(s, '/', 0);

	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] < ' ' || s.p[i] > '~')
			return false;
	return slash > 0 && slash + 1 < s.n && s.n <= 256 &&
	       s.p[slash + 1] != ' ' && str_find(s, ' ', 0) > slash;
}

void making_result(struct making *m, struct api *api)
{
	api->result_max = making_amount(m, "result.max");
	api->result_type = making_text(m, "result.type");
	if (making_given(m, "result.type") && !is_media_type(api->result_type))
		diag_error(m->diag, making_place(m, "result.type"), "bad-value",
		    "`result.type` is \"%.*s\"; it is a media type such as "
		    "\"application/json\"",
		    STR_ARG(api->result_type));
	if (!making_given(m, "result.type") && api->exec.n)
		api->result_type = STR("application/json");
	kept_headers(m, api);
}
