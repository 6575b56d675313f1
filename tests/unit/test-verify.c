#include "generator/verify.h"

#include "tests/unit/site-kit.h"

/*
 * Trees that are and are not what a manifest says. The command, and manifests
 * that lie about their paths, are in tests/cli/verify.t.
 */
struct world {
	struct kit k;
	struct manifest_file files[2];
	struct manifest_release release;
	struct manifest manifest;
	struct str kept[1];
	struct verify_counts counts;
};

static const char text[] = "hello hello hello hello hello hello hello hello\n";

static void put_sibling(struct world *w, enum encoding encoding, struct str of)
{
	struct manifest_sibling *s = &w->files[1].siblings[encoding];
	struct buf packed = {0};
	struct digest d;

	assert_int_equal(encode(encoding, of, &packed), ERR_OK);
	hash_digest(buf_str(&packed), &d);
	s->bytes = d.bytes;
	memcpy(s->blake2b, d.blake2b, sizeof(s->blake2b));
	kit_bytes(&w->k,
	    arena_printf(
		&w->k.arena, "www/b/text.txt%s", encoding_rows[encoding].ending)
		.p,
	    buf_str(&packed));
	buf_release(&packed);
}

static int open_world(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	hash_init();
	kit_open(&w->k);
	kit_bytes(&w->k, "www/a", STR(""));
	kit_bytes(&w->k, "www/b/text.txt", STR(text));
	kit_bytes(&w->k, "www/manifest.json", STR("not looked at"));
	w->files[0].path = STR("a");
	hash_digest(STR(""), &w->files[0].digest);
	w->files[1].path = STR("b/text.txt");
	hash_digest(STR(text), &w->files[1].digest);
	for (int e = 0; e < ENCODING_COUNT; e++)
		put_sibling(w, (enum encoding)e, STR(text));
	w->kept[0] = STR("assets/old.css");
	w->release = (struct manifest_release){.paths = w->kept, .n = 1};
	w->manifest = (struct manifest){.files = w->files,
	    .n = 2,
	    .releases = &w->release,
	    .n_releases = 1};
	*state = w;
	return 0;
}

static int close_world(void **state)
{
	struct world *w = *state;

	kit_close(&w->k);
	free(w);
	return 0;
}

static enum err verify(struct world *w, size_t jobs)
{
	struct pool pool;
	const struct verify_spec spec = {.www = kit_path(&w->k, "www"),
	    .manifest = &w->manifest,
	    .pool = &pool};

	pool_init(&pool, jobs);
	diag_init(&w->k.diag, &w->k.arena);
	return verify_files(&w->k.arena, &spec, &w->k.diag, &w->counts);
}

/* One finding, whichever the number of threads. */
static void finds(struct world *w, const char *what)
{
	for (size_t jobs = 1; jobs <= 3; jobs += 2) {
		assert_int_equal(verify(w, jobs), ERR_INPUT);
		kit_says(&w->k, what);
		assert_int_equal(w->k.diag.errors, 1);
	}
}

static void good_trees(void **state)
{
	struct world *w = *state;

	assert_int_equal(verify(w, 2), ERR_OK);
	assert_string_equal(kit_said(&w->k), "");
	assert_int_equal(w->counts.files, 2);
	assert_int_equal(w->counts.siblings, 3);
	assert_int_equal(w->counts.kept, 0);
	assert_int_equal(w->counts.bytes,
	    sizeof(text) - 1 + w->files[1].siblings[0].bytes +
		w->files[1].siblings[1].bytes + w->files[1].siblings[2].bytes);
	kit_file(&w->k, "www/assets/old.css", "whatever it was");
	kit_file(&w->k, "www/manifest.json.minisig", "not looked at here");
	assert_int_equal(verify(w, 2), ERR_OK);
	assert_int_equal(w->counts.kept, 1);
}

static void each_byte_counts(void **state)
{
	struct world *w = *state;
	char copy[sizeof(text) - 1];

	for (size_t i = 0; i < sizeof(copy); i += 7) {
		memcpy(copy, text, sizeof(copy));
		copy[i] ^= 1;
		kit_bytes(
		    &w->k, "www/b/text.txt", (struct str){copy, sizeof(copy)});
		finds(w, "www/b/text.txt: file-changed: its bytes");
		assert_int_equal(w->counts.changed, 1);
	}
	kit_bytes(&w->k, "www/b/text.txt", STR("short"));
	finds(w, "www/b/text.txt: file-changed: it has 5 bytes");
}

static void missing_and_extra(void **state)
{
	struct world *w = *state;

	unlink(kit_path(&w->k, "www/a"));
	finds(w, "www/a: file-missing: ");
	assert_int_equal(w->counts.missing, 1);
	kit_bytes(&w->k, "www/a", STR(""));
	kit_file(&w->k, "www/assets/olD.css", "x");
	finds(w, "www/assets/olD.css: file-extra: ");
	assert_int_equal(w->counts.extra, 1);
	unlink(kit_path(&w->k, "www/assets/olD.css"));
	/* a sibling is one of a listed file only */
	kit_file(&w->k, "www/c.br", "x");
	finds(w, "www/c.br: file-extra: ");
	unlink(kit_path(&w->k, "www/c.br"));
	kit_file(&w->k, "www/a.gz", "x");
	finds(w, "www/a.gz: sibling-stale: the manifest lists none beside a,");
	assert_int_equal(w->counts.stale, 1);
}

