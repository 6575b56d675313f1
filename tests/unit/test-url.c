#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/url.h"

static struct arena arena;

static int wipe(void **state)
{
	(void)state;
	arena_release(&arena);
	return 0;
}

static void encodes(void **state)
{
	struct buf out = {0};

	(void)state;
	assert_int_equal(url_encode(&out, STR("AZaz09-._~")), ERR_OK);
	assert_string_equal(out.data, "AZaz09-._~");
	buf_clear(&out);
	assert_int_equal(
	    url_encode(&out, STR(" !'()*/+&=?#%\0\x7f\xc3\xa9")), ERR_OK);
	assert_string_equal(
	    out.data, "%20%21%27%28%29%2A%2F%2B%26%3D%3F%23%25%00%7F%C3%A9");
	buf_release(&out);
}

/* What is not UTF-8 has no percent-encoding, and leaves nothing behind. */
static void encodes_text_only(void **state)
{
	static const char *const bad[] = {
	    "a\xed\xa0\x80",		/* a lone high surrogate */
	    "\xed\xbf\xbf",		/* a low one */
	    "\xed\xa0\xbd\xed\xb8\x80", /* two, as CESU-8 has them */
	    "abc\x80", "\xff", "\xc3",	/* cut short */
	    "\xc0\xaf",			/* overlong */
	    "\xf4\x90\x80\x80",		/* above U+10FFFF */
	};
	struct buf out = {0};

	(void)state;
	buf_puts(&out, "x=");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(url_encode(&out, str_of(bad[i])), ERR_INPUT);
		assert_string_equal(out.data, "x=");
	}
	assert_int_equal(url_encode(&out, STR("\xed\x9f\xbf\xee\x80\x80"
					      "\xf0\x9f\x98\x80")),
	    ERR_OK);
	assert_string_equal(out.data, "x=%ED%9F%BF%EE%80%80%F0%9F%98%80");
	buf_release(&out);
}

static void decodes(void **state)
{
	static const struct {
		struct str in;
		const char *out; /* NULL: refused */
	} rows[] = {
	    {STR_INIT(""), ""},
	    {STR_INIT("plain+x"), "plain+x"},
	    {STR_INIT("a%20b%2Fc%2fd"), "a b/c/d"},
	    {STR_INIT("%2541"), "%41"},
	    {STR_INIT("%c3%A9"), "\xc3\xa9"},
	    {STR_INIT("%"), NULL},
	    {STR_INIT("%4"), NULL},
	    {STR_INIT("a%4g"), NULL},
	    {STR_INIT("%g4"), NULL},
	    {STR_INIT("%%41"), NULL},
	    {STR_INIT("%00"), NULL},
	    {STR_INIT("a\0"), NULL},
	    {STR_INIT("%ff"), NULL},
	    {STR_INIT("\xff"), NULL},
	    {STR_INIT("%c0%80"), NULL},
	    {STR_INIT("%ed%a0%80"), NULL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct str out = {0};
		enum err err = url_decode(&arena, rows[i].in, &out);
		if (rows[i].out ? err || !str_is(out, rows[i].out)
				: err != ERR_INPUT)
			fail_msg("row %zu: %s", i, err_name(err));
	}
}

/* Whatever text: encoded and decoded again it is itself. */
static void round_trip(void **state)
{
	struct buf out = {0};
	struct str back;

	(void)state;
	for (unsigned c = 1; c < 0x80; c++) {
		char text[3] = {'x', (char)c, 'y'};
		buf_clear(&out);
		assert_int_equal(
		    url_encode(&out, (struct str){text, 3}), ERR_OK);
		assert_int_equal(
		    url_decode(&arena, buf_str(&out), &back), ERR_OK);
		assert_true(str_eq(back, (struct str){text, 3}));
	}
	buf_release(&out);
}

#define NONE "<none>"

static const struct {
	const char *in, *scheme, *userinfo, *host;
	uint16_t port;
	const char *path, *query, *fragment;
} good[] = {
    {"http://a", "http", NONE, "a", 0, "", NONE, NONE},
    {"HTTPS://Api.Example:8443/x/y?q=1?2#f?#g", "https", NONE, "Api.Example",
	8443, "/x/y", "q=1?2", "f?#g"},
    {"http://u:p@w@h:80/", "http", "u:p@w", "h", 80, "/", NONE, NONE},
    {"http://[::1]:8080?x", "http", NONE, "[::1]", 8080, "", "x", NONE},
    {"http://h#", "http", NONE, "h", 0, "", NONE, ""},
    {"http://h?", "http", NONE, "h", 0, "", "", NONE},
    {"http://@h", "http", "", "h", 0, "", NONE, NONE},
};

static bool part_is(struct str s, const char *want)
{
	if (strcmp(want, NONE) == 0)
		return s.p == NULL;
	return s.p != NULL && str_is(s, want);
}

static void splits(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		struct url u;
		if (url_split(&arena, str_of(good[i].in), &u))
			fail_msg("%s", good[i].in);
		if (!str_is(u.scheme, good[i].scheme) ||
		    !part_is(u.userinfo, good[i].userinfo) ||
		    !str_is(u.host, good[i].host) || u.port != good[i].port ||
		    !str_is(u.path, good[i].path) ||
		    !part_is(u.query, good[i].query) ||
		    !part_is(u.fragment, good[i].fragment))
			fail_msg("%s", good[i].in);
	}
}

