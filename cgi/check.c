#include "cgi/check.h"

#include <stdarg.h>
#include <string.h>

#include "cgi/names.h"
#include "cgi/template.h"
#include "lib/json.h"

/*
 * The templates are filled as the worker will fill them (cgi/template.c), so
 * that what passes here cannot fail there for its shape. Faults are collected
 * up to CHECK_FAULTS_MAX; the rest is not told.
 */
static bool is_told(const struct check *out, struct str pointer)
{
	for (size_t i = 0; i < out->n; i++)
		if (str_eq(out->faults[i].pointer, pointer))
			return true;
	return false;
}

/* One for each member: the first is the plainest. */
__attribute__((format(printf, 4, 5))) static void fault(struct arena *a,
    struct check *out, struct str pointer, const char *format, ...)
{
	va_list args;

	out->problem = PROBLEM_VALIDATION_FAILED;
	if (out->n == CHECK_FAULTS_MAX || (pointer.n && is_told(out, pointer)))
		return;
	va_start(args, format);
	out->faults[out->n++] = (struct answer_fault){
	    .pointer = pointer, .detail = arena_vprintf(a, format, args)};
	va_end(args);
}

/* One more step of a JSON pointer (RFC 6901 3: ~ is ~0, / is ~1). */
static struct str pointer_to(struct arena *a, struct str name, char separator)
{
	struct buf out = {0};

	buf_putc(&out, '/');
	for (size_t i = 0; i < name.n; i++) {
		if (name.p[i] == '~')
			buf_puts(&out, "~0");
		else if (name.p[i] == '/')
			buf_puts(&out, "~1");
		else
			buf_putc(
			    &out, name.p[i] == separator ? '/' : name.p[i]);
	}
	struct str s = arena_str(a, buf_str(&out));
	buf_release(&out);
	return s;
}

/* An integer too large for 64 bits is one still: its text says so. */
static bool is_integer(const struct value *v)
{
	if (v->kind == VALUE_INT)
		return true;
	if (v->kind != VALUE_FLOAT || !v->text.n)
		return false;
	for (size_t i = 0; i < v->text.n; i++)
		if (strchr(".eE", v->text.p[i]))
			return false;
	return true;
}

static bool is_number(const struct value *v)
{
	return v->kind == VALUE_INT || v->kind == VALUE_FLOAT;
}

static bool is_string(const struct value *v)
{
	return v->kind == VALUE_STRING;
}

static bool is_boolean(const struct value *v)
{
	return v->kind == VALUE_BOOL;
}

static bool is_array(const struct value *v)
{
	return v->kind == VALUE_ARRAY;
}

static bool is_object(const struct value *v)
{
	return v->kind == VALUE_TABLE;
}

static bool is_any(const struct value *v)
{
	return v->kind != VALUE_NULL;
}

/* What `required` may say of a member. */
static const struct shape {
	const char *name, *noun;
	bool (*fits)(const struct value *v);
} shapes[] = {
    {"string", "a string", is_string},
    {"number", "a number", is_number},
    {"integer", "a whole number", is_integer},
    {"boolean", "true or false", is_boolean},
    {"array", "an array", is_array},
    {"object", "an object", is_object},
    {"any", "a value", is_any},
};

static const struct shape *shape_of(struct str name)
{
	for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++)
		if (str_is(name, shapes[i].name))
			return &shapes[i];
	return &shapes[sizeof(shapes) / sizeof(shapes[0]) - 1];
}

static void check_members(struct arena *a, const struct api *api,
    const struct value *body, struct check *out)
{
	if (api->body_required.n && body->kind != VALUE_TABLE) {
		fault(a, out, (struct str){0}, "the body must be an object");
		return;
	}
	for (size_t i = 0; i < api->body_required.n; i++) {
		const struct pair *row = &api->body_required.items[i];
		const struct shape *shape = shape_of(row->value);
		const struct member *m = value_member(body, row->name);

		if (!m)
			fault(a, out, pointer_to(a, row->name, '\0'),
			    "%.*s is missing; it must be %s",
			    STR_ARG(row->name), shape->noun);
		else if (!shape->fits(m->value))
			fault(a, out, pointer_to(a, row->name, '\0'),
			    "%.*s must be %s", STR_ARG(row->name), shape->noun);
	}
}

