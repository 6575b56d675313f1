#include "generator/scan-needles.h"

#define EXACT SHAPE_EXACT
#define ALONE SHAPE_ALONE
#define DIGIT SHAPE_DIGIT
#define TELLS SHAPE_TELLS
#define PEM SHAPE_PEM
#define ARN SHAPE_ARN
const struct shape shapes[] = {
#define SHAPE(prefix, rest, min, flags, what) {prefix, rest, min, flags, what},
#include "generator/shapes.def"
#undef SHAPE
    {NULL, NULL, 0, 0, NULL},
};

/*
 * The rest of a real secret is random. One with fewer different bytes than
 * this (sk_live_xxxxxxxxxxxxxxxx), or the word "example" in it, is written in
 * manuals to be replaced.
 */
#define DIFFERENT_MIN 5
#define PEM_LABEL_MAX 64
#define PEM_HEADERS_MAX 8
#define PEM_DATA_MIN 40

static const char base64[] = "0-9A-Za-z+/";

/* Is c in one of the ranges? "a-z_" */
static bool in_class(const char *ranges, char c)
{
	for (const char *r = ranges; *r; r++) {
		if (r[1] == '-' && r[2]) {
			if (c >= r[0] && c <= r[2])
				return true;
			r += 2;
		} else if (c == *r) {
			return true;
		}
	}
	return false;
}

/* How many bytes of the class stand at `at`. */
static size_t run(struct str s, size_t at, const char *ranges, size_t max)
{
	size_t n = 0;

	while (n < max && at + n < s.n && in_class(ranges, s.p[at + n]))
		n++;
	return n;
}

static bool is_random(struct str rest)
{
	bool seen[256] = {false};
	size_t different = 0;

	for (size_t i = 0; i < rest.n; i++) {
		unsigned char c = (unsigned char)rest.p[i];
		different += !seen[c];
		seen[c] = true;
		if (str_ieq(str_slice(rest, i, i + 7), STR("example")))
			return false;
	}
	return different >= DIFFERENT_MIN;
}

/* The first byte of a word; an escape such as \n or %0A is not part of it. */
static bool is_alone(struct str s, size_t at)
{
	if (at == 0 || !in_class("0-9A-Za-z_", s.p[at - 1]))
		return true;
	if (at >= 2 && s.p[at - 2] == '\\')
		return in_class("nrt", s.p[at - 1]);
	return at >= 3 && s.p[at - 3] == '%' &&
	       run(s, at - 2, "0-9A-Fa-f", 2) == 2;
}

/* Line ends in all their spellings, quotes, and what joins strings. */
static size_t glue(struct str s, size_t at)
{
	static const char *const words[] = {"%0A", "%0D", "%0a", "%0d", "&#10;",
	    "&#13;", "&#xA;", "<br>", "<br/>", "<br />"};
	size_t from = at;

	for (bool more = true; more;) {
		size_t n = run(s, at, " \t\r\n\"'`+,", s.n);
		if (at + 1 < s.n && s.p[at] == '\\')
			n = 2;
		for (size_t i = 0; i < sizeof(words) / sizeof(*words) && !n;
		     i++)
			if (str_starts(str_slice(s, at, s.n), words[i]))
				n = strlen(words[i]);
		at += n;
		more = n > 0;
	}
	return at - from;
}

/* A header such as "Proc-Type: 4,ENCRYPTED": up to its line's end. */
static size_t pem_header(struct str s, size_t at)
{
	size_t n = run(s, at, "A-Za-z-", PEM_LABEL_MAX);

	if (n == 0 || at + n + 1 >= s.n || s.p[at + n] != ':')
		return 0;
	return n + run(s, at + n, " !#$&-Z]-~", 256); /* no ", % or \ */
}

/* "RSA PRIVATE KEY-----": how long it is, 0 if it is another label. */
static size_t pem_label(struct str s, size_t at)
{
	size_t n = run(s, at, "A-Z0-9 ", PEM_LABEL_MAX);
	struct str label = str_slice(s, at, at + n);

	if (!str_ends(label, "PRIVATE KEY") &&
	    !str_ends(label, "PRIVATE KEY BLOCK"))
		return 0;
	return str_starts(str_slice(s, at + n, s.n), "-----") ? n + 5 : 0;
}

/* The label, then the data, so that code may name the header. */
static bool fits_pem(struct str s, size_t at)
{
	size_t label = pem_label(s, at);

	if (!label)
		return false;
	at += label;
	for (int i = 0; i < PEM_HEADERS_MAX; i++) {
		at += glue(s, at);
		size_t data = run(s, at, base64, PEM_DATA_MIN);
		if (data == PEM_DATA_MIN)
			return is_random(str_slice(s, at, at + data));
		size_t header = pem_header(s, at);
		if (!header)
			return false;
		at += header;
	}
	return false;
}

/* Accounts that manuals write. */
static const char *const accounts[] = {
    "000000000000", "111122223333", "123456789012"};

static bool fits_arn(struct str s, size_t at)
{
	size_t region = run(s, at, "a-z0-9-", 32);
	size_t account = run(s, at + region + 1, "0-9", 16);
	struct str number =
	    str_slice(s, at + region + 1, at + region + 1 + account);

	if (!region || !account || s.p[at + region] != ':')
		return false;
	for (size_t i = 0; i < sizeof(accounts) / sizeof(*accounts); i++)
		if (str_is(number, accounts[i]))
			return false;
	at += region + 1 + account;
	return str_starts(str_slice(s, at, s.n), ":secret:") &&
	       run(s, at + 8, "0-9A-Za-z/_+=.@-", 1) == 1;
}

bool shape_fits(const struct shape *shape, struct str bytes, size_t at)
{
	size_t from = at + strlen(shape->prefix);

	if (shape->flags & SHAPE_PEM)
		return fits_pem(bytes, from);
	if (shape->flags & SHAPE_ARN)
		return fits_arn(bytes, from);
	size_t n = run(bytes, from, shape->rest, shape->min);
	if (n < shape->min)
		return false;
	if (shape->flags & SHAPE_EXACT && from + n < bytes.n &&
	    in_class("0-9A-Za-z_", bytes.p[from + n]))
		return false;
	if (shape->flags & SHAPE_ALONE && !is_alone(bytes, at))
		return false;
	if (shape->flags & SHAPE_DIGIT && !in_class("0-9", bytes.p[from]))
		return false;
	return is_random(str_slice(bytes, from, from + n));
}

bool scan_tells(struct str text)
{
	for (const struct shape *s = shapes; s->prefix; s++) {
		size_t n = strlen(s->prefix);
		for (size_t i = 0; i + n <= text.n; i++) {
			if (memcmp(text.p + i, s->prefix, n) != 0)
				continue;
			if (s->flags & SHAPE_PEM ? pem_label(text, i + n) > 0
						 : s->flags & SHAPE_TELLS ||
						       shape_fits(s, text, i))
				return true;
		}
	}
	return false;
}
