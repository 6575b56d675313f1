#ifndef LOWTIDE_CGI_UPSTREAM_ADDRESS_H
#define LOWTIDE_CGI_UPSTREAM_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>

struct sockaddr;

/*
 * True for an address that an upstream which is not `local` may have: global
 * unicast, IPv4 or IPv6. Loopback, private, link-local, shared, multicast,
 * documentation and reserved ranges are not, whichever way they are written
 * (v4-mapped, v4-compatible, NAT64 and 6to4 are judged by the IPv4 address
 * inside). This looks at the address a socket is about to be opened to, so
 * neither spelling nor a changing DNS answer gets around it.
 */
bool address_is_global(const struct sockaddr *address, size_t n);
/* The same of one in digits, as inet_ntop() writes them; others are not. */
bool address_text_is_global(const char *text);

#endif
