#include "tests/unit/site-kit.h"

#define NOW INT64_C(1800000000)

static struct build *ready(struct kit *k, const char *more)
{
	kit_open(k);
	kit_file(k, "site.toml",
	    arena_printf(&k->arena, "name = \"x\"\n%s", more).p);
	assert_int_equal(kit_load(k, NULL), ERR_OK);
	struct build *b = kit_build(k);
	b->pool.jobs = 2;
	return b;
}

static struct str text_of(struct kit *k, size_t n)
{
	struct buf to = {0};
	uint32_t x = (uint32_t)n;

	while (to.len < n) {
		x = x * 1664525 + 1013904223;
		buf_printf(&to, "word%u ", x >> 24);
	}
	struct str text = arena_str(&k->arena, (struct str){to.data, n});
	buf_release(&to);
	return text;
}

static struct str noise_of(struct kit *k, size_t n)
{
	char *noise = arena_alloc(&k->arena, n);
	uint32_t x = 7;

	for (size_t i = 0; i < n; i++) {
		x ^= x << 13;
		x ^= x >> 17;
		x ^= x << 5;
		noise[i] = (char)(x >> 8);
	}
	return (struct str){noise, n};
}

static void put(struct build *b, const char *path, struct str bytes)
{
	assert_int_equal(
	    out_put(&b->out, OUT_WWW, path, bytes, OUT_POINTER, false,
		POS_FILE(arena_cstr(b->arena, str_of(path))), b->diag),
	    ERR_OK);
}

static struct str packed(struct kit *k, enum encoding e, struct str bytes)
{
	struct buf out = {0};

	assert_int_equal(encode(e, bytes, &out), ERR_OK);
	struct str copy = arena_str(&k->arena, buf_str(&out));
	buf_release(&out);
	return copy;
}

/* What is there, in order. */
static const char *names(struct build *b)
{
	struct str all = STR("");

	out_sort(&b->out);
	for (size_t i = 0; i < b->out.n; i++)
		all = arena_printf(b->arena, "%.*s%s%.*s", STR_ARG(all),
		    i ? " " : "", STR_ARG(b->out.files[i].path));
	return all.p;
}

static const struct out_file *find(struct build *b, const char *path)
{
	const struct out_file *f = out_find(&b->out, OUT_WWW, str_of(path));

	assert_non_null(f);
	return f;
}

static void siblings_are_made_and_told(void **state)
{
	struct kit k;

	(void)state;
	struct build *b = ready(&k, "");
	struct str text = text_of(&k, 5000);
	assert_int_equal(out_put(&b->out, OUT_WWW, "a/x.css", text,
			     OUT_IMMUTABLE, true, POS_NONE, b->diag),
	    ERR_OK);
	assert_int_equal(produce_compress(b), ERR_OK);
	assert_string_equal(names(b), "a/x.css a/x.css.br a/x.css.gz");
	const struct out_file *of = find(b, "a/x.css");
	assert_int_equal(of->siblings[ENCODING_ZST].bytes, 0);
	for (int e = 0; e < ENCODING_ZST; e++) {
		const struct out_file *f =
		    find(b, e == ENCODING_GZ ? "a/x.css.gz" : "a/x.css.br");
		struct buf back = {0};
		assert_true(f->is_sibling && f->from_env);
		assert_int_equal(f->class, OUT_IMMUTABLE);
		assert_int_equal(f->digest.bytes, of->siblings[e].bytes);
		assert_memory_equal(
		    f->digest.blake2b, of->siblings[e].blake2b, 32);
		assert_int_equal(decode(e, f->bytes, text.n, &back), ERR_OK);
		assert_true(str_eq(buf_str(&back), text));
		buf_release(&back);
	}
	assert_int_equal(b->compressed.made, 2);
	kit_close(&k);
}

