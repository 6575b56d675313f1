#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "generator/command.h"
#include "generator/verify.h"
#include "lib/fs.h"
#include "lib/units.h"

/*
 * `lowtide verify DIR`: is this tree, byte for byte, what was built and signed?
 * DIR is an output folder or what was uploaded of it.
 */
enum { OPT_KEY, OPT_SINCE, OPT_PREVIOUS, OPT_NOW, OPT_EXIT_CODE, OPT_JOBS };
static const struct opt options[] = {
    [OPT_KEY] = {.name = "key",
	.letter = 'k',
	.kind = OPT_STRING,
	.arg = "KEY",
	.help = "the public key, or its file; signatures are not checked "
		"without"},
    [OPT_SINCE] = {.name = "since",
	.kind = OPT_INT,
	.arg = "N",
	.help = "refuse a release with a number below that",
	.min = 0,
	.max = SIGN_SECOND_MAX},
    [OPT_PREVIOUS] = {.name = "previous",
	.kind = OPT_STRING,
	.arg = "WHERE",
	.help = "refuse one older than that: its folder or manifest"},
    [OPT_NOW] = {.name = "now",
	.kind = OPT_INT,
	.arg = "SECONDS",
	.help = "as if it were then (default: the clock's time)",
	.min = 0,
	.max = SIGN_SECOND_MAX},
    [OPT_EXIT_CODE] = {.name = "exit-code",
	.kind = OPT_FLAG,
	.help = "exit with 2 when the tree is not what it should be"},
    [OPT_JOBS] = COMMAND_OPT_JOBS,
    {.name = NULL},
};

struct job {
	struct command_run *run;
	const struct opt_value *v;
	const char *www, *file; /* of the tree, of its manifest */
	struct str text;	/* the manifest's bytes */
	struct manifest manifest;
	struct minisign_public key;
	struct sign_claim claim;
	struct verify_counts counts;
	bool is_signed; /* and the signature is good */
};

static enum err usage(struct job *j, const char *name, const char *what)
{
	diag_error(j->run->diag, POS_NONE, name, "%s", what);
	return ERR_USAGE;
}

/* DIR/www or DIR, wherever a manifest is. */
static enum err find_manifest(struct job *j, const char *dir)
{
	struct arena *a = j->run->arena;
	char real[PATH_MAX];
	struct stat st;
	enum err err = ERR_NOT_FOUND;

	/* releases are switched by links; within the tree none is followed */
	if (lstat(dir, &st) == 0 && S_ISLNK(st.st_mode) && realpath(dir, real))
		dir = arena_cstr(a, str_of(real));
	const char *const folders[] = {fs_join(a, dir, "www"), dir};

	for (size_t i = 0; i < 2 && err == ERR_NOT_FOUND; i++) {
		j->www = folders[i];
		j->file = fs_join(a, j->www, OUT_MANIFEST);
		err = fs_read(a, j->file, MANIFEST_MAX, j->run->diag, &j->text);
	}
	if (err != ERR_NOT_FOUND)
		return err;
	diag_error(j->run->diag, POS_FILE(dir), "no-manifest",
	    "there is no " OUT_MANIFEST " in it, nor in www below it; name "
	    "what `lowtide build` wrote");
	return ERR_INPUT;
}

/* A file's name, or else the key itself. */
static enum err read_key(struct job *j)
{
	const char *given = j->v[OPT_KEY].string;
	struct str text;
	enum err err = fs_read(
	    j->run->arena, given, MINISIGN_FILE_MAX, j->run->diag, &text);

	/* what does not begin like a key was meant to be a file */
	if (err == ERR_NOT_FOUND && !str_starts(str_of(given), "RW")) {
		diag_error(j->run->diag, POS_FILE(given), "bad-key",
		    "there is no such file; name the one that ends in .pub, or "
		    "give the line of it that begins with RW");
		return ERR_INPUT;
	}
	if (err == ERR_NOT_FOUND)
		return minisign_read_public(
		    str_of(given), "bad-key", POS_NONE, j->run->diag, &j->key);
	if (err != ERR_OK)
		return err;
	return minisign_read_public(
	    text, "bad-key", POS_FILE(given), j->run->diag, &j->key);
}

/* NULL in *out: there is none. */
static enum err read_signature(
    struct job *j, const char *file, struct str *text, struct str **out)
{
	struct arena *a = j->run->arena;
	enum err err = fs_read(a, file, MINISIGN_FILE_MAX, NULL, text);

	*out = err == ERR_NOT_FOUND ? NULL : text;
	/* one that is too long is none, and is said to be none */
	if (err != ERR_IO)
		return ERR_OK;
	return fs_read(a, file, MINISIGN_FILE_MAX, j->run->diag, text);
}

/* The number of the release that --previous names; it must be signed, too. */
static enum err read_previous(struct job *j, int64_t *since)
{
	const char *where = j->v[OPT_PREVIOUS].string;
	struct arena *a = j->run->arena;
	const struct previous *previous;
	struct sign_claim claim;
	struct str text, *signature;

