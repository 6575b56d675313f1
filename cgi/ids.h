#ifndef LOWTIDE_CGI_IDS_H
#define LOWTIDE_CGI_IDS_H

#include "cgi/job.h"
#include "cgi/keys.h"
#include "lib/str.h"

/*
 * Job ids (contract 1):
 *
 *   byte 0      MAC key version
 *   bytes 1-3   tag of the API
 *   bytes 4-19  the id: random, or derived from the client's name for it
 *   bytes 20-35 MAC over version ‖ tag ‖ id ‖ owner
 *
 * written as `job_` + 48 characters of base64url without padding. Every hash
 * is BLAKE2b keyed with its own label; variable fields are length-prefixed;
 * comparisons take constant time. A forged or foreign id is told apart here,
 * without touching the store.
 */
#define IDS_TEXT 52 /* characters of a written id */
#define IDS_NAME_MIN_ANONYMOUS 20

enum name_kind { NAME_IDEMPOTENCY_KEY = 1, NAME_REQUEST_ID = 2 };

/* owner: empty for anonymous. out all zero then. */
void ids_owner(
    const struct keys *keys, struct str owner, uint8_t out[JOB_OWNER_BYTES]);
/*
 * Of a token: both claims, neither empty. Never the owner of the same name
 * that a web server said, nor another issuer's subject.
 */
void ids_owner_of(const struct keys *keys, struct str issuer,
    struct str subject, uint8_t out[JOB_OWNER_BYTES]);
bool ids_is_anonymous(const uint8_t owner[JOB_OWNER_BYTES]);
/* The hash as hex, for logs. */
void ids_owner_text(
    const uint8_t owner[JOB_OWNER_BYTES], char out[2 * JOB_OWNER_BYTES + 1]);
/* Keyed hash of method, path, query and body; credentials are no part. */
void ids_fingerprint(const struct keys *keys, struct str method,
    struct str path, struct str query, struct str body,
    uint8_t out[JOB_PRINT_BYTES]);
/*
 * Whom the quotas of an API count a request for (contract 2): its owner, or,
 * where that is nobody, the network it came from: an IPv4 address or an IPv6
 * /64, and an IPv4 address written as an IPv6 one is that IPv4 address. What
 * is no address is all the same one. Zero where the API has no quota.
 */
void ids_quota(const struct keys *keys, const struct api *api,
    const uint8_t owner[JOB_OWNER_BYTES], struct str remote_addr,
    uint8_t out[JOB_QUOTA_BYTES]);
/*
 * The client's id for a resource, of this API and owner alone; anonymous
 * senders have them in common. Never zero: that is a job without one.
 */
void ids_resource(const struct keys *keys, const struct api *api,
    const uint8_t owner[JOB_OWNER_BYTES], struct str id,
    uint8_t out[JOB_RESOURCE_BYTES]);
void ids_random(const struct keys *keys, const struct api *api,
    const uint8_t owner[JOB_OWNER_BYTES], uint8_t out[JOB_ID_BYTES]);
/*
 * The id that a name always reaches. For an anonymous owner `print` enters as
 * well (else a stranger could guess his way to a result).
 */
void ids_named(const struct keys *keys, const struct api *api,
    const uint8_t owner[JOB_OWNER_BYTES], enum name_kind kind, struct str name,
    const uint8_t print[JOB_PRINT_BYTES], uint8_t out[JOB_ID_BYTES]);

void ids_write(const uint8_t id[JOB_ID_BYTES], char out[IDS_TEXT + 1]);
/* The same, in the arena. */
struct str ids_text(struct arena *a, const uint8_t id[JOB_ID_BYTES]);
/* Only the canonical spelling; ERR_FORGED otherwise. No MAC is checked. */
enum err ids_read(struct str text, uint8_t out[JOB_ID_BYTES])
    __attribute__((warn_unused_result));
/* ERR_FORGED unless this owner was given this id by a key we hold. */
enum err ids_verify(const struct keys *keys, const uint8_t id[JOB_ID_BYTES],
    const uint8_t owner[JOB_OWNER_BYTES]) __attribute__((warn_unused_result));
/* Index into config.apis by the id's tag; ERR_FORGED when there is none. */
enum err ids_api(const struct config *config, const uint8_t id[JOB_ID_BYTES],
    size_t *api) __attribute__((warn_unused_result));

#endif
