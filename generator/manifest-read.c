#include "generator/manifest.h"

#include <stdlib.h>
#include <string.h>

#include "generator/digits.h"
#include "lib/json-pull.h"

/*
 * The reader. An object of the format is a table of members: what a row's
 * function makes of the value, and that each is there once. The format needs
 * no more depth than the calls here have, so none is counted.
 *
 * A row of `files` cannot be shorter than ROW_MIN, so the text's length bounds
 * their number before memory is asked for.
 */
#define ROW_MIN 330
#define ROW_USUAL 560 /* with two siblings: memory for these at first */
#define TYPE_MAX 255
#define NAME_MAX_SITE 40
#define INTEGRITY "sha512-"

struct reader {
	struct json_pull json;
	struct manifest *m;
	size_t cap_files, room; /* rows at most, and as there is memory for */
	struct pos id_pos, fallback_pos;
	bool format_known;
	size_t kept_paths; /* of all releases */
	struct str *paths; /* of the release that is read */
	size_t cap_paths;
};

__attribute__((format(printf, 4, 5))) static void wrong(
    struct reader *r, struct pos pos, const char *name, const char *format, ...)
{
	va_list args;

	if (r->json.err)
		return;
	va_start(args, format);
	struct str text = arena_vprintf(r->json.arena, format, args);
	va_end(args);
	diag_error(r->json.diag, pos, name, "%.*s", STR_ARG(text));
	json_pull_stop(&r->json, ERR_INPUT);
}

/* --- objects ---------------------------------------------------------- */

struct member_row {
	const char *key;
	void (*read)(struct reader *r, void *into, struct pos pos);
	bool optional;
};

static const struct member_row *row_of(
    const struct member_row *rows, size_t n, struct str key, size_t guess)
{
	/* they mostly come in the order of their rows */
	if (guess < n && str_is(key, rows[guess].key))
		return &rows[guess];
	for (size_t i = 0; i < n; i++)
		if (str_is(key, rows[i].key))
			return &rows[i];
	return NULL;
}

static void read_object(
    struct reader *r, const struct member_row *rows, size_t n, void *into)
{
	struct pos start = json_pull_pos(&r->json), pos;
	unsigned seen = 0;
	size_t at = 0;
	struct str key;

	json_pull_open(&r->json, '{');
	while (json_pull_key(&r->json, &key)) {
		const struct member_row *row = row_of(rows, n, key, at);
		pos = json_pull_pos(&r->json);
		if (!r->format_known && row != rows) {
			wrong(r, pos, "manifest-format",
			    "this is no manifest of lowtide's: \"format\" "
			    "would stand first");
			return;
		}
		if (!row) {
			wrong(r, pos, "manifest-key",
			    "no manifest has a member \"%.*s\" here",
			    STR_ARG(str_slice(key, 0, 60)));
			return;
		}
		at = (size_t)(row - rows);
		if (seen & 1u << at)
			wrong(r, pos, "manifest-key",
			    "the member \"%s\" stands here twice", row->key);
		seen |= 1u << at++;
		if (!r->json.err)
			row->read(r, into, pos);
	}
	for (size_t i = 0; i < n; i++)
		if (!(seen & 1u << i) && !rows[i].optional)
			wrong(r, start, "manifest-key",
			    "the member \"%s\" is missing here", rows[i].key);
}
#define N_ROWS(rows) (sizeof(rows) / sizeof((rows)[0]))

/* --- single values ---------------------------------------------------- */

static void read_hash(struct reader *r, unsigned char out[32], struct pos pos)
{
	struct str s;

	json_pull_string(&r->json, &s);
	if (!digits_hex(s, out))
		wrong(r, pos, "manifest-value",
		    "this must be 64 hex digits in lower case");
}

static bool is_own(struct str path)
{
	return str_is(path, OUT_MANIFEST) || str_is(path, MANIFEST_SIGNATURE);
}

/* A path, greater than the one before it (NULL: it is the first). */
static void read_path(
    struct reader *r, const struct str *before, struct pos pos, struct str *out)
{
	json_pull_string(&r->json, out);
	if (r->json.err)
		return;
	if (out->n > MANIFEST_PATH_MAX || !out_is_path(*out) || is_own(*out))
		wrong(r, pos, "manifest-path",
		    "no build publishes a file of that name");
	else if (before && str_cmp(*before, *out) >= 0)
		wrong(r, pos, "manifest-path",
		    "it stands twice, or not in the order of the paths");
}

