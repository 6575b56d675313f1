#ifndef LOWTIDE_CGI_PLAIN_H
#define LOWTIDE_CGI_PLAIN_H

#include <stdbool.h>

/*
 * The endpoint as a plain CGI program (RFC 3875): one request in environment
 * and stdin, one answer on stdout, by the same handlers as in the loop. Each
 * process makes one commit at most, through the store's turnstile, for which it
 * waits as long as any writer does; nobody is told of other processes but by
 * the store, so that quotas, ids and medians are the same over all of them.
 *
 * There are no streams, and no wait but PLAIN_WAIT.
 *
 * It takes no options: a web server makes arguments of a query string
 * (RFC 3875 4.4). Instead of them it reads from its environment, where a
 * client's headers cannot come:
 */
#define PLAIN_CONFIG "LOWTIDE_CONFIG"
#define PLAIN_STATE "LOWTIDE_STATE"
#define PLAIN_KEYS "LOWTIDE_KEYS"
#define PLAIN_LOG_LEVEL "LOWTIDE_LOG_LEVEL" /* error, info, debug; info */
#define PLAIN_WAIT "LOWTIDE_CGI_WAIT_MS"    /* at most, 0 … 25000; 0 */

/*
 * Was it started so? REQUEST_METHOD and GATEWAY_INTERFACE are there, and no
 * socket to listen at: one for FastCGI may be started by a CGI script.
 */
bool plain_is_asked(void);
/* The exit status: 0 when it answered, whatever it answered. */
int plain_run(void);

#endif
