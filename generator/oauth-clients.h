#ifndef LOWTIDE_GENERATOR_OAUTH_CLIENTS_H
#define LOWTIDE_GENERATOR_OAUTH_CLIENTS_H

#include "generator/provider.h"

/*
 * What anybody may know of a provider, as a table of oauth-clients.json. Names
 * are those of the server's metadata (RFC 8414; RFC 9207 for iss; OpenID
 * Connect RP-Initiated Logout 1.0) and of the client's (RFC 7591; OpenID
 * Connect Registration 1.0 and the same), which do not meet.
 *
 * Only what struct oauth_provider has goes in, which knows no secret. What an
 * absent member means is for the RFCs to say: without PKCE there is no
 * code_challenge_methods_supported. Two things are said of public clients
 * alone, for a secret is the server's matter: how a client proves itself
 * ("none"), and that it refreshes tokens.
 *
 * Of signing out there is something in OpenID's style alone: Cognito's takes
 * parameters of its own, and whoever reads end_session_endpoint would send it
 * others.
 */
struct value *oauth_client(struct arena *a, const struct oauth_provider *p);

#endif
