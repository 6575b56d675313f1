#ifndef LOWTIDE_CGI_READ_BLOB_H
#define LOWTIDE_CGI_READ_BLOB_H

#include "lib/str.h"

/*
 * An upstream's answer, as it is kept: bytes that never change, shared by the
 * cache and by every request that uses them, freed by the last. One thread.
 */
struct blob {
	uint32_t refs;
	int status;
	int64_t made_boot; /* when it was answered */
	size_t *held;	   /* NULL, or a sum that its n is part of */
	size_t n;
	char bytes[]; /* JSON text that was checked; n 0: empty (null) */
};
struct blob *blob_new(struct str body, int status, int64_t made_boot);
/* Its bytes count in *held until they are freed. */
void blob_count(struct blob *blob, size_t *held);
struct blob *blob_ref(struct blob *blob);
void blob_unref(struct blob *blob); /* NULL-safe */
static inline struct str blob_str(const struct blob *blob)
{
	return (struct str){.p = blob->bytes, .n = blob->n};
}

#endif
