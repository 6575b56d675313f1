#include "generator/compress.h"

#include <stdlib.h>
#include <string.h>

#include "generator/build.h"
#include "generator/cache.h"

/* One sibling, of a file that is worth looking at. */
struct coded {
	const struct out_file *own; /* the site's, to be looked at; or NULL */
	bool wanted;
	struct digest digest; /* bytes 0: there is none */
	enum { SKIPPED, MADE, CACHED, KEPT, OWN, STALE } became;
};
struct job {
	size_t file; /* of b->out.files */
	uint64_t cost;
	struct coded coded[ENCODING_COUNT];
};
struct jobs {
	struct build *b;
	bool wanted[ENCODING_COUNT];
	uint64_t max;
	struct job **of; /* by file; NULL: nothing to do */
	struct job **list;
	size_t n;
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

static struct coded *coded_of(
    struct jobs *jobs, size_t file, enum encoding encoding)
{
	struct job **job = &jobs->of[file];

	if (!*job) {
		*job = arena_alloc(jobs->b->arena, sizeof(**job));
		(*job)->file = file;
		jobs->list[jobs->n++] = *job;
	}
	return &(*job)->coded[encoding];
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
		size_t of = (size_t)(f - out->files);
		coded_of(jobs, of, e)->own = own;
		jobs->of[of]->cost += f->digest.bytes;
	}
}

static void plan_file(struct jobs *jobs, size_t i)
{
	const struct out_file *f = &jobs->b->out.files[i];

	if (f->root != OUT_WWW || f->class == OUT_PRIVATE ||
	    f->digest.bytes < COMPRESS_MIN || f->digest.bytes > jobs->max ||
	    !encoding_pays(f->type))
		return;
	for (enum encoding e = 0; e < ENCODING_COUNT; e++) {
		if (!jobs->wanted[e])
			continue;
		struct coded *c = coded_of(jobs, i, e);
		c->wanted = !c->own;
		if (c->wanted)
			jobs->of[i]->cost += f->digest.bytes * costs[e];
	}
}

/* Files are in the order of their paths by then, so this is one order. */
static int longest_first(const void *left, const void *right)
{
	const struct job *a = *(struct job *const *)left,
			 *b = *(struct job *const *)right;

	if (a->cost != b->cost)
		return a->cost < b->cost ? 1 : -1;
	return (a->file > b->file) - (a->file < b->file);
}

static int in_order(const void *left, const void *right)
{
	const struct job *a = *(struct job *const *)left,
			 *b = *(struct job *const *)right;

	return (a->file > b->file) - (a->file < b->file);
}

/* --- one file: any thread ------------------------------------------------ */

struct work {
	struct build *b;
	struct worker *w;
	const struct out_file *file;
	struct job *job;
	struct str original; /* empty until somebody needs it */
};

static enum err look_at_own(struct work *work, enum encoding encoding)
{
	struct coded *c = &work->job->coded[encoding];
	struct worker *w = work->w;
	const struct out_file *f = work->file;
	struct buf original = {0};
	struct digest digest = {0};
	enum err err = ERR_OK;

	/* one that is larger than what it stands for says nothing new */
	struct str bytes = {0};
	if (c->own->digest.bytes <= ENCODING_INPUT_MAX)
		err =
		    out_bytes(&work->b->out, c->own, w->arena, w->diag, &bytes);
	if (err == ERR_NOT_FOUND)
		return ERR_OK;
	if (err != ERR_OK)
		return err;
	if (decode(encoding, bytes, f->digest.bytes, &original) == ERR_OK)
		hash_digest(buf_str(&original), &digest);
	buf_release(&original);
	c->became = STALE;
	if (digest_eq(&digest, &f->digest)) {
		c->became = OWN;
		c->digest = c->own->digest;
		return ERR_OK;
	}
	diag_warn(w->diag, c->own->pos, "stale-sibling",
	    "it is not %.*s in compressed form, yet a web server may send it "
	    "for that; make it again, or remove it",
	    STR_ARG(f->path));
	return ERR_OK;
}

static bool saves_enough(size_t from, size_t to)
{
	return to + COMPRESS_SAVED <= from && to <= from - from / 20;
}

/* What the file is in that coding; empty where that does not pay. */
static enum err bytes_of(struct work *work, enum encoding encoding,
    struct buf *packed, struct str *bytes)
{
	struct build *b = work->b;
	struct coded *c = &work->job->coded[encoding];
	struct arena *a = work->w->arena;
	enum err err = ERR_OK;

	if (b->cache &&
	    cache_get(b->cache, &work->file->digest, encoding, a, bytes)) {
		c->became = CACHED;
		return ERR_OK;
	}
	if (!work->original.n)
		err = out_bytes(
		    &b->out, work->file, a, work->w->diag, &work->original);
	if (err == ERR_OK)
		err = encode(encoding, work->original, packed);
	if (err != ERR_OK)
		return err;
	c->became = MADE;
	if (saves_enough(work->original.n, packed->len))
		*bytes = buf_str(packed);
	if (b->cache)
		cache_put(b->cache, &work->file->digest, encoding, a, *bytes,
		    work->w->diag);
	return ERR_OK;
}

