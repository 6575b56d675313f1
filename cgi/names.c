#include "cgi/names.h"

#include <string.h>

#include "cgi/template.h"

/*
 * Headers are hostile here: a name that is not of its grammar counts as absent,
 * but a broken Idempotency-Key is an error, since whoever sends one means it.
 */
static bool is_alnum(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9');
}

static bool all_of(struct str s, const char *marks)
{
	for (size_t i = 0; i < s.n; i++)
		if (!is_alnum(s.p[i]) &&
		    (s.p[i] == '\0' || !strchr(marks, s.p[i])))
			return false;
	return s.n > 0;
}

bool names_is_request_id(struct str s)
{
	return s.n <= NAMES_REQUEST_ID_MAX && all_of(s, "._-");
}

bool names_is_token(struct str s)
{
	return s.n <= 64 && all_of(s, "!#$%&'*+-.^_`|~");
}

/* n lower-case hex digits at `at`, not all zero unless zero_ok. */
static bool is_hex(struct str s, size_t at, size_t n, bool zero_ok)
{
	for (size_t i = at; i < at + n; i++) {
		char c = s.p[i];
		if (!(c >= '0' && c <= '9') && !(c >= 'a' && c <= 'f'))
			return false;
		zero_ok |= c != '0';
	}
	return zero_ok;
}

bool names_is_trace(struct str s)
{
	return s.n == NAMES_TRACE && str_starts(s, "00-") &&
	       is_hex(s, 3, 32, false) && s.p[35] == '-' &&
	       is_hex(s, 36, 16, false) && s.p[52] == '-' &&
	       is_hex(s, 53, 2, true);
}

static void put_hex(char out[16], uint64_t number)
{
	for (size_t i = 16; i; number >>= 4)
		out[--i] = "0123456789abcdef"[number & 15];
}

struct str names_new_trace(struct arena *a, const uint64_t random[3])
{
	char text[NAMES_TRACE + 1] =
	    "00-TRACETRACETRACETRACETRACETRACETR-SPANSPANSPANSPAN-01";

	put_hex(text + 3, random[0] | 1);
	put_hex(text + 19, random[1]);
	put_hex(text + 36, random[2] | 1);
	return arena_str(a, (struct str){.p = text, .n = NAMES_TRACE});
}

/* RFC 9110 7.6.1 and what a client authenticates with. */
static const char *const never_by_pattern[] = {
    "authorization",
    "connection",
    "content-length",
    "cookie",
    "expect",
    "host",
    "keep-alive",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
};

static bool matches(struct str pattern, struct str header)
{
	if (!str_ends(pattern, "*"))
		return str_ieq(pattern, header);
	pattern.n--;
	if (!str_ieq(pattern, str_slice(header, 0, pattern.n)))
		return false;
	for (size_t i = 0;
	     i < sizeof(never_by_pattern) / sizeof(never_by_pattern[0]); i++)
		if (str_ieq(header, str_of(never_by_pattern[i])))
			return false;
	return true;
}

bool names_matches_any(const struct strs *patterns, struct str header)
{
	for (size_t i = 0; i < patterns->n; i++)
		if (matches(patterns->items[i], header))
			return true;
	return false;
}

bool names_matches_forward(const struct api *api, struct str header)
{
	return names_matches_any(&api->forward, header);
}

static bool any_names(const struct pairs *templates, struct str header)
{
	for (size_t i = 0; i < templates->n; i++)
		if (template_names_header(templates->items[i].value, header))
			return true;
	return false;
}

static bool is_in_templates(const struct api *api, struct str header)
{
	return any_names(&api->request_headers, header) ||
	       any_names(&api->request_form, header) ||
	       template_names_header(api->request_path, header) ||
	       template_names_header(api->request_body, header);
}

bool names_is_forwarded(const struct api *api, struct str header)
{
	return names_matches_forward(api, header) ||
	       is_in_templates(api, header);
}

static bool any_uses_header(const struct pairs *templates)
{
	for (size_t i = 0; i < templates->n; i++)
		if (template_uses(templates->items[i].value, "header"))
			return true;
	return false;
}

/* Whether the API says by name which credential of the client goes on. */
static bool names_any(const struct api *api)
{
	for (size_t i = 0; i < api->forward.n; i++)
		if (!str_ends(api->forward.items[i], "*"))
			return true;
	return api->body_secret.n || any_uses_header(&api->request_headers) ||
	       any_uses_header(&api->request_form) ||
	       template_uses(api->request_path, "header") ||
	       template_uses(api->request_body, "header");
}

bool names_takes_credential(const struct api *api)
{
	return api->forward.n || names_any(api);
}

bool names_is_credential(const struct api *api, struct str header)
{
	for (size_t i = 0; i < api->forward.n; i++)
		if (!str_ends(api->forward.items[i], "*") &&
		    str_ieq(api->forward.items[i], header))
			return true;
	return is_in_templates(api, header) ||
	       (!names_any(api) && !str_ieq(header, STR("traceparent")) &&
		   names_matches_forward(api, header));
}

/*
 * A quoted string (RFC 8941 3.3.3) or the bare bytes; visible ASCII and
 * spaces only.
 */
static bool unquote(struct arena *a, struct str s, struct str *out)
{
	bool quoted = s.n >= 2 && s.p[0] == '"' && s.p[s.n - 1] == '"';
	char *to = arena_alloc(a, NAMES_KEY_MAX + 1);
	size_t n = 0;

	if (s.n > 2 * NAMES_KEY_MAX + 2)
		return false;
	if (quoted)
		s = str_slice(s, 1, s.n - 1);
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		if (quoted && c == '\\') {
			if (++i == s.n || (s.p[i] != '"' && s.p[i] != '\\'))
				return false;
			c = (unsigned char)s.p[i];
		} else if (c == '"') {
			return false;
		}
		if (c < 0x20 || c > 0x7e || n == NAMES_KEY_MAX)
			return false;
		to[n++] = (char)c;
	}
	*out = (struct str){.p = to, .n = n};
	return n > 0;
}

static bool counts(struct str name, bool anonymous)
{
	return !anonymous || name.n >= IDS_NAME_MIN_ANONYMOUS;
}

void names_find(
    struct arena *a, const struct request *r, bool anonymous, struct name *out)
{
	struct str id = request_header(r, "x-request-id");

	*out = (struct name){.naming = NAMING_NONE};
	if (request_has_header(r, "idempotency-key")) {
		struct str key = str_trim(request_header(r, "idempotency-key"));
		*out = (struct name){
		    .naming = NAMING_CLIENT, .kind = NAME_IDEMPOTENCY_KEY};
		if (!unquote(a, key, &out->name))
			out->naming = NAMING_BAD;
		if (out->naming == NAMING_BAD || counts(out->name, anonymous))
			return;
		*out = (struct name){.naming = NAMING_NONE};
	}
	if (str_starts(id, "job_"))
		*out = (struct name){.naming = NAMING_JOB, .name = id};
	else if (names_is_request_id(id) && counts(id, anonymous))
		*out = (struct name){.naming = NAMING_CLIENT,
		    .kind = NAME_REQUEST_ID,
		    .name = id};
}
