#include "cgi/upstream/upstream.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <curl/curl.h>

#include "cgi/upstream/address.h"
#include "cgi/upstream/kept.h"
#include "lib/buf.h"
#include "lib/clock.h"

/*
 * HTTP/1.1 by libcurl's multi interface. Each call is an easy handle of its
 * own, made and thrown away with it: no cookie, no state is carried over.
 *
 * "Unsent" is libcurl's own count of request bytes handed to the connection
 * (CURLINFO_REQUEST_SIZE) being zero; a failed send counts as sent.
 *
 * The total time-out is ours, not libcurl's: it looks at the clock before it
 * looks at the socket, and one who could not drive it for a while (he waited
 * for the store's turn, or the machine slept) would be told that nobody
 * answered where the answer lies there complete. So the time of a call is over
 * when it is over and a look brought nothing more.
 *
 * An answer that ends within its head, libcurl takes for a whole one without a
 * body; here it is broken, as is one that ends within its body.
 *
 * The environment's proxies, .netrc and the like are not looked at: they
 * would open ways around the address check.
 */
#define DEFAULT_TIMEOUT_MS 10000
#define WAIT_FDS_MAX 8
#define LAST_LOOKS 1000 /* of an answer that keeps coming */

struct call {
	struct call *next;
	struct pool *pool;
	CURL *easy;
	struct curl_slist *headers;
	void *tag;
	bool local, too_large, refused;
	bool head_ended; /* the empty line behind it came */
	int64_t max, stall_ms;
	struct strs keep; /* the caller's */
	int64_t until_ms; /* monotonic */
	size_t seen;	  /* bytes of the answer, at the last look */
	int looks;	  /* since its time was over */
	size_t header_bytes;
	struct buf body;
	char why[CURL_ERROR_SIZE];
};
struct pool {
	CURLM *multi;
	struct call *running; /* also those that have ended but not left */
	size_t n;
};

static enum err curl_open(void **out)
{
	struct pool *pool = calloc(1, sizeof(*pool));

	if (!pool)
		abort();
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
		free(pool);
		return ERR_MISSING;
	}
	pool->multi = curl_multi_init();
	if (!pool->multi)
		abort();
	*out = pool;
	return ERR_OK;
}

static void call_free(struct pool *pool, struct call *call)
{
	struct call **at = &pool->running;

	while (*at && *at != call)
		at = &(*at)->next;
	if (*at) {
		*at = call->next;
		pool->n--;
	}
	curl_multi_remove_handle(pool->multi, call->easy);
	curl_easy_cleanup(call->easy);
	curl_slist_free_all(call->headers);
	buf_release(&call->body);
	free(call);
}

static void curl_close(void *p)
{
	struct pool *pool = p;

	if (!pool)
		return;
	while (pool->running)
		call_free(pool, pool->running);
	curl_multi_cleanup(pool->multi);
	curl_global_cleanup();
	free(pool);
}

/* ---- what libcurl calls ------------------------------------------------ */

static curl_socket_t on_socket(
    void *ctx, curlsocktype purpose, struct curl_sockaddr *address)
{
	struct call *call = ctx;

	(void)purpose;
	if (!call->local &&
	    !address_is_global(&address->addr, address->addrlen)) {
		call->refused = true;
		return CURL_SOCKET_BAD;
	}
	return socket(address->family, address->socktype | SOCK_CLOEXEC,
	    address->protocol);
}

/* From the first header on, an answer that stalls is cut off. */
static size_t on_header(char *p, size_t size, size_t n, void *ctx)
{
	const struct str line = str_trim((struct str){p, size * n});
	struct call *call = ctx;

	call->head_ended =
	    !line.n || (call->head_ended && !str_starts(line, "HTTP/"));
	if (call->header_bytes == 0 && call->stall_ms > 0) {
		curl_easy_setopt(call->easy, CURLOPT_LOW_SPEED_LIMIT, 1L);
		curl_easy_setopt(call->easy, CURLOPT_LOW_SPEED_TIME,
		    (long)((call->stall_ms + 999) / 1000));
	}
	call->header_bytes += size * n;
	if (call->header_bytes > UPSTREAM_HEADER_BYTES_MAX) {
		call->too_large = true;
		return 0;
	}
	return size * n;
}

static size_t on_body(char *p, size_t size, size_t n, void *ctx)
{
	struct call *call = ctx;

	n *= size;
	if ((int64_t)(call->body.len + n) > call->max) {
		call->too_large = true;
		return 0;
	}
	buf_put(&call->body, p, n);
	return n;
}

/* ---- starting ---------------------------------------------------------- */

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

static void set_headers(struct call *call, const struct upstream_call *spec)
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

