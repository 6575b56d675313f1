#include "generator/secrets.h"

#include <stddef.h>
#include <string.h>

/* Parts of names. A name that *ends* in "token" is one; token_endpoint not. */
static const char *const names[] = {
    "secret",
    "password",
    "private_key",
};
static const char *const shapes[] = {
    "arn:aws:secretsmanager:",
    "sk_live_",
    "whsec_",
    "-----BEGIN ",
};
#define COUNT(rows) (sizeof(rows) / sizeof(*(rows)))

static bool holds_any(struct str s, const char *const rows[], size_t n)
{
	for (size_t i = 0; s.n && i < n; i++)
		if (memmem(s.p, s.n, rows[i], strlen(rows[i])))
			return true;
	return false;
}

bool secret_named(struct str key)
{
	return holds_any(key, names, COUNT(names)) || str_ends(key, "token");
}

bool secret_shaped(struct str text)
{
	return holds_any(text, shapes, COUNT(shapes));
}
