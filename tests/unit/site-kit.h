#ifndef LOWTIDE_TESTS_UNIT_SITE_KIT_H
#define LOWTIDE_TESTS_UNIT_SITE_KIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "generator/build.h"
#include "lib/fs.h"

/*
 * A site folder for one test, made of strings, and what was said about it:
 *
 *	struct kit k;
 *	kit_open(&k);
 *	kit_file(&k, "site.toml", "name = \"x\"\n");
 *	assert_int_equal(kit_load(&k, NULL), ERR_OK);
 *	assert_string_equal(kit_said(&k), "");
 *	kit_close(&k);
 *
 * The folder's path is cut from findings, so they read "site.toml:1:1: …".
 */
struct kit {
	struct arena arena;
	struct diag diag;
	char dir[64];
	struct site *site;
	struct build build;
};

static inline void kit_open(struct kit *k)
{
	*k = (struct kit){0};
	arena_init(&k->arena);
	diag_init(&k->diag, &k->arena);
	snprintf(k->dir, sizeof(k->dir), "/tmp/lowtide-kit.XXXXXX");
	assert_non_null(mkdtemp(k->dir));
}

static inline void kit_close(struct kit *k)
{
	assert_int_equal(fs_remove_tree(k->dir, NULL), ERR_OK);
	arena_release(&k->arena);
}

static inline const char *kit_path(struct kit *k, const char *name)
{
	return fs_join(&k->arena, k->dir, name);
}

static inline void kit_bytes(struct kit *k, const char *name, struct str bytes)
{
	char *path = arena_cstr(&k->arena, str_of(kit_path(k, name)));
	char *slash = strrchr(path, '/');

	*slash = '\0';
	assert_int_equal(fs_mkdirs(path, 0755, NULL), ERR_OK);
	*slash = '/';
	assert_int_equal(fs_write(path, bytes, 0644, NULL), ERR_OK);
}

static inline void kit_file(struct kit *k, const char *name, const char *text)
{
	kit_bytes(k, name, str_of(text));
}

static inline enum err kit_load_with(
    struct kit *k, const struct site_spec *given)
{
	struct site_spec spec = *given;

	spec.dir = k->dir;
	return site_load(&k->arena, &spec, &k->diag, &k->site);
}

static inline enum err kit_load(struct kit *k, const char *env)
{
	return kit_load_with(k, &(struct site_spec){.env = env});
}

/* Ready for one producer. */
static inline struct build *kit_build(struct kit *k)
{
	k->build = (struct build){
	    .arena = &k->arena, .diag = &k->diag, .site = k->site};
	out_init(&k->build.out, &k->arena);
	return &k->build;
}

/* The findings as people read them, one a line. */
static inline const char *kit_said(struct kit *k)
{
	char *text = NULL, prefix[80];
	size_t n = 0;
	FILE *out = open_memstream(&text, &n);

	diag_print(&k->diag, out);
	fclose(out);
	snprintf(prefix, sizeof(prefix), "%s/", k->dir);
	for (char *p; (p = strstr(text, prefix));)
		memmove(p, p + strlen(prefix), strlen(p + strlen(prefix)) + 1);
	const char *said = arena_cstr(&k->arena, str_of(text));
	free(text);
	return said;
}

/* Was this said? `part` is a piece of one line. */
static inline void kit_says(struct kit *k, const char *part)
{
	if (!strstr(kit_said(k), part))
		fail_msg("wanted: %s\ngot: %s", part, kit_said(k));
}

/* What was said begins, line by line, as these do; and that is all. */
static inline void kit_says_only(struct kit *k, const char *findings)
{
	const char *rest = kit_said(k);
	for (const char *want = findings; *want;) {
		size_t n = strcspn(want, "\n");
		if (strncmp(rest, want, n) != 0)
			fail_msg("wanted %.*s got %s", (int)n, want, rest);
		rest += strcspn(rest, "\n") + 1;
		want += n + (want[n] == '\n');
	}
	assert_string_equal(rest, "");
}

static inline const char *kit_output(
    struct kit *k, enum out_root root, const char *path)
{
	const struct out_file *f = out_find(&k->build.out, root, str_of(path));

	if (!f)
		fail_msg("%s was not written", path);
	return arena_cstr(&k->arena, f->bytes);
}

#endif
