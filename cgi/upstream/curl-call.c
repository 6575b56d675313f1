#include "cgi/upstream/curl-parts.h"

#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"

/*
 * A call as libcurl is told of it.
 *
 * The environment's proxies, .netrc and the like are not looked at: they
 * would open ways around the address check.
 */
#define DEFAULT_TIMEOUT_MS 10000
#define CA_KNOWN_S 60L /* another file of authorities is seen after that */

/* ---- what libcurl calls ------------------------------------------------ */

void http_call_give_up(struct http_call *call)
{
	curl_easy_setopt(call->easy, CURLOPT_FORBID_REUSE, 1L);
}

static size_t refuse(struct http_call *call)
{
	call->too_large = true;
	http_call_give_up(call);
	return 0;
}

/* What it says it will send is more than is taken. */
static bool announces_more(const struct http_call *call, struct str line)
{
	const struct str name = STR("Content-Length:");
	const struct str value = str_trim(str_slice(line, name.n, line.n));
	int64_t n = 0;

	if (!str_ieq(str_slice(line, 0, name.n), name))
		return false;
	for (size_t i = 0; i < value.n && n <= call->max; i++) {
		if (value.p[i] < '0' || value.p[i] > '9')
			return false; /* which libcurl has an opinion on */
		n = n * 10 + (value.p[i] - '0');
	}
	return n > call->max;
}

/* From the first header on, an answer that stalls is cut off. */
static size_t on_header(char *p, size_t size, size_t n, void *ctx)
{
	const struct str line = str_trim((struct str){p, size * n});
	struct http_call *call = ctx;

	call->head_ended =
	    !line.n || (call->head_ended && !str_starts(line, "HTTP/"));
	http_kept_status(call, line);
	if (call->header_bytes == 0 && call->stall_ms > 0) {
		curl_easy_setopt(call->easy, CURLOPT_LOW_SPEED_LIMIT, 1L);
		curl_easy_setopt(call->easy, CURLOPT_LOW_SPEED_TIME,
		    (long)((call->stall_ms + 999) / 1000));
	}
	call->header_bytes += size * n;
	if (call->header_bytes > UPSTREAM_HEADER_BYTES_MAX ||
	    announces_more(call, line))
		return refuse(call);
	return size * n;
}

static size_t on_body(char *p, size_t size, size_t n, void *ctx)
{
	struct http_call *call = ctx;

	n *= size;
	if ((int64_t)(call->body.len + n) > call->max)
		return refuse(call);
	buf_put(&call->body, p, n);
	return n;
}

/* ---- setting up ---------------------------------------------------------- */

/* libcurl's spelling: "Name;" sends an empty value, "Name:" drops the header */
static struct curl_slist *add_header(
    struct curl_slist *list, const struct pair *header)
{
	struct buf line = {0};

	buf_put_str(&line, header->name);
	if (header->value.n) {
		buf_puts(&line, ": ");
		buf_put_str(&line, header->value);
	} else {
		buf_putc(&line, ';');
	}
	struct curl_slist *longer = curl_slist_append(list, line.data);
	if (!longer)
		abort();
	buf_release(&line);
	return longer;
}

static bool has_header(const struct pairs *headers, const char *name)
{
	for (size_t i = 0; i < headers->n; i++)
		if (str_ieq(headers->items[i].name, str_of(name)))
			return true;
	return false;
}

static void set_headers(
    struct http_call *call, const struct upstream_call *spec)
{
	static const char *const not_ours[] = {"Expect", "Content-Type"};
	struct curl_slist *list = NULL;

	for (size_t i = 0; i < spec->headers.n; i++)
		list = add_header(list, &spec->headers.items[i]);
	for (size_t i = 0; i < sizeof(not_ours) / sizeof(not_ours[0]); i++) {
		char drop[32];

		if (has_header(&spec->headers, not_ours[i]))
			continue;
		strcpy(drop, not_ours[i]);
		strcat(drop, ":");
		list = curl_slist_append(list, drop);
	}
	call->headers = list;
	curl_easy_setopt(call->easy, CURLOPT_HTTPHEADER, list);
}

static void set_method(CURL *easy, const struct upstream_call *spec)
{
	bool writes = strcmp(spec->method, "POST") == 0 ||
		      strcmp(spec->method, "PUT") == 0;

	if (spec->has_body || writes) {
		curl_easy_setopt(easy, CURLOPT_POST, 1L);
		curl_easy_setopt(easy, CURLOPT_POSTFIELDS,
		    spec->has_body && spec->body.n ? spec->body.p : "");
		curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE,
		    (curl_off_t)(spec->has_body ? spec->body.n : 0));
	} else if (strcmp(spec->method, "HEAD") == 0) {
		curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
	} else {
		curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L);
	}
	curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, spec->method);
}

static void set_limits(struct http_call *call, const struct upstream_call *spec)
{
	CURL *easy = call->easy;
	long total = (long)(spec->timeout_ms > 0 ? spec->timeout_ms
						 : DEFAULT_TIMEOUT_MS);

	call->stall_ms = spec->stall_timeout_ms;
	call->max =
	    spec->response_max > 0 ? spec->response_max : UPSTREAM_RESPONSE_MAX;
	call->due.at_ms = clock_monotonic_ms() + total;
	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS,
	    spec->connect_timeout_ms > 0 ? (long)spec->connect_timeout_ms
					 : total);
}

static bool is_https(const char *url)
{
	return str_starts(str_of(url), "https:");
}

static void set_rules(CURL *easy, const struct upstream_call *spec)
{
	const bool shares = spec->reuse && spec->multiplex;

	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(easy, CURLOPT_HTTP_VERSION,
	    shares ? CURL_HTTP_VERSION_2TLS : CURL_HTTP_VERSION_1_1);
	/*
	 * Whoever comes second waits for what the first one finds there: over
	 * TLS, where that is known with the handshake. Without, it would not
	 * be before its answer.
	 */
	curl_easy_setopt(
	    easy, CURLOPT_PIPEWAIT, shares && is_https(spec->url) ? 1L : 0L);
	curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, spec->reuse ? 0L : 1L);
	curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, spec->reuse ? 0L : 1L);
	curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);
	curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L);
	curl_easy_setopt(easy, CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2);
	if (spec->ca) { /* and nobody else's */
		curl_easy_setopt(easy, CURLOPT_CAINFO, spec->ca);
		curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
	}
	curl_easy_setopt(easy, CURLOPT_CA_CACHE_TIMEOUT, CA_KNOWN_S);
	curl_easy_setopt(easy, CURLOPT_PROXY, "");
	curl_easy_setopt(easy, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	curl_easy_setopt(easy, CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
	curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	/* a name server that hangs must not hold up the leases of all others */
	curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
	curl_easy_setopt(easy, CURLOPT_USERAGENT, "lowtide");
}

static void set_callbacks(struct http_call *call)
{
	CURL *easy = call->easy;

	curl_easy_setopt(easy, CURLOPT_PRIVATE, call);
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, call->why);
	curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(easy, CURLOPT_HEADERDATA, call);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, call);
}

void http_call_set_up(struct http_call *call, const struct upstream_call *spec)
{
	call->local = spec->local;
	call->reuse = spec->reuse;
	call->leave_by_boot = spec->leave_by_boot;
	call->keep = spec->keep;
	curl_easy_setopt(call->easy, CURLOPT_URL, spec->url);
	set_rules(call->easy, spec);
	set_limits(call, spec);
	set_method(call->easy, spec);
	set_headers(call, spec);
	set_callbacks(call);
	http_kept_set_up(call);
}
