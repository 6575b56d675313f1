#include "generator/published.h"

#include <string.h>

#include "generator/api-make.h"

static bool is_plain(struct str part)
{
	for (size_t i = 0; i < part.n; i++) {
		unsigned char c = (unsigned char)part.p[i];
		if (c < 0x20 || c == 0x7f || strchr("\\?#%", (char)c))
			return false;
	}
	return part.n && part.p[0] != '.';
}

static bool is_good(struct str path, const char *ending)
{
	bool good = str_ends(path, ending);

	for (size_t at = 0; at <= path.n && good;) {
		size_t end = str_find(path, '/', at);
		good = is_plain(str_slice(path, at, end));
		at = end + 1;
	}
	return good;
}

bool published_path(struct build *b, struct pos pos, struct str path,
    const char *ending, const char *like)
{
	struct str full = arena_printf(b->arena, "/%.*s", STR_ARG(path));
	struct str prefix = making_without_slash(site_text(b->site, "prefix"));
	struct str apis = arena_printf(b->arena, "%.*s/", STR_ARG(prefix));

	if (!is_good(path, ending)) {
		diag_error(b->diag, pos, "bad-path",
		    "\"%.*s\" is no file of the site; write it as \"%s\" or "
		    "\"docs/%s\"",
		    STR_ARG(path), like, like);
		return false;
	}
	if (prefix.n && str_starts(full, apis.p)) {
		diag_error(b->diag, pos, "path-reserved",
		    "what is below %s is the APIs'; name another folder",
		    apis.p);
		return false;
	}
	return true;
}
