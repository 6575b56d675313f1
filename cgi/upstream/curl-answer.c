#include "cgi/upstream/curl-parts.h"

#include "cgi/upstream/kept.h"

/* What became of a call that has ended. */

static enum upstream_end end_of(const struct http_call *call, CURLcode code)
{
	if (code == CURLE_OK)
		return call->head_ended ? UPSTREAM_ANSWER : UPSTREAM_BROKEN;
	if (call->too_large)
		return UPSTREAM_TOO_LARGE;
	if (code != CURLE_SEND_ERROR && http_call_unsent(call))
		return UPSTREAM_UNSENT;
	return code == CURLE_OPERATION_TIMEDOUT ? UPSTREAM_TIMEOUT
						: UPSTREAM_BROKEN;
}

/* A header's value, but for those that nobody could pass on. */
static struct str header_of(
    const struct http_call *call, struct arena *a, const char *name, size_t max)
{
	struct curl_header *h;

	if (curl_easy_header(call->easy, name, 0, CURLH_HEADER, -1, &h) !=
	    CURLHE_OK)
		return (struct str){0};
	struct str value = str_of(h->value);
	for (size_t i = 0; i < value.n; i++)
		if ((unsigned char)value.p[i] < 0x20 || value.p[i] == 0x7f)
			return (struct str){0};
	return value.n > max ? (struct str){0} : arena_str(a, value);
}

/* A date that has passed is negative, and a number as large as they come. */
static int64_t wait_ms(const struct http_call *call)
{
	curl_off_t wait = 0;

	curl_easy_getinfo(call->easy, CURLINFO_RETRY_AFTER, &wait);
	if (wait <= 0)
		return 0;
	return wait < INT32_MAX ? (int64_t)wait * 1000
				: (int64_t)INT32_MAX * 1000;
}

static void keep_headers(
    const struct http_call *call, struct arena *a, struct upstream_answer *out)
{
	struct kept kept;

	kept_init(a, &kept);
	for (size_t i = 0; i < call->keep.n; i++) {
		const char *name = arena_cstr(a, call->keep.items[i]);
		struct curl_header *h;

		for (size_t n = 0; curl_easy_header(call->easy, name, n,
				       CURLH_HEADER, -1, &h) == CURLHE_OK;
		     n++)
			kept_add(&kept, call->keep.items[i], str_of(h->value));
	}
	out->headers = kept.headers;
	out->headers_cut = kept.cut;
}

/* What whoever reads the log can do about it. */
static const char *advice_on(CURLcode code)
{
	static const struct {
		CURLcode code;
		const char *text;
	} rows[] = {
	    {CURLE_COULDNT_RESOLVE_HOST,
		"; see the host in the upstream's base, and this machine's "
		"name server"},
	    {CURLE_COULDNT_CONNECT,
		"; nobody listens there, or a firewall is between"},
	    {CURLE_PEER_FAILED_VERIFICATION,
		"; its certificate has to be valid, for this name, and of an "
		"authority that this machine trusts, or else name its "
		"authority's file as the upstream's ca"},
	    {CURLE_SSL_CACERT_BADFILE,
		"; install the package ca-certificates, or name a file of PEM "
		"certificates that this program's user can read as the "
		"upstream's ca"},
	    {CURLE_SSL_CONNECT_ERROR,
		"; it has to speak TLS 1.2 or newer there"},
	    {CURLE_UNSUPPORTED_PROTOCOL, "; no HTTP server answers there"},
	    {CURLE_WEIRD_SERVER_REPLY, "; no HTTP server answers there"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (rows[i].code == code)
			return rows[i].text;
	return "";
}

static const char *why_of(
    const struct http_call *call, struct arena *a, CURLcode code)
{
	if (code == CURLE_OK)
		return call->head_ended
			   ? ""
			   : "its answer broke off within its head";
	if (call->refused)
		return "its address is private; say local = true if it may be";
	if (call->late)
		return "its time to leave was over";
	if (call->header_bytes > UPSTREAM_HEADER_BYTES_MAX)
		return "its answer has more headers than anybody needs";
	if (call->too_large)
		return "its answer is larger than response_max or result_max";
	const char *why = call->why[0] ? call->why : curl_easy_strerror(code);
	return arena_printf(a, "%s%s", why, advice_on(code)).p;
}

void http_call_answer(
    const struct http_call *call, struct arena *a, struct upstream_answer *out)
{
	const CURLcode code = call->code;
	long status = 0;
	struct curl_header *h;

	curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &status);
	*out = (struct upstream_answer){.end = end_of(call, code),
	    .status = (int)status,
	    .content_type =
		header_of(call, a, "Content-Type", UPSTREAM_TYPE_MAX),
	    .location = header_of(call, a, "Location", UPSTREAM_LOCATION_MAX),
	    .has_retry_after = curl_easy_header(call->easy, "Retry-After", 0,
				   CURLH_HEADER, -1, &h) == CURLHE_OK,
	    .retry_after_ms = wait_ms(call),
	    .why = why_of(call, a, code)};
	if (out->end != UPSTREAM_ANSWER)
		return;
	keep_headers(call, a, out);
	out->body = arena_str(a, buf_str(&call->body));
}