static void siblings(void **state)
{
	static const char other[] =
	    "hello hello hello hello hello hello hello hellO\n";
	struct world *w = *state;

	for (int e = 0; e < ENCODING_COUNT; e++) {
		enum encoding encoding = (enum encoding)e;
		struct manifest_sibling listed = w->files[1].siblings[e];
		const char *path = arena_printf(
		    &w->k.arena, "www/b/text.txt%s", encoding_rows[e].ending)
				       .p;
		/* a good stream of other bytes, listed as if it were right */
		put_sibling(w, encoding, STR(other));
		finds(w, "sibling-stale: it does not unpack");
		/* the same, not listed */
		w->files[1].siblings[e] = listed;
		finds(w, "sibling-stale: its ");
		/* no stream at all, and listed */
		struct digest d;
		kit_file(&w->k, path, "no such stream");
		hash_digest(STR("no such stream"), &d);
		w->files[1].siblings[e].bytes = d.bytes;
		memcpy(w->files[1].siblings[e].blake2b, d.blake2b, 32);
		finds(w, "sibling-stale: it does not unpack");
		/* longer than its original: not unpacked to its end */
		struct buf zeros = {0};
		for (int i = 0; i < 100000; i++)
			buf_putc(&zeros, '0');
		put_sibling(w, encoding, buf_str(&zeros));
		finds(w, "sibling-stale: it does not unpack");
		buf_release(&zeros);
		unlink(kit_path(&w->k, path));
		finds(w, "file-missing: ");
		put_sibling(w, encoding, STR(text));
		assert_int_equal(verify(w, 2), ERR_OK);
	}
}

static void links_are_not_followed(void **state)
{
	struct world *w = *state;

	kit_bytes(&w->k, "outside", STR(text));
	unlink(kit_path(&w->k, "www/b/text.txt"));
	assert_int_equal(
	    symlink("../../outside", kit_path(&w->k, "www/b/text.txt")), 0);
	assert_int_equal(verify(w, 2), ERR_INPUT);
	kit_says(&w->k, "www/b/text.txt: not-a-file: ");
	kit_says(&w->k, "www/b/text.txt: file-missing: ");
}

static void signatures(void **state)
{
	struct world *w = *state;
	struct minisign_secret secret;
	struct minisign_public public, other;
	struct sign_claim claim;
	struct verify_claim against = {
	    .key = &public, .now = 150, .since = 100};
	const struct {
		const char *comment, *finding;
	} rows[] = {
	    {"release:100 expires:200 file:manifest.json", NULL},
	    {"release:100 expires:150 file:manifest.json", NULL},
	    {"release:100 expires:149 file:manifest.json",
		"m: signature-expired: release 100 "},
	    {"release:99 expires:200 file:manifest.json",
		"m: release-older: this is release 99 "},
	    {"release:100 expires:200 file:other", "m: signature-bad: "},
	    {"timestamp:1", "m: signature-bad: "},
	};

	minisign_new(&secret, &other);
	minisign_new(&secret, &public);
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct str s = minisign_sign(
		    &w->k.arena, &secret, STR("{}"), rows[i].comment);
		diag_init(&w->k.diag, &w->k.arena);
		enum err err = verify_signature(&w->k.arena, STR("{}"), &s, "m",
		    &against, &w->k.diag, &claim);
		assert_int_equal(err, rows[i].finding ? ERR_INPUT : ERR_OK);
		if (rows[i].finding)
			kit_says(&w->k, rows[i].finding);
	}
	struct str s = minisign_sign(&w->k.arena, &secret, STR("{}"),
	    "release:100 expires:200 file:manifest.json");
	assert_int_equal(verify_signature(&w->k.arena, STR("{ }"), &s, "m",
			     &against, &w->k.diag, &claim),
	    ERR_INPUT);
	assert_int_equal(verify_signature(&w->k.arena, STR("{}"), NULL, "m",
			     &against, &w->k.diag, &claim),
	    ERR_INPUT);
	kit_says(&w->k, "m: signature-missing: ");
	against.key = &other;
	assert_int_equal(verify_signature(&w->k.arena, STR("{}"), &s, "m",
			     &against, &w->k.diag, &claim),
	    ERR_INPUT);
	kit_says(&w->k, "it is of the key ");
	minisign_forget(&secret);
}

#define WITH(test)                                                             \
	cmocka_unit_test_setup_teardown(test, open_world, close_world)
int main(void)
{
	const struct CMUnitTest tests[] = {
	    WITH(good_trees),
	    WITH(each_byte_counts),
	    WITH(missing_and_extra),
	    WITH(siblings),
	    WITH(links_are_not_followed),
	    WITH(signatures),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("verify", tests, NULL, NULL);
}
