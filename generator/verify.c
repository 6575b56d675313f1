#include "generator/verify.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/fs.h"
#include "lib/units.h"

#define PIECE ((size_t)64 * 1024)

struct verify {
	const struct verify_spec *spec;
	struct fs_list list;
	int www;	  /* the folder, opened once */
	struct str *kept; /* paths of earlier releases, sorted */
	size_t n_kept;
	atomic_size_t changed, missing, stale, siblings;
	_Atomic uint64_t bytes;
};

/* Control characters in a name would be the terminal's. */
static struct pos place(struct arena *a, const char *www, struct str path)
{
	char *name = arena_cstr(a, path);

	for (char *p = name; *p; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			*p = '?';
	return POS_FILE(fs_join(a, www, name));
}

static int by_rel(const void *key, const void *member)
{
	const struct str *path = key;
	const struct fs_entry *e = member;

	return str_cmp(*path, e->rel);
}

static const struct fs_entry *find(const struct verify *v, struct str path)
{
	return v->list.n ? bsearch(&path, v->list.entries, v->list.n,
			       sizeof(*v->list.entries), by_rel)
			 : NULL;
}

static enum err unreadable(
    struct verify *v, struct worker *w, struct str path, int why)
{
	diag_error(w->diag, place(w->arena, v->spec->www, path), "io-error",
	    "it cannot be read: %s", strerror(why));
	return ERR_IO;
}

static int open_file(struct verify *v, struct worker *w, struct str path)
{
	return openat(v->www, arena_cstr(w->arena, path),
	    O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
}

static enum err hash_file(
    struct verify *v, struct worker *w, struct str path, struct digest *out)
{
	struct hash_stream hash;
	char piece[PIECE];
	ssize_t n = 1;
	int fd = open_file(v, w, path);

	if (fd < 0)
		return unreadable(v, w, path, errno);
	hash_begin(&hash);
	while (n > 0) {
		n = read(fd, piece, sizeof(piece));
		if (n < 0 && errno == EINTR)
			n = 1;
		else if (n > 0)
			hash_add(&hash, piece, (size_t)n);
	}
	int why = errno;
	hash_end(&hash, out);
	close(fd);
	return n < 0 ? unreadable(v, w, path, why) : ERR_OK;
}

/* *good: its bytes are the listed ones. */
static enum err check_file(struct verify *v, struct worker *w,
    const struct manifest_file *f, bool *good)
{
	const struct fs_entry *e = find(v, f->path);
	struct pos pos = place(w->arena, v->spec->www, f->path);
	struct digest now;

	*good = false;
	if (!e) {
		atomic_fetch_add(&v->missing, 1);
		diag_error(w->diag, pos, "file-missing",
		    "the manifest lists it, and it is not there");
		return ERR_INPUT;
	}
	if ((uint64_t)e->size != f->digest.bytes) {
		atomic_fetch_add(&v->changed, 1);
		diag_error(w->diag, pos, "file-changed",
		    "it has %lld bytes, and the manifest says %llu",
		    (long long)e->size, (unsigned long long)f->digest.bytes);
		return ERR_INPUT;
	}
	enum err err = hash_file(v, w, f->path, &now);
	if (err != ERR_OK)
		return err;
	atomic_fetch_add(&v->bytes, now.bytes);
	*good = digest_eq(&now, &f->digest);
	if (*good)
		return ERR_OK;
	atomic_fetch_add(&v->changed, 1);
	diag_error(w->diag, pos, "file-changed",
	    "its bytes are not those that the manifest lists");
	return ERR_INPUT;
}

static enum err stale(
    struct verify *v, struct worker *w, struct str path, const char *what)
{
	atomic_fetch_add(&v->stale, 1);
	diag_error(w->diag, place(w->arena, v->spec->www, path),
	    "sibling-stale", "%s; build and upload it again", what);
	return ERR_INPUT;
}

/* Does it unpack to its original's bytes? Those were found good. */
static bool unpacks(
    enum encoding encoding, struct str bytes, const struct digest *original)
{
	struct buf plain = {0};
	struct digest now;
	bool same =
	    decode(encoding, bytes, (size_t)original->bytes, &plain) == ERR_OK;

	if (same) {
		hash_digest(buf_str(&plain), &now);
		same = digest_eq(&now, original);
	}
	buf_release(&plain);
	return same;
}

static enum err check_sibling(struct verify *v, struct worker *w,
    const struct manifest_file *f, enum encoding encoding, bool good)
{
	const struct manifest_sibling *listed = &f->siblings[encoding];
	struct str path = manifest_sibling_path(w->arena, f->path, encoding);
	const struct fs_entry *e = find(v, path);
	struct digest now;
	struct str bytes;

	if (!e) {
		atomic_fetch_add(&v->missing, 1);
		diag_error(w->diag, place(w->arena, v->spec->www, path),
		    "file-missing",
		    "the manifest lists it, and it is not there");
		return ERR_INPUT;
	}
	atomic_fetch_add(&v->siblings, 1);
	if ((uint64_t)e->size != listed->bytes)
		return stale(v, w, path, "its size is not the listed one");
	if (listed->bytes > VERIFY_DECODE_MAX) {
		enum err err = hash_file(v, w, path, &now);
		if (err != ERR_OK)
			return err;
		bytes = (struct str){0};
	} else {
		enum err err =
		    fs_read_at(w->arena, v->www, arena_cstr(w->arena, path),
			VERIFY_DECODE_MAX, NULL, &bytes);
		if (err != ERR_OK)
			return unreadable(v, w, path, errno);
		hash_digest(bytes, &now);
	}
	atomic_fetch_add(&v->bytes, now.bytes);
	if (memcmp(now.blake2b, listed->blake2b, sizeof(now.blake2b)) != 0)
		return stale(v, w, path, "its bytes are not the listed ones");
	if (good && bytes.n && f->digest.bytes <= VERIFY_DECODE_MAX &&
	    !unpacks(encoding, bytes, &f->digest))
		return stale(
		    v, w, path, "it does not unpack to its original's bytes");
	return ERR_OK;
}

static enum err each(void *ctx, struct worker *w, size_t i)
{
	struct verify *v = ctx;
	const struct manifest_file *f = &v->spec->manifest->files[i];
	bool good;
	enum err worst = check_file(v, w, f, &good);

	for (int e = 0; e < ENCODING_COUNT && worst != ERR_IO; e++) {
		if (!f->siblings[e].bytes)
			continue;
		enum err err = check_sibling(v, w, f, (enum encoding)e, good);
		if (err != ERR_OK)
			worst = err;
	}
	progress_step(v->spec->progress);
	return worst;
}

static int by_str(const void *left, const void *right)
{
	const struct str *a = left, *b = right;

	return str_cmp(*a, *b);
}

static void collect_kept(struct arena *a, struct verify *v)
{
	const struct manifest *m = v->spec->manifest;
	size_t n = 0;

	for (size_t i = 0; i < m->n_releases; i++)
		n += m->releases[i].n;
	v->kept = arena_array(a, n, sizeof(*v->kept));
	for (size_t i = 0; i < m->n_releases; i++)
		for (size_t j = 0; j < m->releases[i].n; j++)
			v->kept[v->n_kept++] = m->releases[i].paths[j];
	if (n)
		qsort(v->kept, n, sizeof(*v->kept), by_str);
}

/* What stands beside a listed file as its sibling, listed or not. */
static const struct manifest_file *original(
    const struct manifest *m, struct str path, enum encoding *encoding)
{
	for (int e = 0; e < ENCODING_COUNT; e++) {
		const char *ending = encoding_rows[e].ending;
		*encoding = (enum encoding)e;
		if (str_ends(path, ending))
			return manifest_find(
			    m, str_slice(path, 0, path.n - strlen(ending)));
	}
	return NULL;
}

/* Everything that is there and should not be. */
static enum err check_extra(struct arena *a, struct verify *v,
    struct diag *diag, struct verify_counts *out)
{
	const struct manifest *m = v->spec->manifest;
	enum encoding encoding = ENCODING_GZ;

	for (size_t i = 0; i < v->list.n; i++) {
		struct str path = v->list.entries[i].rel;
		if (manifest_find(m, path) || str_is(path, OUT_MANIFEST) ||
		    str_is(path, MANIFEST_SIGNATURE))
			continue;
		const struct manifest_file *f = original(m, path, &encoding);
		if (f && f->siblings[encoding].bytes)
			continue;
		if (v->n_kept && bsearch(&path, v->kept, v->n_kept,
				     sizeof(*v->kept), by_str)) {
			out->kept++;
			continue;
		}
		if (f) {
			atomic_fetch_add(&v->stale, 1);
			diag_error(diag, place(a, v->spec->www, path),
			    "sibling-stale",
			    "the manifest lists none beside %.*s, and a web "
			    "server would send it instead; remove it",
			    STR_ARG(f->path));
			continue;
		}
		out->extra++;
		diag_error(diag, place(a, v->spec->www, path), "file-extra",
		    "the manifest does not list it");
	}
	return out->extra || v->stale ? ERR_INPUT : ERR_OK;
}

enum err verify_files(struct arena *a, const struct verify_spec *spec,
    struct diag *diag, struct verify_counts *out)
{
	struct verify v = {.spec = spec};
	const struct manifest *m = spec->manifest;

	hash_init();
	*out = (struct verify_counts){.files = m->n};
	v.www = open(spec->www, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (v.www < 0) {
		diag_error(diag, POS_FILE(spec->www), "io-error",
		    "it cannot be opened: %s", strerror(errno));
		return ERR_IO;
	}
	enum err walked = fs_walk(a, spec->www, diag, &v.list);
	enum err err = walked;
	if (walked != ERR_IO) {
		collect_kept(a, &v);
		progress_begin(spec->progress, "verifying", "files", m->n);
		err = pool_each(spec->pool, diag, m->n, each, &v);
		progress_end(spec->progress);
	}
	if (err != ERR_IO) {
		enum err extra = check_extra(a, &v, diag, out);
		err = err == ERR_OK ? walked : err;
		err = err == ERR_OK ? extra : err;
	}
	close(v.www);
	out->changed = v.changed;
	out->missing = v.missing;
	out->stale = v.stale;
	out->siblings = v.siblings;
	out->bytes = v.bytes;
	return err;
}

/* --- the signature ----------------------------------------------------------
 */

static enum err bad(
    struct diag *diag, const char *file, const char *name, struct str text)
{
	diag_error(diag, POS_FILE(file), name, "%.*s", STR_ARG(text));
	return ERR_INPUT;
}

static struct str second(struct arena *a, int64_t seconds)
{
	return units_time(a, seconds * 1000);
}

enum err verify_signature(struct arena *a, struct str manifest,
    const struct str *signature, const char *file,
    const struct verify_claim *against, struct diag *diag,
    struct sign_claim *out)
{
	struct minisign_signature s;

	*out = (struct sign_claim){0};
	if (!signature)
		return bad(diag, file, "signature-missing",
		    STR("there is no signature, and a key was given to check "
			"it with"));
	enum err err = minisign_read_signature(
	    *signature, "signature-bad", POS_FILE(file), diag, &s);
	if (err != ERR_OK)
		return err;
	if (memcmp(s.id, against->key->id, sizeof(s.id)) != 0)
		return bad(diag, file, "signature-bad",
		    arena_printf(a,
			"it is of the key %s, and the one given is %s",
			minisign_id(a, s.id).p,
			minisign_id(a, against->key->id).p));
	if (!minisign_verify(against->key, &s, manifest))
		return bad(diag, file, "signature-bad",
		    STR("this signature is not of these bytes: the manifest "
			"or the signature was changed"));
	if (!sign_read_claim(s.trusted, out) ||
	    !str_is(out->file, OUT_MANIFEST))
		return bad(diag, file, "signature-bad",
		    STR("its comment does not say which release this is; "
			"`lowtide build` signs with one that does"));
	if (out->expires < against->now)
		err = bad(diag, file, "signature-expired",
		    arena_printf(a,
			"release %lld is not to be believed after %s; build "
			"and publish it again",
			(long long)out->release, second(a, out->expires).p));
	if (out->release < against->since)
		err = bad(diag, file, "release-older",
		    arena_printf(a,
			"this is release %lld of %s, and release %lld was "
			"published before",
			(long long)out->release, second(a, out->release).p,
			(long long)against->since));
	return err;
}