/* {body.a.b} of a template and "body.a.b" of a key name the same member. */
static struct str in_body(struct str name)
{
	return str_starts(name, "body.") ? str_slice(name, 5, name.n)
					 : (struct str){0};
}

/* Its spelling is the id: 7 and "7" are one resource. */
static void check_resource(struct arena *a, const struct api *api,
    const struct value *body, struct check *out)
{
	struct str name = in_body(api->resource_id);

	if (!name.n)
		return;
	const struct value *v = value_path(body, arena_cstr(a, name));
	if (v && (is_string(v) || is_integer(v)))
		out->resource = value_spell(a, v);
	if (!out->resource.n)
		fault(a, out, pointer_to(a, name, '.'),
		    "%.*s must be a string that is not empty, or a whole "
		    "number: it is the id of the resource",
		    STR_ARG(name));
}

static void check_template(struct arena *a,
    const struct template_source *source, enum template_place where,
    struct str text, struct check *out)
{
	struct str filled, place, pointer = {0};
	enum err err = template_fill(a, source, where, text, &filled, &place);

	/* what has nothing to say is left out */
	if (err == ERR_OK ||
	    (where == TEMPLATE_HEADER && template_drops_header(err, place)) ||
	    (where == TEMPLATE_FORM && template_drops_member(err, place)))
		return;
	if (str_ends(place, "?"))
		place.n--;
	if (in_body(place).n)
		pointer = pointer_to(a, in_body(place), '.');
	if (err == ERR_NOT_FOUND)
		fault(a, out, pointer, "%.*s is missing", STR_ARG(place));
	else
		fault(a, out, pointer, "%.*s cannot be used as it is",
		    STR_ARG(place));
}

static void check_templates(struct arena *a, const struct api *api,
    const struct template_source *source, struct check *out)
{
	check_template(a, source, TEMPLATE_PATH, api->request_path, out);
	check_template(a, source, TEMPLATE_BODY, api->request_body, out);
	for (size_t i = 0; i < api->request_form.n; i++)
		check_template(a, source, TEMPLATE_FORM,
		    api->request_form.items[i].value, out);
	for (size_t i = 0; i < api->request_headers.n; i++)
		check_template(a, source, TEMPLATE_HEADER,
		    api->request_headers.items[i].value, out);
}

/* Whether a template of the API is one of those: template_uses, _needs. */
static bool any_template(const struct api *api,
    bool (*is)(struct str text, const char *root), const char *root)
{
	for (size_t i = 0; i < api->request_headers.n; i++)
		if (is(api->request_headers.items[i].value, root))
			return true;
	for (size_t i = 0; i < api->request_form.n; i++)
		if (is(api->request_form.items[i].value, root))
			return true;
	return is(api->request_path, root) || is(api->request_body, root);
}

/* Without its parameters: "application/json; charset=utf-8". */
static struct str essence(struct str type)
{
	return str_trim(str_slice(type, 0, str_find(type, ';', 0)));
}

/* Nothing was sent: its type does not matter, what it lacks does. */
static bool has_right_type(const struct api *api, const struct request *r)
{
	return !r->body.n ||
	       (api->body_type.n &&
		   str_ieq(essence(api->body_type),
		       essence(request_header(r, "content-type"))));
}

/* A body that is sent is JSON; one that is not sent may be needed. */
static bool is_json(const struct api *api)
{
	return api->body_required.n || api->resource_id.n ||
	       api->body_secret.n || any_template(api, template_uses, "body");
}

static bool is_body_needed(const struct api *api)
{
	return api->body_required.n || api->resource_id.n ||
	       api->body_secret.n || any_template(api, template_needs, "body");
}

/* False: there is nothing in which a member could be missing. */
static bool read_body(struct arena *a, const struct api *api,
    const struct request *r, struct value **body, struct check *out)
{
	struct diag diag;

	*body = NULL;
	if (!is_json(api))
		return true;
	diag_init(&diag, a);
	if (!r->body.n) {
		if (is_body_needed(api))
			fault(a, out, (struct str){0}, "a JSON body is needed");
		return !out->n;
	}
	if (json_read(a, r->body, (size_t)api->body_max, NULL, &diag, body) !=
	    ERR_OK) {
		fault(a, out, (struct str){0},
		    "the body is not JSON: line %u, column %u",
		    diag.first ? diag.first->pos.line : 1,
		    diag.first ? diag.first->pos.col : 1);
		return false;
	}
	return true;
}

