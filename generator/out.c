#include "generator/out-stage.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "generator/lookup.h"
#include "generator/memo.h"
#include "generator/scan.h"
#include "lib/utf8.h"

void out_init(struct out *out, struct arena *arena)
{
	*out = (struct out){.arena = arena};
	pthread_mutex_init(&out->mutex, NULL);
	hash_init();
}

void out_dry(struct out *out)
{
	out->is_dry = true;
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
    {".env", "text/plain; charset=utf-8"},
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

/* Cameras write IMG.JPG, and web servers tell it by its ending as well. */
static bool ends_like(struct str path, const char *ending)
{
	size_t n = strlen(ending);

	return path.n >= n &&
	       str_ieq(str_slice(path, path.n - n, path.n), str_of(ending));
}

const char *out_type(struct str path)
{
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (ends_like(path, types[i].ending))
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

/* A path that was put, or a folder above one: file says which. */
struct out_slot {
	struct str path; /* p NULL: free */
	enum out_root root;
	bool is_folder;
	size_t file; /* index; of a folder: the first file that needed it */
};

/* The slot of that path, or the free one where it belongs. */
static struct out_slot *slot(
    const struct out *out, enum out_root root, struct str path)
{
	for (size_t i = (size_t)lookup_hash(path) + root;; i++) {
		struct out_slot *s = &out->slots[i & (out->n_slots - 1)];
		if (!s->path.p || (s->root == root && str_eq(s->path, path)))
			return s;
	}
}

static const struct out_slot *known(
    const struct out *out, enum out_root root, struct str path)
{
	const struct out_slot *s =
	    out->n_slots && path.n ? slot(out, root, path) : NULL;

	return s && s->path.p ? s : NULL;
}

static void note(struct out *out, struct out_slot entry)
{
	/* never more than half full */
	if (2 * (out->used_slots + 1) > out->n_slots) {
		struct out_slot *old = out->slots;
		size_t n = out->n_slots;
		out->n_slots = n ? 2 * n : 256;
		out->slots =
		    arena_array(out->arena, out->n_slots, sizeof(*out->slots));
		for (size_t i = 0; i < n; i++)
			if (old[i].path.p)
				*slot(out, old[i].root, old[i].path) = old[i];
	}
	struct out_slot *s = slot(out, entry.root, entry.path);
	if (s->path.p)
		return;
	*s = entry;
	out->used_slots++;
}

static struct str folder_of(struct str path)
{
	size_t n = path.n;

	while (n && path.p[n - 1] != '/')
		n--;
	return str_slice(path, 0, n);
}

/* Then the folders above it are no news. */
static bool is_beside_last(
    const struct out *out, enum out_root root, struct str path)
{
	return out->folder.n && out->folder_root == root &&
	       str_eq(out->folder, folder_of(path));
}

/* The file and the folders above it. */
static void note_file(struct out *out, size_t file)
{
	const struct out_file *f = &out->files[file];

	note(out, (struct out_slot){f->path, f->root, false, file});
	if (is_beside_last(out, f->root, f->path))
		return;
	for (size_t i = f->path.n; i-- > 1;)
		if (f->path.p[i] == '/')
			note(out, (struct out_slot){str_slice(f->path, 0, i),
				      f->root, true, file});
	out->folder = folder_of(f->path);
	out->folder_root = f->root;
}

const struct out_file *out_find(
    const struct out *out, enum out_root root, struct str path)
{
	const struct out_slot *s = known(out, root, path);

	return s && !s->is_folder ? &out->files[s->file] : NULL;
}

/* NULL: nothing */
static const char *wrong_with(struct str path)
{
	for (size_t i = 0; i < path.n; i++)
		if ((unsigned char)path.p[i] < 0x20 || path.p[i] == 0x7f)
			return "it has a control character";
	if (!utf8_valid(path))
		return "it is not UTF-8";
	for (;;) {
		size_t slash = str_find(path, '/', 0);
		struct str part = str_slice(path, 0, slash);
		if (part.n == 0 || str_is(part, ".") || str_is(part, ".."))
			return "a part of it is empty, `.` or `..`";
		if (part.n > 255)
			return "a part of it has more than 255 bytes";
		if (slash == path.n)
			return NULL;
		path = str_slice(path, slash + 1, path.n);
	}
}

bool out_is_path(struct str path)
{
	return !wrong_with(path);
}

/* What has that path already, or has a file where it needs a folder. */
static const struct out_file *clashing(
    const struct out *out, enum out_root root, struct str path)
{
	const struct out_slot *s = known(out, root, path);

	if (!s && is_beside_last(out, root, path))
		return NULL;
	for (size_t i = 0; i < path.n && !s; i++) {
		if (path.p[i] != '/')
			continue;
		s = known(out, root, str_slice(path, 0, i));
		if (s && s->is_folder)
			s = NULL;
	}
	return s ? &out->files[s->file] : NULL;
}

#define ROWS_USUAL 256 /* of a site whose size is not known */

static void grow(struct out *out)
{
	if (out->n < out->cap)
		return;
	/*
	 * An arena keeps what was outgrown, and pages that nobody writes to
	 * cost nothing: so there is room for siblings of all at once.
	 */
	size_t guess =
	    (1 + ENCODING_COUNT) * (memo_count(out->memo) + ROWS_USUAL);
	out->cap = out->cap ? out->cap * 2 : guess;
	struct out_file *files =
	    arena_array(out->arena, out->cap, sizeof(*files));
	if (out->n)
		memcpy(files, out->files, out->n * sizeof(*files));
	out->files = files;
}

enum err out_note(
    struct out *out, const struct out_file *file, struct diag *diag)
{
	const char *wrong = wrong_with(file->path);
	if (wrong) {
		diag_error(diag, file->pos, "bad-name",
		    "\"%.*s\" cannot be the name of a published file: %s; "
		    "rename it",
		    STR_ARG(file->path), wrong);
		return ERR_INPUT;
	}
	const struct out_file *other = clashing(out, file->root, file->path);
	if (other) {
		diag_error(diag, file->pos, "output-clash",
		    "%.*s would be written twice%s%.*s; rename one of the two",
		    STR_ARG(file->path), other->pos.file ? ", also for " : "",
		    STR_ARG(str_of(other->pos.file)));
		return ERR_INPUT;
	}
	if (scan_name(out->scan[file->root], file->path, diag))
		return ERR_INPUT;
	grow(out);
	struct out_file *f = &out->files[out->n++];
	*f = *file;
	f->path = arena_str(out->arena, file->path);
	f->type = out_type(f->path);
	if (!out->stage && !out->is_dry)
		f->bytes = out_take_kept(out, f->root, f->path);
	note_file(out, out->n - 1);
	return ERR_OK;
}

enum err out_put(struct out *out, enum out_root root, const char *path,
    struct str bytes, enum out_class class, bool from_env, struct pos pos,
    struct diag *diag)
{
	struct out_file file = {.path = str_of(path),
	    .root = root,
	    .class = class,
	    .from_env = from_env,
	    .pos = pos};
	enum err err = out_stage(out, root, path, bytes, &file.digest, diag);

	return err == ERR_OK ? out_note(out, &file, diag) : err;
}

static int by_path(const void *left, const void *right)
{
	const struct out_file *a = left, *b = right;

	if (a->root != b->root)
		return a->root < b->root ? -1 : 1;
	return str_cmp(a->path, b->path);
}

#define FEW 8 /* files more since the last time: put where they belong */

static void sort_in(struct out *out, size_t last)
{
	const struct out_file file = out->files[last];
	size_t low = 0, high = last;

	while (low < high) {
		size_t k = low + (high - low) / 2;
		if (by_path(&out->files[k], &file) < 0)
			low = k + 1;
		else
			high = k;
	}
	memmove(&out->files[low + 1], &out->files[low],
	    (last - low) * sizeof(file));
	out->files[low] = file;
}

void out_sort(struct out *out)
{
	if (out->n == out->n_sorted)
		return;
	if (out->n_sorted && out->n - out->n_sorted <= FEW)
		for (size_t i = out->n_sorted; i < out->n; i++)
			sort_in(out, i);
	else
		qsort(out->files, out->n, sizeof(*out->files), by_path);
	out->n_sorted = out->n;
	/* the files stand elsewhere now */
	memset(out->slots, 0, out->n_slots * sizeof(*out->slots));
	out->used_slots = 0;
	out->folder = (struct str){0};
	for (size_t i = 0; i < out->n; i++)
		note_file(out, i);
}
