#include "generator/plan-print.h"

#include <string.h>

/* --- text ------------------------------------------------------------- */

#define ID_SHOWN 12
#define BOLD "\033[1m"
#define PLAIN "\033[0m"

static const char *const colours[PLAN_WHY_COUNT] = {
    [PLAN_IS_NEW] = "\033[32m",
    [PLAN_CHANGED] = "\033[33m",
    [PLAN_HEADERS] = "\033[36m",
    [PLAN_GONE] = "\033[31m",
};

static void put_size(struct buf *out, uint64_t bytes)
{
	static const char *const units[] = {"KiB", "MiB", "GiB", "TiB"};
	double amount = (double)bytes / 1024;
	size_t unit = 0;

	if (bytes < 1024) {
		buf_printf(out, "%d B", (int)bytes);
		return;
	}
	for (; amount >= 1024 && unit + 1 < sizeof(units) / sizeof(*units);
	     unit++)
		amount /= 1024;
	buf_printf(out, "%.1f %s", amount, units[unit]);
}

static void put_count(struct buf *out, size_t n, const char *what)
{
	buf_printf(out, "%zu %s%s", n, what, n == 1 ? "" : "s");
}

static void put_heading(struct buf *out, bool colour, const char *text)
{
	buf_printf(
	    out, "%s%s%s", colour ? BOLD : "", text, colour ? PLAIN : "");
}

static void put_change(
    struct buf *out, bool colour, const struct plan_change *c)
{
	buf_printf(out, "    %s%-8s%s %.*s", colour ? colours[c->why] : "",
	    plan_why_names[c->why], colour ? PLAIN : "", STR_ARG(c->path));
	if (c->why == PLAN_HEADERS)
		buf_printf(out, " (%.*s, %s; was %.*s, %s)",
		    STR_ARG(c->file->type), out_class_name(c->file->class),
		    STR_ARG(c->before->type), out_class_name(c->before->class));
	else if (c->why != PLAN_GONE) {
		buf_puts(out, " (");
		put_size(out, c->bytes);
		buf_puts(out, ")");
	}
	buf_putc(out, '\n');
}

static void put_changes(
    struct buf *out, bool colour, const struct plan *plan, bool gone)
{
	enum plan_step step = PLAN_STEP_COUNT;

	for (size_t i = 0; i < plan->n; i++) {
		const struct plan_change *c = &plan->changes[i];
		if ((c->why == PLAN_GONE) != gone)
			continue;
		if (!gone && c->step != step)
			buf_printf(out, "  %s\n", plan_step_names[c->step]);
		step = c->step;
		put_change(out, colour, c);
	}
}

void plan_print_text(const struct plan *plan, const struct plan_input *input,
    bool colour, struct buf *out)
{
	const struct manifest *before = input->before;

	buf_printf(out, "%.*s: release %.*s", STR_ARG(input->now->name),
	    STR_ARG(str_slice(input->now->id, 0, ID_SHOWN)));
	if (before)
		buf_printf(out, " after %.*s\n",
		    STR_ARG(str_slice(before->id, 0, ID_SHOWN)));
	else
		buf_puts(out, ", the first one\n");
	put_heading(out, colour, "upload");
	buf_putc(out, ' ');
	put_count(out, plan->n_uploads, "file");
	buf_puts(out, ", ");
	put_size(out, plan->bytes);
	buf_printf(out, "; %zu are there as they should be\n", plan->unchanged);
	put_changes(out, colour, plan, false);
	put_heading(out, colour, "keep");
	buf_putc(out, ' ');
	put_count(out, plan->kept, "file");
	buf_puts(out, " of ");
	put_count(out, input->now->n_releases, "earlier release");
	buf_putc(out, '\n');
	put_heading(out, colour, "delete");
	buf_putc(out, ' ');
	put_count(out, plan->n_deletes, "file");
	buf_putc(out, '\n');
	put_changes(out, colour, plan, true);
	put_heading(out, colour, "invalidate");
	buf_putc(out, ' ');
	put_count(out, plan->n_urls, "URL");
	buf_putc(out, '\n');
	for (size_t i = 0; i < plan->n_urls; i++)
		buf_printf(out, "    %.*s\n", STR_ARG(plan->urls[i]));
}

/* --- lists ------------------------------------------------------------ */

void plan_print_paths(const struct plan *plan, enum plan_list list,
    enum plan_step step, char end, struct buf *out)
{
	for (size_t i = 0; i < plan->n && list != PLAN_INVALIDATE; i++) {
		const struct plan_change *c = &plan->changes[i];
		if ((c->why == PLAN_GONE) != (list == PLAN_DELETIONS) ||
		    (step != PLAN_STEP_COUNT && step != c->step))
			continue;
		buf_put_str(out, c->path);
		buf_putc(out, end);
	}
	for (size_t i = 0; i < plan->n_urls && list == PLAN_INVALIDATE; i++) {
		buf_put_str(out, plan->urls[i]);
		buf_putc(out, end);
	}
}

/* --- aws -------------------------------------------------------------- */

/* For sh, in single quotes; it may hold those itself. */
static void put_quoted(struct buf *out, size_t n, const struct str parts[])
{
	buf_putc(out, '\'');
	for (size_t i = 0; i < n; i++) {
		for (size_t at = 0; at < parts[i].n; at++) {
			if (parts[i].p[at] == '\'')
				buf_puts(out, "'\\''");
			else
				buf_putc(out, parts[i].p[at]);
		}
	}
	buf_putc(out, '\'');
}

static void put_word(struct buf *out, struct str word)
{
	put_quoted(out, 1, &word);
}

