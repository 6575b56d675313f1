#include "cgi/http.h"

#include <string.h>

#include "lib/buf.h"

/*
 * CGI variables come as the web server made them: header names in upper case
 * with underscores behind HTTP_, the type and the length of the body as
 * CONTENT_TYPE and CONTENT_LENGTH (nginx sends both empty when there are
 * none, and repeats them as HTTP_CONTENT_*).
 */
struct reading {
	struct arena *arena;
	struct request *r;
	size_t bytes; /* of header names and values so far */
	bool method, target;
};

static enum err take_method(struct reading *in, struct str value)
{
	in->method = value.n > 0;
	in->r->method = value;
	return ERR_OK;
}

static enum err take_target(struct reading *in, struct str value)
{
	size_t mark = str_find(value, '?', 0);

	if (value.n > HTTP_TARGET_MAX)
		return ERR_TOO_LARGE;
	in->target = value.n > 0;
	in->r->path = str_slice(value, 0, mark);
	in->r->query = (struct str){0}; /* said twice, the last one counts */
	if (mark < value.n)
		in->r->query = str_slice(value, mark + 1, value.n);
	return ERR_OK;
}

static enum err take_address(struct reading *in, struct str value)
{
	in->r->remote_addr = value;
	return ERR_OK;
}

static enum err take_owner(struct reading *in, struct str value)
{
	in->r->owner = value;
	return ERR_OK;
}

static enum err take_length(struct reading *in, struct str value)
{
	int64_t n = 0;

	if (!value.n)
		return ERR_OK;
	for (size_t i = 0; i < value.n; i++) {
		if (value.p[i] < '0' || value.p[i] > '9')
			return ERR_INPUT;
		/* what is absurdly long is more than any API takes: 413 */
		n = n < INT64_MAX / 100 ? n * 10 + (value.p[i] - '0')
					: INT64_MAX;
	}
	in->r->body_declared = n;
	return ERR_OK;
}

static enum err put_header(
    struct reading *in, struct str name, struct str value)
{
	struct pairs *headers = &in->r->headers;

	in->bytes += name.n + value.n;
	if (headers->n == HTTP_HEADERS_MAX || in->bytes > HTTP_HEADER_BYTES_MAX)
		return ERR_TOO_LARGE;
	headers->items[headers->n++] =
	    (struct pair){.name = name, .value = value};
	return ERR_OK;
}

static enum err take_type(struct reading *in, struct str value)
{
	return value.n ? put_header(in, STR("content-type"), value) : ERR_OK;
}

static enum err take_header(
    struct reading *in, struct str name, struct str value)
{
	if (str_is(name, "CONTENT_TYPE") || str_is(name, "CONTENT_LENGTH"))
		return ERR_OK;
	if (name.n > HTTP_HEADER_BYTES_MAX)
		return ERR_TOO_LARGE;
	char *lower = arena_cstr(in->arena, name);
	for (size_t i = 0; i < name.n; i++) {
		char c = lower[i];
		c = c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
		lower[i] = c == '_' ? '-' : c;
	}
	return put_header(
	    in, (struct str){.p = lower, .n = name.n}, str_trim(value));
}

static const struct variable {
	struct str name;
	enum err (*take)(struct reading *in, struct str value);
} variables[] = {
    {STR_INIT("REQUEST_METHOD"), take_method},
    {STR_INIT("REQUEST_URI"), take_target},
    {STR_INIT("REMOTE_ADDR"), take_address},
    {STR_INIT("LOWTIDE_OWNER"), take_owner},
    {STR_INIT("CONTENT_LENGTH"), take_length},
    {STR_INIT("CONTENT_TYPE"), take_type},
};

static enum err take(struct reading *in, struct str name, struct str value)
{
	if (str_starts(name, "HTTP_") && name.n > 5)
		return take_header(in, str_slice(name, 5, name.n), value);
	for (size_t i = 0; i < sizeof(variables) / sizeof(variables[0]); i++)
		if (str_eq(name, variables[i].name))
			return variables[i].take(in, value);
	return ERR_OK;
}

enum err request_from_cgi(
    struct arena *a, char *const *vars, struct request *out)
{
	*out = (struct request){.body_declared = -1};
	struct reading in = {.arena = a, .r = out};
	size_t n = 0;

	while (vars[n] && n < HTTP_HEADERS_MAX)
		n++;
	out->headers.items = arena_array(a, n, sizeof(out->headers.items[0]));
	for (; *vars; vars++) {
		struct str var = str_of(*vars);
		size_t equals = str_find(var, '=', 0);
		enum err err = take(&in, str_slice(var, 0, equals),
		    str_slice(var, equals + 1, var.n));
		if (err != ERR_OK)
			return err;
	}
	return in.method && in.target ? ERR_OK : ERR_INPUT;
}

static const struct pair *find(
    const struct pair *items, size_t n, const char *name)
{
	struct str wanted = str_of(name);

	for (size_t i = 0; i < n; i++)
		if (str_ieq(items[i].name, wanted))
			return &items[i];
	return NULL;
}