static void refuses(void **state)
{
	static const struct str bad[] = {STR_INIT(""), STR_INIT("h"),
	    STR_INIT("/p"), STR_INIT("//h/p"), STR_INIT("ftp://h"),
	    STR_INIT("javascript:alert(1)"), STR_INIT("file:///etc"),
	    STR_INIT("http:h"), STR_INIT("http:/h"), STR_INIT("http://"),
	    STR_INIT("http:///p"), STR_INIT("http://:80"),
	    STR_INIT("http://u@"), STR_INIT("http://h:0"),
	    STR_INIT("http://h:65536"), STR_INIT("http://h:8x"),
	    STR_INIT("http://h:-1"), STR_INIT("http://h:80:80"),
	    STR_INIT("http://[::1"), STR_INIT("http://[::1]x"),
	    STR_INIT("http://[]"), STR_INIT("http://h h/"),
	    STR_INIT("http://h/a b"), STR_INIT("http://h/\n"),
	    STR_INIT("http://h/\0"), STR_INIT("http://h\\@g/"),
	    STR_INIT("http://h/\x7f"), STR_INIT("http://h/\xc3\xa9"),
	    STR_INIT(" http://h"), STR_INIT("http://h%41/"),
	    STR_INIT("http://{run.x.url}/"), STR_INIT("http://*/"),
	    STR_INIT("http://*.h/"), STR_INIT("http://h;x/"),
	    STR_INIT("http://h'/"), STR_INIT("http://h,g/"),
	    STR_INIT("http://h$x/"), STR_INIT("http://(h)/"),
	    STR_INIT("http://h~/"), STR_INIT("http://[::1;x]/"),
	    STR_INIT("http://[fe80::1%25e]/")};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct url u;
		if (url_split(&arena, bad[i], &u) != ERR_INPUT)
			fail_msg("%s was taken", bad[i].p);
	}
}

static void origins(void **state)
{
	static const char *const rows[][2] = {
	    {"HTTPS://WWW.Example.org/A?b#c", "https://www.example.org"},
	    {"https://u@x.example:443", "https://x.example"},
	    {"https://x.example:80/", "https://x.example:80"},
	    {"http://x.example:80/", "http://x.example"},
	    {"http://[::1]:8443?", "http://[::1]:8443"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct url u;
		assert_int_equal(
		    url_split(&arena, str_of(rows[i][0]), &u), ERR_OK);
		struct str origin = url_origin(&arena, &u);
		assert_string_equal(arena_cstr(&arena, origin), rows[i][1]);
	}
}

static void loopback(void **state)
{
	static const struct {
		const char *url;
		bool loopback;
	} rows[] = {
	    {"http://localhost", true},
	    {"http://LocalHost:1", true},
	    {"http://a.localhost", true},
	    {"http://127.0.0.1", true},
	    {"http://127.255.0.9:80", true},
	    {"http://[::1]", true},
	    {"http://.localhost", false},
	    {"http://notlocalhost", false},
	    {"http://localhost.example", false},
	    {"http://127.0.0.1.example", false},
	    {"http://127.1", false},
	    {"http://127.0.0.256", false},
	    {"http://127.0.0.1.1", false},
	    {"http://127.0.0.", false},
	    {"http://128.0.0.1", false},
	    {"http://[::2]", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct url u;
		assert_int_equal(
		    url_split(&arena, str_of(rows[i].url), &u), ERR_OK);
		if (url_is_loopback(&u) != rows[i].loopback)
			fail_msg("%s", rows[i].url);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_teardown(encodes, wipe),
	    cmocka_unit_test_teardown(encodes_text_only, wipe),
	    cmocka_unit_test_teardown(decodes, wipe),
	    cmocka_unit_test_teardown(round_trip, wipe),
	    cmocka_unit_test_teardown(splits, wipe),
	    cmocka_unit_test_teardown(refuses, wipe),
	    cmocka_unit_test_teardown(origins, wipe),
	    cmocka_unit_test_teardown(loopback, wipe),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("url", tests, NULL, NULL);
}