/* --- files ------------------------------------------------------------ */

static void file_path(struct reader *r, void *into, struct pos pos)
{
	struct manifest_file *f = into;

	read_path(r, r->m->n ? &f[-1].path : NULL, pos, &f->path);
	f->pos = pos;
}

static void file_bytes(struct reader *r, void *into, struct pos pos)
{
	struct manifest_file *f = into;

	(void)pos;
	json_pull_count(&r->json, &f->digest.bytes);
}

static void file_blake2b(struct reader *r, void *into, struct pos pos)
{
	struct manifest_file *f = into;

	read_hash(r, f->digest.blake2b, pos);
}

static void file_sha256(struct reader *r, void *into, struct pos pos)
{
	struct manifest_file *f = into;

	read_hash(r, f->digest.sha256, pos);
}

static void file_integrity(struct reader *r, void *into, struct pos pos)
{
	struct manifest_file *f = into;
	const size_t n = sizeof(INTEGRITY) - 1;
	struct str s;

	json_pull_string(&r->json, &s);
	if (!str_starts(s, INTEGRITY) ||
	    !digits_base64(str_slice(s, n, s.n), f->digest.sha512))
		wrong(r, pos, "manifest-value",
		    "this must be \"sha512-\" and 64 bytes as base64");
}

/* It becomes a header's value: visible ASCII and spaces. */
static void file_type(struct reader *r, void *into, struct pos pos)
{
	struct manifest_file *f = into;
	bool good;

	json_pull_string(&r->json, &f->type);
	good = f->type.n > 0 && f->type.n <= TYPE_MAX && f->type.p[0] != ' ' &&
	       str_find(f->type, '/', 1) < f->type.n;
	for (size_t i = 0; i < f->type.n && good; i++)
		good = f->type.p[i] >= ' ' && f->type.p[i] <= '~';
	if (!good)
		wrong(r, pos, "manifest-value", "this must be a media type");
}

static void file_cache(struct reader *r, void *into, struct pos pos)
{
	struct manifest_file *f = into;
	static const enum out_class published[] = {
	    OUT_IMMUTABLE, OUT_POINTER, OUT_PAGE};
	struct str s;

	json_pull_string(&r->json, &s);
	for (size_t i = 0; i < N_ROWS(published); i++) {
		if (str_is(s, out_class_name(published[i]))) {
			f->class = published[i];
			return;
		}
	}
	wrong(r, pos, "manifest-value",
	    "this must be \"immutable\", \"pointer\" or \"page\"");
}

static void sibling_bytes(struct reader *r, void *into, struct pos pos)
{
	struct manifest_sibling *s = into;

	json_pull_count(&r->json, &s->bytes);
	if (s->bytes == 0)
		wrong(r, pos, "manifest-value", "no coding makes no bytes");
}

static void sibling_blake2b(struct reader *r, void *into, struct pos pos)
{
	struct manifest_sibling *s = into;

	read_hash(r, s->blake2b, pos);
}

static void file_encodings(struct reader *r, void *into, struct pos pos)
{
	static const struct member_row members[] = {
	    {"bytes", sibling_bytes, false},
	    {"blake2b", sibling_blake2b, false},
	};
	struct manifest_file *f = into;
	struct str key;

	json_pull_open(&r->json, '{');
	while (json_pull_key(&r->json, &key)) {
		size_t i = 0;
		pos = json_pull_pos(&r->json);
		while (
		    i < ENCODING_COUNT && !str_is(key, encoding_rows[i].name))
			i++;
		if (i == ENCODING_COUNT || f->siblings[i].bytes) {
			wrong(r, pos, "manifest-key",
			    "there is no coding \"%.*s\", or it stands here "
			    "twice",
			    STR_ARG(str_slice(key, 0, 60)));
			return;
		}
		read_object(r, members, N_ROWS(members), &f->siblings[i]);
	}
}

static void file_env(struct reader *r, void *into, struct pos pos)
{
	struct manifest_file *f = into;

	(void)pos;
	json_pull_bool(&r->json, &f->from_env);
}

