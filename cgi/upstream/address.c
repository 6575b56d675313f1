#include "cgi/upstream/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

/* The IANA special-purpose registries (RFC 6890 and later entries). */
static const struct range4 {
	uint32_t net;
	unsigned bits;
} refused4[] = {
    {0x00000000, 8},  /* 0.0.0.0/8 this network */
    {0x0a000000, 8},  /* 10.0.0.0/8 private */
    {0x64400000, 10}, /* 100.64.0.0/10 shared (RFC 6598) */
    {0x7f000000, 8},  /* 127.0.0.0/8 loopback */
    {0xa9fe0000, 16}, /* 169.254.0.0/16 link-local, cloud metadata */
    {0xac100000, 12}, /* 172.16.0.0/12 private */
    {0xc0000000, 24}, /* 192.0.0.0/24 protocol assignments */
    {0xc0000200, 24}, /* 192.0.2.0/24 documentation */
    {0xc0586300, 24}, /* 192.88.99.0/24 6to4 relays */
    {0xc0a80000, 16}, /* 192.168.0.0/16 private */
    {0xc6120000, 15}, /* 198.18.0.0/15 benchmarks */
    {0xc6336400, 24}, /* 198.51.100.0/24 documentation */
    {0xcb007100, 24}, /* 203.0.113.0/24 documentation */
    {0xe0000000, 3},  /* 224.0.0.0/3 multicast, reserved, broadcast */
};

static bool global4(uint32_t address)
{
	for (size_t i = 0; i < sizeof(refused4) / sizeof(refused4[0]); i++) {
		uint32_t mask = ~(uint32_t)0 << (32 - refused4[i].bits);
		if ((address & mask) == refused4[i].net)
			return false;
	}
	return true;
}

static uint32_t be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 |
	       (uint32_t)p[2] << 8 | p[3];
}

static bool starts(const uint8_t *address, const char *prefix, size_t n)
{
	return memcmp(address, prefix, n) == 0;
}

static bool global6(const uint8_t a[16])
{
	if (starts(a, "\0\0\0\0\0\0\0\0\0\0\xff\xff", 12) || /* v4-mapped */
	    starts(a, "\0\x64\xff\x9b\0\0\0\0\0\0\0\0", 12)) /* NAT64 */
		return global4(be32(a + 12));
	if (starts(a, "\x20\x02", 2)) /* 6to4 */
		return global4(be32(a + 2));
	if (starts(a, "\x20\x01\x0d\xb8", 4) || /* documentation */
	    (starts(a, "\x3f\xff", 2) && (a[2] & 0xf0) == 0)) /* 3fff::/20 */
		return false;
	if (starts(a, "\x20\x01", 2) && (a[2] & 0xfe) == 0)
		return false; /* 2001::/23, Teredo and other assignments */
	return (a[0] & 0xe0) == 0x20; /* 2000::/3, all there is of global */
}

bool address_is_global(const struct sockaddr *address, size_t n)
{
	if (address->sa_family == AF_INET && n >= sizeof(struct sockaddr_in)) {
		struct sockaddr_in in;
		memcpy(&in, address, sizeof(in));
		return global4(ntohl(in.sin_addr.s_addr));
	}
	if (address->sa_family == AF_INET6 &&
	    n >= sizeof(struct sockaddr_in6)) {
		struct sockaddr_in6 in6;
		memcpy(&in6, address, sizeof(in6));
		return global6(in6.sin6_addr.s6_addr);
	}
	return false;
}

bool address_text_is_global(const char *text)
{
	struct in6_addr in6;
	struct in_addr in;

	if (inet_pton(AF_INET, text, &in) == 1)
		return global4(ntohl(in.s_addr));
	return inet_pton(AF_INET6, text, &in6) == 1 && global6(in6.s6_addr);
}