struct str request_header(const struct request *r, const char *name)
{
	const struct pair *hit = find(r->headers.items, r->headers.n, name);
	return hit ? hit->value : (struct str){0};
}

bool request_has_header(const struct request *r, const char *name)
{
	return find(r->headers.items, r->headers.n, name) != NULL;
}

bool http_names_tag(struct str list, struct str etag)
{
	for (size_t at = 0; at < list.n;) {
		size_t end = str_find(list, ',', at);
		struct str tag = str_trim(str_slice(list, at, end));

		if (str_starts(tag, "W/"))
			tag = str_slice(tag, 2, tag.n);
		if (str_is(tag, "*") || str_eq(tag, etag))
			return true;
		at = end + 1;
	}
	return false;
}

void answer_header(struct answer *ans, const char *name, struct str value)
{
	if (ans->n_headers < ANSWER_HEADERS_MAX)
		ans->headers[ans->n_headers++] =
		    (struct pair){.name = str_of(name), .value = value};
}

struct str answer_get(const struct answer *ans, const char *name)
{
	const struct pair *hit = find(ans->headers, ans->n_headers, name);
	return hit ? hit->value : (struct str){0};
}

/* RFC 9110 15: these never have content. */
static bool is_bodiless(int status)
{
	return status < 200 || status == 204 || status == 304;
}

static void put_value(struct buf *out, struct str value)
{
	size_t at = out->len;

	buf_put_str(out, value);
	for (; at < out->len; at++) {
		unsigned char c = (unsigned char)out->data[at];
		if (c < 0x20 || c == 0x7f)
			out->data[at] = ' ';
	}
}

static void write_answer(const struct answer *ans, bool open, struct buf *out)
{
	/* to HEAD, of a body that is not in hand: its length is not known */
	const bool unknown = ans->head && !ans->body.n;
	bool bodiless = is_bodiless(ans->status);

	buf_puts(out, "Status: ");
	buf_put_int(out, ans->status);
	buf_putc(out, ' ');
	buf_puts(out, http_phrase(ans->status));
	buf_puts(out, "\r\n");
	for (size_t i = 0; i < ans->n_headers; i++) {
		buf_put_str(out, ans->headers[i].name);
		buf_puts(out, ": ");
		put_value(out, ans->headers[i].value);
		buf_puts(out, "\r\n");
	}
	if (!bodiless && !open && !unknown) {
		buf_puts(out, "Content-Length: ");
		buf_put_int(out, (int64_t)ans->body.n);
		buf_puts(out, "\r\n");
	}
	buf_puts(out, "\r\n");
	if (!bodiless && !ans->head)
		buf_put_str(out, ans->body);
}

void answer_write(const struct answer *ans, struct buf *out)
{
	write_answer(ans, false, out);
}

void answer_write_open(const struct answer *ans, struct buf *out)
{
	write_answer(ans, true, out);
}

const char *http_phrase(int status)
{
	static const struct {
		int status;
		const char *phrase;
	} rows[] = {
	    {200, "OK"},
	    {201, "Created"},
	    {202, "Accepted"},
	    {203, "Non-Authoritative Information"},
	    {204, "No Content"},
	    {205, "Reset Content"},
	    {206, "Partial Content"},
	    {300, "Multiple Choices"},
	    {301, "Moved Permanently"},
	    {302, "Found"},
	    {303, "See Other"},
	    {304, "Not Modified"},
	    {307, "Temporary Redirect"},
	    {308, "Permanent Redirect"},
	    {400, "Bad Request"},
	    {401, "Unauthorized"},
	    {402, "Payment Required"},
	    {403, "Forbidden"},
	    {404, "Not Found"},
	    {405, "Method Not Allowed"},
	    {406, "Not Acceptable"},
	    {407, "Proxy Authentication Required"},
	    {408, "Request Timeout"},
	    {409, "Conflict"},
	    {410, "Gone"},
	    {411, "Length Required"},
	    {412, "Precondition Failed"},
	    {413, "Content Too Large"},
	    {414, "URI Too Long"},
	    {415, "Unsupported Media Type"},
	    {416, "Range Not Satisfiable"},
	    {417, "Expectation Failed"},
	    {421, "Misdirected Request"},
	    {422, "Unprocessable Content"},
	    {426, "Upgrade Required"},
	    {428, "Precondition Required"},
	    {429, "Too Many Requests"},
	    {431, "Request Header Fields Too Large"},
	    {451, "Unavailable For Legal Reasons"},
	    {500, "Internal Server Error"},
	    {501, "Not Implemented"},
	    {502, "Bad Gateway"},
	    {503, "Service Unavailable"},
	    {504, "Gateway Timeout"},
	    {505, "HTTP Version Not Supported"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (rows[i].status == status)
			return rows[i].phrase;
	return "Unknown";
}
