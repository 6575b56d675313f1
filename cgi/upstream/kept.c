#include "cgi/upstream/kept.h"

void kept_init(struct arena *a, struct kept *out)
{
	*out = (struct kept){.arena = a,
	    .headers = {.items = arena_array(
			    a, UPSTREAM_KEPT_HEADERS, sizeof(struct pair))}};
}

static bool is_plain(struct str value)
{
	for (size_t i = 0; i < value.n; i++)
		if ((unsigned char)value.p[i] < 0x20 || value.p[i] == 0x7f)
			return false;
	return value.n > 0;
}

void kept_add(struct kept *kept, struct str name, struct str value)
{
	struct pairs *headers = &kept->headers;
	struct pair *last = headers->n ? &headers->items[headers->n - 1] : NULL;
	const bool again = last && str_eq(last->name, name);
	size_t more;

	value = str_trim(value);
	more = value.n + (again ? 2 : name.n);
	if (!is_plain(value) || more > UPSTREAM_KEPT_MAX - kept->bytes ||
	    (!again && headers->n == UPSTREAM_KEPT_HEADERS)) {
		kept->cut |= value.n > 0;
		return;
	}
	kept->bytes += more;
	if (again)
		last->value = arena_join(kept->arena, 3,
		    (const struct str[]){last->value, STR(", "), value});
	else
		headers->items[headers->n++] =
		    (struct pair){arena_str(kept->arena, name),
			arena_str(kept->arena, value)};
}
