#include "tests/unit/manifest-kit.h"

#include "generator/plan.h"

/*
 * Histories of releases, drawn at random, and a host to which every plan is
 * applied change by change. What the host must hold is worked out from the
 * releases alone, without a manifest.
 *
 * HISTORIES of them, from SEED on; a failure names the one that failed.
 */
#define NAMES 14   /* files that a site may have, of each class */
#define CONTENTS 3 /* of each page and pointer */
#define FILES (3 * NAMES)
#define STEPS 30 /* releases of a history */
#define OBJECTS 4096

static uint64_t seed;

static unsigned draw(unsigned n)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(seed >> 33) % n;
}

/* --- releases --------------------------------------------------------- */

/*
 * File i of a release, of the class that i has: 0 is none, else which content.
 * A content of a page or pointer names immutable files and pointers of its
 * release. `codings` are bits.
 */
struct entry {
	unsigned content, codings, type;
};
struct release {
	struct entry files[FILES];
};

static enum out_class class_of(size_t i)
{
	return i < NAMES       ? OUT_IMMUTABLE
	       : i < 2 * NAMES ? OUT_POINTER
			       : OUT_PAGE;
}

/* What is immutable has its content in its name. */
static struct str name_of(struct arena *a, size_t i, unsigned content)
{
	return class_of(i) == OUT_IMMUTABLE
		   ? arena_printf(a, "a/%02zu.%u", i, content)
		   : arena_printf(
			 a, "%c%02zu", class_of(i) == OUT_PAGE ? 'p' : 'j', i);
}

static void draw_entry(struct entry *e)
{
	*e = (struct entry){
	    .content = draw(CONTENTS + 1), .codings = draw(8), .type = draw(2)};
}

static void draw_release(struct release *r)
{
	unsigned changes = draw(6);

	if (draw(20) == 0) /* another site altogether */
		changes = FILES * 2;
	for (unsigned i = 0; i < changes; i++)
		draw_entry(&r->files[draw(FILES)]);
}

static struct manifest manifest_of(struct arena *a, const struct release *r)
{
	struct manifest m = {.name = STR("acme")};

	m.files = arena_array(a, FILES, sizeof(*m.files));
	for (size_t i = 0; i < FILES; i++) {
		const struct entry *e = &r->files[i];
		if (!e->content)
			continue;
		struct manifest_file *f = &m.files[m.n++];
		f->path = name_of(a, i, e->content);
		f->class = class_of(i);
		f->type = e->type ? STR("a/b") : STR("c/d");
		f->digest.bytes = e->content;
		kit_hash(a, arena_printf(a, "%u", e->content), "",
		    f->digest.blake2b);
		for (size_t c = 0; c < ENCODING_COUNT; c++)
			if (e->codings & 1u << c) {
				f->siblings[c].bytes = e->content;
				memcpy(f->siblings[c].blake2b,
				    f->digest.blake2b, 32);
			}
	}
	qsort(m.files, m.n, sizeof(*m.files), kit_by_path);
	m.id = manifest_id(a, m.files, m.n);
	return m;
}

/* --- a host ----------------------------------------------------------- */

struct object {
	char path[32];
	char type[8];
	enum out_class class;
	int encoding;
	unsigned content;
};
struct host {
	struct object objects[OBJECTS];
	size_t n;
	struct str manifest; /* its text; empty: none yet */
};

static struct object *on_host(struct host *h, struct str path)
{
	for (size_t i = 0; i < h->n; i++)
		if (str_is(path, h->objects[i].path))
			return &h->objects[i];
	return NULL;
}

static void put(struct host *h, struct str path, struct object object)
{
	struct object *o = on_host(h, path);

	if (!o) {
		assert_true(h->n < OBJECTS && path.n < sizeof(o->path));
		o = &h->objects[h->n++];
	}
	*o = object;
	memcpy(o->path, path.p, path.n);
	o->path[path.n] = '\0';
}

static void take_out(struct host *h, struct str path)
{
	struct object *o = on_host(h, path);

	if (o)
		*o = h->objects[--h->n];
}

static struct object object_of(
    const struct manifest_file *f, enum out_class class, int encoding)
{
	struct object o = {.class = class,
	    .encoding = encoding,
	    .content = (unsigned)f->digest.bytes};

	snprintf(o.type, sizeof(o.type), "%.*s", STR_ARG(f->type));
	return o;
}

static bool same_object(const struct object *a, const struct object *b)
{
	return a->class == b->class && a->encoding == b->encoding &&
	       a->content == b->content && strcmp(a->type, b->type) == 0;
}

/* --- what must hold --------------------------------------------------- */

