#include "generator/compress.h"

#include <stdlib.h>
#include <string.h>

#include "generator/build.h"
#include "generator/cache.h"

/* One sibling: of a file, in a coding. */
struct job {
	size_t file; /* of b->out.files */
	enum encoding encoding;
	const struct out_file *own; /* the site's, to be looked at; or NULL */
	uint64_t cost;
	struct digest digest; /* bytes 0: there is none */
	enum { SKIPPED, MADE, CACHED, KEPT, OWN, STALE } became;
};
struct jobs {
	struct build *b;
	bool wanted[ENCODING_COUNT];
	uint64_t max;
	unsigned char *owned; /* a bit a coding, by file */
	struct job *list;
	size_t n, cap;
};

/* --- what there is to do ----------------------------------------------- */

/* Of one byte, beside one byte of gzip. */
static const unsigned costs[ENCODING_COUNT] = {
    [ENCODING_GZ] = 1, [ENCODING_BR] = 7, [ENCODING_ZST] = 2};

static bool is_wanted(const struct build *b, enum encoding encoding)
{
	struct str name = str_of(encoding_rows[encoding].name);
	const struct value *v = site_value(b->site, "compress.siblings");

	if (b->fast)
		return false;
	if (!v) /* the default of keys.def */
		return encoding != ENCODING_ZST;
	for (size_t i = 0; i < v->as.array.n; i++)
		if (str_eq(v->as.array.items[i]->text, name))
			return true;
	return false;
}

static void add(struct jobs *jobs, struct job job)
{
	if (jobs->n == jobs->cap) {
		jobs->cap = jobs->cap ? 2 * jobs->cap : 256;
		struct job *list =
		    arena_array(jobs->b->arena, jobs->cap, sizeof(*list));
		if (jobs->n)
			memcpy(list, jobs->list, jobs->n * sizeof(*list));
		jobs->list = list;
	}
	jobs->list[jobs->n++] = job;
}

/* Of the file at `i`, if it is one: "x.css.gz" where there is "x.css". */
static void plan_own(struct jobs *jobs, size_t i)
{
	const struct out *out = &jobs->b->out;
	const struct out_file *own = &out->files[i], *f;

	for (enum encoding e = 0; e < ENCODING_COUNT; e++) {
		const char *ending = encoding_rows[e].ending;
		if (own->root != OUT_WWW || !str_ends(own->path, ending))
			continue;
		f = out_find(out, OUT_WWW,
		    str_slice(own->path, 0, own->path.n - strlen(ending)));
		if (!f || f->digest.bytes > ENCODING_INPUT_MAX)
			continue;
		jobs->owned[f - out->files] |= 1u << e;
		add(jobs, (struct job){.file = (size_t)(f - out->files),
			      .encoding = e,
			      .own = own,
			      .cost = f->digest.bytes});
	}
}

static void plan_file(struct jobs *jobs, size_t i)
{
	const struct out_file *f = &jobs->b->out.files[i];

	if (f->root != OUT_WWW || f->class == OUT_PRIVATE ||
	    f->digest.bytes < COMPRESS_MIN || f->digest.bytes > jobs->max ||
	    !encoding_pays(f->type))
		return;
	for (enum encoding e = 0; e < ENCODING_COUNT; e++)
		if (jobs->wanted[e] && !(jobs->owned[i] & 1u << e))
			add(jobs, (struct job){.file = i,
				      .encoding = e,
				      .cost = f->digest.bytes * costs[e]});
}

/* Files are in the order of their paths by then, so this is one order. */
static int longest_first(const void *left, const void *right)
{
	const struct job *a = left, *b = right;

	if (a->cost != b->cost)
		return a->cost < b->cost ? 1 : -1;
	if (a->file != b->file)
		return a->file < b->file ? -1 : 1;
	return (a->encoding > b->encoding) - (a->encoding < b->encoding);
}

static int in_order(const void *left, const void *right)
{
	const struct job *a = left, *b = right;

	if (a->file != b->file)
		return a->file < b->file ? -1 : 1;
	return (a->encoding > b->encoding) - (a->encoding < b->encoding);
}

/* --- one sibling: any thread -------------------------------------------- */

static enum err look_at_own(
    struct jobs *jobs, struct job *job, struct worker *w)
{
	const struct out *out = &jobs->b->out;
	const struct out_file *f = &out->files[job->file];
	struct buf original = {0};
	struct digest digest = {0};
	struct str bytes;
	enum err err = ERR_OK;

	/* one that is larger than what it stands for says nothing new */
	if (job->own->digest.bytes <= ENCODING_INPUT_MAX)
		err = out_bytes(out, job->own, w->arena, w->diag, &bytes);
	else
		bytes = (struct str){0};
	if (err == ERR_NOT_FOUND)
		return ERR_OK;
	if (err != ERR_OK)
		return err;
	if (decode(job->encoding, bytes, f->digest.bytes, &original) == ERR_OK)
		hash_digest(buf_str(&original), &digest);
	buf_release(&original);
	job->became = STALE;
	if (digest_eq(&digest, &f->digest)) {
		job->became = OWN;
		job->digest = job->own->digest;
		return ERR_OK;
	}
	diag_warn(w->diag, job->own->pos, "stale-sibling",
	    "it is not %.*s in compressed form, yet a web server may send it "
	    "for that; make it again, or remove it",
	    STR_ARG(f->path));
	return ERR_OK;
}

