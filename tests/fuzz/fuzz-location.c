#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>

#include "cgi/compose.h"
#include "lib/url.h"
#include "tests/fuzz/fuzz.h"

/*
 * A Location as an upstream may write it, beside a 202 or a 303; the first byte
 * says what it is resolved against. It leads nowhere, or to the upstream's own
 * origin: by our reading of it and by libcurl's, which opens the connection.
 */
const char *const fuzz_words[] = {"http://", "https://", "//", "/", "..",
    "/../", "./", "?", "#", "@", ":", ":443", ":80", "api.example",
    "API.example", "evil.example", "\\", "%2f", "%00", "[::1]", "[", "]",
    "\r\n", "\t", " ", "\xc3\xa9", "127.0.0.1", "0x7f.1", "file:", "user:pass@",
    ";", "&", NULL};

static const struct {
	const char *base, *from;
} places[] = {
    {"https://api.example", "https://api.example/a/b/c?d=e"},
    {"https://api.example/v1", "https://api.example/v1/x"},
    {"http://127.0.0.1:8080", "http://127.0.0.1:8080"},
    {"http://[::1]:8080/v1", "http://[::1]:8080/v1/x/?y"},
    {"https://API.example:8443", "https://API.example:8443//x"},
};
#define PLACES (sizeof(places) / sizeof(*places))

static char *part(CURLU *u, CURLUPart what)
{
	char *text = NULL;

	if (curl_url_get(u, what, &text, CURLU_DEFAULT_PORT) != CURLUE_OK)
		return NULL;
	return text;
}

static void same(CURLU *one, CURLU *two, CURLUPart what)
{
	char *a = part(one, what), *b = part(two, what);

	fuzz_must(a && b && strcasecmp(a, b) == 0);
	curl_free(a);
	curl_free(b);
}

/* What libcurl would connect to is what the base names. */
static void curl_agrees(const char *base, const char *url)
{
	CURLU *ours = curl_url(), *its = curl_url();

	fuzz_must(ours && its);
	fuzz_must(curl_url_set(ours, CURLUPART_URL, base, 0) == CURLUE_OK);
	fuzz_must(curl_url_set(its, CURLUPART_URL, url, CURLU_PATH_AS_IS) ==
		  CURLUE_OK);
	same(ours, its, CURLUPART_SCHEME);
	same(ours, its, CURLUPART_HOST);
	same(ours, its, CURLUPART_PORT);
	fuzz_must(!part(its, CURLUPART_USER));
	fuzz_must(!part(its, CURLUPART_PASSWORD));
	fuzz_must(!part(its, CURLUPART_FRAGMENT));
	curl_url_cleanup(ours);
	curl_url_cleanup(its);
}

static void url_holds(
    struct arena *a, const struct compose *c, const char *base, struct str url)
{
	struct upstream_call call;
	struct str why;

	fuzz_must(url.n <= UPSTREAM_LOCATION_MAX);
	for (size_t i = 0; i < url.n; i++)
		fuzz_must(url.p[i] > ' ' && url.p[i] < 0x7f);
	curl_agrees(base, arena_cstr(a, url));
	/* it is where it leads to, and may be called */
	fuzz_must(str_eq(compose_poll_url(a, c, url, url), url));
	fuzz_must(compose_poll(a, c, url, &call, &why) == ERR_OK);
	fuzz_must(str_is(url, call.url));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static const struct envelope_request request;
	static const struct api api = {.path = STR_INIT("/api/x")};
	struct arena a = {0};

	if (n == 0)
		return 0;
	const size_t at = data[0] % PLACES;
	const struct upstream upstream = {.base = str_of(places[at].base)};
	const struct compose c = {.upstream = &upstream,
	    .api = &api,
	    .request = &request,
	    .job_id = STR("job_x")};
	const struct str location = {(const char *)data + 1, n - 1};
	const struct str url =
	    compose_poll_url(&a, &c, str_of(places[at].from), location);
	if (url.n)
		url_holds(&a, &c, places[at].base, url);
	arena_release(&a);
	return 0;
}