static void set_limits(struct call *call, const struct upstream_call *spec)
{
	CURL *easy = call->easy;
	long total = (long)(spec->timeout_ms > 0 ? spec->timeout_ms
						 : DEFAULT_TIMEOUT_MS);

	call->stall_ms = spec->stall_timeout_ms;
	call->max =
	    spec->response_max > 0 ? spec->response_max : UPSTREAM_RESPONSE_MAX;
	call->until_ms = clock_monotonic_ms() + total;
	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS,
	    spec->connect_timeout_ms > 0 ? (long)spec->connect_timeout_ms
					 : total);
	curl_easy_setopt(
	    easy, CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)call->max);
}

static void set_rules(CURL *easy, const struct upstream_call *spec)
{
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);
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
	curl_easy_setopt(easy, CURLOPT_PROXY, "");
	curl_easy_setopt(easy, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	curl_easy_setopt(easy, CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
	curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	/* a name server that hangs must not hold up the leases of all others */
	curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
	curl_easy_setopt(easy, CURLOPT_USERAGENT, "lowtide");
}

static void set_callbacks(struct call *call)
{
	CURL *easy = call->easy;

	curl_easy_setopt(easy, CURLOPT_PRIVATE, call);
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, call->why);
	curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, on_socket);
	curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, call);
	curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(easy, CURLOPT_HEADERDATA, call);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, call);
}

static void curl_start(void *p, const struct upstream_call *spec, void *tag)
{
	struct pool *pool = p;
	struct call *call = calloc(1, sizeof(*call));

	if (!call)
		abort();
	call->easy = curl_easy_init();
	if (!call->easy)
		abort();
	call->pool = pool;
	call->tag = tag;
	call->local = spec->local;
	call->keep = spec->keep;
	curl_easy_setopt(call->easy, CURLOPT_URL, spec->url);
	set_rules(call->easy, spec);
	set_limits(call, spec);
	set_method(call->easy, spec);
	set_headers(call, spec);
	set_callbacks(call);
	call->next = pool->running;
	pool->running = call;
	pool->n++;
	if (curl_multi_add_handle(pool->multi, call->easy) != CURLM_OK)
		abort();
}

/* ---- running ----------------------------------------------------------- */

static struct call *call_of(struct pool *pool, const void *tag)
{
	struct call *call = pool->running;

	while (call && call->tag != tag)
		call = call->next;
	return call;
}

static bool no_byte_left(const struct call *call)
{
	long sent = 0;

	curl_easy_getinfo(call->easy, CURLINFO_REQUEST_SIZE, &sent);
	return sent == 0;
}

static bool curl_unsent(void *pool, void *tag)
{
	const struct call *call = call_of(pool, tag);
	return call && no_byte_left(call);
}

static void curl_abort(void *pool, void *tag)
{
	struct call *call = call_of(pool, tag);
	if (call)
		call_free(pool, call);
}

static enum upstream_end end_of(const struct call *call, CURLcode code)
{
	if (code == CURLE_OK)
		return call->head_ended ? UPSTREAM_ANSWER : UPSTREAM_BROKEN;
	if (call->too_large || code == CURLE_FILESIZE_EXCEEDED)
		return UPSTREAM_TOO_LARGE;
	if (code != CURLE_SEND_ERROR && no_byte_left(call))
		return UPSTREAM_UNSENT;
	return code == CURLE_OPERATION_TIMEDOUT ? UPSTREAM_TIMEOUT
						: UPSTREAM_BROKEN;
}

/* A header's value, but for those that nobody could pass on. */
static struct str header_of(
    const struct call *call, struct arena *a, const char *name, size_t max)
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
static int64_t wait_ms(const struct call *call)
{
	curl_off_t wait = 0;

	curl_easy_getinfo(call->easy, CURLINFO_RETRY_AFTER, &wait);
	if (wait <= 0)
		return 0;
	return wait < INT32_MAX ? (int64_t)wait * 1000
				: (int64_t)INT32_MAX * 1000;
}

static struct pairs kept_of(const struct call *call, struct arena *a)
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
	return kept.headers;
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
		"certificates that lowtide-worker's user can read as the "
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
    const struct call *call, struct arena *a, CURLcode code)
{
	if (code == CURLE_OK)
		return call->head_ended
			   ? ""
			   : "its answer broke off within its head";
	if (call->refused)
		return "its address is private; say local = true if it may be";
	if (call->header_bytes > UPSTREAM_HEADER_BYTES_MAX)
		return "its answer has more headers than anybody needs";
	if (call->too_large || code == CURLE_FILESIZE_EXCEEDED)
		return "its answer is larger than response_max or result_max";
	const char *why = call->why[0] ? call->why : curl_easy_strerror(code);
	return arena_printf(a, "%s%s", why, advice_on(code)).p;
}

static void answer_of(const struct call *call, CURLcode code, struct arena *a,
    struct upstream_answer *out)
{
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
	out->headers = kept_of(call, a);
	out->body = arena_str(a, buf_str(&call->body));
}