static void only_where_it_pays(void **state)
{
	struct kit k;

	(void)state;
	struct build *b = ready(&k, "[compress]\nmax = \"8KiB\"\n");
	put(b, "picture.png", text_of(&k, 4000));
	put(b, "font.woff2", text_of(&k, 4000));
	put(b, "unknown", text_of(&k, 4000));
	put(b, "small.txt", text_of(&k, COMPRESS_MIN - 1));
	put(b, "noise.txt", noise_of(&k, 4000));
	put(b, "big.txt", text_of(&k, 8193));
	assert_int_equal(
	    out_put(&b->out, OUT_SERVER, "private.json", text_of(&k, 4000),
		OUT_PRIVATE, false, POS_NONE, b->diag),
	    ERR_OK);
	assert_int_equal(produce_compress(b), ERR_OK);
	assert_string_equal(names(b),
	    "big.txt font.woff2 noise.txt picture.png "
	    "small.txt unknown private.json");
	put(b, "least.txt", text_of(&k, COMPRESS_MIN));
	put(b, "largest.txt", text_of(&k, 8192));
	assert_int_equal(produce_compress(b), ERR_OK);
	assert_int_equal(b->out.n, 7 + 2 * 3);
	kit_close(&k);
}

static void the_site_says_which(void **state)
{
	static const struct {
		const char *toml, *want;
	} rows[] = {
	    {"", "x.css x.css.br x.css.gz"},
	    {"[compress]\nsiblings = []\n", "x.css"},
	    {"[compress]\nsiblings = [\"zst\"]\n", "x.css x.css.zst"},
	    {"[compress]\nsiblings = [\"gz\", \"zst\", \"br\"]\n",
		"x.css x.css.br x.css.gz x.css.zst"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct kit k;
		struct build *b = ready(&k, rows[i].toml);
		put(b, "x.css", text_of(&k, 4000));
		assert_int_equal(produce_compress(b), ERR_OK);
		assert_string_equal(names(b), rows[i].want);
		kit_close(&k);
	}
}

static void fast_is_without(void **state)
{
	struct kit k;

	(void)state;
	struct build *b = ready(&k, "");
	b->fast = true;
	put(b, "x.css", text_of(&k, 4000));
	assert_int_equal(produce_compress(b), ERR_OK);
	assert_string_equal(names(b), "x.css");
	kit_close(&k);
}

/* Nothing is staged in a dry run, so there is nothing to compress. */
static void check_is_without(void **state)
{
	struct kit k;

	(void)state;
	struct build *b = ready(&k, "");
	out_dry(&b->out);
	put(b, "x.css", text_of(&k, 4000));
	assert_int_equal(produce_compress(b), ERR_OK);
	assert_string_equal(names(b), "x.css");
	kit_close(&k);
}

static void the_sites_own_wins(void **state)
{
	struct kit k;

	(void)state;
	struct build *b = ready(&k, "");
	struct str text = text_of(&k, 300); /* less than we would bother with */
	struct str own = packed(&k, ENCODING_GZ, text);
	put(b, "x.css", text);
	put(b, "x.css.gz", own);
	b->fast = true;
	assert_int_equal(produce_compress(b), ERR_OK);
	assert_string_equal(names(b), "x.css x.css.gz");
	assert_true(find(b, "x.css.gz")->is_sibling);
	assert_false(find(b, "x.css")->is_sibling);
	assert_int_equal(find(b, "x.css")->siblings[ENCODING_GZ].bytes, own.n);
	assert_int_equal(b->compressed.own, 1);
	assert_string_equal(kit_said(&k), "");
	kit_close(&k);
}

static void a_stale_one_is_told(void **state)
{
	struct kit k;

	(void)state;
	struct build *b = ready(&k, "");
	put(b, "a.css", text_of(&k, 4000));
	put(b, "a.css.gz", packed(&k, ENCODING_GZ, text_of(&k, 4001)));
	put(b, "b.css", text_of(&k, 4000));
	put(b, "b.css.br", STR("no brotli at all"));
	put(b, "alone.css.gz", STR("beside nothing"));
	assert_int_equal(produce_compress(b), ERR_OK);
	assert_string_equal(names(b), "a.css a.css.br a.css.gz alone.css.gz "
				      "b.css b.css.br b.css.gz");
	assert_false(find(b, "a.css.gz")->is_sibling);
	assert_int_equal(find(b, "a.css")->siblings[ENCODING_GZ].bytes, 0);
	assert_true(find(b, "a.css")->siblings[ENCODING_BR].bytes > 0);
	assert_int_equal(k.diag.warnings, 2);
	assert_int_equal(k.diag.errors, 0);
	assert_string_equal(k.diag.first->name, "stale-sibling");
	kit_close(&k);
}

static struct cache *cache_of(struct kit *k, struct cache *cache)
{
	cache_open(cache, &k->arena, kit_path(k, "cache"), NOW);
	return cache;
}

static const char all_codings[] =
    "[compress]\nsiblings = [\"gz\", \"br\", \"zst\"]\n";

/* Nothing but the frequencies of its letters can be used. */
static struct str letters_of(struct kit *k, size_t n)
{
	struct str noise = noise_of(k, n);
	char *letters = arena_cstr(&k->arena, noise);

	for (size_t i = 0; i < n; i++)
		letters[i] = "aaabbcdefghijklm"[noise.p[i] & 15];
	return (struct str){letters, n};
}

/* Nothing but that it is the same over and over. */
static struct str refrain_of(struct kit *k, size_t n)
{
	struct str noise = noise_of(k, n / 20);
	char *text = arena_alloc(&k->arena, n);

	for (size_t i = 0; i < n; i++)
		text[i] = noise.p[i % noise.n];
	return (struct str){text, n};
}

/* A text that is as long in the one coding as in the other. */
static struct str even_text(struct kit *k,
    struct str (*make)(struct kit *, size_t), enum encoding one,
    enum encoding two)
{
	for (size_t n = COMPRESS_MIN; n < 4 * COMPRESS_MIN; n++) {
		struct str text = make(k, n);
		if (packed(k, one, text).n == packed(k, two, text).n)
			return text;
	}
	fail_msg("no text is equally long in both");
	return (struct str){0};
}

static void is_of(
    const struct out_file *f, enum encoding e, struct str original)
{
	struct buf back = {0};

	assert_int_equal(decode(e, f->bytes, original.n, &back), ERR_OK);
	assert_true(str_eq(buf_str(&back), original));
	buf_release(&back);
}

/* Servers make ETags of lengths. The cache keeps what all files share. */
static void no_two_are_equally_long(void **state)
{
	struct kit k;
	struct cache cache;

	(void)state;
	for (int run = 0; run < 2; run++) {
		struct build *b = run ? kit_build(&k) : ready(&k, all_codings);
		b->cache = cache_of(&k, &cache);
		struct str text =
		    even_text(&k, letters_of, ENCODING_GZ, ENCODING_ZST);
		size_t n = packed(&k, ENCODING_GZ, text).n;
		put(b, "x.css", text);
		assert_int_equal(produce_compress(b), ERR_OK);
		assert_string_equal(
		    names(b), "x.css x.css.br x.css.gz x.css.zst");
		const struct out_file *of = find(b, "x.css");
		assert_int_equal(of->siblings[ENCODING_ZST].bytes, n);
		assert_int_equal(of->siblings[ENCODING_GZ].bytes, n + 1);
		is_of(find(b, "x.css.gz"), ENCODING_GZ, text);
		assert_int_equal(b->compressed.from_cache, run ? 3 : 0);
	}
	kit_close(&k);
}

static void what_is_made_differs_from_the_sites_own(void **state)
{
	struct kit k;

	(void)state;
	struct build *b = ready(&k, all_codings);
	struct str text = even_text(&k, letters_of, ENCODING_GZ, ENCODING_ZST);
	struct str own = packed(&k, ENCODING_GZ, text);
	put(b, "x.css", text);
	put(b, "x.css.gz", own);
	assert_int_equal(produce_compress(b), ERR_OK);
	assert_string_equal(names(b), "x.css x.css.br x.css.gz x.css.zst");
	const struct out_file *of = find(b, "x.css");
	assert_int_equal(of->siblings[ENCODING_GZ].bytes, own.n);
	assert_int_equal(of->siblings[ENCODING_ZST].bytes, own.n - 4);
	is_of(find(b, "x.css.zst"), ENCODING_ZST, text);
	assert_string_equal(kit_said(&k), "");
	kit_close(&k);
}

/* brotli has no other length; then there is none of it. */
static void what_cannot_differ_is_not_made(void **state)
{
	struct kit k;

	(void)state;
	struct build *b = ready(&k, all_codings);
	struct str text = even_text(&k, refrain_of, ENCODING_BR, ENCODING_GZ);
	put(b, "x.css", text);
	put(b, "x.css.gz", packed(&k, ENCODING_GZ, text));
	assert_int_equal(produce_compress(b), ERR_OK);
	assert_string_equal(names(b), "x.css x.css.gz x.css.zst");
	assert_int_equal(find(b, "x.css")->siblings[ENCODING_BR].bytes, 0);
	assert_string_equal(kit_said(&k), "");
	kit_close(&k);
}

static void the_cache_is_asked_first(void **state)
{
	struct kit k;
	struct cache cache;

	(void)state;
	for (int run = 0; run < 2; run++) {
		struct build *b = run ? kit_build(&k) : ready(&k, "");
		b->cache = cache_of(&k, &cache);
		put(b, "x.css", text_of(&k, 4000));
		put(b, "noise.txt", noise_of(&k, 4000));
		assert_int_equal(produce_compress(b), ERR_OK);
		assert_string_equal(
		    names(b), "noise.txt x.css x.css.br x.css.gz");
		/* also that it does not pay is remembered */
		assert_int_equal(b->compressed.made, run ? 0 : 4);
		assert_int_equal(b->compressed.from_cache, run ? 4 : 0);
	}
	kit_close(&k);
}

static void any_number_of_threads_says_the_same(void **state)
{
	char *first = NULL;

	(void)state;
	for (size_t jobs = 1; jobs <= 4; jobs += 3) {
		struct kit k;
		struct build *b = ready(&k, "");
		struct buf all = {0};
		b->pool.jobs = jobs;
		for (size_t i = 0; i < 40; i++) {
			const char *name =
			    arena_printf(&k.arena, "f%zu.js", i).p;
			put(b, name, text_of(&k, 600 + 97 * i));
			if (i % 4 == 0)
				put(b, arena_printf(&k.arena, "%s.gz", name).p,
				    STR("stale"));
		}
		assert_int_equal(produce_compress(b), ERR_OK);
		buf_puts(&all, names(b));
		for (size_t i = 0; i < b->out.n; i++)
			buf_put_str(&all,
			    digest_blake2b(&k.arena, &b->out.files[i].digest));
		buf_puts(&all, kit_said(&k));
		if (first)
			assert_string_equal(all.data, first);
		else
			first = strdup(all.data);
		buf_release(&all);
		kit_close(&k);
	}
	free(first);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(siblings_are_made_and_told),
	    cmocka_unit_test(only_where_it_pays),
	    cmocka_unit_test(the_site_says_which),
	    cmocka_unit_test(fast_is_without),
	    cmocka_unit_test(check_is_without),
	    cmocka_unit_test(the_sites_own_wins),
	    cmocka_unit_test(a_stale_one_is_told),
	    cmocka_unit_test(no_two_are_equally_long),
	    cmocka_unit_test(what_is_made_differs_from_the_sites_own),
	    cmocka_unit_test(what_cannot_differ_is_not_made),
	    cmocka_unit_test(the_cache_is_asked_first),
	    cmocka_unit_test(any_number_of_threads_says_the_same),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("compress", tests, NULL, NULL);
}
