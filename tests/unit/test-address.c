#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "cgi/upstream/address.h"

static const struct row {
	const char *text;
	bool global;
} rows[] = {
    {"8.8.8.8", true},
    {"9.255.255.255", true},
    {"11.0.0.0", true},
    {"100.63.255.255", true},
    {"100.128.0.0", true},
    {"172.15.255.255", true},
    {"172.32.0.0", true},
    {"192.0.1.1", true},
    {"223.255.255.255", true},
    {"0.0.0.0", false},
    {"10.0.0.0", false},
    {"10.255.255.255", false},
    {"100.64.0.1", false},
    {"127.0.0.1", false},
    {"127.255.255.255", false},
    {"169.254.169.254", false},
    {"172.16.0.1", false},
    {"172.31.255.255", false},
    {"192.0.2.1", false},
    {"192.168.1.1", false},
    {"198.19.0.1", false},
    {"203.0.113.9", false},
    {"224.0.0.1", false},
    {"255.255.255.255", false},
    {"2606:4700::1111", true},
    {"2001:4860:4860::8888", true},
    {"::", false},
    {"::1", false},
    {"::ffff:127.0.0.1", false},
    {"::ffff:10.1.2.3", false},
    {"::ffff:8.8.8.8", true},
    {"::7f00:1", false},
    {"64:ff9b::7f00:1", false},
    {"64:ff9b::808:808", true},
    {"2002:7f00:1::1", false},
    {"2002:0808:0808::1", true},
    {"2001::1", false},
    {"2001:db8::1", false},
    {"3fff::1", false},
    {"3fff:fff:ffff::1", false},
    {"3fff:1000::1", true},
    {"3ffe::1", true},
    {"64:ff9b:1::808:808", false},
    {"fc00::1", false},
    {"fd12::1", false},
    {"fe80::1", false},
    {"fec0::1", false},
    {"ff02::1", false},
};

static void every_range(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct sockaddr_storage s = {0};
		struct sockaddr_in *in = (struct sockaddr_in *)&s;
		struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&s;

		if (inet_pton(AF_INET, rows[i].text, &in->sin_addr) == 1)
			s.ss_family = AF_INET;
		else if (inet_pton(AF_INET6, rows[i].text, &in6->sin6_addr))
			s.ss_family = AF_INET6;
		print_message("# %s\n", rows[i].text);
		assert_int_equal(
		    address_is_global((const struct sockaddr *)&s, sizeof(s)),
		    rows[i].global);
		assert_int_equal(
		    address_text_is_global(rows[i].text), rows[i].global);
	}
}

static void others(void **state)
{
	struct sockaddr_storage s = {.ss_family = AF_UNIX};

	(void)state;
	assert_false(address_is_global((const struct sockaddr *)&s, sizeof(s)));
	s.ss_family = AF_INET;
	assert_false(address_is_global((const struct sockaddr *)&s, 4));
	s.ss_family = AF_INET6;
	assert_false(address_is_global(
	    (const struct sockaddr *)&s, sizeof(struct sockaddr_in)));
	assert_false(address_text_is_global(""));
	assert_false(address_text_is_global("8.8.8"));
	assert_false(address_text_is_global("8.8.8.8 "));
	assert_false(address_text_is_global("dns.example"));
	assert_false(address_text_is_global("2606:4700::1111%eth0"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_range),
	    cmocka_unit_test(others),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("address", tests, NULL, NULL);
}
