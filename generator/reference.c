#include "generator/reference.h"

#include "lib/buf.h"

struct str reference_resolve(struct arena *a, struct str page, struct str path)
{
	struct buf all = {0}, out = {0};
	size_t dir = page.n;

	while (dir && page.p[dir - 1] != '/')
		dir--;
	if (!str_starts(path, "/"))
		buf_put_str(&all, str_slice(page, 0, dir));
	buf_put_str(&all, str_slice(path, str_starts(path, "/"), path.n));
	struct str rest = buf_str(&all);
	for (bool last = false; !last;) {
		size_t slash = str_find(rest, '/', 0);
		struct str part = str_slice(rest, 0, slash);
		last = slash == rest.n;
		rest = str_slice(rest, slash + 1, rest.n);
		bool up = str_is(part, "..");
		if (up || str_is(part, ".")) {
			while (up && out.len && out.data[--out.len] != '/')
				;
			if (last)
				buf_putc(&out, '/');
			continue;
		}
		buf_putc(&out, '/');
		buf_put_str(&out, part);
	}
	struct str copy = arena_str(a, buf_str(&out));
	buf_release(&all);
	buf_release(&out);
	return copy;
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
