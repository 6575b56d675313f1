#include "generator/reference.h"

#include <string.h>

/* `to` holds a path without its end: one folder less. */
static size_t up(const char *to, size_t n)
{
	while (n && to[--n] != '/')
		;
	return n;
}

struct str reference_resolve(struct arena *a, struct str page, struct str path)
{
	bool absolute = str_starts(path, "/");
	size_t dir = absolute ? 0 : page.n, n = 0;

	while (dir && page.p[dir - 1] != '/')
		dir--;
	char *to = arena_alloc(a, dir + path.n + 2);
	to[n++] = '/';
	/* a page's own path holds no dots */
	if (dir)
		memcpy(to + n, page.p, dir);
	n += dir;
	path = str_slice(path, absolute, path.n);
	for (bool last = false; !last;) {
		size_t slash = str_find(path, '/', 0);
		struct str part = str_slice(path, 0, slash);
		last = slash == path.n;
		path = str_slice(path, slash + 1, path.n);
		/* `to` ends in a slash here */
		if (str_is(part, ".."))
			n = up(to, n - 1) + 1;
		if (str_is(part, "..") || str_is(part, "."))
			continue;
		if (part.n)
			memcpy(to + n, part.p, part.n);
		n += part.n;
		if (!last)
			to[n++] = '/';
	}
	return (struct str){.p = to, .n = n};
}

/* Up to and with the last slash. */
static struct str folder_of(struct str path)
{
	while (path.n && path.p[path.n - 1] != '/')
		path.n--;
	return path;
}

struct str reference_rename(
    struct arena *a, struct str path, struct str logical, struct str published)
{
	struct str folder = folder_of(published);

	if (str_starts(path, "/") || !str_eq(folder_of(logical), folder))
		return published;
	return arena_printf(a, "%.*s%.*s", STR_ARG(folder_of(path)),
	    STR_ARG(str_slice(published, folder.n, published.n)));
}