static void put_object(
    struct buf *out, const struct plan_aws *aws, struct str path)
{
	const struct str parts[] = {aws->bucket, STR("/"), path};

	put_quoted(out, 3, parts);
}

static void put_copy(
    struct buf *out, const struct plan_aws *aws, const struct plan_change *c)
{
	/* a name that begins with a dash is no option */
	const struct str parts[] = {
	    aws->www[0] == '-' ? STR("./") : (struct str){0}, str_of(aws->www),
	    STR("/"), c->path};

	buf_puts(out, "aws s3 cp --only-show-errors ");
	put_quoted(out, 4, parts);
	buf_putc(out, ' ');
	put_object(out, aws, c->path);
	buf_puts(out, " --content-type ");
	put_word(out, plan_type(c));
	buf_puts(out, " --cache-control ");
	put_word(out, str_of(plan_cache_control(c)));
	if (c->encoding >= 0) {
		buf_puts(out, " --content-encoding ");
		put_word(out, str_of(encoding_rows[c->encoding].token));
	}
	buf_putc(out, '\n');
}

static void put_invalidation(
    struct buf *out, const struct plan *plan, const struct plan_aws *aws)
{
	if (!aws->distribution || !plan->n_urls)
		return;
	buf_puts(out, "# what a cache may still have\n"
		      "aws cloudfront create-invalidation --distribution-id ");
	put_word(out, str_of(aws->distribution));
	buf_puts(out, " --paths");
	for (size_t i = 0; i < plan->n_urls && plan->n_urls <= AWS_PATHS_MAX;
	     i++) {
		buf_putc(out, ' ');
		put_word(out, plan->urls[i]);
	}
	if (plan->n_urls > AWS_PATHS_MAX)
		buf_puts(out, " '/*'");
	buf_putc(out, '\n');
}

void plan_print_aws(
    const struct plan *plan, const struct plan_aws *aws, struct buf *out)
{
	enum plan_step step = PLAN_STEP_COUNT;

	if (plan->n)
		buf_puts(out, "set -e\n");
	for (size_t i = 0; i < plan->n; i++) {
		const struct plan_change *c = &plan->changes[i];
		if (c->step != step)
			buf_printf(out, "# %s\n", plan_step_names[c->step]);
		step = c->step;
		if (c->why != PLAN_GONE) {
			put_copy(out, aws, c);
			continue;
		}
		buf_puts(out, "aws s3 rm --only-show-errors ");
		put_object(out, aws, c->path);
		buf_putc(out, '\n');
	}
	put_invalidation(out, plan, aws);
}

/* --- JSON ------------------------------------------------------------- */

static void set(
    struct arena *a, struct value *table, const char *key, struct value *item)
{
	value_set(a, table, str_of(key), POS_NONE, item);
}

static void set_text(
    struct arena *a, struct value *table, const char *key, struct str text)
{
	set(a, table, key, value_string(a, text, POS_NONE));
}

static void set_count(
    struct arena *a, struct value *table, const char *key, uint64_t n)
{
	set(a, table, key, value_int(a, (int64_t)n, POS_NONE));
}

static struct value *upload_value(struct arena *a, const struct plan_change *c)
{
	struct value *v = value_new(a, VALUE_TABLE, POS_NONE);

	set_text(a, v, "path", c->path);
	set_text(a, v, "step", str_of(plan_step_names[c->step]));
	set_text(a, v, "why", str_of(plan_why_names[c->why]));
	set_count(a, v, "bytes", c->bytes);
	set_text(a, v, "type", plan_type(c));
	set_text(a, v, "cache", str_of(out_class_name(plan_class(c))));
	set_text(a, v, "cacheControl", str_of(plan_cache_control(c)));
	if (c->encoding >= 0)
		set_text(a, v, "contentEncoding",
		    str_of(encoding_rows[c->encoding].token));
	return v;
}

static struct value *delete_value(struct arena *a, const struct plan_change *c)
{
	struct value *v = value_new(a, VALUE_TABLE, POS_NONE);

	set_text(a, v, "path", c->path);
	set_text(a, v, "step", str_of(plan_step_names[c->step]));
	return v;
}

struct value *plan_value(
    struct arena *a, const struct plan *plan, const struct plan_input *input)
{
	struct value *v = value_new(a, VALUE_TABLE, POS_NONE);
	struct value *uploads = value_new(a, VALUE_ARRAY, POS_NONE);
	struct value *deletes = value_new(a, VALUE_ARRAY, POS_NONE);
	struct value *urls = value_new(a, VALUE_ARRAY, POS_NONE);

	for (size_t i = 0; i < plan->n; i++) {
		const struct plan_change *c = &plan->changes[i];
		if (c->why == PLAN_GONE)
			value_push(a, deletes, delete_value(a, c));
		else
			value_push(a, uploads, upload_value(a, c));
	}
	for (size_t i = 0; i < plan->n_urls; i++)
		value_push(a, urls, value_string(a, plan->urls[i], POS_NONE));
	set_text(a, v, "name", input->now->name);
	set_text(a, v, "release", input->now->id);
	set(a, v, "previous",
	    input->before ? value_string(a, input->before->id, POS_NONE)
			  : value_new(a, VALUE_NULL, POS_NONE));
	set_count(a, v, "bytes", plan->bytes);
	set_count(a, v, "unchanged", plan->unchanged);
	set_count(a, v, "kept", plan->kept);
	set(a, v, "uploads", uploads);
	set(a, v, "deletes", deletes);
	set(a, v, "invalidations", urls);
	return v;
}
