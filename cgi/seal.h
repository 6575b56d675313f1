#ifndef LOWTIDE_CGI_SEAL_H
#define LOWTIDE_CGI_SEAL_H

#include "cgi/job.h"
#include "cgi/keys.h"
#include "cgi/store/store.h"
#include "lib/buf.h"

/*
 * Payloads and results at rest: XChaCha20-Poly1305 with a random nonce.
 *
 *   byte 0       seal key version
 *   bytes 1-24   nonce
 *   the rest     ciphertext and 16 bytes of tag
 *
 * Associated data: label ‖ key version ‖ body kind ‖ job id ‖ owner hash ‖
 * accept time ‖ attempt (0 for what was accepted), so that a sealed body can
 * be opened only as what it is, for the job it belongs to.
 */
#define SEAL_OVERHEAD (1 + 24 + 16)

void seal_close(const struct keys *keys, const struct job *job,
    enum body_kind kind, struct str plain, struct buf *out);
/* ERR_CORRUPT when it was not sealed by a key we hold, for this. */
enum err seal_open(const struct keys *keys, const struct job *job,
    enum body_kind kind, struct str sealed, struct arena *a, struct str *plain)
    __attribute__((warn_unused_result));

#endif