/* For one more; only the first time it is not enough. */
static void make_room(struct reader *r)
{
	struct manifest *m = r->m;
	size_t room = r->room ? r->cap_files : r->json.text.n / ROW_USUAL + 1;

	if (m->n < r->room)
		return;
	if (room > r->cap_files)
		room = r->cap_files;
	struct manifest_file *files =
	    arena_array(r->json.arena, room, sizeof(*files));
	if (m->n)
		memcpy(files, m->files, m->n * sizeof(*files));
	m->files = files;
	r->room = room;
}

static void read_files(struct reader *r, void *into, struct pos pos)
{
	static const struct member_row members[] = {
	    {"path", file_path, false},
	    {"bytes", file_bytes, false},
	    {"blake2b", file_blake2b, false},
	    {"sha256", file_sha256, false},
	    {"integrity", file_integrity, false},
	    {"type", file_type, false},
	    {"cache", file_cache, false},
	    {"encodings", file_encodings, false},
	    {"env", file_env, false},
	};
	struct manifest *m = into;

	json_pull_open(&r->json, '[');
	while (json_pull_item(&r->json)) {
		if (m->n == r->cap_files) {
			wrong(r, pos, "manifest-too-large",
			    "there are more files than %zu", r->cap_files);
			return;
		}
		make_room(r);
		read_object(r, members, N_ROWS(members), &m->files[m->n]);
		m->n++;
	}
}

/* --- releases --------------------------------------------------------- */

static void release_id(struct reader *r, void *into, struct pos pos)
{
	struct manifest_release *release = into;
	unsigned char bin[32];

	json_pull_string(&r->json, &release->id);
	if (!digits_hex(release->id, bin))
		wrong(r, pos, "manifest-value",
		    "this must be 64 hex digits in lower case");
}

static void add_path(struct reader *r, size_t n, struct str path)
{
	if (n == r->cap_paths) {
		size_t cap = r->cap_paths ? 2 * r->cap_paths : 64;
		struct str *paths =
		    arena_array(r->json.arena, cap, sizeof(*paths));
		if (n)
			memcpy(paths, r->paths, n * sizeof(*paths));
		r->paths = paths;
		r->cap_paths = cap;
	}
	r->paths[n] = path;
}

static void release_files(struct reader *r, void *into, struct pos pos)
{
	struct manifest_release *release = into;
	struct str path;
	size_t n = 0;

	json_pull_open(&r->json, '[');
	while (json_pull_item(&r->json)) {
		pos = json_pull_pos(&r->json);
		if (r->kept_paths++ == MANIFEST_FILES_MAX)
			wrong(r, pos, "manifest-too-large",
			    "there are more paths than %d", MANIFEST_FILES_MAX);
		read_path(r, n ? &r->paths[n - 1] : NULL, pos, &path);
		add_path(r, n++, path);
	}
	release->paths = arena_array(r->json.arena, n, sizeof(*release->paths));
	release->n = n;
	if (n)
		memcpy(release->paths, r->paths, n * sizeof(*r->paths));
}

static void read_releases(struct reader *r, void *into, struct pos pos)
{
	static const struct member_row members[] = {
	    {"release", release_id, false},
	    {"files", release_files, false},
	};
	struct manifest *m = into;

	m->releases = arena_array(
	    r->json.arena, MANIFEST_RELEASES_MAX, sizeof(*m->releases));
	json_pull_open(&r->json, '[');
	while (json_pull_item(&r->json)) {
		if (m->n_releases == MANIFEST_RELEASES_MAX) {
			wrong(r, pos, "manifest-too-large",
			    "there are more releases than %d",
			    MANIFEST_RELEASES_MAX);
			return;
		}
		read_object(
		    r, members, N_ROWS(members), &m->releases[m->n_releases++]);
	}
}

/* --- the whole -------------------------------------------------------- */

static void read_format(struct reader *r, void *into, struct pos pos)
{
	uint64_t format;

	(void)into;
	json_pull_count(&r->json, &format);
	r->format_known = true;
	if (format != MANIFEST_FORMAT)
		wrong(r, pos, "manifest-format",
		    "its format is %llu and this lowtide reads %d; use the "
		    "lowtide that wrote it",
		    (unsigned long long)format, MANIFEST_FORMAT);
}