static void check_size_and_type(struct arena *a, const struct api *api,
    const struct request *r, struct check *out)
{
	int64_t n = (int64_t)r->body.n;

	if (r->body_declared > n)
		n = r->body_declared;
	if (r->body_too_large || n > api->body_max)
		out->problem = PROBLEM_PAYLOAD_TOO_LARGE;
	else if (!has_right_type(api, r))
		out->problem = PROBLEM_UNSUPPORTED_MEDIA_TYPE;
	else if (n != (int64_t)r->body.n)
		fault(a, out, (struct str){0},
		    "the body ended before its Content-Length");
}

void check_request(struct arena *a, const struct api *api,
    const struct request *r, const struct envelope_request *env,
    struct str job_id, struct check *out)
{
	struct value *body;

	*out = (struct check){.problem = PROBLEM_COUNT};
	check_size_and_type(a, api, r, out);
	if (out->problem != PROBLEM_COUNT || !read_body(a, api, r, &body, out))
		return;
	check_members(a, api, body, out);
	if (out->n && body->kind != VALUE_TABLE)
		return;
	check_resource(a, api, body, out);
	const struct template_source source = {.pattern = api->path,
	    .request = env,
	    .body = body,
	    .job_id = job_id,
	    .rehearsal = true};
	check_templates(a, api, &source, out);
}

static void keep_trace(struct arena *a, struct str trace, struct pairs *kept)
{
	for (size_t i = 0; i < kept->n; i++) {
		if (str_ieq(kept->items[i].name, STR("traceparent"))) {
			kept->items[i].value = arena_str(a, trace);
			return;
		}
	}
	kept->items[kept->n++] =
	    (struct pair){STR("traceparent"), arena_str(a, trace)};
}

void check_envelope(struct arena *a, const struct api *api,
    const struct request *r, struct str trace, struct envelope_request *out)
{
	const struct str sent = request_header(r, "traceparent");

	*out = (struct envelope_request){.method = r->method,
	    .path = r->path,
	    .query = r->query,
	    .remote_addr = r->remote_addr,
	    .body = r->body};
	out->headers.items =
	    arena_array(a, r->headers.n + 1, sizeof(out->headers.items[0]));
	for (size_t i = 0; i < r->headers.n; i++)
		if (names_is_forwarded(api, r->headers.items[i].name))
			out->headers.items[out->headers.n++] =
			    r->headers.items[i];
	if (!trace.n && names_is_trace(sent))
		trace = sent;
	if (trace.n)
		keep_trace(a, trace, &out->headers);
}

static bool is_secret(const struct api *api, struct str member)
{
	for (size_t i = 0; i < api->body_secret.n; i++)
		if (str_eq(api->body_secret.items[i], member))
			return true;
	return false;
}

struct str check_printed(
    struct arena *a, const struct api *api, struct str body)
{
	struct buf out = {0};
	struct json_writer w = {.out = &out};
	struct value *v;

	if (!api->body_secret.n ||
	    json_read(a, body, body.n, NULL, NULL, &v) != ERR_OK ||
	    v->kind != VALUE_TABLE)
		return body;
	json_open(&w, '{');
	for (size_t i = 0; i < v->as.table.n; i++) {
		const struct member *m = &v->as.table.members[i];
		if (is_secret(api, m->key))
			continue;
		json_key_str(&w, m->key);
		json_value(&w, m->value);
	}
	json_close(&w, '}');
	struct str s = arena_str(a, buf_str(&out));
	buf_release(&out);
	return s;
}

static bool has_header(const struct pairs *headers, const struct pair *wanted)
{
	for (size_t i = 0; i < headers->n; i++)
		if (str_ieq(headers->items[i].name, wanted->name) &&
		    str_eq(headers->items[i].value, wanted->value))
			return true;
	return false;
}

bool check_renews(const struct api *api, const struct envelope_request *had,
    const struct envelope_request *sent)
{
	for (size_t i = 0; i < sent->headers.n; i++) {
		const struct pair *header = &sent->headers.items[i];
		if (header->value.n && names_is_credential(api, header->name) &&
		    !has_header(&had->headers, header))
			return true;
	}
	/* of one fingerprint: what else could differ is white space */
	return api->body_secret.n && !str_eq(had->body, sent->body);
}