/* Another sibling of the file is that long already. */
static bool is_taken(const struct job *job, uint64_t bytes)
{
	for (enum encoding e = 0; e < ENCODING_COUNT; e++)
		if (job->coded[e].digest.bytes == bytes)
			return true;
	return false;
}

/* False where there is no other length to be had. */
static bool set_apart(
    const struct work *work, enum encoding encoding, struct str *bytes)
{
	while (is_taken(work->job, bytes->n)) {
		struct buf other = {0};
		if (!encode_apart(encoding, *bytes, &other))
			return false;
		*bytes = arena_str(work->w->arena, buf_str(&other));
		buf_release(&other);
	}
	return true;
}

static enum err make(struct work *work, enum encoding encoding)
{
	struct out *out = &work->b->out;
	struct coded *c = &work->job->coded[encoding];
	struct worker *w = work->w;
	const char *path =
	    manifest_sibling_path(w->arena, work->file->path, encoding).p;
	struct buf packed = {0};
	struct str bytes = {0};
	struct digest digest;

	if (out_known_sibling(out, work->file, encoding, &digest) &&
	    !is_taken(work->job, digest.bytes) &&
	    out_reuse(out, OUT_WWW, path, &digest)) {
		c->became = KEPT;
		c->digest = digest;
		return ERR_OK;
	}
	enum err err = bytes_of(work, encoding, &packed, &bytes);
	if (err == ERR_OK && bytes.n && set_apart(work, encoding, &bytes))
		err = out_stage(out, OUT_WWW, path, bytes, &c->digest, w->diag);
	buf_release(&packed);
	return err;
}

/* The one that can be of several lengths last. */
static const enum encoding order[ENCODING_COUNT] = {
    ENCODING_BR, ENCODING_ZST, ENCODING_GZ};

static enum err each(void *ctx, struct worker *w, size_t i)
{
	struct jobs *jobs = ctx;
	struct job *job = jobs->list[i];
	struct work work = {.b = jobs->b,
	    .w = w,
	    .file = &jobs->b->out.files[job->file],
	    .job = job};
	enum err err = ERR_OK;

	/* the site's first: what is made must differ from them */
	for (enum encoding e = 0; e < ENCODING_COUNT && err == ERR_OK; e++)
		if (job->coded[e].own)
			err = look_at_own(&work, e);
	for (size_t k = 0; k < ENCODING_COUNT && err == ERR_OK; k++)
		if (job->coded[order[k]].wanted)
			err = make(&work, order[k]);
	progress_step(jobs->b->progress);
	return err;
}

/* --- what came of it ---------------------------------------------------- */

static void tell(struct build *b, const struct job *job)
{
	struct out_file *f = &b->out.files[job->file];

	for (enum encoding e = 0; e < ENCODING_COUNT; e++) {
		const struct coded *c = &job->coded[e];
		b->compressed.made += c->became == MADE;
		b->compressed.from_cache += c->became == CACHED;
		b->compressed.kept += c->became == KEPT;
		b->compressed.own += c->became == OWN;
		if (!c->digest.bytes)
			continue;
		f->siblings[e].bytes = c->digest.bytes;
		memcpy(f->siblings[e].blake2b, c->digest.blake2b,
		    sizeof(f->siblings[e].blake2b));
		if (c->own)
			b->out.files[c->own - b->out.files].is_sibling = true;
	}
}

static enum err note(struct build *b, const struct job *job, enum encoding e)
{
	const struct out_file f = b->out.files[job->file];
	const struct out_file sibling = {
	    .path = manifest_sibling_path(b->arena, f.path, e),
	    .root = OUT_WWW,
	    .class = f.class,
	    .from_env = f.from_env,
	    .is_sibling = true,
	    .is_made = true,
	    .digest = job->coded[e].digest,
	    .pos = f.pos,
	};

	return out_note(&b->out, &sibling, b->diag);
}

static enum err gather(struct jobs *jobs)
{
	enum err err = ERR_OK;

	qsort(jobs->list, jobs->n, sizeof(*jobs->list), in_order);
	for (size_t i = 0; i < jobs->n; i++)
		tell(jobs->b, jobs->list[i]);
	/* notes may move the files, and `own` points at them */
	for (size_t i = 0; i < jobs->n; i++)
		for (enum encoding e = 0; e < ENCODING_COUNT; e++) {
			const struct coded *c = &jobs->list[i]->coded[e];
			if (c->digest.bytes && !c->own && err == ERR_OK)
				err = note(jobs->b, jobs->list[i], e);
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
	jobs.of = arena_array(b->arena, b->out.n, sizeof(*jobs.of));
	jobs.list = arena_array(b->arena, b->out.n, sizeof(*jobs.list));
	for (size_t i = 0; i < b->out.n; i++)
		plan_own(&jobs, i);
	for (size_t i = 0; i < b->out.n; i++)
		plan_file(&jobs, i);
	if (!jobs.n)
		return ERR_OK;
	qsort(jobs.list, jobs.n, sizeof(struct job *), longest_first);
	progress_begin(b->progress, "compressing", "files", jobs.n);
	enum err err = pool_each(&b->pool, b->diag, jobs.n, each, &jobs);
	progress_end(b->progress);
	return err == ERR_OK ? gather(&jobs) : err;
}