struct history {
	struct arena arena;
	uint64_t start; /* the seed */
	unsigned round, step, keep;
	struct host host;
	/* releases that were published, the last one last; each once */
	struct release past[STEPS + 1];
	size_t n_past;
	/* deploys that were interrupted since: what they were of */
	struct str attempts[STEPS];
	size_t n_attempts;
	struct host gone;  /* what they have deleted */
	struct host going; /* what the one under way has */
	bool torn;	   /* interrupted: the host holds more than is known */
};

#define CHECK(h, what, format, ...)                                            \
	do {                                                                   \
		if (!(what))                                                   \
			fail_msg("SEED=%llu, release %u: " format,             \
			    (unsigned long long)(h)->start, (h)->step,         \
			    __VA_ARGS__);                                      \
	} while (0)

static void upload(struct history *h, const struct plan_change *c)
{
	struct object wanted = object_of(c->file, plan_class(c), c->encoding);
	const struct object *there = on_host(&h->host, c->path);

	/* no more than needed: what a release keeps may have any bytes */
	CHECK(h,
	    h->torn || !there || !same_object(there, &wanted) ||
		(c->why == PLAN_IS_NEW && c->file->class == OUT_IMMUTABLE),
	    "%.*s is uploaded in vain", STR_ARG(c->path));
	put(&h->host, c->path, wanted);
	take_out(&h->gone, c->path);
}

static void remove_object(struct history *h, const struct plan_change *c)
{
	struct object *there = on_host(&h->host, c->path);

	CHECK(h, h->torn || there || on_host(&h->gone, c->path),
	    "%.*s is not there to be deleted", STR_ARG(c->path));
	if (there)
		put(&h->going, c->path, *there);
	take_out(&h->host, c->path);
}

/*
 * What a content names: always the same files of a release, which is the one
 * that had it last: an unchanged page names what it named. Here: all immutable
 * files and pointers with a number that its own divides.
 */
static bool names(size_t i, size_t other)
{
	return class_of(i) != OUT_IMMUTABLE && class_of(other) != OUT_PAGE &&
	       (class_of(i) == OUT_PAGE || class_of(other) == OUT_IMMUTABLE) &&
	       other % NAMES == i % NAMES;
}

/*
 * Nothing that is public names what is not there. A page of content c names
 * the immutable file of content c (so it changes with it) and the pointer.
 */
static void check_references(struct history *h)
{
	for (size_t i = NAMES; i < FILES; i++) {
		const struct object *o =
		    on_host(&h->host, name_of(&h->arena, i, 0));
		for (size_t j = 0; o && j < 2 * NAMES; j++) {
			struct str other = name_of(&h->arena, j, o->content);
			CHECK(h, !names(i, j) || on_host(&h->host, other),
			    "%s names %.*s, which is not there", o->path,
			    STR_ARG(other));
		}
	}
}

/* Pages and pointers have what they name: the release is whole. */
static void make_whole(struct release *r)
{
	for (size_t i = FILES; i-- > NAMES;) {
		unsigned content = r->files[i].content;
		for (size_t j = 0; j < i && content; j++) {
			struct entry *e = &r->files[j];
			if (!names(i, j))
				continue;
			if (class_of(j) == OUT_IMMUTABLE || !e->content)
				e->content = content;
			if (class_of(j) == OUT_POINTER)
				e->content = content;
		}
	}
}

/* A file and its siblings, unless a later release has it, as it was there. */
static void expect(
    struct history *h, struct host *want, const struct manifest_file *f)
{
	struct object o = object_of(f, f->class, -1);

	if (on_host(want, f->path))
		return;
	put(want, f->path, o);
	for (o.encoding = 0; o.encoding < ENCODING_COUNT; o.encoding++)
		if (f->siblings[o.encoding].bytes)
			put(want,
			    manifest_sibling_path(
				&h->arena, f->path, (enum encoding)o.encoding),
			    o);
}

/* What the host must hold after the last release. */
static void check_host(struct history *h)
{
	struct host *want = calloc(1, sizeof(*want));

	for (size_t back = 0; back < h->keep && back < h->n_past; back++) {
		struct manifest m =
		    manifest_of(&h->arena, &h->past[h->n_past - 1 - back]);
		for (size_t i = 0; i < m.n; i++)
			if (!back || m.files[i].class == OUT_IMMUTABLE)
				expect(h, want, &m.files[i]);
	}
	for (size_t i = 0; i < want->n; i++) {
		const struct object *w = &want->objects[i];
		const struct object *got = on_host(&h->host, str_of(w->path));
		CHECK(h, got || on_host(&h->gone, str_of(w->path)),
		    "%s is lost", w->path);
		/* what is kept was right when it was uploaded */
		CHECK(h,
		    !got || same_object(got, w) || w->class == OUT_IMMUTABLE,
		    "%s is not as it should be", w->path);
	}
	for (size_t i = 0; i < h->host.n; i++)
		CHECK(h, on_host(want, str_of(h->host.objects[i].path)),
		    "%s is left behind", h->host.objects[i].path);
	free(want);
}

