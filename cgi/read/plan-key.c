#include "cgi/read/plan-parts.h"

#include <sodium.h>

/*
 * BLAKE2b over fields, each as its length (u64, big-endian) and its bytes: the
 * upstream, the URL, whether and whose it is, then name and value of each
 * header, names in lower case. A trace is another one each time, and no
 * upstream answers by it.
 */
static void field(crypto_generichash_state *state, struct str s)
{
	uint8_t length[8];

	for (size_t i = 0; i < sizeof(length); i++)
		length[i] = (uint8_t)((uint64_t)s.n >> (56 - 8 * i));
	crypto_generichash_update(state, length, sizeof(length));
	if (s.n)
		crypto_generichash_update(
		    state, (const unsigned char *)s.p, s.n);
}

static void name_field(crypto_generichash_state *state, struct str name)
{
	char lower[64];

	if (name.n > sizeof(lower)) { /* it has whatever spelling it has */
		field(state, name);
		return;
	}
	for (size_t i = 0; i < name.n; i++)
		lower[i] = name.p[i] >= 'A' && name.p[i] <= 'Z'
			       ? (char)(name.p[i] - 'A' + 'a')
			       : name.p[i];
	field(state, (struct str){lower, name.n});
}

void plan_key(const struct plan *plan, const struct plan_calling *call,
    struct str url, const struct pairs *headers, uint8_t key[READ_KEY_BYTES])
{
	crypto_generichash_state state;

	_Static_assert(READ_KEY_BYTES == crypto_generichash_BYTES, "256 bits");
	crypto_generichash_init(&state, NULL, 0, READ_KEY_BYTES);
	field(&state, call->upstream->name);
	field(&state, url);
	field(&state, call->is->owned ? STR("owned") : (struct str){0});
	field(&state, call->is->owned ? plan->spec.owner : (struct str){0});
	for (size_t i = 0; i < headers->n; i++) {
		if (str_ieq(headers->items[i].name, STR("traceparent")))
			continue;
		name_field(&state, headers->items[i].name);
		field(&state, headers->items[i].value);
	}
	crypto_generichash_final(&state, key, READ_KEY_BYTES);
	sodium_memzero(&state, sizeof(state));
}