static void read_name(struct reader *r, void *into, struct pos pos)
{
	struct manifest *m = into;
	bool good;

	json_pull_string(&r->json, &m->name);
	good = m->name.n > 0 && m->name.n <= NAME_MAX_SITE;
	for (size_t i = 0; i < m->name.n && good; i++) {
		char c = m->name.p[i];
		good = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
		       c == '-';
	}
	if (!good)
		wrong(r, pos, "manifest-value", "this must be a site's name");
}

static void read_id(struct reader *r, void *into, struct pos pos)
{
	struct manifest *m = into;
	unsigned char bin[32];

	json_pull_string(&r->json, &m->id);
	r->id_pos = pos;
	if (!digits_hex(m->id, bin))
		wrong(r, pos, "manifest-value",
		    "this must be 64 hex digits in lower case");
}

static void read_fallback(struct reader *r, void *into, struct pos pos)
{
	struct manifest *m = into;

	json_pull_string(&r->json, &m->fallback);
	r->fallback_pos = pos;
}

static const struct member_row top[] = {
    {"format", read_format, false},
    {"name", read_name, false},
    {"release", read_id, false},
    {"fallback", read_fallback, true},
    {"files", read_files, false},
    {"releases", read_releases, false},
};

/* A sibling's name with a row of its own would be written twice. */
static void check_siblings(struct reader *r)
{
	const struct manifest *m = r->m;
	enum encoding encoding;

	for (size_t i = 0; i < m->n; i++)
		if (manifest_original(m, m->files[i].path, &encoding))
			wrong(r, m->files[i].pos, "manifest-path",
			    "it is the %s of another file too",
			    encoding_rows[encoding].name);
}

static int by_id(const void *left, const void *right)
{
	const struct str *a = left, *b = right;

	return str_cmp(*a, *b);
}

/* Every release has an id of its own, and keeps what is not there anyway. */
static void check_releases(struct reader *r)
{
	const struct manifest *m = r->m;
	struct str *ids =
	    arena_array(r->json.arena, m->n_releases + 1, sizeof(*ids));

	ids[m->n_releases] = m->id;
	for (size_t i = 0; i < m->n_releases; i++) {
		ids[i] = m->releases[i].id;
		for (size_t j = 0; j < m->releases[i].n; j++)
			if (manifest_find(m, m->releases[i].paths[j]))
				wrong(r, r->id_pos, "manifest-release",
				    "an earlier release keeps \"%.*s\", which "
				    "this one has itself",
				    STR_ARG(m->releases[i].paths[j]));
	}
	qsort(ids, m->n_releases + 1, sizeof(*ids), by_id);
	for (size_t i = 1; i <= m->n_releases; i++)
		if (str_eq(ids[i - 1], ids[i]))
			wrong(r, r->id_pos, "manifest-release",
			    "two releases have the id %.*s", STR_ARG(ids[i]));
}

static void check(struct reader *r)
{
	if (!str_eq(
		manifest_id(r->json.arena, r->m->files, r->m->n), r->m->id)) {
		wrong(r, r->id_pos, "manifest-release",
		    "this is not the id of its files; it was changed by hand "
		    "or damaged");
		return;
	}
	if (r->m->fallback.n && !manifest_find(r->m, r->m->fallback))
		wrong(r, r->fallback_pos, "manifest-path",
		    "this must be one of the files");
	check_siblings(r);
	check_releases(r);
}

enum err manifest_read(struct arena *a, struct str bytes, const char *file,
    struct diag *diag, struct manifest *out)
{
	struct reader r = {.m = out,
	    .json = {.arena = a,
		.text = bytes,
		.finding = "manifest-syntax",
		.diag = diag},
	    .cap_files = bytes.n / ROW_MIN + 1};

	*out = (struct manifest){0};
	r.json.file = file ? arena_cstr(a, str_of(file)) : NULL;
	if (r.cap_files > MANIFEST_FILES_MAX)
		r.cap_files = MANIFEST_FILES_MAX;
	if (bytes.n > MANIFEST_MAX) {
		diag_error(diag, POS_FILE(r.json.file), "manifest-too-large",
		    "it has more than %zu bytes", MANIFEST_MAX);
		return ERR_INPUT;
	}
	read_object(&r, top, N_ROWS(top), out);
	json_pull_end(&r.json);
	if (!r.json.err)
		check(&r);
	return r.json.err;
}
