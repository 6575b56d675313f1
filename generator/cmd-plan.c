#include <string.h>
#include <unistd.h>

#include "generator/command.h"
#include "generator/plan-print.h"
#include "lib/fs.h"

/* `lowtide plan`: what a deploy of the output folder has to do. */
enum {
	OPT_DIR,
	OPT_OUT,
	OPT_PREVIOUS,
	OPT_ATTEMPT,
	OPT_FORMAT,
	OPT_UPLOAD,
	OPT_DELETE,
	OPT_INVALIDATE,
	OPT_STEP,
	OPT_NULL,
	OPT_MAX_DELETE,
	OPT_EXIT_CODE,
	OPT_BUCKET,
	OPT_DISTRIBUTION
};
static const struct opt options[] = {
    [OPT_DIR] = COMMAND_OPT_DIR,
    [OPT_OUT] = {.name = "out",
	.letter = 'o',
	.kind = OPT_STRING,
	.arg = "DIR",
	.help = "what was built (default: dist in the site folder)"},
    [OPT_PREVIOUS] = COMMAND_OPT_PREVIOUS,
    [OPT_ATTEMPT] = {.name = "attempt",
	.kind = OPT_LIST,
	.arg = "WHERE",
	.help = "a release whose deploy was interrupted"},
    [OPT_FORMAT] = {.name = "format",
	.kind = OPT_STRING,
	.arg = "KIND",
	.help = "for people, lists of paths, aws commands, or JSON",
	.choices = "text|paths|aws|json|github"},
    [OPT_UPLOAD] = {.name = "upload",
	.kind = OPT_FLAG,
	.help = "list the paths to upload, in order"},
    [OPT_DELETE] = {.name = "delete",
	.kind = OPT_FLAG,
	.help = "list the paths to delete, in order"},
    [OPT_INVALIDATE] = {.name = "invalidate",
	.kind = OPT_FLAG,
	.help = "list the URLs that caches have to forget"},
    [OPT_STEP] = {.name = "step",
	.kind = OPT_STRING,
	.arg = "STEP",
	.help = "list the paths of one step alone",
	.choices = "immutable|new|stale|pages|pointers|delete|manifest"},
    [OPT_NULL] = {.name = "null",
	.letter = '0',
	.kind = OPT_FLAG,
	.help = "end each of a list with a NUL, not a line"},
    [OPT_MAX_DELETE] = {.name = "max-delete",
	.kind = OPT_INT,
	.arg = "N",
	.help = "refuse to delete more files than that (default: 256)",
	.min = 0,
	.max = 1000000000},
    [OPT_EXIT_CODE] = {.name = "exit-code",
	.kind = OPT_FLAG,
	.help = "exit with 2 when there is something to do"},
    [OPT_BUCKET] = {.name = "bucket",
	.kind = OPT_STRING,
	.arg = "s3://NAME",
	.help = "where aws uploads to, with a prefix or without"},
    [OPT_DISTRIBUTION] = {.name = "distribution",
	.kind = OPT_STRING,
	.arg = "ID",
	.help = "the CloudFront distribution that aws invalidates"},
    {.name = NULL},
};
#define MAX_DELETE 256
#define SIGNATURE_MAX ((size_t)64 * 1024)

struct job {
	struct command_run *run;
	const struct opt_value *v;
	const char *www;
	const struct previous *now, *before; /* before may be NULL */
	struct plan_input input;
	struct plan plan;
};

/* --- in --------------------------------------------------------------- */

/* Folds each into what may be there. */
static enum err load_attempts(struct job *j, const char *dir)
{
	static const struct manifest nothing;
	struct arena *a = j->run->arena;
	const struct opt_value *v = &j->v[OPT_ATTEMPT];
	enum err all = ERR_OK;

	for (size_t i = 0; i < v->n; i++) {
		struct opt_value one = {.string = v->list[i]};
		const struct previous *attempt;
		enum err err = command_previous(j->run, dir, &one, &attempt);
		if (err || !attempt) {
			all = all ? all : err;
			continue;
		}
		const struct manifest *there = j->input.there ? j->input.there
					       : j->before
						   ? &j->before->manifest
						   : &nothing;
		struct manifest *m = arena_alloc(a, sizeof(*m));
		*m = plan_doubt(a, there, &attempt->manifest);
		j->input.there = m;
	}
	return all;
}

