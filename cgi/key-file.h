#ifndef LOWTIDE_CGI_KEY_FILE_H
#define LOWTIDE_CGI_KEY_FILE_H

#include "cgi/keys.h"

/*
 * A key file that is in use, changed in three steps, with a SIGHUP to every
 * running program after each, so that none ever meets a key that it does not
 * know:
 *
 *	key_file_add     a new mac and seal key at the end: accepted by who has
 *	                 read it, used by nobody
 *	key_file_use     it stands first from now on, and so is used; those that
 *	                 did before are marked as retired
 *	key_file_prune   those go that were retired so long ago that nothing is
 *	                 left which they made
 *
 * What the file says beside its keys are comments, one line each in front of a
 * key, and they move with it:
 *
 *	# added 2026-11-21T08:30:00.000Z
 *	# retired 2026-12-21T08:30:00.000Z
 *
 * The new file takes the place of the old one by a rename, synced, mode 0600,
 * of the same owner; while it is made, FILE.new is in the way of anybody else
 * who tries. The name key is never touched.
 *
 * Findings: those of keys_load(); `keys-added` (add: the one added before is
 * not used yet; use: there is none), `keys-full`, `keys-locked`, `io-error`.
 */
/* *version: of the new keys. ERR_CONFLICT, ERR_FULL: nothing was changed. */
enum err key_file_add(const char *path, int64_t now_ms, struct diag *diag,
    uint8_t *version) __attribute__((warn_unused_result));
/* *version: of what is used now. ERR_CONFLICT: nothing was added before. */
enum err key_file_use(const char *path, int64_t now_ms, struct diag *diag,
    uint8_t *version) __attribute__((warn_unused_result));
/*
 * Those retired keep_ms ago or longer; *dropped of them. *next_ms: when there
 * will be the next, 0 = none is waiting. Keys that nobody marked are kept.
 */
enum err key_file_prune(const char *path, int64_t now_ms, int64_t keep_ms,
    struct diag *diag, size_t *dropped, int64_t *next_ms)
    __attribute__((warn_unused_result));

#endif
