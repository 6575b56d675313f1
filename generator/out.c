#include "generator/out.h"

#include <stdlib.h>
#include <string.h>

void out_init(struct out *out, struct arena *arena)
{
	*out = (struct out){.arena = arena};
}

static const struct {
	const char *ending, *type;
} types[] = {
    {".html", "text/html; charset=utf-8"},
    {".css", "text/css; charset=utf-8"},
    {".mjs", "text/javascript; charset=utf-8"},
    {".js", "text/javascript; charset=utf-8"},
    {".json", "application/json"},
    {".map", "application/json"},
    {".webmanifest", "application/manifest+json"},
    {".toml", "application/toml"},
    {".yaml", "application/yaml"},
    {".yml", "application/yaml"},
    {".xml", "application/xml"},
    {".txt", "text/plain; charset=utf-8"},
    {".md", "text/markdown; charset=utf-8"},
    {".csv", "text/csv; charset=utf-8"},
    {".svg", "image/svg+xml"},
    {".png", "image/png"},
    {".jpg", "image/jpeg"},
    {".jpeg", "image/jpeg"},
    {".gif", "image/gif"},
    {".webp", "image/webp"},
    {".avif", "image/avif"},
    {".ico", "image/vnd.microsoft.icon"},
    {".woff2", "font/woff2"},
    {".woff", "font/woff"},
    {".ttf", "font/ttf"},
    {".otf", "font/otf"},
    {".wasm", "application/wasm"},
    {".pdf", "application/pdf"},
    {".zip", "application/zip"},
    {".mp4", "video/mp4"},
    {".webm", "video/webm"},
    {".mp3", "audio/mpeg"},
};

const char *out_type(struct str path)
{
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (str_ends(path, types[i].ending))
			return types[i].type;
	return "application/octet-stream";
}

const char *out_class_name(enum out_class class)
{
	static const char *const names[] = {
	    [OUT_IMMUTABLE] = "immutable",
	    [OUT_POINTER] = "pointer",
	    [OUT_PAGE] = "page",
	    [OUT_PRIVATE] = "private",
	};
	return names[class];
}

const struct out_file *out_find(
    const struct out *out, enum out_root root, struct str path)
{
	for (size_t i = 0; i < out->n; i++)
		if (out->files[i].root == root &&
		    str_eq(out->files[i].path, path))
			return &out->files[i];
	return NULL;
}

/* Relative, no empty, `.` or `..` part, no control character. */
static bool is_path(struct str path)
{
	for (size_t i = 0; i < path.n; i++)
		if ((unsigned char)path.p[i] < 0x20 || path.p[i] == 0x7f)
			return false;
	for (;;) {
		size_t slash = str_find(path, '/', 0);
		struct str part = str_slice(path, 0, slash);
		if (part.n == 0 || part.n > 255 || str_is(part, ".") ||
		    str_is(part, ".."))
			return false;
		if (slash == path.n)
			return true;
		path = str_slice(path, slash + 1, path.n);
	}
}

/* A file where the other has a folder. */
static bool is_below(struct str path, struct str folder)
{
	return path.n > folder.n && path.p[folder.n] == '/' &&
	       memcmp(path.p, folder.p, folder.n) == 0;
}

static const struct out_file *clashing(
    const struct out *out, enum out_root root, struct str path)
{
	for (size_t i = 0; i < out->n; i++) {
		const struct out_file *f = &out->files[i];
		if (f->root == root &&
		    (str_eq(f->path, path) || is_below(path, f->path) ||
			is_below(f->path, path)))
			return f;
	}
	return NULL;
}

static void grow(struct out *out)
{
	if (out->n < out->cap)
		return;
	out->cap = out->cap ? out->cap * 2 : 64;
	struct out_file *files =
	    arena_array(out->arena, out->cap, sizeof(*files));
	if (out->n)
		memcpy(files, out->files, out->n * sizeof(*files));
	out->files = files;
}

enum err out_put(struct out *out, enum out_root root, const char *path,
    struct str bytes, enum out_class class, bool from_env, struct pos pos,
    struct diag *diag)
{
	struct str name = arena_str(out->arena, str_of(path));

	if (!is_path(name)) {
		diag_error(diag, pos, "bad-name",
		    "\"%s\" cannot be the name of a published file; rename it",
		    path);
		return ERR_INPUT;
	}
	const struct out_file *other = clashing(out, root, name);
	if (other) {
		diag_error(diag, pos, "output-clash",
		    "%s would be written twice%s%.*s; rename one of the two",
		    path, other->pos.file ? ", also for " : "",
		    STR_ARG(str_of(other->pos.file)));
		return ERR_INPUT;
	}
	grow(out);
	out->files[out->n++] = (struct out_file){
	    .path = name,
	    .root = root,
	    .class = class,
	    .bytes = bytes,
	    .type = out_type(name),
	    .from_env = from_env,
	    .pos = pos,
	};
	return ERR_OK;
}

static int by_path(const void *left, const void *right)
{
	const struct out_file *a = left, *b = right;

	if (a->root != b->root)
		return a->root < b->root ? -1 : 1;
	return str_cmp(a->path, b->path);
}

void out_sort(struct out *out)
{
	if (out->n)
		qsort(out->files, out->n, sizeof(*out->files), by_path);
}
