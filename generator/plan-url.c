#include "generator/plan.h"

/* What a change means to a host: headers and URLs. */
struct str plan_type(const struct plan_change *c)
{
	return c->file ? c->file->type : str_of(out_type(c->path));
}

enum out_class plan_class(const struct plan_change *c)
{
	return c->file ? c->file->class : OUT_POINTER;
}

/* What a path may hold as it is (RFC 3986 3.3), but for '*': at the end that
 * means all that is below. */
static bool is_plain(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9') || (c && strchr("-._~!$&'()+,;=:@/", c));
}

static struct str url(struct arena *a, struct str path)
{
	static const char hex[] = "0123456789ABCDEF";
	char *text = arena_alloc(a, 3 * path.n + 2), *to = text;

	*to++ = '/';
	for (size_t i = 0; i < path.n; i++) {
		unsigned char c = (unsigned char)path.p[i];
		if (is_plain(path.p[i])) {
			*to++ = path.p[i];
			continue;
		}
		*to++ = '%';
		*to++ = hex[c >> 4];
		*to++ = hex[c & 15];
	}
	return (struct str){.p = text, .n = (size_t)(to - text)};
}

size_t plan_urls(
    struct arena *a, struct str path, struct str urls[PLAN_URLS_MAX])
{
	const size_t html = sizeof(".html") - 1, index = sizeof("index") - 1;
	size_t n = 0;

	urls[n++] = url(a, path);
	if (!str_ends(path, ".html"))
		return n;
	struct str page = str_slice(path, 0, path.n - html);
	if (str_is(page, "index") || str_ends(page, "/index")) {
		struct str folder = str_slice(page, 0, page.n - index);
		urls[n++] = url(a, folder);
		page = str_slice(folder, 0, folder.n ? folder.n - 1 : 0);
	}
	if (page.n)
		urls[n++] = url(a, page);
	return n;
}

const char *plan_cache_control(const struct plan_change *c)
{
	return plan_class(c) == OUT_IMMUTABLE
		   ? "public, max-age=31536000, immutable"
		   : "no-cache";
}