static bool saves_enough(size_t from, size_t to)
{
	return to + COMPRESS_SAVED <= from && to <= from - from / 20;
}

/* The sibling's bytes; empty where it does not pay. */
static enum err make(struct jobs *jobs, struct job *job, struct worker *w,
    struct buf *packed, struct str *bytes)
{
	struct build *b = jobs->b;
	const struct out_file *f = &b->out.files[job->file];
	struct str original;

	if (b->cache &&
	    cache_get(b->cache, &f->digest, job->encoding, w->arena, bytes)) {
		job->became = CACHED;
		return ERR_OK;
	}
	enum err err = out_bytes(&b->out, f, w->arena, w->diag, &original);
	if (err == ERR_OK)
		err = encode(job->encoding, original, packed);
	if (err != ERR_OK)
		return err;
	job->became = MADE;
	*bytes = buf_str(packed);
	if (!saves_enough(original.n, packed->len))
		*bytes = (struct str){0};
	if (b->cache)
		cache_put(b->cache, &f->digest, job->encoding, w->arena, *bytes,
		    w->diag);
	return ERR_OK;
}

static enum err each(void *ctx, struct worker *w, size_t i)
{
	struct jobs *jobs = ctx;
	struct job *job = &jobs->list[i];
	struct build *b = jobs->b;
	const struct out_file *f = &b->out.files[job->file];
	struct buf packed = {0};
	struct str bytes = {0};
	enum err err;

	if (job->own) {
		err = look_at_own(jobs, job, w);
		goto done;
	}
	if (out_reuse_sibling(&b->out, f, job->encoding, &job->digest)) {
		job->became = KEPT;
		err = ERR_OK;
		goto done;
	}
	err = make(jobs, job, w, &packed, &bytes);
	if (err == ERR_OK && bytes.n) {
		struct str path =
		    manifest_sibling_path(w->arena, f->path, job->encoding);
		err = out_stage(
		    &b->out, OUT_WWW, path.p, bytes, &job->digest, w->diag);
	}
done:
	buf_release(&packed);
	progress_step(b->progress);
	return err;
}

/* --- what came of it ---------------------------------------------------- */

static void tell(struct out *out, const struct job *job)
{
	struct out_file *f = &out->files[job->file];
	struct out_sibling *s = &f->siblings[job->encoding];

	s->bytes = job->digest.bytes;
	memcpy(s->blake2b, job->digest.blake2b, sizeof(s->blake2b));
	if (job->own)
		out->files[job->own - out->files].is_sibling = true;
}

static enum err note(struct build *b, const struct job *job)
{
	const struct out_file f = b->out.files[job->file];
	const struct out_file sibling = {
	    .path = manifest_sibling_path(b->arena, f.path, job->encoding),
	    .root = OUT_WWW,
	    .class = f.class,
	    .from_env = f.from_env,
	    .is_sibling = true,
	    .is_made = true,
	    .digest = job->digest,
	    .pos = f.pos,
	};

	return out_note(&b->out, &sibling, b->diag);
}

static enum err gather(struct jobs *jobs)
{
	struct build *b = jobs->b;
	enum err err = ERR_OK;

	qsort(jobs->list, jobs->n, sizeof(*jobs->list), in_order);
	for (size_t i = 0; i < jobs->n; i++)
		if (jobs->list[i].digest.bytes)
			tell(&b->out, &jobs->list[i]);
	/* notes may move the files, and `own` points at them */
	for (size_t i = 0; i < jobs->n && err == ERR_OK; i++) {
		const struct job *job = &jobs->list[i];
		b->compressed.made += job->became == MADE;
		b->compressed.from_cache += job->became == CACHED;
		b->compressed.kept += job->became == KEPT;
		b->compressed.own += job->became == OWN;
		if (job->digest.bytes && !job->own)
			err = note(b, job);
	}
	return err;
}

enum err produce_compress(struct build *b)
{
	struct jobs jobs = {.b = b};

	if (b->out.is_dry)
		return ERR_OK;
	jobs.max = (uint64_t)site_amount(b->site, "compress.max");
	for (enum encoding e = 0; e < ENCODING_COUNT; e++)
		jobs.wanted[e] = is_wanted(b, e);
	out_sort(&b->out);
	jobs.owned = arena_array(b->arena, b->out.n, 1);
	for (size_t i = 0; i < b->out.n; i++)
		plan_own(&jobs, i);
	for (size_t i = 0; i < b->out.n; i++)
		plan_file(&jobs, i);
	if (!jobs.n)
		return ERR_OK;
	qsort(jobs.list, jobs.n, sizeof(*jobs.list), longest_first);
	progress_begin(b->progress, "compressing", "files", jobs.n);
	enum err err = pool_each(&b->pool, b->diag, jobs.n, each, &jobs);
	progress_end(b->progress);
	return err == ERR_OK ? gather(&jobs) : err;
}