static enum err load(struct job *j)
{
	struct arena *a = j->run->arena;
	const char *dir = j->v[OPT_DIR].given ? j->v[OPT_DIR].string : ".";
	const char *out = site_path(
	    a, dir, j->v[OPT_OUT].given ? j->v[OPT_OUT].string : "dist");
	enum err err, before;

	j->www = fs_join(a, out, "www");
	const char *file = fs_join(a, j->www, OUT_MANIFEST);
	if (access(file, F_OK) != 0) {
		diag_error(j->run->diag, POS_FILE(file), "no-manifest",
		    "nothing is built there; run `lowtide build`, or name "
		    "its folder with --out");
		err = ERR_INPUT;
	} else {
		err = previous_load(a, out, j->run->diag, &j->now);
	}
	before = command_previous(j->run, dir, &j->v[OPT_PREVIOUS], &j->before);
	if (!err)
		err = before;
	return err ? err : load_attempts(j, dir);
}

/* A signature beside a manifest; empty when there is none. */
static enum err signature(struct job *j, const char *www, struct str *out)
{
	*out = (struct str){0};
	if (!www)
		return ERR_OK;
	enum err err = fs_read(j->run->arena,
	    fs_join(j->run->arena, www, MANIFEST_SIGNATURE), SIGNATURE_MAX,
	    j->run->diag, out);
	return err == ERR_NOT_FOUND ? ERR_OK : err;
}

static enum err look(struct job *j)
{
	struct plan_input *in = &j->input;
	struct str mine, old;
	enum err err = signature(j, j->www, &mine);

	if (!err)
		err = signature(j, j->before ? j->before->dir : NULL, &old);
	if (err)
		return err;
	in->now = &j->now->manifest;
	in->before = j->before ? &j->before->manifest : NULL;
	in->manifest_bytes = j->now->text.n;
	in->manifest_differs =
	    !j->before || !str_eq(j->now->text, j->before->text);
	in->signature_bytes = mine.n;
	in->signature_differs = !str_eq(mine, old) || in->there;
	in->signature_gone = old.n && !mine.n;
	return ERR_OK;
}

/* --- what speaks against it ------------------------------------------- */

static void warn(struct job *j)
{
	struct diag *diag = j->run->diag;
	const struct plan_input *in = &j->input;

	if (in->before && !str_eq(in->now->name, in->before->name))
		diag_warn(diag, POS_NONE, "previous-other-site",
		    "the previous manifest is \"%.*s\"'s and this one is "
		    "\"%.*s\"'s; is --previous what is published there?",
		    STR_ARG(in->before->name), STR_ARG(in->now->name));
	if (j->plan.lost)
		diag_warn(diag, POS_NONE, "previous-not-kept",
		    "%zu immutable files of the previous release would be "
		    "deleted, which its open clients may ask for; build with "
		    "--previous and `keep` above 1",
		    j->plan.lost);
	for (size_t i = 0; i < j->plan.n; i++) {
		const struct plan_change *c = &j->plan.changes[i];
		if (c->why == PLAN_CHANGED && c->encoding < 0 && c->file &&
		    c->file->class == OUT_IMMUTABLE &&
		    c->before->class == OUT_IMMUTABLE && !j->input.there)
			diag_warn(diag, POS_NONE, "immutable-changed",
			    "%.*s has other bytes than before under a name "
			    "that browsers keep for a year; give it another",
			    STR_ARG(c->path));
	}
}

static enum err check(struct job *j)
{
	const struct opt_value *max = &j->v[OPT_MAX_DELETE];
	int64_t allowed = max->given ? max->number : MAX_DELETE;

	warn(j);
	if ((int64_t)j->plan.n_deletes > allowed) {
		diag_error(j->run->diag, POS_NONE, "too-many-deletes",
		    "%zu files would be deleted and %lld may be; if that is "
		    "meant, say --max-delete %zu",
		    j->plan.n_deletes, (long long)allowed, j->plan.n_deletes);
		return ERR_INPUT;
	}
	return command_refuse(j->run);
}

