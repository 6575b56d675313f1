#include "cgi/read/blob.h"

#include <stdlib.h>

struct blob *blob_new(struct str body, int status, int64_t made_boot)
{
	struct blob *blob = malloc(sizeof(*blob) + body.n);

	if (!blob)
		abort();
	blob->refs = 1;
	blob->status = status;
	blob->made_boot = made_boot;
	blob->held = NULL;
	blob->n = body.n;
	if (body.n)
		memcpy(blob->bytes, body.p, body.n);
	return blob;
}

void blob_count(struct blob *blob, size_t *held)
{
	blob->held = held;
	*held += blob->n;
}

struct blob *blob_ref(struct blob *blob)
{
	blob->refs++;
	return blob;
}

void blob_unref(struct blob *blob)
{
	if (!blob || --blob->refs)
		return;
	if (blob->held)
		*blob->held -= blob->n;
	free(blob);
}
