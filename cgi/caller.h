#ifndef LOWTIDE_CGI_CALLER_H
#define LOWTIDE_CGI_CALLER_H

#include "cgi/answer.h"
#include "cgi/bearer.h"

/*
 * Who asks, by what `auth` says whose word is taken (contract 1): the web
 * server's, which is a variable that no client can set, a provider's, which is
 * a token, or nobody's. And who is not let in, with how to sign in. What is
 * made of whoever it is (a hash, by keys) is the program's.
 */
struct caller_context {
	const struct answer_context *c;
	const struct request *r;
	struct bearer *bearer; /* NULL = no tokens are taken */
	int64_t now_boot;
	struct answer *ans; /* of who is refused */
};

enum caller_kind {
	CALLER_REFUSED, /* 401, 403 or 503 is in ans */
	CALLER_ANYBODY, /* nobody's word: no header and no variable counts */
	CALLER_WEB,	/* request.owner */
	CALLER_TOKEN,	/* .claims */
};
struct caller {
	enum token_verdict verdict; /* REFUSED for a token: why */
	struct token_claims claims;
};
enum caller_kind caller_find(const struct caller_context *cc, struct str auth,
    const struct strs *scopes, struct caller *out);

/* ---- its parts ----------------------------------------------------------- */

bool caller_is_web(struct str auth);
/* provider NULL: any. TOKEN_ABSENT where none are taken. */
enum token_verdict caller_token(const struct caller_context *cc,
    const struct provider *provider, struct token_claims *out);
/* Whether `scope`, words that spaces part, has each of these. */
bool caller_has_scopes(struct str scope, const struct strs *scopes);
void caller_refuse_token(
    const struct caller_context *cc, enum token_verdict verdict);
void caller_refuse_web(const struct caller_context *cc);
void caller_refuse_scopes(
    const struct caller_context *cc, const struct strs *scopes);
/* WWW-Authenticate of a 401; `auth` empty: Bearer. */
void caller_challenge(const struct caller_context *cc, struct str auth);

#endif