/* --- out -------------------------------------------------------------- */

static enum plan_step step_of(const char *name)
{
	enum plan_step step = 0;

	while (step < PLAN_STEP_COUNT &&
	       (!name || strcmp(name, plan_step_names[step]) != 0))
		step++;
	return step;
}

static enum err usage(struct job *j, const char *what)
{
	diag_error(j->run->diag, POS_NONE, "bad-option", "%s", what);
	return ERR_USAGE;
}

static void print_aws(struct job *j, struct buf *out)
{
	struct plan_aws aws = {.www = j->www,
	    .bucket = str_of(j->v[OPT_BUCKET].string),
	    .distribution = j->v[OPT_DISTRIBUTION].string};

	while (str_ends(aws.bucket, "/"))
		aws.bucket.n--;
	plan_print_aws(&j->plan, &aws, out);
}

enum format { TEXT, PATHS, AWS, JSON };

static enum format format_of(const struct job *j)
{
	static const char *const names[] = {
	    [TEXT] = "text", [PATHS] = "paths", [AWS] = "aws", [JSON] = "json"};
	const char *name = j->v[OPT_FORMAT].string;

	for (enum format f = TEXT; name && f <= JSON; f++)
		if (strcmp(name, names[f]) == 0)
			return f;
	if (j->v[OPT_UPLOAD].given || j->v[OPT_DELETE].given ||
	    j->v[OPT_INVALIDATE].given || j->v[OPT_STEP].given ||
	    j->v[OPT_NULL].given)
		return PATHS;
	return TEXT;
}

/* What the options ask for must fit together, before anything is read. */
static enum err check_options(struct job *j)
{
	const struct opt_value *v = j->v;
	enum format format = format_of(j);
	const char *bucket = v[OPT_BUCKET].string;

	if (v[OPT_UPLOAD].given + v[OPT_DELETE].given +
		v[OPT_INVALIDATE].given >
	    1)
		return usage(j, "say one of --upload, --delete, --invalidate");
	if (format == AWS && (!bucket || strncmp(bucket, "s3://", 5) != 0 ||
				 !bucket[5] || bucket[5] == '/'))
		return usage(j, "--format=aws needs --bucket s3://NAME");
	if (v[OPT_STEP].given && v[OPT_INVALIDATE].given)
		return usage(j, "URLs belong to no --step");
	return ERR_OK;
}

static void print(struct job *j, struct buf *out)
{
	const struct opt_value *v = j->v;

	switch (format_of(j)) {
	case PATHS:
		plan_print_paths(&j->plan,
		    v[OPT_DELETE].given	      ? PLAN_DELETIONS
		    : v[OPT_INVALIDATE].given ? PLAN_INVALIDATE
					      : PLAN_UPLOAD,
		    step_of(v[OPT_STEP].string),
		    v[OPT_NULL].given ? '\0' : '\n', out);
		break;
	case AWS:
		print_aws(j, out);
		break;
	case TEXT:
	case JSON:
		plan_print_text(&j->plan, &j->input,
		    j->run->colour && isatty(STDOUT_FILENO) == 1, out);
		break;
	}
}

static enum err plan(struct command_run *run)
{
	struct job j = {.run = run, .v = run->opts->values};
	enum err err = check_options(&j);

	if (!err)
		err = load(&j);
	if (!err)
		err = look(&j);
	if (err)
		return err;
	plan_make(run->arena, &j.input, &j.plan);
	err = check(&j);
	if (err)
		return err;
	if (format_of(&j) == JSON)
		run->json = true;
	if (run->json) {
		run->result = plan_value(run->arena, &j.plan, &j.input);
	} else {
		struct buf out = {0};
		print(&j, &out);
		fwrite(out.data ? out.data : "", 1, out.len, stdout);
		buf_release(&out);
	}
	if (j.v[OPT_EXIT_CODE].given && j.plan.n)
		run->status = 2;
	return ERR_OK;
}

const struct command command_plan = {
    .name = "plan",
    .help = "say what a deploy has to upload and delete, in a safe order",
    .options = options,
    .run = plan,
};