/* --- a history -------------------------------------------------------- */

/* All changes, or those before number `end`; true when it came to its end. */
static bool apply(
    struct history *h, const struct plan *plan, size_t end, struct str manifest)
{
	for (size_t i = 0; i < plan->n; i++) {
		const struct plan_change *c = &plan->changes[i];
		if (i == end)
			return false;
		if (str_is(c->path, OUT_MANIFEST))
			h->host.manifest = manifest;
		else if (c->why == PLAN_GONE)
			remove_object(h, c);
		else
			upload(h, c);
		check_references(h);
	}
	return true;
}

static struct manifest read_back(struct history *h, struct str text)
{
	struct manifest m;

	assert_int_equal(
	    manifest_read(&h->arena, text, NULL, NULL, &m), ERR_OK);
	return m;
}

/*
 * False when it was interrupted and given up: the next release is another one,
 * and its plan is told of this.
 */
static bool deploy(struct history *h, const struct release *r)
{
	struct manifest now = manifest_of(&h->arena, r), before, there = {0};
	struct plan_input in = {.now = &now};
	struct plan plan;

	if (h->host.manifest.n) {
		there = before = read_back(h, h->host.manifest);
		in.before = &before;
	}
	for (size_t i = 0; i < h->n_attempts; i++) {
		struct manifest attempt = read_back(h, h->attempts[i]);
		there = plan_doubt(&h->arena, &there, &attempt);
		in.there = &there;
	}
	manifest_keep(&h->arena, &now, in.before, h->keep);
	struct str text = kit_text(&h->arena, &now);
	in.manifest_bytes = text.n;
	in.manifest_differs = !str_eq(text, h->host.manifest);
	plan_make(&h->arena, &in, &plan);
	CHECK(h, plan.lost == 0 || h->keep == 1, "%zu are lost", plan.lost);
	size_t end = draw(4) ? plan.n : draw((unsigned)plan.n + 1);
	if (apply(h, &plan, end, text))
		return true;
	h->torn = true;
	if (draw(2) == 0) /* the same again knows what it did */
		return deploy(h, r);
	assert_true(h->n_attempts < STEPS);
	h->attempts[h->n_attempts++] = text;
	for (size_t i = 0; i < h->going.n; i++)
		put(&h->gone, str_of(h->going.objects[i].path),
		    h->going.objects[i]);
	h->going.n = 0;
	return false;
}

static void remember(struct history *h, const struct release *r)
{
	struct manifest m = manifest_of(&h->arena, r);
	size_t left = 0;

	/* the same files again are the same release, which is the last now */
	for (size_t i = 0; i < h->n_past; i++)
		if (!str_eq(manifest_of(&h->arena, &h->past[i]).id, m.id))
			h->past[left++] = h->past[i];
	h->past[left++] = *r;
	h->n_past = left;
}

/* What is needed of this step's arena, in another one. */
static void keep_texts(struct history *h)
{
	struct arena next = {0};

	h->host.manifest = arena_str(&next, h->host.manifest);
	for (size_t i = 0; i < h->n_attempts; i++)
		h->attempts[i] = arena_str(&next, h->attempts[i]);
	arena_release(&h->arena);
	h->arena = next;
}

static void live(struct history *h)
{
	struct release r = {0};

	for (h->step = 0; h->step < STEPS; h->step++) {
		if (h->n_past && draw(5) == 0)
			r = h->past[draw((unsigned)h->n_past)];
		else
			draw_release(&r);
		make_whole(&r);
		if (deploy(h, &r)) {
			remember(h, &r);
			check_host(h);
			h->n_attempts = 0;
			h->torn = false;
			h->going.n = 0;
		}
		keep_texts(h);
	}
}

static void histories(void **state)
{
	const char *from = getenv("SEED"), *count = getenv("HISTORIES");
	unsigned rounds = count ? (unsigned)atoi(count) : 20;
	struct history *h = malloc(sizeof(*h));

	(void)state;
	uint64_t start = from ? strtoull(from, NULL, 10) : 1;
	for (unsigned i = 0; i < rounds; i++) {
		*h = (struct history){.start = start + i};
		seed = h->start;
		h->keep = 1 + draw(4);
		live(h);
		arena_release(&h->arena);
	}
	free(h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(histories)};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("plan-history", tests, NULL, NULL);
}
