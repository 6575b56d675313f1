#include "cgi/pattern.h"

#include <stdlib.h>

/* Digits alone; -1 for anything else. What is absurdly long is just long. */
static int64_t number(struct str s)
{
	int64_t n = 0;

	if (!s.n)
		return -1;
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] < '0' || s.p[i] > '9')
			return -1;
		if (n < INT64_MAX / 100)
			n = n * 10 + (s.p[i] - '0');
	}
	return n;
}

static struct str unquoted(struct str s)
{
	if (s.n >= 2 && s.p[0] == '"' && s.p[s.n - 1] == '"')
		return str_slice(s, 1, s.n - 1);
	return s;
}

/* Where `mark` is next, outside of quoted strings (RFC 9110 5.6.4). */
static size_t find_outside(struct str s, char mark, size_t at)
{
	bool quoted = false;

	for (; at < s.n && (quoted || s.p[at] != mark); at++) {
		if (s.p[at] == '"')
			quoted = !quoted;
		else if (quoted && s.p[at] == '\\')
			at++;
	}
	return at < s.n ? at : s.n;
}

/* One preference a step, without its parameters (RFC 7240 2). */
static bool next_preference(
    struct str list, size_t *at, struct str *name, struct str *value)
{
	if (*at >= list.n)
		return false;
	size_t end = find_outside(list, ',', *at);
	struct str item = str_slice(list, *at, end);
	item = str_slice(item, 0, find_outside(item, ';', 0));
	size_t equals = str_find(item, '=', 0);
	*name = str_trim(str_slice(item, 0, equals));
	*value = unquoted(str_trim(str_slice(item, equals + 1, item.n)));
	*at = end + 1;
	return true;
}

static enum prefer read_prefer(const struct request *r, int64_t *ms)
{
	struct str prefer = request_header(r, "prefer"), name, value;
	enum prefer out = PREFER_NONE;

	*ms = -1;

	for (size_t at = 0; next_preference(prefer, &at, &name, &value);) {
		int64_t s = number(value);

		if (str_ieq(name, STR("wait")) && s >= 0) {
			*ms = s < 1000000 ? s * 1000 : 1000000000;
			return PREFER_WAIT;
		}
		if (str_ieq(name, STR("respond-async"))) {
			*ms = 0;
			out = PREFER_ASYNC;
		}
	}
	return out;
}

int64_t pattern_prefer_ms(const struct request *r)
{
	int64_t ms;

	read_prefer(r, &ms);
	return ms;
}

int64_t pattern_wish_ms(const struct request *r, bool *async)
{
	struct str prefer = request_header(r, "prefer"), name, value;
	int64_t ms = -1;

	*async = false;
	if (request_has_header(r, "x-wait-time-ms"))
		return number(str_trim(request_header(r, "x-wait-time-ms")));
	for (size_t at = 0; next_preference(prefer, &at, &name, &value);)
		*async |= str_ieq(name, STR("respond-async"));
	if (read_prefer(r, &ms) != PREFER_WAIT)
		ms = -1;
	return ms;
}

bool pattern_is_strict(const struct request *r)
{
	struct str prefer = request_header(r, "prefer"), name, value;

	for (size_t at = 0; next_preference(prefer, &at, &name, &value);)
		if (str_ieq(name, STR("handling")))
			return str_ieq(value, STR("strict"));
	return false;
}

int64_t pattern_wait_max(const struct api *api)
{
	return api->wait_max_ms > 0 ? api->wait_max_ms : PATTERN_WAIT_MAX_MS;
}

/* The nearest allowed; on a tie the one that waits longer. */
static enum pattern nearest(unsigned allow, enum pattern asked)
{
	for (int step = 0; step < PATTERN_COUNT; step++) {
		int longer = (int)asked + step, shorter = (int)asked - step;
		if (longer < PATTERN_COUNT && (allow & 1u << longer))
			return (enum pattern)longer;
		if (shorter >= 0 && (allow & 1u << shorter))
			return (enum pattern)shorter;
	}
	return asked;
}

/* How long that pattern waits where the client did not say so itself. */
static int64_t own_wait(const struct api *api, enum pattern pattern)
{
	int64_t most = pattern_wait_max(api);

	if (pattern == PATTERN_SYNCHRONOUS)
		return most;
	if (pattern == PATTERN_FIRE_AND_FORGET || api->wait_ms < 0)
		return 0;
	return api->wait_ms < most ? api->wait_ms : most;
}

void pattern_choose(
    const struct api *api, const struct request *r, struct pace *out)
{
	int64_t most = pattern_wait_max(api), asked = -1;
	enum pattern wanted = api->pattern;

	*out = (struct pace){0};
	if (request_has_header(r, "x-wait-time-ms")) {
		asked = number(str_trim(request_header(r, "x-wait-time-ms")));
	} else {
		out->prefer = read_prefer(r, &asked);
	}
	out->asked = asked >= 0;
	if (asked == 0)
		wanted = PATTERN_FIRE_AND_FORGET;
	else if (asked > 0)
		wanted =
		    asked < most ? PATTERN_ASYNC_POLLING : PATTERN_SYNCHRONOUS;
	out->pattern = nearest(api->allow, wanted);
	if (out->pattern == PATTERN_ASYNC_POLLING && asked > 0)
		out->wait_ms = asked < most ? asked : most - 1;
	else
		out->wait_ms = own_wait(api, out->pattern);
}
