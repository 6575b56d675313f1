#include "generator/answers.h"

#include "generator/lookup.h"

#define HEAD (3 * sizeof(uint64_t))

void answers_release(struct answers *answers)
{
	buf_release(&answers->asked);
	buf_release(&answers->named);
}

static uint64_t mix(uint64_t hash, struct str logical, struct str published)
{
	hash = (hash ^ lookup_hash(logical)) * 0x9e3779b97f4a7c15u;
	return (hash ^ hash >> 31 ^ lookup_hash(published)) *
	       0xbf58476d1ce4e5b9u;
}

void answers_add(
    struct answers *answers, struct str logical, struct str published)
{
	answers->told = mix(answers->told, logical, published);
	buf_put_str(&answers->asked, logical);
	buf_putc(&answers->asked, '\0');
}

void answers_name(struct answers *answers, struct str logical)
{
	buf_put_str(&answers->named, logical);
	buf_putc(&answers->named, '\0');
}

struct str answers_write(struct arena *a, const struct answers *answers)
{
	uint64_t head[] = {answers->names, answers->told, answers->asked.len};

	return arena_join(a, 3,
	    (const struct str[]){{(const char *)head, sizeof(head)},
		buf_str(&answers->asked), buf_str(&answers->named)});
}

/* What it would be told of one path. */
static struct str tell(
    const struct build *b, struct str logical, bool *from_env)
{
	if (!logical.n) {
		*from_env |= b->import_map_from_env;
		return b->import_map;
	}
	struct str published = build_published(b, logical);
	const struct out_file *file =
	    published.n ? out_find(&b->out, OUT_WWW,
			      str_slice(published, 1, published.n))
			: NULL;
	*from_env |= file && file->from_env;
	return published;
}

bool answers_hold(const struct build *b, uint64_t names, struct str bytes,
    struct str *named, bool *from_env)
{
	uint64_t head[3], told = 0;
	bool env = false;

	if (bytes.n < HEAD)
		return false;
	memcpy(head, bytes.p, HEAD);
	if (head[0] != names || head[2] > bytes.n - HEAD)
		return false;
	struct str asked = str_slice(bytes, HEAD, HEAD + (size_t)head[2]);
	for (size_t at = 0, end; at < asked.n; at = end + 1) {
		end = str_find(asked, '\0', at);
		struct str logical = str_slice(asked, at, end);
		told = mix(told, logical, tell(b, logical, &env));
	}
	if (told != head[1])
		return false;
	*named = str_slice(bytes, HEAD + asked.n, bytes.n);
	*from_env |= env;
	return true;
}

bool answers_any(struct str bytes)
{
	uint64_t head[3];

	memcpy(head, bytes.p, HEAD);
	return head[2] > 0;
}

uint64_t answers_names(const struct build *b)
{
	struct str prefix = site_text(b->site, "prefix");
	uint64_t names =
	    lookup_hash(prefix) * 3 + lookup_hash(b->site->base_url) * 5;

	for (size_t i = 0; i < b->out.n; i++)
		names += lookup_hash(b->out.files[i].path);
	/* fingerprints are no names: they change with the bytes */
	for (size_t i = 0; i < b->cap_refs; i++) {
		struct str published = b->refs[i].published;
		if (!published.n)
			continue;
		names -= lookup_hash(str_slice(published, 1, published.n));
		names += lookup_hash(b->refs[i].logical);
	}
	return names;
}