/* One that libcurl says has ended; NULL = none. */
static struct call *ended(struct pool *pool, CURLcode *code)
{
	struct call *call;
	CURLMsg *msg;
	int left;

	do {
		msg = curl_multi_info_read(pool->multi, &left);
	} while (msg && msg->msg != CURLMSG_DONE);
	if (!msg)
		return NULL;
	*code = msg->data.result;
	curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, (char **)&call);
	return call;
}

/* One whose time is over before a byte left: it is not sent any more. */
static struct call *too_late(struct pool *pool)
{
	const int64_t now = clock_monotonic_ms();
	struct call *c = pool->running;

	while (c && (now < c->until_ms || !no_byte_left(c)))
		c = c->next;
	return c;
}

/* One whose time is over, and of which the last look brought nothing. */
static struct call *overdue(struct pool *pool, bool *moves)
{
	const int64_t now = clock_monotonic_ms();

	*moves = false;
	for (struct call *c = pool->running; c; c = c->next) {
		const size_t seen = c->header_bytes + c->body.len;
		const bool moved = seen != c->seen;

		c->seen = seen;
		if (now < c->until_ms)
			continue;
		if (!moved || c->looks++ == LAST_LOOKS)
			return c;
		*moves = true;
	}
	return NULL;
}

/*
 * libcurl looks at every connection each time it is called, with a poll() for
 * each; so it is called when all that have ended were given out, not for each.
 */
static bool curl_next(
    void *p, struct arena *a, void **tag, struct upstream_answer *answer)
{
	struct pool *pool = p;
	struct call *call;
	CURLcode code;
	bool moves;
	int left;

	if (!pool->n)
		return false;
	call = too_late(pool);
	code = CURLE_OPERATION_TIMEDOUT;
	if (!call)
		call = ended(pool, &code);
	for (moves = true; !call && moves;) {
		curl_multi_perform(pool->multi, &left);
		call = ended(pool, &code);
		if (!call)
			call = overdue(pool, &moves);
	}
	if (!call)
		return false;
	answer_of(call, code, a, answer);
	*tag = call->tag;
	call_free(pool, call);
	return true;
}

/* With no call running there is nothing of libcurl's to wait for. */
static enum err wait_idle(
    const int *fds, size_t n, bool *readable, int64_t timeout_ms)
{
	struct pollfd polled[WAIT_FDS_MAX];
	struct timespec limit = {.tv_sec = timeout_ms / 1000,
	    .tv_nsec = timeout_ms % 1000 * 1000000};

	for (size_t i = 0; i < n; i++)
		polled[i] = (struct pollfd){.fd = fds[i], .events = POLLIN};
	int ready = ppoll(polled, n, timeout_ms < 0 ? NULL : &limit, NULL);
	if (ready < 0 && errno != EINTR)
		return ERR_IO;
	for (size_t i = 0; i < n; i++)
		readable[i] = ready > 0 && polled[i].revents != 0;
	return ERR_OK;
}

/* Of the caller's time and the calls' the one that is over first. */
static int first_of(const struct pool *pool, int64_t timeout_ms)
{
	const int64_t now = clock_monotonic_ms();

	if (timeout_ms < 0 || timeout_ms > INT_MAX)
		timeout_ms = INT_MAX;
	for (const struct call *c = pool->running; c; c = c->next)
		if (c->until_ms - now < timeout_ms)
			timeout_ms = c->until_ms > now ? c->until_ms - now : 0;
	return (int)timeout_ms;
}

static enum err curl_wait(
    void *p, const int *fds, size_t n, bool *readable, int64_t timeout_ms)
{
	struct pool *pool = p;
	struct curl_waitfd polled[WAIT_FDS_MAX];

	if (n > WAIT_FDS_MAX)
		return ERR_INPUT;
	if (!pool->n)
		return wait_idle(fds, n, readable, timeout_ms);
	for (size_t i = 0; i < n; i++)
		polled[i] = (struct curl_waitfd){
		    .fd = fds[i], .events = CURL_WAIT_POLLIN};
	if (curl_multi_poll(pool->multi, polled, (unsigned)n,
		first_of(pool, timeout_ms), NULL) != CURLM_OK)
		return ERR_IO;
	for (size_t i = 0; i < n; i++)
		readable[i] = polled[i].revents != 0;
	return ERR_OK;
}

const char *upstream_authorities(void)
{
	const curl_version_info_data *info = curl_version_info(CURLVERSION_NOW);

	return info->age >= CURLVERSION_SEVENTH ? info->cainfo : NULL;
}

const struct upstream_ops upstream_curl = {
    .name = "curl",
    .open = curl_open,
    .close = curl_close,
    .start = curl_start,
    .unsent = curl_unsent,
    .abort = curl_abort,
    .next = curl_next,
    .wait = curl_wait,
};