	enum err err = previous_load(a, where, j->run->diag, &previous);
	if (err != ERR_OK || !previous)
		return err;
	if (strcmp(where, "-") == 0)
		return usage(j, "bad-option",
		    "the standard input has no signature beside it; name a "
		    "folder or a file with --previous");
	const char *file = previous->dir
			       ? fs_join(a, previous->dir, MANIFEST_SIGNATURE)
			       : arena_printf(a, "%s.minisig", where).p;
	err = read_signature(j, file, &text, &signature);
	if (err == ERR_OK)
		err = verify_signature(a, previous->text, signature, file,
		    &(struct verify_claim){.key = &j->key, .since = -1},
		    j->run->diag, &claim);
	if (err == ERR_OK && claim.release > *since)
		*since = claim.release;
	return err;
}

static enum err check_signature(struct job *j, bool *differs)
{
	struct verify_claim against = {
	    .key = &j->key,
	    .now = j->v[OPT_NOW].given ? j->v[OPT_NOW].number : time(NULL),
	    .since = j->v[OPT_SINCE].given ? j->v[OPT_SINCE].number : -1,
	};
	const char *file = fs_join(j->run->arena, j->www, MANIFEST_SIGNATURE);
	struct str text, *signature;
	enum err err = read_key(j);

	if (err == ERR_OK && j->v[OPT_PREVIOUS].given)
		err = read_previous(j, &against.since);
	if (err == ERR_OK)
		err = read_signature(j, file, &text, &signature);
	if (err != ERR_OK)
		return err;
	err = verify_signature(j->run->arena, j->text, signature, file,
	    &against, j->run->diag, &j->claim);
	j->is_signed = err == ERR_OK;
	*differs = !j->is_signed;
	return err;
}

static void put_number(struct job *j, const char *key, uint64_t n)
{
	value_set(j->run->arena, j->run->result, str_of(key), POS_NONE,
	    value_int(j->run->arena, (int64_t)n, POS_NONE));
}

static void put_text(struct job *j, const char *key, struct str text)
{
	value_set(j->run->arena, j->run->result, str_of(key), POS_NONE,
	    value_string(j->run->arena, text, POS_NONE));
}

static void tell(struct job *j, bool good)
{
	const struct verify_counts *c = &j->counts;
	struct command_run *run = j->run;

	run->result = value_new(run->arena, VALUE_TABLE, POS_NONE);
	put_text(j, "name", j->manifest.name);
	put_text(j, "release", j->manifest.id);
	put_text(j, "signature",
	    !j->v[OPT_KEY].given ? STR("unchecked")
	    : j->is_signed	 ? STR("good")
				 : STR("bad"));
	if (j->is_signed) {
		put_number(j, "number", (uint64_t)j->claim.release);
		put_number(j, "expires", (uint64_t)j->claim.expires);
	}
	put_number(j, "files", c->files);
	put_number(j, "siblings", c->siblings);
	put_number(j, "kept", c->kept);
	put_number(j, "bytes", c->bytes);
	put_number(j, "changed", c->changed);
	put_number(j, "missing", c->missing);
	put_number(j, "extra", c->extra);
	put_number(j, "stale", c->stale);
	if (run->quiet || !good)
		return;
	printf("%s: %zu files and %zu compressed ones, %llu bytes, are what "
	       "the manifest lists; ",
	    j->www, c->files, c->siblings, (unsigned long long)c->bytes);
	if (j->is_signed)
		printf("release %lld, signed until %s\n",
		    (long long)j->claim.release,
		    units_time(run->arena, j->claim.expires * 1000).p);
	else
		printf("its signature was not checked (--key)\n");
}

static enum err check_options(struct job *j)
{
	if (j->run->opts->n_operands != 1)
		return usage(j, "missing-operand",
		    "name one folder to look at: lowtide verify DIR");
	if ((j->v[OPT_SINCE].given || j->v[OPT_PREVIOUS].given ||
		j->v[OPT_NOW].given) &&
	    !j->v[OPT_KEY].given)
		return usage(j, "bad-option",
		    "--since, --previous and --now are about signatures; give "
		    "the --key as well");
	return ERR_OK;
}

static enum err verify(struct command_run *run)
{
	struct job j = {.run = run, .v = run->opts->values};
	bool differs = false;
	struct pool pool;
	enum err err = check_options(&j);

	if (err == ERR_OK)
		err = find_manifest(&j, run->opts->operands[0]);
	if (err != ERR_OK)
		return err;
	/* before anything of it is parsed */
	if (j.v[OPT_KEY].given) {
		err = check_signature(&j, &differs);
		if (err != ERR_OK && !differs)
			return err;
	}
	enum err read =
	    manifest_read(run->arena, j.text, j.file, run->diag, &j.manifest);
	if (read == ERR_OK) {
		pool_init(&pool, (size_t)j.v[OPT_JOBS].number);
		const struct verify_spec spec = {.www = j.www,
		    .manifest = &j.manifest,
		    .pool = &pool,
		    .progress = run->progress};
		read = verify_files(run->arena, &spec, run->diag, &j.counts);
		if (read == ERR_IO)
			return read;
		differs = differs || read != ERR_OK;
		tell(&j, !differs);
	}
	if (!differs)
		return read;
	if (!j.v[OPT_EXIT_CODE].given)
		return ERR_INPUT;
	run->status = 2;
	run->has_status = true;
	return ERR_OK;
}

const struct command command_verify = {
    .name = "verify",
    .operands = "DIR",
    .help = "compare a tree with its manifest, and that with its signature",
    .options = options,
    .run = verify,
};
